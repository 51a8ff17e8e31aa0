//! Where the captures with the kernel's own histories lie.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of scenarios, `$TCPSTATE_SHARED/truth` or `../shared/truth`. Without it a test says so and is over; under
/// CI it fails instead.
pub fn truth() -> Option<PathBuf> {
    let shared = match std::env::var_os("TCPSTATE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let truth = shared.join("truth");
    if truth.join("INDEX.md").is_file() {
        return Some(truth);
    }
    let missing = format!("cannot run: no captures at {}", truth.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("{missing}");
    None
}

/// What the kernel knew of a scenario.
pub fn scenario(truth: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(truth.join(name).join("truth.json")).expect("the truth can be read");
    serde_json::from_str(&text).expect("the truth is JSON")
}

/// The path of a capture, as an argument.
pub fn capture(truth: &Path, name: &str, vantage: &str) -> String {
    truth.join(name).join(format!("{vantage}.pcap")).to_str().expect("paths are UTF-8").to_owned()
}
