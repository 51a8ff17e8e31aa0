//! Whether a segment can be of a connection at all: what lies outside of both ends' windows.

use super::connection::Connection;
use super::sequence::within;
use crate::segment::Segment;

impl Connection {
    /// Whether `seg` can belong to the streams seen so far (RFC 9293 §3.4 and RFC 5961 §5, from the outside). What lies
    /// outside both ends' windows was made by somebody else, or the capture missed a lot: one whose timestamp goes on as
    /// the sender's clock does is believed, and the second one in a row that continues the first, or of the peer that answers
    /// it with the numbers of both.
    pub(super) fn is_plausible(&mut self, x: usize, seg: &Segment) -> bool {
        const LEAST_WINDOW: u32 = 1 << 16;
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
        let stamped = self.is_stamped_since(x, seg);
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
    /// latest segment: nobody else knows where that begins, and an older connection's is behind.
    fn is_stamped_since(&self, x: usize, seg: &Segment) -> bool {
        /// A segment may have waited between clock and tap.
        const WAITED: i64 = 100;
        let last = self.ends[x].last.and_then(|last| Some((last.tsval()?, last.time)));
        let Some(((before, then), own)) = last.zip(seg.options.timestamps) else { return false };
        let (ticks, most) = (i64::from(own.value.wrapping_sub(before)), (seg.time - then).0 / 1_000_000 + WAITED);
        (1..=most).contains(&ticks)
    }
}
