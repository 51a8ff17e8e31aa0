//! Rows of short records, each of which grows now and then: chains of cells that never move. The first cell of a row is
//! one cache line, since the rows of a flood need no more; the others are two. A record lies in one cell, and does not
//! begin with a zero, so that a zero tells that the rest of a cell is not in use.

/// A record is no longer, as a rule.
const SHORT: usize = 32;
/// Bytes of a row in its first cell, and in each of the others: what four bytes for the number of the next one leave.
const FIRST: usize = 60;
const OTHER: usize = 124;
/// Cells in a piece.
const PIECE: u32 = 1 << 13;
/// No cell.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Cell<const ROOM: usize> {
    bytes: [u8; ROOM],
    /// The next of its row, or of those that are free; [`NONE`] for none.
    next: u32,
}

/// Cells of one size.
#[derive(Clone, Debug)]
struct Cells<const ROOM: usize> {
    /// Each with room for [`PIECE`] cells from the beginning, all but the last full.
    pieces: Vec<Vec<Cell<ROOM>>>,
    /// The first of those that are in use no more.
    free: u32,
}

impl<const ROOM: usize> Default for Cells<ROOM> {
    fn default() -> Self {
        Cells { pieces: Vec::new(), free: NONE }
    }
}

impl<const ROOM: usize> Cells<ROOM> {
    #[inline]
    fn get(&self, number: u32) -> Option<&Cell<ROOM>> {
        self.pieces.get((number / PIECE) as usize)?.get((number % PIECE) as usize)
    }

    #[inline]
    fn get_mut(&mut self, number: u32) -> Option<&mut Cell<ROOM>> {
        self.pieces.get_mut((number / PIECE) as usize)?.get_mut((number % PIECE) as usize)
    }

    /// A cell that is in no row; `None` if there are no more numbers.
    #[inline]
    fn take(&mut self) -> Option<(u32, &mut Cell<ROOM>)> {
        if let Some(next) = self.get(self.free).map(|cell| cell.next) {
            let number = std::mem::replace(&mut self.free, next);
            let cell = self.get_mut(number)?;
            cell.next = NONE;
            return Some((number, cell));
        }
        if self.pieces.last().is_none_or(|piece| piece.len() >= PIECE as usize) {
            if self.pieces.len() >= (NONE / PIECE) as usize {
                return None;
            }
            self.pieces.push(Vec::with_capacity(PIECE as usize));
        }
        let before = (self.pieces.len() as u32 - 1) * PIECE;
        let piece = self.pieces.last_mut()?;
        piece.push(Cell { bytes: [0; ROOM], next: NONE });
        let number = before + piece.len() as u32 - 1;
        piece.last_mut().map(|cell| (number, cell))
    }

    /// Takes the cells from `first` to `last` back.
    fn forget(&mut self, first: u32, last: u32) {
        let free = self.free;
        if let Some(last) = self.get_mut(last) {
            last.next = free;
            self.free = first;
        }
    }
}

impl<const ROOM: usize> Cell<ROOM> {
    /// Copies the first `len` of `bytes` to `used`, if they fit in: how many are in use then.
    #[inline]
    fn put<const N: usize>(&mut self, used: usize, bytes: &[u8; N], len: usize) -> Option<u8> {
        // A copy of fixed length is the fastest; what is too much of it is overwritten or never read.
        if len <= SHORT
            && let Some(to) = self.bytes.get_mut(used..).and_then(|rest| rest.first_chunk_mut::<SHORT>())
            && let Some(from) = bytes.first_chunk::<SHORT>()
        {
            *to = *from;
        } else {
            self.bytes.get_mut(used..used + len)?.copy_from_slice(bytes.get(..len)?);
        }
        Some((used + len) as u8)
    }

    /// Puts a zero behind what is in use, if there is room; cell `next` follows.
    fn end(&mut self, used: u8, next: u32) {
        if let Some(byte) = self.bytes.get_mut(usize::from(used)) {
            *byte = 0;
        }
        self.next = next;
    }
}

/// One row: where it begins and ends.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its first cell.
    first: u32,
    /// Its last, if it is another.
    last: u32,
    /// Bytes in the first and in the last.
    used: [u8; 2],
}

impl Row {
    /// A row of nothing.
    pub const EMPTY: Row = Row { first: NONE, last: NONE, used: [0; 2] };
}

