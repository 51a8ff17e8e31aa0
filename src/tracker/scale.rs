//! The marks of one end while they are being weighed: what stands, what may be wrong, what was taken out.

use smallvec::SmallVec;

use super::log::{Log, Marks, sort};
use super::mark::Mark;
use super::rules::{Event, Events};
use super::state::Evidence;

/// The marks of one end while they are being weighed.
#[derive(Debug, Default)]
pub(super) struct Scale {
    /// What stands, in order. After a change other than by the methods here, [`Scale::index`] is due.
    pub marks: Marks,
    /// Events that have a mark.
    present: Events,
    /// Events of which a mark is not proven.
    unproven: Events,
    /// Events whose marks may be wrong.
    doubtful: Events,
    /// Marks that were taken out but may be right.
    pub rejected: SmallVec<[Mark; 4]>,
}

impl Scale {
    /// Puts on what stands in `log`, and nothing else.
    pub fn load(&mut self, log: &Log) {
        self.marks.clear();
        self.rejected.clear();
        log.stand(&mut self.marks);
        (self.present, self.unproven, self.doubtful) = (log.present(), log.inferred(), Events::default());
    }

    /// Whether anything may be wrong.
    #[inline]
    pub fn is_in_doubt(&self) -> bool {
        !self.rejected.is_empty() || !self.doubtful.is_empty()
    }

    /// Whether there is a mark of `event`.
    pub fn has(&self, event: Event) -> bool {
        self.present.has(event)
    }

    /// The first mark of `event` that is not proven.
    pub fn unproven(&self, event: Event) -> Option<&Mark> {
        if !self.unproven.has(event) {
            return None;
        }
        self.marks.iter().find(|m| m.event == event && m.evidence == Evidence::Inferred)
    }

    /// Whether any of `events` has a mark that is not proven.
    pub fn has_unproven(&self, events: Events) -> bool {
        self.unproven.has_any(events)
    }

    /// Notes what `marks` holds, after a change.
    pub fn index(&mut self) {
        (self.present, self.unproven) = (Events::default(), Events::default());
        for m in &self.marks {
            self.present.set(m.event, true);
            if m.evidence == Evidence::Inferred {
                self.unproven.set(m.event, true);
            }
        }
    }

    /// The marks of `event` may be wrong.
    pub fn doubt(&mut self, event: Event) {
        self.doubtful.set(event, true);
    }

    /// Takes the first mark of `event` out.
    pub fn reject(&mut self, event: Event) {
        if let Some(i) = self.marks.iter().position(|m| m.event == event) {
            self.rejected.push(self.marks.remove(i));
            self.index();
        }
    }

    /// Puts `mark` in its place.
    pub fn add(&mut self, mark: Mark) {
        self.marks.push(mark);
        sort(&mut self.marks);
        self.index();
    }

    /// What may or may not have happened, in no order: the combinations of at most six marks are looked at.
    pub fn open(&self) -> SmallVec<[Mark; 6]> {
        let mut open: SmallVec<[Mark; 6]> = SmallVec::new();
        if self.is_in_doubt() {
            let doubtful = self.marks.iter().filter(|m| self.doubtful.has(m.event));
            open.extend(self.rejected.iter().chain(doubtful).take(6).copied());
        }
        open
    }
}
