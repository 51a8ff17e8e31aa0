//! Who reset a connection, when, and why, as findings tell it.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{after_handshake, find, only};
use tcpstate::render::facts::fate;
use tcpstate::report::{Connection, ResetBy, Severity, Side};
use tcpstate::tracker::State;

/// A RST in the client's name that the server accepts; what comes after it.
fn injected(rest: &str) -> Connection {
    after_handshake(&format!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><WIN=69> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +20ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><WIN=69> --> ESTABLISHED @ +100us
7. ESTABLISHED --> <SEQ=111><CTL=RST><WIN=64240> --> CLOSED @ +90ms
{rest}"
    ))
}

#[test]
fn who_goes_on_sending_has_not_reset_the_connection() {
    for gap in ["200ms", "60s"] {
        let c = injected(&format!(
            "8. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><LEN=10><WIN=69> --> CLOSED @ +{gap}
9. FIN_WAIT_1 --> <SEQ=121><ACK=351><CTL=FIN,ACK><WIN=69> --> CLOSED @ +1ms
10. CLOSED <-- <SEQ=351><CTL=RST><WIN=0> <-- CLOSED @ +20ms
"
        ));
        let between = find(&c, "rst-from-between").unwrap();
        let told =
            "the RST in the name of client 192.0.2.1:50000 (packet 7) is not its own: it went on sending (packet 8)";
        assert!(between.message.starts_with(told), "{}", between.message);
        assert_eq!((between.severity, between.facts["went_on"].as_u64()), (Severity::Warning, Some(8)));
        // What ended was the server's connection, and the client is not to blame.
        let abort = find(&c, "rst-abort").unwrap();
        assert_eq!((abort.endpoint, &abort.facts["reset.cause"]), (Some(Side::Server), &"from-between".into()));
        // Which is one event, and one warning.
        assert_eq!(abort.severity, Severity::Info);
        assert!(abort.message.starts_with("server ") && abort.message.contains("had not sent it"), "{}", abort.message);
        // Nor had the server lost the connection, or a device while it was idle: it was reset.
        assert!(find(&c, "half-open-dead-peer").is_none() && find(&c, "idle-death").is_none(), "{:?}", c.anomalies);
        assert_eq!(c.reset_by, Some(ResetBy::Between));
        assert_eq!(fate(&c), "reset from between, client closed first");
        assert_eq!((c.endpoints.client.state, c.endpoints.server.state), (State::Closed, State::Closed));
    }
}

#[test]
fn what_a_reset_overtook_does_not_disown_it() {
    let c = injected("8. CLOSED --> <SEQ=111><ACK=351><CTL=ACK><LEN=10><WIN=69> --> CLOSED @ +10ms\n");
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    assert_eq!(find(&c, "rst-abort").unwrap().endpoint, Some(Side::Client));
    assert_eq!(fate(&c), "reset by client");
}

#[test]
fn a_reset_was_not_caused_by_what_it_does_not_acknowledge() {
    let crossing = |ack: u32| {
        let c = after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=75> --> ESTABLISHED @ +10ms
5. FIN_WAIT_1 --> <SEQ=176><ACK=301><CTL=FIN,ACK> --> ESTABLISHED @ +1ms
6. CLOSED <-- <SEQ=301><ACK={ack}><CTL=RST,ACK> <-- CLOSED @ +1ms
"
        ));
        let found = find(&c, "rst-abort").unwrap();
        (found.facts.get("trigger").and_then(|p| p.as_u64()), found.facts["unread_bytes"].as_u64())
    };
    assert_eq!(crossing(177), (Some(5), Some(75)));
    assert_eq!(crossing(176), (None, Some(75)));
}

/// What is told of an abort by the server, so long after its last segment, packet 5.
fn abort(gap: &str, reset: &str) -> String {
    let c = after_handshake(&format!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK> --> ESTABLISHED @ +20ms
7. CLOSED <-- {reset} <-- CLOSED @ +{gap}
"
    ));
    find(&c, "rst-abort").unwrap().message.clone()
}

