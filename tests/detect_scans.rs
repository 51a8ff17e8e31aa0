//! Who tries many ports or hosts in vain, and who only looks like that.

#[path = "common/analysis.rs"]
mod analysis;

use std::net::IpAddr;

use analysis::{in_order, moved, of_segments, opened, parsed, rejection, with};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::detect::{DOUBTFUL, Limits};
use tcpstate::report::{Finding, Report, Severity};
use tcpstate::segment::{IcmpKind, Segment};
use tcpstate::time::{Span, Time};

const REFUSED: &str = "1. - --> <SEQ=100><CTL=SYN> --> -
2. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- -
";
const UNANSWERED: &str = "1. - --> <SEQ=100><CTL=SYN> -->x -\n";
/// Of a scan with SYNs alone.
const ABORTED: &str = "1. - --> <SEQ=100><CTL=SYN> --> -
2. - <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- -
3. - --> <SEQ=101><CTL=RST> --> -
";
const EMPTY: &str = opened!("4. - --> <SEQ=101><ACK=301><CTL=RST,ACK> --> -\n");
const USED: &str = opened!(
    "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> -
5. - <-- <SEQ=301><ACK=181><CTL=ACK><LEN=200> <-- -
6. - --> <SEQ=181><ACK=501><CTL=RST,ACK> --> -
"
);
const XMAS: &str = "1. - --> <SEQ=100><CTL=FIN,PSH,URG> --> -\n2. - <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- -\n";

