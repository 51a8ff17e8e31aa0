//! The handshake in time: which SYN was answered, which SYN,ACK was, and what retries cost.

use super::maybe::Maybe;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::sequence::{after, later, repeats_ack};

/// All copies of one SYN or SYN,ACK: only the first and the last two matter.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    first: Maybe,
    last: Maybe,
    /// TSval of the last.
    stamp: u32,
    /// How many were captured.
    pub count: u32,
    /// Whether the last had a timestamp.
    stamped: bool,
    /// Whether the one before it had the same, or neither had one.
    same: bool,
}

impl Copies {
    fn push(&mut self, time: Time, tsval: Option<u32>) {
        let before = self.stamped.then_some(self.stamp);
        self.same = before == tsval;
        (self.stamped, self.stamp) = (tsval.is_some(), tsval.unwrap_or_default());
        self.first.or_set(time);
        self.last = time.into();
        self.count = self.count.saturating_add(1);
    }

    /// Time of the first.
    pub fn first(&self) -> Option<Time> {
        self.first.time()
    }

    /// Whether an answer with `echo` answers the last copy: because it is the only one, or because its timestamp is
    /// echoed. An answer to an earlier one may itself be a repetition of one that was lost.
    fn is_last_answered(&self, echo: Option<u32>) -> bool {
        self.count == 1 || self.count > 1 && self.stamped && Some(self.stamp) == echo && !self.same
    }

