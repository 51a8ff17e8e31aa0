//! Of a request that is not answered: when it is told, how severe it is, and what only looks like one.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/examples.rs"]
mod examples;

use analysis::opened;
use examples::{findings, names};
use tcpstate::detect::Example;
use tcpstate::report::{Finding, Severity};

/// The finding in `ladder`, if there is one.
fn told(ladder: &'static str) -> Option<Finding> {
    findings("unanswered", &Example::one(ladder)).into_iter().find(|f| f.name == "request-unanswered")
}

fn severity(ladder: &'static str) -> Option<Severity> {
    told(ladder).map(|finding| finding.severity)
}

#[test]
fn how_long_it_took_and_who_gave_up_is_told() {
    let client = told(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. CLOSED --> <SEQ=181><ACK=301><CTL=RST,ACK> --> CLOSED @ 9s
"
    ));
    let client = client.unwrap();
    assert_eq!(client.severity, Severity::Note);
    assert_eq!(client.packets, [4]);
    assert!(
        client.message.contains(":80 acknowledged 80 bytes and sent nothing at all for 9.0 s, until client reset it")
    );
    // Whether it had answered before is told, and a server that gives up is as bad.
    let server = told(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=500> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=181><ACK=801><CTL=ACK><LEN=80> --> ESTABLISHED @ 1s
7. ESTABLISHED <-- <SEQ=801><ACK=261><CTL=ACK> <-- ESTABLISHED
8. CLOSE_WAIT <-- <SEQ=801><ACK=261><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 61s
9. CLOSE_WAIT --> <SEQ=261><ACK=802><CTL=ACK> --> FIN_WAIT_2
"
    ));
    let server = server.unwrap();
    assert_eq!(server.severity, Severity::Warning);
    assert!(server.message.contains("sent nothing more for 1 min, until server closed"), "{}", server.message);
}

/// Also where everything else is as RFC 9293 draws it, and nothing but the time strikes.
#[test]
fn a_connection_that_is_closed_in_order_can_have_waited_in_vain() {
    let waits = |after| {
        let ladder: &'static str = String::leak(format!(
            "{}4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ {after}s
7. TIME_WAIT <-- <SEQ=301><ACK=182><CTL=FIN,ACK> <-- LAST_ACK @ +2s
8. TIME_WAIT --> <SEQ=182><ACK=302><CTL=ACK> --> CLOSED
",
            opened!("")
        ));
        severity(ladder)
    };
    assert_eq!([4, 6, 31].map(waits), [None, Some(Severity::Note), Some(Severity::Warning)]);
}

/// A proxy whose upstream hangs; who collects logs never says anything, and does the same.
#[test]
fn a_server_that_closes_as_soon_as_the_client_has_is_not_stuck_itself() {
    let listens = |after, answers: &str| {
        let (say, ack) = if answers.is_empty() { (101, 301) } else { (181, 801) };
        let ladder: &'static str = String::leak(format!(
            "{}{answers}6. ESTABLISHED --> <SEQ={say}><ACK={ack}><CTL=ACK><LEN=80> --> ESTABLISHED @ +1ms
7. ESTABLISHED <-- <SEQ={ack}><ACK={}><CTL=ACK> <-- ESTABLISHED
8. FIN_WAIT_1 --> <SEQ={}><ACK={ack}><CTL=FIN,ACK> --> CLOSE_WAIT @ +40s
9. TIME_WAIT <-- <SEQ={ack}><ACK={}><CTL=FIN,ACK> <-- LAST_ACK @ +{after}ms
10. TIME_WAIT --> <SEQ={}><ACK={}><CTL=ACK> --> CLOSED
",
            opened!(""),
            say + 80,
            say + 80,
            say + 81,
            say + 81,
            ack + 1
        ));
        told(ladder).unwrap().message
    };
    let noticed = "closed; it noticed that at once";
    assert!(listens(20, "").contains(&format!("{noticed}: it had waited for something else, or only listens")));
    assert!(listens(5_000, "").ends_with("until client closed"));
    let answered = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=500> <-- ESTABLISHED
";
    assert!(listens(20, answered).ends_with(&format!("{noticed}, and so had waited for something else")));
}

/// Long polling, a queue: the answer before took 40 s.
#[test]
fn what_took_as_long_before_may_still_be_answered() {
    let waits = |seconds| {
        let ladder: &'static str = String::leak(format!(
            "{}4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=500> <-- ESTABLISHED @ +40s
7. ESTABLISHED --> <SEQ=181><ACK=801><CTL=ACK><LEN=80> --> ESTABLISHED @ +1ms
8. ESTABLISHED <-- <SEQ=801><ACK=261><CTL=ACK> <-- ESTABLISHED
9. FIN_WAIT_1 --> <SEQ=261><ACK=801><CTL=FIN,ACK> --> CLOSE_WAIT @ +{seconds}s
10. FIN_WAIT_2 <-- <SEQ=801><ACK=262><CTL=ACK> <-- CLOSE_WAIT
",
            opened!("")
        ));
        severity(ladder)
    };
    assert_eq!([35, 79, 82].map(waits), [None, None, Some(Severity::Warning)]);
}

