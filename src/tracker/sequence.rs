//! Sequence numbers: arithmetic modulo 2^32 (RFC 9293 §3.4); and in which order segments left.

use crate::segment::Segment;
use crate::time::Span;

/// Whether `a` comes before `b`: the shorter way round.
#[inline]
pub const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Whether `a` comes after `b`.
#[inline]
pub const fn after(a: u32, b: u32) -> bool {
    before(b, a)
}

/// The later of two.
#[inline]
pub const fn later(a: u32, b: u32) -> u32 {
    if before(a, b) { b } else { a }
}

/// Whether `low <= n <= high`.
#[inline]
pub const fn within(low: u32, n: u32, high: u32) -> bool {
    !before(n, low) && !after(n, high)
}

/// Whether `seg`, the first captured to acknowledge what passed `after` ago, is not the first that was sent: none is delayed for
/// more than half a second (RFC 9293 §3.8.6.3), and payload acknowledges what came before it once more.
pub(crate) fn repeats_ack(seg: &Segment, after: Span) -> bool {
    seg.len > 0 && after >= Span::secs(1)
}

/// Sequence numbers that lie this close belong together, whatever windows are: so close that on a whole tape of the
/// largest segments they do not come far enough apart to be taken for another incarnation's.
pub(super) const NEAR: u32 = 1 << 14;

/// Whether two of them lie so close.
#[inline]
pub(super) fn near(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).wrapping_add(NEAR) <= 2 * NEAR
}

/// Whether one sequence number is so far from another that no window explains it.
pub(super) const fn is_far(number: u32, from: u32) -> bool {
    const FAR: u32 = 1 << 22;
    !within(from.wrapping_sub(FAR), number, from.wrapping_add(FAR))
}

/// Whether `seg` left its sender before another segment of the same one, of TSval `stamp` and IP identification `ip_id`: by
/// the timestamps, or else by the identification. Some hosts draw that at random: only one a little lower tells.
pub(crate) fn left_before(seg: &Segment, stamp: Option<u32>, ip_id: u16) -> bool {
    const NEAR: u16 = 1_024;
    match stamp.zip(seg.options.timestamps) {
        Some((stamp, own)) if own.value != stamp => before(own.value, stamp),
        _ => seg.ip_id != 0 && ip_id != 0 && (1..NEAR).contains(&ip_id.wrapping_sub(seg.ip_id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::segment::Timestamps;

    #[test]
    fn order_survives_the_wrap() {
        assert!(before(u32::MAX, 0));
        assert!(after(5, u32::MAX - 5));
        assert_eq!(later(u32::MAX - 1, 3), 3);
        assert!(within(u32::MAX - 1, 0, 2));
        assert!(!within(u32::MAX - 1, 3, 2));
    }

    #[test]
    fn a_clock_tells_the_order_and_without_one_the_counter_does() {
        let stamped = |value: Option<u32>, ip_id| {
            let mut seg = Segment { ip_id, ..Segment::blank() };
            seg.options.timestamps = value.map(|value| Timestamps { value, echo: 0 });
            seg
        };
        assert!(left_before(&stamped(Some(u32::MAX), 9), Some(2), 8));
        assert!(!left_before(&stamped(Some(3), 7), Some(2), 8));
        assert!(left_before(&stamped(Some(2), 7), Some(2), 8));
        assert!(left_before(&stamped(None, u16::MAX), Some(2), 8));
        for (ip_id, other) in [(9, 8), (8, 8), (0, 8), (8, 0), (1, 1_025)] {
            assert!(!left_before(&stamped(None, ip_id), None, other), "{ip_id} {other}");
        }
    }
}
