//! What outages, failovers and scans leave behind is not put down to ends, or paths, that did nothing of the kind.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{after_handshake, find, only};
use tcpstate::render::facts::fate;
use tcpstate::report::{Outcome, Severity, Side};
use tcpstate::tracker::State;

/// The server answers and closes while the path is down, gives up, and refuses what the client sends when it is up again.
fn given_up(rst: &str) -> tcpstate::report::Connection {
    let again: String = [200, 600, 1_400, 3_000]
        .iter()
        .zip(9..)
        .map(|(ms, i)| format!("{i}. - x<-- <SEQ=301><ACK=111><CTL=ACK><LEN=1448> <-- FIN_WAIT_1 @ {}ms\n", 100 + ms))
        .collect();
    only(&format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +5ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. - x<-- <SEQ=301><ACK=111><CTL=ACK><LEN=1448> <-- ESTABLISHED @ 100ms
7. - x<-- <SEQ=1749><ACK=111><CTL=ACK><LEN=552> <-- ESTABLISHED
8. - x<-- <SEQ=2301><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1
{again}20. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=6> --> - @ 9s
{rst}"
    ))
}

#[test]
fn who_is_heard_only_when_the_sender_has_given_up_shows_nothing_of_small_segments() {
    let c = given_up("21. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED\n");
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
    // Nor did a request cross a FIN that had been sent long before.
    assert!(find(&c, "request-crossed-fin").is_none(), "{:?}", c.anomalies);
    let met = find(&c, "rst-after-close").unwrap();
    assert!(met.message.ends_with("; its FIN, sent 8.9 s before the data, had not got through"), "{}", met.message);
    assert_eq!((met.severity, &met.facts["reset.cause"]), (Severity::Warning, &"orphan".into()));
    // While it goes on, that may be.
    assert!(find(&given_up(""), "mtu-black-hole").is_some());
}

#[test]
fn an_answer_with_the_fin_behind_it_was_written_after_the_peer_had_closed() {
    let late = |fin: &str, rst: &str| {
        after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=111><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +1s
7. FIN_WAIT_2 <-- <SEQ=301><ACK=112><CTL=ACK> <-- CLOSE_WAIT
8. FIN_WAIT_2 <-- <SEQ=301><ACK=112><CTL=ACK><LEN=50> <-- CLOSE_WAIT @ +1s
{fin}10. CLOSED --> <SEQ=112><CTL=RST><WIN=0> --> CLOSED @ +{rst}
"
        ))
    };
    let fin = "9. FIN_WAIT_2 <-- <SEQ=351><ACK=112><CTL=FIN,ACK> <-- LAST_ACK\n";
    for fin in ["", fin] {
        let c = late(fin, "5ms");
        let wrote = find(&c, "write-after-fin").unwrap();
        assert_eq!((wrote.endpoint, &wrote.facts["trigger"]), (Some(Side::Server), &8.into()));
        assert!(wrote.message.contains(" wrote (packet 8) 1.0 s after client "), "{}", wrote.message);
        // One event is one warning.
        assert_eq!(find(&c, "rst-after-close").unwrap().severity, Severity::Note);
    }
}

#[test]
fn who_lost_its_socket_by_a_reset_in_the_name_of_an_end_that_goes_on_has_not_aborted() {
    let again = |n: u32, gap: &str| {
        let (data, answer) = (5 + 2 * n, 6 + 2 * n);
        format!(
            "{data}. CLOSED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +{gap}
{answer}. CLOSED --> <SEQ=111><CTL=RST><WIN=0> -->x ESTABLISHED @ +20us\n"
        )
    };
    let c = after_handshake(&format!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +1ms
6. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- ESTABLISHED @ +50ms
{}{}{}{}",
        again(1, "200ms"),
        again(2, "210ms"),
        again(3, "420ms"),
        again(4, "840ms"),
    ));
    let between = find(&c, "rst-from-between").unwrap();
    let told = "(packet 6) is not its own: it went on sending (packet 7); somebody else sent it, between the ends or from the \
                same address";
    assert!(between.message.ends_with(told), "{}", between.message);
    // The client is not to blame, nor was a RST lost.
    let abort = find(&c, "rst-abort").unwrap();
    assert_eq!((abort.severity, &abort.facts["reset.cause"]), (Severity::Info, &"from-between".into()));
    assert_eq!(fate(&c), "reset from between");
    let closed = c.endpoints.client.history.last().unwrap();
    assert_eq!((closed.state, closed.packet), (State::Closed, Some(6)));
}

