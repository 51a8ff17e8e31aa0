//! What the program writes is what the JSON Schema that is checked in says. That the schema is the code's own is
//! tested beside the types: `cargo test --lib schema`.

mod common;
#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

use conversation::{ACK, Conversation, FIN, SYN_ACK};
use jsonschema::Validator;
use program::{Folder, json, program, run};
use serde_json::{Value, json};

/// Larger captures of the truth are left out: they show no other fields.
const LARGEST: u64 = 500_000;

struct Schema {
    report: Validator,
    /// The same without room for fields that the schema does not name.
    closed: Validator,
    line: Validator,
    event: Validator,
    live: Validator,
}

impl Schema {
    fn read() -> Schema {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schema/tcpstate-1.schema.json");
        let schema: Value = json(&std::fs::read_to_string(file).expect("the schema is checked in"));
        let part = |name: &str| json!({ "$ref": format!("#/$defs/{name}"), "$defs": schema["$defs"].clone() });
        let mut closed = schema.clone();
        closed["additionalProperties"] = json!(false);
        for shape in closed["$defs"].as_object_mut().expect("shapes").values_mut() {
            if shape.get("properties").is_some() {
                shape["additionalProperties"] = json!(false);
            }
        }
        let validator = |schema: &Value| jsonschema::draft202012::new(schema).expect("it is a schema");
        Schema {
            report: validator(&schema),
            closed: validator(&closed),
            line: validator(&part("Line")),
            event: validator(&part("Event")),
            live: validator(&part("LiveLine")),
        }
    }

    /// Everything `analyze` says of a capture in JSON.
    fn check(&self, capture: &str) {
        self.check_input(&[capture]);
    }

    fn check_input(&self, input: &[&str]) {
        let capture = &input.join(" ");
        let analyze = |more: &[&str]| {
            let all = ["analyze", "--stuck-after", "2s", "--threshold", "time-wait-excess=200"];
            let run = run(&[&all[..], more, input].concat());
            assert_eq!(run.code, 0, "{capture}: {}", run.err);
            run.out
        };
        let report = json(&analyze(&["--format", "json", "--retracted"]));
        valid(&self.report, &report, capture);
        valid(&self.closed, &report, capture);
        let lines = analyze(&["--format", "ndjson", "--retracted"]);
        lines.lines().for_each(|line| valid(&self.line, &json(line), capture));
        assert!(lines.lines().count() >= 3, "{lines}");
        let events = analyze(&["--events", "--format", "ndjson"]);
        events.lines().for_each(|line| valid(&self.event, &json(line), capture));
    }
}

