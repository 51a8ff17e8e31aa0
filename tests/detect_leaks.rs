//! Connections that are opened and lie idle: whether their number grows as that of a leak does.

#[path = "common/analysis.rs"]
mod analysis;

use std::net::IpAddr;

use analysis::{in_order, moved, of_segments, opened, parsed, with};
use tcpstate::analyze::Options;
use tcpstate::detect::{DOUBTFUL, Limits};
use tcpstate::report::{Finding, Report, Severity};
use tcpstate::segment::Segment;
use tcpstate::time::Span;

/// A request and its answer.
const USED: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> -
5. - <-- <SEQ=301><ACK=181><CTL=ACK><LEN=200> <-- -
6. - --> <SEQ=181><ACK=501><CTL=ACK> --> -
"
);

/// The segments of `text` once for each of these times in seconds, each from another port.
fn each(text: &str, begun: impl IntoIterator<Item = i64>) -> Vec<Segment> {
    let ladder = parsed(text);
    let ports = 20_000..;
    ports.zip(begun).flat_map(|(port, second)| moved(&ladder, port, Span::secs(second))).collect()
}

/// The report on these in a capture that ends after so many seconds.
fn until(mut segments: Vec<Segment>, seconds: i64) -> Report {
    let begin = parsed(USED).segments()[0].time;
    in_order(&mut segments);
    segments.retain(|seg| seg.time <= begin + Span::secs(seconds));
    of_segments(&segments, begin + Span::secs(seconds))
}

fn growth(report: &Report) -> Option<&Finding> {
    report.findings.iter().find(|found| found.name == "established-growth")
}

/// One after the other, all through the capture.
fn leak() -> Vec<Segment> {
    each(USED, (0..40).map(|n| 10 * n))
}

/// Each is used again after so many seconds.
fn used_after(seconds: i64) -> String {
    format!(
        "{USED}7. - --> <SEQ=181><ACK=501><CTL=ACK><LEN=80> --> - @ {seconds}s\n8. - <-- <SEQ=501><ACK=261><CTL=ACK> <-- -\n"
    )
}

/// Each is closed after so many seconds.
fn closed_after(seconds: i64) -> String {
    format!(
        "{USED}7. - --> <SEQ=181><ACK=501><CTL=FIN,ACK> --> - @ {seconds}s
8. - <-- <SEQ=501><ACK=182><CTL=FIN,ACK> <-- -
9. - --> <SEQ=182><ACK=502><CTL=ACK> --> -
"
    )
}

#[test]
fn connections_that_are_used_once_and_kept_are_told_quarter_by_quarter() {
    let report = until(leak(), 400);
    let found = growth(&report).unwrap();
    // Up to a minute before the end.
    assert_eq!(found.facts["by_quarter"], serde_json::json!([9, 17, 26, 34]), "{}", found.message);
    assert_eq!(found.facts["open_by_quarter"], found.facts["by_quarter"]);
    assert_eq!((found.severity, found.count), (Severity::Warning, 34));
    assert_eq!(found.connections, (1..=10).collect::<Vec<u64>>());
    assert!(found.message.contains("lie idle through the capture: 9, 17, 26, 34;"), "{}", found.message);
    let blamed = report.rollups.hosts.entries.iter().filter(|host| host.worst.is_some()).count();
    assert_eq!((blamed, found.facts.contains_key(DOUBTFUL)), (1, false));
}

#[test]
fn where_some_are_closed_that_had_been_open_for_as_long_it_is_a_note() {
    let told = |closed_after_seconds: i64| {
        let mut segments = leak();
        let mut closed = each(&closed_after(closed_after_seconds), [30]);
        closed.iter_mut().for_each(|seg| {
            let client = if seg.src.port == 20_000 { &mut seg.src } else { &mut seg.dst };
            client.port = 30_000;
        });
        segments.extend(closed);
        let found = growth(&until(segments, 400)).unwrap().clone();
        (
            found.severity,
            found.facts["closed"].as_u64(),
            found.message.ends_with("; 1 that had been open for as long was closed"),
        )
    };
    assert_eq!(told(20), (Severity::Warning, Some(0), false));
    // It was open at the end of the first quarter.
    assert_eq!(told(62), (Severity::Note, Some(1), true));
}

#[test]
fn a_pool_that_fills_and_stays_as_it_is_leaks_nothing() {
    assert!(growth(&until(each(USED, 0..40), 400)).is_none());
    // However slowly: it must go on for as long as can be told.
    assert!(growth(&until(each(USED, (0..40).map(|n| 6 * n)), 400)).is_none());
    assert!(growth(&until(each(USED, (0..40).map(|n| 7 * n)), 400)).is_some());
}

#[test]
fn a_capture_must_be_four_times_as_long_as_connections_lie_idle() {
    let fast = |seconds: i64| each(USED, (0..40).map(move |n| seconds * n / 40));
    assert!(growth(&until(fast(239), 239)).is_none());
    assert!(growth(&until(fast(241), 241)).is_some());
}

