//! L01: segments sent again.

use super::half_open_dead_peer::is_told_silent;
use super::limits::Limits;
use super::prelude::*;
use super::sink::Brief;
use super::unheard;
use super::view::Who;
use crate::report::Anomaly;
use crate::tracker::Unanswered;

const MANY: Threshold = Threshold::count(
    "retransmissions",
    10,
    "how many in one connection are worth a warning, if they are also more than the share",
    "Suricata's tcp.pkt_excessive_retransmission (10)",
);
const SHARE: Threshold =
    Threshold::share("retransmissions-share", 20_000, "share of an end's segments from which on they are many", "2 %");

pub static DECLARATION: Declaration = Declaration {
    code: "L01",
    name: "retransmissions",
    severity: Severity::Note,
    summary: "an end sent parts of its stream again",
    what: "Sequence numbers (payload, SYN or FIN) were sent more than once by their sender.",
    why: "Every one cost at least a round trip, those after a timeout much more. A few are normal; many mean loss, a window too \
          large for a buffer on the path, or a peer that does not answer.",
    decided: "A segment ends at or below what its sender had sent before, and the capture had shown that part (RFC 9293 \
              §3.8.1). Copies made by the capture or the network, as far as identification and timestamp tell them (see \
              packets-duplicated), keepalives and window probes do not count. A warning needs the number and the share both, \
              SYN and SYN,ACK left out.",
    confused: "a SYN or SYN,ACK sent again, of which syn-retried, syn-unanswered, half-open-syn and half-open-accept-overflow \
               tell; packets captured twice, or brought twice by the network, where \
               identification and timestamp do not tell; reordering, where the part had not been seen before; keepalives.",
    advice: "Which direction, and after how long? Short pauses (fast retransmit) mean ordinary loss; pauses of 200 ms and more \
             mean that timeouts rule, which is where users notice. They repaired nothing where the receiver reports \
             duplicates (Wireshark: `tcp.options.sack.dsack`; fact `spurious`): the path reorders, or holds segments up.",
    thresholds: &[&MANY, &SHARE],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +300ms
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=7> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=7> --> ESTABLISHED @ +1ms
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::REPEATED, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in [view.client, view.server()] {
        let again = &view.cold(e).again;
        let Some((first, time)) = again.first else { continue };
        let packets = view.sent(e).max(1);
        let share = f64::from(again.count) / packets as f64;
        // Those of SYN and SYN,ACK have findings of their own.
        let open = again.count.saturating_sub(again.opening);
        let many =
            i64::from(open) >= view.limit(&MANY) && f64::from(open) / packets as f64 * 1e6 >= view.limit(&SHARE) as f64;
        let rejected =
            unheard::rejected(view, e, view.connection.first).filter(|_| view.was_open() && !is_told_silent(view, e));
        let message = || {
            words![
                told(view.who(e), again.count.into(), packets),
                match again.opening {
                    0 => String::new(),
                    n if n == again.count => TO_OPEN.to_owned(),
                    n => words![", ", count(n.into()), " of them to open the connection"],
                },
                match (again.timeout, again.longest) {
                    (0, _) => String::new(),
                    (n, longest) => {
                        words![", ", count(n.into()), " after a timeout, the longest pause ", Plain(longest)]
                    }
                },
                waiting(view, e),
                rejected.map(unheard::told).unwrap_or_default(),
            ]
        };
        sink.raise(if many { Severity::Warning } else { Severity::Info }, time, first, message)
            .at(e)
            .fact("segments", again.count)
            .fact("after_handshake", open)
            .count("settled", again.settled)
            .fact("bytes", again.bytes)
            .fact("share", (share * 1e4).round() / 1e4)
            .fact("fast", again.fast)
            .fact("timeout", again.timeout)
            .fact("spurious", again.spurious)
            .span("longest_pause", again.longest)
            .fact("last_packet", again.last);
    }
}

const TO_OPEN: &str = ", to open the connection";

fn told(who: Who, again: u64, packets: u64) -> String {
    let share = format!(" again ({:.1} %)", again as f64 / packets as f64 * 100.0);
    words![who, " sent ", count(again), " of its ", plural(packets, "segment"), share]
}

/// Whether none after the handshake are many, as `limits` draw the lines.
pub(super) fn are_none_many(limits: &Limits) -> bool {
    limits.get(&MANY) <= 0 && limits.get(&SHARE) <= 0
}

/// What is said of a SYN that was sent again and again, in short; `declaration` is the number of this anomaly.
pub(super) fn of_syn(declaration: u8, unanswered: &Unanswered) -> Brief {
    let (time, packet) = unanswered.again;
    let (severity, endpoint) = (Severity::Info, Some(Side::Client));
    Brief { time, packet, length: 0, number: 0, cause: None, declaration, severity, endpoint }
}

/// The same in full.
pub(super) fn of_syn_in_full(brief: &Brief, client: Socket, unanswered: &Unanswered) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, .. } = *brief;
    let (syns, again) = (u64::from(unanswered.syns), u64::from(unanswered.syns) - 1);
    let share = again as f64 / syns as f64;
    let none = || Value::from(0);
    let facts = facts([
        ("segments", Value::from(again)),
        ("after_handshake", none()),
        ("settled", none()),
        ("bytes", none()),
        ("share", Value::from((share * 1e4).round() / 1e4)),
        ("fast", none()),
        ("timeout", none()),
        ("spurious", none()),
        ("longest_pause", seconds(Span(0))),
        ("last_packet", Value::from(unanswered.last.1)),
    ]);
    let message = words![told(Who::new(Side::Client, client), again, syns), TO_OPEN];
    Anomaly { code, name, severity, endpoint, time, packet: Some(packet), message, facts }
}

/// What end `e` has been sending again up to the end without an answer, where that has not lasted long enough for more.
fn waiting(view: &View<'_>, e: usize) -> String {
    let (waiting, own) = (view.unanswered(e), &view.connection.ends[e]);
    let (Some((since, _)), Some(last)) = (waiting.first(), view.end(e).last_sent()) else { return String::new() };
    let ended = own.fin().is_some() || !view.signals.resets().is_empty();
    // A repetition within a moment is no wait.
    let told = ended || last - since < Span::millis(200) || view.is_one_sided() || is_told_silent(view, e);
    if waiting.repeats == 0 || waiting.data == 0 || own.unacked() == 0 || told {
        return String::new();
    }
    let (bytes, tries) = (own.unacked(), u32::from(waiting.repeats) + 1);
    let (bytes, tries) = (plural(bytes.into(), "byte"), times(tries.into()));
    format!("; unanswered so far: {bytes}, sent up to {tries} in {}", Plain(last - since))
}
