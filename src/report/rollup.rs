//! Connections and findings added up per host and per service: who is worst off.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::gather::{self, Gather, Single};
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
#[derive(Clone, Debug, Default)]
struct Sum {
    connections: u64,
    outcomes: [u64; Outcome::ALL.len()],
    /// By number of the kind: worst severity, connections, and the last of them, so that none counts twice.
    kinds: Vec<(u16, Severity, u64, u64)>,
}

impl Sum {
    fn connection(&mut self, outcome: Outcome) {
        self.connections += 1;
        self.outcomes[outcome as usize] += 1;
    }

    fn found(&mut self, kind: u16, severity: Severity, id: u64) {
        match self.kinds.iter_mut().find(|k| k.0 == kind) {
            Some(known) => {
                known.1 = known.1.max(severity);
                known.2 += u64::from(known.3 != id);
                known.3 = id;
            }
            None => self.kinds.push((kind, severity, 1, id)),
        }
    }
}

impl gather::Sum for Sum {
    fn add_single(&mut self, single: Single) {
        self.connection(single.outcome);
        if let Some((kind, severity)) = single.kind {
            match self.kinds.iter_mut().find(|k| k.0 == kind) {
                Some(known) => *known = (kind, known.1.max(severity), known.2 + 1, 0),
                None => self.kinds.push((kind, severity, 1, 0)),
            }
        }
    }

    fn merge(&mut self, other: Sum) {
        self.connections += other.connections;
        self.outcomes.iter_mut().zip(other.outcomes).for_each(|(a, b)| *a += b);
        for (kind, severity, connections, id) in other.kinds {
            match self.kinds.iter_mut().find(|k| k.0 == kind) {
                Some(known) => *known = (kind, known.1.max(severity), known.2 + connections, id),
                None => self.kinds.push((kind, severity, connections, id)),
            }
        }
    }
}

/// A kind of finding that a connection shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// As in [`Anomaly`].
    pub code: &'static str,
    /// As in [`Anomaly`].
    pub name: &'static str,
    /// As in [`Anomaly`].
    pub severity: Severity,
    /// Whose doing it is.
    pub endpoint: Option<Side>,
}

/// A connection to be added.
#[derive(Clone, Copy, Debug)]
pub struct Added {
    /// Its number.
    pub id: u64,
    /// Its client.
    pub client: Socket,
    /// Its server.
    pub server: Socket,
    /// What became of it.
    pub outcome: Outcome,
}

/// Roll-ups in the making: connections are added one by one, and what was added apart is merged.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Code and name by number of the kind.
    kinds: Vec<(&'static str, &'static str)>,
    hosts: PerFamily<u32, [u8; 16]>,
    services: PerFamily<(u32, u16), ([u8; 16], u16)>,
}

/// By address family, as the keys of the one are a quarter of the other's.
#[derive(Clone, Debug)]
struct PerFamily<K4, K6> {
    v4: Gather<K4, Sum>,
    v6: Gather<K6, Sum>,
}

impl<K4, K6> Default for PerFamily<K4, K6> {
    fn default() -> PerFamily<K4, K6> {
        PerFamily { v4: Gather::default(), v6: Gather::default() }
    }
}

impl PerFamily<u32, [u8; 16]> {
    fn add(&mut self, addr: IpAddr, single: Single) {
        match addr {
            IpAddr::V4(addr) => self.v4.add(addr.to_bits(), single),
            IpAddr::V6(addr) => self.v6.add(addr.octets(), single),
        }
    }

    fn sum(&mut self, addr: IpAddr) -> &mut Sum {
        match addr {
            IpAddr::V4(addr) => self.v4.sum(addr.to_bits()),
            IpAddr::V6(addr) => self.v6.sum(addr.octets()),
        }
    }
}

impl PerFamily<(u32, u16), ([u8; 16], u16)> {
    fn add(&mut self, socket: Socket, single: Single) {
        match socket.addr {
            IpAddr::V4(addr) => self.v4.add((addr.to_bits(), socket.port), single),
            IpAddr::V6(addr) => self.v6.add((addr.octets(), socket.port), single),
        }
    }

