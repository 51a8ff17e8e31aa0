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
    detect: Detect::Capture(detect),
};

const FAILURES: [Outcome; 3] = [Outcome::Refused, Outcome::Unanswered, Outcome::HalfOpen];

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    const SETTLED: Span = Span::secs(3);
    let share = |t: &Threshold| scene.limits.get(t) as f64 / 1e6;
    let least = scene.limits.get(&LEAST);
    let mut shown = Vec::new();
    let counts_for = |c: &Digest<'_>| c.opened() && scene.end - c.first >= SETTLED;
    // Where no acknowledgments were captured no handshake is seen to be complete.
    let known = |outcome: &Outcome| *outcome != Outcome::HalfOpen || !scene.quality.lacks_acknowledgments();
    let failure = |c: &Digest<'_>| FAILURES.iter().position(|outcome| *outcome == c.outcome && known(outcome));
    let counts = services.tally(|c, [all, failures @ ..]: &mut [u32; 1 + FAILURES.len()]| {
        if counts_for(&c) {
            *all += 1;
            failure(&c).into_iter().for_each(|kind| failures[kind] += 1);
        }
    });
    let failures = |service: usize| counts[service][1..].iter().sum::<u32>();
    let success = |service: usize| 1.0 - f64::from(failures(service)) / f64::from(counts[service][0]);
    let is_low = |service: usize| i64::from(counts[service][0]) >= least.max(1) && success(service) < share(&WARNING);
    let begin = |service: usize| is_low(service).then(|| Members::with_capacity(failures(service) as usize));
    let add = |failed: &mut Members, c: Digest<'_>| {
        if counts_for(&c) && failure(&c).is_some() {
            failed.add(c);
        }
    };
    for (number, service, failed) in services.those(begin, add) {
        if scene.is_unseen(service.addr) {
            continue;
        }
        let ([all, kinds @ ..], success) = (counts[number], success(number));
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
        shown.push(low.doubted(scene.quality.doubt(false)));
    }
    shown
}
