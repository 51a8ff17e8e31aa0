//! Rows of bytes that grow, each in one block: what does not fit any more moves to a larger one. Blocks are whole cache
//! lines, so that little of them is empty, and lie in pieces that never move. A piece of which every row was given up for
//! good is freed. A row that is said to be whole leaves its block to others.

use smallvec::SmallVec;

use super::piece::{LINE, PIECE, Piece, place};
use super::sealed::{STEP, Sealed};
use crate::prefetch::prefetch;

/// Blocks come in these sizes, in lines: rows mostly stay small.
const SIZES: [u8; 5] = [1, 6, 16, 34, 68];
/// Bytes of three words.
pub const WORDS: usize = 24;
/// Bytes that a row may begin with at once.
pub const BEGINNING: usize = 2 * LINE;
/// Pieces before there are many.
const FEW: usize = 64;
/// No line.
const NONE: u32 = u32::MAX;

/// One row: where its block is, and how much of it is used; or under which number it is sealed.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The first line of its block, counted over all pieces.
    block: u32,
    used: u16,
    /// Lines of its block; 0 if it is in none.
    lines: u8,
}

impl Row {
    /// A row of nothing.
    pub const EMPTY: Row = Row { block: NONE, used: 0, lines: 0 };

    /// Bytes of its block.
    #[inline]
    fn room(&self) -> usize {
        usize::from(self.lines) * LINE
    }

    /// What was written where there was [room](Rows::room) is in it, so many bytes.
    #[inline(always)]
    pub fn extend(&mut self, len: usize) {
        self.used += len as u16;
    }

    /// Whether it has left its block.
    #[inline]
    fn is_sealed(&self) -> bool {
        self.lines == 0 && self.used != 0
    }
}

/// Blocks of one size.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    lines: u8,
    /// The first of those that were in use and are no more; which is the next is in it.
    free: u32,
    /// The first of those never in use, and how many of them there are in the latest piece.
    fresh: u32,
    left: u32,
}

impl Blocks {
    fn new(lines: u8) -> Blocks {
        Blocks { lines, free: NONE, fresh: NONE, left: 0 }
    }
}

/// The block of a row, if it is in one.
#[inline]
fn block<'p>(pieces: &'p [Piece], row: &Row) -> Option<&'p [u8]> {
    let (piece, at) = place(row.block);
    let piece = pieces.get(piece).filter(|_| row.lines != 0)?;
    piece.rest(at)?.get(..row.room())
}

#[inline]
fn block_mut<'p>(pieces: &'p mut [Piece], row: &Row) -> Option<&'p mut [u8]> {
    let (piece, at) = place(row.block);
    let piece = pieces.get_mut(piece).filter(|_| row.lines != 0)?;
    piece.rest_mut(at)?.get_mut(..row.room())
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Rows {
    /// In each there are blocks of one size.
    pieces: Vec<Piece>,
    sizes: [Blocks; SIZES.len()],
    sealed: Sealed,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { pieces: Vec::new(), sizes: SIZES.map(Blocks::new), sealed: Sealed::default() }
    }
}

impl Rows {
    /// Appends a record to `row`: `write` puts as much of it as there is room for where it is told, and says how long it
    /// is; where there was too little, it is asked again. False, and nothing is appended, if there is no room for it at all.
    #[inline]
    pub fn append(&mut self, row: &mut Row, write: impl Fn(&mut [u8]) -> usize) -> bool {
        if (row.used, row.lines) == (0, 0) {
            // As a rule there is room enough in the smallest.
            if let Some(block) = self.take(0) {
                *row = Row { block, used: 0, lines: SIZES[0] };
            }
        }
        let room = block_mut(&mut self.pieces, row)
            .and_then(|block| block.get_mut(usize::from(row.used)..))
            .unwrap_or(&mut []);
        let len = write(room);
        if len <= room.len() {
            row.used += len as u16;
            return true;
        }
        self.append_moved(row, len, write).is_some()
    }

    /// Whether there is room for three words behind what is in `row`.
    #[inline(always)]
    pub fn has_room(&self, row: &Row) -> bool {
        usize::from(row.used) + WORDS <= row.room()
    }

