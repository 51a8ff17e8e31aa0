//! The pipeline: packets in, a report out.

pub mod build;

use crate::decode::{Decoded, Decoder};
use crate::detect::{Digest, Limits, Selection, Watch};
use crate::report::{self, Capture, Connection, Report, SCHEMA, Tool};
use crate::segment::Segment;
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::timing::{Timing, Vantage, table};
use crate::tracker::{Profile, Stack, Tracker};

/// What can be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose timers to assume.
    pub stack: Stack,
    /// MSL to assume instead of the stack's.
    pub msl: Option<Span>,
    /// List what was believed and disproved.
    pub retracted: bool,
    /// Thresholds of the detectors.
    pub limits: Limits,
    /// Which anomalies to look for.
    pub selection: Selection,
    /// Where the tap was, instead of an estimate for each connection.
    pub vantage: Option<Vantage>,
}

impl Options {
    /// The timers that follow from them.
    pub fn profile(&self) -> Profile {
        let mut profile = self.stack.profile();
        if let Some(msl) = self.msl {
            profile.two_msl = Span(msl.0.saturating_mul(2));
        }
        profile
    }
}

/// One analysis in progress.
#[derive(Debug, Default)]
pub struct Analysis {
    options: Options,
    decoder: Decoder,
    tracker: Tracker,
    watch: Watch,
    timing: Timing,
    capture: Capture,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Analysis {
        Analysis { options, ..Analysis::default() }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let time = packet.time;
        self.capture.packets += 1;
        self.capture.first = Some(self.capture.first.map_or(time, |t| t.min(time)));
        self.capture.last = Some(self.capture.last.map_or(time, |t| t.max(time)));
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                self.segment(&segment);
                // An aggregated frame holds more than one.
                while let Some(segment) = self.decoder.more() {
                    self.segment(&segment);
                }
            }
            Decoded::Icmp(error) => {
                self.tracker.icmp(&error);
                self.watch.icmp(&error, &self.tracker);
            }
            Decoded::Other => {}
            Decoded::Undecoded => self.capture.undecoded += 1,
        }
    }

    fn segment(&mut self, segment: &Segment) {
        self.capture.tcp_segments += 1;
        let taken = self.tracker.segment(segment);
        self.watch.segment(&taken, segment, &self.tracker);
        self.timing.segment(&taken, segment, self.tracker.connections());
    }

    /// The report on all that was taken.
    pub fn finish(self, files: Vec<FileInfo>) -> Report {
        self.finish_with(files, &|_| true)
    }

    /// The report on all that was taken; its timing tables are those of the connections that `timed` wants.
    pub fn finish_with(mut self, files: Vec<FileInfo>, timed: &dyn Fn(&Connection) -> bool) -> Report {
        self.capture.files = files;
        let profile = self.options.profile();
        let decoder = &self.decoder;
        let end = self.capture.last.unwrap_or(Time(0));
        let context = build::Context {
            end,
            profile: &profile,
            retracted: self.options.retracted,
            vantage: self.options.vantage,
            scope: &|id| decoder.scope(id).to_vec(),
        };
        let (tracker, watch, selection) = (&self.tracker, &self.watch, &self.options.selection);
        let mut scene = watch.scene(tracker, end, self.capture.undecoded, &profile, &self.options.limits);
        let mut tracked: Vec<_> = tracker.connections().iter().enumerate().collect();
        tracked.sort_by_key(|(_, c)| c.first_packet);
        let retracted = tracked.iter().map(|(_, c)| u64::from(c.retractions())).sum();
        let mut tables = table::Builder::default();
        let mut connections = Vec::with_capacity(tracked.len());
        let mut digests = Vec::with_capacity(tracked.len());
        for ((index, c), id) in tracked.into_iter().zip(1..) {
            let measured = &self.timing.take(index);
            let verdicts = c.verdicts(end, &profile);
            let mut connection = build::connection(c, measured, &verdicts, id, &context);
            connection.anomalies = watch.anomalies((index, id), &verdicts, tracker, &scene);
            digests.push(Digest::of(&connection));
            if timed(&connection) {
                tables.add(measured, c, &verdicts, context.vantage, end);
            }
            connections.push(connection);
        }
        let findings = watch.findings(&mut scene, &mut connections, &digests, selection);
        Report {
            schema: SCHEMA,
            tool: Tool { name: "tcpstate", version: env!("CARGO_PKG_VERSION") },
            capture: self.capture,
            rollups: report::rollup::rollups(&connections, &findings),
            summary: report::totals::summary(&connections, retracted),
            connections,
            findings,
            timing: tables.finish(),
        }
    }
}
