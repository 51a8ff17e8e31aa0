//! Annotations beside the policy's lines: workflow commands of GitHub Actions, Code Quality of GitLab.

use std::io;

use serde_json::{Value, json};

use super::{account, fingerprint, is_error, listed, objected, origin, place, relative, tally, whose};
use crate::policy::judge::{Judgement, RuleVerdict, Status};
use crate::render::clean::clean;

/// One workflow command per rule that did not pass, and one that sums up; of so many captures.
pub fn github(judgement: &Judgement, of: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let whose = whose(judgement, of);
    for rule in objected(judgement) {
        let command = if rule.status == Status::Fail && is_error(rule) { "error" } else { "warning" };
        let place = match (&judgement.policy, rule.line) {
            (Some(file), Some(line)) => format!("file={},line={line},", property(relative(file))),
            _ => String::new(),
        };
        let title = property(&format!("{} ({})", rule.name, rule.status.name()));
        writeln!(out, "::{command} {place}title={title}::{}", data(&format!("{whose}{}", account(rule))))?;
    }
    let files = judgement.files.join(" ");
    writeln!(out, "::notice title=tcpstate check::{}", data(&format!("{files}: {}", tally(judgement))))
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| clean(line).replace('%', "%25")).collect();
    lines.join("%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// An array of issues, one per offence.
pub fn gitlab(judgements: &[Judgement], out: &mut dyn io::Write) -> io::Result<()> {
    let mut issues = Vec::new();
    for (judgement, rule) in judgements.iter().flat_map(|j| objected(j).map(move |rule| (j, rule))) {
        let (all, _) = listed(rule);
        let whose = whose(judgement, judgements.len());
        if all.is_empty() {
            issues.push(issue((judgement, &whose), rule, "", &rule.message));
        }
        for offence in all {
            let message = format!("{}: {}", place(offence), offence.message);
            issues.push(issue((judgement, &whose), rule, &offence.who, &message));
        }
    }
    serde_json::to_writer_pretty(&mut *out, &Value::from(issues))?;
    writeln!(out)
}

fn issue((judgement, whose): (&Judgement, &str), rule: &RuleVerdict, who: &str, message: &str) -> Value {
    let (file, line) = origin(judgement, rule);
    let severity = match (rule.status, is_error(rule)) {
        (Status::Fail, true) => "major",
        (Status::Fail, false) => "minor",
        _ => "info",
    };
    json!({
        "description": format!("{} ({}): {whose}{message}", rule.name, rule.status.name()),
        "check_name": rule.name,
        "fingerprint": fingerprint(&format!("{}\n{}\n{who}\n{message}", judgement.files.join(" "), rule.name)),
        "severity": severity,
        "location": {"path": file, "lines": {"begin": line}},
    })
}
