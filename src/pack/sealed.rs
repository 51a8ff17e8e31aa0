//! Rows of bytes that hardly grow any more, one after the other in the order in which they were sealed: no room is left
//! between them, and those of the same time lie together and go together.

/// Bytes of a piece.
const PIECE: usize = 1 << 19;
/// A row begins at a multiple of this.
pub const STEP: usize = 4;
/// Places of a piece where a row may begin, as a power of two.
const SHIFT: u32 = (PIECE / STEP).ilog2();

/// Some rows, in one piece of memory that never moves.
#[derive(Clone, Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Rows in it that are not given up.
    live: u32,
}

impl Piece {
    /// Goes on to where another row may begin.
    #[cold]
    #[inline(never)]
    fn step(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(STEP), 0);
    }
}

/// Sealed rows: each is found by the number under which it was sealed, and its length.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    pieces: Vec<Piece>,
    /// The piece that is being filled.
    filling: usize,
    /// Pieces that are gone: others take their places.
    gone: Vec<usize>,
}

impl Sealed {
    /// Puts `bytes` down; `None`, and nothing is done, if they are too many or there are no more numbers.
    pub fn push(&mut self, bytes: &[u8]) -> Option<u32> {
        let has_room = |piece: &Piece| piece.bytes.capacity() - piece.bytes.len() >= bytes.len();
        if !self.pieces.get(self.filling).is_some_and(has_room) {
            self.fill_another(bytes.len())?;
        }
        let piece = self.pieces.get_mut(self.filling)?;
        let place = piece.bytes.len() / STEP;
        piece.bytes.extend_from_slice(bytes);
        if !bytes.len().is_multiple_of(STEP) {
            piece.step();
        }
        piece.live += 1;
        Some((self.filling << SHIFT | place) as u32)
    }

    /// Another piece is filled from now on; `None`, and nothing is done, if one cannot have so many bytes, or there are no more
    /// numbers.
    #[cold]
    #[inline(never)]
    fn fill_another(&mut self, bytes: usize) -> Option<()> {
        if bytes > PIECE || self.gone.is_empty() && self.pieces.len() >> (u32::BITS - SHIFT) != 0 {
            return None;
        }
        self.filling = self.gone.pop().unwrap_or(self.pieces.len());
        self.pieces.resize_with(self.pieces.len().max(self.filling + 1), Piece::default);
        self.pieces[self.filling].bytes.reserve_exact(PIECE);
        Some(())
    }

    /// The `len` bytes put down under `number`.
    #[inline]
    pub fn get(&self, number: u32, len: usize) -> Option<&[u8]> {
        let place = (number & ((1 << SHIFT) - 1)) as usize * STEP;
        self.pieces.get((number >> SHIFT) as usize)?.bytes.get(place..)?.get(..len)
    }

    /// What is under `number` is needed no more: the last one of a piece takes the piece with it.
    pub fn forget(&mut self, number: u32) {
        let place = (number >> SHIFT) as usize;
        let Some(piece) = self.pieces.get_mut(place) else { return };
        piece.live = piece.live.saturating_sub(1);
        if piece.live == 0 && !piece.bytes.is_empty() {
            *piece = Piece::default();
            self.gone.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_one_after_the_other_and_go_together() {
        let mut sealed = Sealed::default();
        let row = |n: usize| vec![n as u8; n * n % 97];
        let mut numbers: Vec<u32> = (0..50_000).map(|n| sealed.push(&row(n)).expect("room")).collect();
        assert!(numbers.iter().enumerate().all(|(n, number)| sealed.get(*number, row(n).len()) == Some(&row(n)[..])));
        let pieces = sealed.pieces.len();
        let bytes: usize = (0..50_000).map(|n| row(n).len().next_multiple_of(STEP)).sum();
        assert_eq!(pieces, bytes / (PIECE - 97) + 1);
        for round in 1..4 {
            let half = numbers.split_off(25_000);
            numbers.iter().for_each(|number| sealed.forget(*number));
            assert!(sealed.gone.len() >= pieces / 2 - 1);
            assert!(half.iter().enumerate().all(|(n, number)| {
                let row = row(if round == 1 { n + 25_000 } else { n });
                sealed.get(*number, row.len()) == Some(&row[..])
            }));
            numbers = half;
            numbers.extend((0..25_000).map(|n| sealed.push(&row(n)).expect("room")));
        }
        assert!(sealed.pieces.len() <= pieces + 2);
        assert_eq!(sealed.push(&vec![0; PIECE + 1]), None);
        sealed.forget(u32::MAX);
    }
}
