//! A07: many connections of a service end with a RST.

use super::prelude::*;
use crate::report::Outcome;

const LEAST: Threshold = Threshold::count(
    "reset-rate",
    20,
    "how many connections of a service must have ended before its rate counts",
    "fewer are no rate",
);
const NOTE: Threshold =
    Threshold::share("reset-rate-note", 50_000, "share of resets from which on it is worth a note", "5 %");
const WARNING: Threshold =
    Threshold::share("reset-rate-warning", 200_000, "share of resets from which on it is a warning", "20 %");

pub static DECLARATION: Declaration = Declaration {
    code: "A07",
    name: "reset-rate",
    severity: Severity::Warning,
    summary: "many connections of a service end with a RST",
    what: "Of the connections of one address and port that were opened and have ended, too many were reset.",
    why: "One RST has a reason of its own; a share of all is how the service, its clients, or a device between them treat \
          connections.",
    decided: "Connections that were established and ended by a RST (RFC 9293 §3.5.2, §3.10.7.4), against all that were \
              established and have ended, per service; and who sent the RSTs.",
    confused: "refused connections (syn-success-low); clients and load balancers that close with a RST on purpose, to keep out of \
               TIME_WAIT; mass-break, where all break at one moment.",
    advice: "Look at the causes told with rst-abort and rst-after-close. Resets by the server: crashes, timeouts, unread \
             requests. By the clients: impatience, health checks. By both alike: a device between them.",
    thresholds: &[&LEAST, &NOTE, &WARNING],
    absence: false,
    witness: Witness::Either,
    raises: Example::many(
        opened!("4. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED @ +50ms\n"),
        30,
        Span::millis(300),
    ),
    silent: Example::many(
        opened!("4. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED @ +50ms\n"),
        19,
        Span::millis(300),
    ),
    detect: Detect::Capture(detect),
};

/// Whether a connection was established, and has ended.
#[inline]
pub(super) fn has_ended(c: &Digest<'_>) -> bool {
    c.was_established() && !c.open_at_end()
}

/// Whether it ended with a RST.
#[inline]
pub(super) fn was_reset(c: &Digest<'_>) -> bool {
    has_ended(c) && c.outcome == Outcome::Reset
}

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let least = scene.limits.get(&LEAST);
    let share = |t: &Threshold| scene.limits.get(t) as f64 / 1e6;
    let mut shown = Vec::new();
    let counts = |service: usize| [Counted::Ended, Counted::Reset].map(|what| services.count(service, what));
    let rate = |service: usize| {
        let [all, reset] = counts(service);
        f64::from(reset) / f64::from(all.max(1))
    };
    let is_high = |service: usize| i64::from(counts(service)[0]) >= least && rate(service) >= share(&NOTE);
    let most = |service: usize| is_high(service).then_some(counts(service)[1]);
    for (number, service, reset) in services.which(most, was_reset) {
        let (rate, [all, _]) = (rate(number), counts(number));
        let by_server = reset.iter().filter(|c| c.broke().is_some()).count();
        let severity = if rate >= share(&WARNING) { Severity::Warning } else { Severity::Note };
        shown.push(Shown {
            severity,
            count: reset.len() as u64,
            message: format!(
                "{} of the {} connections to {service} that ended {} reset ({:.1} %), {}by an abort of the server",
                count(reset.len() as u64),
                count(all.into()),
                if reset.len() == 1 { "was" } else { "were" },
                rate * 100.0,
                match by_server {
                    0 if reset.len() == 1 => "not ".to_owned(),
                    0 => "none of them ".to_owned(),
                    n if n < reset.len() => format!("{} of them ", count(n as u64)),
                    1 => String::new(),
                    _ => "all of them ".to_owned(),
                },
            ),
            at: None,
            connections: reset.iter().map(|c| c.id()).collect(),
            packets: Vec::new(),
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("ended", Value::from(all)),
                ("reset", Value::from(reset.len())),
                ("aborted_by_server", Value::from(by_server)),
                ("share", Value::from((rate * 1e4).round() / 1e4)),
            ]),
        });
    }
    shown
}
