//! A tape played back, a segment at a time.

use super::tape::Tape;
use super::written::{FLAGS, NearStamps, Plain, Reader, what};
use crate::pack::Pack;
use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::time::Time;

/// Neither end.
const NEITHER: u8 = 2;

/// A tape being played back.
///
/// How much of the payload is in the capture was not written down: all of it, its segments say.
pub struct Player<'a> {
    from: Reader<'a>,
    /// The latest segment of each end, or one made ready.
    ready: [Segment; 2],
    /// What follows from the segments before for the next ones.
    next: [u32; 2],
    ends: [u8; 2],
    /// The timestamp of each end's latest segment that had one.
    stamps: [u32; 2],
    /// Segments yet to come.
    left: u8,
    /// Time and packet number of the segment before.
    time: Time,
    packet: u64,
    first: u64,
    begun: bool,
    /// It has one segment, which is ready.
    kept: bool,
    /// The end whose latest segment has options that its next one may not have; or [`NEITHER`].
    unusual: u8,
}

impl<'a> Player<'a> {
    /// Of `left` segments in `bytes`, from packet `first` on, between `sockets` in `scope`. Built where it stays: it is large.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], left: u8, first: u64, [a, b]: [Socket; 2], scope: ScopeId) -> Player<'a> {
        Player {
            from: Reader(bytes),
            ready: [
                Segment { src: a, dst: b, scope, ..Segment::blank() },
                Segment { src: b, dst: a, scope, ..Segment::blank() },
            ],
            next: [0; 2],
            ends: [0; 2],
            stamps: [0; 2],
            left,
            time: Time(0),
            packet: first,
            first,
            begun: false,
            kept: false,
            unusual: NEITHER,
        }
    }

    /// Of `seg` of end 0 alone.
    pub fn of_one(seg: Segment) -> Player<'a> {
        Player { kept: true, ready: [seg, seg], ..Player::new(&[], 1, seg.packet, [seg.src, seg.dst], seg.scope) }
    }

    /// Goes on to the next segment; the end that sent it.
    #[inline]
    pub fn advance(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        Some(self.usual().unwrap_or_else(|| self.any()))
    }

    /// Whether the next two segments may be of a run of end `x` behind its latest one, which has `payload` or none.
    #[inline(always)]
    pub(super) fn is_run_next(&self, x: usize, payload: bool) -> bool {
        let kind = |at: usize| self.from.0.get(at).map_or(0, |kind| u16::from(*kind));
        let (first, go_on) = (kind(0), Plain::going_on(x, payload));
        first & Plain::ASKED == go_on
            && kind(Plain::BYTES + usize::from(first & what::STAMPED)) & Plain::ASKED == go_on
            && self.unusual == NEITHER
    }

    /// Reads such segments, as many as look as if they went on as the latest one does, and there is `room` for: how many. The
    /// latest one stays what [`Player::segment`] says.
    #[inline(always)]
    pub(super) fn read_run(&mut self, x: usize, room: &mut [Segment]) -> usize {
        let (x, y) = (x & 1, 1 - (x & 1));
        let (first, other, echo) = (&self.ready[x], self.next[y], self.stamps[y]);
        debug_assert!(first.options == Options { timestamps: first.options.timestamps, ..Options::default() });
        // Held apart, so that they need not be in memory.
        let (mut bytes, mut left, mut time, mut packet) = (self.from.0, self.left, self.time.0, self.packet);
        let (mut next, mut value, mut count) = (self.next[x], self.stamps[x], 0);
        let go_on = Plain::going_on(x, first.len > 0);
        for seg in room {
            let Some((plain, rest)) = Plain::read(bytes) else { break };
            if left == 0 || !plain.goes_on(go_on) || plain.window() == 0 {
                break;
            }
            (bytes, left, count) = (rest, left - 1, count + 1);
            time = time.wrapping_add(plain.later().into());
            packet = packet.wrapping_add(plain.further().into());
            // Number by number: to copy all of the first takes a call.
            (seg.src, seg.dst, seg.scope, seg.ttl) = (first.src, first.dst, first.scope, first.ttl);
            (seg.time, seg.packet) = (Time(time), packet);
            (seg.flags, seg.checksum) = (plain.flags(), plain.checksum());
            (seg.window, seg.ip_id) = (plain.window(), plain.ip_id());
            let len = u32::from(plain.len());
            (seg.seq, seg.ack) = (next, other.wrapping_sub(plain.behind().into()));
            (seg.len, seg.captured) = (len, len);
            next = next.wrapping_add(len);
            let timestamps = plain.near.map(|near| near.stamps([value, echo]));
            seg.options = Options { timestamps, ..Options::default() };
            if let Some(stamps) = timestamps {
                value = stamps.value;
            }
        }
        (self.from.0, self.left, self.time, self.packet) = (bytes, left, Time(time), packet);
        (self.next[x], self.stamps[x]) = (next, value);
        count
    }

    /// Whether the next segment is one of end `x`.
    #[inline]
    pub(super) fn is_next_of(&self, x: usize) -> bool {
        self.left > 0 && self.from.0.first().is_some_and(|kind| usize::from(u16::from(*kind) & what::SENDER) == x)
    }

    /// The same if it is a plain one; else nothing is done.
    #[inline(always)]
    pub(super) fn advance_plain(&mut self) -> Option<usize> {
        let left = self.left.checked_sub(1)?;
        let x = self.usual()?;
        self.left = left;
        Some(x)
    }

    /// Goes on to the next segment if it is a plain one.
    #[inline(always)]
    fn usual(&mut self) -> Option<usize> {
        let (plain, rest) = Plain::read(self.from.0)?;
        self.from.0 = rest;
        Some(self.plain(plain))
    }

    #[inline(always)]
    fn plain(&mut self, plain: Plain) -> usize {
        if self.unusual != NEITHER {
            self.forget_options();
        }
        let x = plain.sender();
        let seg = &mut self.ready[x & 1];
        self.time = Time(self.time.0.wrapping_add(plain.later().into()));
        seg.time = self.time;
        self.packet = self.packet.wrapping_add(plain.further().into());
        seg.packet = self.packet;
        (seg.flags, seg.checksum) = (plain.flags(), plain.checksum());
        (seg.window, seg.ip_id) = (plain.window(), plain.ip_id());
        (seg.seq, seg.ack) = (self.next[x], self.next[1 - x].wrapping_sub(plain.behind().into()));
        let len = u32::from(plain.len());
        (seg.len, seg.captured) = (len, len);
        // What it continues was seen, and so was what it acknowledges; and it is no SYN.
        self.next[x] = seg.seq.wrapping_add(len).wrapping_add(seg.flags.has(Flags::FIN).into());
        seg.options.timestamps = plain.near.map(|near| near.stamps([self.stamps[x], self.stamps[1 - x]]));
        if let Some(stamps) = seg.options.timestamps {
            self.stamps[x] = stamps.value;
        }
        x
    }

    /// The segment made ready last has options that no other has as a rule.
    #[cold]
    fn forget_options(&mut self) {
        self.ready[usize::from(self.unusual & 1)].options = Options::default();
        self.unusual = NEITHER;
    }

    /// Goes on to the next segment, whatever it is.
    #[inline(never)]
    fn any(&mut self) -> usize {
        if self.kept {
            return 0;
        }
        if self.unusual != NEITHER {
            self.forget_options();
        }
        // Held apart, so that it need not be in memory.
        let mut from = Reader(self.from.0);
        let head = from.word();
        let kind = head as u16;
        let x = usize::from(kind & what::SENDER);
        let seg = &mut self.ready[x];
        seg.flags = Flags(kind >> 8 & FLAGS);
        seg.checksum = (head >> 16) as u16;
        if kind & what::WIDE != 0 {
            self.time = Time(i64::from_le_bytes(from.bytes()));
            self.packet = if self.begun { self.first.wrapping_add(from.word().into()) } else { self.first };
            self.begun = true;
        } else {
            self.time = Time(self.time.0.wrapping_add(from.word().into()));
            self.packet = self.packet.wrapping_add(from.short().into());
        }
        (seg.time, seg.packet) = (self.time, self.packet);
        seg.len = if kind & what::LEN != 0 { from.short().into() } else { 0 };
        seg.captured = seg.len;
        if kind & what::WINDOW != 0 {
            seg.window = from.short();
        }
        seg.seq = if kind & what::SEQ != 0 { from.word() } else { self.next[x] };
        seg.ack = if kind & what::ACK != 0 { from.word() } else { Tape::usual_ack(&self.next, x, seg.flags) };
        seg.ip_id = if kind & what::ID != 0 { from.short() } else { 0 };
        seg.options.timestamps = match kind & (what::NEAR_STAMPS | what::STAMPS) {
            0 => None,
            what::NEAR_STAMPS => Some(NearStamps(from.word()).stamps([self.stamps[x], self.stamps[1 - x]])),
            _ => {
                let (value, echo) = (from.word(), from.word());
                Some(Timestamps { value, echo })
            }
        };
        if let Some(stamps) = seg.options.timestamps {
            self.stamps[x] = stamps.value;
        }
        if kind & what::MORE != 0 {
            from.more(seg);
            self.unusual = x as u8;
        }
        self.from = from;
        Tape::pass(&mut self.next, &mut self.ends, x, seg);
        x
    }

    /// The latest segment of end `x`.
    #[inline]
    pub fn segment(&self, x: usize) -> &Segment {
        &self.ready[x & 1]
    }
}
