//! Why a RST was sent, by what it carries and what it answers (RFC 9293 §3.5.2-3).

use super::view::View;
use crate::report::Side;
use crate::segment::Flags;
use crate::signals::{Reset, Spell};
use crate::time::Span;
use crate::tracker::log::Step;
use crate::tracker::rules::Event;
use crate::tracker::sequence::before;
use crate::tracker::{Evidence, OVERTAKEN, Rst, State, Textbook, is_unspent};

/// The class of a RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Answers a SYN: nothing listens.
    Refused,
    /// The server reset the connection before it had sent anything but SYN,ACK.
    RefusedAfterHandshake,
    /// The client reset the handshake.
    HandshakeAborted,
    /// Sent by a live socket just after bytes from the peer: left unread, or SO_LINGER 0; the wire shows both alike.
    UnreadData,
    /// Sent by a live socket that had acknowledged all bytes from the peer: SO_LINGER 0, or left unread all the same; or
    /// by somebody in its name.
    Abort,
    /// Sent by a socket that gave up on unanswered data; or by an end that had given up on it, or closed, and has no socket.
    GaveUp,
    /// Sent by a socket that gave up on keepalives that were not answered, or whose answers did not reach it.
    KeepaliveGaveUp,
    /// The sender had closed fully; what it answers came for a socket that was gone.
    Orphan,
    /// The sender has no such connection, although it had never closed it.
    NoSocket,
    /// Answers an acknowledgment of an older connection.
    StaleAck,
    /// Both directions were closed and acknowledged before it.
    AfterClose,
    /// One more RST from an end that had already sent one.
    Repeated,
    /// Its receiver accepted it, and the end in whose name it came had not sent it.
    FromBetween,
    /// The capture does not tell.
    Unknown,
}

impl Cause {
    /// Every class.
    pub const ALL: [Cause; 14] = [
        Cause::Refused,
        Cause::RefusedAfterHandshake,
        Cause::HandshakeAborted,
        Cause::UnreadData,
        Cause::Abort,
        Cause::GaveUp,
        Cause::KeepaliveGaveUp,
        Cause::Orphan,
        Cause::NoSocket,
        Cause::StaleAck,
        Cause::AfterClose,
        Cause::Repeated,
        Cause::FromBetween,
        Cause::Unknown,
    ];

    /// All that the fact `reset.cause` may say: their names, with [`Cause::Orphan`] taken apart.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let others = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Orphan).map(Cause::name);
        others.chain([WRITE_AFTER_FIN, REQUEST_CROSSED_FIN])
    }

    /// As in the fact `reset.cause`.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Refused => "refused",
            Cause::RefusedAfterHandshake => "refused-after-handshake",
            Cause::HandshakeAborted => "handshake-aborted",
            Cause::UnreadData => "unread-data",
            Cause::Abort => "abort",
            Cause::GaveUp => "gave-up",
            Cause::KeepaliveGaveUp => "keepalive-gave-up",
            Cause::Orphan => "orphan",
            Cause::NoSocket => "no-socket",
            Cause::StaleAck => "reply-to-stale-ack",
            Cause::AfterClose => "after-close",
            Cause::Repeated => "repeated",
            Cause::FromBetween => "from-between",
            Cause::Unknown => "unknown",
        }
    }

    /// In plain words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Cause::Refused => "nothing listens there",
            Cause::RefusedAfterHandshake => "the server gave the connection up before it had sent anything",
            Cause::HandshakeAborted => "the client no longer wanted it",
            Cause::UnreadData => {
                "most likely its application left data unread when it closed, or closed with SO_LINGER 0 (the wire shows both \
                 alike, and `ss -K`, too)"
            }
            Cause::Abort => {
                "most likely its application closed with SO_LINGER 0, or left data unread when it closed (the wire shows both \
                 alike, and `ss -K`, too)"
            }
            Cause::GaveUp => {
                "most likely it, or its application, gave up on data that nobody acknowledged (`ss -K` looks the same)"
            }
            Cause::KeepaliveGaveUp => "it gave up on keepalives to which no answer reached it",
            Cause::Orphan => "it had closed fully and no longer takes data",
            Cause::NoSocket => "it no longer knows the connection",
            Cause::StaleAck => "it answers an acknowledgment of an older connection",
            Cause::AfterClose => "both ends had closed before",
            Cause::Repeated => "it had sent RST before",
            Cause::FromBetween => "somebody else sent it, between the ends or from the same address",
            Cause::Unknown => "the capture does not tell why",
        }
    }
}

