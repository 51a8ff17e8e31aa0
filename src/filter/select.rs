//! A report about some of its connections: the totals are counted again over those that stay.

use std::net::SocketAddr;

use crate::report::carried::Carried;
use crate::report::findings;
use crate::report::number::{count, plural};
use crate::report::{Connection, Finding, Report, Severity, Side, rollup, totals};
use crate::segment::Socket;

/// Keeps the connections that `keep` wants, the findings that one of them shows, and counts the totals and
/// roll-ups over them.
///
/// What a finding says about its whole group (its sentence and numbers) stays as it is, but that it says of how many of them it is
/// told, and so does the number of retracted entries, which only the tracker knows.
pub fn select(report: &mut Report, keep: impl Fn(&Connection) -> bool) {
    report.connections.retain(keep);
    let connections = &report.connections;
    let stays = |id: u64| connections.binary_search_by_key(&id, |c| c.id).is_ok();
    let shows = |finding: &Finding| {
        let of = group(finding);
        let shows = |c: &&Connection| {
            let of_it = |side| of.is_none_or(|of| of == (c.server, side));
            c.anomalies.iter().any(|anomaly| anomaly.code == finding.code && of_it(anomaly.endpoint))
        };
        connections.iter().filter(shows).count() as u64
    };
    let mut carried = std::mem::take(&mut report.rollups.carried);
    report.left_out = narrow(&mut report.findings, &mut carried, stays, shows);
    report.rollups = rollup::over(connections, carried);
    report.summary = totals::summary(&report.connections, report.summary.retracted);
}

/// The service and the side that a finding is about, if it is what single connections show.
pub fn group(finding: &Finding) -> Option<(Socket, Option<Side>)> {
    let service: SocketAddr = finding.facts.get("service")?.as_str()?.parse().ok()?;
    let at = finding.facts.get("at").and_then(|at| at.as_str());
    let side = Side::ALL.into_iter().find(|side| at == Some(side.name()));
    Some((Socket { addr: service.ip(), port: service.port() }, side))
}

/// Keeps of the findings in `list`, and of what they are `carried` by, what connections show that stay, of which `shows` counts those
/// that show a finding by themselves; sorts them by what is left. Code and severity of the others.
pub fn narrow(
    list: &mut Vec<Finding>,
    carried: &mut Carried,
    stays: impl Fn(u64) -> bool,
    shows: impl Fn(&Finding) -> u64,
) -> Vec<(&'static str, Severity)> {
    let first = |f: &Finding| f.connections.first().copied();
    let reading = carried.reading();
    let places: Vec<Option<u32>> = list.iter().map(|f| first(f).and_then(|id| reading.place(f.code, id))).collect();
    carried.retain(&stays);
    let (counts, mut places) = (carried.counts(), places.into_iter());
    let mut left_out = Vec::new();
    list.retain_mut(|finding| {
        let listed = finding.connections.len();
        let (all, complete) = (finding.count, listed as u64 >= finding.count);
        finding.connections.retain(|id| stays(*id));
        let named = finding.connections.len() as u64;
        // Where not all of its connections are named, those that stay may be among the others.
        finding.count = match places.next().flatten() {
            Some(place) if named == 0 => {
                finding.connections.extend(carried.with(place).take(listed));
                counts[place as usize]
            }
            Some(place) => counts[place as usize],
            None if complete => named,
            None => shows(finding).max(named),
        };
        if finding.count < all && finding.message.starts_with(&plural(all, "connection")) {
            finding.message = format!("{} of {}", count(finding.count), finding.message);
        }
        if finding.count == 0 {
            left_out.push((finding.code, finding.severity));
        }
        finding.count > 0
    });
    findings::sort(list);
    left_out
}
