//! What holds for any sequence of segments, however nonsensical.

#[path = "common/wire/mod.rs"]
mod wire;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::analyze::Noted;
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};
use tcpstate::tracker::{LookUp, Notes, Profile, Stack, State, TOGETHER, Taken, Tracker};
use wire::Link;

fn socket(host: u8, port: u16) -> Socket {
    Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port }
}

/// The two ends of nearly all arbitrary segments.
const PORTS: [u16; 2] = [40_000, 443];
const ISNS: [u32; 2] = [1_000_000, u32::MAX - 300];
/// Where numbers that matter lie, from an initial sequence number on.
const OFFSETS: [u32; 14] = [0, 1, 2, 50, 100, 101, 102, 103, 1_500, 65_536, 70_000, 1 << 24, 1 << 31, u32::MAX - 100];

prop_compose! {
    fn arbitrary_segment()(
        from in 0..2_usize,
        other in prop::bool::weighted(0.02),
        own in prop::bool::weighted(0.01),
        offsets in (0..OFFSETS.len(), 0..OFFSETS.len()),
        flags in prop_oneof![
            Just(0x10_u16), Just(0x18), Just(0x02), Just(0x12), Just(0x11), Just(0x04), Just(0x14), 0..0x200_u16
        ],
        len in prop_oneof![Just(0_u32), Just(1), Just(50), Just(100), Just(1460), any::<u32>()],
        step in prop_oneof![0..3_000_000_i64, 0..400_000_000_i64, 0..90_000_000_000_i64, -5_000_000..0_i64],
        window in prop_oneof![Just(0_u16), Just(1000), Just(65_535)],
        ip_id in 0..4_u16,
        ttl in prop_oneof![Just(64_u8), Just(63)],
        stamps in prop::option::of((0..20_u32, 0..20_u32)),
        scale in prop::option::of(0..20_u8),
    ) -> (i64, Segment) {
        let ends = [socket(1, PORTS[0]), if other { socket(3, 80) } else { socket(2, PORTS[1]) }];
        let to = if own { from } else { 1 - from };
        let flags = Flags(flags);
        let number = |end: usize, i: usize| ISNS[end].wrapping_add(OFFSETS[i]);
        let seg = Segment {
            time: Time(0),
            packet: 0,
            src: ends[from],
            dst: ends[to],
            scope: ScopeId(0),
            seq: number(from, offsets.0),
            ack: if flags.has(Flags::ACK) { number(1 - from, offsets.1) } else { 0 },
            len,
            captured: len,
            flags,
            window,
            checksum: 0,
            ip_id,
            ttl,
            options: Options {
                timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
                window_scale: scale,
                ..Options::default()
            },
        };
        (step, seg)
    }
}

fn numbered(mut segments: Vec<Segment>) -> Vec<Segment> {
    for (seg, packet) in segments.iter_mut().zip(1..) {
        seg.packet = packet;
    }
    segments
}

fn arbitrary_segments() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec(arbitrary_segment(), 1..60).prop_map(|list| {
        let mut now = 1_000_000_000_000;
        let dated = list.into_iter().map(|(step, seg)| {
            now += step;
            Segment { time: Time(now), ..seg }
        });
        numbered(dated.collect())
    })
}

/// A real conversation with segments dropped, repeated and exchanged, so that the deeper paths are reached.
fn damaged_segments() -> impl Strategy<Value = Vec<Segment>> {
    let damage = prop::collection::vec((0..4_u8, any::<prop::sample::Index>()), 0..6);
    (0..Link::ALL.len(), 0..100_000_u64, damage).prop_map(|(link, seed, damage)| {
        let mut segments = wire::run(Link::ALL[link], seed).segments;
        for (kind, index) in damage {
            if segments.len() < 2 {
                break;
            }
            let i = index.index(segments.len() - 1);
            match kind {
                0 => drop(segments.remove(i)),
                1 => segments.insert(i, segments[i]),
                2 => {
                    let (a, b) = (segments[i].time, segments[i + 1].time);
                    segments.swap(i, i + 1);
                    (segments[i].time, segments[i + 1].time) = (a, b);
                }
                _ => drop(segments.drain(..i)),
            }
        }
        numbered(segments)
    })
}

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    prop_oneof![arbitrary_segments(), damaged_segments()].prop_filter("an empty capture", |s| !s.is_empty())
}

/// The same between equal ports, over IPv6, in two networks: each if its bit of `kind` is set.
fn elsewhere(mut segments: Vec<Segment>, kind: u8) -> Vec<Segment> {
    for seg in &mut segments {
        for socket in [&mut seg.src, &mut seg.dst] {
            if kind & 1 != 0 {
                socket.port = 443;
            }
            if let IpAddr::V4(addr) = socket.addr
                && kind & 2 != 0
            {
                socket.addr = addr.to_ipv6_mapped().into();
            }
        }
        if kind & 4 != 0 {
            seg.scope = ScopeId((seg.packet % 5 / 4) as u32);
        }
    }
    segments
}

