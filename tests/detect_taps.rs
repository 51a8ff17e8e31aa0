//! Two captures of the same traffic put together, of taps whose clocks differ.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{in_order, of_segments, parsed};
use tcpstate::report::{Outcome, Report};
use tcpstate::segment::Segment;
use tcpstate::time::{Span, Time};
use tcpstate::tracker::Evidence;

/// A request, its answer in several segments, and the close, over 1 ms of path; the server's SYN,ACK has no identification.
const PLAIN: &str = "1. - --> <SEQ=100><CTL=SYN><ID=7><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +1ms
3. - --> <SEQ=101><ACK=301><CTL=ACK><ID=8><TS=1001/7000> --> - @ +10us
4. - --> <SEQ=101><ACK=301><CTL=PSH,ACK><LEN=300><ID=9><TS=1001/7000> --> - @ +10us
5. - <-- <SEQ=301><ACK=401><CTL=ACK><ID=50><TS=7001/1001> <-- - @ +1ms
6. - <-- <SEQ=301><ACK=401><CTL=ACK><LEN=1000><ID=51><TS=7002/1001> <-- - @ +1ms
7. - <-- <SEQ=1301><ACK=401><CTL=ACK><LEN=1000><ID=52><TS=7002/1001> <-- - @ +10us
8. - <-- <SEQ=2301><ACK=401><CTL=PSH,ACK><LEN=1000><ID=53><TS=7002/1001> <-- - @ +10us
9. - --> <SEQ=401><ACK=2301><CTL=ACK><ID=10><TS=1003/7002> --> - @ +10us
10. - --> <SEQ=401><ACK=3301><CTL=ACK><ID=11><TS=1003/7002> --> - @ +10us
";
const CLOSE: &str = "11. - --> <SEQ=401><ACK=3301><CTL=FIN,ACK><ID=12><TS=1033/7002> --> - @ +30ms
12. - <-- <SEQ=3301><ACK=402><CTL=FIN,ACK><ID=54><TS=7034/1033> <-- - @ +1ms
13. - --> <SEQ=402><ACK=3302><CTL=ACK><ID=13><TS=1034/7034> --> - @ +10us
";
const RESET: &str = "11. - <-- <SEQ=3301><ACK=401><CTL=RST,ACK><ID=54><TS=7034/1003> <-- - @ +30ms
";

/// The report on what passed both taps, the clock of the second one being `off`; which segments passed that one?
fn merged(text: &str, off: Span, passed: impl Fn(&Segment) -> bool) -> (Report, u64) {
    let segments = parsed(text).segments();
    let delay = Span(off.0 + 30_000);
    let second =
        segments.iter().filter(|seg| passed(seg)).map(|seg| Segment { time: seg.time + delay, ttl: 63, ..*seg });
    let mut all: Vec<Segment> = segments.iter().copied().chain(second).collect();
    in_order(&mut all);
    let end = all.last().unwrap().time + Span::secs(5);
    let report = of_segments(&all, Time(end.0));
    let copies = report.findings.iter().find(|found| found.name == "packets-duplicated");
    let copies = copies.map_or(0, |found| found.facts["copies"].as_u64().unwrap());
    (report, copies)
}

const OFF: [Span; 7] =
    [Span(0), Span::millis(5), Span::millis(-5), Span::millis(700), Span::secs(3), Span::secs(-3), Span::secs(3_600)];

#[test]
fn a_connection_that_two_taps_show_is_one_whatever_their_clocks_say() {
    for off in OFF {
        let (report, copies) = merged(&format!("{PLAIN}{CLOSE}"), off, |_| true);
        assert_eq!((report.connections.len(), copies), (1, 13), "{off:?}");
        let c = &report.connections[0];
        assert_eq!(c.outcome, Outcome::Closed);
        assert!(c.anomalies.is_empty(), "{off:?}: {:?}", c.anomalies);
    }
}

#[test]
fn a_reset_that_comes_again_with_the_other_tap_ends_nothing_twice() {
    for off in OFF {
        let (report, copies) = merged(&format!("{PLAIN}{RESET}"), off, |_| true);
        assert_eq!((report.connections.len(), copies), (1, 11), "{off:?}");
        let names: Vec<&str> = report.connections[0].anomalies.iter().map(|found| found.name).collect();
        assert_eq!(names, ["rst-abort"], "{off:?}");
    }
}

/// What was lost between the taps and sent again was sent again.
#[test]
fn what_is_sent_again_between_two_taps_is_told() {
    let lost = "11. - --> <SEQ=401><ACK=3301><CTL=ACK><LEN=50><ID=12><TS=1033/7002> --> - @ +30ms
12. - --> <SEQ=401><ACK=3301><CTL=ACK><LEN=50><ID=13><TS=1240/7002> --> - @ +207ms
13. - <-- <SEQ=3301><ACK=451><CTL=ACK><ID=54><TS=7242/1240> <-- - @ +1ms
";
    // Where the second one is far ahead it shows the repetition before what that repeats.
    for off in OFF.into_iter().filter(|off| *off > Span::secs(-1)) {
        let (report, copies) = merged(&format!("{PLAIN}{lost}"), off, |seg| seg.ip_id != 12);
        let found = report.connections[0].anomalies.iter().find(|found| found.name == "retransmissions").unwrap();
        assert_eq!((copies, &found.facts["segments"]), (12, &1.into()), "{off:?}");
    }
}

