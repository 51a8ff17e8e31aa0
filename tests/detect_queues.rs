//! How many connections a finding counts.

use tcpstate::analyze::{Analysis, Options};
use tcpstate::filter::select::select;
use tcpstate::ladder;
use tcpstate::report::Report;
use tcpstate::segment::Segment;
use tcpstate::time::Span;

/// Ten segments, opened and closed in order.
const SMOOTH: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK> --> ESTABLISHED
8. FIN_WAIT_1 --> <SEQ=111><ACK=311><CTL=FIN,ACK> --> CLOSE_WAIT
9. FIN_WAIT_2 <-- <SEQ=311><ACK=112><CTL=FIN,ACK> <-- LAST_ACK
10. TIME_WAIT --> <SEQ=112><ACK=312><CTL=ACK> --> CLOSED
";
const REFUSED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
";

/// Each ladder so many times, a tenth of a second after the other from that second on, to one service.
fn analyse(parts: &[(&str, u16, i64)]) -> Report {
    let mut all: Vec<Segment> = Vec::new();
    let mut port = 20_000;
    for (text, times, from) in parts {
        let ladder = ladder::parse(text).unwrap();
        for i in 0..*times {
            port += 1;
            all.extend(ladder.segments().into_iter().map(|mut s| {
                let client = if s.src == ladder.left { &mut s.src } else { &mut s.dst };
                client.port = port;
                s.time = s.time + Span::millis(1_000 * from + 100 * i64::from(i));
                s
            }));
        }
    }
    all.sort_by_key(|s| s.time);
    let mut analysis = Analysis::new(Options::default());
    for (s, packet) in all.iter_mut().zip(1..) {
        s.packet = packet;
        analysis.segment(s);
    }
    analysis.until(all.last().unwrap().time + Span::secs(10));
    analysis.finish(Vec::new())
}

#[test]
fn rollups_count_all_connections_of_a_finding_not_those_it_lists() {
    let mut report = analyse(&[(REFUSED, 30, 0), (SMOOTH, 5, 0)]);
    let of = |report: &Report| {
        let low = report.findings.iter().find(|f| f.name == "syn-success-low").unwrap();
        let rolled = |of: &[tcpstate::report::rollup::Rollup]| -> Vec<Option<(&str, u64)>> {
            of.iter().map(|r| r.worst.as_ref().map(|w| (w.name, w.connections))).collect()
        };
        let rollups = &report.rollups;
        (low.count, low.connections.len(), rolled(&rollups.services.entries), rolled(&rollups.hosts.entries))
    };
    let worst = |n| Some(("syn-success-low", n));
    // The service fails, not who asks it.
    assert_eq!(of(&report), (30, 10, vec![worst(30)], vec![worst(30), None]));
    // Also of some of them, of which the finding lists none.
    select(&mut report, |c| c.id > 12);
    let some = report.connections.iter().filter(|c| c.packets.server == 1).count() as u64;
    let (count, _, services, hosts) = of(&report);
    assert!(some > 10, "{some}");
    assert_eq!((count, services, hosts), (some, vec![worst(some)], vec![worst(some), None]));
}
