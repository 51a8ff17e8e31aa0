//! A service that ends all its connections at once, what its clients meet then, and what only looks like that.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/shared.rs"]
mod shared;

use analysis::{in_order, moved, of_file, of_segments, opened, parsed};
use tcpstate::analyze::Options;
use tcpstate::report::{Finding, Severity};
use tcpstate::segment::Segment;
use tcpstate::time::{Span, Time};

/// Idle for a while, and closed by the server at 30 s.
const CLOSED: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> - @ 1s
5. - <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- -
6. - --> <SEQ=111><ACK=351><CTL=ACK> --> -
7. - <-- <SEQ=351><ACK=111><CTL=FIN,ACK> <-- - @ 30s
8. - --> <SEQ=111><ACK=352><CTL=FIN,ACK> --> - @ +5ms
9. - <-- <SEQ=352><ACK=112><CTL=ACK> <-- -
"
);
/// The same where the client notices late.
const LAGS: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> - @ 1s
5. - <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- -
6. - --> <SEQ=111><ACK=351><CTL=ACK> --> -
7. - <-- <SEQ=351><ACK=111><CTL=FIN,ACK> <-- - @ 30s
8. - --> <SEQ=111><ACK=352><CTL=ACK> --> -
9. - --> <SEQ=111><ACK=352><CTL=ACK><LEN=10> --> - @ 45s
10. - <-- <SEQ=352><CTL=RST> <-- -
"
);
/// The same with RST.
const RESET: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> - @ 1s
5. - <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- -
6. - --> <SEQ=111><ACK=351><CTL=ACK> --> -
7. - <-- <SEQ=351><ACK=111><CTL=RST,ACK> <-- - @ 30s
"
);
const REFUSED: &str = "1. - --> <SEQ=100><CTL=SYN> --> -\n2. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- -\n";
const UNANSWERED: &str = "1. - --> <SEQ=100><CTL=SYN> -->x -\n2. - --> <SEQ=100><CTL=SYN> -->x - @ 1s\n";
/// Answered when it asks for the third time.
const LATE: &str = "1. - --> <SEQ=100><CTL=SYN> -->x -
2. - --> <SEQ=100><CTL=SYN> -->x - @ 1s
3. - --> <SEQ=100><CTL=SYN> --> - @ 3s
4. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- -
5. - --> <SEQ=101><ACK=301><CTL=ACK> --> -
";
/// Open for long.
const OPEN: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> - @ 1s
5. - <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- - @ 50s
6. - --> <SEQ=111><ACK=351><CTL=ACK> --> -
"
);

