//! Connections by service: the order in which capture-wide detectors look at them, made once.

use std::ops::Range;

use super::digest::{BROKE, Digest, TIME_WAIT, TURNED_AWAY, UNCLOSED};
use super::digests::Digests;
use crate::report::directory::Directory;
use crate::segment::Socket;

/// Marks of which it is known how many connections of each service have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The service treated it as one with full queues does.
    TurnedAway,
    /// The server reset it.
    Broke,
    /// An end did not close it when the other did.
    Unclosed,
    /// An end was in TIME_WAIT.
    TimeWait,
}

/// The bits of each.
const COUNTED: [u16; 4] = [TURNED_AWAY, BROKE, UNCLOSED, TIME_WAIT];

/// So many connections are looked at ahead.
const AHEAD: usize = 32;

/// All connections of a capture, grouped.
pub struct Services<'a> {
    /// In the order of the report, some after the other.
    stretches: &'a [Digests],
    /// What the numbers of hosts and services stand for.
    pub directory: &'a Directory,
    /// Connections of one service after those of another, each in the order of the report: stretch, and place in it.
    order: Vec<(u32, u32)>,
    /// Whether they lie in memory in the order of the report.
    ordered: bool,
    /// Where in `order` each service ends.
    ends: Vec<u32>,
    /// How many connections of each service have the marks that are counted.
    counts: Vec<[u32; COUNTED.len()]>,
}

