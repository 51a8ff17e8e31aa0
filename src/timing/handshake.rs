//! The handshake in time: which SYN was answered, which SYN,ACK was, and what retries cost.

use smallvec::SmallVec;

use crate::pack::{In, Out, Pack};
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

/// How many copies of a SYN or SYN,ACK are remembered: the first and the latest ones.
const COPIES: usize = 8;

/// One copy of a SYN or SYN,ACK.
#[derive(Clone, Copy, Debug)]
pub struct Copy {
    time: Time,
    tsval: Option<u32>,
}

/// All copies of one SYN or SYN,ACK.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    seen: SmallVec<[Copy; 1]>,
    /// How many were captured.
    pub count: u32,
}

impl Copies {
    fn push(&mut self, copy: Copy) {
        self.count = self.count.saturating_add(1);
        if self.seen.len() == COPIES {
            self.seen.remove(1);
        }
        self.seen.push(copy);
    }

    /// Time of the first.
    pub fn first(&self) -> Option<Time> {
        self.seen.first().map(|c| c.time)
    }

    /// The copy that an answer with `echo` answers, if that can be told: the only one, or the last one if its timestamp
    /// is echoed. An answer to an earlier one may itself be a repetition of one that was lost.
    fn answered(&self, echo: Option<u32>) -> Option<Time> {
        match self.seen[..] {
            [only] => Some(only.time),
            [.., before, last] if last.tsval == Some(echo?) && before.tsval != last.tsval => Some(last.time),
            _ => None,
        }
    }

    /// How long after the copies the answer at `time` came: after the last one, and after the first.
    fn range(&self, time: Time) -> Option<[Span; 2]> {
        Some([time - self.seen.last()?.time, time - self.seen.first()?.time])
    }
}

/// A span of the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leg {
    /// Not captured.
    #[default]
    Unseen,
    /// Between one segment and its answer.
    Exact(Span),
    /// What was answered had been sent several times, and nothing tells which copy was answered: the least and the most.
    Between([Span; 2]),
}

impl Leg {
    /// The span, if there is no doubt.
    pub fn exact(self) -> Option<Span> {
        match self {
            Leg::Exact(span) => Some(span),
            _ => None,
        }
    }

    /// The least and the most, where there is doubt.
    pub fn between(self) -> Option<[Span; 2]> {
        match self {
            Leg::Between(range) => Some(range),
            _ => None,
        }
    }
}

/// The segments of a handshake.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The end that sent the first SYN.
    opener: Option<u8>,
    /// SYNs up to the first SYN,ACK.
    pub syns: Copies,
    /// SYN,ACKs up to the client's ACK.
    pub syn_acks: Copies,
    /// From the SYN answered to the first SYN,ACK.
    pub syn_to_synack: Leg,
    /// From the SYN,ACK answered to the client's ACK.
    pub synack_to_ack: Leg,
    /// Both together, where the SYN,ACK was not captured.
    whole: Option<Span>,
    /// From the first SYN to the one answered.
    pub retry_delay: Option<Span>,
    /// The client's ACK.
    pub ack: Option<Time>,
    /// The first segment of the server that proves it ESTABLISHED.
    pub ready: Option<Time>,
}

impl Handshake {
    /// A SYN of end `x` that was captured before this connection was told from the one before it.
    pub fn parked(&mut self, x: usize, time: Time) {
        self.opener = Some(x as u8);
        self.syns.push(Copy { time, tsval: None });
    }

    /// A SYN or SYN,ACK of end `x`.
    pub fn opening(&mut self, x: usize, seg: &Segment) {
        let stamps = seg.options.timestamps;
        let copy = Copy { time: seg.time, tsval: stamps.map(|t| t.value) };
        let ack = seg.has(Flags::ACK);
        let opener = usize::from(*self.opener.get_or_insert(if ack { 1 - x } else { x } as u8));
        if !ack && x == opener && self.syn_acks.count == 0 {
            self.syns.push(copy);
        } else if ack && x != opener && self.ack.is_none() {
            if self.syn_acks.count == 0 {
                let answered = self.syns.answered(stamps.map(|t| t.echo));
                self.syn_to_synack = match (answered, self.syns.range(seg.time)) {
                    (Some(syn), _) => Leg::Exact(seg.time - syn),
                    (None, Some(range)) => Leg::Between(range),
                    (None, None) => Leg::Unseen,
                };
                self.retry_delay = answered.zip(self.syns.first()).map(|(a, first)| a - first);
            }
            self.syn_acks.push(copy);
        }
    }

