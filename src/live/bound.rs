//! Forgetting connections, and counting them all the same.

use super::assess::{RECENT, found};
use super::event::{Event, Evicted};
use super::watcher::{Watcher, side};
use super::{gone, order};
use crate::report::totals::Totals;
use crate::report::{Ending, PerSide};
use crate::time::Time;

/// Of the connections remembered this part is forgotten in one go: more than needed, so that it does not happen at every
/// packet, and not so many that packets wait for long.
const PART: usize = 16;

impl Watcher {
    /// Forgets connections when there are too many.
    pub(super) fn bound(&mut self, now: Time) {
        let (have, most) = (self.book.entries.len(), self.limits.connections);
        if have <= most {
            return;
        }
        let ranks: Vec<_> = self.book.entries.iter().map(|e| order::rank(e.states(), e.last)).collect();
        let keep = order::keep(&ranks, have - most + most / PART);
        let mut scene = None;
        let mut totals = Totals::new((most / PART) as u64, now, now);
        let (mut connections, mut open) = (0, 0);
        for index in (0..have).filter(|i| !keep[*i]) {
            connections += 1;
            let entry = &self.book.entries[index];
            open += u64::from(!entry.over);
            if entry.over && (!entry.told || now - entry.last <= RECENT) {
                self.bygones.forget(now);
            }
            if !entry.matches {
                continue;
            }
            for (e, end) in entry.ends.iter().enumerate() {
                self.counts.leave(side(e, entry.client), end.state);
            }
            let c = self.analysis.tracker().connection(index);
            let verdicts = c.verdicts(now, self.analysis.profile());
            let client = c.client().0;
            let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
            let ending = Ending::of(&c.outline(), &verdicts);
            totals.connection(ending, ends, u64::from(c.retractions()));
            if !entry.told {
                self.metrics.ended(ending.outcome, ends, now);
                if !self.quiet {
                    let scene = scene.get_or_insert_with(|| {
                        let survey = self.pass.survey.get_or_insert_with(|| self.analysis.survey()).clone();
                        self.analysis.scene_of(survey, now)
                    });
                    let connection = found(&self.analysis, scene, (index, entry.id), &verdicts, now);
                    self.events.push(Event::Connection(Box::new(connection)));
                }
            }
        }
        gone::add(&mut self.gone, &totals.finish());
        self.book.evict(&keep);
        let book = &self.book;
        self.over.retain(|id| book.find(*id).is_some());
        self.analysis.evict(&keep);
        self.metrics.evicted += connections;
        let total = self.metrics.evicted;
        self.events.push(Event::Evicted(Evicted { time: now, connections, open, total }));
    }
}
