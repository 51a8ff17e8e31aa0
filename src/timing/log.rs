//! What the tables are made of: the figures of every connection, a column for each, packed into bytes. A connection is
//! written down once, whatever groups it belongs to, and only the groups that are listed are ever put together: column
//! by column, so that no more than the samples of one are in hand.

use super::column::Column;
use super::distribution;
use super::figure::{self, FIGURES, Figure, STOPS, Stopped};
use super::occupancy::Stay;
use super::quantile::{GROUP, Quantiles};
use super::summary::Sampled;
use super::table::Metric;
use super::vantage::Vantage;
use crate::report::Side;
use crate::report::timing::{GroupTiming, Occupancy, Stops};
use crate::time::Span;
use crate::tracker::State;

/// How many metrics there are.
const METRICS: usize = Metric::ALL.len();
/// How many states there are, each twice: of clients and of servers.
const STATES: usize = 2 * State::ALL.len();
/// A group's number where there is none.
const NONE: u16 = u16::MAX;

/// What is known of each connection for sure.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// The group of its server, its client, and both: by number, later by place in the lists.
    groups: [u16; 3],
    seen: Option<Vantage>,
}

/// The figures of all connections.
#[derive(Clone, Debug)]
pub struct Log {
    seats: Vec<Seat>,
    metrics: [Column; METRICS],
    /// Stays whose begin and end were seen, three entries each: how long, how much less at least, how much more at most.
    stays: [Column; STATES],
    /// One for each stay that a modelled timer ended.
    modelled: [Column; STATES],
    /// Stays that lasted, so far.
    open: [Column; STATES],
    /// Figures to add up, without those that are 0.
    figures: [Column; FIGURES],
    /// Distributions of single connections with too many samples to keep: metric, connection.
    rough: Vec<(Metric, u32, Quantiles)>,
}

impl Default for Log {
    fn default() -> Log {
        fn columns<const N: usize>() -> [Column; N] {
            std::array::from_fn(|_| Column::default())
        }
        Log {
            seats: Vec::new(),
            metrics: columns(),
            stays: columns(),
            modelled: columns(),
            open: columns(),
            figures: columns(),
            rough: Vec::new(),
        }
    }
}

fn place(side: Side, state: State) -> usize {
    2 * state as usize + side as usize
}

impl Log {
    /// What follows is of the next connection: in these groups by server, by client, by pair, and `seen` from there.
    pub fn begin(&mut self, groups: [Option<u16>; 3], seen: Option<Vantage>) {
        self.seats.push(Seat { groups: groups.map(|g| g.unwrap_or(NONE)), seen });
    }

    fn connection(&self) -> u32 {
        (self.seats.len() as u32).wrapping_sub(1)
    }

    /// One sample.
    pub fn sample(&mut self, metric: Metric, span: Span) {
        let connection = self.connection();
        self.metrics[metric as usize].push(connection, span.0.max(0) as u64);
    }

    /// One sample, or all of a distribution.
    pub fn sampled(&mut self, metric: Metric, sampled: Sampled) {
        match sampled {
            Sampled::One(span) => self.sample(metric, span),
            Sampled::Many(q) => self.rough.push((metric, self.connection(), *q)),
        }
    }

    /// One stay of an end.
    pub fn stay(&mut self, side: Side, stay: &Stay) {
        let connection = self.connection();
        let place = place(side, stay.state);
        if stay.open {
            self.open[place].push(connection, stay.span.0 as u64);
            return;
        }
        if stay.modelled {
            self.modelled[place].push(connection, 1);
        }
        let [less, more] = [stay.span - stay.low, stay.high - stay.span].map(|span| span.0.max(0) as u64);
        self.stays[place].push_three(connection, [stay.span.0 as u64, less, more]);
    }

    fn put(&mut self, index: usize, value: u64) {
        if value > 0 {
            let connection = self.connection();
            self.figures[index].push(connection, value);
        }
    }

    /// A figure to add up.
    pub fn figure(&mut self, figure: Figure, value: u64) {
        self.put(figure.index(), value);
    }

