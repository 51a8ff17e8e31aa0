//! Two captures of the same traffic, one at each end, held against what the kernels at both ends did.

#[path = "common/program.rs"]
mod program;
#[path = "common/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use program::{Folder, run};
use serde_json::Value;

/// Scenarios with losses on the path.
const LOSSY: [&str; 8] = [
    "mix_loss1",
    "mix_loss5",
    "mix_loss20",
    "lost_fin",
    "lost_fin_ack",
    "lost_fin_forever",
    "lost_last_ack",
    "lost_last_ack_forever",
];

/// Nanoseconds of a JSON number or of a string of seconds.
fn nanos(value: &Value) -> i64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    whole.parse::<i64>().unwrap() * 1_000_000_000 + digits.parse::<i64>().unwrap()
}

fn end(value: &Value) -> String {
    format!("{}:{}", value["addr"].as_str().unwrap(), value["port"])
}

/// A state that the kernel was in: since when, which, and whether it may be left out (passed in microseconds, or left
/// without a packet that shows it).
struct Held {
    since: i64,
    state: String,
    optional: bool,
}

fn held(history: &Value) -> Vec<Held> {
    let flag = |entry: &Value, name: &str| entry[name].as_bool().unwrap_or(false);
    let one = |entry: &Value| Held {
        since: nanos(&entry["t"]),
        state: entry["state"].as_str().unwrap().to_owned(),
        optional: flag(entry, "transient") || flag(entry, "silent"),
    };
    history.as_array().unwrap().iter().map(one).collect()
}

/// Without leading CLOSED and repetitions.
fn plain<'a>(states: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for state in states {
        let state = if state == "LISTEN" { "CLOSED" } else { state };
        if out.last().is_some_and(|last| last == state) || out.is_empty() && state == "CLOSED" {
            continue;
        }
        out.push(state.to_owned());
    }
    out
}

/// Every sequence that may be told of an end seen from `first` to `last`, give or take `grace`.
fn variants(history: &[Held], first: i64, last: i64, grace: i64) -> BTreeSet<Vec<String>> {
    // How many states had been entered by then.
    let by = |time: i64| history.iter().filter(|held| held.since <= time).count();
    let mut all = BTreeSet::new();
    for from in by(first - grace)..=by(first + grace) {
        for to in by(last).max(from)..=by(last + grace).max(from) {
            let shown = &history[from.saturating_sub(1)..to];
            let mut told: Vec<Vec<&str>> = vec![Vec::new()];
            for held in shown {
                let with: Vec<Vec<&str>> =
                    told.iter().map(|t| [t.as_slice(), &[held.state.as_str()]].concat()).collect();
                told = if held.optional { [with, told].concat() } else { with };
                told.truncate(256);
            }
            all.extend(told.into_iter().map(plain));
        }
    }
    all
}

/// Endpoints of a scenario, and how many of them have exactly the history that their kernel had.
fn score(truth: &Path, name: &str, report: &Value, misses: &mut Vec<String>) -> (usize, usize) {
    let scenario = shared::scenario(truth, name);
    let path = &scenario["path"];
    let milliseconds = |key: &str| path[key].as_f64().unwrap_or(0.0);
    let grace = ((5.0 + 2.0 * milliseconds("one_way_delay_ms") + milliseconds("jitter_ms")) * 1e6) as i64;
    let mut reported: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for c in report["connections"].as_array().unwrap() {
        reported.entry((end(&c["client"]), end(&c["server"]))).or_default().push(c);
    }
    let seen = |c: &Value, side: &str| c["vantages"][side]["packets"].as_u64().is_some_and(|n| n > 0);
    let mut expected: Vec<&Value> = scenario["connections"].as_array().unwrap().iter().collect();
    expected.retain(|c| seen(c, "client") || seen(c, "server"));
    let first = |c: &Value| {
        let sides = ["client", "server"].into_iter().filter(|side| seen(c, side));
        sides.map(|side| nanos(&c["vantages"][side]["first"])).min().unwrap()
    };
    expected.sort_by_key(|c| first(c));
    let (mut exact, mut of) = (0, 0);
    for c in expected {
        let key = (end(&c["client"]), end(&c["server"]));
        let found = reported.get_mut(&key).filter(|all| !all.is_empty()).map(|all| all.remove(0));
        let found = found.unwrap_or_else(|| panic!("{name}: {key:?} is not reported"));
        for side in ["client", "server"] {
            let end = &c["endpoints"][side];
            if end["synthetic"].as_bool().unwrap_or(false) {
                continue;
            }
            let last = nanos(&scenario["captures"][side]["last"]);
            let begin = if seen(c, side) { nanos(&c["vantages"][side]["first"]) } else { first(c) };
            let entries = found["endpoints"][side]["history"].as_array().unwrap();
            let told = entries.iter().filter(|entry| nanos(&entry["time"]) <= last + grace);
            let told = plain(told.map(|entry| entry["state"].as_str().unwrap()));
            of += 1;
            if variants(&held(&end["history"]), begin, last, grace).contains(&told) {
                exact += 1;
            } else {
                misses.push(format!("{name} {side} of {key:?}: {told:?}"));
            }
        }
    }
    let spurious: usize = reported.values().map(Vec::len).sum();
    assert_eq!(spurious, 0, "{name}: connections that never were");
    (exact, of)
}