/// An MQTT client that has a message pushed to it, and says that it came.
#[test]
fn a_short_confirmation_of_what_came_unasked_is_no_request() {
    let pushed = |bytes: u32| {
        let ladder: &'static str = String::leak(format!(
            "{}4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=4> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=105><CTL=ACK><LEN=4> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=305><ACK=105><CTL=ACK><LEN=60> <-- ESTABLISHED @ +5s
7. ESTABLISHED --> <SEQ=105><ACK=365><CTL=ACK><LEN={bytes}> --> ESTABLISHED @ +1ms
8. ESTABLISHED <-- <SEQ=365><ACK={}><CTL=ACK> <-- ESTABLISHED
9. FIN_WAIT_1 --> <SEQ={}><ACK=365><CTL=FIN,ACK> --> CLOSE_WAIT @ +40s
10. FIN_WAIT_2 <-- <SEQ=365><ACK={}><CTL=ACK> <-- CLOSE_WAIT
",
            opened!(""),
            105 + bytes,
            105 + bytes,
            106 + bytes
        ));
        severity(ladder)
    };
    assert_eq!([4, 63, 64].map(pushed), [None, None, Some(Severity::Warning)]);
}

/// Long polling, subscriptions: as long as both wait it may be meant so.
#[test]
fn while_both_wait_it_is_a_note_and_only_when_it_is_long() {
    let (short, long) = (
        opened!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. - - @ 25s
"
        ),
        opened!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. - - @ 95s
"
        ),
    );
    assert_eq!(severity(short), None);
    let long = told(long).unwrap();
    assert_eq!(long.severity, Severity::Note);
    assert!(long.message.ends_with("has sent nothing at all for at least 1 min 34 s"), "{}", long.message);
}

#[test]
fn what_needs_no_answer_is_no_request() {
    // What an HTTP/2 client sends last is mostly a window update: as short as what was "answered" by chance, but not as
    // long as requests are.
    let update = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=500> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=601><CTL=ACK><LEN=500> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=601><ACK=801><CTL=ACK><LEN=31> --> ESTABLISHED
7. ESTABLISHED <-- <SEQ=801><ACK=632><CTL=ACK><LEN=500> <-- ESTABLISHED
8. ESTABLISHED --> <SEQ=632><ACK=1301><CTL=ACK><LEN=35> --> ESTABLISHED
9. ESTABLISHED <-- <SEQ=1301><ACK=667><CTL=ACK> <-- ESTABLISHED
10. FIN_WAIT_1 --> <SEQ=667><ACK=1301><CTL=FIN,ACK> --> CLOSE_WAIT @ 70s
11. FIN_WAIT_2 <-- <SEQ=1301><ACK=668><CTL=ACK> <-- CLOSE_WAIT
"
    );
    // Logs, metrics: told one after the other, whether there is an answer or not.
    let published = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=181><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED @ 10s
7. ESTABLISHED <-- <SEQ=301><ACK=261><CTL=ACK> <-- ESTABLISHED
8. FIN_WAIT_1 --> <SEQ=261><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ 70s
9. FIN_WAIT_2 <-- <SEQ=301><ACK=262><CTL=ACK> <-- CLOSE_WAIT
"
    );
    // A server that waits for its client: nobody knows what the client was to say.
    let greeted = opened!(
        "4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=80> <-- ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=381><CTL=ACK> --> ESTABLISHED
6. CLOSE_WAIT <-- <SEQ=381><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 70s
7. CLOSE_WAIT --> <SEQ=101><ACK=382><CTL=ACK> --> FIN_WAIT_2
"
    );
    assert_eq!([update, published, greeted].map(severity), [None; 3]);
}

#[test]
fn an_answer_that_may_have_been_missed_is_not_denied() {
    // The client acknowledges what was not captured.
    let missed = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=181><ACK=801><CTL=FIN,ACK> --> CLOSE_WAIT @ 70s
7. FIN_WAIT_2 <-- <SEQ=801><ACK=182><CTL=ACK> <-- CLOSE_WAIT
"
    );
    // The request does not get through, and the path is dead when the client closes.
    let lost = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> -->x ESTABLISHED @ +300ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> -->x ESTABLISHED @ +600ms
7. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ 40s
8. - - @ 90s
"
    );
    let gone = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ 40s
7. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ +300ms
8. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ +900ms
9. - - @ 90s
"
    );
    assert_eq!([missed, lost, gone].map(severity), [None; 3]);
    let instead = names(&findings("unanswered", &Example::one(lost)));
    assert!(instead.contains("retransmissions"), "{instead}");
}
