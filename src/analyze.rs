//! The pipeline: packets in, a report out.

use crate::decode::{Decoded, Decoder};
use crate::detect::{Digest, Limits, Selection, Watch};
use crate::report::{self, Capture, Report, SCHEMA, Tool, build};
use crate::segment::Segment;
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
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
    }

    /// The report on all that was taken.
    pub fn finish(mut self, files: Vec<FileInfo>) -> Report {
        self.capture.files = files;
        let profile = self.options.profile();
        let decoder = &self.decoder;
        let end = self.capture.last.unwrap_or(Time(0));
        let context = build::Context {
            end,
            profile: &profile,
            retracted: self.options.retracted,
            scope: &|id| decoder.scope(id).to_vec(),
        };
        let (tracker, watch, selection) = (&self.tracker, &self.watch, &self.options.selection);
        let mut scene = watch.scene(tracker, end, self.capture.undecoded, &profile, &self.options.limits);
        let mut tracked: Vec<_> = tracker.connections().iter().enumerate().collect();
        tracked.sort_by_key(|(_, c)| c.first_packet);
        let retracted = tracked.iter().map(|(_, c)| u64::from(c.retractions())).sum();
        let mut digests = Vec::with_capacity(tracked.len());
        let mut connections: Vec<_> = tracked
            .into_iter()
            .zip(1..)
            .map(|((index, c), id)| {
                let verdicts = c.verdicts(end, &profile);
                let mut connection = build::connection(c, id, &verdicts, &context);
                connection.anomalies = watch.anomalies((index, id), &verdicts, tracker, &scene);
                digests.push(Digest::of(&connection));
                connection
            })
            .collect();
        let findings = watch.findings(&mut scene, &mut connections, &digests, selection);
        Report {
            schema: SCHEMA,
            tool: Tool { name: "tcpstate", version: env!("CARGO_PKG_VERSION") },
            capture: self.capture,
            summary: report::totals::summary(&connections, retracted),
            connections,
            findings,
        }
    }
}
