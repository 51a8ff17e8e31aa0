//! A report about some of its connections: the totals are counted again over those that stay.

use crate::report::{ClosedFirst, Connection, Report, rollup, totals};

/// Keeps the connections that `keep` wants, the findings that one of them shows, and counts the totals and
/// roll-ups over them.
///
/// What a finding says about its whole group (its sentence and numbers) stays as it is, and so does the number of
/// retracted entries, which only the tracker knows.
pub fn select(report: &mut Report, keep: impl Fn(&Connection) -> bool) {
    report.connections.retain(keep);
    let connections = &report.connections;
    report.findings.retain_mut(|finding| {
        let shows = |c: &&Connection| c.anomalies.iter().any(|anomaly| anomaly.name == finding.name);
        let complete = finding.connections.len() as u64 >= finding.count;
        finding.connections.retain(|id| connections.binary_search_by_key(id, |c| c.id).is_ok());
        let named = finding.connections.len();
        // Where not all of its connections are named, those that stay may be among the others.
        finding.count = if complete { named } else { connections.iter().filter(shows).count().max(named) } as u64;
        finding.count > 0
    });
    report.rollups = rollup::rollups(&report.connections, &report.findings);
    report.summary = totals::summary(&report.connections, report.summary.retracted);
}

/// As in JSON.
pub const fn name(who: ClosedFirst) -> &'static str {
    match who {
        ClosedFirst::Client => "client",
        ClosedFirst::Server => "server",
        ClosedFirst::Both => "both",
    }
}
