//! Measurements of lone SYNs: one takes no time, and of a flood all that differs is how long ends wait.

use super::columns::place;
use super::occupancy::Stay;
use super::seats::Seats;
use super::table::{Builder, Metric};
use super::vantage::Vantage;
use crate::report::Side;
use crate::time::{Span, Time};
use crate::tracker::{Fate, State, Verdict};

impl Builder {
    /// Takes a connection of which there is but one SYN: that took no time, and nothing else is measured of it.
    pub fn add_lone(&mut self, seats: Seats, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) {
        let mut entry = self.entry(seats);
        entry.each(|sums| sums.begin(given));
        entry.one(Metric::Duration, Some(Span(0)));
        entry.stays(verdicts.each_ref(), &[], end);
    }

    /// The same of so many in the same groups that came to this, but for what is [measured](Builder::add_fate) of each; those that
    /// still wait do so for as long at most.
    pub fn add_alike(&mut self, seats: Seats, (fate, count, longest): (Fate, u64, Span), given: Option<Vantage>) {
        let states = match fate {
            Fate::Unanswered => &[(Side::Client, State::SynSent)][..],
            Fate::Received => &[(Side::Client, State::SynSent), (Side::Server, State::SynRcvd)],
            Fate::GivenUp(_) => &[],
        };
        self.entry(seats).each(|sums| {
            sums.begin_all(given, count);
            states.iter().for_each(|(side, state)| sums.opens(place(*side, *state), count, longest));
        });
    }

    /// What is measured of one that came to this, whose client waits, or waited, for so long.
    #[inline]
    pub fn add_fate(&mut self, seats: Seats, fate: Fate, span: Span) {
        let mut entry = self.entry(seats);
        entry.one(Metric::Duration, Some(Span(0)));
        if let Fate::GivenUp(_) = fate {
            let stay = Stay { state: State::SynSent, span, low: span, high: span, open: false, modelled: true };
            entry.stay(Side::Client, &stay);
        }
    }
}
