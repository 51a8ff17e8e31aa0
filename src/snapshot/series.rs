//! How many endpoints were in each state, over time, with the least and the most that the capture allows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{sides, unseen_since, was_open};
use crate::report::{Connection, Entry};
use crate::time::{Span, Time};
use crate::tracker::{Evidence, State};

/// How many endpoints are in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As the histories say.
    pub count: u64,
    /// Certainly.
    pub least: u64,
    /// Possibly.
    pub most: u64,
}

/// One point of a series.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// When.
    pub time: Time,
    /// Endpoints by state, CLOSED and LISTEN left out; a state with none, not even possibly, is absent.
    pub states: BTreeMap<State, Count>,
}

/// A series.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its points.
    pub samples: Vec<Sample>,
}

/// By how much the counts of a state change: as the histories say, certainly, possibly.
type Change = [i64; 3];

/// A series in the making: connections are counted one by one, and none of them is kept.
#[derive(Clone, Debug)]
pub struct Counting {
    from: Time,
    step: Span,
    limit: usize,
    /// By how much each state changes up to a sample since the one before, by the sample's place.
    changes: BTreeMap<usize, [Change; State::ALL.len()]>,
}

impl Counting {
    /// Samples from `from` on, `step` apart (at least a nanosecond), at most `limit` of them.
    pub fn new(from: Time, step: Span, limit: usize) -> Counting {
        Counting { from, step: step.max(Span(1)), limit, changes: BTreeMap::new() }
    }

    /// Something changes at `time`: it counts from the next sample on.
    fn change(&mut self, time: Time, state: State, by: Change) {
        let since = u64::try_from((time - self.from).0).unwrap_or(0);
        let place = since.div_ceil(self.step.0.unsigned_abs());
        let Some(place) = usize::try_from(place).ok().filter(|place| *place < self.limit) else { return };
        let changes = &mut self.changes.entry(place).or_default()[state as usize];
        changes.iter_mut().zip(by).for_each(|(n, by)| *n += by);
    }

    /// Counts the ends of a connection of a capture that ends at `end`, or was read up to there.
    pub fn take(&mut self, c: &Connection, end: Time) {
        for side in sides(c) {
            let endpoint = c.endpoints.get(*side);
            let unseen = unseen_since(endpoint);
            if let Some(first) =
                endpoint.history.first().filter(|first| was_open(c, &endpoint.history) && first.time > self.from)
            {
                // It is only assumed before its first packet.
                self.change(self.from, first.state, [1, 0, 1]);
                self.change(first.time, first.state, [-1, 0, -1]);
            }
            for i in 0..endpoint.history.len() {
                let last = i + 1 == endpoint.history.len();
                self.stay(&endpoint.history, i, unseen.filter(|_| last), end);
            }
            if let (Some(since), Some(last)) = (unseen, endpoint.history.last()) {
                // That it was not left yet is counted with the state before.
                let known = [State::Closed, last.state, last.from];
                let others = endpoint.possible.iter().filter(|state| !known.contains(state));
                others.for_each(|state| self.change(since, state, [0, 0, 1]));
            }
        }
    }

    /// Counts the state that entry `i` of `history` entered; it is not certain any more from `unseen` on.
    fn stay(&mut self, history: &[Entry], i: usize, unseen: Option<Time>, end: Time) {
        let (entry, next) = (&history[i], history.get(i + 1));
        let state = entry.state;
        if state == State::Closed {
            return;
        }
        let entered = entry.latest.unwrap_or(entry.time);
        let left = next.map(|n| (n.time, n.latest.unwrap_or(n.time)));
        // A receipt that nothing proves may never have happened.
        let sure = entry.evidence != Evidence::Inferred || entered < end;
        self.change(entry.time, state, [1, 0, 1]);
        let certain_until = left.map_or(end + Span(1), |(earliest, _)| earliest);
        let certain_until = unseen.map_or(certain_until, |since| since.min(certain_until));
        if sure && entered < certain_until {
            self.change(entered, state, [0, 1, 0]);
            self.change(certain_until, state, [0, -1, 0]);
        }
        if let Some((earliest, latest)) = left {
            self.change(earliest, state, [-1, 0, 0]);
            let forever = next.is_some_and(|n| n.evidence == Evidence::Inferred && latest >= end);
            if !forever {
                self.change(latest, state, [0, 0, -1]);
            }
        }
    }

    /// The series up to `end`.
    pub fn finish(self, end: Time) -> Series {
        let mut next = self.changes.into_iter().peekable();
        let mut now = [Change::default(); State::ALL.len()];
        let (mut samples, mut time) = (Vec::new(), self.from);
        while time <= end && samples.len() < self.limit {
            while let Some((_, changes)) = next.next_if(|(place, _)| *place <= samples.len()) {
                now.iter_mut().flatten().zip(changes.iter().flatten()).for_each(|(n, by)| *n += by);
            }
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            let counts = State::ALL.into_iter().map(|state| (state, now[state as usize]));
            let states = counts
                .filter(|(_, n)| *n != [0; 3])
                .map(|(state, n)| (state, Count { count: number(n[0]), least: number(n[1]), most: number(n[2]) }));
            samples.push(Sample { time, states: states.collect() });
            time = time + self.step;
        }
        Series { samples }
    }
}
