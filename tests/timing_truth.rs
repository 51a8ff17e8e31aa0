//! Times and snapshots against the kernel's own histories.

#[path = "common/analysis.rs"]
mod analysis;
mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::shared::socket;
use serde_json::Value;
use tcpstate::analyze::Options;
use tcpstate::report::{Connection, Report, Side};
use tcpstate::segment::Socket;
use tcpstate::snapshot::{Moment, Sockets};
use tcpstate::time::Time;
use tcpstate::tracker::{Evidence, State};

fn report(file: &Path) -> Report {
    analysis::of_file(file, Options::default()).expect("the capture can be read")
}

/// Seconds with nine decimals in a string.
fn time(value: &Value) -> Time {
    let text = value.as_str().expect("times are strings");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    Time(whole.parse::<i64>().unwrap() * 1_000_000_000 + format!("{fraction:0<9}").parse::<i64>().unwrap())
}

/// What the kernel says of one end.
struct Kernel {
    local: Socket,
    peer: Socket,
    side: Side,
    history: Vec<(Time, State)>,
}

/// The ends that a kernel socket stood behind.
fn kernel(truth: &Value) -> Vec<Kernel> {
    let mut ends = Vec::new();
    for c in truth["connections"].as_array().unwrap() {
        for (side, name, other) in [(Side::Client, "client", "server"), (Side::Server, "server", "client")] {
            let end = &c["endpoints"][name];
            if end["synthetic"].as_bool() == Some(true) {
                continue;
            }
            let history = end["history"].as_array().unwrap().iter();
            let history = history.map(|h| (time(&h["t"]), h["state"].as_str().unwrap().parse().unwrap())).collect();
            ends.push(Kernel { local: socket(&c[name]), peer: socket(&c[other]), side, history });
        }
    }
    ends
}

/// The connections of a four-tuple in order of time, on both sides of the comparison.
fn paired<'a>(kernel: &'a [Kernel], report: &'a Report) -> Vec<(&'a Kernel, &'a Connection)> {
    let mut ours: BTreeMap<(Socket, Socket), Vec<&Connection>> = BTreeMap::new();
    for c in &report.connections {
        ours.entry((c.client, c.server)).or_default().push(c);
    }
    let mut next: BTreeMap<(Side, Socket, Socket), usize> = BTreeMap::new();
    let mut pairs = Vec::new();
    for end in kernel {
        let key = match end.side {
            Side::Client => (end.local, end.peer),
            Side::Server => (end.peer, end.local),
        };
        let n = next.entry((end.side, end.local, end.peer)).or_default();
        if let Some(c) = ours.get(&key).and_then(|all| all.get(*n)) {
            pairs.push((end, *c));
        }
        *n += 1;
    }
    pairs
}

/// Taps at the hosts see what these do when they do it.
const TAPS: [(&str, Side); 2] = [("client", Side::Client), ("server", Side::Server)];

