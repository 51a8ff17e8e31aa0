//! Whether a segment can be of a connection at all: what lies outside of both ends' windows.

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::sequence::within;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// A window is taken to be so large at the least.
const LEAST_WINDOW: u32 = 1 << 16;

impl Connection {
    /// Whether `seg` can belong to the streams seen so far (RFC 9293 §3.4 and RFC 5961 §5, from the outside). What lies
    /// outside both ends' windows was made by somebody else, or the capture missed a lot: one that goes on in both streams,
    /// and its timestamp as the sender's clock does, is believed, and the second one in a row that continues the first, or of
    /// the peer that answers it with the numbers of both.
    pub(super) fn is_plausible(&mut self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        let (sender, receiver) = (&self.ends[x], &self.ends[y]);
        let window = receiver.max_window.max(LEAST_WINDOW);
        let seq_ok = !sender.seen
            || within(
                sender.acked.unwrap_or(sender.next).wrapping_sub(window).wrapping_sub(LEAST_WINDOW),
                seg.seq,
                sender.next.wrapping_add(window),
            );
        let ack_ok = !receiver.seen || {
            let window = sender.max_window.max(LEAST_WINDOW);
            within(
                receiver.acked.unwrap_or(receiver.next).wrapping_sub(window.saturating_mul(2).min(1 << 30)),
                seg.ack,
                receiver.next.wrapping_add(window),
            )
        };
        let continues = sender
            .gaps
            .as_ref()
            .and_then(|g| g.astray)
            .is_some_and(|(end, _)| within(end, seg.seq, end.wrapping_add(window)));
        if seq_ok && ack_ok {
            if let Some(gaps) = &mut self.ends[x].gaps {
                gaps.astray = None;
            }
            return true;
        }
        // An acknowledgment alone may be of another connection of the same addresses, which has the same clock.
        let stamped = seg.seq_len() > 0
            && (seq_ok || self.ends[x].may_have_come_to(seg.seq, seg.time))
            && (ack_ok || self.ends[y].may_have_come_to(seg.ack, seg.time))
            && self.is_stamped_since(x, seg);
        if seq_ok && stamped {
            return true;
        }
        let astray = self.ends[y].gaps.as_ref().and_then(|gaps| gaps.astray);
        let answers = astray == Some((seg.ack, seg.seq));
        if stamped || (continues || answers) && seg.seq_len() > 0 {
            let end = &mut self.ends[x];
            end.next = seg.seq;
            end.contiguous = seg.seq;
            let gaps = end.gaps_mut();
            gaps.astray = None;
            gaps.beyond.clear();
            gaps.forgotten = None;
            return true;
        }
        self.ends[x].gaps_mut().astray = Some((seg.end(), seg.ack));
        false
    }

    /// Whether the timestamp of `seg` is what the clock of `x`, of a thousand ticks a second at most, may have come to since its
    /// latest segment: no other host knows where that begins, and what is older is behind.
    fn is_stamped_since(&self, x: usize, seg: &Segment) -> bool {
        /// A segment may have waited between clock and tap.
        const WAITED: i64 = 100;
        let last = self.ends[x].last.and_then(|last| Some((last.tsval()?, last.time)));
        let Some(((before, then), own)) = last.zip(seg.options.timestamps) else { return false };
        let (ticks, most) = (i64::from(own.value.wrapping_sub(before)), (seg.time - then).0 / 1_000_000 + WAITED);
        (1..=most).contains(&ticks)
    }
}

impl Endpoint {
    /// Whether so much may have been sent since its latest segment that its stream goes on at `number` now.
    fn may_have_come_to(&self, number: u32, now: Time) -> bool {
        /// In a nanosecond: more than 100 Gbit/s.
        const BYTES: i64 = 13;
        let since = self.last.map_or(Span(i64::MAX), |last| now - last.time);
        let ahead = number.wrapping_sub(self.next);
        ahead < 1 << 31 && i64::from(ahead) <= since.0.saturating_mul(BYTES).saturating_add(i64::from(LEAST_WINDOW))
    }
}
