//! Totals over all connections of a report.

use std::collections::BTreeMap;
use std::iter::once;

use super::ending::{ClosedFirst, Ending, Outcome};
use super::model::*;
use super::peaks::{self, Peaks};
use crate::time::Time;
use crate::tracker::textbook::{EVIDENCE, Entered};
use crate::tracker::{Evidence, Fate, State, Verdict};

/// Counts indexed by state.
type PerState = [u64; State::ALL.len()];

/// Totals in the making: connections are added one by one, and what was added apart is merged.
#[derive(Clone, Debug)]
pub struct Totals {
    connections: u64,
    outcomes: [u64; Outcome::ALL.len()],
    closed_first: [u64; 3],
    evidence: [u64; Evidence::ALL.len()],
    final_states: PerSide<PerState>,
    peaks: PerSide<Peaks>,
    retracted: u64,
    /// Textbook connections by which end closed first, and by how it is known that its wait was over, if it was: what else they
    /// count for follows from that, and is not counted of each.
    textbooks: [[u64; 1 + Evidence::ALL.len()]; 2],
}

/// One transition, as far as totals count it.
#[derive(Clone, Copy, Debug)]
struct Move {
    from: State,
    to: State,
    time: Time,
    evidence: Evidence,
}

impl Totals {
    /// Nothing yet; about so many `connections` are to come, of a capture from `begin` to `end`.
    pub fn new(connections: u64, begin: Time, end: Time) -> Totals {
        let peaks = || Peaks::new(connections, begin, end);
        Totals::with(PerSide { client: peaks(), server: peaks() })
    }

    fn with(peaks: PerSide<Peaks>) -> Totals {
        Totals {
            connections: 0,
            outcomes: Default::default(),
            closed_first: Default::default(),
            evidence: Default::default(),
            final_states: PerSide::default(),
            peaks,
            retracted: 0,
            textbooks: Default::default(),
        }
    }

    /// The same, with nothing in it.
    #[must_use]
    pub fn empty(&self) -> Totals {
        Totals::with(PerSide { client: self.peaks.client.empty(), server: self.peaks.server.empty() })
    }

    /// Adds a connection that ended so, of which so many beliefs were `retracted`.
    #[inline]
    pub fn connection(&mut self, ending: Ending, ends: PerSide<&Verdict>, retracted: u64) {
        self.add(ending.outcome, ending.closed_first, retracted);
        for (side, verdict) in [(Side::Client, ends.client), (Side::Server, ends.server)] {
            let moves = verdict.steps.iter();
            let moves = moves.map(|s| Move { from: s.rule.from, to: s.rule.to, time: s.at, evidence: s.mark.evidence });
            self.end(side, verdict.state(), moves);
        }
    }

    /// The same of a textbook connection, whose ends entered their states so.
    #[inline]
    pub fn textbook(&mut self, entered: &Entered) {
        self.textbooks[entered.closer()][entered.over.map_or(0, |(_, evidence)| 1 + evidence as usize)] += 1;
        let PerSide { client, server } = &mut self.peaks;
        client.course(entered.states(0), &entered.at[0]);
        server.course(entered.states(1), &entered.at[1]);
        if let Some((at, _)) = entered.over {
            let peaks = if entered.closer() == 0 { client } else { server };
            peaks.moves(once((State::TimeWait, State::Closed, at)));
        }
    }

    /// Counts the textbook connections for all that they count for.
    fn tell_textbooks(&mut self) {
        for (closer, by_end) in std::mem::take(&mut self.textbooks).into_iter().enumerate() {
            let ends = [None].into_iter().chain(Evidence::ALL.map(Some));
            for (over, count) in ends.zip(by_end) {
                let Ending { outcome, closed_first, .. } = Ending::of_textbook(closer);
                self.connections += count;
                self.outcomes[outcome as usize] += count;
                closed_first.into_iter().for_each(|who| self.closed_first[who as usize] += count);
                EVIDENCE.iter().for_each(|(evidence, n)| self.evidence[*evidence as usize] += n * count);
                over.into_iter().for_each(|evidence| self.evidence[evidence as usize] += count);
                for (e, side) in Side::ALL.into_iter().enumerate() {
                    let waits = e == closer && over.is_none();
                    let state = if waits { State::TimeWait } else { State::Closed };
                    self.final_states.get_mut(side)[state as usize] += count;
                }
            }
        }
    }

    /// When the ends of a lone SYN of this time, of which this became, went from one state to another; the rest is the same in
    /// [all](Totals::lones) of them.
    #[inline]
    pub fn lone(&mut self, fate: Fate, time: Time) {
        let PerSide { client, server } = &mut self.peaks;
        client.moves(once((State::Closed, State::SynSent, time)));
        match fate {
            Fate::Unanswered => {}
            Fate::Received => server.moves(once((State::Closed, State::SynRcvd, time))),
            Fate::GivenUp(at) => client.moves(once((State::SynSent, State::Closed, at))),
        }
    }

