//! A textbook connection read from its tape in one go: what [`Reading`](super::reading::Reading) comes to, without any segment
//! being put together. Where anything is rare it is left to the other.

use super::again::Next;
use super::numbers::{Continued, Tape, Written};
use super::textbook::{NONE, Packet, Textbook};
use super::timers;
use crate::segment::{Flags, ScopeId};
use crate::time::{Span, Time};

/// A segment with payload or FIN after the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// Which end sent it.
    pub sender: usize,
    /// When it was captured.
    pub time: Time,
    /// Its payload.
    pub len: u32,
    /// What comes after it in its stream.
    pub end: u32,
    /// Of what its sender sent before not all is acknowledged.
    pub flying: bool,
}

/// What a segment acknowledges that none of its sender did before.
#[derive(Clone, Copy, Debug)]
pub enum Acked {
    /// All that the other end has sent, payload or FIN, which it did last at this time.
    All(Time),
    /// Less: so far.
    UpTo(u32),
}

/// Who measures a connection as it is read. Each segment is told of once, but for one with payload or FIN that acknowledges
/// something, of which that is told first. False if anything about it is rare.
pub trait Measure {
    /// SYN, SYN,ACK and ACK were captured at these times.
    fn open(&mut self, times: [Time; 3]);

    /// End `x` acknowledges more than before.
    fn acknowledges(&mut self, x: usize, time: Time, acked: Acked) -> bool;

    /// Payload without FIN, before any FIN.
    fn speaks(&mut self, content: &Content) -> bool;

    /// The first FIN, perhaps with payload, or the second.
    fn closes(&mut self, content: &Content) -> bool;

    /// Payload of the other end behind the first FIN.
    fn goes_on_behind(&mut self, content: &Content) -> bool;

    /// The RST of end `x` ends it, of whose own stream not all is acknowledged if it is `flying`.
    fn reset(&mut self, x: usize, time: Time, flying: bool) -> bool;
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
    /// The other has sent its FIN before the first had arrived.
    Crossed,
    /// One of the two was acknowledged, and then both.
    CrossedAcked,
    CrossedOver,
    /// The other knows of the FIN, and goes on sending payload; then it has sent its own, and that was acknowledged.
    Half,
    HalfAnswered,
    HalfOver,
}

/// What a tape was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A textbook connection with nothing rare about it.
    Textbook,
    /// One of which one end goes on behind the other's FIN.
    HalfClosed,
    /// Neither, as far as it was read.
    Other,
}

/// So many packets come before none: also the last one of a connection has a number.
const MOST_PACKETS: u64 = 1 << 62;

