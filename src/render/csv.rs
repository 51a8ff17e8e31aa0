//! One row per connection, with the columns of [`COLUMNS`]. Times and durations are seconds with nine decimals, as in
//! JSON; a cell is empty where the value is not known.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula. Text that
//! begins so gets a `'` in front; numbers are left alone.

use std::io;

use super::RenderOptions;
use super::pen::Lines;
use super::pen::connection::End;
use super::stream::{self, Stream};
use crate::report::lone::LoneSyns;
use crate::report::{Connection, Report};

/// Name and meaning of each column, in order.
pub const COLUMNS: [(&str, &str); 58] = [
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
    ("reset_by", "of what was reset: client, server, or between; or empty"),
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
    stream::whole(report, options, Writer::new(out))
}

/// Writes a row of another table; what goes wrong is what went wrong with the output, a closed pipe too.
pub(super) fn record<T: AsRef<[u8]>>(
    writer: &mut csv::Writer<impl io::Write>,
    cells: impl IntoIterator<Item = T>,
) -> io::Result<()> {
    writer.write_record(cells).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

/// Writes the header and rows to `out`.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    lines: Lines,
}

impl<W: io::Write> Writer<W> {
    /// One that has written nothing but the header.
    pub fn new(out: W) -> Writer<W> {
        let mut lines = Lines::default();
        lines.raw(COLUMNS.map(|(name, _)| name).join(",").as_bytes());
        lines.raw(b"\n");
        Writer { out, lines }
    }
}

impl<W: io::Write> Stream for Writer<W> {
    const LONE_IN_SHORT: bool = false;
    const FINDINGS: usize = 0;

    fn make(made: &mut Lines, connections: &[Connection<impl End>], _lone: &LoneSyns) {
        connections.iter().for_each(|connection| made.row(connection));
    }

    fn made(&mut self, made: &mut Lines) -> io::Result<()> {
        self.lines.flush(&mut self.out)?;
        made.flush(&mut self.out)
    }

    fn connections(&mut self, connections: &[Connection<impl End>], lone: &LoneSyns) -> io::Result<()> {
        Self::make(&mut self.lines, connections, lone);
        if self.lines.is_full() { self.lines.flush(&mut self.out) } else { Ok(()) }
    }

    fn end(&mut self, _report: &Report) -> io::Result<()> {
        self.lines.flush(&mut self.out)?;
        self.out.flush()
    }
}
