//! A03: connections die after the same idle time: a device's timeout.

use super::prelude::*;

const LEAST: Threshold =
    Threshold::count("same-idle-deaths", 3, "how many connections must die alike", "two may be chance");
const SPREAD: Threshold = Threshold::share(
    "same-idle-deaths-spread",
    20_000,
    "how far their idle times may lie apart",
    "2 %: a timer, not a coincidence",
);

pub static DECLARATION: Declaration = Declaration {
    code: "A03",
    name: "same-idle-deaths",
    severity: Severity::Warning,
    summary: "several connections died after the same idle time: a timeout on the path",
    what: "Connections that were found dead after a silence, grouped by how long the silence was.",
    why: "The time is the timeout of whatever forgot them, which tells which device or setting to look for.",
    decided: "At least three findings idle-death whose idle times differ by no more than the spread. The true timeout is not \
              longer than the shortest of them, and longer than any silence that a connection of the same service survived.",
    confused: "a restart of the server, which ends connections at the same time and not after the same silence.",
    advice: "Find the device or setting with that timeout; keep the connections alive with less than it.",
    thresholds: &[&LEAST, &SPREAD],
    absence: false,
    witness: Witness::Either,
    raises: Example::many(DIES_AFTER_350_S, 4, Span::secs(7)),
    silent: Example::many(DIES_AFTER_350_S, 2, Span::secs(7)),
    detect: Detect::Capture(detect),
};

const DIES_AFTER_350_S: &str = opened!(
    "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ 355s
7. CLOSED <-- <SEQ=301><CTL=RST> <-- CLOSED
"
);

/// Timeouts that people meet.
const KNOWN: [(f64, &str); 6] = [
    (60.0, "HAProxy, AWS ALB"),
    (240.0, "Azure load balancer"),
    (350.0, "AWS NLB, NAT gateway"),
    (900.0, "firewalls"),
    (3_600.0, "firewalls"),
    (432_000.0, "Linux conntrack"),
];

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let died = |c: Digest<'_>| c.idle_death().map(|(idle, packet)| (idle, c.id(), packet));
    let mut deaths: Vec<(f64, u64, u64)> = services.of_stretches(Digests::has_rare).filter_map(died).collect();
    deaths.sort_by(|a, b| a.0.total_cmp(&b.0));
    let spread = scene.limits.get(&SPREAD) as f64 / 1e6;
    let least = usize::try_from(scene.limits.get(&LEAST)).unwrap_or(usize::MAX).max(2);
    let mut shown = Vec::new();
    let mut rest = deaths.as_slice();
    while let Some(first) = rest.first() {
        let n = rest.iter().take_while(|d| d.0 <= first.0 * (1.0 + spread)).count();
        if n >= least {
            let known = KNOWN.iter().find(|(t, _)| first.0 >= *t * 0.98 && first.0 <= *t * 1.1);
            let hint = known.map(|(t, who)| format!("; {who} use {t:.0} s")).unwrap_or_default();
            shown.push(Shown {
                severity: Severity::Warning,
                count: n as u64,
                message: format!(
                    "{} connections were dead after {:.1} to {:.1} s without traffic: something forgets them by then{hint}",
                    count(n as u64),
                    first.0,
                    rest[n - 1].0,
                ),
                at: None,
                connections: rest[..n].iter().map(|d| d.1).collect(),
                packets: rest[..n].iter().map(|d| d.2).take(LISTED).collect(),
                facts: facts([("shortest", Value::from(first.0)), ("longest", Value::from(rest[n - 1].0))]),
            });
        }
        rest = &rest[n..];
    }
    shown
}