fn analyze(client: &str, server: &str) -> Value {
    let run = run(&["analyze", "--format", "json", "--client", client, "--server", server]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    serde_json::from_str(&run.out).unwrap()
}

fn of_scenario(truth: &Path, name: &str) -> Value {
    analyze(&shared::capture(truth, name, "client"), &shared::capture(truth, name, "server"))
}

#[test]
fn histories_are_exact_whatever_is_lost() {
    let Some(truth) = shared::truth() else { return };
    let mut misses = Vec::new();
    for name in LOSSY {
        let (exact, of) = score(&truth, name, &of_scenario(&truth, name), &mut misses);
        assert!(exact * 100 >= of * 99, "{name}: {exact} of {of}: {misses:#?}");
    }
}

#[test]
fn histories_are_exact_with_reordering_offload_and_odd_closes() {
    let Some(truth) = shared::truth() else { return };
    let mut misses = Vec::new();
    let (mut exact, mut of) = (0, 0);
    for name in
        ["mix_reorder", "bulk_gso", "simultaneous_close", "simultaneous_open", "rst_injection", "tw_reuse_client"]
    {
        let (n, m) = score(&truth, name, &of_scenario(&truth, name), &mut misses);
        (exact, of) = (exact + n, of + m);
    }
    assert!(exact * 100 >= of * 99, "{exact} of {of}: {misses:#?}");
}

/// Nothing is left inferred, and what was lost is told by direction.
#[test]
fn nothing_stays_inferred_and_losses_have_a_direction() {
    let Some(truth) = shared::truth() else { return };
    let report = of_scenario(&truth, "mix_loss20");
    let connections = report["connections"].as_array().unwrap();
    let sides = || ["client", "server"].into_iter();
    let entries = connections.iter().flat_map(|c| sides().map(move |s| &c["endpoints"][s]["history"]));
    for entry in entries.flat_map(|history| history.as_array().unwrap()) {
        assert_ne!(entry["evidence"], "inferred", "{entry}");
    }
    let both = &report["capture"]["both_ends"];
    for side in sides() {
        let count = |key: &str| both["path"][side][key].as_u64().unwrap();
        let share = count("lost") as f64 / (count("lost") + count("arrived")) as f64;
        assert!((0.17..0.24).contains(&share), "{side}: {share}");
        let total: u64 = connections.iter().map(|c| c["path"][side]["lost"].as_u64().unwrap()).sum();
        assert_eq!(total, count("lost"));
    }
    assert!(both["retracted"].as_u64().unwrap() > 0 && both["confirmed"].as_u64().unwrap() > 100);
    // One direction only: the acknowledgments of the FIN.
    let report = of_scenario(&truth, "lost_fin_ack");
    let lost = |side: &str| report["capture"]["both_ends"]["path"][side]["lost"].as_u64().unwrap();
    assert_eq!(lost("client"), 0);
    assert!(lost("server") > 0);
}

/// What both captures show of one service or host is not told twice, and what is said of one capture says of which.
#[test]
fn what_many_connections_show_at_both_ends_stands_once() {
    let Some(truth) = shared::truth() else { return };
    for name in ["mix_loss20", "mix_stopped", "syn_flood"] {
        let report = of_scenario(&truth, name);
        let mut told = BTreeSet::new();
        for finding in report["findings"].as_array().unwrap() {
            let (code, facts) = (finding["code"].as_str().unwrap(), &finding["facts"]);
            let whose = if code.starts_with('Q') { &facts["seen_at"] } else { &facts["at"] };
            let hosts = [&facts["host"], &facts["hosts"]];
            assert!(told.insert(format!("{code} {} {hosts:?} {whose}", facts["service"])), "{name}: {finding}");
            if let (true, Some(side)) = (code.starts_with('Q'), facts["seen_at"].as_str()) {
                assert!(finding["message"].as_str().unwrap().starts_with(&format!("at the {side}'s side: ")));
            }
        }
        assert!(told.iter().any(|what| what.starts_with('A')), "{name}: {told:?}");
    }
}

/// A capture with its clock changed and its addresses translated: nanosecond pcap of raw Ethernet, little endian.
fn changed(pcap: &[u8], change: impl Fn(i64) -> i64, translate: Option<([u8; 4], [u8; 4])>) -> Vec<u8> {
    let mut out = pcap[..24].to_vec();
    let word = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_3c4d);
    let mut at = 24;
    while at + 16 <= pcap.len() {
        let (time, len) = (i64::from(word(at)) * 1_000_000_000 + i64::from(word(at + 4)), word(at + 8) as usize);
        let time = change(time);
        out.extend(((time / 1_000_000_000) as u32).to_le_bytes());
        out.extend(((time % 1_000_000_000) as u32).to_le_bytes());
        out.extend(&pcap[at + 8..at + 16]);
        let mut frame = pcap[at + 16..at + 16 + len].to_vec();
        if let Some((from, to)) = translate
            && frame.len() >= 34
            && frame[12..14] == [8, 0]
        {
            for place in [26..30, 30..34] {
                if frame[place.clone()] == from {
                    frame[place].copy_from_slice(&to);
                }
            }
        }
        out.extend(frame);
        at += 16 + len;
    }
    out
}

