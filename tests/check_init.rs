//! `tcpstate check --init`: a policy made of a capture.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::Folder;

fn folder() -> Folder {
    let good = Conversation::new().closed(40_000).after(50_000).closed(40_001).after(3_000_000).closed(40_002);
    let refused = Conversation::new().closed(40_000).after(50_000).refused(40_001).after(50_000).closed(40_002);
    let folder = Folder::new();
    folder.file("good.pcap", &good.bytes);
    folder.file("refused.pcap", &refused.bytes);
    folder
}

/// What no rule can be tried on is told once, and leaves the rules as they are.
#[test]
fn a_capture_without_connections_becomes_a_policy_that_cannot_tell() {
    let folder = folder();
    folder.file("none.pcap", &Conversation::new().bytes);
    let written = folder.run(&["check", "--init", "none.pcap"]);
    assert_eq!((written.code, written.err.lines().count()), (3, 1), "{}", written.err);
    assert!(written.err.contains("shows too little to try the rules on: it has 0 packets"), "{}", written.err);
    assert!(written.out.contains("\nfinding = \"close-wait-stuck\"\n"), "{}", written.out);
}

#[test]
fn what_a_policy_allows_of_its_capture_is_said() {
    let folder = folder();
    let written = folder.run(&["check", "--init", "refused.pcap"]);
    let says = "tcpstate: the capture has findings that the policy allows: syn-refused (";
    assert!(written.err.starts_with(says), "{}", written.err);
}

#[test]
fn a_good_capture_becomes_a_policy_that_finds_the_bad_one() {
    let folder = folder();
    let written = folder.run(&["check", "--init", "good.pcap"]);
    assert_eq!((written.code, written.err.as_str()), (0, ""));
    // Every kind of finding has its limit; one will do to see what they look like.
    let blocks: Vec<&str> = written.out.split("\n\n").collect();
    let shown = |block: &&&str| !block.starts_with("[[limit]]") || block.contains("close-wait-stuck");
    insta::assert_snapshot!("init", blocks.iter().filter(shown).copied().collect::<Vec<_>>().join("\n\n"));
    folder.file("tcpstate.toml", written.out.as_bytes());
    assert_eq!(folder.run(&["check", "good.pcap"]).code, 0);
    let bad = folder.run(&["check", "-r", "json", "refused.pcap"]);
    assert_eq!(bad.code, 1);
    let json: serde_json::Value = serde_json::from_str(&bad.out).unwrap();
    let failed: Vec<(&str, &serde_json::Value)> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|rule| rule["status"] == "fail")
        .map(|rule| (rule["name"].as_str().unwrap(), &rule["offences"][0]["connection"]))
        .collect();
    assert_eq!(failed, [("no syn-refused", &2.into()), ("port 80: outcome", &2.into())]);
}
