//! Connections by service: the order in which capture-wide detectors look at them, made once.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::digest::Digest;
use super::hosts::bits;
use crate::segment::Socket;

/// All connections of a capture, grouped.
pub struct Services<'a> {
    /// In the order of the report.
    pub connections: &'a [Digest],
    /// Connections of one service after those of another, each in the order of the report.
    order: Vec<u32>,
    /// Each service, and where in `order` it ends.
    groups: Vec<(Socket, u32)>,
}

impl<'a> Services<'a> {
    /// Groups `connections`.
    pub fn of(connections: &'a [Digest]) -> Services<'a> {
        let seed = RandomState::default();
        let hash = |s: Socket| seed.hash_one((bits(s.addr), s.port));
        let mut table: HashTable<u32> = HashTable::new();
        // First how many each has, then where each begins, which moves on as they are put there.
        let mut groups: Vec<(Socket, u32)> = Vec::new();
        let mut recent = None;
        let which: Vec<u32> = connections
            .iter()
            .map(|c| {
                let i = match recent {
                    Some((server, i)) if server == c.server => i,
                    _ => {
                        let same = |i: &u32| groups[*i as usize].0 == c.server;
                        match table.entry(hash(c.server), same, |i| hash(groups[*i as usize].0)) {
                            Entry::Occupied(i) => *i.get(),
                            Entry::Vacant(place) => {
                                let new = groups.len() as u32;
                                place.insert(new);
                                groups.push((c.server, 0));
                                new
                            }
                        }
                    }
                };
                recent = Some((c.server, i));
                groups[i as usize].1 += 1;
                i
            })
            .collect();
        let mut start = 0;
        for (_, n) in &mut groups {
            start += std::mem::replace(n, start);
        }
        let mut order = vec![0; connections.len()];
        for (c, i) in (0..).zip(which) {
            let place = &mut groups[i as usize].1;
            order[*place as usize] = c;
            *place += 1;
        }
        Services { connections, order, groups }
    }

    /// Services with at least `least` connections: address and port, and the connections in the order of the report.
    pub fn with(
        &self,
        least: i64,
    ) -> impl Iterator<Item = (Socket, impl Iterator<Item = &'a Digest> + Clone + '_)> + '_ {
        let least = usize::try_from(least).unwrap_or(0);
        let mut start = 0;
        let mut many = Vec::new();
        for (socket, end) in &self.groups {
            let range = start..*end as usize;
            start = range.end;
            if range.len() >= least {
                many.push((*socket, range));
            }
        }
        many.sort_unstable_by_key(|(socket, _)| *socket);
        many.into_iter()
            .map(|(socket, range)| (socket, self.order[range].iter().map(|i| &self.connections[*i as usize])))
    }

    /// How many services there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
