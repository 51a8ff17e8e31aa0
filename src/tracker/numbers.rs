//! The numbers that matter of each segment on a tape that may be a textbook connection, read one after the other.

use super::sequence::after;
use super::textbook::NONE;
use super::written::{FLAGS, More, Plain, Reader, what};
use crate::segment::Flags;
use crate::time::{Span, Time};

/// What is written on the tape.
#[derive(Clone, Copy)]
pub(super) struct Tape<'a> {
    pub bytes: &'a [u8],
    /// Time and packet number of the segment before.
    pub now: Time,
    pub packet: u64,
    first: u64,
    /// What comes next in each stream.
    pub next: [u32; 2],
    /// Whether the window of each end's latest segment is closed, as far as it is not a plain one.
    shut: [bool; 2],
    /// How often an end had another TTL than before: once for the first of each that is not 0.
    pub ttls: u8,
}

/// A segment as it is written.
pub(super) struct Written {
    pub sender: usize,
    pub flags: Flags,
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    /// Its window is closed.
    pub shut: bool,
}

/// One after the handshake, which has ACK and continues its stream.
#[derive(Clone, Copy)]
pub(super) struct Continued {
    pub sender: usize,
    pub fin: bool,
    pub len: u32,
    /// How much less it acknowledges than all that the other end has sent.
    pub behind: u32,
    pub shut: bool,
    /// How much later it is than the segment before.
    pub later: Span,
}

/// Later than this no time is: whatever is reckoned with them stays exact.
const LATEST: i64 = 1 << 61;

/// What SYN and SYN,ACK have as a rule, and what may be missing.
const SYN: u16 = what::WIDE | what::WINDOW | what::SEQ | what::MORE | Flags::SYN.0 << 8;
const SYN_ACK: u16 = what::SENDER | what::WINDOW | what::SEQ | what::MORE | (Flags::SYN.0 | Flags::ACK.0) << 8;
const MAY: u16 = what::ID | what::STAMPS | what::NEAR_STAMPS;

