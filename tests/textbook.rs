//! Textbook connections come to the same by the short way as by the long one: histories, measurements, and nothing to say.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use tcpstate::analyze::{Analysis, Noted};
use tcpstate::detect::{Digests, Limits, Unremarkable, thresholds};
use tcpstate::report::directory::{Directory, Parties};
use tcpstate::report::totals::Totals;
use tcpstate::report::{Ending, PerSide};
use tcpstate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use tcpstate::time::{Span, Time};
use tcpstate::timing::table::Builder;
use tcpstate::timing::{Abridged, Census, Extent, Flights, Measured, Proofs, occupancy, summary};
use tcpstate::tracker::reading::Passed;
use tcpstate::tracker::verdict::Weighing;
use tcpstate::tracker::{Profile, Stack, Textbook, Tracker, Verdict};

/// What an end does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    Data(usize, u32),
    Ack(usize),
    Fin(usize, u32),
    /// An acknowledgment that left before the latest segments arrived: of so many parts in a hundred of what is there.
    Late(usize, u32),
}

/// A conversation as it is written: acts with the time since the one before, and what is wrong with it.
#[derive(Clone, Debug)]
struct Script {
    acts: Vec<(Act, i64)>,
    stamps: bool,
    /// IP identification of the first segment, ECN bits of all, scope.
    dress: (u16, u16, u32),
    /// Lines that detectors draw, in microseconds or bytes, as far as they are not the usual ones.
    lines: Option<i64>,
    isns: [u32; 2],
    /// At this segment: this kind of fault.
    fault: Option<(prop::sample::Index, u8)>,
    /// From the last segment to the end of the capture.
    rest: i64,
    /// After so long this end uses the ports again; whether the other accepts that.
    again: Option<(i64, usize, bool)>,
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), 0..2_000_000_i64, 0..90_000_000_i64, 0..1_500_000_000_i64, 0..12_000_000_000_i64]
}

fn len() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1_u32), Just(100), Just(1_448), 1..60_000_u32]
}

prop_compose! {
    fn script()(
        turns in prop::collection::vec((0..2_usize, prop::bool::weighted(0.6), len(), step()), 0..14),
        opening in (step(), step()),
        carried in prop::option::weighted(0.1, len()),
        closer in 0..2_usize,
        with_data in prop::option::weighted(0.3, len()),
        acked in any::<bool>(),
        closing in (step(), step(), step(), step()),
        last_words in prop::collection::vec((len(), step()), 0..3),
        late in prop::collection::vec((0..100_u32, step()), 0..3),
        stamps in any::<bool>(),
        dress in (prop_oneof![Just(0_u16), any::<u16>()], prop_oneof![Just(0_u16), Just(0x40), Just(0xc0)], 0..2_u32),
        lines in prop::option::of(prop_oneof![Just(0_i64), Just(1), Just(1_000), 0..3_000_000_i64]),
        isns in (any::<u32>(), any::<u32>()),
        fault in prop::option::weighted(0.3, (any::<prop::sample::Index>(), 0..7_u8)),
        again in prop::option::of((prop_oneof![1..2_000_000_i64, 59_000_000_000..66_000_000_000_i64], 0..2_usize, any::<bool>())),
        rest in prop_oneof![0..2_000_000_000_i64, 0..8_000_000_000_i64, 50_000_000_000..70_000_000_000_i64, 0..300_000_000_000_i64],
    ) -> Script {
        // The opening's times come first.
        let ack = carried.map_or(Act::Ack(0), |len| Act::Data(0, len));
        let mut acts = vec![(Act::Ack(1), opening.0), (ack, opening.1)];
        acts.extend(turns.into_iter().map(|(x, data, len, step)| (if data { Act::Data(x, len) } else { Act::Ack(x) }, step)));
        acts.push((Act::Ack(1 - closer), closing.3));
        acts.extend(last_words.into_iter().map(|(len, step)| (Act::Data(closer, len), step)));
        acts.push((Act::Fin(closer, with_data.unwrap_or(0)), closing.0));
        acts.extend(late.into_iter().map(|(share, step)| (Act::Late(1 - closer, share), step)));
        if acked {
            acts.push((Act::Ack(1 - closer), closing.1));
        }
        acts.push((Act::Fin(1 - closer, 0), closing.2));
        acts.push((Act::Ack(closer), closing.3));
        Script { acts, stamps, dress, lines, isns: [isns.0, isns.1], fault, rest, again }
    }
}

