//! R01: a live connection is reset.

use super::cause::{
    self, Cause, cause, gives_up_probing, is_forgotten, is_of_another_ttl, is_prompt, is_prompt_within, is_suspect,
    went_on,
};
use super::half_open_dead_peer::{answer_to_old, tells_of_silence};
use super::idle_death;
use super::prelude::*;
use super::rst_from_between;
use super::sink::{Brief, RESET_CAUSE};
use super::unheard;
use super::view::Who;
use crate::report::Anomaly;
use crate::segment::Flags;
use crate::tracker::{Rst, Textbook};

pub static DECLARATION: Declaration = Declaration {
    code: "R01",
    name: "rst-abort",
    severity: Severity::Warning,
    summary: "a live connection is aborted by RST",
    what: "An end that still had the connection sent a RST instead of a FIN: its application closed (or was killed) and left \
           data unread, or closed with SO_LINGER and a timeout of 0; or somebody sent one in its name.",
    why: "The peer's application gets ECONNRESET, and whatever was under way in either direction may be lost, even a response \
          that had been sent completely.",
    decided: "An accepted RST on an open connection that does not answer a segment for a connection that is gone. The fact \
              `reset.cause` tells the class: a RST with ACK comes from a socket that still exists (RFC 9293 §3.10.4 and \
              3.6.1; Linux tcp_send_active_reset); `unread-data` if it acknowledges bytes of the peer that nothing had \
              acknowledged before, or some had just arrived, `abort` if not, `refused-after-handshake` if the server had sent nothing yet. Either of the first two \
              may be data left unread or SO_LINGER 0: an acknowledgment is the kernel's and does not show what the \
              application has read. Only where the peer had sent nothing was there nothing to leave unread. A socket that the \
              administrator destroyed (`ss -K`) sends the same. `gave-up` if it had sent data again and again in vain, for less \
              time than half-open-dead-peer asks for. `suspect` is \
              set when the hop count does not fit the sender's other segments; `from-between` when that went on sending: the \
              end that accepted the RST is named then.",
    confused: "rst-after-close (the sender had sent its FIN); half-open-dead-peer (the sender had forgotten the connection); \
               a RST that its receiver ignores.",
    advice: "Look at the application that sent it: does it close or crash before it has read to the end, or set SO_LINGER with \
             a timeout of 0? The capture cannot tell these apart, `strace -e trace=setsockopt,recvfrom,read,close` can. If it does \
             neither, its socket was killed (`ss -K`), or a device between sent the RST: capture next to it. After a long time \
             without traffic (fact `idle_before`) look for idle timeouts, of the application and of proxies, load balancers and \
             firewalls between.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT
7. CLOSED --> <SEQ=102><CTL=RST> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    // Where nothing but the RST was captured, only a socket that exists sends one like it.
    let alone = view.connection.is_reset_only();
    let live = |r: &signals::Reset| r.ack && (r.stamped || r.window > 0);
    let wanted = |r: &&signals::Reset| if alone { live(r) } else { is_in_history(view, r) };
    let Some(reset) = view.signals.resets().iter().find(wanted) else { return };
    // Damage, or a scanner, and the answer of a closed port: odd-flags tells of it.
    let answers = |packet: u64| {
        packet == reset.packet || reset.trigger.is_some_and(|t| t.packet == packet && !t.flags.has(Flags::ACK))
    };
    if view.signals.cold().and_then(|c| c.odd_flags).is_some_and(|(_, packet, _)| answers(packet)) {
        return;
    }
    let cause = cause(view, reset);
    if !is_abort(view, reset, cause) || !(view.is_midstream() || view.was_open()) {
        return;
    }
    // Its sender had opened anew: half-open-dead-peer tells of it.
    if cause != Cause::FromBetween && answer_to_old(view).is_some_and(|r| r.packet == reset.packet) {
        return;
    }
    let between = cause == Cause::FromBetween;
    // What ended was the connection at its other end, if the sender knows nothing of it.
    let e = if between { 1 - reset.from } else { reset.from };
    let trigger = reset.trigger.map(|t| t.packet);
    let rejected = unheard::rejected(view, e, view.connection.first).filter(|_| !between);
    let message = || {
        if between {
            return sentence!(
                "{} accepted a RST in the name of {} (packet {}), which had not sent it: it went on sending{}",
                view.who(e),
                view.who(reset.from),
                reset.packet,
                went_on(view, reset).map(|p| format!(" (packet {p})")).unwrap_or_default(),
            );
        }
        let between = if is_of_another_ttl(reset) { ", or a device between in its name," } else { "" };
        let rejected = rejected.map(unheard::told).unwrap_or_default();
        told(view.who(e), between, (&When::of(reset), &why(view, reset, cause)), &rejected)
    };
    // One event is one warning.
    let told = between && rst_from_between::disowned(view).is_some_and(|r| r.packet == reset.packet);
    // Where both had closed, nothing was lost.
    let severity = match alone || reset.own_fin && reset.peer_fin {
        _ if told => Severity::Info,
        true => Severity::Note,
        false => Severity::Warning,
    };
    let found = sink
        .raise(severity, reset.time, reset.packet, message)
        .at(e)
        .cause(cause.name())
        .fact("unread_bytes", reset.unread)
        .fact("in_flight", reset.in_flight)
        .fact("suspect", between || is_suspect(reset))
        .span("idle_before", reset.idle);
    let found = match rejected {
        Some(error) => found.fact("icmp", error.kind.words()),
        None => found,
    };
    if let Some(packet) = trigger {
        found.fact("trigger", packet);
    }
}

