//! What an anomaly is told of beside its two ladders: how severe it is in which case, in which words, and where another is told
//! instead.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/examples.rs"]
mod examples;

use analysis::opened;
use examples::{findings, findings_in, names, segments};
use tcpstate::detect::{ALL, Example};
use tcpstate::report::Severity;
use tcpstate::segment::Segment;
use tcpstate::time::Span;

/// The worst finding of that name in `ladder`, if there is one: severity and message.
fn told(ladder: &'static str, name: &str) -> Option<(Severity, String)> {
    findings(name, &Example::one(ladder)).into_iter().find(|f| f.name == name).map(|f| (f.severity, f.message))
}

/// Whether an application had read what its kernel acknowledged does not show.
#[test]
fn an_abort_names_both_causes_unless_there_was_nothing_to_read() {
    let message = |ladder| told(ladder, "rst-abort").unwrap().1;
    let unread = message(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=111><CTL=RST,ACK> <-- CLOSED
"
    ));
    let acknowledged = message(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
7. CLOSED <-- <SEQ=311><ACK=111><CTL=RST,ACK> <-- CLOSED @ 5s
"
    ));
    let nothing = message(opened!("4. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK> --> CLOSED @ 5s\n"));
    for both in [unread, acknowledged] {
        assert!(both.contains("SO_LINGER 0") && both.contains("left data unread"), "{both}");
    }
    assert!(nothing.contains("SO_LINGER 0") && !nothing.contains("left data unread"), "{nothing}");
}

/// Linux drops an orphan in FIN_WAIT_2 after 60 s: nobody waits longer, unless its application holds it.
#[test]
fn an_orphan_is_not_stuck_for_longer_than_its_stack_keeps_it() {
    let orphan = told(
        opened!(
            "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 300s
"
        ),
        "fin-wait-2-stuck",
    );
    let held = told(
        opened!(
            "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT @ 10s
7. FIN_WAIT_2 --> <SEQ=102><ACK=311><CTL=ACK> --> CLOSE_WAIT
8. - - @ 300s
"
        ),
        "fin-wait-2-stuck",
    );
    let ((severity, orphan), (more, held)) = (orphan.unwrap(), held.unwrap());
    assert!(severity == Severity::Info && orphan.contains("most likely been dropped"), "{orphan}");
    assert!(more == Severity::Note && held.contains("waited at least"), "{held}");
}

/// Twelve SYNs make no warning, twelve segments of data do.
#[test]
fn repeated_syns_are_no_excessive_retransmissions() {
    let syns = (0..12).map(|i| format!("{}. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ {i}s\n", i + 1)).collect::<String>();
    let data = (4..16)
        .map(|i| format!("{i}. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ {i}s\n"))
        .collect::<String>();
    let severity = |ladder: String| told(ladder.leak(), "retransmissions").map(|(severity, _)| severity);
    assert_eq!(severity(syns), Some(Severity::Info));
    assert_eq!(severity(opened!("").to_owned() + &data), Some(Severity::Warning));
}

/// A server that never sent anything but SYN,ACK may be gone, or may never have accepted.
#[test]
fn a_server_that_never_spoke_may_have_a_full_accept_queue() {
    let silence = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +1s
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +4s
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +8s
"
    );
    let dead = ALL.iter().find(|d| d.name == "half-open-dead-peer").unwrap();
    let (_, never) = told(silence, dead.name).unwrap();
    let (_, once) = told(dead.raises.ladder, dead.name).unwrap();
    assert!(never.contains("its accept queue is full (`ss -ltn` there), or it is gone"), "{never}");
    assert!(!once.contains("accept queue") && once.contains("is no longer heard"), "{once}");
}

/// One RST, one warning: that which explains most of it; and data that nobody took is no half-close.
#[test]
fn one_reset_after_a_close_is_warned_of_once() {
    for name in ["write-after-fin", "request-crossed-fin"] {
        let most = ALL.iter().find(|d| d.name == name).unwrap();
        let severity = |name: &str| told(most.raises.ladder, name).map(|(severity, _)| severity);
        assert_eq!(severity(name), Some(Severity::Warning));
        assert_eq!(severity("rst-after-close"), Some(Severity::Note));
        assert_eq!(severity("half-close"), None);
    }
    let taken_first = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT @ 1s
7. FIN_WAIT_2 --> <SEQ=102><ACK=311><CTL=ACK> --> CLOSE_WAIT
8. FIN_WAIT_2 <-- <SEQ=311><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT @ 2s
9. CLOSED --> <SEQ=102><CTL=RST> --> CLOSED
"
    );
    let severity = |name: &str| told(taken_first, name).map(|(severity, _)| severity);
    assert_eq!(severity("half-close"), Some(Severity::Info));
    assert_eq!(severity("write-after-fin"), Some(Severity::Warning));
}

