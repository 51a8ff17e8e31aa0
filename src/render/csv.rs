//! One row per connection, with the columns of [`COLUMNS`]. Times and durations are seconds with nine decimals, as in
//! JSON; a cell is empty where the value is not known.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula. Text that
//! begins so gets a `'` in front; numbers are left alone.

use std::borrow::Cow;
use std::io;

use super::clean::clean;
use super::{RenderOptions, history, order};
use crate::report::timing::{Distribution, RoundTrips, Timing};
use crate::report::{Connection, Endpoint, Report, Side};
use crate::time::Time;

/// Name and meaning of each column, in order.
pub const COLUMNS: [(&str, &str); 57] = [
    ("id", "number of the connection, by first packet"),
    ("client_addr", "who sent the first SYN; midstream, the best guess"),
    ("client_port", ""),
    ("server_addr", "the other end"),
    ("server_port", ""),
    ("incarnation", "2, 3… when the same four-tuple is used again"),
    ("origin", "handshake or midstream"),
    ("role", "whether who is the client was observed or guessed"),
    ("scope", "VLAN and tunnel ids, outermost first, joined by a blank and a slash"),
    ("first", "time of its first packet, seconds since 1970"),
    ("last", "time of its last packet"),
    ("duration", "last - first, seconds"),
    ("first_packet", "number of its first packet"),
    ("last_packet", "number of its last packet"),
    ("client_packets", "segments sent by the client, every captured copy counted"),
    ("server_packets", "segments sent by the server"),
    ("client_bytes", "payload bytes sent by the client, every captured copy counted"),
    ("server_bytes", "payload bytes sent by the server"),
    ("outcome", "closed, reset, refused, unanswered, half-open, half-closed, open, unknown"),
    ("closed_first", "client, server, both, or empty"),
    ("client_state", "at the end of the capture"),
    ("client_possible", "all states that the capture allows, joined by |"),
    ("client_evidence", "how the final state is known"),
    ("client_history", "each state entered, @ seconds after first, and ? inferred, ~ assumed, * timer"),
    ("server_state", "at the end of the capture"),
    ("server_possible", "all states that the capture allows, joined by |"),
    ("server_evidence", "how the final state is known"),
    ("server_history", "as client_history"),
    ("syn_to_synack", "seconds"),
    ("synack_to_ack", "seconds"),
    ("handshake", "seconds"),
    ("anomalies", "names, joined by a blank"),
    ("vantage", "where the tap was: client, server, middle"),
    ("syn_retries", "SYNs sent again"),
    ("syn_retry_delay", "seconds from the first SYN to the one answered"),
    ("connect_delay", "seconds from the first SYN to the client's ACK"),
    ("rtt_client_n", "samples of the round trip between tap and client"),
    ("rtt_client_min", "seconds"),
    ("rtt_client_p50", "seconds"),
    ("rtt_client_max", "seconds"),
    ("rtt_server_n", "samples of the round trip between tap and server"),
    ("rtt_server_min", "seconds"),
    ("rtt_server_p50", "seconds"),
    ("rtt_server_max", "seconds"),
    ("turns", "requests that were answered, as far as measured"),
    ("ttfb_p50", "seconds from request to answer"),
    ("server_think_p50", "seconds, the round trip to the server taken off"),
    ("client_think_p50", "seconds, the round trip to the client taken off"),
    ("fin_to_fin", "seconds"),
    ("close_duration", "seconds"),
    ("idle_longest", "seconds"),
    ("zero_window_client", "seconds in which the client's window was closed"),
    ("zero_window_server", "seconds in which the server's window was closed"),
    ("time_network", "seconds given to the network"),
    ("time_recovery", "seconds given to recovery from loss"),
    ("time_server", "seconds given to the server"),
    ("time_client", "seconds given to the client"),
];

/// Writes the header and a row per connection.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.map(|(name, _)| name)).map_err(cause)?;
    for connection in order::for_programs(report, options) {
        writer.write_record(row(connection)).map_err(cause)?;
    }
    writer.flush()
}

