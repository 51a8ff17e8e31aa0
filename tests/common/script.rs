//! Connections as they are written: most by the book, some with a fault.

#![allow(dead_code, reason = "each test file uses another part")]

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};

/// What an end does next.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Data(usize, u32),
    Ack(usize),
    Fin(usize, u32),
    /// An acknowledgment that left before the latest segments arrived: of so many parts in a hundred of what is there.
    Late(usize, u32),
    /// A FIN that left before the other's had arrived, as well.
    Cross(usize, u32),
}

/// A RST.
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// It comes behind this segment, counted round and round from the first one; or behind the first FIN.
    pub behind: Option<usize>,
    pub sender: usize,
    /// It acknowledges all there is but for so many parts in a hundred of what nothing acknowledged before; or it has no ACK.
    pub ack: Option<u32>,
    /// Since the segment before.
    pub step: i64,
    /// What is odd about it.
    pub odd: u8,
    /// It comes twice.
    pub again: bool,
}

/// A conversation as it is written: acts with the time since the one before, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Script {
    pub acts: Vec<(Act, i64)>,
    pub stamps: bool,
    /// IP identification of the first segment, ECN bits of all, scope.
    pub dress: (u16, u16, u32),
    /// Lines that detectors draw, in microseconds or bytes, as far as they are not the usual ones.
    pub lines: Option<i64>,
    pub isns: [u32; 2],
    /// At this segment: this kind of fault.
    pub fault: Option<(prop::sample::Index, u8)>,
    /// A RST ends it.
    pub reset: Option<Reset>,
    /// All there is are the SYN and as many more as there are times, with what is odd about them.
    pub syns: Option<Vec<(i64, u8)>>,
    /// From the last segment to the end of the capture.
    pub rest: i64,
    /// After so long this end uses the ports again; whether the other accepts that.
    pub again: Option<(i64, usize, bool)>,
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), 0..2_000_000_i64, 0..90_000_000_i64, 0..1_500_000_000_i64, 0..12_000_000_000_i64]
}

fn len() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1_u32), Just(100), Just(1_448), 1..60_000_u32]
}

fn act() -> impl Strategy<Value = Act> {
    (0..2_usize, 0..20_u32, len(), 0..100_u32).prop_map(|(x, kind, len, share)| match kind {
        0..12 => Act::Data(x, len),
        12..19 => Act::Ack(x),
        _ => Act::Late(x, share),
    })
}

/// What passes between the handshake and the close: mostly little, and no more than a tape holds.
fn turns() -> impl Strategy<Value = Vec<(Act, i64)>> {
    let turns = |size| prop::collection::vec((act(), step()), size);
    prop_oneof![4 => turns(0..14), 1 => turns(40..80)]
}

prop_compose! {
    fn reset()(
        // Often the SYN.
        behind in prop_oneof![1 => Just(Some(0)), 3 => (1..60_usize).prop_map(Some), 2 => Just(None)],
        sender in 0..2_usize,
        ack in prop_oneof![1 => Just(None), 3 => Just(Some(0)), 1 => (0..100_u32).prop_map(Some)],
        step in step(),
        odd in prop_oneof![6 => Just(0_u8), 4 => 1..10_u8],
        again in prop::bool::weighted(0.1),
    ) -> Reset {
        Reset { behind, sender: if behind == Some(0) { 1 } else { sender }, ack, step, odd, again }
    }
}

prop_compose! {
    /// One that a RST ends, which may refuse the SYN.
    pub fn broken()(script in script().boxed(), reset in reset(), again in prop::bool::weighted(0.1)) -> Script {
        Script { reset: Some(reset), again: script.again.filter(|_| again), ..script }
    }
}

