//! In a flood little is kept of a SYN that is alone: each connection must be what it is by itself, whatever comes of it, of
//! others, and of those that are forgotten meanwhile.

use proptest::prelude::*;
use tcpstate::pack::Pack;
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::Time;
use tcpstate::tracker::Tracker;

/// The sockets of connection `n`: some over IPv6, one from a socket to itself.
fn sockets(n: u32) -> [Socket; 2] {
    let client = match n % 97 {
        0 => Socket { addr: [0x2001, 0xdb8, 0, 0, 0, 0, 0, n as u16].into(), port: 40_000 },
        1 => return [Socket { addr: [10, 9, (n >> 8) as u8, n as u8].into(), port: 80 }; 2],
        _ => Socket { addr: [10, (n >> 16) as u8, (n >> 8) as u8, n as u8].into(), port: 1_024 + n as u16 % 7 },
    };
    let server = if client.addr.is_ipv6() { [0x2001, 0xdb8, 0, 0, 0, 0, 1, 1].into() } else { [192, 0, 2, 1].into() };
    [client, Socket { addr: server, port: 443 }]
}

/// What comes of a connection: its SYN with rare things in it, and what `then` says.
fn segments(n: u32, then: u8) -> Vec<Segment> {
    let [a, b] = sockets(n);
    let isn = n.wrapping_mul(0x9e37_79b9);
    let stamps = Timestamps { value: n, echo: u32::from(n % 61 == 7) };
    let options = Options {
        mss: (!n.is_multiple_of(3)).then_some(1_400 + n as u16 % 60),
        window_scale: n.is_multiple_of(2).then_some(7),
        sack_permitted: n.is_multiple_of(5),
        timestamps: n.is_multiple_of(4).then_some(stamps),
        fast_open: n % 71 == 3,
        cut: n % 83 == 5,
        ..Options::default()
    };
    let segment = |x: bool, flags: Flags, seq: u32, ack: u32, len: u32| Segment {
        src: if x { b } else { a },
        dst: if x { a } else { b },
        scope: ScopeId(u32::from(n % 53 == 9)),
        flags,
        seq,
        ack,
        len,
        window: 1_000 + n as u16,
        ip_id: n as u16,
        ttl: 64,
        ..Segment::blank()
    };
    let (end, accept) = (isn.wrapping_add(1), Flags::SYN | Flags::ACK);
    let syn = Segment { options, ..segment(false, Flags::SYN, isn, 0, if n % 89 == 4 { 9 } else { 0 }) };
    let more = match then {
        0 => vec![segment(true, accept, 5, end, 0), segment(false, Flags::ACK, end, 6, 0)],
        1 => vec![syn, syn],
        2 => vec![segment(true, Flags::RST | Flags::ACK, 0, end, 0)],
        3 => vec![segment(false, Flags::RST, end, 0, 0)],
        4 => vec![segment(true, accept, 5, end, 0), segment(false, Flags::ACK, end, 6, 500)],
        // Another begins on the same four-tuple, after this one was refused.
        5 => vec![segment(true, Flags::RST | Flags::ACK, 0, end, 0), Segment { seq: isn.wrapping_add(1 << 28), ..syn }],
        6 => vec![Segment { scope: ScopeId(7), ..syn }],
        7 => vec![segment(false, Flags::ACK, isn.wrapping_sub(7_000), 77, 20)],
        _ => Vec::new(),
    };
    [syn].into_iter().chain(more).collect()
}

/// All of it, as many segments behind another as `lag` says, in the order in which it comes.
fn flood(thens: &[u8], lag: usize) -> Vec<Segment> {
    let mut all: Vec<(usize, u32, Segment)> = Vec::new();
    for (n, then) in thens.iter().enumerate() {
        for (i, segment) in segments(n as u32, *then).into_iter().enumerate() {
            all.push((n + i * lag, n as u32, segment));
        }
    }
    all.sort_by_key(|(at, n, _)| (*at, *n));
    let number = |(i, (at, _, segment)): (usize, (usize, u32, Segment))| {
        let time = Time(1_700_000_000_000_000_000 + at as i64 * 1_000_000 - i64::from(i % 40 == 3) * 3_000_000);
        Segment { packet: i as u64 + 1, time, ..segment }
    };
    all.into_iter().enumerate().map(number).collect()
}

