//! The edges of the house: which module may know which, and what the pure ones must not touch.
//!
//! ```text
//! source -> decode -> tracker -> signals, timing -> detect -> analyze, which puts the report together -> render -> cli
//! ```
//!
//! An arrow points the way the data goes; a module may use what lies before it, never what lies after. `report` is plain
//! data, the words in which detectors and timing speak and renderers listen.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[path = "common/source_code.rs"]
mod source_code;
use source_code::{Source, is_word, root, rust_files, sources};

/// For each module (a folder or file under `src`) the others it may use. `segment` and `time` are the words all share.
const MAY_USE: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("amount", &["time"]),
    ("prefetch", &[]),
    ("spelling", &[]),
    ("address", &[]),
    ("segment", &["address", "time"]),
    ("source", &["time"]),
    ("decode", &["segment", "source", "time"]),
    ("pack", &["prefetch", "segment", "time"]),
    ("tracker", &["pack", "prefetch", "segment", "time"]),
    ("ladder", &["segment", "time", "tracker"]),
    ("report", &["prefetch", "segment", "source", "time", "tracker"]),
    ("signals", &["pack", "segment", "time", "tracker"]),
    ("timing", &["pack", "prefetch", "report", "segment", "time", "tracker"]),
    (
        "detect",
        &[
            "address", "amount", "pack", "prefetch", "report", "segment", "signals", "spelling", "time", "timing",
            "tracker",
        ],
    ),
    ("filter", &["amount", "report", "segment", "spelling", "time", "tracker"]),
    (
        "analyze",
        &["decode", "detect", "filter", "pack", "report", "segment", "signals", "source", "time", "timing", "tracker"],
    ),
    ("show", &["report", "segment", "time", "tracker"]),
    ("snapshot", &["report", "segment", "time", "tracker"]),
    ("render", &["address", "ladder", "report", "segment", "show", "snapshot", "source", "time", "timing", "tracker"]),
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
    "pack",
    "prefetch",
    "address",
    "segment",
    "time",
    "amount",
    "spelling",
    "decode",
    "tracker",
    "ladder",
    "report",
    "signals",
    "timing",
    "detect",
    "filter",
    "analyze",
    "show",
    "snapshot",
    "bothends",
    "live",
    "dashboard",
    "render",
    "policy",
    "diff",
];

/// Of those, what hands bytes to whoever asks for them, and need not know where they go.
const WRITES: &[&str] = &["render", "policy", "diff"];

/// What a pure module must not name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("Instant", "a clock"),
    ("SystemTime", "a clock"),
    ("Zoned", "a clock"),
    ("Timestamp::now", "a clock"),
    ("std::thread", "threads"),
    ("std::sync", "state shared between threads"),
    ("std::fs", "files"),
    ("std::io", "input and output"),
    ("std::env", "the environment"),
    ("std::process", "the process"),
    ("std::os", "the operating system"),
    ("std::*", "whatever is behind the star"),
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

/// Files that look things up by hash, and the field that holds the table: nothing that is told depends on its order.
const LOOKUPS: &[(&str, &str)] = &[
    ("tracker/index.rs", "places"),
    ("timing/groups.rs", "lookup"),
    ("decode/fragments.rs", "partial"),
    ("decode/scope.rs", "ids"),
    ("render/rank.rs", "groups"),
];
const LOOKUP_MAY_NAME: &[&str] = &["HashTable", "HashMap", "hashbrown", "RandomState"];

/// How one goes through a table in its own order.
const IN_ITS_ORDER: &[&str] = &["iter", "iter_mut", "into_iter", "values", "values_mut", "keys", "drain", "retain"];

/// Where that is done, and does no harm: what comes of it is put in order, or goes into another table.
const PUT_IN_ORDER: &[&str] = &["tracker/index.rs", "render/rank.rs"];

/// Crates that reach out of the program, and the modules that may.
const REACH_OUT: &[(&str, &[&str])] = &[
    ("anstream", &["cli"]),
    ("clap", &["cli"]),
    ("crossterm", &["cli"]),
    ("indicatif", &["cli"]),
    ("libc", &["cli", "source"]),
    ("ratatui", &["cli", "dashboard"]),
    ("signal_hook", &["cli"]),
];

/// Where `unsafe` may stand: with the argument why it is sound.
const UNSAFE: &[&str] = &["cli/heap.rs", "prefetch.rs", "source/live/sys.rs"];