/// The cells of a row, one after the other.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    others: &'a Cells<OTHER>,
    first: Option<&'a [u8]>,
    next: u32,
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.first.take().or_else(|| {
            let cell = self.others.get(self.next)?;
            self.next = cell.next;
            Some(cell.bytes.as_slice())
        })
    }
}

/// All rows.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    firsts: Cells<FIRST>,
    others: Cells<OTHER>,
}

impl Chains {
    /// Appends a record, the first `len` of `bytes`, to `row`. False, and nothing is done, if there is no room for it.
    #[inline]
    pub fn append<const N: usize>(&mut self, row: &mut Row, bytes: &[u8; N], len: usize) -> bool {
        if let Some(cell) = self.others.get_mut(row.last) {
            if let Some(used) = cell.put(row.used[1].into(), bytes, len) {
                row.used[1] = used;
                return true;
            }
        } else if let Some(cell) = self.firsts.get_mut(row.first)
            && let Some(used) = cell.put(row.used[0].into(), bytes, len)
        {
            row.used[0] = used;
            return true;
        }
        self.append_cell(row, bytes, len).is_some()
    }

    fn append_cell<const N: usize>(&mut self, row: &mut Row, bytes: &[u8; N], len: usize) -> Option<()> {
        if row.first == NONE && len <= FIRST {
            let (number, cell) = self.firsts.take()?;
            row.used[0] = cell.put(0, bytes, len)?;
            row.first = number;
            return Some(());
        }
        if len > OTHER || row.first == NONE {
            return None;
        }
        let (number, cell) = self.others.take()?;
        let used = cell.put(0, bytes, len)?;
        match self.others.get_mut(row.last) {
            Some(last) => last.end(row.used[1], number),
            None => self.firsts.get_mut(row.first)?.end(row.used[0], number),
        }
        (row.last, row.used[1]) = (number, used);
        Some(())
    }

    /// A byte of the last cell of `row`.
    #[inline]
    pub fn end(&self, row: &Row) -> Option<u8> {
        let other = self.others.get(row.last).map(|cell| cell.bytes[0]);
        other.or_else(|| self.firsts.get(row.first).map(|cell| cell.bytes[0]))
    }

    /// Looks at all cells of `rows`, of each row one after the other: what would be waited for row by row is waited for at
    /// once. At most 32 rows.
    pub fn touch(&self, rows: impl Iterator<Item = Row>) {
        let mut at = [NONE; 32];
        let mut seen = 0_u32;
        for (at, row) in at.iter_mut().zip(rows) {
            *at = self.firsts.get(row.first).map_or(NONE, |cell| cell.next);
        }
        while at.iter().any(|number| *number != NONE) {
            for at in &mut at {
                let cell = self.others.get(*at);
                seen ^= cell.map_or(0, |cell| cell.bytes[0].into());
                *at = cell.map_or(NONE, |cell| cell.next);
            }
        }
        std::hint::black_box(seen);
    }

    /// The cells of `row`; of the last one only what was appended means anything.
    #[inline]
    pub fn cells(&self, row: &Row) -> Walk<'_> {
        let first = self.firsts.get(row.first);
        let next = first.map_or(NONE, |cell| cell.next);
        Walk { others: &self.others, first: first.map(|cell| cell.bytes.as_slice()), next }
    }

    /// Takes all cells of `row` back.
    pub fn forget(&mut self, row: &Row) {
        if let Some(first) = self.firsts.get(row.first) {
            self.others.forget(first.next, row.last);
            self.firsts.forget(row.first, row.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_grow_side_by_side_and_their_cells_are_used_again() {
        let mut chains = Chains::default();
        let mut rows = [const { (Row::EMPTY, Vec::new()) }; 7];
        for n in 1..3_000_usize {
            let (row, expected) = &mut rows[n % 7];
            if n % 97 == 0 {
                chains.forget(row);
                (*row, *expected) = (Row::EMPTY, Vec::new());
            }
            let (record, len) = ([1 + n as u8 % 99; 88], 1 + n * n % 59);
            assert!(chains.append(row, &record, len));
            expected.push(record[..len].to_vec());
        }
        for (row, expected) in &rows {
            let mut records = expected.iter();
            for cell in chains.cells(row) {
                let mut rest = cell;
                while rest.first().is_some_and(|byte| *byte != 0) {
                    let Some(record) = records.next() else { break };
                    assert!(rest.starts_with(record));
                    rest = &rest[record.len()..];
                }
            }
            assert_eq!(records.len(), 0);
        }
        assert_eq!((chains.firsts.pieces.len(), chains.others.pieces.len()), (1, 1));
    }
}
