//! All that is sampled, thing by thing.

use super::column::Column;
use super::deal::Deck;
use super::quantile::{GROUP, Quantiles};
use super::rows::Rows;
use super::seats::{ALL, SEATS, Seats};
use super::table::Metric;
use crate::report::Side;
use crate::report::timing::{GroupTiming, Occupancy};
use crate::time::Span;
use crate::tracker::State;

/// How many metrics there are.
const METRICS: usize = Metric::ALL.len();
/// How many states there are, each twice: of clients and of servers.
pub const STATES: usize = 2 * State::ALL.len();

/// The samples of all connections.
#[derive(Clone, Debug)]
pub struct Columns {
    metrics: [Column; METRICS],
    stays: [Stays; STATES],
}

/// The lanes of stays of which begin or end is not certain.
const SPAN: usize = 0;
const LOW: usize = 1;
const HIGH: usize = 2;

/// Stays in one state.
#[derive(Clone, Debug)]
struct Stays {
    /// How long those whose begin and end were seen for certain lasted.
    certain: Column,
    /// Of others: how long, at least, at most.
    uncertain: Column<3>,
}

/// The place of a state of one side among all.
#[inline]
pub const fn place(side: Side, state: State) -> usize {
    2 * state as usize + side as usize
}

impl Columns {
    /// Nothing yet.
    pub fn new() -> Columns {
        let stays = || Stays { certain: Column::new(GROUP), uncertain: Column::new(GROUP) };
        Columns { metrics: std::array::from_fn(|_| Column::new(GROUP)), stays: std::array::from_fn(|_| stays()) }
    }

    /// The same, with nothing in it.
    pub fn empty(&self) -> Columns {
        let stays = |stays: &Stays| Stays { certain: stays.certain.empty(), uncertain: stays.uncertain.empty() };
        Columns { metrics: self.metrics.each_ref().map(Column::empty), stays: self.stays.each_ref().map(stays) }
    }

    /// One sample of a connection in these groups.
    #[inline]
    pub fn sample(&mut self, seats: Seats, metric: Metric, span: Span) {
        self.metrics[metric as usize].push(seats, [span.0]);
    }

    /// All samples of a connection in these groups.
    pub fn samples(&mut self, seats: Seats, metric: Metric, samples: &Quantiles) {
        self.metrics[metric as usize].take(seats, samples);
    }

    /// One stay that is not open, and how long it lasted at least and at most.
    #[inline]
    pub fn stay(&mut self, seats: Seats, place: usize, span: Span, [low, high]: [Span; 2]) {
        let stays = &mut self.stays[place];
        debug_assert!(low <= span && span <= high, "{span:?}, {low:?} to {high:?}");
        if low == high {
            stays.certain.push(seats, [span.0]);
        } else {
            stays.uncertain.push(seats, [span, low, high].map(|span| span.0));
        }
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: Columns) {
        self.metrics.iter_mut().zip(other.metrics).for_each(|(a, b)| a.merge(b));
        for (mine, theirs) in self.stays.iter_mut().zip(other.stays) {
            mine.certain.merge(theirs.certain);
            mine.uncertain.merge(theirs.uncertain);
        }
    }

    /// The figures of each group, by seat.
    pub fn finish(self) -> Vec<GroupTiming> {
        let (mut groups, mut deck) = (vec![GroupTiming::default(); SEATS], Deck::default());
        for ((_, name), column) in Metric::ALL.into_iter().zip(self.metrics) {
            let Some(rows) = Rows::of(column) else { continue };
            rows.each(&mut deck, |seat, figures| groups[seat].metrics.extend(figures.map(|d| (name, d))));
        }
        let places = State::ALL.into_iter().flat_map(|state| [(Side::Client, state), (Side::Server, state)]);
        for ((side, state), stays) in places.zip(self.stays) {
            stays.finish(&mut deck, |seat, occupancy| _ = groups[seat].states.get_mut(side).insert(state, occupancy));
        }
        groups
    }
}

impl Stays {
    fn finish(self, deck: &mut Deck, mut give: impl FnMut(usize, Occupancy)) {
        let (certain, uncertain) = (Rows::of(self.certain), Rows::of(self.uncertain));
        let count = |rows: Option<&Rows>, seat| rows.map_or(0, |rows| rows.count(seat));
        let Some(uncertain) = uncertain else {
            if let Some(rows) = certain {
                rows.each(deck, |seat, spans| give(seat, Occupancy { spans, ..Occupancy::default() }));
            }
            return;
        };
        let [mut at_least, mut at_most] = [LOW, HIGH].map(|lane| {
            let mut lane = uncertain.lane(lane, certain.as_ref(), deck);
            let bound = |seat| if uncertain.count(seat) > 0 { lane.figures(seat, false) } else { None };
            (0..SEATS).map(bound).collect::<Vec<_>>()
        });
        let mut lane = uncertain.lane(SPAN, certain.as_ref(), deck);
        for (seat, bounds) in at_least.iter_mut().zip(&mut at_most).enumerate() {
            let uncertain = uncertain.count(seat);
            if uncertain + count(certain.as_ref(), seat) > 0 {
                let (at_least, at_most) = (bounds.0.take(), bounds.1.take());
                let spans = lane.figures(seat, seat == ALL);
                give(seat, Occupancy { spans, at_least, at_most, uncertain, ..Occupancy::default() });
            }
        }
    }
}
