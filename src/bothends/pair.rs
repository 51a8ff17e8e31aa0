//! Which segment of one capture is which of the other, and which never arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::clock::{Clock, Sample};
use super::names::{Named, Translation, Tuple, translate};
use super::segments::{Kept, Segments};
use crate::report::Direction;
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before, later};

/// The tap at the client's side, and the one at the server's.
pub const CLIENT: usize = 0;
/// See [`CLIENT`].
pub const SERVER: usize = 1;

/// For each segment of a capture the same one in the other.
#[derive(Debug)]
pub struct Links(Vec<u32>);

impl Links {
    /// No segment has this index.
    const NONE: u32 = u32::MAX;

    fn none(segments: usize) -> Links {
        Links(vec![Links::NONE; segments])
    }

    /// The index, in the other capture, of what is the segment of this index in this one; `None` if it is not there.
    pub fn get(&self, index: usize) -> Option<u32> {
        self.0.get(index).copied().filter(|other| *other != Links::NONE)
    }

    /// Whether any segment is in both.
    pub fn any(&self) -> bool {
        self.0.iter().any(|other| *other != Links::NONE)
    }
}

/// How the two captures fit together.
#[derive(Debug)]
pub struct Pairs {
    /// For each tap, for each of its segments, the same one in the other capture.
    pub links: [Links; 2],
    /// The clocks.
    pub clock: Clock,
    /// What the server tap's capture calls otherwise.
    pub translation: Translation,
    /// Addresses (as the client tap sees them) at the server tap's side; all others are at the client tap's.
    pub far: BTreeSet<IpAddr>,
    /// What is in both captures, of both directions, was captured with one and the same difference of times, by a clock that
    /// tells more than milliseconds: no way lies between the taps, or one capture is a copy of the other.
    pub one_place: bool,
    /// For each four-tuple, what became of the segments sent at the client tap's side, and at the server tap's.
    pub fates: Vec<[Direction; 2]>,
    /// How many four-tuples have none, since a device between changes their sequence numbers.
    pub renumbered: u64,
    /// The four-tuples, in the order of `fates`, and their segments.
    pub(super) named: Named,
}

impl Pairs {
    /// What became of the segments of a four-tuple, as the client tap sees it.
    pub(super) fn fate(&self, tuple: Tuple) -> [Direction; 2] {
        self.named.tuples.find(tuple).map(|number| self.fates[number as usize]).unwrap_or_default()
    }
}

/// Matches two captures. `segments` are those of the client's tap, and of the server's.
pub fn pair(segments: [&Segments; 2]) -> Pairs {
    let translation = translate(segments[CLIENT], segments[SERVER]);
    let named = Named::of(segments, &translation);
    let taps = segments.map(|tap| tap.all.as_slice());
    let (far, clock, one_place) = measure(taps, &named);
    let mut links = taps.map(|tap| Links::none(tap.len()));
    let (mut fates, mut renumbered) = (Vec::with_capacity(named.tuples.len()), 0);
    let ends = taps.map(|tap| (tap.iter().map(|s| s.time).min(), tap.iter().map(|s| s.time).max()));
    for (tuple, number) in named.tuples.iter().zip(0..) {
        let [first, second] = [tuple.0, tuple.1].map(|end| usize::from(far.contains(&end.addr)));
        let mut fate = [Direction::default(), Direction::default()];
        for sender in [CLIENT, SERVER] {
            let from = |tap: usize| {
                let is_first = |i: &u32| named.is_from_first(tap, &taps[tap][*i as usize]);
                let sent = |i: &u32| if is_first(i) { first == sender } else { second == sender };
                named.list(tap, number).iter().copied().filter(sent).collect::<Vec<u32>>()
            };
            let way = Way { taps, sender, clock: &clock, window: ends[1 - sender] };
            let (sent, arrived) = (from(sender), from(1 - sender));
            fate[sender] = way.run(&sent, &arrived, &mut links);
        }
        if fate.iter().any(is_renumbered) {
            renumbered += 1;
            fate = Default::default();
        }
        fates.push(fate);
    }
    Pairs { links, clock, translation, far, one_place, fates, renumbered, named }
}

