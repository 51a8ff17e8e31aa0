//! What blocks of rows lie in: some cache lines side by side, in memory that never moves.

/// Bytes of a cache line.
pub const LINE: usize = 64;
/// Lines of a piece, as a power of two: half a megabyte.
const BITS: u32 = 13;
/// So many lines.
pub const PIECE: usize = 1 << BITS;

/// Blocks of one size side by side.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// They, and some bytes before and behind them; none if it was given up.
    pub bytes: Vec<u8>,
    /// Where the first line begins: at a cache line.
    pub start: u32,
    /// Blocks that are in use.
    pub live: u32,
}

impl Piece {
    /// One in which nothing is.
    pub fn new() -> Piece {
        let bytes = vec![0; (PIECE + 1) * LINE];
        let start = bytes.as_ptr().align_offset(LINE) as u32;
        Piece { bytes, start, live: 0 }
    }

    /// What is in it from byte `at` of its lines on.
    #[inline(always)]
    pub fn rest(&self, at: usize) -> Option<&[u8]> {
        self.bytes.get(self.start as usize + at..)
    }

    /// The same, to be written over.
    #[inline(always)]
    pub fn rest_mut(&mut self, at: usize) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.start as usize + at..)
    }
}

/// Piece of a line, and where in it the line is.
#[inline]
pub fn place(line: u32) -> (usize, usize) {
    ((line >> BITS) as usize, line as usize % PIECE * LINE)
}
