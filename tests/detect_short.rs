//! What lasts up to the end of a capture that is too short to wait for the usual time: a note, and not while it goes on.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/conversation.rs"]
mod conversation;

use std::io::Cursor;

use analysis::{in_order, moved, of_segments, opened, parsed, with};
use conversation::{ACK, Conversation};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::detect::{self, SHORT_CAPTURE};
use tcpstate::live::{Limits, Watcher};
use tcpstate::report::{Anomaly, Report, Severity};
use tcpstate::source::{FileInfo, open_reader};
use tcpstate::time::{Span, Time};

/// All anomalies in `ladder`, with these thresholds.
fn anomalies(ladder: &str, settings: &[&str]) -> Vec<Anomaly> {
    let ladder = parsed(ladder);
    let limits = detect::Limits::read(settings.iter().copied()).unwrap();
    let report = with(Options { limits, ..Options::default() }, &ladder.segments(), ladder.end());
    let all = report.connections.into_iter().flat_map(|c| c.anomalies);
    all.filter(|anomaly| anomaly.name != "no-data").collect()
}

/// Of those called `name`: how bad it is, and whether it is told of a short capture only.
fn told(name: &str, ladder: &str) -> Option<(Severity, bool)> {
    let found = anomalies(ladder, &[]).into_iter().find(|a| a.name == name)?;
    assert_eq!(
        found.facts.contains_key(SHORT_CAPTURE),
        found.message.contains("ends before the usual"),
        "{}",
        found.message
    );
    Some((found.severity, found.facts.contains_key(SHORT_CAPTURE)))
}

/// One end closes so many milliseconds after the capture has begun, and the other has not so long after that.
fn half_closed(begin: u32, wait: u32) -> String {
    opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ {begin}ms
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT @ {begin}ms
6. - - @ {end}ms
"
    )
    .replace("{begin}", &begin.to_string())
    .replace("{end}", &(begin + wait).to_string())
}

const NOTE: Option<(Severity, bool)> = Some((Severity::Note, true));

#[test]
fn in_a_short_capture_an_end_that_does_not_close_is_a_note() {
    let found = anomalies(&half_closed(1_000, 7_000), &[]);
    let told: Vec<_> = found.iter().map(|a| (a.name, a.severity)).collect();
    assert_eq!(told, [("close-wait-stuck", Severity::Note), ("fin-wait-2-stuck", Severity::Info)]);
    for anomaly in &found {
        assert_eq!(anomaly.facts[SHORT_CAPTURE], true);
        let message = &anomaly.message;
        assert!(message.contains("at least 7.0 s"), "{message}");
        assert!(message.ends_with("; the capture (8.0 s) ends before the usual 1 min are over"), "{message}");
    }
}

#[test]
fn who_says_how_long_to_wait_is_taken_at_his_word() {
    let names = |settings: &[&str]| -> Vec<&str> {
        anomalies(&half_closed(1_000, 30_000), settings).iter().map(|anomaly| anomaly.name).collect()
    };
    assert_eq!(names(&["stuck-after=60s"]), ["half-closed-at-end"]);
    assert_eq!(names(&["close-wait-stuck=60s"]), ["fin-wait-2-stuck", "half-closed-at-end"]);
    assert_eq!(names(&["fin-wait-2-stuck=60s"]), ["close-wait-stuck"]);
    let found = anomalies(&half_closed(1_000, 30_000), &["stuck-after=20s"]);
    assert!(found.iter().all(|anomaly| !anomaly.facts.contains_key(SHORT_CAPTURE)), "{found:?}");
    assert_eq!((found[0].name, found[0].severity), ("close-wait-stuck", Severity::Warning));
}

