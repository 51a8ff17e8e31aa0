//! The usual segment on a tape, an acknowledgment, or payload or a FIN that continues the stream: written down in three
//! words, with few questions asked. What comes of it is what [`Tape::record_other`] makes of any segment.

use super::tape::{Tape, mark, own};
use super::written::{NearStamps, Plain, has_more, put, what};
use crate::pack::block::{Rows, WORDS};
use crate::segment::{Flags, Segment};

const _: () = assert!(Flags::FIN.0 == 1 && own::ACKS == 1 && own::FIN == 2 && what::SENDER == 1);

/// Whether a segment was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    No,
    /// It may be once there is more room.
    NoRoom,
    Yes,
    /// And both ends have closed with it: the tape is to be [sealed](Tape::seal).
    Last,
}

impl Tape {
    /// Writes down `seg` of end `x`; the tape begins with packet `first`. False, and nothing is done, if it may not belong
    /// here, or there is no room for it.
    #[inline]
    pub fn record(&mut self, first: u64, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        const NEVER: u16 = Flags::SYN.0 | Flags::RST.0;
        seg.flags.0 & NEVER == 0 && self.record_widened(first, x, seg, rows) || self.record_rare(first, x, seg, rows)
    }

    /// The same if it is no usual one.
    #[inline(never)]
    fn record_rare(&mut self, first: u64, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        let Ok(on) = u32::try_from(seg.packet.wrapping_sub(first)) else { return false };
        self.record_answer(on, x, seg, rows) || self.record_other(on, x, seg, rows)
    }

    /// The same if it is a usual one, where there may have to be more room.
    #[inline(never)]
    pub(super) fn record_widened(&mut self, first: u64, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        let written = match self.record_usual(first, x, seg, rows) {
            Written::NoRoom if rows.widen(&mut self.row) => self.record_usual(first, x, seg, rows),
            written => written,
        };
        if written == Written::Last {
            self.seal(rows);
        }
        matches!(written, Written::Yes | Written::Last)
    }

    /// Writes down `seg` of end `x` if it is a usual one that certainly belongs here; else does nothing, but that there may be
    /// more room behind. It goes on just where its stream ends, so that it may acknowledge less than others, as far as 16 bits
    /// tell how much less. The tape begins with packet `first`.
    #[inline(always)]
    pub(super) fn record_usual(&mut self, first: u64, x: usize, seg: &Segment, rows: &mut Rows) -> Written {
        let (x, y) = (x & 1, 1 - (x & 1));
        let usual = seg.flags.0 & !(Flags::PSH.0 | Flags::FIN.0) == Flags::ACK.0
            && self.count < self.most
            && seg.seq == self.next[x]
            && seg.scope == self.scope
            && seg.ttl == self.ttl[x]
            && !has_more(&seg.options);
        if !usual {
            return Written::No;
        }
        // What is written there is nothing before it is said to be something. So each number is as soon as it is known: were they
        // kept until all are, there would be too few registers.
        let Some(room) = rows.room(&self.row) else { return Written::NoRoom };
        if let Some(stamps) = &seg.options.timestamps {
            let Some(near) = NearStamps::of(stamps, [self.stamps[x], self.stamps[y]]) else { return Written::No };
            put(room, Plain::NEAR, near.0.to_le_bytes());
        }
        let behind = self.next[y].wrapping_sub(seg.ack);
        let either = behind | seg.len;
        if either > u16::MAX.into() || behind != 0 && seg.len != 0 {
            return Written::No;
        }
        put(room, Plain::EITHER, (either as u16).to_le_bytes());
        let (later, on) = (seg.time.0.wrapping_sub(self.time.0) as u64, seg.packet.wrapping_sub(first));
        let further = on.wrapping_sub(self.on.into());
        // Of 32, 32 and 16 bits.
        if ((later | on) >> 16 | further) > u16::MAX.into() {
            return Written::No;
        }
        put(room, Plain::LATER, (later as u32).to_le_bytes());
        put(room, Plain::FURTHER, (further as u16).to_le_bytes());
        // From here on it is written down.
        (self.time, self.on) = (seg.time, on as u32);
        self.finish_usual(x, seg, room)
    }

