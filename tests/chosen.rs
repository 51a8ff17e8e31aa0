//! A report about some of the connections, made as they pass: what `select` leaves of the report on all of them.

use std::io::Cursor;

use serde_json::Value;
use tcpstate::analyze::{Analysis, Finish, Options, Past, Wanted};
use tcpstate::decode::{Bundle, Decoder};
use tcpstate::filter::{self, select, select::select};
use tcpstate::report::{Connection, Report};
use tcpstate::source::{self, Source};

mod common;
#[path = "common/traffic.rs"]
mod traffic;

/// Filters that leave few, many, none and all.
const FILTERS: [&str; 7] = [
    "outcome reset",
    "severity >= warning",
    "visited TIME_WAIT and server port 443",
    "not outcome closed",
    "finding syn-unanswered or state CLOSE_WAIT",
    "host 192.0.2.254 and port 1",
    "tcp",
];

/// All packets taken; `due` lets go of connections when there are `bound`.
fn taken(mut source: Box<dyn Source>, bound: usize, mut due: impl FnMut(&mut Analysis)) -> (Analysis, Box<dyn Source>) {
    let mut analysis = Analysis::new(Options::default()).bounded(bound);
    let (mut decoder, mut bundle) = (Decoder::new(), Bundle::default());
    while let Some(packet) = source.next() {
        bundle.clear();
        bundle.packet(&mut decoder, &packet);
        let mut from = 0;
        while let Some(next) = analysis.bundle_until_due(&bundle, from) {
            due(&mut analysis);
            from = next;
        }
    }
    analysis.decoded_by(decoder);
    (analysis, source)
}

/// All but the time, which `select` leaves as it is; where connections are let go, peaks are counted at moments.
fn told(report: &Report, peaks: bool) -> Value {
    let mut summary = report.summary.clone();
    if !peaks {
        summary.peak_states = Default::default();
    }
    let (connections, findings) = (&report.connections, &report.findings);
    serde_json::to_value((&report.capture, connections, findings, &report.rollups, summary)).expect("JSON")
}

/// Findings that connections show by themselves, not only the capture as a whole.
fn of_connections(report: &Report) -> Value {
    let shown: Vec<_> = report.findings.iter().filter(|finding| select::group(finding).is_some()).collect();
    serde_json::to_value(shown).expect("JSON")
}

fn text(report: &Report) -> String {
    serde_json::to_string(report).expect("JSON")
}

/// The connections that `keep` wants, some at a time: in one part, or in two side by side.
fn look(finish: &mut Finish<'_>, keep: &(dyn Fn(&Connection) -> bool + Sync), halves: bool) -> Vec<Connection> {
    let wanted = Wanted { connections: true, only: Some(keep), ..Wanted::default() };
    let mut all = Vec::new();
    if halves && let Some(mut parts) = finish.halves(wanted) {
        let mut stretches = Vec::new();
        for (n, part) in parts.iter_mut().enumerate() {
            for turn in (n..).step_by(2) {
                if !finish.begin_turn(part) {
                    break;
                }
                let looked = std::iter::from_fn(|| finish.look(part, wanted));
                stretches.extend(looked.map(|stretch| (turn, stretch.connections)));
            }
        }
        stretches.sort_by_key(|(place, _)| *place);
        finish.add(parts);
        return stretches.into_iter().flat_map(|(_, connections)| connections).collect();
    }
    while let Some(stretch) = finish.next(wanted) {
        all.extend(stretch.connections);
    }
    all
}