/// What `source` must not use, of the crate and of others.
fn edges(source: &Source) -> Vec<String> {
    let Source { path, module, .. } = source;
    if matches!(module.as_str(), "lib" | "main") {
        return Vec::new();
    }
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let Some(allowed) = may_use.get(module.as_str()) else {
        return vec![format!("src/{path}: the module `{module}` has no place in MAY_USE")];
    };
    // Behind a star, and behind a name for the whole crate, is every module.
    let of_all = |used: &str| matches!(used, "*" | "self");
    let wrong = |used: &str| of_all(used) || used != module && may_use.contains_key(used) && !allowed.contains(&used);
    let inner = source.modules().into_iter().filter(|(_, used)| wrong(used));
    let outer = source.paths().into_iter().filter_map(|(n, path)| {
        let name = path.split("::").next()?;
        let (name, may) = REACH_OUT.iter().find(|(outer, _)| *outer == name && path != name)?;
        (!may.contains(&module.as_str())).then(|| (n, (*name).to_owned()))
    });
    inner.chain(outer).map(|(n, used)| format!("src/{path}:{n}: `{module}` must not use `{used}`")).collect()
}

/// What `source` must not name, if it is pure.
fn impurities(source: &Source) -> Vec<String> {
    let Source { path, module, lines } = source;
    if !PURE.contains(&module.as_str()) {
        return Vec::new();
    }
    let lookup = LOOKUPS.iter().find(|(file, _)| file == path);
    let allowed = |name: &str| {
        lookup.is_some() && LOOKUP_MAY_NAME.contains(&name) || name == "std::io" && WRITES.contains(&module.as_str())
    };
    let (paths, mut wrong) = (source.paths(), Vec::new());
    for (name, what) in IMPURE.iter().filter(|(name, _)| !allowed(name)) {
        let named = lines.iter().filter(|(_, line)| names(line, name)).map(|(n, _)| *n);
        let within = |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        let reached = paths.iter().filter(|(_, path)| within(path)).map(|(n, _)| *n);
        wrong.extend(named.chain(reached).map(|n| format!("src/{path}:{n}: `{name}` is {what}")));
    }
    wrong.sort();
    wrong.dedup();
    if let Some((_, table)) = lookup.filter(|(file, _)| !PUT_IN_ORDER.contains(file)) {
        let goes = |line: &str| IN_ITS_ORDER.iter().any(|way| names(line, &format!("{table}.{way}")));
        let goes_through = lines.iter().filter(|(_, line)| goes(line));
        wrong.extend(goes_through.map(|(n, _)| format!("src/{path}:{n}: goes through `{table}` in its own order")));
    }
    wrong
}

/// Whether `line` contains `name` as a word of its own (or a path, or a macro).
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(i, _)| {
        let before = line[..i].chars().next_back();
        let after = line[i + name.len()..].chars().next();
        !before.is_some_and(is_word) && (name.ends_with('!') || !after.is_some_and(is_word))
    })
}

