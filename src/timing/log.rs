//! What the tables are made of: the figures of every connection, a column for each, packed into bytes. A connection is
//! written down once, whatever groups it belongs to, and only the groups that are listed are ever put together: column
//! by column, so that no more than the samples of one are in hand.

use super::distribution;
use super::occupancy::Stay;
use super::packed::{self, Entries, LABELS};
use super::quantile::{GROUP, Quantiles};
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
/// How many figures are added up; see [`Figure::index`].
const FIGURES: usize = 4 + 9 + 5 * STOPS;
/// How many figures [`Stops`] have.
const STOPS: usize = 4;

/// A group's number where there is none.
const NONE: u16 = u16::MAX;

/// What stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Payload, for a second or more.
    Idle,
    /// What an end may take in.
    ZeroWindow(Side),
    /// The stream of an end.
    Stalls(Side),
}

impl Stopped {
    const ALL: [Stopped; 5] = [
        Stopped::Idle,
        Stopped::ZeroWindow(Side::Client),
        Stopped::ZeroWindow(Side::Server),
        Stopped::Stalls(Side::Client),
        Stopped::Stalls(Side::Server),
    ];

    fn index(self) -> usize {
        match self {
            Stopped::Idle => 0,
            Stopped::ZeroWindow(side) => 1 + side as usize,
            Stopped::Stalls(side) => 3 + side as usize,
        }
    }

    fn of(self, g: &mut GroupTiming) -> &mut Stops {
        match self {
            Stopped::Idle => &mut g.idle,
            Stopped::ZeroWindow(side) => g.zero_window.get_mut(side),
            Stopped::Stalls(side) => g.stalls.get_mut(side),
        }
    }
}

/// A figure that is added up over the connections of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// SYNs sent again.
    SynRetries,
    /// SYN-ACKs sent again.
    SynackRetries,
    /// Samples left out.
    Excluded,
    /// Corrected values that would have been negative.
    Clamped,
    /// A part of the account, by its place in [`Blame::parts`](crate::report::timing::Blame::parts).
    Blame(u8),
}

impl Figure {
    fn index(self) -> usize {
        match self {
            Figure::SynRetries => 0,
            Figure::SynackRetries => 1,
            Figure::Excluded => 2,
            Figure::Clamped => 3,
            Figure::Blame(part) => 4 + usize::from(part.min(8)),
        }
    }
}

/// One figure of many connections, in their order; several entries of one connection stand together.
#[derive(Clone, Debug, Default)]
struct Column {
    /// The label of an entry tells how many connections after that of the one before it its own is; [`LABELS`] that the
    /// number is that, and the entry itself comes next.
    bytes: Vec<u8>,
    /// The connection of the last entry.
    last: u32,
}

impl Column {
    fn push(&mut self, connection: u32, value: u64) {
        let mut on = connection - self.last;
        if on >= u32::from(LABELS) {
            packed::push(&mut self.bytes, LABELS, on.into());
            on = 0;
        }
        packed::push(&mut self.bytes, on as u8, value);
        self.last = connection;
    }

    /// Gives every entry with its connection.
    fn entries(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut connection = 0_u32;
        Entries(&self.bytes).filter_map(move |(label, value)| {
            if label == LABELS {
                connection = connection.wrapping_add(value as u32);
                return None;
            }
            connection = connection.wrapping_add(u32::from(label));
            Some((connection, value))
        })
    }
}

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

    /// All samples of a distribution.
    pub fn samples(&mut self, metric: Metric, q: &Quantiles) {
        match q.samples() {
            Some(samples) => samples.iter().for_each(|v| self.sample(metric, Span(*v))),
            None => self.rough.push((metric, self.connection(), q.clone())),
        }
    }

    /// All samples of a distribution less `shift`, at least 0; says how many would have been negative.
    pub fn less(&mut self, metric: Metric, q: &Quantiles, shift: Span) -> u64 {
        let Some(samples) = q.samples() else {
            let (rest, clamped) = q.less(shift);
            self.rough.push((metric, self.connection(), rest));
            return clamped;
        };
        let mut clamped = 0;
        for v in samples {
            let rest = v.saturating_sub(shift.0);
            clamped += u64::from(rest < 0);
            self.sample(metric, Span(rest));
        }
        clamped
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
        let column = &mut self.stays[place];
        column.push(connection, stay.span.0 as u64);
        column.push(connection, (stay.span - stay.low).0.max(0) as u64);
        column.push(connection, (stay.high - stay.span).0.max(0) as u64);
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

    /// The places of the groups of a connection.
    fn groups(&self, connection: u32) -> impl Iterator<Item = usize> {
        let groups = self.seats.get(connection as usize).map_or([NONE; 3], |s| s.groups);
        std::iter::once(0).chain(groups.into_iter().filter(|g| *g != NONE).map(usize::from))
    }

    fn count(&self, out: &mut [GroupTiming]) {
        let mut counts = vec![[0_u64; 4]; out.len()];
        for (i, seat) in (0..).zip(&self.seats) {
            for g in self.groups(i) {
                counts[g][seat.seen.map_or(3, |v| v as usize)] += 1;
            }
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
            for g in self.groups(connection) {
                totals[g] = if greatest { totals[g].max(value) } else { totals[g].saturating_add(value) };
            }
        }
        totals
    }

    fn add_up(&self, out: &mut [GroupTiming]) {
        let span = |total: u64| Span(i64::try_from(total).unwrap_or(i64::MAX));
        let mut each = |index: usize, greatest: bool, set: &dyn Fn(&mut GroupTiming, u64)| {
            let column = &self.figures[index];
            if !column.bytes.is_empty() {
                let totals = self.total(column, out.len(), greatest);
                out.iter_mut().zip(totals).for_each(|(g, total)| set(g, total));
            }
        };
        each(Figure::SynRetries.index(), false, &|g, n| g.syn_retries = n);
        each(Figure::SynackRetries.index(), false, &|g, n| g.synack_retries = n);
        each(Figure::Excluded.index(), false, &|g, n| g.excluded = n);
        each(Figure::Clamped.index(), false, &|g, n| g.clamped = n);
        for part in 0..9 {
            let set = |g: &mut GroupTiming, total| *g.blame.parts_mut()[usize::from(part)] = span(total);
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
                    self.groups(*connection).for_each(|g| sets[g].merge(q));
                    continue;
                }
                let Some(connection) = next else { break };
                samples.clear();
                while let Some((_, value)) = entries.next_if(|(c, _)| *c == connection) {
                    samples.push(value as i64);
                }
                self.groups(connection).for_each(|g| sets[g].extend(&samples));
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
                if self.stays[place].bytes.is_empty() && self.open[place].bytes.is_empty() {
                    continue;
                }
                uncertain.fill(0);
                let mut entries = self.stays[place].entries();
                while let (Some((connection, span)), Some((_, less)), Some((_, more))) =
                    (entries.next(), entries.next(), entries.next())
                {
                    let bounds = [span, span.saturating_sub(less), span.saturating_add(more)].map(|v| v as i64);
                    for g in self.groups(connection) {
                        sets[g].iter_mut().zip(bounds).for_each(|(q, v)| q.extend(&[v]));
                        uncertain[g] += u64::from(less > 0 || more > 0);
                    }
                }
                let modelled = self.total(&self.modelled[place], out.len(), false);
                let longest = self.total(&self.open[place], out.len(), true);
                let mut open = vec![0_u64; out.len()];
                for (connection, _) in self.open[place].entries() {
                    self.groups(connection).for_each(|g| open[g] += 1);
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
