//! Which connections belong together: by server, by client, by pair. They are counted first, so that only the groups that
//! are listed are ever measured.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::segment::Socket;

/// How many groups of each kind are counted at a time: addresses are chosen by whoever sends the packets. Beyond that the
/// smallest are forgotten, so that a group is missed, or counted too low, by at most one connection in half as many.
const KEPT: usize = 10_000;

/// Groups of connections of one kind. They are looked up by hash, and never gone through in its order.
#[derive(Clone, Debug)]
struct Groups<K> {
    lookup: HashTable<u16>,
    /// Key and connections of each.
    groups: Vec<(K, u64)>,
    hasher: RandomState,
}

impl<K> Default for Groups<K> {
    fn default() -> Groups<K> {
        Groups { lookup: HashTable::new(), groups: Vec::new(), hasher: RandomState::default() }
    }
}

impl<K: Ord + Hash + Copy> Groups<K> {
    #[inline]
    fn place(&self, hash: u64, key: &K) -> Option<u16> {
        self.lookup.find(hash, |i| self.groups[usize::from(*i)].0 == *key).copied()
    }

    /// Counts a connection of the group `key`.
    fn count(&mut self, key: K) {
        let hash = self.hasher.hash_one(key);
        if let Some(i) = self.place(hash, &key) {
            self.groups[usize::from(i)].1 += 1;
            return;
        }
        if self.groups.len() >= KEPT {
            self.forget_the_smallest();
        }
        self.push(hash, (key, 1));
    }

    fn push(&mut self, hash: u64, group: (K, u64)) {
        let number = self.groups.len() as u16;
        self.groups.push(group);
        let groups = &self.groups;
        self.lookup.insert_unique(hash, number, |i| self.hasher.hash_one(groups[usize::from(*i)].0));
    }

    /// Keeps at most half of the groups: those that have more connections than the others.
    fn forget_the_smallest(&mut self) {
        let mut counts: Vec<u64> = self.groups.iter().map(|group| group.1).collect();
        let (_, middle, _) = counts.select_nth_unstable(KEPT / 2);
        let middle = *middle;
        let mut groups = std::mem::take(&mut self.groups);
        groups.retain(|group| group.1 > middle);
        self.lookup.clear();
        groups.into_iter().for_each(|group| self.push(self.hasher.hash_one(group.0), group));
    }

    /// The `most` groups with the most connections (of equals, those with the lower key), in that order.
    fn listed(&self, most: usize) -> Groups<K> {
        let mut groups = self.groups.clone();
        let rank = |(key, connections): &(K, u64)| (std::cmp::Reverse(*connections), *key);
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most, rank);
        }
        groups.truncate(most);
        groups.sort_unstable_by_key(rank);
        let mut listed = Groups::default();
        groups.into_iter().for_each(|(key, n)| listed.push(listed.hasher.hash_one(key), (key, n)));
        listed
    }

    /// The place of the group `key`, if there is one.
    #[inline]
    fn place_of(&self, key: K) -> Option<usize> {
        self.place(self.hasher.hash_one(key), &key).map(usize::from)
    }
}

/// Connections counted by server, by client and by pair.
#[derive(Clone, Debug, Default)]
pub struct Census {
    servers: Groups<Socket>,
    clients: Groups<IpAddr>,
    pairs: Groups<(IpAddr, Socket)>,
}

impl Census {
    /// Counts a connection.
    #[inline]
    pub fn count(&mut self, client: IpAddr, server: Socket) {
        self.servers.count(server);
        self.clients.count(client);
        self.pairs.count((client, server));
    }

    /// The `most` groups of each kind that have the most connections.
    pub fn list(&self, most: usize) -> Listing {
        Listing {
            servers: self.servers.listed(most),
            clients: self.clients.listed(most),
            pairs: self.pairs.listed(most),
        }
    }
}

/// The groups that are listed: servers, then clients, then pairs.
#[derive(Clone, Debug)]
pub struct Listing {
    servers: Groups<Socket>,
    clients: Groups<IpAddr>,
    pairs: Groups<(IpAddr, Socket)>,
}

impl Listing {
    /// How many of each kind.
    pub fn lengths(&self) -> [usize; 3] {
        [self.servers.groups.len(), self.clients.groups.len(), self.pairs.groups.len()]
    }

    /// The places of the groups that a connection belongs to, each among those of its kind.
    #[inline]
    pub fn places(&self, client: IpAddr, server: Socket) -> [Option<usize>; 3] {
        [self.servers.place_of(server), self.clients.place_of(client), self.pairs.place_of((client, server))]
    }

    /// Client and server that all connections of a group have in common: of one `kind`, by its place among them.
    pub fn common(&self, kind: usize, place: usize) -> (Option<IpAddr>, Option<Socket>) {
        match kind {
            0 => (None, self.servers.groups.get(place).map(|(server, _)| *server)),
            1 => (self.clients.groups.get(place).map(|(client, _)| *client), None),
            _ => self.pairs.groups.get(place).map(|(pair, _)| *pair).unzip(),
        }
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
        let listed = groups.listed(3);
        assert_eq!([7, 3, 5, 9].map(|key| listed.place_of(key)), [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn a_flood_of_small_groups_does_not_hide_a_large_one() {
        let mut groups = Groups::default();
        for key in 0..50 * KEPT {
            groups.count(key);
            if key % 50 == 0 {
                groups.count(usize::MAX);
            }
        }
        assert!(groups.groups.len() <= KEPT);
        assert_eq!(groups.listed(1).place_of(usize::MAX), Some(0));
    }
}
