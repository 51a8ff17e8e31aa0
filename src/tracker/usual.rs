//! The usual segment: in order, on a connection whose opening is proven and of which nothing is closing or missing. It
//! moves no state and casts no doubt, so that of all the questions asked of a segment only a few remain.
//!
//! A connection on which such segments pass is steady: what they leave as it was need not be asked of each of them.

use super::connection::{Class, Connection, before_capture};
use super::endpoint::Endpoint;
use super::log::Log;
use super::rules::{Event, Events};
use super::sequence::after;
use super::trace::Trace;
use crate::segment::{Flags, Segment};

/// What ends a connection, or may have.
const CLOSING: Events =
    Events::of(&[Event::SndFin, Event::RcvFin, Event::RcvAckOfFin, Event::SndRst, Event::RcvRst, Event::Replaced]);
/// The peer's SYN has arrived.
const SERVER: Events = Events::of(&[Event::RcvSyn, Event::SndSynAck]);
/// The handshake is complete at this end.
const COMPLETE: Events = Events::of(&[Event::RcvSynAck, Event::RcvAckOfSyn]);
/// Sequence numbers this close to each other lie inside any window, in either direction. A power of two.
pub(super) const NEAR: u32 = 1 << 29;

impl Log {
    /// Whether what this end sends proves nothing about its opening any more, and it is not closing.
    fn is_open_and_proven(&self) -> bool {
        !self.has_any(CLOSING) && self.is_proven()
    }

    /// Whether what this end sends proves nothing about its opening any more.
    #[inline(always)]
    pub(super) fn is_proven(&self) -> bool {
        if self.has_any(SERVER) {
            self.is_sure(Event::RcvAckOfSyn)
        } else {
            self.is_sure(Event::RcvSynAck) && self.has(Event::SndSyn) || self.has(Event::WasOpen)
        }
    }

    /// Whether what this end receives suggests at most that its SYN is acknowledged.
    fn waits_for_ack_of_syn(&self) -> bool {
        self.has_any(SERVER) && !self.is_any_sure(COMPLETE)
    }
}

impl Endpoint {
    /// Whether its stream is known up to its end, and the peer has acknowledged some of it.
    fn is_steady(&self) -> bool {
        self.seen
            && self.last.is_some()
            && self.acked.is_some()
            && self.contiguous == self.next
            && self.last_fin.is_none()
            && self.is_tidy()
            && !self.log.proves
            && !self.log.has_any(CLOSING)
            && !self.log.waits_for_ack_of_syn()
    }
}

impl Connection {
    /// Takes `seg` of end `x` the short way if it is a usual one; `None` leaves all as it was. Everything here is what
    /// [`Connection::take`] comes to for such a segment.
    #[inline(never)]
    pub(super) fn usual(&mut self, x: usize, seg: &Segment) -> Option<(Class, bool)> {
        if !self.is_usual(x, seg) {
            return None;
        }
        self.first = self.first.min(seg.time);
        let news = self.goes_on_with(x, seg);
        let peer = &mut self.ends[1 - x];
        // Also what was acknowledged before: of the peer's stream something may be missing that was.
        peer.acknowledge(seg.ack);
        if peer.log.waits_for_ack_of_syn() && peer.isn.is_none_or(|isn| after(seg.ack, isn)) {
            self.suggest(1 - x, Event::RcvAckOfSyn, seg);
        }
        Some((if seg.len > 0 { Class::New } else { Class::Ack }, news))
    }

    #[inline(always)]
    fn is_usual(&self, x: usize, seg: &Segment) -> bool {
        let [a, b] = &self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        // With these its scope and TTL are known, and the peer's stream has begun.
        let (Some(last), Some(acked)) = (&own.last, peer.acked) else { return false };
        let sent_acked = own.acked.unwrap_or(own.next);
        seg.flags.control() == Flags::ACK.0
            && !last.is_like(seg)
            && self.scopes[x & 1] == Some(seg.scope)
            && seg.seq == own.next
            && own.contiguous == own.next
            && own.seen
            && own.is_tidy()
            && peer.is_tidy()
            && own.last_fin.is_none()
            && seg.len < NEAR
            && own.next.wrapping_sub(sent_acked) < NEAR
            && seg.ack.wrapping_sub(acked) < NEAR
            && peer.next.wrapping_sub(seg.ack) < NEAR
            && (self.before != 0 && !own.log.has_any(CLOSING) || own.log.is_open_and_proven())
            && !peer.log.has_any(CLOSING)
    }

    /// Whether segments are usual, of either end, as long as only such come: [`Connection::take_steady`].
    pub(super) fn is_steady(&self) -> bool {
        self.ends.iter().all(Endpoint::is_steady)
            && (self.before & before_capture::OPEN != 0 || self.ends.iter().all(|end| end.log.is_open_and_proven()))
            && self.parked.is_none()
    }

