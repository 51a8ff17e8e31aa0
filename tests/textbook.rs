//! Textbook connections come to the same by the short way as by the long one: histories, measurements, and nothing to say.

#[path = "common/script.rs"]
mod script;

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::analyze::{Analysis, Noted};
use tcpstate::detect::{Digests, Limits, Unremarkable, thresholds};
use tcpstate::report::directory::{Directory, Parties};
use tcpstate::report::totals::Totals;
use tcpstate::report::{Ending, PerSide};
use tcpstate::segment::Socket;
use tcpstate::time::{Span, Time};
use tcpstate::timing::table::Builder;
use tcpstate::timing::{Abridged, Census, Extent, Flights, Measured, Vantage, occupancy, summary};
use tcpstate::tracker::abridged::Read;
use tcpstate::tracker::log::Step;
use tcpstate::tracker::reading::Passed;
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Profile, Stack, Textbook, Tracker, Verdict};

use script::{Act, Script, plain, script};

/// The connection as a textbook one, if it is one, and its measurements.
fn read(tracker: &Tracker<Noted>) -> Option<(Textbook, Measured)> {
    let mut book = Textbook::default();
    let mut reading = tracker.textbook(0, &mut book)?;
    let (mut measured, mut flights) = (Measured::default(), Flights::default());
    while let Some(Passed { sender, advances, segment }) = reading.advance() {
        measured.textbook(sender, advances, segment, &mut flights);
    }
    reading.is_whole().then_some((book, measured))
}

/// What is told of these steps.
fn told(steps: &[Step]) -> String {
    let of = |s: &Step| {
        let m = &s.mark;
        (s.at, s.rule, m.time, m.packet, m.proof, m.event, m.evidence, m.place, m.is_deduced())
    };
    format!("{:?}", steps.iter().map(of).collect::<Vec<_>>())
}

/// Whether the segments are a textbook connection; if so it comes to the same either way.
fn agrees(script: &Script) -> bool {
    let segments = script.segments();
    let mut limits = Limits::default();
    if let Some(line) = script.lines {
        thresholds().for_each(|(_, threshold)| limits.put(threshold, line));
    }
    let options = tcpstate::analyze::Options { limits: limits.clone(), ..Default::default() };
    let (mut taped, mut analysis) = (Tracker::<Noted>::default(), Analysis::new(options));
    for seg in &segments {
        taped.pass(seg, taped.ahead(seg));
        analysis.until(seg.time);
        analysis.segment(seg);
    }
    let Some((book, measured)) = read(&taped) else { return false };
    assert_eq!(analysis.tracker().len(), 1 + usize::from(script.again.is_some()));
    let end = segments.iter().map(|seg| seg.time).max().unwrap() + Span(script.rest);
    analysis.until(end);
    let case = analysis.tracker().case(0);
    let (c, noted) = (&case.connection, &case.notes.measured);
    assert_eq!(book.outline(), c.outline());
    let (mut long, mut short) = (Weighing::default(), Weighing::default());
    for stack in [Stack::Linux, Stack::Windows] {
        let profile: Profile = stack.profile();
        let long = c.weigh(end, &profile, &mut long);
        let short = short.weigh_textbook(&book, end, &profile);
        for (long, short) in long.iter().zip(short) {
            let of = |verdict: &Verdict| format!("{:?} {}", verdict.possible, told(&verdict.steps));
            assert_eq!(of(long), of(short));
        }
    }
    // What is measured is the same, and so is how far its times are certain.
    let verdicts = c.verdicts(end, analysis.profile());
    let measurements = |m: &Measured| {
        let all = m.flow.iter().flat_map(|flow| flow.samples.exact()).collect::<Vec<_>>();
        let odd = [0, 1].map(|x| (m.held(x), m.waited(x, book.closer())));
        format!("{:?} {all:?} {odd:?}", summary::timing(m, &book.outline(), &verdicts, None, end))
    };
    assert_eq!(measurements(&measured), measurements(noted));
    for verdict in &verdicts {
        let latest = |proofs: &[(u64, Time)]| {
            let mut all = Vec::new();
            occupancy::latest(verdict, proofs, end, |i, latest| all.push((i, latest)));
            all
        };
        assert_eq!(latest(&book.proofs()), latest(&noted.proofs()));
    }
    // So is what many connections are looked at for.
    let (outline, closer) = (book.outline(), book.closer());
    assert_eq!(Ending::of_textbook(closer), Ending::of(&outline, &verdicts));
    for let_go in [false, true] {
        let mut scene = analysis.scene(end);
        scene.let_go = let_go;
        let (who, [mut short, mut long]) = ((1, Parties::default()), [Digests::default(), Digests::default()]);
        let ends = (book.beginning(), (book.last(), book.segments()));
        assert!(short.push_textbook(who, ends.0, ends.1, &book.entered(end, analysis.profile()), &scene));
        long.push(who, &outline, &verdicts, (Ending::of_textbook(closer).outcome, None, None), &[], &scene);
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
    }
    abridged_agrees(&taped, (&book, &measured), &verdicts, &Unremarkable::within(&limits), (end, analysis.profile()));
    if Unremarkable::within(&limits).covers(&book, &measured) {
        let said = analysis.anomalies((0, 1), &verdicts, &analysis.scene(end));
        assert!(said.is_empty(), "{said:?}");
    }
    true
}

