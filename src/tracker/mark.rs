//! One event at an endpoint: when, by which packet, and how it is known.

use super::rules::{Event, Events};
use super::state::Evidence;
use crate::segment::Segment;
use crate::time::Time;

/// One event at one endpoint, with how it is known.
///
/// Several marks of one kind are copies of one segment: the endpoint received at least one of them, and the first that
/// is not disproved stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When: capture time of the cause, or later where the endpoint's own segments show that it had not arrived yet.
    pub time: Time,
    /// The packet that caused it; 0 for timers and for causes that were not captured.
    pub packet: u64,
    /// The packet that proves it; 0 if none does.
    pub proof: u64,
    /// TSval of the cause, if `about` says that it had one.
    pub(super) stamp: u32,
    /// What happened.
    pub event: Event,
    /// How it is known.
    pub evidence: Evidence,
    /// Its place among marks of the same time.
    pub place: Place,
    /// What else is known of its cause: [`ACKS_FIN`], [`STAMPED`], [`HYPOTHETICAL`], [`BEYOND_GAP`].
    pub(super) about: u8,
}

/// The cause also acknowledged the FIN of who received it.
const ACKS_FIN: u8 = 1;
/// The cause had timestamps.
pub(super) const STAMPED: u8 = 2;
/// It was captured; what it led to is assumed for what was before.
const HYPOTHETICAL: u8 = 4;
/// Something of the stream before it had not been captured.
const BEYOND_GAP: u8 = 8;

/// Where a mark belongs among those of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Shown by a segment that the endpoint sent then, so it came before that.
    Before,
    /// At that time.
    At,
    /// A segment that the endpoint sent then shows that it came after that.
    After,
}

impl Mark {
    /// An event that needs no further proof.
    pub const fn sure(event: Event, evidence: Evidence, time: Time, packet: u64) -> Mark {
        Mark { time, packet, proof: 0, stamp: 0, event, evidence, place: Place::At, about: 0 }
    }

    /// An event that `seg` causes if it arrives; whether it also acknowledges the receiver's FIN.
    pub fn suggested(event: Event, seg: &Segment, acks_fin: bool) -> Mark {
        let stamp = seg.options.timestamps.map(|stamps| stamps.value);
        Mark::stamped(event, seg.time, seg.packet, stamp).that_acks_fin(acks_fin)
    }

    /// The same, whose cause also acknowledged the receiver's FIN, if `acks_fin`.
    #[must_use]
    pub(super) fn that_acks_fin(self, acks_fin: bool) -> Mark {
        Mark { about: self.about | if acks_fin { ACKS_FIN } else { 0 }, ..self }
    }

    /// The same of a segment of this time and number, with the TSval `stamp`.
    #[inline]
    pub(super) fn stamped(event: Event, time: Time, packet: u64, stamp: Option<u32>) -> Mark {
        let mut mark = Mark::sure(event, Evidence::Inferred, time, packet);
        if let Some(stamp) = stamp {
            (mark.stamp, mark.about) = (stamp, STAMPED);
        }
        mark
    }

    /// TSval of the cause, if it had timestamps: what its receiver will echo.
    pub fn tsval(&self) -> Option<u32> {
        (self.about & STAMPED != 0).then_some(self.stamp)
    }

    /// Something of the stream before its cause had not been captured.
    pub(super) fn note_gap(&mut self) {
        self.about |= BEYOND_GAP;
    }

    /// Whether something of the stream before its cause had not been captured then.
    pub(super) fn is_beyond_gap(&self) -> bool {
        self.about & BEYOND_GAP != 0
    }

    /// What it leads to rests on what was before the capture.
    pub(super) fn depend_on_before(&mut self) {
        if !self.is_deduced() {
            self.about |= HYPOTHETICAL;
        }
        (self.evidence, self.proof) = (Evidence::Assumed, 0);
    }

    /// Whether what it leads to is assumed for what was before the capture, and not for itself.
    pub(super) fn is_hypothetical(&self) -> bool {
        self.about & HYPOTHETICAL != 0
    }

    /// Whether its packet only shows that it had happened, and is not what happened: that was not captured, or later.
    pub fn is_deduced(&self) -> bool {
        const RECEIVED: Events =
            Events::of(&[Event::RcvSyn, Event::RcvSynAck, Event::RcvAckOfSyn, Event::RcvFin, Event::RcvAckOfFin]);
        // All of it is asked, without a jump by what happened.
        let assumed = self.evidence == Evidence::Assumed;
        let seen_later = assumed | (self.evidence == Evidence::Sent) | (self.proof == self.packet);
        let closed = (self.event == Event::SndFin) & (assumed | (self.place == Place::Before));
        let deduced = RECEIVED.has(self.event) & seen_later | closed;
        (self.packet != 0) & !self.is_hypothetical() & deduced
    }

    /// Whether its cause also acknowledged the FIN of who received it.
    pub fn acks_fin(&self) -> bool {
        self.about & ACKS_FIN != 0
    }

    /// What marks are ordered by.
    pub(super) fn key(&self) -> (Time, Place, u64, Event) {
        // Of what came after the same moment, what left first came first.
        let left = if self.place == Place::After { self.packet } else { 0 };
        (self.time, self.place, left, self.event)
    }
}
