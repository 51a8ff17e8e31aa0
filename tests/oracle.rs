//! A second opinion: smoltcp's own states against what the tracker makes of the wire between two of its sockets.
//!
//! Where nothing is under way, the true state of each end must be among those the tracker holds possible, except where
//! the wire cannot show it: see [`Gap`].

#[path = "common/ladder.rs"]
mod ladder;
#[path = "common/wire/mod.rs"]
mod wire;

use std::collections::BTreeMap;

use tcpstate::ladder::{Arrow, End, Ladder};
use tcpstate::segment::{Flags, Segment};
use tcpstate::time::{Span, Time};
use tcpstate::tracker::{Profile, Stack, State, States, Tracker};
use wire::{Link, Moment, Run};

const SEEDS: u64 = 1_000;

/// smoltcp's timers: TIME_WAIT lasts 10 s, and it never gives up.
fn profile() -> Profile {
    let never = Span(i64::MAX / 4);
    Profile {
        two_msl: Span::secs(10),
        syn_sent: never,
        syn_rcvd: never,
        orphan_fin_wait_2: never,
        ..Stack::Linux.profile()
    }
}

/// Why a true state need not be possible to the tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// Its SYN was lost before the tap.
    NoSyn,
    /// It closed, but its FIN waits behind data or was lost before the tap.
    NoFin,
    /// It closed before the peer's FIN came, but its FIN left only after that: on the wire it looks like an answer.
    LateFin,
    /// Its first FIN was lost before the tap, so that only a later copy shows, which acknowledges the peer's.
    NoFirstFin,
    /// It aborted, and its one RST was lost before the tap.
    NoRst,
    /// It aborted with the number it would have repeated next, as smoltcp does after a loss: the RST looks forged.
    OddRst,
    /// The only acknowledgment of its FIN came with a segment below its window, which smoltcp does not look into (RFC 9293
    /// 3.10.7.4, first check) and Linux does.
    OldSegment,
    /// A RST passed a tap that is next to its receiver, and was lost all the same.
    LostNearby,
    /// 2 MSL run from the receipt, which the tap does not see, to the nearest way between the ends.
    Clock,
}

/// What the state would be if `gap` had not happened.
fn without(gap: Gap, state: State) -> Option<&'static [State]> {
    use State::*;
    Some(match (gap, state) {
        (Gap::NoSyn, SynSent) => &[Closed],
        (Gap::NoFin, FinWait1) => &[Established, SynRcvd],
        (Gap::NoFin, Closing | LastAck) => &[CloseWait],
        (Gap::LateFin, FinWait1) => &[Established],
        (Gap::LateFin, Closing) => &[CloseWait, LastAck],
        (Gap::LateFin, TimeWait) => &[Closed, LastAck],
        (Gap::NoFirstFin, Closing) => &[CloseWait, LastAck, Closed],
        (Gap::NoFirstFin, TimeWait) => &[Closed, LastAck],
        (Gap::NoRst, Closed) => &[SynRcvd, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait],
        (Gap::OddRst, Closed) => &[SynRcvd, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck],
        (Gap::OldSegment, FinWait1) => &[FinWait2, TimeWait],
        (Gap::OldSegment, Closing) => &[TimeWait],
        (Gap::OldSegment, LastAck) => &[Closed],
        (Gap::LostNearby, Closed) => return None,
        (Gap::LostNearby, _) => &[Closed],
        (Gap::Clock, TimeWait) => &[Closed],
        (Gap::Clock, Closed) => &[TimeWait],
        _ => return None,
    })
}

fn gap(run: &Run, moment: &Moment, x: usize, possible: States) -> Option<Gap> {
    let passed = moment.passed[x];
    let near_expiry =
        run.truth[x].states.iter().find(|(_, state)| *state == State::TimeWait).is_some_and(|(time, _)| {
            // Each FIN that arrives begins 2 MSL anew; the tap sees the acknowledgment of it, if that passes.
            let seen = run.segments[..moment.captured].iter().rfind(|s| s.src == run.sockets[x]).map(|s| s.time);
            let real = moment.last_fin[x].map_or(*time, |t| t.max(*time));
            let [a, b] =
                [seen.map_or(*time, |t| t.max(*time)), real].map(|start| (moment.time - start).0 - profile().two_msl.0);
            a.min(b) <= moment.delay && a.max(b) >= -moment.delay
        });
    let gaps = [
        (Gap::NoSyn, !passed.has(Flags::SYN)),
        (Gap::NoFin, !passed.has(Flags::FIN)),
        (Gap::LateFin, moment.late_fin[x]),
        (Gap::NoFirstFin, moment.first_fin_lost[x]),
        (Gap::NoRst, moment.aborted[x] && !passed.has(Flags::RST)),
        (Gap::OddRst, moment.aborted[x] && odd_reset(run, moment, x)),
        (Gap::OldSegment, old_acknowledgment(run, moment, x)),
        (Gap::LostNearby, moment.near[x] && moment.passed[1 - x].has(Flags::RST)),
        (Gap::Clock, near_expiry),
    ];
    let fits = |gap| without(gap, moment.states[x]).is_some_and(|s| s.iter().any(|s| possible.has(*s)));
    gaps.into_iter().find(|(gap, open)| *open && fits(*gap)).map(|(gap, _)| gap)
}

