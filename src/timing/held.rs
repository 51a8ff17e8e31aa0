//! Small segments that were held back until what had been sent before was acknowledged, while the acknowledgment was delayed.
//!
//! An end with Nagle's algorithm (RFC 9293 §3.7.4) sends what is less than a full segment only when nothing is on its way. The
//! other end delays an acknowledgment that it has nothing to say with (§3.8.6.3): Linux by 40 ms and more (`TCP_DELACK_MIN`,
//! include/net/tcp.h), others by 100 or 200 ms. Each waits for the other where a request is written in pieces: its rest comes
//! with the acknowledgment, and the answer only then.

use std::ops::RangeInclusive;

use super::flow::Flow;
use super::maybe::Maybe;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// What is larger is hardly held back by Nagle's algorithm: the payload of the least MTU of IPv6.
const SMALL: u32 = 1_220;
/// By how much acknowledgments are delayed, in milliseconds: timers of 40, 100 and 200 ms, which expire late.
const DELAYS: [RangeInclusive<i64>; 3] = [37..=55, 97..=112, 190..=215];
/// How soon after an acknowledgment has arrived what was held back is sent.
const SOON: Span = Span::millis(3);

/// What one end held back, one time after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// How many times, each followed by an answer.
    pub count: u32,
    /// How long together, from the segment before to its acknowledgment.
    pub total: Span,
    /// Where it first shows: the segment that was held back.
    pub first: (Time, u64),
    /// The last time, as long as it is not answered.
    pending: Maybe,
    /// That segment.
    latest: (Time, u64),
}

impl Flow {
    /// End `x` sends payload with `seg`: notes whether that was held back, and that what the other end had held back is answered.
    #[inline(always)]
    pub(super) fn note_held(&mut self, x: usize, seg: &Segment) {
        if seg.len < SMALL && self.settled[x].is_some() && self.turns.talker() == Some(x) {
            self.hold(x, seg);
        }
        if self.held.is_some() {
            self.answers_held(x);
        }
    }

    /// End `x` goes on with a small segment, all before being acknowledged.
    #[inline(never)]
    fn hold(&mut self, x: usize, seg: &Segment) {
        let (Some((last, acked)), Some(trip)) = (self.turns.last_of(x).zip(self.settled[x].time()), self.least(1 - x))
        else {
            return;
        };
        let (waited, reaction) = (acked - last, seg.time - acked);
        let delay = (waited - trip).0 / 1_000_000;
        let back = self.least(x).unwrap_or_default();
        if DELAYS.iter().any(|delays| delays.contains(&delay)) && reaction <= Span(back.0.saturating_add(SOON.0)) {
            let held = &mut self.held.get_or_insert_default()[x & 1];
            (held.pending, held.latest) = (waited.into(), (seg.time, seg.packet));
        }
    }

    fn answers_held(&mut self, x: usize) {
        let Some(held) = self.held.as_mut().map(|held| &mut held[1 - (x & 1)]) else { return };
        if let Some(waited) = std::mem::take(&mut held.pending).span() {
            held.first = if held.count == 0 { held.latest } else { held.first };
            held.count = held.count.saturating_add(1);
            held.total = Span(held.total.0.saturating_add(waited.0));
        }
    }

    /// What end `x` held back.
    pub fn held(&self, x: usize) -> Option<&Held> {
        self.held.as_ref().map(|held| &held[x & 1]).filter(|held| held.count > 0)
    }
}

crate::pack::pack_fields!(Held { count, total, first, pending, latest });
