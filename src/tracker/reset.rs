//! Resets: who sent them, and whether their receiver accepts them (RFC 9293 §3.5.2-3, RFC 5961 §3, and what Linux does).

use super::connection::Connection;
use super::mark::{Mark, Place};
use super::rules::{Event, Events};
use super::sequence::{after, before, within};
use super::state::{Evidence, State};
use super::timers::{first_timer, round_trip};
use super::trace::Trace;
use crate::segment::{Flags, Segment};
use crate::time::Span;

/// A RST was sent or received.
pub(super) const RESET: Events = Events::of(&[Event::SndRst, Event::RcvRst]);

/// It closed or lost the connection before.
const GONE: Events = Events::of(&[Event::SndFin, Event::SndRst, Event::RcvRst]);

/// Segments sent before a RST may be captured this much after it.
pub const OVERTAKEN: Span = Span::millis(100);

/// Whether `ttl` is an initial value that no router has lowered yet, unlike `usual`, that of the same end's other segments.
pub fn is_unspent(ttl: u8, usual: u8) -> bool {
    const INITIAL: [u8; 4] = [32, 64, 128, 255];
    ttl > 32 && INITIAL.contains(&ttl) && !INITIAL.contains(&usual)
}

impl Connection {
    /// `x` sends a RST, or somebody does in its name. Whether its receiver accepts it.
    pub(super) fn reset(&mut self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        if seg.has(Flags::ACK) && self.ends[y].fin == Some(seg.ack) {
            self.confirm_fin(x, seg);
        }
        if self.is_answer_to_stale_ack(x, seg) {
            return false;
        }
        self.imply_opening(x, seg);
        // RFC 9293 3.5.2: the number 0 is that of an end without connection, whatever it had before.
        let refuses =
            seg.has(Flags::ACK) && seg.seq == 0 && self.ends[y].isn.is_some_and(|i| seg.ack == i.wrapping_add(1));
        let genuine = self.is_senders_own(x, seg);
        let accepted = self.accepts_reset(y, seg);
        if !self.ends[x].seen || refuses && !self.ends[x].log.is_sure(Event::RcvSyn) {
            // No connection at this end: it never answered the SYN, or the capture shows nothing else of it.
            self.ends[x].log.remove(Event::RcvSyn);
        }
        if genuine {
            self.ends[x].ttl.get_or_insert(seg.ttl);
            self.shows_syn_ack(x, seg);
            self.precedes_ack_of_syn(x, seg);
            self.precedes_ack_of_fin(x, seg);
            if !seg.has(Flags::ACK) {
                self.closes_behind_data(x, seg);
                self.answers_without_connection(x, seg);
            } else if self.ends[y].fin.is_some_and(|fin| before(seg.ack, fin))
                && self.ends[y].acked.is_none_or(|acked| !before(seg.ack, acked))
            {
                self.closes_without_peer_fin(x, seg);
            } else if self.before != 0 && self.ends[x].log.is_sure(Event::RcvFin) {
                // It has a socket, which in TIME_WAIT it has no more.
                self.had_not_closed(x);
            }
            if !self.ends[x].log.has(Event::SndRst) {
                let own = self.ends[x].ttl == Some(seg.ttl);
                self.ends[x].gaps_mut().bare_reset = own && !seg.has(Flags::ACK);
                let evidence = if self.may_be_between(x, seg) { Evidence::Assumed } else { Evidence::Sent };
                self.ends[x].log.settle(Mark::sure(Event::SndRst, evidence, seg.time, seg.packet));
            }
        }
        if accepted {
            let below = self.ends[x].fin.is_some_and(|fin| before(seg.seq, fin.wrapping_sub(1)));
            self.ends[x].gaps_mut().reset_at_fin |= !below;
            self.suggest(y, Event::RcvRst, seg);
        }
        accepted
    }

