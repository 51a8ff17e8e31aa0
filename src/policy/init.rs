//! A policy from a capture known to be good: what it shows becomes what is asked for, with room where timing is
//! concerned. Each rule is tried on the capture; what it cannot pass is written as a comment, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;

use super::file::keys::VERSION;
use super::judge::{Status, judge};
use super::model::{Demands, Policy, Quantile};
use crate::detect::ALL;
use crate::render::facts::input;
use crate::render::units::{count, plural};
use crate::report::{ClosedFirst, Connection, Report, Severity, Side};
use crate::time::Span;
use crate::tracker::State;

/// Services that get rules of their own: those with the most connections.
const SERVICES: usize = 16;

/// A policy as text.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What could not be asked for, and why; what is allowed though it is trouble.
    pub remarks: Vec<String>,
    /// Whether the capture passes it.
    pub passes: bool,
}

/// Writes a policy that `report` passes on the day `today`.
pub fn write(report: &Report, today: Date) -> Written {
    let capture = capture(report);
    let mut draft = Draft { report, today, text: head(report), remarks: Vec::new(), capture, blind: false };
    draft.text.push_str(&draft.capture);
    let quality = draft.tried("");
    let passes = quality.is_none();
    if let Some((_, reason)) = quality {
        draft.remarks.push(format!("the capture shows too little to try the rules on: {reason}"));
        draft.blind = true;
    }
    draft.text.push_str(
        "\n# Findings: none of these, or no more than the capture had. `tcpstate explain NAME` says what each means.\n",
    );
    draft.remarks.extend(trouble(report));
    limits(report).iter().for_each(|rule| draft.add(rule));
    for (port, members) in services(report) {
        let _ = writeln!(draft.text, "\n# Port {port}: {}.", plural(members.len() as u64, "connection"));
        expectations(port, &members).iter().for_each(|rule| draft.add(rule));
    }
    draft.text.push_str(TAIL);
    Written { text: draft.text, remarks: draft.remarks, passes }
}

/// A policy that is being written: each rule is tried on the report before it is asked for.
struct Draft<'a> {
    report: &'a Report,
    today: Date,
    /// What the capture must be like.
    capture: String,
    text: String,
    remarks: Vec<String>,
    /// No rule can be tried.
    blind: bool,
}

impl Draft<'_> {
    /// Adds a rule, or says why it cannot be asked for.
    fn add(&mut self, rule: &str) {
        let tried = if self.blind { None } else { self.tried(rule) };
        let Some((name, reason)) = tried else { return self.text.push_str(rule) };
        self.text.push_str("\n# Cannot be asked for: ");
        let _ = writeln!(self.text, "{reason}");
        for line in rule.trim().lines() {
            let _ = writeln!(self.text, "# {line}");
        }
        self.remarks.push(format!("rule `{name}` is only a comment: {reason}"));
    }

    /// What does not pass, `rule` or the quality of the capture, and why.
    fn tried(&self, rule: &str) -> Option<(String, String)> {
        let policy = match Policy::read("", &format!("{}{rule}", self.capture)) {
            Ok(policy) => policy,
            Err(error) => return Some((String::new(), error.message)),
        };
        let judgement = judge(&policy, self.report, self.today);
        let worst = judgement.rules.into_iter().find(|rule| rule.status != Status::Pass)?;
        Some((worst.name, worst.message))
    }
}

fn head(report: &Report) -> String {
    let names: Vec<String> =
        report.capture.files.iter().map(|file| crate::render::clean::clean(input(&file.name)).into_owned()).collect();
    format!(
        "# What traffic must look like, written by `tcpstate check --init` from {}\n# ({}, {}). Loosen and tighten \
         it as you see fit: `tcpstate check --schema` has every key.\nversion = {VERSION}\n",
        names.join(", "),
        plural(report.connections.len() as u64, "connection"),
        plural(report.capture.packets, "packet"),
    )
}

