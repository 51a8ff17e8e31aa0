//! The objects of the JSON format one per line, each with its `type`: `capture`, `connection`, `finding`, `rollup` (two: of
//! hosts, of services), `timing`, `summary`.
//!
//! The writers of single lines are public, so that connections can be written as soon as they end.

use std::io;

use serde::Serialize;

use super::{RenderOptions, order};
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
    capture(report.schema, &report.tool, &report.capture, out)?;
    order::for_programs(report, options).try_for_each(|c| connection(c, out))?;
    report.findings.iter().try_for_each(|f| finding(f, out))?;
    rollup("host", &report.rollups.hosts, out)?;
    rollup("service", &report.rollups.services, out)?;
    timing(&report.timing, out)?;
    summary(&report.summary, out)
}

/// Writes the line of the capture.
///
/// # Errors
/// Only those of `out`.
pub fn capture(schema: &'static str, tool: &Tool, capture: &Capture, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Capture { schema, tool, capture }, out)
}

/// Writes the line of a connection.
///
/// # Errors
/// Only those of `out`.
pub fn connection(connection: &Connection, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Connection(connection), out)
}

/// Writes the line of a finding.
///
/// # Errors
/// Only those of `out`.
pub fn finding(finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Finding(finding), out)
}

/// Writes the line of the roll-ups of one kind, `host` or `service`.
///
/// # Errors
/// Only those of `out`.
pub fn rollup(of: &'static str, rolled: &Rolled, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Rollup { of, rolled }, out)
}

/// Writes the line of the timing tables.
///
/// # Errors
/// Only those of `out`.
pub fn timing(tables: &Tables, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Timing(tables), out)
}

/// Writes the line of the totals.
///
/// # Errors
/// Only those of `out`.
pub fn summary(summary: &Summary, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Line::Summary(summary), out)
}

fn line(value: &Line<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
