//! Which segment of one capture is which of the other, and which never arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::clock::{Clock, Sample};
use super::names::{Translation, Tuple, by_tuple, rename, translate, tuple};
use super::tap::Seen;
use crate::report::Direction;
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, before, later};

/// The tap at the client's side, and the one at the server's.
pub const CLIENT: usize = 0;
/// See [`CLIENT`].
pub const SERVER: usize = 1;

/// The same segment in the other capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index into the other capture's segments.
    pub other: u32,
    /// When it was captured there, by that tap's clock.
    pub time: Time,
    /// Its number there.
    pub packet: u64,
}

/// How the two captures fit together.
#[derive(Debug)]
pub struct Pairs {
    /// For each tap, for each of its segments, the same one in the other capture.
    pub links: [Vec<Option<Link>>; 2],
    /// The clocks.
    pub clock: Clock,
    /// What the server tap's capture calls otherwise.
    pub translation: Translation,
    /// Addresses (as the client tap sees them) at the server tap's side; all others are at the client tap's.
    pub far: BTreeSet<IpAddr>,
    /// By four-tuple (as the client tap sees it), what became of the segments sent at the client tap's side, and at the
    /// server tap's.
    pub fates: BTreeMap<Tuple, [Direction; 2]>,
    /// How many four-tuples are not among these, since a device between changes their sequence numbers.
    pub renumbered: u64,
}

/// Matches two captures. `segments` are those of the client's tap, and of the server's.
pub fn pair(segments: [&[Seen]; 2]) -> Pairs {
    let translation = translate(segments[CLIENT], segments[SERVER]);
    // The server tap's segments, named as at the client's.
    let renamed: Vec<Seen> = segments[SERVER]
        .iter()
        .map(|seen| {
            let tuple = tuple(seen);
            Seen { src: rename(&translation, tuple, seen.src), dst: rename(&translation, tuple, seen.dst), ..*seen }
        })
        .collect();
    let taps = [segments[CLIENT], renamed.as_slice()];
    let tuples = [by_tuple(taps[CLIENT]), by_tuple(taps[SERVER])];
    let all: BTreeSet<Tuple> = tuples[CLIENT].keys().chain(tuples[SERVER].keys()).copied().collect();
    let (far, clock) = measure(taps, &tuples);
    let mut pairs = Pairs {
        links: [vec![None; taps[CLIENT].len()], vec![None; taps[SERVER].len()]],
        clock,
        translation,
        far,
        fates: BTreeMap::new(),
        renumbered: 0,
    };
    let ends = taps.map(|tap| (tap.iter().map(|s| s.time).min(), tap.iter().map(|s| s.time).max()));
    for tuple in all {
        let indices = |tap: usize| tuples[tap].get(&tuple).map_or(&[][..], Vec::as_slice);
        let mut fates = [Direction::default(), Direction::default()];
        for sender in [CLIENT, SERVER] {
            let from = |tap: usize| {
                let sent = |i: &u32| usize::from(pairs.far.contains(&taps[tap][*i as usize].src.addr)) == sender;
                indices(tap).iter().copied().filter(sent).collect::<Vec<u32>>()
            };
            let way = Way { taps, sender, clock: &pairs.clock, window: ends[1 - sender] };
            let (sent, arrived) = (from(sender), from(1 - sender));
            fates[sender] = way.run(&sent, &arrived, &mut pairs.links);
        }
        if fates.iter().any(is_renumbered) {
            pairs.renumbered += 1;
        } else {
            pairs.fates.insert(tuple, fates);
        }
    }
    pairs
}

/// Whether nothing of one direction is alike at both sides, although both have it: a SYN proxy answers with numbers of its own, and
/// some firewalls choose others, of which what the other end acknowledges is a part.
fn is_renumbered(way: &Direction) -> bool {
    /// So many are no chance.
    const ENOUGH: u64 = 3;
    way.arrived == 0 && way.lost >= ENOUGH && way.unseen >= ENOUGH
}

/// What is equal in both captures, whoever looks.
type Key = (bool, u32, u32, u32, u8, Option<u32>, u16);

fn key(seen: &Seen, low: bool) -> Key {
    (low, seen.seq, seen.ack, seen.len, seen.flags, seen.tsval, seen.ip_id)
}