/// Of what was acknowledged not all was captured, and neither FIN was: only an acknowledgment shows that there was one.
#[test]
fn nobody_is_stuck_where_the_capture_misses_fins() {
    let stuck = |ladder: &'static str| -> Vec<&str> {
        let found = findings("stuck", &Example::one(ladder));
        found.iter().map(|f| f.name).filter(|n| ["close-wait-stuck", "fin-wait-2-stuck"].contains(n)).collect()
    };
    let captured = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=400> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=301><ACK=601><CTL=ACK><LEN=900> <-- ESTABLISHED
3. FIN_WAIT_1 --> <SEQ=601><ACK=1201><CTL=FIN,ACK> --> CLOSE_WAIT
4. FIN_WAIT_2 <-- <SEQ=1301><ACK=602><CTL=ACK><LEN=31> <-- CLOSE_WAIT
5. - - @ 90s
";
    let missed = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=400> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=301><ACK=601><CTL=ACK><LEN=900> <-- ESTABLISHED
3. FIN_WAIT_2 <-- <SEQ=1301><ACK=602><CTL=ACK><LEN=31> <-- CLOSE_WAIT
4. - - @ 90s
";
    assert_eq!(stuck(captured), ["close-wait-stuck", "fin-wait-2-stuck"]);
    assert_eq!(stuck(missed), [""; 0]);
}

/// An ACK ran ahead of the data before it, which then came: the path reordered or lost them, the capture missed nothing.
#[test]
fn nothing_is_missing_where_a_gap_was_filled() {
    let missing =
        |ladder: &'static str| findings("missing", &Example::one(ladder)).iter().any(|f| f.name == "packets-missing");
    let filled = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=500> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=301><ACK=601><CTL=ACK><LEN=90> <-- ESTABLISHED
3. ESTABLISHED --> <SEQ=621><ACK=391><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=601><ACK=391><CTL=ACK><LEN=20> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=391><ACK=621><CTL=ACK> <-- ESTABLISHED
";
    let unfilled = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=500> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=301><ACK=601><CTL=ACK><LEN=90> <-- ESTABLISHED
3. ESTABLISHED --> <SEQ=621><ACK=391><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED <-- <SEQ=391><ACK=621><CTL=ACK> <-- ESTABLISHED
";
    assert!(missing(unfilled));
    assert!(!missing(filled));
}

/// A stream goes on where another would: its connection lacks much, and the others are not doubted for that.
#[test]
fn what_one_connection_lacks_casts_no_doubt_on_the_others() {
    let leaky = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=60000> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=60101><CTL=ACK><LEN=60000> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=60101><ACK=60301><CTL=FIN,ACK> --> CLOSE_WAIT
7. FIN_WAIT_2 <-- <SEQ=60301><ACK=60102><CTL=ACK> <-- CLOSE_WAIT
8. - - @ 90s
"
    );
    let jumps = "1. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=9> --> ESTABLISHED
2. ESTABLISHED <-- <SEQ=301><ACK=110><CTL=ACK> <-- ESTABLISHED
3. ESTABLISHED --> <SEQ=500000110><ACK=301><CTL=ACK><LEN=9> --> ESTABLISHED
4. ESTABLISHED <-- <SEQ=301><ACK=500000119><CTL=ACK> <-- ESTABLISHED
5. - - @ 90s
";
    let of = |ladder: &'static str, times| segments("missing", &Example::many(ladder, times, Span::millis(1)));
    let ((mut all, end), (mut odd, _)) = (of(leaky, 100), of(jumps, 1));
    odd.iter_mut().for_each(|s| if s.src.port == 20_000 { s.src.port += 1_000 } else { s.dst.port += 1_000 });
    let (doubted, _) = of(jumps, 100);
    let told = |all: &[Segment], name: &str| {
        let found = findings_in(&Example::one(jumps), all, end);
        let told = found.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}: {found:?}"));
        (told.severity, told.message.clone())
    };
    all.extend(odd);
    all.sort_by_key(|s| s.time);
    let (severity, missing) = told(&all, "packets-missing");
    assert_eq!(severity, Severity::Note);
    assert!(missing.ends_with(", in 1 of 101 connections; of other connections that does not tell"), "{missing}");
    assert_eq!(told(&all, "close-wait-stuck").0, Severity::Warning);
    let (severity, missing) = told(&doubted, "packets-missing");
    assert!(severity == Severity::Warning && missing.ends_with("; what rests on absence is doubtful"), "{missing}");
}

