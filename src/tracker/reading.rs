//! A connection read from its tape as a textbook one, a segment at a time, as long as it is one.

use super::again::Next;
use super::player::Player;
use super::sequence::{after, repeats_ack};
use super::textbook::{NONE, Textbook};
use super::timers;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

/// Where such a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Syn,
    SynAck,
    Open,
    /// One end has sent its FIN.
    Fin,
    /// It was acknowledged.
    Acked,
    /// The other has sent its FIN.
    Answered,
    Closed,
    /// It is no such connection.
    Other,
}

/// The next segment.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'r> {
    /// Which end sent it.
    pub sender: usize,
    /// It acknowledges more than any segment of its sender before.
    pub advances: bool,
    /// It itself.
    pub segment: &'r Segment,
}

/// A connection being read, as long as it is a textbook one.
pub struct Reading<'a> {
    player: Player<'a>,
    page: Page<'a>,
}

/// What is known of it so far.
struct Page<'a> {
    stage: Stage,
    next: [u32; 2],
    /// The highest acknowledgment of each end's stream.
    acked: [u32; 2],
    /// Capture time of each end's last segment.
    sent: [Time; 2],
    /// The same of its last with payload or FIN.
    content: [Time; 2],
    now: Time,
    /// The least time from the tap to each end and back.
    least: [Span; 2],
    book: &'a mut Textbook,
}

/// Longer than any.
const UNKNOWN: Span = Span(i64::MAX);

impl<'a> Reading<'a> {
    #[inline(always)]
    pub(super) fn new(
        player: Player<'a>,
        (incarnation, next): (u32, Option<Next>),
        book: &'a mut Textbook,
    ) -> Reading<'a> {
        *book = Textbook { incarnation, next, ..Textbook::default() };
        let never = [Time(i64::MIN); 2];
        let page = Page {
            stage: Stage::Fresh,
            next: [0; 2],
            acked: [0; 2],
            sent: never,
            content: never,
            now: never[0],
            least: [UNKNOWN; 2],
            book,
        };
        Reading { player, page }
    }

    /// Takes the next segment; `None` at the end, or where it is no textbook connection.
    #[inline(always)]
    pub fn advance(&mut self) -> Option<Passed<'_>> {
        let (x, advances) = match self.player.advance_plain() {
            Some(x) => (x, self.page.take_plain(x & 1, self.player.segment(x))),
            None => {
                let x = self.player.advance()?;
                (x, self.page.take(x & 1, self.player.segment(x)))
            }
        };
        let Some(advances) = advances else {
            self.page.stage = Stage::Other;
            return None;
        };
        Some(Passed { sender: x, advances, segment: self.player.segment(x) })
    }

    /// Whether it was a textbook connection to its end: only then its book means something.
    pub fn is_whole(&self) -> bool {
        // What took its place came later, or the clock was set back.
        let book = &self.page.book;
        self.page.stage == Stage::Closed && book.next.is_none_or(|next| next.time > book.last.0)
    }
}

