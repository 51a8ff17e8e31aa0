//! E04: large segments do not get through, small ones do.

use super::prelude::*;
use crate::signals::{Beyond, Same, TooBig};
use crate::tracker::rules::Event;
use crate::tracker::sequence::after;

const TRIES: Threshold = Threshold::count(
    "mtu-black-hole",
    3,
    "how often running the same large segment must be sent again",
    "three losses of the same segment are no chance while others pass",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E04",
    name: "mtu-black-hole",
    severity: Severity::Error,
    summary: "large segments do not get through although the peer answers",
    what: "A full-size segment is sent again and again while smaller ones are acknowledged.",
    why: "The handshake and small requests work, and everything larger hangs: the connection looks healthy until it matters.",
    decided: "The same segment, as large as the largest or as the peer's MSS allows, repeated at least so often without progress \
              while the peer is alive (heard after the repetitions began, and it repeats nothing itself; or heard after the first \
              time, where it never acknowledged anything as large; or, where none as large was ever acknowledged, it acknowledged \
              a smaller one selectively that was sent later), or after a router said by ICMP that it is too big (RFC 1191, \
              RFC 8201), which then did not reach its sender. A warning where what the peer sent may yet come again, or it sent keepalives, or \
              segments as large were acknowledged before.",
    confused: "path-mtu-lowered, where the sender heeds what the router says; a dead peer, which answers nothing; heavy loss, \
               which hits small segments, too; an outage of one direction, in which the peer repeats what it sends; one of \
               both that is over when the sender has given up, whose RST then answers the peer.",
    advice: "A tunnel or VPN lowers the MTU and something drops the ICMP messages that say so. Clamp the MSS \
             (`--clamp-mss-to-pmtu`), let ICMP through, or set tcp_mtu_probing=1.",
    thresholds: &[&TRIES],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><LEN=20> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=201><ACK=321><CTL=ACK><LEN=1460> -->x ESTABLISHED
7. ESTABLISHED <-- <SEQ=321><ACK=201><CTL=ACK><LEN=20> <-- ESTABLISHED @ +100ms
8. ESTABLISHED --> <SEQ=201><ACK=341><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +300ms
9. ESTABLISHED --> <SEQ=201><ACK=341><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +600ms
10. ESTABLISHED <-- <SEQ=341><ACK=201><CTL=ACK><LEN=20> <-- ESTABLISHED @ +100ms
11. ESTABLISHED --> <SEQ=201><ACK=361><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +1200ms
12. ESTABLISHED --> <SEQ=201><ACK=361><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +2400ms
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED @ +300ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> --> ESTABLISHED @ +600ms
7. ESTABLISHED <-- <SEQ=301><ACK=1561><CTL=ACK> <-- ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::REPEATED, detect),
};

/// What a router told end `e`: that its packets are too big.
pub(super) fn told<'a>(view: &View<'a>, e: usize) -> Option<&'a TooBig> {
    view.signals.cold()?.too_big.as_ref().filter(|told| told.first.src == view.socket(e))
}

/// IPv4 and TCP without options: larger packets may have less payload.
const HEADERS: u32 = 40;

/// Least payload of a segment that is large: what passes everywhere in IPv4 (RFC 9293 §3.7.1).
const LARGE: u32 = 536;

/// Options of a segment take up as much of the MSS at most (RFC 9293 §3.7.1).
const OPTIONS: u32 = 40;

/// How long what the peer sends waits for an acknowledgment before it is sent again, at first.
const REPEATED: Span = Span::secs(1);

/// A large segment that is sent again and again and does not get through.
pub(super) struct Stuck {
    /// The segment.
    segment: Same,
    /// What shows that smaller segments get through.
    by: Proof,
}

/// What shows that smaller segments get through.
enum Proof {
    /// A router said that this one is too large.
    Router,
    /// Smaller ones were acknowledged before, and the peer, heard after this one was sent again, has what end `e` acknowledged
    /// since: it sent nothing again.
    Heard,
    /// The peer was heard, but what it sent would not have come again yet, or need not, or segments as large were acknowledged
    /// before: whether they were.
    Perhaps(bool),
    /// A smaller one that was sent later was acknowledged selectively, in this packet, and none as large ever.
    Beyond(u64),
    /// The peer was heard after this one was sent first, and nothing as large was ever acknowledged.
    Smaller,
}

/// The large segment that end `e` sends again and again, which does not get through.
pub(super) fn fails(view: &View<'_>, e: usize) -> Option<Stuck> {
    let segment = again(view, e).filter(|same| i64::from(same.times) >= view.limit(&TRIES))?;
    if let Some(told) = told(view, e)
        && told.mtu > HEADERS
    {
        let stuck = view.connection.ends[e].acked().is_none_or(|acked| !after(acked, told.seq));
        let fails = stuck && segment.len > told.mtu - HEADERS;
        return fails.then_some(Stuck { segment, by: Proof::Router });
    }
    let by = passes_smaller(view, e, &segment)?;
    Some(Stuck { segment, by })
}

/// What end `e` sent again last, if it is as large as its segments get, and the peer has acknowledged nothing of it yet.
fn again(view: &View<'_>, e: usize) -> Option<Same> {
    let same = view.cold(e).again.same;
    // What was captured before it was cut into segments is longer than any of them.
    let full = view.end(1 - e).mss().is_some_and(|mss| same.len.saturating_add(OPTIONS) >= mss.into());
    let large = same.len >= LARGE && (full || same.len >= view.end(e).largest());
    let stuck = view.connection.ends[e].acked().is_none_or(|acked| !after(acked, same.seq));
    (same.times > 0 && large && stuck).then_some(same)
}

