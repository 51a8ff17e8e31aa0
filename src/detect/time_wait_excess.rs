//! T01: so many TIME_WAITs that ports run out.

use std::net::IpAddr;

use super::prelude::*;
use super::stay::Stay;

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
    let has_many = |client: u32| i64::from(waits.of_clients[client as usize]) >= most;
    if !(0..).zip(&waits.of_clients).any(|(client, _)| has_many(client)) {
        return spread(scene, services, &waits);
    }
    // Only where a client has many, and a service has, there may be too many between both.
    let is_due = |c: &Digest<'_>| {
        let service = c.parties.service as usize;
        has_many(c.parties.client) && i64::from(services.count(service, Counted::TimeWait)) >= most
    };
    let key = |side: usize, c: Digest<'_>| (c.parties.service, side, c.parties.client);
    let mut counts: BTreeMap<(u32, usize, u32), i64> = BTreeMap::new();
    services.connections().filter(is_due).for_each(|c| {
        sides(c).for_each(|side| *counts.entry(key(side, c)).or_default() += 1);
    });
    counts.retain(|_, count| *count >= most);
    let mut held: BTreeMap<(u32, usize, u32), Held> =
        counts.iter().map(|(key, count)| (*key, Vec::with_capacity(*count as usize))).collect();
    if !held.is_empty() {
        services.connections().filter(is_due).for_each(|c| {
            for side in sides(c) {
                held.get_mut(&key(side, c)).into_iter().for_each(|held| held.push((c.id(), c.time_wait(side))));
            }
        });
    }
    let mut held: Vec<_> = held.into_iter().map(|(key, held)| (services.directory.socket(key.0), key, held)).collect();
    held.sort_unstable_by_key(|(service, (_, side, client), _)| (*service, *side, *client));
    let found = held.into_iter().filter_map(|(service, (_, side, client), held)| {
        excess(scene, service, side, services.directory.addr(client), &ordered(held))
    });
    let shown: Vec<Shown> = found.collect();
    if shown.is_empty() {
        return spread(scene, services, &waits);
    }
    shown
}

/// Connections by number, and when an end of each was in TIME_WAIT.
type Held = Vec<(u64, Stay)>;

/// In the order of the report.
fn ordered(mut held: Held) -> Held {
    if !held.is_sorted_by_key(|(id, _)| *id) {
        held.sort_unstable_by_key(|(id, _)| *id);
    }
    held
}

/// The ends of a connection that were in TIME_WAIT.
fn sides(c: Digest<'_>) -> impl Iterator<Item = usize> {
    (0..2).filter(move |side| if *side == 0 { c.may_wait(0) } else { c.waited_at_server() })
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
        // Of each client, and those that it holds itself: side by side, because hosts are met in no order.
        let mut clients = vec![[0_u32; 2]; services.directory.hosts()];
        services.connections().for_each(|c| {
            let [at_client, at_server] = [c.may_wait(0), c.waited_at_server()].map(u32::from);
            if at_client + at_server > 0 {
                let [all, held] = &mut clients[c.parties.client as usize];
                *all = all.saturating_add(at_client + at_server);
                *held += at_client;
            }
        });
        let (of_clients, mut held): (Vec<u32>, Vec<u32>) = clients.into_iter().map(|[all, held]| (all, held)).unzip();
        for service in 0..services.directory.services() {
            let at_server = services.count(service, Counted::TimeWaitAtServer);
            let held = &mut held[services.directory.server(service as u32) as usize];
            *held = held.saturating_add(at_server);
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
    let mut holders: BTreeMap<u32, [Held; 2]> = too_many.map(|(host, _)| (host, Default::default())).collect();
    if holders.is_empty() {
        return Vec::new();
    }
    services.connections().for_each(|c| {
        for side in sides(c) {
            let host = holder(services, side, c);
            if i64::from(waits.held[host as usize]) >= most
                && let Some(held) = holders.get_mut(&host)
            {
                held[side].push((c.id(), c.time_wait(side)));
            }
        }
    });
    let shown = |(holder, held): (u32, [Held; 2])| {
        let holder = services.directory.addr(holder);
        let held: Held = held.into_iter().flat_map(ordered).collect();
        let (peak, peak_time) = peak(held.iter().map(|(_, stay)| *stay));
        (held.len() as i64 >= most && peak >= most).then(|| Shown {
            severity: Severity::Note,
            count: held.len() as u64,
            message: format!(
                "{} connections of {holder} are in TIME_WAIT at once, spread over so many peers that no ports run \
                 out: they take memory, and places up to tcp_max_tw_buckets",
                count(peak.unsigned_abs()),
            ),
            at: None,
            connections: held.iter().map(|(id, _)| *id).collect(),
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

/// The finding on one client's TIME_WAITs at one service, if they are too many.
fn excess(scene: &Scene, service: Socket, side: usize, client: IpAddr, held: &[(u64, Stay)]) -> Option<Shown> {
    if (held.len() as i64) < scene.limits.get(&MOST) {
        return None;
    }
    let (peak, peak_time) = peak(held.iter().map(|(_, stay)| *stay));
    if peak < scene.limits.get(&MOST) {
        return None;
    }
    let entered = || held.iter().map(|(_, stay)| stay.since);
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
        connections: held.iter().map(|(id, _)| *id).collect(),
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
