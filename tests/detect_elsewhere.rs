//! SYNs that are answered from elsewhere, and what only looks like that.

#[path = "common/analysis.rs"]
mod analysis;
#[path = "common/shared.rs"]
mod shared;

use std::net::IpAddr;

use analysis::{in_order, of_file, of_segments, parsed};
use tcpstate::analyze::Options;
use tcpstate::report::{Finding, Severity};
use tcpstate::segment::Segment;
use tcpstate::time::{Span, Time};

/// A SYN that is never answered.
const ASKED: &str = "1. - --> <SEQ=100><CTL=SYN> -->x -
2. - --> <SEQ=100><CTL=SYN> -->x - @ 1s
3. - --> <SEQ=100><CTL=SYN> -->x - @ 3s
4. - --> <SEQ=100><CTL=SYN> -->x - @ 7s
";
/// The same where the client has gone on by then.
const WENT_ON: &str = "1. - --> <SEQ=100><CTL=SYN> --> -
2. - --> <SEQ=100><CTL=SYN> --> - @ 1s
3. - --> <SEQ=101><ACK=301><CTL=ACK> --> - @ +30ms
4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> - @ +1ms
";
/// The answer, and what the client's stack thinks of it.
const RESET: &str = "1. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ 10ms
2. - --> <SEQ=101><CTL=RST> --> -
3. - <-- <SEQ=900><ACK=101><CTL=SYN,ACK> <-- - @ 1010ms
4. - --> <SEQ=101><CTL=RST> --> -
";
/// The answer, and a firewall at the client.
const DROPPED: &str = "1. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ 10ms
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ 1010ms
";
const REFUSED: &str = "1. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- - @ 10ms
2. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- - @ 1010ms
";
/// What a translated SYN comes to at the tap that translates it, the answer passing untranslated.
const TRANSLATED: &str = "1. - --> <SEQ=100><CTL=SYN> --> - @ 1ms
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ 10ms
3. - --> <SEQ=101><CTL=RST> --> -
4. - --> <SEQ=100><CTL=SYN> --> - @ 1001ms
5. - <-- <SEQ=900><ACK=101><CTL=SYN,ACK> <-- - @ 1010ms
6. - --> <SEQ=101><CTL=RST> --> -
7. - --> <SEQ=100><CTL=SYN> --> - @ 3001ms
8. - --> <SEQ=100><CTL=SYN> --> - @ 7001ms
";

/// A ladder whose server is 10.9.9.N, with this port and this TTL of the client's segments.
type Part = (&'static str, u8, u16, u8);

fn segments(parts: &[Part]) -> Vec<Segment> {
    let mut all = Vec::new();
    for (text, host, port, ttl) in parts {
        let ladder = parsed(text);
        all.extend(ladder.segments().into_iter().map(|mut seg| {
            let of_client = seg.src == ladder.left;
            let server = if of_client { &mut seg.dst } else { &mut seg.src };
            (server.addr, server.port) = (IpAddr::from([10, 9, 9, *host]), *port);
            seg.ttl = if of_client { *ttl } else { seg.ttl };
            seg
        }));
    }
    in_order(&mut all);
    all
}

fn found(parts: &[Part]) -> Option<Finding> {
    let report = of_segments(&segments(parts), Time(0) + Span::secs(20));
    report.findings.into_iter().find(|found| found.name == "unexpected-reply-source")
}

#[test]
fn an_answer_from_another_address_is_told_at_the_syn_that_it_answers() {
    let told = found(&[(ASKED, 1, 8080, 64), (RESET, 2, 80, 64)]).unwrap();
    let says = " to 10.9.9.1:8080 was answered from 10.9.9.2:80: the client answered that with RST";
    assert!(told.message.starts_with("the SYN of ") && told.message.ends_with(says), "{}", told.message);
    assert_eq!((told.severity, told.count, &*told.connections), (Severity::Warning, 1, &[1, 2][..]));
    assert_eq!((&*told.packets, &told.facts["answers_reset"]), (&[1][..], &1.into()));
    let other_port = found(&[(ASKED, 1, 8080, 64), (RESET, 1, 80, 64)]).unwrap();
    assert!(other_port.message.contains("answered from 10.9.9.1:80"), "{}", other_port.message);
}

#[test]
fn several_sources_are_told_together() {
    let told = found(&[(ASKED, 1, 80, 64), (RESET, 2, 80, 64), (RESET, 3, 80, 64)]).unwrap();
    assert!(told.message.contains("was answered from 10.9.9.2:80, 10.9.9.3:80: "), "{}", told.message);
    assert_eq!(told.count, 1);
}

#[test]
fn without_a_rst_of_the_client_the_answer_may_have_been_translated_behind_the_tap() {
    for (answer, how) in [(DROPPED, "answered"), (REFUSED, "refused")] {
        let told = found(&[(ASKED, 1, 8080, 64), (answer, 2, 80, 64)]).unwrap();
        assert!(told.message.contains(&format!("was {how} from 10.9.9.2:80: the client sent the SYN again, unless")));
        assert_eq!(told.severity, Severity::Note);
    }
}

#[test]
fn a_translation_that_works_is_no_answer_from_elsewhere() {
    const BY_THE_NAME: &str = "1. - --> <SEQ=100><CTL=SYN> --> -
2. - --> <SEQ=100><CTL=SYN> --> - @ 1s
3. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ +11ms
4. - --> <SEQ=101><CTL=RST> --> -
";
    // In one direction only, and in both.
    for (asked, answered) in [(WENT_ON, DROPPED), (WENT_ON, RESET), (BY_THE_NAME, TRANSLATED), (BY_THE_NAME, RESET)] {
        assert_eq!(found(&[(asked, 1, 8080, 64), (answered, 2, 80, 63)]).map(|f| f.message), None);
    }
}

#[test]
fn a_tap_at_the_translation_shows_both_syns_the_second_a_hop_further_on() {
    assert!(found(&[(ASKED, 1, 8080, 64), (TRANSLATED, 2, 80, 63)]).is_some());
    // A scanner that uses one port and number for all.
    assert_eq!(found(&[(ASKED, 1, 8080, 64), (TRANSLATED, 2, 80, 64)]).map(|f| f.message), None);
    assert_eq!(found(&[(ASKED, 1, 22, 64), (ASKED, 1, 23, 64), (RESET, 2, 80, 64)]).map(|f| f.message), None);
}

#[test]
fn an_answer_to_another_syn_answers_nothing() {
    let other = segments(&[(ASKED, 1, 8080, 64), (RESET, 2, 80, 64)]).into_iter().map(|mut seg| {
        seg.ack = if seg.ack == 101 { 102 } else { seg.ack };
        seg.seq = if seg.seq == 101 { 102 } else { seg.seq };
        seg
    });
    let report = of_segments(&other.collect::<Vec<_>>(), Time(0) + Span::secs(20));
    assert!(report.findings.iter().all(|found| found.name != "unexpected-reply-source"));
    // Nor does what comes long after the client has given up.
    const LATE: &str = "1. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- - @ 11s\n2. - --> <SEQ=101><CTL=RST> --> -\n";
    assert_eq!(found(&[(ASKED, 1, 8080, 64), (LATE, 2, 80, 64)]).map(|f| f.message), None);
}

#[test]
fn no_real_capture_has_any() {
    for file in shared::real().into_iter().flatten() {
        let Ok(report) = of_file(&file, Options::default()) else { continue };
        let told = report.findings.iter().find(|found| found.name == "unexpected-reply-source");
        assert_eq!(told.map(|found| &found.message), None, "{}", file.display());
    }
}
