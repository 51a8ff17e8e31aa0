//! Rows of bytes that grow, each in one block: what does not fit any more moves to a larger one. Blocks are whole cache
//! lines, so that little of them is empty, and lie in pieces that never move. A piece of which every row was given up for
//! good is freed. A row that is said to be whole leaves its block to others.

use smallvec::SmallVec;

use super::sealed::Sealed;
use crate::prefetch::prefetch;

/// Bytes of a cache line.
const LINE: usize = 64;
/// Blocks come in these sizes, in lines: rows mostly stay small.
const SIZES: [u8; 5] = [1, 6, 16, 34, 68];
/// Bytes of three words.
const WORDS: usize = 24;
/// Lines of a piece, about: half a megabyte.
const PIECE: usize = 1 << 13;
/// No block.
const NONE: u32 = u32::MAX;
/// The size of what is in no block, but sealed.
const SEALED: u8 = u8::MAX;

/// One row: which block it is in, and how much of it is used; or under which number it is sealed.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    block: u32,
    used: u16,
    size: u8,
}

impl Row {
    /// A row of nothing.
    pub const EMPTY: Row = Row { block: NONE, used: 0, size: 0 };
}

/// Some blocks of one size side by side.
#[derive(Clone, Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Where the first block begins: at a cache line.
    start: usize,
    /// Blocks that are in use.
    live: u32,
}

/// Blocks of one size.
#[derive(Clone, Debug)]
struct Blocks {
    /// Bytes of a block.
    size: usize,
    /// Blocks of a piece, as a power of two.
    shift: u32,
    pieces: Vec<Piece>,
    /// Blocks that were ever in use: the others of the last piece are still to come.
    count: u32,
    /// The first of those in use no more; the number of the next is in it.
    free: u32,
}

impl Blocks {
    fn new(lines: u8) -> Blocks {
        let size = usize::from(lines) * LINE;
        Blocks { size, shift: (PIECE / usize::from(lines)).ilog2(), pieces: Vec::new(), count: 0, free: NONE }
    }

    /// Piece and place in it of a block.
    #[inline]
    fn place(&self, block: u32) -> (usize, usize) {
        ((block >> self.shift) as usize, (block & ((1 << self.shift) - 1)) as usize * self.size)
    }

    #[inline]
    fn get(&self, block: u32) -> Option<&[u8]> {
        let (piece, at) = self.place(block);
        let piece = self.pieces.get(piece)?;
        piece.bytes.get(piece.start + at..)?.get(..self.size)
    }

    #[inline]
    fn get_mut(&mut self, block: u32) -> Option<&mut [u8]> {
        let (size, (piece, at)) = (self.size, self.place(block));
        let piece = self.pieces.get_mut(piece)?;
        piece.bytes.get_mut(piece.start + at..)?.get_mut(..size)
    }

    /// The three words behind the first `used` bytes of a block, if they are in it.
    #[inline(always)]
    fn words_mut(&mut self, block: u32, used: usize) -> Option<&mut [[u8; 8]; 3]> {
        let (room, (piece, at)) = (self.size, self.place(block));
        let piece = self.pieces.get_mut(piece).filter(|_| used + WORDS <= room)?;
        piece.bytes.get_mut(piece.start + at + used..)?.as_chunks_mut().0.first_chunk_mut()
    }

    /// A block that is in no use; `None` if there are no more numbers.
    fn take(&mut self) -> Option<u32> {
        let next = self.get(self.free).and_then(|block| block.first_chunk()).map(|next| u32::from_le_bytes(*next));
        let number = match next {
            Some(next) => std::mem::replace(&mut self.free, next),
            None => self.next()?,
        };
        let (piece, _) = self.place(number);
        self.pieces.get_mut(piece)?.live += 1;
        Some(number)
    }

    /// A block that was never in use.
    fn next(&mut self) -> Option<u32> {
        if self.count >= NONE - 1 {
            return None;
        }
        if self.count >> self.shift == self.pieces.len() as u32 {
            let bytes = vec![0; (self.size << self.shift) + LINE];
            let start = bytes.as_ptr().align_offset(LINE);
            self.pieces.push(Piece { bytes, start, live: 0 });
        }
        self.count += 1;
        Some(self.count - 1)
    }

    /// A block is in use no more; it may be taken again.
    fn forget(&mut self, block: u32) {
        let (free, (piece, _)) = (self.free, self.place(block));
        let Some(next) = self.get_mut(block).and_then(|block| block.first_chunk_mut()) else { return };
        *next = free.to_le_bytes();
        self.free = block;
        self.pieces[piece].live -= 1;
    }

