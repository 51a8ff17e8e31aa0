//! One JSON object, as the schema `tcpstate/1` says: one connection and one finding per line, so that it can be read
//! with `less`, compared with `diff` and cut with `grep` as well as with a JSON parser.

use std::io;

use serde::Serialize;

use super::pen::Lines;
use super::{RenderOptions, order};
use crate::report::{Connection, Report};

/// Writes the report.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"{\n")?;
    member(out, "schema", report.schema)?;
    member(out, "tool", &report.tool)?;
    member(out, "capture", &report.capture)?;
    connections(out, order::for_programs(report, options))?;
    list(out, "findings", report.findings.iter())?;
    member(out, "rollups", &report.rollups)?;
    member(out, "timing", &report.timing)?;
    out.write_all(b"\"summary\": ")?;
    serde_json::to_writer(&mut *out, &report.summary)?;
    out.write_all(b"\n}\n")
}

fn member(out: &mut dyn io::Write, name: &str, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    write!(out, "\"{name}\": ")?;
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b",\n")
}

fn connections<'a>(out: &mut dyn io::Write, all: impl Iterator<Item = &'a Connection>) -> io::Result<()> {
    out.write_all(b"\"connections\": [")?;
    let mut lines = Lines::default();
    let mut separator: &[u8] = b"\n";
    for connection in all {
        lines.raw(separator);
        lines.connection(connection);
        separator = b",\n";
        if lines.is_full() {
            lines.flush(out)?;
        }
    }
    lines.raw(if separator == b"\n" { b"],\n" } else { b"\n],\n" });
    lines.flush(out)
}

fn list<T: Serialize>(out: &mut dyn io::Write, name: &str, items: impl Iterator<Item = T>) -> io::Result<()> {
    write!(out, "\"{name}\": [")?;
    let mut separator: &[u8] = b"\n";
    for item in items {
        out.write_all(separator)?;
        serde_json::to_writer(&mut *out, &item)?;
        separator = b",\n";
    }
    out.write_all(if separator == b"\n" { b"],\n" } else { b"\n],\n" })
}
