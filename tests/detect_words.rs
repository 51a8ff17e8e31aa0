//! What findings and histories say of segments is what was captured.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{find, of_ladder, of_segments, only, parsed};
use tcpstate::render::{Format, RenderOptions, events};
use tcpstate::report::{Connection, Entry, Severity};
use tcpstate::segment::Segment;
use tcpstate::time::Span;
use tcpstate::tracker::{Evidence, State};

/// The only connection of the ladder `text`, which begins after the handshake.
fn after_handshake(text: &str) -> Connection {
    let text = format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +10us
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +40ms
{text}"
    );
    only(&text)
}

fn entry(entries: &[Entry], state: State) -> &Entry {
    entries.iter().find(|e| e.state == state).unwrap()
}

#[test]
fn what_an_acknowledgment_brings_again_waited_for_no_timer() {
    // A router tells that the segments are too big: the first is sent again at once, the others as it is acknowledged.
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=1561><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1452> --> ESTABLISHED @ +2ms
7. ESTABLISHED <-- <SEQ=301><ACK=1553><CTL=ACK> <-- ESTABLISHED @ +410ms
8. ESTABLISHED --> <SEQ=1553><ACK=301><CTL=ACK><LEN=1452> --> ESTABLISHED @ +20us
9. ESTABLISHED <-- <SEQ=301><ACK=3005><CTL=ACK> <-- ESTABLISHED @ +410ms
10. ESTABLISHED --> <SEQ=3005><ACK=301><CTL=ACK><LEN=16> --> ESTABLISHED @ +20us
11. ESTABLISHED <-- <SEQ=301><ACK=3021><CTL=ACK> <-- ESTABLISHED @ +410ms
",
    );
    assert!(find(&c, "rto-stall").is_none(), "{:?}", c.anomalies);
    let again = find(&c, "retransmissions").unwrap();
    assert_eq!(again.facts["timeout"], 0, "{}", again.message);
    // Without the acknowledgments it is the timer.
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> --> ESTABLISHED @ +510ms
6. ESTABLISHED <-- <SEQ=301><ACK=1561><CTL=ACK> <-- ESTABLISHED
",
    );
    assert_eq!(find(&c, "rto-stall").unwrap().facts["timeouts"], 1);
}

#[test]
fn what_goes_unanswered_at_the_end_is_told_also_before_it_is_long_enough_for_a_dead_peer() {
    let cut = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> -->x ESTABLISHED @ +300ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> -->x ESTABLISHED @ +600ms
";
    let said = |text: &str| find(&after_handshake(text), "retransmissions").unwrap().message.clone();
    let message = said(cut);
    assert!(message.ends_with("; unanswered so far: 20 bytes, sent up to 3 times in 900 ms"), "{message}");
    let message = said(&format!("{cut}7. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK> <-- ESTABLISHED @ +10ms\n"));
    assert!(!message.contains("unanswered"), "{message}");
}

#[test]
fn fins_are_as_far_apart_as_the_histories_say() {
    let c = after_handshake(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> ... @ +1s
5. FIN_WAIT_1 <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ +5ms
6. CLOSING ... <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSING @ +1ms
7. TIME_WAIT <-- <SEQ=302><ACK=102><CTL=ACK> <-- CLOSING @ +1ms
8. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> TIME_WAIT @ +33ms
",
    );
    let [client, server] = [&c.endpoints.client, &c.endpoints.server].map(|e| entry(&e.history, State::FinWait1).time);
    let apart = Span((server - client).0.abs());
    assert!(apart > Span::millis(20), "{apart:?}: the left FIN left its sender 20 ms before it was captured");
    let told = find(&c, "simultaneous-close").unwrap();
    assert_eq!(told.facts["apart"].as_f64(), Some(apart.as_secs_f64()), "{}", told.message);
}

#[test]
fn of_a_fin_that_was_not_captured_nobody_says_when_it_was_sent() {
    // The right FIN is lost to the capture; the left end acknowledges it at once, too soon to have been answered.
    let c = after_handshake(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. CLOSING --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED @ +5us
6. TIME_WAIT <-- <SEQ=302><ACK=102><CTL=ACK> <-- CLOSED @ +5us
",
    );
    let fin = entry(&c.endpoints.server.history, State::FinWait1);
    assert!(fin.deduced && fin.packet == Some(5), "{fin:?}");
    let told = find(&c, "simultaneous-close").unwrap();
    assert!(told.message.ends_with("was not captured") && !told.facts.contains_key("apart"), "{}", told.message);
    // What was captured is not deduced.
    assert!(!entry(&c.endpoints.client.history, State::FinWait1).deduced);
}

