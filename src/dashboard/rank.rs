//! Which connections matter most.

use std::cmp::Reverse;

use crate::live::Shown;
use crate::report::{PerSide, Severity};
use crate::time::{Span, Time};
use crate::tracker::State;

/// Orders of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Trouble first.
    #[default]
    Attention,
    /// Longest in its state first.
    Age,
    /// Longest silent first.
    Idle,
    /// Most payload first.
    Bytes,
    /// Latest first.
    Newest,
}

impl Sort {
    /// All of them, in the order in which a key goes through them.
    pub const ALL: [Sort; 5] = [Sort::Attention, Sort::Age, Sort::Idle, Sort::Bytes, Sort::Newest];

    /// As on the screen.
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Attention => "attention",
            Sort::Age => "age",
            Sort::Idle => "idle",
            Sort::Bytes => "bytes",
            Sort::Newest => "newest",
        }
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Sort {
        Sort::ALL[(self as usize + 1) % Sort::ALL.len()]
    }
}

/// What is known of a connection when it is ranked.
pub(super) struct Candidate {
    pub(super) index: usize,
    pub(super) id: u64,
    pub(super) ends: PerSide<Shown>,
    pub(super) last: Time,
    pub(super) bytes: u64,
    pub(super) severity: Option<Severity>,
}

impl Candidate {
    /// The end whose state tells more: that of the earlier stage of trouble.
    pub(super) fn telling(&self) -> Shown {
        let (a, b) = (self.ends.client, self.ends.server);
        if weight(b.state) < weight(a.state) { b } else { a }
    }

    pub(super) fn age(&self, now: Time) -> Span {
        Span((now - self.telling().since).0.max(0))
    }

    /// What is over comes last in all orders that ask what is the matter now.
    fn key(&self, sort: Sort, now: Time) -> (bool, u8, u8, i64) {
        let severity = self.severity.map_or(u8::MAX, |s| u8::MAX - 1 - s as u8);
        let telling = self.telling();
        let over = telling.state == State::Closed;
        match sort {
            Sort::Attention => (over, severity, weight(telling.state), -self.age(now).0),
            Sort::Age => (over, 0, 0, -self.age(now).0),
            Sort::Idle => (over, 0, 0, self.last.0),
            Sort::Bytes => (false, 0, 0, -i64::try_from(self.bytes).unwrap_or(i64::MAX)),
            Sort::Newest => (false, 0, 0, -i64::try_from(self.id).unwrap_or(i64::MAX)),
        }
    }
}

/// How much a state asks to be looked at, the least first: what waits for something that is overdue, what is open, what
/// only waits for a clock, what is over.
fn weight(state: State) -> u8 {
    match state {
        State::CloseWait | State::SynSent | State::SynRcvd | State::LastAck | State::FinWait1 | State::Closing => 0,
        State::FinWait2 => 1,
        State::Established => 2,
        State::TimeWait => 3,
        State::Closed | State::Listen => 4,
    }
}

/// The first `most` of `candidates` in the order asked for.
pub(super) fn first(
    mut candidates: Vec<Candidate>,
    sort: Sort,
    reverse: bool,
    most: usize,
    now: Time,
) -> Vec<Candidate> {
    let key = |c: &Candidate| (c.key(sort, now), c.id);
    if most > 0 && candidates.len() > most {
        if reverse {
            candidates.select_nth_unstable_by_key(most - 1, |c| Reverse(key(c)));
        } else {
            candidates.select_nth_unstable_by_key(most - 1, key);
        }
        candidates.truncate(most);
    }
    candidates.sort_by_key(key);
    if reverse {
        candidates.reverse();
    }
    candidates
}
