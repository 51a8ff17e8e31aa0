//! A08: more and more connections that are open and idle.

use std::net::IpAddr;

use super::limits::Limits;
use super::prelude::*;
use super::stay::Stay;
use crate::report::Outcome;
use crate::tracker::{Outline, Verdict};

const LEAST: Threshold = Threshold::count(
    "established-growth",
    10,
    "how many connections of one client to one service must lie idle when the capture ends",
    "ten leaked connections are no chance",
);
const IDLE: Threshold = Threshold::wait(
    "established-growth-idle",
    Span::secs(60),
    "for how long each must have carried no payload by then",
    "who still needs them would have used one of them rather than open another",
);
const WINDOWS: usize = 4;

pub static DECLARATION: Declaration = Declaration {
    code: "A08",
    name: "established-growth",
    severity: Severity::Warning,
    summary: "the number of connections that lie idle only grows: a leak, most likely",
    what: "One client keeps opening connections to one service while ever more of those that it has lie idle: nobody uses them \
           again, and nobody closes them.",
    why: "Each takes a socket, and often a thread or a worker, at both ends; it ends when a pool, the file descriptors or the \
          server's limit are used up.",
    decided: "Of connections opened in the capture and ESTABLISHED at both ends when it ends, those without payload for the time \
              given. The capture up to that time before its end, three times as long at least, has four quarters: at the end of \
              each more of them must lie idle for good than at the end of the one before, and more connections must be open in \
              all, those that were open before the capture and those that are busy among them. Keepalives are no payload. \
              Where some were closed that had been open for that time, it is a note: then somebody closes them, though too few.",
    confused: "a pool that fills and stays as it is, or follows the load: it opens none while it has idle ones; many clients behind \
               one address (a proxy, NAT) that each wait for what seldom comes; processes that are started one by one with a \
               connection each.",
    advice: "On the client: `ss -tnp` tells which process has them. Is each connection handed back or closed in every case, after \
             errors, too? Is a pool or a client made for each request? On the server: a timeout for idle connections bounds the \
             harm.",
    thresholds: &[&LEAST, &IDLE],
    absence: true,
    witness: Witness::Either,
    raises: Example::many(USED_ONCE, 40, Span::secs(10)),
    silent: Example::many(FILLS, 40, Span::secs(1)),
    detect: Detect::Capture(detect),
};

const USED_ONCE: &str = opened!(
    "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=200> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=181><ACK=501><CTL=ACK> --> ESTABLISHED
"
);

const FILLS: &str = opened!(
    "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=200> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=181><ACK=501><CTL=ACK> --> ESTABLISHED
7. - - @ 400s
"
);

/// A service by number, and one client of it.
type Pair = (usize, u32);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let (least, wait) = (scene.limits.get(&LEAST).max(1), scene.limits.span(&IDLE));
    let (begin, until) = (scene.begin.max(scene.known_from), scene.end - wait);
    let short = (until - begin).0 / 3 < wait.0;
    let few = i64::try_from(scene.quality.open_at_end).is_ok_and(|open| open < least);
    if few || short {
        return Vec::new();
    }
    let quarters = quarters(begin, until);
    let grown = grown(services, least, &quarters);
    let mut all: BTreeMap<Pair, All> = grown.keys().map(|pair| (*pair, All::default())).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let mut count = |pair: Pair, open: Stay| {
        if let Some(all) = all.get_mut(&pair) {
            all.open.iter_mut().zip(quarters).for_each(|(n, time)| *n += u64::from(open.covers(time)));
            let lasted = open.happened() && !open.lasts() && open.until - open.since.max(begin) >= wait;
            all.closed += u64::from(lasted);
        }
    };
    services.connections().for_each(|c| {
        let until = if c.outcome == Outcome::Open { Stay::NONE.until } else { c.last() };
        count(pair(c), open_in(c.opened(), c.established(), until, wait));
    });
    for (pair, open) in scene.bygone.iter().filter_map(|bygone| bygone.find(services)) {
        count(pair, open);
    }
    let shown = |(pair, held): (Pair, Vec<Digest<'_>>)| {
        let all = all.get(&pair).filter(|all| rises(&all.open))?;
        Some(growth(scene, services, pair, (&held, &quarters, all)))
    };
    grown.into_iter().filter_map(shown).collect()
}

/// All connections between two.
#[derive(Default)]
struct All {
    /// How many were open at the end of each quarter.
    open: [u64; WINDOWS],
    /// How many were closed that had been open for long.
    closed: u64,
}

fn pair(c: Digest<'_>) -> Pair {
    (c.parties.service as usize, c.parties.client)
}

/// The ends of the quarters of the time from `begin` to `until`.
fn quarters(begin: Time, until: Time) -> [Time; WINDOWS] {
    let quarter = (until - begin).0 / WINDOWS as i64;
    [3, 2, 1, 0].map(|n| until - Span(quarter * n))
}

