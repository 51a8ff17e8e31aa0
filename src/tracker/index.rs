//! Where connections are found by their four-tuple.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::segment::Socket;

/// Numbers by the hash of a four-tuple. Which of them is meant its owner tells, who knows the four-tuples.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: HashTable<Slot>,
    /// Seeded for each run: addresses and ports are chosen by whoever sends the packets.
    hasher: RandomState,
}

/// With the hash beside it a number is looked up and moved without looking at what it stands for.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Slot {
    /// What the table goes by: its low bits and its highest.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Index {
    /// Hash of a four-tuple, the same for both directions.
    #[inline]
    pub fn hash(&self, a: &Socket, b: &Socket) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        match (a.addr, b.addr) {
            (IpAddr::V4(x), IpAddr::V4(y)) => {
                let x = u64::from(x.to_bits()) << 16 | u64::from(a.port);
                let y = u64::from(y.to_bits()) << 16 | u64::from(b.port);
                hasher.write_u64(x.min(y));
                hasher.write_u64(x.max(y));
            }
            _ => {
                let (low, high) = if a <= b { (a, b) } else { (b, a) };
                for socket in [low, high] {
                    match socket.addr {
                        IpAddr::V4(addr) => hasher.write_u64(addr.to_bits().into()),
                        IpAddr::V6(addr) => hasher.write_u128(addr.to_bits()),
                    }
                    hasher.write_u16(socket.port);
                }
            }
        }
        (hasher.finish() >> 32) as u32
    }

    /// The number with this `hash` that `is` meant.
    #[inline]
    pub fn find(&self, hash: u32, mut is: impl FnMut(usize) -> bool) -> Option<usize> {
        let slot = self.slots.find(Slot::spread(hash), |slot| slot.hash == hash && is(slot.number as usize))?;
        Some(slot.number as usize)
    }

    /// Puts `number`, which is new, under `hash`.
    pub fn insert(&mut self, hash: u32, number: u32) {
        self.slots.insert_unique(Slot::spread(hash), Slot { hash, number }, |slot| Slot::spread(slot.hash));
    }

    /// Puts `new` in the place of `old`, if that is there.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) -> bool {
        let slot = self.slots.find_mut(Slot::spread(hash), |slot| slot.hash == hash && slot.number == old);
        slot.map(|slot| slot.number = new).is_some()
    }

    /// All numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().map(|slot| slot.number)
    }

    /// Forgets all numbers.
    pub fn clear(&mut self) {
        self.slots.clear();
    }
}