impl<'a> Tape<'a> {
    /// One of which nothing is read yet; its first packet has this number.
    #[inline(always)]
    pub fn new(bytes: &'a [u8], first: u64) -> Tape<'a> {
        Tape { bytes, now: NONE.0, packet: first, first, next: [0; 2], shut: [true; 2], ttls: 0 }
    }

    /// The SYN, which is the first segment, as long as there is nothing rare about it.
    #[inline(always)]
    pub fn syn(&mut self) -> Option<Written> {
        self.opener::<18>(0).or_else(|| self.any())
    }

    /// What comes behind it: a SYN,ACK, or whatever it is.
    #[inline(always)]
    pub fn behind_syn(&mut self) -> Option<Written> {
        self.opener::<16>(1).or_else(|| self.any())
    }

    /// The SYN or SYN,ACK of end `x`, if it is written as these are as a rule, `N` bytes up to its sequence number; else nothing
    /// is done.
    #[inline(always)]
    fn opener<const N: usize>(&mut self, x: usize) -> Option<Written> {
        let (fixed, rest) = self.bytes.split_first_chunk::<N>()?;
        let mut from = Reader(fixed);
        let kind = from.word() as u16;
        if kind & !MAY != [SYN, SYN_ACK][x] {
            return None;
        }
        let has = |bit: u16| usize::from(kind & bit != 0);
        let mut more = Reader(rest.get(2 * has(what::ID) + 4 * has(what::NEAR_STAMPS) + 8 * has(what::STAMPS)..)?);
        let options = more.skip_more();
        if options.is_rare() {
            return None;
        }
        if x == 0 {
            let time = i64::from_le_bytes(from.bytes());
            if !(0..LATEST).contains(&time) {
                return None;
            }
            self.now = Time(time);
        } else {
            self.now = Time(self.now.0.wrapping_add(from.word().into()));
            self.packet = self.packet.wrapping_add(from.short().into());
        }
        self.shut[x] = from.short() == 0;
        self.ttls = self.ttls.wrapping_add(options.has_ttl().into());
        self.bytes = more.0;
        let (seq, ack) = (from.word(), if x == 0 { 0 } else { self.next[0] });
        Some(Written { sender: x, flags: Flags(kind >> 8 & FLAGS), seq, ack, len: 0, shut: self.shut[x] })
    }

    /// Any segment. It is read of a copy: so this one need not lie in memory.
    #[inline(always)]
    pub fn any(&mut self) -> Option<Written> {
        let mut copy = *self;
        let written = copy.whatever();
        *self = copy;
        written
    }

    /// The next segment after the handshake if it is a plain one; else nothing is done.
    #[inline(always)]
    pub fn plain(&mut self) -> Option<Continued> {
        let (words, _) = self.bytes.first_chunk::<{ Plain::BYTES }>()?.as_chunks();
        let &[first, second] = words else { return None };
        let [first, second] = [first, second].map(u64::from_le_bytes);
        let (kind, either) = (first as u16, (second >> 48) as u32);
        if kind & what::PLAIN != what::PLAIN {
            return None;
        }
        // Timestamps are not asked for.
        self.bytes = self.bytes.get(Plain::BYTES + usize::from(kind & what::STAMPED)..)?;
        let later = Span((second as u32).into());
        self.now = Time(self.now.0.wrapping_add(later.0));
        self.packet = self.packet.wrapping_add(second >> 32 & 0xffff);
        let len = if kind & what::LEN != 0 { either } else { 0 };
        Some(Continued {
            sender: usize::from(kind & what::SENDER),
            fin: kind & Flags::FIN.0 << 8 != 0,
            len,
            behind: either - len,
            shut: (first >> 16) as u16 == 0,
            later,
        })
    }

    #[inline(never)]
    fn whatever(&mut self) -> Option<Written> {
        let mut from = Reader(self.bytes);
        let head = from.word();
        let kind = head as u16;
        let (sender, flags) = (usize::from(kind & what::SENDER), Flags(kind >> 8 & FLAGS));
        let before = self.now;
        if kind & what::WIDE == 0 {
            self.now = Time(self.now.0.wrapping_add(from.word().into()));
            self.packet = self.packet.wrapping_add(from.short().into());
        } else {
            let first = self.now == NONE.0;
            self.now = Time(i64::from_le_bytes(from.bytes()));
            self.packet = self.first.wrapping_add(if first { 0 } else { from.word().into() });
        }
        let has = |bit: u16| kind & bit != 0;
        let len = if has(what::LEN) { from.short().into() } else { 0 };
        if has(what::WINDOW) {
            self.shut[sender] = from.short() == 0;
        }
        let seq = if has(what::SEQ) { from.word() } else { self.next[sender] };
        let usual = if flags.has(Flags::ACK) { self.next[1 - sender] } else { 0 };
        let ack = if has(what::ACK) { from.word() } else { usual };
        from.skip(if has(what::ID) { 2 } else { 0 });
        from.skip(if has(what::NEAR_STAMPS) { 4 } else { 0 } + if has(what::STAMPS) { 8 } else { 0 });
        let more = if has(what::MORE) { from.skip_more() } else { More::NONE };
        self.ttls = self.ttls.wrapping_add(more.has_ttl().into());
        self.bytes = from.0;
        let sound = !more.is_rare() && self.now >= before && (0..LATEST).contains(&self.now.0) && !after(ack, usual);
        sound.then_some(Written { sender, flags, seq, ack, len, shut: self.shut[sender] })
    }

    /// The next segment after the handshake, if it continues its stream and there is nothing rare about it.
    #[inline(always)]
    pub fn continues(&mut self) -> Option<Continued> {
        if let Some(seg) = self.plain() {
            return Some(seg);
        }
        let before = self.now;
        let seg = self.any()?;
        self.continued(&seg, before)
    }

    /// `seg`, which was read last, behind one captured at `before`, as one that continues its stream, if it does.
    #[inline(always)]
    pub fn continued(&self, seg: &Written, before: Time) -> Option<Continued> {
        let Written { sender, flags, seq, ack, len, shut } = *seg;
        let continues = flags.control() & !Flags::FIN.0 == Flags::ACK.0 && seq == self.next[sender & 1];
        continues.then(|| Continued {
            sender,
            fin: flags.has(Flags::FIN),
            len,
            behind: self.next[1 - (sender & 1)].wrapping_sub(ack),
            shut,
            later: Span(self.now.0.wrapping_sub(before.0)),
        })
    }
}
