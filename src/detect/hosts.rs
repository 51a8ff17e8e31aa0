//! A set of addresses, each with a few marks. Seeded, because addresses are chosen by whoever sends the packets; nothing
//! depends on the order in which it holds them.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

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
            hashbrown::hash_table::Entry::Occupied(mut host) => {
                host.get_mut().1 |= marks;
                false
            }
            hashbrown::hash_table::Entry::Vacant(place) => {
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

/// All of an address in a number. A mapped IPv4 address meets the IPv4 address, which costs no more than a comparison.
pub(super) fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}
