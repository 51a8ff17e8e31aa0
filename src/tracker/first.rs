//! The SYN that a tape begins with, as long as nothing comes after it: it is kept at the head of the tape, in what only later
//! segments fill, so that a flood of SYNs has no rows. With the second segment it is written down, which mostly is a SYN,ACK.

use super::tape::{MOST, Tape, mark, own};
use super::written::{FLAGS, more, put, what};
use crate::pack::Pack;
use crate::pack::block::{BEGINNING, Row, Rows};
use crate::segment::{Flags, Options, Segment, Timestamps};

/// What is kept beside its numbers: its window scale, and above that which options it has, and flags beyond the six.
const SCALE: u32 = 1 << 8;
const SACK_PERMITTED: u32 = 1 << 9;
const MSS: u32 = 1 << 10;
const MORE_FLAGS: u32 = 16;

/// Where a SYN or its answer is written there is room for so many bytes: more than it takes.
const ROOM: usize = 48;

const _: () = assert!(2 * ROOM <= BEGINNING);

impl Tape {
    /// Whether `seg` is a SYN about which nothing is rare.
    #[inline]
    pub(super) fn begins_plainly(seg: &Segment) -> bool {
        seg.flags.0 & FLAGS == Flags::SYN.0 && seg.len == 0 && !seg.options.cut && !seg.options.fast_open
    }

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
            own: [own::SPOKE | own::SEEN, 0],
            marks: mark::OPENED | mark::PLAIN | mark::KEPT | stamped,
            disorder: 0,
            later: 0,
            // The other end has none yet.
            stamps: [o.timestamps.map_or(0, |stamps| stamps.value), syn.window.into()],
            ttl: [syn.ttl, 0],
            count: 1,
            most: 0,
        }
    }

    /// The SYN that is kept, but for its sockets and packet number.
    #[inline]
    pub(super) fn kept(&self) -> Option<Segment> {
        if !self.is_kept() {
            return None;
        }
        let [numbers, rest] = self.acked;
        let has = |bit: u32| rest & bit != 0;
        Some(Segment {
            time: self.time,
            scope: self.scope,
            seq: self.next[0].wrapping_sub(1),
            flags: Flags(Flags::SYN.0 | ((rest >> MORE_FLAGS) as u16) << FLAGS.count_ones()),
            window: self.stamps[1] as u16,
            checksum: (numbers >> 16) as u16,
            ip_id: numbers as u16,
            ttl: self.ttl[0],
            options: Options {
                mss: has(MSS).then_some(self.mss),
                window_scale: has(SCALE).then_some(rest as u8),
                sack_permitted: has(SACK_PERMITTED),
                timestamps: (self.marks & mark::STAMPED != 0).then_some(Timestamps { value: self.stamps[0], echo: 0 }),
                ..Options::default()
            },
            ..Segment::blank()
        })
    }

    /// Whether its first segment is kept.
    #[inline]
    fn is_kept(&self) -> bool {
        self.count == 1 && self.marks & mark::KEPT != 0
    }

    /// Nothing is kept any more: that is written in `row`.
    #[inline]
    fn keep_nothing(&mut self) {
        (self.acked, self.stamps[1]) = ([0; 2], 0);
        self.marks &= !mark::KEPT;
    }

    /// Writes the SYN down that is kept, if one is: another segment follows. False, and nothing is done, if there is no room.
    #[inline]
    pub(super) fn write_kept(&mut self, rows: &mut Rows) -> bool {
        if !self.is_kept() {
            return true;
        }
        let mut syn = [0; ROOM];
        let len = self.write_syn(&mut syn);
        let mut row = self.row;
        let written = rows.append(&mut row, |room| {
            room.iter_mut().zip(&syn[..len.min(ROOM)]).for_each(|(to, byte)| *to = *byte);
            len
        });
        if written {
            self.row = row;
            self.keep_nothing();
        }
        written
    }

    /// Writes down `seg` of end `x`, `on` packets from the first one, if it is a plain SYN,ACK that answers the SYN that is kept;
    /// and before it that. Else does nothing. What comes of it is what [`Tape::record_other`] makes of any segment.
    #[inline(always)]
    pub(super) fn record_answer(&mut self, on: u32, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        let (o, later, further) = (&seg.options, seg.time.0.wrapping_sub(self.time.0) as u64, on.wrapping_sub(self.on));
        let answers = seg.flags.0 == Flags::SYN.0 | Flags::ACK.0
            && x == 1
            && self.is_kept()
            && (seg.ack, seg.len, seg.scope) == (self.next[0], 0, self.scope)
            && later <= u32::MAX.into()
            && further <= u16::MAX.into()
            && o.sack_blocks == 0
            && !o.fast_open
            && !o.cut;
        if !answers {
            return false;
        }
        let Some(room) = rows.begin(&mut self.row) else { return false };
        let syn = if let Some(room) = room.first_chunk_mut() { self.write_syn(room) } else { 0 };
        let rest = room.get_mut(syn..).and_then(|rest| rest.first_chunk_mut());
        let answer = if let Some(room) = rest { Tape::write_answer([later as u32, further], seg, room) } else { 0 };
        self.row.extend(syn + answer);
        self.keep_nothing();
        self.count = 2;
        (self.time, self.on) = (seg.time, on);
        (self.ttl[1], self.next[1], self.acked[1]) = (seg.ttl, seg.seq.wrapping_add(1), seg.ack);
        self.stamps[1] = o.timestamps.map_or(0, |stamps| stamps.value);
        self.mss = self.mss.min(o.mss.unwrap_or(u16::MAX));
        self.own[1] = own::SPOKE | own::SEEN | own::ACKS;
        self.most = MOST;
        true
    }

    /// What [`Tape::write`] does, for the SYN that is kept, whatever of it is 0.
    #[inline(always)]
    fn write_syn(&self, room: &mut [u8; ROOM]) -> usize {
        let [numbers, rest] = self.acked;
        let (mss, scale) = ((rest & MSS != 0).then_some(self.mss), (rest & SCALE != 0).then_some(rest as u8));
        let stamp = (self.marks & mark::STAMPED != 0).then_some(self.stamps[0].into());
        put(room, 4, self.time.0.to_le_bytes());
        put(room, 12, (self.stamps[1] as u16).to_le_bytes());
        put(room, 14, self.next[0].wrapping_sub(1).to_le_bytes());
        put(room, 18, (numbers as u16).to_le_bytes());
        let more = more_of((mss, scale, rest & SACK_PERMITTED != 0), self.ttl[0], (rest >> MORE_FLAGS) as u8);
        let kind = what::WIDE | what::WINDOW | what::SEQ | what::ID | Flags::SYN.0 << 8;
        finish(room, 20, kind, stamp, more, (numbers >> 16) as u16)
    }

    /// The same for the SYN,ACK `seg`, so much later than the segment before.
    #[inline(always)]
    fn write_answer([later, further]: [u32; 2], seg: &Segment, room: &mut [u8; ROOM]) -> usize {
        let o = &seg.options;
        let stamps = o.timestamps.map(|stamps| u64::from(stamps.echo) << 32 | u64::from(stamps.value));
        put(room, 4, later.to_le_bytes());
        put(room, 8, (further as u16).to_le_bytes());
        put(room, 10, seg.window.to_le_bytes());
        put(room, 12, seg.seq.to_le_bytes());
        put(room, 16, seg.ip_id.to_le_bytes());
        let more = more_of((o.mss, o.window_scale, o.sack_permitted), seg.ttl, 0);
        let kind = what::SENDER | what::WINDOW | what::SEQ | what::ID | (Flags::SYN.0 | Flags::ACK.0) << 8;
        finish(room, 18, kind, stamps, more, seg.checksum)
    }
}

