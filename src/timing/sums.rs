//! What was measured of one group of connections, added up connection by connection.

use super::columns::{STATES, place};
use super::figure::{self, ADDED, FIGURES, Figure, STOPS, Stopped};
use super::vantage::Vantage;
use crate::report::Side;
use crate::report::timing::{GroupTiming, Stops};
use crate::time::Span;
use crate::tracker::State;

/// One group.
#[derive(Clone, Debug)]
pub struct Sums {
    /// Connections by where they were seen from; the last is not known.
    seen: [u64; 4],
    figures: [u64; FIGURES],
    stays: [Stays; STATES],
}

/// Stays in one state, so far as they are only counted.
#[derive(Clone, Copy, Debug)]
struct Stays {
    /// How many a modelled timer ended.
    modelled: u64,
    /// How many lasted.
    open: u64,
    /// The longest of these, so far.
    longest: Span,
}

impl Sums {
    /// Nothing yet.
    pub fn new() -> Sums {
        let stays = Stays { modelled: 0, open: 0, longest: Span(0) };
        Sums { seen: [0; 4], figures: [0; FIGURES], stays: [stays; STATES] }
    }

    /// What follows is of the next connection, seen from there.
    #[inline]
    pub fn begin(&mut self, seen: Option<Vantage>) {
        self.begin_all(seen, 1);
    }

    /// The same of so many.
    #[inline]
    pub fn begin_all(&mut self, seen: Option<Vantage>, count: u64) {
        self.seen[seen.map_or(3, |v| v as usize)] += count;
    }

    /// What every connection adds to the figures.
    #[inline]
    pub fn add(&mut self, added: &[u64; ADDED]) {
        for (sum, value) in self.figures.iter_mut().zip(added) {
            *sum = sum.saturating_add(*value);
        }
    }

    /// The same of one that adds to these figures alone.
    #[inline(always)]
    pub fn add_to<const N: usize>(&mut self, figures: [Figure; N], added: &[u64; N]) {
        for (figure, value) in figures.into_iter().zip(added) {
            let sum = &mut self.figures[figure.index()];
            *sum = sum.saturating_add(*value);
        }
    }

    /// A stay, at its [`place`], that lasted when the capture ended.
    #[inline]
    pub fn open(&mut self, place: usize, span: Span) {
        self.opens(place, 1, span);
    }

    /// So many, the longest of which lasted so long.
    #[inline]
    pub fn opens(&mut self, place: usize, count: u64, longest: Span) {
        let stays = &mut self.stays[place];
        stays.open += count;
        stays.longest = stays.longest.max(longest);
    }

    /// A stay, at its [`place`], that a modelled timer ended.
    #[inline]
    pub fn modelled(&mut self, place: usize) {
        self.stays[place].modelled += 1;
    }

    /// Times in which something stood still.
    pub fn stops(&mut self, what: Stopped, stops: &Stops) {
        let span = |span: Span| span.0.max(0) as u64;
        self.add_stops(what, [stops.count, span(stops.total), span(stops.longest), stops.open.into()]);
    }

    fn add_stops(&mut self, what: Stopped, [count, total, longest, open]: [u64; STOPS]) {
        let at = what.place();
        let [n, sum, most, lasts] = &mut self.figures[at..at + STOPS] else { return };
        *n = n.saturating_add(count);
        *sum = sum.saturating_add(total);
        (*most, *lasts) = ((*most).max(longest), (*lasts).max(open));
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: &Sums) {
        self.seen.iter_mut().zip(other.seen).for_each(|(a, b)| *a += b);
        for (mine, theirs) in self.figures.iter_mut().zip(other.figures).take(ADDED) {
            *mine = mine.saturating_add(theirs);
        }
        for what in Stopped::ALL {
            let at = what.place();
            self.add_stops(what, std::array::from_fn(|i| other.figures[at + i]));
        }
        for (mine, theirs) in self.stays.iter_mut().zip(&other.stays) {
            mine.modelled += theirs.modelled;
            mine.open += theirs.open;
            mine.longest = mine.longest.max(theirs.longest);
        }
    }

    /// Adds these sums to the figures that the samples of the group came to.
    pub fn finish(&self, group: &mut GroupTiming) {
        group.connections = self.seen.iter().sum();
        let names = [Vantage::Client, Vantage::Server, Vantage::Middle].map(|v| (v as usize, v.name()));
        for (i, name) in names.into_iter().chain([(3, "unknown")]) {
            if self.seen[i] > 0 {
                group.vantages.insert(name, self.seen[i]);
            }
        }
        self.add_up(group);
        for (side, state) in State::ALL.into_iter().flat_map(|s| [(Side::Client, s), (Side::Server, s)]) {
            let Stays { modelled, open, longest } = self.stays[place(side, state)];
            let states = group.states.get_mut(side);
            if open > 0 {
                let occupancy = states.entry(state).or_default();
                (occupancy.open, occupancy.open_longest) = (open, Some(longest));
            }
            if let Some(occupancy) = states.get_mut(&state) {
                occupancy.modelled = modelled;
            }
        }
        group.slowest = group.blame.slowest();
    }

    fn add_up(&self, group: &mut GroupTiming) {
        let span = |total: u64| Span(i64::try_from(total).unwrap_or(i64::MAX));
        let of = |figure: Figure| self.figures[figure.index()];
        group.syn_retries = of(Figure::SynRetries);
        group.synack_retries = of(Figure::SynackRetries);
        group.excluded = of(Figure::Excluded);
        group.clamped = of(Figure::Clamped);
        for part in 0..9 {
            *figure::part(&mut group.blame, part) = span(of(Figure::Blame(part)));
        }
        for what in Stopped::ALL {
            let at = what.place();
            let [count, total, longest, open] = std::array::from_fn(|i| self.figures[at + i]);
            *what.of(group) = Stops { count, total: span(total), longest: span(longest), open: open > 0 };
        }
    }
}
