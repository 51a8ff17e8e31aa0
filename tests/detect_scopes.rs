//! The same segments captured in several VLANs, or inside and outside of a tunnel: they are of one connection.

use tcpstate::ladder;
use tcpstate::segment::{ScopeId, Segment};
use tcpstate::time::{Span, Time};
use tcpstate::tracker::{Profile, Tracker};

/// A connection that is reset in the middle of a transfer, another one on the same ports, and its close; Linux names
/// segments by their timestamps.
const LADDER: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN><ID=7> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +10ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><ID=8> --> ESTABLISHED @ +10ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50><ID=9> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK><LEN=90> <-- ESTABLISHED @ +10ms
6. CLOSED --> <SEQ=151><ACK=391><CTL=RST,ACK><ID=10> --> CLOSED @ +10ms
7. SYN_SENT --> <SEQ=900100><CTL=SYN><ID=11> --> SYN_RCVD @ +1s
8. ESTABLISHED <-- <SEQ=700300><ACK=900101><CTL=SYN,ACK> <-- SYN_RCVD @ +10ms
9. ESTABLISHED --> <SEQ=900101><ACK=700301><CTL=ACK><ID=12> --> ESTABLISHED @ +10ms
10. FIN_WAIT_1 --> <SEQ=900101><ACK=700301><CTL=FIN,ACK><ID=13> --> CLOSE_WAIT @ +10ms
11. FIN_WAIT_2/TIME_WAIT <-- <SEQ=700301><ACK=900102><CTL=FIN,ACK> <-- LAST_ACK @ +10ms
12. TIME_WAIT --> <SEQ=900102><ACK=700302><CTL=ACK><ID=14> --> CLOSED @ +10ms
";

/// The segments of the ladder, each captured in all of these scopes 30 µs apart, by turns in another order.
fn captured_in(scopes: &[u32]) -> Vec<Segment> {
    let segments = ladder::parse(LADDER).expect("it is a ladder").segments();
    let again = |(n, seg): (usize, Segment)| {
        let scope = move |i: usize| ScopeId(scopes[(i + n) % scopes.len()]);
        let later = |i: usize| Span::micros(30 * i as i64);
        (0..scopes.len()).map(move |i| Segment { scope: scope(i), time: seg.time + later(i), ttl: 64 - i as u8, ..seg })
    };
    let all = segments.into_iter().enumerate().flat_map(again);
    all.zip(1..).map(|(seg, packet)| Segment { packet, ..seg }).collect()
}

/// The states of both ends of each connection, in order; taken as they come or looked up ahead.
fn states(segments: &[Segment], ahead: bool) -> Vec<[String; 2]> {
    let mut tracker = Tracker::new();
    for seg in segments {
        if ahead {
            tracker.pass(seg, tracker.ahead(seg));
        } else {
            tracker.segment(seg);
        }
    }
    let now = Time(i64::MAX / 2);
    let told = |c: &tcpstate::tracker::Connection| {
        c.verdicts(now, &Profile::default()).map(|verdict| {
            let states: Vec<String> = verdict.steps.iter().map(|step| step.rule.to.to_string()).collect();
            states.join(" ")
        })
    };
    tracker.connections().iter().map(|c| told(c)).collect()
}

#[test]
fn what_is_captured_in_several_networks_is_one_connection() {
    let once = states(&captured_in(&[0]), false);
    assert_eq!(once.len(), 2);
    for scopes in [&[0, 0][..], &[0, 1], &[1, 0], &[3, 1, 2]] {
        for ahead in [false, true] {
            assert_eq!(states(&captured_in(scopes), ahead), once, "in {scopes:?}");
        }
    }
}

#[test]
fn equal_addresses_with_other_numbers_are_apart_in_each_network() {
    let one = captured_in(&[1]);
    let other = one.iter().map(|seg| Segment {
        seq: seg.seq.wrapping_add(5),
        ack: seg.ack.wrapping_add(5),
        scope: ScopeId(2),
        time: seg.time + Span::micros(30),
        ..*seg
    });
    let both: Vec<Segment> = one.iter().copied().zip(other).flat_map(<[Segment; 2]>::from).collect();
    let numbered: Vec<Segment> = both.into_iter().zip(1..).map(|(seg, packet)| Segment { packet, ..seg }).collect();
    assert_eq!(states(&numbered, false).len(), 4);
}

#[test]
fn copies_that_come_behind_others_are_no_retransmissions() {
    let open = "1. SYN_SENT --> <SEQ=100><CTL=SYN><TS=1/0> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=1/1> <-- SYN_RCVD @ +10ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><TS=2/1> --> ESTABLISHED @ +10ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50><TS=3/1> --> ESTABLISHED @ +10us
5. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=50><TS=3/1> --> ESTABLISHED @ +10us
6. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=50><TS=3/1> --> ESTABLISHED @ +10us
7. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><TS=5/3> <-- ESTABLISHED @ +10ms
8. ESTABLISHED <-- <SEQ=301><ACK=251><CTL=ACK><TS=5/3> <-- ESTABLISHED @ +10us
9. FIN_WAIT_1 --> <SEQ=251><ACK=301><CTL=FIN,ACK><TS=9/5> --> CLOSE_WAIT @ +10ms
10. FIN_WAIT_1 --> <SEQ=251><ACK=301><CTL=FIN,ACK><TS=309/5> --> CLOSE_WAIT @ +300ms
";
    let once = ladder::parse(open).expect("it is a ladder").segments();
    for networks in [&[][..], &[0], &[1], &[0, 0], &[1, 2]] {
        let again = networks.iter().enumerate();
        let again = again.flat_map(|(n, network)| once.iter().map(move |seg| behind(n, seg, *network)));
        let mut segments: Vec<Segment> = once.iter().copied().chain(again).collect();
        segments.sort_by_key(|seg| seg.time);
        let mut tracker = Tracker::new();
        for (seg, packet) in segments.into_iter().zip(1..) {
            tracker.segment(&Segment { packet, ..seg });
        }
        let connections = tracker.connections();
        assert_eq!(connections.len(), 1);
        let sent = connections[0].ends.each_ref().map(|end| (end.retransmitted, end.fins, end.syns));
        assert_eq!(sent, [(1, 2, 1), (0, 0, 0)], "captured again in {networks:?}");
    }
}

/// `seg` as it comes out of a router, and of so many more behind it.
fn behind(more: usize, seg: &Segment, network: u32) -> Segment {
    let (time, ttl) = (seg.time + Span::micros(35 + 20 * more as i64), 63 - more as u8);
    Segment { scope: ScopeId(network), time, ttl, ..*seg }
}

#[test]
fn of_more_networks_than_anybody_has_the_connections_are_apart() {
    let scopes: Vec<u32> = (0..40).collect();
    let told = states(&captured_in(&scopes), true);
    assert!(told.len() > 2 && told.len() <= 80, "{}", told.len());
}
