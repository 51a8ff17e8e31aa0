//! Small segments that were held back until what had been sent before was acknowledged, while the acknowledgment was delayed.
//!
//! An end with Nagle's algorithm (RFC 9293 §3.7.4) sends what is less than a full segment only when nothing is on its way. The
//! other end delays an acknowledgment that it has nothing to say with (§3.8.6.3): Linux by 40 ms and more (`TCP_DELACK_MIN`,
//! include/net/tcp.h), others by 100 or 200 ms. Each waits for the other where a request is written in pieces: its rest comes
//! with the acknowledgment, and the answer only then.
//!
//! An application that pauses for as long between two writes, as a game does that sends 25 times a second, hits upon the same
//! moment now and then. It is told by the other times: an end with Nagle's algorithm never sends the rest before it can have the
//! acknowledgment, and one that has the rest ready never waits once it has it.

use std::ops::RangeInclusive;

use super::flow::Flow;
use super::maybe::Maybe;
use crate::pack::Renew;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// What is larger is hardly held back by Nagle's algorithm: the payload of the least MTU of IPv6.
pub(super) const SMALL: u32 = 1_220;
/// By how much acknowledgments are delayed, in milliseconds: timers of 40, 100 and 200 ms, which expire late.
const DELAYS: [RangeInclusive<i64>; 3] = [37..=55, 97..=112, 190..=215];
/// How far from the moment at which an acknowledgment arrives what was held back is sent, as it looks at the tap: this and an eighth
/// of the round trip from there to the sender.
const SOON: Span = Span::millis(1);
/// How much later it is no longer that moment, whatever held the packets up.
const LATER: Span = Span::millis(2);
/// Another moment counts as much as so many times that one.
const AGAINST: u32 = 3;

/// What one end held back, one time after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// How many times, each followed by an answer.
    pub count: u32,
    /// How many times it sent the rest at another moment: before it could have the acknowledgment, or well after a delayed one.
    against: u32,
    /// How long together, from the segment before to its acknowledgment.
    pub total: Span,
    /// Where it first shows: the segment that was held back.
    pub first: (Time, u64),
    /// The last time, as long as it is not answered.
    pending: Maybe,
    /// That segment.
    latest: (Time, u64),
}

/// The moment at which an end goes on, as it looks at the tap.
struct Moment {
    /// How long after the acknowledgment of what it had sent before can have arrived.
    reaction: Span,
    /// How much of that is no time.
    leeway: Span,
    /// How long it waited for that.
    waited: Span,
    /// That was as long as acknowledgments are delayed.
    was_delayed: bool,
}

impl Moment {
    /// It goes on at `now`, and what it had sent up to `last` was acknowledged at `acked`; the least round trips are those towards
    /// the other end and towards itself.
    #[inline]
    fn of(now: Time, acked: Time, last: Time, [trip, back]: [Span; 2]) -> Moment {
        let waited = acked - last;
        let delay = (waited - trip).0 / 1_000_000;
        Moment {
            reaction: now - acked - back,
            leeway: Span(SOON.0.saturating_add(back.0 / 8)),
            waited,
            was_delayed: DELAYS.iter().any(|delays| delays.contains(&delay)),
        }
    }

    fn is_soon(&self) -> bool {
        self.reaction.0.saturating_abs() <= self.leeway.0
    }
}

/// Whether an end held back until then what it sends at `now`.
#[inline]
pub(super) fn is_held_back(now: Time, acked: Time, last: Time, trips: [Span; 2]) -> bool {
    let moment = Moment::of(now, acked, last, trips);
    moment.is_soon() && moment.was_delayed
}

impl Renew for Held {}

impl Flow {
    /// End `x` sends payload with `seg`: notes whether that was held back, and that what the other end had held back is answered.
    #[inline(always)]
    pub(super) fn note_held(&mut self, x: usize, seg: &Segment) {
        let settled = self.settled[x];
        if seg.len < SMALL && (settled.is_some() || self.held.is_some()) && self.turns.talker() == Some(x) {
            self.hold(x, seg, settled.time());
        }
        if self.held.is_some() {
            self.answers_held(x);
        }
    }

    /// End `x` goes on with a small segment; all before was acknowledged at `acked`, if it is.
    #[inline(never)]
    fn hold(&mut self, x: usize, seg: &Segment, acked: Option<Time>) {
        let (Some(last), Some(trip)) = (self.turns.last_of(x), self.least(1 - x)) else { return };
        let moment = acked.map(|acked| Moment::of(seg.time, acked, last, [trip, self.least(x).unwrap_or_default()]));
        let Some(moment) = moment.filter(|moment| moment.reaction.0 >= 0 || moment.is_soon()) else {
            // After a full segment a small one need not wait (Minshall's variant, as in Linux).
            let small = self.turns.is_shorter(seg.seq, SMALL);
            return self.sends_without_holding(x, small);
        };
        if !moment.was_delayed {
            return;
        }
        if moment.is_soon() {
            let held = &mut self.held.get_or_insert_default()[x & 1];
            (held.pending, held.latest) = (moment.waited.into(), (seg.time, seg.packet));
        } else {
            let late = moment.reaction.0 > moment.leeway.0.saturating_add(LATER.0);
            self.sends_without_holding(x, late);
        }
    }

    /// Where `proven`, end `x` did not wait for an acknowledgment, or not for that alone.
    fn sends_without_holding(&mut self, x: usize, proven: bool) {
        if let Some(held) = self.held.as_mut().filter(|_| proven) {
            let held = &mut held[x & 1];
            held.against = held.against.saturating_add(1);
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

    /// What end `x` held back, unless it may as well have written at such moments by chance.
    pub fn held(&self, x: usize) -> Option<&Held> {
        let held = &self.held.as_ref()?[x & 1];
        (held.count > 0 && held.count >= held.against.saturating_mul(AGAINST)).then_some(held)
    }
}

crate::pack::pack_fields!(Held { count, against, total, first, pending, latest });
