//! A05: all connections to a server break at the same moment.

use super::prelude::*;

const LEAST: Threshold =
    Threshold::count("mass-break", 3, "how many connections must break together", "two may be chance");
const WITHIN: Threshold =
    Threshold::duration("mass-break-within", Span::secs(1), "within how long", "a restart takes less");

pub static DECLARATION: Declaration = Declaration {
    code: "A05",
    name: "mass-break",
    severity: Severity::Warning,
    summary: "all connections to a server broke at the same moment: a restart or failover",
    what: "Every connection to one host that was open ended by RST within a second.",
    why: "It is one event and not many: the process was killed, the host failed over, or a device dropped its table.",
    decided: "At least so many connections of one server address, from the RSTs in their histories within the time given, and none \
              that had been open for longer survives it.",
    confused: "connections that are reset one by one.",
    advice: "Look at what happened on the server at that time: deployment, crash, failover of an address, reload of a firewall.",
    thresholds: &[&LEAST, &WITHIN],
    absence: false,
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

fn detect(scene: &Scene<'_>, services: &Services<'_>) -> Vec<Shown> {
    let within = scene.limits.span(&WITHIN);
    let least = usize::try_from(scene.limits.get(&LEAST)).unwrap_or(usize::MAX).max(2);
    let mut shown = Vec::new();
    for (server, list) in services.with(scene.limits.get(&LEAST)) {
        let mut breaks: Vec<(Time, &Digest)> = list.clone().filter_map(|c| c.broke.map(|t| (t, c))).collect();
        breaks.sort_by_key(|(t, c)| (*t, c.id));
        let mut rest = breaks.as_slice();
        while let Some((start, _)) = rest.first() {
            let n = rest.iter().take_while(|(t, _)| *t - *start <= within).count();
            let (group, after) = rest.split_at(n);
            rest = after;
            let end = group[n - 1].0;
            // Old ones only: a server that resets every request is another matter.
            let old = group.iter().filter(|(t, c)| *t - c.first > Span(within.0.saturating_mul(2))).count();
            let survives = list.clone().any(|c| {
                c.first < *start - within && c.last > end + within && !group.iter().any(|(_, g)| g.id == c.id)
            });
            if old < least || survives {
                continue;
            }
            shown.push(Shown {
                severity: Severity::Warning,
                count: n as u64,
                message: format!("{server} reset all its {n} connections within {}", super::Plain(end - *start)),
                connections: group.iter().map(|(_, c)| c.id).take(LISTED).collect(),
                packets: group.iter().map(|(_, c)| c.last_packet).take(LISTED).collect(),
                facts: facts([("server", Value::from(server.to_string())), ("time", Value::from(start.to_string()))]),
            });
        }
    }
    shown
}