#[test]
fn a_tenth_of_the_capture_is_enough_but_no_less_than_two_seconds_and_never_more_than_the_usual_time() {
    let stuck = |begin, wait| told("close-wait-stuck", &half_closed(begin, wait));
    assert_eq!((stuck(100, 1_900), stuck(100, 2_100)), (None, NOTE));
    assert_eq!((stuck(270_000, 29_000), stuck(270_000, 31_000)), (None, NOTE));
    let usual = Some((Severity::Warning, false));
    assert_eq!((stuck(600_000, 59_000), stuck(600_000, 61_000)), (None, usual));
    assert_eq!((stuck(10_000, 59_000), stuck(10_000, 61_000)), (NOTE, usual));
    // What is not told is left to half-closed-at-end.
    let left = Some((Severity::Info, false));
    assert_eq!(told("half-closed-at-end", &half_closed(270_000, 29_000)), left);
    assert_eq!(told("half-closed-at-end", &half_closed(270_000, 31_000)), None);
}

/// Too little is known of such an end: it takes the usual time.
#[test]
fn neither_a_fin_that_may_not_have_arrived_nor_a_pause_tells_anything_in_a_short_time() {
    let unacknowledged = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. - - @ 20s
"
    );
    let one_sided = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
2. ESTABLISHED --> <SEQ=111><ACK=401><CTL=ACK> --> ESTABLISHED
3. FIN_WAIT_1 --> <SEQ=111><ACK=401><CTL=FIN,ACK> --> CLOSE_WAIT
4. - - @ 20s
";
    let pausing = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=500> <-- CLOSE_WAIT @ 80s
7. FIN_WAIT_2 --> <SEQ=102><ACK=801><CTL=ACK> --> CLOSE_WAIT
8. - - @ 100s
"
    );
    for ladder in [unacknowledged, one_sided, pausing] {
        for name in ["close-wait-stuck", "fin-wait-2-stuck"] {
            assert_eq!(told(name, ladder), None, "{ladder}");
        }
    }
}

#[test]
fn what_is_sent_three_times_without_an_answer_is_a_note() {
    let fins = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x
5. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +1s
6. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +2s
7. - - @ 5s
"
    );
    let last_fins = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +1s
7. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +2s
8. - - @ 5s
"
    );
    let data = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +1s
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +2s
7. - - @ 5s
"
    );
    for (name, ladder) in [("fin-unacked", fins), ("last-ack-stuck", last_fins), ("half-open-dead-peer", data)] {
        assert_eq!(told(name, ladder), NOTE, "{name}");
        let all = anomalies(ladder, &["stuck-after=10s"]);
        assert!(all.iter().all(|anomaly| anomaly.name != name), "{all:?}");
        // One time less is what any path may lose.
        let twice: Vec<&str> = ladder.lines().filter(|line| !line.ends_with("+1s")).collect();
        assert_eq!(told(name, &(twice.join("\n") + "\n")), None, "{name}");
    }
}

#[test]
fn two_segments_that_are_each_sent_twice_are_not_one_sent_three_times() {
    let ladder = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ +1s
5. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ +1s
7. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ +1s
8. - - @ +3s
"
    );
    assert_eq!(told("half-open-dead-peer", ladder), None);
    let found = anomalies(ladder, &[]).into_iter().find(|a| a.name == "retransmissions").unwrap();
    assert!(found.message.contains("unanswered so far: 200 bytes, sent up to 2 times"), "{}", found.message);
    let third = ladder.replace("8. -", "8. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED\n9. -");
    assert_eq!(told("half-open-dead-peer", &third), NOTE);
}

/// A connection that is half closed, followed by this much of the capture.
fn capture(seconds: u32) -> Vec<u8> {
    Conversation::new().half_closed(40_001).after(seconds * 1_000_000).refused(40_002).bytes
}

fn names(report: &Report) -> Vec<(&str, Severity)> {
    let stuck = |name: &str| name.ends_with("-stuck") || name == "half-closed-at-end";
    report.findings.iter().filter(|f| stuck(f.name)).map(|f| (f.name, f.severity)).collect()
}

