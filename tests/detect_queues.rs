//! Whether a service turned clients away, or the path lost their SYNs; and how many connections a finding counts.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{in_order, moved, of_ladder, of_segments, parsed};
use tcpstate::filter::select::select;
use tcpstate::report::{Finding, Report, Severity};
use tcpstate::segment::Segment;
use tcpstate::time::Span;

/// Ten segments, opened and closed in order.
const SMOOTH: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
8. FIN_WAIT_1 --> <SEQ=111><ACK=311><CTL=FIN,ACK> --> CLOSE_WAIT
9. FIN_WAIT_2 <-- <SEQ=311><ACK=112><CTL=FIN,ACK> <-- LAST_ACK
10. TIME_WAIT --> <SEQ=112><ACK=312><CTL=ACK> --> CLOSED
";
/// An answer is lost once.
const LOSSY: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED @ +300ms
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
";
/// The server takes up neither the last ACK of the handshake nor the request until that comes again.
const TAKEN_UP_LATE: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x SYN_RCVD
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +300ms
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
";
/// An answer comes after the client has gone, and the server's FIN again after the RSTs that both met.
const TOO_LATE: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=111><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +2s
7. FIN_WAIT_2 <-- <SEQ=301><ACK=112><CTL=ACK> <-- CLOSE_WAIT
8. FIN_WAIT_2 <-- <SEQ=301><ACK=112><CTL=ACK><LEN=10> <-- CLOSE_WAIT @ +2s
9. CLOSED --> <SEQ=112><CTL=RST> ... CLOSE_WAIT
10. CLOSED <-- <SEQ=311><ACK=112><CTL=FIN,ACK> <-- LAST_ACK
11. CLOSED <-- <SEQ=311><ACK=112><CTL=FIN,ACK> <-- LAST_ACK @ +3ms
12. CLOSED --> <SEQ=112><CTL=RST> --> CLOSED
";
const RETRIED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
";
/// The SYN is answered at once, and the answer is lost.
const ANSWERED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
";
const UNANSWERED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 1s
3. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 3s
4. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 7s
";
/// What is said where nothing but SYNs went unanswered, for a while.
const LIKELY: &str = ": its queues are most likely full, if no device between limits connections";
const REFUSED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
";

/// Each ladder so many times, a tenth of a second after the other from that second on, to one service.
fn analyse(parts: &[(&str, u16, i64)]) -> Report {
    let mut all: Vec<Segment> = Vec::new();
    let mut port = 20_000;
    for (text, times, from) in parts {
        let ladder = parsed(text);
        for i in 0..*times {
            port += 1;
            all.extend(moved(&ladder, port, Span::millis(1_000 * from + 100 * i64::from(i))));
        }
    }
    in_order(&mut all);
    of_segments(&all, all.last().unwrap().time + Span::secs(10))
}

fn drops(report: &Report) -> Option<&Finding> {
    report.findings.iter().find(|f| f.name == "accept-queue-drops")
}

#[test]
fn a_syn_answered_before_it_came_again_was_not_dropped() {
    let report = analyse(&[(SMOOTH, 40, 0), (ANSWERED, 6, 1)]);
    assert!(drops(&report).is_none(), "{:?}", report.findings);
    let retried = report.findings.iter().find(|f| f.name == "syn-retried").unwrap();
    assert!(retried.message.contains("had been answered before it came again"), "{}", retried.message);
    // Of those that were not, the others are no part.
    let report = analyse(&[(SMOOTH, 40, 0), (ANSWERED, 6, 1), (RETRIED, 3, 1)]);
    assert_eq!(drops(&report).unwrap().count, 3);
}

#[test]
fn loss_that_hits_other_segments_as_often_explains_syns() {
    let found = |lossy| {
        let report = analyse(&[(SMOOTH, 40 - lossy, 0), (LOSSY, lossy, 0), (RETRIED, 4, 1)]);
        drops(&report).map(|f| (f.severity, f.message.clone()))
    };
    let (severity, message) = found(0).unwrap();
    assert!(severity == Severity::Warning && message.ends_with(LIKELY), "{message}");
    let (severity, message) = found(1).unwrap();
    assert!(severity == Severity::Note && message.contains("or the path loses them"), "{message}");
    assert_eq!(found(5), None);
}

