//! An end of a connection that is only to be written: its history lies there step by step, as it was found out, and
//! nothing is made for it.

use smallvec::SmallVec;

use super::model::{Endpoint, Entry};
use super::spent::TimeInState;
use crate::time::Time;
use crate::tracker::rules::Rule;
use crate::tracker::{Evidence, State, States};

/// A transition; what would be written is that of the [`Entry`] made of it.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// When.
    pub time: Time,
    /// When at the latest.
    pub latest: Time,
    /// Capture time of the cause.
    pub captured: Time,
    /// The packet that caused it, or that shows it; 0 if there is none.
    pub packet: u64,
    /// The packet that proves it; 0 if there is none.
    pub proof: u64,
    /// From which state to which, by what.
    pub rule: &'static Rule,
    /// How it is known.
    pub evidence: Evidence,
    /// `packet` only shows that it had happened.
    pub deduced: bool,
}

/// What an [`Endpoint`] is made of, where nothing is told of what was disproved.
#[derive(Clone, Debug, Default)]
pub struct Passage {
    /// All states that the capture allows.
    pub possible: States,
    /// One for each state entered, in order.
    pub taken: SmallVec<[Taken; 6]>,
    /// Time spent in each state.
    pub time_in_state: TimeInState,
}

impl Passage {
    /// The state at the end.
    pub fn state(&self) -> State {
        self.taken.last().map_or(State::Closed, |last| last.rule.to)
    }

    /// How that is known.
    pub fn evidence(&self) -> Evidence {
        self.taken.last().map_or(Evidence::Assumed, |last| last.evidence)
    }
}

/// The same in full, but for when it sent its last segment.
impl From<Passage> for Endpoint {
    fn from(passage: Passage) -> Endpoint {
        Endpoint {
            state: passage.state(),
            possible: passage.possible,
            evidence: passage.evidence(),
            history: passage.taken.iter().map(Taken::entry).collect(),
            retracted: Vec::new(),
            time_in_state: passage.time_in_state,
            sent: None,
        }
    }
}

impl Taken {
    /// The same as it stands in a report.
    pub fn entry(&self) -> Entry {
        let some = |packet: u64| (packet != 0).then_some(packet);
        Entry {
            time: self.time,
            latest: (self.latest > self.time).then_some(self.latest),
            captured: (self.captured != self.time).then_some(self.captured),
            from: self.rule.from,
            state: self.rule.to,
            packet: some(self.packet),
            deduced: self.deduced,
            cause: self.rule.event.cause(),
            evidence: self.evidence,
            proven_by: some(self.proof),
            seen_at: None,
            other_tap: None,
            rule: self.rule.section,
        }
    }
}
