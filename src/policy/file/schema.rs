//! The JSON Schema of a policy, for editors, made from the table of keys and the registry of findings.

use serde_json::{Value, json};

use super::keys::{Key, Kind, SECTIONS, Section, VERSION};
use crate::detect::{ALL, Cause, thresholds};
use crate::policy::model::Quantile;
use crate::report::Severity;
use crate::report::{ClosedFirst, Outcome};
use crate::tracker::State;

/// The schema (draft 2020-12).
pub fn schema() -> Value {
    let mut properties = serde_json::Map::new();
    properties.insert("version".to_owned(), json!({"const": VERSION, "description": "Version of the format."}));
    for section in &SECTIONS {
        let table = table(section);
        let value =
            if section.many { json!({"type": "array", "items": table, "description": section.meaning}) } else { table };
        properties.insert(section.name.to_owned(), value);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tcpstate policy",
        "description": "What a capture must show to pass `tcpstate check`.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn table(section: &Section) -> Value {
    if section.name == "thresholds" {
        let names = thresholds().map(|(_, t)| (t.name, t.meaning)).chain([("stuck-after", "All that wait.")]);
        let value = |meaning: &str| json!({"type": ["string", "integer"], "description": meaning});
        let properties: serde_json::Map<_, _> =
            names.map(|(name, meaning)| (name.to_owned(), value(meaning))).collect();
        return json!({"type": "object", "properties": properties, "description": section.meaning});
    }
    let properties: serde_json::Map<_, _> =
        section.keys.iter().map(|key| (key.name.to_owned(), described(key))).collect();
    let required: Vec<&str> = section.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": section.meaning,
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

fn described(key: &Key) -> Value {
    let mut value = kind(key.kind);
    value["description"] = Value::from(key.meaning);
    value
}

fn kind(kind: Kind) -> Value {
    let states = || State::ALL.map(State::name).to_vec();
    let duration = || json!({"type": "string", "examples": ["50ms", "1.5s", "2min"]});
    match kind {
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Filter => json!({"type": "string", "examples": ["server port 443", "net 10.0.0.0/8 and not midstream"]}),
        Kind::Findings => listed(ALL.iter().flat_map(|d| [d.name, d.code]).collect()),
        Kind::Severity => json!({"enum": Severity::ALL.map(Severity::name)}),
        Kind::States => listed(states()),
        Kind::EndStates => {
            let ends = ["", "client.", "server."];
            let all = ends.iter().flat_map(|end| states().into_iter().map(move |state| format!("{end}{state}")));
            listed(all.collect())
        }
        Kind::Outcomes => listed(Outcome::ALL.map(Outcome::name).to_vec()),
        Kind::Closers => listed(ClosedFirst::ALL.map(ClosedFirst::name).to_vec()),
        Kind::Causes => listed(Cause::names().collect()),
        Kind::Amount => json!({"anyOf": [{"type": "integer", "minimum": 0}, share()]}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Share => share(),
        Kind::Duration => duration(),
        // A bare TOML date reaches a validator as a string.
        Kind::Date => json!({"type": "string", "examples": ["2027-01-31"]}),
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Quantiles => quantiles(None),
        Kind::TimesIn => {
            let one = quantiles(Some(self::kind(Kind::EndStates)));
            json!({"anyOf": [one, {"type": "array", "items": one}]})
        }
        Kind::Range => json!({
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "properties": {"min": {"type": "integer", "minimum": 0}, "max": {"type": "integer", "minimum": 0}},
        }),
    }
}

fn share() -> Value {
    json!({"type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%\\s*$", "examples": ["1%", "0.5%"]})
}

/// One of `names` or several; other spellings are understood as well, so these are offered, not demanded.
fn listed<T: Into<Value> + Clone>(names: Vec<T>) -> Value {
    let names: Vec<Value> = names.into_iter().map(Into::into).collect();
    let one = json!({"type": "string", "examples": names});
    json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
}

fn quantiles(state: Option<Value>) -> Value {
    let duration = json!({"type": "string", "examples": ["50ms", "1.5s", "2min"]});
    let mut properties: serde_json::Map<_, _> =
        Quantile::ALL.iter().map(|(name, _)| ((*name).to_owned(), duration.clone())).collect();
    let mut required = Vec::new();
    if let Some(state) = state {
        properties.insert("state".to_owned(), state);
        required.push("state");
    }
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}