/// What there is of these options, the TTL and the flags beyond the six, as [`Writer::more`](super::written::Writer::more) writes
/// it: in so many bytes of a word.
#[inline(always)]
fn more_of((mss, scale, sack_permitted): (Option<u16>, Option<u8>, bool), ttl: u8, flags: u8) -> (usize, u64) {
    let (mut bits, mut word, mut len) = (if sack_permitted { more::SACK_PERMITTED } else { 0 }, 0, 1);
    let mut add = |bit: u8, value: u64, bytes: usize| {
        bits |= bit;
        word |= value << (8 * len);
        len += bytes;
    };
    if let Some(mss) = mss {
        add(more::MSS, mss.into(), 2);
    }
    if let Some(scale) = scale {
        add(more::SCALE, scale.into(), 1);
    }
    if ttl != 0 {
        add(more::TTL, ttl.into(), 1);
    }
    if flags != 0 {
        add(more::FLAGS, flags.into(), 1);
    }
    (if bits == 0 { 0 } else { len }, word | u64::from(bits))
}

/// Writes what comes behind the first `at` bytes of a segment, and of what `kind` it is; how long it is then.
#[inline(always)]
fn finish(
    room: &mut [u8; ROOM],
    mut at: usize,
    mut kind: u16,
    stamps: Option<u64>,
    (len, more): (usize, u64),
    checksum: u16,
) -> usize {
    if let Some(stamps) = stamps {
        put(room, at, stamps.to_le_bytes());
        kind |= what::STAMPS;
        at += 8;
    }
    put(room, at, more.to_le_bytes());
    kind |= if len != 0 { what::MORE } else { 0 };
    put(room, 0, (u32::from(checksum) << 16 | u32::from(kind)).to_le_bytes());
    at + len
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
            let alike = Tape { row: tape.row, acked: tape.acked, stamps: tape.stamps, marks, ..written };
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

        #[test]
        fn an_answer_is_written_down_as_any_segment_is(
            (syn, like) in (syn(), syn()),
            flags in prop_oneof![4 => Just(Flags::SYN | Flags::ACK), 1 => (0..64_u16).prop_map(Flags)],
            later in prop_oneof![4 => 0..1_000_000_i64, 1 => -10_i64..1 << 40],
            further in prop_oneof![4 => 1..50_u32, 1 => any::<u32>()],
            (x, apart, len, scopes) in (
                prop::bool::weighted(0.9),
                prop_oneof![8 => Just(1), 1 => any::<u32>()],
                prop_oneof![8 => Just(0), 1 => any::<u32>()],
                prop::bool::weighted(0.1),
            ),
            sack in prop::bool::weighted(0.1),
        ) {
            let timestamps = syn.options.timestamps.map(|stamps| Timestamps { echo: 0, ..stamps });
            let options = Options { timestamps, cut: false, fast_open: false, ..syn.options };
            let syn = Segment { ack: 0, options, ..syn };
            let (packet, time) = (syn.packet.wrapping_add(further.into()), Time(syn.time.0.wrapping_add(later)));
            let (src, dst) = if x { (syn.dst, syn.src) } else { (syn.src, syn.dst) };
            let options = Options { sack_blocks: sack.into(), sack: [(u32::from(sack), 0); 3], ..like.options };
            let (ack, scope) = (syn.seq.wrapping_add(apart), if scopes { like.scope } else { syn.scope });
            let answer = Segment { time, packet, src, dst, ack, flags, len, scope, captured: len, options, ..like };
            let acks = Segment { seq: syn.seq.wrapping_add(1), ack: answer.end(), flags: Flags::ACK, ..syn };
            let acks = Segment { time, packet: packet.wrapping_add(1), options: Options::default(), ..acks };
            let (mut rows, mut tape) = ([Rows::default(), Rows::default()], [Tape::keeping(&syn); 2]);
            let x = usize::from(x);
            let recorded = tape[0].record_other(further, x, &answer, &mut rows[0]);
            prop_assert_eq!(tape[1].record(syn.packet, x, &answer, &mut rows[1]), recorded);
            for seg in [None, Some(acks)] {
                let recorded = seg.is_some_and(|seg| tape[0].record(syn.packet, 0, &seg, &mut rows[0]));
                prop_assert_eq!(seg.is_some_and(|seg| tape[1].record(syn.packet, 0, &seg, &mut rows[1])), recorded);
                let [long, short] = [0, 1].map(|i| format!("{:?}", Tape { row: Row::EMPTY, ..tape[i] }));
                prop_assert_eq!(long, short);
                let [long, short] = [0, 1].map(|i| played(&tape[i], syn.packet, &rows[i]));
                prop_assert_eq!(long, short);
            }
        }
    }
}