/// Where the errors of a router are heeded nothing is black; where they are not it is, whether or not the peer was heard.
#[test]
fn a_large_segment_is_lost_in_a_black_hole_only_if_it_is_sent_again_and_again() {
    let lowered = ALL.iter().find(|d| d.name == "path-mtu-lowered").unwrap();
    let found = |example: &Example| {
        let mut found = findings(lowered.name, example);
        found.retain(|f| ["path-mtu-lowered", "mtu-black-hole"].contains(&f.name));
        assert_eq!(found.len(), 1, "{}", names(&found));
        found.remove(0)
    };
    let heeded = found(&lowered.raises);
    assert_eq!((heeded.name, heeded.severity, &heeded.packets[..]), (lowered.name, Severity::Info, &[5][..]));
    assert!(
        heeded.message.contains("larger than 1,400 bytes do not pass, and the transfer went on"),
        "{}",
        heeded.message
    );
    let ignored = found(&lowered.silent);
    assert_eq!((ignored.name, ignored.severity), ("mtu-black-hole", Severity::Error));
    assert!(ignored.message.contains("larger than 1,400 bytes do not pass (packet 5)"), "{}", ignored.message);
}

/// The time in which something was sent is not the time for which it went unanswered.
#[test]
fn what_is_sent_again_is_told_with_the_time_that_took() {
    let message = |name: &str, ladder| told(ladder, name).unwrap().1;
    let syns = "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 1s
3. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 3s
4. - - @ 30s
";
    let told = message("syn-unanswered", syns);
    assert!(
        told.contains(" sent 3 SYNs to ") && told.contains(" in 3.0 s and got no answer for at least 30 s"),
        "{told}"
    );
    let once = message("syn-unanswered", "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x\n2. - - @ 30s\n");
    assert!(once.contains(" sent a SYN to ") && once.contains("80 and got no answer for at least 30 s"), "{once}");
    let fins = message(
        "fin-unacked",
        opened!(
            "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ 1s
5. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +1s
6. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +2s
7. FIN_WAIT_1 <-- <SEQ=301><ACK=101><CTL=ACK><LEN=10> <-- ESTABLISHED @ +2s
8. FIN_WAIT_1 --> <SEQ=102><ACK=311><CTL=ACK> -->x @ +0s
9. - - @ 31s
"
        ),
    );
    assert!(
        fins.contains(" sent its FIN 3 times in 3.0 s and ") && fins.contains(" acknowledge it for at least 30 s"),
        "{fins}"
    );
}

/// A goodbye that crosses the FIN is no timeout of an idle connection.
#[test]
fn a_request_that_crosses_a_fin_is_a_warning_where_the_connection_was_idle() {
    let idle = ALL.iter().find(|d| d.name == "request-crossed-fin").unwrap();
    let (severity, message) = told(idle.raises.ladder, idle.name).unwrap();
    assert!(severity == Severity::Warning && message.contains(" closed after sending nothing for "), "{message}");
    let (severity, message) = told(
        opened!(
            "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=28> --> ESTABLISHED @ 5s
5. ESTABLISHED <-- <SEQ=301><ACK=129><CTL=ACK><LEN=36> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=129><ACK=337><CTL=ACK><LEN=24> ... ESTABLISHED
7. CLOSE_WAIT <-- <SEQ=337><ACK=129><CTL=FIN,ACK> <-- FIN_WAIT_1
8. CLOSED <-- <SEQ=337><CTL=RST> <-- CLOSED
"
        ),
        idle.name,
    )
    .unwrap();
    assert!(severity == Severity::Note && message.contains(" after it had last sent something, while "), "{message}");
}

