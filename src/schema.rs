//! The JSON Schema of the report, generated from the types that are serialised. Part of tests only: the program carries
//! none of it. `testdata/schema/tcpstate-1.schema.json` is checked in, and a test here compares it with the code.
//!
//! Its root is the document of `--format json`; a line of `--format ndjson` is `#/$defs/Line`, of `live --format ndjson`
//! `#/$defs/LiveLine`, and an entry of `--events` is `#/$defs/Event`. Objects are open: a later version may add fields. Enumerations are those of this version.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::detect;
use crate::live;
use crate::render::events::Event;
use crate::render::ndjson::Line;
use crate::report::timing::Blame;
use crate::report::vantage::Vantage;
use crate::report::{ClosedFirst, Outcome, Report, SCHEMA};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::timing::table::Metric;
use crate::tracker::{Evidence, State};

/// A number that says what it measures.
macro_rules! number {
    ($type:ty, $name:literal, $description:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "description": $description })
            }
        }
    };
}

number!(
    Time,
    "Time",
    "Seconds since the Unix epoch, written with nine decimals. Parse as a decimal where nanoseconds matter."
);
number!(Span, "Span", "Seconds, written with nine decimals. Parse as a decimal where nanoseconds matter.");

impl JsonSchema for Socket {
    fn schema_name() -> Cow<'static, str> {
        "Socket".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "One end of a connection.",
            "properties": {
                "addr": generator.subschema_for::<IpAddr>(),
                "port": generator.subschema_for::<u16>(),
            },
            "required": ["addr", "port"],
        })
    }
}

/// What `tcpstate live` writes: lines as it happens, and those of a report at the end.
struct LiveLine;

impl JsonSchema for LiveLine {
    fn schema_name() -> Cow<'static, str> {
        "LiveLine".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One line of `tcpstate live`: what happened, or at the end one of a report.",
            "anyOf": [
                generator.subschema_for::<live::Start<'static>>(),
                generator.subschema_for::<live::Event>(),
                generator.subschema_for::<live::Interval>(),
                generator.subschema_for::<Line<'static>>(),
            ],
        })
    }
}

/// The schema as it is checked in.
fn text() -> String {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.subschema_for::<Line<'static>>();
    generator.subschema_for::<Event>();
    generator.subschema_for::<LiveLine>();
    let mut schema = generator.into_root_schema_for::<Report>().to_value();
    tidy(&mut schema);
    name_what_is_text(&mut schema);
    all_or_none(&mut schema);
    schema["title"] = json!(SCHEMA);
    format!("{schema:#}\n")
}