/// If it can be read in one go, tables and totals come to the same as by what was measured, and by what became of its ends.
fn abridged_agrees(
    tracker: &Tracker<Noted>,
    (book, measured): (&Textbook, &Measured),
    verdicts: &[Verdict; 2],
    unremarkable: &Unremarkable,
    (end, profile): (Time, &Profile),
) {
    let (mut other, mut abridged) = (Textbook::default(), Abridged::default());
    if !tracker.abridged(0).is_some_and(|tape| tape.read(&mut other, &mut abridged) == Read::Textbook) {
        return;
    }
    assert_eq!(format!("{book:?}"), format!("{other:?}"));
    assert_eq!(unremarkable.covers(book, measured), unremarkable.covers_abridged(book, &abridged));
    let (entered, outline) = (book.entered(end, profile), book.outline());
    assert_eq!(format!("{entered:?}"), format!("{:?}", book.entered_in_bounds(end, profile)));
    let mut directory = Directory::default();
    let server = Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), port: 443 };
    let parties = directory.parties(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), server);
    let mut census = Census::default();
    census.count(parties, Extent::Full);
    let late = [0, 1].map(|e| occupancy::latest_by_the_book(e, book, &entered, end));
    for extent in [Extent::Short, Extent::Full] {
        let [mut short, mut long] = [0, 1].map(|_| Builder::new(extent, &census, &directory));
        // Where the first time goes is not where the next ones do.
        for _ in 0..2 {
            let seats = short.seats(parties);
            short.add_abridged(&abridged, (seats, book), (&entered, || late), None, end);
            long.add(measured, (seats, &outline), (verdicts, &book.proofs()), None, end);
        }
        assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    }
    let ending = Ending::of_textbook(book.closer());
    // Few are counted exactly, and many at moments.
    for connections in [1, 1 << 20] {
        let [mut short, mut long] = [0, 1].map(|_| Totals::new(connections, outline.first, end));
        short.textbook(&entered);
        long.connection(ending, PerSide { client: &verdicts[0], server: &verdicts[1] }, 0);
        assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    }
    for (e, verdict) in verdicts.iter().enumerate() {
        assert_eq!(entered.state(e), verdict.state());
        let (last, possible) = book.rest_of(e, &entered, end, profile);
        let steps: Vec<Step> = book.steps_of(e, &entered).into_iter().chain(last).collect();
        assert_eq!((told(&steps), possible), (told(&verdict.steps), verdict.possible));
        let mut latest = Vec::new();
        occupancy::latest(verdict, &book.proofs(), end, |_, late| latest.insert(0, late));
        assert_eq!(late[e].into_iter().chain(last.map(|step| step.at)).collect::<Vec<_>>(), latest);
    }
    // Asked for last: its samples are put in order.
    for given in [None, Some(Vantage::Server)] {
        let mut abridged = Abridged::default();
        assert!(tracker.abridged(0).is_some_and(|tape| tape.read(&mut other, &mut abridged) == Read::Textbook));
        let timing = summary::timing(measured, &outline, verdicts, given, end);
        assert_eq!(format!("{:?}", abridged.timing(book, &entered, given)), format!("{timing:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_textbook_connection_comes_to_the_same_either_way(script in script()) {
        agrees(&script);
    }

    /// Nearly all of these are read in one go: no acknowledgment takes a second, though the ends may pause.
    #[test]
    fn what_is_prompt_comes_to_the_same_either_way(script in script(), pause in any::<prop::sample::Index>()) {
        let mut acts: Vec<_> = script.acts.iter().map(|(act, step)| (*act, 1 + step % 400_000_000)).collect();
        acts[pause.index(script.acts.len())].1 += 3_000_000_000;
        agrees(&Script { acts, fault: None, ..script });
    }

    #[test]
    fn what_is_written_by_the_book_is_read_by_the_book(script in script()) {
        let script = Script { fault: None, ..script };
        // Two of the closing segments at one time leave open which came first, and what does not acknowledge a FIN for long
        // whether that arrived.
        let apart = script.acts.iter().rev().take(4).all(|(_, step)| *step > 0);
        let late = script.acts.iter().any(|(act, _)| matches!(act, Act::Late(..)));
        // Of many only usual ones are written down.
        let long = script.acts.len() > 40;
        prop_assert!(agrees(&script) || !apart || late || long);
    }
}

#[test]
fn a_plain_web_request_is_read_in_one_go() {
    let begin = [Act::Ack(1), Act::Ack(0), Act::Data(0, 100), Act::Ack(1), Act::Data(1, 1_448), Act::Data(1, 1_448)];
    let more = [Act::Ack(0), Act::Data(0, 80), Act::Data(1, 700), Act::Ack(0)];
    let end = [Act::Fin(1, 0), Act::Ack(0), Act::Fin(0, 0), Act::Ack(1)];
    for stamps in [false, true] {
        let acts = begin.iter().chain(&more).chain(&end).map(|act| (*act, 30_000_000));
        let script = Script { stamps, ..plain(acts) };
        assert!(agrees(&script));
        let mut tracker = Tracker::<Noted>::default();
        script.segments().iter().for_each(|seg| _ = tracker.pass(seg, tracker.ahead(seg)));
        let (mut book, mut abridged) = (Textbook::default(), Abridged::default());
        assert!(tracker.abridged(0).is_some_and(|tape| tape.read(&mut book, &mut abridged) == Read::Textbook));
    }
}

#[test]
fn a_long_answer_with_much_under_way_is_read_in_one_go() {
    let begin = [Act::Ack(1), Act::Ack(0), Act::Data(0, 100)];
    let window = (0..20).map(|_| Act::Data(1, 3_000)).chain([Act::Late(0, 1), Act::Late(0, 50), Act::Ack(0)]);
    let answer = (0..3).flat_map(|_| window.clone());
    let end = [Act::Fin(1, 0), Act::Ack(0), Act::Fin(0, 0), Act::Ack(1)];
    let acts = begin.into_iter().chain(answer).chain(end).map(|act| (act, 1_000_000));
    let script = plain(acts);
    assert!(agrees(&script));
    assert!(script.segments().len() > 70);
}

#[test]
fn an_answer_as_long_as_a_tape_is_acknowledged_late() {
    let begin = [Act::Ack(1), Act::Ack(0), Act::Data(0, 100)];
    let end = [Act::Fin(1, 0), Act::Ack(0), Act::Fin(0, 0), Act::Ack(1)];
    for many in [120, 126, 128, 130, 150, 238] {
        let answer = (0..many).map(|_| Act::Data(1, 200)).chain([Act::Late(0, 50), Act::Ack(0)]);
        let acts = begin.into_iter().chain(answer).chain(end).map(|act| (act, 1_000_000));
        let script = plain(acts);
        assert!(agrees(&script), "{many} segments");
        assert_eq!(script.segments().len(), many + 10);
    }
}

#[test]
fn a_fin_is_not_under_way_for_long_where_no_round_trip_is_known() {
    // The ACK of the handshake came late, and with payload: perhaps again.
    let acts = [(Act::Ack(1), 0), (Act::Data(0, 100), 1_000_000_000), (Act::Data(1, 100), 0), (Act::Fin(1, 0), 0)];
    let late = [(Act::Late(0, 1), 1), (Act::Late(0, 1), 100_000_001), (Act::Fin(0, 0), 1), (Act::Ack(1), 1)];
    assert!(!agrees(&plain(acts.into_iter().chain(late))));
}

#[test]
fn a_wait_in_which_an_acknowledgment_comes_is_one() {
    let begin = [(Act::Ack(1), 1), (Act::Ack(0), 1), (Act::Data(0, 100), 1), (Act::Ack(1), 3_000_000_000)];
    for closer in [0, 1] {
        let end = [(closer, 3_000_000_000), (1 - closer, 1)].map(|(x, step)| (Act::Fin(x, 0), step));
        assert!(agrees(&plain(begin.into_iter().chain(end).chain([(Act::Ack(closer), 1)]))));
    }
}
