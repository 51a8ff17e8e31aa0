//! Connections that use a four-tuple again come to the same written down as taken at once: those that stay on tape, and those
//! that leave it for a segment that may be of another.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use proptest::sample::Index;
use tcpstate::analyze::Noted;
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};
use tcpstate::tracker::{Notes, Textbook, Tracker};

const SYN_ACK: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const FIN_ACK: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);
const RST_ACK: Flags = Flags(Flags::RST.0 | Flags::ACK.0);

/// One connection of several on the same four-tuple.
#[derive(Clone, Debug)]
struct Talk {
    /// Which end begins it, and which closes it.
    ends: (usize, usize),
    plan: u8,
    turns: Vec<(usize, u32)>,
    /// How far its numbers lie from the last ones of the connection before.
    numbers: [u32; 2],
    /// From the connection before, and between two segments.
    steps: (i64, i64),
    /// What is odd: at this segment, this, of that segment.
    odd: Vec<(Index, u8, Index, i64)>,
}

fn distance() -> impl Strategy<Value = u32> {
    // What decides is how far 2^22 and 2^23 are: either way, and a little more or less.
    let edge = prop_oneof![Just(0_u32), Just(1 << 14), Just(1 << 16), Just(1 << 22), Just(1 << 23), Just(1 << 31)];
    let near = (edge, any::<bool>(), 0..140_000_u32).prop_map(|(edge, below, more)| {
        if below { edge.wrapping_neg() } else { edge }.wrapping_add(more).wrapping_sub(70_000)
    });
    prop_oneof![3 => any::<u32>(), 1 => prop_oneof![Just(0_u32), Just(1), Just(u32::MAX)], 1 => near]
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), 0..400_000_i64, 0..90_000_000_i64, 0..1_500_000_000_i64]
}

prop_compose! {
    fn talk(odd: usize)(
        ends in (prop::bool::weighted(0.1), 0..2_usize),
        plan in prop_oneof![4 => Just(0_u8), 3 => 0..9_u8],
        turns in prop_oneof![
            5 => prop::collection::vec((0..2_usize, prop_oneof![Just(1_u32), Just(1_448), 1..60_000_u32]), 0..6),
            1 => prop::collection::vec((prop::bool::weighted(0.1).prop_map(usize::from), Just(60_000_u32)), 0..44),
        ],
        numbers in [distance(), distance()],
        steps in (prop_oneof![step(), 0..5_000_000_000_i64, 50_000_000_000..75_000_000_000_i64], step()),
        odd in prop::collection::vec((any::<Index>(), 0..12_u8, any::<Index>(), step()), 0..=odd),
    ) -> Talk {
        Talk { ends: (usize::from(ends.0), ends.1), plan, turns, numbers, steps, odd }
    }
}

fn sockets() -> [Socket; 2] {
    [(1, 40_000), (2, 443)].map(|(host, port)| Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port })
}

/// What is written of some connections, one after the other.
struct Book {
    all: Vec<Segment>,
    now: Time,
    next: [u32; 2],
    step: Span,
    dress: (u16, bool),
}

impl Book {
    fn send(&mut self, x: usize, flags: Flags, len: u32) {
        let (ends, n) = (sockets(), self.all.len());
        let value = (self.now.0 / 1_000_000) as u32;
        let timestamps = self.dress.1.then_some(Timestamps { value, echo: value.wrapping_sub(1) });
        let seq = if flags == RST_ACK && self.next[x] == 0 { 0 } else { self.next[x] };
        let seg = Segment {
            time: self.now,
            packet: 0,
            src: ends[x],
            dst: ends[1 - x],
            scope: ScopeId(0),
            seq,
            ack: if flags.has(Flags::ACK) { self.next[1 - x] } else { 0 },
            len,
            captured: len,
            flags,
            window: 500,
            checksum: n as u16,
            ip_id: if self.dress.0 == 0 { 0 } else { self.dress.0.wrapping_add(n as u16) },
            ttl: 64 - x as u8,
            options: Options { mss: flags.has(Flags::SYN).then_some(60_000), timestamps, ..Options::default() },
        };
        self.next[x] = seg.end();
        self.all.push(seg);
        self.now = self.now + self.step;
    }

