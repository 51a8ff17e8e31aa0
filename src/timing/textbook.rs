//! What is measured of a textbook connection ([`Textbook`](crate::tracker::Textbook)): what [`Measured::take`] comes to for
//! it, without the questions whose answers are known; and of the handshake that another connection begins with.

use super::blame::{Cause, Situation};
use super::flight::Flight;
use super::flow::{Flow, Measured};
use super::maybe::Maybe;
use super::pause::Ender;
use crate::segment::{Flags, Segment};
use crate::tracker::opening::Opening;

/// What each end has sent that is not acknowledged yet: made once, and used for one connection after the other. Nothing is
/// left of it where a connection was textbook to its end.
#[derive(Debug, Default)]
pub struct Flights([Flight; 2]);

impl Measured {
    /// Takes a handshake with which the connection begins: what [`Measured::take`] comes to for its segments.
    pub fn open(&mut self, [syn, syn_ack, ack]: Opening<'_>) {
        self.opening.open(syn.time);
        for (x, seg) in [syn, syn_ack].into_iter().enumerate() {
            self.handshake.opening(x, seg);
            self.opening.spend(seg.time);
        }
        self.add_proof(syn_ack);
        self.handshake.later(0, ack);
        let mut flow = self.spare.take();
        flow.blame = self.opening.account();
        flow.blame.spend(ack.time, Cause::Handshake);
        flow.ttl[0] = Some(ack.ttl);
        flow.opened(0, ack.time, &self.handshake);
        flow.acknowledges(0, ack, &Situation::default());
        self.flow = Some(flow);
        self.add_proof(ack);
    }

    /// Takes the next segment of a textbook connection, of end `x`; end 0 is the client. `advances` if it acknowledges more
    /// than any of `x` before.
    #[inline(always)]
    pub fn textbook(&mut self, x: usize, advances: bool, seg: &Segment, flights: &mut Flights) {
        let Some(flow) = &mut self.flow else { return self.opening_textbook(x, seg, flights) };
        if !self.handshake.is_ready() && x & 1 == 1 {
            self.handshake.note_ready(seg.time);
        }
        flow.textbook(x & 1, advances, seg, flights);
    }

    /// The same of a segment of the handshake: the client's ACK, the last, completes it.
    #[inline(never)]
    fn opening_textbook(&mut self, x: usize, seg: &Segment, flights: &mut Flights) {
        if seg.has(Flags::SYN) {
            self.opening.open(seg.time);
            self.handshake.opening(x, seg);
            return self.opening.spend(seg.time);
        }
        self.handshake.later(x, seg);
        let mut flow = self.spare.take();
        flow.gaps.last = seg.time;
        self.opening.spend(seg.time);
        flow.blame = self.opening.account();
        flow.opened(x, seg.time, &self.handshake);
        flights.0.iter_mut().for_each(Flight::clear);
        flow.textbook(x & 1, true, seg, flights);
        self.flow = Some(flow);
    }
}

impl Flow {
    #[inline(always)]
    fn textbook(&mut self, x: usize, advances: bool, seg: &Segment, flights: &mut Flights) {
        self.ttl[x].get_or_insert(seg.ttl);
        let [a, b] = &mut flights.0;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        if advances {
            self.acknowledges_in_order(x, seg, peer);
        }
        let (payload, fin) = (seg.len > 0, seg.has(Flags::FIN));
        if payload || fin {
            self.news_in_order(x, seg, own);
        }
        if fin {
            self.close.fin(x, seg, self.content.time());
            self.turns.finish(&mut self.samples);
        }
        self.close.segment(x, seg, true);
        if payload {
            self.content = seg.time.into();
        }
    }

    /// What [`Flow::acknowledges`] comes to where nothing was lost, or came late: `flight` is what the other end has sent.
    #[inline(always)]
    fn acknowledges_in_order(&mut self, x: usize, seg: &Segment, flight: &mut Flight) {
        let progress = self.trips[x].progress();
        let (flying, sent) = (!flight.is_empty(), flight.acknowledged(seg.ack));
        self.trips[x].note_progress(seg.time);
        if let Some(sent) = sent {
            let span = seg.time - sent;
            if !self.is_missed(x, seg, span, progress) {
                self.sampled(x, span);
            }
        }
        if flying && flight.is_empty() {
            self.settled[1 - x] = seg.time.into();
        }
    }

    /// What [`Flow::news`] comes to there: `flight` is what end `x` has sent. Once one of them has closed there is no payload
    /// any more.
    #[inline(always)]
    fn news_in_order(&mut self, x: usize, seg: &Segment, flight: &mut Flight) {
        let (now, payload, flying) = (seg.time, seg.len > 0, !flight.is_empty());
        if self.close.has_begun() {
            self.blame.spend(now, Cause::Close);
        } else {
            let talker = self.turns.talker();
            let situation = Situation { talker: talker.or(Some(0)), server: talker.map(|_| 1), ..Situation::default() };
            if payload {
                let free = self.free_since(x, now, flying);
                self.blame.speaks(x, now, &situation, self.least(x), free);
            } else {
                self.closes(x, seg, &situation, flying);
            }
        }
        if !flying {
            self.trips[1 - x].note_progress(now);
        }
        flight.push(seg.end(), seg.time);
        if payload {
            self.note_held(x, seg);
        }
        self.settled[x] = Maybe::NONE;
        if payload {
            self.turns.speaks(x, seg, &mut self.samples);
        }
        self.gaps.content(now, (if payload { Ender::Data } else { Ender::Fin }, x));
    }
}
