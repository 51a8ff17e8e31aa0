//! A01: many attempts to one service fail.

use super::prelude::*;
use crate::report::Outcome;

const LEAST: Threshold = Threshold::count(
    "syn-success-low",
    20,
    "how many attempts a service must see before its rate counts",
    "fewer are no rate",
);
const WARNING: Threshold =
    Threshold::share("syn-success-low-warning", 990_000, "success below which it is a warning", "99 %");
const ERROR: Threshold =
    Threshold::share("syn-success-low-error", 900_000, "success below which it is an error", "90 %");

pub static DECLARATION: Declaration = Declaration {
    code: "A01",
    name: "syn-success-low",
    severity: Severity::Warning,
    summary: "many connection attempts to a service fail",
    what: "Of the handshakes begun with one address and port, too many were refused, unanswered or never completed.",
    why: "One failed attempt has a hundred reasons; a share of all points to the service or the path to it.",
    decided: "Outcomes refused, unanswered and half-open against all connections whose SYN was captured, per service. Attempts \
              begun in the last three seconds do not count: they may still succeed.",
    confused: "a scan, which hits many ports once each.",
    advice: "Refused: nothing listens there. Unanswered while others succeed: a full accept queue or SYN queue, or a filter. \
             Half-open: do the SYN,ACKs reach the clients?",
    thresholds: &[&LEAST, &WARNING, &ERROR],
    absence: true,
    raises: Example::many(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
3. - - @ 5s
",
        30,
        Span::millis(100),
    ),
    silent: Example::many(opened!("4. - - @ 5s\n"), 30, Span::millis(100)),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    const SETTLED: Span = Span::secs(3);
    let share = |t: &Threshold| scene.limits.get(t) as f64 / 1e6;
    let least = scene.limits.get(&LEAST);
    let mut shown = Vec::new();
    for (service, connections) in services.with(least) {
        if scene.host(service.addr).is_unseen() {
            continue;
        }
        let (mut all, mut failures, mut failed) = (0_u64, 0_u64, Vec::new());
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for c in connections {
            if !c.opened() || scene.end - c.first < SETTLED {
                continue;
            }
            all += 1;
            if matches!(c.outcome, Outcome::Refused | Outcome::Unanswered | Outcome::HalfOpen) {
                failures += 1;
                *kinds.entry(c.outcome.name()).or_default() += 1;
                if failed.len() < LISTED {
                    failed.push(c);
                }
            }
        }
        let success = 1.0 - failures as f64 / all as f64;
        if (all as i64) < least || success >= share(&WARNING) {
            continue;
        }
        let list: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let lossy = scene.quality.is_lossy();
        let severity = match success {
            _ if lossy => Severity::Note,
            s if s < share(&ERROR) => Severity::Error,
            _ => Severity::Warning,
        };
        shown.push(Shown {
            severity,
            count: failures,
            message: format!(
                "only {:.1} % of {all} connection attempts to {service} succeed: {}",
                success * 100.0,
                list.join(", "),
            ),
            connections: failed.iter().map(|c| c.id()).collect(),
            packets: failed.iter().map(|c| c.first_packet()).collect(),
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("attempts", Value::from(all)),
                ("success", Value::from((success * 1e4).round() / 1e4)),
                ("failures", Value::from_iter(kinds)),
            ]),
        });
    }
    shown
}