prop_compose! {
    pub fn script()(
        turns in turns(),
        opening in (step(), step()),
        carried in prop::option::weighted(0.1, len()),
        closer in 0..2_usize,
        with_data in prop::option::weighted(0.3, len()),
        acked in any::<bool>(),
        closing in (step(), step(), step(), step()),
        last_words in prop::collection::vec((len(), step()), 0..3),
        late in prop::collection::vec((0..100_u32, step()), 0..3),
        stamps in any::<bool>(),
        dress in (prop_oneof![Just(0_u16), any::<u16>()], prop_oneof![Just(0_u16), Just(0x40), Just(0xc0)], 0..2_u32),
        lines in prop::option::of(prop_oneof![Just(0_i64), Just(1), Just(1_000), 0..3_000_000_i64]),
        isns in (any::<u32>(), any::<u32>()),
        fault in prop::option::weighted(0.3, (any::<prop::sample::Index>(), 0..9_u8)),
        again in prop::option::of((prop_oneof![1..2_000_000_i64, 59_000_000_000..66_000_000_000_i64], 0..2_usize, any::<bool>())),
        rest in prop_oneof![0..2_000_000_000_i64, 0..8_000_000_000_i64, 50_000_000_000..70_000_000_000_i64, 0..300_000_000_000_i64],
    ) -> Script {
        // The opening's times come first.
        let ack = carried.map_or(Act::Ack(0), |len| Act::Data(0, len));
        let mut acts = vec![(Act::Ack(1), opening.0), (ack, opening.1)];
        acts.extend(turns);
        acts.push((Act::Ack(1 - closer), closing.3));
        acts.extend(last_words.into_iter().map(|(len, step)| (Act::Data(closer, len), step)));
        acts.push((Act::Fin(closer, with_data.unwrap_or(0)), closing.0));
        acts.extend(late.into_iter().map(|(share, step)| (Act::Late(1 - closer, share), step)));
        if acked {
            acts.push((Act::Ack(1 - closer), closing.1));
        }
        acts.push((Act::Fin(1 - closer, 0), closing.2));
        acts.push((Act::Ack(closer), closing.3));
        Script { acts, stamps, dress, lines, isns: [isns.0, isns.1], fault, reset: None, syns: None, rest, again }
    }
}

prop_compose! {
    /// One whose FINs cross.
    pub fn crossed()(
        script in script().boxed(),
        share in 0..100_u32,
        first in 0..2_usize,
        steps in (step(), step(), step()),
        again in prop::bool::weighted(0.1),
    ) -> Script {
        let (mut acts, (closer, behind_fin)) = (script.acts.clone(), script.first_fin());
        acts.truncate(behind_fin);
        acts.extend([(Act::Cross(1 - closer, share), steps.0), (Act::Ack(first), steps.1), (Act::Ack(1 - first), steps.2)]);
        Script { acts, again: script.again.filter(|_| again), ..script }
    }
}

prop_compose! {
    /// One of which one end goes on behind the other's FIN.
    pub fn halved()(
        script in script().boxed(),
        behind in prop::collection::vec((0..5_u32, len(), step(), 0..100_u32), 1..10),
        acked in any::<bool>(),
        again in prop::bool::weighted(0.1),
    ) -> Script {
        let (mut acts, (closer, behind_fin)) = (script.acts.clone(), script.first_fin());
        let rest = acts.split_off(behind_fin);
        acts.extend(acked.then_some((Act::Ack(1 - closer), behind[0].2)));
        acts.extend(behind.into_iter().map(|(kind, len, step, share)| match kind {
            0 => (Act::Late(closer, share), step),
            1 => (Act::Ack(closer), step),
            _ => (Act::Data(1 - closer, len), step),
        }));
        acts.extend(rest);
        Script { acts, again: script.again.filter(|_| again), ..script }
    }
}

prop_compose! {
    /// One whose SYN is sent again and again, mostly as it was, and mostly nobody answers.
    pub fn unanswered()(
        script in script().boxed(),
        syns in prop::collection::vec(
            (
                prop_oneof![1 => step(), 4 => 900_000_000..9_000_000_000_i64, 1 => 90_000_000..120_000_000_i64],
                prop_oneof![20 => Just(0_u8), 1 => 1..12_u8],
            ),
            1..8,
        ),
        (faulty, again, answered) in (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.05)),
    ) -> Script {
        let (fault, again) = (script.fault.filter(|_| faulty), script.again.filter(|_| again));
        Script { syns: (!answered).then_some(syns), fault, again, ..script }
    }
}

/// `syn` again after so long, of which this is odd.
fn again(syn: &Segment, (step, odd): (i64, u8)) -> Segment {
    let mut seg = Segment { time: syn.time + Span(step), packet: syn.packet + 1, ..*syn };
    seg.ip_id = if syn.ip_id == 0 || odd == 1 { syn.ip_id } else { syn.ip_id.wrapping_add(1) };
    if let Some(stamps) = &mut seg.options.timestamps {
        stamps.value = stamps.value.wrapping_add(if matches!(odd, 1 | 2) { 0 } else { (step / 1_000_000) as u32 });
        stamps.echo = stamps.echo.wrapping_add((odd == 3).into());
    }
    match odd {
        4 => seg.options.timestamps = None,
        5 => seg.options.mss = Some(536),
        6 => seg.options.window_scale = None,
        7 => seg.ttl = 30,
        8 => seg.window = 0,
        9 => (seg.src, seg.dst) = (syn.dst, syn.src),
        10 => seg.seq = syn.seq.wrapping_add(1),
        11 => seg.flags = Flags(syn.flags.0 ^ 0xc0),
        _ => {}
    }
    seg
}

