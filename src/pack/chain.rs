//! Many short rows of bytes, each of which grows now and then: chains of cells of one cache line, in pieces that never move.

/// Bytes of a cell that are for its row; the other four name the next one.
const ROOM: usize = 60;
/// What is appended is no longer, as a rule.
const SHORT: usize = 32;
/// Cells in a piece: a MiB.
const PIECE: u32 = 1 << 14;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Cell {
    bytes: [u8; ROOM],
    /// The next of its row, or of those that are free; [`Row::NONE`] for none.
    next: u32,
}

/// One row: where it begins and ends.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    first: u32,
    last: u32,
    /// Bytes in the last cell.
    used: u8,
}

impl Row {
    const NONE: u32 = u32::MAX;

    /// A row of nothing.
    pub const EMPTY: Row = Row { first: Row::NONE, last: Row::NONE, used: ROOM as u8 };
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Chains {
    pieces: Vec<Box<[Cell]>>,
    /// Cells that were ever in use.
    begun: u32,
    /// The first of those that are no more.
    free: u32,
}

impl Default for Chains {
    fn default() -> Chains {
        Chains { pieces: Vec::new(), begun: 0, free: Row::NONE }
    }
}

impl Chains {
    #[inline]
    fn cell(&self, number: u32) -> Option<&Cell> {
        self.pieces.get((number / PIECE) as usize)?.get((number % PIECE) as usize)
    }

    #[inline]
    fn cell_mut(&mut self, number: u32) -> Option<&mut Cell> {
        self.pieces.get_mut((number / PIECE) as usize)?.get_mut((number % PIECE) as usize)
    }

    /// A cell that is in no row.
    fn take(&mut self) -> u32 {
        if let Some(next) = self.cell(self.free).map(|cell| cell.next) {
            return std::mem::replace(&mut self.free, next);
        }
        if self.begun.is_multiple_of(PIECE) {
            let cell = Cell { bytes: [0; ROOM], next: Row::NONE };
            self.pieces.push(vec![cell; PIECE as usize].into_boxed_slice());
        }
        self.begun += 1;
        self.begun - 1
    }

    /// Appends the first `len` of `bytes` to `row`. False, and nothing is done, if there are no more numbers for cells.
    #[inline]
    pub fn append<const N: usize>(&mut self, row: &mut Row, bytes: &[u8; N], len: usize) -> bool {
        let (used, len) = (usize::from(row.used), len.min(N));
        // A copy of fixed length is the fastest; what is too much of it is overwritten or never read.
        if len <= SHORT
            && let Some(cell) = self.cell_mut(row.last)
            && let Some(to) = cell.bytes.get_mut(used..).and_then(|rest| rest.first_chunk_mut::<SHORT>())
            && let Some(from) = bytes.first_chunk::<SHORT>()
        {
            *to = *from;
            row.used = (used + len) as u8;
            return true;
        }
        let (now, later) = bytes[..len].split_at(len.min(ROOM - used));
        self.append_cells(row, now, later)
    }

    fn append_cells(&mut self, row: &mut Row, now: &[u8], later: &[u8]) -> bool {
        if self.begun > u32::MAX - 64 * PIECE {
            return false;
        }
        let used = usize::from(row.used);
        if let Some(cell) = self.cell_mut(row.last) {
            cell.bytes[used..used + now.len()].copy_from_slice(now);
            row.used += now.len() as u8;
        }
        for part in later.chunks(ROOM) {
            let next = self.take();
            match self.cell_mut(row.last) {
                Some(last) => last.next = next,
                None => row.first = next,
            }
            row.last = next;
            if let Some(cell) = self.cell_mut(next) {
                cell.bytes[..part.len()].copy_from_slice(part);
                cell.next = Row::NONE;
                row.used = part.len() as u8;
            }
        }
        true
    }

    /// Copies `row` to the end of `into`.
    #[inline]
    pub fn read(&self, row: &Row, into: &mut Vec<u8>) {
        let mut number = row.first;
        while let Some(cell) = self.cell(number) {
            let used = if number == row.last { usize::from(row.used) } else { ROOM };
            into.extend_from_slice(&cell.bytes);
            into.truncate(into.len() - (ROOM - used));
            number = cell.next;
        }
    }

    /// Takes all cells of `row` back.
    pub fn forget(&mut self, row: &Row) {
        let free = self.free;
        if let Some(last) = self.cell_mut(row.last) {
            last.next = free;
            self.free = row.first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_grow_side_by_side_and_their_cells_are_used_again() {
        let mut chains = Chains::default();
        let mut rows = [(Row::EMPTY, Vec::new()); 7].map(|row| row);
        for n in 0..2_000_usize {
            let (row, expected) = &mut rows[n % 7];
            let (bytes, len) = ([n as u8; 131], n * n % 131);
            assert!(chains.append(row, &bytes, len));
            expected.extend(&bytes[..len]);
            if n % 97 == 0 {
                chains.forget(row);
                (*row, *expected) = (Row::EMPTY, Vec::new());
            }
        }
        for (row, expected) in &rows {
            let mut read = Vec::new();
            chains.read(row, &mut read);
            assert_eq!(read, *expected);
        }
        assert_eq!(chains.pieces.len(), 1);
    }
}
