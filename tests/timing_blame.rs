//! Whose a wait is: the same wherever the tap is, and of nobody who is not known to have caused it.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::only;
use tcpstate::report::timing::Blame;
use tcpstate::time::Span;

/// What an end sends, and when, in milliseconds: `>` is the client.
type Sent = (i64, char, String);

/// The ladder of what is sent on a path that takes 20 ms each way, tapped that many milliseconds from the server.
fn tapped(sent: &[Sent], from_server: i64) -> String {
    let mut passing: Vec<(i64, &Sent)> =
        sent.iter().map(|s| (s.0 + if s.1 == '>' { 20 - from_server } else { from_server }, s)).collect();
    passing.sort_by_key(|(at, _)| *at);
    let first = passing[0].0;
    let line = |(n, (at, (_, who, what))): (usize, &(i64, &Sent))| {
        let arrow = if *who == '>' { "-->" } else { "<--" };
        format!("{}. ESTABLISHED {arrow} {what} {arrow} ESTABLISHED @ {}ms\n", n + 1, at - first)
    };
    passing.iter().enumerate().map(line).collect()
}

/// A handshake, and a request of 50 bytes.
fn asked() -> Vec<Sent> {
    vec![
        (0, '>', "<SEQ=100><CTL=SYN>".into()),
        (20, '<', "<SEQ=300><ACK=101><CTL=SYN,ACK>".into()),
        (40, '>', "<SEQ=101><ACK=301><CTL=ACK>".into()),
        (40, '>', "<SEQ=101><ACK=301><CTL=ACK><LEN=50>".into()),
    ]
}

/// What its answer comes to of which the server writes a part whenever `next` says, from 60 ms on.
fn answered(from_server: i64, next: impl Fn(i64) -> i64) -> Blame {
    let (mut sent, mut now) = (asked(), 60);
    for n in 0..20 {
        let seq = 301 + 1_000 * n;
        sent.push((now, '<', format!("<SEQ={seq}><ACK=151><CTL=ACK><LEN=1000>")));
        sent.push((now + 20, '>', format!("<SEQ=151><ACK={}><CTL=ACK>", seq + 1_000)));
        now = next(now);
    }
    only(&tapped(&sent, from_server)).timing.blame
}

const TAPS: [i64; 4] = [0, 7, 19, 20];

#[test]
fn a_transfer_is_held_up_by_the_network_wherever_the_tap_is() {
    for tap in TAPS {
        // It goes on with each acknowledgment, which takes a round trip.
        let blame = answered(tap, |now| now + 40);
        assert_eq!((blame.server, blame.client), (Span(0), Span(0)), "{tap}: {blame:?}");
        assert!(blame.network >= Span::millis(19 * 40), "{tap}: {blame:?}");
    }
}

#[test]
fn a_writer_holds_a_transfer_up_as_long_wherever_the_tap_is() {
    for tap in TAPS {
        let blame = answered(tap, |now| now + 100);
        assert_eq!(blame.server, Span::millis(19 * 60), "{tap}: {blame:?}");
    }
}

#[test]
fn a_round_trip_that_nothing_shows_may_have_been_any() {
    // Captured from the second part on: the client sends nothing that would be acknowledged.
    let goes_on = |after: &str| {
        only(&format!(
            "1. ESTABLISHED <-- <SEQ=300><ACK=151><CTL=ACK><LEN=1000> <-- ESTABLISHED
2. ESTABLISHED --> <SEQ=151><ACK=1300><CTL=ACK> --> ESTABLISHED @ 1ms
3. ESTABLISHED <-- <SEQ=1300><ACK=151><CTL=ACK><LEN=1000> <-- ESTABLISHED @ {after}
"
        ))
        .timing
        .blame
    };
    assert_eq!(goes_on("90ms"), Blame { network: Span::millis(90), ..Blame::default() });
    assert_eq!(goes_on("9s").network, Span::millis(1));
}

#[test]
fn a_window_that_opens_has_to_be_heard_of() {
    // The tap is at the server, which takes in what the client sends.
    let mut sent = asked();
    sent.push((60, '<', "<SEQ=301><ACK=151><CTL=ACK><WIN=0>".into()));
    sent.push((960, '<', "<SEQ=301><ACK=151><CTL=ACK><WIN=1000>".into()));
    sent.push((980, '>', "<SEQ=151><ACK=301><CTL=ACK><LEN=50>".into()));
    let blame = only(&tapped(&sent, 0)).timing.blame;
    assert_eq!((blame.zero_window_server, blame.client), (Span::millis(900), Span(0)), "{blame:?}");
}

