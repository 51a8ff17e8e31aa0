//! A lone SYN comes to the same by the short way as by the long one: histories, measurements, what detectors say, and its
//! line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use tcpstate::analyze::{Analysis, Options, Wanted};
use tcpstate::detect::{self, Attempt, Digests, Limits, Scene, Unremarkable, View, thresholds};
use tcpstate::render::facts::Parts;
use tcpstate::render::pen::Lines;
use tcpstate::render::rank::Kinds;
use tcpstate::report::directory::{Directory, Parties};
use tcpstate::report::totals::Totals;
use tcpstate::report::{Ending, Outcome, PerSide, Row};
use tcpstate::segment::{self, Flags, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};
use tcpstate::timing::{Census, Extent, Vantage, table};
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Fate, Stack, Verdict};

const BEGIN: Time = Time(1_700_000_000_000_000_000);

fn at(last: u8, port: u16) -> Socket {
    Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port }
}

fn segment(packet: u64, src: Socket, dst: Socket, flags: Flags) -> Segment {
    Segment {
        time: BEGIN,
        packet,
        src,
        dst,
        scope: ScopeId(0),
        seq: 5,
        ack: 0,
        len: 0,
        captured: 0,
        flags,
        window: 1_000,
        checksum: 0,
        ip_id: 0,
        ttl: 64,
        options: segment::Options::default(),
    }
}

/// A SYN, and what is around it.
#[derive(Clone, Debug)]
struct Scenery {
    syn: Segment,
    /// From it to the end of the capture.
    rest: i64,
    /// All lines that detectors draw, in microseconds or bytes, if they are not the usual ones.
    lines: Option<i64>,
    /// Others were heard by the server, of which nothing was captured.
    unseen: bool,
    /// The capture misses much.
    lossy: bool,
    stack: Stack,
}

prop_compose! {
    fn scenery()(
        flags in prop_oneof![4 => Just(Flags::SYN.0), 1 => Just(Flags::SYN.0 | 0xc0), 1 => any::<u16>().prop_map(|f| f & 0x1ff)],
        (seq, window, ip_id) in (any::<u32>(), any::<u16>(), any::<u16>()),
        len in prop_oneof![9 => Just(0_u32), 1 => 1..100_u32],
        (mss, scale) in (prop::option::of(any::<u16>()), prop::option::of(0..15_u8)),
        stamps in prop::option::of((any::<u32>(), any::<u32>())),
        (cut, fast_open) in (prop::bool::weighted(0.05), prop::bool::weighted(0.05)),
        scope in 0..2_u32,
        rest in prop_oneof![-5_000_000..5_000_000_i64, 0..4_000_000_000_i64, 0..300_000_000_000_i64],
        lines in prop::option::of(prop_oneof![Just(0_i64), Just(1), 0..100_000_000_i64]),
        (unseen, lossy) in (any::<bool>(), any::<bool>()),
        stack in prop::sample::select(Stack::ALL.iter().map(|s| s.1).collect::<Vec<_>>()),
    ) -> Scenery {
        let options = segment::Options {
            mss,
            window_scale: scale,
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            cut,
            fast_open,
            ..segment::Options::default()
        };
        let syn = Segment {
            seq, window, ip_id, len, captured: len, options, scope: ScopeId(scope),
            ..segment(7, at(1, 40_000), at(2, 443), Flags(flags))
        };
        Scenery { syn, rest, lines, unseen, lossy, stack }
    }
}