/// What `derive` cannot know: a field that may be absent is never null, and links of doc comments lead nowhere here.
fn tidy(node: &mut Value) {
    match node {
        Value::Object(map) => {
            let required = map.get("required").cloned().unwrap_or(json!([]));
            let properties = map.get_mut("properties").and_then(Value::as_object_mut);
            for (name, field) in properties.into_iter().flatten() {
                if !required.as_array().is_some_and(|r| r.contains(&json!(name))) {
                    never_null(field);
                }
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
                if let Some(link) = text.find("](").or_else(|| text.find("`(crate")) {
                    let end = text[link..].find(')').map_or(text.len(), |n| link + n + 1);
                    text.replace_range(link + 1..end, "");
                }
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn never_null(field: &mut Value) {
    if let Some(types) = field.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            field["type"] = only.clone();
        }
    }
    let Some(choices) = field.get_mut("anyOf").and_then(Value::as_array_mut) else { return };
    choices.retain(|c| c["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        let field = field.as_object_mut().expect("an object has anyOf");
        field.remove("anyOf");
        field.extend(only);
    }
}

/// Fields and keys that are plain text in the types and one of a list in truth.
fn name_what_is_text(schema: &mut Value) {
    let parts = Blame::default().parts().map(|(name, _)| name);
    let version = json!({ "const": SCHEMA });
    let code = json!({ "enum": detect::ALL.iter().map(|d| d.code).collect::<Vec<_>>() });
    let name = json!({ "enum": detect::ALL.iter().map(|d| d.name).collect::<Vec<_>>() });
    let keys = |names: Vec<&str>| json!({ "propertyNames": { "enum": names } });
    let outcomes = keys(Outcome::ALL.map(Outcome::name).to_vec());
    let evidence = keys(Evidence::ALL.map(Evidence::name).to_vec());
    let metrics = keys(Metric::ALL.iter().map(|(_, name)| *name).collect());
    let mut vantages = [Vantage::Client, Vantage::Server, Vantage::Middle].map(Vantage::name).to_vec();
    vantages.push("unknown");
    let states = keys(State::ALL.map(State::name).to_vec());
    let more = [
        ("/properties/schema", version.clone()),
        ("/$defs/Line/oneOf/0/properties/schema", version.clone()),
        ("/$defs/LiveStart/properties/schema", version),
        ("/$defs/LiveStart/properties/type", json!({ "const": "start" })),
        ("/$defs/LiveInterval/properties/type", json!({ "const": "interval" })),
        ("/$defs/Tool/properties/name", json!({ "const": "tcpstate" })),
        ("/$defs/Anomaly/properties/code", code.clone()),
        ("/$defs/Anomaly/properties/name", name.clone()),
        ("/$defs/Finding/properties/code", code),
        ("/$defs/Finding/properties/name", name),
        ("/$defs/Summary/properties/outcomes", outcomes),
        ("/$defs/Summary/properties/closed_first", keys(ClosedFirst::ALL.map(ClosedFirst::name).to_vec())),
        ("/$defs/Summary/properties/evidence", evidence),
        ("/$defs/GroupTiming/properties/vantages", keys(vantages)),
        ("/$defs/GroupTiming/properties/metrics", metrics),
        ("/$defs/GroupTiming/properties/slowest", json!({ "enum": parts })),
        ("/$defs/Timing/properties/slowest", json!({ "enum": parts })),
        ("/$defs/Event/properties/type", json!({ "const": "event" })),
        ("/$defs/Endpoint/properties/time_in_state", states.clone()),
        ("/$defs/PerSide_of_Map_from_State_to_uint64/properties/client", states.clone()),
        ("/$defs/PerSide_of_Map_from_State_to_uint64/properties/server", states.clone()),
        ("/$defs/PerSide_of_Map_from_State_to_Occupancy/properties/client", states.clone()),
        ("/$defs/PerSide_of_Map_from_State_to_Occupancy/properties/server", states),
    ];
    for (place, words) in more {
        let field = schema.pointer_mut(place).unwrap_or_else(|| panic!("{place} is not in the schema"));
        let field = field.as_object_mut().expect("a field is described by an object");
        field.extend(words.as_object().expect("words are an object").clone());
    }
}

/// Where a distribution is part of an object, all of it is there or none.
fn all_or_none(schema: &mut Value) {
    let required = schema["$defs"]["Distribution"]["required"].clone();
    let fields = required.as_array().expect("a distribution has fields").iter().filter_map(Value::as_str);
    let together: BTreeMap<&str, &Value> = fields.map(|name| (name, &required)).collect();
    for holder in ["RoundTrips", "Occupancy"] {
        schema["$defs"][holder]["dependentRequired"] = json!(together);
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/schema/tcpstate-1.schema.json")
}

#[test]
fn the_schema_checked_in_is_that_of_the_code() {
    let (file, text) = (file(), text());
    if std::env::var_os("TCPSTATE_UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("the folder can be made");
        std::fs::write(&file, &text).expect("the schema can be written");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    let mut lines = there.lines().zip(text.lines()).zip(1..);
    let differs = lines.find(|((old, new), _)| old != new);
    assert!(
        there == text,
        "{} is not the schema of the code, first {differs:?}; refresh it with: TCPSTATE_UPDATE=1 cargo test --lib schema",
        file.display()
    );
}