#[test]
fn a_closed_port_that_answers_a_scan_aborts_nothing() {
    for flags in ["FIN", "FIN,PSH,URG"] {
        let c = only(&format!(
            "1. - --> <SEQ=100><CTL={flags}> --> -
2. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
"
        ));
        assert!(find(&c, "odd-flags").is_some() && find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
    }
}

#[test]
fn a_server_whose_half_open_connection_was_reset_begins_anew_with_another_number() {
    let opened_again = |rst: &str| {
        only(&format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
{rst}4. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
5. ESTABLISHED <-- <SEQ=900><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
"
        ))
    };
    let reset = "3. - --> <SEQ=101><CTL=RST><WIN=0> --> CLOSED\n";
    assert!(find(&opened_again(""), "syn-ack-changed").is_some());
    let c = opened_again(reset);
    assert!(find(&c, "syn-ack-changed").is_none(), "{:?}", c.anomalies);
}

#[test]
fn a_single_byte_that_is_not_acknowledged_is_sent_again_and_no_keepalive() {
    let again: String = (0..7u32)
        .map(|i| {
            let at = 200 * 2_u32.pow(i);
            format!("{}. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1> -->x ESTABLISHED @ {at}ms\n", i + 5)
        })
        .collect();
    let c = after_handshake(&format!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1> -->x ESTABLISHED @ 100ms\n{again}20. - - @ 30s\n"
    ));
    let dead = find(&c, "half-open-dead-peer").unwrap();
    assert!(dead.message.contains("sent its data up to 8 times"), "{}", dead.message);
    assert_eq!(find(&c, "retransmissions").unwrap().facts["segments"], 7);
}

/// The client's own FIN, sent as soon as the server's came, passes behind the request before the RST that refuses that.
#[test]
fn a_request_that_crossed_a_fin_is_told_although_its_sender_has_closed_meanwhile() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=50> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=111><ACK=351><CTL=ACK> --> ESTABLISHED
7. - --> <SEQ=111><ACK=351><CTL=ACK><LEN=10> ... - @ +2s
8. CLOSE_WAIT <-- <SEQ=351><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1
9. LAST_ACK --> <SEQ=121><ACK=352><CTL=FIN,ACK> ... - @ +100us
10. CLOSED <-- <SEQ=351><CTL=RST><WIN=0> <-- CLOSED @ +300us
11. CLOSED <-- <SEQ=352><CTL=RST><WIN=0> <-- CLOSED @ +3ms
",
    );
    let crossed = find(&c, "request-crossed-fin").unwrap();
    assert_eq!((crossed.severity, &crossed.facts["trigger"]), (Severity::Warning, &9.into()));
    let told = ["after sending nothing for 2.0 s, while a request ", " was underway (up to packet 9), and refused it"];
    assert!(told.iter().all(|told| crossed.message.contains(told)), "{}", crossed.message);
    let met = find(&c, "rst-after-close").unwrap();
    assert!(
        met.message.starts_with("data of client ") && met.message.ends_with("the data crossed its FIN"),
        "{}",
        met.message
    );
}

