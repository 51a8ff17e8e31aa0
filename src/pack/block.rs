//! Rows of bytes that grow, each in one block: what does not fit any more moves to a larger one. Blocks are whole cache
//! lines, so that little of them is empty, and lie in pieces that never move. A piece of which every row was given up for
//! good is freed. A row that is said to be whole leaves its block to others.

use std::ops::Range;

use smallvec::SmallVec;

use super::piece::{Blocks, LINE, NONE, PIECE, Piece, piece};
use super::row::{LARGEST, NOWHERE, SIZES};
pub use super::row::{Row, WORDS};
use super::sealed::{STEP, Sealed};
use crate::prefetch::prefetch;

/// So many rows at most are too long for a block of all sizes but the largest, sealed or not: whoever writes them can do
/// without, and memory must not follow their number.
const MOST_LONG: usize = 1 << 13;
/// Bytes that a row may begin with at once.
pub const BEGINNING: usize = 2 * LINE;
/// Pieces before there are many.
const FEW: usize = 64;
/// Where in the bytes of its piece `row` is, if it is in a block.
#[inline]
fn bytes_of(piece: &Piece, row: &Row) -> Option<Range<usize>> {
    let (end, used) = (row.end as usize, piece.room().checked_sub(row.left.into())?);
    Some(end.checked_sub(used)?..end)
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Rows {
    /// In each there are blocks of one size.
    pieces: Vec<Piece>,
    sizes: [Blocks; SIZES.len()],
    sealed: Sealed,
    /// How many rows are long.
    long: usize,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows { pieces: Vec::new(), sizes: SIZES.map(Blocks::new), sealed: Sealed::default(), long: 0 }
    }
}

impl Rows {
    /// Appends a record to `row`: `write` puts as much of it as there is room for where it is told, and says how long it
    /// is; where there was too little, it is asked again. False, and nothing is appended, if there is no room for it at all.
    #[inline]
    pub fn append(&mut self, row: &mut Row, write: impl Fn(&mut [u8]) -> usize) -> bool {
        if row.is_empty() {
            // As a rule there is room enough in the smallest.
            *row = self.take(0).unwrap_or(*row);
        }
        let piece = self.pieces.get_mut(usize::from(row.piece));
        let rest = piece.and_then(|piece| piece.bytes.get_mut(row.end as usize..));
        let room = rest.and_then(|rest| rest.get_mut(..row.left.into())).unwrap_or(&mut []);
        let len = write(room);
        if len <= room.len() {
            row.extend(len);
            return true;
        }
        self.append_moved(row, len, write).is_some()
    }

    /// Room for three words behind what is in `row`: what is written there is in it as far as it is then
    /// [extended](Row::extend), the rest is overwritten or never read. `None` if there is none in its block.
    #[inline(always)]
    pub fn room(&mut self, row: &Row) -> Option<&mut [u8; WORDS]> {
        if usize::from(row.left) < WORDS {
            return None;
        }
        let (piece, end) = (self.pieces.get_mut(usize::from(row.piece))?, row.end as usize);
        piece.bytes.get_mut(end..end + WORDS)?.first_chunk_mut()
    }

    /// The same for `row` with nothing in it, where it need not move soon. `None` if there are many rows: then the smallest block
    /// has to do.
    #[inline(always)]
    pub fn begin(&mut self, row: &mut Row) -> Option<&mut [u8; BEGINNING]> {
        if !row.is_empty() || self.pieces.len() > FEW {
            return None;
        }
        *row = self.take(1)?;
        let (piece, end) = (self.pieces.get_mut(usize::from(row.piece))?, row.end as usize);
        piece.bytes.get_mut(end..end + BEGINNING)?.first_chunk_mut()
    }

    /// Moves `row` to where there is room for three words.
    #[cold]
    #[inline(never)]
    pub fn widen(&mut self, row: &mut Row) -> bool {
        self.append_moved(row, WORDS, |_| 0).is_some()
    }

    /// A row of nothing in a block of this size that is in no use; `None` if there are no more numbers.
    fn take(&mut self, size: usize) -> Option<Row> {
        let free = self.sizes.get(size)?.free;
        let number = piece(free);
        let Some(piece) = self.pieces.get_mut(number) else { return self.fresh(size) };
        let end = piece.byte(free);
        self.sizes[size].free = u32::from_le_bytes(*piece.bytes.get(end..)?.first_chunk()?);
        piece.live += 1;
        Some(Row { end: end as u32, piece: number as u16, left: piece.room() as u16 })
    }

