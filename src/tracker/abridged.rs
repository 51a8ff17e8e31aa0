//! A textbook connection read from its tape in one go: what [`Reading`](super::reading::Reading) comes to, without any segment
//! being put together. Of each only that is read which is asked for. Where anything is rare it is left to the other.

use super::again::Next;
use super::sequence::after;
use super::textbook::{NONE, Packet, Textbook};
use super::timers;
use super::written::{FLAGS, More, Plain, Reader, what};
use crate::segment::{Flags, ScopeId};
use crate::time::{Span, Time};

/// A segment after the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Which end sent it.
    pub sender: usize,
    /// When it was captured.
    pub time: Time,
    /// Its payload.
    pub len: u32,
    /// What comes after it in its stream.
    pub end: u32,
    /// Whether it has FIN.
    pub fin: bool,
    /// It acknowledges more than any segment of its sender before.
    pub advances: bool,
    /// So much.
    pub ack: u32,
    /// That is all the other end has sent.
    pub all: bool,
    /// When the other end last sent payload or FIN.
    pub asked: Time,
    /// Of what its sender sent before not all is acknowledged.
    pub flying: bool,
}

/// Who measures a connection as it is read.
pub trait Measure {
    /// SYN, SYN,ACK and ACK were captured at these times.
    fn open(&mut self, times: [Time; 3]);

    /// The next segment after that. False if anything about it is rare.
    fn line(&mut self, line: &Line) -> bool;

    /// The RST that ends it, as such a line. False if anything about it is rare.
    fn reset(&mut self, line: &Line) -> bool;
}

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

/// Later than this no time is: whatever is reckoned with them stays exact.
const LATEST: i64 = 1 << 61;

impl Tape<'_> {
    /// The next segment, as long as there is nothing rare about it.
    #[inline(always)]
    pub fn next(&mut self) -> Option<Written> {
        match self.plain() {
            Some(written) => Some(written),
            None => self.rare(),
        }
    }

    /// The same of any segment. It is read of a copy: so this one need not lie in memory.
    #[inline(always)]
    pub fn rare(&mut self) -> Option<Written> {
        let mut copy = *self;
        let written = copy.any();
        *self = copy;
        written
    }

    /// The next segment if it is a plain one; else nothing is done.
    #[inline(always)]
    fn plain(&mut self) -> Option<Written> {
        let (words, _) = self.bytes.first_chunk::<16>()?.as_chunks();
        let &[first, second] = words else { return None };
        let [first, second] = [first, second].map(u64::from_le_bytes);
        let (kind, either) = (first as u16, (second >> 48) as u32);
        if kind & what::PLAIN != what::PLAIN {
            return None;
        }
        // Timestamps are not asked for.
        self.bytes = self.bytes.get(Plain::BYTES + usize::from(kind & what::STAMPED)..)?;
        self.now = Time(self.now.0.wrapping_add(i64::from(second as u32)));
        self.packet = self.packet.wrapping_add(second >> 32 & 0xffff);
        let sender = usize::from(kind & what::SENDER);
        let len = if kind & what::LEN != 0 { either } else { 0 };
        Some(Written {
            sender,
            flags: Flags(kind >> 8 & FLAGS),
            seq: self.next[sender],
            ack: self.next[1 - sender].wrapping_sub(either - len),
            len,
            shut: (first >> 16) as u16 == 0,
        })
    }

    #[inline(never)]
    fn any(&mut self) -> Option<Written> {
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
}

/// How far it has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// One end has sent its FIN.
    Fin,
    /// It was acknowledged.
    Acked,
    /// The other has sent its FIN.
    Answered,
    Closed,
}

/// A connection that may be read so.
pub struct Abridged<'a> {
    pub(super) tape: Tape<'a>,
    scope: ScopeId,
    /// Which one it is on its four-tuple, and what took that over.
    place: (u32, Option<Next>),
}

/// What is known of it so far.
pub(super) struct Page {
    /// Where each stream begins after its SYN.
    begins: [u32; 2],
    /// The highest acknowledgment of each end's stream.
    pub acked: [u32; 2],
    /// Capture time of each end's last segment.
    pub sent: [Time; 2],
    /// The same of its last with payload or FIN.
    pub content: [Time; 2],
    /// The least time from the tap to each end and back.
    least: [Span; 2],
    pub packets: [u32; 2],
    pub pause: Span,
    pub stage: Stage,
}

