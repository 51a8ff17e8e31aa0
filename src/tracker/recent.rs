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
    /// Numbers of connections, plus one; 0 where there is none.
    places: Box<[u32; PLACES]>,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { places: Box::new([0; PLACES]) }
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
    pub fn guess(&self, seg: &Segment) -> Option<usize> {
        (self.places[Recent::place(seg)] as usize).checked_sub(1)
    }

    /// `seg` is found through connection `number`.
    #[inline]
    pub fn note(&mut self, seg: &Segment, number: usize) {
        self.places[Recent::place(seg)] = number as u32 + 1;
    }

    /// What is between the ports of `seg` may be found through another connection from now on.
    pub fn forget(&mut self, seg: &Segment) {
        self.places[Recent::place(seg)] = 0;
    }

    /// Numbers mean other connections from now on.
    pub fn clear(&mut self) {
        self.places.fill(0);
    }
}