    /// The rest of what [`Tape::record_usual`] does, in a function of its own, so that no number is kept that long.
    #[inline(never)]
    fn finish_usual(&mut self, x: usize, seg: &Segment, room: &mut [u8; WORDS]) -> Written {
        let (x, y) = (x & 1, 1 - (x & 1));
        let mut stamped = 0_u32;
        if let Some(stamps) = &seg.options.timestamps {
            self.stamps[x] = stamps.value;
            stamped = what::STAMPED.into();
        }
        let (len, fin) = (seg.len as u16, seg.flags.0 & Flags::FIN.0);
        let payload = u32::from(len != 0);
        let kind = u32::from(what::PLAIN) + x as u32 + payload * u32::from(what::LEN) + stamped;
        put(room, Plain::KIND, [kind as u8, seg.flags.0 as u8]);
        put(room, Plain::WINDOW, seg.window.to_le_bytes());
        put(room, Plain::CHECKSUM, (u32::from(seg.ip_id) << 16 | u32::from(seg.checksum)).to_le_bytes());
        self.row.extend(Plain::BYTES + stamped as usize);
        // What is out of order is payload or a FIN behind a FIN, or else an acknowledgment as the one before.
        let same = u8::from(seg.ack == self.acked[x]) * own::ACKS;
        let before = if payload | u32::from(fin) != 0 { own::FIN } else { same };
        self.disorder |= self.own[x] & before | u8::from(len > self.mss);
        self.own[x] |= own::PAST_SYN | own::ACKS | (fin as u8 * own::FIN);
        self.acked[x] = seg.ack;
        self.count += 1;
        let len = u32::from(len);
        self.unique = self.unique.wrapping_add(len);
        self.next[x] = self.next[x].wrapping_add(len).wrapping_add(fin.into());
        if !self.has_fins() {
            return Written::Yes;
        }
        if fin != 0 && seg.ack != self.next[y] {
            self.marks &= !mark::PLAIN;
        }
        if self.is_over(false) { Written::Last } else { Written::Yes }
    }

    /// Whether it was reset or is closed, and is not [sealed](Tape::seal) yet.
    #[inline]
    pub(super) fn is_over(&self, reset: bool) -> bool {
        (reset || self.is_closed()) && self.marks & mark::SEALED == 0
    }