/// How many alike, ten milliseconds apart, the first so many milliseconds after the beginning.
type Group = (&'static str, u16, i64);

fn segments(parts: &[Group]) -> Vec<Segment> {
    let (mut all, mut port) = (Vec::new(), 20_000);
    for (text, many, after) in parts {
        for n in 0..*many {
            port += 1;
            all.extend(moved(&parsed(text), port, Span::millis(after + 10 * i64::from(n))));
        }
    }
    in_order(&mut all);
    all
}

fn breaks(segments: &[Segment]) -> Vec<Finding> {
    let report = of_segments(segments, Time(0) + Span::secs(90));
    report.findings.into_iter().filter(|found| found.name == "mass-break").collect()
}

/// The only one, if there is one.
fn found(parts: &[Group]) -> Option<Finding> {
    let mut all = breaks(&segments(parts));
    assert!(all.len() < 2, "{all:?}");
    all.pop()
}

#[test]
fn a_restart_is_told_with_how_long_new_connections_were_refused() {
    let told = found(&[(CLOSED, 6, 0), (REFUSED, 4, 31_000), (REFUSED, 1, 33_000), (OPEN, 2, 34_000)]).unwrap();
    let (server, rest) = told.message.split_once(' ').unwrap();
    assert_eq!(
        rest,
        "closed all its 6 connections within 50 ms; 5 new connections were refused from 990 ms to 3.0 s after that, and one was \
         taken up again after 4.0 s"
    );
    assert_eq!((told.severity, told.count, told.facts["server"].as_str()), (Severity::Warning, 6, Some(server)));
    assert_eq!(
        (&told.facts["refused"], &told.facts["unanswered"], &told.facts["closed"]),
        (&5.into(), &0.into(), &6.into())
    );
}

#[test]
fn what_does_not_come_back_is_told_up_to_the_end() {
    let told = found(&[(CLOSED, 6, 0), (UNANSWERED, 3, 31_000)]).unwrap();
    let says = "3 new connections were unanswered from 990 ms to 1.0 s after that, and none was taken up again up to the end of \
                the capture (at least 59 s)";
    assert!(told.message.ends_with(says), "{}", told.message);
}

#[test]
fn what_was_answered_at_last_was_not_unanswered() {
    let told = found(&[(CLOSED, 6, 0), (UNANSWERED, 3, 31_000), (LATE, 1, 31_500)]).unwrap();
    let says = "4 new connections were unanswered (3) or answered only when they had asked again (1) from 990 ms to 1.5 s after";
    assert!(told.message.contains(says), "{}", told.message);
    assert_eq!((&told.facts["unanswered"], &told.facts["answered_late"]), (&3.into(), &1.into()));
}

#[test]
fn fins_and_rsts_of_one_restart_are_one_event() {
    let told = found(&[(CLOSED, 4, 0), (RESET, 3, 0), (LAGS, 3, 0), (REFUSED, 2, 31_000)]).unwrap();
    assert!(
        told.message.contains(" ended (7 with FIN, 3 with RST) all its 10 connections within "),
        "{}",
        told.message
    );
    let told = found(&[(RESET, 5, 0), (REFUSED, 1, 31_000)]).unwrap();
    assert!(told.message.contains(" reset all its 5 connections within 40 ms; 1 new connection was refused "));
}

#[test]
fn without_a_new_connection_that_fails_only_rsts_are_told() {
    assert!(found(&[(CLOSED, 6, 0)]).is_none());
    assert!(found(&[(CLOSED, 6, 0), (OPEN, 3, 31_000)]).is_none());
    assert!(
        found(&[(RESET, 6, 0), (OPEN, 3, 31_000)])
            .unwrap()
            .message
            .ends_with(" reset all its 6 connections within 50 ms")
    );
}

#[test]
fn what_fails_before_or_long_after_or_behind_a_success_is_no_outage_of_it() {
    for rest in [(REFUSED, 4, 20_000), (REFUSED, 4, 45_000)] {
        assert!(found(&[(CLOSED, 6, 0), rest]).is_none());
    }
    assert!(found(&[(CLOSED, 6, 0), (OPEN, 1, 30_500), (REFUSED, 4, 31_000)]).is_none());
}

#[test]
fn a_connection_that_survives_it_makes_it_another_matter() {
    assert!(found(&[(CLOSED, 6, 0), (OPEN, 1, 0), (REFUSED, 4, 31_000)]).is_none());
}

#[test]
fn connections_that_are_closed_one_by_one_or_young_are_no_restart() {
    let one_by_one: Vec<Group> = (0..6).map(|n| (CLOSED, 1, 2_000 * n)).chain([(REFUSED, 4, 42_000)]).collect();
    assert!(found(&one_by_one).is_none());
    const SHORT: &str = opened!(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> -
5. - <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- - @ +400ms
6. - <-- <SEQ=351><ACK=111><CTL=FIN,ACK> <-- -
7. - --> <SEQ=111><ACK=352><CTL=FIN,ACK> --> -
8. - <-- <SEQ=352><ACK=112><CTL=ACK> <-- -
"
    );
    assert!(found(&[(SHORT, 60, 0), (REFUSED, 4, 1_500)]).is_none());
}

#[test]
fn who_was_never_let_in_shows_no_outage() {
    let mut all = segments(&[(CLOSED, 6, 0), (UNANSWERED, 3, 31_000)]);
    assert_eq!(breaks(&all).len(), 1);
    for seg in all.iter_mut().filter(|seg| seg.time >= Time(0) + Span::secs(31)) {
        seg.src.addr = "192.0.2.99".parse().unwrap();
    }
    assert!(breaks(&all).is_empty());
}

#[test]
fn real_captures_with_many_closes_have_no_such_outage() {
    for file in shared::real().into_iter().flatten() {
        let Ok(report) = of_file(&file, Options::default()) else { continue };
        let told = report.findings.iter().find(|f| f.name == "mass-break" && f.facts.contains_key("refused"));
        assert_eq!(told.map(|found| &found.message), None, "{}", file.display());
    }
}
