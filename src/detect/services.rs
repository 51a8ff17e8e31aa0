//! Connections by service: what capture-wide detectors look at.

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

/// How many connections a service has, and how many of them have each mark.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: u32,
    marked: [u32; COUNTED.len()],
}

/// All connections of a capture, by service. They are only ever gone through as they lie in memory: for those of one service
/// alone one would jump from one to the next.
pub struct Services<'a> {
    /// In the order of the report, some after the other.
    stretches: &'a [Digests],
    /// What the numbers of hosts and services stand for.
    pub directory: &'a Directory,
    /// Whether they lie in memory in the order of the report.
    ordered: bool,
    /// By service.
    counts: Vec<Count>,
}

impl<'a> Services<'a> {
    /// The connections in `stretches`; the numbers of their services stand in `directory`.
    pub fn of(stretches: &'a [Digests], directory: &'a Directory) -> Services<'a> {
        let mut counts = vec![Count::default(); directory.services()];
        for c in stretches.iter().flat_map(Digests::iter) {
            let count = &mut counts[c.parties.service as usize];
            count.all += 1;
            count.marked.iter_mut().zip(COUNTED).for_each(|(count, marks)| *count += u32::from(c.marked(marks)));
        }
        // Where connections were let go, those of a stretch may come before some of the stretch before.
        let bounds = |stretch: &Digests| Some((stretch.iter().next()?.id(), stretch.iter().next_back()?.id()));
        let bounds: Vec<(u64, u64)> = stretches.iter().filter_map(bounds).collect();
        let ordered = bounds.is_sorted_by(|before, after| before.1 < after.0);
        Services { stretches, directory, ordered, counts }
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = Digest<'a>> + Clone + use<'a> {
        self.stretches.iter().flat_map(Digests::iter)
    }

    /// Of each service by number what `count` counts.
    pub fn tally<const N: usize>(&self, count: impl Fn(Digest<'a>, &mut [u32; N])) -> Vec<[u32; N]> {
        let mut counts = vec![[0; N]; self.counts.len()];
        self.connections().for_each(|c| count(c, &mut counts[c.parties.service as usize]));
        counts
    }

    /// What the connections of some services come to: of those for which `begin` gives something, to which `add` adds each of
    /// their connections, in no order. Number, address and port of each service, in the order of address and port.
    pub fn those<T>(
        &self,
        begin: impl Fn(usize) -> Option<T>,
        add: impl Fn(&mut T, Digest<'a>),
    ) -> Vec<(usize, Socket, T)> {
        let (mut those, mut places) = (Vec::new(), vec![0_u32; self.counts.len()]);
        for (service, place) in places.iter_mut().enumerate().filter(|(service, _)| self.size(*service) > 0) {
            if let Some(begun) = begin(service) {
                those.push((service, self.directory.socket(service as u32), begun));
                *place = those.len() as u32;
            }
        }
        if those.is_empty() {
            return those;
        }
        for c in self.connections() {
            let place = (places[c.parties.service as usize] as usize).checked_sub(1);
            if let Some((.., begun)) = place.and_then(|place| those.get_mut(place)) {
                add(begun, c);
            }
        }
        those.sort_unstable_by_key(|(_, socket, _)| *socket);
        those
    }

    /// Of the services for which `most` says how many there may be, the connections for which `is_wanted`, in the order of the
    /// report. Number, address and port of each service, in the order of address and port.
    pub fn which(
        &self,
        most: impl Fn(usize) -> Option<u32>,
        is_wanted: impl Fn(&Digest<'a>) -> bool,
    ) -> Vec<(usize, Socket, Vec<Digest<'a>>)> {
        let begin = |service: usize| Some(Vec::with_capacity(most(service)? as usize));
        let mut those = self.those(begin, |list, c| list.extend(is_wanted(&c).then_some(c)));
        those.iter_mut().for_each(|(.., list)| self.put_in_order(list));
        those
    }

    /// The same of services of which at least `least` connections have this mark: those that have it.
    pub fn marked(&self, least: i64, mark: Counted) -> Vec<(usize, Socket, Vec<Digest<'a>>)> {
        let most = |service| Some(self.count(service, mark)).filter(|count| *count > 0 && i64::from(*count) >= least);
        self.which(most, |c| c.marked(COUNTED[mark as usize]))
    }

    /// Puts connections that were met one after the other in the order of the report.
    pub fn put_in_order(&self, connections: &mut [Digest<'_>]) {
        if !self.ordered {
            connections.sort_by_key(|c| c.id());
        }
    }

    /// How many connections a service has.
    pub fn size(&self, service: usize) -> u32 {
        self.counts[service].all
    }

    /// How many of them have this mark.
    pub fn count(&self, service: usize, mark: Counted) -> u32 {
        self.counts[service].marked[mark as usize]
    }

    /// How many connections have this mark.
    pub fn total(&self, mark: Counted) -> u64 {
        self.counts.iter().map(|count| u64::from(count.marked[mark as usize])).sum()
    }
}
