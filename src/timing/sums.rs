//! What was measured of one group of connections, added up connection by connection.

use super::distribution;
use super::figure::{self, FIGURES, Figure, STOPS, Stopped};
use super::occupancy::Stay;
use super::quantile::{GROUP, Quantiles};
use super::summary::Sampled;
use super::table::Metric;
use super::vantage::Vantage;
use crate::report::Side;
use crate::report::timing::{Distribution, GroupTiming, Occupancy, Stops};
use crate::time::Span;
use crate::tracker::State;

/// How many metrics there are.
const METRICS: usize = Metric::ALL.len();
/// How many states there are, each twice: of clients and of servers.
const STATES: usize = 2 * State::ALL.len();

/// One group.
#[derive(Clone, Debug)]
pub struct Sums {
    /// Connections by where they were seen from; the last is not known.
    seen: [u64; 4],
    figures: [u64; FIGURES],
    metrics: [Quantiles; METRICS],
    stays: [Stays; STATES],
}

/// Stays in one state.
#[derive(Clone, Debug)]
struct Stays {
    /// How long those whose begin and end were seen for certain lasted.
    certain: Quantiles,
    /// Of others: how long, at least, at most.
    uncertain: [Quantiles; 3],
    /// How many a modelled timer ended.
    modelled: u64,
    /// How many lasted.
    open: u64,
    /// The longest of these, so far.
    longest: Span,
}

fn place(side: Side, state: State) -> usize {
    2 * state as usize + side as usize
}

impl Sums {
    /// Nothing yet.
    pub fn new() -> Sums {
        let none = || Quantiles::new(GROUP);
        let stays =
            || Stays { certain: none(), uncertain: [none(), none(), none()], modelled: 0, open: 0, longest: Span(0) };
        Sums {
            seen: [0; 4],
            figures: [0; FIGURES],
            metrics: std::array::from_fn(|_| none()),
            stays: std::array::from_fn(|_| stays()),
        }
    }

    /// What follows is of the next connection, seen from there.
    pub fn begin(&mut self, seen: Option<Vantage>) {
        self.seen[seen.map_or(3, |v| v as usize)] += 1;
    }

    /// One sample.
    #[inline]
    pub fn sample(&mut self, metric: Metric, span: Span) {
        self.metrics[metric as usize].push(span.0.max(0));
    }

    /// One sample, or all of a distribution.
    pub fn sampled(&mut self, metric: Metric, sampled: &Sampled) {
        match sampled {
            Sampled::One(span) => self.sample(metric, *span),
            Sampled::Many(q) => self.metrics[metric as usize].merge(q),
        }
    }

    /// One stay of an end.
    #[inline]
    pub fn stay(&mut self, side: Side, stay: &Stay) {
        let stays = &mut self.stays[place(side, stay.state)];
        if stay.open {
            stays.open += 1;
            stays.longest = stays.longest.max(stay.span);
            return;
        }
        stays.modelled += u64::from(stay.modelled);
        let bounds = [stay.span, stay.low.min(stay.span), stay.high.max(stay.span)];
        if bounds[1] == bounds[2] {
            stays.certain.push(stay.span.0);
        } else {
            stays.uncertain.iter_mut().zip(bounds).for_each(|(q, span)| q.push(span.0));
        }
    }

    /// A figure to add up.
    #[inline]
    pub fn figure(&mut self, figure: Figure, value: u64) {
        let sum = &mut self.figures[figure.index()];
        *sum = sum.saturating_add(value);
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
        for (mine, theirs) in self.figures.iter_mut().zip(other.figures).take(Stopped::Idle.place()) {
            *mine = mine.saturating_add(theirs);
        }
        for what in Stopped::ALL {
            let at = what.place();
            self.add_stops(what, std::array::from_fn(|i| other.figures[at + i]));
        }
        self.metrics.iter_mut().zip(&other.metrics).for_each(|(a, b)| a.merge(b));
        for (mine, theirs) in self.stays.iter_mut().zip(&other.stays) {
            mine.certain.merge(&theirs.certain);
            mine.uncertain.iter_mut().zip(&theirs.uncertain).for_each(|(a, b)| a.merge(b));
            mine.modelled += theirs.modelled;
            mine.open += theirs.open;
            mine.longest = mine.longest.max(theirs.longest);
        }
    }

    /// What it comes to; `drawn` if the distributions are to be drawn.
    pub fn finish(mut self, drawn: bool) -> GroupTiming {
        let mut group = GroupTiming { connections: self.seen.iter().sum(), ..GroupTiming::default() };
        let names = [Vantage::Client, Vantage::Server, Vantage::Middle].map(|v| (v as usize, v.name()));
        for (i, name) in names.into_iter().chain([(3, "unknown")]) {
            if self.seen[i] > 0 {
                group.vantages.insert(name, self.seen[i]);
            }
        }
        self.add_up(&mut group);
        let figures = if drawn { distribution::drawn } else { distribution::rest };
        for ((_, name), q) in Metric::ALL.into_iter().zip(&mut self.metrics) {
            if let Some(d) = figures(q) {
                group.metrics.insert(name, d);
            }
        }
        for state in State::ALL {
            for side in [Side::Client, Side::Server] {
                if let Some(occupancy) = self.stays[place(side, state)].finish(figures) {
                    group.states.get_mut(side).insert(state, occupancy);
                }
            }
        }
        group.slowest = group.blame.slowest();
        group
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

impl Stays {
    fn finish(&mut self, figures: fn(&mut Quantiles) -> Option<Distribution>) -> Option<Occupancy> {
        let uncertain = self.uncertain[0].count();
        if self.certain.count() + uncertain + self.open == 0 {
            return None;
        }
        let [spans, low, high] = &mut self.uncertain;
        let bounds = |q: &mut Quantiles, certain: &Quantiles| {
            q.merge(certain);
            distribution::rest(q)
        };
        Some(Occupancy {
            at_least: if uncertain > 0 { bounds(low, &self.certain) } else { None },
            at_most: if uncertain > 0 { bounds(high, &self.certain) } else { None },
            spans: {
                self.certain.merge(spans);
                figures(&mut self.certain)
            },
            uncertain,
            modelled: self.modelled,
            open: self.open,
            open_longest: (self.open > 0).then_some(self.longest),
        })
    }
}
