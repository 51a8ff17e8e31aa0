//! Lines before they are written out.

use std::io;

use serde::Serialize;

use super::connection::End;
use super::number::Clock;
use super::sheet::ROOM;
use super::template::Template;
use super::{Pen, connection, findings, row, tables};
use crate::report::lone::LoneSyns;
use crate::report::rollup::Rollup;
use crate::report::timing::GroupTiming;
use crate::report::{Connection, Finding};

/// Bytes to begin with. Most reports stay below.
const LEAST: usize = 1 << 16;

/// Bytes from which on they should be written out: so many are still near when they are.
const FULL: usize = 1 << 18;

/// Text of connections and other objects, to be written out in large pieces.
#[derive(Debug, Default)]
pub struct Lines {
    /// What is written, and room behind it.
    text: Vec<u8>,
    used: usize,
    clock: Clock,
}

impl Lines {
    /// Where a line or two are written, in less room.
    pub fn of_few() -> Lines {
        Lines { text: vec![0; 2 * ROOM], ..Lines::default() }
    }

    /// What was written since it was last emptied.
    pub fn written(&self) -> &[u8] {
        &self.text[..self.used]
    }

    /// Whether it is time to write them out.
    pub fn is_full(&self) -> bool {
        self.used >= FULL
    }

    /// Forgets what was written and keeps the room.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Writes them to `out` and empties them.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn flush(&mut self, out: &mut (impl io::Write + ?Sized)) -> io::Result<()> {
        let written = out.write_all(self.written());
        self.clear();
        written
    }

    /// Adds `bytes` as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.add(|pen| pen.bytes(bytes));
    }

    /// Adds any value, slowly.
    ///
    /// # Errors
    /// When the value cannot be serialised.
    pub fn value(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.raw(&serde_json::to_vec(value)?);
        Ok(())
    }

    /// Adds the object of a connection, as it stands in the JSON format.
    pub fn connection(&mut self, c: &Connection<impl End>) {
        self.timed(|pen, clock| connection::connection(pen.put(b"{")?, c, clock));
    }

    /// Adds the line of a connection, as it stands in the NDJSON format.
    pub fn line(&mut self, c: &Connection<impl End>) {
        self.timed(|pen, clock| connection::connection(pen.put(b"{\"type\":\"connection\",")?, c, clock)?.put(b"\n"));
    }

    /// Adds the lines of `connections` and of `lone` SYNs, all in order of their numbers; `written` is told after each.
    ///
    /// # Errors
    /// Only those of `written`.
    pub fn lines(
        &mut self,
        connections: &[Connection<impl End>],
        lone: &LoneSyns,
        mut written: impl FnMut(&mut Lines) -> io::Result<()>,
    ) -> io::Result<()> {
        let templates: Vec<Template> = lone.kinds.iter().map(Template::of).collect();
        let mut connections = connections.iter().peekable();
        for (kind, syn) in &lone.syns {
            while let Some(connection) = connections.next_if(|c| c.id < syn.id) {
                self.line(connection);
                written(self)?;
            }
            self.timed(|pen, clock| templates[*kind].line(pen, syn, clock));
            written(self)?;
        }
        for connection in connections {
            self.line(connection);
            written(self)?;
        }
        Ok(())
    }

    /// Adds the row of a connection, as it stands in the CSV format.
    pub fn row(&mut self, c: &Connection<impl End>) {
        self.timed(|pen, clock| row::row(pen, c, clock));
    }

    /// Adds the line of a finding, as it stands in the NDJSON format.
    pub fn finding(&mut self, f: &Finding) {
        self.add(|pen| findings::finding(pen.put(b"{\"type\":\"finding\",")?, f)?.put(b"\n"));
    }

    /// Adds the object of a roll-up.
    pub fn rollup(&mut self, r: &Rollup) {
        self.add(|pen| findings::rollup(pen, r));
    }

    /// Adds the object of the timing of a group.
    pub fn group(&mut self, g: &GroupTiming) {
        self.add(|pen| tables::group(pen, g));
    }

    /// Adds what has times in it: they are near those of the connection before.
    fn timed(&mut self, mut write: impl for<'b> FnMut(Pen<'b>, &mut Clock) -> Option<Pen<'b>>) {
        let mut clock = self.clock;
        self.add(|pen| write(pen, &mut clock));
        self.clock = clock;
    }

    fn add(&mut self, mut write: impl for<'b> FnMut(Pen<'b>) -> Option<Pen<'b>>) {
        loop {
            let room = self.text.get_mut(self.used..).unwrap_or_default();
            let all = room.len();
            if let Some(pen) = write(Pen::new(room)) {
                self.used += all - pen.left();
                return;
            }
            // Doubled, so that a line is begun anew a few times at most.
            let more = self.text.len().max(LEAST / 2) * 2;
            self.text.resize(more, 0);
        }
    }
}
