//! A connection as the list of its segments: most connections have few, and nobody asks what they mean before the capture
//! ends. Writing a segment down takes a fraction of what taking it takes, the list is smaller than the record made of it,
//! and played back in one go, all that is looked at stays in the nearest cache.
//!
//! Only what certainly belongs to this incarnation of its four-tuple is written down ([`Tape::record`]); with the first
//! segment of which that must be asked, the tape is played into a record.

use super::lone::Lone;
use super::player::Player;
use super::sequence::{after, near};
use super::written::{FLAGS, NearStamps, Writer, has_more, what};
use crate::pack::block::{Row, Rows};
use crate::segment::{Flags, ScopeId, Segment, Socket};
use crate::time::{Span, Time};

/// Segments on a tape at most, if there is room for so many: of long tapes there are not many.
pub(crate) const MOST: u8 = 250;

/// What [`Tape::quiet`] counts in: about a second, as a power of two.
const TICK: u32 = 30;

/// What an end has done.
pub(super) mod own {
    /// It has acknowledged something.
    pub const ACKS: u8 = 1;
    /// It has sent FIN.
    pub const FIN: u8 = 1 << 1;
    /// It has sent a segment other than RST.
    pub const SEEN: u8 = 1 << 2;
    /// It has sent something.
    pub const SPOKE: u8 = 1 << 3;
    /// It has sent more than SYNs and RSTs.
    pub const PAST_SYN: u8 = 1 << 4;
}

/// What `marks` holds.
pub(super) mod mark {
    /// It begins with a SYN of end 0, without payload.
    pub const OPENED: u8 = 1;
    /// It was closed or reset once: hardly anything comes after that.
    pub const SEALED: u8 = 1 << 1;
    /// It begins with a SYN about which nothing is rare, and no FINs crossed.
    pub const PLAIN: u8 = 1 << 2;
    /// Its first segment has timestamps.
    pub const STAMPED: u8 = 1 << 3;
    /// Its first segment is not written but [kept](super::super::first).
    pub const KEPT: u8 = 1 << 4;
    /// A RST was sent.
    pub const RESET: u8 = 1 << 5;
}

/// A connection that is on tape: what decides whether a segment can be written down, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tape {
    /// Time of its latest segment.
    pub(super) time: Time,
    pub(super) scope: ScopeId,
    pub(super) row: Row,
    /// The end of each stream as captured.
    pub(super) next: [u32; 2],
    /// What each end acknowledged last; or what is kept of its first segment.
    pub(super) acked: [u32; 2],
    /// Payload bytes, if it is orderly.
    pub(super) unique: u32,
    /// Packets from its first segment to its latest.
    pub(super) on: u32,
    /// The least MSS that an end has announced.
    pub(super) mss: u16,
    pub(super) own: [u8; 2],
    pub(super) marks: u8,
    /// Not 0 if it is not just one segment after the other, each once and complete.
    pub(super) disorder: u8,
    /// By how much the time of another segment is later than that of the latest one, at most, in [`TICK`]s.
    pub(super) later: u8,
    /// The timestamp of each end's latest segment that had one.
    pub(super) stamps: [u32; 2],
    /// The TTL of each end's latest segment.
    pub(super) ttl: [u8; 2],
    pub(super) count: u8,
    /// At so many segments no more [usual](Tape::record_usual) ones are written down: at none before both ends were seen, or
    /// where the clock went back.
    pub(super) most: u8,
}

const _: () = assert!(size_of::<Tape>() <= 64);

impl Tape {
    /// A tape of which `seg` will be the first segment.
    pub fn new(seg: &Segment) -> Tape {
        let opened = seg.flags.control() == Flags::SYN.0 && seg.len == 0;
        let plain = Tape::begins_plainly(seg);
        let mut marks = if opened { mark::OPENED } else { 0 };
        marks |= if plain { mark::PLAIN } else { 0 };
        marks |= if seg.options.timestamps.is_some() { mark::STAMPED } else { 0 };
        Tape {
            time: seg.time,
            scope: seg.scope,
            row: Row::EMPTY,
            next: [0; 2],
            acked: [0; 2],
            unique: 0,
            on: 0,
            mss: u16::MAX,
            own: [0; 2],
            marks,
            disorder: (!opened).into(),
            later: 0,
            stamps: [0; 2],
            ttl: [0; 2],
            count: 0,
            most: 0,
        }
    }

