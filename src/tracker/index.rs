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
    /// A power of two of them, or none.
    places: Vec<Place>,
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

/// What stands in a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(8))]
struct Place {
    /// The number, plus one, since none is the last of all; 0 where there is nothing.
    number: u32,
    hash: u32,
}

impl Place {
    fn new(hash: u32, number: u32) -> Place {
        Place { number: number.wrapping_add(1), hash }
    }

    /// The number there.
    #[inline(always)]
    fn number(self) -> usize {
        self.number.wrapping_sub(1) as usize
    }

    #[inline(always)]
    fn is_free(self) -> bool {
        self.number == 0
    }
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
    pub fn find(&self, hash: u32, is: impl FnMut(usize) -> bool) -> Option<usize> {
        self.find_or_free(hash, is).ok()
    }

    /// The same; if there is none, the free place where it would stand.
    #[inline(always)]
    fn find_or_free(&self, hash: u32, mut is: impl FnMut(usize) -> bool) -> Result<usize, usize> {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home(hash) & last;
        // There always is a place with nothing in it, once there are places.
        while let Some(place) = self.places.get(at).filter(|place| !place.is_free()) {
            if place.hash == hash && is(place.number()) {
                return Ok(place.number());
            }
            at = (at + 1) & last;
        }
        Err(at)
    }

    /// The same, to [put](Index::put_at) one there before anything else is changed: room is made for it, needed or not.
    #[inline(always)]
    pub fn find_or_room(&mut self, hash: u32, is: impl FnMut(usize) -> bool) -> Result<usize, usize> {
        self.make_room();
        self.find_or_free(hash, is)
    }

    /// Puts `number` under `hash`, which was not found, where [there is room](Index::find_or_room) for it.
    #[inline]
    pub fn put_at(&mut self, free: usize, hash: u32, number: u32) {
        if let Some(place) = self.places.get_mut(free) {
            *place = Place::new(hash, number);
            self.used += 1;
        }
    }

    /// The first number with this `hash`, most likely the one that is meant; the last of all if there is none.
    #[inline(always)]
    pub fn guess(&self, hash: u32) -> u32 {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home(hash);
        // What is free has a hash, too, and the last number.
        while let Some(place) = self.places.get(at & last) {
            if place.hash == hash || place.is_free() {
                return place.number.wrapping_sub(1);
            }
            at += 1;
        }
        u32::MAX
    }

    /// The number with this `hash` that `is` meant; if there is none, `new` is put there.
    #[inline]
    pub fn find_or_put(&mut self, hash: u32, new: u32, is: impl FnMut(usize) -> bool) -> Option<usize> {
        match self.find_or_room(hash, is) {
            Ok(number) => Some(number),
            Err(free) => {
                self.put_at(free, hash, new);
                None
            }
        }
    }

    /// Makes room for so many more at once: what grows is gone through each time.
    pub fn reserve(&mut self, more: usize) {
        let places = (self.used.saturating_add(more).saturating_mul(8) / 5 + 1).next_power_of_two();
        if places > self.places.len().max(1 << FIRST_BITS) {
            let before = std::mem::replace(&mut self.places, vec![Place::default(); places]);
            self.shift = u32::BITS.saturating_sub(places.trailing_zeros());
            before.into_iter().filter(|place| !place.is_free()).for_each(|place| self.put(place));
        }
    }

    /// Puts `number`, which is new, under `hash`.
    pub fn insert(&mut self, hash: u32, number: u32) {
        self.make_room();
        self.used += 1;
        self.put(Place::new(hash, number));
    }

    /// Makes room for another one.
    #[inline(always)]
    fn make_room(&mut self) {
        // At most five places of eight are taken.
        if self.used * 8 >= self.places.len() * 5 {
            self.grow();
        }
    }

