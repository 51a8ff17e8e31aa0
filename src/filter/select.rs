//! A report about some of its connections: the totals are counted again over those that stay.

use std::collections::BTreeMap;

use crate::report::{ClosedFirst, Connection, PerSide, Report, Side, Summary};
use crate::time::Time;
use crate::tracker::State;

/// Keeps the connections that `keep` wants, the findings that one of them shows, and counts the totals over them.
/// What a finding says about its whole group (its sentence and numbers) stays as it is.
pub fn select(report: &mut Report, keep: impl Fn(&Connection) -> bool) {
    report.connections.retain(keep);
    let connections = &report.connections;
    report.findings.retain_mut(|finding| {
        let shows = |c: &&Connection| c.anomalies.iter().any(|anomaly| anomaly.name == finding.name);
        finding.connections.retain(|id| connections.binary_search_by_key(id, |c| c.id).is_ok());
        finding.count = connections.iter().filter(shows).count().max(finding.connections.len()) as u64;
        finding.count > 0
    });
    report.summary = summarise(&report.connections);
}

/// Totals over `connections`.
pub fn summarise(connections: &[Connection]) -> Summary {
    let mut summary = Summary { connections: connections.len() as u64, ..Summary::default() };
    for connection in connections {
        *summary.outcomes.entry(connection.outcome.name()).or_default() += 1;
        if let Some(who) = connection.closed_first {
            *summary.closed_first.entry(name(who)).or_default() += 1;
        }
        for side in [Side::Client, Side::Server] {
            let endpoint = connection.endpoints.get(side);
            *summary.final_states.get_mut(side).entry(endpoint.state).or_default() += 1;
            summary.retracted += endpoint.retracted.len() as u64;
            for entry in &endpoint.history {
                *summary.evidence.entry(entry.evidence.name()).or_default() += 1;
            }
        }
    }
    summary.peak_states =
        PerSide { client: peaks(connections, Side::Client), server: peaks(connections, Side::Server) };
    summary
}

/// The most endpoints that were in each state at one time. A state that is left counts no more at that instant.
fn peaks(connections: &[Connection], side: Side) -> BTreeMap<State, u64> {
    let mut moves: Vec<(Time, i8, State)> = Vec::new();
    for connection in connections {
        let history = &connection.endpoints.get(side).history;
        for (i, entry) in history.iter().enumerate() {
            moves.push((entry.time, 1, entry.state));
            if let Some(next) = history.get(i + 1) {
                moves.push((next.time, -1, entry.state));
            }
        }
    }
    moves.sort_unstable();
    let mut now: BTreeMap<State, i64> = BTreeMap::new();
    let mut peaks: BTreeMap<State, u64> = BTreeMap::new();
    for (_, change, state) in moves {
        let n = now.entry(state).or_default();
        *n += i64::from(change);
        let peak = peaks.entry(state).or_default();
        // Passing through a state in no time at all is still having been in it.
        *peak = (*peak).max(n.unsigned_abs()).max(u64::from(change > 0));
    }
    peaks
}

/// As in JSON.
pub const fn name(who: ClosedFirst) -> &'static str {
    match who {
        ClosedFirst::Client => "client",
        ClosedFirst::Server => "server",
        ClosedFirst::Both => "both",
    }
}