fn valid(validator: &Validator, value: &Value, capture: &str) {
    let wrong: Vec<String> =
        validator.iter_errors(value).take(5).map(|e| format!("{}: {e:.300}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{capture}: {}", wrong.join("\n"));
}

/// Connections that ended in several ways, one of which began before the capture.
fn trace() -> Vec<u8> {
    Conversation::new()
        .segment(39_999, true, 100, 700, ACK, b"before")
        .closed(40_000)
        .after(500_000)
        .half_closed(40_001)
        .after(1_000)
        .refused(40_002)
        .segment(40_003, false, 10, 20, SYN_ACK, b"")
        .segment(40_004, false, 10, 20, FIN, b"")
        .after(5_000_000)
        .closed(40_000)
        .bytes
}

#[test]
fn captures_small_empty_and_cut_off_are_valid() {
    let (schema, folder, trace) = (Schema::read(), Folder::new(), trace());
    schema.check(&folder.file("trace.pcap", &trace));
    schema.check(&folder.file("empty.pcap", &Conversation::new().bytes));
    schema.check(&folder.file("cut.pcap", &trace[..trace.len() - 5]));
}

/// What a report is about is said in it, where it is not about all.
#[test]
fn what_was_asked_for_is_in_the_report() {
    let (schema, folder) = (Schema::read(), Folder::new());
    let capture = folder.file("trace.pcap", &trace());
    let analyze = |format: &str, more: &[&str]| run(&[&["analyze", "-f", format], more, &[&capture]].concat()).out;
    let some = ["--filter", "outcome closed", "-c", "2", "--only", "half-close", "--ignore", "E01"];
    let selected = json!({
        "filter": "outcome closed", "connections": [2], "of": 6,
        "only": ["half-close"], "ignore": ["half-open-dead-peer"],
    });
    for more in [&some[..], &[&some[..], &["--limit", "1"]].concat(), &[&some[..], &["--sort", "duration"]].concat()] {
        let report = json(&analyze("json", more));
        valid(&schema.closed, &report, &capture);
        assert_eq!(report["capture"]["selected"], selected, "{more:?}");
        let lines: Vec<Value> = analyze("ndjson", more).lines().map(json).collect();
        lines.iter().for_each(|line| valid(&schema.line, line, &capture));
        let said = lines.iter().find(|line| line["type"] == "capture").expect("there is a capture");
        assert_eq!(said["selected"], selected, "{more:?}");
    }
    assert!(json(&analyze("json", &[]))["capture"].get("selected").is_none());
    let watched = watched(&["live", "-", "-f", "json", "outcome", "closed"], &trace(), "");
    assert_eq!(json(&watched)["capture"]["selected"], json!({ "filter": "outcome closed", "of": 6 }));
}

#[test]
fn bundled_captures_are_valid() {
    let (schema, folder) = (Schema::read(), Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
    let file = |name: &str| folder.join(name).to_str().expect("a name in UTF-8").to_owned();
    for name in ["accept_queue.pcap", "clean.pcapng", "leak.pcap", "time_wait.pcap.gz", "trouble.pcap"] {
        schema.check(&file(name));
    }
    let (client, server) = (file("loss_client.pcap"), file("loss_server.pcap"));
    schema.check_input(&["--client", &client, "--server", &server]);
}

/// What `live` writes of a capture that comes through a pipe in two parts, the second once it has written `awaited`.
fn watched(arguments: &[&str], input: &[u8], awaited: &str) -> String {
    let mut live = program(arguments);
    let mut live = live.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut pipe = live.stdin.take().expect("a pipe");
    let (first, rest) = input.split_at(input.len() / 2);
    pipe.write_all(first).expect("it reads");
    let (mut out, mut told) = (BufReader::new(live.stdout.take().expect("a pipe")), String::new());
    while !told.contains(awaited) {
        assert!(out.read_line(&mut told).expect("output is UTF-8") > 0, "it ended: {told}");
    }
    pipe.write_all(rest).expect("it reads");
    drop(pipe);
    out.read_to_string(&mut told).expect("output is UTF-8");
    assert!(live.wait().expect("it ends").success());
    told
}

#[test]
fn what_live_writes_is_valid() {
    let (schema, capture) = (Schema::read(), trace());
    // Every connection after the sixteenth makes another one forgotten.
    let many = (0..40).fold(Conversation::new(), |all, n| all.closed(50_000 + n).after(10_000)).bytes;
    let mut kinds = BTreeSet::new();
    for (input, further) in [(&capture, &[][..]), (&many, &["--max-connections", "16", "port 80"])] {
        let arguments = [&["live", "-", "--interval", "100ms"], further].concat();
        for line in watched(&arguments, input, r#""type":"interval""#).lines().map(json) {
            valid(&schema.live, &line, "live");
            kinds.insert(line["type"].as_str().expect("a type").to_owned());
            // A pipe's time begins with its first packet, years before the program was started.
            let rate = line["packets_per_second"].as_f64();
            assert!(rate.is_none_or(|rate| rate < 500.0), "{line}");
        }
    }
    let told = ["capture", "connection", "finding", "interval", "start", "summary", "transition"];
    assert!(told.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    let other = json!({ "type": "interval", "time": 1.0, "packets": 1 });
    assert!(!schema.live.is_valid(&other));
}

#[test]
fn captures_with_known_truth_are_valid() {
    let Some(truth) = common::truth() else { return };
    let schema = Schema::read();
    let mut captures: Vec<_> = truth
        .read_dir()
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path().join("router.pcap"))
        .filter(|file| file.metadata().is_ok_and(|m| m.len() <= LARGEST))
        .collect();
    captures.sort();
    assert!(captures.len() > 10, "only {} captures", captures.len());
    captures.iter().for_each(|file| schema.check(file.to_str().expect("a name in UTF-8")));
}

#[test]
fn what_is_wrong_is_not_valid() {
    let (schema, folder) = (Schema::read(), Folder::new());
    let capture = folder.file("trace.pcap", &trace());
    let right = json(&run(&["analyze", "--format", "json", &capture]).out);
    assert!(schema.closed.is_valid(&right));
    for (place, value) in [
        ("/schema", json!("tcpstate/0")),
        ("/capture/first", json!(null)),
        ("/capture/last", json!("1700000000.000000000")),
        ("/connections/0/outcome", json!("half_open")),
        ("/connections/0/client/port", json!(65_536)),
        ("/connections/0/endpoints/client/state", json!("FIN-WAIT-1")),
        ("/connections/0/endpoints/client/time_in_state", json!({ "ESTAB": 1.0 })),
        ("/connections/0/timing/rtt/client", json!({ "n": 1, "excluded": 0, "rescued": 0 })),
        ("/findings/0/code", json!("Z99")),
        ("/findings/0/name", json!("close_wait_stuck")),
        ("/summary/final_states/server", json!({ "UNKNOWN": 1 })),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(place).unwrap_or_else(|| panic!("{place} is not in {right}")) = value;
        assert!(!schema.report.is_valid(&wrong), "{place}");
    }
}
