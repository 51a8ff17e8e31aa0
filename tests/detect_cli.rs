//! What the command line makes of findings: thresholds, selection, exit codes, explanations.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::{Folder, run};

/// A report without the line that repeats the options.
fn without_settings(said: &str) -> String {
    said.lines().filter(|line| !line.starts_with("with: ")).fold(String::new(), |text, line| text + line + "\n")
}

/// A connection that one end has closed, 5 s before the capture ends, and one that is refused.
fn trace() -> Vec<u8> {
    Conversation::new().half_closed(40_001).after(5_000_000).refused(40_002).bytes
}

#[test]
fn thresholds_decide_what_is_stuck() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let stuck = |setting: &[&str]| {
        let said = without_settings(&folder.run(&[&["analyze", "trace.pcap"], setting].concat()).out);
        let severity =
            |word: &str| said.lines().any(|line| line.starts_with(word) && line.contains("close-wait-stuck"));
        assert_ne!(said.contains("close-wait-stuck"), said.contains("half-closed-at-end"), "{said}");
        ["warning", "note"].into_iter().find(|word| severity(word))
    };
    for setting in [["--stuck-after", "2s"], ["--threshold", "close-wait-stuck=2s"]] {
        assert_eq!(stuck(&setting), Some("warning"));
    }
    assert_eq!(stuck(&["--stuck-after", "60s"]), None);
    // The capture is too short to wait for the default.
    for jobs in ["1", "2"] {
        assert_eq!(stuck(&["--jobs", jobs]), Some("note"));
    }
}

#[test]
fn what_a_short_capture_tells_early_fails_no_policy() {
    let folder = Folder::new();
    folder.file("trace.pcap", &Conversation::new().half_closed(40_001).after(5_000_000).closed(40_002).bytes);
    folder.file("strict.toml", b"version = 1\n[[limit]]\nname = \"no leaks\"\nfinding = \"close-wait-stuck\"\n");
    for policy in [&[][..], &["--policy", "strict.toml"]] {
        let run = folder.run(&[&["check", "trace.pcap"], policy].concat());
        let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(run.code == 3 && words.contains("ends before the usual 1 min are over"), "{}", run.out);
    }
}

/// Who reads a report later must know where its lines are drawn.
#[test]
fn a_report_says_what_it_was_made_with() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let report = |format: &str, settings: &[&str]| {
        folder.run(&[&["analyze", "-f", format, "trace.pcap"], settings].concat()).out
    };
    let settings = ["--threshold", "close_wait_stuck=1500ms", "--stuck-after", "1min", "--stack", "rfc"];
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["capture"]["settings"].clone();
    assert_eq!(
        json(&report("json", &settings)),
        serde_json::json!({"thresholds": {"close-wait-stuck": "1.5s", "stuck-after": "60s"}, "stack": "rfc"})
    );
    let typed = "--threshold close-wait-stuck=1.5s --stuck-after 60s --stack rfc";
    assert!(report("table", &settings).contains(&format!("\nwith:    {typed}\n")));
    assert!(report("markdown", &settings).contains(&format!("\nWith: `{typed}`\n")));
    assert!(report("table", &["--ignore", "O02", "--only", "findings"]).contains("\nwith:    --ignore syn-refused\n"));
    assert!(json(&report("json", &["--stack", "linux"])).is_null());
    assert!(!report("table", &["--only", "findings"]).contains("with:"));
}

#[test]
fn what_is_told_above_is_named_below() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let told = |arguments: &[&str]| {
        let out = folder.run(&[&["analyze", "trace.pcap", "-c", "2", "--width", "200"], arguments].concat()).out;
        (out.matches(" refused the connection of ").count(), out.contains("    warning syn-refused (server)\n"))
    };
    assert_eq!(told(&[]), (1, true));
    assert_eq!(told(&["--only", "connections"]), (1, false), "where it is told once");
}