/// One attempt that goes as the ladder does, at this port of this host, so many milliseconds after the first.
type Attempt = (&'static str, u8, u16, i64);

fn analyse(options: Options, attempts: &[Attempt]) -> Report {
    analyse_until(options, attempts, Span::secs(5))
}

/// The same in a capture that ends so long after the last segment.
fn analyse_until(options: Options, attempts: &[Attempt], after_last: Span) -> Report {
    let (mut all, mut end) = (Vec::new(), Time(0));
    for (from, (text, host, port, after)) in (20_000..).zip(attempts) {
        for mut seg in moved(&parsed(text), from, Span::millis(*after)) {
            let server = if seg.src.port == from { &mut seg.dst } else { &mut seg.src };
            (server.addr, server.port) = (IpAddr::from([10, 9, 9, *host]), *port);
            end = end.max(seg.time);
            all.push(seg);
        }
    }
    in_order(&mut all);
    with(options, &all, end + after_last)
}

fn scan(attempts: &[Attempt]) -> Option<Finding> {
    analyse(Options::default(), attempts).findings.into_iter().find(|found| found.name == "port-scan")
}

/// So many ports of one host, ten milliseconds apart.
fn ports(text: &'static str, many: u16) -> Vec<Attempt> {
    (0..many).map(|n| (text, 1, 1_000 + n, 10 * i64::from(n))).collect()
}

/// The same port of so many hosts.
fn hosts(text: &'static str, many: u8) -> Vec<Attempt> {
    (0..many).map(|n| (text, n, 22, 10 * i64::from(n))).collect()
}

#[test]
fn ports_of_a_host_and_hosts_with_a_port_are_told_once_each() {
    let found = scan(&ports(REFUSED, 200)).unwrap();
    assert!(found.message.ends_with("tried 200 ports of 10.9.9.1: 200 refused"), "{}", found.message);
    assert_eq!((found.severity, found.count, found.connections.len()), (Severity::Note, 200, 10));
    let found = scan(&hosts(REFUSED, 100)).unwrap();
    assert!(found.message.ends_with("tried port 22 of 100 hosts: 100 refused"), "{}", found.message);
    let all = (0..900).map(|n| (REFUSED, (n / 30) as u8, 1_000 + n % 30, i64::from(n)));
    let found = scan(&all.collect::<Vec<Attempt>>()).unwrap();
    assert!(found.message.ends_with("tried 900 ports of 30 hosts in all: 900 refused"), "{}", found.message);
    assert_eq!((&found.facts["ports"], &found.facts["hosts"]), (&30.into(), &30.into()));
}

#[test]
fn what_is_found_open_is_told_beside_what_is_not() {
    let mut attempts = ports(REFUSED, 100);
    attempts[7].0 = ABORTED;
    attempts[8].0 = EMPTY;
    attempts[9].0 = USED;
    attempts[10].0 = UNANSWERED;
    let found = scan(&attempts).unwrap();
    let told = "100 ports of 10.9.9.1: 96 refused, 1 unanswered, 2 opened and left without a byte, 1 used";
    assert!(found.message.ends_with(told), "{}", found.message);
    // The used one is no part of it.
    assert_eq!((found.count, &found.facts["tried"]), (99, &100.into()));
}

/// That a SYN sent just now may have arrived opens nothing.
#[test]
fn what_nobody_answered_was_not_opened() {
    let mut attempts = ports(UNANSWERED, 40);
    attempts.extend((0..40).map(|n| (UNANSWERED, 1, 1_000 + n, 4_990 + 10 * i64::from(n))));
    let report = analyse_until(Options::default(), &attempts, Span(0));
    let found = report.findings.iter().find(|found| found.name == "port-scan").unwrap();
    assert!(found.message.contains("tried 40 ports of 10.9.9.1: 40 unanswered;"), "{}", found.message);
}

#[test]
fn segments_with_odd_flags_try_ports_as_well() {
    let mut attempts = ports(XMAS, 40);
    attempts[3].0 = "1. - --> <SEQ=100><CTL=FIN,PSH,URG> --> -\n";
    let found = scan(&attempts).unwrap();
    assert!(found.message.ends_with("tried 40 ports of 10.9.9.1: 39 refused, 1 unanswered"), "{}", found.message);
}

/// Broken devices send them on connections that work.
#[test]
fn odd_flags_where_payload_passed_or_nothing_was_reset_are_no_attempts_in_vain() {
    let handshake = |rest: &str| format!("{}{rest}", opened!(""));
    let odd_fin = handshake(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> -
5. - <-- <SEQ=301><ACK=181><CTL=ACK><LEN=200> <-- -
6. - --> <SEQ=181><CTL=FIN> --> -
7. - <-- <SEQ=501><ACK=182><CTL=FIN,ACK> <-- -
8. - --> <SEQ=182><ACK=502><CTL=ACK> --> -
",
    );
    let odd_null = handshake(
        "4. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> -
5. - --> <SEQ=181><CTL=-> --> -
6. - <-- <SEQ=301><ACK=181><CTL=RST,ACK> <-- -
",
    );
    // Answered by an open port, or of a connection that began before the capture.
    let answered = "1. - --> <SEQ=100><CTL=FIN> --> -\n2. - <-- <SEQ=300><ACK=101><CTL=ACK> <-- -\n".to_owned();
    for text in [odd_fin, odd_null, answered] {
        let text: &'static str = text.leak();
        assert!(analyse(Options::default(), &ports(text, 1)).findings.iter().any(|found| found.name == "odd-flags"));
        assert_eq!(scan(&ports(text, 40)).map(|found| found.message), None, "{text}");
    }
}

#[test]
fn what_is_open_without_a_byte_is_not_used() {
    let mut attempts = ports(REFUSED, 40);
    attempts[3].0 = opened!("");
    let found = scan(&attempts).unwrap();
    let told = "tried 40 ports of 10.9.9.1: 39 refused, 1 opened and left without a byte";
    assert!(found.message.ends_with(told), "{}", found.message);
}

#[test]
fn an_icmp_error_is_an_answer() {
    let mut analysis = Analysis::new(Options::default());
    let syn = parsed(UNANSWERED).segments().remove(0);
    for n in 0..30_u16 {
        let mut seg = syn;
        (seg.src.port, seg.dst.port) = (20_000 + n, 1_000 + n);
        (seg.time, seg.packet) = (seg.time + Span::millis(10 * i64::from(n)), 1 + 2 * u64::from(n));
        analysis.segment(&seg);
        analysis.icmp(&rejection(&seg, IcmpKind::PortUnreachable));
    }
    analysis.until(syn.time + Span::secs(9));
    let report = analysis.finish(Vec::new());
    let found = report.findings.iter().find(|found| found.name == "port-scan").unwrap();
    assert!(found.message.ends_with(": 30 rejected by ICMP"), "{}", found.message);
    assert_eq!((&found.facts["rejected"], found.facts.contains_key(DOUBTFUL)), (&30.into(), false));
}

#[test]
fn fewer_or_slower_ones_are_no_scan() {
    assert!(scan(&ports(REFUSED, 14)).is_none() && scan(&ports(REFUSED, 15)).is_some());
    assert!(scan(&hosts(REFUSED, 24)).is_none() && scan(&hosts(REFUSED, 25)).is_some());
    let every = |seconds: i64| {
        let all = ports(REFUSED, 60).into_iter();
        scan(&all.map(|(text, host, port, after)| (text, host, port, 100 * seconds * after)).collect::<Vec<_>>())
    };
    // Fourteen times that pass from the first to the fifteenth.
    assert!(every(21).is_some() && every(22).is_none());
    // A port and a host each time: nothing is searched.
    let mixed: Vec<Attempt> = (0..60).map(|n| (REFUSED, n as u8, 1_000 + n, 10 * i64::from(n))).collect();
    assert!(scan(&mixed).is_none());
}

#[test]
fn health_checks_and_discovery_are_no_scans() {
    // Most of what is checked is there.
    for up in [ABORTED, EMPTY, USED] {
        let checked: Vec<Attempt> =
            (0..250).map(|n| (if n < 120 { REFUSED } else { up }, n as u8, 80, 10 * i64::from(n))).collect();
        assert!(scan(&checked).is_none(), "{up}");
    }
    // Of what is looked for more than a tenth comes to something.
    let found = |used: u16| {
        let mut attempts = ports(REFUSED, 100);
        attempts[..usize::from(used)].iter_mut().for_each(|attempt| attempt.0 = USED);
        scan(&attempts).is_some()
    };
    assert!(found(10) && !found(11));
    // It was there before.
    let mut gone = hosts(REFUSED, 40);
    gone.extend((0..40).map(|n| (USED, n, 22, 5_000)));
    assert!(scan(&gone).is_none());
    // They are known, and asked for another port.
    let mut asked = hosts(REFUSED, 40);
    asked.extend((0..40).map(|n| (USED, n, 80, 5_000)));
    assert!(scan(&asked).is_none());
    // The same is tried again and again.
    let rounds = |rounds: i64| {
        let all = (0..rounds).flat_map(|round| hosts(UNANSWERED, 40).into_iter().map(move |a| (round, a)));
        scan(&all.map(|(round, (text, host, port, at))| (text, host, port, at + 1_000 * round)).collect::<Vec<_>>())
    };
    assert!(rounds(3).is_some() && rounds(4).is_none());
}

#[test]
fn what_may_yet_be_answered_does_not_count() {
    let report = |wait: i64| {
        let ladder = parsed(UNANSWERED);
        let begin = ladder.segments()[0].time;
        let ports = (20_000..).zip(0..40).flat_map(|(port, n)| moved(&ladder, port, Span::millis(n)));
        let mut all: Vec<Segment> = ports.collect();
        // Each to another port, too.
        all.iter_mut().for_each(|seg| seg.dst.port = seg.src.port);
        in_order(&mut all);
        of_segments(&all, begin + Span::millis(wait))
    };
    let found = |wait: i64| report(wait).findings.into_iter().find(|found| found.name == "port-scan");
    assert!(found(2_900).is_none());
    // Nobody was heard at all: it may be that only one direction was captured.
    assert_eq!(found(3_100).unwrap().facts[DOUBTFUL], "nothing that answers the client was captured");
    let mut attempts = ports(UNANSWERED, 40);
    attempts[3].0 = REFUSED;
    assert!(!scan(&attempts).unwrap().facts.contains_key(DOUBTFUL));
}

#[test]
fn its_lines_are_for_the_user_to_draw() {
    let found = |setting: &str, attempts: &[Attempt]| {
        let limits = Limits::read([setting]).unwrap();
        let report = analyse(Options { limits, ..Options::default() }, attempts);
        report.findings.iter().any(|found| found.name == "port-scan")
    };
    assert!(found("port-scan=5", &ports(REFUSED, 5)) && !found("port-scan=6", &ports(REFUSED, 5)));
    assert!(found("port-scan-hosts=5", &hosts(REFUSED, 5)) && !found("port-scan-hosts=6", &hosts(REFUSED, 5)));
    assert!(!found("port-scan-within=100ms", &ports(REFUSED, 40)));
    let mut attempts = ports(REFUSED, 40);
    attempts[..10].iter_mut().for_each(|attempt| attempt.0 = USED);
    assert!(found("port-scan-share=70%", &attempts) && !found("port-scan-share=80%", &attempts));
}
