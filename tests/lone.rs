//! A lone SYN comes to the same by the short way as by the long one: histories, measurements, and what detectors say.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::analyze::Analysis;
use tcpstate::detect::{self, Limits, Unremarkable, View, thresholds};
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};
use tcpstate::timing::{Measured, summary};
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Lone, Stack};

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
        options: Options::default(),
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
        let options = Options {
            mss,
            window_scale: scale,
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            cut,
            fast_open,
            ..Options::default()
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
    let options = tcpstate::analyze::Options { limits: limits.clone(), stack: scenery.stack, ..Default::default() };
    let mut analysis = Analysis::new(options);
    analysis.until(scenery.syn.time);
    analysis.segment(&scenery.syn);
    let end = scenery.syn.time + Span(scenery.rest);
    let Some(syn) = analysis.tracker().lone_syn(0) else { return false };
    let Some(lone) = Lone::of(&syn) else { return false };
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
    // What is measured is the same.
    let mut measured = Measured::default();
    measured.textbook(0, true, &syn);
    let told = |m: &Measured| {
        let timing = summary::timing(m, &c.outline(), long, None, end);
        format!("{timing:?} {:?} {:?}", m.handshake, m.account((c.first, c.last)))
    };
    assert_eq!(told(&measured), told(&noted.measured));
    assert!(noted.measured.proofs().is_empty() && measured.flow.is_none() && noted.measured.flow.is_none());
    // Detectors say the same.
    let mut scene = analysis.scene(end);
    if scenery.lossy {
        (scene.quality.unique, scene.quality.missing) = (1, 1);
    }
    assert!(!scenery.unseen || scene.is_unseen(syn.dst.addr));
    let mut briefs = Vec::new();
    detect::briefs(&View::new((c, c.client().0, 1), long, &noted.signals, None, &scene), &mut briefs);
    let said = Unremarkable::within(&limits).lone(&short[0], syn.dst.addr, &scene);
    assert_eq!(briefs, Vec::from_iter(said));
    true
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
