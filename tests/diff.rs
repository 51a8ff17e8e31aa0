//! `tcpstate diff` from the outside: findings that come and go, shares and times, saved reports, exit codes.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;
#[path = "common/shared.rs"]
mod shared;

use std::io::Write;

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

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn saved_reports_may_be_compressed() {
    let folder = folder();
    let good = std::fs::read(folder.path("good.json")).unwrap();
    let wanted = diff(&folder, &["-q", "good.json", "bad.pcap"]).out;
    folder.file("good.gz", &gzip(&good));
    let told = diff(&folder, &["-q", "good.gz", "bad.pcap"]);
    assert_eq!((told.code, told.out), (0, wanted.replace("good.json", "good.gz")));
    // From a pipe, too, as captures may be.
    let bad = folder.path("bad.pcap").display().to_string();
    for piped in [good.clone(), std::fs::read(folder.path("good.pcap")).unwrap()] {
        let told = run_with_input(&["diff", "-", &bad], &gzip(&piped));
        assert_eq!((told.code, told.out.contains("standard input (40 connections)")), (0, true), "{}", told.err);
    }
    folder.file("cut.gz", &gzip(&good)[..400]);
    let cut = folder.run(&["diff", "cut.gz", "bad.pcap"]);
    assert_eq!((cut.code, cut.err.contains("cut.gz: the gzip data ends in the middle")), (2, true), "{}", cut.err);
}

#[test]
fn reports_that_were_not_made_alike_are_told() {
    let folder = folder();
    let save = ["analyze", "-o", "other.json", "--stuck-after", "10s", "--msl", "7s", "good.pcap"];
    assert_eq!(folder.run(&save).code, 0);
    let told = diff(&folder, &["other.json", "bad.json"]).out;
    let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = "not made alike: before with --stuck-after 10s --msl 7s, after with the usual settings;";
    assert!(words.contains(says), "{told}");
    let json: Value = serde_json::from_str(&diff(&folder, &["-f", "json", "other.json", "bad.json"]).out).unwrap();
    assert_eq!(json["before"]["settings"], serde_json::json!(["--stuck-after 10s", "--msl 7s"]));
    assert!(json["after"]["settings"].is_null());
    let alike = diff(&folder, &["--stuck-after", "10s", "good.pcap", "bad.pcap"]).out;
    assert!(!alike.contains("not made alike"), "{alike}");
}

