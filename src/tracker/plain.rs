//! The usual segment on a tape, an acknowledgment, or payload or a FIN that continues the stream: written down in three
//! words, with few questions asked. What comes of it is what [`Tape::record_other`] makes of any segment.

use super::tape::{MOST_USUAL, Tape, mark};
use super::written::{NearStamps, Plain, has_more};
use crate::pack::block::Rows;
use crate::segment::{Flags, Segment};

/// Places of marks.
const ACKS: u32 = mark::ACKS.trailing_zeros();
const FIN: u32 = mark::FIN.trailing_zeros();
const DISORDERLY: u32 = mark::DISORDERLY.trailing_zeros();
const PAST_SYN: u32 = mark::PAST_SYN.trailing_zeros();

const _: () = assert!(Flags::FIN.0 == 1);

impl Tape {
    /// Writes down `seg` of end `x`; the tape begins with packet `first`. False, and nothing is done, if it may not belong
    /// here, or there is no room for it.
    #[inline]
    pub fn record(&mut self, first: u64, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        let Ok(on) = u32::try_from(seg.packet.wrapping_sub(first)) else { return false };
        self.record_usual(on, x, seg, rows) || self.record_other(on, x, seg, rows)
    }

    /// Writes down `seg` of end `x`, `on` packets from the first one, if it is a usual one that certainly belongs here; else
    /// does nothing. It goes on just where its stream ends, so that it may acknowledge less than others, as far as 16 bits tell how
    /// much less.
    #[inline(never)]
    pub(super) fn record_usual(&mut self, on: u32, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        const SEEN: u16 = 3 * mark::SEEN;
        let (x, y) = (x & 1, 1 - (x & 1));
        let (later, further) = (seg.time.0.wrapping_sub(self.time.0) as u64, on.wrapping_sub(self.on));
        let behind = self.next[y].wrapping_sub(seg.ack);
        let usual = seg.flags.0 & !(Flags::PSH.0 | Flags::FIN.0) == Flags::ACK.0
            && seg.seq == self.next[x]
            && behind <= u16::MAX.into()
            && (behind == 0 || seg.len == 0)
            && self.marks & SEEN == SEEN
            && seg.scope == self.scope
            && seg.len <= u32::from(u16::MAX)
            && seg.ttl == self.ttl[x]
            && later <= u32::MAX.into()
            && further <= u16::MAX.into()
            && self.later == 0
            && self.count < MOST_USUAL
            && !has_more(&seg.options);
        if !usual {
            return false;
        }
        let (near, stamp) = match &seg.options.timestamps {
            None => (None, self.stamps[x]),
            Some(stamps) => match NearStamps::of(stamps, [self.stamps[x], self.stamps[y]]) {
                Some(near) => (Some(near), stamps.value),
                None => return false,
            },
        };
        let Some(room) = rows.words(&mut self.row, Plain::bytes(near.is_some())) else { return false };
        let plain = Plain {
            sender: x,
            flags: seg.flags,
            checksum: seg.checksum,
            later: later as u32,
            further: further as u16,
            len: seg.len as u16,
            window: seg.window,
            ip_id: seg.ip_id,
            behind: behind as u16,
            near,
        };
        // One by one: what is put together before it is copied is waited for.
        let [first, second, third] = plain.words();
        room[0] = first.to_le_bytes();
        room[1] = second.to_le_bytes();
        room[2] = third.to_le_bytes();
        // Which of the two nobody foresees: what is out of order is payload or a FIN behind a FIN, or else an acknowledgment
        // as the one before.
        let fin = seg.flags.0 & Flags::FIN.0;
        let content = fin | u16::from(seg.len != 0);
        let same = u16::from(seg.ack == self.acked[x]);
        let before = self.marks >> (ACKS + (FIN - ACKS) * u32::from(content) + x as u32);
        let disorderly = before & (content | same) | u16::from(seg.len > u32::from(self.mss));
        self.marks |= (disorderly & 1) << DISORDERLY | (mark::ACKS | fin << FIN) << x | (y as u16) << PAST_SYN;
        self.count += 1;
        (self.time, self.on) = (seg.time, on);
        (self.window[x], self.stamps[x], self.acked[x]) = (seg.window, stamp, seg.ack);
        self.next[x] = seg.seq.wrapping_add(seg.len).wrapping_add(fin.into());
        self.unique = self.unique.wrapping_add(seg.len);
        if self.marks & mark::CLOSED == mark::CLOSED {
            self.closes(x, seg, rows);
        }
        true
    }

    /// Both ends have sent their FIN: `seg` of end `x` is the second, or comes behind it.
    #[inline(never)]
    fn closes(&mut self, x: usize, seg: &Segment, rows: &mut Rows) {
        if seg.has(Flags::FIN) && seg.ack != self.next[1 - (x & 1)] {
            self.marks &= !mark::PLAIN;
        }
        self.seal_if_over(false, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::time::Time;

    /// Whether a close that begins behind a handshake, of segments with these ends, numbers and flags, may be one of the
    /// textbook; `ttl` is the TTL of its second segment.
    fn may_be_textbook(close: &[(usize, u32, u32, Flags)], ttl: u8) -> bool {
        let opening = [(0, 100, 0, Flags::SYN), (1, 300, 101, Flags::SYN | Flags::ACK), (0, 101, 301, Flags::ACK)];
        let segments = (1..).zip(opening.iter().chain(close)).map(|(n, (x, seq, ack, flags))| {
            let (x, seq, ack, flags) = (*x, *seq, *ack, *flags);
            let ttl = if n == 5 { ttl } else { 64 };
            (x, Segment { time: Time(n), packet: n as u64, seq, ack, flags, ttl, window: 500, ..Segment::blank() })
        });
        let segments: Vec<(usize, Segment)> = segments.collect();
        let (mut tape, mut rows) = (Tape::new(&segments[0].1), Rows::default());
        for (x, seg) in &segments {
            assert!(tape.record(1, *x, seg, &mut rows));
        }
        tape.may_be_textbook()
    }

    #[test]
    fn a_close_in_which_the_fins_crossed_is_not_tried_as_one_of_the_textbook() {
        let fin = Flags::FIN | Flags::ACK;
        for ttl in [64, 63] {
            let crossing =
                [(0, 101, 301, fin), (1, 301, 101, fin), (0, 102, 302, Flags::ACK), (1, 302, 102, Flags::ACK)];
            assert!(!may_be_textbook(&crossing, ttl));
            assert!(may_be_textbook(&[(0, 101, 301, fin), (1, 301, 102, fin), (0, 102, 302, Flags::ACK)], ttl));
        }
    }
}
