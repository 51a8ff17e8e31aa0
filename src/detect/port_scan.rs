//! A09: one client tries many ports or hosts, and finds nothing there.

use super::alike::{Alike, SETTLED};
use super::prelude::*;
use super::probe::Probe;
use crate::report::Outcome;

const PORTS: Threshold = Threshold::count(
    "port-scan",
    15,
    "how many ports of one host a client must have tried in vain",
    "that of Zeek (Scan::port_scan_threshold)",
);
const HOSTS: Threshold = Threshold::count(
    "port-scan-hosts",
    25,
    "on how many hosts it must have tried the same port in vain",
    "that of Zeek (Scan::addr_scan_threshold)",
);
const WITHIN: Threshold = Threshold::duration(
    "port-scan-within",
    Span::secs(300),
    "within how long",
    "that of Zeek (Scan::port_scan_interval)",
);
const SHARE: Threshold = Threshold::share(
    "port-scan-share",
    900_000,
    "which share of the ports or hosts it tried must not have come to any data",
    "90 %: who knows what it looks for finds more",
);

pub static DECLARATION: Declaration = Declaration {
    code: "A09",
    name: "port-scan",
    severity: Severity::Note,
    summary: "one client tries many ports or hosts in vain: a scan, or it does not know that they are gone",
    what: "A client tries port after port of a host, or the same port of host after host, and hardly ever comes to send or \
           receive a byte.",
    why: "What is found of the single connections (syn-refused, syn-unanswered, handshake-aborted) is then no matter of these \
          services. A scan that nobody ordered comes before an attack.",
    decided: "Per client the ports of one host, and the hosts with one port, to which all attempts were refused, rejected or \
              unanswered: so many tried first within the time given, most of what it tried there, and three times each at most. \
              The others may have been opened, but at least that share of all must not have carried data. Of hosts with one port \
              those do not count with which it exchanged data on another. Attempts begun in the last three seconds do not count \
              as unanswered. Segments with odd flags (FIN, NULL and Xmas scans) are attempts as well, where no payload passed.",
    confused: "health checks, service discovery and monitoring: most of what they try is there, or they try the same again and \
               again; a client whose peers have all gone at once (which of its connections worked before?); passive FTP behind a \
               filter; peer-to-peer programs with old lists of peers. A scan that finds nearly everything open looks like a \
               health check, and is not told.",
    advice: "Who is the client: a scanner of your own, or an inventory? Otherwise find the process there (`ss -tnp`), and what the \
             ports that answered give away. If the client is meant to reach these, look at the first of the connections instead.",
    thresholds: &[&PORTS, &HOSTS, &WITHIN, &SHARE],
    absence: true,
    witness: Witness::Either,
    raises: Example::scan(REFUSED, 20, Span::millis(10)),
    silent: Example::scan(REFUSED, 14, Span::millis(10)),
    detect: Detect::Capture(detect),
};

const REFUSED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
";

/// Who tries the same more often, on an average, waits for it to come.
const TRIES: u64 = 3;

/// What an attempt came to, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// To nothing that was captured.
    Unanswered,
    /// To an ICMP error.
    Rejected,
    /// To a RST.
    Refused,
    /// To a connection on which nothing was sent.
    Unused,
    /// To anything else.
    Used,
}

/// What `c` came to, if it was an attempt to reach a service, and that is known.
fn came(scene: &Scene, c: Digest<'_>) -> Option<Came> {
    let odd = c.probe() == Probe::Odd;
    if !c.opened() && !odd {
        return None;
    }
    let is_silent = c.outcome == Outcome::Unanswered || c.outcome == Outcome::HalfOpen && !c.heard();
    match c.outcome {
        _ if c.probe() == Probe::Rejected => Some(Came::Rejected),
        _ if is_silent => c.began(SETTLED, scene.end).then_some(Came::Unanswered),
        Outcome::Refused => Some(Came::Refused),
        _ if odd && c.alone() => Some(Came::Unanswered),
        Outcome::Reset if odd => Some(Came::Refused),
        Outcome::HalfOpen => Some(Came::Unused),
        _ if odd => None,
        _ if c.probe() == Probe::Empty => Some(Came::Unused),
        _ => Some(Came::Used),
    }
}

