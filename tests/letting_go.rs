//! Where there are many connections those that are settled are let go as the capture is read: the report says the same as
//! when all are kept to its end, in less memory.

use std::collections::BTreeMap;
use std::io::Cursor;

use serde_json::Value;
use tcpstate::analyze::{Analysis, Finish, Options, Past, Wanted};
use tcpstate::decode::{Bundle, Decoder};
use tcpstate::diff::Sample;
use tcpstate::policy::Policy;
use tcpstate::policy::judge::Hearing;
use tcpstate::render::events::Events;
use tcpstate::render::{Format, RenderOptions};
use tcpstate::report::{Connection, Report};
use tcpstate::snapshot::{Counting, Moment, Sockets};
use tcpstate::source::{self, Source};
use tcpstate::time::{Span, Time};

mod common;
#[path = "common/traffic.rs"]
mod traffic;

/// How many connections were let go, and how many there were at most.
#[derive(Debug)]
struct Kept {
    gone: usize,
    most: usize,
}

fn look(finish: &mut Finish<'_>, connections: &mut Vec<Connection>) {
    hear(finish, &mut |connection, _| connections.push(connection));
}

/// Gives each connection to `take`, with the time up to which the capture was read.
fn hear(finish: &mut Finish<'_>, take: &mut impl FnMut(Connection, Option<Time>)) -> usize {
    let (end, mut count) = (finish.capture().last, 0);
    while let Some(stretch) = finish.next(Wanted { connections: true, ..Wanted::default() }) {
        count += stretch.connections.len();
        stretch.connections.into_iter().for_each(|connection| take(connection, end));
    }
    count
}

/// The report on a capture of which connections are let go when there are `bound`; `bundled` packets are taken together.
fn report(source: Box<dyn Source>, bound: usize, bundled: u64) -> (Report, Kept) {
    let mut connections = Vec::new();
    let (finish, kept) = heard(source, bound, bundled, |connection, _| connections.push(connection));
    (finish.report(connections), kept)
}

/// The same, of which `take` takes the connections.
fn heard(
    mut source: Box<dyn Source>,
    bound: usize,
    bundled: u64,
    mut take: impl FnMut(Connection, Option<Time>),
) -> (Finish<'static>, Kept) {
    let mut analysis = Analysis::new(Options::default()).bounded(bound);
    let (mut decoder, mut bundle) = (Decoder::new(), Bundle::default());
    let (mut past, mut gone, mut most) = (Past::default(), 0, 0);
    loop {
        let packet = source.next();
        let ended = packet.is_none();
        if let Some(packet) = packet {
            bundle.packet(&mut decoder, &packet);
        }
        if bundle.packets() < bundled && !ended {
            continue;
        }
        let mut from = 0;
        while let Some(next) = analysis.bundle_until_due(&bundle, from) {
            most = most.max(analysis.tracker().len());
            if let Some(mut finish) = analysis.settled(&mut past) {
                gone += hear(&mut finish, &mut take);
                past = finish.past();
            }
            analysis.let_go(&mut past);
            from = next;
        }
        bundle.clear();
        if ended {
            break;
        }
    }
    let kept = Kept { gone, most: most.max(analysis.tracker().len()) };
    analysis.decoded_by(decoder);
    let mut finish = analysis.ended_after(past, source.files());
    hear(&mut finish, &mut take);
    (finish, kept)
}

/// Each connection by its first packet. Until when at the latest something was not disproved depends on how long it was
/// waited for.
fn connections(report: &Report) -> BTreeMap<u64, Value> {
    let mut all = BTreeMap::new();
    for connection in &report.connections {
        let mut value = serde_json::to_value(connection).expect("JSON");
        for side in ["client", "server"] {
            let history = value.pointer_mut(&format!("/endpoints/{side}/history")).and_then(Value::as_array_mut);
            for step in history.into_iter().flatten().filter_map(Value::as_object_mut) {
                step.remove("latest");
            }
        }
        all.insert(connection.first_packet, value);
    }
    all
}

/// The rest of the report; where connections are let go, peaks are counted at moments.
fn rest(report: &Report) -> Value {
    let mut summary = report.summary.clone();
    summary.peak_states = Default::default();
    serde_json::to_value((&report.capture, summary, &report.findings, &report.rollups)).expect("JSON")
}

fn compare(name: &str, open: impl Fn() -> Box<dyn Source>, bound: usize) -> Kept {
    let (let_go, kept) = report(open(), bound, 1);
    if kept.gone == 0 {
        return kept;
    }
    let (whole, _) = report(open(), usize::MAX, 1);
    let (a, b) = (connections(&whole), connections(&let_go));
    assert_eq!(a.len(), b.len(), "{name}");
    for (packet, connection) in &a {
        assert_eq!(Some(connection), b.get(packet), "{name}: the connection from packet {packet} on");
    }
    assert_eq!(rest(&whole), rest(&let_go), "{name}");
    let (bundled, _) = report(open(), bound, 100);
    let text = |report: &Report| serde_json::to_string(report).expect("JSON");
    assert_eq!(text(&bundled), text(&let_go), "{name}: it does not matter how packets are bundled");
    kept
}

