//! `show`, `snapshot`, `analyze --timing` and `analyze --events` from the outside.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::{ACK, Conversation};
use program::{Folder, json, run, run_with_input};

fn capture() -> Vec<u8> {
    Conversation::new().closed(40_000).after(500_000).half_closed(40_001).after(1_000).refused(40_002).bytes
}

#[test]
fn a_connection_is_shown_as_a_ladder() {
    let folder = Folder::new();
    folder.file("trace.pcap", &capture());
    let shown = folder.run(&["show", "trace.pcap", "--connection", "1"]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""));
    let rows: Vec<&str> = shown.out.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rows[..2], ["left 10.0.0.1:40000", "right 10.0.0.2:80"]);
    assert!(rows[2].contains("SYN_SENT") && rows[2].contains("<SEQ=0><CTL=SYN>"), "{}", shown.out);
    let ladder = tcpstate::ladder::parse(&shown.out).expect("it is in the notation");
    assert_eq!(ladder.segments().len(), 9);
    let piped = run_with_input(&["show", "-", "-c", "1"], &capture());
    assert_eq!(piped.out, shown.out, "standard input can be read only once");
}

#[test]
fn the_only_connection_needs_no_number() {
    let folder = Folder::new();
    folder.file("one.pcap", &Conversation::new().closed(40_000).bytes);
    let shown = folder.run(&["show", "one.pcap"]);
    assert_eq!((shown.code, &shown.out), (0, &folder.run(&["show", "one.pcap", "-c", "1"]).out));
}

#[test]
fn the_name_of_the_output_chooses_the_format_of_a_ladder() {
    let folder = Folder::new();
    folder.file("trace.pcap", &capture());
    for (name, begin) in
        [("a.svg", "<svg "), ("a.md", "### Connection 2"), ("a.json", "{\"schema\":\"tcpstate-show/1\"")]
    {
        assert_eq!(folder.run(&["show", "trace.pcap", "-c", "2", "-o", name]).code, 0);
        let written = std::fs::read_to_string(folder.path(name)).unwrap();
        assert!(written.starts_with(begin), "{name}: {written}");
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let folder = Folder::new();
    folder.file("trace.pcap", &capture());
    for (arguments, cause) in [
        (&["show", "trace.pcap", "-c", "9"][..], "there is no connection 9; they are numbered from 1 to 3"),
        (&["snapshot", "trace.pcap", "--at", "#99"], "there is no packet 99; the capture has packets 1 to 18"),
        (&["snapshot", "trace.pcap", "--at", "noon"], "`noon` is no time"),
        (
            &["snapshot", "trace.pcap", "--at", "+1h"],
            "--at: the capture was over by then; it goes from 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:20 UTC, +591 ms",
        ),
        (&["snapshot", "trace.pcap", "--at", "+1h", "--every", "10min"], "the capture was over by then"),
        (&["snapshot", "trace.pcap", "--at", "1600000000"], "the capture had not begun by then"),
        (
            &["snapshot", "trace.pcap", "--at", "30.5"],
            "a number is taken for seconds since 1970; since the first packet it is +30.5s",
        ),
        (&["snapshot", "trace.pcap", "--every", "1ns"], " points; 1,000,000 are the most"),
        (&["snapshot", "trace.pcap", "--every", "0s"], "--every: takes a duration above zero"),
        (&["show", "trace.pcap"], "show: which of the 3 connections?\n  give its number, as in -c 1;"),
    ] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.err.contains(cause), "{arguments:?}: {}", run.err);
    }
    let dated = folder.run(&["snapshot", "trace.pcap", "--at", "1970-01-01T00:00:30Z"]);
    assert!(dated.code == 2 && !dated.err.contains("a number"), "a date is no number: {}", dated.err);
}