#[test]
fn what_a_full_queue_or_a_peer_that_is_gone_makes_come_again_is_no_loss() {
    for late in [TAKEN_UP_LATE, TOO_LATE] {
        let report = analyse(&[(SMOOTH, 5, 0), (late, 8, 1), (RETRIED, 6, 1), (SMOOTH, 1, 8)]);
        let drops = drops(&report).unwrap();
        assert_eq!((drops.severity, drops.count), (Severity::Warning, 6), "{}", drops.message);
        assert!(drops.message.ends_with(LIKELY), "{}", drops.message);
    }
}

#[test]
fn a_service_that_answers_nobody_any_more_may_be_gone() {
    let message = |parts: &[(&str, u16, i64)]| drops(&analyse(parts)).map(|f| f.message.clone());
    let gone = message(&[(SMOOTH, 40, 0), (UNANSWERED, 4, 6)]).unwrap();
    let why = "and nobody later: its queues are full, it is gone, or a device between lets no more connections through";
    assert!(gone.ends_with(why), "{gone}");
    let there = message(&[(SMOOTH, 40, 0), (UNANSWERED, 4, 6), (SMOOTH, 1, 9)]).unwrap();
    assert!(there.ends_with(&format!("while it answered others{LIKELY}")), "{there}");
    // A connection that was answered in the end is no other one.
    assert_eq!(message(&[(SMOOTH, 40, 0), (RETRIED, 1, 20), (RETRIED, 1, 40), (RETRIED, 1, 60)]), None);
}

#[test]
fn rollups_count_all_connections_of_a_finding_not_those_it_lists() {
    let mut report = analyse(&[(REFUSED, 30, 0), (SMOOTH, 5, 0)]);
    let of = |report: &Report| {
        let low = report.findings.iter().find(|f| f.name == "syn-success-low").unwrap();
        let rolled = |of: &[tcpstate::report::rollup::Rollup]| -> Vec<Option<(&str, u64)>> {
            of.iter().map(|r| r.worst.as_ref().map(|w| (w.name, w.connections))).collect()
        };
        let rollups = &report.rollups;
        (low.count, low.connections.len(), rolled(&rollups.services.entries), rolled(&rollups.hosts.entries))
    };
    let worst = |n| Some(("syn-success-low", n));
    // The service fails, not who asks it.
    assert_eq!(of(&report), (30, 10, vec![worst(30)], vec![worst(30), None]));
    // Also of some of them, of which the finding lists none.
    select(&mut report, |c| c.id > 12);
    let some = report.connections.iter().filter(|c| c.packets.server == 1).count() as u64;
    let (count, _, services, hosts) = of(&report);
    assert!(some > 10, "{some}");
    assert_eq!((count, services, hosts), (some, vec![worst(some)], vec![worst(some), None]));
}

#[test]
fn counts_of_a_thousand_and_more_are_set_apart() {
    let report = analyse(&[(REFUSED, 1_200, 0)]);
    let message = |name| &report.findings.iter().find(|f| f.name == name).unwrap().message;
    assert!(message("syn-refused").starts_with("1,200 connections from "), "{}", message("syn-refused"));
    let low = message("syn-success-low");
    assert!(low.starts_with("only 0.0 % of 1,200 connection attempts ") && low.ends_with(": 1,200 refused"), "{low}");
}

#[test]
fn where_the_client_sends_nothing_the_server_may_wait_for_its_data() {
    let ignored = |last: &str| {
        let text = format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
{last}5. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 7s
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
7. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=2> <-- ESTABLISHED @ 8s
"
        );
        let report = of_ladder(&text);
        let found = report.findings.iter().find(|f| f.name == "half-open-accept-overflow").unwrap();
        found.message.clone()
    };
    let silent = ignored("");
    assert!(silent.ends_with("it may wait for data of the client on purpose (TCP_DEFER_ACCEPT)"), "{silent}");
    // Data would have ended that.
    let spoke = ignored("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x SYN_RCVD\n");
    assert!(!spoke.contains("DEFER"), "{spoke}");
}
