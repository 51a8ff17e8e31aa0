//! `tcpstate check` where packets cannot be read.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::Folder;

/// What could not be decoded may have been anything.
#[test]
fn what_cannot_be_decoded_passes_nothing() {
    let folder = Folder::new();
    // The same packets behind a link layer that nobody knows.
    let good = Conversation::new().closed(40_000).after(50_000).closed(40_001).bytes;
    let mut unknown = good.clone();
    folder.file("good.pcap", &good);
    unknown[20..24].copy_from_slice(&147_u32.to_le_bytes());
    folder.file("unknown.pcap", &unknown);
    let run = folder.run(&["check", "good.pcap", "unknown.pcap"]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(run.out.contains("50.0 % of the packets could not be decoded (1 % are tolerated)"), "{}", run.out);
    let run = folder.run(&["check", "--init", "good.pcap", "unknown.pcap"]);
    folder.file("made.toml", run.out.as_bytes());
    assert!(run.out.contains("max-missing = \"50%\""), "{}", run.out);
    assert_eq!(folder.run(&["check", "-p", "made.toml", "good.pcap", "unknown.pcap"]).code, 0);
    let analyzed = folder.run(&["analyze", "unknown.pcap"]);
    assert!(analyzed.out.contains("not decoded (100 %; link type 147 is not supported)"), "{}", analyzed.out);
}
