//! How many endpoints were in each state, over time, with the least and the most that the capture allows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::{Report, Side};
use crate::time::{Span, Time};
use crate::tracker::{Evidence, State};

/// How many endpoints are in one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// As the histories say.
    pub count: u64,
    /// Certainly.
    pub least: u64,
    /// Possibly.
    pub most: u64,
}

/// One point of a series.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// When.
    pub time: Time,
    /// Endpoints by state, CLOSED and LISTEN left out; a state with none, not even possibly, is absent.
    pub states: BTreeMap<State, Count>,
}

/// A series.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its points.
    pub samples: Vec<Sample>,
}

/// One step up or down.
#[derive(Clone, Copy)]
struct Change {
    time: Time,
    state: State,
    count: i64,
    least: i64,
    most: i64,
}

/// Samples from `from` to the end of the capture, `step` apart (at least a nanosecond), at most `limit` of them.
pub fn series(report: &Report, from: Time, step: Span, limit: usize) -> Series {
    let end = report.capture.last.unwrap_or(from);
    let mut changes = changes(report, end);
    changes.sort_by_key(|c| c.time);
    let mut next = changes.into_iter().peekable();
    let mut now: BTreeMap<State, [i64; 3]> = BTreeMap::new();
    let mut samples = Vec::new();
    let mut time = from;
    while time <= end && samples.len() < limit {
        while let Some(change) = next.next_if(|c| c.time <= time) {
            let counts = now.entry(change.state).or_default();
            counts[0] += change.count;
            counts[1] += change.least;
            counts[2] += change.most;
        }
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let states = now
            .iter()
            .filter(|(_, n)| **n != [0; 3])
            .map(|(state, n)| (*state, Count { count: number(n[0]), least: number(n[1]), most: number(n[2]) }));
        samples.push(Sample { time, states: states.collect() });
        time = time + step.max(Span(1));
    }
    Series { samples }
}

fn changes(report: &Report, end: Time) -> Vec<Change> {
    let mut changes = Vec::new();
    for c in &report.connections {
        for side in [Side::Client, Side::Server] {
            let history = &c.endpoints.get(side).history;
            for (i, entry) in history.iter().enumerate() {
                if entry.state == State::Closed {
                    continue;
                }
                let state = entry.state;
                let mut change = |time, count, least, most| changes.push(Change { time, state, count, least, most });
                let entered = entry.latest.unwrap_or(entry.time);
                let next = history.get(i + 1);
                let left = next.map(|n| (n.time, n.latest.unwrap_or(n.time)));
                // A receipt that nothing proves may never have happened.
                let sure = entry.evidence != Evidence::Inferred || entered < end;
                change(entry.time, 1, 0, 1);
                let certain_until = left.map_or(end + Span(1), |(earliest, _)| earliest);
                if sure && entered < certain_until {
                    change(entered, 0, 1, 0);
                    change(certain_until, 0, -1, 0);
                }
                if let Some((earliest, latest)) = left {
                    change(earliest, -1, 0, 0);
                    let forever = next.is_some_and(|n| n.evidence == Evidence::Inferred && latest >= end);
                    if !forever {
                        change(latest, 0, 0, -1);
                    }
                }
            }
        }
    }
    changes
}
