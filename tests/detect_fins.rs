//! What findings say of FINs that were not captured, or not acknowledged: no more than is known.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{in_order, moved, of_ladder, of_segments, only, parsed};
use tcpstate::report::{Anomaly, Severity};
use tcpstate::time::Span;
use tcpstate::tracker::State;

/// The findings on the only connection of the ladder `text`.
fn anomalies(text: &str) -> Vec<Anomaly> {
    only(text).anomalies
}

fn told(text: &str, name: &str) -> (Severity, String) {
    let found = anomalies(text);
    let anomaly = found.iter().find(|a| a.name == name).unwrap_or_else(|| panic!("{name}: {found:?}"));
    (anomaly.severity, anomaly.message.clone())
}

const OPENING: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
";

/// The server closed as well, but each of its FINs was lost on the way to the tap: what is told of it is still true.
#[test]
fn an_end_of_which_no_fin_was_seen_is_not_said_not_to_have_closed() {
    let (severity, message) = told(
        &format!(
            "{OPENING}4. FIN_WAIT_1 --> <SEQ=1101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=1102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <SEQ=301><ACK=1102><CTL=FIN,ACK> x<-- LAST_ACK @ 1s
7. - - @ 400s
"
        ),
        "close-wait-stuck",
    );
    assert_eq!(severity, Severity::Error);
    assert!(
        message.starts_with("server ")
            && message.contains(" is in CLOSE_WAIT, or gone: no FIN of it for ")
            && message.contains("after the FIN of client "),
        "{message}"
    );
}

#[test]
fn a_fin_that_only_its_acknowledgment_shows_is_worth_a_note() {
    let text = format!("{OPENING}4. FIN_WAIT_2 <-- <SEQ=301><ACK=1102><CTL=ACK> <-- CLOSE_WAIT\n5. - - @ 400s\n");
    let (severity, message) = told(&text, "close-wait-stuck");
    assert_eq!(severity, Severity::Note);
    assert!(message.contains(":50000 that was not captured (packet 4 shows it)"), "{message}");
    assert!(anomalies(&text).iter().all(|a| a.severity <= Severity::Note), "{message}");
}

#[test]
fn of_a_lone_fin_no_states_are_said() {
    let lone = "1. FIN_WAIT_1 --> <SEQ=100><ACK=300><CTL=FIN,ACK> --> CLOSE_WAIT\n";
    let (_, message) = told(&format!("{lone}2. - - @ 40s\n"), "half-closed-at-end");
    let end = "neither an acknowledgment of it nor a FIN of server 198.51.100.2:80 was seen up to the end of the capture, \
               40 s later";
    assert!(message.ends_with(&format!(" sent a FIN (packet 1); {end}")), "{message}");
    let acked = "2. FIN_WAIT_2 <-- <SEQ=300><ACK=101><CTL=ACK> <-- CLOSE_WAIT\n";
    let (_, message) = told(&format!("{lone}{acked}3. - - @ 40s\n"), "half-closed-at-end");
    assert!(message.contains("(packet 1); no FIN of server "), "{message}");
    // Where the opening was captured there is no other way to read it.
    let known = format!("{OPENING}4. FIN_WAIT_1 --> <SEQ=1101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT\n");
    let (_, message) =
        told(&format!("{known}5. FIN_WAIT_2 <-- <SEQ=301><ACK=1102><CTL=ACK> <-- CLOSE_WAIT\n"), "half-closed-at-end");
    assert!(message.contains("was in CLOSE_WAIT and client "), "{message}");
}

/// The SYN,ACK was sent again while ACK and FIN were under way: both arrived after that, the FIN as well.
#[test]
fn a_fin_that_arrives_late_is_received_once_the_connection_is_open() {
    let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> SYN_RCVD @ +100us
4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> SYN_RCVD @ +80ms
5. FIN_WAIT_1 <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1s
6. FIN_WAIT_1 --> <SEQ=102><ACK=301><CTL=ACK> --> CLOSE_WAIT @ +100us
7. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT @ +200ms
8. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +1ms
9. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +100us
";
    let c = &of_ladder(text).connections[0];
    let server: Vec<State> = c.endpoints.server.history.iter().map(|h| h.state).collect();
    let expected = [State::SynRcvd, State::Established, State::CloseWait, State::LastAck];
    assert_eq!(server[..4], expected, "{server:?}");
}

/// A segment that no stack takes, and then a connection on the same ports.
#[test]
fn a_stray_segment_without_ack_is_no_part_of_the_connection_after_it() {
    let report = of_ladder(
        "1. - --> <SEQ=7000><CTL=FIN> --> -
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ +1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +100us
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
",
    );
    assert_eq!(report.connections.len(), 2);
    let second = &report.connections[1].endpoints;
    let states = |of: &tcpstate::report::Endpoint| of.history.iter().map(|h| h.state).collect::<Vec<_>>();
    assert_eq!(states(&second.client), [State::SynSent, State::Established]);
    assert_eq!(states(&second.server), [State::SynRcvd, State::Established]);
}

/// However small the connection, the number that its FIN took is no payload that the capture misses.
#[test]
fn a_fin_that_was_not_captured_is_no_missing_payload() {
    let small = OPENING.replace("<LEN=1000>", "<LEN=50>");
    let text = |acked: u32| {
        format!("{small}4. FIN_WAIT_2 <-- <SEQ=301><ACK={acked}><CTL=ACK> <-- CLOSE_WAIT\n5. - - @ 400s\n")
    };
    let known = of_ladder(&text(152));
    assert_eq!(known.capture.missing_bytes, 0);
    assert!(known.findings.iter().all(|f| f.name != "packets-missing"), "{:?}", known.findings);
    assert_eq!(told(&text(152), "close-wait-stuck").0, Severity::Note);
    // More than one number is more than a FIN.
    assert_eq!(of_ladder(&text(153)).capture.missing_bytes, 2);
}

/// Of that, not even forty such connections make an error.
#[test]
fn leaks_are_counted_only_where_the_fin_was_captured() {
    let grows = |fin: &str| {
        let text = format!("{OPENING}{fin}5. FIN_WAIT_2 <-- <SEQ=301><ACK=1102><CTL=ACK> <-- CLOSE_WAIT\n");
        let ladder = parsed(&text);
        let after = |n: u16| Span::secs(5 * i64::from(n));
        let mut segments: Vec<_> = (0..40).flat_map(|n| moved(&ladder, 50_000 + n, after(n))).collect();
        in_order(&mut segments);
        let report = of_segments(&segments, ladder.end() + after(39));
        assert_eq!(report.connections.len(), 40);
        report.findings.iter().any(|f| f.name == "close-wait-growth")
    };
    assert!(grows("4. FIN_WAIT_1 --> <SEQ=1101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT\n"));
    assert!(!grows(""));
}
