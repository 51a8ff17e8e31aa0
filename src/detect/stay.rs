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

/// The most at one time of `stays`, and when.
pub fn peak(stays: impl Iterator<Item = Stay> + Clone) -> (i64, Time) {
    let stays = stays.filter(|s| s.happened());
    let mut begun: Vec<Time> = stays.clone().map(|s| s.since).collect();
    // What lasts is never left. Both are nearly in order already.
    let mut left: Vec<Time> = stays.filter(|s| !s.lasts()).map(|s| s.until).collect();
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

/// The states of an end that capture-wide detectors ask for, each by its first stay.
#[derive(Clone, Copy)]
pub(super) struct Stays {
    pub syn_rcvd: Stay,
    pub established: Stay,
    pub close_wait: Stay,
    pub time_wait: Stay,
    last: State,
}

impl Stays {
    /// Of a history of `n` steps; `step` tells the state entered and when.
    #[inline]
    pub fn of(n: usize, step: impl Fn(usize) -> (State, Time)) -> Stays {
        let mut stays = Stays {
            syn_rcvd: Stay::NONE,
            established: Stay::NONE,
            close_wait: Stay::NONE,
            time_wait: Stay::NONE,
            last: State::Closed,
        };
        for i in 0..n {
            let (state, since) = step(i);
            stays.last = state;
            let stay = match state {
                State::SynRcvd => &mut stays.syn_rcvd,
                State::Established => &mut stays.established,
                State::CloseWait => &mut stays.close_wait,
                State::TimeWait => &mut stays.time_wait,
                _ => continue,
            };
            if !stay.happened() {
                let until = if i + 1 < n { step(i + 1).1 } else { Stay::NONE.until };
                *stay = Stay { since, until };
            }
        }
        stays
    }

    /// Whether it ended so.
    pub fn is_over(&self) -> bool {
        matches!(self.last, State::Closed | State::TimeWait)
    }
}