    /// Adds so many lone SYNs of which this became.
    pub fn lones(&mut self, fate: Fate, count: u64) {
        self.connections += count;
        self.outcomes[Outcome::of_fate(fate) as usize] += count;
        self.evidence[Evidence::Sent as usize] += count;
        let (states, second) = match fate {
            Fate::Unanswered => ([State::SynSent, State::Closed], None),
            Fate::Received => ([State::SynSent, State::SynRcvd], Some(Evidence::Inferred)),
            Fate::GivenUp(_) => ([State::Closed; 2], Some(Evidence::Timer)),
        };
        second.into_iter().for_each(|evidence| self.evidence[evidence as usize] += count);
        for (side, state) in Side::ALL.into_iter().zip(states) {
            self.final_states.get_mut(side)[state as usize] += count;
        }
    }

    fn add(&mut self, outcome: Outcome, closed_first: Option<ClosedFirst>, retracted: u64) {
        self.connections += 1;
        self.outcomes[outcome as usize] += 1;
        if let Some(who) = closed_first {
            self.closed_first[who as usize] += 1;
        }
        self.retracted += retracted;
    }

    /// Counts beliefs that were retracted of a connection that is not added.
    pub fn retract(&mut self, retracted: u64) {
        self.retracted += retracted;
    }

    /// Where it was not known how many there would be, of a capture from `begin` to `end`: if they turned out to be many, what
    /// is kept of them no longer grows.
    pub fn loosen_if_many(&mut self, begin: Time, end: Time) {
        self.tell_textbooks();
        if self.connections > peaks::EXACT {
            self.peaks.client.loosen(begin, end);
            self.peaks.server.loosen(begin, end);
        }
    }

    /// Adds one end: its final state, and how it got there.
    #[inline]
    fn end(&mut self, side: Side, state: State, history: impl Iterator<Item = Move>) {
        self.final_states.get_mut(side)[state as usize] += 1;
        let evidence = &mut self.evidence;
        self.peaks.get_mut(side).moves(history.map(|m| {
            evidence[m.evidence as usize] += 1;
            (m.from, m.to, m.time)
        }));
    }

    /// Adds totals of other connections of the same capture.
    pub fn merge(&mut self, other: &Totals) {
        fn sum<const N: usize>(mine: &mut [u64; N], other: &[u64; N]) {
            mine.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        }
        self.connections += other.connections;
        self.retracted += other.retracted;
        self.textbooks.iter_mut().zip(&other.textbooks).for_each(|(mine, theirs)| sum(mine, theirs));
        sum(&mut self.outcomes, &other.outcomes);
        sum(&mut self.closed_first, &other.closed_first);
        sum(&mut self.evidence, &other.evidence);
        for side in Side::ALL {
            sum(self.final_states.get_mut(side), other.final_states.get(side));
            self.peaks.get_mut(side).merge(other.peaks.get(side));
        }
    }

    /// The totals.
    pub fn finish(mut self) -> Summary {
        self.tell_textbooks();
        Summary {
            connections: self.connections,
            outcomes: named(Outcome::ALL.map(Outcome::name), self.outcomes),
            closed_first: named(ClosedFirst::ALL.map(ClosedFirst::name), self.closed_first),
            final_states: PerSide {
                client: by_state(&self.final_states.client),
                server: by_state(&self.final_states.server),
            },
            peak_states: PerSide {
                client: by_state(&self.peaks.client.finish()),
                server: by_state(&self.peaks.server.finish()),
            },
            evidence: named(Evidence::ALL.map(Evidence::name), self.evidence),
            retracted: self.retracted,
        }
    }
}

/// Totals over `connections`; `retracted` beliefs were disproved in all.
pub fn summary(connections: &[Connection], retracted: u64) -> Summary {
    let begin = connections.iter().map(|c| c.first).min().unwrap_or_default();
    let end = connections.iter().map(|c| c.last).max().unwrap_or_default();
    let mut totals = Totals::new(connections.len() as u64, begin, end);
    for c in connections {
        totals.add(c.outcome, c.closed_first, 0);
        for side in Side::ALL {
            let e = c.endpoints.get(side);
            let moves = e.history.iter();
            let moves = moves.map(|h| Move { from: h.from, to: h.state, time: h.time, evidence: h.evidence });
            totals.end(side, e.state, moves);
        }
    }
    Summary { retracted, ..totals.finish() }
}

fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> BTreeMap<&'static str, u64> {
    names.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect()
}

fn by_state(counts: &PerState) -> BTreeMap<State, u64> {
    State::ALL.into_iter().map(|s| (s, counts[s as usize])).filter(|(_, n)| *n > 0).collect()
}
