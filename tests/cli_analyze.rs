//! `tcpstate analyze` from the outside: inputs, outputs, exit codes.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::{Folder, finish, json, program, run, run_with_input};

/// Three connections: one closed, one half-closed, one refused.
fn three() -> Vec<u8> {
    Conversation::new()
        .closed(40_000)
        .after(500_000)
        .half_closed(40_001)
        .after(1_000)
        .refused(40_002)
        .after(5_000_000)
        .bytes
}

#[test]
fn a_capture_becomes_a_table() {
    let folder = Folder::new();
    folder.file("trace.pcap", &three());
    let run = folder.run(&["analyze", "trace.pcap"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(
        run.out.starts_with("trace.pcap: 3 connections, 18 packets (18 TCP), 591 ms from 2023-11-14 22:13:20 UTC\n"),
        "{}",
        run.out
    );
    for part in ["missing: nothing known", "TOTALS", "half-closed by client", "closed by client", "refused"] {
        assert!(run.out.contains(part), "{part} in {}", run.out);
    }
    let first = run.out.find("#2  10.0.0.1:40001 → 10.0.0.2:80");
    assert!(first < run.out.find("#1  10.0.0.1:40000"), "what is stuck comes first: {}", run.out);
}

#[test]
fn one_connection_is_shown_in_full() {
    let folder = Folder::new();
    folder.file("trace.pcap", &three());
    let one = folder.run(&["analyze", "--connection", "2", "trace.pcap"]).out;
    for part in
        ["shown:   1 of 3 connections (--connection 2)", "packets 10 to 16", "sent FIN · packet 15 · sent · RFC 9293"]
    {
        assert!(one.contains(part), "{part} in {one}");
    }
    assert!(!one.contains("TOTALS"), "{one}");
    let none = folder.run(&["analyze", "-c", "4", "trace.pcap"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    assert!(none.err.contains("there is no connection 4; they are numbered from 1 to 3"), "{}", none.err);
}

#[test]
fn standard_input_is_read_and_named() {
    let run = run_with_input(&["analyze", "-"], &three());
    assert_eq!(run.code, 0);
    assert!(run.out.starts_with("standard input: 3 connections, 18 packets (18 TCP), "), "{}", run.out);
}

#[test]
fn formats_are_chosen_by_flag_or_by_the_name_of_the_output() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &three());
    let printed = run(&["analyze", "--format", "json", &trace]).out;
    let report = json(&printed);
    assert_eq!(report["schema"], "tcpstate/1");
    assert_eq!(report["connections"].as_array().unwrap().len(), 3);
    let file = folder.path("report.json");
    let written = run(&["analyze", "-o", file.to_str().unwrap(), &trace]);
    assert_eq!((written.code, written.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed, "the same bytes again");
    let lines = run(&["analyze", "-f", "ndjson", &trace]).out;
    let types: Vec<String> = lines.lines().map(|line| json(line)["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        types,
        [
            "connection",
            "connection",
            "connection",
            "capture",
            "finding",
            "finding",
            "finding",
            "rollup",
            "rollup",
            "timing",
            "summary"
        ]
    );
    assert_eq!(run(&["analyze", "-f", "csv", &trace]).out.lines().count(), 4);
    assert!(run(&["analyze", "-f", "markdown", &trace]).out.starts_with("### TCP states of "));
}

#[test]
fn filters_select_and_say_so() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &three());
    let run_some = run(&["analyze", "--filter", "server.state CLOSE_WAIT", &trace]);
    assert!(run_some.out.contains("3 connections, 18 packets"), "{}", run_some.out);
    assert!(
        run_some.out.contains("shown:   1 of 3 connections (--filter 'server.state CLOSE_WAIT')"),
        "{}",
        run_some.out
    );
    let none = run(&["analyze", "--filter", "ip6", &trace]);
    assert_eq!(none.code, 0);
    assert!(none.out.contains("shown:   0 of 3 connections"), "{}", none.out);
    assert!(none.out.ends_with("\n\nno connection matches\n"), "{}", none.out);
    let markdown = run(&["analyze", "-f", "markdown", "--filter", "ip6", &trace]).out;
    assert!(markdown.contains("\nNo connection matches.\n"), "{markdown}");
    let snapshot = run(&["snapshot", "--filter", "ip6", &trace]);
    assert_eq!((snapshot.code, snapshot.err.as_str()), (0, "tcpstate: --filter: no connection matches\n"));
    let sorted = run(&["analyze", "-f", "csv", "--sort", "bytes", "--reverse", "-n", "1", &trace]).out;
    assert!(sorted.lines().nth(1).unwrap().starts_with("3,"), "{sorted}");
}

#[test]
fn parts_can_be_left_out() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &three());
    let totals = run(&["analyze", "--only", "totals", &trace]).out;
    assert!(totals.contains("TOTALS") && !totals.contains("CONNECTIONS"), "{totals}");
    let both = run(&["analyze", "--only", "findings,connections", &trace]).out;
    assert!(!both.contains("TOTALS") && both.contains("CONNECTIONS"), "{both}");
}

