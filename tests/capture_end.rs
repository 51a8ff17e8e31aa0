//! When a capture ended, where it tells: not with its last packet.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use std::io::Cursor;

use conversation::Conversation;
use program::{Folder, json};
use tcpstate::source::open_reader;
use tcpstate::time::Time;
use tcpstate::write::PcapNgWriter;

/// A half-closed connection in pcapng, which says when the capture `ended` if that is known.
fn half_closed(ended: Option<Time>) -> Vec<u8> {
    let mut source = open_reader("x", Box::new(Cursor::new(Conversation::new().half_closed(40_000).bytes))).unwrap();
    let mut out = Vec::new();
    let mut writer = PcapNgWriter::new(&mut out, "eth0", 0).unwrap();
    while let Some(packet) = source.next() {
        writer.packet(&packet).unwrap();
    }
    writer.statistics(Time(1_700_000_095_000_000_000), ended, None).unwrap();
    out
}

/// A capture that says when it ended goes on until then, in everything that is said of it.
#[test]
fn silence_at_the_end_counts_where_the_capture_tells_of_it() {
    let folder = Folder::new();
    folder.file("open.pcapng", &half_closed(None));
    folder.file("ended.pcapng", &half_closed(Some(Time(1_700_000_090_000_000_000))));
    let report = |names: &[&str]| json(&folder.run(&[&["analyze", "-f", "json"], names].concat()).out);
    let (open, ended) = (report(&["open.pcapng"]), report(&["ended.pcapng"]));
    let capture = &ended["capture"];
    assert_eq!([&capture["last"], &capture["files"][0]["until"]].map(|at| at.as_f64()), [Some(1_700_000_090.0); 2]);
    let is_stuck = |report: &serde_json::Value| report["findings"].to_string().contains("close-wait-stuck");
    assert!(!is_stuck(&open) && is_stuck(&ended), "{ended}");
    let snapshot = folder.run(&["snapshot", "ended.pcapng"]).out;
    assert!(snapshot.starts_with("2023-11-14 22:14:50 UTC") && snapshot.contains("  1 min 30 s  #1"), "{snapshot}");
    // Of two, one of which does not tell, the last packet is the end.
    let both = report(&["ended.pcapng", "open.pcapng"]);
    assert!(both["capture"]["last"].as_f64() < Some(1_700_000_001.0), "{both}");
}
