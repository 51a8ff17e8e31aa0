//! FINs that were never captured: lost before the tap, dropped by the capture, or sent in a direction that it does not see.
//!
//! A FIN takes one sequence number. A number that was never captured, that its sender went past or its receiver
//! acknowledged, and after which the sender sent nothing, was a FIN (or a single byte, which is rarer). Where the FIN came
//! with data that was not captured either, only what the peer did afterwards tells.
//!
//! A keepalive has the number before the next one. One that is the first to be captured of its sender looks like any ACK,
//! and its answer like the acknowledgment of a FIN: until the sender goes on, or the keepalive comes again, neither is known.

use super::connection::Connection;
use super::endpoint::{Endpoint, UnseenFin};
use super::mark::{Mark, Place};
use super::rules::Event;
use super::scale::Scale;
use super::sequence::after;
use super::state::Evidence;
use crate::segment::Segment;
use crate::time::{Span, Time};

impl Endpoint {
    /// `seg`, sent by this end, begins one number beyond all that was captured of it.
    pub(super) fn note_skipped(&mut self, seg: &Segment) {
        if self.fin.is_none() && seg.seq == self.next.wrapping_add(1) && self.is_gapless() {
            let (received, bare) = (None, self.rests_on_bare_segment());
            self.gaps_mut().unseen_fin =
                Some(UnseenFin { end: seg.seq, time: seg.time, packet: seg.packet, received, own: true, bare });
        }
        let Some(gaps) = &mut self.gaps else { return };
        // The keepalive again, so that the first one was one, too.
        if gaps.unseen_fin.is_some_and(|u| u.bare && seg.end() == u.end.wrapping_sub(1)) {
            gaps.unseen_fin = None;
        }
        // More data: it was no FIN.
        if gaps.unseen_fin.is_some_and(|u| seg.len > 0 && after(seg.end(), u.end)) {
            gaps.unseen_fin = None;
        }
        if gaps.unseen_end.is_some_and(|end| seg.len > 0 && after(seg.end(), end)) {
            gaps.unseen_end = None;
        }
    }

    /// `seg`, sent by this end, shows something below the end of its stream: what may have been its FIN was a byte, if that is
    /// in there.
    pub(super) fn note_repeated(&mut self, seg: &Segment) {
        let Some(gaps) = &mut self.gaps else { return };
        let within = |end: u32| after(end, seg.seq) && !after(end, seg.seq.wrapping_add(seg.len));
        gaps.unseen_fin = gaps.unseen_fin.filter(|u| !within(u.end));
    }

    /// Whether the end of its stream is known only by segments without content, of which the first may have been a keepalive,
    /// one below the end. What the peer has acknowledged up to there is none.
    fn rests_on_bare_segment(&self) -> bool {
        self.isn.is_none() && self.last_content.0.get().is_none() && self.acked != Some(self.next)
    }

    /// Whether what shows its unseen FIN is the prompt answer to the peer's, which `fin` tells: it was sent too soon after
    /// that for a FIN between the two to be likely.
    pub(super) fn answers_at_once(&self, fin: &Mark, u: &UnseenFin) -> bool {
        u.own && fin.proof == u.packet && fin.time >= self.horizon(u.time)
    }

    /// The peer's `seg` acknowledges beyond all that was captured of this end.
    #[inline]
    pub(super) fn note_unseen(&mut self, seg: &Segment) {
        if self.gaps.is_some() || self.seen && after(seg.ack, self.next) {
            self.note_acked_unseen(seg);
            self.note_more_unseen(seg);
        }
    }

    fn note_more_unseen(&mut self, seg: &Segment) {
        if let Some(gaps) = &mut self.gaps
            && let Some(u) = gaps.unseen_fin.as_mut()
        {
            if after(seg.ack, u.end) {
                gaps.unseen_fin = None;
            } else if seg.ack == u.end && u.received.is_none() {
                u.received = Some((seg.time, seg.packet));
            }
        }
        if self.fin.is_some() || !self.seen || !after(seg.ack, self.next) {
            return;
        }
        if seg.ack == self.next.wrapping_add(1) && self.is_gapless() {
            let (received, bare) = (Some((seg.time, seg.packet)), self.rests_on_bare_segment());
            self.gaps_mut().unseen_fin =
                Some(UnseenFin { end: seg.ack, time: seg.time, packet: seg.packet, received, own: false, bare });
        } else {
            self.gaps_mut().unseen_end = Some(seg.ack);
        }
    }
}