/// The error of the writer below, of its own kind: a closed pipe must stay one.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The cells of a connection, in the order of [`COLUMNS`].
fn row(c: &Connection) -> Vec<String> {
    identity(c).into_iter().chain(timing(&c.timing)).collect()
}

/// Columns that tell where the time went.
fn timing(t: &Timing) -> [String; 25] {
    let seconds = |span: Option<crate::time::Span>| span.map(|s| s.to_string()).unwrap_or_default();
    let trips = |r: &RoundTrips| {
        let d = r.samples.as_ref();
        let n = d.map_or(0, |d| d.n).to_string();
        [n, seconds(d.map(|d| d.min)), seconds(d.map(|d| d.p50)), seconds(d.map(|d| d.max))]
    };
    let median = |d: &Option<Distribution>| seconds(d.as_ref().map(|d| d.p50));
    let [a, b, c, d] = trips(&t.rtt.client);
    let [e, f, g, h] = trips(&t.rtt.server);
    [
        t.vantage.map(|v| v.name().to_owned()).unwrap_or_default(),
        t.syn_retries.to_string(),
        seconds(t.syn_retry_delay),
        seconds(t.connect_delay),
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        t.ttfb.as_ref().map_or(0, |d| d.n).to_string(),
        median(&t.ttfb),
        median(&t.server_think),
        median(&t.client_think),
        seconds(t.fin_to_fin),
        seconds(t.close_duration),
        t.idle.longest.to_string(),
        t.zero_window.client.total.to_string(),
        t.zero_window.server.total.to_string(),
        t.blame.network.to_string(),
        t.blame.recovery.to_string(),
        t.blame.server.to_string(),
        t.blame.client.to_string(),
    ]
}

/// Who, when, how much, and what became of it.
fn identity(c: &Connection) -> [String; 32] {
    let seconds = |span: Option<crate::time::Span>| span.map(|s| s.to_string()).unwrap_or_default();
    let [client_state, client_possible, client_evidence, client_history] = end(c, Side::Client);
    let [server_state, server_possible, server_evidence, server_history] = end(c, Side::Server);
    [
        c.id.to_string(),
        text(&c.client.addr.to_string()),
        c.client.port.to_string(),
        text(&c.server.addr.to_string()),
        c.server.port.to_string(),
        c.incarnation.to_string(),
        word(&c.origin),
        word(&c.role),
        text(&c.scope.join(" / ")),
        c.first.to_string(),
        c.last.to_string(),
        (c.last - c.first).to_string(),
        c.first_packet.to_string(),
        c.last_packet.to_string(),
        c.packets.client.to_string(),
        c.packets.server.to_string(),
        c.bytes.client.to_string(),
        c.bytes.server.to_string(),
        c.outcome.name().to_owned(),
        c.closed_first.as_ref().map(word).unwrap_or_default(),
        client_state,
        client_possible,
        client_evidence,
        client_history,
        server_state,
        server_possible,
        server_evidence,
        server_history,
        seconds(c.timing.syn_to_synack),
        seconds(c.timing.synack_to_ack),
        seconds(c.timing.handshake),
        text(&c.anomalies.iter().map(|anomaly| anomaly.name).collect::<Vec<_>>().join(" ")),
    ]
}

/// State, possible states, evidence and history of one end.
fn end(c: &Connection, side: Side) -> [String; 4] {
    let endpoint = c.endpoints.get(side);
    let possible = endpoint.possible.iter().map(|state| state.name()).collect::<Vec<_>>().join("|");
    [endpoint.state.to_string(), possible, endpoint.evidence.name().to_owned(), path(endpoint, c.first)]
}

fn path(endpoint: &Endpoint, first: Time) -> String {
    let entry = |entry: &crate::report::Entry| {
        format!("{}{}@{}", entry.state, history::mark(entry.evidence), entry.time - first)
    };
    endpoint.history.iter().map(entry).collect::<Vec<_>>().join(" ")
}

/// A unit variant by its name in JSON.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Text that no spreadsheet takes for a formula and that holds no control characters.
fn text(value: &str) -> String {
    let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    match clean(value) {
        Cow::Borrowed(value) => format!("{guard}{value}"),
        Cow::Owned(value) => format!("{guard}{value}"),
    }
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
}
