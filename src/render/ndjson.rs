//! The objects of the JSON format one per line, each with its `type`: `connection`, `capture`, `finding`, `rollup` (two: of
//! hosts, of services), `timing`, `summary`.
//!
//! A [`Writer`] takes them one by one, so that connections can be written while others are still going on; what is known
//! at the end only comes after them.

use std::io;

use serde::Serialize;

use super::RenderOptions;
use super::pen::Lines;
use super::pen::connection::End;
use super::stream::{self, Stream};
use crate::report::lone::LoneSyns;
use crate::report::rollup::Rolled;
use crate::report::{Capture, Connection, Finding, Report, Summary, Tables, Tool};

/// One line: an object with its type in front.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line<'a> {
    /// The capture. It says what wrote it, as nothing encloses it.
    Capture {
        /// Version of the JSON shapes.
        schema: &'static str,
        /// Who wrote it.
        tool: &'a Tool,
        /// What was captured, and what was missed.
        #[serde(flatten)]
        capture: &'a Capture,
    },
    /// A connection.
    Connection(&'a Connection),
    /// A finding.
    Finding(&'a Finding),
    /// Roll-ups of hosts, or of services.
    Rollup {
        /// `host` or `service`.
        of: &'static str,
        /// What was rolled up.
        #[serde(flatten)]
        rolled: &'a Rolled,
    },
    /// Where the time went.
    Timing(&'a Tables),
    /// Totals.
    Summary(&'a Summary),
}

/// Writes the report.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    stream::whole(report, options, Writer::new(out))
}

/// Writes lines to `out` in large pieces; what it still holds goes out with [`flush`](Writer::flush) only.
///
/// The lines of a report stand in this order: each connection, the capture, each finding, the roll-ups of hosts and of
/// services, the timing tables, the totals.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    lines: Lines,
}

impl<W: io::Write> Writer<W> {
    /// One that has written nothing.
    pub fn new(out: W) -> Writer<W> {
        Writer { out, lines: Lines::default() }
    }

    /// Writes the line of the capture.
    ///
    /// # Errors
    /// Only those of the output, as of all others.
    pub fn capture(&mut self, schema: &'static str, tool: &Tool, capture: &Capture) -> io::Result<()> {
        self.line(&Line::Capture { schema, tool, capture })
    }

    /// Writes the line of a connection.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn connection(&mut self, connection: &Connection) -> io::Result<()> {
        self.lines.line(connection);
        self.relieve()
    }

    /// Writes the line of a finding.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.lines.finding(finding);
        self.relieve()
    }

    /// Writes the line of the roll-ups of one kind, `host` or `service`.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn rollup(&mut self, of: &'static str, rolled: &Rolled) -> io::Result<()> {
        let Rolled { entries, omitted } = rolled;
        self.lines.raw(format!("{{\"type\":\"rollup\",\"of\":\"{of}\",\"entries\":").as_bytes());
        self.list(entries, Lines::rollup)?;
        self.lines.raw(format!(",\"omitted\":{omitted}}}\n").as_bytes());
        self.relieve()
    }

    /// Writes the line of the timing tables.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn timing(&mut self, tables: &Tables) -> io::Result<()> {
        let Tables { all, by_server, by_client, by_pair, omitted } = tables;
        self.lines.raw(b"{\"type\":\"timing\",\"all\":");
        self.lines.group(all);
        for (name, groups) in [("by_server", by_server), ("by_client", by_client), ("by_pair", by_pair)] {
            self.lines.raw(format!(",\"{name}\":").as_bytes());
            self.list(groups, Lines::group)?;
        }
        self.lines.raw(b",\"omitted\":");
        self.lines.value(omitted)?;
        self.lines.raw(b"}\n");
        self.relieve()
    }

    /// Writes the line of the totals.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        self.line(&Line::Summary(summary))
    }

    /// Writes all that follows the connections.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn rest(&mut self, report: &Report) -> io::Result<()> {
        report.findings.iter().try_for_each(|finding| self.finding(finding))?;
        self.rollup("host", &report.rollups.hosts)?;
        self.rollup("service", &report.rollups.services)?;
        self.timing(&report.timing)?;
        self.summary(&report.summary)
    }

    /// Hands on what it holds.
    ///
    /// # Errors
    /// Only those of the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.lines.flush(&mut self.out)?;
        self.out.flush()
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.lines.value(line)?;
        self.lines.raw(b"\n");
        self.relieve()
    }

    /// A part of a line that may be long.
    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Lines, &T)) -> io::Result<()> {
        self.lines.raw(b"[");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.lines.raw(b",");
            }
            write(&mut self.lines, item);
            self.relieve()?;
        }
        self.lines.raw(b"]");
        Ok(())
    }

    fn relieve(&mut self) -> io::Result<()> {
        if self.lines.is_full() { self.lines.flush(&mut self.out) } else { Ok(()) }
    }
}

impl<W: io::Write> Stream for Writer<W> {
    const LONE_IN_SHORT: bool = true;

    fn make(made: &mut Lines, connections: &[Connection<impl End>], lone: &LoneSyns) {
        let written = made.lines(connections, lone, |_| Ok(()));
        debug_assert!(written.is_ok(), "nothing here fails");
    }

    fn made(&mut self, made: &mut Lines) -> io::Result<()> {
        self.lines.flush(&mut self.out)?;
        made.flush(&mut self.out)
    }

    fn connections(&mut self, connections: &[Connection<impl End>], lone: &LoneSyns) -> io::Result<()> {
        let Writer { out, lines } = self;
        lines.lines(connections, lone, |lines| if lines.is_full() { lines.flush(out) } else { Ok(()) })
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        self.capture(report.schema, &report.tool, &report.capture)?;
        self.rest(report)?;
        self.flush()
    }
}
