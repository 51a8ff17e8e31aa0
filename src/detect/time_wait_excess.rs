//! T01: so many TIME_WAITs that ports run out.

use super::prelude::*;
use std::net::IpAddr;

const MOST: Threshold = Threshold::count(
    "time-wait-excess",
    14_116,
    "concurrent TIME_WAITs between one client address and one service",
    "half of Linux's 28,232 ephemeral ports (ip_local_port_range 32768-60999)",
);
const ERROR: Threshold = Threshold::share(
    "time-wait-excess-error",
    900_000,
    "share of the client's ephemeral ports from which on that is an error",
    "90 %: connect() begins to fail",
);

pub static DECLARATION: Declaration = Declaration {
    code: "T01",
    name: "time-wait-excess",
    severity: Severity::Warning,
    summary: "TIME_WAIT holds so many ports that new connections are about to fail",
    what: "Connections between one client and one service are opened and closed so fast that their TIME_WAITs pile up.",
    why: "Each holds its port against that service for 2 MSL. Once the ephemeral ports are used up, connect() fails with \
          EADDRNOTAVAIL, or reuses ports and risks being challenged.",
    decided: "The most TIME_WAITs at one time, by the histories and the assumed stack's 2 MSL, per client address and service, \
              against the threshold (if none reaches it, per host that holds them, which is no more than a note); the ports needed at the present rate are the rate times 2 MSL (RFC 9293 §3.4.2).",
    confused: "a client with more ports than its stack has by default (ip_local_port_range): it shows when it holds more of \
               them than that, which is no more than a warning. TIME_WAIT at a server: it costs memory there but no ports of its own, unless the client comes back with the same \
               port.",
    advice: "Keep connections open (keep-alive, a pool), or let the other side close first. More source addresses or service \
             ports also help; tcp_tw_reuse does where timestamps are on; tcp_tw_recycle never did.",
    thresholds: &[&MOST, &ERROR],
    absence: false,
    witness: Witness::Either,
    raises: Example::many(CLOSED_BY_CLIENT, 14_200, Span::millis(2)),
    silent: Example::many(CLOSED_BY_CLIENT, 300, Span::millis(20)),
    detect: Detect::Capture(detect),
};

const CLOSED_BY_CLIENT: &str = opened!(
    "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let most = scene.limits.get(&MOST);
    // A connection may be in TIME_WAIT at both ends.
    if i64::try_from(2 * services.total(Counted::TimeWait)).is_ok_and(|all| all < most) {
        return Vec::new();
    }
    let waits = Waits::of(services);
    if !waits.of_clients.iter().any(|count| i64::from(*count) >= most) {
        return spread(scene, services, &waits);
    }
    let mut shown = Vec::new();
    for (_, service, connections) in services.marked(most, Counted::TimeWait) {
        let waits = |side: usize| connections.iter().copied().filter(move |c| c.time_wait(side).happened());
        let mut held: BTreeMap<(usize, u32), Vec<Digest<'_>>> = BTreeMap::new();
        for side in 0..2 {
            let clients = many(waits(side).map(|c| c.parties.client), most);
            if clients.is_empty() {
                continue;
            }
            for c in waits(side).filter(|c| clients.binary_search(&c.parties.client).is_ok()) {
                held.entry((side, c.parties.client)).or_default().push(c);
            }
        }
        for ((side, client), held) in held {
            shown.extend(excess(scene, service, side, services.directory.addr(client), &held));
        }
    }
    if shown.is_empty() {
        return spread(scene, services, &waits);
    }
    shown
}

/// How many TIME_WAITs there are at hosts, by number.
struct Waits {
    /// In connections of each client, at either end.
    of_clients: Vec<u32>,
    /// At each host.
    held: Vec<u32>,
}

impl Waits {
    fn of(services: &Services<'_>) -> Waits {
        let [mut of_clients, mut held] = [(); 2].map(|()| vec![0_u32; services.directory.hosts()]);
        for c in services.connections() {
            for side in (0..2).filter(|side| c.time_wait(*side).happened()) {
                for (counts, host) in [(&mut of_clients, c.parties.client), (&mut held, holder(services, side, c))] {
                    let count = &mut counts[host as usize];
                    *count = count.saturating_add(1);
                }
            }
        }
        Waits { of_clients, held }
    }
}

/// Whose TIME_WAIT that of this side is.
fn holder(services: &Services<'_>, side: usize, c: Digest<'_>) -> u32 {
    if side == 0 { c.parties.client } else { services.directory.server(c.parties.service) }
}

