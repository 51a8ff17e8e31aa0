//! One of the two captures: analysed as by itself, its segments kept.

use super::segments::Segments;
use crate::analyze::{Analysis, Options, Wanted};
use crate::decode::{Decoded, Decoder};
use crate::report::{Connection, Report};
use crate::segment::{Segment, Socket};
use crate::source::{FileInfo, Packet};
use crate::time::Time;

/// What of a segment shows that it is the same as another: nothing that a router or an offload engine rewrites is
/// relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Capture time, by this tap's clock.
    pub time: Time,
    /// Number of its packet in this capture.
    pub packet: u64,
    /// Sender, as this tap sees it.
    pub src: Socket,
    /// Receiver, as this tap sees it.
    pub dst: Socket,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Payload bytes.
    pub len: u32,
    /// The six flags of RFC 793; routers set those of ECN.
    pub flags: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// TSval, if it has timestamps.
    pub tsval: Option<u32>,
}

impl Seen {
    fn of(segment: &Segment) -> Seen {
        Seen {
            time: segment.time,
            packet: segment.packet,
            src: segment.src,
            dst: segment.dst,
            seq: segment.seq,
            ack: segment.ack,
            len: segment.len,
            flags: (segment.flags.0 & 0x3f) as u8,
            ip_id: segment.ip_id,
            tsval: segment.options.timestamps.map(|t| t.value),
        }
    }
}

/// One capture in the making.
#[derive(Debug)]
pub struct Tap {
    analysis: Analysis,
    decoder: Decoder,
    segments: Segments,
}

impl Tap {
    /// A capture of which nothing was read.
    pub fn new(options: Options) -> Tap {
        Tap { analysis: Analysis::new(options), decoder: Decoder::default(), segments: Segments::default() }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.analysis.packet(packet);
        if let Decoded::Segment(segment) = self.decoder.decode(packet) {
            self.segments.push(&Seen::of(&segment));
            while let Some(segment) = self.decoder.more() {
                self.segments.push(&Seen::of(&segment));
            }
        }
    }

    /// Its segments so far, in capture order.
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The capture misses nothing: what its numbers skip did not get there.
    pub(super) fn misses_nothing(&mut self) {
        self.analysis.misses_nothing();
    }

    /// Its timing tables are not asked for.
    pub(super) fn leave_times(&mut self) {
        self.analysis.leave_times();
    }

    /// The report on this capture alone without its connections; `take` has of each, in order, the sockets and the number of
    /// the first packet.
    pub(super) fn sums(&self, files: Vec<FileInfo>, take: impl FnMut(([Socket; 2], u64))) -> Report {
        let mut finish = self.analysis.ended(files);
        finish.beginnings().for_each(take);
        while finish.next(Wanted::default()).is_some() {}
        finish.report(Vec::new())
    }

    /// The connections of this capture alone, each of which `take` has, in the same order.
    pub(super) fn each(&self, files: Vec<FileInfo>, mut take: impl FnMut(Connection)) {
        let mut finish = self.analysis.ended(files);
        let wanted = Wanted { connections: true, ..Wanted::default() };
        while let Some(stretch) = finish.next(wanted) {
            stretch.connections.into_iter().for_each(&mut take);
        }
    }

    /// The report on this capture alone, which misses nothing if it is `whole`, and its segments in capture order.
    pub fn finish(mut self, files: Vec<FileInfo>, whole: bool) -> (Report, Segments) {
        if whole {
            self.misses_nothing();
        }
        (self.analysis.finish(files), self.segments)
    }
}
