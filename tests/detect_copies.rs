//! What was captured twice, and what was sent twice.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::of_ladder;
use tcpstate::report::{Anomaly, Report};

/// The report on the ladder `text`, which begins after the handshake.
fn after_handshake(text: &str) -> Report {
    let text = format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><ID=1> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><ID=1> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><ID=2> --> ESTABLISHED @ +100us
{text}"
    );
    let report = of_ladder(&text);
    assert_eq!(report.connections.len(), 1);
    report
}

/// How many segments were taken for copies.
fn copies(report: &Report) -> u64 {
    report.findings.iter().find(|f| f.name == "packets-duplicated").map_or(0, |f| f.facts["copies"].as_u64().unwrap())
}

fn find<'a>(report: &'a Report, name: &str) -> Option<&'a Anomaly> {
    report.connections[0].anomalies.iter().find(|a| a.name == name)
}

#[test]
fn a_window_that_opens_is_no_copy_of_the_one_that_closed() {
    let report = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><WIN=0><ID=0> <-- ESTABLISHED @ +100us
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><WIN=65000><ID=0> <-- ESTABLISHED @ +300us
7. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +20s
8. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK><WIN=65000><ID=0> <-- ESTABLISHED @ +100us
",
    );
    assert_eq!(copies(&report), 0);
    assert!(find(&report, "zero-window-stall").is_none(), "{:?}", report.connections[0].anomalies);
}

#[test]
fn a_sender_that_uses_an_identification_again_sends_again_all_the_same() {
    // Each repetition is answered by a D-SACK (RFC 2883).
    let report = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50><ID=2> <-- ESTABLISHED @ +20ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><ID=4> --> ESTABLISHED @ +100us
7. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50><ID=2> <-- ESTABLISHED @ +180ms
8. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><SACK=301-351><ID=5> --> ESTABLISHED @ +100us
9. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50><ID=2> <-- ESTABLISHED @ +600ms
10. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><SACK=301-351><ID=6> --> ESTABLISHED @ +100us
",
    );
    assert_eq!(copies(&report), 0);
    assert_eq!(find(&report, "retransmissions").unwrap().facts["segments"], 2);
}

/// The server closes, and sends its FIN three times; a router is captured on both its sides.
const CLOSES: &str = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED @ +1ms
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=3><TTL=63> --> ESTABLISHED @ +100us
6. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=2> <-- FIN_WAIT_1 @ +1ms
7. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=2><TTL=63> <-- FIN_WAIT_1 @ +100us
8. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=3> <-- FIN_WAIT_1 @ +300ms
9. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=3><TTL=63> <-- FIN_WAIT_1 @ +100us
10. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=4> <-- FIN_WAIT_1 @ +600ms
11. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK><ID=4><TTL=63> <-- FIN_WAIT_1 @ +100us
";

#[test]
fn shares_are_of_what_was_sent_and_not_of_copies() {
    let report = after_handshake(CLOSES);
    assert_eq!(copies(&report), 4);
    let again = find(&report, "retransmissions").unwrap();
    assert!(again.message.contains("sent 2 of its 4 segments again (50.0 %)"), "{}", again.message);
}

/// The last line of a ladder: a RST of the server that was captured twice, as these fields have it.
fn reset_twice(first: &str, second: &str) -> Report {
    after_handshake(&format!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED @ +1ms
5. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK>{first} <-- CLOSED @ +1ms
6. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK>{second} <-- CLOSED @ +200us
"
    ))
}

#[test]
fn a_reset_is_captured_twice_as_other_segments_are() {
    assert_eq!(copies(&reset_twice("<ID=7>", "<ID=7><TTL=63>")), 1);
    assert_eq!(copies(&reset_twice("<ID=7>", "<ID=7>")), 1);
    assert_eq!(copies(&reset_twice("<ID=0>", "<ID=0><TTL=63>")), 1);
    // One for each segment that it answers.
    assert_eq!(copies(&reset_twice("<ID=7>", "<ID=8>")), 0);
    assert_eq!(copies(&reset_twice("<ID=0>", "<ID=0>")), 0);
}

/// A router with a queue lies between two interfaces of which both are captured: with identification and timestamp equal it
/// is a copy, however long that takes.
#[test]
fn what_has_both_names_is_a_copy_also_when_it_comes_late() {
    let late = |name: &str| {
        copies(&after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10>{name} --> ESTABLISHED @ +1ms
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10>{name}<TTL=63> --> ESTABLISHED @ +300ms
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><ID=0> <-- ESTABLISHED @ +20ms
"
        )))
    };
    assert_eq!([late("<ID=7><TS=70/50>"), late("<ID=7>"), late("<ID=0><TS=70/50>")], [1, 0, 0]);
}

/// The network delivers the SYN,ACK a second time, or it comes with another number, behind these lines.
fn syn_ack_again(between: &str, seq: u32, ack: u32) -> Report {
    after_handshake(&format!("{between}8. - <-- <SEQ={seq}><ACK={ack}><CTL=SYN,ACK><ID=1> <-- - @ +2s\n"))
}

#[test]
fn a_syn_ack_that_comes_late_has_the_number_that_it_had() {
    let closed = "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK><ID=3> --> CLOSE_WAIT @ +1ms
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><ID=2> <-- CLOSE_WAIT @ +1ms
6. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK><ID=3> <-- LAST_ACK @ +1ms
7. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK><ID=4> --> CLOSED @ +1ms
";
    // What the server sent was not captured, but was acknowledged.
    let missed = "4. ESTABLISHED --> <SEQ=101><ACK=401><CTL=ACK><ID=3> --> ESTABLISHED @ +1ms\n";
    for between in [closed, missed, ""] {
        assert!(find(&syn_ack_again(between, 300, 101), "syn-ack-changed").is_none(), "{between}");
    }
    assert!(find(&syn_ack_again("", 9000, 101), "syn-ack-changed").is_some());
    // It answers another SYN.
    assert!(find(&syn_ack_again("", 9000, 51), "syn-ack-changed").is_none());
}

