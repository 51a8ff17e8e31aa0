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
/// All bits of other groups.
const PLACED: u64 = IN_ALL as u64 - 1;

/// The bits of the groups of one kind, in numbers that hold [samples](Seats::with) too.
#[inline]
pub fn mask(kind: usize) -> u64 {
    (MOST as u64) << (kind as u32 * KIND_BITS)
}

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

    /// Together with some samples, in numbers: the first sample lies above them.
    #[inline]
    pub fn with<const L: usize>(self, samples: [i64; L]) -> [u64; L] {
        let mut stored = samples.map(|sample| sample as u64);
        stored[0] = (stored[0] << BITS) | u64::from(self.0);
        stored
    }

    /// The seats in such numbers.
    #[inline]
    pub fn of<const L: usize>(stored: &[u64; L]) -> Seats {
        Seats(stored[0] as u32 & ((1 << BITS) - 1))
    }

    /// Puts them in the place of those in such numbers.
    #[inline]
    pub fn put<const L: usize>(self, stored: &mut [u64; L]) {
        stored[0] = (stored[0] >> BITS << BITS) | u64::from(self.0);
    }

    /// Whether it is in the group of all connections.
    #[inline]
    pub fn in_all(self) -> bool {
        self.0 & IN_ALL != 0
    }

    /// Whether that is the only one.
    #[inline]
    pub fn are_all(self) -> bool {
        self.0 == IN_ALL
    }

    /// Whether it is in that, and in no group of a kind other than the first.
    #[inline]
    pub fn is_only_of_first(self) -> bool {
        self.0 & !(MOST as u32) == IN_ALL
    }

    /// The same once a sample was counted in the group of all, and in that of the first kind.
    #[inline]
    #[must_use]
    pub fn counted(self) -> Seats {
        Seats(self.0 & !(IN_ALL | MOST as u32))
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

/// The sample of one lane in numbers that hold [seats](Seats::with) too.
#[inline(always)]
pub fn sample<const L: usize>(stored: &[u64; L], lane: usize) -> i64 {
    (if lane == 0 { stored[0] >> BITS } else { stored[lane] }) as i64
}

/// Whether none of these is in any group but that of all.
#[inline]
pub fn none_placed<const L: usize>(stored: &[[u64; L]]) -> bool {
    stored.iter().fold(0, |any, stored| any | stored[0]) & PLACED == 0
}

/// A number with the seats of these, and with another sample, which is not long.
#[inline(always)]
pub fn replaced<const L: usize>(stored: &[u64; L], sample: i64) -> u64 {
    (sample as u64) << BITS | stored[0] & ((1 << BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_given_and_left() {
        let seats = Seats::new([Some(0), None, Some(99)]);
        let listed = |seats: Seats| {
            let mut listed = Vec::new();
            let stored = seats.with([77, i64::MAX]);
            assert_eq!([0, 1].map(|lane| sample(&stored, lane)), [77, i64::MAX]);
            Seats::of(&stored).each(|s| listed.push(s));
            listed
        };
        assert_eq!(listed(seats), [ALL, seat(0, 0), seat(2, 99)]);
        assert_eq!(listed(seats.without(seat(0, 0))), [ALL, seat(2, 99)]);
        assert_eq!(listed(seats.without(ALL).without(seat(2, 99))), [seat(0, 0)]);
        assert!(seats.without(ALL).without(seat(2, 99)).without(seat(0, 0)).is_empty());
    }
}
