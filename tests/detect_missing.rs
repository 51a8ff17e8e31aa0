//! What the capture misses, and what it can't know to be missing.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{of_ladder, of_segments, opened, parsed};
use tcpstate::detect::ALL;
use tcpstate::segment::Flags;
use tcpstate::snapshot::{Moment, Sockets};

/// Payload bytes missing from the capture of a ladder, and whether that is told of.
fn missing(text: &str) -> (u64, bool) {
    let report = of_ladder(text);
    (report.capture.missing_bytes, report.findings.iter().any(|found| found.name == "packets-missing"))
}

/// The client's first segment, and its third, never came to the tap.
const SKIPS: &str = opened!(
    "4. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> -
5. - --> <SEQ=3101><ACK=301><CTL=ACK><LEN=1000> --> -
"
);

#[test]
fn what_nobody_has_acknowledged_is_not_missing_from_the_capture() {
    assert_eq!(missing(SKIPS), (0, false));
    // The receiver says that it has not got it.
    let asks = "6. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=3101-4101,1101-2101> <-- -\n";
    assert_eq!(missing(&format!("{SKIPS}{asks}")), (0, false));
    let again = "7. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
8. - <-- <SEQ=301><ACK=2101><CTL=ACK><SACK=3101-4101> <-- -
";
    assert_eq!(missing(&format!("{SKIPS}{asks}{again}")), (0, false));
}

#[test]
fn what_was_acknowledged_and_never_captured_is_missing_from_it() {
    let told = |answer: &str| missing(&format!("{SKIPS}6. - <-- <SEQ=301>{answer} <-- -\n"));
    assert_eq!(told("<ACK=4101><CTL=ACK>"), (2_000, true));
    assert_eq!(told("<ACK=2601><CTL=ACK>"), (1_500, true));
    // Blocks cover one of the two, or a part.
    assert_eq!(told("<ACK=101><CTL=ACK><SACK=1101-4101>"), (1_000, true));
    assert_eq!(told("<ACK=101><CTL=ACK><SACK=2601-4101>"), (500, true));
    // It comes after all: the capture had mixed up the order.
    let late = "6. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=1101-4101> <-- -
7. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
8. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=1101-4101> <-- -
";
    assert_eq!(missing(&format!("{SKIPS}{late}")), (0, false));
}

/// No acknowledgment was captured that could tell.
#[test]
fn where_the_receiver_was_not_captured_what_was_skipped_counts() {
    let one_way = "1. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
2. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
";
    assert_eq!(missing(one_way), (1_000, true));
    let answered = "3. - <-- <SEQ=301><ACK=1101><CTL=ACK> <-- -\n";
    assert_eq!(missing(&format!("{one_way}{answered}")), (0, false));
}

/// What it sent may have been lost, but it was sent.
#[test]
fn who_skipped_payload_did_not_close_without_a_byte() {
    let closes = |seq: u32| {
        let fin = format!("4. - --> <SEQ={seq}><ACK=301><CTL=FIN,ACK> --> - @ 5s\n");
        let report = of_ladder(&format!("{}{fin}", opened!("")));
        report.connections[0].anomalies.iter().any(|found| found.name == "no-data")
    };
    assert_eq!([closes(101), closes(601)], [true, false]);
}

/// Payload bytes missing from the capture of a ladder, and how many segments its client is said to have sent again.
fn told(text: &str) -> (u64, u64) {
    let report = of_ladder(text);
    let again = report.connections[0].anomalies.iter().find(|found| found.name == "retransmissions");
    (report.capture.missing_bytes, again.map_or(0, |found| found.facts["segments"].as_u64().unwrap()))
}

/// The capture mixed up the order of directions: the acknowledgment comes first.
#[test]
fn what_is_acknowledged_before_it_is_captured_is_neither_missing_nor_sent_again() {
    let late = opened!(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
5. - <-- <SEQ=301><ACK=3101><CTL=ACK> <-- -
6. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> - @ +100us
7. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> - @ +100us
8. - --> <SEQ=3101><ACK=301><CTL=ACK><LEN=1000> --> -
9. - <-- <SEQ=301><ACK=4101><CTL=ACK> <-- -
"
    );
    assert_eq!(told(late), (0, 0));
    let behind = opened!(
        "4. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> -
5. - <-- <SEQ=301><ACK=2101><CTL=ACK> <-- -
6. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> - @ +100us
7. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
8. - <-- <SEQ=301><ACK=3101><CTL=ACK> <-- -
"
    );
    assert_eq!(told(behind), (0, 0));
}

