//! Examples of anomalies, run.

use std::net::IpAddr;

use crate::analysis::{in_order, moved, rejection};
use tcpstate::analyze::{Analysis, Options};
use tcpstate::detect::Example;
use tcpstate::ladder;
use tcpstate::report::Finding;
use tcpstate::segment::{Flags, Segment};
use tcpstate::time::{Span, Time};

/// A thousand connections do not all fit into one address's ports.
const PORTS: u32 = 40_000;

/// All segments of `example`, in order, and the end of the capture.
pub fn segments(name: &str, example: &Example) -> (Vec<Segment>, Time) {
    let ladder = ladder::parse(example.ladder).unwrap_or_else(|e| panic!("{name}: {e}\n{}", example.ladder));
    let mut all = Vec::new();
    for i in 0..example.times.max(1) {
        let port = 20_000 + (i % PORTS) as u16;
        let begun = all.len();
        all.extend(moved(&ladder, port, Span(example.every.0 * i64::from(i))));
        for seg in all[begun..].iter_mut().filter(|_| example.scans) {
            let server = if seg.dst.port == port { &mut seg.src } else { &mut seg.dst };
            server.port = 1 + (i % PORTS) as u16;
        }
        let answers = |seg: &&mut Segment| example.elsewhere && seg.flags.0 & 0x3f != Flags::SYN.0;
        for seg in all[begun..].iter_mut().filter(answers) {
            let server = if seg.dst.port == port { &mut seg.src } else { &mut seg.dst };
            server.addr = IpAddr::from([203, 0, 113, 77]);
        }
    }
    in_order(&mut all);
    if let Some(last) = all.last_mut() {
        last.time = last.time - example.set_back;
    }
    let end = ladder.end() + Span(example.every.0 * i64::from(example.times.max(1) - 1));
    (all, end)
}

/// What is found in `example` with default thresholds.
pub fn findings(name: &str, example: &Example) -> Vec<Finding> {
    let (segments, end) = segments(name, example);
    findings_in(example, &segments, end)
}

/// What is found in `segments`, those of `example` as they are or changed.
pub fn findings_in(example: &Example, segments: &[Segment], end: Time) -> Vec<Finding> {
    let stack = ladder::parse(example.ladder).unwrap().stack;
    let mut analysis = Analysis::new(Options { stack, ..Options::default() });
    for seg in segments {
        analysis.segment(seg);
        if let Some((_, kind)) = example.told.filter(|told| told.0 == seg.packet) {
            analysis.icmp(&rejection(seg, kind));
        }
    }
    analysis.until(end);
    analysis.finish(Vec::new()).findings
}

pub fn names(found: &[Finding]) -> String {
    found.iter().map(|f| format!("{} ({}): {}", f.name, f.code, f.message)).collect::<Vec<_>>().join("\n  ")
}
