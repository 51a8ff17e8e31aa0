//! Textbook connections that were read in one go, added to tables: what [`Builder::add`] comes to for them where no more is
//! wanted than what tables show.

use super::abridged::{Abridged, Idle};
use super::columns::place;
use super::figure::{ADDED, Figure, Stopped};
use super::seats::Seats;
use super::table::{Builder, Entry, Metric};
use super::vantage::{self, Vantage};
use crate::report::Side;
use crate::report::timing::Stops;
use crate::time::{Span, Time};
use crate::tracker::textbook::Entered;
use crate::tracker::{Evidence, State};

impl Builder {
    /// Takes a textbook connection in the groups at these [seats](Builder::seats), of which `m` was measured, whose last packet
    /// came at `last`, and whose ends entered their states so. Only what is wanted [in short](super::Extent::Short) is known of it.
    pub fn add_abridged(
        &mut self,
        m: &Abridged,
        seats: Seats,
        (last, entered): (Time, &Entered),
        given: Option<Vantage>,
        end: Time,
    ) {
        let mut entry = self.entry(seats);
        let clamped = entry.abridged(m);
        let seen = given.or_else(|| vantage::by_spans(m.legs[0].0, m.legs[1].0));
        let added = added(m, last, clamped);
        entry.each(|sums| {
            sums.begin(seen);
            sums.add(&added);
        });
        if m.idle.count > 0 {
            let Idle { count, total, longest } = m.idle;
            entry.stopped(Stopped::Idle, &Stops { count, total, longest, open: false });
        }
        entry.entered(entered, end);
    }
}

/// What it adds to the figures of its groups, by [`Figure::index`]; its last packet came at `last`, and so many of its corrected
/// values would have been negative.
fn added(m: &Abridged, last: Time, clamped: u64) -> [u64; ADDED] {
    let mut added = [0; ADDED];
    added[Figure::Clamped.index()] = clamped;
    // In the order of `Blame::parts`; nothing was lost, and no window closed.
    let (handshake, close) = (Span(m.legs[0].0.saturating_add(m.legs[1].0)), last - m.fins[0].min(m.fins[1]));
    let [client, server] = m.own;
    let spent = [handshake, m.network, Span(0), server, client, Span(0), Span(0), m.nobody, close];
    for (part, span) in (0..).zip(spent) {
        added[Figure::Blame(part).index()] = span.0 as u64;
    }
    added
}

impl Entry<'_> {
    /// What was measured; how many corrected values would have been negative.
    #[inline(always)]
    fn abridged(&mut self, m: &Abridged) -> u64 {
        let sampled = self.sampled;
        let mut all = |metric: Metric, spans: &[Span]| self.samples.all(sampled, metric, spans.iter().copied());
        all(Metric::SynToSynack, &m.legs[..1]);
        all(Metric::SynackToAck, &m.legs[1..]);
        all(Metric::RttClient, &m.legs[1..]);
        all(Metric::RttClient, m.trips[0].all());
        all(Metric::RttServer, &m.legs[..1]);
        all(Metric::RttServer, m.trips[1].all());
        all(Metric::Ttfb, m.answers[1].all());
        all(Metric::FinToFin, &[Span((m.fins[0] - m.fins[1]).0.saturating_abs())]);
        let mut clamped = 0;
        for (metric, x) in [(Metric::ServerThink, 1), (Metric::ClientThink, 0)] {
            let thinks = m.answers[x].all().iter().map(|answer| *answer - m.least[x]);
            clamped += thinks.clone().filter(|rest| *rest < Span(0)).count();
            self.samples.all(sampled, metric, thinks.map(|rest| rest.max(Span(0))));
        }
        clamped as u64
    }

    /// The stays of both ends, whose client is end 0.
    #[inline(always)]
    fn entered(&mut self, entered: &Entered, end: Time) {
        for (e, side) in [(0, Side::Client), (1, Side::Server)] {
            let (states, at) = (entered.states(e), &entered.at[e]);
            for (state, both) in states.iter().zip(at.windows(2)) {
                let span = (both[1] - both[0]).max(Span(0));
                self.samples.certain(self.sampled, place(side, *state), span);
            }
            if entered.closer() != e {
                continue;
            }
            let (since, place) = (at[4], place(side, State::TimeWait));
            match entered.over {
                None => self.each(|sums| sums.open(place, (end - since).max(Span(0)))),
                Some((over, evidence)) => {
                    if evidence == Evidence::Timer {
                        self.each(|sums| sums.modelled(place));
                    }
                    self.samples.certain(self.sampled, place, (over - since).max(Span(0)));
                }
            }
        }
    }
}
