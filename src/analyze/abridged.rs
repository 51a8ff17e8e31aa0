//! Textbook connections of which detectors have nothing to say. Where none is built they are abridged: read in one go, and
//! added up at once by when their ends entered their states. What it comes to is what [`look`](super::look) makes of any
//! connection.

use super::finish::Finish;
use super::tally::Tally;
use crate::report::rollup::Added;
use crate::report::{Ending, Row};
use crate::time::Span;
use crate::timing::{Abridged, Flights, Measured};
use crate::tracker::Textbook;
use crate::tracker::reading::Passed;
use crate::tracker::textbook::Entered;

/// Those of some connections that were abridged and the `others`, in order: each with its place among all of them.
pub(super) fn in_order<T>(
    entered: &[Option<Entered>],
    mut others: impl Iterator<Item = T>,
) -> impl Iterator<Item = (usize, Result<&Entered, T>)> {
    entered.iter().enumerate().filter_map(move |(place, entered)| match entered {
        Some(entered) => Some((place, Ok(entered))),
        None => others.next().map(|other| (place, Err(other))),
    })
}

/// What came of it.
enum Abridging {
    /// When the ends entered their states.
    Done(Entered),
    /// It is a textbook connection, and something is to be said of it.
    Remarkable,
    /// It is no textbook connection, or something about it is rare.
    Rare,
}

impl Finish<'_> {
    /// Reads connection `index` if it is a textbook one of which detectors have nothing to say: in `short`, which tells when its
    /// ends entered their states, or measures it. Whether it is.
    #[inline(always)]
    pub(super) fn as_textbook(
        &self,
        (index, short): (usize, bool),
        (book, measured, entered): (&mut Textbook, &mut Measured, &mut Option<Entered>),
        (abridged, flights): (&mut Abridged, &mut Flights),
        tally: &mut Tally,
    ) -> bool {
        match if short { self.abridge(index, book, abridged, tally) } else { Abridging::Rare } {
            Abridging::Done(states) => {
                *entered = Some(states);
                true
            }
            // The longer way would find the same.
            Abridging::Remarkable => false,
            Abridging::Rare => self.textbook(index, measured, book, flights),
        }
    }

    /// Reads connection `index` into `book`, measures it, and adds it to the sums, but for what is kept of each in order.
    #[inline(always)]
    fn abridge(&self, index: usize, book: &mut Textbook, abridged: &mut Abridged, tally: &mut Tally) -> Abridging {
        let (tracker, options) = (&self.analysis.tracker, &self.analysis.options);
        if !tracker.abridged(index).is_some_and(|tape| tape.read(book, abridged)) {
            return Abridging::Rare;
        }
        let plain = self.unremarkable.covers_abridged(book, abridged)
            // Of others time-wait-reuse may tell.
            && tracker.begins_long_after(index, book.first(), self.scene.profile.two_msl);
        if !plain {
            return Abridging::Remarkable;
        }
        let (parties, ending) = (self.parties[index], Ending::of_textbook(book.closer()));
        let entered = book.entered(self.end, &self.analysis.profile);
        tally.totals.textbook(ending, &entered);
        // Its number is asked for where it shows something.
        tally.rollups.add(&Added::new(0, parties, ending.outcome, &self.scene.directory), &[]);
        if self.is_timed() {
            let (seats, over) = (tally.tables.seats(parties), (book.last(), &entered));
            tally.tables.add_abridged(abridged, seats, over, options.vantage, self.end);
        }
        Abridging::Done(entered)
    }

    /// Reads connection `index` into `book`, and measures it, if it is a textbook one of which detectors have nothing to
    /// say. Whether it is.
    fn textbook(&self, index: usize, measured: &mut Measured, book: &mut Textbook, flights: &mut Flights) -> bool {
        let Some(mut reading) = self.analysis.tracker.textbook(index, book) else { return false };
        measured.restart();
        while let Some(Passed { sender, advances, segment }) = reading.advance() {
            measured.textbook(sender, advances, segment, flights);
        }
        reading.is_whole()
            && self.unremarkable.covers(book, measured)
            // Of others time-wait-reuse may tell.
            && self.analysis.tracker.begins_long_after(index, book.first(), self.scene.profile.two_msl)
    }

    /// Keeps what detectors of many connections need of one that was abridged.
    #[inline]
    pub(super) fn digest_abridged(
        &self,
        (id, index): (u64, usize),
        book: &Textbook,
        entered: &Entered,
        tally: &mut Tally,
    ) {
        let Some(digests) = tally.digests.last_mut() else { return };
        digests.push_textbook((id, self.parties[index]), &book.outline(), entered, &self.scene);
    }

    /// Such a one as one of many.
    #[inline]
    pub(super) fn row_abridged(&self, (id, index): (u64, usize), book: &Textbook, entered: &Entered) -> Row {
        let (outline, ending) = (book.outline(), Ending::of_textbook(book.closer()));
        let [client, server] = *self.analysis.tracker.sockets(index);
        let [first, second] = book.handshake();
        Row {
            id,
            worst: None,
            client,
            server,
            outcome: ending.outcome,
            closed_first: ending.closed_first,
            reset_by: ending.reset_by,
            states: [0, 1].map(|e| entered.state(e)),
            bytes: outline.bytes[0].saturating_add(outline.bytes[1]),
            packets: outline.packets[0].saturating_add(outline.packets[1]),
            first: outline.first,
            last: outline.last,
            handshake: Some(Span(first.0.saturating_add(second.0))),
            one_way: false,
            midstream: false,
            alike: 0,
        }
    }
}