    /// A block is in use no more, nor will be another: the last one of a piece takes the piece with it.
    fn release(&mut self, block: u32) {
        // What is free may be gone with its piece.
        self.free = NONE;
        let (piece, _) = self.place(block);
        if let Some(piece) = self.pieces.get_mut(piece) {
            piece.live = piece.live.saturating_sub(1);
            if piece.live == 0 {
                *piece = Piece::default();
            }
        }
    }
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Rows {
    blocks: [Blocks; SIZES.len()],
    sealed: Sealed,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { blocks: SIZES.map(Blocks::new), sealed: Sealed::default() }
    }
}

impl Rows {
    /// Appends a record to `row`: `write` puts as much of it as there is room for where it is told, and says how long it
    /// is; where there was too little, it is asked again. False, and nothing is appended, if there is no room for it at all.
    #[inline]
    pub fn append(&mut self, row: &mut Row, write: impl Fn(&mut [u8]) -> usize) -> bool {
        if (row.block, row.size) == (NONE, 0) {
            // As a rule there is room enough in the smallest.
            row.block = self.blocks[0].take().unwrap_or(NONE);
        }
        let room = self.block_mut(row).and_then(|block| block.get_mut(usize::from(row.used)..)).unwrap_or(&mut []);
        let len = write(room);
        if len <= room.len() {
            row.used += len as u16;
            return true;
        }
        self.append_moved(row, len, write).is_some()
    }

    /// Appends `len` of the bytes of three words to `row`, or nothing if there is no room for all of them.
    #[inline(always)]
    pub fn append_words(&mut self, row: &mut Row, words: [u64; 3], len: usize) -> bool {
        // What is too much of them is overwritten or never read.
        let room = self.blocks.get_mut(usize::from(row.size));
        match room.and_then(|blocks| blocks.words_mut(row.block, row.used.into())) {
            Some(room) => {
                *room = words.map(u64::to_le_bytes);
                row.used += len as u16;
                true
            }
            None => self.append_words_moved(row, words, len),
        }
    }

    #[cold]
    #[inline(never)]
    fn append_words_moved(&mut self, row: &mut Row, words: [u64; 3], len: usize) -> bool {
        let put = |room: &mut [u8]| {
            *room.as_chunks_mut().0.first_chunk_mut()? = words.map(u64::to_le_bytes);
            Some(len)
        };
        self.append_moved(row, WORDS, |room| put(room).unwrap_or(0)).is_some()
    }

    #[inline]
    fn block_mut(&mut self, row: &Row) -> Option<&mut [u8]> {
        self.blocks.get_mut(usize::from(row.size))?.get_mut(row.block)
    }

    /// The same of a record for which `room` bytes are needed in a larger block, or in one again.
    #[inline(never)]
    fn append_moved(&mut self, row: &mut Row, room: usize, write: impl Fn(&mut [u8]) -> usize) -> Option<()> {
        let used = usize::from(row.used);
        let size = self.blocks.iter().position(|blocks| blocks.size >= used + room)?;
        let new = self.blocks.get_mut(size)?.take()?;
        // A larger size comes after a smaller one.
        let (smaller, larger) = self.blocks.split_at_mut(size);
        let to = larger.first_mut()?.get_mut(new)?;
        if let Some(from) = self.sealed.get(row.block, used).filter(|_| row.size == SEALED) {
            to[..used].copy_from_slice(from);
            self.sealed.forget(row.block);
        } else if let Some(blocks) = smaller.get_mut(usize::from(row.size)) {
            if let Some(from) = blocks.get(row.block) {
                to[..used].copy_from_slice(&from[..used]);
            }
            blocks.forget(row.block);
        }
        let len = write(&mut to[used..]);
        *row = Row { block: new, used: (used + len) as u16, size: size as u8 };
        Some(())
    }

    /// Hardly anything will be appended to `row`: it leaves its block. If something is, it comes into a block again.
    pub fn seal(&mut self, row: &mut Row) {
        let Some(blocks) = self.blocks.get_mut(usize::from(row.size)) else { return };
        let bytes = blocks.get(row.block).and_then(|block| block.get(..usize::from(row.used)));
        if let Some(number) = bytes.and_then(|bytes| self.sealed.push(bytes)) {
            blocks.forget(row.block);
            *row = Row { block: number, size: SEALED, ..*row };
        }
    }

    /// All that was appended to `row`.
    #[inline]
    pub fn get(&self, row: &Row) -> &[u8] {
        let used = usize::from(row.used);
        let bytes = match self.blocks.get(usize::from(row.size)) {
            Some(blocks) => blocks.get(row.block).and_then(|block| block.get(..used)),
            None => self.sealed.get(row.block, used),
        };
        bytes.unwrap_or(&[])
    }

    /// Prefetches the line that the next record comes to.
    #[inline]
    pub fn prefetch_end(&self, row: &Row) {
        if let Some(byte) = self.end(row) {
            prefetch(byte);
        }
    }

