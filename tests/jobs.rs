//! `--jobs`: the same output, warnings and exit code for every number of threads.

mod common;
#[path = "common/program.rs"]
mod program;
#[path = "common/traffic.rs"]
mod traffic;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use program::{Folder, finish, program, run};
use traffic::{Frame, Shape, traffic};

/// Every number of jobs against one, on one input.
fn same(input: &Path) {
    for format in ["table", "ndjson"] {
        same_with(input, &["-f", format]);
    }
}

/// The same in all formats, also where some connections are chosen.
fn same_in_all_formats(input: &Path) {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        for chosen in [
            &[][..],
            &["--filter", "not outcome refused"],
            &["--limit", "7", "--sort", "duration"],
            &["--sort", "bytes"],
        ] {
            same_with(input, &[&["-f", format], chosen].concat());
        }
    }
}

fn same_with(input: &Path, asked: &[&str]) {
    let input = input.to_str().expect("a name in UTF-8");
    let of = |jobs| run(&[&["analyze", "--width", "120", "--jobs", jobs, input], asked].concat());
    let one = of("1");
    for jobs in ["2", "4"] {
        let many = of(jobs);
        assert_eq!((many.code, &many.err), (one.code, &one.err), "{input}: {asked:?}, {jobs} jobs");
        assert!(many.out == one.out, "{input}: {asked:?}: something else with {jobs} jobs");
    }
}

/// Each by itself, and the folder as one input.
fn same_in(folder: &Path) {
    let mut all = vec![folder.to_owned()];
    // What is no capture is refused alike.
    all.extend(common::files(folder));
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    same(path);
                }
            });
        }
    });
}

#[test]
fn bundled_captures_give_the_same() {
    same_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
}

#[test]
fn captures_of_other_projects_give_the_same() {
    let Some(corpus) = common::corpus() else { return };
    same_in(&corpus);
}

/// More than what is handed on at once, of packets and of connections.
#[test]
fn many_connections_give_the_same() {
    let folder = Folder::new();
    for (name, shape, size) in [
        ("churn", Shape::Churn, 5_000),
        ("web", Shape::Web, 9_000),
        ("reuse", Shape::Reuse, 5_000),
        ("elephant", Shape::Elephant, 5_000),
    ] {
        let file = folder.file(&format!("{name}.pcap"), &traffic::pcap(&traffic(shape, size)));
        same_in_all_formats(Path::new(&file));
    }
}

/// What is written in an order is looked at again when all have passed.
#[test]
fn an_order_changes_no_line() {
    let folder = Folder::new();
    let file = folder.file("web.pcap", &traffic::pcap(&traffic(Shape::Web, 3_000)));
    for format in ["ndjson", "csv"] {
        let lines = |asked: &[&str]| {
            let out = run(&[&["analyze", "-f", format, &file], asked].concat()).out;
            out.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let (plain, reverse) = (lines(&[]), lines(&["--reverse"]));
        let is_connection =
            |line: &&String| line.starts_with(|c: char| c.is_ascii_digit()) || line.contains("\"client\"");
        let count = plain.iter().skip_while(|line| !is_connection(line)).take_while(is_connection).count();
        assert!(count > 1_024, "{format}: {count}");
        let at = plain.iter().position(|line| is_connection(&line)).expect("connections");
        let turned = plain[..at].iter().chain(plain[at..at + count].iter().rev()).chain(&plain[at + count..]);
        assert!(turned.eq(&reverse), "{format}");
        assert!(lines(&["--reverse", "--limit", "1100"])[..at + 1_100] == reverse[..at + 1_100], "{format}");
    }
}

#[test]
fn the_other_commands_give_the_same() {
    let folder = Folder::new();
    let file = folder.file("churn.pcap", &traffic::pcap(&traffic(Shape::Churn, 300)));
    for command in [&["check", &file][..], &["diff", &file, &file], &["analyze", "-f", "json", &file]] {
        let of = |jobs| run(&[command, &["--jobs", jobs]].concat());
        let (one, two) = (of("1"), of("2"));
        assert_eq!((two.code, &two.err), (one.code, &one.err), "{command:?}");
        assert!(two.out == one.out, "{command:?}");
    }
}

/// A frame from port `ports.0` of 10.0.0.1 or from port `ports.1` of 10.0.0.2.
fn frame(millis: i64, back: bool, (client, server): (u32, u16), numbers: (u32, u32), flags: u8) -> Frame {
    let [a, b] = [(10_u32 << 24 | client >> 15, 32_768 | (client & 0x7fff) as u16), (10 << 24 | 255 << 16 | 2, server)];
    let (from, to) = if back { (b, a) } else { (a, b) };
    let mut bytes = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0].to_vec();
    bytes.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    bytes.extend([from.0.to_be_bytes(), to.0.to_be_bytes()].concat());
    bytes.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    bytes.extend([numbers.0.to_be_bytes(), numbers.1.to_be_bytes()].concat());
    bytes.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    Frame { time: 1_700_000_000_000_000_000 + millis * 1_000_000, wire: bytes.len() as u32, bytes }
}

