//! Forgetting connections, and counting them all the same.

use super::assess::found;
use super::event::{Event, Evicted};
use super::watcher::{Watcher, side};
use super::{gone, order};
use crate::report::totals;
use crate::time::Time;

impl Watcher {
    /// Forgets connections when there are too many: some more than needed, so that it does not happen at every packet.
    pub(super) fn bound(&mut self, now: Time) {
        let (have, most) = (self.book.entries.len(), self.limits.connections);
        if have <= most {
            return;
        }
        let scene = self.analysis.scene(now);
        let tracker = self.analysis.tracker();
        let entries = self.book.entries.iter().enumerate();
        let ranks: Vec<_> = entries.map(|(i, e)| order::rank(e.states(), tracker.connection(i).last)).collect();
        let keep = order::keep(&ranks, have - most + most / 8);
        let (mut evicted, mut open, mut retracted) = (Vec::new(), 0, 0);
        for index in (0..have).filter(|i| !keep[*i]) {
            let connection = found(&self.analysis, &scene, (index, self.book.entries[index].id), now);
            let entry = &self.book.entries[index];
            open += u64::from(!entry.over);
            if !entry.matches {
                continue;
            }
            for (e, end) in entry.ends.iter().enumerate() {
                self.counts.leave(side(e, entry.client), end.state);
            }
            retracted += u64::from(self.analysis.tracker().connection(index).retractions());
            if !entry.told {
                self.metrics.ended(&connection);
                self.events.push(Event::Connection(Box::new(connection.clone())));
            }
            evicted.push(connection);
        }
        gone::add(&mut self.gone, &totals::summary(&evicted, retracted));
        drop(scene);
        self.book.evict(&keep);
        let book = &self.book;
        self.over.retain(|id| book.find(*id).is_some());
        self.analysis.evict(&keep);
        let connections = keep.iter().filter(|keep| !**keep).count() as u64;
        self.metrics.evicted += connections;
        let total = self.metrics.evicted;
        self.events.push(Event::Evicted(Evicted { time: now, connections, open, total }));
    }
}