/// Whether a RST of this cause aborts what was alive, and no other finding tells of it.
fn is_abort(view: &View<'_>, reset: &signals::Reset, cause: Cause) -> bool {
    match cause {
        Cause::UnreadData | Cause::Abort | Cause::RefusedAfterHandshake | Cause::FromBetween | Cause::Unknown => true,
        Cause::NoSocket => !is_forgotten(view, reset),
        // Where its data met silence for long, half-open-dead-peer tells of it; of a FIN in vain, fin-unacked. Where the peer was
        // not captured nothing shows that it was in vain.
        Cause::GaveUp => reset.ack && !reset.own_fin && !view.is_one_sided() && !tells_of_silence(view, reset.from),
        _ => false,
    }
}

fn told(who: Who, between: &str, (when, why): (&When, &str), rejected: &str) -> String {
    words![who, between, " reset the connection", *when, ": ", why, rejected]
}

/// In which packet, and how long after what.
struct When {
    packet: u64,
    idle: Span,
    /// How long before its sender had sent something.
    last_sent: Option<Span>,
    /// The packet that it answers, or crosses, and how long before that was.
    trigger: Option<(u64, Span)>,
    crossed: Option<(u64, Span)>,
}

impl When {
    fn of(reset: &signals::Reset) -> When {
        When {
            packet: reset.packet,
            idle: reset.idle,
            last_sent: reset.last_sent.map(|time| reset.time - time),
            trigger: reset.trigger.map(|t| (t.packet, t.age)),
            crossed: reset.crossed,
        }
    }
}

impl Word for When {
    fn put(&self, sentence: &mut String) {
        let When { packet, idle, last_sent, trigger, crossed } = *self;
        // With segments of the peer unanswered, the idleness was before those.
        let nothing_since = last_sent.is_none_or(|ago| ago >= idle) && trigger.is_none_or(|(_, age)| age >= idle);
        let mut put = |words: &[&dyn Word]| words.iter().for_each(|word| word.put(sentence));
        if let Some((crossed, age)) = crossed.filter(|(_, age)| *age >= Span(0)) {
            put(&[&" (packet ", &packet, &", ", &Plain(age), &" after packet ", &crossed]);
            return put(&[&", which it does not acknowledge)"]);
        }
        match trigger {
            _ if nothing_since && idle >= Span::secs(1) => {
                put(&[&" after ", &Plain(idle), &" without traffic (packet ", &packet, &")"]);
            }
            Some((trigger, age)) if age >= Span(0) => {
                put(&[&" (packet ", &packet, &", ", &Plain(age), &" after packet ", &trigger, &")"]);
            }
            _ => put(&[&" (packet ", &packet, &")"]),
        }
    }
}

