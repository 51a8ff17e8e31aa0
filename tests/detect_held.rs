//! Of small writes that wait for delayed acknowledgments: which are told, and what only looks like them.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/examples.rs"]
mod examples;

use std::fmt::Write;

use analysis::opened;
use examples::{findings, names};
use tcpstate::detect::Example;
use tcpstate::report::Finding;

/// What is told of a client that writes `pieces` of 20 bytes, one after the other: after so many microseconds each second piece is
/// acknowledged, and after so many more the next is sent; or, where these are negative, before the acknowledgment.
fn told(pieces: &[(i64, i64)]) -> Option<Finding> {
    let mut ladder = opened!("").to_owned();
    let (mut line, mut seq, mut ack) = (4, 101, 301);
    let mut say = |words: std::fmt::Arguments<'_>, after: i64| {
        writeln!(ladder, "{line}. {words} @ +{after}us").unwrap();
        line += 1;
    };
    // The first round trips are long, as those of a ladder are where it does not say otherwise.
    for &(acked, then) in [(200, 100)].iter().chain(pieces) {
        let (first, second) = (seq + 20, seq + 40);
        say(format_args!("ESTABLISHED --> <SEQ={seq}><ACK={ack}><CTL=ACK><LEN=20> --> ESTABLISHED"), 100);
        if then >= 0 {
            say(format_args!("ESTABLISHED <-- <SEQ={ack}><ACK={first}><CTL=ACK> <-- ESTABLISHED"), acked);
            say(format_args!("ESTABLISHED --> <SEQ={first}><ACK={ack}><CTL=ACK><LEN=20> --> ESTABLISHED"), then);
        } else {
            say(
                format_args!("ESTABLISHED --> <SEQ={first}><ACK={ack}><CTL=ACK><LEN=20> --> ESTABLISHED"),
                acked + then,
            );
        }
        say(format_args!("ESTABLISHED <-- <SEQ={ack}><ACK={second}><CTL=ACK><LEN=10> <-- ESTABLISHED"), 500);
        (seq, ack) = (second, ack + 10);
    }
    let ladder: &'static str = String::leak(ladder);
    findings("held", &Example::one(ladder)).into_iter().find(|f| f.name == "nagle-delayed-ack")
}

/// Times in the finding.
fn times(pieces: &[(i64, i64)]) -> Option<String> {
    told(pieces).map(|finding| finding.message)
}

#[test]
fn what_comes_with_a_delayed_acknowledgment_was_held_back() {
    let message = times(&[(43_000, 100); 4]).unwrap();
    assert!(message.contains("held the rest of a message back 4 times"), "{message}");
    assert!(message.contains("after 43 ms each, 172 ms in all"), "{message}");
    // Twice it may be chance.
    assert_eq!(times(&[(43_000, 100); 2]), None);
    // Acknowledgments that are not delayed cost nothing.
    assert_eq!(times(&[(200, 100); 6]), None);
}

/// A game that sends 22 times a second to a peer that delays its acknowledgments by 40 to 44 ms: now and then both meet.
#[test]
fn who_pauses_for_as_long_as_acknowledgments_are_delayed_holds_nothing_back() {
    let by_chance = [(41_000, 4_000), (44_500, 500), (40_000, 5_000), (44_200, 800), (41_000, 4_000), (44_800, 200)];
    assert_eq!(times(&by_chance), None);
    let all_by_itself = [(44_500, 500), (44_200, 800), (44_800, 200)];
    assert!(times(&all_by_itself).is_some());
}

/// With Nagle's algorithm nothing small is sent while something small is under way.
#[test]
fn who_does_not_wait_for_acknowledgments_has_turned_nagles_algorithm_off() {
    let ticks = [(41_900, 100), (42_000, -500), (41_700, 300), (43_000, -1_000), (41_950, 50)];
    assert_eq!(times(&ticks), None);
}

/// Whoever is far from the tap has the acknowledgment later, and what it sends then takes as long to come.
#[test]
fn what_was_sent_before_the_acknowledgment_can_have_come_was_not_held_back() {
    // The client is 60 ms away from the tap.
    let ladder = |then: i64| {
        let mut ladder = "1. SYN_SENT    --> <SEQ=100><CTL=SYN>              --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>     --> ESTABLISHED @ +60ms
"
        .to_owned();
        for i in 0..4 {
            let (n, seq, ack) = (4 + 4 * i, 101 + 40 * i, 301 + 10 * i);
            let second = seq + 20;
            writeln!(
                ladder,
                "{n}. ESTABLISHED --> <SEQ={seq}><ACK={ack}><CTL=ACK><LEN=20> --> ESTABLISHED @ +61ms
{}. ESTABLISHED <-- <SEQ={ack}><ACK={second}><CTL=ACK> <-- ESTABLISHED @ +43ms
{}. ESTABLISHED --> <SEQ={second}><ACK={ack}><CTL=ACK><LEN=20> --> ESTABLISHED @ +{then}ms
{}. ESTABLISHED <-- <SEQ={ack}><ACK={}><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms",
                n + 1,
                n + 2,
                n + 3,
                second + 20
            )
            .unwrap();
        }
        let ladder: &'static str = String::leak(ladder);
        names(&findings("held", &Example::one(ladder))).contains("nagle-delayed-ack")
    };
    assert_eq!([7, 30, 60, 66, 90].map(ladder), [false, false, true, true, false]);
}
