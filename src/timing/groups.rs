//! Which connections belong together: by server, by client, by pair. They are counted first, so that only the groups that
//! are listed are ever measured.

use std::cmp::Reverse;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::seats::MOST;
use super::table::Extent;
use crate::prefetch::prefetch;
use crate::report::directory::{Directory, Parties};
use crate::segment::Socket;

/// How many pairs are counted at a time: addresses are chosen by whoever sends the packets. Beyond that the smallest are
/// forgotten, so that a pair is missed, or counted too low, by at most one connection in half as many.
const KEPT: usize = 10_000;

/// Connections of each client and service. They are looked up by hash, and never gone through in its order.
#[derive(Clone, Debug, Default)]
struct Pairs {
    lookup: HashTable<u16>,
    /// Each with its connections.
    pairs: Vec<(Parties, u32)>,
    hasher: RandomState,
}

fn hash(hasher: &RandomState, pair: Parties) -> u64 {
    hasher.hash_one(u64::from(pair.client) << 32 | u64::from(pair.service))
}

impl Pairs {
    #[inline]
    fn place(&self, hash: u64, pair: Parties) -> Option<usize> {
        self.lookup.find(hash, |i| self.pairs[usize::from(*i)].0 == pair).map(|i| usize::from(*i))
    }

    #[inline]
    fn place_of(&self, pair: Parties) -> Option<usize> {
        self.place(hash(&self.hasher, pair), pair)
    }

    fn count(&mut self, pair: Parties) {
        let hash = hash(&self.hasher, pair);
        if let Some(i) = self.place(hash, pair) {
            self.pairs[i].1 = self.pairs[i].1.saturating_add(1);
            return;
        }
        self.count_first(hash, pair);
    }

    /// The same of one that is not there.
    fn count_first(&mut self, hash: u64, pair: Parties) {
        if self.pairs.len() >= KEPT {
            self.forget_the_smallest();
        }
        self.push(hash, (pair, 1));
    }

    fn push(&mut self, at: u64, counted: (Parties, u32)) {
        let number = self.pairs.len() as u16;
        self.pairs.push(counted);
        let (pairs, hasher) = (&self.pairs, &self.hasher);
        self.lookup.insert_unique(at, number, |i| hash(hasher, pairs[usize::from(*i)].0));
    }

    /// Keeps at most half of the pairs: those that have more connections than the others.
    fn forget_the_smallest(&mut self) {
        let single = self.pairs.iter().filter(|pair| pair.1 == 1).count();
        // In a flood nearly all have but one.
        let middle = if single > KEPT / 2 {
            1
        } else {
            let mut counts: Vec<u32> = self.pairs.iter().map(|pair| pair.1).collect();
            *counts.select_nth_unstable(KEPT / 2).1
        };
        let pairs = std::mem::take(&mut self.pairs);
        self.lookup.clear();
        let kept = pairs.into_iter().filter(|pair| pair.1 > middle);
        kept.for_each(|pair| self.push(hash(&self.hasher, pair.0), pair));
    }
}

/// Connections counted by server, by client and by pair.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// By number.
    services: Vec<u32>,
    /// By number.
    clients: Vec<u32>,
    pairs: Pairs,
}

impl Census {
    /// Counts a connection in the groups of which so much is wanted.
    #[inline]
    pub fn count(&mut self, parties: Parties, extent: Extent) {
        if extent == Extent::Nothing {
            return;
        }
        count(&mut self.services, parties.service);
        if extent == Extent::Full {
            // In a flood each client comes for the first time, and so does its pair: nobody has to look it up.
            if count(&mut self.clients, parties.client) {
                self.pairs.count_first(hash(&self.pairs.hasher, parties), parties);
            } else {
                self.pairs.count(parties);
            }
        }
    }

