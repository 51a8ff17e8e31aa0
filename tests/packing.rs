//! Connections that are only written down, or packed between their segments, give the same report as those whose segments
//! are each taken at once; and where one record serves for one connection after the other, nothing is left of those before.

use std::path::Path;

use tcpstate::analyze::{Analysis, Options, Wanted};

mod common;

/// How connections are kept.
#[derive(Clone, Copy)]
enum Kept {
    /// Each as a record, from its first segment on.
    Records,
    /// Packed as soon as another is spoken on.
    Packed,
    /// On tape while that is possible.
    Tapes,
}

/// The report on connections so kept, as JSON: in full, and as it is when they are only added up, with each in short.
fn report(path: &Path, kept: Kept) -> Option<[String; 2]> {
    let taken = analysis(path, kept)?;
    let mut finish = taken.ended(Vec::new());
    let mut rows = Vec::new();
    while let Some(stretch) = finish.next(Wanted::default()) {
        rows.extend(stretch.rows);
    }
    let sums = serde_json::to_string(&finish.report(Vec::new())).unwrap();
    let full = serde_json::to_string(&analysis(path, kept)?.finish(Vec::new())).unwrap();
    Some([full, format!("{rows:?} {sums}")])
}

fn analysis(path: &Path, kept: Kept) -> Option<Analysis> {
    let mut source = tcpstate::source::open(&[path.to_owned()]).ok()?;
    let options = Options { retracted: true, ..Options::default() };
    let mut analysis = Analysis::with_records(options, if matches!(kept, Kept::Records) { 1 << 20 } else { 1 });
    while let Some(packet) = source.next() {
        match kept {
            Kept::Tapes => analysis.packet(&packet),
            Kept::Records | Kept::Packed => _ = analysis.take(&packet),
        }
    }
    Some(analysis)
}

fn compare(folder: &Path) -> usize {
    let mut all = Vec::new();
    common::captures(folder, &mut all);
    for path in &all {
        let plain = report(path, Kept::Records);
        assert!(report(path, Kept::Packed) == plain, "{}: packing changes the report", path.display());
        assert!(report(path, Kept::Tapes) == plain, "{}: writing down changes the report", path.display());
    }
    all.len()
}

/// Looks at all connections in one place, one after the other, and at each in a place of its own.
fn look(path: &Path) -> usize {
    let Ok(mut source) = tcpstate::source::open(&[path.to_owned()]) else { return 0 };
    let mut analysis = Analysis::new(Options::default());
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    let (tracker, mut scratch) = (analysis.tracker(), Box::default());
    for i in (0..tracker.len()).rev().chain(0..tracker.len()) {
        let (again, anew) = (format!("{:?}", tracker.look(i, &mut scratch)), format!("{:?}", tracker.case(i)));
        assert!(again == anew, "{}: connection {i} is {again} instead of {anew}", path.display());
    }
    tracker.len()
}

#[test]
fn a_record_that_begins_anew_is_as_good_as_a_new_one() {
    let mut all = Vec::new();
    common::captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), &mut all);
    let corpus = common::corpus();
    corpus.iter().for_each(|folder| common::captures(folder, &mut all));
    // The bundled captures alone are few.
    let least = if corpus.is_some() { 100 } else { 20 };
    let connections: usize = all.iter().map(|path| look(path)).sum();
    assert!(connections > least, "{connections} connections");
}

#[test]
fn bundled_captures() {
    assert!(compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")) > 0);
}

#[test]
fn captures_of_others() {
    if let Some(folder) = common::corpus() {
        assert!(compare(&folder) > 50);
    }
}

#[test]
fn captures_with_the_kernels_histories() {
    if let Some(folder) = common::truth() {
        assert!(compare(&folder) > 20);
    }
}