/// Whether the short way is open to it; if so it comes to the same as the long one.
fn agrees(scenery: &Scenery) -> bool {
    let mut limits = Limits::default();
    if let Some(line) = scenery.lines {
        thresholds().for_each(|(_, threshold)| limits.put(threshold, line));
    }
    let options = Options { limits: limits.clone(), stack: scenery.stack, ..Default::default() };
    let mut analysis = Analysis::new(options);
    analysis.until(scenery.syn.time);
    analysis.segment(&scenery.syn);
    let end = scenery.syn.time + Span(scenery.rest);
    let Some(lone) = analysis.tracker().lone(0) else { return false };
    if scenery.unseen {
        for (packet, flags) in [(8, Flags::SYN), (9, Flags::ACK), (10, Flags::ACK)] {
            let ack = if flags == Flags::ACK { 100 * packet as u32 } else { 0 };
            let seq = if flags == Flags::ACK { 6 } else { 5 };
            analysis.segment(&Segment { seq, ack, ..segment(packet, at(3, 40_001), at(2, 80), flags) });
        }
    }
    let case = analysis.tracker().case(0);
    let (c, noted) = (&case.connection, &case.notes);
    assert_eq!(lone.outline(), c.outline());
    let (mut long, mut short) = (Weighing::default(), Weighing::default());
    let long = c.weigh(end, analysis.profile(), &mut long);
    let short = short.weigh_lone(&lone, end, analysis.profile());
    assert_eq!(format!("{long:?}"), format!("{short:?}"));
    // What it is called and how long it took is the same.
    let (outline, ending) = (&c.outline(), Ending::of_lone(short));
    assert_eq!(format!("{:?}", Ending::of(outline, long)), format!("{ending:?}"));
    assert_eq!(noted.measured.handshake.round_trip(), None);
    let (mut directory, mut census) = (Directory::default(), Census::default());
    let parties = directory.parties(c.sockets[0].addr, c.sockets[1]);
    census.count(parties, Extent::Full);
    for extent in [Extent::Full, Extent::Short] {
        let [mut slow, mut fast] = [0; 2].map(|_| table::Builder::new(extent, &census, &directory));
        let proofs = noted.measured.proofs();
        slow.add(&noted.measured, (slow.seats(parties), outline), (long, &proofs), None, end);
        fast.add_lone(fast.seats(parties), short, None, end);
        assert_eq!(format!("{:?}", slow.finish()), format!("{:?}", fast.finish()));
    }
    // Detectors say the same.
    let mut scene = analysis.scene(end);
    if scenery.lossy {
        (scene.quality.unique, scene.quality.missing) = (1, 1);
    }
    assert!(!scenery.unseen || scene.is_unseen(c.sockets[1].addr));
    let mut briefs = Vec::new();
    detect::briefs(&View::new((c, c.client().0, 1), long, noted.both(), None, &scene), &mut briefs);
    let said = Unremarkable::within(&limits).lone(&short[0], c.sockets[1].addr, &scene);
    assert_eq!(briefs, Vec::from_iter(said));
    let [mut slow, mut fast] = <[Digests; 2]>::default();
    slow.push(
        (1, parties),
        outline,
        long,
        (ending.outcome, noted.signals.last_data(), Attempt::of(c, &noted.signals)),
        &briefs,
        &scene,
    );
    if fast.push_lone((1, parties), outline, short, ending.outcome) {
        assert_eq!(format!("{slow:?}"), format!("{fast:?}"));
    }
    fate_agrees((1, parties), &scene, &limits, (short, &fast));
    true
}

