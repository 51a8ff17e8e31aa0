//! Clocks of the tap that disagree or tick slowly: the order of the segments and their numbers say what happened.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{of_segments, parsed};
use tcpstate::report::{ClosedFirst, Connection, Outcome};
use tcpstate::segment::Segment;
use tcpstate::time::{Span, Time};
use tcpstate::tracker::State;

/// A connection that its client closes first, with a millisecond between any two segments.
const CLOSED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 100ms
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +1ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK><LEN=60> <-- ESTABLISHED @ +1ms
6. FIN_WAIT_1 --> <SEQ=121><ACK=361><CTL=FIN,ACK> --> CLOSE_WAIT @ +1ms
7. TIME_WAIT <-- <SEQ=361><ACK=122><CTL=FIN,ACK> <-- LAST_ACK @ +1ms
8. TIME_WAIT --> <SEQ=122><ACK=362><CTL=ACK> --> CLOSED @ +1ms
";

/// The same in the same order, with other times.
fn told(time: impl Fn(&Segment) -> Time) -> Connection {
    let ladder = parsed(CLOSED);
    let mut segments = ladder.segments();
    for segment in &mut segments {
        segment.time = time(segment);
    }
    let mut report = of_segments(&segments, ladder.end());
    assert_eq!(report.connections.len(), 1);
    report.connections.remove(0)
}

fn as_it_was(c: &Connection) {
    let states = |of: &tcpstate::report::Endpoint| of.history.iter().map(|h| h.state).collect::<Vec<_>>();
    use State::{CloseWait, Closed, Established, FinWait1, FinWait2, LastAck, SynRcvd, SynSent, TimeWait};
    assert_eq!(states(&c.endpoints.client), [SynSent, Established, FinWait1, FinWait2, TimeWait], "{c:?}");
    assert_eq!(states(&c.endpoints.server), [SynRcvd, Established, CloseWait, LastAck, Closed], "{c:?}");
    assert_eq!((c.outcome, c.closed_first), (Outcome::Closed, Some(ClosedFirst::Client)));
    assert!(c.endpoints.client.history.is_sorted_by_key(|h| h.time), "no state is entered before the one before");
    assert!(c.endpoints.server.history.is_sorted_by_key(|h| h.time), "no state is entered before the one before");
}

/// Two interfaces, one for each direction, with a clock each.
#[test]
fn one_direction_may_be_dated_before_the_other() {
    for behind in [Span::micros(500), Span::micros(1_500), Span::millis(5), Span::millis(80), Span::secs(5)] {
        for late in [80, 40_000] {
            let skewed = |s: &Segment| {
                let port = if late == 80 { s.dst.port } else { s.src.port };
                if port == 80 { s.time - behind } else { s.time }
            };
            as_it_was(&told(skewed));
        }
    }
}

#[test]
fn a_clock_that_is_set_back_once_sets_no_state_back() {
    for packet in 2..=8 {
        let step = |s: &Segment| if s.packet >= packet { s.time - Span::millis(50) } else { s.time };
        as_it_was(&told(step));
    }
}

#[test]
fn a_clock_that_does_not_tick_meanwhile_tells_no_closing_apart_from_the_order() {
    as_it_was(&told(|_| Time(1_000_000)));
}
