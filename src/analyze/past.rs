//! What connections came to that were let go before the capture ended, so that memory follows those that are not over.
//!
//! Once there are many connections, those that are settled are looked at as they would be at the end, added up, and
//! forgotten. Of each a digest of some fifty bytes remains. What the capture looks like is known from the connections let
//! go so far; which groups are listed is decided by those that were let go first.

use std::collections::BTreeMap;

use super::Analysis;
use super::finish::Finish;
use super::held::Held;
use super::notes::Noted;
use super::numbers::in_order;
use super::tally::Tally;
use crate::decode::Decoded;
use crate::detect::Survey;
use crate::report::directory::Parties;
use crate::time::{Span, Time};
use crate::timing::Census;
use crate::tracker::Tracker;
use crate::tracker::settled::{self, Workspace};

/// With so many connections it is time to let go of those that are settled.
pub const MANY: usize = 1 << 17;
/// At the end so many or more are looked at before they are let go.
pub const ROUND: usize = MANY / 2;

/// What connections came to that were let go, and what those that were not are numbered.
#[derive(Debug, Default)]
pub struct Past {
    /// What they say about the capture, and payload bytes that passed in them.
    pub(super) survey: (Survey, u64),
    pub(super) census: Census,
    /// What they add up to; nothing if there are none.
    pub(super) sums: Option<Box<Tally>>,
    /// Numbers of the connections that are still there, by index in the tracker, as far as they have one.
    pub(super) numbers: Vec<u64>,
    /// Why those of them stay that were looked at, by index.
    pub(super) stay: BTreeMap<u32, Stay>,
    /// The last number given.
    last: u64,
    /// Which connections stay, by index, after some have been looked at.
    pub(super) keep: Vec<bool>,
}

/// Why a connection stays that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// What is found of it rests on what the capture lacks: it is looked at again at the end. Who it is between; that was
    /// counted.
    ToTheEnd(Parties),
    /// It is told, and one that stays follows it on its four-tuple.
    Before,
}

impl Past {
    /// The last number given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Gives the connections that have no number one, in order of their first packets. The indices of all of them that
    /// `wanted` wants, in order of their numbers.
    pub(super) fn number(&mut self, tracker: &Tracker<Noted>, wanted: impl Fn(usize) -> bool) -> Vec<u32> {
        let known = self.numbers.len();
        if tracker.is_in_order() {
            self.numbers.extend((self.last + 1..).take(tracker.len() - known));
            self.last += (tracker.len() - known) as u64;
        } else {
            let new = known as u32..tracker.len() as u32;
            self.numbers.resize(tracker.len(), 0);
            for index in in_order(new, |index| tracker.first_packet(index as usize)) {
                self.last += 1;
                self.numbers[index as usize] = self.last;
            }
        }
        let is_wanted = |index: &u32| wanted(*index as usize) && self.stay.get(index) != Some(&Stay::Before);
        in_order((0..tracker.len() as u32).filter(is_wanted), |index| self.numbers[index as usize])
    }
}

impl Analysis {
    /// The same, which is [due](Analysis::is_due) with so many connections.
    #[must_use]
    pub fn bounded(self, most: usize) -> Analysis {
        Analysis { most, due: most, ..self }
    }

    /// How long both ends of a connection have been closed, and silent, when it is settled.
    pub fn settles_after(&self) -> Span {
        settled::after(&self.profile)
    }

    /// Whether there are so many connections that it is time to let go of those that are settled.
    pub fn is_due(&self) -> bool {
        self.tracker.len() >= self.due
    }

    /// Being due, whether any can be settled with what was `found`; otherwise it is due later.
    pub(super) fn may_let_go(&mut self, found: &Decoded) -> bool {
        let Decoded::Segment(segment) = found else { return false };
        self.now = segment.time;
        let begin = self.watch.begin().unwrap_or(segment.time);
        let may = settled::within(segment.time - begin, &self.profile);
        if !may {
            self.put_off(false);
        }
        may
    }