    /// The same where none was in use before.
    #[cold]
    #[inline(never)]
    fn fresh(&mut self, size: usize) -> Option<Row> {
        let blocks = self.sizes.get_mut(size)?;
        if blocks.left == 0 {
            let first = u16::try_from(self.pieces.len()).ok().filter(|piece| *piece != NOWHERE)?;
            (blocks.fresh, blocks.left) = (u32::from(first) * PIECE as u32, PIECE as u32 / u32::from(blocks.lines));
            self.pieces.push(Piece::new(size, blocks.lines));
        }
        let block = blocks.fresh;
        (blocks.fresh, blocks.left) = (block + u32::from(blocks.lines), blocks.left - 1);
        let number = piece(block);
        let piece = self.pieces.get_mut(number)?;
        piece.live += 1;
        Some(Row { end: piece.byte(block) as u32, piece: number as u16, left: piece.room() as u16 })
    }

    /// The block of `row` is in use no more; it may be taken again.
    fn give_back(&mut self, row: &Row) {
        if let Some(Range { start, .. }) =
            self.pieces.get(usize::from(row.piece)).and_then(|piece| bytes_of(piece, row))
        {
            self.give_back_at(row.piece, start);
        }
    }

    /// The same for the block that begins there.
    #[inline]
    fn give_back_at(&mut self, number: u16, start: usize) {
        let Some(piece) = self.pieces.get_mut(usize::from(number)) else { return };
        let Some(blocks) = self.sizes.get_mut(usize::from(piece.size)) else { return };
        let free = std::mem::replace(&mut blocks.free, piece.line(number, start));
        if let Some(next) = piece.bytes.get_mut(start..).and_then(|block| block.first_chunk_mut()) {
            *next = free.to_le_bytes();
        }
        piece.live -= 1;
    }

    /// Appends a record for which `room` bytes are needed in a larger block, or in one again.
    #[inline(never)]
    fn append_moved(&mut self, row: &mut Row, room: usize, write: impl Fn(&mut [u8]) -> usize) -> Option<()> {
        let used = self.get(row).len();
        let size = SIZES.iter().position(|lines| usize::from(*lines) * LINE >= used + room)?;
        let (was_long, is_long) = (self.is_long(row), size == LARGEST);
        if is_long && !was_long && self.long >= MOST_LONG {
            return None;
        }
        let mut new = self.take(size)?;
        let (piece, at) = (usize::from(new.piece), new.end as usize);
        if row.is_in_block() {
            // Blocks of another size are in another piece.
            let [piece, old] = self.pieces.get_disjoint_mut([piece, row.piece.into()]).ok()?;
            let bytes = old.bytes.get(bytes_of(old, row)?)?;
            piece.bytes.get_mut(at..at + used)?.copy_from_slice(bytes);
            self.give_back(row);
        } else if !row.is_empty() {
            let bytes = self.sealed.get(row.end, used)?;
            self.pieces.get_mut(piece)?.bytes.get_mut(at..at + used)?.copy_from_slice(bytes);
            self.sealed.forget(row.end);
        }
        new.extend(used);
        let len = write(self.pieces.get_mut(piece)?.bytes.get_mut(at..)?.get_mut(used..used + usize::from(new.left))?);
        new.extend(len);
        *row = new;
        self.long = self.long.saturating_sub(was_long.into()) + usize::from(is_long);
        Some(())
    }

    /// Whether `row` is in one of the largest blocks, or would be if it went on.
    #[inline]
    fn is_long(&self, row: &Row) -> bool {
        match self.pieces.get(usize::from(row.piece)) {
            Some(piece) => usize::from(piece.size) == LARGEST,
            None => row.is_sealed_long(),
        }
    }

    /// Hardly anything will be appended to `row`: it leaves its block. If something is, it comes into a block again.
    pub fn seal(&mut self, row: &mut Row) {
        let Some(piece) = self.pieces.get(usize::from(row.piece)) else { return };
        let Some(Range { start, end }) = bytes_of(piece, row) else { return };
        // As many as are put down at once: in its block there is room for that.
        let bytes = piece.bytes.get(start..start + (end - start).next_multiple_of(STEP));
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        if let Some(number) = bytes.and_then(|bytes| self.sealed.push(bytes)) {
            let was_long = usize::from(piece.size) == LARGEST;
            self.give_back_at(row.piece, start);
            *row = Row { end: number, piece: NOWHERE, left: (end - start) as u16 };
            self.long = self.long.saturating_sub(was_long.into()) + usize::from(row.is_sealed_long());
        }
    }

