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
use crate::tracker::{Ended, Textbook, Verdict};

/// How one ended, and what is said of that.
#[derive(Debug)]
pub(super) struct Broken {
    pub ended: Ended,
    pub briefs: [Option<Brief>; 2],
    /// Its time was added up when it was read.
    pub timed: bool,
}

impl Broken {
    /// The attempt that came to nothing, from this port, if it is one.
    pub fn attempt(&self, port: u16) -> Option<Attempt> {
        let Ended::Unanswered(unanswered) = &self.ended else { return None };
        Some(Attempt::unanswered(port, unanswered))
    }
}

impl Finish<'_> {
    /// Reads connection `index` into `book` and weighs it, if it is one about which nothing is rare. If none is `built` its time is
    /// added up, too: what was measured is not kept.
    #[inline(never)]
    pub(super) fn as_broken(
        &self,
        (index, read_as, built): (usize, As, bool),
        (book, abridged, weighing): (&mut Textbook, &mut Abridged, &mut Weighing),
        tally: &mut Tally,
    ) -> Option<Broken> {
        let tracker = &self.analysis.tracker;
        let ended = match tracker.unanswered(index) {
            Some(unanswered) => Ended::Unanswered(unanswered),
            None => tracker.ended(index, read_as == As::HalfClosed)?.read_to_end(book, abridged)?,
        };
        // How doubtful it is is said in words of any connection.
        if built && self.unremarkable.is_doubtful(&ended, &self.scene) {
            return None;
        }
        let verdicts = weighing.weigh_ended(book, &ended, self.end, &self.analysis.profile);
        let became = (tracker.sockets(index)[1].addr, verdicts);
        let briefs = self.unremarkable.ended((book, &ended, abridged), became, &self.scene)?;
        // What rests on absence may leave it where it is for now.
        let timed = !built && !matches!(ended, Ended::Unanswered(_));
        let broken = Broken { ended, briefs, timed };
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
        let (ended, given) = (&broken.ended, self.analysis.options.vantage);
        if ended.was_open() {
            tally.tables.add_ended(abridged, (seats, book, ended), verdicts, given, self.end);
        } else {
            let [after, _] = book.lasted_to(ended);
            tally.tables.add_failed(seats, (verdicts, after, ended.retries().into()), given, self.end);
        }
    }

    /// What is said of one in full.
    pub(super) fn broken_in_full<'a>(
        &'a self,
        look: &'a Look<'_>,
        book: &'a Textbook,
        broken: &'a Broken,
    ) -> impl Iterator<Item = Anomaly> + 'a {
        let (became, so) = ((&look.sockets, look.verdicts), (book, &broken.ended));
        let all = broken.briefs.iter().flatten();
        all.map(move |brief| self.unremarkable.ended_in_full(brief, became, so, &self.scene))
            .filter(|anomaly| self.wants_code(anomaly.code))
    }

    /// Builds one, of which detectors say `anomalies`.
    pub(super) fn build_broken<E: Told>(
        &self,
        (subject, id): (&Subject<'_>, u64),
        (book, broken, abridged): (&Textbook, &Broken, &mut Abridged),
        anomalies: &mut Vec<Anomaly>,
        built: &mut Vec<Connection<E>>,
    ) {
        let (ended, given) = (&broken.ended, self.analysis.options.vantage);
        let proofs = &book.proofs_to(ended);
        let subject = Subject { proofs, ..*subject };
        let Some(connection) = self.analysis.add_built(&subject, id, self.end, built) else { return };
        if ended.was_open() {
            connection.timing = abridged.timing_to((book, ended), subject.verdicts, given);
        } else {
            // What it took is all that is measured.
            let [after, _] = book.lasted_to(ended);
            connection.timing.syn_retries = ended.retries().into();
            connection.timing.refused_after = matches!(ended, Ended::Reset(_)).then_some(after);
        }
        connection.anomalies = std::mem::take(anomalies);
    }
}