#[test]
fn a_snapshot_lists_the_sockets_of_each_host() {
    let folder = Folder::new();
    folder.file("trace.pcap", &capture());
    let at_end = folder.run(&["snapshot", "trace.pcap", "-f", "json"]).out;
    let sockets = json(&at_end)["sockets"].clone();
    let listed: Vec<(&str, &str)> = sockets
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["host"].as_str().unwrap(), s["state"].as_str().unwrap()))
        .collect();
    assert_eq!(listed, [("10.0.0.1", "FIN_WAIT_2"), ("10.0.0.1", "TIME_WAIT"), ("10.0.0.2", "CLOSE_WAIT")]);
    let table = folder.run(&["snapshot", "trace.pcap", "--at", "+6ms"]).out;
    assert!(table.contains("SYN_SENT") && table.contains("10.0.0.1:40000"), "{table}");
    // It is in TIME_WAIT at the end: of the others nothing is said.
    let of_the_end = folder.run(&["snapshot", "trace.pcap", "--at", "+6ms", "--filter", "state SYN_SENT"]);
    assert!(of_the_end.out.ends_with("no socket of the connections asked for in any state but CLOSED and LISTEN\n"));
    assert!(of_the_end.err.contains("states in it are those at the end of the capture"), "{}", of_the_end.err);
    let told = |filter: &str| folder.run(&["snapshot", "trace.pcap", "--filter", filter]).err.contains("states in it");
    assert!(told("host 10.0.0.1 and not possible CLOSED and port 1") && !told("visited LAST_ACK and port 1"));
    let by_packet = folder.run(&["snapshot", "trace.pcap", "--at", "#2", "-f", "csv"]).out;
    assert!(by_packet.lines().nth(1).is_some_and(|line| line.starts_with("10.0.0.1,ESTABLISHED,")), "{by_packet}");
}

#[test]
fn only_signs_that_are_shown_are_explained() {
    let folder = Folder::new();
    folder.file("trace.pcap", &Conversation::new().half_closed(40_001).after(100_000).refused(40_002).bytes);
    let last = |arguments: &[&str]| folder.run(arguments).out.lines().last().unwrap_or_default().to_owned();
    assert!(last(&["snapshot", "trace.pcap", "--at", "#1"]).ends_with("  #1"), "no sign, no legend");
    let end = folder.run(&["snapshot", "trace.pcap"]).out;
    assert_eq!([end.contains('?'), end.contains('~'), end.contains('*')], [true, false, false], "{end}");
    let refused = folder.run(&["analyze", "trace.pcap", "-c", "2", "--width", "200"]).out;
    assert!(refused.contains("CLOSED~ throughout") && refused.contains(" · ~ assumed: no packet shows a socket there"));
    assert!(!refused.contains("is missing"), "nothing is: {refused}");
}

/// As `analyze` says of the end: no packet tells whether a silent host still has the socket.
#[test]
fn a_snapshot_of_the_end_shows_all_that_is_possible_then() {
    let trouble = format!("{}/testdata/trouble.pcap", env!("CARGO_MANIFEST_DIR"));
    for at in [&[][..], &["--at", "#249"], &["--at", "+1min46.4s"]] {
        let table = run(&[&["snapshot", &trouble], at].concat()).out;
        assert!(table.contains("FIN_WAIT_2?|CLOSED  192.0.2.10:42001 "), "{table}");
        assert!(table.contains("A|B: the capture allows both then"), "{table}");
    }
    let report = json(&run(&["analyze", &trouble, "-f", "json"]).out);
    let end = |socket: &serde_json::Value| {
        let connection = &report["connections"][socket["connection"].as_u64().unwrap() as usize - 1];
        connection["endpoints"][socket["role"].as_str().unwrap()]["possible"].clone()
    };
    for socket in json(&run(&["snapshot", &trouble, "-f", "json"]).out)["sockets"].as_array().unwrap() {
        let possible = socket.get("possible").cloned().unwrap_or_else(|| serde_json::json!([socket["state"]]));
        assert_eq!(possible, end(socket), "{socket}");
    }
}

