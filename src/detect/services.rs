//! Connections by service: the order in which capture-wide detectors look at them, made once.

use super::digest::Digest;
use super::digests::Digests;
use crate::report::directory::Directory;
use crate::segment::Socket;

/// All connections of a capture, grouped.
pub struct Services<'a> {
    /// In the order of the report, some after the other.
    stretches: &'a [Digests],
    /// What the numbers of hosts and services stand for.
    pub directory: &'a Directory,
    /// Connections of one service after those of another, each in the order of the report: stretch, and place in it.
    order: Vec<(u32, u32)>,
    /// Where in `order` each service ends.
    ends: Vec<u32>,
}

impl<'a> Services<'a> {
    /// Groups the connections in `stretches`, which are in the order of the report; their numbers stand in `directory`.
    pub fn of(stretches: &'a [Digests], directory: &'a Directory) -> Services<'a> {
        // First how many each has, then where each begins, which moves on as they are put there.
        let mut ends = vec![0_u32; directory.services()];
        let all =
            || (0..).zip(stretches).flat_map(|(n, stretch)| (0..).zip(stretch.iter()).map(move |(i, c)| ((n, i), c)));
        all().for_each(|(_, c)| ends[c.parties.service as usize] += 1);
        let mut start = 0;
        for n in &mut ends {
            start += std::mem::replace(n, start);
        }
        let mut order = vec![(0, 0); stretches.iter().map(Digests::len).sum()];
        for (at, c) in all() {
            let place = &mut ends[c.parties.service as usize];
            order[*place as usize] = at;
            *place += 1;
        }
        let mut services = Services { stretches, directory, order, ends };
        services.sort();
        services
    }

    /// Where connections were let go, those of a stretch may come before some of the stretch before: puts those of each
    /// service in order.
    fn sort(&mut self) {
        let number = |(n, i): (u32, u32)| self.stretches[n as usize].get(i as usize).id();
        let bounds = |stretch: &Digests| Some((stretch.iter().next()?.id(), stretch.iter().next_back()?.id()));
        let bounds: Vec<(u64, u64)> = self.stretches.iter().filter_map(bounds).collect();
        if bounds.is_sorted_by(|before, after| before.1 < after.0) {
            return;
        }
        let mut from = 0;
        for until in &self.ends {
            self.order[from..*until as usize].sort_by_cached_key(|at| number(*at));
            from = *until as usize;
        }
    }

    /// All connections in the order of the report.
    pub fn connections(&self) -> impl Iterator<Item = Digest<'a>> + Clone + use<'a> {
        self.stretches.iter().flat_map(Digests::iter)
    }

    /// Services with at least `least` connections: address and port, and the connections in the order of the report.
    pub fn with(
        &self,
        least: i64,
    ) -> impl Iterator<Item = (Socket, impl Iterator<Item = Digest<'a>> + Clone + '_)> + '_ {
        let least = usize::try_from(least).unwrap_or(0);
        let mut start = 0;
        let mut many = Vec::new();
        for (service, end) in (0..).zip(&self.ends) {
            let range = start..*end as usize;
            start = range.end;
            if !range.is_empty() && range.len() >= least {
                many.push((self.directory.socket(service), range));
            }
        }
        many.sort_unstable_by_key(|(socket, _)| *socket);
        many.into_iter().map(|(socket, range)| {
            (socket, self.order[range].iter().map(|(n, i)| self.stretches[*n as usize].get(*i as usize)))
        })
    }

    /// Those of them of which `least` connections have one of `marks`.
    pub(super) fn marked(
        &self,
        least: i64,
        marks: u16,
    ) -> impl Iterator<Item = (Socket, impl Iterator<Item = Digest<'a>> + Clone + '_)> + '_ {
        // Mostly there is none in the whole capture, and the services need not be looked at.
        let any = self.connections().filter(|c| c.marked(marks)).take(usize::try_from(least).unwrap_or(0)).count();
        self.with(if any as i64 >= least { least } else { i64::MAX })
    }

    /// How many services there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