impl Script {
    /// Which end closes first, and where the acts begin that come behind its FIN and what left before that arrived.
    fn first_fin(&self) -> (usize, usize) {
        let fin = self.acts.iter().position(|(act, _)| matches!(act, Act::Fin(..))).unwrap_or_default();
        let closer = if let (Act::Fin(x, _), _) = self.acts[fin] { x } else { 0 };
        let late = self.acts[fin + 1..].iter().take_while(|(act, _)| matches!(act, Act::Late(..))).count();
        (closer, fin + 1 + late)
    }

    /// What `reset` is behind these segments.
    fn rst(&self, segments: &[Segment], ends: [Socket; 2], reset: &Reset) -> Vec<Segment> {
        let Reset { sender: x, ack, step, odd, again, .. } = *reset;
        let of = |x: usize| segments.iter().rev().find(|seg| seg.src == ends[x]);
        let next = [0, 1].map(|x| of(x).map_or(0, Segment::end));
        let acked = of(x).filter(|seg| seg.has(Flags::ACK)).map_or(self.isns[1 - x], |seg| seg.ack);
        let less = ack.map_or(0, |less| (u64::from(next[1 - x].wrapping_sub(acked)) * u64::from(less) / 100) as u32);
        let Some(last) = segments.last() else { return Vec::new() };
        let (time, value) = (last.time + Span(step), (last.time.0 / 1_000_000) as u32);
        let stamps = (self.stamps && odd == 1).then_some(Timestamps { value, echo: value.wrapping_sub(5_000) });
        let seg = Segment {
            time: if odd == 2 { time - Span(2_000_000) } else { time },
            packet: last.packet + 1,
            src: ends[x],
            dst: ends[1 - x],
            seq: next[x].wrapping_add(match odd {
                3 => 1,
                4 => 1_u32.wrapping_neg(),
                _ => 0,
            }),
            ack: if ack.is_some() { next[1 - x].wrapping_sub(less).wrapping_add((odd == 5).into()) } else { 0 },
            len: if odd == 6 { 3 } else { 0 },
            captured: 0,
            flags: match (ack, odd) {
                (None, _) => Flags::RST,
                (_, 7) => Flags::RST | Flags::ACK | Flags::PSH,
                (_, 8) => Flags::RST | Flags::ACK | Flags::FIN,
                _ => Flags::RST | Flags::ACK,
            },
            window: if odd == 1 { 7 } else { 0 },
            ttl: if odd == 9 { 30 } else { 64 - x as u8 },
            options: Options { timestamps: stamps, ..Options::default() },
            ..*last
        };
        let twin = Segment { packet: seg.packet + 1, ..seg };
        if again { vec![seg, twin] } else { vec![seg] }
    }