#[test]
fn an_abort_is_told_with_its_own_packet_and_how_long_nothing_had_passed() {
    let exact = "<SEQ=351><ACK=111><CTL=RST,ACK>";
    let soon = abort("800ms", exact);
    let told = "server 198.51.100.2:80 reset the connection (packet 7, 800 ms after packet 6): most likely its application closed";
    assert!(soon.starts_with(told) && !soon.contains("idle"), "{soon}");
    let later = abort("5s", exact);
    let told = "server 198.51.100.2:80 reset the connection after 5.0 s without traffic (packet 7): most likely its application closed";
    assert!(later.starts_with(told) && !later.contains("idle"), "{later}");
    let late = abort("60s", exact);
    assert!(late.contains("after 1 min without traffic (packet 7)") && late.contains("idle timeout"), "{late}");
}

#[test]
fn a_lost_socket_is_told_with_the_time_in_which_it_was_lost() {
    // Its FIN comes again and again, and then the answer is that there is no such connection.
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +100ms
6. ESTABLISHED x<-- <SEQ=301><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +400ms
7. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +800ms
8. CLOSED --> <SEQ=111><CTL=RST> --> CLOSED @ +20ms
",
    );
    let abort = find(&c, "rst-abort").unwrap();
    assert!(
        abort
            .message
            .contains("(packet 8, 20 ms after packet 7): its socket was gone within 1.3 s of its last segment")
    );
}

#[test]
fn an_ignored_reset_is_told_with_its_own_packet() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=900000><CTL=RST> --> ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK><LEN=10> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=311><ACK=121><CTL=ACK> <-- ESTABLISHED
",
    );
    let ignored = find(&c, "rst-ignored").unwrap();
    assert!(
        ignored.message.contains("(packet 5) changed nothing: the connection went on (packet 7)"),
        "{}",
        ignored.message
    );
}

/// A copy of what the server had sent before its RST, delayed beyond what tells copies, is no sign that it went on.
#[test]
fn a_late_copy_does_not_disown_a_reset() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50><ID=4> <-- ESTABLISHED @ +20ms
6. CLOSED <-- <SEQ=351><ACK=111><CTL=RST,ACK><ID=5> <-- CLOSED @ +20ms
7. CLOSED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50><ID=4> <-- CLOSED @ +400ms
",
    );
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    assert_eq!(find(&c, "rst-abort").and_then(|a| a.endpoint), Some(Side::Server));
}

/// An acknowledgment that falls back behind what its sender had acknowledged says nothing of what had arrived.
#[test]
fn a_reset_that_acknowledges_less_than_before_disproves_nothing() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
6. FIN_WAIT_1 --> <SEQ=111><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +20ms
7. CLOSED <-- <SEQ=301><ACK=0><CTL=RST,ACK> <-- CLOSED @ +20ms
",
    );
    let server: Vec<State> = c.endpoints.server.history.iter().map(|h| h.state).collect();
    assert_eq!(server, [State::SynRcvd, State::Established, State::CloseWait, State::Closed]);
}

/// What crossed the RST had passed all the same: the connection was not idle.
#[test]
fn what_a_reset_does_not_acknowledge_is_no_silence() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +400s
7. CLOSED <-- <SEQ=301><ACK=111><CTL=RST,ACK> <-- CLOSED @ +20ms
",
    );
    let abort = find(&c, "rst-abort").unwrap();
    assert!(
        abort.message.contains("(packet 7, 20 ms after packet 6, which it does not acknowledge)"),
        "{}",
        abort.message
    );
}

#[test]
fn what_crosses_a_reset_had_not_arrived_to_be_left_unread() {
    let unread = |rest: &str| {
        let c = after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +1s
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK> --> ESTABLISHED @ +20ms
{rest}"
        ));
        let facts = &find(&c, "rst-abort").unwrap().facts;
        (facts["unread_bytes"].as_u64(), facts["reset.cause"].as_str().unwrap_or_default().to_owned())
    };
    let crossed = "7. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><LEN=75> -->x ESTABLISHED @ +1s
