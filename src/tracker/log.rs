//! What is believed to have happened at one endpoint: a short list of dated events, kept so that any of them can be
//! taken back, and folded through the table into a history.

use smallvec::SmallVec;

use super::mark::{Mark, Place};
use super::rules::{Event, Events, Rule, rule};
use super::state::{Evidence, State};
use crate::time::Time;

/// Marks in order of what happened.
pub(super) type Marks = SmallVec<[Mark; 8]>;

/// How many copies of one segment are remembered: the first and the latest ones.
const COPIES: usize = 4;

/// The events of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) marks: SmallVec<[Mark; 5]>,
    /// Events that have a mark; asked for every segment.
    pub(super) present: Events,
    /// Events that are beyond doubt.
    pub(super) sure: Events,
    /// Something was proven by the segment that is taken.
    pub(super) proves: bool,
}

impl Log {
    /// The next segment is taken.
    #[inline]
    pub(super) fn next(&mut self) {
        self.proves = false;
    }

    /// Whether packet `packet`, the last that was taken, proves something that stands.
    #[inline]
    pub fn is_proven_by(&self, packet: u64) -> bool {
        self.proves && self.marks.iter().any(|m| m.proof == packet)
    }

    /// All marks, in the order in which they were made.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The marks of `event`: what may be copies of one segment.
    pub fn copies(&self, event: Event) -> impl DoubleEndedIterator<Item = &Mark> {
        self.marks.iter().filter(move |m| m.event == event)
    }

    /// The mark that stands for `event`: the first copy not disproved.
    #[inline]
    pub fn get(&self, event: Event) -> Option<&Mark> {
        if !self.has(event) {
            return None;
        }
        self.marks.iter().find(|m| m.event == event)
    }

    /// Whether `event` is believed to have happened.
    #[inline]
    pub fn has(&self, event: Event) -> bool {
        self.present.has(event)
    }

    /// Whether any of `events` is believed to have happened.
    #[inline]
    pub fn has_any(&self, events: Events) -> bool {
        self.present.has_any(events)
    }

    /// Whether `event` is beyond doubt.
    #[inline]
    pub fn is_sure(&self, event: Event) -> bool {
        self.sure.has(event)
    }

    /// Whether one of `events` is beyond doubt.
    #[inline]
    pub fn is_any_sure(&self, events: Events) -> bool {
        self.sure.has_any(events)
    }

    /// It begins with these marks, of different events.
    #[inline]
    pub(super) fn begin(&mut self, marks: [Mark; 2]) {
        debug_assert!(self.marks.is_empty());
        for mark in marks {
            self.present.set(mark.event, true);
            self.sure.set(mark.event, mark.evidence != Evidence::Inferred);
            self.marks.push(mark);
        }
    }

    /// Notes which mark of `event` is the first now.
    fn index(&mut self, event: Event) {
        let first = self.marks.iter().find(|m| m.event == event).map(|m| m.evidence);
        self.present.set(event, first.is_some());
        self.sure.set(event, first.is_some_and(|e| e != Evidence::Inferred));
    }

    /// Adds an event, or one more copy of its cause.
    pub fn push(&mut self, mark: Mark) {
        if self.has(mark.event) {
            self.proves |= mark.proof != 0;
            // The first copy may still turn out to be the one; of the others the latest matter.
            let mut copies = self.marks.iter().enumerate().filter(|(_, m)| m.event == mark.event).map(|(i, _)| i);
            let second = copies.nth(1);
            if copies.count() + 2 >= COPIES
                && let Some(i) = second
            {
                self.marks.remove(i);
            }
            self.marks.push(mark);
        } else {
            self.settle(mark);
        }
    }

    /// Sets `event` to exactly this mark.
    #[inline]
    pub fn settle(&mut self, mark: Mark) {
        if self.has(mark.event) {
            self.replace(mark);
        } else {
            self.marks.push(mark);
        }
        self.proves |= mark.proof != 0;
        self.present.set(mark.event, true);
        self.sure.set(mark.event, mark.evidence != Evidence::Inferred);
    }

    /// Puts `mark` in the place of the first of its event, and removes the others.
    fn replace(&mut self, mark: Mark) {
        let event = mark.event;
        if let Some(first) = self.marks.iter().position(|m| m.event == event) {
            self.marks[first] = mark;
            let mut i = first + 1;
            while i < self.marks.len() {
                if self.marks[i].event == event {
                    self.marks.remove(i);
                } else {
                    i += 1;
                }
            }
        }
    }

    /// The only mark of `event`, if there is but one of each, is proven by `packet`. Whether that was so.
    pub(super) fn prove_only(&mut self, event: Event, packet: u64) -> bool {
        if self.has_copies() {
            return false;
        }
        let Some(mark) = self.marks.iter_mut().find(|m| m.event == event) else { return false };
        (mark.evidence, mark.proof) = (Evidence::Confirmed, packet);
        self.proves = true;
        self.sure.set(event, true);
        true
    }

    /// The cause of `event`, in `packet`, came when something of the stream before it had not been captured.
    pub(super) fn note_gap(&mut self, event: Event, packet: u64) {
        if let Some(mark) = self.marks.iter_mut().find(|m| m.event == event && m.packet == packet) {
            mark.note_gap();
        }
    }