/// How many of `held` were idle for good at these times.
fn idle_at(held: &[Digest<'_>], quarters: &[Time; WINDOWS]) -> [u64; WINDOWS] {
    quarters.map(|time| held.iter().filter(|c| c.idle_since().is_some_and(|since| since <= time)).count() as u64)
}

fn rises(counts: &[u64; WINDOWS]) -> bool {
    counts.windows(2).all(|w| w[0] < w[1])
}

/// The connections that lie idle of each client and service of which `least` or more do, and ever more did.
fn grown<'a>(services: &Services<'a>, least: i64, quarters: &[Time; WINDOWS]) -> BTreeMap<Pair, Vec<Digest<'a>>> {
    let is_idle = |c: &Digest<'_>| c.idle_since().is_some_and(|since| since <= quarters[WINDOWS - 1]);
    let counts = services.tally(|c, [idle]| *idle += u32::from(is_idle(&c)));
    let most = |service: usize| Some(counts[service][0]).filter(|idle| i64::from(*idle) >= least);
    let mut grown = BTreeMap::new();
    for (service, _, mut idle) in services.which(most, is_idle) {
        // Those of one client remain in the order of the report.
        idle.sort_by_key(|c| c.parties.client);
        for held in idle.chunk_by(|a, b| a.parties.client == b.parties.client) {
            if held.len() as i64 >= least && rises(&idle_at(held, quarters)) {
                grown.insert((service, held[0].parties.client), held.to_vec());
            }
        }
    }
    grown
}

/// When a connection was open that was opened in the capture or before, and ESTABLISHED then. One that was closed again
/// within `wait` was in use: how many there are of those at a time is chance.
fn open_in(opened: bool, established: Option<Time>, until: Time, wait: Span) -> Stay {
    match established {
        _ if !opened => Stay { since: Time(i64::MIN), until },
        Some(since) if until - since >= wait => Stay { since, until },
        _ => Stay::NONE,
    }
}

/// A connection that was open for long, and is not among those looked at any more.
#[derive(Clone, Copy, Debug)]
pub struct Bygone {
    client: IpAddr,
    service: Socket,
    open: Stay,
}

impl Bygone {
    /// That of `c` between `sockets`, unless it was closed again so soon that nobody will ask for it.
    pub fn of(c: &Outline, sockets: &[Socket; 2], verdicts: &[Verdict; 2], limits: &Limits) -> Option<Bygone> {
        let (client, server) = (c.client & 1, 1 - (c.client & 1));
        let opened = verdicts[client].steps.first().is_some_and(|s| s.rule.to == State::SynSent && s.mark.packet != 0);
        let established = verdicts[server].steps.iter().find(|step| step.rule.to == State::Established);
        let open = open_in(opened, established.map(|step| step.at), c.last, limits.span(&IDLE));
        open.happened().then_some(Bygone { client: sockets[client].addr, service: sockets[server], open })
    }

    /// Up to when it was open.
    pub fn until(&self) -> Time {
        self.open.until
    }

    /// Who it was between, if they are known, and when it was open.
    fn find(&self, services: &Services<'_>) -> Option<(Pair, Stay)> {
        let directory = services.directory;
        let (client, server) = (directory.find(self.client)?, directory.find(self.service.addr)?);
        Some(((directory.find_service(server, self.service.port)? as usize, client), self.open))
    }
}

fn growth(
    scene: &Scene,
    services: &Services<'_>,
    (service, client): Pair,
    (held, quarters, all): (&[Digest<'_>], &[Time; WINDOWS], &All),
) -> Shown {
    let (service, client) = (services.directory.socket(service as u32), services.directory.addr(client));
    let unseen = [client, service.addr].iter().any(|host| scene.is_unseen(*host)).then(|| ONE_DIRECTION.to_owned());
    let idle = idle_at(held, quarters);
    let series: Vec<String> = idle.iter().map(|n| count(*n)).collect();
    let closed = match all.closed {
        0 => String::new(),
        n => format!("; {} that had been open for as long {} closed", count(n), if n == 1 { "was" } else { "were" }),
    };
    let latest = held.iter().filter_map(|c| c.idle_since()).max().unwrap_or(scene.end);
    Shown {
        severity: if all.closed > 0 { Severity::Note } else { Severity::Warning },
        count: held.len() as u64,
        message: format!(
            "ever more connections of {client} to {service} lie idle through the capture: {}; none of these was closed or carried \
             payload in the last {}, while others were opened{closed}",
            series.join(", "),
            Plain(scene.end - latest),
        ),
        at: Some(Side::Client),
        connections: held.iter().map(|c| c.id()).collect(),
        packets: held.iter().take(LISTED).map(|c| c.first_packet()).collect(),
        facts: facts([
            ("by_quarter", idle.to_vec().into()),
            ("open_by_quarter", all.open.to_vec().into()),
            ("closed", all.closed.into()),
            ("idle", seconds(scene.end - latest)),
            ("client", Value::from(client.to_string())),
            ("service", Value::from(service.to_string())),
        ]),
    }
    .doubted(scene.quality.doubt(true).or(unseen))
}
