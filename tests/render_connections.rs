//! Lines are written by hand; `serde_json` says what the bytes must be.

#[path = "common/analysis.rs"]
mod analysis;
mod common;
#[path = "common/report.rs"]
mod report;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use tcpstate::analyze::Options;
use tcpstate::render::ndjson::{Line, Writer};
use tcpstate::render::pen::Lines;
use tcpstate::report::timing::{Blame, Distribution, GapEnd, Idle, IdleGap, Known, RoundTrips, Stops};
use tcpstate::report::vantage::{Basis, Vantage};
use tcpstate::report::{
    Anomaly, ClosedFirst, Connection, Direction, Endpoint, Entry, Origin, OtherTap, Outcome, PerSide, Report, ResetBy,
    Role, Severity, Side, Timing,
};
use tcpstate::segment::Socket;
use tcpstate::time::{Span, Time};
use tcpstate::tracker::rules::RULES;
use tcpstate::tracker::{Evidence, State, States};

fn check(lines: &mut Lines, c: &Connection) {
    let object = serde_json::to_string(c).expect("a connection can be serialised");
    lines.clear();
    lines.connection(c);
    assert_eq!(std::str::from_utf8(lines.written()), Ok(object.as_str()));
    lines.clear();
    lines.line(c);
    let line = format!("{{\"type\":\"connection\",{}\n", &object[1..]);
    assert_eq!(std::str::from_utf8(lines.written()), Ok(line.as_str()));
}

/// The lines behind those of the connections.
fn check_rest(report: &Report) {
    let Report { findings, rollups, timing, summary, .. } = report;
    let mut lines: Vec<Line<'_>> = findings.iter().map(Line::Finding).collect();
    lines.push(Line::Rollup { of: "host", rolled: &rollups.hosts });
    lines.push(Line::Rollup { of: "service", rolled: &rollups.services });
    lines.extend([Line::Timing(timing), Line::Summary(summary)]);
    let lines = lines.iter().map(|line| serde_json::to_string(line).expect("a line can be serialised") + "\n");
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written);
    writer.rest(report).expect("there is room in memory");
    writer.flush().expect("there is room in memory");
    assert_eq!(String::from_utf8(written), Ok(lines.collect::<String>()));
}

fn analyse(file: &Path) -> Option<Report> {
    analysis::of_file(file, Options { retracted: true, ..Options::default() }).ok()
}

/// How many connections of the captures in `folder` are written alike.
fn folder(folder: &Path) -> usize {
    let mut lines = Lines::default();
    let mut checked = 0;
    for path in common::files(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if (name.contains(".pcap") || name.contains(".cap"))
            && let Some(report) = analyse(&path)
        {
            check_rest(&report);
            report.connections.iter().for_each(|c| check(&mut lines, c));
            checked += report.connections.len();
        }
    }
    checked
}

#[test]
fn bundled_captures_are_written_alike() {
    assert!(folder(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")) > 50);
}

#[test]
fn captures_of_others_are_written_alike() {
    for captures in [common::corpus(), common::truth()].into_iter().flatten() {
        assert!(folder(&captures) > 50, "{}", captures.display());
    }
}

#[test]
fn reports_made_by_hand_are_written_alike() {
    let mut lines = Lines::default();
    report::large().connections.iter().for_each(|c| check(&mut lines, c));
}

#[test]
fn nothing_in_causes_and_rules_needs_an_escape() {
    for rule in RULES {
        for text in [rule.event.cause(), rule.section] {
            assert_eq!(json!(text).to_string(), format!("\"{text}\""));
        }
    }
}

/// Small, middling and large numbers.
fn number() -> BoxedStrategy<u64> {
    (any::<u64>(), 0_u32..64).prop_map(|(n, shift)| n >> shift).boxed()
}

fn span() -> BoxedStrategy<Span> {
    prop_oneof![
        3 => (0_i64..20_000_000_000).prop_map(Span),
        1 => Just(Span(0)),
        1 => (any::<i64>(), 0_u32..64).prop_map(|(n, shift)| Span(n >> shift)),
    ]
    .boxed()
}

fn time() -> BoxedStrategy<Time> {
    prop_oneof![
        4 => (0_i64..9_000_000_000).prop_map(|n| Time(1_700_000_000_000_000_000 + n)),
        1 => any::<i64>().prop_map(Time),
        1 => (0_i64..2_000_000_000_000_000_000).prop_map(Time),
    ]
    .boxed()
}

fn sides<T: std::fmt::Debug + 'static>(of: BoxedStrategy<T>) -> BoxedStrategy<PerSide<T>> {
    (of.clone(), of).prop_map(|(client, server)| PerSide { client, server }).boxed()
}

fn known<T: std::fmt::Debug + 'static>(of: BoxedStrategy<T>) -> BoxedStrategy<Known<T>> {
    (option::of(of.clone()), option::of(of)).prop_map(|(client, server)| Known { client, server }).boxed()
}