/// An attempt, in the order of clients and services.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    client: u32,
    service: u32,
    first: Time,
    came: Came,
}

/// All attempts of a client at one service.
#[derive(Clone, Copy)]
struct Target {
    service: u32,
    host: u32,
    port: u16,
    first: Time,
    attempts: u64,
    /// What the best of them came to.
    came: Came,
}

impl Target {
    fn is_vain(&self) -> bool {
        self.came <= Came::Refused
    }
}

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let [ports, hosts] = [&PORTS, &HOSTS].map(|least| scene.limits.get(least).max(2));
    let least = ports.min(hosts);
    if (services.directory.services() as i64) < least {
        return Vec::new();
    }
    let (mut vain, mut alike) = (vec![0_u32; services.directory.hosts()], Alike::default());
    services.connections().for_each(|c| {
        if *alike.of(scene, c, |c| came(scene, c).is_some_and(|came| came <= Came::Refused)) {
            vain[c.parties.client as usize] += 1;
        }
    });
    if vain.iter().all(|vain| i64::from(*vain) < least) {
        return Vec::new();
    }
    let is_many = |client: u32| i64::from(vain[client as usize]) >= least;
    let tried = services.connections().filter(|c| is_many(c.parties.client));
    let attempts = tried.filter_map(|c| {
        let unseen = scene.any_unseen && scene.host_of(c.parties.service).is_unseen();
        let came = came(scene, c).filter(|_| !unseen)?;
        Some(Attempt { client: c.parties.client, service: c.parties.service, first: c.first(), came })
    });
    let mut attempts: Vec<Attempt> = attempts.collect();
    attempts.sort_unstable();
    let mut scans = BTreeMap::new();
    for of_client in attempts.chunk_by(|a, b| a.client == b.client) {
        let scan = Scan::of(scene, services, of_client, (ports, hosts));
        scans.extend(scan.map(|scan| (of_client[0].client, scan)));
    }
    drop(attempts);
    if scans.is_empty() {
        return Vec::new();
    }
    services.connections().filter(|c| is_many(c.parties.client)).for_each(|c| {
        if let Some(scan) = scans.get_mut(&c.parties.client).filter(|_| came(scene, c).is_some()) {
            scan.add(c);
        }
    });
    scans.into_iter().map(|(client, scan)| scan.shown(scene, services, client)).collect()
}

/// What one client tried in vain.
struct Scan {
    /// The services, in order of their numbers.
    targets: Vec<Target>,
    connections: Members,
    /// At how many others of the same host or port data passed.
    used: u64,
    /// Whether anything answered it.
    answered: bool,
}

impl Scan {
    /// That of the client of all these attempts, if it tried so many ports of a host or a port of so many hosts.
    fn of(scene: &Scene, services: &Services<'_>, attempts: &[Attempt], (ports, hosts): (i64, i64)) -> Option<Scan> {
        let of_service = attempts.chunk_by(|a, b| a.service == b.service);
        let mut all: Vec<Target> = of_service.map(|attempts| Target::of(services, attempts)).collect();
        all.sort_unstable_by_key(|target| (target.host, target.port));
        let mut targets: Vec<Target> = Vec::new();
        for of_host in all.chunk_by(|a, b| a.host == b.host).filter(|of_host| are_scanned(scene, of_host, ports)) {
            targets.extend(of_host);
        }
        // Who works with a host knows it, and does not search it for a port.
        let used = all.iter().filter(|target| target.came == Came::Used);
        let known: Vec<u32> = used.map(|target| target.host).collect();
        all.retain(|target| !target.is_vain() || known.binary_search(&target.host).is_err());
        all.sort_unstable_by_key(|target| (target.port, target.host));
        for of_port in all.chunk_by(|a, b| a.port == b.port).filter(|of_port| are_scanned(scene, of_port, hosts)) {
            targets.extend(of_port);
        }
        targets.sort_unstable_by_key(|target| target.service);
        targets.dedup_by_key(|target| target.service);
        let scanned = targets.len();
        targets.retain(|target| target.came != Came::Used);
        let used = (scanned - targets.len()) as u64;
        let answered = attempts.iter().any(|attempt| attempt.came != Came::Unanswered);
        (!targets.is_empty()).then(|| Scan { targets, connections: Members::default(), used, answered })
    }

