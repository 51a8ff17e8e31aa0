//! What is believed to have happened at one endpoint: a short list of dated events, kept so that any of them can be
//! taken back, and folded through the table into a history.

use smallvec::SmallVec;

use super::rules::{Event, Rule, rule};
use super::state::{Evidence, State};
use crate::time::Time;

/// One event at one endpoint, with how it is known.
///
/// Several marks of one kind are copies of one segment: the endpoint received at least one of them, and the first that
/// is not disproved stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When: capture time of the cause, or later where the endpoint's own segments show that it had not arrived yet.
    pub time: Time,
    /// The packet that caused it; 0 for timers and for causes that were not captured.
    pub packet: u64,
    /// The packet that proves it; 0 if none does.
    pub proof: u64,
    /// TSval of the cause, if it had timestamps: what its receiver will echo.
    pub tsval: Option<u32>,
    /// What happened.
    pub event: Event,
    /// How it is known.
    pub evidence: Evidence,
    /// Its cause also acknowledged the FIN of who received it.
    pub acks_fin: bool,
    /// Its place among marks of the same time.
    pub place: Place,
}

/// Where a mark belongs among those of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Shown by a segment that the endpoint sent then, so it came before that.
    Before,
    /// At that time.
    At,
    /// A segment that the endpoint sent then shows that it came after that.
    After,
}

impl Mark {
    /// An event that needs no further proof.
    pub fn sure(event: Event, evidence: Evidence, time: Time, packet: u64) -> Mark {
        Mark { time, packet, proof: 0, tsval: None, event, evidence, acks_fin: false, place: Place::At }
    }
}

/// How many copies of one segment are remembered: the first and the latest ones.
const COPIES: usize = 4;

/// The events of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Log {
    marks: SmallVec<[Mark; 5]>,
    /// Events that have a mark, one bit each; asked for every segment.
    present: u16,
    /// Events that are beyond doubt.
    sure: u16,
}

const fn bit(event: Event) -> u16 {
    1 << event as u16
}

impl Log {
    /// All marks, in the order in which they were made.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The mark that stands for `event`: the first copy not disproved.
    pub fn get(&self, event: Event) -> Option<&Mark> {
        if !self.has(event) {
            return None;
        }
        self.marks.iter().find(|m| m.event == event)
    }

    /// Whether `event` is believed to have happened.
    pub fn has(&self, event: Event) -> bool {
        self.present & bit(event) != 0
    }

    /// Whether `event` is beyond doubt.
    pub fn is_sure(&self, event: Event) -> bool {
        self.sure & bit(event) != 0
    }

    /// Notes what `marks` hold, after a change.
    fn index(&mut self) {
        (self.present, self.sure) = (0, 0);
        for m in &self.marks {
            let first = self.present & bit(m.event) == 0;
            self.present |= bit(m.event);
            if first && m.evidence != Evidence::Inferred {
                self.sure |= bit(m.event);
            }
        }
    }

    /// Adds an event, or one more copy of its cause.
    pub fn push(&mut self, mark: Mark) {
        let copies = self.marks.iter().filter(|m| m.event == mark.event).count();
        if copies >= COPIES {
            // The first copy may still turn out to be the one; of the others the latest matter.
            let second = self.marks.iter().enumerate().filter(|(_, m)| m.event == mark.event).nth(1);
            if let Some((i, _)) = second {
                self.marks.remove(i);
            }
        }
        self.marks.push(mark);
        self.index();
    }

    /// Sets `event` to exactly this mark.
    pub fn settle(&mut self, mark: Mark) {
        match self.marks.iter().position(|m| m.event == mark.event) {
            Some(i) => {
                self.marks[i] = mark;
                let mut n = 0;
                self.marks.retain(|m| {
                    n += usize::from(m.event == mark.event);
                    m.event != mark.event || n == 1
                });
            }
            None => self.marks.push(mark),
        }
        self.index();
    }

    /// Takes back every mark of `event`.
    pub fn remove(&mut self, event: Event) {
        if self.has(event) {
            self.marks.retain(|m| m.event != event);
            self.index();
        }
    }

    /// Takes back the unproven marks of `event` that are earlier than `cutoff`, and puts those that stay after `now`:
    /// the endpoint sent something at `now` that shows it had not received them. Returns the first one taken back.
    pub fn disprove(&mut self, event: Event, cutoff: Time, now: Time) -> Option<Mark> {
        if !self.has(event) || self.is_sure(event) {
            return None;
        }
        let mut first = None;
        self.marks.retain(|m| {
            let wrong = m.event == event && m.evidence == Evidence::Inferred && m.time < cutoff;
            if wrong && first.is_none() {
                first = Some(*m);
            }
            !wrong
        });
        for m in self.marks.iter_mut().filter(|m| m.event == event && m.evidence == Evidence::Inferred) {
            if m.time <= now {
                m.time = now;
                m.place = Place::After;
            }
        }
        self.index();
        first
    }

    /// The marks that stand, one for each event, in order.
    pub fn standing(&self) -> SmallVec<[Mark; 8]> {
        let mut marks: SmallVec<[Mark; 8]> = SmallVec::new();
        for m in &self.marks {
            if !marks.iter().any(|n| n.event == m.event) {
                marks.push(*m);
            }
        }
        sort(&mut marks);
        marks
    }
}

/// Orders marks as they happened.
pub fn sort(marks: &mut [Mark]) {
    marks.sort_by_key(|m| (m.time, m.place, m.event));
}

/// One state entered.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// When the endpoint entered the state, as well as the capture tells: see [`Verdict`](super::Verdict).
    pub at: Time,
    /// The event behind it, dated as captured.
    pub mark: Mark,
    /// The arrow taken.
    pub rule: &'static Rule,
}

/// What the table makes of `marks`, which are in order.
pub fn fold<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> SmallVec<[Step; 8]> {
    let mut state = State::Closed;
    let mut steps: SmallVec<[Step; 8]> = SmallVec::new();
    for mark in marks {
        if let Some(rule) = rule(state, mark.event) {
            state = rule.to;
            steps.push(Step { at: mark.time, mark: *mark, rule });
        }
    }
    steps
}

/// The state in which `marks`, in order, leave an endpoint.
pub fn final_state<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> State {
    marks.into_iter().fold(State::Closed, |state, m| rule(state, m.event).map_or(state, |r| r.to))
}

crate::pack::pack_fields!(Mark { time, packet, proof, tsval, event, evidence, acks_fin, place });
crate::pack::pack_choice!(Place { Before, At, After });
crate::pack::pack_fields!(Log { marks, present, sure });

impl crate::pack::Item for Mark {}