/// Whether nothing of one direction is alike at both sides, although both have it: a SYN proxy answers with numbers of its
/// own, and some firewalls choose others, of which what the other end acknowledges is a part.
fn is_renumbered(way: &Direction) -> bool {
    /// So many are no chance.
    const ENOUGH: u64 = 3;
    way.arrived == 0 && way.lost >= ENOUGH && way.unseen >= ENOUGH
}

/// What is equal in both captures, whoever looks.
type Key = (bool, u32, u32, u32, u8, Option<u32>, u16);

fn key(kept: &Kept, is_from_first: bool) -> Key {
    (is_from_first, kept.seq, kept.ack, kept.len, kept.flags(), kept.tsval(), kept.ip_id)
}

/// Indices of segments by what they say, in order of that and then of themselves.
fn by_key<K: Ord>(indices: &[u32], key: impl Fn(u32) -> K) -> Vec<(K, u32)> {
    let mut all: Vec<(K, u32)> = indices.iter().map(|i| (key(*i), *i)).collect();
    all.sort_unstable();
    all
}

/// Those of `all` that say `key`.
fn saying<'a, K: Ord>(all: &'a [(K, u32)], key: &K) -> &'a [(K, u32)] {
    let rest = &all[all.partition_point(|(known, _)| known < key)..];
    &rest[..rest.partition_point(|(known, _)| known == key)]
}

/// A clock whose times are all whole ones of these does not show what a network nearby takes.
const COARSE: Span = Span::millis(1);

/// From segments that occur once in each capture: which addresses are at which side, how the clocks go, and whether nothing
/// lies between the taps.
fn measure(taps: [&[Kept]; 2], named: &Named) -> (BTreeSet<IpAddr>, Clock, bool) {
    let mut votes: BTreeMap<IpAddr, i64> = BTreeMap::new();
    // Of each its four-tuple, and whether the first socket of that sent it.
    let mut samples: Vec<(u32, bool, Sample)> = Vec::new();
    for (tuple, number) in named.tuples.iter().zip(0..) {
        let lists = [CLIENT, SERVER].map(|tap| named.list(tap, number));
        if lists.iter().any(|list| list.is_empty()) {
            continue;
        }
        let [ours, theirs] = [CLIENT, SERVER].map(|tap| {
            let kept = |i: u32| &taps[tap][i as usize];
            by_key(lists[tap], |i| key(kept(i), named.is_from_first(tap, kept(i))))
        });
        let mut between: [Vec<i64>; 2] = Default::default();
        for same in ours.chunk_by(|a, b| a.0 == b.0) {
            let ([(key, i)], [(_, j)]) = (same, saying(&theirs, &same[0].0)) else { continue };
            let (here, there) = (&taps[CLIENT][*i as usize], &taps[SERVER][*j as usize]);
            between[usize::from(!key.0)].push((there.time - here.time).0);
            samples.push((number, key.0, (here.time, there.time - here.time)));
        }
        // What is sent at the client tap comes to the server tap later than what goes the other way, by any clock.
        let [first, second] = between.map(|mut d| {
            d.sort_unstable();
            d.get(d.len() / 2).copied()
        });
        if let (Some(first), Some(second)) = (first, second)
            && tuple.0.addr != tuple.1.addr
        {
            *votes.entry(tuple.0.addr).or_default() += (first - second).signum();
            *votes.entry(tuple.1.addr).or_default() -= (first - second).signum();
        }
    }
    let far = far(&votes, taps, named);
    let way = |up: bool| {
        let of = |(number, is_from_first, _): &&(u32, bool, Sample)| {
            let (first, second) = named.tuples.get(*number);
            far.contains(if *is_from_first { &first.addr } else { &second.addr }) != up
        };
        samples.iter().filter(of).map(|(_, _, sample)| *sample).collect::<Vec<Sample>>()
    };
    let clock = Clock::measure(&way(true), &way(false));
    let is_alike = |(_, _, (_, later)): &(u32, bool, Sample)| samples.first().is_some_and(|first| *later == first.2.1);
    let both_ways = !votes.is_empty() && votes.values().all(|n| *n == 0);
    // By clocks that tell milliseconds at best no time passes on a short way either.
    let is_fine = samples.iter().any(|(_, _, (time, _))| time.0 % COARSE.0 != 0);
    (far, clock, both_ways && is_fine && samples.iter().all(is_alike))
}

