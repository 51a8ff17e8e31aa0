//! A05: all connections to a server break at the same moment, or are closed, and it is gone for a while.

use std::collections::BTreeSet;

use super::outage::{After, Outage};
use super::prelude::*;
use super::together::{Break, Line, Part, broken};

const LEAST: Threshold =
    Threshold::count("mass-break", 3, "how many connections must break together", "two may be chance");
const WITHIN: Threshold =
    Threshold::duration("mass-break-within", Span::secs(1), "within how long", "a restart takes less");

pub static DECLARATION: Declaration = Declaration {
    code: "A05",
    name: "mass-break",
    severity: Severity::Warning,
    summary: "all connections to a server broke at the same moment: a restart or failover",
    what: "Every connection to one host that was open ended by RST within a second; or the server closed them all, with FIN or \
           RST, and then new ones were refused or unanswered.",
    why: "It is one event and not many: the process was restarted or killed, the host failed over, or a device dropped its table. \
          How long new connections failed is the outage as clients saw it.",
    decided: "At least so many connections of one server address, from the RSTs in their histories within the time given, and none \
              that had been open for longer survives it. Where the server also sent FINs, before its clients did, new \
              connections must have failed before any was taken up, within 10 s one of a client that had lost one: refused, \
              unanswered for 3 s, or their SYN repeated. Times are told from the first of the ends on.",
    confused: "connections that are reset one by one; a server that closes after each response, a timer that closes what is idle, \
               and a reload after which the next connection is taken up at once: nothing is said of these.",
    advice: "Look at what happened on the server at that time: deployment, crash, failover of an address, reload of a firewall. \
             If new connections failed, drain first: take the server out of the load balancer, or hand the listening socket over \
             (socket activation, SO_REUSEPORT), and let clients wait a little before they try again.",
    thresholds: &[&LEAST, &WITHIN],
    absence: false,
    witness: Witness::Either,
    raises: Example::many(KILLED, 6, Span::millis(20)),
    silent: Example::many(KILLED, 6, Span::secs(5)),
    detect: Detect::Capture(detect),
};

const KILLED: &str = opened!(
    "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
7. CLOSED <-- <SEQ=311><ACK=111><CTL=RST,ACK> <-- CLOSED @ 30s
"
);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let within = scene.limits.span(&WITHIN);
    let least = usize::try_from(scene.limits.get(&LEAST)).unwrap_or(usize::MAX).max(2);
    let line = Line { within, least };
    let mut shown = Vec::new();
    let outages = outages(scene, services, line, &mut shown);
    let most = |service: usize| {
        let broke = services.count(service, Counted::Broke);
        (broke > 0 && i64::from(broke) >= scene.limits.get(&LEAST)).then_some(broke)
    };
    let part = |c: Digest<'_>| c.broke().map_or(Part::Calm, |(time, _)| Part::Broke(time));
    for (service, server, groups) in broken(services, line, most, |c| c.has_broken(), part) {
        let out = outages.get(&service).map_or(&[][..], Vec::as_slice);
        let told = |time: Time| {
            let before = out.partition_point(|(from, _)| *from <= time).checked_sub(1);
            before.is_some_and(|before| time <= out[before].1)
        };
        for group in groups.into_iter().filter(|group| !told(group[0].0)) {
            let (n, start, end) = (group.len(), group[0].0, group[group.len() - 1].0);
            shown.push(Shown {
                severity: Severity::Warning,
                count: n as u64,
                message: format!(
                    "{server} reset all its {} within {}",
                    plural(n as u64, "connection"),
                    super::Plain(end - start)
                ),
                at: Some(Side::Server),
                connections: group.iter().map(|(_, c)| c.id()).collect(),
                packets: group.iter().map(|(_, c)| c.broke().map_or(0, |b| b.1)).take(LISTED).collect(),
                facts: facts([("server", Value::from(server.to_string())), ("time", Value::from(start.to_string()))]),
            });
        }
    }
    shown
}

/// From when to when services, by number, were out, in order.
type Outages = BTreeMap<usize, Vec<(Time, Time)>>;

/// Adds what ended the connections of a service at one moment, after which new ones failed.
fn outages(scene: &Scene, services: &Services<'_>, line: Line, shown: &mut Vec<Shown>) -> Outages {
    let most = |service: usize| {
        let [failed, ended] = [Counted::Failed, Counted::EndedByServer].map(|what| services.count(service, what));
        (failed > 0 && ended as usize >= line.least).then_some(ended)
    };
    let part = |c: Digest<'_>| match c.ended_by_server() {
        Some(time) => Part::Broke(time),
        None if c.was_established() => Part::Calm,
        None => Part::No,
    };
    // One that was refused, too, or of which too little is known.
    let broken = broken(services, line, most, |c| c.may_have_been_ended(), part);
    let concerned: BTreeSet<usize> = broken.iter().map(|(service, ..)| *service).collect();
    let begin = |service: usize| concerned.contains(&service).then(After::default);
    let after = services.those(begin, |after, c| after.add(scene, c));
    let mut out = Outages::new();
    for ((service, server, groups), (.., mut after)) in broken.into_iter().zip(after) {
        after.sort();
        let mut gone_until = None;
        for group in groups {
            let moment = (group[0].0, group[group.len() - 1].0);
            // A moment in the outage of another is no other.
            if gone_until.is_some_and(|until| moment.0 <= until) {
                continue;
            }
            let mut clients: Vec<u32> = group.iter().map(|(_, c)| c.parties.client).collect();
            clients.sort_unstable();
            let outage = after.outage(moment, |client| clients.binary_search(&client).is_ok());
            let Some(outage) = outage else { continue };
            let until = outage.back.unwrap_or(scene.end);
            gone_until = Some(until);
            out.entry(service).or_default().push((moment.0, until));
            shown.push(of_outage(scene, server, &group, &outage));
        }
    }
    out
}

/// What is told of a service that ended these, and was not there for a while.
fn of_outage(scene: &Scene, server: Socket, group: &[Break<'_>], outage: &Outage<'_>) -> Shown {
    let (n, start, end) = (group.len() as u64, group[0].0, group[group.len() - 1].0);
    let reset = group.iter().filter(|(t, c)| c.broke().is_some_and(|broke| broke.0 == *t)).count() as u64;
    let how = match reset {
        0 => "closed".to_owned(),
        reset if reset == n => "reset".to_owned(),
        reset => format!("ended ({} with FIN, {} with RST)", count(n - reset), count(reset)),
    };
    let (all, failed) = (plural(n, "connection"), outage.failed.iter().map(|c| c.id()));
    let mut facts = outage.facts(scene);
    facts.extend([
        ("server", Value::from(server.to_string())),
        ("time", Value::from(start.to_string())),
        ("closed", Value::from(n - reset)),
        ("reset", Value::from(reset)),
    ]);
    let shown = Shown {
        severity: Severity::Warning,
        count: n,
        message: format!("{server} {how} all its {all} within {}; {}", Plain(end - start), outage.words(scene)),
        at: Some(Side::Server),
        connections: group.iter().map(|(_, c)| c.id()).chain(failed).collect(),
        packets: outage.failed.iter().map(|c| c.first_packet()).take(LISTED).collect(),
        facts,
    };
    shown.doubted(scene.quality.doubt(false).filter(|_| outage.is_silence()))
}