    /// Takes back every mark of `event`.
    pub fn remove(&mut self, event: Event) {
        if self.has(event) {
            self.marks.retain(|m| m.event != event);
            self.index(event);
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
        let under_way = self.marks.iter().filter(|m| m.event == event && m.evidence == Evidence::Inferred);
        let left = under_way.map(|m| m.packet).min().unwrap_or(u64::MAX);
        // An acknowledgment that left after a FIN arrives after it.
        let follows = |m: &Mark| event == Event::RcvFin && m.event == Event::RcvAckOfFin && m.packet >= left;
        for m in self.marks.iter_mut().filter(|m| m.evidence == Evidence::Inferred) {
            if m.time <= now && (m.event == event || follows(m)) {
                m.time = now;
                m.place = Place::After;
            }
        }
        self.index(event);
        first
    }

    /// Takes back the latest mark of `event`, if that is not beyond doubt, and returns it.
    pub fn disprove_latest(&mut self, event: Event) -> Option<Mark> {
        let latest = self.marks.iter().rposition(|m| m.event == event && m.evidence == Evidence::Inferred)?;
        let mark = self.marks.remove(latest);
        self.index(event);
        Some(mark)
    }

    /// Whether all marks stand, in order.
    #[inline(always)]
    pub(super) fn stands_as_it_is(&self) -> bool {
        !self.has_copies() && are_in_order(&self.marks)
    }

    /// Puts the marks that stand, one for each event, in order into `marks`, which is empty.
    pub(super) fn stand(&self, marks: &mut Marks) {
        if self.has_copies() {
            for m in &self.marks {
                if !marks.iter().any(|n| n.event == m.event) {
                    marks.push(*m);
                }
            }
        } else {
            marks.extend_from_slice(&self.marks);
        }
        sort(marks);
    }

    /// Whether some event has more than one mark.
    fn has_copies(&self) -> bool {
        self.present.len() != self.marks.len()
    }

    /// The state in which the marks that stand leave an endpoint that was in state `start` before.
    pub(super) fn state(&self, start: State) -> State {
        let after = |marks: &[Mark]| marks.iter().fold(start, |s, m| rule(s, m.event).map_or(s, |r| r.to));
        if self.stands_as_it_is() {
            return after(&self.marks);
        }
        let mut marks = Marks::new();
        self.stand(&mut marks);
        after(&marks)
    }

    /// Events that have a mark and are not beyond doubt.
    pub(super) fn inferred(&self) -> Events {
        self.present.without(self.sure)
    }

    /// Events that have a mark.
    pub(super) fn present(&self) -> Events {
        self.present
    }
}

/// Whether marks are in order, as their times alone mostly tell.
fn are_in_order(marks: &[Mark]) -> bool {
    marks.windows(2).all(|pair| pair[0].time < pair[1].time || pair[0].key() <= pair[1].key())
}

/// Orders marks as they happened.
pub fn sort(marks: &mut [Mark]) {
    if !are_in_order(marks) {
        marks.sort_by_key(Mark::key);
    }
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

/// States entered, in order: as many as an orderly connection has without a heap allocation.
pub type Steps = SmallVec<[Step; 6]>;

/// Adds to `steps` what the table makes of `marks`, which come after them in order.
pub(super) fn follow<'a>(steps: &mut Steps, marks: impl IntoIterator<Item = &'a Mark>) {
    let mut state = steps.last().map_or(State::Closed, |s| s.rule.to);
    for mark in marks {
        if let Some(rule) = rule(state, mark.event) {
            state = rule.to;
            steps.push(Step { at: mark.time, mark: *mark, rule });
        }
    }
}

/// The same, each step taken when `taken` says, but not before the one before.
#[inline(always)]
pub(super) fn follow_dated<'a>(
    steps: &mut Steps,
    marks: impl IntoIterator<Item = &'a Mark>,
    taken: impl Fn(&Mark, Event) -> Time,
) {
    let (mut state, mut earliest) = steps.last().map_or((State::Closed, Time(i64::MIN)), |s| (s.rule.to, s.at));
    // Together they need not be asked for room one by one.
    steps.extend(marks.into_iter().filter_map(|mark| {
        let rule = rule(state, mark.event)?;
        (state, earliest) = (rule.to, taken(mark, rule.event).max(earliest));
        Some(Step { at: earliest, mark: *mark, rule })
    }));
}

/// How a history ends: its last two arrows, with the times of the marks behind them.
#[derive(Clone, Copy, Default)]
pub(super) struct Tail {
    /// The last.
    pub last: Option<(&'static Rule, Time)>,
    /// The one before.
    pub previous: Option<(&'static Rule, Time)>,
}

impl Tail {
    /// That of what the table makes of `marks`, which are in order.
    pub fn of<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Tail {
        let mut tail = Tail::default();
        for mark in marks {
            if let Some(rule) = rule(tail.state(), mark.event) {
                tail = Tail { last: Some((rule, mark.time)), previous: tail.last };
            }
        }
        tail
    }

    /// That of `steps`.
    pub fn after(steps: &[Step]) -> Tail {
        let mut last = steps.iter().rev().map(|s| (s.rule, s.mark.time));
        Tail { last: last.next(), previous: last.next() }
    }

    /// Where it leads.
    pub fn state(&self) -> State {
        self.last.map_or(State::Closed, |(rule, _)| rule.to)
    }
}