    pub fn segments(&self) -> Vec<Segment> {
        let ends =
            [40_000, 443].map(|port| Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, (port % 7) as u8)), port });
        let (mut next, mut acked, mut now) = (self.isns, self.isns, Time(1_700_000_000_000_000_000));
        let mut segments: Vec<Segment> = Vec::new();
        let mut send = |x: usize, flags: Flags, len: u32, step: i64, next: &mut [u32; 2], less: u32| {
            now = now + Span(step);
            let value = (now.0 / 1_000_000) as u32;
            let syn = flags.has(Flags::SYN);
            let stamps = self.stamps.then_some(Timestamps { value, echo: value.wrapping_sub(1) });
            let seg = Segment {
                time: now,
                packet: segments.len() as u64 + 1,
                src: ends[x],
                dst: ends[1 - x],
                scope: ScopeId(self.dress.2),
                seq: next[x],
                ack: if flags.has(Flags::ACK) { next[1 - x].wrapping_sub(less) } else { 0 },
                len,
                captured: len,
                flags: Flags(flags.0 | self.dress.1),
                window: 500,
                checksum: segments.len() as u16,
                ip_id: if self.dress.0 == 0 { 0 } else { self.dress.0.wrapping_add(segments.len() as u16) },
                ttl: 64 - x as u8,
                options: Options {
                    mss: syn.then_some(60_000),
                    window_scale: syn.then_some(7),
                    timestamps: stamps,
                    ..Options::default()
                },
            };
            next[x] = seg.end();
            segments.push(seg);
        };
        send(0, Flags::SYN, 0, 0, &mut next, 0);
        send(1, Flags::SYN | Flags::ACK, 0, self.acts[0].1, &mut next, 0);
        (acked[0], acked[1]) = (next[0], next[1]);
        let carried = if let Act::Data(_, len) = self.acts[1].0 { len } else { 0 };
        send(0, Flags::ACK, carried, self.acts[1].1, &mut next, 0);
        for (act, step) in &self.acts[2..] {
            let x = match act {
                Act::Data(x, _) | Act::Ack(x) | Act::Fin(x, _) | Act::Late(x, _) | Act::Cross(x, _) => *x,
            };
            let there = next[1 - x].wrapping_sub(acked[1 - x]);
            match act {
                Act::Data(_, len) => send(x, Flags::ACK | Flags::PSH, *len, *step, &mut next, 0),
                // Nothing new to acknowledge.
                Act::Ack(_) | Act::Late(..) if there == 0 => continue,
                Act::Ack(_) => send(x, Flags::ACK, 0, *step, &mut next, 0),
                Act::Fin(_, len) => send(x, Flags::ACK | Flags::FIN, *len, *step, &mut next, 0),
                Act::Late(_, share) => {
                    let news = (u64::from(there) * u64::from(*share) / 100) as u32;
                    if news == 0 {
                        continue;
                    }
                    send(x, Flags::ACK, 0, *step, &mut next, there - news);
                    acked[1 - x] = acked[1 - x].wrapping_add(news);
                    continue;
                }
                Act::Cross(_, share) => {
                    let news = (u64::from(there) * u64::from(*share) / 100) as u32;
                    send(x, Flags::ACK | Flags::FIN, 0, *step, &mut next, there - news);
                    acked[1 - x] = acked[1 - x].wrapping_add(news);
                    continue;
                }
            }
            acked[1 - x] = next[1 - x];
        }
        if let Some(syns) = &self.syns {
            segments.truncate(1);
            for syn in syns {
                segments.extend(segments.last().map(|last| again(last, *syn)));
            }
        }
        if let Some(reset) = &self.reset {
            let behind = reset.behind.map(|behind| behind % segments.len());
            let fin = || segments.iter().position(|seg| seg.has(Flags::FIN));
            segments.truncate(1 + behind.or_else(fin).unwrap_or_default());
            segments.extend(self.rst(&segments, ends, reset));
        }
        if let Some((at, fault)) = &self.fault {
            let i = at.index(segments.len());
            match fault {
                0 => _ = segments.remove(i),
                1 => segments.insert(i, segments[i]),
                2 => segments[i..].rotate_left(1),
                3 => segments[i].window = 0,
                4 => segments[i].ack = segments[i].ack.wrapping_sub(1),
                5 => segments[i].flags = Flags(segments[i].flags.0 ^ Flags::FIN.0),
                6 => {
                    let src = segments[i].src;
                    segments[..=i].iter_mut().filter(|seg| seg.src == src).for_each(|seg| seg.ttl = 0);
                }
                7 => segments[i].options.timestamps = None,
                _ => segments[i].time = segments[i].time - Span(1_000_000),
            }
            (1..).zip(&mut segments).for_each(|(n, seg)| seg.packet = n);
        }
        if let (Some((step, x, accepted)), Some(last)) = (self.again, segments.last().copied()) {
            let seq = self.isns.map(|isn| isn.wrapping_add(1 << 30));
            let (src, dst) = (ends[x], ends[1 - x]);
            let (time, packet) = (last.time + Span(step), last.packet + 1);
            let syn =
                Segment { time, packet, src, dst, seq: seq[x], ack: 0, len: 0, captured: 0, flags: Flags::SYN, ..last };
            segments.push(syn);
            if accepted {
                let (flags, packet) = (Flags(Flags::SYN.0 | Flags::ACK.0), packet + 1);
                let (src, dst, seq, ack) = (dst, src, seq[1 - x], seq[x].wrapping_add(1));
                segments.push(Segment { packet, src, dst, seq, ack, flags, ..syn });
            }
        }
        segments
    }
}

/// One without anything odd.
pub fn plain(acts: impl Iterator<Item = (Act, i64)>) -> Script {
    let acts = acts.collect();
    Script {
        acts,
        stamps: false,
        dress: (7, 0, 0),
        lines: None,
        isns: [u32::MAX - 50, 9],
        fault: None,
        reset: None,
        syns: None,
        rest: 0,
        again: None,
    }
}