    /// Looking at those that stay must not cost more than what is done with those that come; whether any could be let go.
    fn put_off(&mut self, any: bool) {
        let left = self.tracker.len();
        let more = if any { left / 4 } else { left / 2 };
        self.due = self.most.max(left.saturating_add((self.most / 2).max(more)));
    }

    /// Which connections are not settled at `now`, or stay anyway, by index.
    pub(super) fn unsettled(&self, now: Time, stay: &BTreeMap<u32, Stay>) -> Vec<bool> {
        let (tracker, mut workspace) = (&self.tracker, Workspace::default());
        let unsettled = |index| match stay.get(&(index as u32)) {
            Some(Stay::ToTheEnd(_)) => true,
            Some(Stay::Before) => false,
            None => !tracker.is_settled(index, now, &self.profile, &mut workspace),
        };
        let mut keep: Vec<bool> = (0..tracker.len()).map(unsettled).collect();
        // What comes after another is looked at together with it.
        for index in (0..keep.len()).rev().filter(|_| tracker.has_incarnations()) {
            if let Some(previous) = tracker.previous(index).filter(|_| keep[index]) {
                keep[previous] = true;
            }
        }
        keep
    }

    /// Forgets the connections that were looked at, if any, of which `past` has the sums.
    pub fn let_go(&mut self, past: &mut Past) {
        let keep = std::mem::take(&mut past.keep);
        let any = keep.contains(&false);
        if any {
            self.forget(&keep, past);
        }
        self.put_off(any);
    }

    /// Forgets all connections.
    pub(super) fn forget_all(&mut self) {
        self.tracker = Tracker::default();
    }

    fn forget(&mut self, keep: &[bool], past: &mut Past) {
        self.tracker.evict(keep);
        // Those that are kept move up.
        let (mut kept, mut from) = (0, 0);
        let numbers = std::mem::take(&mut past.numbers).into_iter().zip(keep);
        past.numbers = numbers.filter(|(_, keep)| **keep).map(|(number, _)| number).collect();
        for (index, stay) in std::mem::take(&mut past.stay) {
            let between = keep.get(from..index as usize).unwrap_or(&[]);
            kept += between.iter().filter(|keep| **keep).count();
            from = index as usize;
            if keep.get(from).is_some_and(|keep| *keep) {
                past.stay.insert(kept as u32, stay);
            }
        }
    }
}

impl<'a> Finish<'a> {
    /// The connections that are settled now; `None`, and `past` stays, if none is.
    pub(super) fn settled(analysis: &'a Analysis, past: &mut Past) -> Option<Finish<'a>> {
        let (tracker, now) = (&analysis.tracker, analysis.now);
        let keep = analysis.unsettled(now, &past.stay);
        if !keep.contains(&false) {
            return None;
        }
        let mut past = std::mem::take(past);
        let order = past.number(tracker, |index| !keep[index]);
        past.keep = keep;
        let mut finish = Finish::after(Held::Lent(analysis), past, order, now, Vec::new());
        finish.goes_on = true;
        finish.scene.length = None;
        Some(finish)
    }

    /// All that connections came to up to here: those looked at, which are to be [let go](Analysis::let_go), and those
    /// before.
    pub fn past(mut self) -> Past {
        self.tell_worst();
        self.time_chosen();
        let mut sums = self.all_sums();
        let unique = self.scene.quality.unique;
        let mut past = self.past;
        let stay = sums.as_mut().map(|sums| std::mem::take(&mut sums.stay)).unwrap_or_default();
        for index in &stay {
            past.keep[*index as usize] = true;
            past.stay.insert(*index, Stay::ToTheEnd(self.parties[*index as usize]));
        }
        let before = |index: &u32| self.analysis.tracker.previous(*index as usize);
        for before in stay.iter().filter_map(before) {
            if !std::mem::replace(&mut past.keep[before], true) {
                past.stay.insert(before as u32, Stay::Before);
            }
        }
        (past.sums, past.survey) = (sums, (self.scene.into(), unique));
        past
    }
}