/// The client waits for the server to speak first, its ACK is lost, and cookies are not sent again.
#[test]
fn an_ack_that_comes_with_late_data_is_no_round_trip() {
    let late = |rest: &str| {
        only(&format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>{rest}"
        ))
    };
    let c = late("<LEN=10> --> SYN_RCVD @ +4s\n4. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED @ +20us\n");
    let slow = &find(&c, "handshake-slow").unwrap().message;
    assert!(slow.contains("acknowledged the SYN,ACK only with its first data, 4.0 s later"), "{slow}");
    // That the path were so long hid who answered.
    let gone = &find(&c, "half-open-dead-peer").unwrap().message;
    assert!(gone.contains("which it had never completed: its listener was closed"), "{gone}");
    let answered = late(" --> ESTABLISHED @ +4s\n");
    let slow = &find(&answered, "handshake-slow").unwrap().message;
    assert!(slow.contains("SYN,ACK to ACK 4.0 s"), "{slow}");
}

#[test]
fn a_window_whose_opening_is_lost_was_closed_for_no_more_than_it_took_to_see_it_open() {
    let closed = |probe: &str| {
        after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 2s
{probe}8. CLOSE_WAIT <-- <SEQ=301><ACK=1101><CTL=FIN,ACK><WIN=2000> <-- FIN_WAIT_1 @ 9s
9. - - @ 20s
"
        ))
    };
    let message = |probe: &str| find(&closed(probe), "zero-window-stall").unwrap().message.clone();
    let lost = message("7. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 5s\n");
    assert!(lost.contains("closed for up to 9.0 s;") && lost.contains("may have opened its window before"), "{lost}");
    assert!(message("").contains("closed for 9.0 s; client"), "{}", message(""));
}

/// TCP_DEFER_ACCEPT: the ACK is ignored until the SYN,ACK has come again, late.
#[test]
fn a_server_that_repeats_its_syn_ack_no_more_has_taken_the_ack() {
    let until = |end: &str, data: &str| {
        only(&format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> SYN_RCVD @ +20us
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 7s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +20us
{data}9. - - @ {end}
"
        ))
    };
    let state = |end: &str, data: &str| until(end, data).endpoints.server.state;
    assert_eq!(state("70s", ""), State::Established);
    let message = find(&until("70s", ""), "half-open-accept-overflow").unwrap().message.clone();
    assert!(message.contains("took the ACK of client") && message.contains("most likely after 7.0 s"), "{message}");
    assert!(until("70s", "").endpoints.server.possible.has(State::Closed));
    // It may still be about to send it once more.
    assert_eq!(state("16s", ""), State::SynRcvd);
    // Whoever has the connection acknowledges data.
    let data = "6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> SYN_RCVD @ 10s\n";
    assert_ne!(state("70s", data), State::Established);
}

/// An old connection's acknowledgment meets a new one's SYN_RCVD.
#[test]
fn a_server_that_rejects_an_old_acknowledgment_still_waits_for_the_client() {
    let c = only(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20us
3. SYN_SENT --> <SEQ=94><ACK=900000><CTL=ACK> --> SYN_RCVD @ +20us
4. SYN_SENT <-- <SEQ=900000><CTL=RST><WIN=0> <-- SYN_RCVD @ +20us
5. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
6. - - @ 2s
",
    );
    let server = &c.endpoints.server;
    assert_eq!((server.state, server.history.len()), (State::SynRcvd, 1), "{:?}", server.history);
    assert_ne!(c.outcome, Outcome::Reset);
}

#[test]
fn an_end_in_time_wait_may_ignore_a_reset() {
    let after = |end: &str| {
        after_handshake(&format!(
            "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +20ms
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +20ms
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +20us
7. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ 2s
8. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +20us
9. CLOSED <-- <SEQ=302><CTL=RST> <-- CLOSED @ +20ms
10. - - @ {end}
"
        ))
    };
    let client = |end: &str| after(end).endpoints.client;
    assert_eq!((client("9s").state, client("9s").possible.has(State::TimeWait)), (State::Closed, true));
    assert!(!client("80s").possible.has(State::TimeWait));
    assert!(find(&after("9s"), "time-wait-killed").unwrap().message.contains("unless that ignores it"));
}
