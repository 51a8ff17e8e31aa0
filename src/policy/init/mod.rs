//! A policy from a capture known to be good: what it shows becomes what is asked for, with room where timing is
//! concerned. Each rule is tried on the capture; what it cannot pass is written as a comment, with the reason.

mod seen;

use std::fmt::Write as _;

use super::file::keys::VERSION;
use super::judge::{Judgement, Status};
use super::model::{Demands, Policy, Quantile};
use crate::detect::ALL;
use crate::render::facts::input;
use crate::render::units::{count, plural, span};
use crate::report::{Report, Severity, Side};
use crate::time::Span;
use seen::Members;
pub use seen::Seen;

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

/// A policy that is being written: each of its rules is tried on the capture before it is asked for.
#[derive(Debug)]
pub struct Draft {
    /// What stands before the rules.
    head: String,
    parts: Vec<Part>,
    remarks: Vec<String>,
    /// What the capture must be like, and all rules.
    policy: Policy,
}

/// A heading, and rules as text: each with its place among those of the policy, or with why it is none.
#[derive(Debug)]
struct Part {
    heading: String,
    rules: Vec<(String, Result<usize, String>)>,
}

impl Draft {
    /// Of a capture whose connections, as `seen`, come to `report`.
    pub fn new(seen: &Seen, report: &Report) -> Draft {
        let capture = capture(seen, report);
        let findings = "\n# Findings: none of these, or no more than the capture had. `tcpstate explain NAME` says what each means.\n";
        let mut texts = vec![(findings.to_owned(), limits(seen, report))];
        for (port, members) in seen.busiest(SERVICES) {
            let heading = format!("\n# Port {port}: {}.\n", plural(members.count, "connection"));
            texts.push((heading, expectations(port, members)));
        }
        let (mut all, mut place) = (capture.clone(), 0);
        let mut part = |(heading, rules): (String, Vec<String>)| {
            let rule = |rule: String| match Policy::read("", &format!("{capture}{rule}")) {
                Ok(_) => {
                    all.push_str(&rule);
                    place += 1;
                    (rule, Ok(place - 1))
                }
                Err(error) => (rule, Err(error.message)),
            };
            Part { heading, rules: rules.into_iter().map(rule).collect() }
        };
        let parts = texts.into_iter().map(&mut part).collect();
        let policy = Policy::read("", &all).unwrap_or_else(|_| Policy::standard());
        let (head, remarks) = (head(seen, report) + &capture, trouble(report).into_iter().collect());
        Draft { head, parts, remarks, policy }
    }

    /// What it asks for, to be held against the capture.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Written out after `judgement`: what the capture does not pass is a comment.
    pub fn written(self, judgement: &Judgement) -> Written {
        let Draft { head: mut text, parts, mut remarks, .. } = self;
        let mut verdicts = judgement.rules.iter();
        let quality = verdicts.next().filter(|quality| quality.status != Status::Pass);
        if let Some(quality) = quality {
            remarks.insert(0, format!("the capture shows too little to try the rules on: {}", quality.message));
        }
        let verdicts: Vec<_> = verdicts.collect();
        for Part { heading, rules } in parts {
            text.push_str(&heading);
            for (rule, place) in rules {
                let verdict = place.as_ref().map(|place| verdicts.get(*place).filter(|v| v.status != Status::Pass));
                let (name, reason) = match verdict {
                    Ok(Some(verdict)) if quality.is_none() => (verdict.name.as_str(), &verdict.message),
                    Err(error) if quality.is_none() => ("", error),
                    _ => {
                        text.push_str(&rule);
                        continue;
                    }
                };
                let _ = writeln!(text, "\n# Cannot be asked for: {reason}");
                for line in rule.trim().lines() {
                    let _ = writeln!(text, "# {line}");
                }
                remarks.push(format!("rule `{name}` is only a comment: {reason}"));
            }
        }
        text.push_str(TAIL);
        Written { text, remarks, passes: quality.is_none() }
    }
}

fn head(seen: &Seen, report: &Report) -> String {
    let names: Vec<String> =
        report.capture.files.iter().map(|file| crate::render::clean::clean(input(&file.name)).into_owned()).collect();
    format!(
        "# What traffic must look like, written by `tcpstate check --init` from {}\n# ({}, {}). Loosen and tighten \
         it as you see fit: `tcpstate check --schema` has every key.\nversion = {VERSION}\n",
        names.join(", "),
        plural(seen.all, "connection"),
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
fn capture(seen: &Seen, report: &Report) -> String {
    let Seen { all, gaps, one_way, .. } = *seen;
    let bytes = report.capture.bytes.saturating_add(report.capture.missing_bytes);
    let percent = |part: u64, of: u64| if of == 0 { 0 } else { (part * 100).div_ceil(of) };
    let undecoded = percent(report.capture.undecoded, report.capture.packets);
    let missing = percent(report.capture.missing_bytes, bytes).max(percent(gaps, all)).max(undecoded).clamp(1, 100);
    let mut text =
        String::from("\n# A capture that shows less than this cannot tell.\n[capture]\nmin-connections = 1\n");
    if missing > 1 {
        text.push_str("# The capture was not complete: make a better one and lower this to \"1%\".\n");
    }
    let _ = writeln!(text, "max-missing = \"{missing}%\"");
    let halves = percent(one_way, all);
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
fn limits(seen: &Seen, report: &Report) -> Vec<String> {
    let of = seen.all;
    let limit = |d: &&crate::detect::Declaration| {
        let seen = seen.troubled.get(d.code).copied().unwrap_or(0);
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
                let seen = format!("# Seen in {} of {}.\n", count(n), plural(of, "connection"));
                format!("{}{seen}max = \"{percent}%\"\n", head(format!("no more {name}")))
            }
        }
    };
    ALL.iter().filter(|d| d.severity >= Severity::Warning).map(limit).collect()
}

fn expectations(port: u16, members: &Members) -> Vec<String> {
    let rule = |what: &str, body: String| {
        format!("\n[[expect]]\nname = \"port {port}: {what}\"\nwhere = \"server port {port}\"\n{body}\n")
    };
    let mut rules = vec![rule("outcome", format!("outcome = {}", list(members.outcomes.iter().copied())))];
    if members.closed == members.count {
        let closers = list(members.closers.iter().copied());
        rules.push(rule("who closes first", format!("closed-first = {closers}")));
    }
    let never = Members::RARE.into_iter().zip(members.rare).filter(|(_, ever)| !ever);
    let never: Vec<String> = never.map(|((state, side), _)| format!("{}.{state}", side.name())).collect();
    if !never.is_empty() {
        rules.push(rule("states never seen", format!("never = {}", list(never.iter().map(String::as_str)))));
    }
    let mut handshakes = members.handshakes.clone();
    handshakes.sort_unstable();
    if !handshakes.is_empty() {
        let p95 = super::judge::pick(&handshakes, Quantile(950_000));
        let note = format!("# p95 was {}; twice that, rounded up, is allowed.", span(p95));
        rules.push(rule("handshake", format!("{note}\nhandshake = {{ p95 = \"{}\" }}", room(p95))));
    }
    for (side, longest) in Side::ALL.into_iter().zip(members.close_wait) {
        if let Some(longest) = longest {
            let note = format!("# The longest was {}; twice that, rounded up, is allowed.", span(longest));
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
