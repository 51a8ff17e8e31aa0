//! Without a terminal: one JSON object per line, as it happens.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::analyze::Wanted;
use crate::cli::failure::Failure;
use crate::live::{Event, Interval, Start, Watcher};
use crate::render::ndjson;
use crate::render::pen::Lines;
use crate::report::{PerSide, SCHEMA, TOOL};
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::tracker::State;

/// Where the lines go.
pub struct Stream {
    /// As in messages.
    name: String,
    out: BufWriter<Box<dyn Write>>,
    /// Where the line of a connection is made.
    lines: Lines,
    interval: Span,
    next: Option<Time>,
    last: (Time, u64),
}

impl Stream {
    /// Lines to `path`, or to standard output.
    pub fn open(path: Option<&Path>, interval: Span) -> Result<Stream, Failure> {
        let path = path.filter(|path| path.as_os_str() != "-");
        let name = path.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
        let out: Box<dyn Write> = match path.map(std::fs::File::create) {
            Some(Ok(file)) => Box::new(file),
            Some(Err(error)) => return Err(Failure::file(&name, format!("cannot be written: {error}"))),
            None => Box::new(io::stdout()),
        };
        Ok(Stream { name, out: BufWriter::new(out), lines: Lines::default(), interval, next: None, last: (Time(0), 0) })
    }

    /// Whether there is still somebody to write for; a closed pipe is no failure.
    pub fn unless_closed(&self, result: io::Result<()>) -> Result<bool, Failure> {
        match result {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::file(&self.name, error)),
        }
    }

    /// The first line.
    pub fn start(&mut self, source: &str, time: Time, filter: Option<String>) -> io::Result<()> {
        self.line(&Start { r#type: "start", schema: SCHEMA, tool: TOOL, source, time, filter })?;
        self.out.flush()
    }

    /// What happened since the last time, and a summary line where one is due.
    pub fn update(&mut self, watcher: &mut Watcher, source: &FileInfo) -> io::Result<()> {
        let events = watcher.events();
        for event in &events {
            match event {
                // Where it is large, it is written as in reports.
                Event::Connection(connection) => {
                    self.lines.line(connection);
                    self.lines.flush(&mut self.out)?;
                }
                event => self.line(event)?,
            }
        }
        let now = watcher.now();
        match self.next {
            Some(due) if now >= due => {
                self.next = Some(now + self.interval);
                self.interval(watcher, source)?;
            }
            // The time of a pipe begins with its first packet.
            None if now > Time(0) => {
                self.next = Some(now + self.interval);
                self.last = (now, watcher.capture().packets);
            }
            _ if events.is_empty() => return Ok(()),
            _ => {}
        }
        self.out.flush()
    }

    fn interval(&mut self, watcher: &Watcher, source: &FileInfo) -> io::Result<()> {
        let (time, packets) = (watcher.now(), watcher.capture().packets);
        let seconds = (time - self.last.0).as_secs_f64();
        let rate = (packets - self.last.1) as f64 / seconds.max(1e-3);
        self.last = (time, packets);
        let by_state =
            |counts: &[u64; State::ALL.len()]| State::ALL.into_iter().zip(*counts).filter(|(_, n)| *n > 0).collect();
        let (connections, tracked) = watcher.tally();
        let now = &watcher.counts().now;
        self.line(&Interval {
            r#type: "interval",
            time,
            packets,
            packets_per_second: (rate * 10.0).round() / 10.0,
            connections,
            tracked,
            evicted: watcher.metrics().evicted,
            dropped: source.dropped,
            findings: watcher.findings().len() as u64,
            states: PerSide { client: by_state(&now.client), server: by_state(&now.server) },
        })
    }

    /// The end: the capture, the connections that are still open, findings and totals, each as `analyze` writes it.
    pub fn finish(&mut self, watcher: &Watcher, source: FileInfo) -> io::Result<()> {
        let mut lines = ndjson::Writer::new(&mut self.out);
        if watcher.is_filtered() {
            let report = watcher.report(source);
            lines.capture(report.schema, &report.tool, &report.capture)?;
            let mut open = report.connections.iter().filter(|c| !watcher.is_told(c.id));
            open.try_for_each(|c| lines.connection(c))?;
            report.findings.iter().try_for_each(|f| lines.finding(f))?;
            lines.summary(&report.summary)?;
            return lines.flush();
        }
        let mut finish = watcher.ended(source);
        lines.capture(SCHEMA, &TOOL, finish.capture())?;
        while let Some(stretch) = finish.next(Wanted { connections: true, ..Wanted::default() }) {
            let mut open = stretch.connections.iter().filter(|c| !watcher.is_told(c.id));
            open.try_for_each(|c| lines.connection(c))?;
        }
        let mut report = finish.report(Vec::new());
        watcher.complete(&mut report);
        report.findings.iter().try_for_each(|f| lines.finding(f))?;
        lines.summary(&report.summary)?;
        lines.flush()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}
