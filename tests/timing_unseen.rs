//! Timing says no more than was captured: time that nobody is known to have caused is called nobody's.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{of_ladder, only};
use tcpstate::report::timing::Blame;
use tcpstate::time::Span;
use tcpstate::tracker::State;

#[test]
fn data_that_only_an_acknowledgment_answered_was_under_way() {
    let c = only(
        "1. ESTABLISHED --> <SEQ=100><ACK=300><CTL=ACK><LEN=41> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=300><ACK=141><CTL=ACK> <-- ESTABLISHED @ 343ms
",
    );
    assert_eq!(c.timing.blame, Blame { network: Span::millis(343), ..Blame::default() });
}

#[test]
fn a_keepalive_with_a_byte_asks_nothing() {
    let probes = "1. ESTABLISHED --> <SEQ=100><ACK=300><CTL=ACK><LEN=1> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=ACK> <-- ESTABLISHED @ 1ms
3. ESTABLISHED --> <SEQ=100><ACK=300><CTL=ACK><LEN=1> --> ESTABLISHED @ 75s
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=ACK> <-- ESTABLISHED @ +1ms
";
    let c = only(probes);
    assert_eq!(c.timing.blame, Blame { idle: Span::millis(75_001), ..Blame::default() });
    // What the server then sends answers nothing.
    let told = "5. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=ACK><LEN=9> <-- ESTABLISHED @ 90s\n";
    assert_eq!(only(&format!("{probes}{told}")).timing.ttfb, None);
    // A request with a keepalive behind it stays one.
    let request = probes.replacen("<SEQ=100><ACK=300><CTL=ACK><LEN=1>", "<SEQ=91><ACK=300><CTL=ACK><LEN=10>", 1);
    let c = only(&format!("{request}{told}"));
    assert_eq!((c.timing.blame.idle, c.timing.ttfb.map(|t| t.max)), (Span(0), Some(Span::secs(90))));
}

#[test]
fn who_closed_and_is_gone_waits_for_no_answer() {
    let answered = |fin: &str, ack: u32| {
        let c = only(&format!(
            "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=31> --> ESTABLISHED
4. FIN_WAIT_1 --> <SEQ=132><ACK=301><CTL=FIN,ACK> {fin}
5. FIN_WAIT_1 <-- <SEQ=301><ACK={ack}><CTL=ACK> <-- ESTABLISHED @ +20ms
6. CLOSED <-- <SEQ=301><ACK={ack}><CTL=FIN,ACK><LEN=31> <-- FIN_WAIT_1 @ +235s
7. CLOSED --> <SEQ=133><CTL=RST> --> CLOSED
"
        ));
        (c.timing.ttfb.map(|t| t.max), c.timing.response.map(|t| t.max), c.timing.blame)
    };
    let (ttfb, response, blame) = answered("-->x ESTABLISHED", 132);
    assert_eq!((ttfb, response, blame.server), (None, None, Span(0)));
    assert!(blame.close >= Span::secs(235), "{blame:?}");
    // A request may end with a FIN.
    let (ttfb, response, blame) = answered("--> CLOSE_WAIT", 133);
    assert!(ttfb > Some(Span::secs(235)) && response == ttfb && blame.server >= Span::secs(235), "{blame:?}");
}

const WHOLE: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ 20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ 980ms
5. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK><LEN=5000> <-- ESTABLISHED @ 1s
6. ESTABLISHED --> <SEQ=201><ACK=5301><CTL=ACK> --> ESTABLISHED @ 1020ms
7. CLOSE_WAIT <-- <SEQ=5301><ACK=201><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 2s
";

/// Of the same connection, only what goes one way.
fn one_way(arrow: &str) -> String {
    let way = WHOLE.lines().filter(|line| line.contains(arrow));
    way.enumerate().map(|(n, line)| format!("{}.{}\n", n + 1, &line[2..])).collect()
}

#[test]
fn who_was_waited_for_does_not_show_in_one_direction() {
    let server = only(&one_way("<--"));
    assert_eq!((server.timing.blame.idle, server.timing.slowest), (server.last - server.first, None));
    assert_eq!(server.timing.close_duration, None);
    let client = only(&one_way("-->"));
    let Blame { handshake, network, server, client, idle, .. } = client.timing.blame;
    assert_eq!((handshake, network, server, client), (Span::millis(20), Span(0), Span(0), Span(0)));
    assert_eq!(idle, Span::secs(1));
}

#[test]
fn a_state_that_was_left_unseen_has_bounds() {
    let report = of_ladder(&one_way("<--"));
    let states = &report.timing.all.states;
    let syn_rcvd = &states.server[&State::SynRcvd];
    assert_eq!(syn_rcvd.uncertain, 1, "{syn_rcvd:?}");
}
