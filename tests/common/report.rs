//! Hand-made reports: a capture of 3,000 connections with every outcome, state, grade of evidence and some findings.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::json;

use tcpstate::report::course::Course;
use tcpstate::report::{
    Anomaly, Capture, ClosedFirst, Connection, Ending, Endpoint, Entry, Finding, Origin, Outcome, PerSide, Report,
    Role, SCHEMA, Severity, Side, TimeInState, Timing, Tool, rollup, totals,
};
use tcpstate::segment::Socket;
use tcpstate::source::FileInfo;
use tcpstate::time::{Span, Time};
use tcpstate::tracker::{Evidence, State, States};

use Evidence::{Assumed, Confirmed, Inferred, Sent, Timer};
use State::{CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRcvd, SynSent, TimeWait};

/// First packet of every hand-made capture: 2023-11-14 22:13:20 UTC.
pub const START: Time = Time(1_700_000_000_000_000_000);

/// Last packet: ten minutes later.
pub const END: Time = Time(START.0 + 600_000_000_000);

/// One step of a history: nanoseconds after the connection's first packet, state, cause, evidence.
pub type Step = (i64, State, &'static str, Evidence);

const MS: i64 = 1_000_000;
const S: i64 = 1_000_000_000;

/// An endpoint that went through `steps`.
pub fn endpoint(first: Time, first_packet: u64, from: State, steps: &[Step]) -> Endpoint {
    let mut history: Vec<Entry> = Vec::new();
    let mut before = from;
    for (i, (offset, state, cause, evidence)) in steps.iter().enumerate() {
        history.push(Entry {
            time: first + Span(*offset),
            captured: None,
            latest: None,
            from: before,
            state: *state,
            packet: (*evidence != Timer).then_some(first_packet + i as u64),
            deduced: false,
            cause,
            evidence: *evidence,
            proven_by: (*evidence == Confirmed).then_some(first_packet + i as u64 + 1),
            seen_at: None,
            other_tap: None,
            rule: if *evidence == Timer { "Linux TCP_TIMEWAIT_LEN" } else { "RFC 9293 3.10.7.4" },
        });
        before = *state;
    }
    let mut time_in_state = TimeInState::default();
    for (i, entry) in history.iter().enumerate() {
        let until = history.get(i + 1).map_or(END, |next| next.time);
        time_in_state.add(entry.state, until - entry.time);
    }
    let evidence = history.last().map_or(Assumed, |entry| entry.evidence);
    let possible = States::of(&[before]);
    Endpoint { state: before, possible, evidence, history, retracted: Vec::new(), time_in_state, sent: None }
}

/// A connection between two hosts of a made-up network with the histories given.
pub fn connection(id: u64, first: Time, outcome: Outcome, client: &[Step], server: &[Step]) -> Connection {
    let first_packet = id * 16 - 15;
    let client = endpoint(first, first_packet, Closed, client);
    let server = endpoint(first, first_packet, Listen, server);
    let last = [&client, &server]
        .iter()
        .filter_map(|e| e.history.iter().rfind(|e| e.evidence != Timer))
        .map(|e| e.time)
        .max()
        .unwrap_or(first);
    let [asked, answered] = [&client, &server].map(Course::shown);
    let reset_by = Ending::by(outcome, &asked, &answered).reset_by;
    let handshake = outcome != Outcome::Unanswered && outcome != Outcome::Refused;
    Connection {
        id,
        client: Socket { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), port: 40_000 + (id % 20_000) as u16 },
        server: Socket { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 1, 2)), port: 8080 },
        incarnation: 1,
        origin: Origin::Handshake,
        role: Role::Observed,
        scope: Vec::new(),
        first,
        last,
        first_packet,
        last_packet: first_packet + 15,
        packets: PerSide { client: 8, server: 8 },
        bytes: PerSide { client: 300, server: 70_300 },
        outcome,
        closed_first: None,
        reset_by,
        endpoints: PerSide { client, server },
        timing: if handshake {
            Timing {
                syn_to_synack: Some(Span::millis(12)),
                synack_to_ack: Some(Span::micros(110)),
                handshake: Some(Span::micros(12_110)),
                ..Timing::default()
            }
        } else {
            Timing::default()
        },
        path: None,
        anomalies: Vec::new(),
    }
}

fn anomaly(code: &'static str, name: &'static str, severity: Severity, side: Option<Side>, c: &Connection) -> Anomaly {
    Anomaly {
        code,
        name,
        severity,
        endpoint: side,
        time: c.last,
        packet: Some(c.last_packet),
        message: match name {
            "close-wait-stuck" => "server has been in CLOSE_WAIT for at least 9 min: it never closes".to_owned(),
            "rst-abort" => "server aborted with 70.3 kB on the way".to_owned(),
            "syn-unanswered" => "6 SYNs in 31 s, no answer".to_owned(),
            _ => "data was sent again".to_owned(),
        },
        facts: BTreeMap::from([("for_at_least", json!(540.0))]),
    }
}

