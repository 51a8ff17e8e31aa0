//! Annotations beside the policy's lines: workflow commands of GitHub Actions, Code Quality of GitLab.

use std::io;

use serde_json::{Value, json};

use super::{account, is_error, listed, objected, origin, place, tally};
use crate::policy::judge::{Judgement, RuleVerdict, Status};
use crate::render::clean::clean;

/// One workflow command per rule that did not pass, and one that sums up.
pub fn github(judgement: &Judgement, out: &mut dyn io::Write) -> io::Result<()> {
    for rule in objected(judgement) {
        let command = if rule.status == Status::Fail && is_error(rule) { "error" } else { "warning" };
        let place = match (&judgement.policy, rule.line) {
            (Some(file), Some(line)) => format!("file={},line={line},", property(file)),
            _ => String::new(),
        };
        let title = property(&format!("{} ({})", rule.name, rule.status.name()));
        writeln!(out, "::{command} {place}title={title}::{}", data(&account(rule)))?;
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
        if all.is_empty() {
            issues.push(issue(judgement, rule, "", &rule.message));
        }
        for offence in all {
            issues.push(issue(judgement, rule, &offence.who, &format!("{}: {}", place(offence), offence.message)));
        }
    }
    serde_json::to_writer_pretty(&mut *out, &Value::from(issues))?;
    writeln!(out)
}

fn issue(judgement: &Judgement, rule: &RuleVerdict, who: &str, message: &str) -> Value {
    let (file, line) = origin(judgement, rule);
    let severity = match (rule.status, is_error(rule)) {
        (Status::Fail, true) => "major",
        (Status::Fail, false) => "minor",
        _ => "info",
    };
    json!({
        "description": format!("{} ({}): {message}", rule.name, rule.status.name()),
        "check_name": rule.name,
        "fingerprint": fingerprint(&format!("{}\n{}\n{who}\n{message}", judgement.files.join(" "), rule.name)),
        "severity": severity,
        "location": {"path": file, "lines": {"begin": line}},
    })
}

/// FNV-1a over 128 bits: the same for the same text, on every machine.
fn fingerprint(text: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}