fn state() -> BoxedStrategy<State> {
    select(State::ALL.to_vec()).boxed()
}

fn side() -> BoxedStrategy<Side> {
    select(vec![Side::Client, Side::Server]).boxed()
}

fn socket() -> BoxedStrategy<Socket> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(addr, port)| Socket { addr, port }).boxed()
}

fn entry() -> BoxedStrategy<Entry> {
    let times = (time(), option::of(time()), option::of(time()));
    let packets = (option::of(number()), option::of(number()), option::of((number(), time())));
    let words = (select(RULES.iter().collect::<Vec<_>>()), select(Evidence::ALL.to_vec()), option::of(side()));
    (times, (state(), state(), any::<bool>()), packets, words)
        .prop_map(|(times, (from, state, deduced), packets, words)| Entry {
            time: times.0,
            latest: times.1,
            captured: times.2,
            from,
            state,
            packet: packets.0,
            deduced,
            cause: words.0.event.cause(),
            evidence: words.1,
            proven_by: packets.1,
            seen_at: words.2,
            other_tap: packets.2.map(|(packet, time)| OtherTap { packet, time }),
            rule: words.0.section,
        })
        .boxed()
}

fn endpoint() -> BoxedStrategy<Endpoint> {
    let entries = || vec(entry(), 0..4);
    let states = (state(), vec(state(), 0..4), select(Evidence::ALL.to_vec()));
    (states, entries(), entries(), vec((state(), span()), 0..5))
        .prop_map(|(states, history, retracted, times)| Endpoint {
            state: states.0,
            possible: States::of(&states.1),
            evidence: states.2,
            history,
            retracted,
            time_in_state: times.into_iter().collect(),
            sent: None,
        })
        .boxed()
}

fn distribution() -> BoxedStrategy<Distribution> {
    let spans = prop_oneof![(span(), 1_usize..9).prop_map(|(span, _)| [span; 8]), prop::array::uniform8(span())];
    (number(), spans, option::of(any::<f64>()))
        .prop_map(|(n, spans, error)| {
            let [min, p50, p90, p95, p99, max, mean, stddev] = spans;
            Distribution { n, min, p50, p90, p95, p99, max, mean, stddev, error, shape: vec![1, 2] }
        })
        .boxed()
}

fn stops() -> BoxedStrategy<Stops> {
    let some = (number(), span(), span(), any::<bool>());
    let some = some.prop_map(|(count, total, longest, open)| Stops { count, total, longest, open });
    prop_oneof![Just(Stops::default()), some].boxed()
}

fn idle() -> BoxedStrategy<Idle> {
    let by = select(vec![GapEnd::Data, GapEnd::Fin, GapEnd::Rst, GapEnd::Nothing]);
    let gap = (time(), span(), sides(state()), number(), by, option::of(side())).prop_map(
        |(start, length, states, probes, ended_by, by)| IdleGap { start, length, states, probes, ended_by, by },
    );
    let some = (number(), span(), span(), vec(gap, 0..3));
    let some = some.prop_map(|(count, total, longest, gaps)| Idle { count, total, longest, gaps });
    prop_oneof![Just(Idle::default()), some].boxed()
}

fn blame() -> BoxedStrategy<Blame> {
    prop::array::uniform9(span())
        .prop_map(|spans| {
            let [handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close] =
                spans;
            Blame { handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close }
        })
        .boxed()
}

