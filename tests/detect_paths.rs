//! What the path did, or somebody on it, is not told as what an end did.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{find, only, opened};
use tcpstate::render::facts::fate;
use tcpstate::report::{Connection, Severity, Side};
use tcpstate::tracker::State;

/// Keepalives of the client every two seconds, each of which the server answers; the client's clock, and what it echoes of the
/// server's, and what the RST echoes.
fn probed(rst: &str) -> Connection {
    only(&format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><TS=1/0> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=5000/1> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><TS=2/5000> --> ESTABLISHED @ +1ms
4. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK><TS=2000/5000> --> ESTABLISHED @ 2s
5. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><TS=7000/2> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK><TS=4000/7000> --> ESTABLISHED @ 4s
7. x<-- <SEQ=301><ACK=101><CTL=ACK><TS=9000/2> <-- ESTABLISHED @ +1ms
8. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK><TS=5000/7000> --> ESTABLISHED @ 5s
9. x<-- <SEQ=301><ACK=101><CTL=ACK><TS=10000/2> <-- ESTABLISHED @ +1ms
{rst}"
    ))
}

#[test]
fn who_gives_up_on_keepalives_whose_answers_are_lost_is_no_application_that_aborts() {
    let c = probed("10. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK><TS=6000/7000> --> CLOSED @ 6s\n");
    let told = find(&c, "keepalive-timeout").unwrap();
    assert!(told.message.contains("the last answer (packet 9) did not reach it"), "{}", told.message);
    assert_eq!(told.facts["reset.cause"], "keepalive-gave-up");
    assert_eq!((told.severity, told.endpoint), (Severity::Warning, Some(Side::Client)));
    assert!(find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
}

#[test]
fn who_resets_after_the_answer_to_its_keepalive_arrived_aborts() {
    let rst = "10. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK><TS=6000/10000> --> CLOSED @ 6s\n";
    let c = probed(rst);
    assert!(find(&c, "keepalive-timeout").is_none(), "{:?}", c.anomalies);
    let abort = find(&c, "rst-abort").unwrap();
    assert!(abort.message.contains("most likely its application closed with SO_LINGER 0"), "{}", abort.message);
    assert!(!abort.message.contains("keepalives"), "{}", abort.message);
    // Where no timestamp tells, it may have given up all the same.
    let bare = probed(&rst.replace("<TS=6000/10000>", ""));
    let message = &find(&bare, "rst-abort").unwrap().message;
    assert!(message.contains("or it gave up on keepalives, whose answers did not reach it"), "{message}");
}

#[test]
fn who_gave_up_on_data_sent_again_and_again_is_not_said_to_have_closed() {
    let c = only(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 1s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +200ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +400ms
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +800ms
8. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=50> <-- ESTABLISHED @ +1s
9. FIN_WAIT_1/CLOSED --> <SEQ=101><CTL=RST><WIN=0> --> CLOSED @ +100us
"
    ));
    let told = find(&c, "half-open-dead-peer").unwrap();
    assert!(told.message.starts_with("client 192.0.2.1:50000 sent its data 4 times in 1.4 s"), "{}", told.message);
    assert!(
        told.message.ends_with("(TCP_USER_TIMEOUT, retries), had closed, or had lost the connection"),
        "{}",
        told.message
    );
    assert_eq!((&told.facts["reset.cause"], told.endpoint), (&"gave-up".into(), Some(Side::Server)));
    assert!(find(&c, "rst-after-close").is_none() && find(&c, "rst-abort").is_none(), "{:?}", c.anomalies);
}

/// A RST in the server's name answers the client's request; all else of the server has the hop count `usual`.
fn rejected(usual: u8, rst: u8) -> Connection {
    only(&format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TTL={usual}> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10><TTL={usual}> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK><LEN=10> -->x ESTABLISHED @ 3s
8. CLOSED <-- <SEQ=311><CTL=RST><WIN=0><TTL={rst}> <-- ESTABLISHED @ +1ms
"
    ))
}