/// The causes that tell more of [`Cause::Orphan`].
pub(super) const WRITE_AFTER_FIN: &str = "write-after-fin";
pub(super) const REQUEST_CROSSED_FIN: &str = "request-crossed-fin";

/// The fact `reset.cause` as it is written here.
pub(super) fn known(name: &str) -> Option<&'static str> {
    Cause::names().find(|c| *c == name)
}

/// As much passes between keepalives at least: a second (tcp(7)), by clocks that differ.
const LEAST_INTERVAL: Span = Span::millis(900);

/// How soon an answer counts as caused by what came before it.
pub(super) fn is_prompt(view: &View<'_>, age: Span) -> bool {
    is_prompt_within(view.round_trip(), age)
}

/// The same where a round trip takes so long.
pub(super) fn is_prompt_within(round_trip: Span, age: Span) -> bool {
    age.0 <= round_trip.0.saturating_mul(2).saturating_add(Span::millis(50).0)
}

/// The class of the RST that ended `book`, an open connection that had gone by the book up to that, what that tells of it left out.
pub(super) fn by_the_book(book: &Textbook, rst: &Rst) -> Cause {
    let round_trip = book.round_trip().unwrap_or_default();
    match rst.unread > 0 || rst.answers().is_some_and(|age| is_prompt_within(round_trip, age)) {
        // It answers no payload.
        _ if !rst.ack => Cause::Unknown,
        true => Cause::UnreadData,
        false => Cause::Abort,
    }
}

/// The class of `reset`, one of those in the signals of `view`.
pub fn cause(view: &View<'_>, reset: &Reset) -> Cause {
    let e = reset.from;
    let trigger = reset.trigger;
    let answers_syn = trigger.is_some_and(|t| t.flags.has(Flags::SYN) && !t.flags.has(Flags::ACK));
    if !reset.known && answers_syn {
        return Cause::Refused;
    }
    if is_disowned(view, reset) {
        return Cause::FromBetween;
    }
    let earlier = view.signals.resets().iter().any(|r| r.from == e && r.packet < reset.packet);
    if earlier {
        return Cause::Repeated;
    }
    if reset.own_fin_acked && reset.peer_fin_acked {
        return Cause::AfterClose;
    }
    let was_open = view.is_midstream()
        || view.steps(e).iter().any(|s| s.rule.to == State::Established || s.rule.to == State::FinWait1);
    if !reset.ack {
        return cause_without_ack(view, reset, was_open);
    }
    // A single one is enough if as much time went by as passes between keepalives at least.
    let waited = reset.tries_since.is_some_and(|t| reset.time - t >= LEAST_INTERVAL);
    if (reset.probes >= 2 || reset.probes == 1 && waited) && reset.repeats == 0 {
        return Cause::KeepaliveGaveUp;
    }
    if is_unheard(view, reset) {
        return Cause::KeepaliveGaveUp;
    }
    if reset.repeats >= 2 {
        return Cause::GaveUp;
    }
    if !was_open && view.side(e) == Side::Client {
        return Cause::HandshakeAborted;
    }
    let silent_server = view.side(e) == Side::Server
        && !view.is_midstream()
        && view.connection.ends[e].bytes == 0
        && view.sent(e) <= u64::from(view.connection.ends[e].syn_acks) + 1;
    let unread = reset.unread > 0 || trigger.is_some_and(|t| t.len > 0 && is_prompt(view, t.age));
    if unread {
        return Cause::UnreadData;
    }
    if silent_server {
        return Cause::RefusedAfterHandshake;
    }
    Cause::Abort
}

/// The class of a RST without ACK on a connection that was open or not: the answer to a segment for which there is no
/// connection (RFC 9293 §3.5.2 group 1).
fn cause_without_ack(view: &View<'_>, reset: &Reset, was_open: bool) -> Cause {
    let (e, trigger) = (reset.from, reset.trigger);
    if given_up(view, reset).is_some() {
        return Cause::GaveUp;
    }
    if reset.own_fin || held_fin(view, reset) || missed_fin(view, reset).is_some() {
        return Cause::Orphan;
    }
    if view.side(e) == Side::Client && answers_challenge(view, reset) {
        return Cause::StaleAck;
    }
    if !was_open && view.side(e) == Side::Client {
        return Cause::HandshakeAborted;
    }
    let answers = reset.echoes || trigger.is_some_and(|t| is_prompt(view, t.age));
    let carried = trigger.is_some_and(|t| t.len > 0 || t.flags.has(Flags::FIN));
    let probed = view.cold(1 - e).probes > 0;
    let open = carried && !(reset.answered && reset.pending == 0) || probed || !reset.known;
    if answers && open { Cause::NoSocket } else { Cause::Unknown }
}