impl Script {
    fn segments(&self) -> Vec<Segment> {
        let ends =
            [40_000, 443].map(|port| Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, (port % 7) as u8)), port });
        let (mut next, mut acked, mut now) = (self.isns, self.isns, Time(1_700_000_000_000_000_000));
        let mut segments: Vec<Segment> = Vec::new();
        let mut send = |x: usize, flags: Flags, len: u32, step: i64, next: &mut [u32; 2], less: u32| {
            now = now + Span(step);
            let value = (now.0 / 1_000_000) as u32;
            let syn = flags.has(Flags::SYN);
            let stamps = self.stamps.then_some(Timestamps { value, echo: value.wrapping_sub(1) });
            let seg = Segment {
                time: now,
                packet: segments.len() as u64 + 1,
                src: ends[x],
                dst: ends[1 - x],
                scope: ScopeId(self.dress.2),
                seq: next[x],
                ack: if flags.has(Flags::ACK) { next[1 - x].wrapping_sub(less) } else { 0 },
                len,
                captured: len,
                flags: Flags(flags.0 | self.dress.1),
                window: 500,
                checksum: segments.len() as u16,
                ip_id: if self.dress.0 == 0 { 0 } else { self.dress.0.wrapping_add(segments.len() as u16) },
                ttl: 64 - x as u8,
                options: Options {
                    mss: syn.then_some(60_000),
                    window_scale: syn.then_some(7),
                    timestamps: stamps,
                    ..Options::default()
                },
            };
            next[x] = seg.end();
            segments.push(seg);
        };
        send(0, Flags::SYN, 0, 0, &mut next, 0);
        send(1, Flags::SYN | Flags::ACK, 0, self.acts[0].1, &mut next, 0);
        (acked[0], acked[1]) = (next[0], next[1]);
        let carried = if let Act::Data(_, len) = self.acts[1].0 { len } else { 0 };
        send(0, Flags::ACK, carried, self.acts[1].1, &mut next, 0);
        for (act, step) in &self.acts[2..] {
            let x = match act {
                Act::Data(x, _) | Act::Ack(x) | Act::Fin(x, _) | Act::Late(x, _) => *x,
            };
            let there = next[1 - x].wrapping_sub(acked[1 - x]);
            match act {
                Act::Data(_, len) => send(x, Flags::ACK | Flags::PSH, *len, *step, &mut next, 0),
                // Nothing new to acknowledge.
                Act::Ack(_) | Act::Late(..) if there == 0 => continue,
                Act::Ack(_) => send(x, Flags::ACK, 0, *step, &mut next, 0),
                Act::Fin(_, len) => send(x, Flags::ACK | Flags::FIN, *len, *step, &mut next, 0),
                Act::Late(_, share) => {
                    let news = (u64::from(there) * u64::from(*share) / 100) as u32;
                    if news == 0 {
                        continue;
                    }
                    send(x, Flags::ACK, 0, *step, &mut next, there - news);
                    acked[1 - x] = acked[1 - x].wrapping_add(news);
                    continue;
                }
            }
            acked[1 - x] = next[1 - x];
        }
        if let Some((at, fault)) = &self.fault {
            let i = at.index(segments.len());
            match fault {
                0 => _ = segments.remove(i),
                1 => segments.insert(i, segments[i]),
                2 => segments[i..].rotate_left(1),
                3 => segments[i].window = 0,
                4 => segments[i].ack = segments[i].ack.wrapping_sub(1),
                5 => segments[i].flags = Flags(segments[i].flags.0 ^ Flags::FIN.0),
                _ => segments[i].time = segments[i].time - Span(1_000_000),
            }
            (1..).zip(&mut segments).for_each(|(n, seg)| seg.packet = n);
        }
        if let (Some((step, x, accepted)), Some(last)) = (self.again, segments.last().copied()) {
            let seq = self.isns.map(|isn| isn.wrapping_add(1 << 30));
            let (src, dst) = (ends[x], ends[1 - x]);
            let (time, packet) = (last.time + Span(step), last.packet + 1);
            let syn =
                Segment { time, packet, src, dst, seq: seq[x], ack: 0, len: 0, captured: 0, flags: Flags::SYN, ..last };
            segments.push(syn);
            if accepted {
                let (flags, packet) = (Flags(Flags::SYN.0 | Flags::ACK.0), packet + 1);
                let (src, dst, seq, ack) = (dst, src, seq[1 - x], seq[x].wrapping_add(1));
                segments.push(Segment { packet, src, dst, seq, ack, flags, ..syn });
            }
        }
        segments
    }
}

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
            let of = |verdict: &tcpstate::tracker::Verdict| {
                let steps = verdict.steps.iter().map(|s| {
                    (
                        s.at,
                        s.rule,
                        s.mark.time,
                        s.mark.packet,
                        s.mark.proof,
                        s.mark.event,
                        s.mark.evidence,
                        s.mark.place,
                    )
                });
                format!("{:?} {:?}", verdict.possible, steps.collect::<Vec<_>>())
            };
            assert_eq!(of(long), of(short));
        }
    }
    // What is measured is the same, and so is how far its times are certain.
    let verdicts = c.verdicts(end, analysis.profile());
    let told = |m: &Measured| {
        let all = m.flow.iter().flat_map(|flow| flow.samples.exact()).collect::<Vec<_>>();
        let odd = [0, 1].map(|x| (m.held(x), m.spoke_last(x)));
        format!("{:?} {all:?} {odd:?}", summary::timing(m, &book.outline(), &verdicts, None, end))
    };
    assert_eq!(told(&measured), told(noted));
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
        assert!(short.push_textbook(who, &outline, &book.entered(end, analysis.profile()), &scene));
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
    if !tracker.abridged(0).is_some_and(|tape| tape.read(&mut other, &mut abridged)) {
        return;
    }
    assert_eq!(format!("{book:?}"), format!("{other:?}"));
    assert_eq!(unremarkable.covers(book, measured), unremarkable.covers_abridged(book, &abridged));
    let (entered, outline) = (book.entered(end, profile), book.outline());
    let mut directory = Directory::default();
    let server = Socket { addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), port: 443 };
    let parties = directory.parties(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), server);
    let mut census = Census::default();
    census.count(parties, Extent::Short);
    let [mut short, mut long] = [0, 1].map(|_| Builder::new(Extent::Short, &census, &directory));
    // Where the first time goes is not where the next ones do.
    for _ in 0..2 {
        let seats = short.seats(parties);
        short.add_abridged(&abridged, seats, (book.last(), &entered), None, end);
        long.add(measured, (seats, &outline), (verdicts, Proofs::new), None, end);
    }
    assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    let [mut short, mut long] = [0, 1].map(|_| Totals::new(1, outline.first, end));
    let ending = Ending::of_textbook(book.closer());
    short.textbook(ending, &entered);
    long.connection(ending, PerSide { client: &verdicts[0], server: &verdicts[1] }, 0);
    assert_eq!(format!("{:?}", short.finish()), format!("{:?}", long.finish()));
    assert_eq!([0, 1].map(|e| entered.state(e)), [0, 1].map(|e| verdicts[e].state()));
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
        prop_assert!(agrees(&script) || !apart || late);
    }
}

fn plain(acts: impl Iterator<Item = (Act, i64)>) -> Script {
    let acts = acts.collect();
    Script {
        acts,
        stamps: false,
        dress: (7, 0, 0),
        lines: None,
        isns: [u32::MAX - 50, 9],
        fault: None,
        rest: 0,
        again: None,
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
        assert!(tracker.abridged(0).is_some_and(|tape| tape.read(&mut book, &mut abridged)));
    }
}

#[test]
fn a_fin_is_not_under_way_for_long_where_no_round_trip_is_known() {
    // The ACK of the handshake came late, and with payload: perhaps again.
    let acts = [(Act::Ack(1), 0), (Act::Data(0, 100), 1_000_000_000), (Act::Data(1, 100), 0), (Act::Fin(1, 0), 0)];
    let late = [(Act::Late(0, 1), 1), (Act::Late(0, 1), 100_000_001), (Act::Fin(0, 0), 1), (Act::Ack(1), 1)];
    assert!(!agrees(&plain(acts.into_iter().chain(late))));
}