#[test]
fn a_reset_that_no_router_has_passed_on_may_be_of_a_firewall() {
    let c = rejected(63, 64);
    let server = &c.endpoints.server;
    assert_eq!((server.state, server.possible.has(State::Established)), (State::Closed, true));
    let between = find(&c, "rst-from-between").unwrap();
    assert!(between.message.contains("has TTL 64, its other segments have 63"), "{}", between.message);
    let lost = find(&c, "half-open-dead-peer").unwrap();
    assert!(lost.message.contains("or a device between in its name"), "{}", lost.message);
    assert_eq!((between.severity, lost.severity), (Severity::Warning, Severity::Note));
    assert_eq!(fate(&c), "reset in the name of server");
    // A difference of one alone is no proof, but no certainty either.
    let c = rejected(57, 56);
    assert!(find(&c, "rst-from-between").is_none(), "{:?}", c.anomalies);
    assert!(find(&c, "half-open-dead-peer").unwrap().message.contains("or a device between"), "{:?}", c.anomalies);
    let c = rejected(57, 57);
    assert!(!find(&c, "half-open-dead-peer").unwrap().message.contains("between"), "{:?}", c.anomalies);
    assert!(!c.endpoints.server.possible.has(State::Established));
}

/// The client's large segments are lost, and sent again up to 13 s; what passes before that.
fn stuck(before: &str, ack: u32) -> Connection {
    let again: String = [200, 600, 1400, 3000, 6200, 12600]
        .iter()
        .enumerate()
        .map(|(i, ms)| {
            let at = 1000 + ms;
            format!("{}. ESTABLISHED --> <SEQ=201><ACK={ack}><CTL=ACK><LEN=1460> -->x ESTABLISHED @ {at}ms\n", i + 20)
        })
        .collect();
    only(&format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED @ 1s
{before}{again}27. - - @ 30s
"
    ))
}

#[test]
fn who_acknowledges_a_smaller_segment_sent_later_is_not_gone() {
    let c = stuck(
        "7. ESTABLISHED --> <SEQ=1661><ACK=301><CTL=ACK><LEN=300> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><SACK=1661-1961> <-- ESTABLISHED @ +100us
",
        301,
    );
    let told = find(&c, "mtu-black-hole").unwrap();
    assert!(told.message.ends_with("received a smaller one that was sent later (packet 8)"), "{}", told.message);
    assert_eq!(told.severity, Severity::Error);
    assert!(find(&c, "half-open-dead-peer").is_none(), "{:?}", c.anomalies);
    // Of one as large that arrived nobody can say so.
    let c = stuck(
        "7. ESTABLISHED --> <SEQ=1661><ACK=301><CTL=ACK><LEN=1460> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><SACK=1661-3121> <-- ESTABLISHED @ +100us
",
        301,
    );
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
}

#[test]
fn who_is_heard_after_the_large_segment_was_sent_is_not_gone() {
    let c = stuck("7. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><LEN=10> <-- ESTABLISHED @ +190ms\n", 311);
    let told = find(&c, "mtu-black-hole").unwrap();
    assert!(told.message.ends_with("never acknowledged a segment as large, only smaller ones"), "{}", told.message);
    assert_eq!(told.severity, Severity::Warning);
    assert!(find(&c, "half-open-dead-peer").is_none(), "{:?}", c.anomalies);
}

#[test]
fn where_only_large_segments_go_unanswered_their_size_may_be_why() {
    let c = stuck("", 301);
    let told = find(&c, "half-open-dead-peer").unwrap();
    let large = "segments as large as these, 1,460 bytes, may not get through: none was ever acknowledged";
    assert!(told.message.ends_with(large), "{}", told.message);
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
}

/// The client's segment is sent again at these times, in milliseconds, and lost.
fn again(from: usize, seq: u32, ack: u32, times: &[u32]) -> String {
    let segment = format!("<SEQ={seq}><ACK={ack}><CTL=ACK><LEN=1448> -->x ESTABLISHED");
    times.iter().zip(from..).map(|(ms, i)| format!("{i}. ESTABLISHED --> {segment} @ {ms}ms\n")).collect()
}

/// What the client sent at once up to 1 s, and again up to 14 s.
fn lost(sent: &str, again: &str, then: &str) -> Connection {
    only(&format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
{sent}{again}{then}40. - - @ 30s
"
    ))
}

const TIMES: [u32; 6] = [1_200, 1_600, 2_400, 4_000, 7_200, 13_600];