fn profile() -> Profile {
    Stack::Linux.profile()
}

fn track(segments: &[Segment]) -> (Tracker, Vec<Taken>) {
    let mut tracker = Tracker::new();
    let taken = segments.iter().map(|s| tracker.segment(s)).collect();
    (tracker, taken)
}

fn end(segments: &[Segment]) -> Time {
    segments.iter().map(|s| s.time).max().unwrap_or(Time(0))
}

/// All that is told at `now`, times since `zero`, as text.
fn told(segments: &[Segment], now: Time, zero: Time, swapped: bool) -> Vec<String> {
    let (tracker, taken) = track(segments);
    let mut lines: Vec<String> = taken.iter().map(|t| format!("{t:?}")).collect();
    for c in tracker.connections() {
        let mut sockets = c.sockets;
        if swapped {
            sockets.swap(0, 1);
        }
        let span = (c.first - zero, c.last - zero);
        lines.push(format!("{sockets:?} {} {span:?} {} {}", c.incarnation, c.first_packet, c.last_packet));
        for (e, verdict) in c.verdicts(now, &profile()).iter().enumerate() {
            lines.push(format!("{} packets, {} bytes", c.ends[e].packets, c.ends[e].bytes));
            for s in &verdict.steps {
                let m = &s.mark;
                lines.push(format!(
                    "{:?} {:?} {:?} {} {} {:?} {:?}",
                    s.at - zero,
                    m.time - zero,
                    s.rule,
                    m.packet,
                    m.proof,
                    m.evidence,
                    m.place
                ));
            }
            lines.push(format!("{:?}", verdict.possible.iter().collect::<Vec<_>>()));
        }
        lines.push(format!("{} retracted", c.retractions()));
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_and_byte_is_counted_once(segments in segments()) {
        let (tracker, taken) = track(&segments);
        let connections = tracker.connections();
        let ends = || connections.iter().flat_map(|c| &c.ends);
        prop_assert_eq!(ends().map(|e| e.packets).sum::<u64>(), segments.len() as u64);
        let bytes: u64 = segments.iter().map(|s| u64::from(s.len)).sum();
        prop_assert_eq!(ends().map(|e| e.bytes).sum::<u64>(), bytes);
        for (t, seg) in taken.iter().zip(&segments) {
            let c = &tracker.connections()[t.connection];
            prop_assert_eq!(c.sockets[t.sender], seg.src);
        }
    }

    #[test]
    fn what_is_packed_between_segments_comes_back_as_it_was(segments in segments()) {
        let (roomy, taken) = track(&segments);
        let mut tight = Tracker::<()>::with_records(1);
        let packed: Vec<Taken> = segments.iter().map(|s| tight.segment(s)).collect();
        prop_assert_eq!(taken, packed);
        let all = |tracker: &Tracker| tracker.connections().iter().map(|c| format!("{c:#?}")).collect::<Vec<_>>();
        prop_assert_eq!(all(&roomy), all(&tight));
    }

    #[test]
    fn what_is_written_down_comes_to_the_same(segments in segments(), ahead in 1..40_usize, kind in 0..8_u8) {
        let segments = elsewhere(segments, kind);
        let (taken, _) = track(&segments);
        let mut taped = Tracker::<Noted>::default();
        for some in segments.chunks(ahead) {
            let places: Vec<_> = some.iter().map(|s| taped.ahead(s)).collect();
            some.iter().zip(places).for_each(|(s, place)| _ = taped.pass(s, place));
        }
        let mut usual = Tracker::<Noted>::default();
        let mut up = LookUp::default();
        for (n, some) in segments.chunks(TOGETHER).enumerate() {
            let places = usual.look_up(&mut up, n, |n| segments.iter().skip(n * TOGETHER).take(TOGETHER).map(Some));
            for (s, place) in some.iter().zip(places) {
                _ = usual.pass_usual(s, *place).unwrap_or_else(|| usual.pass(s, *place));
            }
        }
        let told = |tracker: &Tracker<Noted>| -> Vec<String> {
            (0..tracker.len()).map(|i| format!("{:#?}", tracker.connection(i))).collect()
        };
        prop_assert_eq!(told(&usual), told(&taped));
        let at_once: Vec<_> = taken.connections().iter().map(|c| format!("{c:#?}")).collect();
        prop_assert_eq!(told(&taped), at_once);
        // What an orderly tape says unplayed is what it says played.
        let mut scratch = Default::default();
        for i in 0..taped.len() {
            let case = taped.case(i);
            let glance = taped.glance(i, &mut scratch);
            prop_assert_eq!(*taped.sockets(i), case.connection.sockets);
            prop_assert_eq!(format!("{glance:?}"), format!("{:?}", case.notes.glance(&case.connection)));
        }
    }

    #[test]
    fn what_goes_the_short_way_comes_to_the_same(segments in segments()) {
        let [mut short, mut next, mut long] = <[Tracker<Noted>; 3]>::default();
        for seg in &segments {
            // Whose notes may have been changed is steady no more.
            (0..long.len()).for_each(|i| _ = long.notes_mut(i));
            prop_assert_eq!(short.segment(seg), long.segment(seg));
        }
        let mut rest = &segments[..];
        while let [seg, behind @ ..] = rest {
            let steady = next.pass_next(seg).1;
            rest = if steady { &behind[next.pass_run(seg, behind.iter()).count..] } else { behind };
        }
        prop_assert_eq!(next.len(), long.len());
        for i in 0..long.len() {
            let [short, next, long] = [&short, &next, &long].map(|tracker| tracker.case(i));
            let told = [&short, &next, &long].map(|case| format!("{:#?} {:#?}", case.connection, case.notes));
            prop_assert_eq!(&told[0], &told[2]);
            prop_assert_eq!(&told[1], &told[2]);
        }
    }

    #[test]
    fn a_history_is_a_path_through_the_table(segments in segments(), cut in any::<prop::sample::Index>(), later in 0..200_i64) {
        let part = &segments[..=cut.index(segments.len())];
        let now = end(part) + Span::secs(later);
        let (tracker, _) = track(part);
        for c in tracker.connections() {
            for verdict in c.verdicts(now, &profile()) {
                let mut state = State::Closed;
                let mut time = Time(i64::MIN);
                for step in &verdict.steps {
                    prop_assert_eq!(step.rule.from, state);
                    prop_assert!(step.at >= time, "{:?}", verdict.steps);
                    // What the clock dates before what it answers counts as a nanosecond later than that.
                    let instants = Span(part.len() as i64);
                    prop_assert!(step.at <= now + instants, "{:?} at {now}", verdict.steps);
                    prop_assert!(step.mark.packet <= part.len() as u64 && step.mark.proof <= part.len() as u64);
                    state = step.rule.to;
                    time = step.at;
                }
                prop_assert_eq!(verdict.state(), state);
                prop_assert!(verdict.possible.has(state), "{state} not in {:?}", verdict.possible);
            }
        }
    }

    #[test]
    fn the_same_segments_give_the_same_answers(segments in segments()) {
        let now = end(&segments);
        prop_assert_eq!(told(&segments, now, Time(0), false), told(&segments, now, Time(0), false));
    }

    #[test]
    fn another_epoch_changes_nothing_but_times(segments in segments(), shift in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
        let now = end(&segments);
        let moved: Vec<Segment> =
            segments.iter().map(|s| Segment { time: s.time + Span(shift), ..*s }).collect();
        prop_assert_eq!(told(&moved, now + Span(shift), Time(shift), false), told(&segments, now, Time(0), false));
    }

    #[test]
    fn other_initial_sequence_numbers_change_nothing(segments in segments(), shifts in any::<(u32, u32)>()) {
        // By address, so that it is the same number in all incarnations.
        let shift = |s: Socket| if s.addr == segments[0].src.addr { shifts.0 } else { shifts.1 };
        let moved: Vec<Segment> = segments
            .iter()
            .map(|s| {
                let mut seg = *s;
                // A RST with the number 0 comes from an end without connection (RFC 9293 3.5.2); it has no numbers.
                if !(s.has(Flags::RST) && s.seq == 0) {
                    seg.seq = s.seq.wrapping_add(shift(s.src));
                }
                if s.has(Flags::ACK) {
                    seg.ack = s.ack.wrapping_add(shift(s.dst));
                }
                for block in &mut seg.options.sack[..usize::from(s.options.sack_blocks).min(3)] {
                    *block = (block.0.wrapping_add(shift(s.dst)), block.1.wrapping_add(shift(s.dst)));
                }
                seg
            })
            .collect();
        let zero = |list: &[Segment]| list.iter().filter(|s| s.has(Flags::RST) && s.seq == 0).count();
        prop_assume!(zero(&moved) == zero(&segments));
        let now = end(&segments);
        prop_assert_eq!(told(&moved, now, Time(0), false), told(&segments, now, Time(0), false));
    }

    #[test]
    fn exchanged_addresses_mirror_the_answers(segments in segments()) {
        // Only where there are two ends.
        let (a, b) = (segments[0].src, segments[0].dst);
        prop_assume!(a != b);
        let segments: Vec<Segment> =
            segments.into_iter().filter(|s| (s.src, s.dst) == (a, b) || (s.src, s.dst) == (b, a)).collect();
        let mirrored: Vec<Segment> = segments
            .iter()
            .map(|s| Segment { src: s.dst, dst: s.src, ..*s })
            .collect();
        let now = end(&segments);
        prop_assert_eq!(told(&mirrored, now, Time(0), true), told(&segments, now, Time(0), false));
    }
}
