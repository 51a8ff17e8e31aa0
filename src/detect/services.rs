//! Connections by service: the order in which capture-wide detectors look at them, made once.

use super::digest::Digest;
use super::seeded::{Index, key};
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
        // First how many each has, then where each begins, which moves on as they are put there.
        let mut groups: Vec<(Socket, u32)> = Vec::new();
        let mut index = Index::default();
        let mut recent = None;
        let key_of = |s: Socket| key(s.addr, s.port.into());
        let which: Vec<u32> = connections
            .iter()
            .map(|c| {
                let i = match recent {
                    Some((server, i)) if server == c.server => i,
                    _ => index.find(key_of(c.server), groups.len(), |i| key_of(groups[i].0)).unwrap_or_else(|| {
                        groups.push((c.server, 0));
                        groups.len() - 1
                    }),
                };
                recent = Some((c.server, i));
                groups[i].1 += 1;
                i as u32
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

    /// Those of them of which `least` connections have one of `marks`.
    pub(super) fn marked(
        &self,
        least: i64,
        marks: u16,
    ) -> impl Iterator<Item = (Socket, impl Iterator<Item = &'a Digest> + Clone + '_)> + '_ {
        // Mostly there is none in the whole capture, and the services need not be looked at.
        let any = self.connections.iter().filter(|c| c.marked(marks)).take(usize::try_from(least).unwrap_or(0)).count();
        self.with(if any as i64 >= least { least } else { i64::MAX })
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
