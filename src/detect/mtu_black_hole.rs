//! E04: large segments do not get through, small ones do.

use super::prelude::*;

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
    what: "A full-size segment is sent again and again while smaller ones are acknowledged; or a router says that packets are \
           too big.",
    why: "The handshake and small requests work, and everything larger hangs: the connection looks healthy until it matters.",
    decided: "The same segment, as large as the largest, repeated at least so often without progress while the peer is alive; or \
              ICMP fragmentation needed / packet too big (RFC 1191, RFC 8201) for the connection.",
    confused: "a dead peer, which answers nothing; heavy loss, which hits small segments, too; super-segments before offload.",
    advice: "A tunnel or VPN lowers the MTU and something drops the ICMP messages that say so. Clamp the MSS \
             (`--clamp-mss-to-pmtu`), let ICMP through, or set tcp_mtu_probing=1.",
    thresholds: &[&TRIES],
    absence: false,
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

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if let Some((count, mtu)) = view.signals.cold().map(|r| r.too_big).filter(|t| t.0 > 0) {
        let message = || format!("a router told {count} times that packets are too big, MTU {mtu}");
        let c = view.connection;
        sink.raise(Severity::Note, c.first, c.first_packet, message).fact("mtu", mtu).fact("errors", count);
    }
    for e in 0..2 {
        let end = view.end(e);
        let again = &view.cold(e).again;
        let (tries, len) = again.most_same;
        let full = len >= 536 && len >= end.largest;
        if i64::from(tries) < view.limit(&TRIES) || !full {
            continue;
        }
        // Alive: heard after the first of them, and smaller data got through before.
        let Some((first, time)) = again.first else { continue };
        let alive = view.end(1 - e).last_sent().is_some_and(|t| t > time + view.round_trip());
        let small = view.connection.ends[e].acked().is_some()
            && view.connection.ends[e].bytes > again.bytes.saturating_add(u64::from(len))
            && view.unanswered(e).repeats > 0;
        if !alive || !small {
            continue;
        }
        let message = || {
            format!(
                "{} sent the same segment of {len} bytes {} times without progress, while {} answers and smaller segments pass",
                view.who(e),
                tries + 1,
                view.who(1 - e),
            )
        };
        sink.raise(Severity::Error, time, first, message).at(e).fact("length", len).fact("tries", tries + 1);
    }
}
