//! The usual segment: in order, on a connection whose opening is proven and of which nothing is closing or missing. It
//! moves no state and casts no doubt, so that of all the questions asked of a segment only a few remain.

use super::connection::{Class, Connection, before_capture};
use super::endpoint::Trace;
use super::log::Log;
use super::rules::{Event, Events};
use super::sequence::after;
use crate::segment::{Flags, Segment};

/// What ends a connection, or may have.
const CLOSING: Events =
    Events::of(&[Event::SndFin, Event::RcvFin, Event::RcvAckOfFin, Event::SndRst, Event::RcvRst, Event::Replaced]);
/// The peer's SYN has arrived.
const SERVER: Events = Events::of(&[Event::RcvSyn, Event::SndSynAck]);
/// The handshake is complete at this end.
const COMPLETE: Events = Events::of(&[Event::RcvSynAck, Event::RcvAckOfSyn]);

impl Log {
    /// Whether what this end sends proves nothing about its opening any more, and it is not closing.
    fn is_open_and_proven(&self) -> bool {
        !self.has_any(CLOSING)
            && if self.has_any(SERVER) {
                self.is_sure(Event::RcvAckOfSyn)
            } else {
                self.is_sure(Event::RcvSynAck) && self.has(Event::SndSyn) || self.has(Event::WasOpen)
            }
    }

    /// Whether what this end receives suggests at most that its SYN is acknowledged.
    fn waits_for_ack_of_syn(&self) -> bool {
        self.has_any(SERVER) && !self.is_any_sure(COMPLETE)
    }
}

impl Connection {
    /// Takes `seg` of end `x` the short way if it is a usual one; `None` leaves all as it was. Everything here is what
    /// [`Connection::take`] comes to for such a segment.
    #[inline(never)]
    pub(super) fn usual(&mut self, x: usize, seg: &Segment) -> Option<(Class, bool)> {
        /// Sequence numbers this close to each other lie inside any window, in either direction.
        const NEAR: u32 = 1 << 29;
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        // With these its scope and TTL are known, and the peer's stream has begun.
        let last = own.last.as_ref()?;
        let (acked, sent_acked) = (peer.acked?, own.acked.unwrap_or(own.next));
        let news = seg.ack != acked;
        let same = last.seq == seg.seq && last.ack == seg.ack && last.len == seg.len;
        let usual = seg.flags.control() == Flags::ACK.0
            && !same
            && seg.seq == own.next
            && own.contiguous == own.next
            && own.seen
            && own.is_tidy()
            && peer.is_tidy()
            && own.last_fin.is_none()
            && seg.len < NEAR
            && own.next.wrapping_sub(sent_acked) < NEAR
            && seg.ack.wrapping_sub(acked) < NEAR
            && peer.next.wrapping_sub(seg.ack) < NEAR
            && (self.before != 0 && !own.log.has_any(CLOSING) || own.log.is_open_and_proven())
            && !peer.log.has_any(CLOSING);
        if !usual {
            return None;
        }
        self.first = self.first.min(seg.time);
        self.last = self.last.max(seg.time);
        self.last_packet = seg.packet;
        peer.unanswered = 0;
        if news
            && let Some(last) = &peer.last
            && seg.ack == peer.next
            && peer.last_content.0 == last.time.into()
        {
            own.note_turnaround(seg.time - last.time);
        }
        peer.acknowledge(seg.ack);
        own.packets += 1;
        own.bytes += u64::from(seg.len);
        if seg.len > 0 {
            own.next = own.next.wrapping_add(seg.len);
            own.contiguous = own.next;
            own.last_content = (seg.time.into(), seg.packet);
            if seg.len > 1 {
                // Not a single byte: it might be a probe.
                self.before &= !(if x == 0 { before_capture::FIRST_CLOSED } else { before_capture::SECOND_CLOSED });
            }
        }
        let trace = Trace::of(seg);
        own.tsval_before_ack = trace.tsval();
        own.last = Some(trace);
        own.offer(seg);
        if peer.log.waits_for_ack_of_syn() && peer.isn.is_none_or(|isn| after(seg.ack, isn)) {
            self.suggest(1 - x, Event::RcvAckOfSyn, seg);
        }
        Some((if seg.len > 0 { Class::New } else { Class::Ack }, news))
    }
}