#[test]
fn what_cannot_be_read_is_named_with_its_cause() {
    let folder = Folder::new();
    let missing = folder.path("missing.pcap").to_str().unwrap().to_owned();
    let text = folder.file("notes.txt", b"these are notes, and no capture at all\n");
    for path in [&missing, &text] {
        let run = run(&["analyze", path]);
        assert_eq!((run.code, run.out.as_str()), (2, ""));
        assert!(run.err.starts_with(&format!("tcpstate: {path}: ")), "{}", run.err);
        assert!(!run.err.contains("panicked"), "{}", run.err);
    }
    let trace = folder.file("trace.pcap", &three());
    let both = run(&["analyze", &missing, &trace]);
    assert_eq!(both.code, 2, "one of them failed");
    assert!(both.out.contains("3 connections"), "the other was read: {}", both.out);
    assert!(both.err.contains("missing.pcap"), "{}", both.err);
}

#[test]
fn a_cut_capture_is_told_and_fails_only_when_strict() {
    let folder = Folder::new();
    let mut bytes = three();
    bytes.truncate(bytes.len() - 7);
    let trace = folder.file("cut.pcap", &bytes);
    let lenient = run(&["analyze", &trace]);
    assert_eq!(lenient.code, 0);
    assert!(lenient.out.contains("17 packets"), "{}", lenient.out);
    assert!(lenient.err.starts_with(&format!("tcpstate: {trace}: packet 18 ")), "{}", lenient.err);
    assert!(lenient.out.contains("missing: "), "{}", lenient.out);
    let strict = run(&["analyze", "--strict", &trace]);
    assert_eq!((strict.code, strict.out), (2, lenient.out));
    assert_eq!(run(&["analyze", "--quiet", &trace]).err, "");
}

#[test]
fn the_output_is_checked_before_the_work_and_left_alone_on_failure() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &three());
    let nowhere = folder.path("no/such/folder/report.json");
    let run_nowhere = run(&["analyze", "-o", nowhere.to_str().unwrap(), &trace]);
    assert_eq!(run_nowhere.code, 2);
    assert!(run_nowhere.err.contains("report.json: "), "{}", run_nowhere.err);
    let itself = run(&["analyze", "-o", &trace, &trace]);
    assert_eq!(itself.code, 2);
    assert_eq!(std::fs::read(&trace).unwrap(), three(), "the input is untouched");
    let kept = folder.file("kept.json", b"old");
    assert_eq!(run(&["analyze", "-o", &kept, "/nonexistent"]).code, 2);
    assert_eq!(std::fs::read(&kept).unwrap(), b"old");
    let fresh = folder.path("fresh.json");
    assert_eq!(run(&["analyze", "-o", fresh.to_str().unwrap(), "/nonexistent"]).code, 2);
    assert!(!fresh.exists(), "no empty file is left behind");
    let shorter = folder.file("long.csv", &[b'x'; 100_000]);
    assert_eq!(run(&["analyze", "-o", &shorter, &trace]).code, 0);
    assert!(std::fs::read_to_string(&shorter).unwrap().ends_with('\n'), "nothing of the old content is left");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::new();
    let mut many = Conversation::new();
    for port in 1..3_000 {
        many = many.refused(port).after(10);
    }
    let trace = folder.file("many.pcap", &many.bytes);
    let all = ["table", "json", "ndjson", "csv", "markdown"];
    let commands: [(&[&str], &[&str]); 4] = [
        (&["analyze", "--limit", "all"], &all),
        (&["analyze", "--events"], &all),
        (&["snapshot"], &all[..4]),
        (&["snapshot", "--every", "10us"], &all[..4]),
    ];
    for (asked, format) in commands.iter().flat_map(|(asked, formats)| formats.iter().map(|format| (*asked, *format))) {
        let mut command = program(&[asked, &["-f", format, &trace]].concat());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.as_ref()), (Some(0), ""), "{asked:?} {format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &three());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run_full = finish(program(&["analyze", &trace]).stdout(full));
    assert_eq!(run_full.code, 2);
    assert!(run_full.err.starts_with("tcpstate: standard output: "), "{}", run_full.err);
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let folder = Folder::new();
    let trace = folder.file("a\u{1b}[2Jb.pcap", &three());
    let run = run(&["analyze", &trace, "--color", "always"]);
    assert!(!run.out.contains("\u{1b}[2J"), "{:?}", run.out);
}

