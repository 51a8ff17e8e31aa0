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
    decided: "The same segment, as large as the largest, repeated at least so often without progress while the peer is alive, or \
              after a router said by ICMP that it is too big (RFC 1191, RFC 8201), which then did not reach its sender.",
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

/// The large segment that end `e` sends again and again, which does not get through: how often it was sent again, its length,
/// and the first repetition.
pub(super) fn fails(view: &View<'_>, e: usize) -> Option<(u16, u32, (u64, Time))> {
    /// IPv4 and TCP without options: larger packets may have less payload.
    const HEADERS: u32 = 40;
    let end = view.end(e);
    let again = &view.cold(e).again;
    let (tries, len) = again.most_same;
    if i64::from(tries) < view.limit(&TRIES) || len < 536 || len < end.largest {
        return None;
    }
    let first = again.first?;
    let connection = &view.connection.ends[e];
    if let Some(told) = told(view, e)
        && told.mtu > HEADERS
    {
        let stuck = connection.acked().is_none_or(|acked| !after(acked, told.seq));
        return (stuck && len > told.mtu - HEADERS).then_some((tries, len, first));
    }
    // Alive: heard after the first of them, and smaller data got through before.
    let alive = view.end(1 - e).last_sent().is_some_and(|t| t > first.1 + view.round_trip());
    let small = connection.acked().is_some()
        && connection.bytes > again.bytes.saturating_add(u64::from(len))
        && view.unanswered(e).repeats > 0;
    (alive && small).then_some((tries, len, first))
}

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some((tries, len, (first, time))) = fails(view, e) else { continue };
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
                None => format!("{sent}, while {} answers and smaller segments pass", view.who(1 - e)),
            }
        };
        let raised = sink.raise(Severity::Error, time, first, message);
        let raised = raised.at(e).fact("length", len).fact("tries", tries + 1);
        if let Some(told) = told {
            raised.fact("mtu", told.mtu).fact("errors", told.count);
        }
    }
}
