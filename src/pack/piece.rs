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
    start: u16,
    /// Lines of each block, and of which size that is.
    lines: u8,
    pub size: u8,
    /// Blocks that are in use.
    pub live: u32,
}

impl Piece {
    /// One in which nothing is, for blocks of this `size`, so many `lines`.
    pub fn new(size: usize, lines: u8) -> Piece {
        let bytes = vec![0; (PIECE + 1) * LINE];
        let start = bytes.as_ptr().align_offset(LINE) as u16;
        Piece { bytes, start, lines, size: size as u8, live: 0 }
    }

    /// Bytes of a block.
    #[inline(always)]
    pub fn room(&self) -> usize {
        usize::from(self.lines) * LINE
    }

    /// At which of its bytes this line of all begins.
    #[inline]
    pub fn byte(&self, line: u32) -> usize {
        usize::from(self.start) + line as usize % PIECE * LINE
    }

    /// The reverse, for piece number `piece`.
    #[inline]
    pub fn line(&self, piece: u16, byte: usize) -> u32 {
        u32::from(piece) << BITS | (byte.saturating_sub(self.start.into()) / LINE) as u32
    }
}

/// No line.
pub const NONE: u32 = u32::MAX;

/// The blocks of one size, in all pieces.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Of each.
    pub lines: u8,
    /// The first of those that were in use and are no more; which is the next is in it.
    pub free: u32,
    /// The first of those never in use, and how many of them there are in the latest piece.
    pub fresh: u32,
    pub left: u32,
}

impl Blocks {
    pub fn new(lines: u8) -> Blocks {
        Blocks { lines, free: NONE, fresh: NONE, left: 0 }
    }
}

/// Piece of a line.
#[inline]
pub fn piece(line: u32) -> usize {
    (line >> BITS) as usize
}
