//! Clocks of the tap that disagree or tick slowly: the order of the segments and their numbers say what happened.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{of_segments, parsed};
use tcpstate::analyze::Options;
use tcpstate::report::{ClosedFirst, Connection, Outcome};
use tcpstate::segment::Segment;
use tcpstate::show::{Collector, story};
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

/// Both ends close before they know that the other does.
const CROSSED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 100ms
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +1ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK><LEN=60> <-- ESTABLISHED @ +1ms
6. FIN_WAIT_1 --> <SEQ=121><ACK=361><CTL=FIN,ACK> --> ESTABLISHED @ +1ms
7. CLOSING <-- <SEQ=361><ACK=121><CTL=FIN,ACK> <-- CLOSING @ +1ms
8. CLOSING --> <SEQ=122><ACK=362><CTL=ACK> --> TIME_WAIT @ +1ms
9. TIME_WAIT <-- <SEQ=362><ACK=122><CTL=ACK> <-- TIME_WAIT @ +1ms
";

/// The FIN of the client was not captured, nor was what answered it at once.
const UNSEEN: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 100ms
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +1ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK><LEN=60> <-- ESTABLISHED @ +1ms
6. ESTABLISHED --> <SEQ=121><ACK=361><CTL=ACK> --> ESTABLISHED @ +1ms
7. FIN_WAIT_2 <-- <SEQ=361><ACK=122><CTL=ACK> <-- CLOSE_WAIT @ +1ms
8. TIME_WAIT <-- <SEQ=361><ACK=122><CTL=FIN,ACK> <-- LAST_ACK @ +1ms
9. TIME_WAIT --> <SEQ=122><ACK=362><CTL=ACK> --> CLOSED @ +1ms
";

/// The first FIN is lost between the tap and the client, which says so before it comes again.
const LOST: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN><TS=1/0> --> SYN_RCVD @ 100ms
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=1/1> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><TS=2/1> --> ESTABLISHED @ +1ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20><TS=3/1> --> ESTABLISHED @ +1ms
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK><LEN=60><TS=4/3> <-- ESTABLISHED @ +1ms
6. ESTABLISHED x<-- <SEQ=361><ACK=121><CTL=FIN,ACK><TS=5/3> <-- FIN_WAIT_1 @ +1ms
7. ESTABLISHED --> <SEQ=121><ACK=361><CTL=ACK><TS=6/4> --> FIN_WAIT_1 @ +1ms
8. CLOSE_WAIT <-- <SEQ=361><ACK=121><CTL=FIN,ACK><TS=206/6> <-- FIN_WAIT_1 @ +200ms
9. LAST_ACK --> <SEQ=121><ACK=362><CTL=FIN,ACK><TS=207/206> --> TIME_WAIT @ +1ms
10. CLOSED <-- <SEQ=362><ACK=122><CTL=ACK><TS=208/207> <-- TIME_WAIT @ +1ms
";

/// The server does not take the data that comes with the SYN.
const UNTAKEN: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN><LEN=5> --> SYN_RCVD @ 100ms
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +1ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=5> --> ESTABLISHED @ +1ms
4. ESTABLISHED <-- <SEQ=301><ACK=106><CTL=ACK><LEN=60> <-- ESTABLISHED @ +1ms
5. FIN_WAIT_1 --> <SEQ=106><ACK=361><CTL=FIN,ACK> --> CLOSE_WAIT @ +1ms
6. TIME_WAIT <-- <SEQ=361><ACK=107><CTL=FIN,ACK> <-- LAST_ACK @ +1ms
7. TIME_WAIT --> <SEQ=107><ACK=362><CTL=ACK> --> CLOSED @ +1ms
";

/// The segments of `ladder` in their order, with other times.
fn dated(ladder: &str, time: impl Fn(&Segment) -> Time) -> Vec<Segment> {
    let mut segments = parsed(ladder).segments();
    for segment in &mut segments {
        segment.time = time(segment);
    }
    segments
}

fn of(segments: &[Segment], ladder: &str) -> Connection {
    let mut report = of_segments(segments, parsed(ladder).end());
    assert_eq!(report.connections.len(), 1);
    report.connections.remove(0)
}

/// The connection that is closed, with other times.
fn told(time: impl Fn(&Segment) -> Time) -> Connection {
    of(&dated(CLOSED, time), CLOSED)
}

fn states(c: &Connection) -> [Vec<State>; 2] {
    [&c.endpoints.client, &c.endpoints.server].map(|end| end.history.iter().map(|h| h.state).collect())
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

#[test]
fn what_numbers_tell_of_a_closing_stands_where_the_clock_is_set_back() {
    for ladder in [CROSSED, UNSEEN, LOST, UNTAKEN] {
        let right = states(&of(&parsed(ladder).segments(), ladder));
        for (packet, back) in
            (2..=10).flat_map(|p| [Span::millis(3), Span::millis(50), Span::secs(3_600)].map(|b| (p, b)))
        {
            let step = |s: &Segment| if s.packet >= packet { s.time - back } else { s.time };
            assert_eq!(states(&of(&dated(ladder, step), ladder)), right, "{ladder}set back by {back:?} at {packet}");
        }
    }
}

#[test]
fn a_ladder_has_each_state_at_its_segment_however_that_is_dated() {
    let cells = |time: &dyn Fn(&Segment) -> Time| -> Vec<String> {
        let segments = dated(CLOSED, time);
        let connection = of(&segments, CLOSED);
        let mut collector = Collector::new(Options::default().profile(), Some(connection.clone()));
        segments.iter().for_each(|segment| collector.segment(segment));
        let rows = collector.rows(&connection);
        let story = story(connection, rows, parsed(CLOSED).end());
        story.lines.iter().map(|l| format!("{:?} {:?}", l.states, l.believed)).collect()
    };
    let right = cells(&|s| s.time);
    for ahead in [Span::millis(5), Span::secs(1), Span::secs(3_600)] {
        assert_eq!(cells(&|s| if s.packet == 1 { s.time + ahead } else { s.time }), right, "the first by {ahead:?}");
        assert_eq!(
            cells(&|s| if s.packet >= 4 { s.time - ahead } else { s.time }),
            right,
            "all behind it by {ahead:?}"
        );
    }
}