    /// The `most` groups of each kind that have the most connections; what the numbers stand for is in `directory`.
    pub fn list(&self, directory: &Directory, most: usize) -> Listing {
        let socket = |service: u32| directory.socket(service);
        let pair = |parties: Parties| (directory.addr(parties.client), directory.socket(parties.service));
        let services = largest(counted(&self.services), most, socket);
        let clients = largest(counted(&self.clients), most, |number| directory.addr(number));
        let listed = largest(self.pairs.pairs.iter().copied(), most, pair);
        let mut pairs = Pairs::default();
        listed.iter().for_each(|parties| pairs.push(hash(&pairs.hasher, *parties), (*parties, 0)));
        Listing {
            service_places: places(&services, self.services.len()),
            client_places: places(&clients, self.clients.len()),
            paired: {
                let mut paired = vec![false; self.clients.len()];
                listed.iter().for_each(|parties| paired[parties.client as usize] = true);
                paired
            },
            pairs,
            names: (
                services.into_iter().map(socket).collect(),
                clients.into_iter().map(|number| directory.addr(number)).collect(),
                listed.into_iter().map(pair).collect(),
            ),
        }
    }
}

/// Counts this number; whether it is for the first time.
#[inline]
fn count(counts: &mut Vec<u32>, number: u32) -> bool {
    let number = number as usize;
    // Mostly they come as they are numbered.
    if number == counts.len() {
        counts.push(1);
        return true;
    }
    if number > counts.len() {
        counts.resize(number + 1, 0);
    }
    let counted = &mut counts[number];
    *counted = counted.saturating_add(1);
    *counted == 1
}

/// The `most` of `groups` with the most connections (of equals, those with the lower name), in that order.
fn largest<K: Copy, N: Ord>(groups: impl Iterator<Item = (K, u32)>, most: usize, name: impl Fn(K) -> N) -> Vec<K> {
    let mut best: Vec<((Reverse<u32>, N), K)> = Vec::new();
    for (group, count) in groups {
        let full = best.len() >= most;
        // Of millions most are too small, and need not be named.
        if full && best.last().is_none_or(|(last, _)| Reverse(count) > last.0) {
            continue;
        }
        let rank = (Reverse(count), name(group));
        if full && best.last().is_some_and(|(last, _)| rank >= *last) {
            continue;
        }
        best.truncate(most - 1);
        best.insert(best.partition_point(|(other, _)| *other < rank), (rank, group));
    }
    best.into_iter().map(|(_, group)| group).collect()
}

/// Those that have any, by number.
fn counted(counts: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0)
}

/// For each of so many `numbers` its place among those listed, plus one; 0 for none.
fn places(listed: &[u32], numbers: usize) -> Vec<u8> {
    let mut places = vec![0; numbers];
    for (number, place) in listed.iter().zip(1..=MOST as u8) {
        places[*number as usize] = place;
    }
    places
}

/// Gives a place to those that have one `now` and had none before, in the order they have now.
fn take_in<N: Copy>(places: &mut [u8], names: &mut Vec<N>, now: &[u8], now_names: &[N]) {
    let new = now.iter().zip(0..).filter(|(place, number)| **place > 0 && places[*number] == 0);
    let mut new: Vec<(u8, usize)> = new.map(|(place, number)| (*place, number)).collect();
    new.sort_unstable();
    for (place, number) in new {
        if names.len() < MOST {
            names.push(now_names[usize::from(place) - 1]);
            places[number] = names.len() as u8;
        }
    }
}

/// The groups that are listed: servers, then clients, then pairs.
#[derive(Clone, Debug)]
pub struct Listing {
    service_places: Vec<u8>,
    client_places: Vec<u8>,
    /// Clients with a pair that is listed.
    paired: Vec<bool>,
    pairs: Pairs,
    names: (Vec<Socket>, Vec<IpAddr>, Vec<(IpAddr, Socket)>),
}

impl Listing {
    /// How many of each kind.
    pub fn lengths(&self) -> [usize; 3] {
        let (services, clients, pairs) = &self.names;
        [services.len(), clients.len(), pairs.len()]
    }

