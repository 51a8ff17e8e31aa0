//! The groups that a connection belongs to, in few bits.

/// So many bits hold them.
pub const BITS: u32 = KINDS as u32 * KIND_BITS + 1;
/// How many seats there are.
pub const SEATS: usize = KINDS << KIND_BITS;
/// The seat of all connections.
pub const ALL: usize = 0;

/// Bits for the groups of one kind.
const KIND_BITS: u32 = 7;
/// How many groups a kind has at most; 0 stands for none of them.
pub const MOST: usize = (1 << KIND_BITS) - 1;
/// How many seats the groups of one kind have; none of them is in the first.
pub const KIND: usize = 1 << KIND_BITS;
/// How many kinds there are.
pub const KINDS: usize = 3;
/// Set for what belongs to all connections.
const IN_ALL: u32 = 1 << (BITS - 1);

/// The group of all connections, and at most one group of each kind: servers, clients, pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seats(u32);

/// The seat of the group at `place` among those of its kind.
pub fn seat(kind: usize, place: usize) -> usize {
    (kind << KIND_BITS) + 1 + place
}

impl Seats {
    /// Of a connection that is in these groups, by place among those of its kind.
    #[inline]
    pub fn new(places: [Option<usize>; 3]) -> Seats {
        let field = |kind: usize| match places[kind] {
            Some(place) if place < MOST => (place as u32 + 1) << (kind as u32 * KIND_BITS),
            _ => 0,
        };
        Seats(IN_ALL | field(0) | field(1) | field(2))
    }

    /// Together with a sample, which lies above them in a number.
    #[inline]
    pub fn with(self, sample: i64) -> u64 {
        ((sample as u64) << BITS) | u64::from(self.0)
    }

    /// The sample and the seats in such a number.
    #[inline]
    pub fn with_sample(stored: u64) -> (i64, Seats) {
        ((stored >> BITS) as i64, Seats(stored as u32 & ((1 << BITS) - 1)))
    }

    /// Whether it is in the group of all connections.
    #[inline]
    pub fn in_all(self) -> bool {
        self.0 & IN_ALL != 0
    }

    /// Which of the seats of one kind it has; 0 is none.
    #[inline]
    pub fn of_kind(self, kind: usize) -> usize {
        (self.0 >> (kind as u32 * KIND_BITS)) as usize & MOST
    }

    /// Whether no group is left.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Gives each seat.
    #[inline]
    pub fn each(self, mut take: impl FnMut(usize)) {
        if self.in_all() {
            take(ALL);
        }
        for kind in 0..KINDS {
            let field = self.of_kind(kind);
            if field != 0 {
                take(kind * KIND + field);
            }
        }
    }

    /// The same without one seat that it has.
    #[inline]
    #[must_use]
    pub fn without(self, seat: usize) -> Seats {
        match seat {
            ALL => Seats(self.0 & !IN_ALL),
            _ => Seats(self.0 & !((MOST as u32) << ((seat as u32 >> KIND_BITS) * KIND_BITS))),
        }
    }
}

/// Takes samples above their seats out of the group of all. Returns how many are in other groups: they come first then.
pub fn leave_placed(samples: &mut [u64]) -> usize {
    let mut left = 0;
    for at in 0..samples.len() {
        let (sample, seats) = Seats::with_sample(samples[at]);
        let rest = seats.without(ALL);
        // Most often there are few, but it is not foreseen which.
        samples[left] = rest.with(sample);
        left += usize::from(!rest.is_empty());
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_given_and_left() {
        let seats = Seats::new([Some(0), None, Some(99)]);
        let listed = |seats: Seats| {
            let mut listed = Vec::new();
            let (sample, seats) = Seats::with_sample(seats.with(77));
            assert_eq!(sample, 77);
            seats.each(|s| listed.push(s));
            listed
        };
        assert_eq!(listed(seats), [ALL, seat(0, 0), seat(2, 99)]);
        assert_eq!(listed(seats.without(seat(0, 0))), [ALL, seat(2, 99)]);
        assert_eq!(listed(seats.without(ALL).without(seat(2, 99))), [seat(0, 0)]);
        assert!(seats.without(ALL).without(seat(2, 99)).without(seat(0, 0)).is_empty());
    }
}
