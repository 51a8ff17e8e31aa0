//! Opening: SYN, SYN,ACK and what completes them (RFC 9293 §3.5, RFC 7413 for Fast Open).

use super::connection::Connection;
use super::endpoint::{Endpoint, NOT_OFFERED, When, scale_of};
use super::mark::{Mark, Place};
use super::rules::Event;
use super::sequence::{after, repeats_ack, within};
use super::state::Evidence;
use crate::segment::{Flags, IcmpError, IcmpKind, Segment};
use crate::time::{Span, Time};

/// Capture times of the handshake's segments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Handshake {
    /// The latest SYN before the first SYN,ACK.
    pub syn: When,
    /// The latest SYN,ACK before the client's ACK.
    pub syn_ack: When,
    /// The first SYN,ACK.
    pub first_syn_ack: When,
    /// The client's first acknowledgment of the server's SYN.
    pub ack: When,
    /// The segment of each end that first proves that its SYN was acknowledged.
    pub proven: [When; 2],
}

/// The SYN of `end`, not captured, that a SYN,ACK answers at `now`. If who answers `opens` too, `end` did not listen when it
/// received that SYN, or would have answered it: it had sent its own.
fn unseen_syn(end: &Endpoint, opens: bool, now: Time) -> Mark {
    let mark = Mark::sure(Event::SndSyn, Evidence::Assumed, now, 0);
    let crossed = end.log.get(Event::RcvSyn).filter(|_| opens);
    crossed.map_or(mark, |syn| Mark { time: syn.time, place: Place::Before, ..mark })
}

impl Connection {
    /// `x` sends a SYN without ACK. Whether it is its first.
    pub(super) fn syn(&mut self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        let end = &mut self.ends[x];
        if end.isn.is_some_and(|isn| isn != seg.seq) {
            // Not of this incarnation; the flow table decides what becomes of it.
            return false;
        }
        if self.is_late_syn(x, seg) {
            return self.late_syn(x, seg);
        }
        let end = &mut self.ends[x];
        end.syns = end.syns.saturating_add(1);
        // A RST before its first SYN refused the peer's.
        end.log.remove(Event::SndRst);
        let first = end.isn.is_none() && !end.seen;
        if first {
            end.isn = Some(seg.seq);
            end.next = seg.end();
            end.contiguous = end.next;
            end.seen = true;
            end.scale = scale_of(seg);
            end.log.settle(Mark::sure(Event::SndSyn, Evidence::Sent, seg.time, seg.packet));
        } else if end.log.has(Event::SndSyn) {
            end.retransmitted += 1;
            // It would not repeat its SYN if an answer had arrived.
            self.disprove(x, Event::RcvSynAck, seg.time);
            self.disprove(x, Event::RcvAckOfSyn, seg.time);
        }
        if self.handshake.first_syn_ack.get().is_none() {
            self.handshake.syn = seg.time.into();
        }
        self.alive(x, seg);
        // A SYN without ACK: the peer's, if there is one, has not arrived.
        self.ends[x].log.disprove(Event::RcvSyn, Time(i64::MIN), seg.time);
        if !self.ends[y].log.is_sure(Event::RcvSyn) && !self.ends[y].log.has(Event::SndSynAck) {
            self.suggest(y, Event::RcvSyn, seg);
        }
        first
    }

    /// Whether the SYN `seg` of `x` is the one that was answered before it was captured: it comes soon behind the answer.
    fn is_late_syn(&self, x: usize, seg: &Segment) -> bool {
        const SOON: Span = Span::millis(10);
        let (end, answered) = (&self.ends[x], self.handshake.first_syn_ack.get());
        let unseen = end.log.get(Event::SndSyn).is_some_and(|mark| mark.evidence == Evidence::Assumed);
        unseen && end.syns == 0 && end.syn_acks == 0 && answered.is_some_and(|time| seg.time - time < SOON)
    }

    /// It was sent when it was assumed to be.
    fn late_syn(&mut self, x: usize, seg: &Segment) -> bool {
        let end = &mut self.ends[x];
        end.syns = 1;
        end.scale = scale_of(seg);
        if let Some(assumed) = end.log.get(Event::SndSyn).copied() {
            end.log
                .settle(Mark { time: assumed.time, ..Mark::sure(Event::SndSyn, Evidence::Sent, seg.time, seg.packet) });
        }
        self.settle_scale();
        true
    }

    /// An ICMP error quotes a segment of end `x`. If that is its SYN one copy of it did not arrive, the latest as a rule, as
    /// long as nothing comes from the other end; what becomes of end `x` is for its stack to decide (RFC 9293 §3.9.2.2).
    pub(super) fn icmp(&mut self, x: usize, error: &IcmpError) {
        let fatal = !matches!(error.kind, IcmpKind::TooBig(_));
        if fatal && self.ends[x].isn == Some(error.seq) && self.ends[1 - x].packets == 0 {
            let believed = self.ends[1 - x].log.disprove_latest(Event::RcvSyn);
            believed.into_iter().for_each(|mark| self.retract(1 - x, mark));
        }
    }

