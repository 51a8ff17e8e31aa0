//! Captures made with a filter on flags: what is in none of the connections tells of the capture.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{find, in_order, moved, of_ladder, of_segments, parsed};
use tcpstate::render::{Format, RenderOptions, render};
use tcpstate::report::{Anomaly, ClosedFirst, Outcome, Report, Severity};
use tcpstate::segment::{Flags, Segment, Socket};
use tcpstate::time::{Span, Time};
use tcpstate::tracker::State;

/// A request whose answer is longer than any window that the SYNs tell of; the client closes.
const HEALTHY: &str = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +10us
3. - --> <SEQ=101><ACK=301><CTL=ACK><TS=1000/7000> --> - @ +10us
4. - --> <SEQ=101><ACK=301><CTL=PSH,ACK><LEN=300><TS=1001/7000> --> - @ 1ms
5. - <-- <SEQ=301><ACK=401><CTL=PSH,ACK><LEN=60000><TS=7005/1001> <-- - @ 5ms
6. - --> <SEQ=401><ACK=60301><CTL=ACK><TS=1006/7005> --> - @ 6ms
7. - <-- <SEQ=60301><ACK=401><CTL=PSH,ACK><LEN=60000><TS=7007/1006> <-- - @ 7ms
8. - --> <SEQ=401><ACK=120301><CTL=ACK><TS=1008/7007> --> - @ 8ms
9. - --> <SEQ=401><ACK=120301><CTL=FIN,ACK><TS=1500/7007> --> - @ 500ms
10. - <-- <SEQ=120301><ACK=402><CTL=FIN,ACK><TS=7501/1500> <-- - @ 501ms
11. - --> <SEQ=402><ACK=120302><CTL=ACK><TS=1502/7501> --> - @ 502ms
";

/// The server resets after it has read the request.
const RESET: &str = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +10us
3. - --> <SEQ=101><ACK=301><CTL=ACK><TS=1000/7000> --> - @ +10us
4. - --> <SEQ=101><ACK=301><CTL=PSH,ACK><LEN=300><TS=1001/7000> --> - @ 1ms
5. - <-- <SEQ=301><ACK=401><CTL=RST,ACK><TS=7020/1001> <-- - @ 20ms
";

/// Open until the capture ends.
const OPEN: &str = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +10us
3. - --> <SEQ=101><ACK=301><CTL=ACK><TS=1000/7000> --> - @ +10us
";

/// Nobody answers.
const UNANSWERED: &str = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - --> <SEQ=100><CTL=SYN><TS=2000/0> --> - @ 1s
3. - --> <SEQ=100><CTL=SYN><TS=4000/0> --> - @ 3s
4. - --> <SEQ=100><CTL=SYN><TS=8000/0> --> - @ 7s
";

const SPECIAL: [Flags; 3] = [Flags::SYN, Flags::FIN, Flags::RST];

/// So many connections of each ladder, one after the other, as a capture shows them that has what `passes`.
fn filtered(ladders: &[(&str, u16)], passes: impl Fn(&Segment) -> bool) -> Report {
    let mut segments = Vec::new();
    let mut port = 40_000;
    for (text, times) in ladders {
        let ladder = parsed(text);
        for _ in 0..*times {
            segments.extend(moved(&ladder, port, Span::millis(i64::from(port - 40_000) * 20)));
            port += 1;
        }
    }
    in_order(&mut segments);
    let end = segments.last().unwrap().time + Span::secs(30);
    segments.retain(passes);
    of_segments(&segments, Time(end.0))
}

fn mixed(passes: impl Fn(&Segment) -> bool) -> Report {
    filtered(&[(HEALTHY, 40), (RESET, 3), (OPEN, 4), (UNANSWERED, 2)], passes)
}

fn all<'r>(report: &'r Report, name: &str) -> Vec<&'r Anomaly> {
    report.connections.iter().filter_map(|c| find(c, name)).collect()
}

fn outcomes(report: &Report) -> [usize; 4] {
    [Outcome::Closed, Outcome::Reset, Outcome::HalfOpen, Outcome::Unanswered]
        .map(|outcome| report.connections.iter().filter(|c| c.outcome == outcome).count())
}

