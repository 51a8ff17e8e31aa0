//! What the command line makes of findings: thresholds, selection, exit codes, explanations.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::{Folder, run};

/// A connection that one end has closed, 5 s before the capture ends, and one that is refused.
fn trace() -> Vec<u8> {
    Conversation::new().half_closed(40_001).after(5_000_000).refused(40_002).bytes
}

#[test]
fn thresholds_decide_what_is_stuck() {
    let folder = Folder::new();
    folder.file("trace.pcap", &trace());
    let stuck = |setting: &[&str]| {
        let said = folder.run(&[&["analyze", "trace.pcap"], setting].concat()).out;
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
    let usual = folder.run(&["check", "trace.pcap"]);
    assert!(usual.code == 3 && usual.out.contains("ends before the usual 1 min are over"), "{}", usual.out);
    let strict = folder.run(&["check", "--policy", "strict.toml", "trace.pcap"]);
    assert!(strict.code == 3 && strict.out.contains("ends before the usual 1 min are over"), "{}", strict.out);
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
    assert!(!ignored.contains("syn-refused"), "{ignored}");
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
