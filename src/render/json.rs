//! One JSON object, as the schema `tcpstate/1` says: one connection and one finding per line, so that it can be read
//! with `less`, compared with `diff` and cut with `grep` as well as with a JSON parser.

use std::io;

use serde::Serialize;

use super::RenderOptions;
use super::pen::Lines;
use super::pen::connection::End;
use super::stream::{self, Stream};
use crate::report::lone::LoneSyns;
use crate::report::{Connection, Report, SCHEMA, TOOL};

/// Writes the report.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    stream::whole(report, options, Writer::new(out)?)
}

/// What stands between two objects of a list.
const SEPARATOR: &[u8] = b",\n";

/// Writes the object to `out`: the connections as they come, then all that is known at the end.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    lines: Lines,
    /// Whether there has been a connection.
    begun: bool,
}

impl<W: io::Write> Writer<W> {
    /// One that has written the beginning.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        out.write_all(b"{\n")?;
        member(&mut out, "schema", SCHEMA)?;
        member(&mut out, "tool", &TOOL)?;
        out.write_all(b"\"connections\": [")?;
        Ok(Writer { out, lines: Lines::default(), begun: false })
    }

    /// What stands before the next connections.
    fn separator(&mut self) -> &'static [u8] {
        if std::mem::replace(&mut self.begun, true) { SEPARATOR } else { b"\n" }
    }
}

impl<W: io::Write> Stream for Writer<W> {
    const LONE_IN_SHORT: bool = false;

    fn make(made: &mut Lines, connections: &[Connection<impl End>], _lone: &LoneSyns) {
        for connection in connections {
            if !made.written().is_empty() {
                made.raw(SEPARATOR);
            }
            made.connection(connection);
        }
    }

    fn made(&mut self, made: &mut Lines) -> io::Result<()> {
        if made.written().is_empty() {
            return Ok(());
        }
        self.lines.flush(&mut self.out)?;
        let separator = self.separator();
        self.out.write_all(separator)?;
        made.flush(&mut self.out)
    }

    fn connections(&mut self, connections: &[Connection<impl End>], _lone: &LoneSyns) -> io::Result<()> {
        for connection in connections {
            let separator = self.separator();
            self.lines.raw(separator);
            self.lines.connection(connection);
            if self.lines.is_full() {
                self.lines.flush(&mut self.out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, report: &Report) -> io::Result<()> {
        self.lines.raw(if self.begun { b"\n],\n" } else { b"],\n" });
        let Writer { out, lines, .. } = self;
        lines.flush(out)?;
        member(out, "capture", &report.capture)?;
        list(out, "findings", report.findings.iter())?;
        member(out, "rollups", &report.rollups)?;
        member(out, "timing", &report.timing)?;
        out.write_all(b"\"summary\": ")?;
        serde_json::to_writer(&mut *out, &report.summary)?;
        out.write_all(b"\n}\n")?;
        out.flush()
    }
}

fn member(out: &mut impl io::Write, name: &str, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    write!(out, "\"{name}\": ")?;
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(SEPARATOR)
}

fn list<T: Serialize>(out: &mut impl io::Write, name: &str, items: impl Iterator<Item = T>) -> io::Result<()> {
    write!(out, "\"{name}\": [")?;
    let mut separator: &[u8] = b"\n";
    for item in items {
        out.write_all(separator)?;
        serde_json::to_writer(&mut *out, &item)?;
        separator = SEPARATOR;
    }
    out.write_all(if separator == b"\n" { b"],\n" } else { b"\n],\n" })
}