#[test]
fn data_that_crossed_a_fin_was_not_written_in_the_knowledge_of_it() {
    // The RST has its number from the data: that was sent before the FIN came.
    let c = after_handshake(
        "4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK><LEN=100> <-- ESTABLISHED
5. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
6. FIN_WAIT_1 <-- <SEQ=401><ACK=102><CTL=ACK><LEN=100> <-- CLOSE_WAIT
7. CLOSED --> <SEQ=101><CTL=RST> --> CLOSED @ +25ms
",
    );
    let told = find(&c, "rst-after-close").unwrap();
    assert!(told.message.ends_with("the data crossed its FIN"), "{}", told.message);
    assert!(find(&c, "write-after-fin").is_none());
}

#[test]
fn where_the_clock_goes_back_waits_are_doubtful_and_nothing_lasts_less_than_no_time() {
    let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
";
    let ladder = parsed(text);
    let (mut segments, end) = (ladder.segments(), ladder.end() + Span::secs(100));
    let stuck = |segments: &[Segment]| {
        let report = of_segments(segments, end);
        let found = report.connections.iter().find_map(|c| find(c, "close-wait-stuck")).unwrap();
        (found.severity, found.facts.contains_key("doubtful"))
    };
    assert_eq!(stuck(&segments), (Severity::Warning, false));
    // Another connection's SYN, by a clock that is set back then.
    let mut before = segments[0];
    before.src.port += 1;
    before.time = before.time + Span::secs(20);
    segments.insert(0, before);
    assert_eq!(stuck(&segments), (Severity::Note, true));
    segments.remove(0);
    segments[0].time = before.time;
    let timing = &of_segments(&segments, end).connections[0].timing;
    assert_eq!((timing.syn_to_synack, timing.synack_to_ack), (None, Some(Span::millis(10))));
}

/// All numbers in `value`.
fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(values) => values.iter().flat_map(numbers).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(numbers).collect(),
        _ => value.as_f64().into_iter().collect(),
    }
}

#[test]
fn wherever_the_clock_goes_back_nothing_in_timing_is_negative() {
    let refused = "1. --> <SEQ=100><CTL=SYN><TS=10/0> -->
2. <-- <SEQ=0><ACK=101><CTL=RST,ACK> <--
";
    let closed = "1. --> <SEQ=100><CTL=SYN><TS=10/0> -->
2. <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=70/10> <--
3. --> <SEQ=101><ACK=301><CTL=ACK><TS=20/70> -->
4. --> <SEQ=101><ACK=301><CTL=ACK><LEN=5><TS=30/70> -->
5. <-- <SEQ=301><ACK=106><CTL=ACK><LEN=5><TS=80/30> <--
6. --> <SEQ=106><ACK=306><CTL=FIN,ACK><TS=40/80> -->
7. <-- <SEQ=306><ACK=107><CTL=FIN,ACK><TS=90/40> <--
8. --> <SEQ=107><ACK=307><CTL=ACK><TS=50/90> -->
";
    for text in [refused, closed] {
        let ladder = parsed(text);
        let all = ladder.segments();
        // Before segment `set`, of which the first of two copies has the time before it was set, or none; with segment
        // `lost` not captured, or all; with timestamps or without.
        for (set, lost) in (0..all.len()).flat_map(|set| (0..=all.len()).map(move |lost| (set, lost))) {
            for (copied, stamped) in [(false, false), (false, true), (true, false), (true, true)] {
                let mut segments = all.clone();
                segments[..set].iter_mut().for_each(|seg| seg.time = seg.time + Span::secs(20));
                if copied {
                    let mut copy = all[set];
                    copy.time = copy.time + Span::secs(20);
                    copy.ip_id = copy.ip_id.wrapping_add(1);
                    copy.options.timestamps.iter_mut().for_each(|stamps| stamps.value -= 1);
                    segments.insert(set, copy);
                }
                segments.retain(|seg| lost == set || all.get(lost).is_none_or(|l| l.packet != seg.packet));
                if !stamped {
                    segments.iter_mut().for_each(|seg| seg.options.timestamps = None);
                }
                segments.iter_mut().zip(1..).for_each(|(seg, packet)| seg.packet = packet);
                for c in of_segments(&segments, ladder.end() + Span::secs(100)).connections {
                    let timing = serde_json::to_value(&c.timing).unwrap();
                    assert!(numbers(&timing).iter().all(|n| *n >= 0.0), "{segments:#?}\n{timing:#}");
                }
            }
        }
    }
}