    /// Seals it. Only once: whoever goes on sending moves no more than one row.
    #[inline]
    pub(super) fn seal(&mut self, rows: &mut Rows) {
        rows.seal(&mut self.row);
        self.marks |= mark::SEALED;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::Pack;
    use crate::pack::block::Row;
    use crate::segment::{Options, ScopeId, Timestamps};
    use crate::time::Time;

    /// A segment and which end sends it: its time, numbers and timestamps are how far they are from those that are due.
    fn line() -> impl Strategy<Value = (usize, Segment)> {
        let rarely = |usual: u32| prop_oneof![30 => Just(usual), 1 => any::<u32>()];
        let flags = prop_oneof![12 => Just(0x10), 6 => Just(0x18), 3 => Just(0x11), 1 => Just(0x19), 1 => 0..0x100_u16];
        let stamps = prop::option::weighted(0.7, (prop_oneof![9 => 0..9_u32, 1 => any::<u32>()], rarely(0)));
        let options = (stamps, 0..200_usize).prop_map(|(stamps, rare)| Options {
            timestamps: stamps.map(|(value, echo)| Timestamps { value, echo }),
            sack_blocks: (rare == 1).into(),
            sack: [(u32::from(rare == 1), 7), (0, 0), (0, 0)],
            cut: rare == 2,
            fast_open: rare == 3,
            sack_permitted: rare == 4,
            mss: (rare == 5).then_some(1_000),
            window_scale: (rare == 6).then_some(3),
        });
        // Of what acknowledges much less than it might none but a usual one is taken.
        let numbers = (rarely(0), prop_oneof![8 => Just(0), 1 => 0..16_000_u32]);
        let when = (
            prop_oneof![30 => 0..1_000_000_i64, 1 => -10_i64..1 << 33],
            prop_oneof![30 => 1..100_u64, 1 => 0..70_000_u64],
        );
        let len = prop_oneof![4 => Just(0), 4 => 1..1_500_u32, 1 => 65_530..65_540_u32];
        let place = (prop_oneof![30 => Just(64_u8), 1 => any::<u8>()], prop_oneof![60 => Just(0), 1 => Just(1_u32)]);
        (0..2_usize, when, numbers, len, flags, place, options).prop_map(
            |(x, (time, packet), (seq, ack), len, flags, (ttl, scope), options)| {
                // It comes without payload as a rule.
                let len = if ack % 3 == 0 { len } else { 0 };
                let (time, scope, flags) = (Time(time), ScopeId(scope), Flags(flags));
                let seg = Segment { time, packet, seq, ack, len, captured: len, flags, ..Segment::blank() };
                (x, Segment { ttl, scope, options, ..seg })
            },
        )
    }

    proptest! {
        #[test]
        fn a_usual_segment_is_written_down_as_any_is(
            begin in any::<[u32; 2]>(),
            lines in prop::collection::vec(line(), 1..40),
            numbers in any::<[u16; 3]>(),
        ) {
            let (mss, [window, checksum, ip_id]) = (Some(1_460), numbers);
            let syn = Segment { seq: begin[0], flags: Flags::SYN, ttl: 64, window, checksum, ip_id, ..Segment::blank() };
            let syn = Segment { packet: 1, options: Options { mss, ..Options::default() }, ..syn };
            let answer = Segment { seq: begin[1], ack: syn.end(), flags: Flags::SYN | Flags::ACK, packet: 2, ..syn };
            let (mut rows, mut tapes) = ([Rows::default(), Rows::default()], [Tape::keeping(&syn); 2]);
            let (mut next, mut stamps, mut seg) = ([syn.end(), answer.end()], [0_u32; 2], answer);
            for i in 0..2 {
                prop_assert!(tapes[i].record(1, 1, &answer, &mut rows[i]));
            }
            for (x, line) in lines {
                let timestamps = line.options.timestamps.map(|apart| Timestamps {
                    value: stamps[x].wrapping_add(apart.value),
                    echo: stamps[1 - x].wrapping_add(apart.echo),
                });
                stamps[x] = timestamps.map_or(stamps[x], |stamps| stamps.value);
                seg = Segment {
                    time: Time(seg.time.0 + line.time.0),
                    packet: seg.packet + line.packet,
                    seq: next[x].wrapping_add(line.seq),
                    ack: next[1 - x].wrapping_sub(line.ack),
                    options: Options { timestamps, ..line.options },
                    window: seg.window.wrapping_mul(3),
                    checksum,
                    ip_id,
                    ..line
                };
                let on = (seg.packet - 1) as u32;
                let recorded = tapes[0].record_other(on, x, &seg, &mut rows[0]);
                prop_assert_eq!(tapes[1].record(1, x, &seg, &mut rows[1]), recorded);
                next = if recorded { tapes[0].next } else { next };
                let [long, short] = tapes.map(|tape| {
                    let disorder = (tape.disorder != 0).into();
                    format!("{:?}", Tape { row: Row::EMPTY, disorder, ..tape })
                });
                prop_assert_eq!(long, short);
            }
            let mut players = [0, 1].map(|i| tapes[i].player(&[syn.src, syn.dst], 1, &rows[i]));
            loop {
                let [long, short] = players.each_mut().map(|player| player.advance());
                prop_assert_eq!(long, short);
                let Some(x) = long else { break };
                prop_assert_eq!(players[0].segment(x), players[1].segment(x));
            }
        }
    }

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