#[test]
fn time_in_state_is_the_kernels_to_a_millisecond() {
    let Some(truth) = common::truth() else { return };
    let mut errors: BTreeMap<State, Vec<i64>> = BTreeMap::new();
    let (mut covered, mut bounded) = (0_u64, 0_u64);
    for scenario in ["mix_clean", "mix_v6", "mix_loss1", "mix_loss5", "half_close", "tw_full_60s", "zero_window"] {
        let folder = truth.join(scenario);
        let kernel = kernel(&common::shared::scenario(&truth, scenario));
        for (tap, at) in TAPS {
            let report = report(&folder.join(format!("{tap}.pcap")));
            for (end, c) in paired(&kernel, &report).into_iter().filter(|(end, _)| end.side == at) {
                let history = &c.endpoints.get(at).history;
                let states: Vec<State> = history.iter().map(|e| e.state).collect();
                let theirs: Vec<State> = end.history.iter().map(|(_, s)| *s).collect();
                let shared = states.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
                for i in 0..shared.saturating_sub(1) {
                    let leaving = &history[i + 1];
                    // Timers have their own resolution: the kernel's wheel turns in steps of seconds.
                    if leaving.evidence == Evidence::Timer || history[i].state == State::Closed {
                        continue;
                    }
                    let mine = leaving.time - history[i].time;
                    let real = end.history[i + 1].0 - end.history[i].0;
                    errors.entry(history[i].state).or_default().push((mine.0 - real.0).abs());
                    let entered = history[i].latest.unwrap_or(history[i].time);
                    let left = leaving.latest.unwrap_or(leaving.time);
                    // A host takes some time from the tap to its own record.
                    let slack = 1_000_000;
                    covered += 1;
                    let (low, high) = ((leaving.time - entered).0 - slack, (left - history[i].time).0 + slack);
                    bounded += u64::from((low..=high).contains(&real.0));
                }
            }
        }
    }
    let mut all: Vec<i64> = errors.values().flatten().copied().collect();
    all.sort_unstable();
    let at = |v: &[i64], share: usize| v[(v.len() * share / 100).min(v.len() - 1)] as f64 / 1e3;
    for (state, errors) in &mut errors {
        errors.sort_unstable();
        println!("{state:11} n {:5} p50 {:9.1} µs p95 {:9.1} µs", errors.len(), at(errors, 50), at(errors, 95));
    }
    println!(
        "all n {} p50 {:.1} µs p95 {:.1} µs; within bounds {bounded} of {covered}",
        all.len(),
        at(&all, 50),
        at(&all, 95)
    );
    assert!(all.len() > 3_000, "{}", all.len());
    assert!(at(&all, 50) < 1_000.0, "the median is off by {} µs", at(&all, 50));
    assert!(errors.values().filter(|e| e.len() >= 20).all(|e| at(e, 50) < 1_000.0), "a state's median is off by more");
    assert!(bounded * 100 >= covered * 97, "{bounded} of {covered} within their bounds");
}

#[test]
fn snapshots_list_what_the_hosts_had() {
    let Some(truth) = common::truth() else { return };
    let scenarios = [
        "normal_client_close",
        "normal_server_close",
        "half_close",
        "simultaneous_close",
        "linger0",
        "mix_clean",
        "mix_loss5",
        "many_time_wait_client",
        "lost_last_ack",
        "zero_window",
    ];
    let (mut same, mut all) = (0, 0);
    let mut worst = Vec::new();
    for scenario in scenarios {
        let folder = truth.join(scenario);
        let kernel = kernel(&common::shared::scenario(&truth, scenario));
        for (tap, at) in TAPS {
            let report = report(&folder.join(format!("{tap}.pcap")));
            let (first, last) = (report.capture.first.unwrap(), report.capture.last.unwrap());
            let mut numbers = common::Numbers::new(7);
            let (mut matched, mut listed) = (0, 0);
            for _ in 0..20 {
                let now = Time(first.0 + (numbers.next() % ((last - first).0 as u64 + 1)) as i64);
                let theirs = kernel.iter().filter(|k| k.side == at).filter_map(|k| {
                    let (_, state) = k.history.iter().take_while(|(t, _)| *t <= now).last()?;
                    (*state != State::Closed).then_some((k.local, k.peer, *state))
                });
                let mut theirs: Vec<_> = theirs.collect();
                let mut sockets = Sockets::new(Moment::Time(now), first);
                report.connections.iter().for_each(|c| sockets.take(c));
                let rows = sockets.finish();
                let ours = rows.iter().filter(|r| r.role == at).map(|r| (r.local, r.peer, r.state));
                for row in ours {
                    listed += 1;
                    if let Some(i) = theirs.iter().position(|t| *t == row) {
                        theirs.swap_remove(i);
                        matched += 1;
                    }
                }
                // What is listed by neither side of a mismatch twice: rows missed count as well as rows too many.
                listed += theirs.len();
            }
            println!("{scenario} at the {tap}: {matched} of {listed}");
            if matched * 100 < listed * 98 {
                worst.push(format!("{scenario}/{tap} {matched}/{listed}"));
            }
            same += matched;
            all += listed;
        }
    }
    println!("{same} of {all} rows, {:.2} %; below 98 %: {worst:?}", 100.0 * same as f64 / all as f64);
    assert!(all > 5_000, "{all}");
    assert!(same * 100 >= all * 98, "{same} of {all} rows; {worst:?}");
}