    /// `x` sends SYN,ACK. Whether it is its first.
    pub(super) fn syn_ack(&mut self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        let now = seg.time;
        if !self.answers_syn(y, seg) {
            return false;
        }
        self.alive(x, seg);
        let active = self.ends[x].log.has(Event::SndSyn);
        let repeated = self.ends[x].syn_acks > 0;
        let end = &mut self.ends[x];
        end.syn_acks = end.syn_acks.saturating_add(1);
        if repeated {
            end.retransmitted += 1;
        } else if let (Some(syn), Some(_)) = (self.handshake.syn.get(), self.ends[y].isn) {
            self.ends[x].note_turnaround(now - syn);
        }
        if repeated && self.ends[x].isn == Some(seg.seq) {
            // It would not repeat it if the handshake had been completed.
            self.disprove(x, Event::RcvAckOfSyn, now);
            self.disprove(x, Event::RcvFin, now);
        } else if repeated && !self.ends[x].log.is_sure(Event::RcvAckOfSyn) {
            // A new initial sequence number: the first request was forgotten and began anew.
            self.ends[x].log.remove(Event::RcvAckOfSyn);
            self.ends[y].log.disprove(Event::RcvSynAck, now, now);
        }
        if !self.ends[y].log.is_sure(Event::RcvSynAck) || !self.ends[x].seen {
            let end = &mut self.ends[x];
            end.isn = Some(seg.seq);
            end.next = seg.end();
            end.contiguous = end.next;
            end.clear_gaps();
            end.acked = None;
            end.seen = true;
            end.scale = scale_of(seg);
        }
        self.settle_scale();
        if active {
            // Simultaneous open: it answers the peer's SYN and has not seen an answer to its own, nor what comes after that.
            for event in [Event::RcvSynAck, Event::RcvAckOfSyn, Event::RcvFin] {
                self.ends[x].log.disprove(event, Time(i64::MIN), now);
            }
        }
        if active || self.ends[x].log.has(Event::RcvSyn) {
            self.confirm(x, Event::RcvSyn, seg);
        } else if !active && !self.ends[x].log.has(Event::SndSynAck) {
            self.ends[x].log.settle(Mark::sure(Event::SndSynAck, Evidence::Sent, now, seg.packet));
        }
        self.syn_acknowledged(y, active, seg);
        self.handshake.first_syn_ack.get_or_insert(now);
        if self.handshake.ack.get().is_none() {
            self.handshake.syn_ack = now.into();
        }
        if !self.ends[y].log.is_sure(Event::RcvSynAck) {
            self.suggest(y, Event::RcvSynAck, seg);
        }
        !repeated
    }

    /// What the SYN,ACK `seg` says of end `y`, whose SYN it acknowledges, even if that was missed.
    #[inline(always)]
    fn syn_acknowledged(&mut self, y: usize, active: bool, seg: &Segment) {
        let end = &mut self.ends[y];
        if end.isn.is_none() && !end.seen {
            end.isn = Some(seg.ack.wrapping_sub(1));
            end.next = seg.ack;
            end.contiguous = seg.ack;
            end.seen = true;
            end.log.settle(unseen_syn(end, active, seg.time));
        }
        if let Some(isn) = end.isn
            && after(seg.ack, isn.wrapping_add(1))
        {
            self.fast_open = true;
        }
        end.acknowledge(seg.ack);
    }

    /// Whether the SYN,ACK `seg` acknowledges the SYN that `y` sent in this incarnation.
    pub(super) fn answers_syn(&self, y: usize, seg: &Segment) -> bool {
        let peer = &self.ends[y];
        match peer.isn {
            Some(isn) => within(isn.wrapping_add(1), seg.ack, peer.next),
            None => !peer.seen,
        }
    }

    /// Whether end `x` waits for the answer to its SYN.
    #[inline]
    pub(super) fn is_in_syn_sent(&self, x: usize) -> bool {
        let log = &self.ends[x].log;
        log.has(Event::SndSyn) && !log.has(Event::RcvSynAck) && !log.has(Event::RcvSyn)
    }

    /// Whether `seg` of end `x`, which has no SYN and is the first of it, belongs to an older connection that `x` still
    /// holds: in SYN_SENT the other end takes no acknowledgment of what it never sent (RFC 9293 §3.10.7.3, Figure 9). That is
    /// a mere acknowledgment, and the same one each time. Where the capture misses the rest of the handshake and what came
    /// after it, content or acknowledgments that go on tell that it is none.
    pub(super) fn is_stale(&mut self, x: usize, seg: &Segment) -> bool {
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        let Some(isn) = peer.isn.filter(|_| !own.seen && seg.has(Flags::ACK)) else { return false };
        if within(isn.wrapping_add(1), seg.ack, peer.next) || !self.is_in_syn_sent(1 - x) {
            return false;
        }
        if seg.seq_len() > 0 {
            return false;
        }
        let before = self.ends[x].gaps_mut().challenge.replace(seg.ack);
        !before.is_some_and(|ack| after(seg.ack, ack))
    }

