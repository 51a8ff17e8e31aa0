//! `tcpstate diff` from the outside: findings that come and go, shares and times, saved reports, exit codes.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;
#[path = "common/shared.rs"]
mod shared;

use conversation::Conversation;
use program::{Folder, Run, run, run_with_input};
use serde_json::Value;

/// `n` connections, of which every `of`th is refused.
fn traffic(n: u16, of: u16) -> Vec<u8> {
    let mut all = Conversation::new();
    for i in 0..n {
        let port = 40_000 + i;
        all = if i % of == of - 1 { all.refused(port) } else { all.closed(port) }.after(20_000);
    }
    all.bytes
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("good.pcap", &traffic(40, 1_000));
    folder.file("bad.pcap", &traffic(40, 3));
    folder.file("bad-again.pcap", &traffic(45, 3));
    folder.file("few.pcap", &traffic(5, 3));
    for name in ["good", "bad"] {
        let arguments = ["analyze", "--format", "json", "-o", &format!("{name}.json"), &format!("{name}.pcap")];
        assert_eq!(folder.run(&arguments).code, 0);
    }
    folder
}

fn diff(folder: &Folder, arguments: &[&str]) -> Run {
    let run = folder.run(&[&["diff"], arguments].concat());
    assert_eq!(run.err, "", "{arguments:?}");
    run
}

#[test]
fn differences_are_told_in_every_format() {
    let folder = folder();
    let mut told = String::new();
    for format in ["table", "markdown", "json"] {
        told.push_str(&diff(&folder, &["-f", format, "good.pcap", "bad.pcap"]).out);
        told.push_str("---\n");
    }
    told.push_str(&diff(&folder, &["bad.pcap", "good.pcap"]).out);
    told.push_str("---\n");
    told.push_str(&diff(&folder, &["bad.pcap", "few.pcap"]).out);
    insta::assert_snapshot!("told", told);
}

#[test]
fn saved_reports_are_as_good_as_captures() {
    let folder = folder();
    let strip = |text: String| text.replace(".json", ".pcap");
    for format in ["table", "json"] {
        let captures = diff(&folder, &["-f", format, "good.pcap", "bad.pcap"]).out;
        assert_eq!(strip(diff(&folder, &["-f", format, "good.json", "bad.json"]).out), captures);
        assert_eq!(strip(diff(&folder, &["-f", format, "good.json", "bad.pcap"]).out), captures);
    }
}

/// Also from a pipe, as `<(...)` makes them.
#[test]
fn either_side_comes_from_a_pipe() {
    let folder = folder();
    let bad = folder.path("bad.pcap").display().to_string();
    let json = |run: Run| -> Value {
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        serde_json::from_str(&run.out).unwrap()
    };
    let whole = json(folder.run(&["diff", "-f", "json", "good.pcap", "bad.pcap"]));
    let pipe = if cfg!(target_os = "linux") { "/dev/stdin" } else { "-" };
    for name in ["-", pipe] {
        for piped in ["good.pcap", "good.json"] {
            let input = std::fs::read(folder.path(piped)).unwrap();
            let told = json(run_with_input(&["diff", "-f", "json", name, &bad], &input));
            for part in ["findings", "comparisons", "problems"] {
                assert_eq!(told[part], whole[part], "{name} {piped}");
            }
            assert_eq!(told["before"], serde_json::json!({"name": name, "connections": 40}));
        }
    }
    let empty = run_with_input(&["diff", "-", &bad], b"");
    assert_eq!((empty.code, empty.err.as_str()), (2, "tcpstate: -: is empty (0 bytes)\n"));
    let limited =
        run_with_input(&["diff", "--stuck-after", "2s", "-", &bad], &std::fs::read(folder.path("good.json")).unwrap());
    assert_eq!(limited.err, "tcpstate: -: is a saved report, which keeps the thresholds it was made with\n");
}

