//! A connection as a row of comma-separated values, in the order of [`COLUMNS`](crate::render::csv::COLUMNS).

use std::borrow::Cow;

use super::Pen;
use super::connection::End;
use super::number::Clock;
use crate::render::clean::clean;
use crate::render::history;
use crate::report::timing::{Distribution, RoundTrips, Timing};
use crate::report::{ClosedFirst, Connection, Origin, ResetBy, Role};
use crate::time::Span;
use crate::tracker::{Evidence, State, States};

/// Writes the row and the end of its line.
pub fn row<'a, E: End>(mut pen: Pen<'a>, c: &Connection<E>, clock: &mut Clock) -> Option<Pen<'a>> {
    pen = pen.count(c.id)?;
    for end in [&c.client, &c.server] {
        pen = pen.address(end.addr)?.put(b",")?.count(end.port.into())?;
    }
    pen = pen.count(c.incarnation.into())?;
    pen = pen.word(match c.origin {
        Origin::Handshake => "handshake",
        Origin::Midstream => "midstream",
    })?;
    pen = pen.word(match c.role {
        Role::Observed => "observed",
        Role::Guessed => "guessed",
    })?;
    pen = pen.texts(c.scope.iter().map(String::as_str), " / ")?;
    pen = pen.time(c.first, clock)?.put(b",")?.time(c.last, clock)?.put(b",")?.seconds_of(c.last - c.first)?;
    for n in [c.first_packet, c.last_packet, c.packets.client, c.packets.server, c.bytes.client, c.bytes.server] {
        pen = pen.count(n)?;
    }
    pen = pen.word(c.outcome.name())?;
    pen = pen.word(c.closed_first.map_or("", ClosedFirst::name))?;
    pen = pen.word(c.reset_by.map_or("", ResetBy::name))?;
    pen = E::cells(&c.endpoints, pen, c.first)?;
    for span in [c.timing.syn_to_synack, c.timing.synack_to_ack, c.timing.handshake] {
        pen = pen.some_seconds(span)?;
    }
    pen = pen.texts(c.anomalies.iter().map(|anomaly| anomaly.name), " ")?;
    timing(pen, &c.timing)
}

/// State, possible states, evidence and history of one end: of that each state, how it is known and since when.
pub fn end<'a>(
    mut pen: Pen<'a>,
    (state, possible, evidence): (State, States, Evidence),
    history: impl Iterator<Item = (State, Evidence, Span)>,
) -> Option<Pen<'a>> {
    pen = pen.word(state.name())?;
    for (i, state) in possible.iter().enumerate() {
        pen = if i > 0 { pen.put(b"|")? } else { pen };
        pen = pen.bytes(state.name().as_bytes())?;
    }
    pen = pen.put(b",")?.word(evidence.name())?;
    for (i, (state, evidence, since)) in history.enumerate() {
        pen = pen.sheet(|sheet| {
            let sheet = if i > 0 { sheet.put(b" ") } else { sheet };
            sheet.name(state).word(history::mark(evidence)).put(b"@").span(since)
        })?;
    }
    pen.put(b",")
}

/// Columns that tell where the time went, and the end of the line.
fn timing<'a>(mut pen: Pen<'a>, t: &Timing) -> Option<Pen<'a>> {
    pen = pen.word(t.vantage.map_or("", |vantage| vantage.name()))?;
    pen = pen.count(t.syn_retries)?.some_seconds(t.syn_retry_delay)?.some_seconds(t.connect_delay)?;
    for RoundTrips { samples, .. } in [&t.rtt.client, &t.rtt.server] {
        let samples = samples.as_ref();
        pen = pen.count(samples.map_or(0, |d| d.n))?;
        for figure in [|d: &Distribution| d.min, |d: &Distribution| d.p50, |d: &Distribution| d.max] {
            pen = pen.some_seconds(samples.map(figure))?;
        }
    }
    pen = pen.count(t.ttfb.as_ref().map_or(0, |d| d.n))?;
    for distribution in [&t.ttfb, &t.server_think, &t.client_think] {
        pen = pen.some_seconds(distribution.as_ref().map(|d| d.p50))?;
    }
    pen = pen.some_seconds(t.fin_to_fin)?.some_seconds(t.close_duration)?.seconds_of(t.idle.longest)?;
    for span in [t.zero_window.client.total, t.zero_window.server.total, t.blame.network, t.blame.recovery] {
        pen = pen.seconds_of(span)?;
    }
    pen.seconds_of(t.blame.server)?.span(t.blame.client)?.put(b"\n")
}

/// Cells, each with the comma behind it.
impl Pen<'_> {
    fn count(self, n: u64) -> Option<Self> {
        self.integer(n)?.put(b",")
    }

    fn seconds_of(self, span: Span) -> Option<Self> {
        self.span(span)?.put(b",")
    }

    fn some_seconds(self, span: Option<Span>) -> Option<Self> {
        match span {
            Some(span) => self.seconds_of(span),
            None => self.put(b","),
        }
    }

    /// A word of our own.
    fn word(self, word: &str) -> Option<Self> {
        self.bytes(word.as_bytes())?.put(b",")
    }

    /// Any texts, joined.
    fn texts<'t>(self, mut texts: impl Iterator<Item = &'t str>, between: &str) -> Option<Self> {
        let Some(first) = texts.next() else { return self.put(b",") };
        let all = texts.fold(Cow::Borrowed(first), |all, text| Cow::Owned([&*all, between, text].concat()));
        let cell = text(&all);
        // As csv::QuoteStyle::Necessary.
        let pen = if cell.contains([',', '"', '\n', '\r']) {
            self.put(b"\"")?.bytes(cell.replace('"', "\"\"").as_bytes())?.put(b"\"")?
        } else {
            self.bytes(cell.as_bytes())?
        };
        pen.put(b",")
    }
}

/// Text that no spreadsheet takes for a formula and that holds no control characters.
fn text(value: &str) -> Cow<'_, str> {
    let cleaned = clean(value);
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { Cow::Owned(format!("'{cleaned}")) } else { cleaned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_becomes_a_formula() {
        assert_eq!(text("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(text("@SUM(1)"), "'@SUM(1)");
        assert_eq!(text("\tx"), "'\u{fffd}x");
        assert_eq!(text("vlan 7"), "vlan 7");
    }

    #[test]
    fn a_cell_is_quoted_where_it_must_be() {
        let written = |texts: &[&str]| {
            let mut room = [0; 64];
            let left = Pen::new(&mut room).texts(texts.iter().copied(), " / ").expect("there is room").left();
            String::from_utf8(room[..64 - left].to_vec()).expect("text")
        };
        assert_eq!(written(&[]), ",");
        assert_eq!(written(&["vlan 7", "gre"]), "vlan 7 / gre,");
        assert_eq!(written(&["a,b", "say \"x\""]), "\"a,b / say \"\"x\"\"\",");
    }
}
