//! Shared by the tests of input: where the captures of other projects lie, and builders of small captures.
#![allow(dead_code, reason = "each test file uses another part")]

use std::path::PathBuf;

/// The folder of real captures, `$TCPSTATE_SHARED/corpus` or `../shared/corpus`. Without it a test says so and
/// is over; under CI it fails instead.
pub fn corpus() -> Option<PathBuf> {
    let shared = match std::env::var_os("TCPSTATE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let corpus = shared.join("corpus");
    if corpus.join("oracle.jsonl").is_file() {
        return Some(corpus);
    }
    let missing = format!("cannot run: no captures at {}", corpus.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("{missing}");
    None
}

/// One JSON object per capture of the corpus.
pub fn oracle(corpus: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(corpus.join("oracle.jsonl")).expect("the oracle can be read");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