#[test]
fn fail_on_takes_severities_and_names() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let code = |on: &str| folder.run(&["analyze", "--fail-on", on, "trace.pcap"]).code;
    assert_eq!((code("warning"), code("error"), code("syn-refused"), code("time-wait-excess")), (1, 0, 1, 0));
    assert_eq!(folder.run(&["analyze", "trace.pcap"]).code, 0);
    let of = |filter: &str| folder.run(&["analyze", "--fail-on", "syn-refused", "--filter", filter, "trace.pcap"]).code;
    assert_eq!((of("outcome refused"), of("not outcome refused")), (1, 0), "what is left out does not count");
}

#[test]
fn findings_can_be_chosen_and_ignored() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let only = folder.run(&["analyze", "--only", "half-closed-at-end", "--stuck-after", "60s", "trace.pcap"]).out;
    assert!(only.contains("half-closed-at-end") && !only.contains("syn-refused"), "{only}");
    let ignored = folder.run(&["analyze", "--ignore", "O02", "trace.pcap"]).out;
    assert!(!without_settings(&ignored).contains("syn-refused"), "{ignored}");
    assert_eq!(folder.run(&["analyze", "--ignore", "syn-refused", "--fail-on", "warning", "trace.pcap"]).code, 0);
}

#[test]
fn a_wrong_name_is_met_with_the_right_one() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    for (arguments, hint) in [
        (["--ignore", "close-wait-stuk"], "did you mean `close-wait-stuck`?"),
        (["--fail-on", "close-wait-stuk"], "did you mean `close-wait-stuck`?"),
        (["--threshold", "close-wait-stuk=3s"], "did you mean `close-wait-stuck`?"),
        (["--threshold", "close-wait-stuck=3"], "it takes a duration such as `90s` or `500ms`"),
        (["--threshold", "close-wait-stuck"], "is not of the form NAME=VALUE"),
    ] {
        let run = folder.run(&["analyze", arguments[0], arguments[1], "trace.pcap"]);
        assert!(run.code == 2 && run.err.contains(hint), "{}", run.err);
    }
}

#[test]
fn every_finding_is_explained() {
    let list = run(&["explain"]).out;
    for d in tcpstate::detect::ALL {
        assert!(list.contains(d.name), "{list}");
        let page = run(&["explain", d.code]).out;
        assert!(page.contains(d.name) && page.contains("How it is decided"), "{page}");
        let json: serde_json::Value = serde_json::from_str(&run(&["explain", d.name, "--format", "json"]).out).unwrap();
        assert_eq!(json["code"], d.code);
    }
    assert!(run(&["explain", "--format", "markdown"]).out.starts_with("| code | name |"));
}

/// What only many connections show is none's that a filter by severity could find: that is said, and is no pass.
#[test]
fn a_severity_that_only_many_connections_show_is_told() {
    let folder = Folder::new();
    let mut all = Conversation::new();
    for i in 0..60 {
        all = if i % 3 == 2 { all.refused(40_000 + i) } else { all.closed(40_000 + i) }.after(200_000);
    }
    folder.file("trace.pcap", &all.bytes);
    let says = "tcpstate: --filter: no single connection shows `syn-success-low`, which is so severe, only many together; \
                `tcpstate analyze --only syn-success-low` tells which\n";
    for (filter, code, err) in [
        ("severity >= error", 1, says),
        ("severity error or severity error", 1, says),
        // Which port it is of, the filter cannot tell.
        ("severity >= error and server port 80", 3, says),
        ("severity >= error and finding syn-refused", 3, says),
        ("not severity >= error", 1, ""),
        ("severity >= warning", 1, ""),
        ("outcome closed", 0, ""),
    ] {
        for format in ["table", "ndjson", "csv"] {
            let run = folder.run(&["analyze", "trace.pcap", "-f", format, "--filter", filter, "--fail-on", "error"]);
            assert_eq!((run.code, run.err.as_str()), (code, err), "{filter} {format}");
        }
    }
    let quiet = folder.run(&["analyze", "-q", "trace.pcap", "--filter", "severity >= error", "--fail-on", "A01"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (1, ""));
    assert_eq!(folder.run(&["analyze", "trace.pcap", "--filter", "severity >= error"]).code, 0);
}