    /// A RST with ACK and the numbers of an open connection is of an end that had received the SYN,ACK: before, it has nothing to
    /// acknowledge, and who has closed meanwhile answers without ACK (RFC 9293 §3.5.2). Another TTL is that of a device between,
    /// and the number 0 that of an end without connection.
    fn shows_syn_ack(&mut self, x: usize, seg: &Segment) {
        let [own, peer] = [x, 1 - x].map(|e| self.ends[e].isn);
        let open = own.is_some_and(|isn| after(seg.seq, isn)) && peer.is_some_and(|isn| after(seg.ack, isn));
        let own_numbers = seg.seq != 0 && self.ends[x].ttl == Some(seg.ttl);
        let log = &self.ends[x].log;
        if seg.has(Flags::ACK) && open && own_numbers && log.has(Event::SndSyn) && !log.has(Event::RcvSyn) {
            self.confirm(x, Event::RcvSynAck, seg);
        }
        // What was not captured was data of a peer that had received the SYN,ACK, and acknowledged it.
        let more = seg.has(Flags::ACK) && open && own_numbers && after(seg.ack, self.ends[1 - x].next);
        let log = &self.ends[x].log;
        let server = !log.has(Event::SndSyn) && (log.has(Event::RcvSyn) || log.has(Event::SndSynAck));
        if more && !self.fast_open && server && !log.has(Event::RcvAckOfSyn) {
            self.confirm(x, Event::RcvAckOfSyn, seg);
            self.confirm(1 - x, Event::RcvSynAck, seg);
        }
    }

    /// With Fast Open, a RST of `x` that passes sooner after the ACK of its SYN,ACK than `x` can answer left before that
    /// arrived. Without, no application can abort before, so that rather the SYN had to wait longer than the ACK.
    fn precedes_ack_of_syn(&mut self, x: usize, seg: &Segment) {
        if !self.fast_open {
            return;
        }
        let end = &mut self.ends[x];
        // The SYN may have waited in a queue that is shorter now.
        let least = end.turnaround.map_or(Span(0), |t| Span(i64::from(t) * 250));
        if end.log.get(Event::RcvAckOfSyn).is_some_and(|ack| seg.time - ack.time < least) {
            end.log.disprove(Event::RcvAckOfSyn, seg.time + Span(1), seg.time);
        }
    }

    /// A RST with ACK comes from a socket that exists, and says what had arrived there. Not so what acknowledged its FIN, if that
    /// was the peer's FIN, which the RST still expects, or passes the tap sooner before the RST than `x` can answer it; unless
    /// the RST acknowledges data that came with it or later. Another TTL is that of a device between.
    fn precedes_ack_of_fin(&mut self, x: usize, seg: &Segment) {
        let (end, peer) = (&self.ends[x], &self.ends[1 - x]);
        let own = seg.has(Flags::ACK) && end.ttl == Some(seg.ttl);
        let Some(ack) = end.log.get(Event::RcvAckOfFin).filter(|_| own) else { return };
        if peer.last_content.1 >= ack.packet && !before(seg.ack, peer.next) {
            return;
        }
        let fin = peer.last_fin.filter(|fin| peer.fins == 1 && fin.seq == seg.ack && fin.packet <= ack.packet);
        // Before the handshake was captured, what was least may have been a delayed acknowledgment.
        let least = end.turnaround.filter(|_| self.before == 0).map_or(Span(0), |t| Span(i64::from(t) * 800));
        if fin.is_some() || seg.time - ack.time < least {
            self.ends[x].log.disprove(Event::RcvAckOfFin, seg.time + Span(1), seg.time);
        }
    }