    #[inline]
    pub(super) fn has(&self, what: u8, end: usize) -> bool {
        self.own[end & 1] & what != 0
    }

    /// Whether it is one segment after the other, from the SYN on, none missing, none twice, none cut, none larger than an
    /// MSS allows: then so many payload bytes passed.
    pub fn orderly(&self) -> Option<u32> {
        (self.disorder == 0).then_some(self.unique)
    }

    /// Whether it is orderly to the end, and both ends have closed, one after the other.
    pub fn may_be_textbook(&self) -> bool {
        self.disorder == 0 && self.marks & mark::PLAIN != 0 && self.has_fins()
    }

    /// Whether it is one SYN about which nothing is rare, and no more.
    #[inline]
    pub fn is_lone_syn(&self) -> bool {
        self.count == 1 && self.disorder == 0 && self.marks & mark::PLAIN != 0
    }

    /// That SYN, which is packet `first`.
    #[inline]
    pub fn lone(&self, first: u64) -> Option<Lone> {
        let stamp = (self.marks & mark::STAMPED != 0).then_some(self.stamps[0]);
        self.is_lone_syn().then(|| Lone::new(self.scope, self.time, first, stamp))
    }

    /// Whether both ends have sent FIN.
    #[inline]
    pub(super) fn has_fins(&self) -> bool {
        self.own[0] & self.own[1] & own::FIN != 0
    }

    /// Whether both ends have acknowledged the other's FIN.
    pub fn is_closed(&self) -> bool {
        self.has_fins() && self.next[0] == self.acked[1] && self.next[1] == self.acked[0]
    }

    /// How long nothing has come, at least; a time that does not fit is no time at all.
    pub fn quiet(&self, now: Time) -> Span {
        let later = if self.later == u8::MAX { i64::MAX } else { i64::from(self.later) << TICK };
        Span((now - self.time).0.saturating_sub(later))
    }

    /// Where it is written.
    pub fn row(&self) -> Row {
        self.row
    }

    /// Prefetches the line that its next segment comes to.
    #[inline]
    pub fn prefetch_end(&self, rows: &Rows) {
        rows.prefetch_end(&self.row);
    }

    /// Whether `seg` of end `x` belongs to this incarnation, whatever became of it so far.
    #[inline]
    fn certainly_has(&self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        if seg.has(Flags::RST) || self.count == 0 {
            return true;
        }
        if seg.has(Flags::SYN) {
            // A record takes what the other end acknowledged before for numbers of this one.
            let fits = !self.has(own::ACKS, y) || near(seg.seq, self.acked[y]);
            let again = if self.has(own::SEEN, x) { seg.seq == self.next[x].wrapping_sub(1) } else { fits };
            let opens = if seg.has(Flags::ACK) { x == 1 && seg.ack == self.next[0] } else { x == 0 };
            let (opened, opening) = (self.marks & mark::OPENED != 0, !self.has(own::PAST_SYN, 0));
            return opened && (opening || x == 1) && opens && again && seg.len == 0;
        }
        let goes_on = if self.has(own::SEEN, x) {
            near(seg.seq, self.next[x])
        } else {
            !self.has(own::ACKS, y) || near(seg.seq, self.acked[y])
        };
        let acknowledges = if self.has(own::SEEN, y) {
            near(seg.ack, self.next[y])
        } else {
            !self.has(own::ACKS, x) || near(seg.ack, self.acked[x])
        };
        goes_on && (acknowledges || !seg.has(Flags::ACK))
    }

