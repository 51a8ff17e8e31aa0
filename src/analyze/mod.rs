//! The pipeline: packets in, a report out.

pub mod build;
mod notes;

use std::borrow::Cow;

pub use notes::Noted;

use crate::decode::{Decoded, Decoder};
use crate::detect::{Digest, Limits, Scene, Selection, Survey, View, Watch, anomalies};
use crate::report::{self, Anomaly, Capture, Connection, Report, SCHEMA, Tool};
use crate::segment::{IcmpError, Segment};
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::timing::{Measured, Vantage, table};
use crate::tracker::{self, Case, Profile, Stack, Taken, Tracker, Verdict};

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
    tracker: Tracker<Noted>,
    watch: Watch,
    capture: Capture,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Analysis {
        Analysis { profile: options.profile(), options, ..Analysis::default() }
    }

    /// The same with so few records for connections that most are packed between their segments: slower, and with the
    /// same report.
    pub fn with_records(options: Options, records: usize) -> Analysis {
        Analysis { tracker: Tracker::with_records(records), ..Analysis::new(options) }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.take(packet);
    }

    /// The same; says what became of the (last) segment in it.
    pub fn take(&mut self, packet: &Packet<'_>) -> Option<(Taken, Segment)> {
        self.capture.packets += 1;
        self.until(packet.time);
        match self.decoder.decode(packet) {
            Decoded::Segment(segment) => {
                let mut passed = (self.segment(&segment), segment);
                // An aggregated frame holds more than one.
                while let Some(segment) = self.decoder.more() {
                    passed = (self.segment(&segment), segment);
                }
                return Some(passed);
            }
            Decoded::Icmp(error) => self.icmp(&error),
            Decoded::Other => {}
            Decoded::Undecoded => self.capture.undecoded += 1,
        }
        None
    }

    /// The capture goes on at least until `time` (and begins no later).
    pub fn until(&mut self, time: Time) {
        self.capture.first = Some(self.capture.first.map_or(time, |t| t.min(time)));
        self.capture.last = Some(self.capture.last.map_or(time, |t| t.max(time)));
    }

    /// Takes one segment without its packet, in capture order.
    pub fn segment(&mut self, segment: &Segment) -> Taken {
        self.capture.tcp_segments += 1;
        self.watch.segment(segment);
        self.tracker.segment(segment)
    }

    /// Takes an ICMP error that quotes a segment.
    pub fn icmp(&mut self, error: &IcmpError) {
        self.tracker.icmp(error);
        if let Some(i) = self.tracker.latest(error.src, error.dst, error.scope) {
            self.tracker.notes_mut(i).signals.icmp(error);
        }
    }

    /// The connections so far.
    pub fn tracker(&self) -> &Tracker<Noted> {
        &self.tracker
    }

    /// What was captured so far.
    pub fn capture(&self) -> &Capture {
        &self.capture
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
        let mut survey = Survey::default();
        for i in 0..self.tracker.len() {
            let case = self.tracker.case(i);
            survey.add(&case.connection, &case.notes.signals);
        }
        self.watch.scene(survey, end, self.capture.undecoded, &self.profile, &self.options.limits)
    }

    /// What is odd about connection `index`, number `id`, with its `verdicts`.
    pub fn anomalies(&self, (index, id): (usize, u64), verdicts: &[Verdict; 2], scene: &Scene<'_>) -> Vec<Anomaly> {
        let case = self.tracker.case(index);
        let previous = self.tracker.previous(index).map(|i| self.tracker.connection(i));
        anomalies(&View {
            connection: &case.connection,
            id,
            verdicts,
            signals: &case.notes.signals,
            client: case.connection.client().0,
            previous: previous.as_deref(),
            scene,
        })
    }

    /// The report on connection `index` with its `verdicts` at `end`, as number `id`, without anomalies.
    pub fn connection(&self, at: (usize, u64), verdicts: &[Verdict; 2], end: Time) -> Connection {
        let case = self.tracker.case(at.0);
        self.built((&case.connection, at.1), &case.notes.measured, verdicts, end)
    }

    /// The same without its timing, which takes the longest.
    pub fn untimed(&self, at: (usize, u64), verdicts: &[Verdict; 2], end: Time) -> Connection {
        self.built((&self.tracker.connection(at.0), at.1), &Measured::default(), verdicts, end)
    }

    fn built(
        &self,
        (c, id): (&tracker::Connection, u64),
        measured: &Measured,
        verdicts: &[Verdict; 2],
        end: Time,
    ) -> Connection {
        let context = build::Context { scope: &|id| self.decoder.scope(id).to_vec(), ..self.context(end) };
        build::connection(c, measured, verdicts, id, &context)
    }

    fn context(&self, end: Time) -> build::Context<'_> {
        build::Context {
            end,
            profile: &self.profile,
            retracted: self.options.retracted,
            vantage: self.options.vantage,
            scope: &|_| Vec::new(),
        }
    }

    /// Forgets the connections that `keep` does not want, by index; the others move up, in their order.
    pub fn evict(&mut self, keep: &[bool]) {
        self.tracker.evict(keep);
    }

    /// The report on all that was taken.
    pub fn finish(self, files: Vec<FileInfo>) -> Report {
        self.finish_with(files, &|_| true)
    }

    /// The report on all that was taken; its timing tables are those of the connections that `timed` wants.
    pub fn finish_with(mut self, files: Vec<FileInfo>, timed: &dyn Fn(&Connection) -> bool) -> Report {
        let dropped = files.iter().filter_map(|file| file.dropped).sum();
        self.capture.files = files;
        let decoder = &self.decoder;
        let end = self.capture.last.unwrap_or(Time(0));
        let context = build::Context { scope: &|id| decoder.scope(id).to_vec(), ..self.context(end) };
        let mut scene = self.scene(end);
        scene.quality.dropped = dropped;
        let tracker = &self.tracker;
        let mut order: Vec<_> = (0..tracker.len()).collect();
        order.sort_by_key(|i| tracker.first_packet(*i));
        let mut retracted = 0;
        let mut tables = table::Builder::default();
        let mut connections = Vec::with_capacity(order.len());
        let mut digests = Vec::with_capacity(order.len());
        for (index, id) in order.into_iter().zip(1..) {
            let case: Cow<'_, Case<Noted>> = tracker.case(index);
            let (c, measured) = (&case.connection, &case.notes.measured);
            retracted += u64::from(c.retractions());
            let verdicts = c.verdicts(end, &self.profile);
            let mut connection = build::connection(c, measured, &verdicts, id, &context);
            connection.anomalies = self.anomalies((index, id), &verdicts, &scene);
            digests.push(Digest::of(&connection));
            if timed(&connection) {
                tables.add(measured, c, &verdicts, context.vantage, end);
            }
            connections.push(connection);
        }
        let findings = Watch::findings(&mut scene, &mut connections, &digests, &self.options.selection);
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