/// One is one.
#[test]
fn a_single_case_is_told_in_the_singular() {
    let message = |name: &str, ladder| told(ladder, name).unwrap().1;
    let end = |name: &str| ALL.iter().find(|d| d.name == name).unwrap().raises.ladder;
    let above = message("segments-above-mss", end("segments-above-mss"));
    assert!(above.starts_with("1 end sent segments larger than the peer's MSS"), "{above}");
    let one = message("one-direction", end("one-direction"));
    assert_eq!(one, "only one direction of the connection was captured");
    let open = opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n");
    let closed = opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
    );
    let (mut segments, end) = segments("cut", &Example::one(open));
    let (mut more, _) = self::segments("cut", &Example::one(closed));
    more.iter_mut().for_each(|s| if s.src.port == 20_000 { s.src.port += 1 } else { s.dst.port += 1 });
    segments.extend(more);
    let found = findings_in(&Example::one(open), &segments, end);
    let cut = found.iter().find(|f| f.name == "capture-cuts-connections").unwrap();
    assert_eq!(cut.message, "1 of 2 connections was not over when the capture ended");
}

/// What the capture misses counts the connections that miss it, not all.
#[test]
fn missing_payload_is_counted_by_the_connections_that_miss_it() {
    let d = ALL.iter().find(|d| d.name == "packets-missing").unwrap();
    let (mut all, end) = segments(d.name, &d.raises);
    let (mut whole, _) = segments(d.name, &d.silent);
    whole.iter_mut().for_each(|s| if s.src.port == 20_000 { s.src.port += 1 } else { s.dst.port += 1 });
    all.extend(whole);
    let found = findings_in(&d.raises, &all, end);
    let told = found.iter().find(|f| f.name == d.name).unwrap();
    assert_eq!(told.count, 1);
    assert!(told.message.contains(" on the wire, in 1 of 2 connections"), "{}", told.message);
}

/// Who waits in SYN_SENT takes neither an acknowledgment nor a RST of something else (RFC 9293 §3.10.7.3), and tries on.
#[test]
fn an_answer_to_something_else_is_told_where_the_client_tries_on() {
    let (_, message) = told(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT <-- <SEQ=5000><ACK=7777><CTL=ACK> <-- CLOSED
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 1s
4. SYN_SENT <-- <SEQ=5000><ACK=7777><CTL=ACK> <-- CLOSED
",
        "half-open-dead-peer",
    )
    .unwrap();
    assert!(message.contains("(packet 1) with an acknowledgment of something else (packet 4)"), "{message}");
    // The RST may yet come.
    let once = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT <-- <SEQ=5000><ACK=7777><CTL=ACK> <-- CLOSED
";
    assert!(told(once, "half-open-dead-peer").is_none());
    // What an older connection sends by itself answers nothing.
    let by_itself = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 1s
3. SYN_SENT <-- <SEQ=232739073><ACK=2438278675><CTL=FIN,ACK> <-- CLOSED @ 50s
4. SYN_SENT <-- <SEQ=232739073><ACK=2438278675><CTL=FIN,ACK> <-- CLOSED @ 100s
";
    assert!(told(by_itself, "half-open-dead-peer").is_none());
    let (severity, message) = told(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT <-- <SEQ=0><ACK=555><CTL=RST,ACK><WIN=0> <-- CLOSED
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 1s
",
        "syn-refused",
    )
    .unwrap();
    assert_eq!(severity, Severity::Note);
    assert!(message.contains("with a RST that acknowledges something else"), "{message}");
}

/// What a connection dies of after it was idle is one event, and one warning; who sent the RST is not known then.
#[test]
fn a_death_after_idleness_warns_once() {
    let reset = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ 355s
7. CLOSED <-- <SEQ=301><CTL=RST> <-- CLOSED
"
    );
    let silence = opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ 100s
7. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +1s
8. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +4s
9. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> -->x ESTABLISHED @ +8s
"
    );
    for ladder in [reset, silence] {
        assert!(told(ladder, "half-open-dead-peer").unwrap().0 >= Severity::Warning);
        assert_eq!(told(ladder, "idle-death").unwrap().0, Severity::Info);
    }
    let message = told(reset, "half-open-dead-peer").unwrap().1;
    assert!(message.contains(", or a device between in its name, answered packet 6"), "{message}");
}

/// A closed window is what its end says, not what its silence is.
#[test]
fn a_window_is_closed_for_as_long_as_its_end_answers_probes() {
    let probes = "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 1s
7. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
8. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 3s
";
    let ladder = |rest: &str| format!("{}{probes}{rest}", opened!("")).leak() as &'static str;
    let message = |rest| told(ladder(rest), "zero-window-stall").unwrap().1;
    let answered = message("9. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED @ 20s\n");
    let silent = message("9. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 7s\n10. - - @ 60s\n");
    assert!(answered.contains("for at least 19 s") && !answered.contains("without an answer"), "{answered}");
    assert!(silent.contains("for at least 2.9 s") && silent.contains("in the end without an answer"), "{silent}");
}