/// Every filter on one capture. How many connections were chosen, all together.
fn compare(name: &str, open: impl Fn() -> Box<dyn Source>) -> usize {
    let mut chosen = 0;
    for text_of in FILTERS {
        let filter = filter::parse(text_of).expect("a filter");
        let keep = |c: &Connection| filter.matches(c);
        let (analysis, source) = taken(open(), usize::MAX, |_| {});
        let mut whole = analysis.finish(source.files());
        let (all, findings) = (whole.connections.len(), of_connections(&whole));
        select(&mut whole, keep);
        if text_of == "tcp" {
            assert_eq!(of_connections(&whole), findings, "{name}: where nothing is left out all count as before");
        }
        let (analysis, source) = taken(open(), usize::MAX, |_| {});
        let wanted = Wanted { only: Some(&keep), ..Wanted::default() };
        let some = analysis.finish_with(source.files(), wanted);
        assert_eq!(told(&some, true), told(&whole, true), "{name}: {text_of}");
        let timed = some.timing.all.connections;
        assert_eq!(timed, some.connections.len() as u64, "{name}: {text_of}: the time of those, and of no others");

        let (analysis, source) = taken(open(), usize::MAX, |_| {});
        let mut finish = analysis.ended_after(Past::default(), source.files());
        assert_eq!(finish.all(), all as u64);
        let connections = look(&mut finish, &keep, true);
        assert_eq!(text(&finish.report(connections)), text(&some), "{name}: {text_of}: side by side");
        chosen += some.connections.len();
    }
    chosen
}

#[test]
fn generated_traffic_is_told_as_if_chosen_afterwards() {
    for (shape, size) in [(traffic::Shape::Web, 3_000), (traffic::Shape::Churn, 300), (traffic::Shape::Elephant, 3_000)]
    {
        let bytes = traffic::pcap(&traffic::traffic(shape, size));
        let open = || source::open_reader("made", Box::new(Cursor::new(bytes.clone()))).expect("a capture");
        compare("made", open);
    }
}

#[test]
fn real_captures_are_told_as_if_chosen_afterwards() {
    let Some(corpus) = common::corpus() else { return };
    let mut all = Vec::new();
    common::captures(&corpus, &mut all);
    let mut chosen = 0;
    for path in all {
        if source::open(std::slice::from_ref(&path)).is_err() {
            continue;
        }
        let open = || source::open(std::slice::from_ref(&path)).expect("it can be opened");
        chosen += compare(&path.display().to_string(), open);
    }
    assert!(chosen > 500, "only {chosen} connections were chosen");
}

/// Where connections are let go as they pass, and in rounds at the end.
#[test]
fn those_that_are_let_go_count_if_they_were_chosen() {
    let mut frames = traffic::traffic(traffic::Shape::Web, 9_000);
    let begin = frames.first().expect("frames").time;
    frames.iter_mut().for_each(|frame| frame.time = begin + (frame.time - begin) * 100);
    let bytes = traffic::pcap(&frames);
    let open = || source::open_reader("made", Box::new(Cursor::new(bytes.clone()))).expect("a capture");
    for text_of in FILTERS {
        let filter = filter::parse(text_of).expect("a filter");
        let keep = |c: &Connection| filter.matches(c);
        let (mut past, mut connections, mut rounds) = (Past::default(), Vec::new(), 0);
        let (analysis, source) = taken(open(), 500, |analysis| {
            if let Some(mut finish) = analysis.settled(&mut past) {
                connections.extend(look(&mut finish, &keep, rounds % 2 == 0));
                past = finish.past();
                rounds += 1;
            }
            analysis.let_go(&mut past);
        });
        let mut finish = analysis.ended_after(past, source.files()).in_rounds(1);
        connections.extend(look(&mut finish, &keep, true));
        while finish.has_more_rounds() {
            finish.next_round();
            connections.extend(look(&mut finish, &keep, false));
            rounds += 1;
        }
        assert!(rounds > 3, "{rounds} rounds");
        // What is not let go with the others is told at the end.
        connections.sort_by_key(|c| c.id);
        let some = finish.report(connections);

        let (analysis, source) = taken(open(), usize::MAX, |_| {});
        let mut whole = analysis.finish(source.files());
        select(&mut whole, keep);
        assert_eq!(some.timing.all.connections, whole.connections.len() as u64, "{text_of}");
        assert_eq!(told(&some, false), told(&whole, false), "{text_of}");
    }
}
