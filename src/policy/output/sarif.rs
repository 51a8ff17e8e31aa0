//! SARIF 2.1.0 (OASIS standard of 2020-03-27): each rule of the policy is a rule with the texts of `explain`, each offence
//! a result. What cannot be told is a result of kind `open` (§3.27.9).

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};

use super::{fingerprint, is_error, listed, origin, place, relative, whose};
use crate::detect::{self, Declaration};
use crate::policy::judge::{Judgement, Offence, RuleVerdict, Status};
use crate::report::TOOL;

/// Findings explained in full in one rule; more are listed by their summaries.
const EXPLAINED: usize = 3;

pub fn write(judgements: &[Judgement], out: &mut dyn io::Write) -> io::Result<()> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run(judgements)],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// All in one run: GitHub takes no more than twenty of a file, and of one category no more than one. Which category it is
/// in says whoever uploads it.
fn run(judgements: &[Judgement]) -> Value {
    // Of rules of one policy each stands once.
    let (mut places, mut rules, mut all) = (BTreeMap::new(), Vec::new(), Vec::new());
    for judgement in judgements {
        let whose = whose(judgement, judgements.len());
        for rule in &judgement.rules {
            let index = *places.entry(rule.name.as_str()).or_insert_with(|| {
                rules.push(descriptor(rule));
                rules.len() - 1
            });
            all.extend(results(judgement, &whose, (index, rule)));
        }
    }
    let note = |note: &String| json!({"level": "note", "message": {"text": note}});
    let notes: Vec<Value> = judgements.iter().flat_map(|j| &j.notes).map(note).collect();
    let policy = judgements.iter().find_map(|j| j.policy.as_ref());
    let names = policy.into_iter().chain(judgements.iter().flat_map(|j| &j.files));
    let artifacts: Vec<Value> = names.map(|name| json!({"location": {"uri": uri(relative(name))}})).collect();
    json!({
        "tool": {"driver": {
            "name": TOOL.name,
            "version": TOOL.version,
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules,
        }},
        "invocations": [{"executionSuccessful": !judgements.iter().any(|judgement| judgement.unread), "toolExecutionNotifications": notes}],
        "artifacts": artifacts,
        "columnKind": "unicodeCodePoints",
        "results": all,
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

fn results(judgement: &Judgement, whose: &str, (index, rule): (usize, &RuleVerdict)) -> Vec<Value> {
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
        let mut known_by = id(rule);
        if let Some(offence) = offence {
            location["logicalLocations"] = json!([{"name": offence.who, "kind": "connection"}]);
            known_by = format!("{known_by}/{}", offence.who);
        }
        let mut result = json!({
            "ruleId": id(rule),
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": {"text": text},
            "locations": [location],
            // The second is what GitHub goes by; else it takes a hash of the line, which all in a file have in common.
            "partialFingerprints": {
                "ruleAndConnection/v1": format!("{whose}{known_by}"),
                "primaryLocationLineHash": format!("{}:1", fingerprint(&format!("{whose}{known_by}"))),
            },
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
        return vec![result(format!("{}: {whose}{}", rule.name, rule.message), None)];
    }
    let text = |offence: &Offence| format!("{}: {whose}{}: {}", rule.name, place(offence), offence.message);
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
