//! How a connection is kept, in a word of its head.

use crate::pack::shelf::Place;

/// How a connection is kept: two bits, and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept(u64);

/// The same, taken apart.
pub enum How {
    /// As the record with this number.
    Record(usize),
    /// Packed.
    Packed(Place),
    /// On its tape.
    Tape,
}

impl Kept {
    /// As `how` says.
    pub fn new(how: &How) -> Kept {
        Kept(match how {
            How::Record(slot) => *slot as u64,
            How::Packed(place) => 1 << 62 | place.number(),
            How::Tape => 2 << 62,
        })
    }

    /// How that is.
    pub fn how(self) -> How {
        let number = self.0 & ((1 << 62) - 1);
        match self.0 >> 62 {
            0 => How::Record(number as usize),
            1 => How::Packed(Place::of_number(number)),
            _ => How::Tape,
        }
    }
}
