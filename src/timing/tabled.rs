//! Textbook connections that were read in one go, added to tables: what [`Builder::add`] comes to for them.

use smallvec::SmallVec;

use super::abridged::Abridged;
use super::columns::{Columns, place};
use super::figure::{ADDED, Figure, Stopped};
use super::occupancy::between;
use super::piles::Sampled;
use super::seats::Seats;
use super::table::{Builder, Entry, Extent, Metric};
use super::vantage::{self, Vantage};
use crate::report::Side;
use crate::report::timing::Stops;
use crate::time::{Span, Time};
use crate::tracker::textbook::{Entered, STATES};
use crate::tracker::{Ended, Evidence, State, Textbook, Verdict};

impl Builder {
    /// Takes the textbook connection in `book` in the groups at these [seats](Builder::seats), of which `m` was measured, and
    /// whose ends entered their states so, and so late [at the latest](super::occupancy::latest_by_the_book).
    #[inline(never)]
    pub fn add_abridged(
        &mut self,
        m: &Abridged,
        (seats, book): (Seats, &Textbook),
        (entered, late): (&Entered, impl FnOnce() -> [[Time; 5]; 2]),
        given: Option<Vantage>,
        end: Time,
    ) {
        let mut entry = self.entry(seats);
        entry.samples.sample(seats, Metric::FinToFin, m.fin_to_fin());
        entry.abridged(m, book.last() - m.fins[0].min(m.fins[1]), given);
        match entry.samples {
            Sampled::Grouped(columns) => {
                in_full(columns, seats, m, book, (entered, &late()));
                entry.waits(entered, end);
            }
            Sampled::Together(piles) => {
                stays(entered, |place, span| piles.stay(place, span));
                entry.waits(entered, end);
            }
        }
    }

    /// The same of one that came to be, ended so, and of whose ends this became.
    #[inline(never)]
    pub fn add_ended(
        &mut self,
        m: &Abridged,
        (seats, book, ended): (Seats, &Textbook, &Ended),
        verdicts: &[Verdict; 2],
        given: Option<Vantage>,
        end: Time,
    ) {
        let (mut entry, [lasted, close]) = (self.entry(seats), book.lasted_to(ended));
        if let Some([client, server]) = book.fins_to_acks(ended) {
            entry.one(Metric::FinToFin, Some(m.fin_to_fin()));
            entry.one(Metric::FinToAckClient, Some(client));
            entry.one(Metric::FinToAckServer, Some(server));
        }
        entry.abridged(m, m.only_closing(close, book.last()), given);
        if let Sampled::Grouped(columns) = &mut *entry.samples {
            m.more(book, [close, lasted], |metric, span| columns.sample(seats, metric, span));
        }
        // Elsewhere they are not asked for.
        let proofs = if entry.extent == Extent::Full { book.proofs_to(ended) } else { SmallVec::new() };
        entry.stays(verdicts.each_ref(), &proofs, end);
    }

    /// Takes a SYN that was refused, or repeated so many times in vain: after so long, and of whose ends this became.
    pub fn add_failed(
        &mut self,
        seats: Seats,
        (verdicts, after, retries): (&[Verdict; 2], Span, u64),
        given: Option<Vantage>,
        end: Time,
    ) {
        let mut entry = self.entry(seats);
        let mut added = [0; ADDED];
        // Of the handshake.
        added[Figure::Blame(0).index()] = after.0.max(0) as u64;
        added[Figure::SynRetries.index()] = retries;
        entry.each(|sums| {
            sums.begin(given);
            sums.add(&added);
        });
        entry.one(Metric::Duration, Some(after));
        // No packet proves what it came to.
        entry.stays(verdicts.each_ref(), &[], end);
    }
}

/// The places of the first four states of each end, if the other closed first and if it did.
const PLACES: [[[usize; 4]; 2]; 2] = {
    let mut places = [[[0; 4]; 2]; 2];
    let mut n = 0;
    while n < 16 {
        let (e, closes, i) = (n / 8, n / 4 % 2, n % 4);
        places[e][closes][i] = place(Side::ALL[e], STATES[e][closes][i]);
        n += 1;
    }
    places
};

/// Gives the place of each stay of both ends that is over, and how long it lasted; their client is end 0.
#[inline(always)]
fn stays(entered: &Entered, take: impl FnMut(usize, Span)) {
    match entered.closer() {
        0 => stays_where::<0>(entered, take),
        _ => stays_where::<1>(entered, take),
    }
}

/// The same where this end closed first.
#[inline(always)]
fn stays_where<const CLOSER: usize>(entered: &Entered, mut take: impl FnMut(usize, Span)) {
    for e in [0, 1] {
        let (at, places) = (&entered.at[e], PLACES[e][usize::from(CLOSER == e)]);
        for i in 0..4 {
            // Times are in order, and were in bounds.
            take(places[i], Span(at[i + 1].0.wrapping_sub(at[i].0)));
        }
    }
    if let Some((over, _)) = entered.over {
        take(place(Side::ALL[CLOSER], State::TimeWait), over - entered.at[CLOSER][4]);
    }
}

impl Abridged {
    /// From one FIN to the other.
    pub(super) fn fin_to_fin(&self) -> Span {
        Span((self.fins[0] - self.fins[1]).0.saturating_abs())
    }

    /// How many times nothing was sent for long, and how long these were.
    pub(super) fn idle(&self) -> Stops {
        let longest = self.gaps.longest.iter().map(|gap| gap.length).max();
        Stops {
            count: self.gaps.count.into(),
            total: self.gaps.total,
            longest: longest.unwrap_or_default(),
            open: false,
        }
    }