#[test]
fn who_resets_without_a_word_waits_for_nothing() {
    let c = only(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK> --> CLOSED @ +5s
",
    );
    assert_eq!((c.timing.blame.network, c.timing.blame.idle), (Span(0), Span::secs(5)));
}

/// A request of 6 bytes that is answered after 1 ms, others of so many that are not, each 3 s after the one before, and 8 s after
/// the last the client's FIN, with what comes then (`{}` acknowledges it).
fn hung(requests: &[u32], then: &str) -> Blame {
    let mut ladder = String::from(
        "1. SYN_SENT --> <SEQ=0><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=1><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=1><ACK=301><CTL=ACK> --> ESTABLISHED @ +0s
4. ESTABLISHED --> <SEQ=1><ACK=301><CTL=ACK><LEN=6> --> ESTABLISHED @ +0s
5. ESTABLISHED <-- <SEQ=301><ACK=7><CTL=ACK><LEN=90> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=7><ACK=391><CTL=ACK> --> ESTABLISHED @ +0s
",
    );
    let (mut seq, mut after) = (7, "200ms");
    for (n, length) in requests.iter().enumerate() {
        ladder += &format!(
            "{}. ESTABLISHED --> <SEQ={seq}><ACK=391><CTL=ACK><LEN={length}> --> ESTABLISHED @ +{after}
{}. ESTABLISHED <-- <SEQ=391><ACK={}><CTL=ACK> <-- ESTABLISHED @ +1ms
",
            7 + 2 * n,
            8 + 2 * n,
            seq + length
        );
        (seq, after) = (seq + length, "3s");
    }
    let n = 7 + 2 * requests.len();
    ladder += &format!("{n}. FIN_WAIT_1 --> <SEQ={seq}><ACK=391><CTL=FIN,ACK> --> CLOSE_WAIT @ +8s\n");
    if !then.is_empty() {
        let then = then.replace("{}", &format!("<ACK={}><CTL=ACK>", seq + 1));
        ladder += &format!("{}. FIN_WAIT_2 <-- {then} <-- CLOSE_WAIT @ +1ms\n", n + 1);
    }
    only(&ladder).timing.blame
}

const NOTHING: &str = "<SEQ=391>{}";

#[test]
fn who_is_asked_and_lets_the_client_give_up_is_waited_for() {
    let blame = hung(&[6], NOTHING);
    assert_eq!((blame.server, blame.idle), (Span::secs(8), Span(0)), "{blame:?}");
}

#[test]
fn who_may_owe_nothing_is_not_to_blame_for_a_client_that_closes() {
    for (request, then, why) in [
        (6, "", "it may have been out of reach"),
        (6, "<SEQ=491>{}", "its answer was lost"),
        (6, "<SEQ=391>{}<LEN=9>", "it waited for the FIN"),
        (5, NOTHING, "no request was so short"),
    ] {
        let blame = hung(&[request], then);
        assert_eq!((blame.idle, blame.server < Span::millis(9)), (Span::secs(8), true), "{why}: {blame:?}");
    }
}

#[test]
fn a_client_that_goes_on_without_an_answer_may_need_none() {
    // As it does where it only publishes: neither does it wait for an answer to the last.
    let blame = hung(&[6, 6], NOTHING);
    assert_eq!((blame.idle, blame.server), (Span::secs(11), Span(0)), "{blame:?}");
}

#[test]
fn who_is_told_and_never_answers_owes_nothing() {
    let c = only(
        "1. SYN_SENT --> <SEQ=0><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=1><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=1><ACK=301><CTL=ACK> --> ESTABLISHED @ +0s
4. ESTABLISHED --> <SEQ=1><ACK=301><CTL=ACK><LEN=6> --> ESTABLISHED @ +0s
5. ESTABLISHED <-- <SEQ=301><ACK=7><CTL=ACK> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=7><ACK=301><CTL=ACK><LEN=6> --> ESTABLISHED @ +3s
7. ESTABLISHED <-- <SEQ=301><ACK=13><CTL=ACK> <-- ESTABLISHED @ +1ms
8. FIN_WAIT_1 --> <SEQ=13><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +8s
9. FIN_WAIT_2 <-- <SEQ=301><ACK=14><CTL=ACK> <-- CLOSE_WAIT @ +1ms
",
    );
    assert_eq!((c.timing.blame.idle, c.timing.blame.server), (Span::secs(11), Span(0)));
}
