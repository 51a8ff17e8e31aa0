//! Connections that go by the book until a RST ends them come to the same by the short way as by the long one: histories,
//! measurements, and what is said of them.

#[path = "common/script.rs"]
mod script;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use script::{Act, Reset, Script, broken, plain};
use tcpstate::analyze::{Analysis, Noted, Options};
use tcpstate::detect::{Brief, Limits, Unremarkable, thresholds};
use tcpstate::report::directory::Directory;
use tcpstate::segment::Socket;
use tcpstate::time::Span;
use tcpstate::timing::table::Builder;
use tcpstate::timing::{Abridged, Census, Extent};
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Met, Stack, Textbook, Tracker, Verdict};

/// What is told of what became of an end.
fn told(verdict: &Verdict) -> String {
    let of = |s: &tcpstate::tracker::log::Step| {
        let m = &s.mark;
        (s.at, s.rule, m.time, m.packet, m.proof, m.event, m.evidence, m.place, m.is_deduced())
    };
    format!("{:?} {:?}", verdict.possible, verdict.steps.iter().map(of).collect::<Vec<_>>())
}

/// What the RST met, if the segments go by the book up to that, and it is the last, and whether all that is said of it is known; then
/// it comes to the same either way.
fn agrees(script: &Script) -> Option<(Met, bool)> {
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
    let rst = taped.broken(0)?.read_to_reset(&mut book, &mut abridged)?;
    let end = segments.iter().map(|seg| seg.time).max()? + Span(script.rest);
    analysis.until(end);
    let case = analysis.tracker().case(0);
    let (c, measured) = (&case.connection, &case.notes.measured);
    let outline = book.outline_to_reset(&rst);
    assert_eq!(outline, c.outline());
    let (mut long, mut short) = (Weighing::default(), Weighing::default());
    for stack in [Stack::Linux, Stack::Windows] {
        let profile = stack.profile();
        let long = c.weigh(end, &profile, &mut long).each_ref().map(told);
        assert_eq!(short.weigh_broken(&book, &rst, end, &profile).each_ref().map(told), long);
    }
    let verdicts = c.verdicts(end, analysis.profile());
    let mut directory = Directory::default();
    let server = Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), port: 443 };
    let parties = directory.parties(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), server);
    let mut census = Census::default();
    census.count(parties, Extent::Full);
    for extent in [Extent::Short, Extent::Full] {
        let [mut short, mut long] = [0, 1].map(|_| Builder::new(extent, &census, &directory));
        let (seats, [lasted, _]) = (short.seats(parties), book.lasted_to(&rst));
        match rst.met {
            Met::Syn => short.add_refused(seats, (&verdicts, lasted), None, end),
            Met::Open | Met::Fin => short.add_broken(&abridged, (seats, &book, &rst), &verdicts, None, end),
        }
        long.add(measured, (seats, &outline), (&verdicts, &measured.proofs()), None, end);
        assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    }
    let said = Unremarkable::within(&limits).broken(&book, &rst, &abridged);
    if let Some(brief) = said {
        let said = analysis.anomalies((0, 1), &verdicts, &analysis.scene(end));
        assert_eq!(said.iter().filter_map(Brief::of).collect::<Vec<_>>(), [brief], "{said:?}");
        let full = Unremarkable::within(&limits).broken_in_full(&brief, &c.sockets, (&book, &rst));
        assert_eq!(format!("{said:?}"), format!("{:?}", [full]));
    }
    Some((rst.met, said.is_some()))
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
        assert_eq!(agrees(&script), Some((met, true)), "{acts:?} {reset:?}");
    }
}
