//! Connections per state and side: now, at most, and second by second over the last minutes.

use std::collections::VecDeque;

use crate::report::{PerSide, Side};
use crate::time::{Span, Time};
use crate::tracker::State;

/// Seconds of the past that are kept.
pub const PAST: usize = 300;
/// Between two samples.
const SECOND: Span = Span::secs(1);

/// Numbers by state.
pub type ByState = [u64; State::ALL.len()];

/// How many endpoints are in each state. CLOSED is not counted: what is closed is no connection.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Now.
    pub now: PerSide<ByState>,
    /// The most at one time so far.
    pub peak: PerSide<ByState>,
    /// One sample a second, the latest last.
    samples: VecDeque<Sample>,
    next: Option<Time>,
    /// Since when the same connections are counted, if others were before.
    since: Option<Time>,
}

/// One second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was taken.
    pub time: Time,
    /// Endpoints by state.
    pub states: PerSide<ByState>,
    /// Packets so far.
    pub packets: u64,
    /// Connections begun so far.
    pub begun: u64,
}

impl Counts {
    /// An endpoint entered a state.
    pub(super) fn enter(&mut self, side: Side, state: State) {
        if state != State::Closed {
            let now = &mut self.now.get_mut(side)[state as usize];
            *now += 1;
            let peak = &mut self.peak.get_mut(side)[state as usize];
            *peak = (*peak).max(*now);
        }
    }

    /// An endpoint left a state.
    pub(super) fn leave(&mut self, side: Side, state: State) {
        if state != State::Closed {
            let now = &mut self.now.get_mut(side)[state as usize];
            *now = now.saturating_sub(1);
        }
    }

    /// Takes the samples due by `now`; after a long silence only those that are kept.
    pub(super) fn sample(&mut self, now: Time, packets: u64, begun: u64) {
        let mut next = *self.next.get_or_insert(now);
        if now - next > Span(SECOND.0 * PAST as i64) {
            next = now - Span(SECOND.0 * PAST as i64);
        }
        while next <= now {
            if self.samples.len() >= PAST {
                self.samples.pop_front();
            }
            self.samples.push_back(Sample { time: next, states: self.now, packets, begun });
            next = next + SECOND;
        }
        self.next = Some(next);
    }

    /// Other connections are counted from `now` on.
    pub(super) fn choose_anew(&mut self, now: Time) {
        self.since = Some(now);
    }

    /// The samples kept of the connections that are counted now, oldest first.
    pub fn past(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| self.since.is_none_or(|since| sample.time >= since))
    }

    /// The samples kept, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// Packets and new connections per second, over the last `seconds`.
    pub fn rates(&self, seconds: usize) -> (f64, f64) {
        let (Some(last), Some(first)) = (self.samples.back(), self.samples.iter().rev().nth(seconds)) else {
            let Some((last, first)) = self.samples.back().zip(self.samples.front()) else { return (0.0, 0.0) };
            return rate(first, last);
        };
        rate(first, last)
    }
}

fn rate(first: &Sample, last: &Sample) -> (f64, f64) {
    let span = (last.time - first.time).as_secs_f64();
    if span <= 0.0 {
        return (0.0, 0.0);
    }
    let per_second = |a: u64, b: u64| b.saturating_sub(a) as f64 / span;
    (per_second(first.packets, last.packets), per_second(first.begun, last.begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_kept_second_by_second_and_has_an_end() {
        let mut counts = Counts::default();
        counts.enter(Side::Client, State::Established);
        counts.sample(Time(0), 10, 1);
        counts.sample(Time(3_500_000_000), 40, 1);
        assert_eq!(counts.samples().len(), 4);
        assert_eq!(counts.rates(3), (10.0, 0.0));
        counts.leave(Side::Client, State::Established);
        counts.sample(Time(90_000_000_000_000), 40, 1);
        assert_eq!(counts.samples().len(), PAST);
        assert_eq!(counts.peak.client[State::Established as usize], 1);
        assert_eq!(counts.now.client[State::Established as usize], 0);
    }

    #[test]
    fn the_past_of_other_connections_is_not_told_as_that_of_these() {
        let mut counts = Counts::default();
        counts.sample(Time(0), 10, 1);
        counts.sample(Time(3_000_000_000), 40, 1);
        assert_eq!(counts.past().count(), 4);
        counts.choose_anew(Time(3_200_000_000));
        assert_eq!((counts.past().count(), counts.rates(3)), (0, (10.0, 0.0)));
        counts.sample(Time(4_100_000_000), 40, 1);
        assert_eq!(counts.past().count(), 1);
    }
}