/// So many connections that the first ones are let go while the capture is read: their lines come before that of one that
/// began earlier and goes on.
#[test]
fn connections_that_are_let_go_give_the_same() {
    const REFUSED: u32 = 140_000;
    let mut frames = vec![
        frame(0, false, (0, 80), (7, 0), 0x02),
        frame(1, true, (0, 80), (70, 8), 0x12),
        frame(2, false, (0, 80), (8, 71), 0x10),
    ];
    for n in 1..=REFUSED {
        frames.push(frame(2 + 2 * i64::from(n), false, (n, 81), (n, 0), 0x02));
        frames.push(frame(2 + 2 * i64::from(n), true, (n, 81), (0, n + 1), 0x14));
    }
    let folder = Folder::new();
    let file = folder.file("refused.pcap", &traffic::pcap(&frames));
    same(Path::new(&file));
    same_with(Path::new(&file), &["-f", "csv", "--filter", "client port < 40000"]);
    same_with(Path::new(&file), &["--filter", "client port < 40000"]);
    same_with(Path::new(&file), &["-f", "json", "--filter", "client port < 38000 or client port > 65000"]);

    let lines = run(&["analyze", "-f", "ndjson", &file]).out;
    let mut kinds = lines.lines().map(|line| line.split(['"', ':']).nth(4).unwrap_or_default());
    let first = kinds.clone().take_while(|kind| *kind == "connection").count();
    assert_eq!((first, kinds.next_back()), (REFUSED as usize + 1, Some("summary")), "connections come first");
    let ids = lines.lines().take(first).map(|line| {
        let (_, rest) = line.split_once("\"id\":").expect("a number");
        rest.split(',').next().and_then(|id| id.parse::<u32>().ok()).expect("a number")
    });
    let mut ids: Vec<u32> = ids.collect();
    let place = ids.iter().position(|id| *id == 1).expect("the one that goes on");
    assert!(place > 10_000 && place < 100_000, "at {place}");
    ids.sort_unstable();
    assert!(ids.into_iter().eq(1..=REFUSED + 1), "each once");
}

#[test]
fn output_that_cannot_be_written_ends_both_threads() {
    let folder = Folder::new();
    let file = folder.file("churn.pcap", &traffic::pcap(&traffic(Shape::Churn, 9_000)));
    let arguments = ["analyze", "-f", "ndjson", "--jobs", "2", &file];
    let mut child = program(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let closed = child.wait_with_output().unwrap();
    assert_eq!((closed.status.code(), closed.stderr), (Some(0), Vec::new()), "a closed pipe is no failure");
    if cfg!(target_os = "linux") {
        let full = finish(program(&arguments).stdout(File::options().write(true).open("/dev/full").unwrap()));
        assert_eq!(full.code, 2);
        assert!(full.err.starts_with("tcpstate: standard output: "), "{}", full.err);
    }
}

#[test]
fn no_job_at_all_is_refused() {
    let none = run(&["analyze", "--jobs", "0", "x.pcap"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
}

/// A thread that wants more memory for its stack than there is does not come to be.
#[test]
fn where_there_is_no_thread_to_be_had_one_does_it_all() {
    let folder = Folder::new();
    let input = folder.file("web.pcap", &traffic::pcap(&traffic(Shape::Churn, 5_000)));
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let arguments = ["analyze", "--width", "120", "-f", format, "--jobs", "2", &input];
        let alone = finish(program(&arguments).env("RUST_MIN_STACK", (1_u64 << 60).to_string()));
        let both = run(&arguments);
        assert_eq!((alone.code, &alone.err), (both.code, &both.err), "{format}");
        assert!(alone.out == both.out, "other {format} without a second thread");
    }
}