    /// Takes groups in that have come to be among the `most` largest, as long as there are places for them.
    pub fn extend(&mut self, census: &Census, directory: &Directory, most: usize) {
        let now = census.list(directory, most);
        self.service_places.resize(now.service_places.len(), 0);
        self.client_places.resize(now.client_places.len(), 0);
        self.paired.resize(now.paired.len(), false);
        let (services, clients, pairs) = &mut self.names;
        take_in(&mut self.service_places, services, &now.service_places, &now.names.0);
        take_in(&mut self.client_places, clients, &now.client_places, &now.names.1);
        for ((parties, _), names) in now.pairs.pairs.into_iter().zip(now.names.2) {
            if self.pairs.place_of(parties).is_none() && pairs.len() < MOST {
                self.pairs.push(hash(&self.pairs.hasher, parties), (parties, 0));
                self.paired[parties.client as usize] = true;
                pairs.push(names);
            }
        }
    }

    /// The places of the groups that a connection belongs to, each among those of its kind.
    #[inline]
    pub fn places(&self, parties: Parties) -> [Option<usize>; 3] {
        let (service, client) = (parties.service as usize, parties.client as usize);
        let place = |places: &[u8], number: usize| usize::from(*places.get(number)?).checked_sub(1);
        let paired = self.paired.get(client).is_some_and(|paired| *paired);
        [
            place(&self.service_places, service),
            place(&self.client_places, client),
            if paired { self.pairs.place_of(parties) } else { None },
        ]
    }

    /// Prefetches where the places of these stand.
    #[inline]
    pub fn prefetch(&self, parties: Parties) {
        let (service, client) = (parties.service as usize, parties.client as usize);
        self.service_places.get(service).into_iter().for_each(prefetch);
        self.client_places.get(client).into_iter().for_each(prefetch);
        self.paired.get(client).into_iter().for_each(prefetch);
    }

    /// Client and server that all connections of a group have in common: of one `kind`, by its place among them.
    pub fn common(&self, kind: usize, place: usize) -> (Option<IpAddr>, Option<Socket>) {
        let (services, clients, pairs) = &self.names;
        match kind {
            0 => (None, services.get(place).copied()),
            1 => (clients.get(place).copied(), None),
            _ => pairs.get(place).copied().unzip(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties(client: u32) -> Parties {
        Parties { client, service: 0 }
    }

    #[test]
    fn the_most_frequent_come_first_then_the_lowest() {
        let (mut directory, mut census) = (Directory::default(), Census::default());
        for last in [9, 3, 7, 7, 5] {
            let server = Socket { addr: [192, 0, 2, 1].into(), port: 80 };
            census.count(directory.parties([198, 51, 100, last].into(), server), Extent::Full);
        }
        let listing = census.list(&directory, 3);
        let place = |last: u8| {
            let addr = [198, 51, 100, last].into();
            listing.places(parties(directory.find(addr).unwrap()))
        };
        assert_eq!([7, 3, 5, 9].map(|last| place(last)[1]), [Some(0), Some(1), Some(2), None]);
        assert_eq!([7, 3, 5, 9].map(|last| place(last)[2]), [Some(0), Some(1), Some(2), None]);
        assert_eq!([7, 9].map(|last| place(last)[0]), [Some(0); 2]);
    }

    #[test]
    fn a_flood_of_small_pairs_does_not_hide_a_large_one() {
        let mut pairs = Pairs::default();
        for key in 0..50 * KEPT as u32 {
            pairs.count(parties(key));
            if key % 50 == 0 {
                pairs.count(parties(u32::MAX));
            }
        }
        assert!(pairs.pairs.len() <= KEPT);
        assert_eq!(largest(pairs.pairs.into_iter(), 1, |p| p.client), [parties(u32::MAX)]);
    }

    #[test]
    fn the_largest_are_the_first_of_all_in_order() {
        let groups = (0..1_000_u32).map(|n| (n, n * 7_919 % 13));
        let name = |n: u32| n * 6_007 % 1_009;
        let mut all: Vec<(u32, u32)> = groups.clone().collect();
        all.sort_by_key(|(n, count)| (Reverse(*count), name(*n)));
        for most in [0, 1, 5, 100, 1_000, 2_000] {
            let first: Vec<u32> = all.iter().take(most).map(|(n, _)| *n).collect();
            assert_eq!(largest(groups.clone(), most, name), first);
        }
    }
}