/// From segments that occur once in each capture: which addresses are at which side, and how the clocks go.
fn measure(taps: [&[Seen]; 2], tuples: &[BTreeMap<Tuple, Vec<u32>>; 2]) -> (BTreeSet<IpAddr>, Clock) {
    let mut votes: BTreeMap<IpAddr, i64> = BTreeMap::new();
    let mut samples: Vec<(IpAddr, Sample)> = Vec::new();
    for (tuple, ours) in &tuples[CLIENT] {
        let Some(theirs) = tuples[SERVER].get(tuple) else { continue };
        let once = |tap: usize, indices: &[u32]| {
            let mut once: BTreeMap<Key, Option<u32>> = BTreeMap::new();
            for i in indices {
                let seen = &taps[tap][*i as usize];
                once.entry(key(seen, seen.src == tuple.0)).and_modify(|n| *n = None).or_insert(Some(*i));
            }
            once
        };
        let (ours, theirs) = (once(CLIENT, ours), once(SERVER, theirs));
        let mut between: [Vec<i64>; 2] = Default::default();
        for (key, i) in &ours {
            let (Some(i), Some(Some(j))) = (i, theirs.get(key)) else { continue };
            let (here, there) = (&taps[CLIENT][*i as usize], &taps[SERVER][*j as usize]);
            between[usize::from(!key.0)].push((there.time - here.time).0);
            samples.push((here.src.addr, (here.time, there.time - here.time)));
        }
        // What is sent at the client tap comes to the server tap later than what goes the other way, by any clock.
        let [low, high] = between.map(|mut d| {
            d.sort_unstable();
            d.get(d.len() / 2).copied()
        });
        if let (Some(low), Some(high)) = (low, high)
            && tuple.0.addr != tuple.1.addr
        {
            *votes.entry(tuple.0.addr).or_default() += (low - high).signum();
            *votes.entry(tuple.1.addr).or_default() -= (low - high).signum();
        }
    }
    let mut far: BTreeSet<IpAddr> = votes.iter().filter(|(_, n)| **n < 0).map(|(addr, _)| *addr).collect();
    // Addresses that were never heard in answer: on the side opposite to that of whom they talk with, or who was
    // addressed by the first segment.
    for tuple in tuples[CLIENT].keys().chain(tuples[SERVER].keys()) {
        let (low, high) = (tuple.0.addr, tuple.1.addr);
        if votes.contains_key(&low) != votes.contains_key(&high) {
            let (known, unknown) = if votes.contains_key(&low) { (low, high) } else { (high, low) };
            if !far.contains(&known) {
                far.insert(unknown);
            }
        } else if !votes.contains_key(&low) {
            let at = |tap: usize| tuples[tap].get(tuple).and_then(|all| all.first()).map(|i| taps[tap][*i as usize]);
            if let Some(first) = at(CLIENT).or_else(|| at(SERVER)) {
                far.insert(first.dst.addr);
            }
        }
    }
    let way = |up: bool| {
        let of = |(src, _): &&(IpAddr, Sample)| far.contains(src) != up;
        samples.iter().filter(of).map(|(_, sample)| *sample).collect::<Vec<Sample>>()
    };
    let clock = Clock::measure(&way(true), &way(false));
    (far, clock)
}

/// So many segments that say the same are looked at: more come from whoever wants to keep us busy.
const ALIKE: usize = 256;

/// One direction of one four-tuple.
struct Way<'a> {
    taps: [&'a [Seen]; 2],
    sender: usize,
    clock: &'a Clock,
    /// Times of the first and the last segment at the receiver's tap.
    window: (Option<Time>, Option<Time>),
}