/// Whether end `x` reset with another number than its next one.
fn odd_reset(run: &Run, moment: &Moment, x: usize) -> bool {
    let sent = || run.segments[..moment.captured].iter().filter(|s| s.src == run.sockets[x]);
    let last = sent()
        .filter(|s| !s.has(Flags::RST))
        .map(|s| s.end())
        .reduce(|a, b| if (b.wrapping_sub(a) as i32) > 0 { b } else { a });
    sent().any(|s| s.has(Flags::RST) && Some(s.seq) != last)
}

/// Whether a segment that the peer repeated acknowledges the FIN of end `x`.
fn old_acknowledgment(run: &Run, moment: &Moment, x: usize) -> bool {
    let segments = &run.segments[..moment.captured];
    let from = |x: usize| move |s: &&Segment| s.src == run.sockets[x];
    let Some(fin) = segments.iter().filter(from(x)).find(|s| s.has(Flags::FIN)) else { return false };
    segments.iter().enumerate().filter(|(_, s)| from(1 - x)(s)).any(|(i, s)| {
        let before = segments[..i].iter().filter(from(1 - x));
        s.has(Flags::ACK)
            && s.ack == fin.end()
            && s.seq_len() > 0
            && before.clone().any(|b| b.seq_len() > 0 && b.end() == s.end())
    })
}

fn story(run: &Run, captured: usize, link: Link, seed: u64) -> String {
    let states = |x: usize| -> String {
        run.truth[x].states.iter().map(|(t, s)| format!("{s} @ {t}, ")).collect::<String>() + "\n"
    };
    let mut ladder = Ladder::of(&run.segments[..captured]);
    (ladder.left, ladder.right) = (run.sockets[0], run.sockets[1]);
    for (line, seg) in ladder.lines.iter_mut().zip(&run.segments) {
        line.time = seg.time - Time(0);
        line.arrow = Some(Arrow::of(seg, if seg.src == run.sockets[0] { End::Left } else { End::Right }));
    }
    format!("{link:?}, seed {seed}\n{ladder}left:  {}right: {}", states(0), states(1))
}

/// Every moment of one run; the first mistake as a story.
fn check_moments(run: &Run, link: Link, seed: u64, gaps: &mut BTreeMap<Gap, u32>) -> Result<u32, String> {
    let mut tracker = Tracker::new();
    let mut taken = 0;
    for moment in &run.moments {
        for seg in &run.segments[taken..moment.captured] {
            tracker.segment(seg);
        }
        taken = moment.captured;
        for x in 0..2 {
            let (state, possible) = ladder::present(&tracker, run.sockets[x], moment.time, &profile());
            if possible.has(moment.states[x]) {
                continue;
            }
            match gap(run, moment, x, possible) {
                Some(gap) => *gaps.entry(gap).or_default() += 1,
                None => {
                    let names: Vec<&str> = possible.iter().map(State::name).collect();
                    let side = ["left", "right"][x];
                    return Err(format!(
                        "{}at {} {side} is {}, but {state} of {} is told\n",
                        story(run, moment.captured, link, seed),
                        moment.time,
                        moment.states[x],
                        names.join(", ")
                    ));
                }
            }
        }
    }
    Ok(2 * run.moments.len() as u32)
}

/// All seeds of one kind of link.
fn survey(link: Link) {
    let mut gaps = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut checks = 0;
    for seed in 0..SEEDS {
        match check_moments(&wire::run(link, seed), link, seed, &mut gaps) {
            Ok(n) => checks += n,
            Err(story) => wrong.push(story),
        }
    }
    eprintln!("{link:?}: {checks} states compared in {SEEDS} runs, {} runs wrong, gaps {gaps:?}", wrong.len());
    wrong.sort_by_key(String::len);
    let first: Vec<&str> = wrong.iter().take(4).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {SEEDS} runs, the shortest:\n{}", wrong.len(), first.join("\n"));
}

