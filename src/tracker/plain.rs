//! The usual segment on a tape, an acknowledgment, or payload or a FIN that continues the stream: written down in two words,
//! with few questions asked. What comes of it is what [`Tape::record`] makes of any segment.

use super::tape::{MOST, NEAR, Tape, mark};
use super::written::{NearStamps, has_more, what};
use crate::pack::block::Rows;
use crate::segment::{Flags, Segment};

/// What follows the first eight bytes.
struct Rest {
    bytes: u128,
    bits: u32,
}

impl Rest {
    /// Puts `value` behind what is there, if it `is_there` itself; without a branch.
    #[inline(always)]
    fn put(&mut self, value: u32, bits: u32, is_there: bool) {
        let there = u32::from(is_there);
        self.bytes |= u128::from(value * there) << self.bits;
        self.bits += bits * there;
    }
}

impl Tape {
    /// Writes down `seg` of end `x`, `on` packets from the first one, if it is a usual one that certainly belongs here; else
    /// does nothing.
    #[inline]
    pub(super) fn record_usual(&mut self, on: u32, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        const SEEN: u16 = 3 * mark::SEEN;
        let y = 1 - x;
        let (later, further) = (seg.time.0.wrapping_sub(self.time.0) as u64, on.wrapping_sub(self.on));
        let behind = self.next[y].wrapping_sub(seg.ack);
        let usual = seg.flags.0 & !(Flags::PSH.0 | Flags::FIN.0) == Flags::ACK.0
            && seg.seq == self.next[x]
            && behind <= NEAR
            && self.marks & SEEN == SEEN
            && seg.scope == self.scope
            && seg.len <= u32::from(u16::MAX)
            && seg.ttl == self.ttl[x]
            && later <= u32::MAX.into()
            && further <= u16::MAX.into()
            && self.later == 0
            && self.count < MOST
            && !has_more(&seg.options);
        if !usual {
            return false;
        }
        let stamps = match seg.options.timestamps {
            None => None,
            Some(stamps) => match NearStamps::of(&stamps, [self.stamps[x], self.stamps[y]]) {
                Some(near) => Some((near, stamps.value)),
                None => return false,
            },
        };
        let (payload, window) = (seg.len != 0, seg.window != self.window[x]);
        let (near, stamp) = stamps.map_or((0, self.stamps[x]), |(near, value)| (near.0, value));
        let kinds = [
            (what::LEN, payload),
            (what::WINDOW, window),
            (what::ACK, behind != 0),
            (what::ID, seg.ip_id != 0),
            (what::NEAR_STAMPS, stamps.is_some()),
        ];
        let kind = kinds.iter().fold(x as u16 | seg.flags.0 << 8, |all, (kind, is)| all | (kind * u16::from(*is)));
        let mut rest = Rest { bytes: u128::from(further), bits: u16::BITS };
        rest.put(seg.len, 16, payload);
        rest.put(seg.window.into(), 16, window);
        rest.put(seg.ack, 32, behind != 0);
        rest.put(seg.ip_id.into(), 16, seg.ip_id != 0);
        rest.put(near, 32, stamps.is_some());
        let first = later << 32 | u64::from(seg.checksum) << 16 | u64::from(kind);
        if !rows.append_words(&mut self.row, (first, rest.bytes), 8 + rest.bits as usize / 8) {
            return false;
        }
        let fin = seg.has(Flags::FIN);
        let new =
            if payload || fin { !self.has(mark::FIN, x) } else { !self.has(mark::ACKS, x) || seg.ack != self.acked[x] };
        if !new || seg.len > u32::from(self.mss) {
            self.marks |= mark::DISORDERLY;
        }
        self.marks |= (mark::ACKS | if fin { mark::FIN } else { 0 }) << x | if x == 0 { mark::PAST_SYN } else { 0 };
        self.count += 1;
        (self.time, self.on) = (seg.time, on);
        (self.window[x], self.stamps[x], self.acked[x]) = (seg.window, stamp, seg.ack);
        self.next[x] = seg.end();
        self.unique = self.unique.wrapping_add(seg.len);
        self.seal_if_over(false, rows);
        true
    }
}
