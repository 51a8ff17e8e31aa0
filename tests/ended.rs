//! Connections that go by the book and end otherwise than textbook ones, by a RST or with FINs that cross, or do not come to be
//! as nobody answers, come to the same by the short way as by the long one: histories, measurements, and what is said of them.

#[path = "common/script.rs"]
mod script;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use script::{Act, Reset, Script, broken, crossed, halved, plain, unanswered};
use tcpstate::analyze::{Analysis, Noted, Options};
use tcpstate::detect::{Attempt, Brief, Limits, Unremarkable, thresholds};
use tcpstate::report::directory::Directory;
use tcpstate::report::timing::Timing;
use tcpstate::segment::{Segment, Socket};
use tcpstate::time::Span;
use tcpstate::timing::table::Builder;
use tcpstate::timing::{Abridged, Census, Extent, summary};
use tcpstate::tracker::abridged::Read;
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Ended, Met, Stack, Textbook, Tracker, Verdict};

/// What is told of what became of an end.
fn told(verdict: &Verdict) -> String {
    let of = |s: &tcpstate::tracker::log::Step| {
        let m = &s.mark;
        (s.at, s.rule, m.time, m.packet, m.proof, m.event, m.evidence, m.place, m.is_deduced())
    };
    format!("{:?} {:?}", verdict.possible, verdict.steps.iter().map(of).collect::<Vec<_>>())
}

