//! The two ladders of every anomaly, run: one must raise it, the other must not.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/examples.rs"]
mod examples;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use examples::{findings, findings_in, names, segments};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::detect::{
    self, ALL, Brief, Declaration, Detect, Example, Glance, Groups, Limits, Place, Quality, Selection, Sink, Survey,
    View,
};
use tcpstate::ladder;
use tcpstate::report::directory::Directory;
use tcpstate::segment::Segment;
use tcpstate::time::Span;

fn raised(declaration: &Declaration, example: &Example) -> (bool, String) {
    let found = findings(declaration.name, example);
    (found.iter().any(|f| f.code == declaration.code), names(&found))
}

#[test]
fn every_example_raises_its_anomaly() {
    let wrong: Vec<String> = ALL
        .iter()
        .filter_map(|d| {
            let (raised, found) = raised(d, &d.raises);
            (!raised).then(|| format!("{} is not raised by\n{}found:\n  {found}\n", d.name, d.raises.ladder))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_near_miss_raises_it() {
    let wrong: Vec<String> = ALL
        .iter()
        .filter_map(|d| {
            let (raised, found) = raised(d, &d.silent);
            raised.then(|| format!("{} is raised by\n{}found:\n  {found}\n", d.name, d.silent.ladder))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn findings_of_examples_come_most_severe_first_and_complete() {
    for d in ALL {
        let found = findings(d.name, &d.raises);
        assert!(found.windows(2).all(|w| w[0].severity >= w[1].severity), "{}", names(&found));
        for f in &found {
            assert!(f.count > 0 && !f.message.is_empty() && !f.advice.is_empty(), "{}", names(&found));
            assert!(!f.message.ends_with('.') && !f.message.contains("  "), "{}", f.message);
        }
    }
}

/// No ladder can say it: its time only goes forward.
#[test]
fn a_clock_that_steps_back_makes_no_handshake_slow() {
    let slow = ALL.iter().find(|d| d.name == "handshake-slow").unwrap();
    let (mut segments, end) = segments(slow.name, &slow.raises);
    let found = |segments: &[Segment]| findings_in(&slow.raises, segments, end).iter().any(|f| f.name == slow.name);
    assert!(found(&segments));
    // As if only the SYN,ACK had been stamped by another clock.
    segments[2].time = segments[0].time + Span::millis(1);
    assert!(!found(&segments));
}

/// No detector that would find something is left out by the signs it names, and what is said in short is what is said in full.
#[test]
fn signs_leave_nothing_out_and_short_agrees_with_full() {
    for example in ALL.iter().flat_map(|d| [&d.raises, &d.silent]) {
        let (segments, end) = segments("signs", example);
        let stack = ladder::parse(example.ladder).unwrap().stack;
        let (profile, limits) = (stack.profile(), Limits::default());
        let mut analysis = Analysis::new(Options { stack, ..Options::default() });
        for seg in &segments {
            analysis.segment(seg);
        }
        let tracker = analysis.tracker();
        let cases: Vec<_> = (0..tracker.len()).map(|i| tracker.case(i)).collect();
        let mut survey = Survey::default();
        for case in &cases {
            survey.take(&case.connection.sockets, &Glance::of(&case.connection, &case.notes.signals));
        }
        let mut scene = survey.finish(&Quality::default(), (segments[0].time, end), profile, limits.clone());
        scene.length = Some(end - segments[0].time);
        let (mut whole, mut halves) = (Groups::new(), [Groups::new(), Groups::new()]);
        let (mut told, mut directory) = (BTreeMap::new(), Directory::default());
        for (i, case) in cases.iter().enumerate() {
            let c = &case.connection;
            let verdicts = c.verdicts(end, &profile);
            let previous = tracker.previous(i).map(|i| &cases[i].connection);
            let (client, _) = c.client();
            let view = View::new((c, client, i as u64 + 1), &verdicts, case.notes.both(), previous, &scene);
            let mut found = Vec::new();
            detect::briefs(&view, &mut found);
            let mut all = Vec::new();
            for (n, declaration) in ALL.iter().enumerate() {
                if let Detect::Connection(_, detect) = declaration.detect {
                    detect(&view, &mut Sink::new(n as u8, &view, &mut all, None));
                }
            }
            all.sort_by_key(|b| (Reverse(b.severity), b.time, b.declaration));
            assert_eq!(found, all, "{}", example.ladder);
            let full = detect::anomalies(&view);
            assert_eq!(found, full.iter().filter_map(Brief::of).collect::<Vec<_>>(), "{}", example.ladder);
            for (brief, anomaly) in found.iter().zip(full) {
                assert_eq!(detect::anomaly(&view, brief).map(|a| a.message), Some(anomaly.message.clone()));
                let server = c.sockets[1 - client];
                let parties = directory.parties(c.sockets[client].addr, server);
                whole.add((view.id, i, true), parties, server, (brief, None));
                halves[i % 2].add((view.id, i, true), parties, server, (brief, None));
                told.insert((i, brief.declaration, brief.endpoint), anomaly);
            }
        }
        let [mut merged, other] = halves;
        merged.merge(other);
        let finish = |groups: Groups| {
            let full = |at: Place, b: &Brief| told.get(&(at.index(), b.declaration, b.endpoint)).cloned();
            format!("{:?}", groups.finish(&directory, &Selection::default(), (usize::MAX, false), full))
        };
        assert_eq!(finish(whole), finish(merged), "{}", example.ladder);
    }
}