#[test]
fn while_a_live_capture_goes_on_it_is_not_too_short() {
    let mut watcher = Watcher::new(Options::default(), None, Limits { connections: 1_000 });
    let mut source = open_reader("x", Box::new(Cursor::new(capture(30)))).unwrap();
    let mut last = Time(0);
    while let Some(packet) = source.next() {
        last = packet.time;
        watcher.packet(&packet);
        watcher.advance(last);
    }
    while watcher.assess(0) {}
    let stuck = |name: &&str| name.ends_with("-stuck");
    assert_eq!(watcher.findings().iter().map(|f| f.name).find(stuck), None);
    let connection = watcher.connection(watcher.find(1).unwrap());
    assert!(connection.anomalies.is_empty(), "{:?}", connection.anomalies);
    let note = [("close-wait-stuck", Severity::Note), ("fin-wait-2-stuck", Severity::Info)];
    assert_eq!(names(&watcher.report(FileInfo::default())), note, "it has ended");
    watcher.advance(last + Span::secs(40));
    while watcher.assess(0) {}
    let found = watcher.findings().iter().find(|f| f.name == "close-wait-stuck").map(|f| f.severity);
    assert_eq!(found, Some(Severity::Warning), "it has lasted for the usual time");
}

#[test]
fn while_a_live_capture_goes_on_nothing_is_said_of_its_end() {
    let mut watcher = Watcher::new(Options::default(), None, Limits { connections: 1_000 });
    let mut all = Conversation::new().half_closed(40_000);
    for (to_server, seq, ack) in [(true, 100, 500), (false, 500, 101), (true, 100, 500)] {
        all = all.segment(40_001, to_server, seq, ack, ACK, b"open");
    }
    let mut source = open_reader("x", Box::new(Cursor::new(all.bytes))).unwrap();
    let mut last = Time(0);
    while let Some(packet) = source.next() {
        last = packet.time;
        watcher.packet(&packet);
    }
    let mut told = Vec::new();
    for after in [70, 200, 3 * 3_600] {
        watcher.advance(last + Span::secs(after));
        while watcher.assess(0) {}
        told.extend(watcher.findings().iter().map(|f| f.message.clone()));
    }
    for says in ["passed up to now", "not even a keepalive; that goes on"] {
        assert!(told.iter().any(|message| message.contains(says)), "{says}: {told:#?}");
    }
    assert!(
        !told.iter().any(|message| message.contains("end of the capture") || message.contains("ended")),
        "{told:#?}"
    );
}

#[test]
fn a_capture_that_is_read_packet_by_packet_is_as_long_as_its_packets() {
    let report = |seconds| {
        let mut analysis = Analysis::new(Options::default());
        let mut source = open_reader("x", Box::new(Cursor::new(capture(seconds)))).unwrap();
        while let Some(packet) = source.next() {
            analysis.packet(&packet);
        }
        analysis.finish(source.files())
    };
    assert_eq!(names(&report(1)), [("half-closed-at-end", Severity::Info)]);
    assert_eq!(names(&report(30))[0], ("close-wait-stuck", Severity::Note));
    assert_eq!(names(&report(70))[0], ("close-wait-stuck", Severity::Warning));
}

/// Sockets grow in number for as long as the first ones take to close, however short that is.
#[test]
fn in_a_short_capture_growth_shows_no_leak() {
    let growth = |apart: i64| {
        let ladder = parsed(&half_closed(100, 10));
        let after = |n: u16| Span::secs(apart * i64::from(n));
        let mut segments: Vec<_> = (0..40).flat_map(|n| moved(&ladder, 50_000 + n, after(n))).collect();
        in_order(&mut segments);
        let report = of_segments(&segments, ladder.end() + after(39));
        let found = report.findings.into_iter().find(|f| f.name == "close-wait-growth").unwrap();
        (found.severity, found.facts.contains_key(SHORT_CAPTURE), found.message.contains("looks alike"))
    };
    assert_eq!(growth(1), (Severity::Note, true, true));
    assert_eq!(growth(5), (Severity::Error, false, false));
}