#[test]
fn rollups_are_shown_when_there_is_something_to_compare() {
    let folder = Folder::new();
    folder.file("trace.pcap", &three());
    let asked = folder.run(&["analyze", "--only", "rollups", "trace.pcap"]);
    assert_eq!((asked.code, asked.err.as_str()), (0, ""));
    for part in ["BY SERVICE", "10.0.0.2:80", "BY HOST", "syn-refused"] {
        assert!(asked.out.contains(part), "{part} in {}", asked.out);
    }
    assert!(!asked.out.contains("TOTALS"), "{}", asked.out);
    // Two hosts and one service: the findings have said it all.
    assert!(!folder.run(&["analyze", "trace.pcap"]).out.contains("BY "));
    let lines = folder.run(&["analyze", "-f", "ndjson", "trace.pcap"]).out;
    let rolled: Vec<_> = lines.lines().map(json).filter(|line| line["type"] == "rollup").collect();
    assert_eq!(rolled.len(), 2);
    assert_eq!((&rolled[0]["of"], &rolled[1]["of"]), (&"host".into(), &"service".into()));
    assert_eq!(rolled[1]["entries"][0]["connections"], 3);
    assert_eq!(rolled[1]["entries"][0]["outcomes"]["refused"], 1);
    assert_eq!(rolled[1]["omitted"], 0);
}

/// Of many alike the one that a finding calls the worst is listed, in a report made while reading as in one of all.
#[test]
fn the_connection_that_a_finding_names_stands_for_those_alike() {
    let trouble = format!("{}/testdata/trouble.pcap", env!("CARGO_MANIFEST_DIR"));
    for more in [&[][..], &["--filter", "server port 8080"]] {
        let out = run(&[&["analyze", &trouble, "--width", "160"], more].concat()).out;
        assert!(out.contains("the worst is #4:"), "{out}");
        assert!(out.contains("\n#4 ×6  192.0.2.10:42001 → 198.51.100.20:8080 "), "{out}");
    }
    let markdown = run(&["analyze", &trouble, "-f", "markdown"]).out;
    assert!(markdown.contains("| 4 ×6 | `192.0.2.10:42001 "), "{markdown}");
}

#[test]
fn an_opening_without_its_syn_is_missing_and_check_says_what_analyze_says() {
    let folder = Folder::new();
    let trace = Conversation::new()
        .segment(40_000, false, 500, 101, conversation::SYN_ACK, b"")
        .after(1_000)
        .segment(40_000, true, 101, 501, conversation::ACK, b"hello")
        .after(1_000)
        .segment(40_000, false, 501, 106, conversation::ACK, b"world")
        .after(500_000)
        .closed(40_001);
    folder.file("trace.pcap", &trace.bytes);
    let missing = "the opening of 1 connection";
    for view in [&["--only", "totals"][..], &["--format", "markdown"], &["--limit", "all"], &["--sort", "id"]] {
        let out = folder.run(&[&["analyze", "trace.pcap"], view].concat()).out;
        assert!(out.contains(missing) && !out.contains("nothing known"), "{view:?}: {out}");
    }
    let trouble = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/trouble.pcap");
    let line = |args: &[&str], begin: &str| {
        let out = folder.run(args).out;
        out.lines().find_map(|line| line.strip_prefix(begin)).unwrap_or_else(|| panic!("{begin} in {out}")).to_owned()
    };
    let missing = line(&["analyze", "--width", "300", trouble], "missing: ");
    let quality = line(&["check", "--width", "300", trouble], "pass        capture quality: ");
    assert_eq!(quality, format!("249 packets, 20 connections, {missing}"));
}

