//! Textbook connections of which detectors have nothing to say. They are abridged: read in one go, added up by when their ends
//! entered their states, and put together without more in between. What it comes to is what [`look`](super::look) makes of any
//! connection.

use super::build::{self, Told};
use super::desk::TOGETHER;
use super::finish::Finish;
use super::tally::Tally;
use crate::report::rollup::Added;
use crate::report::{ByTheBook, Connection, Ending, Origin, PerSide, Role};
use crate::segment::ScopeId;
use crate::time::Time;
use crate::timing::{Abridged, Extent, Flights, Measured, occupancy};
use crate::tracker::Textbook;
use crate::tracker::abridged::Read;
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

/// As what a connection was read, if that was so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// A textbook connection, or a lone SYN: all is told of it.
    Told,
    /// One that was half-closed.
    HalfClosed,
    Other,
}

/// What came of it.
enum Abridging {
    /// It is told when the ends entered their states.
    Done,
    /// It is a textbook connection, and something is to be said of it.
    Remarkable,
    /// It is half-closed.
    HalfClosed,
    /// It is no textbook connection, or something about it is rare.
    Rare,
}

/// What is known of those of some connections that were abridged, by their places among all of them.
pub(super) struct Pages<'d> {
    /// The position of the first.
    pub begin: usize,
    /// By index in the tracker.
    pub indices: &'d [usize],
    pub books: &'d [Textbook; TOGETHER],
    pub abridged: &'d mut [Abridged; TOGETHER],
    /// When the ends of those that were abridged entered their states, and when at the latest if they are listed.
    pub entered: &'d [Option<Entered>],
    pub late: &'d mut [[[Time; 5]; 2]; TOGETHER],
    /// Whether each is one of those that the report is about.
    pub chosen: [bool; TOGETHER],
}