    /// That [room](Rows::has_room): what is written there is in `row` as far as it is then [extended](Row::extend), the rest is
    /// overwritten or never read. `None` if there is none.
    #[inline(always)]
    pub fn room(&mut self, row: &Row) -> Option<&mut [u8; WORDS]> {
        let ((piece, at), used) = (place(row.block), usize::from(row.used));
        let piece = self.pieces.get_mut(piece)?;
        let from = piece.start as usize + at + used;
        piece.bytes.get_mut(from..from + WORDS)?.first_chunk_mut()
    }

    /// The same for `row` with nothing in it, where it need not move soon. `None` if there are many rows: then the smallest block
    /// has to do.
    #[inline(always)]
    pub fn begin(&mut self, row: &mut Row) -> Option<&mut [u8; BEGINNING]> {
        if (row.used, row.lines) != (0, 0) || self.pieces.len() > FEW {
            return None;
        }
        *row = Row { block: self.take(1)?, used: 0, lines: SIZES[1] };
        block_mut(&mut self.pieces, row)?.first_chunk_mut()
    }

    /// Moves `row` to where there is room for three words.
    #[cold]
    #[inline(never)]
    pub fn widen(&mut self, row: &mut Row) -> bool {
        self.append_moved(row, WORDS, |_| 0).is_some()
    }

    /// A block of this size that is in no use; `None` if there are no more numbers.
    fn take(&mut self, size: usize) -> Option<u32> {
        let free = self.sizes.get(size)?.free;
        let (piece, at) = place(free);
        let Some(piece) = self.pieces.get_mut(piece) else { return self.fresh(size) };
        piece.live += 1;
        self.sizes[size].free = u32::from_le_bytes(*piece.rest(at)?.first_chunk()?);
        Some(free)
    }

    /// A block of this size that was never in use.
    #[cold]
    #[inline(never)]
    fn fresh(&mut self, size: usize) -> Option<u32> {
        let blocks = self.sizes.get_mut(size)?;
        if blocks.left == 0 {
            // No line has the last number of all.
            let first = u32::try_from(self.pieces.len() * PIECE).ok().filter(|first| *first <= NONE - PIECE as u32)?;
            (blocks.fresh, blocks.left) = (first, PIECE as u32 / u32::from(blocks.lines));
            self.pieces.push(Piece::new());
        }
        let block = blocks.fresh;
        (blocks.fresh, blocks.left) = (block + u32::from(blocks.lines), blocks.left - 1);
        self.pieces.get_mut(place(block).0)?.live += 1;
        Some(block)
    }

    /// The block of `row` is in use no more; it may be taken again.
    fn give_back(&mut self, row: &Row) {
        let Some(blocks) = self.sizes.iter_mut().find(|blocks| blocks.lines == row.lines) else { return };
        let free = std::mem::replace(&mut blocks.free, row.block);
        if let Some(next) = block_mut(&mut self.pieces, row).and_then(|block| block.first_chunk_mut()) {
            *next = free.to_le_bytes();
        }
        if let Some(piece) = self.pieces.get_mut(place(row.block).0) {
            piece.live -= 1;
        }
    }

    /// Appends a record for which `room` bytes are needed in a larger block, or in one again.
    #[inline(never)]
    fn append_moved(&mut self, row: &mut Row, room: usize, write: impl Fn(&mut [u8]) -> usize) -> Option<()> {
        let used = usize::from(row.used);
        let size = SIZES.iter().position(|lines| usize::from(*lines) * LINE >= used + room)?;
        let new = Row { block: self.take(size)?, used: row.used, lines: SIZES[size] };
        let ((piece, at), (old, from)) = (place(new.block), place(row.block));
        let len = if row.lines == 0 {
            let piece = self.pieces.get_mut(piece)?;
            let to = piece.rest_mut(at)?.get_mut(..new.room())?;
            if let Some(bytes) = self.sealed.get(row.block, used).filter(|_| row.is_sealed()) {
                to[..used].copy_from_slice(bytes);
                self.sealed.forget(row.block);
            }
            write(&mut to[used..])
        } else {
            // Blocks of another size are in another piece.
            let [piece, old] = self.pieces.get_disjoint_mut([piece, old]).ok()?;
            let to = piece.rest_mut(at)?.get_mut(..new.room())?;
            to[..used].copy_from_slice(old.rest(from)?.get(..used)?);
            let len = write(&mut to[used..]);
            self.give_back(row);
            len
        };
        *row = Row { used: row.used + len as u16, ..new };
        Some(())
    }