    fn put(&mut self, new: Place) {
        if let Err(free) = self.find_or_free(new.hash, |_| false)
            && let Some(place) = self.places.get_mut(free)
        {
            *place = new;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let before = self.places.len();
        let places = (before * 2).max(1 << FIRST_BITS);
        self.shift = u32::BITS.saturating_sub(places.trailing_zeros());
        self.places.resize(places, Place::default());
        // From the last on, so that all have moved that stand at this place or behind it; the few that have to be put before
        // it wait until all have.
        let mut late = Vec::new();
        for at in (0..before).rev() {
            let moved = self.places[at];
            if moved.is_free() {
                continue;
            }
            self.places[at] = Place::default();
            let home = self.home(moved.hash);
            let behind = self.places.get_mut(home..).filter(|_| home >= at);
            match behind.and_then(|behind| behind.iter_mut().find(|place| place.is_free())) {
                Some(place) => *place = moved,
                None => late.push(moved),
            }
        }
        late.into_iter().for_each(|moved| self.put(moved));
    }

    /// Puts `new` in the place of `old`, if that is there.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) -> bool {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.home(hash);
        while let Some(place) = self.places.get_mut(at & last).filter(|place| !place.is_free()) {
            if *place == Place::new(hash, old) {
                *place = Place::new(hash, new);
                return true;
            }
            at += 1;
        }
        false
    }

    /// All numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.places.iter().filter_map(|place| place.number.checked_sub(1))
    }

    /// Forgets all numbers.
    pub fn clear(&mut self) {
        self.places.fill(Place::default());
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
        for n in 5_000..9_000 {
            let (hash, is) = (hash(n), |number| number == n as usize);
            let room = index.find_or_room(hash, is).unwrap_err();
            index.put_at(room, hash, n);
            assert_eq!(index.find_or_room(hash, is), Ok(n as usize));
            assert_eq!(index.find(hash, is), Some(n as usize));
        }
        assert_eq!(index.numbers().count(), 9_000);
        index.reserve(10_000);
        for n in 0..10_000 {
            let stands = if n % 3 == 0 && n < 5_000 { n + 10_000 } else { n };
            let known = index.find_or_put(hash(n), n, |number| number == stands as usize);
            assert_eq!(known, (n < 9_000).then_some(stands as usize));
            assert_eq!(index.find(hash(n), |number| number == stands as usize), Some(stands as usize));
        }
        assert_eq!(index.numbers().count(), 10_000);
        index.clear();
        assert_eq!((index.find(hash(1), |_| true), index.numbers().count()), (None, 0));
    }

    #[test]
    fn what_is_guessed_has_the_hash() {
        let mut index = Index::default();
        assert_eq!(index.guess(0), u32::MAX);
        for (n, hash) in [7, 0, u32::MAX, 7].into_iter().enumerate() {
            assert_eq!(index.guess(hash), if n == 3 { 0 } else { u32::MAX });
            index.insert(hash, n as u32);
        }
        assert_eq!([7, 0, u32::MAX, 8].map(|hash| index.guess(hash)), [0, 1, 2, u32::MAX]);
    }

    /// Whatever the seeds: of 20,000 hashes 0.05 are others' as well.
    #[test]
    fn four_tuples_that_are_much_alike_have_hashes_of_their_own_whatever_the_direction() {
        let index = Index::default();
        let server = |long: bool, port| {
            let addr = Ipv4Addr::new(192, 0, 2, 1);
            Socket { addr: if long { addr.to_ipv6_mapped().into() } else { addr.into() }, port }
        };
        for long in [false, true] {
            let pairs = (0..20_000_u32).map(|n| {
                let next = |by: u32| Ipv4Addr::from_bits(0x0a00_0000 + n / 4 * by);
                let addr = if n % 4 == 1 { next(1) } else { next(1 << 8) };
                let addr = if long { addr.to_ipv6_mapped().into() } else { addr.into() };
                let ports = [[(n / 4) as u16, 443], [7, 443], [(n / 4) as u16, (n / 4) as u16], [443, (n / 4) as u16]];
                let [own, peer] = ports[n as usize % 4];
                let first = [IpAddr::V4(Ipv4Addr::LOCALHOST), addr][usize::from(n % 4 == 1 || n % 8 == 7)];
                [Socket { addr: first, port: own }, server(long, peer)]
            });
            let all: std::collections::BTreeSet<[Socket; 2]> = pairs.collect();
            let mut hashes: Vec<u32> = all.iter().map(|[a, b]| index.hash(a, b)).collect();
            assert!(all.iter().zip(&hashes).all(|([a, b], hash)| index.hash(b, a) == *hash));
            // Places are told by the high bits: as many as there are of these are spread over as many.
            let few: std::collections::BTreeSet<u32> = hashes.iter().map(|hash| hash >> 18).collect();
            assert!(few.len() > 10_500, "{} of {}", few.len(), all.len());
            hashes.sort_unstable();
            hashes.dedup();
            assert!(hashes.len() + 4 > all.len(), "{} of {}", hashes.len(), all.len());
        }
    }
}