#[test]
fn a_clean_link_holds_no_surprise() {
    survey(Link::Clean);
}

#[test]
fn the_true_state_is_possible_when_segments_are_lost_before_the_tap() {
    survey(Link::LossBeforeTap);
}

#[test]
fn the_true_state_is_possible_when_segments_are_lost_after_the_tap() {
    survey(Link::LossAfterTap);
}

#[test]
fn the_true_state_is_possible_when_segments_are_reordered() {
    survey(Link::Reorder);
}

#[test]
fn the_true_state_is_possible_when_segments_are_repeated() {
    survey(Link::Duplicate);
}

#[test]
fn the_true_state_is_possible_when_delays_vary() {
    survey(Link::Jitter);
}

/// On a clean link the history is the truth, but for FIN_WAIT_2 passed in one segment, and FINs that left late.
#[test]
fn on_a_clean_link_the_history_is_the_truth() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for seed in 0..SEEDS {
        let run = wire::run(Link::Clean, seed);
        let Some(last) = run.moments.last() else { continue };
        let tracker = ladder::track(&run.segments[..last.captured]);
        for x in 0..2 {
            let near =
                (0..2).any(|x| last.late_fin[x] || run.truth[x].closed.is_some() && !last.passed[x].has(Flags::FIN));
            let clock = run.truth[x]
                .states
                .iter()
                .any(|(t, s)| *s == State::TimeWait && ((last.time - *t).0 - profile().two_msl.0).abs() <= last.delay);
            if near || clock {
                continue;
            }
            let history = ladder::history(&tracker, run.sockets[x], last.time, &profile());
            let mut told: Vec<State> = history.iter().map(|e| e.state).collect();
            for i in (1..told.len()).rev() {
                if told[i] == State::TimeWait
                    && told[i - 1] == State::FinWait2
                    && !run.truth[x].states.iter().any(|(_, s)| *s == State::FinWait2)
                {
                    told.remove(i - 1);
                }
            }
            // An abort in SYN_RCVD and the ACK that would have opened may pass the tap in either order.
            let crossed = told == [State::SynRcvd, State::Established, State::Closed]
                || told == [State::SynSent, State::SynRcvd, State::Established, State::Closed];
            if run.truth[x].aborted.is_some() && crossed {
                continue;
            }
            let mut truth: Vec<State> =
                run.truth[x].states.iter().filter(|(t, _)| *t <= last.time).map(|(_, s)| *s).collect();
            truth.remove(0);
            compared += 1;
            if told != truth {
                let names = |s: &[State]| s.iter().map(|s| s.name()).collect::<Vec<_>>().join(", ");
                wrong.push(format!(
                    "{}{} told: {}\n     truth: {}\n",
                    story(&run, run.segments.len(), Link::Clean, seed),
                    ["left", "right"][x],
                    names(&told),
                    names(&truth)
                ));
            }
        }
    }
    eprintln!("{compared} histories compared, {} wrong", wrong.len());
    wrong.sort_by_key(String::len);
    let first: Vec<&str> = wrong.iter().take(4).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} histories, the shortest:\n{}", wrong.len(), first.join("\n"));
    assert!(compared > SEEDS, "too few histories could be compared: {compared}");
}

#[test]
fn packets_and_bytes_are_all_counted() {
    for link in Link::ALL {
        for seed in 0..SEEDS / 5 {
            let run = wire::run(link, seed);
            let tracker = ladder::track(&run.segments);
            let connections = tracker.connections();
            for x in 0..2 {
                let ends = || {
                    connections.iter().flat_map(|c| {
                        c.sockets.iter().zip(&c.ends).filter(|(s, _)| **s == run.sockets[x]).map(|(_, e)| e)
                    })
                };
                let counted: (u64, u64) = (ends().map(|e| e.packets).sum(), ends().map(|e| e.bytes).sum());
                let truth = (run.truth[x].packets, run.truth[x].bytes);
                assert_eq!(counted, truth, "{}", story(&run, run.segments.len(), link, seed));
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_the_same_verdicts() {
    for link in Link::ALL {
        for seed in 0..20 {
            let [a, b] = [wire::run(link, seed), wire::run(link, seed)];
            assert_eq!(a.segments, b.segments, "{link:?}, seed {seed}");
            let verdicts = |run: &Run| {
                let tracker = ladder::track(&run.segments);
                run.sockets.map(|s| ladder::history(&tracker, s, Time(run.end.0), &profile()))
            };
            assert_eq!(verdicts(&a), verdicts(&b), "{link:?}, seed {seed}");
        }
    }
}