#[test]
fn exit_codes_are_asked_for() {
    let folder = folder();
    for (arguments, code) in [
        (&["good.pcap", "bad.pcap"][..], 0),
        (&["--fail-on-new", "good.pcap", "bad.pcap"], 1),
        (&["--fail-on-new=error", "good.pcap", "bad.pcap"], 0),
        (&["--fail-on-new", "bad.pcap", "good.pcap"], 0),
        (&["--fail-on-new", "bad.pcap", "bad-again.pcap"], 0),
        (&["--fail-on-worse", "good.pcap", "bad.pcap"], 1),
        (&["--fail-on-worse", "bad.pcap", "good.pcap"], 0),
        (&["--fail-on-worse", "bad.pcap", "bad-again.pcap"], 0),
    ] {
        assert_eq!(diff(&folder, arguments).code, code, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_compared_exits_with_2() {
    let folder = folder();
    folder.file("other.json", b"{\"schema\": \"else/3\"}");
    folder.file("broken.json", b"{\"schema\": ");
    folder.file("part.json", b"{\"schema\": \"tcpstate/1\", \"connections\": []}");
    folder.run(&["analyze", "-o", "lines.ndjson", "good.pcap"]);
    for (arguments, says) in [
        (&["diff", "good.pcap"][..], "AFTER"),
        (&["diff", "good.pcap", "none.pcap"], "none.pcap"),
        (&["diff", "good.pcap", "other.json"], "other.json: is no report of tcpstate that this version reads"),
        (&["diff", "good.pcap", "broken.json"], "broken.json: is no JSON"),
        (&["diff", "good.pcap", "part.json"], "part.json: is an incomplete report"),
        (&["diff", "good.pcap", "lines.ndjson"], "lines.ndjson: is NDJSON; save the report with --format json"),
        (&["diff", "--service", "web", "good.pcap", "bad.pcap"], "write NAME=PATTERN"),
        (&["diff", "--alpha", "2", "good.pcap", "bad.pcap"], "between 0 and 1"),
        (&["diff", "-", "-"], "standard input can only be one of both"),
        (
            &["diff", "good.json", "bad.pcap", "-o", "good.json"],
            "good.json: is the input; the output would overwrite it",
        ),
    ] {
        let run = folder.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.contains(says), "{arguments:?}: {}", run.err);
    }
}

/// A saved report that lacks connections says so, and what changes nothing is told.
#[test]
fn what_is_not_compared_is_said() {
    let folder = folder();
    folder.run(&["analyze", "--limit", "3", "-o", "cut.json", "bad.pcap"]);
    let cut = diff(&folder, &["cut.json", "bad.json"]).out;
    assert!(cut.contains("not whole: cut.json: has 3 of 40 connections"), "{cut}");
    for (arguments, says) in [
        (&["--stuck-after", "2s", "good.json", "bad.pcap"][..], "tcpstate: good.json: is a saved report"),
        (&["--service", "web=*:443", "good.json", "bad.pcap"], "tcpstate: --service: no server is like any"),
    ] {
        let run = folder.run(&[&["diff"], arguments].concat());
        assert_eq!((run.code, run.err.lines().count()), (0, 1), "{}", run.err);
        assert!(run.err.starts_with(says), "{}", run.err);
        assert_eq!(folder.run(&[&["diff", "-q"], arguments].concat()).err, "");
    }
}

/// A report that was saved of a part says so; a finding it was not made for is neither new nor gone.
#[test]
fn what_was_saved_of_a_part_is_not_taken_for_the_whole() {
    let folder = folder();
    let saved = |name: &str, options: &[&str]| {
        assert_eq!(folder.run(&[&["analyze", "-o", name], options, &["bad.pcap"]].concat()).code, 0);
    };
    saved("some.json", &["--filter", "outcome refused"]);
    saved("two.json", &["-c", "1", "-c", "3"]);
    saved("resets.json", &["--only", "rst-abort,Q05"]);
    saved("without.json", &["--ignore", "syn-refused"]);
    for (name, says) in [
        ("some.json", "is about 13 of 40 connections (--filter 'outcome refused'); the others are in no comparison"),
        ("two.json", "is about 2 of 40 connections (--connection 1 --connection 3); the others are in no comparison"),
        (
            "resets.json",
            "was not made for all findings (--only rst-abort --only capture-cuts-connections); those it was not made for \
             are not compared",
        ),
        (
            "without.json",
            "was not made for all findings (--ignore syn-refused); those it was not made for are not compared",
        ),
    ] {
        let told: Value = serde_json::from_str(&diff(&folder, &["-f", "json", name, "bad.json"]).out).unwrap();
        assert_eq!(told["problems"], serde_json::json!([format!("{name}: {says}")]));
    }
    for name in ["resets.json", "without.json"] {
        let told = diff(&folder, &["--fail-on-new", "--all", name, "bad.json"]);
        assert!(told.code == 0 && !told.out.contains("O02"), "{}", told.out);
        assert!(!diff(&folder, &["--all", "bad.json", name]).out.contains("O02"));
    }
}

#[test]
fn services_are_matched_by_name_port_or_address() {
    let folder = folder();
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&diff(&folder, &[&["-f", "json"], arguments, &["good.pcap", "bad.pcap"]].concat()).out)
            .unwrap()
    };
    for (arguments, name) in [
        (&[][..], "10.0.0.2:80"),
        (&["--by", "port"], "port 80"),
        (&["--by", "address"], "10.0.0.2:80"),
        (&["--service", "db=*:5432", "--service", "web=10.0.*:80"], "web"),
    ] {
        assert_eq!(json(arguments)["findings"][0]["service"], name, "{arguments:?}");
    }
}

/// The same traffic at two places has no difference; more loss has.
#[test]
fn the_same_traffic_shows_no_difference() {
    let Some(truth) = shared::truth() else { return };
    for name in ["mix_loss1", "mix_clean", "mix_v6"] {
        let (a, b) = (shared::capture(&truth, name, "client"), shared::capture(&truth, name, "router"));
        let run = run(&["diff", "--fail-on-worse", "--fail-on-new", &a, &b]);
        assert_eq!(run.code, 0, "{}", run.out);
        assert!(run.out.contains("no difference shows"), "{}", run.out);
    }
    let (a, b) = (shared::capture(&truth, "mix_clean", "router"), shared::capture(&truth, "mix_loss20", "router"));
    let run = run(&["diff", "--fail-on-worse", &a, &b]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("worse    port 7000: L01 retransmissions"), "{}", run.out);
}