const TAIL: &str = "
# Exceptions carry a reason and, best, a day on which they end:
# [[allow]]
# finding = \"rst-abort\"
# where = \"server port 6379\"
# reason = \"the client pool resets idle connections\"
# expires = 2027-01-31
";

/// What the capture must be like; where this one is worse than usual, as bad as this one.
fn capture(report: &Report) -> String {
    let all = report.connections.len() as u64;
    let bytes = report.capture.bytes.saturating_add(report.capture.missing_bytes);
    let gaps = report.connections.iter().filter(|c| super::judge::has_gap(c) && !c.is_one_way()).count() as u64;
    let percent = |part: u64, of: u64| if of == 0 { 0 } else { (part * 100).div_ceil(of) };
    let undecoded = percent(report.capture.undecoded, report.capture.packets);
    let missing = percent(report.capture.missing_bytes, bytes).max(percent(gaps, all)).max(undecoded).clamp(1, 100);
    let mut text =
        String::from("\n# A capture that shows less than this cannot tell.\n[capture]\nmin-connections = 1\n");
    if missing > 1 {
        text.push_str("# The capture was not complete: make a better one and lower this to \"1%\".\n");
    }
    let _ = writeln!(text, "max-missing = \"{missing}%\"");
    let halves = percent(report.connections.iter().filter(|c| c.is_one_way()).count() as u64, all);
    if !Demands::default().max_one_way.allows(halves, 100) {
        let _ =
            writeln!(text, "# The capture had so many connections in one direction only.\nmax-one-way = \"{halves}%\"");
    }
    if report.capture.files.iter().any(|file| file.problem.is_some()) {
        text.push_str("# The capture was damaged or cut off.\ncomplete = false\n");
    }
    text
}

/// That the capture has what a policy is to keep out, which this one will allow.
fn trouble(report: &Report) -> Option<String> {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.severity >= Severity::Warning) {
        match counts.iter_mut().find(|(name, _)| *name == finding.name) {
            Some((_, n)) => *n += finding.count,
            None => counts.push((finding.name, finding.count)),
        }
    }
    let told: Vec<String> = counts.iter().map(|(name, n)| format!("{name} ({})", count(*n))).collect();
    let hint = "tighten its limits, or write one from a capture without trouble";
    (!told.is_empty()).then(|| format!("the capture has findings that the policy allows: {}; {hint}", told.join(", ")))
}

/// A limit for every finding that is a warning or worse.
fn limits(report: &Report) -> Vec<String> {
    let of = report.connections.len() as u64;
    let limit = |d: &&crate::detect::Declaration| {
        let worse = |a: &crate::report::Anomaly| a.code == d.code && a.severity >= Severity::Warning;
        let seen = report.connections.iter().filter(|c| c.anomalies.iter().any(worse)).count() as u64;
        let wide =
            report.findings.iter().filter(|f| f.code == d.code && f.severity >= Severity::Warning).count() as u64;
        let name = d.name;
        let head = |name: String| {
            format!("\n[[limit]]\nname = \"{name}\"\nfinding = \"{}\"\nseverity = \"warning\"\n", d.name)
        };
        match seen {
            0 if wide == 0 => format!("{}max = 0\n", head(format!("no {name}"))),
            0 => format!(
                "{}max = {}\n",
                head(format!("no more {name}")),
                report.findings.iter().filter(|f| f.code == d.code).map(|f| f.count).sum::<u64>()
            ),
            n => {
                let percent = (n * 100).div_ceil(of.max(1));
                let seen =
                    format!("# Seen in {} of {}.\n", count(n), plural(report.connections.len() as u64, "connection"));
                format!("{}{seen}max = \"{percent}%\"\n", head(format!("no more {name}")))
            }
        }
    };
    ALL.iter().filter(|d| d.severity >= Severity::Warning).map(limit).collect()
}

