//! One row of bytes that grows: where it ends, and how much room it has there.

use super::piece::LINE;

/// Blocks come in these sizes, in lines: rows mostly stay small.
pub(super) const SIZES: [u8; 5] = [1, 6, 16, 34, 80];
/// Number of the largest.
pub(super) const LARGEST: usize = SIZES.len() - 1;
/// Bytes of three words.
pub const WORDS: usize = 24;
/// No piece.
pub(super) const NOWHERE: u16 = u16::MAX;

/// One row: where the next record comes to, so that it is found at once.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The byte of its piece; or, if it is in none, the number under which it is sealed.
    pub(super) end: u32,
    pub(super) piece: u16,
    /// Bytes of its block from there on; or how many are sealed, 0 for a row of nothing.
    pub(super) left: u16,
}

impl Row {
    /// A row of nothing.
    pub const EMPTY: Row = Row { end: 0, piece: NOWHERE, left: 0 };

    /// What was written where there was [room](super::block::Rows::room) is in it, so many bytes.
    #[inline(always)]
    pub fn extend(&mut self, len: usize) {
        self.end += len as u32;
        self.left = self.left.wrapping_sub(len as u16);
    }

    /// Whether it is in a block.
    #[inline]
    pub(super) fn is_in_block(&self) -> bool {
        self.piece != NOWHERE
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        (self.piece, self.left) == (NOWHERE, 0)
    }

    /// Whether it is sealed, and would not go on in any but one of the largest blocks.
    pub(super) fn is_sealed_long(&self) -> bool {
        !self.is_in_block() && usize::from(self.left) + WORDS > usize::from(SIZES[LARGEST - 1]) * LINE
    }
}