    /// All that was appended to `row`.
    #[inline]
    pub fn get(&self, row: &Row) -> &[u8] {
        let bytes = if row.is_in_block() {
            let piece = self.pieces.get(usize::from(row.piece));
            piece.and_then(|piece| piece.bytes.get(bytes_of(piece, row)?))
        } else {
            self.sealed.get(row.end, row.left.into())
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
        self.pieces.get(usize::from(row.piece))?.bytes.get(row.end as usize)
    }

    /// Prefetches all lines of `row`.
    #[inline]
    pub fn prefetch(&self, row: &Row) {
        let bytes = self.get(row);
        bytes.iter().step_by(LINE).chain(bytes.last()).for_each(prefetch);
    }

    /// Takes the block of `row` back; another row may get it.
    pub fn forget(&mut self, row: &Row) {
        self.long = self.long.saturating_sub(self.is_long(row).into());
        if row.is_in_block() {
            self.give_back(row);
        } else if !row.is_empty() {
            self.sealed.forget(row.end);
        }
    }

    /// `row` outlasts those that lie beside it: it is put down anew, so that their memory can go. From then on none may grow.
    pub fn set_aside(&mut self, row: &mut Row) {
        let bytes: SmallVec<[u8; 512]> = SmallVec::from_slice(self.get(row));
        if !bytes.is_empty()
            && let Some(number) = self.sealed.push(&bytes)
        {
            self.release(row);
            *row = Row { end: number, piece: NOWHERE, left: bytes.len() as u16 };
            self.long += usize::from(row.is_sealed_long());
        }
    }

    /// Takes the block of `row` back, which leaves it empty. From then on none may grow.
    pub fn release(&mut self, row: &mut Row) {
        self.long = self.long.saturating_sub(self.is_long(row).into());
        if let Some(piece) = self.pieces.get_mut(usize::from(row.piece)) {
            // What is free may be gone with its piece.
            self.sizes.iter_mut().skip(piece.size.into()).take(1).for_each(|blocks| blocks.free = NONE);
            piece.live = piece.live.saturating_sub(1);
            if piece.live == 0 {
                // The last block of a piece takes the piece with it.
                *piece = Piece::default();
            }
        } else if !row.is_empty() {
            self.sealed.forget(row.end);
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
                assert!(expected.len() + len > usize::from(SIZES[LARGEST]) * LINE);
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
    fn there_are_not_many_long_rows_at_once() {
        let (mut rows, half) = (Rows::default(), [7; 34 * LINE / 2]);
        let mut all = vec![Row::EMPTY; MOST_LONG + 1];
        for row in &mut all {
            assert!(append(&mut rows, row, &half) && append(&mut rows, row, &half));
        }
        let (last, long) = all.split_last_mut().unwrap();
        for (n, row) in long.iter_mut().enumerate() {
            assert!(append(&mut rows, row, &half));
            if n % 2 == 0 {
                // It may grow on.
                rows.seal(row);
                assert!(append(&mut rows, row, &[7]));
            }
        }
        assert_eq!(rows.long, MOST_LONG);
        assert!(!append(&mut rows, last, &half));
        assert!(!rows.widen(last));
        assert_eq!(rows.get(last).len(), 2 * half.len());
        rows.seal(&mut long[1]);
        rows.forget(&long[1]);
        assert!(rows.widen(last));
    }

    #[test]
    fn where_there_are_many_rows_the_next_begin_small() {
        let (mut rows, mut row, mut begun) = (Rows::default(), Row::EMPTY, 0);
        while rows.begin(&mut row).is_some() {
            (row, begun) = (Row::EMPTY, begun + 1);
        }
        assert_eq!(begun, FEW * (PIECE / usize::from(SIZES[1])) + 1);
        assert!(append(&mut rows, &mut row, &[1; 40]));
        assert_eq!((rows.pieces[usize::from(row.piece)].size, rows.get(&row)), (0, &[1; 40][..]));
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
