//! What every connection is found by, in pieces that never move: memory is touched once, however many come.

use std::ops::{Index, IndexMut};

use super::kept::{How, Kept};
use super::tape::Tape;
use crate::pack::Pack;
use crate::prefetch::prefetch;
use crate::segment::{Segment, Socket};

/// Heads of a piece, as a power of two: 64 KiB.
const BITS: u32 = 9;
const PIECE: usize = 1 << BITS;

/// What is known of a connection without its record. Two cache lines: what it is found by, and its tape.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Head {
    pub(super) sockets: [Socket; 2],
    pub(super) first_packet: u64,
    pub(super) state: Kept,
    /// The latest one on the same four-tuple in another scope, plus one; 0 for none.
    pub(super) beside: u32,
    /// The one before it on the same four-tuple, plus one; 0 for none.
    pub(super) previous: u32,
    /// Its segments, while they are only written down.
    pub(super) tape: Tape,
}

const _: () = assert!(size_of::<Head>() == 128);

impl Head {
    /// Whether it is about these two sockets.
    #[inline]
    pub(super) fn is_between(&self, a: &Socket, b: &Socket) -> bool {
        self.sender(a, b).is_some()
    }

    /// Which of its ends `a` is, if it is about these two sockets.
    #[inline(always)]
    pub(super) fn sender(&self, a: &Socket, b: &Socket) -> Option<usize> {
        // Nobody foresees the direction: it is counted with, not asked for.
        let x = usize::from(a.port != self.sockets[0].port);
        if self.sockets[x & 1] == *a && self.sockets[1 - (x & 1)] == *b {
            Some(x)
        } else {
            self.is_from_same_port(a, b).then_some(1)
        }
    }

    /// The same where the port does not tell the direction, in the direction that is not asked for above.
    #[inline(never)]
    fn is_from_same_port(&self, a: &Socket, b: &Socket) -> bool {
        a.port == b.port && self.sockets[0] == *b && self.sockets[1] == *a
    }
}

/// The heads of all connections, by number.
///
/// One list of them would be copied whenever it grows: what is aligned to cache lines the allocator does not move by
/// giving its pages another address.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    /// Behind the first `len` there may be others, which mean nothing.
    pieces: Vec<Box<[Head; PIECE]>>,
    len: usize,
}

impl Heads {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<&Head> {
        if i < self.len { Some(&self[i]) } else { None }
    }

    /// Prefetches head `i`, both lines.
    #[inline]
    pub(super) fn prefetch(&self, i: usize) {
        if let Some(head) = self.get(i) {
            prefetch(&head.sockets);
            prefetch(&head.tape);
        }
    }

    /// Adds one, which is `made` where it stays: what was just put together elsewhere is slow to copy.
    #[inline(always)]
    pub(super) fn push(&mut self, made: impl FnOnce() -> Head) {
        let i = self.len;
        if i >> BITS == self.pieces.len() {
            self.grow();
        }
        self.len += 1;
        self[i] = made();
    }

    /// Takes the last one back.
    pub(super) fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    #[cold]
    fn grow(&mut self) {
        let Segment { src, dst, .. } = Segment::blank();
        let any = Head {
            sockets: [src, dst],
            first_packet: 0,
            state: Kept::new(&How::Tape),
            beside: 0,
            previous: 0,
            tape: Tape::new(&Segment::blank()),
        };
        self.pieces.extend(<Box<[Head; PIECE]>>::try_from(vec![any; PIECE]));
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Head> {
        self.pieces.iter_mut().flat_map(|piece| piece.iter_mut()).take(self.len)
    }

    /// Forgets those for which `keep` is false, by number; the others move up, in their order. Room that is left is kept.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut kept = 0;
        for i in (0..self.len).filter(|i| keep(*i)) {
            self[kept] = self[i];
            kept += 1;
        }
        self.len = kept;
    }
}

impl Index<usize> for Heads {
    type Output = Head;

    #[inline]
    fn index(&self, i: usize) -> &Head {
        &self.pieces[i >> BITS][i % PIECE]
    }
}

impl IndexMut<usize> for Heads {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut Head {
        &mut self.pieces[i >> BITS][i % PIECE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_kept_move_up_in_their_order_and_more_come_behind_them() {
        let seg = Segment::blank();
        let head = |first_packet| Head {
            sockets: [seg.src, seg.dst],
            first_packet,
            state: Kept::new(&How::Tape),
            beside: 0,
            previous: 0,
            tape: Tape::new(&seg),
        };
        let mut heads = Heads::default();
        assert!(heads.is_empty());
        let mut expected: Vec<u64> = Vec::new();
        for keep_every in [3, 50_000, 1, 7] {
            for n in 0..3 * PIECE as u64 + 5 {
                heads.push(|| head(n));
                expected.push(n);
            }
            heads.retain(|i| i % keep_every == 0);
            expected = expected.into_iter().step_by(keep_every).collect();
            assert_eq!(heads.len(), expected.len());
            assert!(heads.iter_mut().map(|head| head.first_packet).eq(expected.iter().copied()));
            assert!((0..heads.len()).all(|i| heads[i].first_packet == expected[i]));
            assert!(heads.get(heads.len()).is_none());
        }
    }
}
