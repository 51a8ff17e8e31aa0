//! Plain questions about a connection, for those who report on it.

use super::connection::{Connection, before_capture};
use super::endpoint::{Endpoint, When};
use super::log::{Marks, Step, Tail};
use super::mark::Mark;
use super::rules::{Event, rule};
use super::trace::Trace;
use crate::segment::Socket;
use crate::time::Span;

impl Endpoint {
    /// Its initial sequence number, once a SYN of it was seen or implied.
    pub fn isn(&self) -> Option<u32> {
        self.isn
    }

    /// The sequence number after all that it is known to have sent, once that is known.
    pub fn sent(&self) -> Option<u32> {
        self.seen.then_some(self.next)
    }

    /// The highest acknowledgment of its stream by the peer.
    pub fn acked(&self) -> Option<u32> {
        self.acked
    }

    /// How many sequence numbers it has sent that the peer has not acknowledged.
    pub fn unacked(&self) -> u32 {
        match self.acked {
            Some(acked) if self.seen => self.next.wrapping_sub(acked),
            _ => 0,
        }
    }

    /// The sequence number after its FIN, once that was captured.
    pub fn fin(&self) -> Option<u32> {
        self.fin
    }

    /// Its last segment other than RST.
    pub fn last_segment(&self) -> Option<&Trace> {
        self.last.as_ref()
    }

    /// TTL or hop limit of its first segment.
    pub fn ttl(&self) -> Option<u8> {
        self.ttl
    }

    /// Least time from a segment towards it at the tap to the segment that answers it.
    pub fn turnaround(&self) -> Option<Span> {
        self.turnaround.map(|micros| Span::micros(i64::from(micros)))
    }
}

/// Which of two sockets is the client's, as far as ports tell.
pub(super) fn client_by_ports([a, b]: &[Socket; 2]) -> usize {
    let ephemeral = |socket: &Socket| socket.port >= 32_768;
    match (ephemeral(a), ephemeral(b)) {
        (true, false) => 0,
        (false, true) => 1,
        (false, false) if a.port.min(b.port) < 1_024 => usize::from(a.port < b.port),
        _ => 0,
    }
}

impl Connection {
    /// Whether the capture allows that neither end had closed before it began, the opening of this not being in it.
    pub fn may_have_been_open(&self) -> bool {
        self.before & before_capture::OPEN != 0
    }

    /// Which end is the client, and whether that was seen (by its SYN) or is a guess. Without a SYN: the end with the ephemeral-looking port, else the
    /// one that spoke first.
    pub fn client(&self) -> (usize, bool) {
        let sent = |e: usize| self.ends[e].log.get(Event::SndSyn).map(|m| m.time);
        match (sent(0), sent(1)) {
            (Some(a), Some(b)) => (usize::from(b < a), true),
            (Some(_), None) => (0, true),
            (None, Some(_)) => (1, true),
            (None, None) => (client_by_ports(&self.sockets), false),
        }
    }

    /// Whether a SYN or SYN,ACK of this incarnation was captured.
    pub fn opening_seen(&self) -> bool {
        self.ends.iter().any(|e| e.syns > 0 || e.syn_acks > 0)
    }

    /// Whether one socket is both ends: what it sends it receives, and all of it is captured as the first end's.
    pub fn is_with_itself(&self) -> bool {
        self.sockets[0] == self.sockets[1]
    }

    /// Whether nothing but RST segments was captured.
    pub fn is_reset_only(&self) -> bool {
        self.ends.iter().all(|e| e.last.is_none())
    }

    /// How many beliefs about it were disproved.
    pub fn retractions(&self) -> u32 {
        self.retractions
    }

    /// What was believed of end `e` and disproved, as the transitions it would have been: from the state in which the end
    /// was then, as far as is known now.
    pub fn retracted_entries(&self, e: usize) -> Vec<Step> {
        let mut marks = Marks::new();
        self.ends[e].log.stand(&mut marks);
        let step = |mark: Mark| {
            let state = Tail::of(marks.iter().filter(|m| m.time < mark.time)).state();
            rule(state, mark.event).map(|rule| Step { at: mark.time, mark, rule })
        };
        self.retracted.iter().filter(|(side, _)| usize::from(*side) == e).filter_map(|(_, mark)| step(*mark)).collect()
    }

    /// Times between the segments of the handshake: from the SYN that was answered to the first SYN,ACK, and from the
    /// SYN,ACK that was answered to the client's ACK. Which copy was answered is a guess where they were repeated.
    pub fn handshake_times(&self) -> (Option<Span>, Option<Span>) {
        let h = &self.handshake;
        let between = |a: When, b: When| a.get().zip(b.get()).map(|(a, b)| b - a);
        (between(h.syn, h.first_syn_ack), between(h.syn_ack, h.ack))
    }

    /// Whether its server turned the client away, as one with full queues does: it left a SYN unanswered until it came again,
    /// or sent its SYN,ACK again after the client had acknowledged it.
    pub fn is_turned_away(&self, client: usize) -> bool {
        let (own, peer, h) = (&self.ends[client], &self.ends[1 - client], &self.handshake);
        let unanswered = own.syns > 1 && !self.answered_at_once();
        let ignored = peer.syn_acks > 1 && h.ack.get().is_some() && h.syn_ack.get() == h.first_syn_ack.get();
        peer.syns == 0 && (unanswered || ignored)
    }

    /// Whether a SYN,ACK was captured before the client's first SYN came again: what delayed it is no drop by the server.
    pub fn answered_at_once(&self) -> bool {
        let h = &self.handshake;
        h.first_syn_ack.get().is_some() && h.syn.get().is_none_or(|syn| syn == self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::log::Step;
    use crate::tracker::mark::Mark;

    #[test]
    fn records_stay_small() {
        let sizes = [size_of::<Mark>(), size_of::<Step>(), size_of::<Endpoint>(), size_of::<Connection>()];
        let most = [32, 48, 384, 960];
        assert!(sizes.iter().zip(most).all(|(size, most)| *size <= most), "{sizes:?}");
    }
}