#[test]
fn connections_that_are_used_again_or_closed_are_not_idle() {
    let all_through = |text: &str| until(each(text, (0..40).map(|n| 10 * n)), 400);
    let count = |report: Report| growth(&report).map(|found| found.count);
    assert_eq!([59, 200].map(|seconds| count(all_through(&used_after(seconds)))), [Some(29), None]);
    assert_eq!([30, 380].map(|seconds| count(all_through(&closed_after(seconds)))), [None, Some(31)]);
    // The load rises.
    let busy: String = (1..40).fold(USED.to_owned(), |text, n| {
        let (line, seq, time) = (5 + 2 * n, 181 + 80 * (n - 1), 10 * n);
        format!(
            "{text}{line}. - --> <SEQ={seq}><ACK=501><CTL=ACK><LEN=80> --> - @ {time}s
{}. - <-- <SEQ=501><ACK={}><CTL=ACK> <-- -\n",
            line + 1,
            seq + 80
        )
    });
    assert_eq!(count(all_through(&busy)), None);
}

/// Few of them are in use, and each is replaced after some time.
#[test]
fn a_pool_that_renews_its_connections_leaks_nothing() {
    let renewed = closed_after(100);
    let pool: Vec<i64> = (0..40).map(|n| 10 * n).collect();
    assert!(growth(&until(each(&renewed, pool.iter().copied()), 400)).is_none());
    // Those that are replaced had been there before the capture, and the new ones outlive it.
    let mut segments = each(&closed_after(400), (0..80).map(|n| 10 * n - 400));
    let begin = parsed(USED).segments()[0].time;
    segments.retain(|seg| seg.time >= begin);
    assert!(growth(&until(segments, 400)).is_none());
}

#[test]
fn who_has_one_connection_each_leaks_nothing() {
    let mut segments = leak();
    for seg in &mut segments {
        let port = seg.src.port.max(seg.dst.port);
        let client = if seg.src.port == port { &mut seg.src } else { &mut seg.dst };
        client.addr = IpAddr::from([10, 0, 0, (port - 20_000) as u8 + 1]);
    }
    assert!(growth(&until(segments, 400)).is_none());
}

#[test]
fn keepalives_are_no_payload_and_data_that_is_not_acknowledged_is_no_idleness() {
    let kept = (1..30).fold(USED.to_owned(), |text, n| {
        let (line, time) = (5 + 2 * n, 15 * n);
        format!(
            "{text}{line}. - --> <SEQ=180><ACK=501><CTL=ACK> --> - @ {time}s
{}. - <-- <SEQ=501><ACK=181><CTL=ACK> <-- -\n",
            line + 1
        )
    });
    assert_eq!(growth(&until(each(&kept, (0..40).map(|n| 10 * n)), 400)).unwrap().count, 34);
    let dead = format!("{USED}7. - --> <SEQ=181><ACK=501><CTL=ACK><LEN=80> -->x - @ 2s\n");
    assert!(growth(&until(each(&dead, (0..40).map(|n| 10 * n)), 400)).is_none());
}

#[test]
fn in_one_direction_or_with_gaps_it_is_doubtful() {
    let doubt = |segments: Vec<Segment>| {
        let report = until(segments, 400);
        let found = growth(&report).unwrap();
        assert!(found.message.contains("; doubtful: "), "{}", found.message);
        (found.severity, found.facts[DOUBTFUL].as_str().unwrap().to_owned())
    };
    let mut one_way = leak();
    one_way.retain(|seg| seg.dst.port == 80);
    assert_eq!(doubt(one_way), (Severity::Note, "only one direction was captured".to_owned()));
    // Half of the answers are missing.
    let mut lossy = leak();
    let mut n = 0;
    lossy.retain(|seg| {
        n += u32::from(seg.len == 200);
        seg.len != 200 || n % 2 == 0
    });
    let (severity, why) = doubt(lossy);
    assert!(severity == Severity::Note && why.starts_with("the capture misses "), "{why}");
}

#[test]
fn how_many_and_how_long_are_for_the_user_to_say() {
    let count = |settings: &[&str], apart: i64, seconds: i64| {
        let mut segments = each(USED, (0..400 / apart).map(|n| apart * n));
        let begin = parsed(USED).segments()[0].time;
        in_order(&mut segments);
        segments.retain(|seg| seg.time <= begin + Span::secs(seconds));
        let limits = Limits::read(settings.iter().copied()).unwrap();
        let report = with(Options { limits, ..Options::default() }, &segments, begin + Span::secs(seconds));
        growth(&report).map(|found| found.count)
    };
    assert_eq!([38, 34].map(|apart| count(&[], apart, 400)), [None, Some(10)]);
    assert_eq!(count(&["established-growth=9"], 38, 400), Some(9));
    assert_eq!(count(&["established-growth=3"], 170, 400), None);
    assert_eq!(count(&[], 5, 200), None);
    assert_eq!(count(&["established-growth-idle=20s"], 5, 200), Some(36));
    assert_eq!(count(&["established-growth-idle=101s"], 10, 400), None);
}
