//! Connections that went by the book, but ended otherwise than textbook ones do: what became of them, what was measured, and what
//! detectors say of them is told without all that is known of any connection.

use super::abridged::As;
use super::build::{Subject, Told};
use super::desk::Look;
use super::finish::Finish;
use super::tally::Tally;
use crate::detect::{Attempt, Brief};
use crate::report::{Anomaly, Connection};
use crate::timing::{Abridged, Seats};
use crate::tracker::verdict::Weighing;
use crate::tracker::{self, Textbook, Verdict};

/// How one ended, and what is said of that.
#[derive(Debug)]
pub(super) struct Ended {
    pub how: tracker::Ended,
    pub briefs: [Option<Brief>; 2],
    /// Its time was added up when it was read.
    pub timed: bool,
}

impl Ended {
    /// The attempt that came to nothing, from this port, if it is one.
    pub fn attempt(&self, port: u16) -> Option<Attempt> {
        let tracker::Ended::Unanswered(unanswered) = &self.how else { return None };
        Some(Attempt::unanswered(port, unanswered))
    }
}

impl Finish<'_> {
    /// Reads connection `index` into `book` and weighs it, if it is one about which nothing is rare. If none is `built` its time is
    /// added up, too: what was measured is not kept.
    #[inline(never)]
    pub(super) fn as_ended(
        &self,
        (index, read_as, built): (usize, As, bool),
        (book, abridged, weighing): (&mut Textbook, &mut Abridged, &mut Weighing),
        tally: &mut Tally,
    ) -> Option<Ended> {
        let tracker = &self.analysis.tracker;
        let how = match tracker.unanswered(index) {
            Some(unanswered) => tracker::Ended::Unanswered(unanswered),
            None => tracker.ended(index, read_as == As::HalfClosed)?.read_to_end(book, abridged)?,
        };
        // How doubtful it is is said in words of any connection.
        if built && self.unremarkable.is_doubtful(&how, &self.scene) {
            return None;
        }
        let verdicts = weighing.weigh_ended(book, &how, self.end, &self.analysis.profile);
        let became = (tracker.sockets(index)[1].addr, verdicts);
        let briefs = self.unremarkable.ended((book, &how, abridged), became, &self.scene)?;
        // What rests on absence may leave it where it is for now.
        let timed = !built && !matches!(how, tracker::Ended::Unanswered(_));
        let ended = Ended { how, briefs, timed };
        if ended.timed && self.is_timed() {
            let seats = tally.tables.seats(self.parties[index]);
            self.time_ended(seats, (book, &ended, abridged), verdicts, tally);
        }
        Some(ended)
    }

    /// Adds up its time.
    pub(super) fn time_ended(
        &self,
        seats: Seats,
        (book, ended, abridged): (&Textbook, &Ended, &Abridged),
        verdicts: &[Verdict; 2],
        tally: &mut Tally,
    ) {
        let (how, given) = (&ended.how, self.analysis.options.vantage);
        if how.was_open() {
            tally.tables.add_ended(abridged, (seats, book, how), verdicts, given, self.end);
        } else {
            let [after, _] = book.lasted_to(how);
            tally.tables.add_failed(seats, (verdicts, after, how.retries().into()), given, self.end);
        }
    }

    /// What is said of one in full.
    pub(super) fn ended_in_full<'a>(
        &'a self,
        look: &'a Look<'_>,
        book: &'a Textbook,
        ended: &'a Ended,
    ) -> impl Iterator<Item = Anomaly> + 'a {
        let (became, so) = ((&look.sockets, look.verdicts), (book, &ended.how));
        let all = ended.briefs.iter().flatten();
        all.map(move |brief| self.unremarkable.ended_in_full(brief, became, so, &self.scene))
            .filter(|anomaly| self.wants_code(anomaly.code))
    }

    /// Builds one, of which detectors say `anomalies`.
    pub(super) fn build_ended<E: Told>(
        &self,
        (subject, id): (&Subject<'_>, u64),
        (book, ended, abridged): (&Textbook, &Ended, &mut Abridged),
        anomalies: &mut Vec<Anomaly>,
        built: &mut Vec<Connection<E>>,
    ) {
        let (how, given) = (&ended.how, self.analysis.options.vantage);
        let proofs = &book.proofs_to(how);
        let subject = Subject { proofs, ..*subject };
        let Some(connection) = self.analysis.add_built(&subject, id, self.end, built) else { return };
        if how.was_open() {
            connection.timing = abridged.timing_to((book, how), subject.verdicts, given);
        } else {
            // What it took is all that is measured.
            let [after, _] = book.lasted_to(how);
            connection.timing.syn_retries = how.retries().into();
            connection.timing.refused_after = matches!(how, tracker::Ended::Reset(_)).then_some(after);
        }
        connection.anomalies = std::mem::take(anomalies);
    }
}
