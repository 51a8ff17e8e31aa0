//! One connection in full: its times, and each entry of its histories with cause, packet, evidence and rule.

use std::io;

use super::Page;
use crate::render::ends::{losses, seen};
use crate::render::history::mark;
use crate::render::text::{DIM, Text, YELLOW, wrap};
use crate::render::units::{Zone, clock, count, packets, plural, span};
use crate::report::{Connection, Endpoint, Entry, Side};
use crate::time::Span;

/// Column where entries begin.
const INDENT: usize = 6;

/// The widest transition, `ESTABLISHED → CLOSE_WAIT`, with its mark.
const TRANSITION: usize = 25;

/// Writes packets and times, and what the handshake tells.
pub fn times(c: &Connection, zone: Zone, page: &mut Page<'_>) -> io::Result<()> {
    let (first, last) = (clock(c.first, zone), clock(c.last, zone));
    let times = if c.first == c.last { first } else { format!("{first} to {last}") };
    let packets = format!(
        "{}, {times}; client sent {}, server {}",
        packets((c.first_packet, c.last_packet)),
        plural(c.packets.client, "segment"),
        count(c.packets.server),
    );
    page.prose(Text::plain("    "), 4, &Text::plain(&packets))?;
    let part = |name: &str, time: Option<Span>| time.map(|time| format!("{name} {}", span(time)));
    let timing = [
        part("handshake", c.timing.handshake),
        part("SYN to SYN-ACK", c.timing.syn_to_synack),
        part("SYN-ACK to ACK", c.timing.synack_to_ack),
    ];
    let timing: Vec<String> = timing.into_iter().flatten().collect();
    if let Some(path) = &c.path {
        let ways = [losses(&path.client, Side::Server), losses(&path.server, Side::Client)];
        page.prose(Text::plain("    "), 4, &Text::plain(&ways.join(" · ")))?;
    }
    if !timing.is_empty() {
        page.prose(Text::plain("    "), 4, &Text::plain(&timing.join(", ")))?;
    }
    crate::render::timing::connection(c)
        .iter()
        .try_for_each(|line| page.prose(Text::plain("    "), 4, &Text::plain(line)))
}

/// Writes one line per entry; what was disproved comes after, apart.
pub fn entries(connection: &Connection, endpoint: &Endpoint, page: &mut Page<'_>) -> io::Result<()> {
    let mut all = endpoint.history.iter().chain(&endpoint.retracted);
    // Nanoseconds are shown only where there are any.
    let fine = |entry: &Entry| (entry.captured.unwrap_or(entry.time) - connection.first).0 % 1_000 != 0;
    let digits = if all.any(fine) { 9 } else { 6 };
    endpoint.history.iter().try_for_each(|entry| one(connection, entry, digits, page))?;
    if !endpoint.retracted.is_empty() {
        page.line(&Text::plain(&" ".repeat(INDENT)).and("believed, then disproved:"))?;
    }
    endpoint.retracted.iter().try_for_each(|entry| one(connection, entry, digits, page))
}

fn one(connection: &Connection, entry: &Entry, digits: usize, page: &mut Page<'_>) -> io::Result<()> {
    let head =
        Text::plain(&" ".repeat(INDENT)).with(DIM, &format!("{:>16}", offset(entry.time - connection.first, digits)));
    let transition = Text::plain(&format!("{} → {}", entry.from, entry.state)).with(YELLOW, mark(entry.evidence));
    let head = head.and("  ").then(&transition.pad(TRANSITION)).and("  ");
    let mut known = entry.evidence.name().to_owned();
    if let Some(proof) = entry.proven_by {
        known.push_str(&format!(" by packet {proof}"));
    }
    // Where the tap is far from the endpoint, the packet passed it at another time.
    let captured = entry.captured.map(|time| format!(" at {}", offset(time - connection.first, digits)));
    let captured = captured.unwrap_or_default();
    let shown = if entry.deduced { "shown by " } else { "" };
    let packet = entry.packet.map(|n| Text::plain(&format!("{shown}packet {n}{captured}")));
    let items: Vec<Text> = std::iter::once(Text::plain(entry.cause))
        .chain(packet)
        .chain(seen(entry).map(|text| Text::styled(DIM, &text)))
        .chain([Text::plain(&known), Text::styled(DIM, entry.rule)])
        .collect();
    page.lines(&wrap(head, INDENT + 18, &items, " · ", page.width))
}

/// Seconds after the first packet, with so many decimals.
fn offset(span: Span, digits: usize) -> String {
    let sign = if span.0 < 0 { '-' } else { '+' };
    let nanos = span.0.unsigned_abs();
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    format!("{sign}{}.{} s", nanos / 1_000_000_000, &fraction[..digits])
}