    fn talk(&mut self, talk: &Talk) {
        let (x, closer) = talk.ends;
        let y = 1 - x;
        self.now = self.now + Span(talk.steps.0);
        self.step = Span(talk.steps.1);
        let begin = self.all.len();
        (0..2).for_each(|e| self.next[e] = self.next[e].wrapping_add(talk.numbers[e]));
        self.send(x, Flags::SYN, 0);
        match talk.plan {
            // Nobody answers; it is refused; the answer is not captured.
            1 => {}
            2 => {
                let own = std::mem::replace(&mut self.next[y], 0);
                self.send(y, RST_ACK, 0);
                self.next[y] = own;
            }
            3 => (0..2).for_each(|_| self.send(x, Flags::ACK, 10)),
            plan => {
                self.send(y, SYN_ACK, 0);
                self.send(x, Flags::ACK, 0);
                for (from, len) in &talk.turns {
                    self.send(*from, Flags::ACK, *len);
                }
                match plan {
                    4 => self.send(closer, RST_ACK, 0),
                    5 => self.send(closer, Flags::RST, 0),
                    6 => {}
                    7 => self.send(closer, FIN_ACK, 0),
                    _ => {
                        self.send(closer, FIN_ACK, 0);
                        self.send(1 - closer, FIN_ACK, 0);
                        self.send(closer, Flags::ACK, 0);
                    }
                }
            }
        }
        for (at, kind, of, later) in &talk.odd {
            let at = begin + at.index(self.all.len() - begin);
            let other = self.all[of.index(self.all.len())];
            let time = self.all[at].time + Span(*later);
            let odd = match kind {
                // Something from before, as it was, or sent again.
                0 => Segment { time, ..other },
                1 => Segment { time, ip_id: other.ip_id.wrapping_add(1), checksum: 9, ..other },
                2 => Segment { time, flags: RST_ACK, len: 0, captured: 0, ..other },
                3 => Segment { time, flags: Flags::RST, len: 0, captured: 0, seq: other.ack, ack: 0, ..other },
                4 => Segment { time, seq: other.seq.wrapping_add(1 << 29), ..other },
                5 => Segment { time, ack: other.ack.wrapping_add(1 << 29), ..other },
                6 => Segment { time, flags: Flags(other.flags.0 ^ Flags::SYN.0), ..other },
                7 => Segment { time: self.all[at].time - Span(1_000_000), ..self.all[at] },
                // A keepalive; one far on; one that is captured again in another network.
                8 => Segment { time, seq: other.seq.wrapping_sub(1), flags: Flags::ACK, len: 0, captured: 0, ..other },
                9 => Segment { time, seq: other.seq.wrapping_add(1 << (12 + later % 12)), ..other },
                10 => Segment { scope: ScopeId(1), ttl: 60, ..self.all[at] },
                _ => Segment { time, flags: Flags(other.flags.0 ^ Flags::ACK.0), ..other },
            };
            self.all.insert(at + 1, odd);
        }
    }
}

fn segments(talks: &[Talk], dress: (u16, bool)) -> Vec<Segment> {
    let now = Time(1_700_000_000_000_000_000);
    let mut book = Book { all: Vec::new(), now, next: [7, 9], step: Span(0), dress };
    talks.iter().for_each(|talk| book.talk(talk));
    (1..).zip(&mut book.all).for_each(|(packet, seg)| seg.packet = packet);
    book.all
}

/// They are taken at once, and written down, so many looked up ahead.
fn trackers(segments: &[Segment], ahead: usize) -> [Tracker<Noted>; 2] {
    let [mut taken, mut taped] = <[Tracker<Noted>; 2]>::default();
    for some in segments.chunks(ahead) {
        let places: Vec<_> = some.iter().map(|seg| taped.ahead(seg)).collect();
        for (seg, place) in some.iter().zip(places) {
            let of = taken.segment(seg).connection;
            assert_eq!(taped.pass(seg, place), of, "packet {}", seg.packet);
        }
    }
    [taken, taped]
}

/// Whether connection `i`, read from its tape, is a textbook one.
fn is_read(tracker: &Tracker<Noted>, i: usize) -> bool {
    let mut book = Textbook::default();
    let Some(mut reading) = tracker.textbook(i, &mut book) else { return false };
    while reading.advance().is_some() {}
    reading.is_whole()
}