    /// Hardly anything will be appended to `row`: it leaves its block. If something is, it comes into a block again.
    pub fn seal(&mut self, row: &mut Row) {
        // As many as are put down at once: in its block there is room for that.
        let bytes = block(&self.pieces, row)
            .and_then(|block| block.get(..usize::from(row.used).next_multiple_of(STEP)))
            .filter(|bytes| !bytes.is_empty());
        if let Some(number) = bytes.and_then(|bytes| self.sealed.push(bytes)) {
            self.give_back(row);
            *row = Row { block: number, used: row.used, lines: 0 };
        }
    }

    /// All that was appended to `row`.
    #[inline]
    pub fn get(&self, row: &Row) -> &[u8] {
        let used = usize::from(row.used);
        let bytes = match row.lines {
            0 => self.sealed.get(row.block, used),
            _ => block(&self.pieces, row).and_then(|block| block.get(..used)),
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

    /// Where the next record comes to, if `row` is in a block.
    #[inline]
    fn end(&self, row: &Row) -> Option<&u8> {
        let (piece, at) = place(row.block);
        let piece = self.pieces.get(piece)?;
        piece.bytes.get(piece.start as usize + at + usize::from(row.used))
    }

    /// Prefetches all lines of `row`.
    #[inline]
    pub fn prefetch(&self, row: &Row) {
        let bytes = self.get(row);
        bytes.iter().step_by(LINE).chain(bytes.last()).for_each(prefetch);
    }

    /// Takes the block of `row` back; another row may get it.
    pub fn forget(&mut self, row: &Row) {
        if row.is_sealed() { self.sealed.forget(row.block) } else { self.give_back(row) }
    }

    /// `row` outlasts those that lie beside it: it is put down anew, so that their memory can go. From then on none may grow.
    pub fn set_aside(&mut self, row: &mut Row) {
        let bytes: SmallVec<[u8; 512]> = SmallVec::from_slice(self.get(row));
        if !bytes.is_empty()
            && let Some(number) = self.sealed.push(&bytes)
        {
            let used = row.used;
            self.release(row);
            *row = Row { block: number, used, lines: 0 };
        }
    }

    /// Takes the block of `row` back, which leaves it empty. From then on none may grow.
    pub fn release(&mut self, row: &mut Row) {
        if row.is_sealed() {
            self.sealed.forget(row.block);
        } else if let Some(blocks) = self.sizes.iter_mut().find(|blocks| blocks.lines == row.lines) {
            // What is free may be gone with its piece.
            blocks.free = NONE;
            if let Some(piece) = self.pieces.get_mut(place(row.block).0) {
                piece.live = piece.live.saturating_sub(1);
                if piece.live == 0 {
                    // The last block of a piece takes the piece with it.
                    *piece = Piece::default();
                }
            }
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
        assert_eq!(rows.pieces.len(), SIZES.len());
        let taken = rows.sizes.iter().map(|blocks| PIECE as u32 / u32::from(blocks.lines) - blocks.left);
        assert!(taken.into_iter().all(|taken| taken <= 14));
    }

    #[test]
    fn where_there_are_many_rows_the_next_begin_small() {
        let (mut rows, mut row, mut begun) = (Rows::default(), Row::EMPTY, 0);
        while rows.begin(&mut row).is_some() {
            (row, begun) = (Row::EMPTY, begun + 1);
        }
        assert_eq!(begun, FEW * (PIECE / usize::from(SIZES[1])) + 1);
        assert!(append(&mut rows, &mut row, &[1; 40]));
        assert_eq!((row.lines, rows.get(&row)), (SIZES[0], &[1; 40][..]));
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
        assert!(rows.pieces.iter().all(|piece| piece.bytes.is_empty()));
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
        let taken = |rows: &Rows| rows.pieces.iter().filter(|piece| !piece.bytes.is_empty()).count();
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
