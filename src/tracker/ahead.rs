//! Where segments belong, looked up before they are taken. What that needs is in memory far away: a place in the index,
//! then the head of a connection, then the end of its tape. Each is prefetched while segments before are taken.

use super::case::Notes;
use super::plain::Written;
use super::store::Store;
use super::table::Tracker;
use crate::segment::Segment;

/// So many segments are looked up together.
pub const TOGETHER: usize = 32;
/// Those whose places are prefetched, those whose heads are, and those that are taken next.
const STEPS: usize = 3;

/// Where a segment belongs, looked up ahead: [`Tracker::ahead`]. By the time it is taken another one may be there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ahead {
    pub(super) hash: u32,
    /// The connection through which it is found, mostly, or [`NONE`].
    pub(super) head: u32,
    pub(super) era: u32,
}

/// No connection has the last number of all.
const NONE: u32 = u32::MAX;

impl Ahead {
    /// The connection through which it is found, mostly, if one was.
    pub(super) fn head(self) -> Option<usize> {
        (self.head != NONE).then_some(self.head as usize)
    }
}

/// Segments that are being looked up, [`TOGETHER`] after [`TOGETHER`].
#[derive(Clone, Debug)]
pub struct LookUp {
    some: [[Ahead; TOGETHER]; STEPS],
}

impl Default for LookUp {
    fn default() -> LookUp {
        LookUp { some: [[Ahead::default(); TOGETHER]; STEPS] }
    }
}

impl<N: Notes> Tracker<N> {
    /// Looks up where `seg` belongs.
    #[inline]
    pub fn ahead(&self, seg: &Segment) -> Ahead {
        let hash = self.latest.hash(&seg.src, &seg.dst);
        let head = self.head(&seg.src, &seg.dst, hash);
        Ahead { hash, head: head.map_or(NONE, |head| head as u32), era: self.store.era }
    }

    /// Where `seg` belongs, which is found through connection `head`.
    #[inline]
    pub(super) fn known(&self, head: usize, seg: &Segment) -> Ahead {
        let hash = self.latest.hash(&seg.src, &seg.dst);
        debug_assert_eq!(self.head(&seg.src, &seg.dst, hash), Some(head));
        Ahead { hash, head: head as u32, era: self.store.era }
    }

    /// Where those segments belong that come as number `n` of all, [`TOGETHER`] after [`TOGETHER`], and are taken next; goes
    /// on looking up those that come after. It is asked for one number after the other; `segments` gives those of one.
    #[inline]
    pub fn look_up<'s, 'u, S: Iterator<Item = Option<&'s Segment>>>(
        &self,
        up: &'u mut LookUp,
        n: usize,
        segments: impl Fn(usize) -> S,
    ) -> &'u [Ahead; TOGETHER] {
        if n == 0 {
            self.hash_all(up, 0, segments(0));
            self.hash_all(up, 1, segments(1));
            self.guess_all(up, 0);
        }
        self.hash_all(up, n + 2, segments(n + 2));
        self.guess_all(up, n + 1);
        let some = &up.some[n % STEPS];
        some.iter().for_each(|ahead| self.prefetch_end(*ahead));
        some
    }

    /// Prefetches the places of `segments` in the index.
    #[inline]
    fn hash_all<'s>(&self, up: &mut LookUp, n: usize, segments: impl Iterator<Item = Option<&'s Segment>>) {
        for (ahead, seg) in up.some[n % STEPS].iter_mut().zip(segments) {
            if let Some(seg) = seg {
                ahead.hash = self.latest.hash(&seg.src, &seg.dst);
                self.latest.prefetch(ahead.hash);
            }
        }
    }

    /// Prefetches the heads that stand there.
    #[inline]
    fn guess_all(&self, up: &mut LookUp, n: usize) {
        for ahead in &mut up.some[n % STEPS] {
            (ahead.head, ahead.era) = (self.latest.guess(ahead.hash), self.store.era);
            self.store.heads.prefetch(ahead.head as usize);
        }
    }

    /// Prefetches the end of the tape that a segment comes to. Whose it is is asked when it is taken.
    #[inline(always)]
    fn prefetch_end(&self, ahead: Ahead) {
        if let Some(head) = self.store.heads.whole(ahead.head as usize) {
            self.store.prefetch_end(head);
        }
    }
}

impl<E: Notes> Store<E> {
    /// Writes `seg` down, as [`Store::record`] does, where it is not known yet which end sent it, if it is between the sockets
    /// of connection `index`, which has a whole head.
    #[inline]
    pub(super) fn write(&mut self, index: usize, seg: &Segment) -> Option<bool> {
        let head = self.heads.whole_mut(index)?;
        let x = head.sender(&seg.src, &seg.dst)?;
        if !head.state.is_growing() {
            return Some(false);
        }
        if head.previous != 0 {
            return Some(self.record_again(index, seg));
        }
        Some(head.tape.record(head.first_packet, x, seg, &mut self.rows))
    }

