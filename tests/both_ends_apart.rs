//! Two captures that are not of the same traffic, or hardly.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::Conversation;
use program::{Folder, Run};

/// Closed connections from these client ports.
fn closed(begin: Conversation, ports: &[u16]) -> Vec<u8> {
    ports.iter().fold(begin, |all, port| all.after(10_000).closed(*port)).bytes
}

fn at_once(ports: &[u16]) -> Vec<u8> {
    closed(Conversation::new(), ports)
}

/// The same seen from the server, 50 µs off: what the client sends comes later there, and what it is sent was there before.
fn at_the_server(ports: &[u16]) -> Vec<u8> {
    const HEADER: usize = 24;
    let mut bytes = at_once(ports);
    let mut at = HEADER;
    while let Some(record) = bytes.get_mut(at..).filter(|rest| !rest.is_empty()) {
        let word = |i: usize| u32::from_le_bytes(record[i..i + 4].try_into().unwrap());
        let (micros, len, from_client) = (word(4), word(8) as usize, record[16 + 15] == 1);
        record[4..8].copy_from_slice(&if from_client { micros + 50 } else { micros - 50 }.to_le_bytes());
        at += 16 + len;
    }
    bytes
}

/// What is said of these captures, one from each end.
fn merged(client: &[u8], server: &[u8], more: &[&str]) -> Run {
    let folder = Folder::new();
    folder.file("client.pcap", client);
    folder.file("server.pcap", server);
    folder.run(&[&["analyze", "--client", "client.pcap", "--server", "server.pcap"], more].concat())
}

#[test]
fn captures_of_other_hosts_are_refused() {
    let other = std::fs::read(format!("{}/testdata/loss_server.pcap", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for more in [&[][..], &["--format", "json"], &["--filter", "port 80"]] {
        let run = merged(&at_once(&[40_000, 40_001]), &other, more);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{more:?}");
        assert_eq!(
            run.err,
            "tcpstate: client.pcap and server.pcap are not captures of the same traffic: no segment is in both, nor any \
             address\n"
        );
    }
}

/// It would confirm all that it says itself.
#[test]
fn one_capture_is_not_taken_for_both_ends() {
    let folder = Folder::new();
    folder.file("one.pcap", &at_once(&[40_000]));
    let run = folder.run(&["analyze", "--client", "one.pcap", "--server", "./one.pcap"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("tcpstate: one.pcap is given for both ends\n"), "{}", run.err);
}

#[test]
fn captures_of_other_times_are_refused_with_both_times() {
    let later = closed(Conversation::new().after(3_600_000_000), &[40_002, 40_003]);
    let run = merged(&at_once(&[40_000, 40_001]), &later, &[]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    for part in [
        "are not captures of the same traffic: no segment is in both, and they did not run at the same time",
        "  client.pcap: from 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:20 UTC\n",
        "  server.pcap: from 2023-11-14 23:13:20 UTC to",
    ] {
        assert!(run.err.contains(part), "{part} in {}", run.err);
    }
}

/// All may have been lost on the way, or the captures may have nothing to do with each other: nothing tells which.
#[test]
fn captures_of_the_same_hosts_and_time_without_a_common_segment_are_doubted() {
    let run = merged(&at_once(&[40_000, 40_001]), &at_once(&[40_002, 40_003]), &["--only", "totals"]);
    let doubt = "no connection is in both captures: either nothing arrived, or they are not of the same traffic";
    assert_eq!(run.code, 0);
    assert_eq!(run.err, format!("tcpstate: client.pcap, server.pcap: {doubt}\n"));
    assert!(run.out.contains("ends:    no connection is in both captures: either nothing arrived"), "{}", run.out);
}

#[test]
fn few_common_connections_are_told_with_their_share() {
    let run =
        merged(&at_once(&[40_000, 40_001, 40_002, 40_003]), &at_once(&[40_003, 40_004, 40_005, 40_006, 40_007]), &[]);
    let doubt = "only 1 of 4 connections in both captures (25 %): are they of the same traffic?";
    assert_eq!(run.code, 0);
    assert!(run.err.contains(doubt), "{}", run.err);
    assert!(run.out.contains("ends:    only 1 of 4 connections in both captures (25 %)"), "{}", run.out);
}

#[test]
fn a_capture_with_more_traffic_than_the_other_is_not_doubted() {
    let all = at_the_server(&[40_000, 40_001, 40_002, 40_003, 40_004, 40_005]);
    let run = merged(&at_once(&[40_000, 40_001]), &all, &[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(!run.out.contains("in both captures"), "{}", run.out);
}

#[test]
fn nothing_captured_at_the_other_end_is_no_doubt() {
    let run = merged(&at_once(&[40_000, 40_001]), &Conversation::new().bytes, &[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("2 connections captured at the client's side only"), "{words}");
}
