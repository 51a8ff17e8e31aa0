//! Receipts: a tap sees a segment leave, not arrive. What was captured is suggested to its receiver, until the receiver's
//! own segments confirm it or show that it was not so.

use super::connection::Connection;
use super::mark::{Mark, Place};
use super::rules::Event;
use super::sequence::{after, before};
use super::state::Evidence;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

impl Connection {
    /// `seg` would cause `event` at `y` if it arrives.
    pub(super) fn suggest(&mut self, y: usize, event: Event, seg: &Segment) {
        let end = &mut self.ends[y];
        let acks_fin = seg.has(Flags::ACK) && end.fin.is_some_and(|fin| !before(seg.ack, fin));
        end.log.push(Mark::suggested(event, seg, acks_fin));
    }

    /// What `x` sends at `now` shows that `event` had not happened to it: what was captured so long ago that it must
    /// have arrived was lost, and the rest arrives later.
    #[inline]
    pub(super) fn disprove(&mut self, x: usize, event: Event, now: Time) {
        let log = &self.ends[x].log;
        if log.has(event) && !log.is_sure(event) {
            self.disprove_inferred(x, event, now);
        }
    }

    fn disprove_inferred(&mut self, x: usize, event: Event, now: Time) {
        let horizon = self.ends[x].horizon(now);
        if let Some(mark) = self.ends[x].log.disprove(event, horizon, now) {
            self.ends[x].disproved = self.ends[x].disproved.saturating_add(1);
            self.retract(x, mark);
        }
    }

    /// Keeps what was believed and is no more.
    pub(super) fn retract(&mut self, x: usize, mark: Mark) {
        /// Enough to explain any connection; a hostile one shall not fill memory.
        const KEPT: usize = 64;
        self.retractions = self.retractions.saturating_add(1);
        if self.retracted.len() < KEPT {
            self.retracted.push((x as u8, mark));
        }
    }

    /// `seg`, sent by one end, proves that `event` had happened to `x`. Which copy of its cause arrived first is told
    /// by the timestamp that `x` echoes, else by the time it needs to answer.
    #[inline]
    pub(super) fn confirm(&mut self, x: usize, event: Event, seg: &Segment) {
        if !self.ends[x].log.is_sure(event) {
            self.confirm_inferred(x, event, seg);
        }
    }

    fn confirm_inferred(&mut self, x: usize, event: Event, seg: &Segment) {
        let own = self.sender(seg) == x;
        if matches!(event, Event::RcvAckOfSyn | Event::RcvSynAck) {
            self.handshake.proven[x].get_or_insert(seg.time);
        }
        let end = &mut self.ends[x];
        let Some(first) = end.log.get(event).copied() else {
            // Its cause was not captured (or was taken for lost): the segment itself is what shows it.
            let mut mark = Mark::sure(event, Evidence::Sent, seg.time, seg.packet);
            mark.place = Place::Before;
            if !own {
                mark.evidence = Evidence::Confirmed;
                mark.proof = seg.packet;
            }
            end.log.settle(mark);
            return;
        };
        let log = &end.log;
        let echo = if own && seg.has(Flags::ACK) { seg.options.timestamps.map(|t| t.echo) } else { None };
        if event == Event::RcvSynAck
            && log.get(Event::SndSyn).is_some_and(|m| m.evidence == Evidence::Assumed)
            && echo.is_some_and(|e| log.copies(event).all(|m| m.tsval().is_some_and(|v| after(v, e))))
        {
            // It echoes a SYN,ACK from before the capture: those captured are repetitions.
            end.log.remove(Event::SndSyn);
            end.log.remove(Event::RcvSynAck);
            end.log.settle(Mark::sure(Event::WasOpen, Evidence::Assumed, first.time, 0));
            return;
        }
        if end.log.prove_only(event, seg.packet) {
            return;
        }
        let log = &end.log;
        let chosen = match echo {
            // Any of the client's segments completes the handshake; those that did not arrive have been taken back.
            _ if event == Event::RcvAckOfSyn => None,
            Some(echo) if log.copies(event).all(|m| m.tsval().is_some()) => {
                log.copies(event).rev().find(|m| m.tsval().is_some_and(|v| !after(v, echo)))
            }
            _ => {
                let horizon = seg.time - Span(i64::from(end.turnaround.unwrap_or(0)) * 800);
                log.copies(event).rev().find(|m| m.time <= horizon)
            }
        };
        let mark = Mark { evidence: Evidence::Confirmed, proof: seg.packet, ..chosen.copied().unwrap_or(first) };
        let late = echo.filter(|echo| event == Event::RcvFin && mark.tsval().is_some_and(|v| after(v, *echo)));
        if let Some(late) = late.and_then(|echo| self.late_fin(x, echo)) {
            self.ends[x].log.settle(Mark { evidence: Evidence::Confirmed, proof: seg.packet, ..late });
            return;
        }
        self.ends[x].log.settle(mark);
        if mark.packet != first.packet {
            // The first one was believed to have arrived when it was captured.
            self.retract(x, first);
        }
    }