/// The addresses at the server tap's side: those that `votes` are against.
fn far(votes: &BTreeMap<IpAddr, i64>, taps: [&[Kept]; 2], named: &Named) -> BTreeSet<IpAddr> {
    let mut far: BTreeSet<IpAddr> = votes.iter().filter(|(_, n)| **n < 0).map(|(addr, _)| *addr).collect();
    // Addresses that were never heard in answer: on the side opposite to that of whom they talk with, or who was
    // addressed by the first segment.
    for (tuple, number) in named.tuples.iter().zip(0..) {
        let (low, high) = (tuple.0.addr, tuple.1.addr);
        if votes.contains_key(&low) != votes.contains_key(&high) {
            let (known, unknown) = if votes.contains_key(&low) { (low, high) } else { (high, low) };
            if !far.contains(&known) {
                far.insert(unknown);
            }
        } else if !votes.contains_key(&low) {
            let at = |tap: usize| {
                let first = named.list(tap, number).first()?;
                Some(named.ends(tap, &taps[tap][*first as usize]).1)
            };
            if let Some(addressed) = at(CLIENT).or_else(|| at(SERVER)) {
                far.insert(addressed.addr);
            }
        }
    }
    far
}

/// So many segments that say the same are looked at: more come from whoever wants to keep us busy.
const ALIKE: usize = 256;

/// One direction of one four-tuple.
struct Way<'a> {
    taps: [&'a [Kept]; 2],
    sender: usize,
    clock: &'a Clock,
    /// Times of the first and the last segment at the receiver's tap.
    window: (Option<Time>, Option<Time>),
}