#[test]
fn nothing_is_said_to_be_left_out_of_a_whole_capture() {
    let report = mixed(|_| true);
    assert_eq!((report.capture.left_out.as_deref(), outcomes(&report)), (None, [40, 3, 0, 2]));
    let few = filtered(&[(HEALTHY, 4)], |seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    assert_eq!(few.capture.left_out, None);
}

#[test]
fn connections_of_which_only_syn_fin_and_rst_were_captured_come_to_what_they_were() {
    let report = mixed(|seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    assert_eq!(report.capture.left_out.as_deref(), Some("all segments but SYN, SYN,ACK, FIN and RST"));
    assert_eq!(outcomes(&report), [40, 3, 4, 2]);
    for name in ["half-open-syn", "handshake-slow", "last-ack-stuck", "no-data"] {
        assert!(!report.findings.iter().any(|found| found.name == name), "{name}");
    }
    assert!(!report.findings.iter().any(|found| found.message.contains("half-open")));
    // Answers to SYNs would have been captured.
    let unanswered = all(&report, "syn-unanswered");
    assert_eq!(unanswered.len(), 2);
    assert!(unanswered.iter().all(|found| !found.facts.contains_key("doubtful")));
    assert_eq!(all(&report, "rst-abort").len(), 3);
}

/// What acknowledged the SYN,ACK was not captured: the FIN half a second later did not.
#[test]
fn a_fin_is_no_end_of_the_handshake() {
    let report = mixed(|seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    let c = &report.connections[0];
    assert_eq!(c.endpoints.client.history[1].state, State::Established);
    assert!(c.endpoints.client.history[1].time - c.endpoints.client.history[0].time < Span::millis(100));
    let timing = serde_json::to_value(&report.timing).unwrap().to_string();
    assert!(timing.contains("syn_to_synack") && !timing.contains("synack_to_ack"), "{timing}");
}

#[test]
fn syns_alone_cast_doubt_on_their_being_unanswered() {
    let report = filtered(&[(HEALTHY, 40)], |seg| seg.has(Flags::SYN) && !seg.has(Flags::ACK));
    assert_eq!(report.capture.left_out.as_deref(), Some("perhaps all segments but SYN"));
    let unanswered = all(&report, "syn-unanswered");
    assert_eq!(unanswered.len(), 40);
    assert!(unanswered.iter().all(|found| found.facts.contains_key("doubtful")));
    // A client that gets no answer says it again.
    let report = filtered(&[(UNANSWERED, 40)], |_| true);
    assert_eq!(report.capture.left_out, None);
}

/// Nobody has so many clients of which each comes once.
#[test]
fn a_flood_from_forged_addresses_is_no_filter() {
    let ladder = parsed("1. - --> <SEQ=100><CTL=SYN> --> - @ 0s\n");
    let mut segments = Vec::new();
    for n in 0..400_u16 {
        let [high, low] = n.to_be_bytes();
        let syn = moved(&ladder, 40_000, Span::millis(n.into())).next().unwrap();
        segments.push(Segment { src: Socket { addr: [198, 51, high, low].into(), ..syn.src }, ..syn });
    }
    in_order(&mut segments);
    let end = segments[0].time + Span::secs(60);
    let report = of_segments(&segments, end);
    assert_eq!(report.capture.left_out, None);
    let told = report.findings.iter().find(|finding| finding.name == "syn-unanswered").expect("it is told");
    assert!(!told.facts.contains_key("doubtful") && told.count == 400, "{told:?}");
    assert_eq!(told.severity, Severity::Warning);
}

#[test]
fn syn_acks_that_are_not_repeated_cast_doubt_on_handshakes_that_nobody_completes() {
    let report = filtered(&[(HEALTHY, 150)], |seg| seg.has(Flags::SYN));
    assert_eq!(report.capture.left_out.as_deref(), Some("perhaps all segments but SYN and SYN,ACK"));
    for name in ["syn-success-low", "half-open-level"] {
        let found = report.findings.iter().find(|found| found.name == name).unwrap();
        assert!(found.message.contains("doubtful"), "{}", found.message);
    }
}

#[test]
fn where_acknowledgments_without_data_were_filtered_a_last_one_is_not_missed() {
    let bare = |seg: &Segment| seg.len == 0 && !SPECIAL.iter().any(|flag| seg.has(*flag));
    let again =
        HEALTHY.replace("11. ", "11. - <-- <SEQ=120301><ACK=402><CTL=FIN,ACK><TS=7710/1500> <-- - @ 710ms\n12. ");
    let again = again.replace("@ 502ms", "@ 711ms");
    let report = filtered(&[(HEALTHY, 10), (&again, 1)], |seg| !bare(seg));
    assert_eq!(report.capture.left_out.as_deref(), Some("acknowledgments without data"));
    assert!(all(&report, "last-ack-stuck").iter().all(|found| found.facts.contains_key("doubtful")));
}

/// As of hosts without timestamps: the FINs alone show that they are of the connection.
#[test]
fn fins_that_name_each_other_are_believed_without_timestamps() {
    let plain: String = HEALTHY
        .lines()
        .map(|line| {
            let (before, after) = line.split_once("<TS=").unwrap();
            format!("{before}{}\n", after.split_once('>').unwrap().1)
        })
        .collect();
    let report = filtered(&[(&plain, 20)], |seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    assert_eq!(outcomes(&report), [20, 0, 0, 0]);
    assert!(report.connections.iter().all(|c| c.closed_first == Some(ClosedFirst::Client)));
    // Another's FIN is not.
    let other = plain.replace("SEQ=120301><ACK=402", "SEQ=990301><ACK=402");
    let report = filtered(&[(&other, 20)], |seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    assert_eq!(outcomes(&report)[0], 0);
}

#[test]
fn times_say_what_acknowledgments_they_lack() {
    let text = |report: &Report| {
        let mut out = Vec::new();
        let options = RenderOptions { width: 300, ..RenderOptions::default() };
        render(Format::Table, report, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    const CAVEAT: &str = "round trips took no longer, as acknowledgments without data are missing";
    let mut report = mixed(|seg| SPECIAL.iter().any(|flag| seg.has(*flag)));
    // As of a file.
    report.capture.packets = report.capture.tcp_segments;
    let filtered = text(&report);
    assert!(filtered.contains(CAVEAT), "{filtered}");
    assert!(filtered.contains("missing: all segments but SYN, SYN,ACK, FIN and RST (a capture filter?)"), "{filtered}");
    assert!(!text(&mixed(|_| true)).contains(CAVEAT));
}

/// Two connections of the same addresses have one clock: that the timestamp goes on is not enough.
#[test]
fn what_no_stream_can_have_come_to_is_of_another_connection() {
    // The server's answers to a connection before, of which the client's SYN is no part.
    let fin_of_another = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - --> <SEQ=100><CTL=SYN><TS=2000/0> --> - @ 1s
3. - <-- <SEQ=900><ACK=3208555173><CTL=FIN,ACK><TS=7000/500> <-- - @ 20s
4. - <-- <SEQ=900><ACK=3208555173><CTL=FIN,ACK><TS=27000/500> <-- - @ 40s
";
    let report = of_ladder(fin_of_another);
    assert_eq!(report.connections[0].outcome, Outcome::Unanswered);
    let opened = "1. - --> <SEQ=100><CTL=SYN><TS=1000/0> --> - @ 0s
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK><TS=7000/1000> <-- - @ +10us
3. - --> <SEQ=101><ACK=301><CTL=ACK><TS=1000/7000> --> - @ +10us
4. - --> <SEQ=101><ACK=301><CTL=PSH,ACK><LEN=4><TS=9000/7000> --> - @ 8s
";
    // A challenge, and a FIN so soon.
    let acknowledged = "5. - <-- <SEQ=94000000><ACK=460000000><CTL=ACK><TS=15100/500> <-- - @ +150us\n";
    let closed = "5. - --> <SEQ=460000000><ACK=301><CTL=FIN,ACK><TS=9001/7000> --> - @ +150us\n";
    for other in [acknowledged, closed] {
        let report = of_ladder(&format!("{opened}{other}"));
        assert_eq!((report.capture.missing_bytes, report.connections[0].outcome), (0, Outcome::Open), "{other}");
    }
}