#[test]
fn what_follows_the_peers_fin_is_counted_also_where_it_is_captured_behind_its_acknowledgment() {
    let report = of_ladder(opened!(
        "4. - --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> - @ 1s
5. - <-- <SEQ=301><ACK=102><CTL=ACK> <-- - @ +1ms
6. - --> <SEQ=102><ACK=801><CTL=ACK> --> - @ 3s
7. - <-- <SEQ=301><ACK=102><CTL=ACK><LEN=500> <-- - @ +1ms
"
    ));
    let found = report.connections[0].anomalies.iter().find(|found| found.name == "half-close").unwrap();
    assert!(found.message.ends_with("500 bytes"), "{}", found.message);
}

#[test]
fn what_comes_long_behind_its_acknowledgment_was_sent_again_unless_its_timestamp_was_echoed() {
    let behind = |stamp: u32| {
        told(&format!(
            "1. - --> <SEQ=100><CTL=SYN><TS=10/0> --> -
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=90/10> <-- -
3. - --> <SEQ=101><ACK=301><CTL=ACK><TS=10/90> --> -
4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000><TS=20/90> --> - @ +1ms
5. - <-- <SEQ=301><ACK=2101><CTL=ACK><TS=95/20> <-- - @ +1ms
6. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000><TS={stamp}/90> --> - @ +300ms
7. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000><TS=330/90> --> -
8. - <-- <SEQ=301><ACK=3101><CTL=ACK><TS=400/330> <-- -
"
        ))
    };
    assert_eq!([20, 320].map(behind), [(0, 0), (1_000, 1)]);
}

/// Where the snap length cuts the options of a SYN, a window scale may have been among them.
#[test]
fn what_the_snap_length_cuts_from_a_syn_was_not_left_out_by_it() {
    let declaration = ALL.iter().find(|declaration| declaration.name == "window-limited").unwrap();
    let ladder = parsed(declaration.raises.ladder);
    let limited = |cut: bool| {
        let mut segments = ladder.segments();
        segments.iter_mut().filter(|seg| seg.has(Flags::SYN)).for_each(|syn| {
            (syn.options.window_scale, syn.options.cut) = (None, cut);
        });
        let report = of_segments(&segments, ladder.end());
        report.connections[0].anomalies.iter().any(|found| found.name == declaration.name)
    };
    assert_eq!([false, true].map(limited), [true, false]);
}

/// A stream at full speed, its acknowledgments captured 5 ms ahead.
#[test]
fn of_what_is_acknowledged_before_it_is_captured_there_may_be_much() {
    let acks = |n: u32| {
        format!("{}. - <-- <SEQ=301><ACK={}><CTL=ACK> <-- - @ {}us\n", n + 5, 1_101 + n * 1_000, 1_010_000 + n * 100)
    };
    let data = |n: u32| {
        format!(
            "{}. - --> <SEQ={}><ACK=301><CTL=ACK><LEN=1000> --> - @ {}us\n",
            n + 60,
            101 + n * 1_000,
            1_015_000 + n * 100
        )
    };
    let first = "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> - @ 1s\n";
    let ladder = format!(
        "{}{first}{}{}",
        opened!(""),
        (1..40).map(acks).collect::<String>(),
        (1..40).map(data).collect::<String>()
    );
    assert_eq!(told(&ladder), (0, 0));
}

/// Behind one that was lost before the tap lies more than is kept of what was captured; then all of that comes again.
#[test]
fn what_was_captured_beyond_a_gap_is_sent_again_when_it_comes_again() {
    let flight = |from: u32, ms: u32, step: u32| -> String {
        let line = |n: u32| {
            format!(
                "{}. - --> <SEQ={}><ACK=301><CTL=ACK><LEN=1000> --> - @ {}us\n",
                from + n,
                1_101 + n * step,
                ms * 1_000 + n * 100
            )
        };
        (0..12).map(line).collect()
    };
    let again = |step: u32, next: u32| {
        told(&format!(
            "{}{}20. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> - @ 1020ms
21. - --> <SEQ={next}><ACK=301><CTL=ACK><LEN=1000> --> - @ +10us
22. - <-- <SEQ=301><ACK={}><CTL=ACK> <-- - @ +10us
{}",
            opened!(""),
            flight(4, 1_010, step),
            next + 1_000,
            flight(30, 1_021, step),
        ))
    };
    // One behind the other, and with gaps between, which are never filled.
    assert_eq!(again(1_000, 13_101).1, 13);
    assert_eq!(again(2_000, 25_101).1, 13);
}

