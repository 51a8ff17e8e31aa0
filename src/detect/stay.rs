//! When an end was in the states that capture-wide detectors ask for.

use crate::time::Time;
use crate::tracker::State;

/// When an end was in a state: from when, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// When it was entered first.
    pub since: Time,
    /// When it was left; the end of time if it was not.
    pub until: Time,
}

impl Stay {
    /// Never.
    pub(super) const NONE: Stay = Stay { since: Time(i64::MAX), until: Time(i64::MAX) };

    /// Whether it happened.
    pub fn happened(self) -> bool {
        self.since != Stay::NONE.since
    }

    /// Whether it lasted when the capture ended.
    pub fn lasts(self) -> bool {
        self.happened() && self.until == Stay::NONE.until
    }

    /// Whether it covers `time`.
    pub fn covers(self, time: Time) -> bool {
        self.since <= time && time < self.until
    }
}

/// How many stays there may have been at one time of a capture, at most: where these are too few, nobody needs to look for the
/// [peak](Overlap::peak), which takes longer.
pub struct Crowd {
    begin: Time,
    /// Bits of a time, from the beginning on, that do not tell its slot.
    shift: u32,
    /// By how many it grew up to each slot since the one before.
    grown: [i32; SLOTS + 1],
}

/// Slots of one length: who was there at any time of one counts for all of it.
const SLOTS: usize = 256;

impl Crowd {
    /// None yet, in a capture from `begin` to `end`.
    pub fn new(begin: Time, end: Time) -> Crowd {
        let length = end.0.wrapping_sub(begin.0) as u64;
        let shift = (u64::BITS - length.leading_zeros()).saturating_sub(SLOTS.ilog2());
        Crowd { begin, shift, grown: [0; SLOTS + 1] }
    }

    /// The slot of a time; what lies outside of the capture is in the first or the last.
    #[inline]
    fn slot(&self, time: Time) -> usize {
        let since = time.0.max(self.begin.0).wrapping_sub(self.begin.0) as u64;
        ((since >> self.shift) as usize).min(SLOTS - 1)
    }

    /// Adds one that happened.
    #[inline]
    pub fn add(&mut self, stay: Stay) {
        self.grown[self.slot(stay.since)] += 1;
        if !stay.lasts() {
            self.grown[self.slot(stay.until) + 1] -= 1;
        }
    }

    /// Whether as many as `least` may have been there at one time.
    pub fn may_reach(&self, least: i64) -> bool {
        let mut now = 0;
        self.grown.iter().any(|by| {
            now += i64::from(*by);
            now >= least
        })
    }
}

/// Stays of which is asked how many there were at one time.
#[derive(Default)]
pub struct Overlap {
    begun: Vec<Time>,
    left: Vec<Time>,
}

impl Overlap {
    /// Of so many.
    pub fn of(many: usize) -> Overlap {
        Overlap { begun: Vec::with_capacity(many), left: Vec::new() }
    }

    /// Adds one, if it happened.
    #[inline]
    pub fn add(&mut self, stay: Stay) {
        if !stay.happened() {
            return;
        }
        self.begun.push(stay.since);
        // What lasts is never left.
        if !stay.lasts() {
            self.left.push(stay.until);
        }
    }

    /// The most at one time, and when.
    pub fn peak(self) -> (i64, Time) {
        let Overlap { mut begun, mut left } = self;
        // Both are nearly in order already.
        begun.sort();
        left.sort();
        let (mut gone, mut peak) = (0, (0, Time(0)));
        for (n, time) in (1_i64..).zip(begun) {
            while left.get(gone).is_some_and(|t| *t <= time) {
                gone += 1;
            }
            let now = n - gone as i64;
            if now > peak.0 {
                peak = (now, time);
            }
        }
        peak
    }
}

/// The most at one time of `stays`, and when.
pub fn peak(stays: impl Iterator<Item = Stay>) -> (i64, Time) {
    let mut all = Overlap::default();
    stays.for_each(|stay| all.add(stay));
    all.peak()
}

/// The states of an end that capture-wide detectors ask for, each by its first stay.
#[derive(Clone, Copy)]
pub(super) struct Stays {
    pub syn_rcvd: Stay,
    pub established: Stay,
    pub fin_wait_1: Stay,
    pub close_wait: Stay,
    pub time_wait: Stay,
    last: State,
}

impl Stays {
    /// Of a history whose steps, the last one first, enter a state at a time.
    #[inline(always)]
    pub fn of(steps: impl Iterator<Item = (State, Time)>) -> Stays {
        let (mut last, mut left) = (None, Stay::NONE.until);
        // The first stay remains. Which one comes next is not foreseen: all are noted.
        let mut stays = [Stay::NONE; State::ALL.len()];
        for (state, entered) in steps {
            last.get_or_insert(state);
            stays[state as usize] = Stay { since: entered, until: left };
            left = entered;
        }
        let of = |state: State| stays[state as usize];
        Stays {
            syn_rcvd: of(State::SynRcvd),
            established: of(State::Established),
            fin_wait_1: of(State::FinWait1),
            close_wait: of(State::CloseWait),
            time_wait: of(State::TimeWait),
            last: last.unwrap_or(State::Closed),
        }
    }

    /// Whether it ended so.
    pub fn is_over(&self) -> bool {
        matches!(self.last, State::Closed | State::TimeWait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_passed_over() {
        let mut n = 1_u64;
        let mut next = |most: i64| {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (n >> 33) as i64 % most
        };
        let mut told = [0; 2];
        for round in 0..400 {
            let (count, length) = (1 + next(60), [10, 1_000, 1_000_000_000_000][round % 3]);
            let stays: Vec<Stay> = (0..count)
                .map(|_| {
                    let since = Time(next(length) - length / 2);
                    // Some end where they begin, or before, and some last.
                    let until = Time(since.0 + next(length / 5) - 1);
                    Stay { since, until: if next(20) == 0 { Stay::NONE.until } else { until } }
                })
                .collect();
            let (most, _) = peak(stays.iter().copied());
            // Not all need be in the capture, nor need that have a length.
            let ends = [length / 2, length, length / 4, -length / 2];
            let mut crowd = Crowd::new(Time(-length / 2), Time(ends[round / 3 % 4]));
            stays.iter().for_each(|stay| crowd.add(*stay));
            assert!(crowd.may_reach(most), "{most} of {stays:?}");
            told[usize::from(crowd.may_reach(most + 3))] += 1;
            assert!(!crowd.may_reach(count + 1));
        }
        assert!(told[0] > 150, "{told:?}");
    }
}