impl Way<'_> {
    fn at_sender(&self, i: u32) -> &Seen {
        &self.taps[self.sender][i as usize]
    }

    fn at_receiver(&self, i: u32) -> &Seen {
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
    fn run(&self, sent: &[u32], arrived: &[u32], links: &mut [Vec<Option<Link>>; 2]) -> Direction {
        let mut repeated = BTreeSet::new();
        for exact in [true, false] {
            self.alike(sent, arrived, exact, &mut repeated, links);
        }
        self.reframed(sent, arrived, links);
        let mut count = Direction { sent: sent.len() as u64, ..Direction::default() };
        for i in sent {
            let due = self.there(self.at_sender(*i).time) + self.clock.delay;
            if links[self.sender][*i as usize].is_some() {
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
        let linked = |i: &&u32| links[1 - self.sender][**i as usize].is_none() && !repeated.contains(*i);
        count.unseen = arrived.iter().filter(linked).count() as u64;
        count
    }

    fn link(&self, i: u32, j: u32, links: &mut [Vec<Option<Link>>; 2]) {
        let (here, there) = (self.at_sender(i), self.at_receiver(j));
        let known = links[self.sender][i as usize];
        // Of several arrivals the last completes it (one segment sent may arrive as several).
        if known.is_none_or(|known| known.time < there.time) {
            links[self.sender][i as usize] = Some(Link { other: j, time: there.time, packet: there.packet });
        }
        links[1 - self.sender][j as usize].get_or_insert(Link { other: i, time: here.time, packet: here.packet });
    }

    /// Links segments that say the same: each arrival to one that was sent before it. `exact` demands the same IP
    /// identification, too, which some middleboxes rewrite.
    fn alike(
        &self,
        sent: &[u32],
        arrived: &[u32],
        exact: bool,
        repeated: &mut BTreeSet<u32>,
        links: &mut [Vec<Option<Link>>; 2],
    ) {
        let key = |seen: &Seen| {
            let (_, seq, ack, len, flags, tsval, id) = key(seen, true);
            (seq, ack, len, flags, tsval, if exact { id } else { 0 })
        };
        let mut by_key: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for i in sent {
            by_key.entry(key(self.at_sender(*i))).or_default().push(*i);
        }
        for j in arrived {
            if links[1 - self.sender][*j as usize].is_some() || repeated.contains(j) {
                continue;
            }
            let there = self.at_receiver(*j);
            let Some(candidates) = by_key.get(&key(there)) else { continue };
            let sent_by =
                candidates.partition_point(|i| self.there(self.at_sender(*i).time) <= there.time + self.slack());
            let recent = &candidates[sent_by.saturating_sub(ALIKE)..sent_by];
            if recent.is_empty() {
                continue;
            }
            // Of several that were sent before, the one that took about as long as the path takes.
            let off = |i: &u32| (there.time - self.there(self.at_sender(*i).time) - self.clock.delay).0.unsigned_abs();
            let free = recent.iter().copied().filter(|i| links[self.sender][*i as usize].is_none());
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
    fn reframed(&self, sent: &[u32], arrived: &[u32], links: &mut [Vec<Option<Link>>; 2]) {
        /// Nothing is under way for longer.
        const LONGEST: Span = Span::secs(3);
        /// Looked at for one segment: 64 KiB in pieces of a byte each are not to be expected, repeated ones are.
        const PARTS: usize = 4_096;
        let Some(base) = sent.first().map(|i| self.at_sender(*i).seq) else { return };
        let offset = |seq: u32| seq.wrapping_sub(base);
        let mut free: Vec<u32> = arrived
            .iter()
            .copied()
            .filter(|j| self.at_receiver(*j).len > 0 && links[1 - self.sender][*j as usize].is_none())
            .collect();
        free.sort_by_key(|j| offset(self.at_receiver(*j).seq));
        let longest = free.iter().map(|j| self.at_receiver(*j).len).max().unwrap_or(0);
        for i in sent.iter().copied().filter(|i| self.at_sender(*i).len > 0) {
            if links[self.sender][i as usize].is_some() {
                continue;
            }
            let here = *self.at_sender(i);
            let (from, end) = (self.there(here.time), here.seq.wrapping_add(here.len));
            let soon = |there: &Seen| there.time + self.slack() >= from && there.time < from + LONGEST;
            let first =
                free.partition_point(|j| offset(self.at_receiver(*j).seq) < offset(here.seq).saturating_sub(longest));
            let below = |j: &&u32| offset(self.at_receiver(**j).seq) < offset(here.seq).saturating_add(here.len);
            let overlaps = |j: &&u32| {
                let there = self.at_receiver(**j);
                soon(there)
                    && there.tsval == here.tsval
                    && before(there.seq, end)
                    && before(here.seq, there.seq.wrapping_add(there.len))
            };
            let parts: Vec<u32> =
                free[first..].iter().take_while(below).take(PARTS).filter(overlaps).copied().collect();
            let reached = parts.iter().map(|j| self.at_receiver(*j)).fold(here.seq, |reached, there| {
                if after(there.seq, reached) { reached } else { later(reached, there.seq.wrapping_add(there.len)) }
            });
            let whole = !before(reached, here.seq.wrapping_add(here.len));
            let fin = here.flags & 1 == 0 || parts.iter().any(|j| self.at_receiver(*j).flags & 1 != 0);
            if whole && fin {
                parts.iter().for_each(|j| self.link(i, *j, links));
            }
        }
    }
}
