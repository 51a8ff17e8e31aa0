//! One connection: both ends, and what each captured segment proves and suggests about them.
//!
//! A segment is taken in four steps. What its sender must have received to send it confirms or disproves what was
//! believed of the sender; what it is (SYN, FIN, data) dates the sender's own events; it extends the sender's stream;
//! and it is offered to the receiver, which probably got it.

use super::endpoint::Endpoint;
use super::handshake::Handshake;
use super::mark::{Mark, Place};
use super::rules::Event;
use super::scopes::Scopes;
use super::sequence::{after, before};
use super::state::Evidence;
use super::trace::Trace;
use crate::segment::{Flags, ScopeId, Segment, Socket};
use crate::time::Time;

/// What a segment turned out to be within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Captured twice, or repeated by the network; only counted.
    Copy,
    /// Outside both ends' windows: somebody else's, of an older connection, or after a long gap in the capture; only counted.
    Astray,
    /// With none of SYN, RST and ACK: its receiver drops it (RFC 9293 §3.10.7.4, fifth); only counted.
    NoAck,
    /// A RST that its receiver (as believed at the time) accepts.
    Reset,
    /// A RST that changes nothing at its receiver.
    ResetIgnored,
    /// A SYN or SYN,ACK, for the first time.
    Opening,
    /// A SYN or SYN,ACK again, or one that does not fit.
    OpeningAgain,
    /// A keepalive or window probe: at most one byte, the last one again.
    Probe,
    /// Payload or FIN that the capture had not shown before, at the end of the stream.
    New,
    /// Payload or FIN sent again.
    Retransmission,
    /// Payload or FIN below the end of the stream that the capture had not shown: reordered, or sent again after a loss
    /// before the tap.
    GapFill,
    /// Payload or FIN for the first time, though it was acknowledged before.
    Late,
    /// No payload and no FIN.
    Ack,
}

/// What became of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Index of its connection in [`Tracker::connections`](super::Tracker::connections).
    pub connection: usize,
    /// Which end sent it: index into [`Connection::sockets`] and [`Connection::ends`].
    pub sender: usize,
    /// What it turned out to be.
    pub class: Class,
    /// It acknowledges more than any segment of its sender before.
    pub advances: bool,
}

/// What could have been before the capture began, for a connection first seen midstream; one bit each.
pub(super) mod before_capture {
    /// Both ends were ESTABLISHED.
    pub const OPEN: u8 = 1;
    /// End 0 had sent its FIN, and end 1 had received it.
    pub const FIRST_CLOSED: u8 = 2;
    /// End 1 had sent its FIN, and end 0 had received it.
    pub const SECOND_CLOSED: u8 = 4;
}

/// Which of two sockets sent `seg`, which is between them.
#[inline]
pub(super) fn sender([a, b]: &[Socket; 2], seg: &Segment) -> usize {
    usize::from(if a.port != b.port { seg.src.port != a.port } else { seg.src != *a })
}

/// One incarnation of a four-tuple in a scope, as far as the capture shows it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The two sockets; `sockets[0]` sent the first captured segment.
    pub sockets: [Socket; 2],
    /// What is known of each of them.
    pub ends: [Endpoint; 2],
    /// VLANs and tunnels of the segments of each end, once one was seen; as a rule the same.
    pub scopes: [Option<ScopeId>; 2],
    /// Others in which the same segments were captured again.
    pub(super) again_in: Option<Box<Scopes>>,
    /// Counted from 1 for each four-tuple.
    pub incarnation: u32,
    /// Capture time of the first packet.
    pub first: Time,
    /// Capture time of the last packet.
    pub last: Time,
    /// Number of the first packet.
    pub first_packet: u64,
    /// Number of the last packet.
    pub last_packet: u64,
    /// Which hypotheses about the time before the capture still stand; 0 when its opening was seen.
    pub(super) before: u8,
    /// The server accepted data with the SYN (RFC 7413), so that it may send before the handshake is complete.
    pub(super) fast_open: bool,
    /// A SYN with another sequence number that may begin a new incarnation.
    pub(super) parked: Option<Box<Segment>>,
    /// Beliefs that were disproved: (end, mark), kept when asked for.
    pub(super) retracted: Vec<(u8, Mark)>,
    /// How many beliefs were disproved.
    pub(super) retractions: u32,
    /// What the segments of its handshake say about time.
    pub(super) handshake: Handshake,
}

impl Connection {
    /// Which end sent `seg`. A connection of a socket with itself has only one: its SYNs are end 0's.
    #[inline]
    pub fn sender(&self, seg: &Segment) -> usize {
        sender(&self.sockets, seg)
    }

