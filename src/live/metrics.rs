//! Counters and histograms in Prometheus' text format (version 0.0.4), named by its conventions: base units, `_total`
//! for what only grows.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::counts::ByState;
use crate::report::{Finding, Outcome, PerSide, Side, TimeInState};
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::tracker::{State, Verdict};

/// What has been counted since the start.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// States entered.
    pub transitions: PerSide<ByState>,
    /// States that turned out never to have been entered.
    pub retractions: u64,
    /// Connections that ended, by outcome.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// SYN to SYN,ACK and SYN,ACK to ACK together.
    pub handshakes: Histogram,
    /// Time in each state, of connections that ended.
    pub states: PerSide<[Histogram; State::ALL.len()]>,
    /// Connections forgotten.
    pub evicted: u64,
}

impl Metrics {
    /// A connection has ended, as told at `now`.
    pub(super) fn ended(&mut self, outcome: Outcome, ends: PerSide<&Verdict>, now: Time) {
        self.outcomes[outcome as usize] += 1;
        for side in Side::ALL {
            let steps = &ends.get(side).steps;
            let left = steps.iter().skip(1).map(|next| next.at).chain([now]);
            let stays: TimeInState = steps
                .iter()
                .zip(left)
                .filter(|(step, _)| step.rule.to != State::Closed)
                .map(|(step, left)| (step.rule.to, left.max(step.at) - step.at))
                .collect();
            let histograms = self.states.get_mut(side);
            stays.iter().for_each(|(state, spent)| histograms[state as usize].observe(spent));
        }
    }
}

/// Upper bounds of the buckets in milliseconds: from a data centre's round trip to an hour.
const BOUNDS: [u64; 16] =
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 60_000, 300_000, 900_000, 3_600_000];

/// How many spans were at most how long.
#[derive(Clone, Copy, Debug, Default)]
pub struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    nanos: i128,
}

impl Histogram {
    /// Counts a span; one below zero, from a clock that stepped back, counts as none.
    pub fn observe(&mut self, span: Span) {
        let nanos = span.0.max(0);
        let millis = nanos.unsigned_abs().div_ceil(1_000_000);
        if let Some(i) = BOUNDS.iter().position(|bound| millis <= *bound) {
            self.buckets[i] += 1;
        }
        self.count += 1;
        self.nanos += i128::from(nanos);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (bound, n) in BOUNDS.iter().zip(self.buckets) {
            below += n;
            let seconds = *bound as f64 / 1e3;
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{seconds}\"}} {below}");
        }
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", self.count);
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "{name}_sum{braces} {}", self.nanos as f64 / 1e9);
        let _ = writeln!(out, "{name}_count{braces} {}", self.count);
    }
}

/// What else is told, as it is now.
pub struct Now<'a> {
    /// Endpoints by state.
    pub states: &'a PerSide<ByState>,
    /// Connections remembered.
    pub tracked: u64,
    /// Connections begun.
    pub begun: u64,
    /// Packets, TCP segments, packets that could not be decoded.
    pub packets: [u64; 3],
    /// Findings that hold.
    pub findings: &'a [Finding],
    /// The source.
    pub source: &'a FileInfo,
    /// Packets left out because another interface had shown them.
    pub copies: u64,
    /// Packets read that wait to be taken.
    pub waiting: u64,
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn single(out: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    head(out, name, kind, help);
    let _ = writeln!(out, "{name} {value}");
}

/// A value of a label: those here need no quoting but for the name of the interface, which others choose.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn packets(out: &mut String, now: &Now<'_>) {
    let [packets, segments, undecoded] = now.packets;
    let interface = quoted(&now.source.name);
    head(out, "tcpstate_packets_total", "counter", "Packets read.");
    let _ = writeln!(out, "tcpstate_packets_total{{interface=\"{interface}\"}} {packets}");
    single(out, "tcpstate_segments_total", "counter", "TCP segments read.", segments);
    single(out, "tcpstate_undecoded_packets_total", "counter", "Packets whose headers could not be read.", undecoded);
    single(
        out,
        "tcpstate_duplicate_packets_total",
        "counter",
        "Packets left out because another interface had shown them.",
        now.copies,
    );
    single(out, "tcpstate_waiting_packets", "gauge", "Packets read that wait to be looked at.", now.waiting);
    if let Some(dropped) = now.source.dropped {
        single(
            out,
            "tcpstate_dropped_packets_total",
            "counter",
            "Packets that the kernel dropped because they were not read in time.",
            dropped,
        );
    }
}

