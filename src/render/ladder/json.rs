//! The ladder as one JSON object: the connection as in `analyze`, and every segment with what it did.

use std::io;

use serde::Serialize;

use crate::report::{Connection, Entry, PerSide, Side};
use crate::show::{Line, Story};
use crate::time::{Span, Time};
use crate::tracker::State;

#[derive(Serialize)]
struct Page<'a> {
    schema: &'static str,
    connection: &'a Connection,
    lines: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    time: Time,
    offset: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<Segment>,
    states: PerSide<State>,
    #[serde(skip_serializing_if = "Believed::is_empty")]
    believed: Believed,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transitions: Vec<Transition<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    anomalies: Vec<&'static str>,
}

/// What was believed then and taken back later.
#[derive(Serialize)]
struct Believed {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<State>,
}

impl Believed {
    fn is_empty(&self) -> bool {
        self.client.is_none() && self.server.is_none()
    }
}

#[derive(Serialize)]
struct Transition<'a> {
    endpoint: Side,
    #[serde(flatten)]
    entry: &'a Entry,
}

#[derive(Serialize)]
struct Segment {
    packet: u64,
    from: Side,
    flags: String,
    seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<u32>,
    raw_seq: u32,
    raw_ack: u32,
    len: u32,
    window: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<&'static str>,
}

/// Writes it.
///
/// # Errors
/// Only those of `out`.
pub fn render(story: &Story, out: &mut dyn io::Write) -> io::Result<()> {
    let first = story.lines.first().map_or(story.end, |l| l.time);
    let lines = story.lines.iter().map(|l| row(l, first)).collect();
    serde_json::to_writer(&mut *out, &Page { schema: "tcpstate-show/1", connection: &story.connection, lines })?;
    out.write_all(b"\n")
}

fn row(line: &Line, first: Time) -> Row<'_> {
    Row {
        time: line.time,
        offset: line.time - first,
        segment: line.seen.as_ref().map(|seen| {
            let s = &seen.segment;
            let ack = s.has(crate::segment::Flags::ACK);
            Segment {
                packet: s.packet,
                from: seen.from,
                flags: s.flags.to_string(),
                seq: seen.seq,
                ack: ack.then_some(seen.ack),
                raw_seq: s.seq,
                raw_ack: s.ack,
                len: s.len,
                window: seen.window,
                marks: seen.marks.iter().map(|m| m.name()).collect(),
            }
        }),
        states: line.states,
        believed: Believed { client: line.believed.client, server: line.believed.server },
        transitions: line.turns.iter().map(|t| Transition { endpoint: t.side, entry: &t.entry }).collect(),
        anomalies: line.anomalies.iter().map(|a| a.name).collect(),
    }
}