    /// Counts `seg` without letting it change what is believed.
    pub(super) fn count(&mut self, x: usize, seg: &Segment) {
        self.last = self.last.max(seg.time);
        self.first = self.first.min(seg.time);
        self.last_packet = seg.packet;
        self.scopes[x].get_or_insert(seg.scope);
        let end = &mut self.ends[x];
        end.packets += 1;
        end.bytes += u64::from(seg.len);
    }

    /// Takes one segment of this connection, in capture order. Says what it was and whether it acknowledges more.
    pub fn take(&mut self, seg: &Segment) -> (Class, bool) {
        self.take_from(self.sender(seg), seg)
    }

    /// The same, of end `x`.
    #[inline]
    pub(super) fn take_from(&mut self, x: usize, seg: &Segment) -> (Class, bool) {
        self.ends.iter_mut().for_each(|end| end.log.next());
        // What closes is not usual.
        let closing = seg.has(Flags::FIN) || self.ends.iter().any(|end| end.fin.is_some());
        let taken = if closing { self.closing(x, seg) } else { self.usual(x, seg) };
        taken.unwrap_or_else(|| self.consider(x, seg))
    }

    /// Takes a segment that may change anything, at its time.
    pub(super) fn consider_at(&mut self, x: usize, seg: &Segment) -> (Class, bool) {
        self.count(x, seg);
        if !seg.has(Flags::RST) {
            self.ends[1 - x].unanswered = 0;
        }
        if self.is_copy(x, seg) {
            self.ends[x].note_copy(seg);
            return (Class::Copy, false);
        }
        if seg.has(Flags::RST) {
            let taken = if self.reset(x, seg) { Class::Reset } else { Class::ResetIgnored };
            let gaps = self.ends[x].gaps_mut();
            gaps.reset = Some((Trace::of(seg), seg.ttl));
            gaps.stamped_reset = seg.options.timestamps.map(|t| (seg.seq, t.value)).or(gaps.stamped_reset);
            return (taken, false);
        }
        let taken = if seg.has(Flags::SYN) {
            let new = if seg.has(Flags::ACK) { self.syn_ack(x, seg) } else { self.syn(x, seg) };
            (if new { Class::Opening } else { Class::OpeningAgain }, new)
        } else if !seg.has(Flags::ACK) {
            (Class::NoAck, false)
        } else if !self.is_stale(x, seg) && self.is_plausible(x, seg) {
            self.synchronized(x, seg)
        } else {
            (Class::Astray, false)
        };
        if matches!(taken.0, Class::Retransmission | Class::Probe | Class::OpeningAgain) {
            self.ends[x].unanswered = self.ends[x].unanswered.saturating_add(1);
        }
        self.remember(x, seg, taken.0);
        taken
    }

    fn remember(&mut self, x: usize, seg: &Segment, class: Class) {
        self.note_scope(x, seg);
        let end = &mut self.ends[x];
        end.last = Some(Trace::of(seg));
        if seg.has(Flags::FIN) && class != Class::NoAck {
            end.last_fin = end.last;
        }
        if let Some(gaps) = &mut end.gaps {
            gaps.reset = None;
            end.expect_copy();
        }
        end.ttl.get_or_insert(seg.ttl);
        if !matches!(class, Class::Astray | Class::NoAck) {
            end.offer(seg);
        }
    }

    /// A segment without SYN or RST from `x`: ACK, with data, FIN.
    fn synchronized(&mut self, x: usize, seg: &Segment) -> (Class, bool) {
        let y = 1 - x;
        let now = seg.time;
        self.alive(x, seg);
        let acked_before = self.ends[y].acked.is_some();
        let news = self.acknowledges(x, seg);
        self.opened_by(x, seg);

        // Its own stream.
        let end = &mut self.ends[x];
        let known = end.seen;
        // One that acknowledges something for the first time is an ACK that was captured late.
        let stale = seg.len == 0 && news && acked_before;
        let probe = known && !stale && self.is_probe(x, seg);
        let end = &mut self.ends[x];
        let again = known && seg.seq_len() > 0 && !after(seg.end(), end.next) && !probe;
        let class = if probe {
            Class::Probe
        } else if again && !end.complete_to(seg.end()) {
            Class::GapFill
        } else if again && end.comes_late(seg) {
            Class::Late
        } else if again {
            end.retransmitted += 1;
            Class::Retransmission
        } else if seg.seq_len() > 0 {
            // Some of it may come again, and more with it.
            end.retransmitted += u32::from(known && before(seg.seq, end.next));
            Class::New
        } else {
            Class::Ack
        };
        if known && !again {
            end.note_skipped(seg);
        }
        if again {
            end.irregular = seg.packet as u32;
            end.note_repeated(seg);
            // What it repeats it has not seen acknowledged.
            if class != Class::Late && self.ends[x].acked.is_some_and(|a| before(seg.seq, a)) {
                self.disprove(x, Event::RcvAckOfFin, now);
            }
        }
        let fin = seg.has(Flags::FIN);
        if fin {
            self.sends_fin(x, seg, news && acked_before);
        }
        let end = &mut self.ends[x];
        if end.fin.is_none() || fin || again {
            end.advance(seg);
        }
        if seg.seq_len() > 0 {
            end.last_content = (now.into(), seg.packet);
        }
        self.narrow(x, seg);
        self.offer_to(y, seg);
        (class, news)
    }

