//! One line for three thousand connections: anomalies grouped by kind, culprit and service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::declaration::{Declaration, Detect};
use super::digest::Digest;
use super::select::Selection;
use super::services::Services;
use super::view::{Facts, Scene};
use super::{ALL, LISTED};
use crate::report::{Anomaly, Connection, Finding, Severity, Side};
use crate::segment::Socket;

/// Anomalies of the same kind at the same service, on the same side.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    declaration: usize,
    service: Socket,
    side: Option<Side>,
}

/// All findings, most severe first: what the connections have in common, and what only the capture as a whole shows.
pub fn findings(
    scene: &Scene<'_>,
    connections: &[Connection],
    digests: &[Digest],
    selection: &Selection,
) -> Vec<Finding> {
    let mut findings = grouped(connections, selection);
    let services = Services::of(digests);
    for declaration in ALL.iter().filter(|d| selection.wants(d)) {
        if let Detect::Capture(detect) = declaration.detect {
            findings.extend(detect(scene, &services).into_iter().map(|shown| Finding {
                code: declaration.code,
                name: declaration.name,
                severity: shown.severity,
                count: shown.count,
                message: shown.message,
                advice: declaration.advice,
                connections: shown.connections,
                packets: shown.packets,
                facts: shown.facts,
            }));
        }
    }
    sort(&mut findings);
    findings
}

/// Most severe first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (b.severity, b.count, a.code, &a.message).cmp(&(a.severity, a.count, b.code, &b.message)));
}

/// What `connections` have in common, by kind, service and side; unordered.
pub fn grouped(connections: &[Connection], selection: &Selection) -> Vec<Finding> {
    let mut groups: BTreeMap<Key, Vec<(&Connection, &Anomaly)>> = BTreeMap::new();
    for c in connections {
        for a in &c.anomalies {
            let Some(declaration) = ALL.iter().position(|d| d.code == a.code) else { continue };
            if !selection.wants(ALL[declaration]) {
                continue;
            }
            groups.entry(Key { declaration, service: c.server, side: a.endpoint }).or_default().push((c, a));
        }
    }
    groups.into_iter().map(|(key, cases)| group(ALL[key.declaration], key.service, cases)).collect()
}

fn group(declaration: &'static Declaration, service: Socket, mut cases: Vec<(&Connection, &Anomaly)>) -> Finding {
    let first = cases.iter().map(|(_, a)| a.time).min();
    let hosts: BTreeSet<IpAddr> = cases.iter().map(|(c, _)| c.client.addr).collect();
    let count = cases.len() as u64;
    // Worst first; of equals the longest, then the first.
    let length =
        |a: &Anomaly| a.facts.get("for_at_least").or(a.facts.get("for")).and_then(Value::as_f64).unwrap_or(0.0);
    cases.sort_by(|(c, a), (d, b)| {
        b.severity.cmp(&a.severity).then(length(b).total_cmp(&length(a))).then(c.id.cmp(&d.id))
    });
    let (worst_connection, worst) = cases[0];
    let message = if count == 1 {
        worst.message.clone()
    } else {
        let from = match hosts.first() {
            Some(host) if hosts.len() == 1 => host.to_string(),
            _ => format!("{} hosts", hosts.len()),
        };
        format!(
            "{count} connections from {from} to {service}: {}; the worst is #{}: {}",
            declaration.summary, worst_connection.id, worst.message,
        )
    };
    let packets: Vec<u64> = cases.iter().filter_map(|(_, a)| a.packet).take(LISTED).collect();
    let mut facts = Facts::new();
    facts.insert("service", Value::from(service.to_string()));
    facts.insert("hosts", Value::from(hosts.iter().take(LISTED).map(IpAddr::to_string).collect::<Vec<_>>()));
    facts.insert("host_count", Value::from(hosts.len()));
    facts.insert("worst", Value::from(worst_connection.id));
    if let Some(side) = worst.endpoint {
        facts.insert("at", Value::from(side.name()));
    }
    if let Some(first) = first {
        facts.insert("first", Value::from(first.to_string()));
    }
    if !packets.is_empty() {
        facts.insert("display_filter", Value::from(display_filter(&packets)));
    }
    // The reasons of RSTs in the group, counted.
    let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, a) in &cases {
        if let Some(cause) = a.facts.get("reset.cause").and_then(Value::as_str) {
            *causes.entry(cause).or_default() += 1;
        }
    }
    if !causes.is_empty() {
        facts.insert("reset.causes", Value::from_iter(causes));
    }
    Finding {
        code: declaration.code,
        name: declaration.name,
        severity: cases.iter().map(|(_, a)| a.severity).max().unwrap_or(Severity::Info),
        count,
        message,
        advice: declaration.advice,
        connections: cases.iter().map(|(c, _)| c.id).take(LISTED).collect(),
        packets,
        facts,
    }
}

/// The packets, to be pasted into Wireshark.
fn display_filter(packets: &[u64]) -> String {
    packets.iter().map(|p| format!("frame.number == {p}")).collect::<Vec<_>>().join(" || ")
}
