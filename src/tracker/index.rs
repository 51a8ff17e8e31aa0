//! Where connections are found by their four-tuple, and hosts by their address.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;

use crate::prefetch::prefetch;
use crate::segment::Socket;

/// Places at the beginning, as a power of two.
const FIRST_BITS: u32 = 10;

/// Numbers by the hash of what they stand for. Which of them is meant its owner tells, who knows that.
///
/// One row of places, each with a hash and its number in eight bytes; what finds its place taken goes to the next free
/// one (linear probing, Knuth 6.4). The place is told by the high bits of the hash, so that a row grows where it is: what
/// stands in it moves to about twice as far from its begin, the last ones first.
#[derive(Clone, Debug)]
pub struct Index {
    /// A power of two of them, or none; 0 where there is nothing.
    places: Vec<u64>,
    used: usize,
    /// Bits of a hash that do not tell the place.
    shift: u32,
    /// Drawn anew for each run: addresses and ports are chosen by whoever sends the packets.
    seeds: [u64; 4],
}

impl Default for Index {
    fn default() -> Index {
        let random = RandomState::default();
        let seeds = [0_u64, 1, 2, 3].map(|n| random.hash_one(n) | 1);
        Index { places: Vec::new(), used: 0, shift: u32::BITS - FIRST_BITS, seeds }
    }
}

/// What stands in a place. No number is the last of all.
fn slot(hash: u32, number: u32) -> u64 {
    (u64::from(hash) << 32) | (u64::from(number) + 1)
}

/// The number in a place that is taken, if it has this hash.
#[inline(always)]
fn number_of(slot: u64, hash: u32) -> Option<u32> {
    ((slot >> 32) as u32 == hash).then_some((slot as u32).wrapping_sub(1))
}

/// A product of two words, its halves one over the other: each bit of it follows from all of both (as in foldhash).
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Index {
    /// Hash of a four-tuple, the same for both directions: a product does not tell its factors apart.
    #[inline(always)]
    pub fn hash(&self, a: &Socket, b: &Socket) -> u32 {
        let seed = self.seeds[2];
        self.spread(fold(self.word(a) ^ seed, self.word(b) ^ seed))
    }

    /// Hash of a number.
    #[inline]
    pub fn hash_of(&self, number: u128) -> u32 {
        self.spread(self.folded(number as u64, (number >> 64) as u64))
    }

    /// What a socket counts for in a hash. As its bytes lie in memory, in whatever order.
    #[inline(always)]
    fn word(&self, socket: &Socket) -> u64 {
        let addr = match socket.addr {
            IpAddr::V4(addr) => u32::from_ne_bytes(addr.octets()).into(),
            IpAddr::V6(addr) => {
                let bits = u128::from_ne_bytes(addr.octets());
                self.folded(bits as u64, (bits >> 64) as u64)
            }
        };
        addr << 16 | u64::from(socket.port)
    }

    #[inline(always)]
    fn folded(&self, low: u64, high: u64) -> u64 {
        fold(low ^ self.seeds[0], high ^ self.seeds[1])
    }

    /// The hash that is made of a folded word: places are told by its high bits.
    #[inline(always)]
    fn spread(&self, word: u64) -> u32 {
        (word.wrapping_mul(self.seeds[3]) >> 32) as u32
    }

    /// Where what has this `hash` stands at first, if there are places.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }

    /// Prefetches the place where what has this hash stands at first, and the two behind it, mostly in the same cache line.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        let home = self.home(hash);
        if let Some([first, _, third]) = self.places.get(home..home + 3) {
            prefetch(first);
            prefetch(third);
        }
    }

    /// The number with this `hash` that `is` meant.
    #[inline]
    pub fn find(&self, hash: u32, mut is: impl FnMut(usize) -> bool) -> Option<usize> {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home(hash);
        // There always is a place with nothing in it.
        while let Some(slot) = self.places.get(at & last).filter(|slot| **slot != 0) {
            if let Some(number) = number_of(*slot, hash).filter(|number| is(*number as usize)) {
                return Some(number as usize);
            }
            at += 1;
        }
        None
    }

    /// The first number with this `hash`: most likely the one that is meant.
    #[inline]
    pub fn guess(&self, hash: u32) -> Option<usize> {
        self.find(hash, |_| true)
    }

    /// Puts `number`, which is new, under `hash`.
    pub fn insert(&mut self, hash: u32, number: u32) {
        // At most five places of eight are taken.
        if self.used * 8 >= self.places.len() * 5 {
            self.grow();
        }
        self.used += 1;
        self.put(slot(hash, number));
    }

    fn put(&mut self, slot: u64) {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home((slot >> 32) as u32);
        while let Some(place) = self.places.get_mut(at & last) {
            if *place == 0 {
                *place = slot;
                return;
            }
            at += 1;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let before = self.places.len();
        let places = (before * 2).max(1 << FIRST_BITS);
        self.shift = u32::BITS.saturating_sub(places.trailing_zeros());
        self.places.resize(places, 0);
        // From the last on, so that all have moved that stand at this place or behind it; the few that have to be put before
        // it wait until all have.
        let mut late = Vec::new();
        for at in (0..before).rev() {
            let slot = self.places[at];
            if slot == 0 {
                continue;
            }
            self.places[at] = 0;
            let home = self.home((slot >> 32) as u32);
            let behind = self.places.get_mut(home..).filter(|_| home >= at);
            match behind.and_then(|behind| behind.iter_mut().find(|place| **place == 0)) {
                Some(place) => *place = slot,
                None => late.push(slot),
            }
        }
        late.into_iter().for_each(|slot| self.put(slot));
    }

    /// Puts `new` in the place of `old`, if that is there.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) -> bool {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home(hash);
        while let Some(place) = self.places.get_mut(at & last).filter(|place| **place != 0) {
            if *place == slot(hash, old) {
                *place = slot(hash, new);
                return true;
            }
            at += 1;
        }
        false
    }

    /// All numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.places.iter().filter_map(|slot| (*slot as u32).checked_sub(1))
    }

    /// Forgets all numbers.
    pub fn clear(&mut self) {
        self.places.fill(0);
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_and_replaced_in_its_place() {
        let mut index = Index::default();
        assert_eq!(index.find(7, |_| true), None);
        // Many with the same hash, at the end of the row too.
        let hash = |n: u32| {
            [n.wrapping_mul(0x9e37_79b9), u32::MAX, 0][if n.is_multiple_of(50) { 1 + n as usize % 2 } else { 0 }]
        };
        for n in 0..5_000 {
            index.insert(hash(n), n);
        }
        for n in (0..5_000).step_by(3) {
            assert!(index.replace(hash(n), n, n + 10_000));
            assert!(!index.replace(hash(n), n, n + 10_000));
        }
        for n in 0..5_000 {
            let stands = if n % 3 == 0 { n + 10_000 } else { n };
            assert_eq!(index.find(hash(n), |number| number == stands as usize), Some(stands as usize));
        }
        assert_eq!(index.numbers().count(), 5_000);
        index.clear();
        assert_eq!((index.find(hash(1), |_| true), index.numbers().count()), (None, 0));
    }
}