/// The connection of number `id`: which kind follows from the number alone.
pub fn nth(id: u64) -> Connection {
    let first = START + Span((id as i64) * 20 * MS);
    let open = [(0, SynSent, "sent SYN", Sent), (12 * MS, Established, "received SYN-ACK", Confirmed)];
    let accept = [(0, SynRcvd, "received SYN", Confirmed), (12 * MS, Established, "received ACK", Confirmed)];
    let with = |head: &[Step], tail: &[Step]| [head, tail].concat();
    let kind = id % 100;
    let mut c = match kind {
        0..=3 => {
            let client = with(
                &open,
                &[(3_200 * MS, FinWait1, "sent FIN", Sent), (3_204 * MS, FinWait2, "received ACK of FIN", Confirmed)],
            );
            let server = with(&accept, &[(3_200 * MS, CloseWait, "received FIN", Confirmed)]);
            connection(id, first, Outcome::HalfClosed, &client, &server)
        }
        4..=8 => {
            let client = with(&open, &[(900 * MS, Closed, "received RST", Inferred)]);
            let server = with(&accept, &[(900 * MS, Closed, "sent RST", Sent)]);
            connection(id, first, Outcome::Reset, &client, &server)
        }
        9 => connection(
            id,
            first,
            Outcome::Refused,
            &[(0, SynSent, "sent SYN", Sent), (MS, Closed, "received RST", Inferred)],
            &[],
        ),
        10 => connection(id, first, Outcome::Unanswered, &[(0, SynSent, "sent SYN", Sent)], &[]),
        11 => connection(id, first, Outcome::HalfOpen, &open[..1], &[(0, SynRcvd, "received SYN", Confirmed)]),
        12 => {
            let client = with(
                &open,
                &[
                    (5 * S, FinWait1, "sent FIN", Sent),
                    (5 * S + 40, Closing, "received FIN", Confirmed),
                    (5 * S + 2 * MS, TimeWait, "received ACK of FIN", Inferred),
                ],
            );
            let server = with(
                &accept,
                &[
                    (5 * S, FinWait1, "sent FIN", Sent),
                    (5 * S + 40, Closing, "received FIN", Confirmed),
                    (5 * S + 2 * MS, TimeWait, "received ACK of FIN", Inferred),
                ],
            );
            connection(id, first, Outcome::Closed, &client, &server)
        }
        13 => {
            let client =
                with(&open, &[(5 * S, CloseWait, "received FIN", Confirmed), (6 * S, LastAck, "sent FIN", Sent)]);
            let server = with(
                &accept,
                &[(5 * S, FinWait1, "sent FIN", Sent), (5 * S + 300_000, FinWait2, "received ACK of FIN", Inferred)],
            );
            connection(id, first, Outcome::Closed, &client, &server)
        }
        14..=19 => connection(id, first, Outcome::Open, &open, &accept),
        20 => connection(
            id,
            first,
            Outcome::Open,
            &[(0, Established, "its data was acknowledged", Assumed)],
            &[(0, Established, "sent data", Assumed)],
        ),
        21 => connection(id, first, Outcome::Unknown, &[], &[(0, Established, "sent data", Assumed)]),
        _ => {
            let span = 40 * MS * (1 + (id as i64 * 7_919) % 97);
            let client = with(
                &open,
                &[
                    (12 * MS + span, FinWait1, "sent FIN", Sent),
                    (13 * MS + span, FinWait2, "received ACK of FIN", Confirmed),
                    (14 * MS + span, TimeWait, "received FIN", Confirmed),
                    (14 * MS + span + 60 * S, Closed, "2MSL over", Timer),
                ],
            );
            let server = with(
                &accept,
                &[
                    (12 * MS + span, CloseWait, "received FIN", Confirmed),
                    (14 * MS + span, LastAck, "sent FIN", Sent),
                    (26 * MS + span, Closed, "received ACK of FIN", Inferred),
                ],
            );
            connection(id, first, Outcome::Closed, &client, &server)
        }
    };
    dress(&mut c, kind);
    c
}

