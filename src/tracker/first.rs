//! The SYN that a tape begins with, as long as nothing comes after it: it is kept at the head of the tape, in what only later
//! segments fill, so that a flood of SYNs has no rows. With the second segment it is written down.

use super::tape::{Tape, mark};
use super::written::{FLAGS, NearStamps, Writer, more, what};
use crate::pack::Pack;
use crate::pack::block::{Row, Rows};
use crate::segment::{Flags, Options, Segment, Timestamps};

/// What is kept beside its numbers: its window scale, and above that which options it has, and flags beyond the six.
const SCALE: u32 = 1 << 8;
const SACK_PERMITTED: u32 = 1 << 9;
const MSS: u32 = 1 << 10;
const MORE_FLAGS: u32 = 16;

impl Tape {
    /// Whether a tape that begins with `seg` can keep it: there is nothing in it that has no place.
    #[inline]
    pub(super) fn keeps(seg: &Segment) -> bool {
        let o = &seg.options;
        let echoes = o.timestamps.is_some_and(|stamps| stamps.echo != 0);
        Tape::begins_plainly(seg) && seg.ack == 0 && !echoes && o.sack_blocks == 0
    }

    /// A tape with nothing on it but `syn`, which it can [keep](Tape::keeps).
    #[inline]
    pub(super) fn keeping(syn: &Segment) -> Tape {
        let o = &syn.options;
        let bit = |there: bool, bit: u32| if there { bit } else { 0 };
        let options = o.window_scale.map_or(0, |scale| SCALE | u32::from(scale))
            | bit(o.sack_permitted, SACK_PERMITTED)
            | bit(o.mss.is_some(), MSS);
        let flags = u32::from(syn.flags.0 >> FLAGS.count_ones()) << MORE_FLAGS;
        let stamped = if o.timestamps.is_some() { mark::STAMPED } else { 0 };
        Tape {
            time: syn.time,
            scope: syn.scope,
            row: Row::EMPTY,
            next: [syn.end(), 0],
            // Nothing is acknowledged yet.
            acked: [u32::from(syn.checksum) << 16 | u32::from(syn.ip_id), flags | options],
            unique: 0,
            on: 0,
            mss: o.mss.unwrap_or(u16::MAX),
            marks: mark::OPENED | mark::PLAIN | mark::KEPT | mark::SPOKE | mark::SEEN | stamped,
            window: [syn.window, 0],
            later: 0,
            stamps: [o.timestamps.map_or(0, |stamps| stamps.value), 0],
            ttl: [syn.ttl, 0],
            count: 1,
        }
    }

    /// The SYN that is kept, but for its sockets and packet number.
    #[inline]
    pub(super) fn kept(&self) -> Option<Segment> {
        if self.count != 1 || self.marks & mark::KEPT == 0 {
            return None;
        }
        let [numbers, rest] = self.acked;
        let has = |bit: u32| rest & bit != 0;
        Some(Segment {
            time: self.time,
            scope: self.scope,
            seq: self.next[0].wrapping_sub(1),
            flags: Flags(Flags::SYN.0 | ((rest >> MORE_FLAGS) as u16) << FLAGS.count_ones()),
            window: self.window[0],
            checksum: (numbers >> 16) as u16,
            ip_id: numbers as u16,
            ttl: self.ttl[0],
            options: Options {
                mss: has(MSS).then_some(self.mss),
                window_scale: has(SCALE).then_some(rest as u8),
                sack_permitted: has(SACK_PERMITTED),
                timestamps: self.has(mark::STAMPED, 0).then_some(Timestamps { value: self.stamps[0], echo: 0 }),
                ..Options::default()
            },
            ..Segment::blank()
        })
    }

    /// Writes the SYN down that is kept, if one is: another segment follows. False, and nothing is done, if there is no room.
    #[inline]
    pub(super) fn write_kept(&mut self, rows: &mut Rows) -> bool {
        if self.count != 1 || self.marks & mark::KEPT == 0 {
            return true;
        }
        let mut row = self.row;
        let written = rows.append(&mut row, |room| self.write_syn(room));
        if written {
            (self.row, self.acked) = (row, [0; 2]);
            self.marks &= !mark::KEPT;
        }
        written
    }

