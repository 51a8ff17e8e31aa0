//! What a stream skipped and the capture has not shown yet. Lost before the tap, still under way, or missed by the capture:
//! only the receiver tells, when it acknowledges what was never captured.

use crate::segment::{Flags, Segment};
use crate::tracker::sequence::{after, before, later};

/// A range of sequence numbers that was skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hole {
    start: u32,
    end: u32,
    /// Its receiver has it: a SACK block covers it.
    received: bool,
}

impl Hole {
    fn len(self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    /// Whether all of it lies from `low` to `high`.
    fn is_within(self, low: u32, high: u32) -> bool {
        !before(self.start, low) && !after(self.end, high)
    }
}

/// What was skipped in the stream of one end, and neither captured nor acknowledged up to there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holes {
    list: Vec<Hole>,
    /// Numbers skipped beyond those, when there were too many.
    more: u32,
    /// Where the first of them were, and the last.
    beyond: (u32, u32),
}

impl Holes {
    /// How many are kept: a hostile stream shall not fill memory.
    const KEPT: usize = 256;

    /// Whether there is none.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.more == 0
    }

    /// How many numbers nobody has acknowledged, as far as was captured.
    pub(super) fn open(&self) -> u32 {
        self.list.iter().filter(|hole| !hole.received).fold(self.more, |sum, hole| sum.saturating_add(hole.len()))
    }

    /// The stream goes on at `end`, having been captured up to `start`.
    pub(super) fn skip(&mut self, start: u32, end: u32) {
        if self.list.len() < Holes::KEPT && self.more == 0 {
            self.list.push(Hole { start, end, received: false });
        } else {
            let (first, last) = if self.more == 0 { (start, end) } else { self.beyond };
            self.beyond = (first, later(last, end));
            self.more = self.more.saturating_add(end.wrapping_sub(start));
        }
    }

    /// `seg`, which lies below the end of the stream, was captured. How much of it had been received already.
    pub(super) fn fill(&mut self, seg: &Segment) -> u32 {
        let (low, high) = (seg.seq, seg.end());
        self.split(low);
        self.split(high);
        let mut received = 0_u32;
        self.list.retain(|hole| {
            let there = hole.is_within(low, high);
            received = received.saturating_add(if there && hole.received { hole.len() } else { 0 });
            !there
        });
        if !before(low, self.beyond.0) {
            self.more = self.more.saturating_sub(seg.seq_len());
        }
        received
    }

    /// What the receiver says in `seg`: how much more it has that was never captured.
    #[cold]
    pub(super) fn hear(&mut self, seg: &Segment) -> u32 {
        if !seg.has(Flags::ACK) || seg.has(Flags::SYN) {
            return 0;
        }
        self.split(seg.ack);
        let mut received = 0_u32;
        self.list.retain(|hole| {
            let below = !after(hole.end, seg.ack);
            received = received.saturating_add(if below && !hole.received { hole.len() } else { 0 });
            !below
        });
        if self.more > 0 && !before(seg.ack, self.beyond.1) {
            received = received.saturating_add(std::mem::take(&mut self.more));
        }
        for (left, right) in seg.options.sack() {
            self.split(*left);
            self.split(*right);
            for hole in self.list.iter_mut().filter(|hole| !hole.received && hole.is_within(*left, *right)) {
                hole.received = true;
                received = received.saturating_add(hole.len());
            }
        }
        received
    }

    /// Where `at` lies inside a hole, that becomes two: of one hole too many the rest is let go, and nothing said of it.
    fn split(&mut self, at: u32) {
        let Some(i) = self.list.iter().position(|hole| after(at, hole.start) && before(at, hole.end)) else { return };
        let upper = Hole { start: at, ..self.list[i] };
        self.list[i].end = at;
        if self.list.len() < 2 * Holes::KEPT {
            self.list.insert(i + 1, upper);
        }
    }
}

crate::pack::pack_fields!(Hole { start, end, received });
crate::pack::pack_fields!(Holes { list, more, beyond });

impl crate::pack::Item for Hole {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;

    fn data(seq: u32, len: u32) -> Segment {
        Segment { seq, len, flags: Flags::ACK, ..Segment::blank() }
    }

    fn ack(ack: u32, blocks: &[(u32, u32)]) -> Segment {
        let mut seg = Segment { ack, flags: Flags::ACK, ..Segment::blank() };
        seg.options.sack_blocks = blocks.len() as u8;
        seg.options.sack[..blocks.len()].copy_from_slice(blocks);
        seg
    }

    /// Two holes, of 100 numbers each; the second one wraps.
    fn two() -> Holes {
        let mut holes = Holes::default();
        holes.skip(u32::MAX - 399, u32::MAX - 299);
        holes.skip(u32::MAX - 49, 50);
        holes
    }

    #[test]
    fn what_is_skipped_is_open_until_it_is_acknowledged() {
        let mut holes = two();
        assert_eq!(holes.open(), 200);
        assert_eq!(holes.hear(&ack(u32::MAX - 349, &[])), 50);
        assert_eq!(holes.open(), 150);
        assert_eq!(holes.hear(&ack(0, &[])), 100);
        assert_eq!(holes.hear(&ack(50, &[])), 50);
        assert!(holes.is_empty());
    }

    #[test]
    fn what_a_block_covers_was_received_and_what_lies_below_it_was_not() {
        let mut holes = two();
        assert_eq!(holes.hear(&ack(u32::MAX - 399, &[(u32::MAX - 299, 10)])), 60);
        assert_eq!((holes.open(), holes.hear(&ack(u32::MAX - 399, &[(u32::MAX - 299, 10)]))), (140, 0));
        // It is acknowledged: once is enough.
        assert_eq!(holes.hear(&ack(50, &[])), 140);
    }

    #[test]
    fn what_comes_late_was_never_missing() {
        let mut holes = two();
        assert_eq!((holes.fill(&data(u32::MAX - 399, 100)), holes.open()), (0, 100));
        // Sent again beyond a gap, it fills none.
        assert_eq!((holes.fill(&data(u32::MAX - 299, 100)), holes.open()), (0, 100));
        holes.hear(&ack(u32::MAX - 299, &[(0, 50)]));
        assert_eq!((holes.fill(&data(u32::MAX - 49, 100)), holes.is_empty()), (50, true));
    }

    #[test]
    fn however_many_are_skipped_all_count_once_all_is_acknowledged() {
        let mut holes = Holes::default();
        let skip = |holes: &mut Holes| (0..1_000).for_each(|n| holes.skip(20 * n, 20 * n + 10));
        skip(&mut holes);
        assert_eq!((holes.open(), holes.list.len()), (10_000, Holes::KEPT));
        holes.fill(&data(15_000, 10));
        assert_eq!(holes.open(), 9_990);
        assert_eq!(holes.hear(&ack(20_000, &[])), 9_990);
        assert!(holes.is_empty());
    }

    #[test]
    fn memory_has_a_bound() {
        let mut holes = two();
        (0..10_000).for_each(|n| holes.skip(200 + 10 * n, 205 + 10 * n));
        for n in 0..10_000 {
            holes.hear(&ack(u32::MAX - 399, &[(201 + 10 * n, 202 + 10 * n)]));
            holes.fill(&data(203 + 10 * n, 1));
        }
        assert!(holes.list.len() <= 2 * Holes::KEPT, "{}", holes.list.len());
    }
}