impl Finish<'_> {
    /// Reads connection `index` if it is a textbook one of which detectors have nothing to say: in one go, which tells when its
    /// ends entered their states, or as is left to the longer way. As what it was read.
    #[inline(always)]
    pub(super) fn as_textbook(
        &self,
        index: usize,
        (book, measured, entered): (&mut Textbook, &mut Measured, &mut Option<Entered>),
        (abridged, flights): (&mut Abridged, &mut Flights),
    ) -> As {
        match self.abridge(index, book, abridged, entered) {
            Abridging::Done => As::Told,
            // The longer way would find the same.
            Abridging::Remarkable => As::Other,
            Abridging::HalfClosed => As::HalfClosed,
            Abridging::Rare if self.textbook(index, measured, book, flights) => As::Told,
            Abridging::Rare => As::Other,
        }
    }

    /// Reads connection `index` into `book`, and measures it; tells when its ends `entered` their states.
    #[inline(never)]
    fn abridge(
        &self,
        index: usize,
        book: &mut Textbook,
        abridged: &mut Abridged,
        entered: &mut Option<Entered>,
    ) -> Abridging {
        let tracker = &self.analysis.tracker;
        match tracker.abridged(index).map_or(Read::Other, |tape| tape.read(book, abridged)) {
            Read::Textbook => {}
            Read::HalfClosed => return Abridging::HalfClosed,
            Read::Other => return Abridging::Rare,
        }
        let plain = self.unremarkable.covers_abridged(book, abridged)
            // Of others time-wait-reuse may tell.
            && tracker.begins_long_after(index, book.first(), self.scene.profile.two_msl);
        if !plain {
            return Abridging::Remarkable;
        }
        *entered = Some(book.entered_in_bounds(self.end, &self.analysis.profile));
        Abridging::Done
    }

    /// Adds connection `index` to the sums, but for what is kept of each in order.
    #[inline(always)]
    pub(super) fn add_abridged(&self, index: usize, book: &Textbook, entered: &Entered, tally: &mut Tally) {
        let (parties, ending) = (self.parties[index], Ending::of_textbook(book.closer()));
        tally.totals.textbook(entered);
        // Its number is asked for where it shows something.
        tally.rollups.add(&Added::new(0, parties, ending.outcome, &self.scene.directory), &[]);
    }

    /// Whether anything is wanted of how long things took.
    pub(super) fn is_timed(&self) -> bool {
        self.analysis.options.timing != Extent::Nothing
    }

    /// Adds up its time, if that is wanted; its ends entered their states so `late` at the latest.
    #[inline(always)]
    pub(super) fn time_abridged(
        &self,
        index: usize,
        (book, abridged): (&Textbook, &Abridged),
        (entered, late): (&Entered, impl FnOnce() -> [[Time; 5]; 2]),
        tally: &mut Tally,
    ) {
        if self.is_timed() {
            let seats = tally.tables.seats(self.parties[index]);
            let given = self.analysis.options.vantage;
            tally.tables.add_abridged(abridged, (seats, book), (entered, late), given, self.end);
        }
    }

    /// When its ends entered their states at the latest.
    #[inline(always)]
    pub(super) fn latest(&self, book: &Textbook, entered: &Entered) -> [[Time; 5]; 2] {
        let latest = |e: usize| occupancy::latest_by_the_book(e, book, entered, self.end);
        [latest(0), latest(1)]
    }

    /// Index and number of the one at `place`.
    #[inline]
    pub(super) fn who(&self, pages: &Pages<'_>, place: usize) -> (usize, u64) {
        (pages.indices[place], self.id(pages.begin + place))
    }

    /// Bounds when the ends of those that are listed entered their states.
    pub(super) fn bound(&self, Pages { books, entered, late, .. }: &mut Pages<'_>) {
        for ((book, entered), late) in books.iter().zip(*entered).zip(late.iter_mut()) {
            entered.iter().for_each(|entered| *late = self.latest(book, entered));
        }
    }

    /// Adds up those of them that the report is about; they are `timed` unless that is done at the end. One stage for all of them
    /// before the next.
    pub(super) fn add_pages(&self, pages: &Pages<'_>, timed: bool, tally: &mut Tally) {
        let Pages { indices, books, abridged, entered, late, chosen, .. } = pages;
        let about = || entered.iter().enumerate().filter_map(|(i, entered)| Some((i, entered.as_ref()?)));
        for (i, entered) in about().filter(|(i, _)| chosen[*i]) {
            self.add_abridged(indices[i], &books[i], entered, tally);
        }
        for (i, entered) in about().filter(|_| timed) {
            self.time_abridged(indices[i], (&books[i], &abridged[i]), (entered, || late[i]), tally);
        }
    }

    /// The one at `place`, whose ends entered their states so, in full.
    pub(super) fn listed<E: Told>(&self, pages: &mut Pages<'_>, place: usize, entered: &Entered) -> Connection<E> {
        let ((index, id), late) = (self.who(pages, place), &pages.late[place]);
        let (book, abridged) = (&pages.books[place], &mut pages.abridged[place]);
        let (outline, ending) = (book.outline(), Ending::of_textbook(book.closer()));
        let [client, server] = *self.analysis.tracker.sockets(index);
        let scope = outline.scopes[0].filter(|id| *id != ScopeId::default());
        Connection {
            id,
            client,
            server,
            incarnation: outline.incarnation,
            origin: Origin::Handshake,
            role: Role::Observed,
            scope: scope.map(|id| self.analysis.decoder.scope(id).to_vec()).unwrap_or_default(),
            first: outline.first,
            last: outline.last,
            first_packet: outline.first_packet,
            last_packet: outline.last_packet,
            packets: PerSide { client: outline.packets[0], server: outline.packets[1] },
            bytes: PerSide { client: outline.bytes[0], server: outline.bytes[1] },
            outcome: ending.outcome,
            closed_first: ending.closed_first,
            reset_by: ending.reset_by,
            endpoints: E::by_the_book(self.by_the_book(book, entered, late), outline.last),
            timing: abridged.timing(book, entered, self.analysis.options.vantage),
            path: None,
            anomalies: Vec::new(),
        }
    }

    /// What its ends went through.
    #[inline(always)]
    fn by_the_book(&self, book: &Textbook, entered: &Entered, late: &[[Time; 5]; 2]) -> ByTheBook {
        let (closer, profile) = (entered.closer(), &self.analysis.profile);
        let [(client, of_client), (server, of_server)] = [0, 1].map(|e| book.rest_of(e, entered, self.end, profile));
        let over = client.or(server).map(|step| build::taken(&step, step.at));
        let since = entered.at[closer][4];
        let waited = over.map_or(self.end.max(since), |over| over.time) - since;
        let (packets, lacking) = (book.packets(), book.lacking());
        let possible = [of_client, of_server];
        ByTheBook { packets, lacking, closer, at: entered.at, late: *late, over, waited, possible }
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
        (index, id): (usize, u64),
        book: &Textbook,
        entered: &Entered,
        tally: &mut Tally,
    ) {
        let Some(digests) = tally.digests.last_mut() else { return };
        let (begin, end) = (book.beginning(), (book.last(), book.segments()));
        digests.push_textbook((id, self.parties[index]), begin, end, entered, &self.scene);
    }
}