/// Whether segments as large as `len` of end `e` were acknowledged before, as far as one can tell: such a one was, or what was is
/// so much that most were large.
fn passed(view: &View<'_>, e: usize, len: u32) -> bool {
    let (own, again) = (&view.connection.ends[e], &view.cold(e).again);
    let acked = own.bytes.saturating_sub(again.bytes).saturating_sub(own.unacked().into());
    let segments = view.sent(e).saturating_sub(again.count.into());
    u32::from(view.end(e).passed) >= len || acked > 0 && acked.saturating_mul(2) >= segments.saturating_mul(len.into())
}

/// What shows that the peer of end `e` is there and gets segments smaller than `same`.
fn passes_smaller(view: &View<'_>, e: usize, same: &Same) -> Option<Proof> {
    let (own, peer, trip) = (&view.connection.ends[e], view.end(1 - e), view.round_trip());
    let beyond = view.cold(e).beyond.filter(|beyond| own.acked() == Some(beyond.gap));
    // Something as large may have arrived.
    if beyond.is_some_and(|beyond| beyond.most >= same.len) {
        return None;
    }
    if beyond.is_none() && gave_up_in_silence(view, e, same) {
        return None;
    }
    let passed = passed(view, e, same.len);
    let heard_after = |time: Time| peer.last_sent().is_some_and(|t| t > time + trip);
    let (packet, since) = same.first;
    if own.acked().is_some() && view.cold(1 - e).again.last < packet {
        let fin = view.event(1 - e, Event::SndFin).map(|step| step.mark.time);
        let spoke = || [peer.last_data(), fin].into_iter().flatten().filter(|t| *t >= since);
        // An ACK alone may be no answer, but news of its window.
        let settled = spoke().next().is_some() && spoke().all(|t| view.scene.end - t >= REPEATED);
        // An end that gives up says nothing of what reached it.
        let resets = || view.signals.resets().iter().any(|reset| reset.from != e && reset.time > since + trip);
        // Nor does one that asks whether its peer is there: the answer may not reach it.
        let asks = view.cold(1 - e).last_probe >= packet;
        if heard_after(since) {
            return Some(if settled && !asks && !passed { Proof::Heard } else { Proof::Perhaps(passed) });
        }
        if resets() && !passed {
            return Some(Proof::Perhaps(false));
        }
    }
    if let Some(Beyond { least: (_, packet), .. }) = beyond
        && !passed
    {
        return Some(Proof::Beyond(packet));
    }
    let heard = view.end(e).last_data().is_some_and(heard_after);
    let small = may_not_pass(view, e).is_some() && own.acked() != own.isn().map(|isn| isn.wrapping_add(1));
    (heard && small).then_some(Proof::Smaller)
}

/// Whether end `e` heard nothing while it sent `same` again, and has no socket any more: what the peer sent later met a RST, and
/// shows no more than that an outage was over.
fn gave_up_in_silence(view: &View<'_>, e: usize, same: &Same) -> bool {
    let spell = view.cold(e).again.spell;
    let silent =
        spell.end == same.seq.wrapping_add(same.len) && u16::from(spell.repeats) >= same.times.min(u8::MAX.into());
    silent && view.signals.resets().iter().any(|reset| reset.from == e && !reset.ack)
}

/// The length of what end `e` sends again and again, if it is large and the peer never acknowledged anything as large: it may
/// not get through.
pub(super) fn may_not_pass(view: &View<'_>, e: usize) -> Option<u32> {
    let own = &view.connection.ends[e];
    let bytes = own.acked()?.wrapping_sub(own.isn()?.wrapping_add(1));
    again(view, e).map(|same| same.len).filter(|len| bytes < *len && view.unanswered(e).repeats > 0)
}

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(Stuck { segment, by }) = fails(view, e) else { continue };
        let Same { len, times: tries, first: (first, time), .. } = segment;
        let told = told(view, e);
        let message = || {
            let sent = format!(
                "{} sent the same segment of {} bytes {} without progress",
                view.who(e),
                count(len.into()),
                times(u64::from(tries) + 1)
            );
            match told {
                Some(TooBig { first, mtu, .. }) => format!(
                    "{sent}, although router {} told that packets larger than {} bytes do not pass (packet {}): that did \
                     not reach it, or it took no notice",
                    first.from,
                    count((*mtu).into()),
                    first.packet,
                ),
                None => format!("{sent}{}", proven(view, e, &by)),
            }
        };
        // One that was heard but once more may have gone after it.
        let severity =
            if matches!(by, Proof::Smaller | Proof::Perhaps(_)) { Severity::Warning } else { Severity::Error };
        let raised = sink.raise(severity, time, first, message);
        let raised = raised.at(e).fact("length", len).fact("tries", tries + 1);
        if let Some(told) = told {
            raised.fact("mtu", told.mtu).fact("errors", told.count);
        }
    }
}

/// The end of the sentence on a segment of end `e`.
fn proven(view: &View<'_>, e: usize, by: &Proof) -> String {
    let peer = view.who(1 - e);
    match by {
        Proof::Router | Proof::Heard => format!(", while {peer} answers and smaller segments pass"),
        Proof::Perhaps(passed) => {
            let before = if *passed { "; large ones passed before" } else { "" };
            format!(", while {peer} is heard: smaller segments may pass{before}")
        }
        Proof::Beyond(packet) => format!(", while {peer} received a smaller one that was sent later (packet {packet})"),
        Proof::Smaller => {
            format!(
                "; {peer} was heard after it was first sent, and never acknowledged a segment as large, only smaller ones"
            )
        }
    }
}