    fn sum(&mut self, socket: Socket) -> &mut Sum {
        match socket.addr {
            IpAddr::V4(addr) => self.v4.sum((addr.to_bits(), socket.port)),
            IpAddr::V6(addr) => self.v6.sum((addr.octets(), socket.port)),
        }
    }
}

impl Sums {
    /// Nothing yet; kinds of findings are numbered as in `kinds`, by code and name, so that sums can be merged.
    pub fn new(kinds: Vec<(&'static str, &'static str)>) -> Sums {
        Sums { kinds, ..Sums::default() }
    }

    fn kind(&mut self, code: &'static str, name: &'static str) -> u16 {
        let known = self.kinds.iter().position(|k| std::ptr::eq(k.1, name) || k.1 == name);
        known.unwrap_or_else(|| {
            self.kinds.push((code, name));
            self.kinds.len() - 1
        }) as u16
    }

    /// Adds a connection and what it shows.
    pub fn add(&mut self, c: &Added, shown: &[Shown]) {
        let outcome = c.outcome;
        let plain = |kind| Single { outcome, kind };
        match shown {
            [] => {
                self.services.add(c.server, plain(None));
                self.hosts.add(c.client.addr, plain(None));
                if c.client.addr != c.server.addr {
                    self.hosts.add(c.server.addr, plain(None));
                }
            }
            [one] if c.client.addr != c.server.addr => {
                let kind = Some((self.kind(one.code, one.name), one.severity));
                self.services.add(c.server, plain(kind));
                for (side, addr) in [(Side::Client, c.client.addr), (Side::Server, c.server.addr)] {
                    let blamed = one.endpoint.is_none_or(|e| e == side);
                    self.hosts.add(addr, plain(kind.filter(|_| blamed)));
                }
            }
            _ => {
                self.services.sum(c.server).connection(outcome);
                self.hosts.sum(c.client.addr).connection(outcome);
                if c.client.addr != c.server.addr {
                    self.hosts.sum(c.server.addr).connection(outcome);
                }
                shown.iter().for_each(|one| self.found(c, one));
            }
        }
    }

    /// Adds something that connection `c`, which was added, shows as well.
    pub fn found(&mut self, c: &Added, shown: &Shown) {
        let kind = self.kind(shown.code, shown.name);
        self.services.sum(c.server).found(kind, shown.severity, c.id);
        for (side, addr) in [(Side::Client, c.client.addr), (Side::Server, c.server.addr)] {
            if shown.endpoint.is_none_or(|e| e == side) {
                self.hosts.sum(addr).found(kind, shown.severity, c.id);
            }
        }
    }

    /// Adds what was added apart, with the same kinds.
    pub fn merge(&mut self, other: Sums) {
        self.hosts.v4.merge(other.hosts.v4);
        self.hosts.v6.merge(other.hosts.v6);
        self.services.v4.merge(other.services.v4);
        self.services.v6.merge(other.services.v6);
    }

    /// The roll-ups.
    pub fn finish(self) -> Rollups {
        let v4 = |addr: u32| IpAddr::V4(Ipv4Addr::from_bits(addr));
        let v6 = |addr: [u8; 16]| IpAddr::V6(Ipv6Addr::from(addr));
        let mut hosts = Worsts::default();
        self.hosts.v4.each().for_each(|(addr, what)| hosts.take(&self.kinds, v4(addr), None, what));
        self.hosts.v6.each().for_each(|(addr, what)| hosts.take(&self.kinds, v6(addr), None, what));
        let mut services = Worsts::default();
        let (four, six) = (&self.services.v4, &self.services.v6);
        four.each().for_each(|((addr, port), what)| services.take(&self.kinds, v4(addr), Some(port), what));
        six.each().for_each(|((addr, port), what)| services.take(&self.kinds, v6(addr), Some(port), what));
        Rollups { hosts: hosts.finish(&self.kinds), services: services.finish(&self.kinds) }
    }
}