impl Way<'_> {
    fn at_sender(&self, i: u32) -> &Kept {
        &self.taps[self.sender][i as usize]
    }

    fn at_receiver(&self, i: u32) -> &Kept {
        &self.taps[1 - self.sender][i as usize]
    }

    /// When the receiver's tap would have to see at the earliest what was sent at `time`.
    fn there(&self, time: Time) -> Time {
        if self.sender == CLIENT { self.clock.to_server(time) } else { self.clock.to_client(time) }
    }

    /// Clocks are known to half a round trip; timestamps of a capture are not always in order.
    fn slack(&self) -> Span {
        Span(self.clock.delay.0 + Span::millis(2).0)
    }

    /// Links what was sent to what arrived, and counts.
    fn run(&self, sent: &[u32], arrived: &[u32], links: &mut [Links; 2]) -> Direction {
        let mut repeated = BTreeSet::new();
        for exact in [true, false] {
            self.alike(sent, arrived, exact, &mut repeated, links);
        }
        self.reframed(sent, arrived, links);
        let mut count = Direction { sent: sent.len() as u64, ..Direction::default() };
        for i in sent {
            let due = self.there(self.at_sender(*i).time) + self.clock.delay;
            if links[self.sender].get(*i as usize).is_some() {
                count.arrived += 1;
            } else if self.window.0.is_none_or(|first| due + self.slack() < first)
                || self.window.1.is_none_or(|last| due > last + self.slack())
            {
                count.undecided += 1;
            } else {
                count.lost += 1;
            }
        }
        count.repeated = repeated.len() as u64;
        let linked = |i: &&u32| links[1 - self.sender].get(**i as usize).is_none() && !repeated.contains(*i);
        count.unseen = arrived.iter().filter(linked).count() as u64;
        count
    }

    fn link(&self, i: u32, j: u32, links: &mut [Links; 2]) {
        let known = links[self.sender].get(i as usize);
        // Of several arrivals the last completes it (one segment sent may arrive as several).
        if known.is_none_or(|known| self.at_receiver(known).time < self.at_receiver(j).time) {
            links[self.sender].0[i as usize] = j;
        }
        let back = &mut links[1 - self.sender].0[j as usize];
        if *back == Links::NONE {
            *back = i;
        }
    }

    /// Links segments that say the same: each arrival to one that was sent before it. `exact` demands the same IP
    /// identification, too, which some middleboxes rewrite.
    fn alike(&self, sent: &[u32], arrived: &[u32], exact: bool, repeated: &mut BTreeSet<u32>, links: &mut [Links; 2]) {
        let is_open = |j: &u32| links[1 - self.sender].get(*j as usize).is_none() && !repeated.contains(j);
        let arrived: Vec<u32> = arrived.iter().copied().filter(is_open).collect();
        if arrived.is_empty() {
            return;
        }
        let key = |kept: &Kept| {
            let (_, seq, ack, len, flags, tsval, id) = key(kept, true);
            (seq, ack, len, flags, tsval, if exact { id } else { 0 })
        };
        let by_key = by_key(sent, |i| key(self.at_sender(i)));
        for j in &arrived {
            let there = self.at_receiver(*j);
            let candidates = saying(&by_key, &key(there));
            let sent_by =
                candidates.partition_point(|(_, i)| self.there(self.at_sender(*i).time) <= there.time + self.slack());
            let recent = &candidates[sent_by.saturating_sub(ALIKE)..sent_by];
            if recent.is_empty() {
                continue;
            }
            // Of several that were sent before, the one that took about as long as the path takes.
            let off = |i: &u32| (there.time - self.there(self.at_sender(*i).time) - self.clock.delay).0.unsigned_abs();
            let free = recent.iter().map(|(_, i)| *i).filter(|i| links[self.sender].get(*i as usize).is_none());
            match free.min_by_key(off) {
                Some(i) => self.link(i, *j, links),
                None if exact => {
                    repeated.insert(*j);
                }
                None => {}
            }
        }
    }

    /// Links payload that was cut up or joined on its way (segmentation offload): what was sent has arrived when all of
    /// it has.
    fn reframed(&self, sent: &[u32], arrived: &[u32], links: &mut [Links; 2]) {
        /// Nothing is under way for longer.
        const LONGEST: Span = Span::secs(3);
        /// Looked at for one segment: 64 KiB in pieces of a byte each are not to be expected, repeated ones are.
        const PARTS: usize = 4_096;
        let Some(base) = sent.first().map(|i| self.at_sender(*i).seq) else { return };
        let offset = |seq: u32| seq.wrapping_sub(base);
        let mut free: Vec<u32> = arrived
            .iter()
            .copied()
            .filter(|j| self.at_receiver(*j).len > 0 && links[1 - self.sender].get(*j as usize).is_none())
            .collect();
        if free.is_empty() {
            return;
        }
        free.sort_by_key(|j| offset(self.at_receiver(*j).seq));
        let longest = free.iter().map(|j| self.at_receiver(*j).len).max().unwrap_or(0);
        for i in sent.iter().copied().filter(|i| self.at_sender(*i).len > 0) {
            if links[self.sender].get(i as usize).is_some() {
                continue;
            }
            let here = *self.at_sender(i);
            let (from, end) = (self.there(here.time), here.seq.wrapping_add(here.len));
            let soon = |there: &Kept| there.time + self.slack() >= from && there.time < from + LONGEST;
            let first =
                free.partition_point(|j| offset(self.at_receiver(*j).seq) < offset(here.seq).saturating_sub(longest));
            let below = |j: &&u32| offset(self.at_receiver(**j).seq) < offset(here.seq).saturating_add(here.len);
            let overlaps = |j: &&u32| {
                let there = self.at_receiver(**j);
                soon(there)
                    && there.tsval() == here.tsval()
                    && before(there.seq, end)
                    && before(here.seq, there.seq.wrapping_add(there.len))
            };
            let parts: Vec<u32> =
                free[first..].iter().take_while(below).take(PARTS).filter(overlaps).copied().collect();
            let reached = parts.iter().map(|j| self.at_receiver(*j)).fold(here.seq, |reached, there| {
                if after(there.seq, reached) { reached } else { later(reached, there.seq.wrapping_add(there.len)) }
            });
            let whole = !before(reached, here.seq.wrapping_add(here.len));
            let fin = here.flags() & 1 == 0 || parts.iter().any(|j| self.at_receiver(*j).flags() & 1 != 0);
            if whole && fin {
                parts.iter().for_each(|j| self.link(i, *j, links));
            }
        }
    }
}
