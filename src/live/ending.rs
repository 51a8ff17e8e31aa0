//! The report at the end, with what was forgotten.

use super::gone;
use super::watcher::Watcher;
use crate::analyze::{Finish, Keep, Wanted};
use crate::report::{Connection, Report};
use crate::source::FileInfo;

impl Watcher {
    /// The end: the same report as on a file with what was seen; what was forgotten is in its totals.
    pub fn report(&self, source: FileInfo) -> Report {
        let mut finish = self.ended(source);
        let matches = |connection: &Connection| self.filter.as_ref().is_none_or(|filter| filter.matches(connection));
        let only = self.filter.as_ref().map(|_| &matches as Keep<'_>);
        let wanted = Wanted { connections: true, only, ..Wanted::default() };
        let mut connections = Vec::new();
        while let Some(stretch) = finish.next(wanted) {
            connections.extend(stretch.connections);
        }
        let mut report = finish.report(connections);
        if let Some(filter) = &self.filter {
            report.capture.choose(Some(filter.to_string()), &[], self.tally().0);
        }
        self.complete(&mut report);
        report
    }

    /// The same, connection by connection and without the filter; the report made of it is to be
    /// [completed](Watcher::complete).
    pub fn ended(&self, source: FileInfo) -> Finish<'_> {
        let finish = self.analysis.ended(vec![source]);
        if self.metrics.evicted == 0 { finish } else { finish.numbered(self.numbers()).forgetful() }
    }

    /// Adds what was forgotten to a report's totals.
    pub fn complete(&self, report: &mut Report) {
        if self.metrics.evicted > 0 {
            gone::add(&mut report.summary, &self.gone);
            gone::raise(&mut report.summary, &self.counts.peak);
        }
    }

    /// The numbers of the connections remembered, in the order of their first packets.
    fn numbers(&self) -> Vec<u64> {
        let mut ids: Vec<_> = self
            .book
            .entries
            .iter()
            .enumerate()
            .map(|(i, e)| (self.analysis.tracker().first_packet(i), e.id))
            .collect();
        ids.sort_by_key(|(packet, _)| *packet);
        ids.into_iter().map(|(_, id)| id).collect()
    }
}
