//! A Mermaid sequence diagram, as forges draw it in Markdown.
//!
//! In Mermaid's text a semicolon ends a statement and `#` begins an entity; neither is used. Arrows: solid for what was
//! sent for the first time, dashed for repetitions, with a cross for what changed nothing.

use std::io;

use super::{known, left_out};
use crate::render::clean::clean;
use crate::render::facts;
use crate::render::units::{packets, span};
use crate::report::Side;
use crate::show::{Line, Mark, Seen, Story, fold};
use crate::time::Time;
use crate::tracker::Evidence;

/// Writes it.
///
/// # Errors
/// Only those of `out`.
pub fn render(story: &Story, full: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let c = &story.connection;
    writeln!(out, "### Connection {}: `{}`\n", c.id, clean(&facts::endpoints(c)))?;
    let packets = packets((c.first_packet, c.last_packet));
    writeln!(out, "{}, {}, {packets}\n", facts::fate(c), span(c.last - c.first))?;
    writeln!(out, "```mermaid\nsequenceDiagram")?;
    writeln!(out, "    participant C as client {}", plain(&c.client.to_string()))?;
    writeln!(out, "    participant S as server {}", plain(&c.server.to_string()))?;
    let first = story.lines.first().map_or(story.end, |l| l.time);
    for line in fold(&story.lines, full) {
        match line {
            Ok(line) => write_line(line, first, out)?,
            Err(folded) => writeln!(out, "    Note over C,S: {}", plain(&left_out(&folded)))?,
        }
    }
    writeln!(out, "```\n")?;
    writeln!(out, "State? is inferred, ~State assumed, State* a timer of the stack's; all others are proven.")
}

fn write_line(line: &Line, first: Time, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(seen) = &line.seen {
        writeln!(out, "    {}: {}", arrow(seen), plain(&label(line, seen, first)))?;
    }
    for (side, place) in [(Side::Client, "left of C"), (Side::Server, "right of S")] {
        let turns: Vec<String> = line
            .turns
            .iter()
            .filter(|t| t.side == side)
            .map(|t| {
                let state = graded(t.entry.state.name(), t.entry.evidence);
                // No arrow tells why and when.
                let alone = || format!(", {}, {}", t.entry.cause, super::offset(line.time - first));
                let why = if line.seen.is_none() { alone() } else { String::new() };
                format!("{state}<br/>{}{why}", plain(&known(&t.entry).replace('#', "packet ")))
            })
            .collect();
        let wrong = line.believed.get(side).map(|s| format!("(then taken for {s})"));
        let all: Vec<String> = turns.into_iter().chain(wrong).collect();
        if !all.is_empty() {
            writeln!(out, "    Note {place}: {}", all.join("<br/>"))?;
        }
    }
    for anomaly in &line.anomalies {
        let told = format!("{} {}: {}", anomaly.code, anomaly.name, anomaly.message);
        // Mermaid does not break the lines of a note.
        writeln!(out, "    Note over C,S: ⚠ {}", super::broken(&plain(&told), 52).join("<br/>"))?;
    }
    Ok(())
}

fn arrow(seen: &Seen) -> &'static str {
    match (seen.from, seen.marks.iter().any(Mark::moves_nothing), seen.marks.iter().any(Mark::is_again)) {
        (Side::Client, true, _) => "C-xS",
        (Side::Server, true, _) => "S-xC",
        (Side::Client, _, true) => "C-->>S",
        (Side::Server, _, true) => "S-->>C",
        (Side::Client, ..) => "C->>S",
        (Side::Server, ..) => "S->>C",
    }
}

/// A state with the sign of how it is known.
pub(super) fn graded(state: &str, evidence: Evidence) -> String {
    match evidence {
        Evidence::Sent | Evidence::Confirmed => state.to_owned(),
        Evidence::Inferred => format!("{state}?"),
        Evidence::Assumed => format!("~{state}"),
        Evidence::Timer => format!("{state}*"),
    }
}

fn label(line: &Line, seen: &Seen, first: Time) -> String {
    let s = &seen.segment;
    let mut words = vec![s.flags.to_string(), format!("seq {}", seen.seq)];
    if s.has(crate::segment::Flags::ACK) {
        words.push(format!("ack {}", seen.ack));
    }
    if s.len > 0 {
        words.push(format!("len {}", s.len));
    }
    words.push(format!("win {}", seen.window));
    let marks: Vec<&str> = seen.marks.iter().map(|m| m.name()).collect();
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    format!("{} {}{marks}", super::offset(line.time - first), words.join(" "))
}

/// Text that Mermaid takes for text.
fn plain(text: &str) -> String {
    clean(text).chars().map(|c| if matches!(c, ';' | '#' | '<' | '>' | '`') { ' ' } else { c }).collect()
}