/// From one time to another, which is not before it; both are in bounds.
#[inline(always)]
pub(super) fn since(earlier: Time, later: Time) -> Span {
    Span(later.0.wrapping_sub(earlier.0))
}

impl<'a> Abridged<'a> {
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8], first: u64, scope: ScopeId, place: (u32, Option<Next>)) -> Abridged<'a> {
        Abridged {
            tape: Tape { bytes, now: NONE.0, packet: first, first, next: [0; 2], shut: [true; 2], ttls: 0 },
            scope,
            place,
        }
    }

    /// Reads it into `book`, and gives it to `measure`. Whether it is a textbook connection with nothing rare about it: only then
    /// either means something.
    #[inline(always)]
    pub fn read(mut self, book: &mut Textbook, measure: &mut impl Measure) -> bool {
        let opened = self.asks(book) && self.tape.rare().is_some_and(|seg| self.opens(&seg, book));
        if !opened {
            return false;
        }
        let mut page = self.page(book, measure);
        while !self.tape.bytes.is_empty() {
            let before = self.tape.now;
            let Some(written) = self.tape.next() else { return false };
            let line = page.takes(&written, before, &mut self.tape, book);
            if !line.is_some_and(|line| measure.line(&line)) {
                return false;
            }
        }
        self.tells(&page, [1, 1], book);
        // What took its place came later, or the clock was set back.
        page.stage == Stage::Closed && book.next.is_none_or(|next| next.time > book.last.0)
    }

    /// Tells in `book` what all segments come to, so many FINs of each end among them.
    #[inline(always)]
    pub(super) fn tells(&self, page: &Page, fins: [u32; 2], book: &mut Textbook) {
        let (incarnation, next) = self.place;
        (book.scope, book.incarnation, book.next) = (self.scope, incarnation, next);
        (book.packets, book.pause) = (page.packets, page.pause);
        book.bytes = [0, 1].map(|x| self.tape.next[x].wrapping_sub(page.begins[x]).wrapping_sub(fins[x]).into());
        book.turnaround = page.least.map(|least| timers::least_turnaround(None, least));
    }

    /// Takes the SYN. Whether nothing is rare about it.
    #[inline(always)]
    pub(super) fn asks(&mut self, book: &mut Textbook) -> bool {
        (book.ready, book.lacking, book.ack) = (None, None, None);
        let Some(seg) = self.tape.rare() else { return false };
        self.begins(&seg, (0, Flags::SYN.0), book)
    }

    /// Takes the rest of the handshake: `seg`, which is the SYN,ACK, and ACK. Whether that is so.
    #[inline(always)]
    pub(super) fn opens(&mut self, seg: &Written, book: &mut Textbook) -> bool {
        if seg.ack != self.tape.next[0] || !self.begins(seg, (1, Flags::SYN.0 | Flags::ACK.0), book) {
            return false;
        }
        let tape = &mut self.tape;
        let Some(seg) = tape.next() else { return false };
        book.opening[2] = (tape.now, tape.packet);
        seg.sender == 0
            && seg.flags.control() == Flags::ACK.0
            && (seg.seq, seg.ack) == (tape.next[0], tape.next[1])
            && !seg.shut
            // Else it is rare.
            && seg.len == 0
            // Packets without numbers prove nothing, and what took no time does not tell where the tap is.
            && book.opening[0].1 > 0
            && tape.now > book.opening[0].0
    }

    /// The stream of end `x` begins with `seg`, which has these flags. Whether that is so.
    #[inline(always)]
    fn begins(&mut self, seg: &Written, (x, flags): (usize, u16), book: &mut Textbook) -> bool {
        let tape = &mut self.tape;
        tape.next[x] = seg.seq.wrapping_add(1);
        book.opening[x] = (tape.now, tape.packet);
        seg.sender == x && seg.flags.0 == flags && seg.len == 0 && !seg.shut
    }

    /// What is known after the handshake.
    #[inline(always)]
    pub(super) fn page(&self, book: &Textbook, measure: &mut impl Measure) -> Page {
        let [syn, syn_ack, ack] = book.opening.map(|packet| packet.0);
        let legs = [since(syn, syn_ack), since(syn_ack, ack)];
        measure.open([syn, syn_ack, ack]);
        Page {
            begins: self.tape.next,
            acked: self.tape.next,
            sent: [ack, syn_ack],
            content: [NONE.0; 2],
            least: [legs[1], legs[0]],
            packets: [2, 1],
            pause: legs[0].max(legs[1]),
            stage: Stage::Open,
        }
    }
}