    /// From the copies to their answer at `answer`, of which `exact` says whether it is the last one's.
    fn leg(&self, answer: Maybe, exact: bool) -> Leg {
        match (self.first.time(), self.last.time(), answer.time()) {
            (Some(_), Some(last), Some(answer)) if exact => Leg::Exact(answer - last),
            (Some(first), Some(last), Some(answer)) => Leg::Between([answer - last, answer - first]),
            _ => Leg::Unseen,
        }
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

/// From `from` to `to`, unless that is backwards: the clock of the capture was set in between.
pub(super) fn elapsed(from: Option<Time>, to: Option<Time>) -> Option<Span> {
    to.zip(from).map(|(to, from)| to - from).filter(|span| *span >= Span(0))
}

impl Leg {
    /// Itself, unless it runs backwards: between its segments the clock of the capture was set.
    pub(super) fn forwards(self) -> Leg {
        let least = match self {
            Leg::Unseen => Span(0),
            Leg::Exact(span) => span,
            // If it was set between two copies, the later one has the lower time.
            Leg::Between([a, b]) => a.min(b),
        };
        if least < Span(0) { Leg::Unseen } else { self }
    }

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
    /// SYNs up to the first SYN,ACK.
    pub syns: Copies,
    /// SYN,ACKs up to the client's ACK.
    pub syn_acks: Copies,
    /// The client's ACK.
    ack: Maybe,
    /// The first segment of the server that proves it ESTABLISHED.
    ready: Maybe,
    /// The end that sent the first SYN.
    opener: Option<u8>,
    /// The first SYN,ACK answers the last SYN.
    syn_told: bool,
    /// The ACK answers the last SYN,ACK.
    syn_ack_told: bool,
    /// The ACK is [not the first](repeats_ack) of the SYN,ACK.
    again: bool,
    /// The ACK came after one SYN, and the SYN,ACK was not captured: both legs together need only the client's segments.
    whole: bool,
    /// What acknowledged the SYN,ACK may have been missed: the client's first segment that was captured goes on later in its stream.
    skipped: bool,
    /// Where the client's stream goes on behind its SYN.
    begins: Option<u32>,
}

impl Handshake {
    /// A SYN of end `x` that was captured before this connection was told from the one before it.
    pub fn parked(&mut self, x: usize, time: Time) {
        self.opener = Some(x as u8);
        self.syns.push(time, None);
    }

    /// A SYN or SYN,ACK of end `x`.
    pub fn opening(&mut self, x: usize, seg: &Segment) {
        let stamps = seg.options.timestamps;
        let tsval = stamps.map(|t| t.value);
        let ack = seg.has(Flags::ACK);
        let opener = usize::from(*self.opener.get_or_insert(if ack { 1 - x } else { x } as u8));
        if !ack && x == opener && self.syn_acks.count == 0 {
            self.goes_on_at(seg.end());
            self.syns.push(seg.time, tsval);
        } else if ack && x != opener && !self.ack.is_some() {
            if self.syn_acks.count == 0 {
                self.goes_on_at(seg.ack);
                self.syn_told = self.syns.is_last_answered(stamps.map(|t| t.echo));
            }
            self.syn_acks.push(seg.time, tsval);
        }
    }

    /// The client's stream goes on there at the least: a SYN that is repeated may come without the data that the first one had.
    fn goes_on_at(&mut self, next: u32) {
        self.begins = Some(self.begins.map_or(next, |begins| later(begins, next)));
    }

    /// A segment of end `x` with neither SYN nor RST. Whether it completes the handshake.
    pub fn later(&mut self, x: usize, seg: &Segment) -> bool {
        let Some(opener) = self.opener() else { return false };
        if x != opener {
            if self.syn_acks.count > 0 || self.ack.is_some() {
                self.ready.or_set(seg.time);
            }
            return false;
        }
        if self.ack.is_some() || !seg.has(Flags::ACK) {
            return false;
        }
        self.ack = seg.time.into();
        let since = self.syn_acks.last.time().or(self.syns.first());
        self.again = since.is_some_and(|since| repeats_ack(seg, seg.time - since));
        self.syn_ack_told = self.syn_acks.is_last_answered(seg.options.timestamps.map(|t| t.echo));
        self.whole = self.syn_acks.count == 0 && self.syns.count == 1 && !self.again;
        self.skipped = self.begins.is_some_and(|begins| after(seg.seq, begins));
        true
    }

    /// Whether the segment that [completes](Handshake::later) it is not the first of the client, so that how long that took is
    /// not known.
    pub fn is_skipped(&self) -> bool {
        self.skipped
    }

    /// The client's ACK, if that was captured.
    fn answer(&self) -> Maybe {
        if self.skipped { Maybe::NONE } else { self.ack }
    }

    /// A segment of the server at `now`, after the client's ACK.
    #[inline]
    pub fn note_ready(&mut self, now: Time) {
        self.ready.or_set(now);
    }

    /// Whether the server was seen to be through with it.
    #[inline(always)]
    pub fn is_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Whether a segment at `now` without SYN says nothing more about it: both ends were seen to be through with it before.
    #[inline]
    pub fn is_past(&self, now: Time) -> bool {
        let ready = self.ready.is_some() && self.ready() < Some(now);
        self.opener.is_none() || ready && self.ack.is_some() && self.ack != now.into()
    }

    /// When it [is past](Handshake::is_past) for what is captured later, if that is known.
    pub fn past_after(&self) -> Option<Time> {
        match (self.opener, self.ready(), self.ack()) {
            (None, _, _) => Some(Time(i64::MIN)),
            (Some(_), Some(ready), Some(ack)) => Some(ready.max(ack)),
            _ => None,
        }
    }

    /// Whether a SYN or SYN,ACK was captured more than once.
    pub fn has_copies(&self) -> bool {
        self.syns.count > 1 || self.syn_acks.count > 1
    }

    /// Whether its end is not captured yet, though its begin was.
    pub fn is_under_way(&self) -> bool {
        self.opener.is_some() && !self.ack.is_some()
    }

    /// The end that sent the first SYN.
    pub fn opener(&self) -> Option<usize> {
        self.opener.map(usize::from)
    }

    /// The client's ACK.
    pub fn ack(&self) -> Option<Time> {
        self.ack.time()
    }

    /// The first segment of the server that proves it ESTABLISHED.
    pub fn ready(&self) -> Option<Time> {
        self.ready.time()
    }

    /// From the SYN answered to the first SYN,ACK.
    #[inline]
    pub fn syn_to_synack(&self) -> Leg {
        self.syns.leg(self.syn_acks.first, self.syn_told).forwards()
    }

    /// From the SYN,ACK answered to the client's ACK.
    #[inline]
    pub fn synack_to_ack(&self) -> Leg {
        match self.syn_acks.leg(self.answer(), self.syn_ack_told).forwards() {
            Leg::Exact(most) | Leg::Between([_, most]) if self.again => Leg::Between([Span(0), most]),
            leg => leg,
        }
    }

    /// Whether the SYN,ACK was acknowledged before, unless the client waited: the first captured acknowledgment came late, and with
    /// payload.
    pub fn is_acked_again(&self) -> bool {
        self.again
    }

    /// Both, as far as there is no doubt.
    #[inline]
    pub fn legs(&self) -> [Option<Span>; 2] {
        [self.syn_to_synack().exact(), self.synack_to_ack().exact()]
    }

    /// From the first SYN to the one answered, where there was a retry.
    #[inline]
    pub fn retry_delay(&self) -> Option<Span> {
        elapsed(self.syns.first(), self.syns.last.time()).filter(|_| self.syn_told && self.syns.count > 1)
    }

    /// One round trip of the whole path, wherever the tap is.
    pub fn round_trip(&self) -> Option<Span> {
        self.round_trip_by(self.legs())
    }

    /// The same, where its [legs](Handshake::legs) are known.
    #[inline]
    pub fn round_trip_by(&self, [first, second]: [Option<Span>; 2]) -> Option<Span> {
        let whole = || self.connect_delay().filter(|_| self.whole);
        first.zip(second).map(|(a, b)| Span(a.0.saturating_add(b.0))).or_else(whole)
    }

    /// From the first SYN to the client's ACK.
    #[inline]
    pub fn connect_delay(&self) -> Option<Span> {
        elapsed(self.syns.first(), self.answer().time())
    }

    /// From the first SYN to the first segment that proves the server ESTABLISHED.
    pub fn ready_delay(&self) -> Option<Span> {
        elapsed(self.syns.first(), self.ready()).filter(|_| !self.skipped)
    }
}

crate::pack::pack_fields!(Copies { first, last, stamp, count, stamped, same });
crate::pack::pack_fields!(Handshake {
    syns,
    syn_acks,
    ack,
    ready,
    opener,
    syn_told,
    syn_ack_told,
    again,
    whole,
    skipped,
    begins
});

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
    fn a_handshake_whose_ack_was_not_captured_took_nobody_knows_how_long() {
        let [data, fin] = [1, 301].map(|ahead| Segment { seq: syn(0).seq.wrapping_add(ahead), ..ack(500, 1) });
        let told = |last: Segment| handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, last)]).synack_to_ack();
        assert_eq!((told(data), told(fin)), (Leg::Exact(Span::millis(470)), Leg::Unseen));
        // Fast Open, of which the second SYN has no data any more.
        let with_data = Segment { len: 300, ..syn(0) };
        let h = handshake(&[(0, with_data), (0, syn(100)), (1, syn_ack(130)), (0, fin)]);
        assert!(h.synack_to_ack() != Leg::Unseen);
    }

    #[test]
    fn both_legs_of_a_plain_handshake() {
        let h = handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, ack(31, 1))]);
        assert_eq!(h.syn_to_synack(), Leg::Exact(Span::millis(30)));
        assert_eq!(h.synack_to_ack(), Leg::Exact(Span::millis(1)));
        assert_eq!(h.round_trip(), Some(Span::millis(31)));
        assert_eq!(h.retry_delay(), None);
    }

    #[test]
    fn a_retried_syn_without_timestamps_leaves_a_range() {
        let h = handshake(&[(0, syn(0)), (0, syn(1_000)), (1, syn_ack(1_030)), (0, ack(1_031, 1))]);
        assert_eq!(h.syn_to_synack(), Leg::Between([Span::millis(30), Span::millis(1_030)]));
        assert_eq!((h.round_trip(), h.retry_delay()), (None, None));
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
        assert_eq!(h.syn_to_synack(), Leg::Exact(Span::millis(30)));
        assert_eq!(h.retry_delay(), Some(Span::secs(1)));
    }

    #[test]
    fn a_late_acknowledgment_with_payload_may_not_be_the_first() {
        let h = |late: Segment| handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, late)]);
        let carried = |millis: i64| Segment { len: 5, ..ack(millis, 1) };
        assert_eq!(h(carried(2_030)).synack_to_ack(), Leg::Between([Span(0), Span::secs(2)]));
        assert!(h(carried(2_030)).is_acked_again() && h(carried(2_030)).round_trip().is_none());
        assert_eq!(h(ack(2_030, 1)).synack_to_ack(), Leg::Exact(Span::secs(2)));
        assert_eq!(h(carried(430)).synack_to_ack(), Leg::Exact(Span::millis(400)));
    }

    #[test]
    fn the_whole_round_trip_needs_no_syn_ack() {
        let h = handshake(&[(0, syn(0)), (0, ack(31, 1))]);
        assert_eq!((h.round_trip(), h.syn_to_synack()), (Some(Span::millis(31)), Leg::Unseen));
    }

    #[test]
    fn the_servers_next_segment_shows_it_ready() {
        let h = handshake(&[(0, syn(0)), (1, syn_ack(30)), (0, ack(31, 1)), (1, ack(70, 1))]);
        assert_eq!(h.ready().map(|t| t.0), Some(70_000_000));
        assert!(!h.is_under_way());
    }
}
