//! What is remembered of a segment, to tell copies of it from what its sender sent again.

use super::sequence::left_before;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

/// A copy with an identification or a timestamp comes within this time: more than a path delays it on its way from one
/// tap to the next, and half of the least timeout of common stacks (200 ms, Linux `TCP_RTO_MIN`). Some senders use an
/// identification again when they repeat a segment, and clocks may tick as slowly as that.
pub(super) const NAMED: Span = Span::millis(100);
/// The same with both: hardly anybody repeats both, and a router with a queue may be between two taps.
const NAMED_TWICE: Span = Span::secs(1);
/// The same where neither tells copies from repetitions: what several interfaces of one host capture.
const NAMELESS: Span = Span::millis(1);
/// The same of one that was alone in flight while the peer was silent: nothing but the retransmission timer can repeat it, as
/// a tail loss probe waits for a delayed ACK too then (RFC 8985 §7.2). The least that people set it to is 5 ms (`ip route …
/// rto_min`). Of several in flight the probe comes two ticks later on a short path: 2 ms on Linux.
const ALONE: Span = Span::millis(4);

/// What makes a segment recognisable as a copy of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Capture time.
    pub time: Time,
    /// Packet number.
    pub packet: u64,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Payload length.
    pub len: u32,
    /// Flags.
    pub flags: Flags,
    /// IPv4 identification.
    pub ip_id: u16,
    /// What its window, TSecr and SACK blocks come to, and where nothing names it, or options were cut, its checksum field:
    /// see [`rest`].
    pub(super) rest: [u8; 3],
    /// Whether it had timestamps.
    pub(super) stamped: bool,
    /// TSval, which differs between retransmissions; 0 without timestamps.
    pub(super) stamp: u32,
}

impl Trace {
    /// The trace of `seg`.
    #[inline(always)]
    pub fn of(seg: &Segment) -> Trace {
        let (stamped, stamp, echo) = seg.options.timestamps.map_or((false, 0, 0), |t| (true, t.value, t.echo));
        Trace {
            time: seg.time,
            packet: seg.packet,
            seq: seg.seq,
            ack: seg.ack,
            len: seg.len,
            flags: seg.flags,
            ip_id: seg.ip_id,
            rest: rest(seg, echo),
            stamped,
            stamp,
        }
    }

    /// The sequence number after it.
    pub fn end(&self) -> u32 {
        let control = u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN));
        self.seq.wrapping_add(self.len).wrapping_add(control)
    }

    /// TSval, if it had timestamps.
    pub fn tsval(&self) -> Option<u32> {
        self.stamped.then_some(self.stamp)
    }

    /// Whether `seg` says the same with the same numbers.
    #[inline(always)]
    pub(super) fn is_like(&self, seg: &Segment) -> bool {
        // One question, not three, of which nobody foresees which is answered first.
        (self.seq ^ seg.seq) | (self.ack ^ seg.ack) | (self.len ^ seg.len) == 0
    }

    /// Whether `seg` of the same sender left before it.
    pub(super) fn left_after(&self, seg: &Segment) -> bool {
        left_before(seg, self.tsval(), self.ip_id)
    }

    /// Whether an identification or a timestamp tells copies of it from repetitions.
    pub(super) fn is_named(&self) -> bool {
        self.ip_id != 0 || self.stamped
    }

    /// Whether `seg` is this very segment captured again (or repeated by the network) rather than sent again: a sender
    /// that repeats a segment gives it a new IP identification or a new timestamp, or waits. Its checksum alone would not
    /// tell it from another: with offload that is the same for all of one length.
    #[inline]
    pub fn is_copied_by(&self, seg: &Segment) -> bool {
        self.seq == seg.seq && self.is_copied_at(seg)
    }

    /// The same of one with its sequence number.
    #[inline(never)]
    fn is_copied_at(&self, seg: &Segment) -> bool {
        let limit = match (self.ip_id != 0, self.stamped) {
            (true, true) => NAMED_TWICE,
            (false, false) => NAMELESS,
            _ => NAMED,
        };
        self.is_equal_within(limit, seg)
    }

    /// Whether `seg` comes sooner than any timer repeats a segment that was alone in flight, and is equal to it.
    pub(super) fn is_before_timers(&self, seg: &Segment) -> bool {
        self.end() != self.seq && self.is_equal_within(ALONE, seg)
    }

    /// Whether copies of this one, and of those before it, may still come with `seg`.
    pub(super) fn may_come_behind(&self, seg: &Segment) -> bool {
        seg.time - self.time <= NAMED_TWICE
    }

    /// Whether the network brings it once more with `seg`, however late: identification and timestamp are both the same.
    pub(super) fn comes_again_with(&self, seg: &Segment) -> bool {
        self.ip_id != 0 && self.stamped && self.is_equal_within(Span(i64::MAX), seg)
    }

    fn is_equal_within(&self, limit: Span, seg: &Segment) -> bool {
        // What takes least is asked first.
        seg.time - self.time <= limit
            && self.is_like(seg)
            && Trace { time: self.time, packet: self.packet, ..Trace::of(seg) } == *self
    }
}