/// How it ended, if the segments go by the book up to that, and whether all that is said of it is known; then it comes to the same
/// either way.
fn agrees(script: &Script) -> Option<(Ended, bool)> {
    let segments = script.segments();
    let mut limits = Limits::default();
    if let Some(line) = script.lines {
        thresholds().for_each(|(_, threshold)| limits.put(threshold, line));
    }
    let options = Options { limits: limits.clone(), ..Options::default() };
    let (mut taped, mut analysis) = (Tracker::<Noted>::default(), Analysis::new(options));
    for seg in &segments {
        taped.pass(seg, taped.ahead(seg));
        analysis.until(seg.time);
        analysis.segment(seg);
    }
    let (mut book, mut abridged) = (Textbook::default(), Abridged::default());
    let read = taped.abridged(0).map(|tape| tape.read(&mut book, &mut abridged));
    let half_closed = read == Some(Read::HalfClosed);
    let ended = match taped.unanswered(0) {
        Some(unanswered) => Ended::Unanswered(unanswered),
        None => taped.ended(0, half_closed)?.read_to_end(&mut book, &mut abridged)?,
    };
    let end = segments.iter().map(|seg| seg.time).max()? + Span(script.rest);
    analysis.until(end);
    let case = analysis.tracker().case(0);
    let (c, measured) = (&case.connection, &case.notes.measured);
    let outline = book.outline_to(&ended);
    assert_eq!(outline, c.outline());
    let (mut long, mut short) = (Weighing::default(), Weighing::default());
    for stack in [Stack::Linux, Stack::Windows] {
        let profile = stack.profile();
        let long = c.weigh(end, &profile, &mut long).each_ref().map(told);
        assert_eq!(short.weigh_ended(&book, &ended, end, &profile).each_ref().map(told), long);
    }
    let verdicts = c.verdicts(end, analysis.profile());
    let mut directory = Directory::default();
    let server = Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), port: 443 };
    let parties = directory.parties(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), server);
    let mut census = Census::default();
    census.count(parties, Extent::Full);
    for extent in [Extent::Short, Extent::Full] {
        let [mut short, mut long] = [0, 1].map(|_| Builder::new(extent, &census, &directory));
        let (seats, [lasted, _]) = (short.seats(parties), book.lasted_to(&ended));
        if ended.was_open() {
            short.add_ended(&abridged, (seats, &book, &ended), &verdicts, None, end);
        } else {
            short.add_failed(seats, (&verdicts, lasted, ended.retries().into()), None, end);
        }
        long.add(measured, (seats, &outline), (&verdicts, &measured.proofs()), None, end);
        assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    }
    let (lines, scene) = (Unremarkable::within(&limits), analysis.scene(end));
    let said = lines.ended((&book, &ended, &abridged), (c.sockets[1].addr, &verdicts), &scene);
    if let Some(briefs) = &said {
        let briefs: Vec<_> = briefs.iter().flatten().copied().collect();
        let said = analysis.anomalies((0, 1), &verdicts, &scene);
        assert_eq!(said.iter().filter_map(Brief::of).collect::<Vec<_>>(), briefs, "{said:?}");
        if !lines.is_doubtful(&ended, &scene) {
            let became = (&c.sockets, &verdicts);
            let full = briefs.iter().map(|brief| lines.ended_in_full(brief, became, (&book, &ended), &scene));
            assert_eq!(format!("{said:?}"), format!("{:?}", full.collect::<Vec<_>>()));
        }
    }
    if ended.was_open() {
        let given = (None, end);
        let mut long = Timing::default();
        summary::put(measured, &outline, &verdicts, given, &mut long);
        let short = abridged.timing_to((&book, &ended), &verdicts, None);
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
    }
    if let Ended::Unanswered(unanswered) = &ended {
        let attempt = Attempt::unanswered(c.sockets[0].port, unanswered);
        assert_eq!(Some(attempt), Attempt::of(c, &case.notes.signals));
    }
    Some((ended, said.is_some()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_reset_ends_comes_to_the_same_either_way(script in broken()) {
        agrees(&script);
    }

    /// Nearly all of these are read in one go.
    #[test]
    fn what_is_prompt_comes_to_the_same_either_way(script in broken(), near in any::<bool>()) {
        let most = if near { 900_000 } else { 300_000_000 };
        let acts = script.acts.iter().map(|(act, step)| (*act, 1 + step % most)).collect();
        let reset = script.reset.map(|reset| Reset { odd: reset.odd % 2, again: false, ..reset });
        agrees(&Script { acts, reset, fault: None, ..script });
    }

    #[test]
    fn fins_that_cross_come_to_the_same_either_way(script in crossed()) {
        agrees(&script);
    }

    #[test]
    fn syns_that_nobody_answers_come_to_the_same_either_way(script in unanswered()) {
        agrees(&script);
    }

    #[test]
    fn what_goes_on_behind_a_fin_comes_to_the_same_either_way(script in halved()) {
        agrees(&script);
    }

    #[test]
    fn what_goes_on_at_once_behind_a_fin_comes_to_the_same_either_way(script in halved(), near in any::<bool>()) {
        let most = if near { 900_000 } else { 30_000_000 };
        let acts = script.acts.iter().map(|(act, step)| (*act, step % most)).collect();
        agrees(&Script { acts, fault: script.fault.filter(|(_, fault)| *fault == 7), ..script });
    }

    #[test]
    fn prompt_fins_that_cross_come_to_the_same_either_way(script in crossed(), near in any::<bool>()) {
        let most = if near { 900_000 } else { 30_000_000 };
        let acts = script.acts.iter().map(|(act, step)| (*act, step % most)).collect();
        agrees(&Script { acts, fault: script.fault.filter(|(_, fault)| *fault == 7), ..script });
    }
}

#[test]
fn a_refusal_and_resets_of_either_end_are_read_in_one_go() {
    let begin = [Act::Ack(1), Act::Ack(0), Act::Data(0, 100), Act::Ack(1)];
    let more = [Act::Data(1, 1_448), Act::Ack(0), Act::Fin(1, 0)];
    let reset = Reset { behind: Some(0), sender: 0, ack: Some(0), step: 20_000_000, odd: 0, again: false };
    let of = |acts: &[Act]| acts.iter().map(|act| (*act, 30_000_000)).collect::<Vec<_>>();
    let all = [begin.as_slice(), &more].concat();
    for (acts, reset, met) in [
        (&begin[..], Reset { sender: 1, ..reset }, Met::Syn),
        (&begin, Reset { behind: Some(begin.len()), ..reset }, Met::Open),
        (&begin, Reset { behind: Some(begin.len()), sender: 1, ..reset }, Met::Open),
        (&begin, Reset { behind: Some(begin.len()), ack: None, ..reset }, Met::Open),
        (&all, Reset { behind: Some(all.len()), ..reset }, Met::Fin),
    ] {
        let script = Script { reset: Some(reset), ..plain(of(acts).into_iter()) };
        let agrees = agrees(&script);
        assert!(matches!(agrees, Some((Ended::Reset(rst), true)) if rst.met == met), "{acts:?} {reset:?} {agrees:?}");
    }
}

/// How many of 200 are read in one go, as such that end so; what they do takes them 30 ms at most each.
fn read(scripts: impl Strategy<Value = Script>, so: impl Fn(&Ended) -> bool) -> usize {
    let mut runner = TestRunner::deterministic();
    let prompt = |script: Script| {
        let acts = script.acts.iter().map(|(act, step)| (*act, 1 + step % 30_000_000)).collect();
        let script = Script { acts, fault: None, lines: None, again: None, ..script };
        agrees(&script).is_some_and(|(ended, told)| told && so(&ended))
    };
    (0..200).filter(|_| scripts.new_tree(&mut runner).is_ok_and(|tree| prompt(tree.current()))).count()
}

#[test]
fn many_of_each_kind_are_read_in_one_go() {
    let all = [
        read(unanswered(), |ended| matches!(ended, Ended::Unanswered(_))),
        read(crossed(), |ended| matches!(ended, Ended::Crossed(_))),
        read(halved(), |ended| matches!(ended, Ended::Halved(_))),
    ];
    assert!(all.iter().all(|read| *read > 30), "{all:?}");
}

#[test]
fn a_syn_to_itself_is_looked_at_as_any() {
    let script =
        Script { syns: Some(vec![(1_000_000_000, 0)]), ..plain([(Act::Ack(1), 1), (Act::Ack(0), 1)].into_iter()) };
    let read = |itself: bool| {
        let mut taped = Tracker::<Noted>::default();
        for seg in script.segments() {
            let seg = Segment { dst: if itself { seg.src } else { seg.dst }, ..seg };
            taped.pass(&seg, taped.ahead(&seg));
        }
        taped.unanswered(0).is_some()
    };
    assert_eq!([read(false), read(true)], [true, false]);
}