impl Page {
    /// That of a SYN that one segment comes behind, so long after it.
    #[inline]
    pub fn of_syn(pause: Span) -> Page {
        Page {
            begins: [0; 2],
            acked: [0; 2],
            sent: [NONE.0; 2],
            content: [NONE.0; 2],
            least: [Span(0); 2],
            packets: [1; 2],
            pause,
            stage: Stage::Open,
        }
    }

    /// Takes a segment after the handshake; the one before it was captured at `before`.
    #[inline(always)]
    pub fn takes(&mut self, seg: &Written, before: Time, tape: &mut Tape<'_>, book: &mut Textbook) -> Option<Line> {
        let Written { sender, flags, seq, ack, len, shut } = *seg;
        let (x, y, now) = (sender & 1, 1 - (sender & 1), tape.now);
        let (news, fin) = (ack != self.acked[y], flags.has(Flags::FIN));
        let content = fin || len > 0;
        let sound = flags.control() & !Flags::FIN.0 == Flags::ACK.0
            && seq == tape.next[x]
            && !after(self.acked[y], ack)
            && (news || content)
            && !shut;
        if !sound {
            return None;
        }
        let all = ack == tape.next[y];
        let end = seq.wrapping_add(len).wrapping_add(fin.into());
        let (asked, flying) = (self.content[y], self.acked[x] != seq);
        if fin || self.stage != Stage::Open {
            if len > 0 && self.stage != Stage::Open {
                return None;
            }
            self.stage = self.closes(x, (fin, all), (now, tape.packet), book)?;
        }
        self.pause = self.pause.max(since(before, now));
        self.packets[x] += 1;
        if x == 1 && book.ready.is_none() {
            book.ready = Some((now, tape.packet));
        }
        if news && all && asked == self.sent[y] {
            self.least[x] = self.least[x].min(since(asked, now));
        }
        self.acked[y] = ack;
        tape.next[x] = end;
        self.sent[x] = now;
        if content {
            self.content[x] = now;
        }
        Some(Line { sender: x, time: now, len, end, fin, advances: news, ack, all, asked, flying })
    }

    /// Where it stands after a segment of end `x` with FIN, or one without payload after the first with that; `None` where it is no
    /// textbook connection.
    #[inline(always)]
    fn closes(&self, x: usize, (fin, all): (bool, bool), packet: Packet, book: &mut Textbook) -> Option<Stage> {
        let (closer, (now, _)) = (x == book.closer, packet);
        if self.stage == Stage::Open {
            (book.closer, book.fin) = (x, packet);
            return Some(Stage::Fin);
        }
        if self.stage == Stage::Answered && closer && all && !fin {
            book.last = packet;
            return Some(Stage::Closed);
        }
        let before = book.ack.map_or(book.lacking.unwrap_or(book.fin.0), |ack| ack.0);
        // Of two at the same time it could not be told what came first.
        if !matches!(self.stage, Stage::Fin | Stage::Acked) || closer || now <= before {
            return None;
        }
        if fin && all {
            book.answer = packet;
            return Some(Stage::Answered);
        }
        if fin || self.stage == Stage::Acked {
            return None;
        }
        if all {
            book.ack = Some(packet);
            return Some(Stage::Acked);
        }
        // The FIN may still have been on its way.
        if before < timers::horizon(timers::least_turnaround(None, self.least[x]), now) {
            return None;
        }
        book.lacking = Some(now);
        Some(Stage::Fin)
    }
}
