//! The edges of the house: which module may know which, and what the pure ones must not touch.
//!
//! ```text
//! source -> decode -> tracker -> signals, timing -> detect -> (analyze puts the report together) -> render -> cli
//! ```
//!
//! An arrow points the way the data goes; a module may use what lies before it, never what lies after. `report` is plain
//! data, the words in which detectors and timing speak and renderers listen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// For each module (a folder or file under `src`) the others it may use. `segment` and `time` are the words all share.
const MAY_USE: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("amount", &["time"]),
    ("prefetch", &[]),
    ("spelling", &[]),
    ("segment", &["time"]),
    ("source", &["time"]),
    ("decode", &["segment", "source", "time"]),
    ("pack", &["prefetch", "segment", "time"]),
    ("tracker", &["pack", "prefetch", "segment", "time"]),
    ("ladder", &["segment", "time", "tracker"]),
    ("report", &["prefetch", "segment", "source", "time", "tracker"]),
    ("signals", &["pack", "segment", "time", "tracker"]),
    ("timing", &["pack", "prefetch", "report", "segment", "time", "tracker"]),
    ("detect", &["amount", "pack", "report", "segment", "signals", "spelling", "time", "tracker"]),
    ("filter", &["amount", "report", "segment", "spelling", "time", "tracker"]),
    (
        "analyze",
        &["decode", "detect", "filter", "pack", "report", "segment", "signals", "source", "time", "timing", "tracker"],
    ),
    ("show", &["report", "segment", "time", "tracker"]),
    ("snapshot", &["report", "segment", "time", "tracker"]),
    ("render", &["ladder", "report", "segment", "show", "snapshot", "source", "time", "timing", "tracker"]),
    ("bothends", &["analyze", "decode", "detect", "report", "segment", "source", "time", "tracker"]),
    ("policy", &["amount", "detect", "filter", "render", "report", "segment", "spelling", "time", "tracker"]),
    ("diff", &["detect", "render", "report", "time", "tracker"]),
    ("write", &["source", "time"]),
    ("live", &["analyze", "decode", "detect", "filter", "report", "segment", "source", "time", "tracker"]),
    // Part of tests only.
    ("schema", &["detect", "live", "render", "report", "segment", "time", "timing", "tracker"]),
    ("dashboard", &["detect", "filter", "live", "render", "report", "segment", "source", "time", "tracker"]),
    (
        "cli",
        &[
            "amount",
            "analyze",
            "bothends",
            "dashboard",
            "decode",
            "detect",
            "diff",
            "filter",
            "live",
            "policy",
            "render",
            "report",
            "segment",
            "show",
            "snapshot",
            "source",
            "spelling",
            "time",
            "timing",
            "tracker",
            "write",
        ],
    ),
];

/// Modules that know no clock, no thread, no file and no terminal: the same segments always give the same answers.
const PURE: &[&str] = &[
    "pack", "segment", "time", "amount", "spelling", "decode", "tracker", "ladder", "report", "signals", "timing",
    "detect", "filter", "analyze", "snapshot",
];

/// What a pure module must not name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("Instant", "a clock"),
    ("SystemTime", "a clock"),
    ("std::thread", "threads"),
    ("std::sync", "state shared between threads"),
    ("std::fs", "files"),
    ("std::io", "input and output"),
    ("std::env", "the environment"),
    ("std::process", "the process"),
    ("TcpStream", "sockets"),
    ("TcpListener", "sockets"),
    ("UdpSocket", "sockets"),
    ("ToSocketAddrs", "name resolution"),
    ("println!", "the terminal"),
    ("print!", "the terminal"),
    ("eprintln!", "the terminal"),
    ("eprint!", "the terminal"),
    ("dbg!", "the terminal"),
    ("thread_local!", "state shared between calls"),
    ("static mut", "state shared between calls"),
    ("HashMap", "an order that changes from run to run"),
    ("HashSet", "an order that changes from run to run"),
    ("HashTable", "an order that changes from run to run"),
    ("hashbrown", "an order that changes from run to run"),
    ("RandomState", "an order that changes from run to run"),
];

/// These look things up by hash, and nothing that is told depends on the order of their tables.
const LOOKUP_ONLY: [&str; 5] =
    ["tracker/index.rs", "detect/seeded.rs", "timing/groups.rs", "decode/fragments.rs", "decode/scope.rs"];