    /// A RST may be all that is seen of an opening: of a refused SYN the refusal (sequence number 0, RFC 9293 3.10.7.1),
    /// of an aborted one the answer to the SYN,ACK.
    fn imply_opening(&mut self, x: usize, seg: &Segment) {
        let y = 1 - x;
        let refusal = seg.has(Flags::ACK) && seg.seq == 0 && seg.window == 0;
        if refusal && !self.ends[0].seen && !self.ends[1].seen {
            let end = &mut self.ends[y];
            end.isn = Some(seg.ack.wrapping_sub(1));
            (end.next, end.contiguous, end.seen) = (seg.ack, seg.ack, true);
            end.log.settle(Mark::sure(Event::SndSyn, Evidence::Assumed, seg.time, 0));
        }
        let aborted = !seg.has(Flags::ACK) && self.ends[x].isn.is_some_and(|isn| seg.seq == isn.wrapping_add(1));
        if aborted && !self.ends[y].seen && self.ends[y].log.has(Event::RcvSyn) {
            self.confirm(y, Event::RcvSyn, seg);
        }
    }

    /// A RST without ACK answers a segment for which `x` had no connection (RFC 9293 §3.5.2); its sequence number is what
    /// that segment acknowledged. So `x` had lost or closed the connection before that segment came.
    fn answers_without_connection(&mut self, x: usize, seg: &Segment) {
        let past = seg.time + Span(1);
        let answered = self.answered(x, seg);
        // The last that can have come before it, unless that is long ago.
        let horizon = self.ends[x].horizon(seg.time);
        let last = self.ends[1 - x].last.filter(|last| last.time > horizon);
        let is_last = |mark: &Mark| last.is_some_and(|last| last.packet == mark.packet);
        let end = &mut self.ends[x];
        end.log.disprove(Event::RcvFin, past, seg.time);
        end.log.disprove(Event::RcvSynAck, past, seg.time);
        // Nothing came that it could answer but the ACK of its SYN,ACK.
        if end.log.get(Event::RcvAckOfSyn).is_some_and(is_last) {
            end.log.disprove(Event::RcvAckOfSyn, past, seg.time);
        }
        // Gone since an earlier RST, it no longer knows its FIN.
        if let Some(fin) = end.fin.filter(|_| !end.log.has(Event::SndRst)) {
            // What answers the only acknowledgment of the FIN, which an orphan takes if it brings nothing else, shows the same
            // where something sent before that was not captured; else, what came after it may not have been.
            let ack = end.log.get(Event::RcvAckOfFin).copied();
            let only = ack.filter(is_last).filter(|_| last.is_some_and(|last| last.end() == last.seq));
            if before(answered, fin) || only.is_some_and(|ack| ack.is_beyond_gap()) {
                end.log.disprove(Event::RcvAckOfFin, past, seg.time);
            } else if ack.is_some() {
                if only.is_none() {
                    self.prove_first(x, Event::RcvAckOfFin, seg.packet);
                }
            } else {
                self.confirm(x, Event::RcvAckOfFin, seg);
            }
        }
    }

    /// A RST without ACK that is the first of `x`, so soon after it sent, and while data of its own is not acknowledged yet or has
    /// no window: it had closed (RFC 9293 §3.10.4: FIN-WAIT-1 begins with the call), its FIN waits behind that data, and what it
    /// answers brought more than an orphan takes. An application that aborts sends a RST with ACK; who forgot the connection
    /// sends nothing; another TTL is that of a device between.
    fn closes_behind_data(&mut self, x: usize, seg: &Segment) {
        /// One that goes on longer without repeating its data once more, or probing the window, has given up on it.
        const REPEATED: Span = Span::secs(3);
        let (end, peer) = (&self.ends[x], &self.ends[1 - x]);
        let no_window = end.has_no_window(peer);
        let waits = before(self.answered(x, seg), end.next) || no_window;
        let timer = if no_window || end.retransmitted > 0 { REPEATED } else { first_timer(self.first_wait(x)) };
        let recent = end.last.is_some_and(|last| seg.time - last.time < timer);
        let answers_data = peer.acked.is_some_and(|acked| before(acked, peer.next));
        let open = end.fin.is_none() && !end.log.has_any(GONE) && !end.log.is_sure(Event::RcvFin);
        if waits && recent && answers_data && open && end.ttl == Some(seg.ttl) {
            let mark = Mark::sure(Event::SndFin, Evidence::Assumed, seg.time, seg.packet);
            self.ends[x].log.settle(Mark { place: Place::Before, ..mark });
        }
    }