impl Page<'_> {
    /// Takes a plain segment of end `x`: one in order, with no more than ACK, PSH and FIN, that acknowledges no more than was
    /// sent. Whether it acknowledges more than any before; `None` where it is no textbook connection.
    #[inline(always)]
    fn take_plain(&mut self, x: usize, seg: &Segment) -> Option<bool> {
        let (acked, content) = (self.acked[1 - x], seg.len > 0);
        let news = seg.ack != acked;
        let goes_on = self.stage == Stage::Open
            && !seg.has(Flags::FIN)
            && seg.window != 0
            && seg.time >= self.now
            && !after(acked, seg.ack)
            && (news || content);
        if !goes_on {
            return self.take(x, seg);
        }
        self.counts(x, seg);
        self.passes(x, seg, news, content);
        Some(news)
    }

    #[inline(always)]
    fn counts(&mut self, x: usize, seg: &Segment) {
        self.book.pause = self.book.pause.max(seg.time - self.now);
        self.now = seg.time;
        self.book.packets[x] += 1;
    }

    /// Takes any segment of end `x`; says the same of it.
    #[inline(never)]
    fn take(&mut self, x: usize, seg: &Segment) -> Option<bool> {
        let (y, kind) = (1 - x, seg.flags.control());
        if seg.time < self.now || seg.options.cut || seg.options.fast_open {
            return None;
        }
        if self.stage == Stage::Fresh {
            self.now = seg.time;
        }
        self.counts(x, seg);
        if kind & Flags::SYN.0 != 0 {
            return self.opens(x, kind, seg).then_some(true);
        }
        let news = seg.ack != self.acked[y];
        let fin = kind & Flags::FIN.0 != 0;
        let content = fin || seg.len > 0;
        let sound = kind & !Flags::FIN.0 == Flags::ACK.0
            && seg.window != 0
            && seg.options.sack_blocks == 0
            && seg.seq == self.next[x]
            && !after(seg.ack, self.next[y])
            && !after(self.acked[y], seg.ack)
            && (news || content);
        if !sound {
            return None;
        }
        self.stage = self.next_stage(x, seg)?;
        self.passes(x, seg, news, content);
        if self.stage == Stage::Closed {
            self.book.turnaround = [0, 1].map(|x| self.turnaround(x));
        }
        Some(news)
    }

    /// Where the connection stands after a segment of end `x` that is sound; `None` where it is no textbook connection.
    #[inline(always)]
    fn next_stage(&mut self, x: usize, seg: &Segment) -> Option<Stage> {
        let (all, fin, packet) = (seg.ack == self.next[1 - x], seg.has(Flags::FIN), (seg.time, seg.packet));
        Some(match self.stage {
            Stage::SynAck if x == 0 && !fin && all => {
                let took = seg.time - self.book.opening[1].0;
                if !repeats_ack(seg, took) {
                    self.note_turnaround(0, took);
                }
                self.book.opening[2] = packet;
                Stage::Open
            }
            Stage::Open if fin => {
                (self.book.closer, self.book.fin) = (x, packet);
                Stage::Fin
            }
            Stage::Open => Stage::Open,
            // Of two at the same time it could not be told what came first.
            Stage::Fin | Stage::Acked if x == self.book.closer || seg.len > 0 || seg.time <= self.before() => {
                return None;
            }
            Stage::Fin if !all && !fin && self.is_under_way(x, seg.time) => {
                self.book.lacking = Some(seg.time);
                Stage::Fin
            }
            Stage::Fin | Stage::Acked if !all => return None,
            Stage::Fin | Stage::Acked if fin => {
                self.book.answer = packet;
                Stage::Answered
            }
            Stage::Fin => {
                self.book.ack = Some(packet);
                Stage::Acked
            }
            Stage::Answered if x == self.book.closer && all && !fin && seg.len == 0 => {
                self.book.last = packet;
                Stage::Closed
            }
            _ => return None,
        })
    }

    /// What follows from a segment of end `x` after the handshake for the next ones.
    #[inline(always)]
    fn passes(&mut self, x: usize, seg: &Segment, news: bool, content: bool) {
        let y = 1 - x;
        if self.book.ready.is_none() && x == 1 {
            self.book.ready = Some((seg.time, seg.packet));
        }
        if news {
            if seg.ack == self.next[y] && self.content[y] == self.sent[y] && self.sent[y] != NONE.0 {
                self.note_turnaround(x, seg.time - self.sent[y]);
            }
            self.acked[y] = seg.ack;
        }
        self.book.bytes[x] += u64::from(seg.len);
        self.next[x] = seg.end();
        self.sent[x] = seg.time;
        if content {
            self.content[x] = seg.time;
        }
    }

    /// When the first FIN was sent, or known not to have arrived, or acknowledged.
    fn before(&self) -> Time {
        self.book.ack.map_or(self.book.lacking.unwrap_or(self.book.fin.0), |ack| ack.0)
    }

    /// The least time from the tap to end `x` and back in microseconds, once one is known.
    fn turnaround(&self, x: usize) -> Option<u32> {
        (self.least[x] != UNKNOWN).then(|| timers::least_turnaround(None, self.least[x])).flatten()
    }

    /// Whether the FIN may still have been on its way to end `x` when that sent something that was captured at `now`.
    fn is_under_way(&self, x: usize, now: Time) -> bool {
        self.before() >= timers::horizon(self.turnaround(x), now)
    }

    /// A SYN or SYN,ACK. Whether it is the one that is due.
    fn opens(&mut self, x: usize, kind: u16, seg: &Segment) -> bool {
        const SYN_ACK: u16 = Flags::SYN.0 | Flags::ACK.0;
        let packet = (seg.time, seg.packet);
        if seg.len > 0 || seg.flags.has(Flags::PSH) || seg.flags.has(Flags::URG) {
            return false;
        }
        match (self.stage, x, kind) {
            (Stage::Fresh, 0, kind) if kind == Flags::SYN.0 => {
                (self.book.opening[0], self.book.scope) = (packet, seg.scope);
                self.stage = Stage::Syn;
            }
            (Stage::Syn, 1, SYN_ACK) if seg.ack == self.next[0] => {
                self.note_turnaround(1, seg.time - self.book.opening[0].0);
                self.book.opening[1] = packet;
                self.acked = [seg.ack, seg.seq];
                self.stage = Stage::SynAck;
            }
            _ => return false,
        }
        self.next[x] = seg.end();
        self.sent[x] = seg.time;
        true
    }

    #[inline(always)]
    fn note_turnaround(&mut self, x: usize, span: Span) {
        self.least[x] = self.least[x].min(span);
    }
}
