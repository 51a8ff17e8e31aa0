//! The ladder in the notation of [`crate::ladder`], which tests read: what that has no words for stands in comments.
//!
//! Numbers count from each end's first; times from the first packet. Timestamps count from each end's first, too.

use std::collections::BTreeMap;
use std::io;

use super::{entered, left_out};
use crate::ladder::{Arrow, Cell, End, Ladder, Line as Drawn};
use crate::render::clean::clean;
use crate::render::facts;
use crate::render::text::{BOLD, DIM, RED, Text, YELLOW};
use crate::report::Side;
use crate::segment::Segment;
use crate::show::{Line, Seen, Story, fold};

/// Writes it.
///
/// # Errors
/// Only those of `out`.
pub fn render(story: &Story, full: bool, colour: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = fold(&story.lines, full);
    let lines: Vec<&Line> = shown.iter().filter_map(|l| l.as_ref().ok().copied()).collect();
    let ladder = draw(story, &lines);
    let c = &story.connection;
    let mut put = |text: Text| text.line(out, colour);
    let title = format!("# connection {}: {}, {}", c.id, facts::endpoints(c), facts::fate(c));
    put(Text::styled(BOLD, &title))?;
    put(Text::styled(
        DIM,
        "# left: client; right: server; the state in a cell is what the whole capture says of that line,",
    ))?;
    put(Text::styled(
        DIM,
        "# (STATE) what was believed then and taken back later; behind #: packet, what is new and how it is known",
    ))?;
    put(Text::plain(&format!("left {}", c.client)))?;
    put(Text::plain(&format!("right {}", c.server)))?;
    let mut rows = ladder.rows().into_iter();
    for line in shown {
        let line = match line {
            Ok(line) => line,
            Err(folded) => {
                put(Text::styled(DIM, &format!("#  {}", left_out(&folded))))?;
                continue;
            }
        };
        let Some(row) = rows.next() else { break };
        let alarm = !line.anomalies.is_empty();
        let retracted = line.believed.client.is_some() || line.believed.server.is_some();
        let style = match (alarm, retracted) {
            (true, _) => RED,
            (_, true) => YELLOW,
            _ => anstyle::Style::new(),
        };
        let comment = comment(line);
        let text = Text::styled(style, row.trim_end());
        put(if comment.is_empty() { text } else { text.with(DIM, &format!("  # {comment}")) })?;
        for anomaly in &line.anomalies {
            let who = anomaly.endpoint.map(|s| format!(" ({})", s.name())).unwrap_or_default();
            let told = format!("#  ! {} {}{who}: {}", anomaly.code, anomaly.name, clean(&anomaly.message));
            put(Text::styled(RED, &told))?;
        }
    }
    Ok(())
}

/// The lines in the notation's own terms.
pub fn draw(story: &Story, lines: &[&Line]) -> Ladder {
    let mut ladder = Ladder { left: story.connection.client, right: story.connection.server, ..Ladder::default() };
    let stamps = stamps(story);
    let copied = copied(story);
    let first = story.lines.first().map_or(story.end, |l| l.time);
    let mut latest = first;
    for line in lines {
        // Capture times can go backwards; in a ladder they can't.
        latest = latest.max(line.time);
        let cell = |side: Side| Cell { states: states(line, side), believed: *line.believed.get(side), possible: None };
        let arrow = line.seen.as_ref().map(|seen| arrow(seen, &stamps, &copied));
        ladder.lines.push(Drawn {
            row: 0,
            time: latest - first,
            left: cell(Side::Client),
            arrow,
            right: cell(Side::Server),
        });
    }
    ladder
}

/// All states entered in a line, or the one that lasts.
fn states(line: &Line, side: Side) -> Vec<crate::tracker::State> {
    let entered: Vec<_> = line.turns.iter().filter(|t| t.side == side).map(|t| t.entry.state).collect();
    if entered.is_empty() { vec![*line.states.get(side)] } else { entered }
}

fn arrow(seen: &Seen, stamps: &BTreeMap<Side, u32>, copied: &[u16]) -> Arrow {
    let from = if seen.from == Side::Client { End::Left } else { End::Right };
    let mut arrow = Arrow::of(&seen.segment, from);
    arrow.seq = seen.seq;
    arrow.ack = seen.ack;
    // Only an identification that comes twice tells something.
    arrow.ip_id = arrow.ip_id.filter(|id| copied.contains(id));
    let base = |side: Side| stamps.get(&side).copied().unwrap_or(0);
    if let Some(ts) = &mut arrow.options.timestamps {
        ts.value = ts.value.wrapping_sub(base(seen.from)).wrapping_add(1);
        ts.echo = if ts.echo == 0 { 0 } else { ts.echo.wrapping_sub(base(seen.from.other())).wrapping_add(1) };
    }
    let shift = seen.ack.wrapping_sub(seen.segment.ack);
    let blocks = usize::from(arrow.options.sack_blocks).min(arrow.options.sack.len());
    for (left, right) in &mut arrow.options.sack[..blocks] {
        (*left, *right) = (left.wrapping_add(shift), right.wrapping_add(shift));
    }
    arrow
}

/// The first timestamp of each end.
fn stamps(story: &Story) -> BTreeMap<Side, u32> {
    let mut first = BTreeMap::new();
    for seen in story.lines.iter().filter_map(|l| l.seen.as_ref()) {
        if let Some(ts) = seen.segment.options.timestamps {
            first.entry(seen.from).or_insert(ts.value);
        }
    }
    first
}

/// The IPv4 identifications that more than one segment of one sender has, 0 aside.
fn copied(story: &Story) -> Vec<u16> {
    let mut seen: BTreeMap<(Side, u16), u32> = BTreeMap::new();
    let id = |segment: &Segment| segment.ip_id;
    for s in story.lines.iter().filter_map(|l| l.seen.as_ref()) {
        *seen.entry((s.from, id(&s.segment))).or_default() += 1;
    }
    seen.into_iter().filter(|((_, id), n)| *id != 0 && *n > 1).map(|((_, id), _)| id).collect()
}

/// Packet number, marks, and what is new with how it is known.
fn comment(line: &Line) -> String {
    let mut parts = Vec::new();
    if let Some(seen) = &line.seen {
        parts.push(format!("#{}", seen.segment.packet));
        parts.extend(seen.marks.iter().map(|m| m.name().to_owned()));
    }
    for side in [Side::Client, Side::Server] {
        let turns: Vec<String> =
            line.turns.iter().filter(|t| t.side == side).map(|t| entered(t, line.seen.is_none())).collect();
        if !turns.is_empty() {
            parts.push(format!("{}: {}", side.name(), turns.join(", ")));
        }
    }
    for side in [Side::Client, Side::Server] {
        if let Some(state) = line.believed.get(side) {
            parts.push(format!("{} then taken for {state}", side.name()));
        }
    }
    parts.join("; ")
}
