//! Four-tuples that are seen in many VLANs and tunnels. To ask each of the connections on such a one whether a segment is its
//! own would take time for all of them with every segment, and whoever sends the packets chooses the ids.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::case::Notes;
use super::connection::Taken;
use super::table::Tracker;
use crate::segment::{ScopeId, Segment, Socket};

/// So many are asked where there are no more; else those in the scope of the segment and so many that were spoken on lately.
pub(super) const ASKED: usize = 32;

/// The latest incarnations on one four-tuple, in some of its scopes.
type Few = SmallVec<[u32; ASKED + 1]>;

/// The four-tuples with more than [`ASKED`] lanes, by their sockets in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Many {
    tuples: BTreeMap<[Socket; 2], Lanes>,
}

/// What is strung together by `beside` from a head on, for one four-tuple.
#[derive(Clone, Debug, Default)]
struct Lanes {
    all: BTreeMap<u32, Lane>,
    /// Those seen in a scope.
    within: BTreeMap<ScopeId, SmallVec<[u32; 2]>>,
    /// Those spoken on lately, the latest first.
    lately: Few,
}

/// Where one lane stands.
#[derive(Clone, Copy, Debug)]
struct Lane {
    /// The one before it.
    before: u32,
    /// The higher, the sooner it comes. That of the head is the highest.
    rank: u32,
}