    /// What the segment acknowledged that `seg`, a RST of `x` without ACK, answers; or that of the RST just before it, which
    /// answered an older one: `x` was gone by then.
    fn answered(&self, x: usize, seg: &Segment) -> u32 {
        let window = self.ends[1 - x].max_window;
        let earlier = self.ends[x].gaps.as_ref().and_then(|gaps| gaps.reset).filter(|(reset, ttl)| {
            !reset.flags.has(Flags::ACK) && *ttl == seg.ttl && within(seg.seq.wrapping_sub(window), reset.seq, seg.seq)
        });
        earlier.map_or(seg.seq, |(reset, _)| reset.seq)
    }

    /// A RST of `x` that acknowledges what `x` had of the peer, and not its FIN: that had not arrived, and finds no connection
    /// when it does. Another TTL is that of a device between, which knows nothing of that.
    fn closes_without_peer_fin(&mut self, x: usize, seg: &Segment) {
        if self.ends[x].ttl != Some(seg.ttl) {
            return;
        }
        if let Some(mark) = self.ends[x].log.disprove(Event::RcvFin, seg.time + Span(1), seg.time) {
            self.retract(x, mark);
        }
    }

    /// An end in SYN_SENT or SYN_RCVD answers an ACK of an old connection with a RST and stays as it is (RFC 9293 §3.5.1, §3.5.2).
    fn is_answer_to_stale_ack(&self, x: usize, seg: &Segment) -> bool {
        let (end, peer) = (&self.ends[x], &self.ends[1 - x]);
        let answers = peer.last.is_some_and(|last| last.ack == seg.seq);
        let waits = answers && end.syn_acks > 0 && end.bytes == 0 && !end.log.has(Event::RcvAckOfSyn);
        (self.is_in_syn_sent(x) || waits)
            && !seg.has(Flags::ACK)
            && end.isn.is_some_and(|isn| seg.seq != isn.wrapping_add(1))
            && seg.seq != end.next
    }

    /// Whether `x` itself can have sent this RST: with its next sequence number, or, having no connection, with the
    /// number that the segment it answers acknowledged (RFC 9293 §3.5.2). A blind attacker has to guess either.
    fn is_senders_own(&self, x: usize, seg: &Segment) -> bool {
        let end = &self.ends[x];
        if !end.seen || seg.seq == 0 {
            return true;
        }
        let peer = &self.ends[1 - x];
        let answered = peer.last.is_some_and(|l| l.ack == seg.seq);
        // What it answers may have been sent before its FIN arrived.
        let before_fin = !seg.has(Flags::ACK) && end.fin == Some(seg.seq.wrapping_add(1));
        let at_end = seg.seq == end.next || end.acked == Some(seg.seq) || before_fin || answered;
        // A hop count unlike all its others, on a RST that answers nothing, is somebody else's.
        let alien = end.ttl.is_some_and(|ttl| ttl != seg.ttl) && !answered;
        // Segments that the capture missed leave `next` short.
        let short = after(seg.seq, end.next) && seg.has(Flags::ACK);
        (at_end || short || within(end.contiguous, seg.seq, end.next)) && !alien
    }

    /// Whether this RST, with another hop count than the first segment of `x`, comes too late for an answer of `x` to what was sent
    /// last, or from nearer than `x` is: a device between may have sent it, as a rule to both ends, but not always; or the route
    /// has changed.
    fn may_be_between(&self, x: usize, seg: &Segment) -> bool {
        let (end, peer) = (&self.ends[x], &self.ends[1 - x]);
        let due = Span(round_trip(end.turnaround).0 + OVERTAKEN.0);
        let late = || peer.last.is_some_and(|last| seg.time - last.time > due);
        end.ttl.is_some_and(|ttl| is_unspent(seg.ttl, ttl) || ttl != seg.ttl && late())
    }

