//! A connection that goes by the book, but does not end as a [textbook](Textbook) one does: a RST ended it, its FINs crossed, or
//! one end went on behind the other's FIN; or it did not come to be, as nobody answered. Nothing is lost, and no other connection
//! comes on the same four-tuple.
//!
//! Its tape is read in one go as that of a textbook connection is, and what became of both ends is what
//! [`Connection`](super::Connection) comes to.

use smallvec::SmallVec;

use super::abridged::{Abridged, Measure, Stage};
use super::broken::{Lately, Met, Rst};
use super::case::Notes;
use super::crossed::{Close, Crossed};
use super::halved::{Half, Halved};
use super::outline::Outline;
use super::profile::Profile;
use super::table::Tracker;
use super::tape::{self, mark};
use super::textbook::Textbook;
use super::unanswered::Unanswered;
use super::verdict::{Verdict, Weighing};
use crate::segment::Flags;
use crate::time::{Span, Time};

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// By a RST.
    Reset(Rst),
    /// Both ends closed before either knew that the other did.
    Crossed(Crossed),
    /// One end went on sending behind the other's FIN.
    Halved(Halved),
    /// Its SYN was not answered.
    Unanswered(Unanswered),
}

impl Ended {
    /// Whether it came to be.
    pub fn was_open(&self) -> bool {
        !matches!(self, Ended::Reset(Rst { met: Met::Syn, .. }) | Ended::Unanswered(_))
    }

    /// How many times its SYN was repeated.
    pub fn retries(&self) -> u32 {
        if let Ended::Unanswered(unanswered) = self { unanswered.syns - 1 } else { 0 }
    }
}

impl tape::Tape {
    /// Whether it is orderly up to a RST, the only one, which comes behind the SYN, or behind more than the handshake; or to the
    /// end, and both ends sent FINs, but not one after the other.
    #[inline]
    pub fn may_end_so(&self) -> bool {
        const ENDED: u8 = mark::RESET | mark::PLAIN;
        self.disorder == 0
            && match self.marks & ENDED {
                ENDED => !matches!(self.count, 3 | 4),
                0 => self.has_fins(),
                _ => false,
            }
    }
}

impl<N: Notes> Tracker<N> {
    /// Connection `i`, the only one on its four-tuple, to be read in one go, if it may have gone by the book and [ended otherwise](super::Ended): it
    /// may if it is half-closed.
    #[inline]
    pub fn ended(&self, i: usize, half_closed: bool) -> Option<Abridged<'_>> {
        self.store.ended(i, half_closed)
    }

    /// Connection `i`, the only one on its four-tuple, if it is a SYN that was sent again and again, and not answered.
    #[inline]
    pub fn unanswered(&self, i: usize) -> Option<Unanswered> {
        self.store.unanswered(i)
    }
}

impl Abridged<'_> {
    /// Reads it into `book`, and gives it to `measure`. How it ended, if it went by the book up to that, and nothing about it is rare:
    /// only then either means something.
    #[inline(always)]
    pub fn read_to_end(mut self, book: &mut Textbook, measure: &mut impl Measure) -> Option<Ended> {
        if !self.asks(book) {
            return None;
        }
        let seg = self.tape.behind_syn()?;
        if seg.flags.has(Flags::RST) {
            // A copy, so that this one need not lie in memory.
            let copy = self;
            return copy.refuses(&seg, book).map(Ended::Reset);
        }
        // A TTL is written where it is another one than before, and 0 at first: then both ends' are known, and a third is a change.
        if self.tape.ttls != 2 || !self.opens(&seg, book) {
            return None;
        }
        let mut page = self.page(book, measure);
        let [_, syn_ack, ack] = book.opening.map(|packet| packet.1);
        let (mut lately, mut close) = (Lately::new([ack, syn_ack]), Close::default());
        let mut half = Half::default();
        loop {
            let (before, bytes) = (self.tape.now, self.tape.bytes);
            let seg = match self.tape.plain() {
                Some(seg) => seg,
                None => {
                    let seg = self.tape.any()?;
                    if seg.flags.has(Flags::RST) {
                        // A copy, as above.
                        let tape = self.tape;
                        let rst = page.breaks(&seg, &lately, before, &tape, book)?;
                        let fin = |x: usize| u32::from(rst.met == Met::Fin && x != rst.sender);
                        self.tells(&page, fin(0), fin(1), book);
                        let told = measure.reset(rst.sender, tape.now, rst.in_flight > 0);
                        return (told && tape.bytes.is_empty()).then_some(Ended::Reset(rst));
                    }
                    self.tape.continued(&seg, before)?
                }
            };
            let tape = &mut self.tape;
            if !seg.fin && page.stage == Stage::Open {
                if !page.takes(&seg, tape, book, measure) {
                    return None;
                }
            } else if !page.closes::<true>(&seg, tape, book, measure) {
                return None;
            } else {
                let (packet, over) = ((tape.now, tape.packet), tape.bytes.is_empty());
                let ended = match page.stage {
                    Stage::Acked | Stage::Half | Stage::HalfAnswered => {
                        if !half.takes(&seg, (page.stage, book.closer), packet, bytes) {
                            return None;
                        }
                        None
                    }
                    Stage::HalfOver => Some(Ended::Halved(half.over(packet)?)),
                    stage => close.takes(&seg, stage, bytes).map(Ended::Crossed),
                };
                if ended.is_some() {
                    self.tells(&page, 1, 1, book);
                    return ended.filter(|_| over);
                }
            }
            lately.takes(&seg, self.tape.packet);
        }
    }
}

