//! Which connections belong together: by server, by client, by pair. They are counted first, so that only the groups that
//! are listed are ever measured.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::segment::Socket;

/// How many groups of each kind are kept: addresses are chosen by whoever sends the packets.
const KEPT: usize = 10_000;

/// Groups of connections of one kind. They are looked up by hash, and never gone through in its order.
#[derive(Clone, Debug)]
struct Groups<K> {
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

impl<K: Ord + Hash + Copy> Groups<K> {
    #[inline]
    fn place(&self, hash: u64, key: &K) -> Option<u16> {
        self.lookup.find(hash, |i| self.groups[usize::from(*i)].0 == *key).copied()
    }

    /// Counts a connection of the group `key`, unless there are too many.
    fn count(&mut self, key: K) {
        let hash = self.hasher.hash_one(key);
        if let Some(i) = self.place(hash, &key) {
            self.groups[usize::from(i)].1 += 1;
            return;
        }
        let number = u16::try_from(self.groups.len()).ok().filter(|_| self.groups.len() < KEPT);
        let Some(number) = number else {
            self.unkept += 1;
            return;
        };
        self.groups.push((key, 1));
        let groups = &self.groups;
        self.lookup.insert_unique(hash, number, |i| self.hasher.hash_one(groups[usize::from(*i)].0));
    }

    /// The `most` groups with the most connections (of equals, those with the lower key), in that order.
    fn listed(&self, most: usize) -> Listed<K> {
        let mut groups = self.groups.clone();
        let rank = |(key, connections): &(K, u64)| (std::cmp::Reverse(*connections), *key);
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most, rank);
        }
        let (listed, others) = groups.split_at_mut(most.min(self.groups.len()));
        listed.sort_unstable_by_key(rank);
        let omitted = others.iter().map(|group| group.1).sum::<u64>() + self.unkept;
        let mut list = Groups::default();
        listed.iter().for_each(|(key, _)| list.count(*key));
        Listed { list, omitted }
    }
}

/// Groups that are listed, by their places.
#[derive(Clone, Debug)]
struct Listed<K> {
    list: Groups<K>,
    omitted: u64,
}

impl<K: Ord + Hash + Copy> Listed<K> {
    #[inline]
    fn place(&self, key: K) -> Option<usize> {
        self.list.place(self.list.hasher.hash_one(key), &key).map(usize::from)
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
    servers: Listed<Socket>,
    clients: Listed<IpAddr>,
    pairs: Listed<(IpAddr, Socket)>,
}

impl Listing {
    /// How many of each kind.
    pub fn lengths(&self) -> [usize; 3] {
        [self.servers.list.groups.len(), self.clients.list.groups.len(), self.pairs.list.groups.len()]
    }

    /// Connections of the groups of each kind that are not listed.
    pub fn omitted(&self) -> [u64; 3] {
        [self.servers.omitted, self.clients.omitted, self.pairs.omitted]
    }

    /// The places of the groups that a connection belongs to.
    #[inline]
    pub fn places(&self, client: IpAddr, server: Socket) -> [Option<usize>; 3] {
        let [servers, clients, _] = self.lengths();
        let pair = self.pairs.place((client, server));
        [
            self.servers.place(server),
            self.clients.place(client).map(|i| servers + i),
            pair.map(|i| servers + clients + i),
        ]
    }

    /// Client and server that all connections of the group at `place` have in common.
    pub fn common(&self, place: usize) -> (Option<IpAddr>, Option<Socket>) {
        let [servers, clients, _] = self.lengths();
        if let Some((server, _)) = self.servers.list.groups.get(place) {
            return (None, Some(*server));
        }
        if let Some((client, _)) = self.clients.list.groups.get(place - servers) {
            return (Some(*client), None);
        }
        let pair = self.pairs.list.groups.get(place - servers - clients).map(|(pair, _)| *pair);
        (pair.map(|(client, _)| client), pair.map(|(_, server)| server))
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
        assert_eq!([7, 3, 5, 9].map(|key| listed.place(key)), [Some(0), Some(1), Some(2), None]);
        assert_eq!(listed.omitted, 1);
        assert_eq!(groups.listed(10).omitted, 0);
    }

    #[test]
    fn there_is_an_end_to_groups() {
        let mut groups = Groups::default();
        for key in 0..KEPT + 5 {
            groups.count(key);
        }
        groups.count(3);
        assert_eq!((groups.groups.len(), groups.unkept), (KEPT, 5));
        assert_eq!(groups.listed(1).place(3), Some(0));
    }
}