    /// Times in which something stood still.
    pub fn stops(&mut self, what: Stopped, stops: Stops) {
        if stops.count == 0 {
            return;
        }
        let values = [stops.count, stops.total.0.max(0) as u64, stops.longest.0.max(0) as u64, stops.open.into()];
        for (i, value) in (4 + 9 + STOPS * what.index()..).zip(values) {
            self.put(i, value);
        }
    }

    /// The groups: all connections, then those `listed`, by server, by client, by pair.
    pub fn finish(mut self, listed: [&[u16]; 3]) -> Vec<GroupTiming> {
        self.seat(listed);
        let groups = 1 + listed.iter().map(|l| l.len()).sum::<usize>();
        let mut out = vec![GroupTiming::default(); groups];
        self.count(&mut out);
        self.add_up(&mut out);
        self.distribute(&mut out);
        self.occupy(&mut out);
        for g in &mut out {
            g.slowest = g.blame.slowest();
        }
        out
    }

    /// Gives each connection the places of its groups in the lists instead of their numbers.
    fn seat(&mut self, listed: [&[u16]; 3]) {
        let mut next = 1;
        for (kind, listed) in listed.into_iter().enumerate() {
            let most = listed.iter().max().map_or(0, |n| usize::from(*n) + 1);
            let mut places = vec![NONE; most];
            for number in listed {
                places[usize::from(*number)] = next;
                next += 1;
            }
            for seat in &mut self.seats {
                let group = &mut seat.groups[kind];
                *group = places.get(usize::from(*group)).copied().unwrap_or(NONE);
            }
        }
    }

    /// Gives the places of the groups of a connection.
    #[inline]
    fn groups(&self, connection: u32, mut each: impl FnMut(usize)) {
        each(0);
        let Some(seat) = self.seats.get(connection as usize) else { return };
        for g in seat.groups {
            if g != NONE {
                each(usize::from(g));
            }
        }
    }

    fn count(&self, out: &mut [GroupTiming]) {
        let mut counts = vec![[0_u64; 4]; out.len()];
        for (i, seat) in (0..).zip(&self.seats) {
            self.groups(i, |g| counts[g][seat.seen.map_or(3, |v| v as usize)] += 1);
        }
        let names = [Vantage::Client, Vantage::Server, Vantage::Middle].map(|v| (v as usize, v.name()));
        for (g, counts) in out.iter_mut().zip(counts) {
            g.connections = counts.iter().sum();
            for (i, name) in names.into_iter().chain([(3, "unknown")]) {
                if counts[i] > 0 {
                    g.vantages.insert(name, counts[i]);
                }
            }
        }
    }

    /// For each group all entries of a column together, or the greatest of them.
    fn total(&self, column: &Column, groups: usize, greatest: bool) -> Vec<u64> {
        let mut totals = vec![0_u64; groups];
        for (connection, value) in column.entries() {
            self.groups(connection, |g| {
                totals[g] = if greatest { totals[g].max(value) } else { totals[g].saturating_add(value) };
            });
        }
        totals
    }

    fn add_up(&self, out: &mut [GroupTiming]) {
        let span = |total: u64| Span(i64::try_from(total).unwrap_or(i64::MAX));
        let mut each = |index: usize, greatest: bool, set: &dyn Fn(&mut GroupTiming, u64)| {
            let column = &self.figures[index];
            if !column.is_empty() {
                let totals = self.total(column, out.len(), greatest);
                out.iter_mut().zip(totals).for_each(|(g, total)| set(g, total));
            }
        };
        each(Figure::SynRetries.index(), false, &|g, n| g.syn_retries = n);
        each(Figure::SynackRetries.index(), false, &|g, n| g.synack_retries = n);
        each(Figure::Excluded.index(), false, &|g, n| g.excluded = n);
        each(Figure::Clamped.index(), false, &|g, n| g.clamped = n);
        for part in 0..9 {
            let set = |g: &mut GroupTiming, total| *figure::part(&mut g.blame, part) = span(total);
            each(Figure::Blame(part).index(), false, &set);
        }
        for what in Stopped::ALL {
            let at = 4 + 9 + STOPS * what.index();
            each(at, false, &|g, n| what.of(g).count = n);
            each(at + 1, false, &|g, n| what.of(g).total = span(n));
            each(at + 2, true, &|g, n| what.of(g).longest = span(n));
            each(at + 3, true, &|g, n| what.of(g).open = n > 0);
        }
    }

