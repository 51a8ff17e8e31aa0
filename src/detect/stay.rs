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
