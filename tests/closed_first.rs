//! What became of a connection, and who closed it first, is what the histories shown say.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/wire/mod.rs"]
mod wire;

use analysis::{of_ladder, of_segments};
use proptest::prelude::*;
use tcpstate::report::{ClosedFirst, Connection, Endpoint, Outcome};
use tcpstate::time::Time;
use tcpstate::tracker::Evidence;
use tcpstate::tracker::State::{self, *};
use wire::Link;

#[test]
fn with_one_direction_captured_the_other_end_may_have_closed_first() {
    // What the server sends takes another path.
    let report = of_ladder(
        "1. SYN_SENT    --> <SEQ=100><CTL=SYN>                  --> SYN_RCVD
2. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>              --> ESTABLISHED @ 16ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=620>     --> ESTABLISHED @ 17ms
4. LAST_ACK    --> <SEQ=721><ACK=302><CTL=FIN,ACK>          --> TIME_WAIT @ 50ms
5. CLOSED                                                       TIME_WAIT @ +1s
",
    );
    let connection = &report.connections[0];
    assert!(went_through(&connection.endpoints.client, &[CloseWait]), "{:?}", connection.endpoints.client);
    assert_eq!((connection.outcome, connection.closed_first), (Outcome::Closed, Some(ClosedFirst::Server)));
    assert_eq!(report.summary.closed_first.get("server"), Some(&1));
}

#[test]
fn a_fin_that_was_not_captured_was_sent_before_it_was_received() {
    // The tap is at the server, 3 ms from the client, and misses the server's FIN.
    let report = of_ladder(
        "1. SYN_SENT    --> <SEQ=100><CTL=SYN>                  --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>          <-- SYN_RCVD @ 10us
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>              --> ESTABLISHED @ 6ms
4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=90>      <-- ESTABLISHED @ 7ms
5. ESTABLISHED --> <SEQ=101><ACK=391><CTL=ACK>              --> ESTABLISHED @ 13ms
6. LAST_ACK    --> <SEQ=101><ACK=392><CTL=FIN,ACK>          --> TIME_WAIT @ 30ms
7. CLOSED      <-- <SEQ=392><ACK=102><CTL=ACK>              <-- TIME_WAIT @ 31ms
8. CLOSED                                                       TIME_WAIT @ +1s
",
    );
    let ends = &report.connections[0].endpoints;
    let since = |end: &Endpoint, state| end.history.iter().find(|entry| entry.state == state).unwrap().time;
    let (sent, received) = (since(&ends.server, FinWait1), since(&ends.client, CloseWait));
    assert_eq!((received - sent).0, 2_995_000, "{ends:#?}");
    assert_eq!(report.connections[0].closed_first, Some(ClosedFirst::Server));
}

/// Data, and then the FIN, of an end whose peer had closed before the capture.
const HALF_CLOSED_BEFORE: &str = "1. CLOSE_WAIT                          FIN_WAIT_2
2. CLOSE_WAIT --> <SEQ=100><ACK=300><CTL=ACK><LEN=10> --> FIN_WAIT_2
3. CLOSE_WAIT <-- <SEQ=300><ACK=110><CTL=ACK>         <-- FIN_WAIT_2
4. LAST_ACK   --> <SEQ=110><ACK=300><CTL=FIN,ACK>     --> TIME_WAIT @ 1s
5. CLOSED     <-- <SEQ=300><ACK=111><CTL=ACK>         <-- TIME_WAIT
6. CLOSED                                             TIME_WAIT @ +1s
";

#[test]
fn a_half_close_from_before_the_capture_is_over_with_the_second_fin() {
    let report = of_ladder(HALF_CLOSED_BEFORE);
    let connection = &report.connections[0];
    assert_eq!(connection.outcome, Outcome::Closed);
    let passive = [&connection.endpoints.client, &connection.endpoints.server]
        .map(|end| end.history.iter().any(|entry| entry.state == CloseWait));
    let first = if passive == [true, false] { ClosedFirst::Server } else { ClosedFirst::Client };
    assert_eq!(connection.closed_first, Some(first));
    let found: Vec<&str> =
        connection.anomalies.iter().filter(|a| a.name == "half-close").map(|a| &*a.message).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("sent 10 bytes after the FIN of"), "{}", found[0]);
}

fn went_through(end: &Endpoint, states: &[State]) -> bool {
    end.history.iter().any(|entry| states.contains(&entry.state))
}

/// What contradicts the histories of `c`.
fn contradiction(c: &Connection) -> Option<&'static str> {
    let ends = [&c.endpoints.client, &c.endpoints.server];
    let in_both = |states: &[State]| ends.map(|end| went_through(end, states));
    let told = c.closed_first;
    let closed = in_both(&[FinWait1, FinWait2, Closing, LastAck, TimeWait]);
    match () {
        () if in_both(&[CloseWait]) == [true, false] && told != Some(ClosedFirst::Server) => {
            Some("only the client was in CLOSE_WAIT")
        }
        () if in_both(&[CloseWait]) == [false, true] && told != Some(ClosedFirst::Client) => {
            Some("only the server was in CLOSE_WAIT")
        }
        () if (in_both(&[Closing]) == [true, true]) != (told == Some(ClosedFirst::Both)) => {
            Some("both in CLOSING, and only they, closed at once")
        }
        () if closed == [true, true] && c.outcome != Outcome::Closed => Some("both had sent their FIN"),
        () if c.outcome == Outcome::HalfClosed && told.is_none() => Some("one had closed"),
        () if is_received_before_sent(ends) || is_received_before_sent([ends[1], ends[0]]) => {
            Some("what nobody saw was received before it was sent")
        }
        () => None,
    }
}

/// Whether a FIN of the first of `ends` that was not captured is dated later than its arrival at the other, although it
/// could have been sent before.
fn is_received_before_sent(ends: [&Endpoint; 2]) -> bool {
    let [sender, receiver] = ends.map(|end| &end.history);
    let Some(i) = sender.iter().position(|e| e.cause == "sent FIN" && e.evidence == Evidence::Assumed) else {
        return false;
    };
    let Some(receipt) = receiver.iter().find(|e| e.cause == "received FIN") else { return false };
    let since = i.checked_sub(1).map_or(Time(i64::MIN), |previous| sender[previous].time);
    sender[i].time > receipt.time.max(since)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_in_short_never_contradicts_the_histories(
        link in 0..Link::ALL.len(),
        seed in 0..100_000_u64,
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        one_sided in prop::option::of(0..2_usize),
        begin in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut segments = wire::run(Link::ALL[link], seed).segments;
        prop_assume!(!segments.is_empty());
        let ends = [segments[0].src, segments[0].dst];
        if let Some(begin) = begin {
            segments.drain(..begin.index(segments.len()));
        }
        for index in lost {
            if segments.len() > 1 {
                segments.remove(index.index(segments.len()));
            }
        }
        segments.retain(|seg| one_sided.is_none_or(|end| seg.src == ends[end]));
        prop_assume!(!segments.is_empty());
        segments.iter_mut().zip(1..).for_each(|(seg, packet)| seg.packet = packet);
        let end = segments.iter().map(|seg| seg.time).max().unwrap_or_default();
        for c in &of_segments(&segments, end).connections {
            prop_assert_eq!(contradiction(c), None, "{:?} {:?} {:#?}", c.outcome, c.closed_first, c.endpoints);
        }
    }
}
