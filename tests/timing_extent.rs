//! How much of timing a report is to tell changes nothing of what it tells.

use std::io::Cursor;
use std::path::Path;

use serde_json::Value;
use tcpstate::analyze::{Analysis, Options};
use tcpstate::render::{Format, RenderOptions, render};
use tcpstate::report::Report;
use tcpstate::source;
use tcpstate::timing::Extent;

mod common;
#[path = "common/traffic.rs"]
mod traffic;

fn report(bytes: &[u8], timing: Extent) -> Report {
    let mut source = source::open_reader("capture", Box::new(Cursor::new(bytes.to_vec()))).unwrap();
    let mut analysis = Analysis::new(Options { timing, ..Options::default() });
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    analysis.finish(source.files())
}

/// What people see where they ask for nothing else.
fn shown(report: &Report) -> [String; 2] {
    [Format::Table, Format::Markdown].map(|format| {
        let mut out = Vec::new();
        render(format, report, &RenderOptions::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    })
}

/// A report without the time of all.
fn untimed(report: &Report) -> Value {
    let mut report = serde_json::to_value(report).unwrap();
    report.as_object_mut().unwrap().remove("timing").unwrap();
    report
}

fn compare(name: &str, bytes: &[u8]) {
    let [full, short, nothing] = [Extent::Full, Extent::Short, Extent::Nothing].map(|extent| report(bytes, extent));
    for (full, short) in shown(&full).iter().zip(shown(&short)) {
        assert!(*full == short, "{name}:\n{full}\n{short}");
    }
    for other in [&short, &nothing] {
        assert!(untimed(&full) == untimed(other), "{name}");
    }
    assert_eq!(nothing.timing.all.connections, 0, "{name}");
    assert!(short.timing.by_client.is_empty() && short.timing.by_pair.is_empty(), "{name}");
}

fn compare_all(folder: &Path) -> usize {
    let mut all = Vec::new();
    common::captures(folder, &mut all);
    for path in &all {
        compare(&path.display().to_string(), &std::fs::read(path).unwrap());
    }
    all.len()
}

#[test]
fn bundled_captures() {
    assert!(compare_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")) > 0);
}

#[test]
fn captures_of_others() {
    if let Some(folder) = common::corpus() {
        assert!(compare_all(&folder) > 50);
    }
}

#[test]
fn captures_with_the_kernels_histories() {
    if let Some(folder) = common::truth() {
        assert!(compare_all(&folder) > 20);
    }
}

#[test]
fn generated_traffic() {
    for shape in [traffic::Shape::Web, traffic::Shape::Churn] {
        compare("generated", &traffic::pcap(&traffic::traffic(shape, 2_000)));
    }
}
