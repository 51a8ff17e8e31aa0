//! What is looked up by address: seeded tables, because addresses are chosen by whoever sends the packets. Nothing depends
//! on the order in which they hold things.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::report::directory::bits;

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