/// Neither identification nor timestamp: what was alone in flight is repeated by a timer, and no timer is as quick.
#[test]
fn what_comes_again_before_any_timer_is_a_copy() {
    let alone = |flags: &str, pause: &str| {
        copies(&after_handshake(&format!(
            "4. - --> <SEQ=101><ACK=301><CTL={flags}><LEN=10><ID=0> --> - @ +1ms
5. - --> <SEQ=101><ACK=301><CTL={flags}><LEN=10><ID=0> --> - @ +{pause}
"
        )))
    };
    assert_eq!([alone("ACK", "3ms"), alone("FIN,ACK", "3ms"), alone("ACK", "6ms")], [1, 1, 0]);
    // A probe of the tail, or what duplicate acknowledgments bring.
    let two = |between: &str| {
        copies(&after_handshake(&format!(
            "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=0> --> - @ +1ms
{between}7. - --> <SEQ={}><ACK=301><CTL=ACK><LEN=10><ID=0> --> - @ +3ms
",
            if between.is_empty() || between.contains("<--") { 101 } else { 111 },
        )))
    };
    assert_eq!(two(""), 1);
    assert_eq!(two("5. - --> <SEQ=111><ACK=301><CTL=ACK><LEN=10><ID=0> --> - @ +10us\n"), 0);
    assert_eq!(two("5. - <-- <SEQ=301><ACK=101><CTL=ACK><ID=9> <-- - @ +10us\n"), 0);
}

/// What comes of a stream of segments of ten bytes, each given by its place and identification, with this TSval: copies,
/// and segments sent again.
fn streamed(segments: impl IntoIterator<Item = (u32, u32)>, stamp: impl Fn(u32) -> String) -> (u64, u64) {
    let line = |(n, (place, id)): (u32, (u32, u32))| {
        let (seq, stamp) = (101 + 10 * place, stamp(n));
        format!("{}. - --> <SEQ={seq}><ACK=301><CTL=ACK><LEN=10><ID={id}>{stamp} --> - @ +20us\n", n + 4)
    };
    let report = after_handshake(&(0..).zip(segments).map(line).collect::<String>());
    (copies(&report), find(&report, "retransmissions").map_or(0, |found| found.facts["segments"].as_u64().unwrap()))
}

/// A network that delivers twice brings the copy behind what was sent since.
#[test]
fn what_the_network_brings_twice_was_not_sent_again() {
    let counted = |n: u32| (n, (65_530 + n) & 0xffff);
    let behind = |last: u32, copy: (u32, u32)| (0..=last).map(counted).chain([copy]);
    for last in [4, 9, 29] {
        let told = |copy| streamed(behind(last, copy), |_| "<TS=70/50>".to_owned());
        assert_eq!(told(counted(3)), (1, 0), "{last}");
        // Sent again it has the next number, also within a tick of the clock.
        assert_eq!(told((3, counted(last + 1).1)), (0, 1), "{last}");
    }
    // Several at once, and the stream goes on.
    let both = (0..30).map(counted).chain([counted(3), counted(5)]).chain((30..40).map(counted));
    assert_eq!(streamed(both, |_| "<TS=70/50>".to_owned()), (2, 0));
}

#[test]
fn what_was_sent_again_is_no_copy_where_it_cannot_be_told_from_one() {
    let stamped = |_| "<TS=70/50>".to_owned();
    // Identifications are not used, or drawn, or used again.
    let none = (0..10).map(|n| (n, 0)).chain([(3, 0)]);
    assert_eq!(streamed(none, stamped), (0, 1));
    let drawn = (0..10).map(|n| (n, n * 25_717 % 65_521 + 1)).chain([(3, 40_000)]);
    assert_eq!(streamed(drawn, stamped), (0, 1));
    let used_again = || (0..10).map(|n| (n, n + 10)).chain([(3, 13)]);
    assert_eq!(streamed(used_again(), |n| format!("<TS={}/50>", 70 + n)), (0, 1));
    assert_eq!(streamed(used_again(), |_| String::new()), (0, 1));
    // Sent again for a loss behind the tap, and overtaken by what was sent next.
    let overtaken = (0..6).map(|n| (n, n + 10)).chain([(6, 17), (1, 16)]);
    assert_eq!(streamed(overtaken, stamped), (0, 1));
    // All was sent again, and came in another order.
    let timeout = (0..3).map(|n| (n, n + 10)).chain([(0, 13), (2, 15), (1, 14)]);
    assert_eq!(streamed(timeout, stamped), (0, 3));
    // Acknowledged before it is captured, as a capture mixes up the order.
    let mixed = after_handshake(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=10><TS=70/50> --> - @ +20us
5. - --> <SEQ=121><ACK=301><CTL=ACK><LEN=10><ID=12><TS=70/50> --> - @ +20us
6. - <-- <SEQ=301><ACK=131><CTL=ACK><ID=2><TS=50/70> <-- - @ +20us
7. - --> <SEQ=111><ACK=301><CTL=ACK><LEN=10><ID=11><TS=70/50> --> - @ +20us
",
    );
    assert_eq!(copies(&mixed), 0);
}
