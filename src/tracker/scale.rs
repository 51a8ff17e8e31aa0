//! The marks of one end while they are being weighed: what stands, what may be wrong, what was taken out.

use smallvec::SmallVec;

use super::log::{Log, Marks, sort};
use super::mark::Mark;
use super::rules::{Event, Events};
use super::state::Evidence;

/// Where marks of one end are put that are not as they stand in its log: made once, and used for one connection after the other.
#[derive(Debug, Default)]
pub(super) struct Tray {
    marks: Marks,
    rejected: SmallVec<[Mark; 4]>,
}

/// The marks of one end while they are being weighed.
#[derive(Debug)]
pub(super) struct Scale<'a> {
    /// What stands in its log, in order.
    stands: &'a [Mark],
    /// That had to be put together, or was changed: it is on the tray.
    changed: bool,
    tray: &'a mut Tray,
    /// Events that have a mark.
    present: Events,
    /// Events of which a mark is not proven.
    unproven: Events,
    /// Events whose marks may be wrong.
    doubtful: Events,
}

impl<'a> Scale<'a> {
    /// With what stands in `log`, and nothing else.
    #[inline(always)]
    pub fn of(log: &'a Log, tray: &'a mut Tray) -> Scale<'a> {
        let changed = !log.stands_as_it_is();
        if changed {
            tray.marks.clear();
            log.stand(&mut tray.marks);
        }
        tray.rejected.clear();
        let (present, unproven) = (log.present(), log.inferred());
        Scale { stands: log.marks(), changed, tray, present, unproven, doubtful: Events::default() }
    }

    /// What stands, in order.
    #[inline(always)]
    pub fn marks(&self) -> &[Mark] {
        if self.changed { &self.tray.marks } else { self.stands }
    }

    /// The same, to be changed: other than by the methods here, after which [`Scale::index`] is due.
    pub fn marks_mut(&mut self) -> &mut Marks {
        if !self.changed {
            self.changed = true;
            self.tray.marks.clear();
            self.tray.marks.extend_from_slice(self.stands);
        }
        &mut self.tray.marks
    }

    /// `mark` may be right, though it does not stand.
    pub fn allow(&mut self, mark: Mark) {
        self.tray.rejected.push(mark);
    }

    /// Whether anything may be wrong.
    #[inline]
    pub fn is_in_doubt(&self) -> bool {
        !self.tray.rejected.is_empty() || !self.doubtful.is_empty()
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
        self.marks().iter().find(|m| m.event == event && m.evidence == Evidence::Inferred)
    }

    /// Whether any of `events` has a mark that is not proven.
    pub fn has_unproven(&self, events: Events) -> bool {
        self.unproven.has_any(events)
    }

    /// Notes what `marks` holds, after a change.
    pub fn index(&mut self) {
        let (mut present, mut unproven) = (Events::default(), Events::default());
        for m in self.marks() {
            present.set(m.event, true);
            if m.evidence == Evidence::Inferred {
                unproven.set(m.event, true);
            }
        }
        (self.present, self.unproven) = (present, unproven);
    }

    /// The marks of `event` may be wrong.
    pub fn doubt(&mut self, event: Event) {
        self.doubtful.set(event, true);
    }

    /// Takes the first mark of `event` out.
    pub fn reject(&mut self, event: Event) {
        if let Some(i) = self.marks().iter().position(|m| m.event == event) {
            let mark = self.marks_mut().remove(i);
            self.allow(mark);
            self.index();
        }
    }

    /// Puts `mark` in its place.
    pub fn add(&mut self, mark: Mark) {
        let marks = self.marks_mut();
        marks.push(mark);
        sort(marks);
        self.index();
    }

    /// What may or may not have happened, in no order: the combinations of at most six marks are looked at.
    pub fn open(&self) -> SmallVec<[Mark; 6]> {
        let mut open: SmallVec<[Mark; 6]> = SmallVec::new();
        if self.is_in_doubt() {
            let doubtful = self.marks().iter().filter(|m| self.doubtful.has(m.event));
            open.extend(self.tray.rejected.iter().chain(doubtful).take(6).copied());
        }
        open
    }
}