8. CLOSED <-- <SEQ=351><ACK=111><CTL=RST,ACK> <-- CLOSED @ +1ms
";
    assert_eq!(unread(crossed), (Some(0), "abort".to_owned()));
    let arrived = crossed.replace("-->x", "-->").replace("<ACK=111><CTL=RST,ACK>", "<ACK=186><CTL=RST,ACK>");
    assert_eq!(unread(&arrived), (Some(75), "unread-data".to_owned()));
    // One segment arrived, and the other did not.
    let both = "7. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><LEN=25> --> ESTABLISHED @ +1s
8. ESTABLISHED --> <SEQ=136><ACK=351><CTL=ACK><LEN=75> -->x ESTABLISHED @ +1ms
9. CLOSED <-- <SEQ=351><ACK=136><CTL=RST,ACK> <-- CLOSED @ +1ms
";
    assert_eq!(unread(both), (Some(25), "unread-data".to_owned()));
}

#[test]
fn who_had_lost_the_connection_is_told_with_the_packet_of_its_reset() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +1s
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK> --> ESTABLISHED @ +20ms
7. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK><LEN=10> --> CLOSED @ +20s
8. CLOSED <-- <SEQ=351><CTL=RST> <-- CLOSED @ +20ms
",
    );
    let told =
        "server 198.51.100.2:80 answered packet 7 of client 192.0.2.1:50000 with RST (packet 8): it no longer knew";
    let found = find(&c, "half-open-dead-peer").unwrap();
    assert!(found.message.starts_with(told), "{}", found.message);
}

#[test]
fn a_syn_that_was_answered_for_an_older_connection_was_not_lost() {
    let opened = |answers: &str, server: &str| {
        let text = format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> {server}
{answers}4. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
5. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
7. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
"
        );
        let c = only(&text);
        (find(&c, "syn-retried").is_some(), find(&c, "half-open-dead-peer").is_some())
    };
    let stale = "2. SYN_SENT <-- <SEQ=7000><ACK=5000><CTL=ACK> <-- CLOSED @ +20ms
3. SYN_SENT --> <SEQ=5000><CTL=RST> --> CLOSED
";
    assert_eq!(opened(stale, "CLOSED"), (false, true));
    assert_eq!(opened("", "SYN_RCVD"), (true, false));
}

#[test]
fn the_answer_of_who_opened_anew_is_no_abort() {
    let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
4. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
5. SYN_SENT --> <SEQ=9000><CTL=SYN> --> ESTABLISHED @ 100s
6. SYN_SENT <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +20ms
7. SYN_SENT --> <SEQ=111><CTL=RST> --> CLOSED
";
    let c = only(text);
    let found = find(&c, "half-open-dead-peer").unwrap();
    assert!(found.message.contains("opened anew (packet 5)"), "{}", found.message);
    assert!(find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
}

#[test]
fn who_closed_behind_unacknowledged_data_has_not_lost_the_connection() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +10ms
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +300ms
6. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=50> <-- ESTABLISHED @ +500ms
7. FIN_WAIT_1/CLOSED --> <SEQ=101><CTL=RST><WIN=0> --> CLOSED @ +100us
",
    );
    let told = find(&c, "rst-after-close").unwrap();
    assert!(told.message.ends_with("its FIN still waiting behind data of its own"), "{}", told.message);
    assert_eq!(told.facts["reset.cause"], "orphan");
    assert!(find(&c, "half-open-dead-peer").is_none() && find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
}

#[test]
fn data_sent_again_after_the_peers_fin_was_written_before() {
    // What the client goes on sending, its FIN may wait behind: nobody knows when it closed.
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +10ms
5. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +10ms
6. CLOSE_WAIT --> <SEQ=111><ACK=302><CTL=ACK> --> FIN_WAIT_2 @ +100us
7. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK><LEN=10> -->x FIN_WAIT_2 @ +20s
8. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK><LEN=10> --> CLOSED @ +50s
9. CLOSED <-- <SEQ=302><CTL=RST><WIN=0> <-- CLOSED @ +20ms
",
    );
    assert!(find(&c, "write-after-fin").is_none() && find(&c, "close-wait-stuck").is_none(), "{:?}", c.anomalies);
    assert_eq!(find(&c, "rst-after-close").unwrap().severity, Severity::Warning);
}