/// A connection that may be read so.
#[derive(Clone, Copy)]
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
    /// How much of each end's stream is not acknowledged.
    pub unacked: [u32; 2],
    /// Capture time of each end's last segment.
    pub sent: [Time; 2],
    /// The same of its last with payload or FIN.
    content: [Time; 2],
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
        Abridged { tape: Tape::new(bytes, first), scope, place }
    }

    /// Reads it into `book`, and gives it to `measure`: as a textbook connection with nothing rare about it, for only then either means
    /// something.
    #[inline(always)]
    pub fn read(mut self, book: &mut Textbook, measure: &mut impl Measure) -> Read {
        let opened = self.asks(book) && self.tape.behind_syn().is_some_and(|seg| self.opens(&seg, book));
        if !opened {
            return Read::Other;
        }
        let mut page = self.page(book, measure);
        let mut seg = loop {
            let Some(seg) = self.tape.continues() else { return Read::Other };
            if seg.fin {
                break seg;
            }
            if !page.takes(&seg, &mut self.tape, book, measure) {
                return Read::Other;
            }
        };
        while page.closes::<false>(&seg, &mut self.tape, book, measure) {
            if self.tape.bytes.is_empty() {
                self.tells(&page, 1, 1, book);
                // What took its place came later, or the clock was set back.
                let whole = page.stage == Stage::Closed && book.next.is_none_or(|next| next.time > book.last.0);
                return if whole { Read::Textbook } else { Read::Other };
            }
            let Some(next) = self.tape.continues() else { return Read::Other };
            seg = next;
        }
        let half_closed = seg.len > 0 && page.goes_on_behind(&seg, (self.tape.now, self.tape.packet), book).is_some();
        if half_closed { Read::HalfClosed } else { Read::Other }
    }

    /// Tells in `book` what all segments come to, so many FINs of each end among them.
    #[inline(always)]
    pub(super) fn tells(&self, page: &Page, fin: u32, other_fin: u32, book: &mut Textbook) {
        let (incarnation, next) = self.place;
        let bytes = |x: usize, fins: u32| self.tape.next[x].wrapping_sub(page.begins[x]).wrapping_sub(fins).into();
        let turnaround = |x: usize| timers::least_turnaround(None, page.least[x]);
        (book.scope, book.incarnation, book.next) = (self.scope, incarnation, next);
        (book.packets, book.pause) = (page.packets, page.pause);
        book.bytes = [bytes(0, fin), bytes(1, other_fin)];
        book.turnaround = [turnaround(0), turnaround(1)];
    }

    /// Takes the SYN. Whether nothing is rare about it.
    #[inline(always)]
    pub(super) fn asks(&mut self, book: &mut Textbook) -> bool {
        (book.ready, book.lacking, book.ack) = (None, None, None);
        let Some(seg) = self.tape.syn() else { return false };
        self.begins(&seg, (0, Flags::SYN.0), book)
    }

    /// Takes the rest of the handshake: `seg`, which is the SYN,ACK, and ACK. Whether that is so.
    #[inline(always)]
    pub(super) fn opens(&mut self, seg: &Written, book: &mut Textbook) -> bool {
        if seg.ack != self.tape.next[0] || !self.begins(seg, (1, Flags::SYN.0 | Flags::ACK.0), book) {
            return false;
        }
        let tape = &mut self.tape;
        let Some(seg) = tape.continues() else { return false };
        book.opening[2] = (tape.now, tape.packet);
        seg.sender == 0
            && !seg.fin
            && seg.behind == 0
            && !seg.shut
            // Else it is rare.
            && seg.len == 0
            // Packets without numbers prove nothing, and what took no time does not tell where the tap is.
            && (1..MOST_PACKETS).contains(&book.opening[0].1)
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
            unacked: [0; 2],
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
            unacked: [0; 2],
            sent: [NONE.0; 2],
            content: [NONE.0; 2],
            least: [Span(0); 2],
            packets: [1; 2],
            pause,
            stage: Stage::Open,
        }
    }

    /// Takes a segment after the handshake, before any FIN. Whether nothing is rare about it.
    #[inline(always)]
    pub fn takes(
        &mut self,
        seg: &Continued,
        tape: &mut Tape<'_>,
        book: &mut Textbook,
        measure: &mut impl Measure,
    ) -> bool {
        if !self.acknowledges(seg, seg.len > 0, tape, measure) {
            return false;
        }
        self.counts(seg, tape, book);
        if seg.len > 0 {
            let content = self.content(seg, tape);
            if !measure.speaks(&content) {
                return false;
            }
            self.sends(&content, seg.len, tape);
        }
        true
    }

    /// Takes the first FIN, or what comes behind it. Whether it may be a textbook connection, or one that ends `OTHERWISE`, and nothing
    /// is rare about it.
    #[inline(always)]
    pub fn closes<const OTHERWISE: bool>(
        &mut self,
        seg: &Continued,
        tape: &mut Tape<'_>,
        book: &mut Textbook,
        measure: &mut impl Measure,
    ) -> bool {
        let packet = (tape.now, tape.packet);
        let Some(stage) = self.stage_behind::<OTHERWISE>(seg, packet, book) else { return false };
        self.stage = stage;
        let behind = OTHERWISE && !seg.fin && seg.len > 0;
        if !self.acknowledges(seg, seg.fin || behind, tape, measure) {
            return false;
        }
        self.counts(seg, tape, book);
        if seg.fin || behind {
            let content = self.content(seg, tape);
            let plain = if behind { measure.goes_on_behind(&content) } else { measure.closes(&content) };
            if !plain {
                return false;
            }
            self.sends(&content, seg.len + u32::from(seg.fin), tape);
        }
        true
    }

    /// What `seg` acknowledges; with `content` it may be nothing new. Whether nothing is rare about that.
    #[inline(always)]
    fn acknowledges(&mut self, seg: &Continued, content: bool, tape: &Tape<'_>, measure: &mut impl Measure) -> bool {
        let (x, y, now, behind) = (seg.sender & 1, 1 - (seg.sender & 1), tape.now, seg.behind);
        if seg.shut {
            return false;
        }
        if behind >= self.unacked[y] {
            return behind == self.unacked[y] && content;
        }
        self.unacked[y] = behind;
        if behind > 0 {
            return measure.acknowledges(x, now, Acked::UpTo(tape.next[y].wrapping_sub(behind)));
        }
        let sent = self.content[y];
        if sent == self.sent[y] {
            self.least[x] = self.least[x].min(since(sent, now));
        }
        measure.acknowledges(x, now, Acked::All(sent))
    }

    /// What is counted of every segment.
    #[inline(always)]
    fn counts(&mut self, seg: &Continued, tape: &Tape<'_>, book: &mut Textbook) {
        let x = seg.sender & 1;
        // The client has sent two.
        if self.packets[x] == 1 {
            book.ready = Some((tape.now, tape.packet));
        }
        self.packets[x] += 1;
        self.pause = self.pause.max(seg.later);
        self.sent[x] = tape.now;
    }

    #[inline(always)]
    fn content(&self, seg: &Continued, tape: &Tape<'_>) -> Content {
        let x = seg.sender & 1;
        let end = tape.next[x].wrapping_add(seg.len).wrapping_add(seg.fin.into());
        Content { sender: x, time: tape.now, len: seg.len, end, flying: self.unacked[x] > 0 }
    }

    /// It is so long in its stream.
    #[inline(always)]
    fn sends(&mut self, content: &Content, long: u32, tape: &mut Tape<'_>) {
        let x = content.sender & 1;
        self.unacked[x] += long;
        (tape.next[x], self.content[x]) = (content.end, content.time);
    }

    /// Where it stands after a segment with FIN, or one behind the first; `None` where it is no textbook connection.
    #[inline(always)]
    fn stage_behind<const OTHERWISE: bool>(
        &self,
        seg: &Continued,
        packet: Packet,
        book: &mut Textbook,
    ) -> Option<Stage> {
        let (x, fin, all, (now, _)) = (seg.sender & 1, seg.fin, seg.behind == 0, packet);
        if self.stage == Stage::Open {
            (book.closer, book.fin) = (x, packet);
            return Some(Stage::Fin);
        }
        if seg.len > 0 {
            return if OTHERWISE { self.goes_on_behind(seg, packet, book) } else { None };
        }
        let closer = x == book.closer;
        if self.stage == Stage::Answered && closer && all && !fin {
            book.last = packet;
            return Some(Stage::Closed);
        }
        let before = book.ack.map_or(book.lacking.unwrap_or(book.fin.0), |ack| ack.0);
        // Of two at the same time it could not be told what came first.
        if !matches!(self.stage, Stage::Fin | Stage::Acked) || closer || now <= before {
            return if OTHERWISE { self.otherwise(seg, packet, before, book) } else { None };
        }
        if fin && all {
            book.answer = packet;
            return Some(Stage::Answered);
        }
        if fin || self.stage == Stage::Acked {
            return if OTHERWISE { self.otherwise(seg, packet, before, book) } else { None };
        }
        if all {
            book.ack = Some(packet);
            return Some(Stage::Acked);
        }
        if !self.may_lack(x, before, now) {
            return None;
        }
        book.lacking = Some(now);
        Some(Stage::Fin)
    }

    /// Whether what was sent to end `x` before that may still have been on its way.
    pub(super) fn may_lack(&self, x: usize, before: Time, now: Time) -> bool {
        before >= timers::horizon(timers::least_turnaround(None, self.least[x]), now)
    }
}