/// What else a copy of `seg` has to share, in three bytes, to keep records small: segments that differ in their window alone
/// always differ here, and others as good as always.
#[inline(always)]
fn rest(seg: &Segment, echo: u32) -> [u8; 3] {
    /// 2^32 divided by the golden ratio: spreads numbers that are close to each other.
    const SPREAD: u32 = 0x9e37_79b1;
    let answers = if seg.options.sack_blocks == 0 { echo } else { with_blocks(seg, echo) };
    // The field of one that has a name may be filled in between two taps: by whoever puts it into a tunnel, or by offload.
    // Where options were cut it is all that tells SACK blocks from others.
    let named = (seg.ip_id != 0 || seg.options.timestamps.is_some()) && !seg.options.cut;
    let checksum = if named { 0 } else { u32::from(seg.checksum) };
    let all = (checksum << 16 | u32::from(seg.window)) ^ answers.wrapping_mul(SPREAD);
    let [_, rest @ ..] = all.wrapping_mul(SPREAD).to_le_bytes();
    rest
}

/// TSecr and SACK blocks.
#[cold]
fn with_blocks(seg: &Segment, echo: u32) -> u32 {
    seg.options.sack().iter().fold(echo, |all, (left, right)| all.rotate_left(9) ^ left.rotate_left(16) ^ right)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::pack::Pack;
    use crate::segment::{Options, Timestamps};

    /// An acknowledgment with these numbers, so many microseconds after the capture began.
    fn ack(micros: i64, ip_id: u16, stamps: Option<(u32, u32)>, window: u16, sack: &[(u32, u32)]) -> Segment {
        let mut options = Options {
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            sack_blocks: sack.len() as u8,
            ..Options::default()
        };
        options.sack[..sack.len()].copy_from_slice(sack);
        let numbers = Segment { seq: 100, ack: 300, checksum: 0xfe30, ..Segment::blank() };
        Segment { time: Time(micros * 1_000), flags: Flags::ACK, ip_id, window, options, ..numbers }
    }

    #[test]
    fn a_copy_is_equal_in_all_that_is_carried() {
        let stamps = Some((7, 5));
        let first = Trace::of(&ack(0, 0, stamps, 116, &[(400, 500)]));
        assert!(first.is_copied_by(&ack(300, 0, stamps, 116, &[(400, 500)])));
        for other in [
            ack(300, 0, stamps, 512, &[(400, 500)]),
            ack(300, 0, stamps, 116, &[(400, 600)]),
            ack(300, 0, stamps, 116, &[(600, 700), (400, 500)]),
            ack(300, 0, stamps, 116, &[]),
            ack(300, 0, Some((7, 6)), 116, &[(400, 500)]),
            ack(300, 0, Some((8, 5)), 116, &[(400, 500)]),
            ack(300, 1, stamps, 116, &[(400, 500)]),
        ] {
            assert!(!first.is_copied_by(&other), "{other:?}");
        }
        // Offload fills the checksum in later; where nothing else names a segment it tells what was sent from what comes again.
        assert!(first.is_copied_by(&Segment { checksum: 0xfe31, ..ack(300, 0, stamps, 116, &[(400, 500)]) }));
        let cut = Options { cut: true, ..ack(0, 0, stamps, 116, &[]).options };
        for seg in [ack(0, 0, None, 116, &[]), Segment { options: cut, ..ack(0, 0, stamps, 116, &[]) }] {
            assert!(!Trace::of(&seg).is_copied_by(&Segment { checksum: 0xfe31, ..seg }));
        }
    }

    #[test]
    fn no_window_is_taken_for_another() {
        let rests: HashSet<[u8; 3]> = (0..=u16::MAX).map(|window| rest(&ack(0, 0, None, window, &[]), 0)).collect();
        assert_eq!(rests.len(), 1 << 16);
    }

    #[test]
    fn what_comes_after_a_timeout_is_no_copy() {
        let copied = |ip_id, stamps, micros| {
            Trace::of(&ack(0, ip_id, stamps, 116, &[])).is_copied_by(&ack(micros, ip_id, stamps, 116, &[]))
        };
        for (ip_id, stamps) in [(9, None), (0, Some((7, 5)))] {
            assert!(copied(ip_id, stamps, 50_000));
            assert!(!copied(ip_id, stamps, 180_000));
        }
        assert!(copied(0, None, 900));
        assert!(!copied(0, None, 2_900));
    }
}