/// What comes first is worst: severity of the worst kind, connections that show it, connections; of those alike the
/// lower address.
type Rank = (Reverse<(Option<(Severity, u64)>, u64)>, IpAddr, Option<u16>);

/// The worst so far.
#[derive(Default)]
struct Worsts {
    kept: BTreeMap<Rank, Sum>,
    all: u64,
}

impl Worsts {
    fn take(
        &mut self,
        kinds: &[(&'static str, &'static str)],
        addr: IpAddr,
        port: Option<u16>,
        what: Result<&Sum, Single>,
    ) {
        self.all += 1;
        let rank = match what {
            Ok(sum) => (sum.worst(kinds).map(|k| (k.1, k.2)), sum.connections),
            Err(single) => (single.kind.map(|(_, severity)| (severity, 1)), 1),
        };
        let rank = (Reverse(rank), addr, port);
        if self.kept.len() >= KEPT {
            match self.kept.last_key_value() {
                Some((last, _)) if rank < *last => self.kept.pop_last(),
                _ => return,
            };
        }
        let sum = match what {
            Ok(sum) => sum.clone(),
            Err(single) => {
                let mut sum = Sum::default();
                gather::Sum::add_single(&mut sum, single);
                sum
            }
        };
        self.kept.insert(rank, sum);
    }

    fn finish(self, kinds: &[(&'static str, &'static str)]) -> Rolled {
        let omitted = self.all - self.kept.len() as u64;
        let entries = self.kept.into_iter().map(|((_, addr, port), sum)| sum.rollup(kinds, addr, port)).collect();
        Rolled { entries, omitted }
    }
}

impl Sum {
    /// The kind that matters most; of two alike the first by name.
    fn worst(&self, kinds: &[(&'static str, &'static str)]) -> Option<&(u16, Severity, u64, u64)> {
        self.kinds.iter().min_by_key(|k| (Reverse((k.1, k.2)), kinds[usize::from(k.0)].1))
    }

    fn rollup(&self, kinds: &[(&'static str, &'static str)], addr: IpAddr, port: Option<u16>) -> Rollup {
        let mut findings = BTreeMap::new();
        for (_, severity, ..) in &self.kinds {
            *findings.entry(*severity).or_insert(0) += 1;
        }
        let worst = self.worst(kinds).map(|(kind, severity, connections, _)| {
            let (code, name) = kinds[usize::from(*kind)];
            Worst { code, name, severity: *severity, connections: *connections }
        });
        Rollup {
            addr,
            port,
            connections: self.connections,
            outcomes: Outcome::ALL.map(Outcome::name).into_iter().zip(self.outcomes).filter(|(_, n)| *n > 0).collect(),
            findings,
            worst,
        }
    }
}

/// What group findings say of connections that do not show it by themselves: for each of their numbers, in order.
pub fn carried(findings: &[Finding]) -> BTreeMap<u64, Vec<Shown>> {
    let mut carried: BTreeMap<u64, Vec<Shown>> = BTreeMap::new();
    for f in findings {
        for id in &f.connections {
            let shown = Shown { code: f.code, name: f.name, severity: f.severity, endpoint: None };
            carried.entry(*id).or_default().push(shown);
        }
    }
    carried
}

/// Adds `connections`, in order of their ids, and `findings` up; both as in the report.
pub fn rollups(connections: &[Connection], findings: &[Finding]) -> Rollups {
    let mut sums = Sums::default();
    let carried = carried(findings);
    for c in connections {
        let added = Added { id: c.id, client: c.client, server: c.server, outcome: c.outcome };
        let own = c.anomalies.iter();
        let mut shown: Vec<Shown> =
            own.map(|a| Shown { code: a.code, name: a.name, severity: a.severity, endpoint: a.endpoint }).collect();
        let group = carried.get(&c.id).into_iter().flatten();
        shown.extend(group.filter(|f| !c.anomalies.iter().any(|a| a.name == f.name)));
        sums.add(&added, &shown);
    }
    sums.finish()
}