/// Hosts that hold so many against many peers together: no port runs out, but each takes memory and a place in a table.
fn spread(scene: &Scene, services: &Services<'_>, waits: &Waits) -> Vec<Shown> {
    let most = scene.limits.get(&MOST);
    let too_many = (0..).zip(&waits.held).filter(|(_, count)| i64::from(**count) >= most);
    // Of each what it holds as a client, and as a server.
    let mut holders: BTreeMap<u32, [Vec<Digest<'_>>; 2]> =
        too_many.map(|(host, _)| (host, Default::default())).collect();
    if holders.is_empty() {
        return Vec::new();
    }
    for c in services.connections() {
        for side in (0..2).filter(|side| c.time_wait(*side).happened()) {
            let host = holder(services, side, c);
            if i64::from(waits.held[host as usize]) >= most
                && let Some(held) = holders.get_mut(&host)
            {
                held[side].push(c);
            }
        }
    }
    let shown = |(holder, mut held): (u32, [Vec<Digest<'_>>; 2])| {
        let holder = services.directory.addr(holder);
        held.iter_mut().for_each(|connections| services.put_in_order(connections));
        let held: Vec<(usize, Digest<'_>)> =
            (0..).zip(held).flat_map(|(side, held)| held.into_iter().map(move |c| (side, c))).collect();
        let (peak, peak_time) = peak(held.iter().map(|(side, c)| c.time_wait(*side)));
        (held.len() as i64 >= most && peak >= most).then(|| Shown {
            severity: Severity::Note,
            count: held.len() as u64,
            message: format!(
                "{} connections of {holder} are in TIME_WAIT at once, spread over so many peers that no ports run \
                 out: they take memory, and places up to tcp_max_tw_buckets",
                count(peak.unsigned_abs()),
            ),
            at: None,
            connections: held.iter().map(|(_, c)| c.id()).collect(),
            packets: Vec::new(),
            facts: facts([
                ("peak", Value::from(peak)),
                ("peak_time", Value::from(peak_time.to_string())),
                ("holder", Value::from(holder.to_string())),
            ]),
        })
    };
    holders.into_iter().filter_map(shown).collect()
}

/// The numbers that come `most` times or more, in order: mostly there are none, and of the rest nothing need be kept.
fn many(numbers: impl Iterator<Item = u32>, most: i64) -> Vec<u32> {
    let mut all: Vec<u32> = numbers.collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a == b).filter(|alike| alike.len() as i64 >= most).map(|alike| alike[0]).collect()
}

/// The finding on one client's TIME_WAITs at one service, if they are too many.
fn excess(scene: &Scene, service: Socket, side: usize, client: IpAddr, held: &[Digest<'_>]) -> Option<Shown> {
    if (held.len() as i64) < scene.limits.get(&MOST) {
        return None;
    }
    let (peak, peak_time) = peak(held.iter().map(|c| c.time_wait(side)));
    if peak < scene.limits.get(&MOST) {
        return None;
    }
    let entered = || held.iter().map(|c| c.time_wait(side).since);
    let took = entered().max()? - entered().min()?;
    let took = took.as_secs_f64();
    let rate = if took > 0.0 { held.len() as f64 / took } else { held.len() as f64 };
    let side = if side == 0 { Side::Client } else { Side::Server };
    let (low, high) = scene.profile.ephemeral_ports;
    let ports = i64::from(high - low) + 1;
    let needed = (rate * scene.profile.two_msl.as_secs_f64()).round();
    // Who holds more than there are chooses from others, nobody knows how many.
    let beyond = peak > ports;
    let error = !beyond && peak as f64 >= ports as f64 * scene.limits.get(&ERROR) as f64 / 1e6;
    let left = ports as f64 - peak as f64;
    let all = count(ports.unsigned_abs());
    let forecast = if beyond {
        format!("; the client uses more ports than the {all} that its stack has by default, and how many is not known")
    } else if needed > ports as f64 && rate > 0.0 {
        format!("; at this rate all {all} ports are used {} later", Plain(Span((left / rate * 1e9) as i64)))
    } else {
        String::new()
    };
    Some(Shown {
        severity: if error { Severity::Error } else { Severity::Warning },
        count: held.len() as u64,
        message: format!(
            "{} connections of {client} to {service} are in TIME_WAIT at once, held by the {}, {} new ones a second{forecast}",
            count(peak.unsigned_abs()),
            side.name(),
            count(rate.round() as u64),
        ),
        at: Some(side),
        connections: held.iter().map(|c| c.id()).collect(),
        packets: Vec::new(),
        facts: facts([
            ("peak", Value::from(peak)),
            ("peak_time", Value::from(peak_time.to_string())),
            ("per_second", Value::from((rate * 10.0).round() / 10.0)),
            ("ports", Value::from(ports)),
            ("ports_needed", Value::from(needed)),
            ("held_by", Value::from(side.name())),
            ("client", Value::from(client.to_string())),
            ("service", Value::from(service.to_string())),
        ]),
    })
}