    /// Keepalives and window probes repeat the last sequence number with at most one byte; they move nothing. A byte that
    /// the capture had not shown is no repetition.
    fn is_probe(&self, x: usize, seg: &Segment) -> bool {
        let end = &self.ends[x];
        seg.len <= 1
            && !seg.has(Flags::FIN)
            && seg.seq == end.next.wrapping_sub(1)
            && (seg.len == 0 || !end.sends_byte_again(seg, self.ends[1 - x].window))
    }

    /// What `seg` acknowledges shows what its sender had received. Whether it acknowledges something new.
    fn acknowledges(&mut self, x: usize, seg: &Segment) -> bool {
        let y = 1 - x;
        let now = seg.time;
        let peer = &mut self.ends[y];
        let news = peer.acked.is_none_or(|a| after(seg.ack, a));
        if news
            && let Some(last) = peer.last
            && peer.seen
            && seg.ack == peer.next
            && peer.last_content.0 == last.time.into()
        {
            let span = now - last.time;
            self.ends[x].note_turnaround(span);
        }
        let peer = &mut self.ends[y];
        peer.note_unseen(seg);
        peer.acknowledge(seg.ack);
        if let Some(fin) = self.ends[y].fin {
            if !before(seg.ack, fin) {
                self.confirm_fin(x, seg);
            } else {
                self.ends[x].without_peer_fin = now.into();
                self.disprove(x, Event::RcvFin, now);
            }
        }
        self.confirm_ack_of_fin(x, seg);
        news
    }

    /// `x` sends its FIN, for the first time or again.
    pub(super) fn sends_fin(&mut self, x: usize, seg: &Segment, news: bool) {
        let peer = &self.ends[1 - x];
        let (prompt, answers) = (peer.fins <= 1, peer.fin.is_some_and(|fin| !before(seg.ack, fin)));
        let end = &mut self.ends[x];
        end.fins = end.fins.saturating_add(1);
        let unseen = end.gaps.as_mut().and_then(|g| g.unseen_fin.take()).filter(|u| u.end == seg.end());
        if end.fin.is_none() {
            end.fin = Some(seg.end());
            end.fin_advances = news;
            let mut mark = Mark::sure(Event::SndFin, Evidence::Sent, seg.time, seg.packet);
            if let Some(u) = unseen {
                // The first copy was not captured, or is this one; what came after it shows it. If that is the prompt
                // answer to the peer's FIN, the two crossed, unless it overtook this one, which answers it.
                (mark.time, mark.packet, mark.place) = (u.time, u.packet, Place::Before);
                let overtaken = end.last.is_some_and(|l| l.packet == u.packet && l.left_after(seg));
                if let Some(fin) = end.log.get(Event::RcvFin).filter(|m| prompt && m.proof == u.packet)
                    && (!answers || !overtaken && end.answers_at_once(fin, &u))
                {
                    mark.time = mark.time.min(fin.time);
                }
            } else if let Some(fin) = end.log.get(Event::RcvFin).filter(|m| m.proof != 0)
                && !answers
                && !after(seg.end(), end.next)
            {
                // What proves the receipt overtook it: it left before, and lacks that acknowledgment.
                (mark.time, mark.packet, mark.place) = (fin.time, fin.proof, Place::Before);
            }
            // Nothing is sent after a RST: that overtook the FIN.
            if let Some(reset) = end.log.get(Event::SndRst) {
                (mark.time, mark.place) = (mark.time.min(reset.time), Place::Before);
            }
            end.log.settle(mark);
        } else if end.fin.is_some_and(|f| after(seg.end(), f)) {
            // It had been placed too low: more data came first.
            end.fin = Some(seg.end());
        } else {
            self.disprove(x, Event::RcvAckOfFin, seg.time);
        }
    }

    /// A midstream segment rules out what could have been before the capture.
    fn narrow(&mut self, x: usize, seg: &Segment) {
        if self.before != 0 && seg.seq_len() > 0 && !self.is_probe(x, seg) {
            self.had_not_closed(x);
        }
    }

    /// Before the capture `x` had not sent its FIN.
    pub(super) fn had_not_closed(&mut self, x: usize) {
        use before_capture::{FIRST_CLOSED, SECOND_CLOSED};
        self.before &= !(if x == 0 { FIRST_CLOSED } else { SECOND_CLOSED });
    }
}