    /// Whether the SYN,ACK `seg` belongs to a new connection of which the capture does not show the SYN: end `y`, which
    /// must have sent it, is not captured at all, and both numbers differ from what they were.
    pub(super) fn is_unanswering(&self, y: usize, seg: &Segment) -> bool {
        self.ends[y].packets == 0 && self.ends[1 - y].isn != Some(seg.seq)
    }

    /// A window scale counts only if both SYNs offer one (RFC 7323 §2.2).
    pub(super) fn settle_scale(&mut self) {
        if self.ends.iter().any(|e| e.scale == Some(NOT_OFFERED)) && self.ends.iter().all(|e| e.scale.is_some()) {
            self.ends[0].scale = Some(0);
            self.ends[1].scale = Some(0);
        }
    }

    /// A segment of `x` without SYN: what it shows about the handshake of its sender.
    pub(super) fn opened_by(&mut self, x: usize, seg: &Segment) {
        let y = 1 - x;
        let now = seg.time;
        let log = &self.ends[x].log;
        if self.before != 0 || log.has(Event::WasOpen) {
            return;
        }
        let client = log.has(Event::SndSyn);
        let server = log.has(Event::RcvSyn) || log.has(Event::SndSynAck);
        if client && !server && !log.is_sure(Event::RcvSynAck) {
            // Only a received SYN,ACK lets a client send anything but SYN.
            if self.ends[y].isn.is_none_or(|isn| after(seg.ack, isn)) {
                if self.ends[y].isn.is_none() {
                    self.ends[y].isn = Some(seg.ack.wrapping_sub(1));
                }
                // Where its stream goes on later, what acknowledged it first was not captured.
                let first = !self.ends[x].seen || !after(seg.seq, self.ends[x].next);
                let took = self.handshake.syn_ack.get().map(|syn_ack| now - syn_ack);
                if let Some(took) = took.filter(|took| first && !repeats_ack(seg, *took)) {
                    self.ends[x].note_turnaround(took);
                }
                if first {
                    self.handshake.ack.get_or_insert(now);
                }
                self.confirm(x, Event::RcvSynAck, seg);
                // So the server had received the SYN.
                if !self.ends[y].log.has(Event::SndSynAck) {
                    self.confirm(y, Event::RcvSyn, seg);
                }
            }
        } else if server && self.fast_open {
            self.opened_by_echo(x, seg);
        } else if server && !log.is_sure(Event::RcvAckOfSyn) {
            if !log.is_sure(Event::RcvSyn) && !log.has(Event::SndSynAck) {
                self.confirm(x, Event::RcvSyn, seg);
            }
            if client && seg.seq_len() == 0 {
                // In a simultaneous open a bare ACK may be a challenge: some stacks find the peer's SYN,ACK outside their
                // window and stay in SYN_RCVD until its ACK comes.
                let log = &mut self.ends[x].log;
                if !log.has(Event::RcvSynAck) && !log.has(Event::RcvAckOfSyn) {
                    let mark = Mark::sure(Event::RcvSynAck, Evidence::Inferred, now, seg.packet);
                    log.push(Mark { place: Place::Before, ..mark });
                }
            } else if !client && self.is_challenge(x, seg) {
                // It may still be in SYN_RCVD.
            } else if !client || self.ends[x].isn.is_some_and(|isn| after(seg.seq, isn)) {
                let event = if client { Event::RcvSynAck } else { Event::RcvAckOfSyn };
                self.confirm(x, event, seg);
            }
        } else if !client && !server && self.ends[y].log.has(Event::SndSyn) {
            self.confirm(x, Event::RcvSyn, seg);
            self.confirm(x, Event::RcvAckOfSyn, seg);
        }
    }

    /// Whether `seg` of the server `x` may be how it answers, in SYN_RCVD, what is outside its window (RFC 9293 §3.10.7.4): a
    /// bare ACK that acknowledges no more than the SYN, while nothing of the client acknowledges the server's.
    fn is_challenge(&self, x: usize, seg: &Segment) -> bool {
        let acks_syn_only = self.ends[1 - x].isn.is_some_and(|isn| seg.ack == isn.wrapping_add(1));
        seg.seq_len() == 0 && acks_syn_only && !self.ends[x].log.has(Event::RcvAckOfSyn)
    }

    /// With Fast Open a server sends data and even its FIN before the handshake is complete (RFC 7413 §4.2), so that only
    /// the timestamp it echoes tells whether the client's ACK had arrived.
    fn opened_by_echo(&mut self, x: usize, seg: &Segment) {
        let log = &self.ends[x].log;
        let (Some(mark), Some(stamps)) = (log.get(Event::RcvAckOfSyn), seg.options.timestamps) else { return };
        if mark.evidence != Evidence::Inferred {
            return;
        }
        if mark.tsval().is_some_and(|v| after(v, stamps.echo)) {
            self.disprove(x, Event::RcvAckOfSyn, seg.time);
        } else {
            self.confirm(x, Event::RcvAckOfSyn, seg);
        }
    }
}