/// Connections by server port, the busiest ports, in the order of their numbers.
fn services(report: &Report) -> BTreeMap<u16, Vec<&Connection>> {
    let mut ports: BTreeMap<u16, Vec<&Connection>> = BTreeMap::new();
    for c in &report.connections {
        ports.entry(c.server.port).or_default().push(c);
    }
    let mut busiest: Vec<(u16, usize)> = ports.iter().map(|(port, members)| (*port, members.len())).collect();
    busiest.sort_by_key(|(port, n)| (std::cmp::Reverse(*n), *port));
    let kept: BTreeSet<u16> = busiest.into_iter().take(SERVICES).map(|(port, _)| port).collect();
    ports.retain(|port, _| kept.contains(port));
    ports
}

fn expectations(port: u16, members: &[&Connection]) -> Vec<String> {
    let rule = |what: &str, body: String| {
        format!("\n[[expect]]\nname = \"port {port}: {what}\"\nwhere = \"server port {port}\"\n{body}\n")
    };
    let mut rules = Vec::new();
    let outcomes: BTreeSet<&str> = members.iter().map(|c| c.outcome.name()).collect();
    rules.push(rule("outcome", format!("outcome = {}", list(outcomes))));
    let closers: BTreeSet<&str> = members.iter().filter_map(|c| c.closed_first).map(ClosedFirst::name).collect();
    if members.iter().all(|c| c.closed_first.is_some()) {
        rules.push(rule("who closes first", format!("closed-first = {}", list(closers))));
    }
    let ever = |state: State, side: Side| {
        members.iter().any(|c| {
            let endpoint = c.endpoints.get(side);
            endpoint.possible.has(state) || endpoint.history.iter().any(|entry| entry.state == state)
        })
    };
    let unseen: Vec<String> = [State::CloseWait, State::Closing]
        .into_iter()
        .flat_map(|state| Side::ALL.map(|side| (state, side)))
        .filter(|(state, side)| !ever(*state, *side))
        .map(|(state, side)| format!("{}.{state}", side.name()))
        .collect();
    if !unseen.is_empty() {
        rules.push(rule("states never seen", format!("never = {}", list(unseen.iter().map(String::as_str)))));
    }
    let mut handshakes: Vec<Span> = members.iter().filter_map(|c| c.timing.handshake).collect();
    handshakes.sort_unstable();
    if !handshakes.is_empty() {
        let p95 = super::judge::pick(&handshakes, Quantile(950_000));
        let note = format!("# p95 was {}; twice that, rounded up, is allowed.", crate::render::units::span(p95));
        rules.push(rule("handshake", format!("{note}\nhandshake = {{ p95 = \"{}\" }}", room(p95))));
    }
    for side in Side::ALL {
        let longest = members.iter().filter_map(|c| c.endpoints.get(side).time_in_state.get(State::CloseWait)).max();
        if let Some(longest) = longest {
            let note = format!(
                "# The longest was {}; twice that, rounded up, is allowed.",
                crate::render::units::span(longest)
            );
            let times = format!("{{ state = \"{}.CLOSE_WAIT\", max = \"{}\" }}", side.name(), room(longest));
            rules.push(rule(&format!("{} lets go of CLOSE_WAIT", side.name()), format!("{note}\ntime-in = {times}")));
        }
    }
    rules
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// Twice the span, rounded up to 1, 2 or 5 of a unit, and never below 10 ms: what schedulers and queues add.
fn room(span: Span) -> String {
    const LEAST: i64 = 10_000_000;
    let wanted = span.0.saturating_mul(2).max(LEAST);
    let mut step = LEAST;
    while step < wanted {
        let leading = step.to_string().as_bytes().first().copied();
        step = if leading == Some(b'2') { step / 2 * 5 } else { step.saturating_mul(2) };
        if step == i64::MAX {
            break;
        }
    }
    if step % 1_000_000_000 == 0 { format!("{}s", step / 1_000_000_000) } else { format!("{}ms", step / 1_000_000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_at_least_twice_and_round() {
        for (millis, text) in
            [(0, "10ms"), (3, "10ms"), (30, "100ms"), (35, "100ms"), (260, "1s"), (4_000, "10s"), (9_000, "20s")]
        {
            assert_eq!(room(Span::millis(millis)), text, "{millis}");
        }
    }
}