/// A SYN,ACK that its server sends again has another timestamp.
#[test]
fn a_syn_ack_that_is_sent_again_is_no_copy() {
    let text = "1. - --> <SEQ=100><CTL=SYN><ID=7><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +1ms
3. - --> <SEQ=101><ACK=301><CTL=ACK><ID=8><TS=1001/7000> --> - @ +10us
4. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=8020/1000> <-- - @ +1s
5. - --> <SEQ=101><ACK=301><CTL=ACK><ID=9><TS=2021/8020> --> - @ +10us
";
    let (report, copies) = merged(text, Span::secs(60), |_| false);
    assert_eq!(copies, 0);
    assert!(report.connections[0].anomalies.iter().any(|found| found.name == "syn-retried" || found.code == "O05"));
}

/// Captured by two queues, of which one is behind by a little: the answer comes before the SYN.
fn answered_first(wait: &str) -> Report {
    let rest = "3. - --> <SEQ=101><ACK=301><CTL=PSH,ACK><LEN=300><TS=1001/7000> --> - @ +1ms
4. - <-- <SEQ=301><ACK=401><CTL=PSH,ACK><LEN=900><TS=7002/1001> <-- - @ +1ms
5. - --> <SEQ=401><ACK=1201><CTL=FIN,ACK><TS=1003/7002> --> - @ +1ms
6. - <-- <SEQ=1201><ACK=402><CTL=FIN,ACK><TS=7004/1003> <-- - @ +1ms
7. - --> <SEQ=402><ACK=1202><CTL=ACK><TS=1005/7004> --> - @ +1ms
";
    let text = format!(
        "1. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><WS=7><TS=7000/1000> <-- - @ 0s
2. - --> <SEQ=100><CTL=SYN><WS=7><TS=1000/0> --> - @ {wait}
{rest}"
    );
    let ladder = parsed(&text);
    of_segments(&ladder.segments(), ladder.end())
}

#[test]
fn a_syn_that_is_captured_soon_behind_its_answer_is_the_one_that_was_answered() {
    let report = answered_first("+40us");
    let c = &report.connections[0];
    assert!(!c.lacks_opening() && c.outcome == Outcome::Closed, "{:?}", c.endpoints.client.history);
    assert!(c.anomalies.is_empty(), "{:?}", c.anomalies);
    let syn = &c.endpoints.client.history[0];
    assert_eq!((syn.packet, syn.evidence), (Some(2), Evidence::Sent));
    // Much later it is sent again, and the capture lacks the first one.
    assert!(answered_first("+1s").connections[0].anomalies.iter().any(|found| found.name == "retransmissions"));
}

/// The acknowledgment is captured before most of what it acknowledges, which comes out of order: nothing of it is a copy.
#[test]
fn what_was_acknowledged_before_it_is_captured_is_no_copy() {
    let mut text = "1. - --> <SEQ=100><CTL=SYN><ID=1><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><ID=1><TS=7000/1000> <-- - @ +1ms
3. - --> <SEQ=101><ACK=301><CTL=ACK><ID=2><TS=1001/7000> --> - @ +10us
4. - <-- <SEQ=301><ACK=101><CTL=ACK><LEN=1000><ID=2><TS=7001/1001> <-- - @ +10us
5. - <-- <SEQ=3301><ACK=101><CTL=ACK><LEN=1000><ID=5><TS=7001/1001> <-- - @ +1us
6. - <-- <SEQ=301><ACK=101><CTL=ACK><LEN=1000><ID=2><TS=7001/1001> <-- - @ +1us
7. - --> <SEQ=101><ACK=5301><CTL=ACK><ID=3><TS=1002/7001> --> - @ +1us
"
    .to_owned();
    for (line, n) in [(8, 1), (9, 4), (10, 2)] {
        let (seq, id) = (301 + 1000 * n, 2 + n);
        text += &format!("{line}. - <-- <SEQ={seq}><ACK=101><CTL=ACK><LEN=1000><ID={id}><TS=7001/1001> <-- - @ +1us\n");
    }
    let ladder = parsed(&text);
    let report = of_segments(&ladder.segments(), ladder.end());
    assert_eq!((report.capture.missing_bytes, report.capture.bytes), (0, 5_000));
    let copies = report.findings.iter().find(|found| found.name == "packets-duplicated").unwrap();
    assert_eq!(copies.facts["copies"], 1);
}
