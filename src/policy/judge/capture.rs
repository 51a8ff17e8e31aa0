//! Whether a capture shows enough to be judged by.

use super::{RuleVerdict, Status};
use crate::policy::model::{Demands, Level, Share};
use crate::render::facts::{self, Parts};
use crate::render::units::{count, plural, span};
use crate::report::{Capture, Connection, Origin, Row};
use crate::tracker::Evidence;

/// How much is known of the connections.
#[derive(Debug, Default)]
pub struct Known {
    /// How many there are.
    pub all: u64,
    /// Packets of so many are missing, though both directions were captured.
    gaps: u64,
    /// Seen from their middle on.
    midstream: u64,
    /// As `analyze` tells it.
    parts: Parts,
}

impl Known {
    /// Counts a connection.
    pub fn take(&mut self, c: &Connection) {
        self.all += 1;
        self.gaps += u64::from(!c.is_one_way() && has_gap(c));
        self.midstream += u64::from(c.origin == Origin::Midstream);
        self.parts.add(&Row::of(c));
    }
}

/// The verdict that stands before those of the rules.
pub fn verdict(demands: &Demands, capture: &Capture, known: &Known) -> RuleVerdict {
    let lacking = lacking(demands, capture, known);
    let status = if lacking.is_empty() { Status::Pass } else { Status::Unclear };
    let connections = known.all;
    let message = if lacking.is_empty() {
        let missed = facts::missing(capture, known.parts);
        let missed = if missed.is_empty() { "nothing known to be missing".to_owned() } else { missed.join(" · ") };
        format!("{}, {}, {missed}", plural(capture.packets, "packet"), plural(connections, "connection"))
    } else {
        lacking.join("; ")
    };
    RuleVerdict {
        name: "capture quality".to_owned(),
        kind: "capture",
        codes: Vec::new(),
        why: None,
        line: demands.line,
        level: Level::Error,
        status,
        message,
        checked: connections,
        allowed: 0,
        offending: 0,
        offences: Vec::new(),
        doubtful: 0,
        doubts: Vec::new(),
    }
}

/// Whether the history of `c` rests on packets that were not captured, although its beginning was.
pub fn has_gap(c: &Connection) -> bool {
    let assumed = |e: &crate::report::Endpoint| {
        let unseen = |entry: &crate::report::Entry| entry.deduced || entry.packet.is_none();
        let mut assumed = e.history.iter().filter(|entry| entry.evidence == Evidence::Assumed && unseen(entry));
        assumed.any(|entry| !entry.rule.starts_with("seen midstream"))
    };
    assumed(&c.endpoints.client) || assumed(&c.endpoints.server)
}

/// What it lacks, a sentence each.
fn lacking(demands: &Demands, capture: &Capture, known: &Known) -> Vec<String> {
    let Known { all, gaps, midstream, parts } = *known;
    let mut lacking = Vec::new();
    for file in capture.files.iter().filter(|file| demands.complete && file.problem.is_some()) {
        let is = if file.unreadable { "" } else { " is not whole:" };
        lacking.push(format!("{}{is} {}", file.name, file.problem.as_deref().unwrap_or("")));
    }
    if capture.packets < demands.min_packets {
        let (have, want) = (count(capture.packets), count(demands.min_packets));
        lacking.push(format!("it has {have} packets, {want} are wanted"));
    }
    if all < demands.min_connections {
        lacking.push(format!("it has {}, {} are wanted", plural(all, "connection"), count(demands.min_connections)));
    }
    let length = capture.first.zip(capture.last).map_or(crate::time::Span(0), |(first, last)| last - first);
    if length < demands.min_duration {
        lacking.push(format!("it is {} long, {} are wanted", span(length), span(demands.min_duration)));
    }
    let bytes = capture.bytes.saturating_add(capture.missing_bytes);
    if !demands.max_missing.allows(capture.missing_bytes, bytes) {
        lacking.push(format!(
            "it misses {} of the bytes ({} are tolerated)",
            percent(capture.missing_bytes, bytes),
            demands.max_missing
        ));
    }
    if let Some(what) = capture.left_out.as_ref().filter(|_| !demands.max_missing.allows(1, 1)) {
        lacking.push(format!("it lacks {what}"));
    }
    if !demands.max_missing.allows(gaps, all) {
        let share = percent(gaps, all);
        lacking
            .push(format!("packets are missing in {share} of the connections ({} are tolerated)", demands.max_missing));
    }
    if !demands.max_missing.allows(capture.undecoded, capture.packets) {
        let share = percent(capture.undecoded, capture.packets);
        lacking.push(format!("{share} of the packets could not be decoded ({} are tolerated)", demands.max_missing));
    }
    let dropped = capture.dropped();
    if !demands.max_missing.allows(dropped, capture.packets.saturating_add(dropped)) {
        lacking.push(format!("the capturing system dropped {} packets", count(dropped)));
    }
    let mut share = |n: u64, max: Share, what: &str| {
        if !max.allows(n, all) {
            lacking.push(format!("{} of the connections {what} ({max} are tolerated)", percent(n, all)));
        }
    };
    share(parts.one_way, demands.max_one_way, "were captured in one direction only");
    share(midstream, demands.max_midstream, "were open before the capture began");
    lacking
}

fn percent(part: u64, of: u64) -> String {
    let percent = if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 };
    // All is only what is.
    format!("{:.1} %", if part < of { percent.min(99.9) } else { percent })
}