    /// A segment of end `x` with neither SYN nor RST. Whether it completes the handshake.
    pub fn later(&mut self, x: usize, seg: &Segment) -> bool {
        let Some(opener) = self.opener() else { return false };
        if x != opener {
            if self.syn_acks.count > 0 || self.ack.is_some() {
                self.ready.get_or_insert(seg.time);
            }
            return false;
        }
        if self.ack.is_some() || !seg.has(Flags::ACK) {
            return false;
        }
        self.ack = Some(seg.time);
        let answered = self.syn_acks.answered(seg.options.timestamps.map(|t| t.echo));
        if self.syn_acks.count == 0 && self.syns.count == 1 {
            // The SYN,ACK was not captured; both legs together need only the client's segments.
            self.whole = self.syns.first().map(|syn| seg.time - syn);
        }
        self.synack_to_ack = match (answered, self.syn_acks.range(seg.time)) {
            (Some(syn_ack), _) => Leg::Exact(seg.time - syn_ack),
            (None, Some(range)) => Leg::Between(range),
            (None, None) => Leg::Unseen,
        };
        true
    }

    /// Whether its end is not captured yet, though its begin was.
    pub fn is_under_way(&self) -> bool {
        self.opener.is_some() && self.ack.is_none()
    }

    /// The end that sent the first SYN.
    pub fn opener(&self) -> Option<usize> {
        self.opener.map(usize::from)
    }

    /// One round trip of the whole path, wherever the tap is.
    pub fn round_trip(&self) -> Option<Span> {
        let legs = self.syn_to_synack.exact().zip(self.synack_to_ack.exact());
        legs.map(|(a, b)| Span(a.0.saturating_add(b.0))).or(self.whole)
    }
}

crate::pack::pack_fields!(Copy { time, tsval });
crate::pack::pack_fields!(Copies { seen, count });
crate::pack::pack_fields!(Handshake {
    opener,
    syns,
    syn_acks,
    syn_to_synack,
    synack_to_ack,
    whole,
    retry_delay,
    ack,
    ready,
});

impl crate::pack::Item for Copy {}

impl Pack for Leg {
    fn blank() -> Self {
        Leg::Unseen
    }

    fn is_blank(&self) -> bool {
        *self == Leg::Unseen
    }

    fn pack(&self, out: &mut Out<'_>) {
        match self {
            Leg::Unseen => out.byte(0),
            Leg::Exact(span) => {
                out.byte(1);
                span.pack(out);
            }
            Leg::Between([least, most]) => {
                out.byte(2);
                least.pack(out);
                most.pack(out);
            }
        }
    }

    fn unpack(from: &mut In<'_>) -> Self {
        match from.byte() {
            0 => Leg::Unseen,
            1 => Leg::Exact(Span::unpack(from)),
            _ => Leg::Between([Span::unpack(from), Span::unpack(from)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ack, stamped, syn, syn_ack};
    use super::*;

    fn handshake(segments: &[(usize, Segment)]) -> Handshake {
        let mut h = Handshake::default();
        for (x, seg) in segments {
            if seg.has(Flags::SYN) {
                h.opening(*x, seg);
            } else {
                h.later(*x, seg);
            }
        }
        h
    }

    #[test]
    fn both_legs_of_a_plain_handshake() {
        let h = handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, ack(31, 1))]);
        assert_eq!(h.syn_to_synack, Leg::Exact(Span::millis(30)));
        assert_eq!(h.synack_to_ack, Leg::Exact(Span::millis(1)));
        assert_eq!(h.round_trip(), Some(Span::millis(31)));
        assert_eq!(h.retry_delay, Some(Span(0)));
    }

    #[test]
    fn a_retried_syn_without_timestamps_leaves_a_range() {
        let h = handshake(&[(0, syn(0)), (0, syn(1_000)), (1, syn_ack(1_030)), (0, ack(1_031, 1))]);
        assert_eq!(h.syn_to_synack, Leg::Between([Span::millis(30), Span::millis(1_030)]));
        assert_eq!((h.round_trip(), h.retry_delay), (None, None));
    }

    #[test]
    fn a_timestamp_tells_the_syn_that_was_answered() {
        let segments = [
            (0, stamped(syn(0), 500, 0)),
            (0, stamped(syn(1_000), 1_500, 0)),
            (1, stamped(syn_ack(1_030), 7, 1_500)),
            (0, stamped(ack(1_031, 1), 1_531, 7)),
        ];
        let h = handshake(&segments);
        assert_eq!(h.syn_to_synack, Leg::Exact(Span::millis(30)));
        assert_eq!(h.retry_delay, Some(Span::secs(1)));
    }

    #[test]
    fn the_whole_round_trip_needs_no_syn_ack() {
        let h = handshake(&[(0, syn(0)), (0, ack(31, 1))]);
        assert_eq!((h.round_trip(), h.syn_to_synack), (Some(Span::millis(31)), Leg::Unseen));
    }

    #[test]
    fn the_servers_next_segment_shows_it_ready() {
        let h = handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, ack(31, 1)), (1, ack(70, 1))]);
        assert_eq!(h.ready.map(|t| t.0), Some(70_000_000));
        assert!(!h.is_under_way());
    }
}