const LOOKUP_MAY_NAME: &[&str] = &["HashTable", "HashMap", "hashbrown", "RandomState"];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        folder.read_dir().expect("a folder of sources").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// One file below `src`.
struct Source {
    path: String,
    module: String,
    /// Its lines of code with their numbers: no comments, no tests.
    lines: Vec<(usize, String)>,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(src()).expect("below src").to_string_lossy().replace('\\', "/");
        let module = path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(file).expect("a source can be read");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = code.lines().zip(1..).filter(|(l, _)| !l.trim_start().starts_with("//"));
        Source { path, module, lines: lines.map(|(l, n)| (n, l.to_owned())).collect() }
    };
    files.iter().map(read).collect()
}

/// The modules that follow `crate::` in a line, single or in braces.
fn used(line: &str) -> Vec<&str> {
    let mut modules = Vec::new();
    for part in line.split("crate::").skip(1) {
        let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let first = |names: &'_ str| names.trim_start().find(word).unwrap_or(names.trim_start().len());
        let Some(list) = part.strip_prefix('{') else {
            modules.push(&part[..first(part)]);
            continue;
        };
        // Names that stand in no further braces.
        let (mut depth, mut begins) = (0, Some(0));
        for (i, c) in list.char_indices().chain([(list.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = Some(i + 1),
                _ if begins.is_some() && !c.is_whitespace() => {
                    let name = &list[i..];
                    modules.push(&name[..first(name)]);
                    begins = None;
                }
                _ => {}
            }
        }
    }
    modules.retain(|name| !name.is_empty());
    modules
}

#[test]
fn no_stage_knows_a_later_one() {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for Source { path, module, lines } in sources() {
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = may_use.get(module.as_str()) else {
            wrong.push(format!("src/{path}: the module `{module}` has no place in MAY_USE"));
            continue;
        };
        for (n, line) in lines {
            for used in used(&line) {
                if used != module && may_use.contains_key(used) && !allowed.contains(&used) {
                    wrong.push(format!("src/{path}:{n}: `{module}` must not use `{used}`: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An edge that nobody uses would let somebody in unseen.
#[test]
fn every_edge_is_used() {
    let mut unused: Vec<(&str, &str)> =
        MAY_USE.iter().flat_map(|(module, uses)| uses.iter().map(move |other| (*module, *other))).collect();
    for Source { module, lines, .. } in sources() {
        let found: Vec<&str> = lines.iter().flat_map(|(_, line)| used(line)).collect();
        unused.retain(|(from, to)| *from != module || !found.contains(to));
    }
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn the_directions_make_no_circle() {
    let mut placed: Vec<&str> = Vec::new();
    for (module, uses) in MAY_USE {
        let ahead: Vec<&&str> = uses.iter().filter(|u| !placed.contains(*u)).collect();
        assert!(ahead.is_empty(), "`{module}` stands before {ahead:?}, which it may use");
        placed.push(module);
    }
}

#[test]
fn the_pure_modules_stay_pure() {
    let mut wrong = Vec::new();
    for Source { path, module, lines } in sources() {
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        for (n, line) in lines {
            for (name, what) in IMPURE {
                let allowed = LOOKUP_ONLY.contains(&path.as_str()) && LOOKUP_MAY_NAME.contains(name);
                if names(&line, name) && !allowed {
                    wrong.push(format!("src/{path}:{n}: `{name}` is {what}: {}", line.trim()));
                }
            }
            if ["tracker/table.rs", "report/directory.rs"].contains(&path.as_str()) && line.contains(".numbers(") {
                wrong.push(format!("src/{path}:{n}: goes through a hash table in its own order: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `line` contains `name` as a word of its own (or a path, or a macro).
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(i, _)| {
        let before = line[..i].chars().next_back();
        let after = line[i + name.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        !part(before) && (name.ends_with('!') || !part(after))
    })
}

#[test]
fn files_are_rooms() {
    /// Lines of a file with its tests.
    const MOST: usize = 400;
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let long: Vec<String> = files
        .iter()
        .map(|f| (f, std::fs::read_to_string(f).expect("a source can be read").lines().count()))
        .filter(|(_, lines)| *lines > MOST)
        .map(|(f, lines)| format!("{}: {lines} lines", f.display()))
        .collect();
    assert!(long.is_empty(), "longer than {MOST} lines:\n{}", long.join("\n"));
}

#[test]
fn the_reader_of_use_lines_reads_them() {
    assert_eq!(used("use crate::time::Span;"), ["time"]);
    assert_eq!(used("use crate::{segment::Flags, time};"), ["segment", "time"]);
    assert_eq!(used("use crate::{filter::{self, Filter}, report};"), ["filter", "report"]);
    assert_eq!(used("let x: crate::source::Packet<'_> = crate::decode::y();"), ["source", "decode"]);
    assert!(names("let t = Instant::now();", "Instant") && !names("an Instantly", "Instant"));
    assert!(names("    println!(\"x\")", "println!") && !names("eprintln!()", "println!"));
}
