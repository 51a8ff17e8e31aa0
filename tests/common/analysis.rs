//! The report on segments, on a ladder, on a capture.

#![allow(dead_code, unused_macros, unused_imports, reason = "each test file uses another part")]

use std::path::Path;

use tcpstate::analyze::{Analysis, Options};
use tcpstate::ladder::{self, Ladder};
use tcpstate::report::{Anomaly, Connection, Report};
use tcpstate::segment::{IcmpError, IcmpKind, Segment};
use tcpstate::source::{self, OpenError};
use tcpstate::time::{Span, Time};

/// A ladder that begins with a handshake.
macro_rules! opened {
    ($rest:literal) => {
        concat!(
            "1. SYN_SENT    --> <SEQ=100><CTL=SYN>              --> SYN_RCVD\n",
            "2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD\n",
            "3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>     --> ESTABLISHED\n",
            $rest
        )
    };
}
pub(crate) use opened;

/// The ladder `text`, or a panic that shows it.
pub fn parsed(text: &str) -> Ladder {
    ladder::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The report on `segments` in a capture that lasts until `end`.
pub fn of_segments(segments: &[Segment], end: Time) -> Report {
    with(Options::default(), segments, end)
}

/// The same with other options.
pub fn with(options: Options, segments: &[Segment], end: Time) -> Report {
    let mut analysis = Analysis::new(options);
    segments.iter().for_each(|seg| _ = analysis.segment(seg));
    analysis.until(end);
    analysis.finish(Vec::new())
}

/// The report on the ladder `text`.
pub fn of_ladder(text: &str) -> Report {
    let ladder = parsed(text);
    of_segments(&ladder.segments(), ladder.end())
}

/// What an ICMP error says that answers `seg` a millisecond later, in the name of its receiver.
pub fn rejection(seg: &Segment, kind: IcmpKind) -> IcmpError {
    let Segment { src, dst, scope, seq, .. } = *seg;
    IcmpError { time: seg.time + Span::millis(1), packet: seg.packet + 1, from: dst.addr, src, dst, scope, seq, kind }
}

/// The segments of `ladder` from another port of the client, that much later.
pub fn moved(ladder: &Ladder, port: u16, after: Span) -> impl Iterator<Item = Segment> {
    ladder.segments().into_iter().map(move |mut seg| {
        let client = if seg.src == ladder.left { &mut seg.src } else { &mut seg.dst };
        client.port = port;
        seg.time = seg.time + after;
        seg
    })
}

/// Sorts segments by time and numbers them.
pub fn in_order(segments: &mut [Segment]) {
    segments.sort_by_key(|seg| seg.time);
    segments.iter_mut().zip(1..).for_each(|(seg, packet)| seg.packet = packet);
}

/// The only connection of the ladder `text`, which begins after the handshake.
pub fn after_handshake(text: &str) -> Connection {
    let text = format!(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED @ +100us
{text}"
    );
    only(&text)
}

/// The only connection of the ladder `text`.
pub fn only(text: &str) -> Connection {
    let mut report = of_ladder(text);
    assert_eq!(report.connections.len(), 1, "{text}");
    report.connections.remove(0)
}

/// What is found of this name about `c`.
pub fn find<'a>(c: &'a Connection, name: &str) -> Option<&'a Anomaly> {
    c.anomalies.iter().find(|anomaly| anomaly.name == name)
}

/// The report on the capture `file`.
pub fn of_file(file: &Path, options: Options) -> Result<Report, OpenError> {
    let mut source = source::open(&[file])?;
    let mut analysis = Analysis::new(options);
    while let Some(packet) = source.next() {
        analysis.packet(&packet);
    }
    Ok(analysis.finish(source.files()))
}
