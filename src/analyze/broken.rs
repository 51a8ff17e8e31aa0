//! Connections that went by the book until a RST ended them: SYNs that were refused, and, where none is built, open ones that were
//! reset. What became of them, what was measured, and what the one detector says that has something to say of them is told without
//! all that is known of any connection.

use super::build::{Subject, Told};
use super::finish::Finish;
use super::tally::Tally;
use crate::detect::Brief;
use crate::report::{Anomaly, Connection};
use crate::timing::{Abridged, Extent};
use crate::tracker::verdict::Weighing;
use crate::tracker::{Met, Rst, Textbook};

/// The RST that ended one, and what is said of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub rst: Rst,
    pub brief: Brief,
}

impl Finish<'_> {
    /// Whether open ones are read, too: none is `built`, and their times are told without bounds.
    pub(super) fn reads_all_broken(&self, built: bool) -> bool {
        !built && self.analysis.options.timing != Extent::Full
    }

    /// Reads connection `index` into `book` and weighs it, if it is a refused SYN, or `more`, about which nothing is rare. Of one that
    /// had been open the time is added up.
    #[inline(never)]
    pub(super) fn as_broken(
        &self,
        (index, more): (usize, bool),
        (book, abridged, weighing): (&mut Textbook, &mut Abridged, &mut Weighing),
        tally: &mut Tally,
    ) -> Option<Broken> {
        let rst = self.analysis.tracker.broken(index, more)?.read_to_reset(book, abridged)?;
        let brief = self.unremarkable.broken(book, &rst, abridged)?;
        let verdicts = weighing.weigh_broken(book, &rst, self.end, &self.analysis.profile);
        if self.is_timed() && rst.met != Met::Syn {
            let (seats, [_, close]) = (tally.tables.seats(self.parties[index]), book.lasted_to(&rst));
            let given = self.analysis.options.vantage;
            tally.tables.add_broken((abridged, close), seats, verdicts, given, self.end);
        }
        Some(Broken { rst, brief })
    }

    /// What is said of one in full, if it was refused.
    pub(super) fn broken_in_full(&self, index: usize, book: &Textbook, broken: &Broken) -> Option<Anomaly> {
        let [lasted, _] = book.lasted_to(&broken.rst);
        let sockets = self.analysis.tracker.sockets(index);
        let refused = || self.unremarkable.refused(&broken.brief, sockets, lasted);
        (broken.rst.met == Met::Syn).then(refused).filter(|anomaly| self.wants_code(anomaly.code))
    }

    /// Builds one that was refused, of which nothing was measured but when.
    pub(super) fn build_refused<E: Told>(
        &self,
        (subject, id): (&Subject<'_>, u64),
        anomalies: &mut Vec<Anomaly>,
        built: &mut Vec<Connection<E>>,
    ) {
        if let Some(connection) = self.analysis.add_built(subject, id, self.end, built) {
            connection.timing.refused_after = Some(connection.last - connection.first);
            connection.anomalies = std::mem::take(anomalies);
        }
    }
}