/// What is possible at the end of an end that did nothing any more was so before.
#[test]
fn a_snapshot_before_the_end_shows_what_is_possible_then() {
    let trouble = format!("{}/testdata/trouble.pcap", env!("CARGO_MANIFEST_DIR"));
    let at = |time: &str| run(&["snapshot", &trouble, "--at", time]).out;
    // Its FIN may not have been acknowledged while it might have been repeated, which it was not.
    assert!(at("+4s").contains("FIN_WAIT_2?|CLOSED|FIN_WAIT_1  192.0.2.10:42001 "), "{}", at("+4s"));
    let before = at("+1min30s");
    for row in [
        "FIN_WAIT_2?|CLOSED  192.0.2.10:42001 ",
        "ESTABLISHED|CLOSED  192.0.2.10:40020 ",
        "SYN_SENT|CLOSED     192.0.2.12:40014 ",
    ] {
        assert!(before.contains(row), "{row}: {before}");
    }
    for same in ["90s", "1min30s", "09:01:30.000009994", "2026-03-02 09:01:30.000009994", "09:01:30.000009994 UTC"] {
        assert_eq!(at(same), before, "{same}");
    }
    // It went on.
    assert!(at("+50s").contains("SYN_SENT            192.0.2.12:40014 "), "{}", at("+50s"));
    let series = json(&run(&["snapshot", &trouble, "--every", "40s", "-f", "json"]).out);
    let counts = |n: usize| series["samples"][n]["states"].clone();
    assert_eq!(counts(1)["SYN_SENT"], serde_json::json!({"count": 1, "least": 1, "most": 2}));
    assert_eq!(counts(2)["SYN_SENT"], serde_json::json!({"count": 1, "least": 0, "most": 2}));
    assert_eq!(counts(2)["FIN_WAIT_2"], serde_json::json!({"count": 6, "least": 0, "most": 6}));
    assert!(counts(2).get("FIN_WAIT_1").is_none() && counts(2).get("CLOSED").is_none(), "{series}");
}

/// What was open before the capture began was so before its first packet, as far as is known; not where the same addresses and
/// ports were in use before in the capture.
#[test]
fn what_was_open_before_the_capture_is_in_a_snapshot_of_its_begin() {
    let folder = Folder::new();
    let open = Conversation::new().closed(40_000).after(50_000);
    let open =
        open.segment(40_001, true, 900, 700, 0x10, b"hello").after(100_000).segment(40_001, false, 700, 905, 0x10, b"");
    folder.file("trace.pcap", &open.bytes);
    let table = folder.run(&["snapshot", "trace.pcap", "--at", "+40ms"]).out;
    for row in ["ESTABLISHED~  10.0.0.1:40001      10.0.0.2:80", "ESTABLISHED~  10.0.0.2:80         10.0.0.1:40001"] {
        assert!(table.lines().any(|line| line.starts_with(row) && line.contains("  ≥ 40 ms  #2")), "{table}");
    }
    let sockets = json(&folder.run(&["snapshot", "trace.pcap", "--at", "+0s", "-f", "json"]).out)["sockets"].clone();
    let socket = sockets.as_array().unwrap().iter().find(|s| s["connection"] == 2).unwrap().clone();
    assert_eq!((&socket["evidence"], &socket["before"]), (&"assumed".into(), &true.into()));
    assert_eq!(socket["since"].to_string(), "1700000000.0");
    let series = json(&folder.run(&["snapshot", "trace.pcap", "--every", "90ms", "-f", "json"]).out);
    let established = |n: usize| series["samples"][n]["states"]["ESTABLISHED"].clone();
    assert_eq!(established(0), serde_json::json!({"count": 2, "least": 0, "most": 2}));
    assert_eq!(established(2), serde_json::json!({"count": 2, "least": 1, "most": 2}));
    // Once more, on ports that another connection had before.
    let again = Conversation::new().closed(40_001).after(70_000_000);
    let again =
        again.segment(40_001, true, 900, 700, 0x10, b"hello").after(100).segment(40_001, false, 700, 905, 0x10, b"");
    folder.file("again.pcap", &again.bytes);
    let table = folder.run(&["snapshot", "again.pcap", "--at", "+1s"]).out;
    assert!(table.contains("TIME_WAIT") && table.contains("#1") && !table.contains("#2"), "{table}");
}

