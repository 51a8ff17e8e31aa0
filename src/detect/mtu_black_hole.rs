//! E04: large segments do not get through, small ones do.

use super::prelude::*;
use crate::signals::TooBig;
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
    decided: "The same segment, as large as the largest, repeated at least so often without progress while the peer is alive \
              (heard after the repetitions began; or after the first time, where it never acknowledged anything as large; or it \
              acknowledged a smaller one selectively that was sent later), or after a router said by ICMP that it is too big \
              (RFC 1191, RFC 8201), which then did not reach its sender.",
    confused: "path-mtu-lowered, where the sender heeds what the router says; a dead peer, which answers nothing; heavy loss, \
               which hits small segments, too; super-segments before offload.",
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
    detect: Detect::Connection(Signs::RARE, detect),
};

/// What a router told end `e`: that its packets are too big.
pub(super) fn told<'a>(view: &View<'a>, e: usize) -> Option<&'a TooBig> {
    view.signals.cold()?.too_big.as_ref().filter(|told| told.first.src == view.socket(e))
}

/// IPv4 and TCP without options: larger packets may have less payload.
const HEADERS: u32 = 40;

/// Least payload of a segment that is large: what passes everywhere in IPv4 (RFC 9293 §3.7.1).
const LARGE: u32 = 536;

/// A large segment that is sent again and again and does not get through.
pub(super) struct Stuck {
    /// How often it was sent again.
    tries: u16,
    /// Its length.
    len: u32,
    /// The first repetition.
    first: (u64, Time),
    /// What shows that smaller segments get through.
    by: Proof,
}

/// What shows that smaller segments get through.
enum Proof {
    /// A router said that this one is too large.
    Router,
    /// Smaller ones were acknowledged before, and the peer was heard after this one was sent again.
    Heard,
    /// A smaller one that was sent later was acknowledged selectively, in this packet.
    Beyond(u64),
    /// The peer was heard after this one was sent first, and nothing as large was ever acknowledged.
    Smaller,
}

/// The large segment that end `e` sends again and again, which does not get through.
pub(super) fn fails(view: &View<'_>, e: usize) -> Option<Stuck> {
    let (tries, len) = view.cold(e).again.most_same;
    if i64::from(tries) < view.limit(&TRIES) || len < LARGE || len < view.end(e).largest {
        return None;
    }
    let first = view.cold(e).again.first?;
    let connection = &view.connection.ends[e];
    if let Some(told) = told(view, e)
        && told.mtu > HEADERS
    {
        let stuck = connection.acked().is_none_or(|acked| !after(acked, told.seq));
        let fails = stuck && len > told.mtu - HEADERS;
        return fails.then_some(Stuck { tries, len, first, by: Proof::Router });
    }
    let by = passes_smaller(view, e, len, first.1).filter(|_| view.unanswered(e).repeats > 0)?;
    Some(Stuck { tries, len, first, by })
}

/// What shows that the peer of end `e` is there and gets segments smaller than `len`, one of which `e` repeated first at `again`.
fn passes_smaller(view: &View<'_>, e: usize, len: u32, again: Time) -> Option<Proof> {
    let own = &view.connection.ends[e];
    let heard_after = |time: Time| view.end(1 - e).last_sent().is_some_and(|t| t > time + view.round_trip());
    let others = own.bytes > view.cold(e).again.bytes.saturating_add(u64::from(len));
    if heard_after(again) && own.acked().is_some() && others {
        return Some(Proof::Heard);
    }
    if let Some((gap, packet)) = view.cold(e).small_beyond
        && own.acked() == Some(gap)
    {
        return Some(Proof::Beyond(packet));
    }
    let heard = view.end(e).last_data().is_some_and(heard_after);
    (heard && may_not_pass(view, e).is_some()).then_some(Proof::Smaller)
}

/// The length of what end `e` sends again and again, if it is large and the peer never acknowledged anything as large, though
/// something: it may not get through.
pub(super) fn may_not_pass(view: &View<'_>, e: usize) -> Option<u32> {
    let own = &view.connection.ends[e];
    let (_, len) = view.cold(e).again.most_same;
    let bytes = own.acked()?.wrapping_sub(own.isn()?.wrapping_add(1));
    let waits = view.unanswered(e).repeats > 0;
    (waits && len >= LARGE && len >= view.end(e).largest && bytes > 0 && bytes < len).then_some(len)
}

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(Stuck { tries, len, first: (first, time), by }) = fails(view, e) else { continue };
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
        let severity = if matches!(by, Proof::Smaller) { Severity::Warning } else { Severity::Error };
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
        Proof::Beyond(packet) => format!(", while {peer} received a smaller one that was sent later (packet {packet})"),
        Proof::Smaller => {
            format!(
                "; {peer} was heard after it was first sent, and never acknowledged a segment as large, only smaller ones"
            )
        }
    }
}