fn all(check: impl Fn(&Source) -> Vec<String>) {
    let wrong: Vec<String> = sources().iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_stage_knows_a_later_one() {
    all(edges);
}

/// An edge that nobody uses would let somebody in unseen.
#[test]
fn every_edge_is_used() {
    let mut unused: Vec<(&str, &str)> =
        MAY_USE.iter().flat_map(|(module, uses)| uses.iter().map(move |other| (*module, *other))).collect();
    for source in sources() {
        let found = source.modules();
        unused.retain(|(from, to)| *from != source.module || !found.iter().any(|(_, used)| used == to));
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
    all(impurities);
}

#[test]
fn unsafe_stands_where_it_is_argued_for() {
    all(|Source { path, lines, .. }| {
        let named = lines.iter().filter(|(_, line)| names(line, "unsafe") && !UNSAFE.contains(&path.as_str()));
        named.map(|(n, _)| format!("src/{path}:{n}: `unsafe`")).collect()
    });
}

#[test]
fn every_module_of_the_crate_has_a_row_in_its_map() {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs can be read");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("//! |")).collect();
    let modules = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix([';', '}']));
    for module in modules.map(|module| module.trim_end_matches([' ', '{'])) {
        assert!(rows.iter().any(|row| row.contains(&format!("[`{module}`]"))), "`{module}` is not in the map");
    }
}

/// Where there is a table of the files of a folder, one must be able to trust it. Detectors and commands, a file each, are
/// found by their names.
#[test]
fn tables_of_files_are_whole() {
    let read = |file: &PathBuf| fs::read_to_string(file).expect("a source can be read");
    let is_code = |word: &str| word.len() == 4 && word.starts_with(char::is_uppercase) && word.ends_with(':');
    let has_a_name = |text: &str| {
        let first = text.strip_prefix("//! ").and_then(|line| line.split_whitespace().next());
        first.is_some_and(|word| word == "`tcpstate" || is_code(word))
    };
    let (files, mut missing) = (rust_files("src"), Vec::new());
    for room in files.iter().filter(|file| file.ends_with("mod.rs")) {
        let text = read(room);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("//! |")).collect();
        for file in files.iter().filter(|file| file.parent() == room.parent() && *file != room) {
            let row = format!("`{}`", file.file_stem().unwrap_or_default().to_string_lossy());
            if !rows.is_empty() && !rows.iter().any(|told| told.contains(&row)) && !has_a_name(&read(file)) {
                missing.push(format!("{}: {row} is not in the table", room.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn files_are_rooms() {
    /// Lines of a file with its tests.
    const MOST: usize = 400;
    let files = ["src", "tests", "benches", "examples"].into_iter().flat_map(rust_files);
    let long: Vec<String> = files
        .map(|f| (fs::read_to_string(&f).expect("a source can be read").lines().count(), f))
        .filter(|(lines, _)| *lines > MOST)
        .map(|(lines, f)| format!("{}: {lines} lines", f.display()))
        .collect();
    assert!(long.is_empty(), "longer than {MOST} lines:\n{}", long.join("\n"));
}

#[test]
fn what_breaks_the_house_is_found_however_it_is_written() {
    let edge = |path: &str, text: &str| edges(&Source::new(path, text)).len();
    assert_eq!(edge("tracker/log.rs", "use crate::time::Span;\nuse crate::{segment::Flags, time};"), 0);
    assert_eq!(edge("tracker/log.rs", "use crate::detect::View;"), 1);
    assert_eq!(edge("tracker/log.rs", "use crate::{\n    segment::{self, Flags},\n    report::{\n  Side},\n};"), 1);
    assert_eq!(edge("tracker/log.rs", "use super::detect;\nuse super::super::{detect, report as r};"), 2);
    assert_eq!(edge("tracker/mod.rs", "fn f() -> super::report::Side {}\nlet x = crate::detect::y();"), 2);
    assert_eq!(edge("tracker/log.rs", "/// crate::detect\n#[cfg(test)]\nmod tests {\n    use crate::detect;\n}"), 0);
    assert_eq!(edge("tracker/log.rs", "#[cfg(test)]\nmod tests {\n    f();\n}\nuse crate::detect::View;"), 1);
    for text in ["use crate::*;", "use super::super::*;", "use crate::{self as all};", "use crate::{time, *};"] {
        assert_eq!(edge("tracker/log.rs", text), 1, "{text}");
    }
    assert_eq!(edge("tracker/log.rs", "use super::*;\nuse super::state::{self, State};\nuse crate::time::*;"), 0);
    assert_eq!(edge("report/side.rs", "#[derive(clap::ValueEnum)]"), 1);
    assert_eq!(edge("elsewhere/mod.rs", ""), 1);

    let impure = |path: &str, text: &str| impurities(&Source::new(path, text)).len();
    assert_eq!(impure("detect/view.rs", "use std::collections::BTreeMap;\n// Instant\nlet instantly = 1;"), 0);
    for text in [
        "let t = Instant::now();",
        "use std::{mem, fs};",
        "use std::{\n    mem,\n    sync::{atomic, Arc},\n};",
        "use std::*;",
        "let x = std::env::var(name);",
        "println!(\"x\");",
        "use std::collections::{BTreeMap, HashMap};",
    ] {
        assert_ne!(impure("detect/view.rs", text), 0, "{text}");
    }
    assert_eq!(impure("timing/groups.rs", "self.lookup.iter().max()"), 1);
    assert_eq!((impure("render/json.rs", "use std::io;"), impure("timing/flow.rs", "use std::io;")), (0, 1));
}