/// What differs between kinds beside the histories.
fn dress(c: &mut Connection, kind: u64) {
    match kind {
        0..=3 => {
            c.closed_first = Some(ClosedFirst::Client);
            c.anomalies.push(anomaly("C01", "close-wait-stuck", Severity::Error, Some(Side::Server), c));
        }
        4..=8 => {
            c.closed_first = Some(ClosedFirst::Server);
            c.server.port = 5432;
            c.anomalies.push(anomaly("R01", "rst-abort", Severity::Warning, Some(Side::Server), c));
            c.anomalies.push(anomaly("L01", "retransmissions", Severity::Note, Some(Side::Client), c));
        }
        9 => {
            c.server.port = 9;
            c.packets = PerSide { client: 1, server: 1 };
            c.bytes = PerSide::default();
        }
        10 => {
            c.server = Socket {
                addr: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x85a3, 0, 0, 0x8a2e, 0x370, 0x7334)),
                port: 443,
            };
            c.client.addr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
            c.packets = PerSide { client: 6, server: 0 };
            c.bytes = PerSide::default();
            c.last = c.first + Span::secs(31);
            c.anomalies.push(anomaly("O01", "syn-unanswered", Severity::Warning, Some(Side::Client), c));
        }
        11 => c.bytes = PerSide::default(),
        12 => c.closed_first = Some(ClosedFirst::Both),
        13 => c.closed_first = Some(ClosedFirst::Server),
        14 => {
            c.scope = vec!["vlan 7".to_owned(), "vxlan 42".to_owned()];
            c.incarnation = 2;
            c.bytes = PerSide { client: 1_200, server: 4_200_000_000 };
        }
        20 | 21 => {
            c.origin = Origin::Midstream;
            c.role = Role::Guessed;
            c.timing = Timing::default();
            if kind == 21 {
                c.packets.client = 0;
                c.bytes.client = 0;
                c.endpoints.client.state = Established;
                c.endpoints.client.possible = States::of(&[Established, CloseWait]);
            }
        }
        22.. => c.closed_first = Some(ClosedFirst::Client),
        _ => {}
    }
}

fn findings(connections: &[Connection]) -> Vec<Finding> {
    let group = |name: &'static str| -> Vec<&Connection> {
        connections.iter().filter(|c| c.anomalies.iter().any(|a| a.name == name)).collect()
    };
    let finding = |code, name, severity, message: &str, advice| {
        let group = group(name);
        Finding {
            code,
            name,
            severity,
            count: group.len() as u64,
            message: message.to_owned(),
            advice,
            connections: group.iter().take(10).map(|c| c.id).collect(),
            packets: group.iter().take(10).map(|c| c.last_packet).collect(),
            facts: BTreeMap::new(),
        }
    };
    vec![
        finding(
            "C01",
            "close-wait-stuck",
            Severity::Error,
            "10.0.1.2:8080 holds connections in CLOSE_WAIT, the longest for at least 9 min: the client closed, the server's application does not",
            "find what in the application keeps the socket: a leaked response, a blocked thread, a pool without eviction; `ss -tanp state close-wait` names the process",
        ),
        finding(
            "R01",
            "rst-abort",
            Severity::Warning,
            "10.0.1.2:5432 aborts connections with data on the way",
            "look for unread data at close, SO_LINGER 0 or a crash in the server",
        ),
        finding(
            "O01",
            "syn-unanswered",
            Severity::Warning,
            "[2001:db8:85a3::8a2e:370:7334]:443 never answers",
            "firewall drop, dead host, wrong route, or a full accept queue",
        ),
        finding("L01", "retransmissions", Severity::Note, "data was sent again", ""),
    ]
}

/// A report of the connections given, in a capture that has some gaps.
pub fn report_of(connections: Vec<Connection>) -> Report {
    let n = connections.len() as u64;
    let findings: Vec<Finding> = findings(&connections).into_iter().filter(|f| f.count > 0).collect();
    Report {
        schema: SCHEMA,
        tool: Tool { name: "tcpstate", version: "0.1.0" },
        capture: Capture {
            files: vec![FileInfo {
                name: "trace.pcapng".to_owned(),
                format: "pcapng".to_owned(),
                link_type: "ETHERNET".to_owned(),
                packets: n * 16 + 211,
                dropped: Some(1_203),
                cut: 1_000,
                snap_len: Some(96),
                problem: None,
                until: None,
                unreadable: false,
            }],
            packets: n * 16 + 211,
            tcp_segments: n * 16,
            undecoded: 3,
            first: Some(START),
            last: Some(END),
            ..Capture::default()
        },
        timing: tcpstate::report::Tables::default(),
        summary: totals::summary(&connections, 0),
        rollups: rollup::rollups(&connections, &findings),
        connections,
        findings,
        untold: Vec::new(),
        left_out: Vec::new(),
    }
}

/// Three thousand connections of every kind.
pub fn large() -> Report {
    report_of((1..=3_000).map(nth).collect())
}

/// One closed connection, nothing missing.
pub fn small() -> Report {
    let mut report = report_of(vec![nth(22)]);
    report.capture.undecoded = 0;
    report.capture.files[0].dropped = Some(0);
    report.capture.files[0].snap_len = None;
    report.capture.files[0].cut = 0;
    report
}

/// Nothing at all.
pub fn empty() -> Report {
    let mut report = report_of(Vec::new());
    report.capture =
        Capture { files: vec![FileInfo { name: "-".to_owned(), ..FileInfo::default() }], ..Capture::default() };
    report
}
