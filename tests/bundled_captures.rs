//! What `testdata/MANIFEST.md` says of the bundled captures is what the tracker finds in them.

#[path = "common/analysis.rs"]
mod analysis;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tcpstate::analyze::Options;
use tcpstate::report::{ClosedFirst, Connection, Outcome, Report, Severity};
use tcpstate::tracker::State;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn analyse(name: &str) -> Report {
    analysis::of_file(&folder().join(name), Options::default()).unwrap()
}

/// The only connection from this client port.
fn from(report: &Report, port: u16) -> &Connection {
    let mut found = report.connections.iter().filter(|c| c.client.port == port);
    let connection = found.next().unwrap_or_else(|| panic!("no connection from port {port}"));
    assert!(found.next().is_none(), "two connections from port {port}");
    connection
}

/// Both ends' states at the end.
fn ends(c: &Connection) -> (State, State) {
    (c.endpoints.client.state, c.endpoints.server.state)
}

#[test]
fn every_capture_is_small_and_in_the_manifest() {
    let manifest = std::fs::read_to_string(folder().join("MANIFEST.md")).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_file() && name != "MANIFEST.md" {
            assert!(manifest.contains(&format!("`{name}`")), "{name} is not in MANIFEST.md");
            assert!(entry.metadata().unwrap().len() < 200_000, "{name} is large");
        }
    }
}

#[test]
fn trouble() {
    let report = analyse("trouble.pcap");
    assert_eq!(report.connections.len(), 20);
    let outcome = |port| from(&report, port).outcome;
    let first = |port| from(&report, port).closed_first;
    for port in [39999, 40001, 40002, 40003, 40017] {
        assert_eq!((outcome(port), first(port)), (Outcome::Closed, Some(ClosedFirst::Client)), "{port}");
    }
    for port in [41001, 41002, 41003] {
        assert_eq!((outcome(port), first(port)), (Outcome::Closed, Some(ClosedFirst::Server)), "{port}");
    }
    for port in 42001..=42006 {
        assert_eq!(outcome(port), Outcome::HalfClosed, "{port}");
        assert_eq!(ends(from(&report, port)), (State::FinWait2, State::CloseWait), "{port}");
        assert!(from(&report, port).endpoints.client.possible.has(State::Closed), "{port}: timed out unseen");
    }
    assert_eq!(outcome(40013), Outcome::Refused);
    assert_eq!(outcome(40014), Outcome::Unanswered);
    assert_eq!((outcome(40015), first(40015)), (Outcome::Reset, Some(ClosedFirst::Client)));
    assert_eq!((outcome(40016), first(40016)), (Outcome::Reset, Some(ClosedFirst::Server)));
    assert_eq!(outcome(40018), Outcome::Reset);
    assert_eq!(outcome(40020), Outcome::Open);
    assert!(from(&report, 40020).endpoints.client.possible.has(State::Closed));
}

#[test]
fn clean() {
    let report = analyse("clean.pcapng");
    assert_eq!(report.connections.len(), 12);
    for connection in &report.connections {
        let by = if connection.server.port == 80 { ClosedFirst::Client } else { ClosedFirst::Server };
        assert_eq!((connection.outcome, connection.closed_first), (Outcome::Closed, Some(by)), "{}", connection.client);
    }
}

#[test]
fn leak() {
    let report = analyse("leak.pcap");
    assert_eq!(report.connections.len(), 24);
    let mut servers: BTreeMap<(u16, State), usize> = BTreeMap::new();
    for connection in &report.connections {
        *servers.entry((connection.server.port, connection.endpoints.server.state)).or_default() += 1;
    }
    assert_eq!(servers[&(80, State::CloseWait)], 4);
    assert_eq!(servers[&(80, State::Closed)], 4);
}

#[test]
fn accept_queue() {
    let report = analyse("accept_queue.pcap");
    let states = |port| ends(from(&report, port));
    for port in [40001, 40002, 40003] {
        assert_eq!(states(port), (State::Established, State::Established), "{port}");
    }
    for port in [40004, 40005] {
        // A server that drops the last ACK of a handshake looks like one that is gone.
        assert_eq!(states(port).0, State::Established, "{port}");
        assert!(from(&report, port).endpoints.server.possible.has(State::SynRcvd), "{port}");
    }
    assert_eq!(from(&report, 40006).outcome, Outcome::Unanswered);
    let found: Vec<(&str, Severity, u64)> = report
        .findings
        .iter()
        .filter(|f| f.severity >= Severity::Note)
        .map(|f| (f.name, f.severity, f.count))
        .collect();
    let expected = [("accept-queue-drops", 3), ("half-open-accept-overflow", 2), ("syn-unanswered", 1)];
    assert_eq!(found, expected.map(|(name, count)| (name, Severity::Warning, count)));
    let [drops, overflow] = [0, 1].map(|i| report.findings[i].message.as_str());
    assert!(drops.contains("1 of 6 attempts") && drops.contains("2 were not taken up"), "{drops}");
    // The server's host was not heard again, so that it may have died.
    assert!(
        [drops, overflow]
            .iter()
            .all(|m| m.ends_with("queue is full, or it is gone") || m.ends_with("queues are full, or it is gone"))
    );
}

#[test]
fn time_wait() {
    let report = analyse("time_wait.pcap.gz");
    assert_eq!(report.connections.len(), 300);
    assert_eq!(report.summary.final_states.client[&State::TimeWait], 300);
}

#[test]
fn loss() {
    for name in ["loss_client.pcap", "loss_server.pcap"] {
        let report = analyse(name);
        assert_eq!(report.connections.len(), 12, "{name}");
        assert!(report.connections.iter().all(|c| c.outcome == Outcome::Closed), "{name}");
    }
}

#[test]
fn simultaneous() {
    let report = analyse("simultaneous.pcap");
    assert_eq!(report.connections.len(), 1);
    let connection = &report.connections[0];
    assert_eq!(connection.closed_first, Some(ClosedFirst::Both));
    for end in [&connection.endpoints.client, &connection.endpoints.server] {
        let states: Vec<_> = end.history.iter().map(|entry| entry.state).collect();
        let closing = [State::FinWait1, State::Closing, State::TimeWait];
        assert_eq!(states, [&[State::SynSent, State::SynRcvd, State::Established], &closing[..]].concat());
    }
}
