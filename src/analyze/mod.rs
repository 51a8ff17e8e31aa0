//! The pipeline: packets in, a report out.

pub mod build;

use crate::decode::{Decoded, Decoder};
use crate::detect::{Digest, Limits, Scene, Selection, Watch};
use crate::report::{self, Capture, Connection, Report, SCHEMA, Tool};
use crate::segment::Segment;
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::timing::{Measured, Timing, Vantage, table};
use crate::tracker::{Profile, Stack, Taken, Tracker, Verdict};

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
    profile: Profile,
    decoder: Decoder,
    tracker: Tracker,
    watch: Watch,
    timing: Timing,
    capture: Capture,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Analysis {
        Analysis { profile: options.profile(), options, ..Analysis::default() }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.take(packet);
    }

    /// The same; says what became of the (last) segment in it.
    pub fn take(&mut self, packet: &Packet<'_>) -> Option<(Taken, Segment)> {
        let time = packet.time;
        self.capture.packets += 1;
        self.capture.first = Some(self.capture.first.map_or(time, |t| t.min(time)));
        self.capture.last = Some(self.capture.last.map_or(time, |t| t.max(time)));
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                let mut passed = (self.segment(&segment), segment);
                // An aggregated frame holds more than one.
                while let Some(segment) = self.decoder.more() {
                    passed = (self.segment(&segment), segment);
                }
                return Some(passed);
            }
            Decoded::Icmp(error) => {
                self.tracker.icmp(&error);
                self.watch.icmp(&error, &self.tracker);
            }
            Decoded::Other => {}
            Decoded::Undecoded => self.capture.undecoded += 1,
        }
        None
    }

    /// The connections so far.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What was captured so far.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Signals of the connections so far.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Which anomalies are looked for.
    pub fn selection(&self) -> &Selection {
        &self.options.selection
    }

    /// The timers assumed.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What is known of the capture at `end`.
    pub fn scene(&self, end: Time) -> Scene<'_> {
        self.watch.scene(&self.tracker, end, self.capture.undecoded, &self.profile, &self.options.limits)
    }

    /// The report on connection `index` with its `verdicts` at `end`, as number `id`, without anomalies.
    pub fn connection(&self, at: (usize, u64), verdicts: &[Verdict; 2], end: Time) -> Connection {
        match self.timing.get(at.0) {
            Some(measured) => self.built(at, measured, verdicts, end),
            None => self.untimed(at, verdicts, end),
        }
    }

    /// The same without its timing, which takes the longest.
    pub fn untimed(&self, at: (usize, u64), verdicts: &[Verdict; 2], end: Time) -> Connection {
        self.built(at, &Measured::default(), verdicts, end)
    }

    fn built(&self, (index, id): (usize, u64), measured: &Measured, verdicts: &[Verdict; 2], end: Time) -> Connection {
        let context = build::Context {
            end,
            profile: &self.profile,
            retracted: self.options.retracted,
            vantage: self.options.vantage,
            scope: &|id| self.decoder.scope(id).to_vec(),
        };
        build::connection(&self.tracker.connections()[index], measured, verdicts, id, &context)
    }

    /// Forgets the connections that `keep` does not want, by index; the others move up, in their order.
    pub fn evict(&mut self, keep: &[bool]) {
        self.tracker.evict(keep);
        self.watch.evict(keep);
        self.timing.evict(keep);
    }

    fn segment(&mut self, segment: &Segment) -> Taken {
        self.capture.tcp_segments += 1;
        let taken = self.tracker.segment(segment);
        self.watch.segment(&taken, segment, &self.tracker);
        self.timing.segment(&taken, segment, self.tracker.connections());
        taken
    }

    /// The report on all that was taken.
    pub fn finish(self, files: Vec<FileInfo>) -> Report {
        self.finish_with(files, &|_| true)
    }

    /// The report on all that was taken; its timing tables are those of the connections that `timed` wants.
    pub fn finish_with(mut self, files: Vec<FileInfo>, timed: &dyn Fn(&Connection) -> bool) -> Report {
        let dropped = files.iter().filter_map(|file| file.dropped).sum();
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
        scene.quality.dropped = dropped;
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
            digests.push(Digest::of(&connection, &scene));
            if timed(&connection) {
                tables.add(measured, c, &verdicts, context.vantage, end);
            }
            connections.push(connection);
        }
        let findings = watch.findings(&mut scene, &mut connections, &digests, selection);
        (self.capture.bytes, self.capture.missing_bytes) = (scene.quality.unique, scene.quality.missing);
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