    /// Gives its samples of what tables show where nothing else is asked for, but for the time between FINs; how many corrected
    /// values would have been negative.
    #[inline(always)]
    fn each(&self, mut take: impl FnMut(Metric, Span)) -> u64 {
        take(Metric::SynToSynack, self.legs[0]);
        take(Metric::SynackToAck, self.legs[1]);
        for (metric, x) in [(Metric::RttClient, 0), (Metric::RttServer, 1)] {
            for span in self.trips[x].all() {
                take(metric, span);
            }
        }
        let mut clamped = 0;
        for (metric, x) in [(Metric::ServerThink, 1), (Metric::ClientThink, 0)] {
            for answer in self.answers[x].all() {
                if x == 1 {
                    take(Metric::Ttfb, answer);
                }
                let rest = answer - self.least[x];
                clamped += u64::from(rest < Span(0));
                take(metric, rest.max(Span(0)));
            }
        }
        clamped
    }

    /// The same of what tables show where more is asked for, of one whose close, and which in all, took so long.
    #[inline(always)]
    fn more(&self, book: &Textbook, [close, lasted]: [Span; 2], mut take: impl FnMut(Metric, Span)) {
        let handshake = book.opened() - book.first();
        take(Metric::Handshake, handshake);
        take(Metric::ConnectDelay, handshake);
        self.first_request(book).into_iter().for_each(|span| take(Metric::FirstRequest, span));
        self.responses.all().chain(self.last_response()).for_each(|span| take(Metric::Response, span));
        take(Metric::CloseDuration, close);
        take(Metric::Duration, lasted);
    }

    /// From the handshake to the client's first payload.
    pub(super) fn first_request(&self, book: &Textbook) -> Option<Span> {
        self.first[0].map(|first| first - book.opened())
    }
}

/// Figures that what is read in one go adds to: nothing was sent again or left out, nothing was lost, and no window closed.
const ADDED_TO: [Figure; 7] = [
    Figure::Clamped,
    // In the order of `Blame::parts`.
    Figure::Blame(0),
    Figure::Blame(1),
    Figure::Blame(3),
    Figure::Blame(4),
    Figure::Blame(7),
    Figure::Blame(8),
];

/// What it adds to these of its groups; its close took so long, and so many of its corrected values would have been negative.
#[inline(always)]
fn added(m: &Abridged, close: Span, clamped: u64) -> [u64; ADDED_TO.len()] {
    let handshake = Span(m.legs[0].0.saturating_add(m.legs[1].0));
    let [client, server] = m.own;
    let [handshake, network, server, client, nobody, close] =
        [handshake, m.network, server, client, m.nobody, close].map(|span| span.0 as u64);
    [clamped, handshake, network, server, client, nobody, close]
}

impl Entry<'_> {
    /// What was measured of one whose close took so long, in short, but for the time between FINs.
    #[inline(always)]
    fn abridged(&mut self, m: &Abridged, close: Span, given: Option<Vantage>) {
        let clamped = self.sampled_of(m);
        let seen = given.or_else(|| vantage::by_spans(m.legs[0].0, m.legs[1].0));
        let added = added(m, close, clamped);
        self.each(|sums| {
            sums.begin(seen);
            sums.add_to(ADDED_TO, &added);
        });
        if m.gaps.count > 0 {
            self.stopped(Stopped::Idle, &m.idle());
        }
    }

    /// Its samples; how many corrected values would have been negative.
    #[inline(always)]
    fn sampled_of(&mut self, m: &Abridged) -> u64 {
        let seats = self.seats;
        match self.samples {
            Sampled::Grouped(columns) => m.each(|metric, span| columns.sample(seats, metric, span)),
            Sampled::Together(piles) => m.each(|metric, span| piles.sample(metric, span)),
        }
    }

    /// What is only counted of how the end that closed first waits, or waited.
    #[inline(always)]
    fn waits(&mut self, entered: &Entered, end: Time) {
        let e = entered.closer();
        let place = place(Side::ALL[e], State::TimeWait);
        match entered.over {
            None => self.each(|sums| sums.open(place, (end - entered.at[e][4]).max(Span(0)))),
            Some((_, Evidence::Timer)) => self.each(|sums| sums.modelled(place)),
            Some(_) => {}
        }
    }
}

/// Takes the rest of one in these groups, and the stays of both ends, whose client is end 0, with their bounds.
#[inline(never)]
fn in_full(
    columns: &mut Columns,
    seats: Seats,
    m: &Abridged,
    book: &Textbook,
    (entered, late): (&Entered, &[[Time; 5]; 2]),
) {
    let [client, server] = book.fin_to_ack();
    columns.sample(seats, Metric::FinToAckClient, client);
    columns.sample(seats, Metric::FinToAckServer, server);
    m.more(book, [book.close(), book.last() - book.first()], |metric, span| columns.sample(seats, metric, span));
    for (e, (at, late)) in entered.at.iter().zip(late).enumerate() {
        let closes = entered.closer() == e;
        let places = &PLACES[e][usize::from(closes)];
        for i in 0..4 {
            let (from, until) = (at[i], at[i + 1]);
            let bounds = [between(late[i], until), between(from, late[i + 1])];
            columns.stay(seats, places[i], between(from, until), bounds);
        }
        if let Some((over, evidence)) = entered.over.filter(|_| closes) {
            // Who begins anew may have been through with it before.
            let early = if evidence == Evidence::Sent { over.min(at[4]) } else { over };
            let bounds = [between(late[4], early), between(at[4], over)];
            columns.stay(seats, place(Side::ALL[e], State::TimeWait), between(at[4], over), bounds);
        }
    }
}
