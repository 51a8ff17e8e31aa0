//! Shared by the tests of input: where the captures of other projects lie, and builders of small captures.
#![allow(dead_code, reason = "each test file uses another part")]

pub mod capture;
pub mod compress;
pub mod frame;

use std::path::{Path, PathBuf};

/// The folder of real captures, `$TCPSTATE_SHARED/corpus` or `../shared/corpus`. Without it a test says so and
/// is over; under CI it fails instead.
pub fn corpus() -> Option<PathBuf> {
    shared("corpus", "oracle.jsonl")
}

/// The folder of captures with the kernel's own histories, found as [`corpus`] is.
pub fn truth() -> Option<PathBuf> {
    shared("truth", "INDEX.md")
}

/// Adds the captures in a folder and those below it, in order.
pub fn captures(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            captures(&path, into);
        } else if path.extension().is_some_and(|e| ["pcap", "pcapng", "cap"].iter().any(|known| e == *known)) {
            into.push(path);
        }
    }
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
pub fn oracle(corpus: &std::path::Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(corpus.join("oracle.jsonl")).expect("the oracle can be read");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// A small generator of numbers that look random, the same for the same seed (xorshift64*).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() >> 11) as usize % n }
    }
}
