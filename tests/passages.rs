//! Ends that are only written ([`Passage`]) against the same in full.

mod common;

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use tcpstate::analyze::{Analysis, Finish, Options, Stretch, Wanted};
use tcpstate::render::pen::connection::End;
use tcpstate::render::pen::number::Clock;
use tcpstate::render::pen::{Lines, Pen};
use tcpstate::report::passage::Taken;
use tcpstate::report::{Connection, Endpoint, Passage, PerSide, Written};
use tcpstate::source;
use tcpstate::time::{Span, Time};
use tcpstate::tracker::rules::RULES;
use tcpstate::tracker::{Evidence, State, States};

fn written(write: impl Fn(Pen<'_>) -> Option<Pen<'_>>) -> String {
    let mut room = vec![0; 1 << 15];
    let left = write(Pen::new(&mut room)).expect("there is room").left();
    String::from_utf8(room[..room.len() - left].to_vec()).expect("text")
}

fn check(passage: &Passage, first: Time) {
    let [client, server] = [0, 1].map(|_| Written::Steps(passage.clone()));
    let short = PerSide { client, server };
    let [client, server] = [0, 1].map(|_| Endpoint::from(passage.clone()));
    let full = PerSide { client, server };
    assert_eq!(
        written(|pen| End::objects(&short, pen, &mut Clock::default())),
        written(|pen| End::objects(&full, pen, &mut Clock::default()))
    );
    assert_eq!(written(|pen| End::cells(&short, pen, first)), written(|pen| End::cells(&full, pen, first)));
}

/// All stretches.
fn stretches(mut finish: Finish<'_>, wanted: Wanted<'_>) -> Vec<Stretch> {
    std::iter::from_fn(|| finish.next(wanted)).collect()
}

/// As it is written in each way.
fn lines(connections: &[Connection<impl End>]) -> [String; 3] {
    let text = |write: &dyn Fn(&mut Lines)| {
        let mut lines = Lines::default();
        write(&mut lines);
        String::from_utf8(lines.written().to_vec()).expect("text")
    };
    [
        text(&|lines| connections.iter().for_each(|c| lines.line(c))),
        text(&|lines| connections.iter().for_each(|c| lines.connection(c))),
        text(&|lines| connections.iter().for_each(|c| lines.row(c))),
    ]
}

/// How many connections of the captures in `folder` are written alike.
fn folder(folder: &Path) -> usize {
    let mut checked = 0;
    for path in common::files(folder) {
        let Ok(mut source) = source::open(&[&path]) else { continue };
        let mut analysis = Analysis::new(Options::default());
        while let Some(packet) = source.next() {
            analysis.packet(&packet);
        }
        let full = Wanted { connections: true, ..Wanted::default() };
        let full = stretches(analysis.ended(source.files()), full);
        let short = Wanted { connections: true, written: true, ..Wanted::default() };
        let short = stretches(analysis.ended(source.files()), short);
        assert_eq!(full.len(), short.len(), "{}", path.display());
        for (full, short) in full.iter().zip(&short) {
            assert!(full.passages.is_empty() && short.connections.is_empty());
            assert_eq!(lines(&full.connections), lines(&short.passages), "{}", path.display());
            checked += full.connections.len();
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
fn what_was_disproved_is_told_in_full() {
    let mut analysis = Analysis::new(Options { retracted: true, ..Options::default() });
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/trouble.pcap");
    let mut source = source::open(&[path]).expect("a capture");
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    let wanted = Wanted { connections: true, written: true, ..Wanted::default() };
    let all = stretches(analysis.ended(source.files()), wanted);
    assert!(all.iter().all(|stretch| stretch.passages.is_empty() && !stretch.connections.is_empty()));
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![4 => (0_i64..9_000_000_000).prop_map(|n| Time(1_700_000_000_000_000_000 + n)), 1 => any::<i64>().prop_map(Time)]
}

/// Small, middling and large numbers.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 4 => (any::<u64>(), 0_u32..64).prop_map(|(n, shift)| n >> shift)]
}

fn taken() -> impl Strategy<Value = Taken> {
    let rule = select(RULES.iter().collect::<Vec<_>>());
    let times =
        (time(), prop_oneof![Just(None), time().prop_map(Some)], prop_oneof![Just(None), time().prop_map(Some)]);
    (times, number(), number(), rule, select(Evidence::ALL.to_vec()), any::<bool>()).prop_map(
        |((time, latest, captured), packet, proof, rule, evidence, deduced)| {
            let (latest, captured) = (latest.unwrap_or(time), captured.unwrap_or(time));
            Taken { time, latest, captured, packet, proof, rule, evidence, deduced }
        },
    )
}

proptest! {
    #[test]
    fn any_passage_is_written_as_in_full(
        taken in vec(taken(), 0..9),
        possible in vec(select(State::ALL.to_vec()), 0..4),
        spent in vec((select(State::ALL.to_vec()), any::<i64>().prop_map(Span)), 0..5),
        first in time(),
    ) {
        let (possible, time_in_state) = (States::of(&possible), spent.into_iter().collect());
        check(&Passage { possible, taken: taken.into_iter().collect(), time_in_state }, first);
    }
}