    /// Whether `y`, as far as can be seen from outside, accepts the RST.
    fn accepts_reset(&self, y: usize, seg: &Segment) -> bool {
        let receiver = &self.ends[y];
        let sender = &self.ends[1 - y];
        if !receiver.seen {
            return true;
        }
        let connected = receiver.log.has(Event::RcvSynAck) || receiver.log.has(Event::RcvSyn);
        if receiver.log.has(Event::SndSyn) && !connected {
            // SYN_SENT: it must acknowledge the SYN (RFC 9293 3.10.7.3).
            return seg.has(Flags::ACK)
                && receiver.isn.is_some_and(|isn| within(isn.wrapping_add(1), seg.ack, receiver.next));
        }
        if !sender.seen {
            return true;
        }
        // Exact (RFC 5961 §3.2): any number that can be what the receiver expects next.
        let low = sender.acked.unwrap_or(sender.isn.map_or(sender.next, |isn| isn.wrapping_add(1)));
        let exact = within(low, seg.seq, sender.next);
        // Linux also takes the number before a FIN it has received, but not in TIME_WAIT (tcp_reset_check).
        let before_fin = sender.fin.is_some_and(|fin| seg.seq.wrapping_add(1) == fin)
            && matches!(self.state_now(y), State::CloseWait | State::LastAck | State::Closing);
        // Beyond what was captured but inside the window: real if the capture missed the segments between.
        let missed = after(seg.seq, sender.next)
            && before(seg.seq, sender.next.wrapping_add(receiver.max_window))
            && seg.has(Flags::ACK);
        exact || before_fin || missed
    }

    /// Whether `seg` of `x` is certainly no late copy of what it sent before: it goes beyond that, or has another
    /// identification or timestamp.
    fn is_news(&self, x: usize, seg: &Segment) -> bool {
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        let beyond = after(seg.end(), own.next) || peer.acked.is_none_or(|acked| after(seg.ack, acked));
        let other = |last: &Trace| {
            let stamp = seg.options.timestamps.map(|t| t.value);
            seg.ip_id != 0 && seg.ip_id != last.ip_id || stamp.is_some() && stamp != last.tsval()
        };
        beyond || own.last.as_ref().is_none_or(other)
    }

    /// Whether a RST of `x` overtook `seg`: it begins where that ends, or later, and has no older timestamp.
    /// The same goes for its FIN, which the network brings once more.
    fn is_overtaken(&self, x: usize, seg: &Segment) -> bool {
        if self.ends[x].last_fin.is_some_and(|fin| fin.comes_again_with(seg)) {
            return true;
        }
        let reset = self.ends[x].gaps.as_ref().and_then(|gaps| gaps.stamped_reset);
        let is_older = |stamp: u32| seg.options.timestamps.is_some_and(|t| !after(t.value, stamp));
        reset.is_some_and(|(seq, stamp)| !after(seg.end(), seq) && is_older(stamp))
    }

    /// A segment of `x` other than a RST: it has a connection, so it has neither sent nor accepted a RST.
    #[inline]
    pub(super) fn alive(&mut self, x: usize, seg: &Segment) {
        if self.ends[x].log.has_any(RESET) {
            self.outlive(x, seg);
        }
    }

    fn outlive(&mut self, x: usize, seg: &Segment) {
        let log = &self.ends[x].log;
        if let Some(mark) = log.get(Event::SndRst).copied()
            && seg.time > mark.time + OVERTAKEN
            && self.is_news(x, seg)
            && !self.is_overtaken(x, seg)
        {
            self.ends[x].log.remove(Event::SndRst);
            if self.ends[x].log.get(Event::SndFin).is_some_and(|fin| fin.packet == mark.packet) {
                self.ends[x].log.remove(Event::SndFin);
            }
            self.retract(x, mark);
        }
        self.disprove(x, Event::RcvRst, seg.time);
    }
}
