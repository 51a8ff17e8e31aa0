//! What the capture misses, and what it can't know to be missing.

#[path = "common/analysis.rs"]
mod analysis;

use analysis::{of_ladder, opened};

/// Payload bytes missing from the capture of a ladder, and whether that is told of.
fn missing(text: &str) -> (u64, bool) {
    let report = of_ladder(text);
    (report.capture.missing_bytes, report.findings.iter().any(|found| found.name == "packets-missing"))
}

/// The client's first segment, and its third, never came to the tap.
const SKIPS: &str = opened!(
    "4. - --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> -
5. - --> <SEQ=3101><ACK=301><CTL=ACK><LEN=1000> --> -
"
);

#[test]
fn what_nobody_has_acknowledged_is_not_missing_from_the_capture() {
    assert_eq!(missing(SKIPS), (0, false));
    // The receiver says that it has not got it.
    let asks = "6. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=3101-4101,1101-2101> <-- -\n";
    assert_eq!(missing(&format!("{SKIPS}{asks}")), (0, false));
    let again = "7. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
8. - <-- <SEQ=301><ACK=2101><CTL=ACK><SACK=3101-4101> <-- -
";
    assert_eq!(missing(&format!("{SKIPS}{asks}{again}")), (0, false));
}

#[test]
fn what_was_acknowledged_and_never_captured_is_missing_from_it() {
    let told = |answer: &str| missing(&format!("{SKIPS}6. - <-- <SEQ=301>{answer} <-- -\n"));
    assert_eq!(told("<ACK=4101><CTL=ACK>"), (2_000, true));
    assert_eq!(told("<ACK=2601><CTL=ACK>"), (1_500, true));
    // Blocks cover one of the two, or a part.
    assert_eq!(told("<ACK=101><CTL=ACK><SACK=1101-4101>"), (1_000, true));
    assert_eq!(told("<ACK=101><CTL=ACK><SACK=2601-4101>"), (500, true));
    // It comes after all: the capture had mixed up the order.
    let late = "6. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=1101-4101> <-- -
7. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
8. - <-- <SEQ=301><ACK=101><CTL=ACK><SACK=1101-4101> <-- -
";
    assert_eq!(missing(&format!("{SKIPS}{late}")), (0, false));
}

/// No acknowledgment was captured that could tell.
#[test]
fn where_the_receiver_was_not_captured_what_was_skipped_counts() {
    let one_way = "1. - --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> -
2. - --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> -
";
    assert_eq!(missing(one_way), (1_000, true));
    let answered = "3. - <-- <SEQ=301><ACK=1101><CTL=ACK> <-- -\n";
    assert_eq!(missing(&format!("{one_way}{answered}")), (0, false));
}

/// What it sent may have been lost, but it was sent.
#[test]
fn who_skipped_payload_did_not_close_without_a_byte() {
    let closes = |seq: u32| {
        let fin = format!("4. - --> <SEQ={seq}><ACK=301><CTL=FIN,ACK> --> - @ 5s\n");
        let report = of_ladder(&format!("{}{fin}", opened!("")));
        report.connections[0].anomalies.iter().any(|found| found.name == "no-data")
    };
    assert_eq!([closes(101), closes(601)], [true, false]);
}
