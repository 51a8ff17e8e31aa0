//! A01: many attempts to one service fail.

use super::alike::{Alike, SETTLED};
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
    confused: "port-scan, which hits many ports once each.",
    advice: "Refused: nothing listens there. Unanswered while others succeed: a full accept queue or SYN queue, or a filter. \
             Half-open: do the SYN,ACKs reach the clients?",
    thresholds: &[&LEAST, &WARNING, &ERROR],
    absence: true,
    witness: Witness::Either,
    raises: Example::many(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
3. - - @ 5s
",
        30,
        Span::millis(100),
    ),
    silent: Example::many(opened!("4. - - @ 5s\n"), 30, Span::millis(100)),
    detect: Detect::Service(detect),
};

/// Outcomes of attempts that did not succeed.
pub(super) const FAILURES: [Outcome; 3] = [Outcome::Refused, Outcome::Unanswered, Outcome::HalfOpen];

/// Whether it counts if a connection was completed.
#[inline]
pub(super) fn counts(scene: &Scene, c: Digest<'_>) -> bool {
    c.opened() && c.began(SETTLED, scene.end)
}

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<(u32, Shown)> {
    let share = |t: &Threshold| scene.limits.get(t) as f64 / 1e6;
    let least = scene.limits.get(&LEAST);
    let mut shown = Vec::new();
    // Where no acknowledgments were captured no handshake is seen to be complete.
    let known = |outcome: &Outcome| *outcome != Outcome::HalfOpen || !scene.quality.lacks_acknowledgments();
    let has_failed = |c: Digest<'_>| FAILURES.contains(&c.outcome) && known(&c.outcome) && counts(scene, c);
    let mut alike = Alike::default();
    let failed = || services.connections().filter(move |c| *alike.of(scene, *c, has_failed));
    let attempts = |service: usize| services.count(service, Counted::Attempt);
    let kinds = |service: usize| {
        let kinds = [Counted::Refused, Counted::Unanswered, Counted::HalfOpen];
        let count = |kind: usize| if known(&FAILURES[kind]) { services.count(service, kinds[kind]) } else { 0 };
        [0, 1, 2].map(count)
    };
    let failures = |service: usize| kinds(service).iter().sum::<u32>();
    let success = |service: usize| 1.0 - f64::from(failures(service)) / f64::from(attempts(service));
    let is_low = |service: usize| i64::from(attempts(service)) >= least.max(1) && success(service) < share(&WARNING);
    let begin = |service: usize| is_low(service).then(|| Members::with_capacity(failures(service) as usize));
    for (number, service, failed) in services.those_among(failed, begin, Members::add) {
        if scene.is_unseen(service.addr) {
            continue;
        }
        let (all, kinds, success) = (attempts(number), kinds(number), success(number));
        let kinds = FAILURES.iter().zip(kinds).filter(|(_, n)| *n > 0);
        let kinds: BTreeMap<&str, u32> = kinds.map(|(outcome, n)| (outcome.name(), n)).collect();
        let list: Vec<String> = kinds.iter().map(|(kind, n)| format!("{} {kind}", count((*n).into()))).collect();
        let severity = match success {
            s if s < share(&ERROR) => Severity::Error,
            _ => Severity::Warning,
        };
        let (connections, packets) = failed.listed();
        let low = Shown {
            severity,
            count: failures(number).into(),
            message: format!(
                "only {:.1} % of {} connection attempts to {service} succeed: {}",
                success * 100.0,
                count(all.into()),
                list.join(", "),
            ),
            at: Some(Side::Server),
            connections,
            packets,
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("attempts", Value::from(all)),
                ("success", Value::from((success * 1e4).round() / 1e4)),
                ("failures", Value::from_iter(kinds)),
            ]),
        };
        shown.push((number as u32, low.doubted(scene.quality.doubt(false))));
    }
    shown
}