#[test]
fn what_gets_less_severe_is_a_difference() {
    let folder = Folder::new();
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/trouble.pcap");
    assert_eq!(folder.run(&["analyze", "-o", "a.json", "--threshold", "retransmissions=5", trace]).code, 0);
    assert_eq!(folder.run(&["analyze", "-o", "b.json", trace]).code, 0);
    let finding = "198.51.100.20:8083: L01 retransmissions";
    let less = diff(&folder, &["a.json", "b.json"]).out;
    assert!(less.contains(&format!("less     {finding} (warning → info): ")), "{less}");
    let worse = diff(&folder, &["b.json", "a.json"]).out;
    assert!(worse.contains(&format!("worse    {finding} (info → warning): ")), "{worse}");
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
    assert_eq!((empty.code, empty.err.as_str()), (2, "tcpstate: standard input: is empty (0 bytes)\n"));
    let limited =
        run_with_input(&["diff", "--stuck-after", "2s", "-", &bad], &std::fs::read(folder.path("good.json")).unwrap());
    assert_eq!(
        limited.err,
        "tcpstate: standard input: is a saved report, which keeps the thresholds it was made with\n"
    );
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
    folder.file("cut.json", b"{\"schema\": ");
    folder.file("broken.json", b"{\"schema\": tcpstate}");
    folder.file("part.json", b"{\"schema\": \"tcpstate/1\", \"connections\": []}");
    folder.run(&["analyze", "-o", "lines.ndjson", "good.pcap"]);
    for (arguments, says) in [
        (&["diff", "good.pcap"][..], "AFTER"),
        (&["diff", "good.pcap", "none.pcap"], "none.pcap"),
        (&["diff", "good.pcap", "other.json"], "other.json: is no report of tcpstate that this version reads"),
        (&["diff", "good.pcap", "cut.json"], "cut.json: is cut off, or was not written to its end"),
        (&["diff", "good.pcap", "broken.json"], "broken.json: is no JSON"),
        (&["diff", "--fail-on-new=warn", "good.pcap", "bad.pcap"], "a similar value exists: 'warning'"),
        (&["diff", "good.pcap", "part.json"], "part.json: is an incomplete report"),
        (&["diff", "good.pcap", "lines.ndjson"], "lines.ndjson: is NDJSON; save the report with --format json"),
        (&["diff", "--service", "web", "good.pcap", "bad.pcap"], "write NAME=PATTERN"),
        (&["diff", "--alpha", "2", "good.pcap", "bad.pcap"], "between 0 and 1"),
        (&["diff", "-", "-"], "standard input: can only be one of both"),
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

/// 40 connections to each of two ports, of which every third to the ports in `bad` is refused.
fn two_services(bad: &[u16]) -> Vec<u8> {
    let mut all = Conversation::new();
    for i in 0..80 {
        let (client, server) = (40_000 + i, 80 + i % 2);
        all = all.to(server);
        all = if i / 2 % 3 == 2 && bad.contains(&server) { all.refused(client) } else { all.closed(client) };
        all = all.after(100_000);
    }
    all.bytes
}

/// Of many connections, too, what holds of one service before is new where it holds of another after.
#[test]
fn a_finding_of_many_connections_is_of_its_service() {
    let folder = Folder::new();
    for (name, bad) in [("none", &[][..]), ("first", &[80]), ("both", &[80, 81])] {
        folder.file(&format!("{name}.pcap"), &two_services(bad));
        let saved = ["analyze", "-o", &format!("{name}.json"), &format!("{name}.pcap")];
        assert_eq!(folder.run(&saved).code, 0);
    }
    for ending in ["pcap", "json"] {
        let told = |by: &[&str], before: &str, after: &str| {
            let names = [format!("{before}.{ending}"), format!("{after}.{ending}")];
            diff(&folder, &[by, &["--fail-on-new=error", &names[0], &names[1]]].concat())
        };
        let run = told(&[], "first", "both");
        assert_eq!(run.code, 1, "{}", run.out);
        assert!(run.out.contains("\nnew      10.0.0.2:81: A01 syn-success-low (error)\n"), "{}", run.out);
        assert!(!run.out.contains("10.0.0.2:80: A01"), "{}", run.out);
        let run = told(&[], "both", "first");
        assert_eq!(run.code, 0, "{}", run.out);
        assert!(run.out.contains("\ngone     10.0.0.2:81: A01 syn-success-low (error)\n"), "{}", run.out);
        let run = told(&["--service", "web=*:8*"], "first", "both");
        assert!(run.code == 0 && !run.out.contains("A01"), "{}", run.out);
        let run = told(&["--by", "port", "-f", "json"], "none", "first");
        let told: Value = serde_json::from_str(&run.out).unwrap();
        let of_many: Vec<&Value> = told["findings"].as_array().unwrap().iter().filter(|f| f["code"] == "A01").collect();
        assert_eq!((run.code, of_many.len(), &of_many[0]["service"]), (1, 1, &Value::from("port 80")));
    }
}

/// What is not there was not compared, and what is cut away may be there.
#[test]
fn what_cannot_be_told_is_no_pass() {
    let folder = folder();
    folder.file("empty.pcap", &Conversation::new().bytes);
    folder.file("damaged.pcap", &traffic(40, 1_000)[..20_000]);
    folder.run(&["analyze", "--limit", "3", "-o", "cut.json", "good.pcap"]);
    folder.run(&["analyze", "--filter", "outcome closed", "-o", "closed.json", "bad.pcap"]);
    let (new, worse) = ("--fail-on-new", "--fail-on-worse");
    for (arguments, code, why) in [
        (&[new, "good.pcap", "empty.pcap"][..], 3, "--fail-on-new: cannot tell: empty.pcap has no connections"),
        (&[worse, "good.pcap", "empty.pcap"], 3, "--fail-on-worse: cannot tell: empty.pcap has no connections"),
        (&[worse, "empty.pcap", "good.pcap"], 3, "--fail-on-worse: cannot tell: empty.pcap has no connections"),
        (&[new, "good.json", "cut.json"], 3, "--fail-on-new: cannot tell: cut.json is not whole"),
        (&[new, "bad.json", "closed.json"], 3, "--fail-on-new: cannot tell: closed.json is not whole"),
        (&[new, "-q", "good.pcap", "damaged.pcap"], 3, ""),
        // All that is found in what is whole was there before.
        (&[new, "cut.json", "good.json"], 0, ""),
        (&[new, worse, "closed.json", "closed.json"], 0, ""),
        // What is found is found.
        (&[new, worse, "empty.pcap", "bad.pcap"], 1, ""),
        (&["good.pcap", "empty.pcap"], 0, ""),
    ] {
        let run = folder.run(&[&["diff"], arguments].concat());
        let err = if why.is_empty() { String::new() } else { format!("tcpstate: {why}\n") };
        assert_eq!((run.code, run.err), (code, err), "{arguments:?}");
        assert!(!run.out.contains("no difference shows\n") || code == 0, "{}", run.out);
    }
    let table = diff(&folder, &["good.pcap", "empty.pcap"]).out;
    assert!(table.contains("\nnothing to compare: empty.pcap has no connections\n"), "{table}");
    let markdown = diff(&folder, &["-f", "markdown", "good.pcap", "empty.pcap"]).out;
    assert!(markdown.contains("\nNothing to compare: empty.pcap has no connections.\n"), "{markdown}");
    let told: Value = serde_json::from_str(&diff(&folder, &["-f", "json", "good.json", "cut.json"]).out).unwrap();
    let cut = ["cut.json is not whole"];
    assert_eq!(told["cannot_tell"], serde_json::json!({"new": cut, "worse": cut}));
}

/// Of many of a kind the first are listed, and the others counted; what chance makes always has no number.
#[test]
fn of_many_differences_the_first_are_listed() {
    let folder = Folder::new();
    let (mut before, mut after) = (Conversation::new(), Conversation::new());
    for i in 0..8 * 30 {
        let (client, server) = (40_000 + i, 1_000 + i % 30);
        before = before.to(server).closed(client).after(20_000);
        after = after.to(server);
        after = if i < 30 { after.refused(client) } else { after.closed(client) }.after(20_000);
    }
    folder.file("before.pcap", &before.bytes);
    folder.file("after.pcap", &after.bytes);
    let told = |options: &[&str]| diff(&folder, &[options, &["before.pcap", "after.pcap"]].concat()).out;
    let listed = |out: &str| {
        out.lines().filter(|line| line.contains(" O02 syn-refused (warning): 0 of 8 (0.0 %) → 1 of 8")).count()
    };
    for (options, lists, left) in [
        (&[][..], 20, "\nnew      … 10 more findings; --limit all lists each\n"),
        (&["-n", "3"], 3, "\nnew      … 27 more findings; --limit all lists each\n"),
        (&["-n", "29", "-f", "markdown"], 29, "\n| new |  | … 1 more finding; --limit all lists each |\n"),
        (&["-n", "30"], 30, ""),
        (&["--limit", "all"], 30, ""),
        (&["--all"], 30, ""),
    ] {
        let out = told(options);
        assert_eq!(listed(&out), lists, "{options:?}: {out}");
        assert!(out.contains(left) && out.contains("--limit all") != left.is_empty(), "{options:?}: {out}");
        assert!(!out.contains("p = 1.000"), "{options:?}: {out}");
    }
    let json: Value = serde_json::from_str(&told(&["-n", "3", "-f", "json"])).unwrap();
    assert_eq!(json["findings"].as_array().unwrap().len(), 30);
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
