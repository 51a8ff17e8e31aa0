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

/// On its tape. Below that stands how many came before it on its four-tuple, and above these what came after it.
const TAPE: u64 = 2 << 62;
/// Another came after it.
const FOLLOWED: u64 = 1 << 32;
/// With a SYN of its end 1.
const BY_SECOND: u64 = 1 << 33;
/// That was accepted.
const ACCEPTED: u64 = 1 << 34;

impl Kept {
    /// As `how` says; on its tape as the first one on its four-tuple.
    pub fn new(how: &How) -> Kept {
        Kept(match how {
            How::Record(slot) => *slot as u64,
            How::Packed(place) => 1 << 62 | place.number(),
            How::Tape => TAPE,
        })
    }

    /// On its tape, as this one on its four-tuple, counted from 1.
    pub fn on_tape(incarnation: u32) -> Kept {
        Kept(TAPE | u64::from(incarnation.wrapping_sub(1)))
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

    /// Whether more may be written on its tape.
    #[inline]
    pub fn is_growing(self) -> bool {
        self.0 >> 32 == TAPE >> 32
    }

    /// Which one on its four-tuple it is, if it is on tape.
    pub fn incarnation(self) -> u32 {
        (self.0 as u32).wrapping_add(1)
    }

    /// The same, after which another one comes on its four-tuple, with a SYN of end `x`.
    #[must_use]
    pub fn followed_by(self, x: usize) -> Kept {
        Kept(self.0 | FOLLOWED | if x == 0 { 0 } else { BY_SECOND })
    }

    /// The same, that SYN having been accepted.
    #[must_use]
    pub fn accepted(self) -> Kept {
        Kept(self.0 | ACCEPTED)
    }

    /// The end that sent the SYN of the one after it, if there is one and this is on tape; whether that was accepted.
    pub fn followed(self) -> Option<(usize, bool)> {
        let has = |bit: u64| self.0 & bit != 0;
        (self.0 >> 62 == TAPE >> 62 && has(FOLLOWED)).then(|| (usize::from(has(BY_SECOND)), has(ACCEPTED)))
    }
}