    /// The same if `seg` is a [usual](super::tape::Tape::record_usual) one, and connection `index` the first on its four-tuple; else does
    /// nothing. If both ends have closed with it, the tape is yet to be [sealed](Store::seal_behind).
    #[inline(never)]
    pub(super) fn write_usual(&mut self, index: usize, seg: &Segment) -> Written {
        let Some(head) = self.heads.whole_mut(index) else { return Written::No };
        let Some(x) = head.sender_by_port(&seg.src, &seg.dst) else { return Written::No };
        if !head.state.is_growing() || head.previous != 0 {
            return Written::No;
        }
        // Nothing is left to do behind it: it returns to whoever called this.
        head.tape.record_usual(head.first_packet, x, seg, &mut self.rows)
    }

    /// Seals the tape of connection `index`, if what was `written` is its last segment. Whether that is so.
    #[inline(never)]
    pub(super) fn seal_behind(&mut self, index: usize, written: Written) -> bool {
        let last = written == Written::Last;
        if let Some(head) = self.heads.whole_mut(index).filter(|_| last) {
            head.tape.seal(&mut self.rows);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::segment::{Flags, Socket};
    use crate::time::Time;

    /// Segments of connections that take each other's place: on each four-tuple a new one with every few segments.
    fn reuse() -> Vec<Segment> {
        let socket = |last: u8, port| Socket { addr: [192, 0, 2, last].into(), port };
        let segment = |n: u32| {
            let (tuple, turn) = (n * 7 % 5, n / 5);
            let (src, dst) = (socket(1, 1_000 + tuple as u16), socket(2, 443));
            let isn = 100_000 * (turn / 3);
            let (src, dst, flags, seq, ack) = match turn % 3 {
                0 => (src, dst, Flags::SYN, isn, 0),
                1 => (dst, src, Flags::SYN | Flags::ACK, isn, isn + 1),
                _ => (src, dst, Flags::RST, isn + 1, 0),
            };
            let time = Time(i64::from(n) * 400_000_000);
            Segment { time, packet: n.into(), src, dst, flags, seq, ack, window: 1_000, ..Segment::blank() }
        };
        (1..1_000).map(segment).collect()
    }

    #[test]
    fn where_another_connection_of_the_same_hash_is_guessed_the_right_one_is_found() {
        let mut tracker = Tracker::new();
        let dst = Socket { addr: [192, 0, 2, 1].into(), port: 443 };
        let src =
            |n: u32| Socket { addr: [10, 0, (n >> 23) as u8, (n >> 15) as u8].into(), port: 1 + (n & 0x7fff) as u16 };
        // The hash is seeded, but has only 32 bits: of some 100,000 four-tuples two have the same.
        let mut seen = std::collections::HashMap::new();
        let pair = (0..10_000_000).find_map(|n| Some((seen.insert(tracker.latest.hash(&src(n), &dst), n)?, n)));
        let (one, other) = pair.unwrap();
        let syn = |n, packet| {
            let time = Time(1_000_000_000);
            Segment { time, packet, src: src(n), dst, flags: Flags::SYN, window: 1_000, ..Segment::blank() }
        };
        let connections = [(one, 1), (other, 2)].map(|(n, packet)| tracker.segment(&syn(n, packet)).connection);
        let found = [one, other].map(|n| tracker.ahead(&syn(n, 3)));
        assert_eq!(found[0].hash, found[1].hash);
        let guess = tracker.latest.guess(found[0].hash);
        assert_ne!(guess, NONE);
        for (found, connection) in found.iter().zip(connections) {
            assert_eq!(found.head(), Some(connection), "{guess:?} was guessed");
        }
        assert_ne!(found[0].head, found[1].head);
    }

    #[test]
    fn what_is_looked_up_ahead_is_still_right_when_it_is_taken() {
        let segments = reuse();
        let (mut ahead, mut at_once) = (Tracker::new(), Tracker::new());
        let mut up = LookUp::default();
        let some = |n: usize| segments.iter().skip(n * TOGETHER).take(TOGETHER);
        for n in 0..segments.len().div_ceil(TOGETHER) {
            let places = ahead.look_up(&mut up, n, |n| some(n).map(Some));
            for (seg, place) in some(n).zip(places) {
                let passed = ahead.pass_usual(seg, *place).unwrap_or_else(|| ahead.pass(seg, *place));
                assert_eq!(passed, at_once.segment(seg).connection, "packet {}", seg.packet);
            }
        }
        assert!(at_once.len() > 300);
        let told = |tracker: &Tracker| tracker.connections().iter().map(|c| format!("{c:?}")).collect::<Vec<_>>();
        assert_eq!(told(&ahead), told(&at_once));
    }
}
