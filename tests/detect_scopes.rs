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

/// A connection that is captured in networks 1 and 2; what the server sends comes first in network 2.
const ROUTED: &str = "1. SYN_SENT --> <SEQ=3000000000><CTL=SYN><ID=7> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=3000000001><CTL=SYN,ACK><ID=70> <-- SYN_RCVD @ +10ms
3. ESTABLISHED --> <SEQ=3000000001><ACK=301><CTL=ACK><ID=8> --> ESTABLISHED @ +10ms
4. ESTABLISHED <-- <SEQ=301><ACK=3000000001><CTL=ACK><LEN=90><ID=71> <-- ESTABLISHED @ +10ms
5. ESTABLISHED --> <SEQ=3000000001><ACK=391><CTL=ACK><ID=9> --> ESTABLISHED @ +10ms
";

/// Its segments, with those for which `missing` is true left out, and then `more` of the server, each in one network.
fn routed(missing: impl Fn(u64, u32) -> bool, more: &[(Segment, u32)]) -> Vec<Segment> {
    let once = ladder::parse(ROUTED).expect("it is a ladder").segments();
    let mut all: Vec<Segment> = Vec::new();
    for seg in &once {
        let networks = if seg.src == once[0].src { [1, 2] } else { [2, 1] };
        let copies = [Segment { scope: ScopeId(networks[0]), ..*seg }, behind(0, seg, networks[1])];
        all.extend(copies.iter().filter(|copy| !missing(seg.packet, copy.scope.0)));
    }
    all.extend(more.iter().map(|(seg, network)| Segment { scope: ScopeId(*network), ..*seg }));
    all.into_iter().zip(1..).map(|(seg, packet)| Segment { packet, ..seg }).collect()
}

/// The same segment of the server, with another identification, after these times.
fn sent_again(after: &[i64]) -> Vec<(Segment, u32)> {
    let data = ladder::parse(ROUTED).expect("it is a ladder").segments()[3];
    let again = |(id, millis): (u16, &i64)| Segment { ip_id: id, time: data.time + Span::millis(*millis), ..data };
    (80..).zip(after).map(|pair| (again(pair), 2)).collect()
}

#[test]
fn what_an_end_repeats_is_no_late_copy_of_what_was_captured_behind_the_router() {
    // Of its SYN,ACK the copy in its own network is missing: what it sends seems to come first in the other one.
    let segments = routed(|packet, network| (packet, network) == (2, 2), &sent_again(&[200, 600, 1_400]));
    let mut tracker = Tracker::new();
    for seg in &segments {
        tracker.segment(seg);
    }
    let connections = tracker.connections();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].ends[1].retransmitted, 3);
}

#[test]
fn equal_addresses_in_a_third_network_are_another_connection_whatever_their_numbers() {
    for apart in [1 << 30, 3 << 30, 1 << 23] {
        let once = ladder::parse(ROUTED).expect("it is a ladder").segments();
        let (later, number) = (Span::secs(2), |number: u32| number.wrapping_sub(apart));
        let other = once.iter().map(|seg| {
            let (seq, ack) = (number(seg.seq), if seg.ack == 0 { 0 } else { number(seg.ack) });
            (Segment { seq, ack, time: seg.time + later, ..*seg }, 3)
        });
        let segments = routed(|_, _| false, &other.collect::<Vec<_>>());
        let states = states(&segments, false);
        assert_eq!(states.len(), 2, "{apart}");
        assert_eq!(states[0], states[1], "{apart}");
    }
}

#[test]
fn what_is_captured_in_one_of_the_two_networks_only_is_of_the_same_connection() {
    let missing = |packet, network| [(2, 1), (4, 2)].contains(&(packet, network));
    assert_eq!(states(&routed(missing, &[]), false), states(&routed(|_, _| false, &[]), false));
}

#[test]
fn copies_of_a_connection_may_come_behind_the_syn_of_the_next() {
    for next in [2_000_000_000, 4_000_000_000_u32] {
        let text = format!(
            "1. SYN_SENT --> <SEQ=3000000000><CTL=SYN><ID=7> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=3000000001><CTL=SYN,ACK><ID=70> <-- SYN_RCVD @ +100ms
3. ESTABLISHED --> <SEQ=3000000001><ACK=301><CTL=ACK><ID=8> --> ESTABLISHED @ +100ms
4. ESTABLISHED --> <SEQ=3000000001><ACK=301><CTL=ACK><LEN=90><ID=9> --> ESTABLISHED @ +100ms
5. ESTABLISHED --> <SEQ=3000000091><ACK=301><CTL=ACK><LEN=90><ID=10> --> ESTABLISHED
6. CLOSED --> <SEQ=3000000181><ACK=301><CTL=RST,ACK><ID=11> --> CLOSED @ +1ms
7. SYN_SENT --> <SEQ={next}><CTL=SYN><ID=12> --> SYN_RCVD @ +1ms
8. ESTABLISHED <-- <SEQ=7300><ACK={}><CTL=SYN,ACK><ID=71> <-- SYN_RCVD @ +100ms
9. ESTABLISHED --> <SEQ={0}><ACK=7301><CTL=ACK><ID=13> --> ESTABLISHED @ +100ms
",
            next + 1
        );
        let once = ladder::parse(&text).expect("it is a ladder").segments();
        for networks in [[1, 1], [1, 2]] {
            let late =
                once.iter().map(|seg| Segment { time: seg.time + Span::millis(9), ..behind(0, seg, networks[1]) });
            let first = once.iter().map(|seg| Segment { scope: ScopeId(networks[0]), ..*seg });
            let mut segments: Vec<Segment> = first.chain(late).collect();
            segments.sort_by_key(|seg| seg.time);
            let mut tracker = Tracker::new();
            for (seg, packet) in segments.into_iter().zip(1..) {
                tracker.segment(&Segment { packet, ..seg });
            }
            let packets: Vec<_> =
                tracker.connections().iter().map(|c| c.ends.each_ref().map(|end| end.packets)).collect();
            assert_eq!(packets, [[10, 2], [4, 2]], "{networks:?}");
        }
    }
}

#[test]
fn of_more_networks_than_anybody_has_the_connections_are_apart() {
    let scopes: Vec<u32> = (0..40).collect();
    let told = states(&captured_in(&scopes), true);
    assert!(told.len() > 2 && told.len() <= 80, "{}", told.len());
}