    /// Takes `seg` of end `x` if the connection is steady and `seg` belongs to it, was not captured before its first one, and
    /// is a usual one; `None` leaves all as it was. Whether it acknowledges more.
    #[inline(always)]
    pub(super) fn take_steady(&mut self, x: usize, seg: &Segment) -> Option<bool> {
        let [a, b] = &self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let (last, acked, sent_acked) = (own.last.as_ref()?, peer.acked?, own.acked?);
        let distances =
            seg.len | own.next.wrapping_sub(sent_acked) | seg.ack.wrapping_sub(acked) | peer.next.wrapping_sub(seg.ack);
        let usual = seg.flags.control() == Flags::ACK.0
            && seg.seq == own.next
            && distances < NEAR
            && self.scopes[x & 1] == Some(seg.scope)
            && !last.is_like(seg);
        if !usual {
            return None;
        }
        debug_assert!(
            self.first <= seg.time
                && self.is_steady()
                && self.is_usual(x, seg)
                && self.goes_on(x, seg)
                && self.is_in_scope(x, seg)
        );
        Some(self.goes_on_with(x, seg))
    }

    /// Takes the usual segment `seg` of end `x`, all of whose peer's stream was captured. Whether it acknowledges more.
    #[inline(always)]
    pub(super) fn goes_on_with(&mut self, x: usize, seg: &Segment) -> bool {
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let news = peer.acked != Some(seg.ack);
        self.last = self.last.max(seg.time);
        self.last_packet = seg.packet;
        peer.unanswered = 0;
        if news {
            if let Some(last) = &peer.last
                && seg.ack == peer.next
                && peer.last_content.0 == last.time.into()
            {
                own.note_turnaround(seg.time - last.time);
            }
            // What is acknowledged was captured, or the caller sees to it.
            peer.acked = Some(seg.ack);
        }
        own.packets += 1;
        own.bytes += u64::from(seg.len);
        if seg.len > 0 {
            own.next = own.next.wrapping_add(seg.len);
            own.contiguous = own.next;
            own.last_content = (seg.time.into(), seg.packet);
            if seg.len > 1 {
                // Not a single byte: it might be a probe.
                self.before &= !(if x == 0 { before_capture::FIRST_CLOSED } else { before_capture::SECOND_CLOSED });
            }
        }
        let trace = Trace::of(seg);
        own.tsval_before_ack = trace.tsval();
        own.last = Some(trace);
        own.offer(seg);
        news
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::Pack;
    use crate::segment::{ScopeId, Socket, Timestamps};
    use crate::time::Time;

    fn ends() -> [Socket; 2] {
        [1, 2].map(|last| Socket { addr: [192, 0, 2, last].into(), port: 443 })
    }

    /// How many segments went which way.
    #[derive(Default)]
    pub(in crate::tracker) struct Ways {
        pub usual: usize,
        pub closing: usize,
        pub long: usize,
    }

    /// Plays segments both ways; of each, what it was taken for, and at the end all that is known must be the same.
    pub(in crate::tracker) fn play(segments: &[Segment]) -> Ways {
        let [mut short, mut long] = [(); 2].map(|()| Connection::new(&segments[0], 1));
        let mut ways = Ways::default();
        for seg in segments {
            let x = short.sender(seg);
            *match (short.is_usual(x, seg), short.clone().closing(x, seg)) {
                (true, _) => &mut ways.usual,
                (_, Some(_)) => &mut ways.closing,
                (_, None) => &mut ways.long,
            } += 1;
            let taken = short.take_from(x, seg);
            long.ends.iter_mut().for_each(|end| end.log.next());
            assert_eq!((taken, seg.packet), (long.consider(x, seg), seg.packet));
            assert_eq!(format!("{short:?}"), format!("{long:?}"));
        }
        ways
    }

    /// What an end may do next: of its stream, of what it has of the peer's, and how much.
    pub(in crate::tracker) type Act = (usize, u8, u8, u32);

    /// A conversation in which `acts` follow a handshake, if it was captured.
    pub(in crate::tracker) fn conversation(opened: bool, isn: [u32; 2], acts: &[Act]) -> Vec<Segment> {
        let (mut next, mut acked, mut list) = (isn, isn, Vec::<Segment>::new());
        let handshake = [(0, 6, 4, 0), (1, 6, 0, 0), (0, 4, 0, 0)];
        let opening = if opened { &handshake[..] } else { &[] };
        for (n, (x, what, ack, len)) in (1..).zip(opening.iter().chain(acts)) {
            let (x, y, scope) = (*x, 1 - *x, ScopeId(u32::from(*ack == 9)));
            let (seq, flags, len) = match what {
                0..=3 => (next[x], 0, *len),
                4 => (next[x], 0, 0),
                5 => (next[x].wrapping_sub(1), 0, len % 2),
                6 => (isn[x].wrapping_sub(1), Flags::SYN.0, 0),
                7 => (next[x], Flags::FIN.0, *len),
                8 => (next[x].wrapping_sub(*len), 0, *len),
                9 => (next[x].wrapping_add(*len), 0, *len),
                10 => (next[x].wrapping_add(1 << 31), 0, *len),
                11 => (next[x], Flags::RST.0, 0),
                _ => (next[x], 0, 0),
            };
            let known = match ack {
                0..=3 => next[y],
                5 => acked[x],
                6 => acked[x].wrapping_add(len / 2),
                7 => next[y].wrapping_sub(1 << 30),
                8 => next[y].wrapping_add(1 << 29),
                _ => next[y],
            };
            let flags = Flags(flags | if *ack == 4 { 0 } else { Flags::ACK.0 });
            let options = crate::segment::Options {
                timestamps: (len % 3 == 1).then_some(Timestamps { value: n as u32, echo: n as u32 / 2 }),
                ..Segment::blank().options
            };
            let (time, window, ttl) = (Time(n as i64 * 400_000), [0, 1_000, 65_535][len as usize % 3], 64);
            let (src, dst, ip_id) = (ends()[x], ends()[y], (len % 5) as u16);
            let ack = if flags.has(Flags::ACK) { known } else { 0 };
            let numbers = Segment { seq, ack, len, captured: len, ..Segment::blank() };
            let seg = Segment { time, packet: n, src, dst, scope, flags, window, ttl, ip_id, options, ..numbers };
            if !seg.has(Flags::RST) && after(seg.end(), next[x]) {
                next[x] = seg.end();
            }
            acked[x] = known;
            let again = list.iter().rfind(|seg| *what == 12 && seg.src == src);
            list.push(again.map_or(seg, |again| Segment { time, packet: n, ..*again }));
        }
        list
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_comes_to_what_the_long_one_does(
            opened in prop::bool::weighted(0.8),
            isn in prop::array::uniform2(prop_oneof![Just(1_000_u32), Just(u32::MAX - 3_000), any::<u32>()]),
            acts in prop::collection::vec((
                0_usize..2,
                prop_oneof![6 => Just(0_u8), 4 => Just(4_u8), 2 => Just(12_u8), 2 => 7_u8..10, 1 => 0_u8..13],
                prop_oneof![8 => Just(0_u8), 1 => 0_u8..10],
                prop_oneof![5 => Just(100_u32), 2 => 0_u32..4, 2 => Just(200), 1 => Just(1 << 28)],
            ), 1..60),
        ) {
            play(&conversation(opened, isn, &acts));
        }
    }

    #[test]
    fn most_of_a_transfer_goes_the_short_way() {
        let acts = [(0, 0, 0, 1_460), (1, 4, 0, 0)].repeat(50);
        assert!(play(&conversation(true, [1_000, u32::MAX - 3_000], &acts)).usual >= 99);
    }

    /// Of the peer's stream, acknowledged to its end, some is believed to be missing again, after acknowledgments that are
    /// no good; holes are filled in it that nobody has room to note, and then comes the same acknowledgment once more.
    #[test]
    fn the_same_acknowledgment_again_may_still_tell_something() {
        let (a, b, bad) = (1_000_000, 900_000_000_u32, 400_000_000);
        let top = a + 5_000;
        let mut numbers = vec![(0, a - 1, 0, 0), (1, b - 1, a, 0), (0, a, b, 0), (0, a, b, 5_000), (1, b, top, 100)];
        numbers.extend([(0, top, b + 100, 0), (0, top - 2_010, bad, 5), (0, top - 2_000, bad, 1)]);
        let holes = (0..8).map(|n| top - 1_999 + 20 * n);
        numbers.extend(holes.clone().map(|hole| (0, hole + 10, b + 100, 10)));
        numbers.push((0, top - 100, b + 100, 300));
        numbers.extend(holes.map(|hole| (0, hole, b + 100, 10)));
        numbers.extend([(1, b + 100, top, 0), (0, top - 500, b + 100, 100), (1, b + 100, top + 200, 0)]);
        let segments = (1..).zip(numbers).map(|(n, (x, seq, ack, len))| {
            let flags =
                [Flags::SYN.0, Flags::SYN.0 | Flags::ACK.0].get(n as usize - 1).map_or(Flags::ACK, |f| Flags(*f));
            let time = Time(n as i64 * 1_000_000);
            let (src, dst, window) = (ends()[x], ends()[1 - x], 1_000);
            Segment { time, packet: n, src, dst, flags, seq, ack, len, window, ip_id: n as u16, ..Segment::blank() }
        });
        let segments: Vec<Segment> = segments.collect();
        play(&segments);
    }
}