fn take(tracker: &mut Tracker, segments: &[Segment]) {
    for segment in segments {
        let ahead = tracker.ahead(segment);
        tracker.pass(segment, ahead);
    }
}

/// Connections as they are told, each behind the number of its first packet.
fn told(tracker: &Tracker) -> Vec<String> {
    let mut all: Vec<(u64, String)> =
        (0..tracker.len()).map(|i| (tracker.first_packet(i), format!("{:?}", tracker.connection(i)))).collect();
    all.sort();
    all.into_iter().map(|(_, told)| told).collect()
}

/// The same of each four-tuple by itself.
fn told_apart(segments: &[Segment]) -> Vec<String> {
    let mut tuples: std::collections::BTreeMap<[Socket; 2], Vec<Segment>> = std::collections::BTreeMap::new();
    for segment in segments {
        let mut ends = [segment.src, segment.dst];
        ends.sort();
        tuples.entry(ends).or_default().push(*segment);
    }
    let mut all: Vec<(u64, String)> = Vec::new();
    for some in tuples.into_values() {
        let mut tracker = Tracker::new();
        take(&mut tracker, &some);
        all.extend((0..tracker.len()).map(|i| (tracker.first_packet(i), format!("{:?}", tracker.connection(i)))));
    }
    all.sort();
    all.into_iter().map(|(_, told)| told).collect()
}

fn check(thens: &[u8], lag: usize, keep_every: usize) {
    let segments = flood(thens, lag);
    let mut tracker = Tracker::new();
    take(&mut tracker, &segments);
    assert_eq!(told(&tracker), told_apart(&segments));
    for i in 0..tracker.len() {
        let lone = tracker.lone_syn(i);
        assert_eq!(lone.is_some(), tracker.lone(i).is_some());
        let c = tracker.connection(i);
        assert_eq!((*tracker.sockets(i), tracker.first_packet(i)), (c.sockets, c.first_packet));
        if let Some((time, packet, scope)) = lone {
            assert_eq!((time, packet, Some(scope)), (c.first, c.first_packet, c.scopes[0]));
        }
    }
    // Some are forgotten; those that stay are what they were, and are found.
    let keep: Vec<bool> = (0..tracker.len()).map(|i| i % keep_every == 0).collect();
    let mut stay: Vec<String> =
        (0..tracker.len()).filter(|i| keep[*i]).map(|i| format!("{:?}", tracker.connection(i))).collect();
    tracker.evict(&keep);
    let mut left: Vec<String> = (0..tracker.len()).map(|i| format!("{:?}", tracker.connection(i))).collect();
    assert_eq!(left, stay);
    for i in 0..tracker.len() {
        let [a, b] = *tracker.sockets(i);
        let scope = tracker.connection(i).scopes.into_iter().flatten().next().unwrap_or_default();
        assert!(tracker.latest(a, b, scope).is_some());
    }
    // Others come behind them.
    let more = segments.iter().map(|s| Segment { src: Socket { port: s.src.port ^ (1 << 15), ..s.src }, ..*s });
    let more: Vec<Segment> = more.filter(|s| s.flags == Flags::SYN && s.src.addr != s.dst.addr).collect();
    let before = tracker.len();
    take(&mut tracker, &more);
    (left, stay) = (told(&tracker), std::mem::take(&mut stay));
    assert!(tracker.len() > before && stay.iter().all(|told| left.contains(told)));
}

#[test]
fn in_a_flood_each_connection_is_what_it_is_by_itself() {
    // Nearly all lone; some that go on; then many.
    for (some, lag) in [(1_000, 40), (30, 3), (30, 300), (7, 1), (2, 100)] {
        let thens: Vec<u8> = (0..1_500_u32).map(|n| if n % some == 0 { (n / some % 8) as u8 } else { 9 }).collect();
        check(&thens, lag, 1 + lag % 5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_of_some_of_them(
        thens in prop::collection::vec(prop_oneof![20 => Just(9_u8), 1 => 0..8_u8], 300..900),
        (lag, keep_every) in (1..400_usize, 1..6_usize),
    ) {
        check(&thens, lag, keep_every);
    }
}
