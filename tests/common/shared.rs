//! Captures that are not part of the project: those of other projects, and those with the kernel's own histories.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tcpstate::segment::Socket;

/// The folder of real captures, `$TCPSTATE_SHARED/corpus` or `../shared/corpus`. Without it a test says so and
/// is over; under CI it fails instead.
pub fn corpus() -> Option<PathBuf> {
    shared("corpus", "oracle.jsonl")
}

/// The folder of captures with the kernel's own histories, found as [`corpus`] is.
pub fn truth() -> Option<PathBuf> {
    shared("truth", "INDEX.md")
}

/// The files in a folder and in those below it, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Adds the captures in a folder and those below it, in order.
pub fn captures(folder: &Path, into: &mut Vec<PathBuf>) {
    let is_capture =
        |path: &PathBuf| path.extension().is_some_and(|e| ["pcap", "pcapng", "cap"].iter().any(|known| e == *known));
    into.extend(files(folder).into_iter().filter(is_capture));
}

fn shared(folder: &str, file: &str) -> Option<PathBuf> {
    let shared = match std::env::var_os("TCPSTATE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let folder = shared.join(folder);
    if folder.join(file).is_file() {
        return Some(folder);
    }
    let missing = format!("cannot run: no captures at {}", folder.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("{missing}");
    None
}

/// One JSON object per capture of the corpus.
pub fn oracle(corpus: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(corpus.join("oracle.jsonl")).expect("the oracle can be read");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// An end of a connection in the oracle or in what the kernel knew.
pub fn socket(value: &Value) -> Socket {
    let addr = value["addr"].as_str().and_then(|addr| addr.parse().ok()).expect("an address");
    Socket { addr, port: value["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port") }
}

/// What the kernel knew of a scenario.
pub fn scenario(truth: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(truth.join(name).join("truth.json")).expect("the truth can be read");
    serde_json::from_str(&text).expect("the truth is JSON")
}

/// The path of a capture of a scenario, as an argument.
pub fn capture(truth: &Path, name: &str, vantage: &str) -> String {
    truth.join(name).join(format!("{vantage}.pcap")).to_str().expect("paths are UTF-8").to_owned()
}

/// Every capture of both.
pub fn real() -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in [corpus()?, truth()?] {
        captures(&folder, &mut files);
    }
    Some(files)
}
