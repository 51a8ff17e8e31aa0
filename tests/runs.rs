//! Segments of one end that follow each other come to the same when they are taken at once as when each is taken alone.

use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::analyze::{Analysis, Noted, Options as Asked};
use tcpstate::decode::{Bundle, Decoder};
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::source;
use tcpstate::time::Time;
use tcpstate::tracker::Tracker;

#[path = "common/traffic.rs"]
mod traffic;

/// What happens next: who, what, how many times, how much each time, and how long after each other (in microseconds).
type Act = (usize, u8, u32, u32, i64);

/// What is the same in all segments of a conversation.
#[derive(Clone, Copy, Debug)]
struct Manner {
    opened: bool,
    stamped: bool,
    /// How much each identification is above the one before.
    ids: u16,
    isn: [u32; 2],
}

struct Talk {
    manner: Manner,
    segments: Vec<Segment>,
    now: i64,
    next: [u32; 2],
    /// What each end has acknowledged of the other's stream.
    acked: [u32; 2],
}

impl Talk {
    fn new(manner: Manner) -> Talk {
        let isn = manner.isn;
        let mut talk = Talk { manner, segments: Vec::new(), now: 1_000_000_000, next: isn, acked: [isn[1], isn[0]] };
        if manner.opened {
            talk.says(0, Flags::SYN, isn[0].wrapping_sub(1), 0, 0, 1_000);
            talk.says(1, Flags::SYN | Flags::ACK, isn[1].wrapping_sub(1), isn[0], 0, 1_000);
            talk.says(0, Flags::ACK, isn[0], isn[1], 0, 1_000);
        }
        talk
    }

    fn says(&mut self, x: usize, flags: Flags, seq: u32, ack: u32, len: u32, after: i64) {
        self.now += after;
        let n = self.segments.len() as u64 + 1;
        let socket =
            |x: usize| Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + x as u8)), port: [40_000, 443][x] };
        let clock = (self.now / 1_000) as u32;
        let timestamps = self.manner.stamped.then_some(Timestamps { value: clock, echo: clock / 2 });
        self.segments.push(Segment {
            time: Time(self.now * 1_000),
            packet: n,
            src: socket(x),
            dst: socket(1 - x),
            scope: ScopeId(0),
            seq,
            ack,
            len,
            captured: len,
            flags,
            window: [65_535, 1_000, 501][n as usize % 3],
            checksum: 0,
            ip_id: self.manner.ids.wrapping_mul(n as u16),
            ttl: 64,
            options: Options { timestamps, ..Options::default() },
        });
    }

    fn does(&mut self, (x, what, times, len, after): Act) {
        let y = 1 - x;
        for n in 0..times {
            let (seq, ack) = (self.next[x], self.acked[x]);
            match what {
                // Payload, and what it acknowledges is new only in the first.
                0..=4 => {
                    self.acked[x] = self.next[y];
                    self.says(x, Flags::ACK, seq, self.next[y], len, after);
                    self.next[x] = seq.wrapping_add(len);
                }
                // Acknowledgments of as much each, up to the end.
                5..=8 => {
                    let left = self.next[y].wrapping_sub(ack);
                    let more = if n + 1 == times && what < 7 { left } else { left.min(len) };
                    self.acked[x] = ack.wrapping_add(more);
                    self.says(x, Flags::ACK, seq, self.acked[x], 0, after);
                }
                // Something is lost before the tap, or skipped.
                9 => self.next[x] = seq.wrapping_add(len),
                // Sent again, or for the first time behind a gap.
                10 => self.says(x, Flags::ACK, seq.wrapping_sub(len.saturating_mul(3)), ack, len, after),
                11 => {
                    self.says(x, Flags::ACK, seq, ack, 0, after);
                    if let Some(last) = self.segments.last_mut() {
                        let right = self.next[y];
                        (last.options.sack_blocks, last.options.sack[0]) = (1, (right.wrapping_sub(len), right));
                    }
                }
                12 => {
                    self.says(x, Flags::ACK, seq, ack, len % 2, after);
                    if let Some(last) = self.segments.last_mut() {
                        (last.window, last.scope) = [(0, ScopeId(0)), (9, ScopeId(1))][n as usize % 2];
                    }
                }
                13 => self.says(x, Flags::ACK, seq.wrapping_sub(1), ack, 0, after),
                14 => self.segments.extend(self.segments.last().copied()),
                _ => {
                    self.says(x, Flags::ACK | Flags::FIN, seq, ack, 0, after);
                    self.next[x] = seq.wrapping_add(1);
                }
            }
        }
    }
}