#[test]
fn the_name_of_the_output_says_its_format_unless_told_otherwise() {
    let folder = Folder::new();
    folder.file("trace.pcap", &three());
    let written = |arguments: &[&str], name: &str| {
        let run = folder.run(&[arguments, &["trace.pcap", "-o", name]].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        std::fs::read_to_string(folder.path(name)).unwrap()
    };
    let table = written(&["analyze"], "report");
    assert!(table.starts_with("trace.pcap: 3 connections"), "{table}");
    assert_eq!(written(&["analyze"], "report.txt"), table);
    assert_eq!(written(&["analyze", "--format", "table"], "report.html"), table);
    assert!(written(&["snapshot"], "states.csv").starts_with("host,"));
    assert!(written(&["snapshot", "--format", "table"], "states.md").starts_with("2023-11-14"));
    let live = |name: &str| {
        let trace = std::fs::File::open(folder.path("trace.pcap")).unwrap();
        let run = finish(program(&["live", "-", "-o", name]).current_dir(folder.path("")).stdin(trace));
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{name}: {}", run.err);
        std::fs::read_to_string(folder.path(name)).unwrap()
    };
    assert!(live("live.md").starts_with("### TCP states of "));
    assert!(live("live.csv").starts_with("id,client_addr,"));
    assert!(live("live").starts_with("{\"type\":\"start\","));
    let run = folder.run(&["analyze", "trace.pcap", "-o", "report.xml"]);
    assert!(run.code == 2 && !folder.path("report.xml").exists(), "{}", run.err);
}

/// What was watched is over: other options can only be tried on packets that were written.
#[test]
fn the_report_of_live_names_no_option_that_live_has_not() {
    let trouble = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/trouble.pcap");
    let trace = std::fs::File::open(trouble).unwrap();
    let live = finish(program(&["live", "-", "-f", "table", "--width", "300"]).stdin(trace)).out;
    let analyzed = run(&["analyze", trouble, "--width", "300"]).out;
    for (option, instead) in [
        ("; --only findings tells of them", "; tcpstate analyze tells of them where --write has kept the packets"),
        (
            "; --limit all lists each, --connection ID shows one in full, --filter selects.",
            "; --limit all lists each, tcpstate analyze shows one in full where --write has kept the packets.",
        ),
    ] {
        assert!(analyzed.contains(option) && !live.contains(option) && live.contains(instead), "{live}");
    }
}

#[test]
fn a_file_that_is_read_twice_is_told_of() {
    let folder = Folder::new();
    folder.file("trace.pcap", &three());
    for (again, says) in [("trace.pcap", ""), ("./trace.pcap", ", as trace.pcap")] {
        let run = folder.run(&["analyze", "trace.pcap", again]);
        let told = format!("tcpstate: {again}: is read twice{says}: all its packets count twice\n");
        assert_eq!((run.code, run.err), (0, told));
        assert_eq!(folder.run(&["analyze", "-q", "trace.pcap", again]).err, "");
    }
}

#[test]
fn a_silence_that_is_nearly_all_of_a_capture_is_told() {
    let folder = Folder::new();
    let day = |hours: u32| Conversation::new().closed(40_000).after(hours * 3_600_000_000).closed(40_001).bytes;
    folder.file("joined.pcap", &day(1));
    let joined = folder.run(&["analyze", "--width", "200", "joined.pcap"]).out;
    let head = joined.lines().next().unwrap_or_default();
    assert!(head.contains("22:13:20 UTC, all but 91 ms of it one silence"), "{head}");
    let silence = json(&folder.run(&["analyze", "--format", "json", "joined.pcap"]).out)["capture"]["silence"].as_f64();
    assert!(silence.is_some_and(|seconds| (3_600.0..3_600.1).contains(&seconds)), "{silence:?}");
    folder.file("one.pcap", &three());
    assert!(!folder.run(&["analyze", "one.pcap"]).out.contains("silence"));
}

/// The server's first FIN was lost behind the tap: that the client had it is told as taken back, from the state in which the
/// client was.
#[test]
fn what_was_taken_back_is_listed_beside() {
    let report = json(&run(&["analyze", "testdata/trouble.pcap", "-c", "12", "--retracted", "-f", "json"]).out);
    let endpoints = &report["connections"][0]["endpoints"];
    let taken_back = &endpoints["client"]["retracted"][0];
    assert_eq!(
        (&taken_back["from"], &taken_back["state"], &taken_back["packet"]),
        (&"ESTABLISHED".into(), &"CLOSE_WAIT".into(), &124.into())
    );
    assert_eq!((report["summary"]["retracted"].as_u64(), endpoints["server"].get("retracted")), (Some(1), None));
}

#[test]
fn rows_say_who_reset_as_json_does() {
    let report = json(&run(&["analyze", "testdata/trouble.pcap", "-f", "json"]).out);
    let out = run(&["analyze", "testdata/trouble.pcap", "-f", "csv"]).out;
    let mut lines = out.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let column = lines.next().unwrap().iter().position(|name| *name == "reset_by").unwrap();
    let rows: Vec<&str> = lines.map(|row| row[column]).collect();
    let connections = report["connections"].as_array().unwrap();
    assert_eq!(rows, connections.iter().map(|c| c["reset_by"].as_str().unwrap_or_default()).collect::<Vec<_>>());
    assert!(rows.contains(&"client") && rows.contains(&"server"), "{rows:?}");
}

#[test]
fn a_finding_of_a_group_says_of_how_many_of_it_it_is_told() {
    let out = run(&["analyze", "testdata/trouble.pcap", "--filter", "id 14,17", "--only", "findings"]).out;
    assert!(out.contains("close-wait-stuck: 2 of 6 connections from 3 hosts to 198.51.100.20:8080:"), "{out}");
}
