//! Which connections belong together: groups by a key, found by hash, counted, told in the order of their keys.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// How many groups of each kind are kept: addresses are chosen by whoever sends the packets.
const KEPT: usize = 10_000;

/// Groups of connections of one kind. They are looked up by hash, and never gone through in its order.
#[derive(Clone, Debug)]
pub struct Groups<K> {
    lookup: HashTable<u16>,
    /// Key and connections of each.
    groups: Vec<(K, u64)>,
    hasher: RandomState,
    /// Connections of groups that are not kept.
    unkept: u64,
}

impl<K> Default for Groups<K> {
    fn default() -> Groups<K> {
        Groups { lookup: HashTable::new(), groups: Vec::new(), hasher: RandomState::default(), unkept: 0 }
    }
}

impl<K: Ord + Hash> Groups<K> {
    /// Counts a connection of the group `key`; the group's number, unless there are too many.
    pub fn count(&mut self, key: K) -> Option<u16> {
        let hash = self.hasher.hash_one(&key);
        let groups = &mut self.groups;
        if let Some(i) = self.lookup.find(hash, |i| groups[usize::from(*i)].0 == key) {
            groups[usize::from(*i)].1 += 1;
            return Some(*i);
        }
        let number = u16::try_from(groups.len()).ok().filter(|_| groups.len() < KEPT);
        let Some(number) = number else {
            self.unkept += 1;
            return None;
        };
        groups.push((key, 1));
        self.lookup.insert_unique(hash, number, |i| self.hasher.hash_one(&groups[usize::from(*i)].0));
        Some(number)
    }

    /// The numbers of the `most` groups with the most connections (of equals, those with the lower key), in that order,
    /// and how many connections all others have.
    pub fn listed(&self, most: usize) -> (Vec<u16>, u64) {
        let mut order: Vec<u16> = (0..self.groups.len() as u16).collect();
        let rank = |i: &u16| {
            let (key, connections) = &self.groups[usize::from(*i)];
            (std::cmp::Reverse(*connections), key)
        };
        if order.len() > most {
            order.select_nth_unstable_by(most, |a, b| rank(a).cmp(&rank(b)));
        }
        let (listed, others) = order.split_at_mut(most.min(self.groups.len()));
        listed.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        let omitted = others.iter().map(|i| self.groups[usize::from(*i)].1).sum::<u64>() + self.unkept;
        order.truncate(most);
        (order, omitted)
    }

    /// The key of a group.
    pub fn key(&self, number: u16) -> &K {
        &self.groups[usize::from(number)].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_then_the_lowest() {
        let mut groups = Groups::default();
        for key in [9, 3, 7, 7, 5] {
            groups.count(key);
        }
        let (listed, omitted) = groups.listed(3);
        assert_eq!(listed.iter().map(|i| *groups.key(*i)).collect::<Vec<_>>(), [7, 3, 5]);
        assert_eq!(omitted, 1);
        assert_eq!(groups.listed(10).1, 0);
    }

    #[test]
    fn there_is_an_end_to_groups() {
        let mut groups = Groups::default();
        for key in 0..KEPT + 5 {
            groups.count(key);
        }
        assert_eq!((groups.groups.len(), groups.count(3), groups.count(KEPT + 1)), (KEPT, Some(3), None));
        assert_eq!(groups.listed(KEPT).1, 6);
    }
}