fn conversation(manner: Manner, acts: &[Act]) -> Vec<Segment> {
    let mut talk = Talk::new(manner);
    acts.iter().for_each(|act| talk.does(*act));
    for (seg, packet) in talk.segments.iter_mut().zip(1..) {
        seg.packet = packet;
    }
    talk.segments
}

/// Takes all both ways, which must come to the same, and writes them down to be played at the end: how many were taken as
/// parts of runs.
fn play(segments: &[Segment]) -> usize {
    let [mut alone, mut together, mut written] = <[Tracker<Noted>; 3]>::default();
    segments.iter().for_each(|seg| _ = written.pass(seg, written.ahead(seg)));
    for seg in segments {
        alone.segment(seg);
        // Whose notes may have been changed is steady no more.
        (0..alone.len()).for_each(|i| _ = alone.notes_mut(i));
    }
    // From the second segment on it has a record.
    let (first, mut rest) = segments.split_at(segments.len().min(2));
    first.iter().for_each(|seg| _ = together.segment(seg));
    let mut taken = 0;
    while let [seg, behind @ ..] = rest {
        let more = if together.pass_next(seg).1 { together.pass_run(seg, behind.iter()).count } else { 0 };
        taken += more;
        rest = &behind[more..];
    }
    assert_eq!([together.len(), written.len()], [alone.len(); 2]);
    let (mut scratch, mut glanced) = Default::default();
    for i in 0..alone.len() {
        let told = [&alone, &together, &written].map(|tracker| {
            let case = tracker.look(i, &mut scratch);
            format!("{:#?} {:#?}", case.connection, case.notes)
        });
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0], told[2]);
        let [glance, played] = [&written, &alone].map(|tracker| tracker.glance(i, &mut glanced));
        assert_eq!(format!("{glance:?}"), format!("{played:?}"));
        assert_eq!(format!("{glance:?}"), format!("{:?}", written.first_glance(i, &mut glanced)));
    }
    taken
}

fn act() -> impl Strategy<Value = Act> {
    let what = prop_oneof![8 => Just(0_u8), 8 => Just(5_u8), 3 => 0_u8..9, 2 => 9_u8..15, 1 => 0_u8..16];
    let times = prop_oneof![4 => 1_u32..6, 2 => 6_u32..90, 1 => Just(1_u32)];
    let len = prop_oneof![6 => Just(1_448_u32), 2 => 0_u32..3, 2 => 1_u32..3_000, 1 => Just(1 << 27)];
    let after = prop_oneof![8 => 0_i64..300, 2 => 0_i64..60_000, 1 => 0_i64..3_000_000, 1 => -400_i64..0];
    (0_usize..2, what, times, len, after)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_comes_to_what_its_segments_do(
        opened in prop::bool::weighted(0.8),
        stamped in any::<bool>(),
        ids in prop_oneof![Just(0_u16), Just(1), any::<u16>()],
        isn in prop::array::uniform2(prop_oneof![Just(1_000_u32), Just(u32::MAX - 90_000), any::<u32>()]),
        acts in prop::collection::vec(act(), 1..40),
    ) {
        play(&conversation(Manner { opened, stamped, ids, isn }, &acts));
    }
}

#[test]
fn most_of_a_transfer_is_runs() {
    let manner = Manner { opened: true, stamped: true, ids: 1, isn: [1_000, u32::MAX - 90_000] };
    let acts = [(1, 0, 30, 1_448, 40), (0, 5, 15, 2_896, 60)].repeat(20);
    let segments = conversation(manner, &acts);
    assert!(play(&segments) * 10 >= segments.len() * 8);
}