    /// What [`Tape::write`] does, for the SYN that is kept.
    #[inline]
    fn write_syn(&self, room: &mut [u8]) -> usize {
        let ([numbers, rest], seq) = (self.acked, self.next[0].wrapping_sub(1));
        let mut kind = what::WIDE | Flags::SYN.0 << 8;
        let mut to = Writer { room, at: 4 };
        to.put(self.time.0.to_le_bytes());
        if self.window[0] != 0 {
            kind |= what::WINDOW;
            to.put(self.window[0].to_le_bytes());
        }
        if seq != 0 {
            kind |= what::SEQ;
            to.put(seq.to_le_bytes());
        }
        if numbers as u16 != 0 {
            kind |= what::ID;
            to.put((numbers as u16).to_le_bytes());
        }
        if self.has(mark::STAMPED, 0) {
            let value = self.stamps[0];
            if let Some(near) = NearStamps::of(&Timestamps { value, echo: 0 }, [0; 2]) {
                kind |= what::NEAR_STAMPS;
                to.put(near.0.to_le_bytes());
            } else {
                kind |= what::STAMPS;
                to.put(u64::from(value).to_le_bytes());
            }
        }
        let (flags, ttl) = (rest >> MORE_FLAGS, self.ttl[0]);
        let bit = |there: bool, bit: u8| if there { bit } else { 0 };
        let more = bit(rest & MSS != 0, more::MSS)
            | bit(rest & SCALE != 0, more::SCALE)
            | bit(rest & SACK_PERMITTED != 0, more::SACK_PERMITTED)
            | bit(ttl != 0, more::TTL)
            | bit(flags != 0, more::FLAGS);
        if more != 0 {
            kind |= what::MORE;
            to.put([more]);
        }
        if rest & MSS != 0 {
            to.put(self.mss.to_le_bytes());
        }
        if rest & SCALE != 0 {
            to.put([rest as u8]);
        }
        if ttl != 0 {
            to.put([ttl]);
        }
        if flags != 0 {
            to.put([flags as u8]);
        }
        let (head, used) = (numbers & 0xffff_0000 | u32::from(kind), to.at);
        (Writer { at: 0, ..to }).put(head.to_le_bytes());
        used
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::segment::{ScopeId, Socket};
    use crate::time::Time;

    fn socket(port: u16) -> Socket {
        Socket { addr: [192, 0, 2, 1].into(), port }
    }

    prop_compose! {
        fn syn()(
            (time, packet, seq, ack) in (any::<i64>(), any::<u64>(), any::<u32>(), prop_oneof![3 => Just(0), 1 => any::<u32>()]),
            (window, checksum, ip_id, ttl, scope) in any::<(u16, u16, u16, u8, u32)>(),
            flags in prop_oneof![2 => Just(0), 1 => 0..8_u16],
            (mss, scale, sack_permitted) in any::<(Option<u16>, Option<u8>, bool)>(),
            stamps in prop::option::of((any::<u32>(), prop_oneof![3 => Just(0), 1 => any::<u32>()])),
            (cut, fast_open) in (prop::bool::weighted(0.05), prop::bool::weighted(0.05)),
        ) -> Segment {
            let options = Options {
                mss,
                window_scale: scale,
                sack_permitted,
                timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
                cut,
                fast_open,
                ..Options::default()
            };
            let (flags, scope) = (Flags(Flags::SYN.0 | flags << FLAGS.count_ones()), ScopeId(scope));
            let (src, dst) = (socket(1), socket(2));
            let time = Time(time);
            Segment { time, packet, src, dst, scope, seq, ack, flags, window, checksum, ip_id, ttl, options, ..Segment::blank() }
        }
    }

    /// The segments of a tape.
    fn played(tape: &Tape, first: u64, rows: &Rows) -> Vec<Segment> {
        let mut player = tape.player(&[socket(1), socket(2)], first, rows);
        let mut segments = Vec::new();
        while let Some(x) = player.advance() {
            segments.push(*player.segment(x));
        }
        segments
    }

    proptest! {
        #[test]
        fn a_syn_is_read_as_it_was_kept_and_when_another_follows(syn in syn(), again in any::<bool>()) {
            let mut rows = Rows::default();
            let mut written = Tape::new(&syn);
            prop_assert!(written.record(syn.packet, 0, &syn, &mut rows));
            prop_assert_eq!(played(&written, syn.packet, &rows), vec![syn]);
            let mut tape = if Tape::keeps(&syn) { Tape::keeping(&syn) } else { written };
            prop_assert_eq!(played(&tape, syn.packet, &rows), vec![syn]);
            // But for what it keeps of the SYN, and where, it is as if that had been written down.
            let marks = tape.marks & mark::KEPT | written.marks;
            let alike = Tape { row: tape.row, acked: tape.acked, marks, ..written };
            prop_assert_eq!(format!("{tape:?}"), format!("{alike:?}"));
            let rare = syn.ack != 0 || syn.options.cut || syn.options.fast_open;
            let echoes = syn.options.timestamps.is_some_and(|stamps| stamps.echo != 0);
            prop_assert_eq!(tape.kept().is_some(), !rare && !echoes);
            let next = if again {
                Segment { packet: syn.packet.wrapping_add(1), ..syn }
            } else {
                let (flags, ack) = (Flags(Flags::SYN.0 | Flags::ACK.0), syn.seq.wrapping_add(1));
                let (src, dst, packet) = (syn.dst, syn.src, syn.packet.wrapping_add(3));
                Segment { src, dst, packet, flags, ack, ..syn }
            };
            prop_assert!(tape.record(syn.packet, usize::from(!again), &next, &mut rows));
            prop_assert!(tape.kept().is_none());
            prop_assert_eq!(played(&tape, syn.packet, &rows), vec![syn, next]);
        }
    }
}
