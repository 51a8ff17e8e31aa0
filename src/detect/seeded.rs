//! What is looked up by address: seeded tables, because addresses are chosen by whoever sends the packets. Nothing depends
//! on the order in which they hold things.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Addresses, each with eight marks.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    table: HashTable<(IpAddr, u8)>,
    seed: RandomState,
}

impl Hosts {
    /// Adds `addr` if it is not there yet, and `marks` to it. True if it is new.
    pub fn add(&mut self, addr: IpAddr, marks: u8) -> bool {
        let seed = &self.seed;
        let hash = seed.hash_one(bits(addr));
        match self.table.entry(hash, |h| h.0 == addr, |h| seed.hash_one(bits(h.0))) {
            Entry::Occupied(mut host) => {
                host.get_mut().1 |= marks;
                false
            }
            Entry::Vacant(place) => {
                place.insert((addr, marks));
                true
            }
        }
    }

    /// The marks of `addr`; 0 if it is not there.
    pub fn marks(&self, addr: IpAddr) -> u8 {
        self.table.find(self.seed.hash_one(bits(addr)), |h| h.0 == addr).map_or(0, |h| h.1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All that `wanted` wants by their marks, in order.
    pub fn sorted(&self, wanted: impl Fn(u8) -> bool) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self.table.iter().filter(|h| wanted(h.1)).map(|h| h.0).collect();
        all.sort_unstable();
        all
    }

    /// Adds those of `other`.
    pub fn merge(&mut self, other: Hosts) {
        if self.is_empty() {
            *self = other;
        } else {
            other.table.into_iter().for_each(|(addr, marks)| _ = self.add(addr, marks));
        }
    }
}

/// What a service, or a group of anomalies at one, is found by.
pub(super) type Key = (u128, u64);

/// The key of an address and of what else matters, below 2^63.
#[inline]
pub(super) fn key(addr: IpAddr, rest: u64) -> Key {
    (bits(addr), rest << 1 | u64::from(addr.is_ipv6()))
}

/// Finds things that stand in a list by their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    table: HashTable<u32>,
    seed: RandomState,
}

impl Index {
    /// The place of what has `key`, where `key_of` tells the key of what stands at a place; `None` if it has none: then it
    /// is `next` from now on.
    pub fn find(&mut self, key: Key, next: usize, key_of: impl Fn(usize) -> Key) -> Option<usize> {
        let seed = &self.seed;
        let place = |i: &u32| key_of(*i as usize);
        match self.table.entry(seed.hash_one(key), |i| place(i) == key, |i| seed.hash_one(place(i))) {
            Entry::Occupied(i) => Some(*i.get() as usize),
            Entry::Vacant(free) => {
                free.insert(next as u32);
                None
            }
        }
    }
}

/// All of an address in a number. A mapped IPv4 address meets the IPv4 address, which costs no more than a comparison.
#[inline]
fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}