#[test]
fn nothing_goes_on_with_what_is_no_usual_segment() {
    let manner = Manner { opened: true, stamped: false, ids: 1, isn: [1_000, 9_000] };
    // A wait of a second, a window that closes, another VLAN.
    for odd in [(1, 0, 2, 1_448, 1_000_000), (0, 12, 2, 0, 50), (1, 14, 2, 0, 0)] {
        play(&conversation(manner, &[(1, 0, 20, 1_448, 40), odd, (1, 0, 20, 1_448, 40), (0, 5, 40, 1_448, 60), odd]));
    }
}

/// The frame of `seg`, without its payload.
fn frame(seg: &Segment, host: u8) -> traffic::Frame {
    let mut options = Vec::new();
    if let Some(stamps) = seg.options.timestamps {
        options.extend([1, 1, 8, 10]);
        options.extend([stamps.value, stamps.echo].map(u32::to_be_bytes).concat());
    }
    let from = u8::from(seg.src.port == 443);
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    bytes.extend((40 + options.len() as u16 + seg.len as u16).to_be_bytes());
    bytes.extend([seg.ip_id.to_be_bytes(), [0x40, 0], [64, 6], [0, 0]].concat());
    bytes.extend([[10, 0, host, 1 + from], [10, 0, host, 2 - from]].concat());
    bytes.extend([seg.src.port, seg.dst.port].map(u16::to_be_bytes).concat());
    bytes.extend([seg.seq, seg.ack].map(u32::to_be_bytes).concat());
    bytes.extend([(5 + options.len() as u8 / 4) << 4, seg.flags.0 as u8]);
    bytes.extend([seg.window, 0, 0].map(u16::to_be_bytes).concat());
    bytes.extend(options);
    traffic::Frame { time: seg.time.0, wire: bytes.len() as u32 + seg.len, bytes }
}

#[test]
fn a_capture_of_transfers_is_told_alike_packet_by_packet_and_in_bundles() {
    let manner = Manner { opened: true, stamped: true, ids: 1, isn: [1_000, u32::MAX - 90_000] };
    let acts = [(1, 0, 30, 1_448, 40), (0, 5, 15, 2_896, 60), (1, 9, 1, 1_448, 9), (0, 5, 1, 0, 70), (1, 0, 9, 100, 3)];
    let both = [acts.repeat(9), [&[(1, 0, 7, 1_448, 333)], &acts[..2]].concat().repeat(12)];
    let mut frames = Vec::new();
    for (acts, host) in both.iter().zip(1..) {
        frames.extend(conversation(manner, acts).iter().map(|seg| frame(seg, host)));
    }
    frames.sort_by_key(|frame| frame.time);
    let open = || source::open_reader("made", Box::new(Cursor::new(traffic::pcap(&frames)))).unwrap();

    let mut alone = Analysis::new(Asked::default());
    let (mut source, mut expected) = (open(), Vec::new());
    while let Some(packet) = source.next() {
        expected.extend(alone.take(&packet).map(|(taken, _)| taken.connection));
    }
    let mut together = Analysis::new(Asked::default());
    let (mut decoder, mut bundle, mut found, mut all) = (Decoder::new(), Bundle::default(), Vec::new(), Vec::new());
    let mut source = open();
    while let Some(packet) = source.next() {
        bundle.packet(&mut decoder, &packet);
        if bundle.packets() == 100 {
            together.bundle_of(&bundle, &mut found);
            all.append(&mut found);
            bundle.clear();
        }
    }
    together.bundle_of(&bundle, &mut found);
    all.append(&mut found);
    together.decoded_by(decoder);
    assert_eq!(all, expected);
    let told = [alone, together].map(|analysis| serde_json::to_string_pretty(&analysis.finish(Vec::new())).unwrap());
    assert_eq!(told[0], told[1]);
}