fn in_order(a: Socket, b: Socket) -> [Socket; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

impl Many {
    fn get(&self, a: Socket, b: Socket) -> Option<&Lanes> {
        if self.tuples.is_empty() { None } else { self.tuples.get(&in_order(a, b)) }
    }

    fn get_mut(&mut self, seg: &Segment) -> Option<&mut Lanes> {
        if self.tuples.is_empty() { None } else { self.tuples.get_mut(&in_order(seg.src, seg.dst)) }
    }

    /// Numbers mean other connections from now on, or no more segments come.
    pub(super) fn clear(&mut self) {
        self.tuples.clear();
    }

    /// Connection `new`, which begins with `seg`, stands behind `head`, before `next`.
    pub(super) fn push(&mut self, new: usize, head: usize, next: Option<u32>, seg: &Segment) {
        if let Some(lanes) = self.get_mut(seg) {
            lanes.stand(new as u32, head as u32, lanes.all.len() as u32);
            lanes.set_before(next, new as u32);
        }
    }
}

impl Lanes {
    /// Connection `new` takes the place of `old`, before `next`. The one before them.
    fn succeed(&mut self, old: u32, new: u32, next: Option<u32>) -> Option<u32> {
        let lane = self.all.remove(&old)?;
        self.all.insert(new, lane);
        self.set_before(next, new);
        self.lately.iter_mut().filter(|i| **i == old).for_each(|i| *i = new);
        Some(lane.before)
    }

    fn stand(&mut self, new: u32, before: u32, rank: u32) {
        self.all.insert(new, Lane { before, rank });
    }

    fn set_before(&mut self, next: Option<u32>, before: u32) {
        if let Some(lane) = next.and_then(|next| self.all.get_mut(&next)) {
            lane.before = before;
        }
    }

    /// Connection `i` is seen in `scope`.
    fn note(&mut self, i: u32, scope: ScopeId) {
        let some = self.within.entry(scope).or_default();
        if !some.contains(&i) {
            some.push(i);
        }
    }

    /// Connection `i` is no longer seen in `scope`.
    fn leave(&mut self, i: u32, scope: ScopeId) {
        if let Some(some) = self.within.get_mut(&scope) {
            some.retain(|other| *other != i);
        }
    }

    /// Connection `i` was spoken on.
    fn speak(&mut self, i: u32) {
        self.lately.retain(|other| *other != i);
        self.lately.truncate(ASKED - 1);
        self.lately.insert(0, i);
    }

    /// Those that a segment in `scope`, found through `head`, may belong to, in the order in which they are strung together.
    fn in_question(&self, head: usize, scope: ScopeId) -> Few {
        let within = self.within.get(&scope).map_or(&[][..], |some| some);
        let all = within.iter().chain(&self.lately).copied().chain([head as u32]);
        let mut ranked: SmallVec<[(u32, u32); ASKED + 4]> =
            all.filter_map(|i| Some((u32::MAX - self.all.get(&i)?.rank, i))).collect();
        ranked.sort_unstable();
        ranked.dedup();
        ranked.into_iter().map(|(_, i)| i).collect()
    }
}

impl<N: Notes> Tracker<N> {
    /// The latest incarnations on one four-tuple in all scopes, from `head` on.
    fn lanes(&self, head: usize) -> impl Iterator<Item = usize> {
        let heads = &self.store.heads;
        std::iter::successors(Some(head), |i| heads.beside(*i))
    }

    /// Those of them that `seg`, found through `head`, may belong to.
    pub(super) fn in_question(&mut self, head: usize, seg: &Segment) -> Few {
        if self.many.get(seg.src, seg.dst).is_none() {
            let few: Few = self.lanes(head).map(|i| i as u32).take(ASKED + 1).collect();
            if few.len() <= ASKED {
                return few;
            }
            self.gather(head, seg);
        }
        self.many.get(seg.src, seg.dst).map_or_else(Few::new, |lanes| lanes.in_question(head, seg.scope))
    }

    /// The latest connection between two sockets, found through `head`, that is seen in `scope`.
    pub(super) fn seen_in(&self, head: usize, [a, b]: [Socket; 2], scope: ScopeId) -> Option<usize> {
        let seen = |i: &usize| self.connection(*i).scopes.contains(&Some(scope));
        match self.many.get(a, b) {
            Some(lanes) => lanes.in_question(head, scope).into_iter().map(|i| i as usize).find(seen),
            None => self.lanes(head).find(seen),
        }
    }

    /// Takes up the four-tuple of `seg`, which is found through `head`.
    #[cold]
    fn gather(&mut self, head: usize, seg: &Segment) {
        let all: Vec<usize> = self.lanes(head).collect();
        let mut lanes = Lanes::default();
        lanes.stand(head as u32, head as u32, u32::MAX);
        for (pair, rank) in all.windows(2).zip((0..all.len() as u32 - 1).rev()) {
            lanes.stand(pair[1] as u32, pair[0] as u32, rank);
        }
        for i in &all {
            self.connection(*i).all_scopes().for_each(|scope| lanes.note(*i as u32, scope));
        }
        all.iter().take(ASKED).rev().for_each(|i| lanes.speak(*i as u32));
        self.many.tuples.insert(in_order(seg.src, seg.dst), lanes);
    }

    /// The one on which connection `old` of the four-tuple of `seg` hangs.
    pub(super) fn before(&self, old: usize, hash: u32, seg: &Segment) -> Option<usize> {
        let head = self.head(&seg.src, &seg.dst, hash)?;
        self.lanes(head).find(|i| self.store.heads.beside(*i) == Some(old))
    }

    /// Connection `new`, which begins with `seg`, takes the place of `old`. The one before them, if that is known here.
    pub(super) fn take_place(&mut self, old: usize, new: usize, seg: &Segment) -> Option<usize> {
        self.many.get(seg.src, seg.dst)?;
        let next = self.store.heads.beside(new).map(|next| next as u32);
        let [left, seen] = [old, new].map(|i| self.connection(i).all_scopes().collect::<SmallVec<[ScopeId; 4]>>());
        let lanes = self.many.get_mut(seg)?;
        left.into_iter().for_each(|scope| lanes.leave(old as u32, scope));
        seen.into_iter().chain([seg.scope]).for_each(|scope| lanes.note(new as u32, scope));
        lanes.succeed(old as u32, new as u32, next).map(|before| before as usize)
    }

    /// `seg` was taken: by which connection, and what it was.
    #[inline]
    pub(super) fn note_lane(&mut self, taken: &Taken, seg: &Segment) {
        if !self.many.tuples.is_empty() {
            self.note_one_of_many(taken, seg);
        }
    }

    #[cold]
    fn note_one_of_many(&mut self, taken: &Taken, seg: &Segment) {
        let (i, within) = (taken.connection as u32, self.connection(taken.connection).is_in_scope(taken.sender, seg));
        if let Some(lanes) = self.many.get_mut(seg).filter(|lanes| lanes.all.contains_key(&i)) {
            lanes.speak(i);
            if within {
                lanes.note(i, seg.scope);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::segment::Flags;
    use crate::time::{Span, Time};

    fn socket(last: u8, port: u16) -> Socket {
        Socket { addr: [10, 0, 0, last].into(), port }
    }

    fn syn(scope: u32, packet: u64) -> Segment {
        let (src, dst) = (socket(1, 1_000), socket(2, 80));
        let (scope, time) = (ScopeId(scope), Time(packet as i64 * 100_000));
        Segment { src, dst, scope, time, packet, seq: 7 + scope.0, flags: Flags::SYN, ..Segment::blank() }
    }

    fn head(tracker: &Tracker, seg: &Segment) -> usize {
        tracker.head(&seg.src, &seg.dst, tracker.latest.hash(&seg.src, &seg.dst)).expect("it is known")
    }

    #[test]
    fn of_however_many_networks_few_are_asked() {
        let mut tracker = Tracker::new();
        for scope in 0..5_000 {
            let seg = syn(scope, u64::from(scope) + 1);
            assert_eq!(tracker.segment(&seg).connection, scope as usize);
            let asked = tracker.in_question(0, &seg).len();
            assert!(asked <= ASKED + 1, "{asked}");
        }
        for scope in (0..5_000).rev() {
            assert_eq!(tracker.segment(&syn(scope, 10_000)).connection, scope as usize);
            let [a, b] = &*tracker.sockets(0);
            assert_eq!(tracker.latest(*a, *b, ScopeId(scope)), Some(scope as usize));
        }
    }

    /// Connections in many networks: each answered in the one where it began or in the next, opened again and again, and
    /// captured twice.
    fn mixed(tracker: &mut Tracker, rounds: u64, seen: impl Fn(&mut Tracker, &Segment)) {
        let mut dice = 9_u64;
        let mut roll = |sides: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        for n in 1..=rounds {
            let scope = roll(90) as u32;
            let first = Segment { seq: roll(1 << 32) as u32, ip_id: n as u16 | 1, ..syn(scope, 10 * n) };
            let answer = Segment {
                src: first.dst,
                dst: first.src,
                scope: ScopeId(if scope.is_multiple_of(3) { scope + 1 } else { scope }),
                seq: roll(1 << 32) as u32,
                ack: first.seq.wrapping_add(1),
                flags: Flags::SYN | Flags::ACK,
                packet: first.packet + 1,
                ..first
            };
            let again = Segment { scope: ScopeId(100 + scope), packet: first.packet + 2, ..first };
            let reset =
                Segment { seq: first.seq.wrapping_add(1), flags: Flags::RST, packet: first.packet + 3, ..first };
            let all = [(first, 4), (again, 1), (answer, 3), (reset, 2)];
            for seg in all.into_iter().filter(|(_, chance)| roll(4) < *chance).map(|(seg, _)| seg) {
                seen(tracker, &seg);
                tracker.segment(&Segment { time: seg.time + Span(seg.packet as i64), ..seg });
            }
        }
    }

    #[test]
    fn who_is_in_the_network_of_a_segment_is_asked_in_order() {
        let mut tracker = Tracker::new();
        let check = |tracker: &mut Tracker, seg: &Segment| {
            if tracker.is_empty() {
                return;
            }
            let head = head(tracker, seg);
            let asked = tracker.in_question(head, seg);
            let all: Vec<usize> = tracker.lanes(head).collect();
            let mut from = all.iter();
            assert!(asked.iter().all(|i| from.any(|lane| *lane == *i as usize)), "each in its place");
            let fits = |i: &usize| {
                let c = tracker.connection(*i);
                c.is_in_scope(c.sender(seg), seg)
            };
            let among_all: Vec<usize> = all.iter().copied().filter(fits).collect();
            let among_asked: Vec<usize> = asked.iter().map(|i| *i as usize).filter(fits).collect();
            assert_eq!(among_asked, among_all);
        };
        mixed(&mut tracker, 2_000, check);
        let mut lanes = tracker.lanes(head(&tracker, &syn(0, 1)));
        assert!(lanes.by_ref().count() > ASKED && tracker.has_incarnations());
        drop(lanes);
        // Some are forgotten: the others are found as before.
        let keep: Vec<bool> = (0..tracker.len()).map(|i| i % 3 != 0).collect();
        tracker.evict(&keep);
        mixed(&mut tracker, 500, check);
    }
}