    /// The FIN that `x` had received when it echoed `echo`, though it had been taken for lost: it was so long underway that
    /// what `x` sent meanwhile does not acknowledge it yet.
    fn late_fin(&mut self, x: usize, echo: u32) -> Option<Mark> {
        let arrived = |m: &Mark| m.event == Event::RcvFin && m.tsval().is_some_and(|v| !after(v, echo));
        let i = self.retracted.iter().rposition(|(side, m)| usize::from(*side) == x && arrived(m))?;
        let (_, mark) = self.retracted.remove(i);
        self.retractions = self.retractions.saturating_sub(1);
        let floor = self.ends[x].without_peer_fin.get().filter(|t| *t > mark.time);
        Some(floor.map_or(mark, |time| Mark { time, place: Place::After, ..mark }))
    }

    /// `x` acknowledges the peer's FIN.
    #[inline]
    pub(super) fn confirm_fin(&mut self, x: usize, seg: &Segment) {
        if !self.ends[x].log.is_sure(Event::RcvFin) {
            self.confirm_inferred_fin(x, seg);
        }
    }

    /// Whether `seg`, with which `x` acknowledges the peer's FIN, waited as only a delayed ACK does: who has closed before
    /// acknowledges the FIN at once (Linux `tcp_fin`, BSD `tcp_do_segment`), as nothing follows that it could go with. Only
    /// over a short path: queues of a long one delay as much.
    fn delays_ack_of_fin(&self, x: usize, seg: &Segment) -> bool {
        /// Delayed ACKs wait 40 ms at least on Linux, and up to 200 ms elsewhere.
        const LEAST: Span = Span::millis(30);
        const SHORT: u32 = 10_000;
        let (end, peer) = (&self.ends[x], &self.ends[1 - x]);
        // What comes after the FIN completes the stream below it.
        let once = peer.last_content.0.get().filter(|_| peer.fins == 1 && self.sender(seg) == x);
        let near = end.turnaround.filter(|least| *least < SHORT);
        once.zip(near).is_some_and(|(sent, least)| seg.time - sent > Span(i64::from(least) * 2_000 + LEAST.0))
    }

    fn confirm_inferred_fin(&mut self, x: usize, seg: &Segment) {
        let y = 1 - x;
        if self.before != 0 && self.delays_ack_of_fin(x, seg) {
            self.had_not_closed(x);
        }
        if !self.ends[x].log.has(Event::RcvFin) {
            // All suggestions were disproved, or something below the FIN was never captured: the latest segment that
            // could have completed the stream is the best guess, but after what shows that it was not complete.
            let fin = self.ends[y].log.get(Event::SndFin).map(|m| (m.time, m.packet));
            let (content, packet) = self.ends[y].last_content;
            let content = content.get().map(|t| (t, packet));
            let (time, packet) = fin.max(content).unwrap_or((seg.time, seg.packet));
            let opened = self.ends[x].log.get(Event::RcvAckOfSyn).map(|m| m.time);
            let floor = self.ends[x].without_peer_fin.get().max(opened).filter(|t| *t > time);
            let time = floor.unwrap_or(time).min(seg.time);
            // Sent once, it came with what it acknowledges.
            let (peer, own_fin) = (&self.ends[y], self.ends[x].fin);
            let only = peer.last_fin.filter(|last| peer.fins == 1 && last.packet == packet);
            let acks_fin = only.zip(own_fin).is_some_and(|(only, own_fin)| !before(only.ack, own_fin));
            self.ends[x].log.settle(Mark {
                proof: seg.packet,
                place: if floor.is_some() { Place::After } else { Place::At },
                ..Mark::sure(Event::RcvFin, Evidence::Confirmed, time, packet).that_acks_fin(acks_fin)
            });
        } else {
            self.confirm(x, Event::RcvFin, seg);
        }
        // The FIN that arrived may have carried the acknowledgment of its receiver's, too.
        if let Some(fin) = self.ends[x].log.get(Event::RcvFin).copied()
            && fin.acks_fin()
            && !self.ends[x].log.is_sure(Event::RcvAckOfFin)
        {
            let earlier = self.ends[x].log.get(Event::RcvAckOfFin).is_some_and(|m| m.time < fin.time);
            if earlier {
                self.prove_first(x, Event::RcvAckOfFin, seg.packet);
            } else {
                self.ends[x].log.settle(Mark { event: Event::RcvAckOfFin, ..fin });
            }
        }
    }