impl Weighing {
    /// The verdicts at `end` on a connection that went by the book, and ended so.
    pub fn weigh_ended(&mut self, book: &Textbook, ended: &Ended, end: Time, profile: &Profile) -> &[Verdict; 2] {
        match ended {
            Ended::Reset(rst) => book.weigh_to_reset(rst, end, profile, &mut self.verdicts),
            Ended::Crossed(crossed) => book.weigh_crossed(crossed, end, profile, &mut self.verdicts),
            Ended::Halved(halved) => book.weigh_halved(halved, end, profile, &mut self.verdicts),
            Ended::Unanswered(unanswered) => unanswered.weigh(end, profile, &mut self.verdicts),
        }
        &self.verdicts
    }

    /// The verdicts reached last.
    pub fn verdicts(&self) -> &[Verdict; 2] {
        &self.verdicts
    }
}

impl Textbook {
    /// What there is to say of it in short, if it ended so.
    pub fn outline_to(&self, ended: &Ended) -> Outline {
        match ended {
            Ended::Reset(rst) => Outline { last: rst.packet.0, last_packet: rst.packet.1, ..self.outline() },
            Ended::Crossed(_) | Ended::Halved(_) => self.outline(),
            Ended::Unanswered(unanswered) => unanswered.outline(),
        }
    }

    /// From its first segment to its end, if it ended so, and from the first FIN to that, if there is one.
    pub fn lasted_to(&self, ended: &Ended) -> [Span; 2] {
        let (end, closed) = match ended {
            Ended::Reset(rst) => (rst.packet.0, rst.met == Met::Fin),
            Ended::Crossed(_) | Ended::Halved(_) => (self.last.0, true),
            Ended::Unanswered(Unanswered { first, last, .. }) => return [last.0 - first.0, Span(0)],
        };
        [end - self.first(), if closed { end - self.fin.0 } else { Span(0) }]
    }

    /// From the FIN of each end to its acknowledgment, if both sent one, and it ended so.
    pub fn fins_to_acks(&self, ended: &Ended) -> Option<[Span; 2]> {
        match ended {
            Ended::Crossed(crossed) => Some(self.crossed_to_ack(crossed)),
            Ended::Halved(_) => Some(self.fin_to_ack()),
            Ended::Reset(_) | Ended::Unanswered(_) => None,
        }
    }

    /// When the first FIN was sent, or else what ended it.
    pub fn closed_by(&self, ended: &Ended) -> Time {
        match ended {
            Ended::Reset(rst) if rst.met != Met::Fin => rst.packet.0,
            _ => self.fin.0,
        }
    }

    /// The packets that prove receipts, in order, if it ended so.
    pub fn proofs_to(&self, ended: &Ended) -> SmallVec<[(u64, Time); 6]> {
        let ([_, syn_ack, ack], acked) = (self.opening, self.ack.unwrap_or(self.last));
        let (end, length) = match ended {
            Ended::Reset(Rst { met: Met::Syn, .. }) | Ended::Unanswered(_) => return SmallVec::new(),
            Ended::Reset(rst) => ([rst.packet; 3], 4),
            Ended::Crossed(_) => ([acked, self.last, self.last], 5),
            Ended::Halved(halved) => ([acked, halved.proof, self.last], 6),
        };
        let packets = [syn_ack, ack, self.ready(), end[0], end[1], end[2]];
        SmallVec::from_buf_and_len(packets.map(|(time, packet)| (packet, time)), length)
    }
}
