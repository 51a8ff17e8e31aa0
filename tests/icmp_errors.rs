//! What an ICMP error about a SYN tells of the states, and what it does not.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{find, parsed, rejection};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::report::{Connection, Outcome};
use tcpstate::segment::{IcmpError, IcmpKind};
use tcpstate::tracker::State;

/// The only connection of `ladder`, of which a router quotes the first segment, with this sequence number, just after segment
/// number `after`.
fn rejected(ladder: &str, after: u64, seq: u32, kind: IcmpKind) -> Connection {
    let ladder = parsed(ladder);
    let mut analysis = Analysis::new(Options::default());
    for seg in &ladder.segments() {
        analysis.segment(seg);
        if seg.packet == after {
            analysis.icmp(&IcmpError { from: [192, 0, 2, 1].into(), seq, ..rejection(seg, kind) });
        }
    }
    analysis.until(ladder.end());
    let mut report = analysis.finish(Vec::new());
    assert_eq!(report.connections.len(), 1);
    report.connections.remove(0)
}

const SYN: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED\n2. - - @ 200ms\n";

#[test]
fn a_syn_that_was_rejected_did_not_arrive() {
    for kind in [IcmpKind::Prohibited, IcmpKind::Unreachable, IcmpKind::PortUnreachable] {
        let c = rejected(SYN, 1, 100, kind);
        let [client, server] = [&c.endpoints.client, &c.endpoints.server];
        assert_eq!(
            (c.outcome, server.state, client.state),
            (Outcome::Unanswered, State::Closed, State::SynSent),
            "{kind:?}"
        );
        assert!(!server.possible.has(State::SynRcvd), "{kind:?}: {:?}", server.possible);
        assert!(!c.is_one_way(), "{kind:?}");
    }
}

/// The error is about the second copy: the first may have arrived, and its answer been lost.
#[test]
fn a_copy_that_was_rejected_says_nothing_of_the_others() {
    let twice = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> -
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> - @ 1s
3. - - @ 1200ms
";
    let server = |after: u64| rejected(twice, after, 100, IcmpKind::Unreachable).endpoints.server;
    for after in [1, 2] {
        let server = server(after);
        assert_eq!((server.state, server.possible.has(State::SynRcvd)), (State::Closed, true), "{after}");
    }
}

/// Of a SYN so young it is not known whether it arrived; that it has no answer yet does not make the capture one-sided.
#[test]
fn without_such_an_error_it_may_have_arrived() {
    for (seq, kind) in [(100, IcmpKind::TooBig(1_400)), (99, IcmpKind::Prohibited)] {
        let c = rejected(SYN, 1, seq, kind);
        assert_eq!((c.outcome, c.endpoints.server.state), (Outcome::HalfOpen, State::SynRcvd));
        assert!(!c.is_one_way());
    }
}

/// The error may be about a copy, or made up.
#[test]
fn what_the_server_sends_shows_that_it_arrived_all_the_same() {
    let c = rejected(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
        1,
        100,
        IcmpKind::Prohibited,
    );
    assert_eq!((c.outcome, c.endpoints.server.state), (Outcome::Open, State::Established));
    let c = rejected(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
",
        2,
        100,
        IcmpKind::Prohibited,
    );
    assert_eq!((c.outcome, c.endpoints.server.state), (Outcome::HalfOpen, State::SynRcvd));
}

#[test]
fn who_rejects_data_sent_again_and_again_is_told() {
    let ladder = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 1s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 2s
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 4s
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 8s
8. - - @ 20s
";
    let c = rejected(ladder, 4, 101, IcmpKind::PortUnreachable);
    let told = c.anomalies.iter().find(|found| found.name == "half-open-dead-peer").unwrap();
    let by =
        "since the handshake; 192.0.2.1 told 192.0.2.1:50000 that 198.51.100.2:80 is port unreachable (ICMP, packet 5)";
    assert!(told.message.ends_with(by), "{}", told.message);
    assert_eq!(told.facts["icmp"], "port unreachable");
    // Nothing that it quotes is under way: it is forged, or of an older connection.
    for seq in [100, 111] {
        let c = rejected(ladder, 4, seq, IcmpKind::PortUnreachable);
        let told = c.anomalies.iter().find(|found| found.name == "half-open-dead-peer").unwrap();
        assert!(told.message.ends_with("or it is gone") && !told.facts.contains_key("icmp"), "{}", told.message);
    }
}

/// An end that hears why its data does not get through may give up soon, or be heard of otherwise: it is not told as silence.
#[test]
fn what_a_router_says_of_the_data_is_told_where_the_connection_is_not_dead() {
    let resets = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +10ms
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +300ms
6. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1s
7. CLOSED --> <SEQ=111><ACK=301><CTL=RST,ACK> --> CLOSED @ +2s
";
    let told = |seq: u32| {
        let c = rejected(resets, 4, seq, IcmpKind::Prohibited);
        ["rst-abort", "retransmissions"].map(|name| find(&c, name).unwrap().message.contains("(ICMP, packet 5)"))
    };
    assert_eq!(told(101), [true, true]);
    // What was acknowledged got through.
    assert_eq!(told(100), [false, false]);
}
