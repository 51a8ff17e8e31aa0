//! Connections and findings added up per host and per service: who is worst off.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::carried::{AtService, Carried};
use super::directory::{Directory, Parties};
use super::ending::Outcome;
use super::gather::{self, Gather, Single};
use super::model::*;
use super::severity::Severity;
use super::sum::Sum;

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
    /// What they count that no connection carries by itself: to add some of the connections up.
    #[serde(skip)]
    pub carried: Carried,
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
    /// Connections that show it here.
    pub connections: u64,
}

impl Rollups {
    /// Whether there is more than a single pair of hosts with one service, of which the rest of the report tells all.
    pub fn compare(&self) -> bool {
        self.hosts.entries.len() > 2 || self.services.entries.len() > 1
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
    /// Number of its client's host.
    pub client: u32,
    /// Number of its server's host.
    pub server: u32,
    /// Number of its service.
    pub service: u32,
    /// What became of it.
    pub outcome: Outcome,
}

impl Added {
    /// Connection `id` between `parties`, which stand in `directory`.
    pub fn new(id: u64, parties: Parties, outcome: Outcome, directory: &Directory) -> Added {
        let Parties { client, service } = parties;
        Added { id, client, server: directory.server(service), service, outcome }
    }
}

/// Roll-ups in the making: connections are added one by one, and what was added apart is merged.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Code and name by number of the kind.
    kinds: Vec<(&'static str, &'static str)>,
    /// Numbers of some of them, by where their names lie.
    met: [u16; MET],
    hosts: Gather<Sum>,
    services: Gather<Sum>,
}

/// Places for them: no more than there is a `Default` of.
const MET: usize = 32;

impl Sums {
    /// Nothing yet; kinds of findings are numbered as in `kinds`, by code and name, so that sums can be merged.
    pub fn new(kinds: Vec<(&'static str, &'static str)>) -> Sums {
        Sums { kinds, ..Sums::default() }
    }

    fn kind(&mut self, code: &'static str, name: &'static str) -> u16 {
        // Mostly it is the very same name as one of those met last.
        let place = (name.as_ptr() as usize >> 3) % MET;
        if self.kinds.get(usize::from(self.met[place])).is_some_and(|k| std::ptr::eq(k.1, name)) {
            return self.met[place];
        }
        let known = self.kinds.iter().position(|k| k.1 == name).unwrap_or_else(|| {
            self.kinds.push((code, name));
            self.kinds.len() - 1
        });
        self.met[place] = known as u16;
        known as u16
    }

    /// Prefetches what is known of these parties.
    #[inline]
    pub fn prefetch(&self, parties: Parties, directory: &Directory) {
        self.services.prefetch(parties.service);
        [parties.client, directory.server(parties.service)].iter().for_each(|host| self.hosts.prefetch(*host));
    }

    /// The same, once that is there, of what is added up of them.
    #[inline]
    pub fn prefetch_sums(&self, parties: Parties, directory: &Directory) {
        self.services.prefetch_sum(parties.service);
        [parties.client, directory.server(parties.service)].iter().for_each(|host| self.hosts.prefetch_sum(*host));
    }

    /// Adds a connection and what it shows.
    pub fn add(&mut self, c: &Added, shown: &[Shown]) {
        let outcome = c.outcome;
        let plain = |kind| Single { outcome, kind };
        match shown {
            [] => {
                self.services.add(c.service, plain(None));
                self.hosts.add(c.client, plain(None));
                if c.client != c.server {
                    self.hosts.add(c.server, plain(None));
                }
            }
            [one] if c.client != c.server => {
                let kind = Some((self.kind(one.code, one.name), one.severity));
                self.services.add(c.service, plain(kind));
                for (side, addr) in [(Side::Client, c.client), (Side::Server, c.server)] {
                    let blamed = one.endpoint.is_none_or(|e| e == side);
                    self.hosts.add(addr, plain(kind.filter(|_| blamed)));
                }
            }
            _ => {
                self.services.sum(c.service).connection(outcome);
                self.hosts.sum(c.client).connection(outcome);
                if c.client != c.server {
                    self.hosts.sum(c.server).connection(outcome);
                }
                shown.iter().for_each(|one| self.found(c, one));
            }
        }
    }

    /// Adds so many connections to the sums of their service and its host: of all of them the same became, and all show the
    /// same, if anything, which is the server's doing. Their clients are others, and are [added](Sums::add_client) one by one.
    pub fn add_at_server(&mut self, at: [u32; 2], outcome: Outcome, shown: Option<&Shown>, count: u32) {
        let kind = shown.map(|one| (self.kind(one.code, one.name), one.severity));
        let ([server, service], single) = (at, Single { outcome, kind });
        self.services.add_all(service, single, count);
        self.hosts.add_all(server, single, count);
    }

    /// Adds such a connection to the sum of its client.
    #[inline]
    pub fn add_client(&mut self, client: u32, outcome: Outcome) {
        self.hosts.add(client, Single { outcome, kind: None });
    }

