//! Connections by service: what capture-wide detectors look at.

use super::alike::Alike;
use super::digest::{BROKE, Digest, TIME_WAIT, TURNED_AWAY, UNCLOSED};
use super::digests::Digests;
use super::scene::Scene;
use super::{outage, reset_rate, syn_success_low};
use crate::report::directory::Directory;
use crate::segment::Socket;

/// What it is known of how many connections of each service it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is there.
    All,
    /// The service treated it as one with full queues does.
    TurnedAway,
    /// The server reset it.
    Broke,
    /// An end did not close it when the other did.
    Unclosed,
    /// An end was in TIME_WAIT.
    TimeWait,
    /// The server was.
    TimeWaitAtServer,
    /// Whether it succeeded counts for syn-success-low.
    Attempt,
    /// It counts, and was refused.
    Refused,
    /// It counts, and was not answered.
    Unanswered,
    /// It counts, and was never completed.
    HalfOpen,
    /// It was established, and has ended.
    Ended,
    /// It ended with a RST.
    Reset,
    /// It was refused, or not answered in time.
    Failed,
    /// It may be known when the server ended it.
    EndedByServer,
}

/// How many there are.
const QUESTIONS: usize = Counted::EndedByServer as usize + 1;

/// The marks that the first ones ask for.
const MARKS: [u16; 4] = [TURNED_AWAY, BROKE, UNCLOSED, TIME_WAIT];

/// Of how many connections of a service each is true.
type Count = [u32; QUESTIONS];

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
    pub fn of(scene: &Scene, stretches: &'a [Digests], directory: &'a Directory) -> Services<'a> {
        let (mut counts, mut alike) = (vec![Count::default(); directory.services()], Alike::default());
        stretches.iter().flat_map(Digests::iter).for_each(|c| {
            let told = alike.of(scene, c, |c| answers(scene, c));
            counts[c.parties.service as usize].iter_mut().zip(told).for_each(|(count, there)| *count += there);
        });
        // Where connections were let go, those of a stretch may come before some of the stretch before.
        let bounds: Vec<(u64, u64)> = stretches.iter().filter_map(Digests::bounds).collect();
        let ordered = bounds.is_sorted_by(|before, after| before.1 < after.0);
        Services { stretches, directory, ordered, counts }
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = Digest<'a>> + Clone + use<'a> {
        self.stretches.iter().flat_map(Digests::iter)
    }

    /// Those of the stretches for which `has_any`: in a flood most of these are as the others are.
    pub fn of_stretches(&self, has_any: impl Fn(&Digests) -> bool) -> impl Iterator<Item = Digest<'a>> {
        self.stretches.iter().filter(move |stretch| has_any(stretch)).flat_map(Digests::iter)
    }

    /// Those of which the server was in SYN_RCVD.
    pub fn half_open(&self) -> impl Iterator<Item = Digest<'a>> {
        self.of_stretches(Digests::has_half_open).filter(|c| c.was_half_open())
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
        self.some_of_those(|_| true, begin, add)
    }

    /// The same of those of their connections for which `is_wanted`.
    pub fn some_of_those<T>(
        &self,
        is_wanted: impl Fn(&Digest<'a>) -> bool,
        begin: impl Fn(usize) -> Option<T>,
        add: impl Fn(&mut T, Digest<'a>),
    ) -> Vec<(usize, Socket, T)> {
        self.those_among(|| self.connections().filter(is_wanted), begin, add)
    }

    /// The same of these `connections`.
    pub fn those_among<T, I: Iterator<Item = Digest<'a>>>(
        &self,
        connections: impl FnOnce() -> I,
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
        connections().for_each(|c| {
            let place = (places[c.parties.service as usize] as usize).checked_sub(1);
            if let Some((.., begun)) = place.and_then(|place| those.get_mut(place)) {
                add(begun, c);
            }
        });
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
        let mut those = self.some_of_those(is_wanted, begin, |list, c| list.push(c));
        those.iter_mut().for_each(|(.., list)| self.put_in_order(list));
        those
    }

    /// Puts connections that were met one after the other in the order of the report.
    pub fn put_in_order(&self, connections: &mut [Digest<'_>]) {
        if !self.ordered {
            connections.sort_by_cached_key(|c| c.id());
        }
    }

    /// How many connections a service has.
    pub fn size(&self, service: usize) -> u32 {
        self.count(service, Counted::All)
    }

    /// How many of them there are of which this is true.
    pub fn count(&self, service: usize, what: Counted) -> u32 {
        self.counts[service][what as usize]
    }

    /// How many connections there are of which this is true.
    pub fn total(&self, what: Counted) -> u64 {
        self.counts.iter().map(|count| u64::from(count[what as usize])).sum()
    }
}

/// What is true of a connection, in the order of [`Counted`]: 1 where it is.
#[inline]
fn answers(scene: &Scene, c: Digest<'_>) -> Count {
    let [turned_away, broke, unclosed, time_wait] = MARKS.map(|marks| c.marked(marks));
    let counts = syn_success_low::counts(scene, c);
    let [refused, unanswered, half_open] = syn_success_low::FAILURES.map(|outcome| counts && c.outcome == outcome);
    let answers = [
        true,
        turned_away,
        broke,
        unclosed,
        time_wait,
        c.waited_at_server(),
        counts,
        refused,
        unanswered,
        half_open,
        reset_rate::has_ended(&c),
        reset_rate::was_reset(&c),
        outage::failed(scene, c),
        c.may_be_ended_by_server(),
    ];
    answers.map(u32::from)
}