/// Generated traffic, slowed down so that it takes some minutes.
fn slow(shape: traffic::Shape, size: usize) -> Vec<u8> {
    let mut frames = traffic::traffic(shape, size);
    let begin = frames.first().expect("frames").time;
    frames.iter_mut().for_each(|frame| frame.time = begin + (frame.time - begin) * 100);
    traffic::pcap(&frames)
}

#[test]
fn memory_follows_the_connections_that_are_not_over() {
    for shape in [traffic::Shape::Web, traffic::Shape::Churn] {
        let bytes = slow(shape, 8_000);
        let open = || source::open_reader("made", Box::new(Cursor::new(bytes.clone()))).expect("a capture");
        let kept = compare("made", open, 500);
        assert!(kept.gone > 4_000 && kept.most < 4_000, "{kept:?}");
    }
}

#[test]
fn real_captures_are_told_alike() {
    let Some(corpus) = common::corpus() else { return };
    let mut all = Vec::new();
    common::captures(&corpus, &mut all);
    let mut gone = 0;
    for path in all {
        if source::open(std::slice::from_ref(&path)).is_err() {
            continue;
        }
        let open = || source::open(std::slice::from_ref(&path)).expect("it can be opened");
        gone += compare(&path.display().to_string(), open, 1).gone;
    }
    assert!(gone > 50, "only {gone} connections were let go");
}

#[test]
fn at_the_end_connections_are_let_go_in_rounds() {
    let bytes = traffic::pcap(&traffic::traffic(traffic::Shape::Web, 9_000));
    let open = || source::open_reader("made", Box::new(Cursor::new(bytes.clone()))).expect("a capture");
    let (whole, _) = report(open(), usize::MAX, 1);

    let (mut source, mut analysis) = (open(), Analysis::new(Options::default()));
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    let mut finish = analysis.ended_after(Past::default(), source.files()).in_rounds(1);
    let (mut all, mut rounds) = (Vec::new(), 1);
    look(&mut finish, &mut all);
    while finish.has_more_rounds() {
        let latest = all.last().expect("connections of this round").id;
        assert!(finish.connection(latest).is_some());
        finish.next_round();
        assert!(finish.connection(latest).is_none(), "it is gone");
        look(&mut finish, &mut all);
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    let text = |report: &Report| serde_json::to_string(report).expect("JSON");
    assert_eq!(text(&finish.report(all)), text(&whole));
}

/// Rules that fail, pass and cannot be told, of findings and of connections, together and by service.
const POLICY: &str = r#"
version = 1
[[limit]]
name = "no resets"
finding = "rst-abort"
max = 0
each = "service"
[[limit]]
name = "no trouble"
severity = "warning"
max = "5%"
[[expect]]
name = "closed"
outcome = "closed"
at-least = "99%"
[[expect]]
name = "short"
where = "server port 443"
handshake = { p95 = "1ms" }
time-in = { state = "ESTABLISHED", p50 = "1s" }
[[allow]]
rule = "closed"
where = "server port 80"
reason = "tried elsewhere"
"#;

#[test]
fn policies_comparisons_events_and_snapshots_are_the_same_where_connections_are_let_go() {
    let policy = Policy::read("made", POLICY).expect("a policy");
    for shape in [traffic::Shape::Web, traffic::Shape::Churn] {
        let bytes = slow(shape, 8_000);
        let told = |bound| {
            let source = source::open_reader("made", Box::new(Cursor::new(bytes.clone()))).expect("a capture");
            let mut hearing = Hearing::new(&policy, "2026-01-01".parse().expect("a day"));
            let (mut sample, mut events, mut lines) = (Sample::default(), Events::default(), Vec::new());
            let begin = Time(traffic::START);
            let mut counting = Counting::new(begin, Span::secs(7), 1_000);
            let mut sockets = Sockets::new(Moment::Time(begin + Span::secs(20)), begin);
            let (finish, kept) = heard(source, bound, 100, |connection, end| {
                hearing.take(&connection, end);
                sample.take(&connection);
                events.take(&connection);
                counting.take(&connection, end.expect("packets"));
                sockets.take(&connection);
            });
            let report = finish.report(Vec::new());
            sample.complete(&report);
            sample.servers.values_mut().flat_map(|to| to.took.values_mut()).for_each(|spans| spans.sort_unstable());
            events.render(Format::Ndjson, &RenderOptions::default(), &mut lines).expect("memory");
            let (series, rows) = (counting.finish(report.capture.last.expect("packets")), sockets.finish());
            assert!(series.samples.len() > 5 && rows.len() > 100, "{} {}", series.samples.len(), rows.len());
            let shown = serde_json::to_string(&(series, rows)).expect("JSON");
            (kept.gone, format!("{:?}", hearing.judgement(&report)), sample, lines, shown)
        };
        let ((none, whole, all, lines, shown), (gone, judged, sample, later, alike)) = (told(usize::MAX), told(500));
        assert!(none == 0 && gone > 4_000, "{gone}");
        assert!(shown == alike, "the same sockets, and the same numbers of them");
        assert!(lines == later, "transitions in the same order");
        assert_eq!(judged, whole);
        assert_eq!(sample, all);
    }
}