/// What `brief` says in short, of a connection between these sockets that went by the book until `rst` ended it.
pub(super) fn by_the_book(brief: &Brief, sockets: &[Socket; 2], (book, rst): (&Textbook, &Rst)) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, .. } = *brief;
    let (x, (heard, age, _)) = (rst.sender & 1, rst.heard);
    let trigger = rst.arrived.then_some((heard, age));
    let crossed = (!rst.arrived).then_some((heard, age));
    let last_sent = time - rst.last_sent;
    let when = When { packet, idle: rst.idle, last_sent: Some(last_sent), trigger, crossed };
    let cause = cause::by_the_book(book, rst);
    let round_trip = book.round_trip().unwrap_or_default();
    let prompt = trigger.is_some_and(|(_, age)| is_prompt_within(round_trip, age));
    let silent = rst.ack && x == 1 && book.bytes()[1] == 0;
    let or_queued = if silent && !prompt { OR_QUEUED } else { "" };
    let gave_up = rst.in_flight > 0 && last_sent >= TIMEOUT && cause != Cause::Unknown;
    let or = if gave_up { OR_GAVE_UP } else { "" };
    let nothing_sent = book.bytes()[1 - x] == 0;
    let why = because(cause, nothing_sent, [or, or_queued, ""]);
    let message = told(Who::new(if x == 0 { Side::Client } else { Side::Server }, sockets[x]), "", (&when, &why), "");
    let mut facts = facts([
        ("idle_before", seconds(rst.idle)),
        ("in_flight", Value::from(rst.in_flight)),
        (RESET_CAUSE, Value::from(cause.name())),
        ("suspect", Value::from(false)),
        ("unread_bytes", Value::from(rst.unread)),
    ]);
    if let Some((trigger, _)) = trigger {
        facts.insert("trigger", Value::from(trigger));
    }
    Anomaly { code, name, severity, endpoint, time, packet: (packet != 0).then_some(packet), message, facts }
}

/// Why, in plain words. Data left unread and SO_LINGER 0 look alike, unless there was no data.
fn why(view: &View<'_>, reset: &signals::Reset, cause: Cause) -> String {
    let idle = if reset.idle >= view.span(&idle_death::IDLE) {
        "; perhaps for an idle timeout, its own or of a device between"
    } else {
        ""
    };
    let peer = 1 - reset.from;
    let nothing_sent = view.connection.ends[peer].bytes == 0
        && view.end(peer).missing == 0
        && view.signals.skipped(peer) == 0
        && !view.is_midstream();
    let or_queued = if may_be_queued(view, reset) { OR_QUEUED } else { "" };
    if cause == Cause::NoSocket {
        let last = reset.last_sent.map(|t| format!(" within {} of its last segment", Plain(reset.time - t)));
        let last = last.unwrap_or_default();
        return format!("its socket was gone{last}: aborted, or closed with a RST that was lost");
    }
    let or = if matches!(cause, Cause::Abort | Cause::UnreadData) { or_gave_up(view, reset) } else { "" };
    because(cause, nothing_sent, [or, or_queued, idle])
}

/// The same of any but one without a socket, with what else it may be; whether the peer had sent `nothing`.
fn because(cause: Cause, nothing: bool, [or, or_queued, idle]: [&str; 3]) -> String {
    let most_likely = if cause == Cause::Abort && nothing {
        "most likely its application closed with SO_LINGER 0 (the peer had sent no data that it could leave unread; `ss -K` \
         looks the same)"
    } else {
        cause.sentence()
    };
    words![most_likely, or, or_queued, idle]
}

const OR_QUEUED: &str = ", or its listener was closed before it had accepted the connection";
const OR_GAVE_UP: &str = ", or it gave up on unanswered data (TCP_USER_TIMEOUT)";

/// No user timeout is as short, as a rule.
const TIMEOUT: Span = Span::secs(1);

/// Whether the sender of `reset` is a server whose application has shown no sign of having accepted the connection. One that
/// resets at once has.
fn may_be_queued(view: &View<'_>, reset: &signals::Reset) -> bool {
    let (e, own) = (reset.from, &view.connection.ends[reset.from]);
    let silent = own.bytes == 0 && own.fin().is_none() && view.end(e).missing == 0 && view.signals.skipped(e) == 0;
    let listened = view.side(e) == Side::Server && own.syns == 0 && !view.is_midstream();
    reset.ack && silent && listened && !reset.trigger.is_some_and(|t| is_prompt(view, t.age))
}

/// What else an abort may be, by what its sender had sent.
fn or_gave_up(view: &View<'_>, reset: &signals::Reset) -> &'static str {
    if !reset.stamped && gives_up_probing(view, reset) {
        return ", or it gave up on keepalives, whose answers did not reach it";
    }
    let waited = reset.last_sent.is_some_and(|t| reset.time - t >= TIMEOUT);
    if reset.in_flight > 0 && waited { OR_GAVE_UP } else { "" }
}

/// Whether the RST stands in the histories: sent by its sender, or accepted by its receiver.
pub(super) fn is_in_history(view: &View<'_>, reset: &signals::Reset) -> bool {
    let stands = |e: usize, event: Event| view.steps(e).iter().any(|s| s.mark.event == event);
    reset.accepted && stands(1 - reset.from, Event::RcvRst)
        || stands(reset.from, Event::SndRst) && view.steps(reset.from).iter().any(|s| s.mark.packet == reset.packet)
}
