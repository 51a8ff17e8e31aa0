//! Connections that were spoken on lately, found by their ports alone: in a long conversation one segment in hundreds needs
//! more.

use crate::segment::Segment;

/// Places, a power of two.
const PLACES: usize = 1 << 10;

/// For some pairs of ports the connection through which the latest segment between them was found. Whether it is between
/// the same addresses its owner tells: ports are chosen by whoever sends the packets, and the worst they can do is that
/// nothing is found here.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    places: Box<[Guess; PLACES]>,
}

/// What may be the connection through which a segment is found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guess {
    /// Its number, plus one; 0 where there is none.
    number: u32,
    /// Where its record was, if it had one; that of another may be there now.
    slot: u32,
}

impl Guess {
    /// Its number, and where its record was.
    #[inline]
    pub fn get(self) -> Option<(usize, usize)> {
        (self.number as usize).checked_sub(1).map(|number| (number, self.slot as usize))
    }
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { places: Box::new([Guess::default(); PLACES]) }
    }
}

impl Recent {
    /// The same in both directions.
    #[inline]
    fn place(seg: &Segment) -> usize {
        usize::from(seg.src.port ^ seg.dst.port) % PLACES
    }

    /// What may be the connection through which `seg` is found.
    #[inline]
    pub fn guess(&self, seg: &Segment) -> Guess {
        self.places[Recent::place(seg)]
    }

    /// `seg` is found through connection `number`; its record, if it has one, is at `slot`.
    #[inline]
    pub fn note(&mut self, seg: &Segment, number: usize, slot: Option<usize>) {
        let slot = slot.map_or(u32::MAX, |slot| slot as u32);
        self.places[Recent::place(seg)] = Guess { number: number as u32 + 1, slot };
    }

    /// What is between the ports of `seg` may be found through another connection from now on.
    pub fn forget(&mut self, seg: &Segment) {
        self.places[Recent::place(seg)] = Guess::default();
    }

    /// Numbers mean other connections from now on.
    pub fn clear(&mut self) {
        self.places.fill(Guess::default());
    }
}
