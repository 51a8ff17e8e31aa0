//! The ladder in the notation of [`crate::ladder`], which tests read: what that has no words for stands in comments.
//! Where a page is too narrow, comments stand below their line; where it is still too narrow, so do most fields, and what
//! is left is no longer in the notation.
//!
//! Numbers count from each end's first; times from the first packet. Timestamps count from each end's first, too.

use std::collections::BTreeMap;
use std::io;

use super::brief::{self, below};
use super::{Looks, entered, left_out};
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
pub fn render(story: &Story, looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = fold(&story.lines, looks.full);
    let lines: Vec<&Line> = shown.iter().filter_map(|l| l.as_ref().ok().copied()).collect();
    let ladder = draw(story, &lines);
    let width = looks.width.unwrap_or(usize::MAX);
    let (rows, notation) = rows(&ladder, &lines, width);
    let c = &story.connection;
    let mut put = |texts: Vec<Text>| texts.iter().try_for_each(|text| text.line(out, looks.colour));
    let head = |style, text: &str| below(text, style, "# ", width);
    let title = format!("connection {}: {}, {}", c.id, facts::endpoints(c), facts::fate(c));
    put(head(BOLD, &title))?;
    for line in if notation { NOTATION } else { BRIEF } {
        put(head(DIM, line))?;
    }
    put(vec![Text::plain(&format!("left {}", c.client)), Text::plain(&format!("right {}", c.server))])?;
    let mut rows = rows.into_iter();
    for line in shown {
        let line = match line {
            Ok(line) => line,
            Err(folded) => {
                put(below(&left_out(&folded), DIM, "#  ", width))?;
                continue;
            }
        };
        let Some(row) = rows.next() else { break };
        put(row)?;
        for anomaly in &line.anomalies {
            let who = anomaly.endpoint.map(|s| format!(" ({})", s.name())).unwrap_or_default();
            let told = format!("! {} {}{who}: {}", anomaly.code, anomaly.name, clean(&anomaly.message));
            put(below(&told, RED, "#  ", width))?;
        }
    }
    Ok(())
}

/// How to read it.
const NOTATION: &[&str] = &[
    "left: client; right: server; the state in a cell is what the whole capture says of that line,",
    "(STATE) what was believed then and taken back later; behind #: packet, what is new and how it is known",
];

/// The same where most stands below the lines.
const BRIEF: &[&str] = &[
    "left: client; right: server, each with its state after the segment, as the whole capture says",
    "below, behind #: packet, what is new and how it is known, what was believed then and taken back later, fields",
];

/// The lines, each with its comment behind it or below, and whether they are in the notation.
fn rows(ladder: &Ladder, lines: &[&Line], width: usize) -> (Vec<Vec<Text>>, bool) {
    let plain: Vec<String> = ladder.rows().iter().map(|row| row.trim_end().to_owned()).collect();
    let wide = |row: &str| row.chars().count();
    let comments: Vec<String> = lines.iter().map(|line| comment(line)).collect();
    let behind = |comment: &str| if comment.is_empty() { String::new() } else { format!("  # {comment}") };
    let (mut one_line, mut beneath) = (true, true);
    for (row, comment) in plain.iter().zip(&comments) {
        one_line &= wide(row) + wide(&behind(comment)) <= width;
        beneath &= wide(row) <= width;
    }
    if !beneath {
        return (brief::rows(ladder, lines, width), false);
    }
    let rows = plain.iter().zip(&comments).zip(lines).map(|((row, comment), line)| {
        let text = Text::styled(style(line), row);
        if one_line || comment.is_empty() {
            return vec![text.with(DIM, &behind(comment))];
        }
        std::iter::once(text).chain(below(comment, DIM, "", width)).collect()
    });
    (rows.collect(), true)
}

/// Red where something is wrong, yellow where something was believed wrongly.
pub(super) fn style(line: &Line) -> anstyle::Style {
    let retracted = line.believed.client.is_some() || line.believed.server.is_some();
    match (line.anomalies.is_empty(), retracted) {
        (false, _) => RED,
        (_, true) => YELLOW,
        _ => anstyle::Style::new(),
    }
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
pub(super) fn comment(line: &Line) -> String {
    let mut parts = Vec::new();
    if let Some(seen) = &line.seen {
        parts.push(format!("#{}", seen.segment.packet));
        parts.extend(seen.marks.iter().map(|m| m.name().to_owned()));
    }
    for side in Side::ALL {
        let turns: Vec<String> =
            line.turns.iter().filter(|t| t.side == side).map(|t| entered(t, line.seen.is_none())).collect();
        if !turns.is_empty() {
            parts.push(format!("{}: {}", side.name(), turns.join(", ")));
        }
    }
    for side in Side::ALL {
        if let Some(state) = line.believed.get(side) {
            parts.push(format!("{} then taken for {state}", side.name()));
        }
    }
    parts.join("; ")
}
