//! Q03: only one direction was captured.

use super::prelude::*;

const SHARE: Threshold = Threshold::share(
    "one-direction",
    100_000,
    "share of connections of which only one direction was captured, from which on that is a note",
    "10 %: a filter or a route, not chance",
);

pub static DECLARATION: Declaration = Declaration {
    code: "Q03",
    name: "one-direction",
    severity: Severity::Note,
    summary: "of some connections only one direction was captured",
    what: "One end's segments are in the capture, and its acknowledgments move on, but nothing of the other end was captured.",
    why: "The states of the unseen end are assumed, what it did shows only in what is acknowledged, and nothing can be said \
          about its silence.",
    decided: "No segment of one end, while the other end acknowledges more than its SYN.",
    confused: "syn-unanswered, where the other end really is silent: then nothing is acknowledged.",
    advice: "Capture both directions: at a host, at both paths of an asymmetric route, or with a filter that names the \
             connection and not a direction.",
    thresholds: &[&SHARE],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=111><ACK=900><CTL=ACK> --> ESTABLISHED
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ +1s
",
    ),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let q = &scene.quality;
    if q.one_sided == 0 {
        return Vec::new();
    }
    // One that shows it is enough to tell of those that only lack one direction.
    let alone: Vec<u64> = services.connections().filter(|c| c.alone()).map(|c| c.id()).collect();
    let one_sided = alone.len() as u64;
    if one_sided == 0 {
        return Vec::new();
    }
    let share = one_sided as f64 / q.connections.max(1) as f64;
    let severity = if share * 1e6 >= scene.limits.get(&SHARE) as f64 { Severity::Note } else { Severity::Info };
    vec![Shown {
        severity,
        count: one_sided,
        message: match q.connections {
            1 => "only one direction of the connection was captured".to_owned(),
            all => format!("only one direction of {} of {} connections was captured", count(one_sided), count(all)),
        },
        at: None,
        connections: alone,
        packets: Vec::new(),
        facts: facts([
            ("one_sided", Value::from(one_sided)),
            ("connections", Value::from(q.connections)),
            ("unseen_hosts", scene.unseen().iter().take(LISTED).map(|a| a.to_string()).collect()),
        ]),
    }]
}
