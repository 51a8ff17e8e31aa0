//! The objects of the JSON format one per line, each with its `type`: `capture`, `connection`, `finding`, `rollup` (two: of hosts, of services), `timing`, `summary`.
//!
//! The writers of single lines are public, so that connections can be written as soon as they end.

use std::io;

use serde::Serialize;

use super::{RenderOptions, order};
use crate::report::rollup::Rolled;
use crate::report::{Capture, Connection, Finding, Report, Summary, Tables, Tool};

/// An object with its type in front.
#[derive(Serialize)]
struct Typed<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// The capture's line says what wrote it, as nothing encloses it.
#[derive(Serialize)]
struct Opening<'a> {
    r#type: &'static str,
    schema: &'static str,
    tool: &'a Tool,
    #[serde(flatten)]
    capture: &'a Capture,
}

/// Roll-ups say of what they are.
#[derive(Serialize)]
struct RollupLine<'a> {
    r#type: &'static str,
    of: &'static str,
    #[serde(flatten)]
    rolled: &'a Rolled,
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
    line(&Opening { r#type: "capture", schema, tool, capture }, out)
}

/// Writes the line of a connection.
///
/// # Errors
/// Only those of `out`.
pub fn connection(connection: &Connection, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Typed { r#type: "connection", body: connection }, out)
}

/// Writes the line of a finding.
///
/// # Errors
/// Only those of `out`.
pub fn finding(finding: &Finding, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Typed { r#type: "finding", body: finding }, out)
}

/// Writes the line of the roll-ups of one kind, `host` or `service`.
///
/// # Errors
/// Only those of `out`.
pub fn rollup(of: &'static str, rolled: &Rolled, out: &mut dyn io::Write) -> io::Result<()> {
    line(&RollupLine { r#type: "rollup", of, rolled }, out)
}

/// Writes the line of the timing tables.
///
/// # Errors
/// Only those of `out`.
pub fn timing(tables: &Tables, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Typed { r#type: "timing", body: tables }, out)
}

/// Writes the line of the totals.
///
/// # Errors
/// Only those of `out`.
pub fn summary(summary: &Summary, out: &mut dyn io::Write) -> io::Result<()> {
    line(&Typed { r#type: "summary", body: summary }, out)
}

fn line(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