/// Whether the sender of `reset` gave up on its keepalives although they were answered: by the timestamp that the RST echoes, the
/// last answer had not arrived, and it waited for it as long as passes between keepalives at least.
pub(super) fn is_unheard(view: &View<'_>, reset: &Reset) -> bool {
    let had_time = reset.trigger.is_some_and(|t| t.age > view.round_trip());
    reset.ack && reset.unheard && had_time && (reset.repeats, reset.probes) == (0, 0) && gives_up_probing(view, reset)
}

/// Whether `reset` comes behind keepalives of its sender, which were answered, when the next would be due.
pub(super) fn gives_up_probing(view: &View<'_>, reset: &Reset) -> bool {
    let waited = reset.last_sent.is_some_and(|t| reset.time - t >= LEAST_INTERVAL);
    reset.ack && reset.probed && view.cold(reset.from).probes >= 2 && waited
}

/// What the sender of `reset`, which answers a later segment without having a socket, had sent again and again before, and
/// nobody ever acknowledged: it had given up on that, or closed.
pub(super) fn given_up<'v>(view: &View<'v>, reset: &Reset) -> Option<&'v Spell> {
    let e = reset.from;
    let spell = &view.cold(e).again.spell;
    let acked = view.connection.ends[e].acked();
    let unacked = acked.is_some_and(|acked| before(acked, spell.end));
    let before_it = spell.first.1 != 0 && spell.first.1 < reset.packet;
    (!reset.ack && reset.echoes && !reset.own_fin && before_it && unacked && spell.repeats >= 3).then_some(spell)
}

/// Whether the sender of `reset` had closed, its FIN not sent yet, behind data that was not acknowledged.
pub(super) fn held_fin(view: &View<'_>, reset: &Reset) -> bool {
    let [fin, reset_sent] = [Event::SndFin, Event::SndRst].map(|event| view.event(reset.from, event));
    fin.zip(reset_sent)
        .is_some_and(|(fin, sent)| fin.mark.packet == sent.mark.packet && reset.packet <= fin.mark.packet)
}

/// How the history of the sender of `reset` has its FIN, if the capture missed that and something showed it before the RST.
pub(super) fn missed_fin<'v>(view: &View<'v>, reset: &Reset) -> Option<&'v Step> {
    let fin = view.event(reset.from, Event::SndFin)?;
    (!reset.own_fin && fin.mark.packet < reset.packet).then_some(fin)
}

/// Whether what `reset` answers was sent in the knowledge of its sender's FIN.
pub(super) fn knows_fin(view: &View<'_>, reset: &Reset) -> bool {
    let Some(trigger) = reset.trigger else { return false };
    let acked = || view.event(reset.from, Event::RcvAckOfFin).is_some_and(|s| s.mark.packet <= trigger.packet);
    trigger.knows_fin || missed_fin(view, reset).is_some() && acked()
}

/// The SYN was answered by an acknowledgment of something else, and this RST, sent while the end still waited, answers that.
pub(super) fn answers_challenge(view: &View<'_>, reset: &Reset) -> bool {
    let then = view.steps(reset.from).iter().rev().find(|s| s.mark.time <= reset.time);
    let answers = reset.trigger.is_some_and(|t| !t.flags.has(Flags::SYN));
    !reset.ack && reset.echoes && answers && then.is_some_and(|s| s.rule.to == State::SynSent)
}

/// The RSTs that answer acknowledgments of an older connection, each of which had answered a SYN.
pub(super) fn answers_to_stale<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Reset> {
    view.signals.resets().iter().filter(|reset| answers_challenge(view, reset))
}