impl<'a> Services<'a> {
    /// Groups the connections in `stretches`, which are in the order of the report; their numbers stand in `directory`.
    pub fn of(stretches: &'a [Digests], directory: &'a Directory) -> Services<'a> {
        // First how many each has, then where each begins, which moves on as they are put there.
        let mut ends = vec![0_u32; directory.services()];
        let all =
            || (0..).zip(stretches).flat_map(|(n, stretch)| (0..).zip(stretch.iter()).map(move |(i, c)| ((n, i), c)));
        let mut counts = vec![[0; COUNTED.len()]; ends.len()];
        for (_, c) in all() {
            let service = c.parties.service as usize;
            ends[service] += 1;
            counts[service].iter_mut().zip(COUNTED).for_each(|(count, marks)| *count += u32::from(c.marked(marks)));
        }
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
        let mut services = Services { stretches, directory, order, ordered: false, ends, counts };
        services.sort();
        services
    }

    /// Where connections were let go, those of a stretch may come before some of the stretch before: puts those of each
    /// service in order.
    fn sort(&mut self) {
        let number = |(n, i): (u32, u32)| self.stretches[n as usize].get(i as usize).id();
        let bounds = |stretch: &Digests| Some((stretch.iter().next()?.id(), stretch.iter().next_back()?.id()));
        let bounds: Vec<(u64, u64)> = self.stretches.iter().filter_map(bounds).collect();
        self.ordered = bounds.is_sorted_by(|before, after| before.1 < after.0);
        if self.ordered {
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

    /// Of each service by number what `count` counts. The connections are gone through as they lie in memory.
    pub fn tally<const N: usize>(&self, count: impl Fn(Digest<'a>, &mut [u32; N])) -> Vec<[u32; N]> {
        let mut counts = vec![[0; N]; self.len()];
        self.connections().for_each(|c| count(c, &mut counts[c.parties.service as usize]));
        counts
    }

    /// What `of` tells of connections, for each service by number of which it tells something at least `least` times. They
    /// are gone through as they lie in memory, which may not be the order of the report.
    pub fn gather<T>(&self, least: i64, of: impl Fn(Digest<'a>) -> Option<T>) -> Vec<(usize, Vec<T>)> {
        let mut gathered = self.gather_from(|service| self.size(service), least, of);
        gathered.retain(|(_, told)| told.len() as i64 >= least);
        gathered
    }

    /// The same for each service of which `most` says that it may be so often.
    fn gather_from<T>(
        &self,
        most: impl Fn(usize) -> u32,
        least: i64,
        of: impl Fn(Digest<'a>) -> Option<T>,
    ) -> Vec<(usize, Vec<T>)> {
        let (mut gathered, mut places) = (Vec::new(), vec![0_u32; self.len()]);
        for (service, place) in places.iter_mut().enumerate() {
            let most = most(service);
            if most > 0 && i64::from(most) >= least {
                gathered.push((service, Vec::with_capacity(most as usize)));
                *place = gathered.len() as u32;
            }
        }
        if gathered.is_empty() {
            return gathered;
        }
        for c in self.connections() {
            let place = (places[c.parties.service as usize] as usize).checked_sub(1);
            if let Some((_, told)) = place.and_then(|place| gathered.get_mut(place)) {
                told.extend(of(c));
            }
        }
        gathered
    }

    /// How many connections a service has.
    pub fn size(&self, service: usize) -> u32 {
        self.ends[service] - service.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// How many of them have this mark.
    pub fn count(&self, service: usize, mark: Counted) -> u32 {
        self.counts[service][mark as usize]
    }

    /// Services of which at least `least` connections have this mark: number, address and port, and those connections in the
    /// order of the report. In the order of address and port.
    pub fn marked(&self, least: i64, mark: Counted) -> Vec<(usize, Socket, Vec<Digest<'a>>)> {
        let of = |c: Digest<'a>| c.marked(COUNTED[mark as usize]).then_some(c);
        let marked = self.gather_from(|service| self.count(service, mark), least, of).into_iter();
        let mut marked: Vec<_> = marked.map(|(n, those)| (n, self.directory.socket(n as u32), those)).collect();
        if !self.ordered {
            marked.iter_mut().for_each(|(.., those)| those.sort_by_key(|c| c.id()));
        }
        marked.sort_unstable_by_key(|(_, socket, _)| *socket);
        marked
    }

    /// All connections of a service in the order of the report. If they are a good part of all, these are gone through as
    /// they lie in memory: in a flood most are of one.
    pub fn all_of(&self, service: usize) -> impl Iterator<Item = Digest<'a>> + Clone + '_ {
        let (size, end) = (self.size(service) as usize, self.ends[service] as usize);
        let among_all = self.ordered && size >= self.order.len() / 16;
        let all = among_all.then(|| self.connections().filter(move |c| c.parties.service as usize == service));
        let own = (!among_all).then(|| self.at(end - size..end));
        all.into_iter().flatten().chain(own.into_iter().flatten())
    }

    /// Services that are `wanted` by number: number, address and port, and the connections in the order of the report. In
    /// the order of address and port.
    pub fn those(
        &self,
        wanted: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = (usize, Socket, impl Iterator<Item = Digest<'a>> + Clone + '_)> + '_ {
        let those = (0..self.len()).filter(|service| self.size(*service) > 0 && wanted(*service));
        let mut those: Vec<_> = those.map(|service| (service, self.directory.socket(service as u32))).collect();
        those.sort_unstable_by_key(|(_, socket)| *socket);
        those.into_iter().map(|(service, socket)| (service, socket, self.all_of(service)))
    }

    /// Those at these places of `order`.
    fn at(&self, range: Range<usize>) -> impl Iterator<Item = Digest<'a>> + Clone + '_ {
        let order = &self.order[range];
        let some = move |n: usize| {
            let some = order.get(n * AHEAD..).unwrap_or(&[]).iter().take(AHEAD);
            some.map(|(n, i)| self.stretches[*n as usize].get(*i as usize))
        };
        (0..order.len().div_ceil(AHEAD)).flat_map(move |n| {
            if n == 0 {
                some(0).chain(some(1)).for_each(Digest::prefetch);
                some(0).for_each(Digest::prefetch_more);
            }
            some(n + 2).for_each(Digest::prefetch);
            some(n + 1).for_each(Digest::prefetch_more);
            some(n)
        })
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