/// The acknowledgment of the server's FIN is captured ahead of that, and of what the server acknowledged before.
#[test]
fn what_acknowledges_more_than_before_is_no_keepalive() {
    let late = opened!(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
5. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> -
6. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
7. - --> <SEQ=3101><ACK=301><CTL=FIN,ACK> --> -
8. - <-- <SEQ=301><ACK=101><CTL=ACK> <-- -
9. - --> <SEQ=3102><ACK=302><CTL=ACK> --> - @ +2ms
10. - <-- <SEQ=301><ACK=1101><CTL=ACK> <-- - @ +100us
11. - <-- <SEQ=301><ACK=2101><CTL=ACK> <-- - @ +100us
12. - <-- <SEQ=301><ACK=3101><CTL=ACK> <-- - @ +100us
13. - <-- <SEQ=301><ACK=3102><CTL=FIN,ACK> <-- - @ +100us
"
    );
    let report = of_ladder(late);
    let names: Vec<_> = report.connections[0].anomalies.iter().map(|found| found.name).collect();
    assert!(!names.contains(&"keepalive-timeout"), "{names:?}");
    // Nor was that FIN not captured.
    let close = report.connections[0].anomalies.iter().find(|found| found.name == "simultaneous-close").unwrap();
    assert!(close.message.ends_with("was captured behind its acknowledgment"), "{}", close.message);
}

#[test]
fn where_the_peer_was_not_captured_nobody_is_said_to_have_given_up_on_data() {
    let alone = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. - --> <SEQ=101><ACK=301><CTL=ACK> --> -
3. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> - @ 1s
4. - --> <SEQ=101><ACK=311><CTL=ACK><LEN=10> --> - @ 1200ms
5. - --> <SEQ=101><ACK=321><CTL=ACK><LEN=10> --> - @ 1600ms
6. - --> <SEQ=111><ACK=321><CTL=RST,ACK> --> - @ 2s
";
    let report = of_ladder(alone);
    let anomalies = &report.connections[0].anomalies;
    assert!(anomalies.iter().all(|found| !found.message.contains("gave up")), "{anomalies:?}");
}

#[test]
fn a_syn_ack_that_comes_again_after_the_capture_began_is_no_other_one() {
    let report = of_ladder(
        "1. - --> <SEQ=101><ACK=301><CTL=ACK> --> -
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ +7s
3. - --> <SEQ=101><ACK=301><CTL=ACK> --> - @ +1ms
4. - <-- <SEQ=301><ACK=101><CTL=ACK><LEN=2> <-- - @ +4s
5. - --> <SEQ=101><ACK=303><CTL=ACK> --> - @ +1ms
",
    );
    let anomalies = &report.connections[0].anomalies;
    assert!(anomalies.iter().all(|found| found.name != "syn-ack-changed"), "{anomalies:?}");
}

#[test]
fn a_socket_that_is_connected_to_itself_is_both_ends_and_lacks_no_direction() {
    let report = of_ladder(
        "left 127.0.0.1:40000
right 127.0.0.1:40000
1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_RCVD --> <SEQ=100><ACK=101><CTL=SYN,ACK> --> ESTABLISHED @ +10us
3. ESTABLISHED --> <SEQ=101><ACK=101><CTL=ACK> --> ESTABLISHED @ +10us
4. ESTABLISHED --> <SEQ=101><ACK=101><CTL=ACK><LEN=5> --> ESTABLISHED @ +1ms
5. ESTABLISHED --> <SEQ=106><ACK=106><CTL=ACK> --> ESTABLISHED @ +10us
6. FIN_WAIT_1 --> <SEQ=106><ACK=106><CTL=FIN,ACK> --> CLOSING @ +1ms
7. TIME_WAIT --> <SEQ=107><ACK=107><CTL=ACK> --> TIME_WAIT @ +10us
",
    );
    let c = &report.connections[0];
    assert_eq!(c.endpoints.client.state, c.endpoints.server.state);
    let told: Vec<_> = c.anomalies.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(told, ["127.0.0.1:40000 is connected to itself: one socket is both ends"]);
    assert!(report.findings.iter().all(|found| found.name != "one-direction"), "{:?}", report.findings);
    assert!(!c.is_one_way() && report.capture.missing_bytes == 0, "{}", report.capture.missing_bytes);
    // Its host has one socket, not two.
    let mut sockets = Sockets::new(Moment::Time(c.last), c.first);
    sockets.take(c);
    assert_eq!(sockets.finish().len(), 1);
}
