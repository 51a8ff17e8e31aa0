//! How many ports a client has is known only as long as it does not use more.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{in_order, moved, of_segments, opened, parsed};
use tcpstate::report::{Finding, Severity};
use tcpstate::time::Span;

/// What is told of TIME_WAITs, of so many connections of one client, each from another port.
fn excess(connections: u16) -> Finding {
    let ladder = parsed(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
    ));
    let after = |n: u16| Span::millis(i64::from(n));
    let mut segments: Vec<_> = (0..connections).flat_map(|n| moved(&ladder, 30_000 + n, after(n))).collect();
    in_order(&mut segments);
    let report = of_segments(&segments, ladder.end() + after(connections));
    report.findings.into_iter().find(|f| f.name == "time-wait-excess").unwrap()
}

#[test]
fn ports_that_are_used_already_are_not_used_up_some_time_before() {
    let few = excess(20_000);
    assert_eq!(few.severity, Severity::Warning);
    assert!(few.message.ends_with("all 28,232 ports are used 8.2 s later"), "{}", few.message);
    assert_eq!(excess(28_000).severity, Severity::Error);
    let beyond = excess(30_000);
    assert_eq!(beyond.severity, Severity::Warning, "nothing shows how many ports are left");
    let says = "more ports than the 28,232 that its stack has by default, and how many is not known";
    assert!(beyond.message.ends_with(says), "{}", beyond.message);
}
