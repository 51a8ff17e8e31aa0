//! The pipeline: packets in, a report out.

use crate::decode::{Decoded, Decoder};
use crate::report::{self, Capture, Report, SCHEMA, Tool, build};
use crate::segment::Segment;
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::tracker::{Profile, Stack, Taken, Tracker};

/// What can be chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whose timers to assume.
    pub stack: Stack,
    /// MSL to assume instead of the stack's.
    pub msl: Option<Span>,
    /// List what was believed and disproved.
    pub retracted: bool,
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
    capture: Capture,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(options: Options) -> Analysis {
        Analysis { options, ..Analysis::default() }
    }

    /// Takes one packet, in capture order; says what became of the (last) segment in it.
    pub fn packet(&mut self, packet: &Packet<'_>) -> Option<(Taken, Segment)> {
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
            Decoded::Icmp(error) => self.tracker.icmp(&error),
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

    /// The report on connection `index` as it stands at `end`, as number `id`.
    pub fn connection(&self, index: usize, id: u64, end: Time) -> report::Connection {
        let profile = self.options.profile();
        let context = build::Context {
            end,
            profile: &profile,
            retracted: self.options.retracted,
            scope: &|id| self.decoder.scope(id).to_vec(),
        };
        build::connection(&self.tracker.connections()[index], id, &context)
    }

    /// Forgets the connections that `keep` does not want, by index; the others move up, in their order.
    pub fn evict(&mut self, keep: &[bool]) {
        self.tracker.evict(keep);
    }

    fn segment(&mut self, segment: &Segment) -> Taken {
        self.capture.tcp_segments += 1;
        self.tracker.segment(segment)
    }

    /// The report on all that was taken.
    pub fn finish(&self, files: Vec<FileInfo>) -> Report {
        let profile = self.options.profile();
        let decoder = &self.decoder;
        let context = build::Context {
            end: self.capture.last.unwrap_or(Time(0)),
            profile: &profile,
            retracted: self.options.retracted,
            scope: &|id| decoder.scope(id).to_vec(),
        };
        let mut tracked: Vec<_> = self.tracker.connections().iter().collect();
        tracked.sort_by_key(|c| c.first_packet);
        let retracted = tracked.iter().map(|c| u64::from(c.retractions())).sum();
        let connections: Vec<_> =
            tracked.into_iter().zip(1..).map(|(c, id)| build::connection(c, id, &context)).collect();
        Report {
            schema: SCHEMA,
            tool: Tool { name: "tcpstate", version: env!("CARGO_PKG_VERSION") },
            capture: Capture { files, ..self.capture.clone() },
            summary: report::totals::summary(&connections, retracted),
            connections,
            findings: Vec::new(),
        }
    }
}
