//! The formats for programs, and Markdown.

#[path = "common/report.rs"]
mod report;

use std::io;

use serde_json::Value;
use tcpstate::render::csv::COLUMNS;
use tcpstate::render::{Format, Limit, RenderOptions, SortKey, render};
use tcpstate::report::Report;

fn shown(format: Format, report: &Report, options: &RenderOptions) -> String {
    let mut out = Vec::new();
    render(format, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn plain(format: Format, report: &Report) -> String {
    shown(format, report, &RenderOptions::default())
}

#[test]
fn json_follows_the_schema() {
    insta::assert_snapshot!("json", plain(Format::Json, &report::small()));
    let text = plain(Format::Json, &report::large());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["connections"].as_array().unwrap().len(), 3_000);
    let c = &value["connections"][13];
    assert_eq!((&c["id"], &c["scope"][0], &c["incarnation"]), (&14.into(), &"vlan 7".into(), &2.into()));
    assert!(c.get("closed_first").is_none(), "absent means unknown");
    // Text, not a binary float: every nanosecond is there.
    assert!(text.contains("\"first\":1700000000.020000000"), "times have nine decimals");
    assert_eq!(
        serde_json::from_str::<Value>(&plain(Format::Json, &report::empty())).unwrap()["connections"],
        Value::Array(vec![])
    );
}

#[test]
fn ndjson_has_the_same_objects_one_per_line() {
    insta::assert_snapshot!("ndjson", plain(Format::Ndjson, &report::small()));
    let report = report::large();
    let whole: Value = serde_json::from_str(&plain(Format::Json, &report)).unwrap();
    let text = plain(Format::Ndjson, &report);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| -> Vec<Value> {
        let mut of: Vec<Value> = lines.iter().filter(|line| line["type"] == kind).cloned().collect();
        of.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("type")));
        of
    };
    assert_eq!(Value::Array(of("connection")), whole["connections"]);
    assert_eq!(Value::Array(of("finding")), whole["findings"]);
    assert_eq!(of("summary")[0], whole["summary"]);
    assert_eq!(of("capture")[0]["packets"], whole["capture"]["packets"]);
    let capture = &lines[of("connection").len()];
    assert_eq!((capture["type"].as_str(), capture["schema"].as_str()), (Some("capture"), Some("tcpstate/1")));
}

#[test]
fn csv_has_a_row_per_connection() {
    insta::assert_snapshot!("csv", plain(Format::Csv, &report::small()));
    let text = plain(Format::Csv, &report::large());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header, COLUMNS.map(|(name, _)| name));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3_000);
    for cell in rows.iter().flat_map(|row| row.iter()) {
        assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
        assert!(!cell.starts_with('-') || cell.parse::<f64>().is_ok(), "{cell}");
    }
}

#[test]
fn markdown_is_for_pasting() {
    insta::assert_snapshot!("markdown", plain(Format::Markdown, &report::large()));
    let mut report = report::small();
    report.capture.files[0].name = "`<script>`|@all.pcap".into();
    report.connections[0].scope = vec!["|</td>`x".into()];
    let text = plain(Format::Markdown, &report);
    assert!(!text.contains("<script>`|"), "{text}");
    let row = text.lines().find(|line| line.starts_with("| 22 |")).unwrap();
    assert_eq!(row.matches('|').count() - row.matches("\\|").count(), 8, "{row}");
}

#[test]
fn order_and_limit_hold_for_programs_too() {
    let options = RenderOptions { limit: Limit::At(2), sort: Some(SortKey::Bytes), ..RenderOptions::default() };
    let text = shown(Format::Csv, &report::large(), &options);
    let ids: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["14", "114"]);
}

/// Takes some bytes, then fails like a pipe that nobody reads any more.
struct Closing(usize);

impl io::Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_stays_one_in_every_format() {
    let report = report::large();
    for format in Format::ALL {
        for room in [0, 100, 3_000] {
            let error = render(format, &report, &RenderOptions::default(), &mut Closing(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{} after {room} bytes", format.name());
        }
    }
}