    /// Whether `seg` of end `x` is the next in order.
    #[inline]
    fn is_next(&self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        if seg.has(Flags::RST) {
            // Another may be a copy of it.
            return seg.len == 0 && !seg.options.cut && self.marks & mark::RESET == 0;
        }
        let stream = if self.has(own::SEEN, x) { seg.seq == self.next[x] } else { seg.has(Flags::SYN) };
        let content = seg.seq_len() > 0;
        let acknowledges = !seg.has(Flags::ACK)
            || self.has(own::SEEN, y)
                && self.next[y].wrapping_sub(seg.ack) < 1 << 16
                && (content || !self.has(own::ACKS, x) || seg.ack != self.acked[x]);
        stream
            && acknowledges
            && (seg.has(Flags::ACK) || seg.has(Flags::SYN))
            && !(content && self.has(own::FIN, x))
            && seg.len <= u32::from(self.mss)
            && !seg.options.cut
    }

    /// What follows from `seg` of end `x` for the next ones: the same when written and when read.
    #[inline]
    pub(super) fn pass(next: &mut [u32; 2], ends: &mut [u8; 2], x: usize, seg: &Segment) {
        let own = &mut ends[x & 1];
        *own |= own::SPOKE;
        if seg.has(Flags::RST) {
            return;
        }
        let end = seg.end();
        if *own & own::SEEN == 0 || after(end, next[x]) {
            next[x] = end;
        }
        *own |= own::SEEN;
    }

    /// The acknowledgment number that `seg` of end `x` has as a rule.
    #[inline]
    pub(super) fn usual_ack(next: &[u32; 2], x: usize, flags: Flags) -> u32 {
        if flags.has(Flags::ACK) { next[1 - x] } else { 0 }
    }

    /// Writes down `seg` of end `x`, `on` packets from the first one, which is no usual one. False, and nothing is done, if it
    /// may not belong here, or there is no room for it.
    #[inline(never)]
    pub(super) fn record_other(&mut self, on: u32, x: usize, seg: &Segment, rows: &mut Rows) -> bool {
        let sound = seg.scope == self.scope && seg.len <= u32::from(u16::MAX) && seg.options.sack_blocks <= 3;
        if self.count >= MOST || !sound || !self.certainly_has(x, seg) {
            return false;
        }
        if !self.write_kept(rows) {
            return false;
        }
        let mut row = self.row;
        if !rows.append(&mut row, |room| self.write(on, x, seg, room)) {
            return false;
        }
        self.row = row;
        self.disorder |= if self.is_next(x, seg) { 0 } else { self.disorder_by(x, seg) };
        self.count += 1;
        self.ttl[x] = seg.ttl;
        if let Some(stamps) = seg.options.timestamps {
            self.stamps[x] = stamps.value;
        }
        if seg.time < self.time || self.later > 0 {
            self.later = self.later_than(seg.time);
        }
        (self.time, self.on) = (seg.time, on);
        Tape::pass(&mut self.next, &mut self.own, x, seg);
        if seg.has(Flags::RST) {
            self.marks |= mark::RESET;
        } else {
            self.unique = self.unique.wrapping_add(seg.len);
            if !seg.has(Flags::SYN) {
                self.own[x] |= own::PAST_SYN;
            }
            if seg.has(Flags::ACK) {
                (self.acked[x], self.own[x]) = (seg.ack, self.own[x] | own::ACKS);
            }
            if seg.has(Flags::FIN | Flags::ACK) {
                self.own[x] |= own::FIN;
                if self.has(own::FIN, 1 - x) && seg.ack != self.next[1 - x] {
                    self.marks &= !mark::PLAIN;
                }
            }
            self.mss = self.mss.min(seg.options.mss.unwrap_or(u16::MAX));
        }
        let straight = self.own[0] & self.own[1] & own::SEEN != 0 && self.later == 0;
        self.most = if straight { MOST } else { 0 };
        if self.is_over(seg.has(Flags::RST)) {
            self.seal(rows);
        }
        true
    }