#[test]
fn who_may_have_closed_before_the_capture_is_not_said_to_have_never_closed() {
    let c = only(
        "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
2. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED @ +20ms
",
    );
    let told = find(&c, "half-open-dead-peer").unwrap();
    let unknown = "it did not know the connection, which it may have closed before the capture began, or never had (has it taken its \
                   address over?)";
    assert!(told.message.ends_with(unknown), "{}", told.message);
}

#[test]
fn a_reset_of_another_ttl_does_not_show_that_its_end_had_closed() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +10ms
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10us
7. CLOSED <-- <SEQ=301><CTL=RST><WIN=0><TTL=61> <-- CLOSED @ +1ms
",
    );
    assert!(find(&c, "rst-from-between").is_some() && find(&c, "rst-after-close").is_none(), "{:?}", c.anomalies);
}

#[test]
fn who_does_not_repeat_its_data_when_it_is_due_has_lost_the_connection() {
    // A closed socket would have sent its data again; another machine took over the address.
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +10ms
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +2s
7. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED @ +20ms
",
    );
    assert!(find(&c, "half-open-dead-peer").is_some() && find(&c, "rst-after-close").is_none(), "{:?}", c.anomalies);
}

#[test]
fn a_late_reset_with_another_hop_count_is_no_answer_of_that_end() {
    let c = after_handshake(
        "4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=10> <-- ESTABLISHED @ +10ms
5. CLOSED --> <SEQ=101><CTL=RST><TTL=61> --> CLOSED @ +20s
",
    );
    let message = &find(&c, "half-open-dead-peer").unwrap().message;
    let told = ", or a device between in its name, answered a segment of server 198.51.100.2:80 with RST (packet 5)";
    assert!(message.contains(told), "{message}");
    assert_eq!(fate(&c), "reset in the name of client", "as the finding says");
}

#[test]
fn who_resets_after_data_sent_in_vain_for_a_short_time_is_told_as_well() {
    let vain = |until: &str| {
        only(&format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=10> <-- ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=311><CTL=ACK><LEN=10> -->x ESTABLISHED @ 1s
6. ESTABLISHED --> <SEQ=101><ACK=311><CTL=ACK><LEN=10> -->x ESTABLISHED @ 1200ms
7. ESTABLISHED --> <SEQ=101><ACK=311><CTL=ACK><LEN=10> -->x ESTABLISHED @ 1600ms
8. CLOSED --> <SEQ=111><ACK=311><CTL=RST,ACK> -->x ESTABLISHED @ 2s
{until}"
        ))
    };
    for until in ["", "9. - - @ 300s\n"] {
        let c = vain(until);
        let told = find(&c, "rst-abort").unwrap();
        assert!(told.message.contains("gave up on data that nobody acknowledged"), "{}", told.message);
        assert_eq!((&told.facts["reset.cause"], told.endpoint), (&"gave-up".into(), Some(Side::Client)));
    }
}

#[test]
fn of_resets_for_what_was_under_way_the_first_may_be_too_early_to_be_accepted() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=4> --> ESTABLISHED @ +20ms
5. ESTABLISHED --> <SEQ=105><ACK=301><CTL=ACK><LEN=8> --> FIN_WAIT_1 @ +10ms
6. ESTABLISHED <-- <SEQ=301><ACK=105><CTL=ACK><LEN=500> <-- ESTABLISHED @ +10ms
7. ESTABLISHED --> <SEQ=113><ACK=801><CTL=ACK> --> FIN_WAIT_1
8. CLOSE_WAIT <-- <SEQ=801><ACK=105><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +100us
9. CLOSE_WAIT <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED @ +10ms
10. CLOSED <-- <SEQ=801><CTL=RST><WIN=0> <-- CLOSED @ +10ms
",
    );
    let told = find(&c, "rst-after-close").unwrap();
    assert!(told.message.ends_with("had closed fully"), "{}", told.message);
    assert_eq!((told.packet, told.endpoint), (Some(9), Some(Side::Client)));
}