impl Metrics {
    /// Everything as a page for a scraper.
    pub fn page(&self, now: &Now<'_>) -> String {
        let mut out = String::with_capacity(16 << 10);
        self.connections(&mut out, now);
        self.findings(&mut out, now.findings);
        self.durations(&mut out);
        packets(&mut out, now);
        out
    }

    fn connections(&self, out: &mut String, now: &Now<'_>) {
        head(out, "tcpstate_connections", "gauge", "Endpoints in each TCP state, by side of the connection.");
        for side in Side::ALL {
            for state in State::ALL.into_iter().filter(|s| *s != State::Closed) {
                let n = now.states.get(side)[state as usize];
                let _ = writeln!(out, "tcpstate_connections{{state=\"{state}\",side=\"{}\"}} {n}", side.name());
            }
        }
        single(
            out,
            "tcpstate_tracked_connections",
            "gauge",
            "Connections remembered, ended ones included.",
            now.tracked,
        );
        single(out, "tcpstate_connections_opened_total", "counter", "Connections seen to begin.", now.begun);
        single(
            out,
            "tcpstate_connections_evicted_total",
            "counter",
            "Connections forgotten to bound memory.",
            self.evicted,
        );
        head(out, "tcpstate_connections_closed_total", "counter", "Connections that ended, by outcome.");
        for outcome in Outcome::ALL {
            let (name, n) = (outcome.name(), self.outcomes[outcome as usize]);
            let _ = writeln!(out, "tcpstate_connections_closed_total{{outcome=\"{name}\"}} {n}");
        }
        head(out, "tcpstate_transitions_total", "counter", "States entered, by side.");
        for side in Side::ALL {
            for state in State::ALL {
                let n = self.transitions.get(side)[state as usize];
                let _ = writeln!(out, "tcpstate_transitions_total{{state=\"{state}\",side=\"{}\"}} {n}", side.name());
            }
        }
        single(
            out,
            "tcpstate_retractions_total",
            "counter",
            "States that turned out never to have been entered.",
            self.retractions,
        );
    }

    fn durations(&self, out: &mut String) {
        head(
            out,
            "tcpstate_handshake_seconds",
            "histogram",
            "From the SYN that was answered to the ACK of the SYN-ACK, at the tap.",
        );
        self.handshakes.write(out, "tcpstate_handshake_seconds", "");
        head(
            out,
            "tcpstate_state_duration_seconds",
            "histogram",
            "Time spent in each state by endpoints of connections that ended.",
        );
        for side in Side::ALL {
            for state in State::ALL.into_iter().filter(|s| !matches!(s, State::Closed | State::Listen)) {
                let labels = format!("state=\"{state}\",side=\"{}\"", side.name());
                self.states.get(side)[state as usize].write(out, "tcpstate_state_duration_seconds", &labels);
            }
        }
    }

    fn findings(&self, out: &mut String, findings: &[Finding]) {
        head(out, "tcpstate_findings", "gauge", "Connections that show a finding now, by code and severity.");
        let mut by_code: BTreeMap<_, u64> = BTreeMap::new();
        for f in findings {
            *by_code.entry((f.code, f.name, f.severity.name())).or_default() += f.count;
        }
        for ((code, name, severity), n) in by_code {
            let _ = writeln!(out, "tcpstate_findings{{code=\"{code}\",name=\"{name}\",severity=\"{severity}\"}} {n}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_from_below() {
        let mut histogram = Histogram::default();
        for span in [Span::micros(900), Span::millis(1), Span::millis(30), Span::secs(7_200), Span(-5)] {
            histogram.observe(span);
        }
        let mut out = String::new();
        histogram.write(&mut out, "x_seconds", "side=\"client\"");
        assert!(out.starts_with("x_seconds_bucket{side=\"client\",le=\"0.001\"} 3\n"), "{out}");
        assert!(
            out.contains("le=\"0.05\"} 4\n") && out.contains("le=\"3600\"} 4\n") && out.contains("le=\"+Inf\"} 5\n")
        );
        assert!(
            out.ends_with("x_seconds_sum{side=\"client\"} 7200.0319\nx_seconds_count{side=\"client\"} 5\n"),
            "{out}"
        );
    }
}