impl Connection {
    /// Adds what follows from FINs that were not captured.
    pub(super) fn add_unseen_fins(&self, scales: &mut [Scale<'_>; 2]) {
        if self.ends.iter().all(|e| e.fin.is_some()) {
            return;
        }
        let unseen = [0, 1].map(|y| self.unseen_fin(y));
        for y in 0..2 {
            if let Some(u) = unseen[y] {
                if self.may_be_keepalive(y, &u) {
                    self.allow_unseen_fin(y, &u, scales);
                    continue;
                }
                // Where one segment shows both FINs, its sender closed first and has just acknowledged the answer.
                let answer = unseen[1 - y].is_some_and(|o| o.own && o.packet == u.packet);
                self.add_unseen_fin(y, &u, answer, scales);
            }
        }
    }

    /// What shows the FIN of end `y` that was not captured, if something does.
    fn unseen_fin(&self, y: usize) -> Option<UnseenFin> {
        let end = &self.ends[y];
        if end.fin.is_some() { None } else { end.unseen_fin().or_else(|| self.fin_with_unseen_data(y)) }
    }

    /// Whether end `y` is believed to have sent a FIN that was not captured: one of the numbers that were not is its.
    pub fn misses_fin(&self, y: usize) -> bool {
        self.unseen_fin(y).is_some_and(|u| !self.may_be_keepalive(y, &u))
    }

    /// Whether what shows that FIN of end `y` may be a keepalive, or the answer to one. Not if it is the peer's FIN, which
    /// rather answers another.
    fn may_be_keepalive(&self, y: usize, u: &UnseenFin) -> bool {
        u.bare && self.ends[1 - y].log.get(Event::SndFin).is_none_or(|fin| u.packet < fin.packet)
    }

    /// That FIN may have been there, and arrived, but nothing is believed to follow from it.
    fn allow_unseen_fin(&self, y: usize, u: &UnseenFin, scales: &mut [Scale<'_>; 2]) {
        let mark = |event, place| Mark { place, ..Mark::sure(event, Evidence::Assumed, u.time, u.packet) };
        scales[y].allow(mark(Event::SndFin, Place::Before));
        scales[1 - y].allow(mark(Event::RcvFin, Place::Before));
        if u.received.is_some() {
            scales[y].allow(mark(Event::RcvAckOfFin, Place::At));
        }
    }

    fn add_unseen_fin(&self, y: usize, u: &UnseenFin, answer: bool, scales: &mut [Scale<'_>; 2]) {
        let x = 1 - y;
        let mark = |event, evidence, place, (time, packet)| Mark { place, ..Mark::sure(event, evidence, time, packet) };
        let shown = (u.time, u.packet);
        let mut sent = mark(Event::SndFin, Evidence::Assumed, if answer { Place::After } else { Place::Before }, shown);
        // Too soon after the peer's FIN to answer it, or past before its acknowledgment: it was sent before. Otherwise
        // it is taken for the answer, even where something that was sent in between had to wait for it.
        let least = Span(self.ends[y].turnaround.map_or(0, |t| i64::from(t) * 900));
        let captured = self.ends[x].log.get(Event::SndFin).map(|m| m.time);
        let fin = scales[y].marks().iter().find(|m| m.event == Event::RcvFin).copied();
        if let (false, Some(fin)) = (answer, fin) {
            let prompt = self.ends[x].fins <= 1 && self.ends[y].answers_at_once(&fin, u);
            if u.time < captured.unwrap_or(fin.time) + least || prompt {
                (sent.time, sent.place) = (sent.time.min(fin.time), Place::Before);
            } else if fin.time == sent.time && fin.packet != u.packet {
                sent.place = Place::After;
            }
        }
        scales[y].add(sent);
        // It may have been a byte of data after all, unless the peer closed as well.
        let lone = self.ends[x].fin.is_none();
        if lone {
            scales[y].doubt(Event::SndFin);
            scales[x].doubt(Event::RcvFin);
        }
        let Some(received) = u.received else {
            // The capture missed it, or it was lost on its way; and who closed first is open.
            scales[x].add(mark(Event::RcvFin, Evidence::Assumed, Place::At, shown));
            scales[x].doubt(Event::RcvFin);
            if let Some(fin) = scales[y].marks().iter().find(|m| m.event == Event::RcvFin).copied() {
                scales[y].doubt(Event::SndFin);
                scales[y].allow(mark(Event::SndFin, Evidence::Assumed, Place::Before, (fin.time, u.packet)));
            }
            return;
        };
        scales[x].add(mark(Event::RcvFin, Evidence::Sent, Place::Before, received));
        let place = if answer { Place::After } else { Place::At };
        scales[y].add(mark(Event::RcvAckOfFin, Evidence::Inferred, place, received));
        if lone {
            scales[y].doubt(Event::RcvAckOfFin);
        }
        self.add_its_acknowledgment(y, received, scales);
    }

    /// What carried the unseen FIN of end `y`, which its peer had `received` by this packet, acknowledged the peer's FIN,
    /// too, unless they crossed.
    fn add_its_acknowledgment(&self, y: usize, received: (Time, u64), scales: &mut [Scale<'_>; 2]) {
        let x = 1 - y;
        let assumed =
            |place| Mark { place, ..Mark::sure(Event::RcvAckOfFin, Evidence::Assumed, received.0, received.1) };
        let own_fin = scales[x].marks().iter().find(|m| m.event == Event::SndFin).map(|m| m.time);
        let closed =
            own_fin.is_some_and(|t| t <= received.0) && self.ends[x].last_fin.is_none_or(|f| f.packet != received.1);
        if !closed || scales[x].has(Event::RcvAckOfFin) {
            return;
        }
        let crossed = self.whole_round_trip().zip(own_fin).is_some_and(|(trip, fin)| (received.0 - fin).0 < trip.0 / 2);
        if crossed {
            if let Some(i) = scales[y].marks().iter().position(|m| m.event == Event::SndFin) {
                let mut mark = scales[y].marks_mut().remove(i);
                scales[y].index();
                let fin = scales[y].marks().iter().find(|m| m.event == Event::RcvFin);
                mark.time = fin.map_or(mark.time, |m| mark.time.min(m.time));
                mark.place = Place::Before;
                scales[y].add(mark);
            }
            scales[x].add(assumed(Place::After));
        } else {
            scales[x].add(assumed(Place::Before));
            // So the other had received it.
            let fin = scales[y].marks_mut().iter_mut().find(|m| m.event == Event::RcvFin);
            if let Some(m) = fin.filter(|m| m.evidence == Evidence::Inferred) {
                (m.evidence, m.proof) = (Evidence::Confirmed, received.1);
                scales[y].index();
            }
        }
    }

    /// The round trip of the whole path by the handshake, with only the client's side captured: from its SYN to its ACK. Not
    /// if that took so long that it rather had to wait: for an address to be resolved, or for a SYN,ACK to come again.
    fn whole_round_trip(&self) -> Option<Span> {
        const WAITED: Span = Span::millis(500);
        let h = &self.handshake;
        let one_sided = self.ends.iter().any(|e| e.packets == 0);
        h.syn.get().zip(h.ack.get()).map(|(syn, ack)| ack - syn).filter(|trip| one_sided && *trip < WAITED)
    }

    /// A FIN that itself acknowledges the unseen end of the peer's stream, and is the last word of its sender, answers
    /// the peer's FIN, which came with that data.
    fn fin_with_unseen_data(&self, y: usize) -> Option<UnseenFin> {
        let (own, peer) = (&self.ends[y], &self.ends[1 - y]);
        let (fin, last) = (peer.last_fin?, peer.last?);
        let unseen = own.packets == 0 || own.gaps.as_ref().is_some_and(|g| g.unseen_end == Some(fin.ack));
        (unseen && peer.fin_advances && last.ack == fin.ack && own.acked == Some(fin.ack)).then_some(UnseenFin {
            end: fin.ack,
            time: fin.time,
            packet: fin.packet,
            received: Some((fin.time, fin.packet)),
            own: false,
            bare: false,
        })
    }
}