/// The acknowledgment of something else that answers the SYN of a client that tries on and sends no RST: its packet. Something
/// between drops the challenge or the RST, or else the client would have ended the older connection (RFC 9293 §3.10.7.3).
pub(super) fn lasting_challenge(view: &View<'_>) -> Option<u64> {
    let (c, s) = (view.client, view.server());
    let (own, peer) = (&view.connection.ends[c], &view.connection.ends[s]);
    let waits = !view.steps(c).iter().any(|step| !matches!(step.rule.to, State::SynSent | State::Closed));
    if !waits || own.syns < 2 || peer.sent().is_some() || !view.signals.resets().is_empty() {
        return None;
    }
    // A challenge is no more than an acknowledgment, and comes at once: what an older connection sends by itself is none.
    const PROMPT: Span = Span::secs(1);
    let last = peer.last_segment().filter(|l| l.flags.control() == Flags::ACK.0 && l.len == 0)?;
    let syn = view.end(c).last_sent()?;
    let tried_on = syn > last.time || view.sent(s) > 1 && last.time - syn < PROMPT;
    tried_on.then_some(last.packet)
}

/// Whether the end in whose name `reset` came, and which its peer accepted, had not sent it: it went on sending on the
/// connection.
pub fn is_disowned(view: &View<'_>, reset: &Reset) -> bool {
    let e = reset.from;
    let went_on = view.end(e).last_sent().is_some_and(|t| t > reset.time + OVERTAKEN);
    let own = || view.connection.ends[e].log.get(Event::SndRst).is_some_and(|m| m.packet <= reset.packet);
    reset.known && went_on && was_reset(view, 1 - e, reset.packet) && !own()
}

/// The packet with which the end in whose name `reset` came went on, if it was the first.
pub fn went_on(view: &View<'_>, reset: &Reset) -> Option<u64> {
    let (_, packet) = view.signals.cold()?.after_reset[reset.from];
    (packet > reset.packet).then_some(packet)
}

/// Whether the sender of `reset` has no connection because it had accepted a RST before.
pub fn is_aftermath(view: &View<'_>, reset: &Reset) -> bool {
    let earlier = view.signals.resets().iter().take_while(|r| r.packet < reset.packet);
    earlier.into_iter().any(|r| r.from != reset.from && was_reset(view, reset.from, r.packet))
}

/// Whether packet `packet` reset end `e`.
fn was_reset(view: &View<'_>, e: usize, packet: u64) -> bool {
    view.steps(e).iter().any(|s| s.mark.event == Event::RcvRst && s.mark.packet == packet)
}

/// Whether that end `e` sent its RST is but assumed, for its hop count.
pub(super) fn may_be_between(view: &View<'_>, e: usize) -> bool {
    view.event(e, Event::SndRst).is_some_and(|s| s.mark.evidence == Evidence::Assumed)
}

/// Whether `reset` has another TTL than the other segments of the end in whose name it came.
pub(super) fn is_of_another_ttl(reset: &Reset) -> bool {
    let (ttl, usual) = reset.ttl;
    usual.is_some_and(|usual| usual != ttl)
}

/// Whether the sender of `reset` had lost the connection some time ago. One that was heard a moment before has rather
/// aborted it, with a RST that the capture or the network lost; all the more where the network lost other segments.
pub(super) fn is_forgotten(view: &View<'_>, reset: &Reset) -> bool {
    if reset.ack || cause(view, reset) != Cause::NoSocket || is_aftermath(view, reset) {
        return false;
    }
    let moment = if reset.peer_repeats > 0 {
        Span::secs(5)
    } else {
        Span(view.round_trip().0.saturating_mul(4).max(Span::millis(400).0))
    };
    reset.last_sent.is_none_or(|t| reset.time - t > moment)
}

/// Whether the RST looks as if somebody between the ends had sent it: its hop count differs from its sender's others by
/// more than 2, without being one that stacks begin with less the sender's distance; or no router has lowered it, and theirs.
pub fn is_suspect(reset: &Reset) -> bool {
    let (ttl, Some(usual)) = reset.ttl else { return false };
    if is_unspent(ttl, usual) {
        return true;
    }
    // Some stacks begin with 64, 128 or 255 whatever the connection used: the same distance then.
    let distance =
        |ttl: u8| [32u16, 64, 128, 255].iter().find(|s| **s >= u16::from(ttl)).map_or(0, |s| s - u16::from(ttl));
    ttl.abs_diff(usual) > 2 && distance(ttl) != distance(usual)
}
