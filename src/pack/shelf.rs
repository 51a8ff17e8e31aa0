//! Where packed records are kept: bytes in large pieces that never move.

/// Bytes of one piece.
const PIECE: usize = 1 << 20;

/// Where a record is: piece and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

impl Place {
    /// As a number below 2^62.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The reverse of [`Place::number`].
    pub fn of_number(number: u64) -> Place {
        Place(number)
    }
}

/// Records one after the other. What is taken away leaves a hole until everything is moved to a new shelf.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pieces: Vec<Vec<u8>>,
    /// Bytes written, and those of them in holes.
    written: usize,
    holes: usize,
}

impl Shelf {
    /// Keeps a copy of `record`.
    pub fn put(&mut self, record: &[u8]) -> Place {
        let mut head = [0_u8; 10];
        let mut len = 0;
        let mut rest = record.len();
        loop {
            head[len] = (rest & 0x7f) as u8 | if rest >= 0x80 { 0x80 } else { 0 };
            len += 1;
            rest >>= 7;
            if rest == 0 {
                break;
            }
        }
        let need = len + record.len();
        // An offset has twenty bits: what is larger than a piece has one of its own.
        if self.pieces.last().is_none_or(|p| p.len() >= PIECE || p.capacity() - p.len() < need) {
            self.pieces.push(Vec::with_capacity(need.max(PIECE)));
        }
        let number = self.pieces.len() as u64 - 1;
        let Some(piece) = self.pieces.last_mut() else { return Place(0) };
        let offset = piece.len() as u64;
        piece.extend_from_slice(&head[..len]);
        piece.extend_from_slice(record);
        self.written += need;
        Place(number << 20 | offset)
    }

    /// The record at `place`.
    pub fn get(&self, place: Place) -> &[u8] {
        let piece = &self.pieces[(place.0 >> 20) as usize];
        let from = (place.0 & (PIECE as u64 - 1)) as usize;
        let (mut len, mut shift, mut at) = (0_usize, 0, from);
        loop {
            let byte = piece[at];
            len |= usize::from(byte & 0x7f) << shift;
            at += 1;
            shift += 7;
            if byte < 0x80 {
                return &piece[at..at + len];
            }
        }
    }

    /// The record at `place` and whatever comes after it, for a reader that knows where the record ends.
    pub fn from(&self, place: Place) -> &[u8] {
        let piece = &self.pieces[(place.0 >> 20) as usize];
        let at = (place.0 & (PIECE as u64 - 1)) as usize;
        let head = piece[at..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
        &piece[at + head..]
    }

    /// Leaves a hole where the record at `place` is.
    pub fn forget(&mut self, place: Place) {
        self.holes += self.get(place).len() + 1;
    }

    /// Whether it is time to move to a new shelf: most of this one is holes.
    pub fn is_mostly_holes(&self) -> bool {
        self.written > 16 * PIECE && self.holes > self.written / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found_again() {
        let mut shelf = Shelf::default();
        let records: Vec<Vec<u8>> =
            (0..5_000_usize).map(|n| vec![n as u8; if n % 1_000 == 999 { 2 << 20 } else { n % 700 }]).collect();
        let places: Vec<Place> = records.iter().map(|r| shelf.put(r)).collect();
        for (record, place) in records.iter().zip(places) {
            assert_eq!(shelf.get(Place::of_number(place.number())), record);
        }
    }
}
