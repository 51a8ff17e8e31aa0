//! SARIF 2.1.0 (OASIS standard of 2020-03-27): each rule of the policy is a rule with the texts of `explain`, each offence
//! a result. What cannot be told is a result of kind `open` (§3.27.9).

use std::io;

use serde_json::{Value, json};

use super::{is_error, listed, origin, place};
use crate::detect::{self, Declaration};
use crate::policy::judge::{Judgement, Offence, RuleVerdict, Status};
use crate::report::TOOL;

/// Findings explained in full in one rule; more are listed by their summaries.
const EXPLAINED: usize = 3;

pub fn write(judgements: &[Judgement], out: &mut dyn io::Write) -> io::Result<()> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": judgements.iter().map(run).collect::<Vec<Value>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn run(judgement: &Judgement) -> Value {
    let rules: Vec<Value> = judgement.rules.iter().map(descriptor).collect();
    let results: Vec<Value> =
        judgement.rules.iter().enumerate().flat_map(|(index, rule)| results(judgement, index, rule)).collect();
    let notes: Vec<Value> =
        judgement.notes.iter().map(|note| json!({"level": "note", "message": {"text": note}})).collect();
    let artifacts: Vec<Value> =
        judgement.policy.iter().chain(&judgement.files).map(|name| json!({"location": {"uri": uri(name)}})).collect();
    json!({
        "tool": {"driver": {
            "name": TOOL.name,
            "version": TOOL.version,
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules,
        }},
        // Servers that take several runs from one tool tell them apart by this.
        "automationDetails": {"id": format!("tcpstate/{}", judgement.files.join(" "))},
        "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notes}],
        "artifacts": artifacts,
        "columnKind": "unicodeCodePoints",
        "results": results,
    })
}

/// The name of a rule as an identifier that does not change with its place.
fn id(rule: &RuleVerdict) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = rule.name.chars().map(letter).collect();
    slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn descriptor(rule: &RuleVerdict) -> Value {
    let declarations: Vec<&Declaration> = rule.codes.iter().filter_map(|code| detect::find(code)).collect();
    let help = match declarations.as_slice() {
        [] => rule.why.clone().unwrap_or_else(|| rule.name.clone()),
        some if some.len() <= EXPLAINED => some.iter().map(|d| explained(d)).collect::<Vec<_>>().join("\n\n"),
        many => many.iter().map(|d| format!("{} {}: {}.", d.code, d.name, d.summary)).collect::<Vec<_>>().join("\n"),
    };
    let full = rule.why.clone().or_else(|| declarations.first().map(|d| d.what.to_owned()));
    let level = if is_error(rule) { "error" } else { "warning" };
    json!({
        "id": id(rule),
        "name": rule.name,
        "shortDescription": {"text": rule.name},
        "fullDescription": {"text": full.unwrap_or_else(|| rule.name.clone())},
        "help": {"text": help},
        "defaultConfiguration": {"level": level},
        "properties": {"kind": rule.kind, "findings": rule.codes},
    })
}

/// All that `explain` says of a finding.
fn explained(d: &Declaration) -> String {
    format!(
        "{} {}: {}\n{}\nDecided: {}\nEasily confused: {}\nAdvice: {}",
        d.code, d.name, d.what, d.why, d.decided, d.confused, d.advice
    )
}

fn results(judgement: &Judgement, index: usize, rule: &RuleVerdict) -> Vec<Value> {
    let (kind, level) = match rule.status {
        Status::Pass => ("pass", "none"),
        Status::Unclear => ("open", "none"),
        Status::Fail if is_error(rule) => ("fail", "error"),
        Status::Fail => ("fail", "warning"),
    };
    let (file, line) = origin(judgement, rule);
    let result = |text: String, offence: Option<&Offence>| {
        let mut location = json!({
            "physicalLocation": {"artifactLocation": {"uri": uri(file)}, "region": {"startLine": line}},
        });
        let mut fingerprint = id(rule);
        if let Some(offence) = offence {
            location["logicalLocations"] = json!([{"name": offence.who, "kind": "connection"}]);
            fingerprint = format!("{fingerprint}/{}", offence.who);
        }
        let mut result = json!({
            "ruleId": id(rule),
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": {"text": text},
            "locations": [location],
            "partialFingerprints": {"ruleAndConnection/v1": fingerprint},
        });
        if let Some(offence) = offence {
            let mut properties = serde_json::Map::new();
            properties.extend(offence.connection.map(|id| ("connection".to_owned(), Value::from(id))));
            properties.extend(offence.packet.map(|n| ("packet".to_owned(), Value::from(n))));
            properties.extend(offence.time.map(|t| ("time".to_owned(), Value::from(t.to_string()))));
            result["properties"] = Value::Object(properties);
        }
        result
    };
    let (listed, _) = listed(rule);
    if rule.status == Status::Pass {
        // A server would show it as an alert.
        return Vec::new();
    }
    if listed.is_empty() {
        return vec![result(format!("{}: {}", rule.name, rule.message), None)];
    }
    let text = |offence: &Offence| format!("{}: {}: {}", rule.name, place(offence), offence.message);
    listed.iter().map(|offence| result(text(offence), Some(offence))).collect()
}

/// A file's name as a URI reference (RFC 3986): everything but unreserved characters and `/` is percent-encoded.
fn uri(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
