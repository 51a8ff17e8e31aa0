//! Totals over all connections of a report.

use std::collections::BTreeMap;

use super::model::*;
use crate::tracker::{Evidence, State};

/// Counts indexed by state.
type PerState = [u64; State::ALL.len()];

/// Totals over `connections`; `retracted` beliefs were disproved in all.
pub fn summary(connections: &[Connection], retracted: u64) -> Summary {
    let mut outcomes = [0_u64; Outcome::ALL.len()];
    let mut closed_first = [0_u64; 3];
    let mut evidence = [0_u64; Evidence::ALL.len()];
    let mut final_states: PerSide<PerState> = PerSide::default();
    for c in connections {
        outcomes[c.outcome as usize] += 1;
        if let Some(who) = c.closed_first {
            closed_first[who as usize] += 1;
        }
        for side in [Side::Client, Side::Server] {
            let e = c.endpoints.get(side);
            final_states.get_mut(side)[e.state as usize] += 1;
            for h in &e.history {
                evidence[h.evidence as usize] += 1;
            }
        }
    }
    let side = |side: Side| peaks(connections, side);
    Summary {
        connections: connections.len() as u64,
        outcomes: named(Outcome::ALL.map(Outcome::name), outcomes),
        closed_first: named(["client", "server", "both"], closed_first),
        final_states: PerSide { client: by_state(&final_states.client), server: by_state(&final_states.server) },
        peak_states: PerSide { client: by_state(&side(Side::Client)), server: by_state(&side(Side::Server)) },
        evidence: named(Evidence::ALL.map(Evidence::name), evidence),
        retracted,
    }
}

fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> BTreeMap<&'static str, u64> {
    names.into_iter().zip(counts).filter(|(_, n)| *n > 0).collect()
}

fn by_state(counts: &PerState) -> BTreeMap<State, u64> {
    State::ALL.into_iter().map(|s| (s, counts[s as usize])).filter(|(_, n)| *n > 0).collect()
}

/// The most endpoints of one side that were in each state at one time.
fn peaks(connections: &[Connection], side: Side) -> PerState {
    let mut entered: [Vec<i64>; State::ALL.len()] = Default::default();
    let mut left: [Vec<i64>; State::ALL.len()] = Default::default();
    for c in connections {
        for h in &c.endpoints.get(side).history {
            if h.from != State::Closed {
                left[h.from as usize].push(h.time.0);
            }
            if h.state != State::Closed {
                entered[h.state as usize].push(h.time.0);
            }
        }
    }
    let mut peaks = [0; State::ALL.len()];
    for (peak, (entered, left)) in peaks.iter_mut().zip(entered.iter_mut().zip(&mut left)) {
        entered.sort_unstable();
        left.sort_unstable();
        let mut gone = 0;
        for (i, time) in entered.iter().enumerate() {
            // One that leaves as another enters makes room for it; one that passes through in no time counts.
            while left.get(gone).is_some_and(|t| t <= time) && gone < i {
                gone += 1;
            }
            *peak = (*peak).max((i + 1 - gone) as u64);
        }
    }
    peaks
}
