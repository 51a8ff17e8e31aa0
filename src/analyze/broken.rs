//! Connections that went by the book until a RST ended them: what became of them, what was measured, and what the one detector says
//! that has something to say of them is told without all that is known of any connection.

use super::build::{Subject, Told};
use super::finish::Finish;
use super::tally::Tally;
use crate::detect::Brief;
use crate::report::{Anomaly, Connection};
use crate::timing::{Abridged, Seats};
use crate::tracker::verdict::Weighing;
use crate::tracker::{Met, Rst, Textbook, Verdict};

/// The RST that ended one, and what is said of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub rst: Rst,
    pub brief: Brief,
    /// Its time was added up when it was read.
    pub timed: bool,
}

impl Finish<'_> {
    /// Reads connection `index` into `book` and weighs it, if it is one about which nothing is rare. If none is `built` its time is
    /// added up, too: what was measured is not kept.
    #[inline(never)]
    pub(super) fn as_broken(
        &self,
        (index, built): (usize, bool),
        (book, abridged, weighing): (&mut Textbook, &mut Abridged, &mut Weighing),
        tally: &mut Tally,
    ) -> Option<Broken> {
        let rst = self.analysis.tracker.broken(index)?.read_to_reset(book, abridged)?;
        let brief = self.unremarkable.broken(book, &rst, abridged)?;
        let verdicts = weighing.weigh_broken(book, &rst, self.end, &self.analysis.profile);
        let broken = Broken { rst, brief, timed: !built };
        if broken.timed && self.is_timed() {
            let seats = tally.tables.seats(self.parties[index]);
            self.time_broken(seats, (book, &broken, abridged), verdicts, tally);
        }
        Some(broken)
    }

    /// Adds up its time.
    pub(super) fn time_broken(
        &self,
        seats: Seats,
        (book, broken, abridged): (&Textbook, &Broken, &Abridged),
        verdicts: &[Verdict; 2],
        tally: &mut Tally,
    ) {
        let (rst, given) = (&broken.rst, self.analysis.options.vantage);
        let [lasted, _] = book.lasted_to(rst);
        match rst.met {
            Met::Syn => tally.tables.add_refused(seats, (verdicts, lasted), given, self.end),
            Met::Open | Met::Fin => tally.tables.add_broken(abridged, (seats, book, rst), verdicts, given, self.end),
        }
    }

    /// What is said of one in full.
    pub(super) fn broken_in_full(&self, index: usize, book: &Textbook, broken: &Broken) -> Option<Anomaly> {
        let sockets = self.analysis.tracker.sockets(index);
        let anomaly = self.unremarkable.broken_in_full(&broken.brief, &sockets, (book, &broken.rst));
        self.wants_code(anomaly.code).then_some(anomaly)
    }

    /// Builds one, of which detectors say `anomalies`.
    pub(super) fn build_broken<E: Told>(
        &self,
        (subject, id): (&Subject<'_>, u64),
        (book, broken, abridged): (&Textbook, &Broken, &mut Abridged),
        anomalies: &mut Vec<Anomaly>,
        built: &mut Vec<Connection<E>>,
    ) {
        let (rst, given) = (&broken.rst, self.analysis.options.vantage);
        let proofs = if rst.met == Met::Syn { &[][..] } else { &book.proofs_to_reset(rst) };
        let subject = Subject { proofs, ..*subject };
        let Some(connection) = self.analysis.add_built(&subject, id, self.end, built) else { return };
        match rst.met {
            // What it took is all that is measured.
            Met::Syn => connection.timing.refused_after = Some(book.lasted_to(rst)[0]),
            Met::Open | Met::Fin => {
                connection.timing = abridged.timing_to_reset((book, rst), subject.verdicts, given);
            }
        }
        connection.anomalies = std::mem::take(anomalies);
    }
}