    /// What [`Tape::later`] is once the latest segment is one of this time: rounded up.
    fn later_than(&self, time: Time) -> u8 {
        if self.later == u8::MAX {
            return u8::MAX;
        }
        let latest = i128::from(self.time.0) + (i128::from(self.later) << TICK);
        let later = (latest - i128::from(time.0) + (1 << TICK) - 1) >> TICK;
        later.clamp(0, u8::MAX.into()) as u8
    }

    /// Writes `seg` of end `x`, `on` packets from the first one, where there is `room`; as how many bytes, if there is as much.
    pub(super) fn write(&self, on: u32, x: usize, seg: &Segment, room: &mut [u8]) -> usize {
        let (later, further) = (seg.time.0.wrapping_sub(self.time.0) as u64, on.wrapping_sub(self.on));
        let mut kind = x as u16 | what::WINDOW | (seg.flags.0 & FLAGS) << 8;
        let mut to = Writer { room, at: 4 };
        if self.count == 0 {
            kind |= what::WIDE;
            to.put(seg.time.0.to_le_bytes());
        } else if later > u32::MAX.into() || further > u16::MAX.into() {
            kind |= what::WIDE;
            to.put(seg.time.0.to_le_bytes());
            to.put(on.to_le_bytes());
        } else {
            to.put((later as u32).to_le_bytes());
            to.put((further as u16).to_le_bytes());
        }
        if seg.len != 0 {
            kind |= what::LEN;
            to.put((seg.len as u16).to_le_bytes());
        }
        to.put(seg.window.to_le_bytes());
        if seg.seq != self.next[x] {
            kind |= what::SEQ;
            to.put(seg.seq.to_le_bytes());
        }
        if seg.ack != Tape::usual_ack(&self.next, x, seg.flags) {
            kind |= what::ACK;
            to.put(seg.ack.to_le_bytes());
        }
        if seg.ip_id != 0 {
            kind |= what::ID;
            to.put(seg.ip_id.to_le_bytes());
        }
        if let Some(stamps) = seg.options.timestamps {
            if let Some(near) = NearStamps::of(&stamps, [self.stamps[x], self.stamps[1 - x]]) {
                kind |= what::NEAR_STAMPS;
                to.put(near.0.to_le_bytes());
            } else {
                kind |= what::STAMPS;
                to.put((u64::from(stamps.echo) << 32 | u64::from(stamps.value)).to_le_bytes());
            }
        }
        if seg.ttl != self.ttl[x] || seg.flags.0 > FLAGS || has_more(&seg.options) {
            kind |= what::MORE;
            to.more(seg, seg.ttl != self.ttl[x]);
        }
        let head = u32::from(seg.checksum) << 16 | u32::from(kind);
        let used = to.at;
        (Writer { at: 0, ..to }).put(head.to_le_bytes());
        used
    }

    /// Plays it back, a connection between `sockets` from packet `first` on.
    pub fn player<'a>(&self, sockets: &[Socket; 2], first: u64, rows: &'a Rows) -> Player<'a> {
        let [src, dst] = *sockets;
        if let Some(syn) = self.kept() {
            return Player::of_one(Segment { src, dst, packet: first, ..syn });
        }
        self.player_of_rows(sockets, first, rows)
    }

    /// The same of one whose first segment is not kept.
    #[inline(always)]
    pub fn player_of_rows<'a>(&self, sockets: &[Socket; 2], first: u64, rows: &'a Rows) -> Player<'a> {
        Player::new(rows.get(&self.row), self.count, first, *sockets, self.scope)
    }

    /// Whether it has no segments: it was released.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Gives the room of its segments back.
    pub fn forget(&self, rows: &mut Rows) {
        rows.forget(&self.row);
    }

    /// The same when no more segments are written down: it has none then.
    pub fn release(&mut self, rows: &mut Rows) {
        rows.release(&mut self.row);
        self.count = 0;
    }

    /// Others are released, this one is not yet.
    pub fn set_aside(&mut self, rows: &mut Rows) {
        rows.set_aside(&mut self.row);
    }
}