fn timing() -> BoxedStrategy<Timing> {
    let maybe = || option::of(span());
    let two = || option::of(prop::array::uniform2(span()));
    let trips = (option::of(distribution()), number(), number())
        .prop_map(|(samples, excluded, rescued)| RoundTrips { samples, excluded, rescued })
        .boxed();
    let handshake = (maybe(), maybe(), maybe(), two(), two(), number(), number());
    let opening = (maybe(), maybe(), maybe(), maybe(), maybe(), any::<bool>());
    let vantages = select(vec![Vantage::Client, Vantage::Server, Vantage::Middle]);
    let bases = select(vec![Basis::Given, Basis::Handshake, Basis::RoundTrips, Basis::HopCount]);
    let slowest = select(Blame::default().parts().map(|(name, _)| name).to_vec());
    let words = (option::of(vantages), option::of(bases), option::of(slowest));
    let turns = prop::array::uniform4(option::of(distribution()));
    let stands = (number(), number(), idle(), sides(stops()), sides(stops()), blame());
    let pair = prop::array::uniform2(span()).boxed();
    let closing = (known(span()), known(pair), maybe(), maybe(), known(span()));
    (handshake, opening, words, sides(trips), turns, stands, closing)
        .prop_map(|(handshake, opening, words, rtt, turns, stands, closing)| {
            let [ttfb, server_think, response, client_think] = turns;
            Timing {
                syn_to_synack: handshake.0,
                synack_to_ack: handshake.1,
                handshake: handshake.2,
                syn_to_synack_between: handshake.3,
                synack_to_ack_between: handshake.4,
                syn_retries: handshake.5,
                synack_retries: handshake.6,
                syn_retry_delay: opening.0,
                connect_delay: opening.1,
                server_ready: opening.2,
                refused_after: opening.3,
                vantage: words.0,
                vantage_by: words.1,
                rtt,
                first_request: opening.4,
                server_greets: opening.5,
                ttfb,
                server_think,
                response,
                client_think,
                turns_excluded: stands.0,
                clamped: stands.1,
                idle: stands.2,
                zero_window: stands.3,
                stalls: stands.4,
                fin_to_ack: closing.0,
                fin_to_ack_between: closing.1,
                fin_to_fin: closing.2,
                close_duration: closing.3,
                last_data_to_fin: closing.4,
                blame: stands.5,
                slowest: words.2,
            }
        })
        .boxed()
}

fn fact() -> BoxedStrategy<Value> {
    let one = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        number().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    one.prop_recursive(2, 8, 3, |one| vec(one, 0..3).prop_map(Value::from)).boxed()
}

fn anomaly() -> BoxedStrategy<Anomaly> {
    let severity = select(vec![Severity::Info, Severity::Note, Severity::Warning, Severity::Error]);
    let facts = btree_map(select(vec!["bytes", "for_at_least", "a \"quoted\" one"]), fact(), 0..4);
    (severity, option::of(side()), time(), option::of(number()), any::<String>(), facts)
        .prop_map(|(severity, endpoint, time, packet, message, facts)| Anomaly {
            code: "C01",
            name: "close-wait-stuck",
            severity,
            endpoint,
            time,
            packet,
            message,
            facts,
        })
        .boxed()
}

fn direction() -> BoxedStrategy<Direction> {
    prop::array::uniform6(number())
        .prop_map(|[sent, arrived, lost, undecided, repeated, unseen]| Direction {
            sent,
            arrived,
            lost,
            undecided,
            repeated,
            unseen,
        })
        .boxed()
}

fn connection() -> BoxedStrategy<Connection> {
    let identity = (number(), socket(), socket(), any::<u32>(), vec(any::<String>(), 0..3));
    let origin = (select(vec![Origin::Handshake, Origin::Midstream]), select(vec![Role::Observed, Role::Guessed]));
    let size = (time(), time(), number(), number(), sides(number()), sides(number()));
    let closers = select(vec![ClosedFirst::Client, ClosedFirst::Server, ClosedFirst::Both]);
    let resetters = select(vec![ResetBy::Client, ResetBy::Server, ResetBy::Between]);
    let fate = (select(Outcome::ALL.to_vec()), option::of(closers), option::of(resetters));
    let path = option::of(sides(direction()));
    (identity, origin, size, fate, sides(endpoint()), timing(), path, vec(anomaly(), 0..3))
        .prop_map(|(identity, origin, size, fate, endpoints, timing, path, anomalies)| Connection {
            id: identity.0,
            client: identity.1,
            server: identity.2,
            incarnation: identity.3,
            origin: origin.0,
            role: origin.1,
            scope: identity.4,
            first: size.0,
            last: size.1,
            first_packet: size.2,
            last_packet: size.3,
            packets: size.4,
            bytes: size.5,
            outcome: fate.0,
            closed_first: fate.1,
            reset_by: fate.2,
            endpoints,
            timing,
            path,
            anomalies,
        })
        .boxed()
}

proptest! {
    #[test]
    fn any_connection_is_written_alike(c in connection()) {
        check(&mut Lines::default(), &c);
    }
}