    /// Where the next record comes to, if `row` has a block that is not full.
    #[inline]
    fn end(&self, row: &Row) -> Option<&u8> {
        let blocks = self.blocks.get(usize::from(row.size))?;
        let (piece, at) = blocks.place(row.block);
        let piece = blocks.pieces.get(piece)?;
        piece.bytes.get(piece.start + at + usize::from(row.used))
    }

    /// Prefetches all lines of `row`.
    #[inline]
    pub fn prefetch(&self, row: &Row) {
        let bytes = self.get(row);
        bytes.iter().step_by(LINE).chain(bytes.last()).for_each(prefetch);
    }

    /// Takes the block of `row` back; another row may get it.
    pub fn forget(&mut self, row: &Row) {
        match self.blocks.get_mut(usize::from(row.size)) {
            Some(blocks) => blocks.forget(row.block),
            None => self.sealed.forget(row.block),
        }
    }

    /// `row` outlasts those that lie beside it: it is put down anew, so that their memory can go. From then on none may grow.
    pub fn set_aside(&mut self, row: &mut Row) {
        let bytes: SmallVec<[u8; 512]> = SmallVec::from_slice(self.get(row));
        if !bytes.is_empty()
            && let Some(number) = self.sealed.push(&bytes)
        {
            let used = row.used;
            self.release(row);
            *row = Row { block: number, size: SEALED, used };
        }
    }

    /// Takes the block of `row` back, which leaves it empty. From then on none may grow.
    pub fn release(&mut self, row: &mut Row) {
        match self.blocks.get_mut(usize::from(row.size)) {
            Some(blocks) => blocks.release(row.block),
            None => self.sealed.forget(row.block),
        }
        *row = Row::EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends a record to a row.
    fn append(rows: &mut Rows, row: &mut Row, record: &[u8]) -> bool {
        rows.append(row, |room| {
            room.iter_mut().zip(record).for_each(|(to, byte)| *to = *byte);
            record.len()
        })
    }

    #[test]
    fn rows_grow_side_by_side_and_their_blocks_are_used_again() {
        let mut rows = Rows::default();
        let mut all = [const { (Row::EMPTY, Vec::new()) }; 7];
        for n in 1..20_000_usize {
            let (row, expected) = &mut all[n % 7];
            let (record, len) = ([n as u8; 88], 1 + n * n % 88);
            if !append(&mut rows, row, &record[..len]) {
                assert!(expected.len() + len > 68 * LINE);
                rows.forget(row);
                (*row, *expected) = (Row::EMPTY, Vec::new());
                continue;
            }
            expected.extend_from_slice(&record[..len]);
            let last = &raw const rows.get(row)[expected.len() - 1];
            let end = rows.end(row).map(|end| &raw const *end);
            assert!(end == Some(last) || end == Some(last.wrapping_add(1)));
            rows.prefetch_end(row);
        }
        for (row, expected) in &all {
            assert_eq!(rows.get(row), expected);
        }
        assert!(rows.blocks.iter().all(|blocks| blocks.pieces.len() == 1 && blocks.count <= 14));
    }

    #[test]
    fn what_is_set_aside_keeps_no_piece_of_others() {
        let mut rows = Rows::default();
        let mut all: Vec<Row> = Vec::new();
        for n in 0..3 * PIECE {
            let mut row = Row::EMPTY;
            assert!(append(&mut rows, &mut row, &[n as u8; 40]));
            if n % 2 == 0 {
                rows.seal(&mut row);
            }
            all.push(row);
        }
        for (n, row) in all.iter_mut().enumerate() {
            if n % 100 < 2 { rows.set_aside(row) } else { rows.release(row) }
        }
        assert!(rows.blocks[0].pieces.iter().all(|piece| piece.bytes.is_empty()));
        for (n, row) in all.iter().enumerate() {
            let expected = vec![n as u8; if n % 100 < 2 { 40 } else { 0 }];
            assert_eq!(rows.get(row), expected);
        }
    }

    #[test]
    fn a_piece_goes_with_the_last_row_in_it() {
        let mut rows = Rows::default();
        let mut all: Vec<Row> = Vec::new();
        for n in 0..3 * PIECE {
            let mut row = Row::EMPTY;
            assert!(append(&mut rows, &mut row, &[n as u8; 40]));
            all.push(row);
        }
        let taken = |rows: &Rows| rows.blocks[0].pieces.iter().filter(|piece| !piece.bytes.is_empty()).count();
        assert_eq!(taken(&rows), 3);
        for (n, row) in all.iter_mut().enumerate() {
            assert_eq!(rows.get(row), [n as u8; 40]);
            rows.release(row);
            rows.release(row);
            assert_eq!(taken(&rows), 3 - (n + 1) / PIECE);
            assert!(rows.get(row).is_empty());
        }
    }
}