#[test]
fn counts_over_time_have_bounds() {
    let folder = Folder::new();
    folder.file("trace.pcap", &capture());
    let lines = folder.run(&["snapshot", "trace.pcap", "--every", "100ms", "-f", "ndjson"]).out;
    let samples: Vec<serde_json::Value> = lines.lines().map(json).collect();
    assert_eq!(samples.len(), 6);
    for sample in &samples {
        for n in sample["states"].as_object().unwrap().values() {
            assert!(n["least"].as_u64() <= n["count"].as_u64() && n["count"].as_u64() <= n["most"].as_u64(), "{n}");
        }
    }
    assert_eq!(samples[3]["states"]["TIME_WAIT"]["count"], 1);
    // As a table has a column for each state, CSV has a line for each at every time.
    let csv = folder.run(&["snapshot", "trace.pcap", "--every", "100ms", "-f", "csv"]).out;
    let states: std::collections::BTreeSet<&String> =
        samples.iter().flat_map(|sample| sample["states"].as_object().unwrap().keys()).collect();
    assert_eq!(csv.lines().count(), 1 + samples.len() * states.len(), "{csv}");
    assert!(csv.lines().nth(1).is_some_and(|line| line.starts_with("1700000000.0")), "{csv}");
}

#[test]
fn of_no_packets_there_is_no_snapshot_of_1970() {
    let folder = Folder::new();
    folder.file("empty.pcap", &Conversation::new().bytes);
    let told = |more: &[&str]| folder.run(&[&["snapshot", "empty.pcap"], more].concat()).out;
    assert_eq!((told(&[]).as_str(), told(&["--every", "1s"]).as_str()), ("no packets\n", "no packets\n"));
    assert_eq!(told(&["-f", "json"]), "{\"schema\":\"tcpstate-snapshot/1\",\"sockets\":[]}\n");
    assert_eq!(told(&["--every", "1s", "-f", "json"]), "{\"schema\":\"tcpstate-series/1\",\"samples\":[]}\n");
    assert_eq!(told(&["-f", "csv"]).lines().count(), 1);
}

#[test]
fn snapshots_fit_the_page() {
    let trouble = format!("{}/testdata/trouble.pcap", env!("CARGO_MANIFEST_DIR"));
    for width in [60, 80, 100] {
        for more in [&["--every", "20s"][..], &["--at", "+1min"]] {
            let out = run(&[&["snapshot", &trouble, "--width", &width.to_string()], more].concat()).out;
            assert!(out.lines().all(|line| line.chars().count() <= width), "{width}: {out}");
            assert!(out.contains("CLOSE_WAIT") && out.contains("SYN_SENT"), "{out}");
        }
    }
}

#[test]
fn states_that_take_much_room_leave_the_columns_where_they_are() {
    let folder = Folder::new();
    let trace = Conversation::new()
        .segment(40_000, true, 100, 500, ACK, b"")
        .after(1_000)
        .segment(40_000, false, 500, 101, ACK, b"")
        .after(375_000_000)
        .segment(40_000, true, 100, 500, ACK, b"");
    folder.file("trace.pcap", &trace.bytes);
    for width in ["80", "100"] {
        let out = folder.run(&["snapshot", "trace.pcap", "--width", width]).out;
        let at = |line: &str, cell: &str| line.find(cell).map(|at| line[..at].chars().count());
        // Each host has a table of its own.
        let headers: Vec<Option<usize>> =
            out.lines().map(|line| at(line, "Local Address:Port")).filter(Option::is_some).collect();
        let rows: Vec<&str> = out.lines().filter(|line| line.contains("#1")).collect();
        assert!(rows.len() == 2 && rows.iter().all(|row| row.contains("~|")), "{out}");
        for ((row, cell), header) in rows.iter().zip(["10.0.0.1:40000", "10.0.0.2:80"]).zip(headers) {
            assert_eq!(at(row, cell), header, "{out}");
        }
        assert!(out.lines().all(|line| line.chars().count() <= width.parse().unwrap()), "{out}");
    }
}