fn states(report: &Value) -> Vec<(Value, Value, Vec<String>)> {
    let of = |c: &Value, side: &str| {
        plain(c["endpoints"][side]["history"].as_array().unwrap().iter().map(|e| e["state"].as_str().unwrap()))
    };
    let one =
        |c: &Value| (c["client"]["port"].clone(), c["outcome"].clone(), [of(c, "client"), of(c, "server")].concat());
    report["connections"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn clocks_that_disagree_change_nothing_and_are_measured() {
    let Some(truth) = shared::truth() else { return };
    let folder = Folder::new();
    let client = shared::capture(&truth, "mix_loss5", "client");
    let bytes = std::fs::read(shared::capture(&truth, "mix_loss5", "server")).unwrap();
    let plainly = of_scenario(&truth, "mix_loss5");
    let start = nanos(&shared::scenario(&truth, "mix_loss5")["captures"]["client"]["first"]);
    for (offset, ppm) in [(7_300_000_000, 0), (-90_000_000_000, 0), (3_600_000_000_000, 200)] {
        let change = |time: i64| time + offset + (time - start) / 1_000_000 * ppm;
        let server = folder.file("server.pcap", &changed(&bytes, change, None));
        let report = analyze(&client, &server);
        assert_eq!(states(&report), states(&plainly), "{offset} {ppm}");
        let both = &report["capture"]["both_ends"];
        assert!((nanos_of(&both["offset"]) - offset).abs() < 1_000_000, "{offset}: {both}");
        let drift = both["drift_ppm"].as_f64().unwrap_or(0.0);
        assert!((drift - ppm as f64).abs() < 30.0, "{ppm}: {drift}");
    }
}

/// A duration, which may be negative.
fn nanos_of(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 1e9) as i64
}

#[test]
fn addresses_may_be_translated_on_the_way() {
    let Some(truth) = shared::truth() else { return };
    let folder = Folder::new();
    let scenario = shared::scenario(&truth, "mix_loss5");
    let addr: std::net::Ipv4Addr = scenario["connections"][0]["client"]["addr"].as_str().unwrap().parse().unwrap();
    let bytes = std::fs::read(shared::capture(&truth, "mix_loss5", "server")).unwrap();
    let server = folder.file("server.pcap", &changed(&bytes, |t| t, Some((addr.octets(), [203, 0, 113, 9]))));
    let report = analyze(&shared::capture(&truth, "mix_loss5", "client"), &server);
    let mut misses = Vec::new();
    let (exact, of) = score(&truth, "mix_loss5", &report, &mut misses);
    assert!(exact * 100 >= of * 99, "{exact} of {of}: {misses:#?}");
    assert!(report["capture"]["both_ends"]["translated"].as_u64().unwrap() > 150);
}

#[test]
fn swapped_captures_are_noticed_and_told_right() {
    let Some(truth) = shared::truth() else { return };
    let (client, server) =
        (shared::capture(&truth, "mix_loss1", "client"), shared::capture(&truth, "mix_loss1", "server"));
    let swapped = run(&["analyze", "--format", "json", "--client", &server, "--server", &client]);
    assert_eq!(swapped.code, 0);
    assert!(swapped.err.contains("most connections were opened from the other side; swapped?"), "{}", swapped.err);
    let report: Value = serde_json::from_str(&swapped.out).unwrap();
    let mut misses = Vec::new();
    let (exact, of) = score(&truth, "mix_loss1", &report, &mut misses);
    assert!(exact * 100 >= of * 99, "{exact} of {of}: {misses:#?}");
}

/// The captures that come with the project: every fifth segment is lost, either way.
#[test]
fn the_bundled_captures_tell_both_ends_apart() {
    let file = |name: &str| format!("{}/testdata/{name}.pcap", env!("CARGO_MANIFEST_DIR"));
    let report = analyze(&file("loss_client"), &file("loss_server"));
    let connections = report["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 12);
    let both = &report["capture"]["both_ends"];
    assert_eq!(both["only"], serde_json::json!({"client": 0, "server": 0}));
    for side in ["client", "server"] {
        let count = |key: &str| both["path"][side][key].as_u64().unwrap();
        assert_eq!((count("lost"), count("unseen"), count("repeated")), (17, 0, 0), "{side}");
        for entry in connections.iter().flat_map(|c| c["endpoints"][side]["history"].as_array().unwrap()) {
            assert!(entry["evidence"] != "inferred" && entry["seen_at"] == side, "{entry}");
        }
    }
}

#[test]
fn one_capture_needs_the_other() {
    for arguments in [&["analyze", "--client", "a.pcap"][..], &["analyze", "--client", "a", "--server", "b", "c"]] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

/// Times are added up at each end, of all connections: they are not those of the ones that a filter leaves.
#[test]
fn with_a_filter_no_times_of_others_are_told() {
    let captures = ["--client", "testdata/loss_client.pcap", "--server", "testdata/loss_server.pcap"];
    let of = |further: &[&str]| -> (usize, u64) {
        let arguments = [&["analyze", "--quiet", "-f", "json"], &captures[..], further].concat();
        let report: Value = serde_json::from_str(&run(&arguments).out).unwrap();
        let all = &report["timing"]["all"];
        (report["connections"].as_array().unwrap().len(), all["connections"].as_u64().unwrap_or(0))
    };
    let (all, filtered) = (of(&[]), of(&["--filter", "id 1"]));
    assert_eq!((all.0 as u64, filtered), (all.1, (1, 0)));
}

#[test]
fn people_are_told_of_clocks_and_losses() {
    let Some(truth) = shared::truth() else { return };
    let captures = (shared::capture(&truth, "lost_fin", "client"), shared::capture(&truth, "lost_fin", "server"));
    let run = run(&["analyze", "--client", &captures.0, "--server", &captures.1, "--connection", "1", "--retracted"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines: Vec<&str> = run.out.lines().collect();
    let from = lines.iter().position(|line| line.starts_with("ends:")).unwrap();
    let told = lines.iter().skip(from).take_while(|line| !line.starts_with("shown:"));
    let known = lines.iter().filter(|line| line.contains("side") || line.contains(" lost "));
    insta::assert_snapshot!("table", told.chain(known).copied().collect::<Vec<_>>().join("\n"));
}

#[test]
fn whose_times_and_whose_packets_are_told_is_said() {
    let captures = ["--client", "testdata/loss_client.pcap", "--server", "testdata/loss_server.pcap"];
    let told = |further: &[&str]| run(&[&["analyze", "--quiet"], &captures[..], further].concat()).out;
    let timing = told(&["--only", "timing"]);
    for title in ["TIMING  ", "TIME IN STATE  ", "WHERE THE TIME WENT  "] {
        let heading = timing.lines().find(|line| line.starts_with(title)).unwrap();
        assert!(heading.contains("by the client's capture alone; "), "{heading}");
    }
    let events = told(&["--events"]);
    let confirmed = || events.lines().filter(|line| line.contains("confirmed by #"));
    assert!(
        confirmed().all(|line| line.ends_with(" of the client's") || line.ends_with(" of the server's")),
        "{events}"
    );
    let events: Vec<Value> = serde_json::from_str(&told(&["--events", "--format", "json"])).unwrap();
    assert!(events.iter().all(|event| event["seen_at"] == event["role"]), "{:?}", events[0]);
}

#[test]
fn a_copy_of_a_capture_confirms_nothing() {
    let folder = Folder::new();
    let bytes = std::fs::read(format!("{}/testdata/loss_client.pcap", env!("CARGO_MANIFEST_DIR"))).unwrap();
    folder.file("a.pcap", &bytes);
    folder.file("b.pcap", &bytes);
    let run = folder.run(&["analyze", "--client", "a.pcap", "--server", "b.pcap", "--only", "totals"]);
    assert!(run.err.contains("no time passes between the two captures, either way: "), "{}", run.err);
    let told: String = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("neither confirms what the other believes") && !told.contains("clocks"), "{told}");
    let run = folder.run(&["analyze", "--quiet", "--client", "a.pcap", "--server", "b.pcap", "-f", "json"]);
    let (both, alone): (Value, Value) = (
        serde_json::from_str(&run.out).unwrap(),
        serde_json::from_str(&folder.run(&["analyze", "-f", "json", "a.pcap"]).out).unwrap(),
    );
    assert_eq!(both["capture"]["both_ends"]["confirmed"], 0);
    assert_eq!(states(&both), states(&alone));
}