    /// Adds something that connection `c`, which was added, shows as well.
    pub fn found(&mut self, c: &Added, shown: &Shown) {
        let kind = self.kind(shown.code, shown.name);
        self.services.sum(c.service).found(kind, shown.severity, c.id);
        for (side, addr) in [(Side::Client, c.client), (Side::Server, c.server)] {
            if shown.endpoint.is_none_or(|e| e == side) {
                self.hosts.sum(addr).found(kind, shown.severity, c.id);
            }
        }
    }

    /// Adds something that many connections of a service, which were added, show as well: nothing else of its kind was found of
    /// them, and it is the doing of the service's host, which has this number.
    pub fn found_at(&mut self, host: u32, at: AtService<'_>) {
        let AtService { finding, service, count, last } = at;
        let kind = self.kind(finding.code, finding.name);
        self.services.sum(service).found_all(kind, finding.severity, count, last);
        self.hosts.sum(host).found_all(kind, finding.severity, count, last);
    }

    /// Adds what was added apart, with the same kinds.
    pub fn merge(&mut self, other: Sums) {
        self.hosts.merge(other.hosts);
        self.services.merge(other.services);
    }

    /// The roll-ups; what the numbers stand for is in `directory`.
    pub fn finish(self, directory: &Directory) -> Rollups {
        let (mut hosts, mut services) = (Worsts::default(), Worsts::default());
        for (number, what) in self.hosts.each() {
            hosts.take(&self.kinds, || (directory.addr(number), None), what);
        }
        for (number, what) in self.services.each() {
            let socket = || directory.socket(number);
            services.take(&self.kinds, || (socket().addr, Some(socket().port)), what);
        }
        let (hosts, services) = (hosts.finish(&self.kinds), services.finish(&self.kinds));
        Rollups { hosts, services, carried: Carried::default() }
    }
}

/// What comes first is worst: severity of the worst kind, connections that show it, connections; of those alike the
/// lower address.
type Rank = (Reverse<Weight>, IpAddr, Option<u16>);

type Weight = (Option<(Severity, u64)>, u64);

/// The worst so far.
#[derive(Default)]
struct Worsts {
    kept: BTreeMap<Rank, Sum>,
    all: u64,
    /// The least weight that may still be kept; none while all are.
    least: Option<Weight>,
}

impl Worsts {
    fn take(
        &mut self,
        kinds: &[(&'static str, &'static str)],
        who: impl Fn() -> (IpAddr, Option<u16>),
        what: Result<&Sum, Single>,
    ) {
        self.all += 1;
        let weight = match what {
            Ok(sum) => (sum.worst(kinds).map(|k| (k.severity, k.connections.into())), sum.connections()),
            Err(single) => (single.kind.map(|(_, severity)| (severity, 1)), 1),
        };
        if self.least.is_some_and(|least| weight < least) {
            return;
        }
        let (addr, port) = who();
        let rank = (Reverse(weight), addr, port);
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
                gather::Sum::add_singles(&mut sum, single, 1);
                sum
            }
        };
        self.kept.insert(rank, sum);
        if self.kept.len() >= KEPT {
            self.least = self.kept.last_key_value().map(|(last, _)| last.0.0);
        }
    }

    fn finish(self, kinds: &[(&'static str, &'static str)]) -> Rolled {
        let omitted = self.all - self.kept.len() as u64;
        let entries = self.kept.into_iter().map(|((_, addr, port), sum)| sum.rollup(kinds, addr, port)).collect();
        Rolled { entries, omitted }
    }
}

/// Adds `connections`, in order of their ids, and `findings` up; both as in the report. Of a finding that only a group can
/// show, the connections that it names are all that is known.
pub fn rollups(connections: &[Connection], findings: &[Finding]) -> Rollups {
    let mut carried = Carried::default();
    let carries = |id: u64, name: &str| {
        let found = connections.binary_search_by_key(&id, |c| c.id);
        found.is_ok_and(|i| connections[i].anomalies.iter().any(|a| a.name == name))
    };
    for f in findings {
        let shown = Shown { code: f.code, name: f.name, severity: f.severity, endpoint: None };
        carried.add(shown, None, f.connections.iter().copied().filter(|id| !carries(*id, f.name)));
    }
    over(connections, carried)
}

/// Adds `connections`, in order of their ids, up, and what no connection carries by itself.
pub fn over(connections: &[Connection], carried: Carried) -> Rollups {
    let (mut sums, mut directory) = (Sums::default(), Directory::default());
    let mut reading = carried.reading();
    for c in connections {
        let parties = directory.parties(c.client.addr, c.server);
        let added = Added::new(c.id, parties, c.outcome, &directory);
        let own = c.anomalies.iter();
        let mut shown: Vec<Shown> =
            own.map(|a| Shown { code: a.code, name: a.name, severity: a.severity, endpoint: a.endpoint }).collect();
        shown.extend(reading.of(c.id));
        sums.add(&added, &shown);
    }
    Rollups { carried, ..sums.finish(&directory) }
}