#[test]
fn events_are_in_order_of_time_with_what_came_before() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &capture());
    let lines = run(&["analyze", "--events", "-f", "ndjson", &trace]).out;
    let events: Vec<serde_json::Value> = lines.lines().map(json).collect();
    assert!(events.windows(2).all(|w| w[0]["time"].as_f64() <= w[1]["time"].as_f64()));
    let one: Vec<&serde_json::Value> =
        events.iter().filter(|e| e["connection"] == 1 && e["role"] == "client").collect();
    assert!(one.windows(2).all(|w| w[0]["state"] == w[1]["from"]), "each begins where the one before ended");
    let table = run(&["analyze", "--events", &trace]).out;
    assert_eq!(table.lines().count(), events.len() + 1);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    assert!(table.starts_with("TIME            ENDPOINT"), "{table}");
    // Of nothing it is said that there is nothing; where a program reads, there just is nothing.
    let none = |format| run(&["analyze", "--events", "--filter", "port 1", "-f", format, &trace]).out;
    assert_eq!(
        (none("table").as_str(), none("ndjson").as_str()),
        ("no connection matches, or none changed its state\n", "")
    );
    assert_eq!(run(&["analyze", "--events", "-f", "csv", &trace]).out.lines().count(), events.len() + 1);
    let markdown = run(&["analyze", "--events", "-f", "markdown", &trace]).out;
    assert_eq!(markdown.lines().count(), events.len() + 2);
    assert!(markdown.lines().all(|line| line.replace("\\|", "").matches('|').count() == 8), "{markdown}");
    assert!(markdown.contains("| `10.0.0.1:40000` | `10.0.0.2:80` | CLOSED | SYN\\_SENT | - | sent |"), "{markdown}");
}

#[test]
fn timing_alone_is_shown_in_full() {
    let folder = Folder::new();
    let trace = folder.file("trace.pcap", &capture());
    let alone = run(&["analyze", "--timing", "--width", "160", &trace]).out;
    for part in ["TIMING", "TIME IN STATE", "WHERE THE TIME WENT", "BY SERVER", "BY CLIENT", "BY PAIR"] {
        assert!(alone.contains(part), "{part} in {alone}");
    }
    assert!(!alone.contains("TOTALS") && !alone.contains("CONNECTIONS"), "{alone}");
    let report = json(&run(&["analyze", "-f", "json", "--vantage", "middle", &trace]).out);
    let timing = &report["connections"][0]["timing"];
    assert_eq!((&timing["vantage"], &timing["vantage_by"]), (&"middle".into(), &"given".into()));
    assert_eq!(timing["handshake"].as_f64(), Some(0.0121));
    assert_eq!(report["connections"][2]["timing"]["refused_after"].as_f64(), Some(0.0009));
    assert_eq!(report["timing"]["by_server"][0]["connections"], 3);
    let some = json(&run(&["analyze", "-f", "json", "--connection", "1", &trace]).out);
    assert_eq!(some["timing"]["all"]["connections"], 1, "the tables are of what was asked for");
}

#[test]
fn where_no_time_passed_none_is_shared_out() {
    let folder = Folder::new();
    let lone = |first: Conversation, port| first.segment(port, true, 100, 1, ACK, b"once");
    let trace = folder.file("trace.pcap", &lone(lone(Conversation::new(), 40_000), 40_001).bytes);
    let told = run(&["analyze", &trace]).out;
    assert!(told.contains("TOTALS") && !told.contains("WHERE THE TIME WENT"), "{told}");
}