/// What is told by its age alone is the same, where that tells it.
fn fate_agrees((id, parties): (u64, Parties), scene: &Scene, limits: &Limits, like: (&[Verdict; 2], &Digests)) {
    let (verdicts, digests) = like;
    let syn = verdicts[0].steps[0].mark;
    let Some(fate) = Fate::of(syn.time, scene.end, &scene.profile) else { return };
    let outcome = Ending::of_lone(verdicts).outcome;
    assert_eq!(Outcome::of_fate(fate), outcome);
    let mut fast = Digests::default();
    fast.push_fate((id, parties), (syn.time, syn.packet), fate);
    assert_eq!(format!("{digests:?}"), format!("{fast:?}"));
    let waited = if let Fate::GivenUp(at) = fate { at } else { scene.end } - syn.time;
    let unremarkable = Unremarkable::within(limits);
    let said = unremarkable.lines(scene).lone((syn.time, syn.packet), waited);
    let server = scene.directory.socket(parties.service).addr;
    assert_eq!(unremarkable.lone(&verdicts[0], server, scene), said.filter(|_| !scene.is_unseen(server)));
    let [mut slow, mut fast] = [0; 2].map(|_| Totals::new(1, scene.begin, scene.end));
    let [client, server] = verdicts;
    slow.connection(Ending::of_lone(verdicts), PerSide { client, server }, 0);
    fast.lone(fate, syn.time);
    fast.lones(fate, 1);
    assert_eq!(format!("{slow:?}"), format!("{fast:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_lone_syn_comes_to_the_same_either_way(scenery in scenery()) {
        let syn = &scenery.syn;
        let plain = syn.flags.0 & 0x3f == Flags::SYN.0 && syn.len == 0 && !syn.options.cut && !syn.options.fast_open;
        prop_assert_eq!(agrees(&scenery), plain);
    }
}

/// Many SYNs, and what is around them.
#[derive(Clone, Debug)]
struct Flood {
    /// Each with the time from the one before, in nanoseconds.
    syns: Vec<(i64, Segment)>,
    /// From the last one to the end of the capture, in nanoseconds.
    rest: i64,
    /// Time 0 is when it begins.
    early: bool,
    options: Options,
    /// Others were heard by a server, of which nothing was captured.
    unseen: bool,
    /// The capture misses much.
    lossy: bool,
}

/// Few hosts, so that some are met again: also such as a made-up SYN might have.
fn host() -> impl Strategy<Value = IpAddr> {
    let long = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, host));
    prop_oneof![
        6 => (1..6_u8).prop_map(|host| at(host, 0).addr),
        3 => (1..4_u16).prop_map(long),
        1 => Just(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 213))),
        1 => Just(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 178))),
        1 => Just("::ffff:192.0.2.1".parse().expect("an address")),
        1 => any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        1 => any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ]
}

fn socket() -> impl Strategy<Value = Socket> {
    let port = prop_oneof![4 => any::<u16>(), 2 => Just(443), 1 => Just(48_271), 1 => Just(59_638)];
    (host(), port).prop_map(|(addr, port)| Socket { addr, port })
}

prop_compose! {
    fn flood()(
        syns in prop::collection::vec(
            (prop_oneof![4 => 0..2_000_000_i64, 1 => Just(0_i64), 1 => 0..5_000_000_000_i64, 1 => (0..90_i64).prop_map(|s| s * 1_000_000_000)],
             socket(), socket(), 0..2_u32, prop::bool::weighted(0.1)),
            1..120,
        ),
        rest in prop_oneof![Just(0_i64), 0..4_000_000_000_i64, (0..70_i64).prop_map(|s| s * 1_000_000_000), 0..300_000_000_000_i64],
        lines in prop::option::of(prop_oneof![Just(0_i64), Just(1), 0..100_000_000_000_i64]),
        (unseen, lossy, early) in (any::<bool>(), any::<bool>(), any::<bool>()),
        stack in prop::sample::select(Stack::ALL.iter().map(|s| s.1).collect::<Vec<_>>()),
        vantage in prop::option::of(Just(Vantage::Server)),
    ) -> Flood {
        let mut limits = Limits::default();
        if let Some(line) = lines {
            thresholds().for_each(|(_, threshold)| limits.put(threshold, line));
        }
        let syns = (1..).zip(syns).map(|(packet, (after, src, dst, scope, rare))| {
            let flags = if rare { Flags(Flags::SYN.0 | Flags::RST.0) } else { Flags::SYN };
            (after, Segment { scope: ScopeId(scope), ..segment(packet, src, dst, flags) })
        });
        let options = Options { limits, stack, vantage, ..Default::default() };
        Flood { syns: syns.collect(), rest, early, options, unseen, lossy }
    }
}

/// The lines of all connections, and how many were written in short.
fn lines(analysis: &Analysis, lone_in_short: bool) -> (String, usize) {
    let (mut finish, mut lines, mut short) = (analysis.ended(Vec::new()), Lines::default(), 0);
    while let Some(stretch) = finish.next(Wanted { connections: true, lone_in_short, ..Wanted::default() }) {
        lines.lines(&stretch.connections, &stretch.lone, |_| Ok(())).expect("no error");
        short += stretch.lone.syns.len();
    }
    (String::from_utf8(lines.written().to_vec()).expect("text"), short)
}

