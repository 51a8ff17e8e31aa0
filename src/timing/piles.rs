//! All that is sampled, thing by thing: of each group, or of all connections together.

use super::columns::{Columns, STATES};
use super::occupancy::Stay;
use super::pile::Pile;
use super::quantile::Quantiles;
use super::seats::{ALL, SEATS, Seats};
use super::sieve::Sieve;
use super::table::{Extent, Metric};
use crate::report::Side;
use crate::report::timing::{GroupTiming, Occupancy};
use crate::time::Span;
use crate::tracker::State;

/// The samples of all connections, which are in no other group.
#[derive(Clone, Debug)]
pub struct Piles {
    metrics: [Pile; Metric::ALL.len()],
    /// How long stays in each state lasted.
    stays: [Pile; STATES],
}

impl Piles {
    fn new() -> Piles {
        Piles { metrics: Default::default(), stays: std::array::from_fn(|_| Pile::default()) }
    }

    fn empty(&self) -> Piles {
        Piles { metrics: self.metrics.each_ref().map(Pile::empty), stays: self.stays.each_ref().map(Pile::empty) }
    }

    /// One sample.
    #[inline]
    pub fn sample(&mut self, metric: Metric, span: Span) {
        self.metrics[metric as usize].push(span);
    }

    /// One stay, at its [`place`](super::columns::place), that is not open.
    #[inline]
    pub fn stay(&mut self, place: usize, span: Span) {
        self.stays[place].push(span);
    }

    fn merge(&mut self, other: Piles) {
        self.metrics.iter_mut().zip(other.metrics).for_each(|(mine, theirs)| mine.merge(theirs));
        self.stays.iter_mut().zip(other.stays).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    fn finish(self) -> Vec<GroupTiming> {
        let (mut groups, mut sieve) = (vec![GroupTiming::default(); SEATS], Sieve::default());
        let all = &mut groups[ALL];
        for ((_, name), pile) in Metric::ALL.into_iter().zip(self.metrics) {
            all.metrics.extend(pile.figures(&mut sieve).map(|figures| (name, figures)));
        }
        let places = State::ALL.into_iter().flat_map(|state| [(Side::Client, state), (Side::Server, state)]);
        for ((side, state), pile) in places.zip(self.stays) {
            if let Some(spans) = pile.figures(&mut sieve) {
                let occupancy = Occupancy { spans: Some(spans), ..Occupancy::default() };
                all.states.get_mut(side).insert(state, occupancy);
            }
        }
        groups
    }
}

/// The samples of all connections, as [`Extent`] says.
#[derive(Clone, Debug)]
pub enum Sampled {
    /// With the groups that they belong to.
    Grouped(Box<Columns>),
    /// Without.
    Together(Box<Piles>),
}

impl Sampled {
    /// Nothing yet.
    pub fn new(extent: Extent) -> Sampled {
        match extent {
            Extent::Full => Sampled::Grouped(Box::new(Columns::new())),
            Extent::Short | Extent::Nothing => Sampled::Together(Box::new(Piles::new())),
        }
    }

    /// The same, with nothing in it.
    pub fn empty(&self) -> Sampled {
        match self {
            Sampled::Grouped(columns) => Sampled::Grouped(Box::new(columns.empty())),
            Sampled::Together(piles) => Sampled::Together(Box::new(piles.empty())),
        }
    }

    /// One sample of a connection in these groups.
    #[inline]
    pub fn sample(&mut self, seats: Seats, metric: Metric, span: Span) {
        match self {
            Sampled::Grouped(columns) => columns.sample(seats, metric, span),
            Sampled::Together(piles) => piles.sample(metric, span),
        }
    }

    /// All samples of a connection in these groups.
    pub fn samples(&mut self, seats: Seats, metric: Metric, samples: &Quantiles) {
        match self {
            Sampled::Grouped(columns) => columns.samples(seats, metric, samples),
            Sampled::Together(piles) => piles.metrics[metric as usize].take(samples),
        }
    }

    /// One stay that is not open.
    #[inline]
    pub fn stay(&mut self, seats: Seats, place: usize, stay: &Stay) {
        match self {
            Sampled::Grouped(columns) => columns.stay(seats, place, stay.span, [stay.low, stay.high]),
            Sampled::Together(piles) => piles.stay(place, stay.span),
        }
    }

    /// Adds those of other connections, of the same extent.
    pub fn merge(&mut self, other: Sampled) {
        match (self, other) {
            (Sampled::Grouped(mine), Sampled::Grouped(theirs)) => mine.merge(*theirs),
            (Sampled::Together(mine), Sampled::Together(theirs)) => mine.merge(*theirs),
            _ => debug_assert!(false, "of the same extent"),
        }
    }

    /// The figures of each group, by seat.
    pub fn finish(self) -> Vec<GroupTiming> {
        match self {
            Sampled::Grouped(columns) => columns.finish(),
            Sampled::Together(piles) => piles.finish(),
        }
    }
}
