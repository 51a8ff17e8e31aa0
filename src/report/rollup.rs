//! Connections and findings added up per host and per service: who is worst off.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::model::*;
use crate::segment::Socket;

/// Roll-ups kept of each kind; the others are only counted.
pub const KEPT: usize = 100;

/// What each host and each service came to.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rollups {
    /// By address, for every end of a connection.
    pub hosts: Rolled,
    /// By the server's address and port.
    pub services: Rolled,
}

/// The worst of one kind.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rolled {
    /// Worst first: by the severity of the worst finding, how many connections show it, how many there are. At most
    /// [`KEPT`].
    pub entries: Vec<Rollup>,
    /// How many more there are.
    pub omitted: u64,
}

/// All connections of one host or service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rollup {
    /// The host.
    pub addr: IpAddr,
    /// The service's port; absent for a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Connections it has a part in.
    pub connections: u64,
    /// They by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Kinds of findings by severity, each kind at its worst. What one end is to blame for counts for that host alone,
    /// and for the service in either case.
    pub findings: BTreeMap<Severity, u64>,
    /// The kind that matters most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
}

/// A kind of finding in a roll-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Worst {
    /// As in [`Anomaly`].
    pub code: &'static str,
    /// As in [`Anomaly`].
    pub name: &'static str,
    /// The worst of its kind here.
    pub severity: Severity,
    /// Connections that show it here; of a kind that only a group can show, those that the finding names.
    pub connections: u64,
}

impl Rollups {
    /// Whether there is more than a single pair of hosts with one service, of which the rest of the report tells all.
    pub fn compare(&self) -> bool {
        self.hosts.entries.len() > 2 || self.services.entries.len() > 1
    }
}

/// One host or service while it is being added up.
#[derive(Default)]
struct Sum {
    connections: u64,
    outcomes: [u64; Outcome::ALL.len()],
    /// By the finding's name: code, worst severity, connections, and the last of them, so that none counts twice.
    kinds: BTreeMap<&'static str, (&'static str, Severity, u64, u64)>,
}

impl Sum {
    fn connection(&mut self, c: &Connection) {
        self.connections += 1;
        self.outcomes[c.outcome as usize] += 1;
    }

    fn found(&mut self, code: &'static str, name: &'static str, severity: Severity, id: u64) {
        let kind = self.kinds.entry(name).or_insert((code, severity, 0, 0));
        kind.1 = kind.1.max(severity);
        if kind.3 != id {
            kind.2 += 1;
            kind.3 = id;
        }
    }

    fn rollup(self, addr: IpAddr, port: Option<u16>) -> Rollup {
        let mut findings = BTreeMap::new();
        for (_, severity, ..) in self.kinds.values() {
            *findings.entry(*severity).or_insert(0) += 1;
        }
        let kinds = self.kinds.into_iter();
        let kinds = kinds.map(|(name, (code, severity, connections, _))| Worst { code, name, severity, connections });
        Rollup {
            addr,
            port,
            connections: self.connections,
            outcomes: Outcome::ALL.map(Outcome::name).into_iter().zip(self.outcomes).filter(|(_, n)| *n > 0).collect(),
            findings,
            // Of two alike the first by name.
            worst: kinds.rev().max_by_key(|kind| (kind.severity, kind.connections)),
        }
    }
}

/// Adds `connections`, in order of their ids, and `findings` up; both as in the report.
pub fn rollups(connections: &[Connection], findings: &[Finding]) -> Rollups {
    // Some findings only a group can show: no connection carries them by itself.
    let mut grouped: BTreeMap<u64, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        for id in &finding.connections {
            grouped.entry(*id).or_default().push(finding);
        }
    }
    let mut hosts: BTreeMap<IpAddr, Sum> = BTreeMap::new();
    let mut services: BTreeMap<Socket, Sum> = BTreeMap::new();
    for c in connections {
        let service = services.entry(c.server).or_default();
        service.connection(c);
        hosts.entry(c.client.addr).or_default().connection(c);
        if c.client.addr != c.server.addr {
            hosts.entry(c.server.addr).or_default().connection(c);
        }
        let own = c.anomalies.iter().map(|a| (a.code, a.name, a.severity, a.endpoint));
        let carried = |f: &&&Finding| !c.anomalies.iter().any(|a| a.name == f.name);
        let group =
            grouped.get(&c.id).into_iter().flatten().filter(carried).map(|f| (f.code, f.name, f.severity, None));
        for (code, name, severity, blamed) in own.chain(group) {
            service.found(code, name, severity, c.id);
            for (side, socket) in [(Side::Client, c.client), (Side::Server, c.server)] {
                if blamed.is_none_or(|b| b == side) {
                    hosts.entry(socket.addr).or_default().found(code, name, severity, c.id);
                }
            }
        }
    }
    Rollups {
        hosts: worst_first(hosts.into_iter().map(|(addr, sum)| sum.rollup(addr, None))),
        services: worst_first(services.into_iter().map(|(s, sum)| sum.rollup(s.addr, Some(s.port)))),
    }
}

fn worst_first(all: impl Iterator<Item = Rollup>) -> Rolled {
    let mut entries: Vec<Rollup> = all.collect();
    let rank = |r: &Rollup| (r.worst.as_ref().map(|w| (w.severity, w.connections)), r.connections);
    // Those alike stay in order of their addresses.
    entries.sort_by_key(|r| std::cmp::Reverse(rank(r)));
    let omitted = entries.len().saturating_sub(KEPT) as u64;
    entries.truncate(KEPT);
    Rolled { entries, omitted }
}