fn agree([taken, taped]: &[Tracker<Noted>; 2]) {
    assert_eq!(taped.len(), taken.len());
    let (mut scratch, mut glanced) = (Default::default(), Default::default());
    for i in 0..taken.len() {
        assert_eq!(taped.previous(i), taken.previous(i));
        let (one, other) = (taken.case(i), taped.look(i, &mut scratch));
        assert_eq!(format!("{:#?}", other.connection), format!("{:#?}", one.connection));
        assert_eq!(format!("{:#?}", taped.connection(i)), format!("{:#?}", one.connection));
        let glance = taped.glance(i, &mut glanced);
        assert_eq!(format!("{glance:?}"), format!("{:?}", one.notes.glance(&one.connection)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_uses_a_four_tuple_again_comes_to_the_same_written_down(
        talks in prop::collection::vec(talk(3), 2..7),
        dress in (prop_oneof![Just(0_u16), any::<u16>()], any::<bool>()),
        ahead in 1..40_usize,
    ) {
        agree(&trackers(&segments(&talks, dress), ahead));
    }

    #[test]
    fn so_it_does_where_connections_are_forgotten(
        talks in [prop::collection::vec(talk(1), 2..5), prop::collection::vec(talk(1), 1..4)],
        keep in prop::collection::vec(any::<bool>(), 1..9),
    ) {
        let all = segments(&talks.concat(), (1, false));
        let half = segments(&talks[0], (1, false)).len().min(all.len());
        let mut trackers = trackers(&all[..half], 1);
        for tracker in &mut trackers {
            tracker.evict(&keep);
        }
        let [taken, taped] = &mut trackers;
        for seg in &all[half..] {
            let place = taped.ahead(seg);
            assert_eq!(taped.pass(seg, place), taken.segment(seg).connection, "packet {}", seg.packet);
        }
        agree(&trackers);
    }
}

/// Connections of which nothing is odd, one after the other.
fn plain(count: usize, numbers: u32) -> Vec<Talk> {
    let talk = |n: usize| Talk {
        ends: (0, n % 2),
        plan: 0,
        turns: vec![(0, 100), (1, 1_448)],
        numbers: [numbers; 2],
        steps: (1_000_000, 50_000),
        odd: Vec::new(),
    };
    (0..count).map(talk).collect()
}

#[test]
fn they_stay_on_tape_where_their_numbers_lie_apart() {
    let trackers = trackers(&segments(&plain(20, 1 << 30), (1, true)), 32);
    agree(&trackers);
    let [_, taped] = &trackers;
    assert_eq!(taped.len(), 20);
    assert!((0..20).all(|i| is_read(taped, i)));
}

#[test]
fn where_their_numbers_are_close_to_each_other_they_are_not_written_down() {
    let trackers = trackers(&segments(&plain(20, 70_000), (1, true)), 32);
    agree(&trackers);
    let [_, taped] = &trackers;
    assert_eq!(taped.len(), 20);
    assert!((0..20).all(|i| !is_read(taped, i)));
}

#[test]
fn what_comes_late_of_the_one_before_takes_a_connection_off_its_tape() {
    let mut all = segments(&plain(2, 1 << 30), (1, false));
    let late = all[4];
    all.insert(12, Segment { time: all[11].time, ..late });
    (1..).zip(&mut all).for_each(|(packet, seg)| seg.packet = packet);
    let trackers = trackers(&all, 1);
    agree(&trackers);
    let [_, taped] = &trackers;
    assert_eq!(taped.len(), 2);
    assert!(!is_read(taped, 1));
}

#[test]
fn who_is_let_go_with_its_successor_is_there_until_then() {
    let [_, mut taped] = trackers(&segments(&plain(2, 1 << 30), (1, false)), 1);
    let whole = format!("{:?}", taped.connection(0));
    taped.release(0);
    assert_eq!(format!("{:?}", taped.connection(0)), whole);
    taped.release(1);
    assert_eq!([0, 1].map(|i| taped.connection(i).ends[0].packets), [0; 2]);
}

#[test]
fn what_answers_the_one_before_while_the_next_waits_is_of_that_one() {
    let mut all = segments(&plain(2, 1 << 30), (1, false));
    all.truncate(9);
    let syn = all[8];
    let time = syn.time + Span(50_000);
    all.push(Segment { time, packet: syn.packet + 1, flags: Flags::RST, checksum: 1, ..syn });
    let trackers = trackers(&all, 1);
    agree(&trackers);
    assert_eq!([0, 1].map(|i| trackers[1].connection(i).ends[0].packets), [6, 1]);
}

#[test]
fn a_syn_ack_far_from_what_was_acknowledged_before_is_not_written_down() {
    let talk = Talk { ends: (0, 0), plan: 4, turns: vec![(1, 1)], numbers: [0; 2], steps: (0, 0), odd: Vec::new() };
    let plain = segments(&[talk], (0, false));
    let mut all = vec![plain[0], Segment { flags: RST_ACK, ..plain[1] }];
    all.push(Segment { ack: plain[2].ack.wrapping_add(1 << 29), ..plain[2] });
    all.extend(&plain[1..]);
    (1..).zip(&mut all).for_each(|(packet, seg)| seg.packet = packet);
    agree(&trackers(&all, 1));
}