#[test]
fn what_a_fin_begins_is_assumed_while_what_was_before_the_capture_is_open() {
    let client = |text: &str| {
        let entry = entry(&only(text).endpoints.client.history, State::FinWait1).clone();
        (entry.evidence, entry.deduced, entry.proven_by)
    };
    // The other end may have closed before: then this is LAST_ACK.
    let first = "1. --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->
2. <-- <SEQ=301><ACK=102><CTL=ACK> <--
";
    assert_eq!(client(first), (Evidence::Assumed, false, None));
    let both = format!("{first}3. <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- @ +1s\n");
    assert_eq!(client(&both), (Evidence::Sent, false, None));
    // Who sends a RST is CLOSED either way: from FIN_WAIT_2, or as the acknowledgment had led there from LAST_ACK.
    let c = only(&format!("{first}3. --> <SEQ=102><ACK=301><CTL=RST,ACK> --> @ +1s\n"));
    let closed = entry(&c.endpoints.client.history, State::Closed);
    assert_eq!((closed.from, closed.evidence, closed.packet), (State::FinWait2, Evidence::Sent, Some(3)));
}

#[test]
fn events_say_of_which_their_packet_is_only_the_trace() {
    // The SYN,ACK was not captured: the client's ACK shows that it came.
    let report = of_ladder(
        "1. --> <SEQ=100><CTL=SYN> -->
2. --> <SEQ=101><ACK=301><CTL=ACK> -->
",
    );
    let lines = |format| {
        let mut out = Vec::new();
        events::render(format, &report, &RenderOptions::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let opened = |lines: Vec<String>| lines.into_iter().find(|l| l.contains("SYN_SENT") && l.contains("ESTABLISHED"));
    let table = opened(lines(Format::Table)).unwrap();
    assert!(table.ends_with("  shown by #2"), "{table}");
    let csv = lines(Format::Csv);
    assert!(csv[0].ends_with(",packet,evidence,proven_by,deduced,seen_at"), "{}", csv[0]);
    assert!(csv[1].ends_with(",sent SYN,1,sent,,false,"), "{}", csv[1]);
    let csv = opened(csv).unwrap();
    assert!(csv.ends_with(",\"received SYN,ACK\",2,sent,,true,"), "{csv}");
}

#[test]
fn of_the_repetitions_of_an_opening_those_are_told_that_were_captured() {
    // The first SYN,ACK is lost before the tap: the server has sent two.
    let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. <SEQ=300><ACK=101><CTL=SYN,ACK> x<-- SYN_RCVD
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ +1s
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
";
    let c = only(text);
    let told = &find(&c, "syn-retried").unwrap().message;
    assert!(told.ends_with("(SYN captured 2 times, SYN,ACK once)"), "{told}");
}

#[test]
fn a_clock_that_goes_back_casts_no_doubt_on_what_waits_for_nothing() {
    let text = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
";
    let ladder = parsed(text);
    let mut segments = ladder.segments();
    let mut before = segments[0];
    before.src.port += 1;
    before.time = before.time + Span::secs(20);
    segments.insert(0, before);
    let report = of_segments(&segments, ladder.end() + Span::secs(100));
    let found = report.connections.iter().find_map(|c| find(c, "no-data")).unwrap();
    assert!(!found.facts.contains_key("doubtful"), "{}", found.message);
}

/// Its peer goes on without acknowledging it, so that nobody acknowledged it unseen.
#[test]
fn a_fin_that_later_segments_lack_was_lost() {
    let c = after_handshake(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ +1s
5. FIN_WAIT_1 x<-- <SEQ=301><ACK=101><CTL=ACK><LEN=10> <-- ESTABLISHED @ +60s
6. - - @ 130s
",
    );
    let states: Vec<State> = c.endpoints.client.history.iter().map(|e| e.state).collect();
    assert_eq!(states, [State::SynSent, State::Established, State::FinWait1]);
    assert!(c.endpoints.client.possible.has(State::Closed), "{:?}", c.endpoints.client.possible);
    assert!(!c.endpoints.client.possible.has(State::FinWait2), "{:?}", c.endpoints.client.possible);
    let found = find(&c, "fin-unacked").unwrap();
    assert!(
        found
            .message
            .ends_with("what came later lacks it: the FIN was lost, and its sender is gone, or not captured any more"),
        "{}",
        found.message
    );
    // Where nothing came later it was acknowledged, as far as the capture tells.
    let c = after_handshake(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x ESTABLISHED @ +1s
5. - - @ 130s
",
    );
    assert_eq!(c.endpoints.client.history.last().unwrap().state, State::FinWait2);
}

#[test]
fn keepalives_of_a_connection_that_was_open_before_are_no_close() {
    let ask = "ESTABLISHED --> <SEQ=99><ACK=300><CTL=ACK> --> ESTABLISHED";
    let answer = "ESTABLISHED <-- <SEQ=300><ACK=100><CTL=ACK> <-- ESTABLISHED";
    // Also while it has come but once.
    for text in
        [format!("{ask}\n{answer}\n- - @ 400s\n"), format!("{ask}\n{answer}\n{ask} @ 75s\n{answer}\n- - @ 400s\n")]
    {
        let c = only(&text);
        assert_eq!((c.endpoints.client.state, c.endpoints.server.state), (State::Established, State::Established));
        assert!(c.anomalies.is_empty(), "{text}{:?}", c.anomalies);
    }
}

#[test]
fn an_older_connection_at_the_other_end_is_named_whether_or_not_it_was_captured() {
    // RFC 9293 Figure 9; the old numbers near the new ones, and far from them.
    for ack in [5_000_u32, 3_000_000_000] {
        let begin = format!(
            "1. SYN_SENT --> <SEQ=400><CTL=SYN> --> CLOSED
2. SYN_SENT <-- <SEQ=7000><ACK={ack}><CTL=ACK> <-- CLOSED
3. SYN_SENT --> <SEQ={ack}><CTL=RST> --> CLOSED
"
        );
        let rest = "4. SYN_SENT --> <SEQ=400><CTL=SYN> --> SYN_RCVD @ +1s
5. ESTABLISHED <-- <SEQ=900><ACK=401><CTL=SYN,ACK> <-- SYN_RCVD
6. ESTABLISHED --> <SEQ=401><ACK=901><CTL=ACK><LEN=10> --> ESTABLISHED
7. ESTABLISHED <-- <SEQ=901><ACK=411><CTL=ACK><LEN=10> <-- ESTABLISHED
";
        for text in [begin.clone(), format!("{begin}{rest}")] {
            let c = of_ladder(&text).connections.remove(0);
            let told = find(&c, "half-open-dead-peer").unwrap();
            assert!(told.message.contains("still held an older connection"), "{}", told.message);
            assert_eq!((&told.facts["challenge"], &told.facts["rst"]), (&2.into(), &3.into()));
            let others = ["rst-ignored", "packets-missing"].map(|name| find(&c, name));
            assert!(others.iter().all(Option::is_none), "{others:?}");
        }
    }
}

#[test]
fn of_what_is_dropped_for_lack_of_an_ack_nothing_follows() {
    let c = after_handshake(
        "4. ESTABLISHED --> <SEQ=101><CTL=FIN> --> ESTABLISHED @ +1s
5. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> --> ESTABLISHED @ +1s
7. ESTABLISHED <-- <SEQ=301><ACK=151><CTL=ACK><LEN=50> <-- ESTABLISHED @ +20ms
",
    );
    let names: Vec<&str> = c.anomalies.iter().map(|a| a.name).collect();
    assert_eq!(names, ["odd-flags"]);
}

/// That an end had closed before the capture is told as a fact where a segment shows it, and else as likely.
#[test]
fn a_half_close_from_before_the_capture_is_told_as_what_it_is() {
    let data = "1. - - 
2. - --> <SEQ=100><ACK=300><CTL=ACK><LEN=10>   --> -
3. - <-- <SEQ=300><ACK=110><CTL=ACK>           <-- - @ +40ms
4. - --> <SEQ=110><ACK=300><CTL=FIN,ACK>       --> - @ +1ms
5. - <-- <SEQ=300><ACK=111><CTL=ACK>           <-- - @ +160ms
";
    let told = |rest: &str| find(&only(&format!("{data}{rest}")), "half-close").map(|anomaly| anomaly.message.clone());
    assert_eq!(told(""), None, "a FIN would come no sooner than the acknowledgment");
    let likely = told("6. - - @ +1s\n").unwrap();
    assert!(
        likely.ends_with("which most likely came before the capture began: that end only acknowledged since"),
        "{likely}"
    );
}
