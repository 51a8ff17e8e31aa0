//! What follows from the rows of connections, found out once for those that are alike: of millions there are some dozens of
//! kinds.

use super::digest::Digest;
use super::scene::Scene;
use crate::time::Span;

/// A SYN may still be answered so long after: attempts that began later do not count as unanswered.
pub const SETTLED: Span = Span::secs(3);

/// There is one.
const THERE: u64 = 1 << 63;

/// Kinds remembered, as a power of two.
const PLACES: u32 = 5;

/// Answers by kind of row.
pub struct Alike<T> {
    /// By a part of what tells the kind.
    known: [(u64, T); 1 << PLACES],
    /// That of one of which its row does not tell.
    alone: T,
}

impl<T: Copy + Default> Default for Alike<T> {
    fn default() -> Alike<T> {
        Alike { known: [(0, T::default()); 1 << PLACES], alone: T::default() }
    }
}

impl<T: PartialEq + std::fmt::Debug> Alike<T> {
    /// What `answer` says of `c`. It asks for no more than what its row tells, whether it began [`SETTLED`] before the end, and
    /// what few connections have.
    #[inline(always)]
    pub fn of<'a>(&mut self, scene: &Scene, c: Digest<'a>, answer: impl Fn(Digest<'a>) -> T) -> &T {
        let Some(row) = c.kind_of_row() else {
            self.alone = answer(c);
            return &self.alone;
        };
        let settled = c.began(SETTLED, scene.end);
        let known = &mut self.known[(row.wrapping_mul(0x9e37_79b1) >> (u32::BITS - PLACES)) as usize];
        let kind = u64::from(row) | u64::from(settled) << u32::BITS | THERE;
        if known.0 != kind {
            *known = (kind, answer(c));
        }
        debug_assert_eq!(known.1, answer(c), "{c:?}");
        &known.1
    }
}