#[test]
fn where_segments_as_large_passed_before_the_peer_is_gone() {
    let sent = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1448> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=1549><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=1549><ACK=301><CTL=ACK><LEN=1448> -->x ESTABLISHED @ 1s
7. ESTABLISHED --> <SEQ=2997><ACK=301><CTL=ACK><LEN=300> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=301><ACK=1549><CTL=ACK><SACK=2997-3297> <-- ESTABLISHED @ +1ms
";
    let c = lost(sent, &again(10, 1_549, 301, &TIMES), "");
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
    assert!(find(&c, "half-open-dead-peer").unwrap().message.contains("is no longer heard"), "{:?}", c.anomalies);
    // In a transfer that never pauses most of what was acknowledged was as large.
    let flight: String = (0..9)
        .map(|n| format!("{}. - --> <SEQ={}><ACK=301><CTL=ACK><LEN=1448> --> -\n", n + 4, 101 + n * 1_448))
        .collect();
    let told = "13. - <-- <SEQ=301><ACK=11685><CTL=ACK> <-- -
14. - --> <SEQ=13133><ACK=301><CTL=ACK><LEN=300> --> -
15. - <-- <SEQ=301><ACK=11685><CTL=ACK><SACK=13133-13433> <-- -
";
    let c = lost(&format!("{flight}{told}"), &again(20, 11_685, 301, &TIMES), "");
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
}

#[test]
fn a_segment_of_a_larger_one_that_was_cut_is_as_large_as_they_get() {
    let sent = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=14480> -->x ESTABLISHED @ 1s
7. ESTABLISHED --> <SEQ=14631><ACK=301><CTL=ACK><LEN=300> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK><SACK=14631-14931> <-- ESTABLISHED @ +1ms
";
    let c = lost(sent, &again(10, 151, 301, &TIMES), "");
    assert!(find(&c, "mtu-black-hole").unwrap().message.contains("1,448 bytes 7 times"), "{:?}", c.anomalies);
    assert!(find(&c, "half-open-dead-peer").is_none(), "{:?}", c.anomalies);
    // Of what lies beyond the gap some is as large: it arrived.
    let c = lost(&sent.replace("SACK=14631-14931", "SACK=1599-3047,14631-14931"), &again(10, 151, 301, &TIMES), "");
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
}

#[test]
fn what_the_peer_answers_decides_whether_small_segments_pass() {
    let sent = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=1448> -->x ESTABLISHED @ 1s
";
    let speaks =
        |ms: u32| format!("30. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK><LEN=10> <-- ESTABLISHED @ {ms}ms\n");
    let severity = |then: &str| {
        let c = lost(sent, &again(10, 151, 301, &TIMES), then);
        find(&c, "mtu-black-hole").map(|told| told.severity)
    };
    assert_eq!(severity(&speaks(14_000)), Some(Severity::Error));
    // The capture ends before it would have come again.
    assert_eq!(severity(&speaks(29_500)), Some(Severity::Warning));
    // It comes again: what acknowledges it does not arrive either.
    assert_eq!(severity(&format!("{}{}", speaks(14_000), speaks(14_500).replace("30.", "31."))), None);
    // So would its FIN; and an end that gives up need have received nothing.
    let fin = "30. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=FIN,ACK> <-- ESTABLISHED @ 29500ms\n";
    let reset = "30. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=RST,ACK> <-- CLOSED @ 15s\n";
    assert_eq!([fin, reset].map(severity), [Some(Severity::Warning); 2]);
    // An ACK that tells of its window answers nothing.
    let window = "30. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK><WIN=9000> <-- ESTABLISHED @ 14s\n";
    assert_eq!(severity(window), Some(Severity::Warning));
    // One that only asks whether its peer is there may get no answer.
    let keepalive = "30. ESTABLISHED <-- <SEQ=300><ACK=151><CTL=ACK> <-- ESTABLISHED @ 14s
31. ESTABLISHED --> <SEQ=1599><ACK=301><CTL=ACK> -->x ESTABLISHED
32. ESTABLISHED <-- <SEQ=300><ACK=151><CTL=ACK> <-- ESTABLISHED @ 15s
33. ESTABLISHED --> <SEQ=1599><ACK=301><CTL=ACK> -->x ESTABLISHED
";
    assert_eq!(severity(keepalive), Some(Severity::Warning));
}

#[test]
fn an_outage_that_is_over_makes_no_black_hole_of_a_later_loss() {
    let sent = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=1448> -->x ESTABLISHED @ 1s
";
    let healed = "30. ESTABLISHED <-- <SEQ=301><ACK=1599><CTL=ACK> <-- ESTABLISHED @ 13601ms
31. ESTABLISHED --> <SEQ=1599><ACK=301><CTL=ACK><LEN=1448> -->x ESTABLISHED @ 29500ms
32. ESTABLISHED --> <SEQ=1599><ACK=301><CTL=ACK><LEN=1448> -->x ESTABLISHED @ 29700ms
";
    let c = lost(sent, &again(10, 151, 301, &TIMES), healed);
    assert!(find(&c, "mtu-black-hole").is_none(), "{:?}", c.anomalies);
}