impl Flood {
    fn analysis(&self) -> Analysis {
        let mut analysis = Analysis::new(self.options.clone());
        let mut time = if self.early { Time(0) } else { BEGIN };
        for (after, syn) in &self.syns {
            time = time + Span(*after);
            analysis.until(time);
            analysis.segment(&Segment { time, ..*syn });
        }
        let around = [(self.unseen, at(3, 50_001), at(2, 80)), (self.lossy, at(100, 50_002), at(101, 80))];
        for (src, dst) in around.into_iter().filter(|around| around.0).map(|(_, src, dst)| (src, dst)) {
            // Nothing of the one who is acknowledged, or not all of it, was captured.
            for (packet, ack) in [(1_001, 0), (1_002, 900), (1_003, 1_000)] {
                let flags = if ack == 0 { Flags::SYN } else { Flags::ACK };
                let seq = if ack == 0 { 5 } else { 6 };
                analysis.segment(&Segment { seq, ack, time, ..segment(packet, src, dst, flags) });
            }
            if dst.addr == at(101, 0).addr {
                let answer = Segment { seq: 1_000, ack: 6, time, ..segment(1_004, dst, src, Flags::ACK) };
                analysis.segment(&answer);
            }
        }
        analysis.until(time + Span(self.rest));
        analysis
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_of_lone_syns_are_the_same_in_short(flood in flood()) {
        let analysis = flood.analysis();
        prop_assert_eq!(lines(&analysis, true).0, lines(&analysis, false).0);
    }
}

/// The report without its connections, which of these are shown, what they lack, and in how many rows they came: of all in full, or
/// as tables need them.
fn tables(analysis: &Analysis, connections: bool, alike: bool) -> (String, Parts, usize) {
    let (mut finish, mut kinds, mut parts, mut rows) =
        (analysis.ended(Vec::new()), Kinds::default(), Parts::default(), 0);
    while let Some(stretch) = finish.next(Wanted { connections, alike, ..Wanted::default() }) {
        for row in stretch.connections.iter().map(Row::of).chain(stretch.rows) {
            kinds.add(row.id as usize, &row);
            parts.add(&row);
            rows += 1;
        }
    }
    let report = serde_json::to_string(&finish.report(Vec::new())).expect("a report");
    (format!("{report} {:?}", kinds.chosen(usize::MAX)), parts, rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_of_a_flood_are_the_same_as_of_any_connections(flood in flood()) {
        let analysis = Flood { options: Options { timing: Extent::Short, ..flood.options.clone() }, ..flood }.analysis();
        let slow = tables(&analysis, true, false).0;
        let [(each, parts, _), (alike, of_alike, _)] = [false, true].map(|alike| tables(&analysis, false, alike));
        prop_assert_eq!(&each, &slow);
        prop_assert_eq!((&alike, of_alike), (&slow, parts));
    }
}

#[test]
fn a_flood_takes_few_rows() {
    let server = |n: u16| Socket { addr: Ipv4Addr::new(198, 51, 100, n as u8 % 9).into(), port: 80 + n % 3 };
    let syns =
        (1..=30_000_u16).map(|n| (1_000_000, segment(n.into(), at(n as u8, n), server(n), Flags::SYN))).collect();
    let options = Options { timing: Extent::Short, ..Options::default() };
    let analysis = Flood { syns, rest: 0, early: false, options, unseen: false, lossy: false }.analysis();
    let ((slow, parts, all), (fast, of_fast, few)) = (tables(&analysis, true, false), tables(&analysis, false, true));
    assert_eq!((slow, parts), (fast, of_fast));
    assert!(all == 30_000 && few < 1_000, "{few} of {all}");
}

#[test]
fn nearly_all_of_a_flood_is_written_in_short() {
    let server = Socket { addr: Ipv4Addr::new(198, 51, 100, 7).into(), port: 80 };
    let syns = (1..=5_000_u16).map(|n| (1_000_000, segment(n.into(), at(n as u8, n), server, Flags::SYN))).collect();
    let (options, rest) = (Options::default(), 0);
    let flood = Flood { syns, rest, early: false, options, unseen: false, lossy: false };
    let ((text, short), analysis) = (lines(&flood.analysis(), true), flood.analysis());
    assert_eq!(text, lines(&analysis, false).0);
    assert!(short > 4_900, "{short} of 5000");
    assert!(text.contains("; nothing from that host was captured at all"));
}
