//! What a RST tells of the end that sent it, and what casts doubt on that.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{after_handshake, find};
use tcpstate::render::facts::fate;
use tcpstate::report::Side;

#[test]
fn who_closed_with_a_fin_that_the_capture_missed_has_not_forgotten_the_connection() {
    let closed = |ack: u32| {
        after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. CLOSE_WAIT <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED @ +1ms
6. CLOSE_WAIT <-- <SEQ=301><ACK={ack}><CTL=ACK> <-- CLOSE_WAIT @ +40ms
7. FIN_WAIT_2 <-- <SEQ=301><ACK={ack}><CTL=ACK><LEN=50> <-- CLOSE_WAIT @ +6s
8. CLOSED --> <SEQ={ack}><CTL=RST><WIN=0> --> CLOSED @ +20us
"
        ))
    };
    let c = closed(112);
    assert!(find(&c, "half-open-dead-peer").is_none(), "{:?}", c.anomalies);
    let met = find(&c, "rst-after-close").unwrap();
    assert!(
        met.message.ends_with("had most likely closed fully, with a FIN that the capture missed"),
        "{}",
        met.message
    );
    let wrote = find(&c, "write-after-fin").unwrap();
    assert_eq!((wrote.endpoint, &wrote.facts["lost_bytes"]), (Some(Side::Server), &50.into()));
    assert!(wrote.message.contains("had most likely closed, with a FIN that the capture missed"), "{}", wrote.message);
    // Without one, it has.
    assert!(find(&closed(111), "half-open-dead-peer").is_some());
}

#[test]
fn what_left_before_a_reset_by_its_timestamp_does_not_disown_it_however_late_it_comes() {
    let late = |stamp: u32| {
        after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><TS=1010/1> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><TS=900/1010> <-- ESTABLISHED @ +1ms
6. CLOSED --> <SEQ=121><ACK=301><CTL=RST,ACK><TS=1050/900> --> CLOSED @ +20ms
7. CLOSED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10><TS={stamp}/900> --> CLOSED @ +200ms
8. CLOSED <-- <SEQ=301><CTL=RST><WIN=0> <-- CLOSED @ +1ms
"
        ))
    };
    let c = late(1045);
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    assert_eq!(fate(&c), "reset by client");
    // What it sent afterwards does.
    assert_eq!(fate(&late(1250)), "reset from between");
}

#[test]
fn a_server_that_sent_nothing_may_not_have_accepted_what_it_resets() {
    let reset = |answer: &str, after: &str| {
        let c = after_handshake(&format!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ +10ms
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK>{answer} <-- ESTABLISHED @ +1ms
6. CLOSED <-- <SEQ=301><ACK=111><CTL=RST,ACK> <-- CLOSED @ +{after}
"
        ));
        find(&c, "rst-abort").unwrap().message.clone()
    };
    let queued = "its listener was closed before it had accepted the connection";
    assert!(reset("", "1s").contains(queued), "{}", reset("", "1s"));
    // Its application has spoken, or acted at once.
    assert!(!reset("<LEN=5>", "1s").contains(queued), "{}", reset("<LEN=5>", "1s"));
    assert!(!reset("", "1ms").contains(queued), "{}", reset("", "1ms"));
}

#[test]
fn a_fin_that_the_network_brings_once_more_does_not_disown_the_reset_after_it() {
    let again = |name: &str| {
        after_handshake(&format!(
            "4. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK><TS=900/1000> <-- FIN_WAIT_1 @ +10ms
5. LAST_ACK --> <SEQ=101><ACK=302><CTL=FIN,ACK><ID=7><TS=1010/900> --> TIME_WAIT @ +1ms
6. CLOSED <-- <SEQ=302><ACK=102><CTL=ACK><TS=901/1010> <-- TIME_WAIT @ +20ms
7. CLOSED <-- <SEQ=302><ACK=102><CTL=ACK><TS=1500/1010> <-- TIME_WAIT @ +600ms
8. CLOSED --> <SEQ=102><CTL=RST><WIN=0> --> CLOSED @ +1ms
9. CLOSED --> <SEQ=101><ACK=302><CTL=FIN,ACK>{name} --> CLOSED @ +2s
"
        ))
    };
    let c = again("<ID=7><TS=1010/900>");
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    // One that its sender repeats does.
    assert!(find(&again("<ID=8><TS=3600/900>"), "rst-from-between").is_some());
}

#[test]
fn the_answer_of_a_listener_to_an_old_syn_does_not_disown_its_reset() {
    let again = |number: &str| {
        after_handshake(&format!(
            "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +10ms
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +20ms
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +20us
7. TIME_WAIT <-- <SEQ={number}><ACK=101><CTL=SYN,ACK> <-- CLOSED @ +4s
8. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +20us
9. CLOSED <-- <SEQ=302><CTL=RST><WIN=0> <-- CLOSED @ +20ms
10. CLOSED <-- <SEQ={number}><ACK=101><CTL=SYN,ACK> <-- CLOSED @ +1s
11. CLOSED --> <SEQ=101><CTL=RST><WIN=0> --> CLOSED @ +20us
"
        ))
    };
    let c = again("90000301");
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    assert!(find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
    assert!(find(&c, "time-wait-killed").is_some(), "{:?}", c.anomalies);
    // What is of this connection does.
    assert!(find(&again("300"), "rst-from-between").is_some(), "{:?}", again("300").anomalies);
}