    /// `x` echoes a timestamp of a segment that acknowledged its FIN.
    #[inline]
    pub(super) fn confirm_ack_of_fin(&mut self, x: usize, seg: &Segment) {
        let log = &self.ends[x].log;
        if log.has(Event::RcvAckOfFin) && !log.is_sure(Event::RcvAckOfFin) {
            self.confirm_inferred_ack_of_fin(x, seg);
        }
    }

    fn confirm_inferred_ack_of_fin(&mut self, x: usize, seg: &Segment) {
        let log = &self.ends[x].log;
        let (Some(mark), Some(stamps)) = (log.get(Event::RcvAckOfFin), seg.options.timestamps) else { return };
        let (Evidence::Inferred, Some(tsval)) = (mark.evidence, mark.tsval()) else { return };
        // What overtook the peer's FIN is not echoed (RFC 7323 §4.3): only what came in order is.
        if mark.is_beyond_gap() && self.ends[1 - x].last_fin.is_some_and(|fin| fin.packet > mark.packet) {
            return;
        }
        if after(tsval, stamps.echo) {
            // An older one: it had not arrived yet, unless it came between two others.
            self.ends[x].log.disprove(Event::RcvAckOfFin, Time(i64::MIN), seg.time);
        } else if self.ends[1 - x].tsval_before_ack.is_none_or(|stale| after(tsval, stale)) {
            self.prove_first(x, Event::RcvAckOfFin, seg.packet);
        }
    }

    /// The first copy that stands is proven by `packet`.
    pub(super) fn prove_first(&mut self, x: usize, event: Event, packet: u64) {
        let log = &mut self.ends[x].log;
        if let Some(mark) = log.get(event).copied()
            && mark.evidence == Evidence::Inferred
        {
            log.settle(Mark { evidence: Evidence::Confirmed, proof: packet, ..mark });
        }
    }

    /// Offers `seg`, a segment without SYN or RST, to its receiver.
    #[inline(always)]
    pub(super) fn offer_to(&mut self, y: usize, seg: &Segment) {
        let x = 1 - y;
        let receiver = &self.ends[y];
        let server = receiver.log.has(Event::RcvSyn) || receiver.log.has(Event::SndSynAck);
        let acks_syn = receiver.isn.is_none_or(|isn| after(seg.ack, isn));
        if server && acks_syn && !receiver.log.is_sure(Event::RcvAckOfSyn) && !receiver.log.is_sure(Event::RcvSynAck) {
            self.suggest(y, Event::RcvAckOfSyn, seg);
        }
        let receiver = &self.ends[y];
        if receiver.fin.is_none_or(|fin| before(seg.ack, fin)) {
            self.ends[x].tsval_before_ack = seg.options.timestamps.map(|t| t.value);
        } else if !receiver.log.is_sure(Event::RcvAckOfFin) {
            let overtakes = after(seg.seq, self.ends[x].contiguous);
            self.suggest(y, Event::RcvAckOfFin, seg);
            if overtakes {
                self.ends[y].log.note_gap(Event::RcvAckOfFin, seg.packet);
            }
        }
        // The FIN counts once nothing is missing below it; whatever fills the last gap, or repeats a part of the
        // stream after a loss, brings it.
        let sender = &self.ends[x];
        if let Some(fin) = sender.fin
            && seg.seq_len() > 0
            && before(seg.seq, fin)
            && sender.complete_to(fin)
            && !self.ends[y].log.is_sure(Event::RcvFin)
        {
            self.suggest(y, Event::RcvFin, seg);
        }
    }
}