    /// Adds an attempt of the client, if it is one of these.
    fn add(&mut self, c: Digest<'_>) {
        if self.targets.binary_search_by_key(&c.parties.service, |target| target.service).is_ok() {
            self.connections.add(c);
        }
    }

    fn came_to(&self, came: Came) -> u64 {
        self.targets.iter().filter(|target| target.came == came).count() as u64
    }

    /// How many different ones there are.
    fn distinct<T: Ord>(&self, of: impl Fn(&Target) -> T) -> u64 {
        let mut all: Vec<T> = self.targets.iter().map(of).collect();
        all.sort_unstable();
        all.dedup();
        all.len() as u64
    }

    fn shown(self, scene: &Scene, services: &Services<'_>, client: u32) -> Shown {
        let client = services.directory.addr(client);
        let [ports, hosts] = [self.distinct(|t| u32::from(t.port)), self.distinct(|t| t.host)];
        let tried = self.targets.len() as u64 + self.used;
        let first = &self.targets[0];
        let host = services.directory.addr(first.host);
        let what = match (ports, hosts) {
            (1, _) => format!("port {} of {}", first.port, plural(tried, "host")),
            (_, 1) => format!("{} of {host}", plural(tried, "port")),
            _ => format!("{} of {} in all", plural(tried, "port"), plural(hosts, "host")),
        };
        let kinds = [
            (Came::Refused, "refused"),
            (Came::Rejected, "rejected by ICMP"),
            (Came::Unanswered, "unanswered"),
            (Came::Unused, "opened and left without a byte"),
        ];
        let [refused, rejected, unanswered, unused] = kinds.map(|(came, _)| self.came_to(came));
        let kinds = kinds.map(|(came, how)| (self.came_to(came), how)).into_iter().chain([(self.used, "used")]);
        let list: Vec<String> = kinds.filter(|(n, _)| *n > 0).map(|(n, how)| format!("{} {how}", count(n))).collect();
        let silence = (!self.answered).then(|| "nothing that answers the client was captured".to_owned());
        let (connections, packets) = self.connections.listed();
        Shown {
            severity: Severity::Note,
            count: connections.len() as u64,
            message: format!("{client} tried {what}: {}", list.join(", ")),
            at: Some(Side::Client),
            connections,
            packets,
            facts: facts([
                ("client", Value::from(client.to_string())),
                ("ports", Value::from(ports)),
                ("hosts", Value::from(hosts)),
                ("tried", Value::from(tried)),
                ("refused", Value::from(refused)),
                ("rejected", Value::from(rejected)),
                ("unanswered", Value::from(unanswered)),
                ("unused", Value::from(unused)),
                ("used", Value::from(self.used)),
            ]),
        }
        .doubted(scene.quality.doubt_of_scan().or(silence))
    }
}

impl Target {
    /// That of these attempts at one service.
    fn of(services: &Services<'_>, attempts: &[Attempt]) -> Target {
        let Attempt { service, first, .. } = attempts[0];
        let (host, port) = (services.directory.server(service), services.directory.socket(service).port);
        let came = attempts.iter().map(|attempt| attempt.came).max().unwrap_or(Came::Used);
        Target { service, host, port, first, attempts: attempts.len() as u64, came }
    }
}

/// Whether these, which one client tried, look like a scan of which `least` were in vain.
fn are_scanned(scene: &Scene, targets: &[Target], least: i64) -> bool {
    let vain = || targets.iter().filter(|target| target.is_vain());
    let (all, many) = (targets.len(), vain().count());
    if (many as i64) < least || 2 * many < all {
        return false;
    }
    let used = targets.iter().filter(|target| target.came == Came::Used).count();
    let (most, tries) = (1e6 - scene.limits.get(&SHARE) as f64, vain().map(|target| target.attempts).sum::<u64>());
    if used as f64 * 1e6 > most * all as f64 || tries > TRIES * many as u64 {
        return false;
    }
    let mut times: Vec<Time> = vain().map(|target| target.first).collect();
    times.sort_unstable();
    let within = scene.limits.span(&WITHIN);
    times.windows(least as usize).any(|some| some[some.len() - 1] - some[0] <= within)
}
