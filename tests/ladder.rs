//! Every `tests/ladder/*.ladder`: one behaviour each, named by a sentence, in the notation of `tcpstate::ladder`.
//!
//! A cell holds if the finished history of that end is in that state at the line's time (or enters it since the line
//! before); and down each column the states must be exactly those of the history, in order. `(STATE)` and `{STATE, …}`
//! are asked of the tracker when it has taken the line's segment and none after it.

#[path = "common/ladder.rs"]
mod common;

use std::path::PathBuf;

use tcpstate::ladder::{self, Ladder};
use tcpstate::tracker::rules::RULES;

fn ladders() -> Vec<(String, Ladder)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ladder");
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("the folder can be read").map(|f| f.expect("an entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "ladder"));
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("a ladder can be read");
        let ladder = ladder::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, ladder)
    };
    files.iter().map(read).collect()
}

#[test]
fn every_ladder_holds() {
    let ladders = ladders();
    assert!(ladders.len() >= 60, "only {} ladders were found", ladders.len());
    let wrong: Vec<String> = ladders
        .iter()
        .filter_map(|(name, ladder)| common::check(ladder).err().map(|e| format!("{name}\n{e}")))
        .collect();
    assert!(wrong.is_empty(), "{} of {} ladders do not hold\n\n{}", wrong.len(), ladders.len(), wrong.join("\n"));
}

#[test]
fn every_arrow_of_the_table_is_taken_by_some_ladder() {
    let mut taken = Vec::new();
    for (_, ladder) in ladders() {
        let tracker = common::track(&ladder.segments());
        for socket in [ladder.left, ladder.right] {
            let history = common::history(&tracker, socket, ladder.end(), &ladder.stack.profile());
            taken.extend(history.iter().map(|e| (e.from, e.event)));
        }
    }
    let missing: Vec<String> = RULES
        .iter()
        .filter(|r| !taken.contains(&(r.from, r.event)))
        .map(|r| format!("{}, {}, {}", r.from, r.event.cause(), r.to))
        .collect();
    assert!(missing.is_empty(), "no ladder takes these:\n{}", missing.join("\n"));
}

#[test]
fn ladders_survive_printing() {
    for (name, ladder) in ladders() {
        let again = ladder::parse(&ladder.to_string()).unwrap_or_else(|e| panic!("{name}: {e}\n{ladder}"));
        assert_eq!(again.segments(), ladder.segments(), "{name}");
        for (a, b) in again.lines.iter().zip(&ladder.lines) {
            assert_eq!((&a.left, &a.right), (&b.left, &b.right), "{name}");
        }
    }
}