    fn distribute(&self, out: &mut [GroupTiming]) {
        let mut sets = vec![Quantiles::new(GROUP); out.len()];
        let mut samples: Vec<i64> = Vec::new();
        for (metric, name) in Metric::ALL {
            let mut rough = self.rough.iter().filter(|(m, ..)| *m == metric).peekable();
            let mut entries = self.metrics[metric as usize].entries().peekable();
            loop {
                let next = entries.peek().map(|(connection, _)| *connection);
                if let Some((_, connection, q)) = rough.next_if(|(_, c, _)| next.is_none_or(|n| *c <= n)) {
                    self.groups(*connection, |g| sets[g].merge(q));
                    continue;
                }
                let Some(connection) = next else { break };
                samples.clear();
                while let Some((_, value)) = entries.next_if(|(c, _)| *c == connection) {
                    samples.push(value as i64);
                }
                match samples[..] {
                    [only] => self.groups(connection, |g| sets[g].push(only)),
                    _ => self.groups(connection, |g| sets[g].extend(&samples)),
                }
            }
            for (i, (g, q)) in out.iter_mut().zip(&mut sets).enumerate() {
                // Only that of all connections is ever drawn.
                let d = if i == 0 { distribution::drawn(q) } else { distribution::rest(q) };
                if let Some(d) = d {
                    g.metrics.insert(name, d);
                    q.clear();
                }
            }
        }
    }

    fn occupy(&self, out: &mut [GroupTiming]) {
        let mut sets: Vec<[Quantiles; 3]> = vec![std::array::from_fn(|_| Quantiles::new(GROUP)); out.len()];
        let mut uncertain = vec![0_u64; out.len()];
        for state in State::ALL {
            for side in [Side::Client, Side::Server] {
                let place = place(side, state);
                if self.stays[place].is_empty() && self.open[place].is_empty() {
                    continue;
                }
                uncertain.fill(0);
                let mut entries = self.stays[place].entries();
                while let (Some((connection, span)), Some((_, less)), Some((_, more))) =
                    (entries.next(), entries.next(), entries.next())
                {
                    let bounds = [span, span.saturating_sub(less), span.saturating_add(more)].map(|v| v as i64);
                    let differ = u64::from(less > 0 || more > 0);
                    self.groups(connection, |g| {
                        sets[g].iter_mut().zip(bounds).for_each(|(q, v)| q.push(v));
                        uncertain[g] += differ;
                    });
                }
                let modelled = self.total(&self.modelled[place], out.len(), false);
                let longest = self.total(&self.open[place], out.len(), true);
                let mut open = vec![0_u64; out.len()];
                for (connection, _) in self.open[place].entries() {
                    self.groups(connection, |g| open[g] += 1);
                }
                for (i, (g, [spans, low, high])) in out.iter_mut().zip(&mut sets).enumerate() {
                    let seen = spans.count() > 0;
                    if !seen && open[i] == 0 {
                        continue;
                    }
                    let bounds = |q: &mut Quantiles| if uncertain[i] > 0 { distribution::rest(q) } else { None };
                    let occupancy = Occupancy {
                        at_least: bounds(low),
                        at_most: bounds(high),
                        spans: if i == 0 { distribution::drawn(spans) } else { distribution::rest(spans) },
                        uncertain: uncertain[i],
                        modelled: modelled[i],
                        open: open[i],
                        open_longest: (open[i] > 0).then(|| Span(longest[i] as i64)),
                    };
                    g.states.get_mut(side).insert(state, occupancy);
                    [spans, low, high].into_iter().for_each(Quantiles::clear);
                }
            }
        }
    }
}
