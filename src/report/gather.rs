//! Sums by key, for very many keys of which most come once: those take a few bytes each.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::model::{Outcome, Severity};

/// One connection of a key: its outcome, and at most one kind of finding, in few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single {
    /// What became of it.
    pub outcome: Outcome,
    /// Number of the kind, and how severe it is.
    pub kind: Option<(u16, Severity)>,
}

const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Note, Severity::Warning, Severity::Error];

/// What stands beside a key: a [`Single`], or with the highest bit the number of its sum.
#[derive(Clone, Copy, Debug)]
struct What(u32);

impl What {
    const SUM: u32 = 1 << 31;

    fn single(single: Single) -> What {
        let kind = single.kind.map_or(0, |(kind, severity)| (u32::from(kind) + 1) << 8 | (severity as u32) << 4);
        What(kind | single.outcome as u32)
    }

    fn sum(number: usize) -> What {
        What(What::SUM | number as u32)
    }

    fn unfold(self) -> Result<usize, Single> {
        if self.0 & What::SUM != 0 {
            return Ok((self.0 & !What::SUM) as usize);
        }
        let outcome = Outcome::ALL[(self.0 & 7) as usize];
        let severity = SEVERITIES[(self.0 >> 4 & 3) as usize];
        let kind = (self.0 >> 8 & 0xffff).checked_sub(1).map(|kind| (kind as u16, severity));
        Err(Single { outcome, kind })
    }
}

/// Something that is added up from connections.
pub trait Sum: Default {
    /// Adds a connection that came alone.
    fn add_single(&mut self, single: Single);

    /// Adds another sum.
    fn merge(&mut self, other: Self);
}

/// Sums by key. Hashing is seeded, as keys are chosen by whoever sends the packets; nothing depends on its order.
#[derive(Clone, Debug)]
pub struct Gather<K, S> {
    table: HashTable<(K, What)>,
    sums: Vec<S>,
    hasher: RandomState,
}

impl<K, S> Default for Gather<K, S> {
    fn default() -> Gather<K, S> {
        Gather { table: HashTable::new(), sums: Vec::new(), hasher: RandomState::default() }
    }
}

impl<K: Copy + Eq + Hash, S: Sum> Gather<K, S> {
    /// Adds a connection that can stand alone: to the sum of `key`, if it has one or now gets one.
    pub fn add(&mut self, key: K, single: Single) {
        let hasher = &self.hasher;
        match self.table.entry(hasher.hash_one(key), |(k, _)| *k == key, |(k, _)| hasher.hash_one(k)) {
            Entry::Occupied(mut entry) => match entry.get().1.unfold() {
                Ok(number) => self.sums[number].add_single(single),
                Err(first) => {
                    let mut sum = S::default();
                    sum.add_single(first);
                    sum.add_single(single);
                    entry.get_mut().1 = What::sum(self.sums.len());
                    self.sums.push(sum);
                }
            },
            Entry::Vacant(entry) => {
                entry.insert((key, What::single(single)));
            }
        }
    }

    /// The sum of `key`, made if there is none.
    pub fn sum(&mut self, key: K) -> &mut S {
        let hasher = &self.hasher;
        let number = match self.table.entry(hasher.hash_one(key), |(k, _)| *k == key, |(k, _)| hasher.hash_one(k)) {
            Entry::Occupied(mut entry) => match entry.get().1.unfold() {
                Ok(number) => number,
                Err(first) => {
                    let mut sum = S::default();
                    sum.add_single(first);
                    entry.get_mut().1 = What::sum(self.sums.len());
                    self.sums.push(sum);
                    self.sums.len() - 1
                }
            },
            Entry::Vacant(entry) => {
                entry.insert((key, What::sum(self.sums.len())));
                self.sums.push(S::default());
                self.sums.len() - 1
            }
        };
        &mut self.sums[number]
    }

    /// Adds what was gathered apart.
    pub fn merge(&mut self, mut other: Gather<K, S>) {
        let mut sums: Vec<Option<S>> = std::mem::take(&mut other.sums).into_iter().map(Some).collect();
        for (key, what) in other.table.drain() {
            match what.unfold() {
                Err(single) => self.add(key, single),
                Ok(number) => {
                    if let Some(sum) = sums.get_mut(number).and_then(Option::take) {
                        self.sum(key).merge(sum);
                    }
                }
            }
        }
    }

    /// Everything gathered, in no order.
    pub fn each(&self) -> impl Iterator<Item = (K, Result<&S, Single>)> {
        self.table.iter().map(|(key, what)| (*key, what.unfold().map(|number| &self.sums[number])))
    }
}
