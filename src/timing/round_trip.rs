//! Round trips between the tap and one end: from a segment towards it to the first acknowledgment that covers it.
//!
//! Karn's rule (RFC 6298 §3): a segment sent more than once gives no sample, unless the timestamp echoed tells which copy
//! was acknowledged (RFC 7323 §4). Neither does one whose acknowledgment had to wait for a hole below it to be filled,
//! or must have been acknowledged before (`missed`).

use smallvec::SmallVec;

use super::loss::{Loss, Repair, Sent, after};
use super::pause::Pauses;
use crate::pack::Seldom;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// How many segments in flight are remembered in one direction; those beyond give no sample.
pub(super) const IN_FLIGHT: usize = 512;

/// The stream towards one end, as far as it waits for acknowledgment.
#[derive(Clone, Default)]
pub struct RoundTrip {
    /// In the order in which they were sent; those before `head` are acknowledged.
    pub(super) flight: SmallVec<[Sent; 2]>,
    pub(super) loss: Seldom<Loss>,
    /// Since when the lowest segment in flight waits to be the lowest: the last progress.
    pub(super) progress: Time,
    pub(super) head: u16,
    /// `sent` means something.
    pub(super) has_sent: bool,
    /// `acked` means something.
    pub(super) has_acked: bool,
    /// Something sent again is not acknowledged. It is told by the numbers when something is repeated or acknowledged, and
    /// not in between: what is acknowledged once stays so, and the numbers wrap in time.
    pub(super) recovering: bool,
    /// The end of all that was sent.
    pub(super) sent: u32,
    /// The highest acknowledgment.
    pub(super) acked: u32,
}

/// What counts: when acknowledged segments are let go depends on the memory there is.
impl std::fmt::Debug for RoundTrip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waiting = &self.flight[usize::from(self.head)..];
        let ends = [self.has_sent.then_some(self.sent), self.has_acked.then_some(self.acked)];
        let so_far = (&self.progress, &ends, &self.recovering);
        f.debug_tuple("RoundTrip").field(&waiting).field(&self.loss).field(&so_far).finish()
    }
}

impl RoundTrip {
    /// Begins anew, with the memory it has.
    pub fn restart(&mut self) {
        let RoundTrip { flight, loss, progress, head, has_sent, has_acked, recovering, sent, acked } = self;
        flight.clear();
        loss.clear();
        (*progress, *head) = (Time::default(), 0);
        (*has_sent, *has_acked, *recovering, *sent, *acked) = (false, false, false, 0, 0);
    }

    pub(super) fn is_acked(&self, end: u32) -> bool {
        self.has_acked && !after(end, self.acked)
    }

    /// A segment towards the end that occupies sequence numbers not seen before; `flying` if others are
    /// [in flight](RoundTrip::in_flight).
    #[inline(always)]
    pub fn sends(&mut self, seg: &Segment, flying: bool) {
        let end = seg.end();
        if !flying {
            self.progress = seg.time;
        }
        if !self.has_sent || after(end, self.sent) {
            (self.has_sent, self.sent) = (true, end);
        }
        let head = usize::from(self.head);
        if self.is_acked(end) || self.flight.len() - head >= IN_FLIGHT {
            return;
        }
        if head > 0 && self.flight.len() == self.flight.capacity() {
            self.flight.drain(..head);
            self.head = 0;
        }
        self.flight.push(Sent::of(seg));
    }

    /// A segment towards the end that repeats, or comes late.
    pub fn repeats(&mut self, seg: &Segment) {
        let end = seg.end();
        if self.is_acked(end) {
            return;
        }
        let flight = self.flight.iter_mut().skip(self.head.into());
        for sent in flight.filter(|s| after(end, s.start) && after(s.end, seg.seq)) {
            sent.again = true;
        }
        let recovering = std::mem::replace(&mut self.recovering, true);
        let loss = self.loss.get_or_insert_default();
        let (mut start, mut last) = (seg.seq, end);
        if let Some(r) = loss.repair.filter(|_| recovering) {
            start = if after(r.start, start) { start } else { r.start };
            last = if after(r.end, last) { r.end } else { last };
        }
        let tsval = seg.options.timestamps.map(|t| t.value);
        loss.repair = Some(Repair { time: seg.time, start, end: last, tsval });
        loss.stalls.begin(self.progress);
    }

    /// The end acknowledges more than before. Gives the sample, if there is one.
    pub fn acknowledged(&mut self, seg: &Segment) -> Option<Span> {
        let falls_back = self.falls_back(seg.ack);
        let last = self.takes(seg);
        let RoundTrip { recovering, loss, .. } = self;
        let Some(loss) = loss.as_mut() else { return last.map(|sent| seg.time - sent.time) };
        loss.stalls.end(seg.time);
        *recovering = (*recovering || falls_back) && loss.repair.is_some_and(|r| after(r.end, seg.ack));
        let sample = last.and_then(|sent| loss.sample(&sent, seg));
        // What lies below is acknowledged: in time the numbers wrap.
        loss.sacked = loss.sacked.filter(|edge| after(*edge, seg.ack));
        sample
    }

    /// Whether `ack` is no more than was acknowledged before: after a handshake that is told anew.
    fn falls_back(&self, ack: u32) -> bool {
        self.has_acked && !after(ack, self.acked)
    }

    /// Takes an acknowledgment: what in flight ends there, if anything does.
    #[inline(always)]
    pub(super) fn takes(&mut self, seg: &Segment) -> Option<Sent> {
        (self.has_acked, self.acked, self.progress) = (true, seg.ack, seg.time);
        let (flight, head) = (self.flight.as_slice(), usize::from(self.head));
        let mut at = head;
        while flight.get(at).is_some_and(|sent| !after(sent.end, seg.ack)) {
            at += 1;
        }
        let last = if at > head { flight.get(at - 1).filter(|sent| sent.end == seg.ack).copied() } else { None };
        if at >= flight.len() {
            self.flight.clear();
            at = 0;
        }
        self.head = at as u16;
        last
    }

    /// The end reports what it holds beyond a hole.
    pub fn reports(&mut self, seg: &Segment) {
        for (_, right) in seg.options.sack().iter().filter(|(_, right)| after(*right, seg.ack)) {
            let loss = self.loss.get_or_insert_default();
            if loss.sacked.is_none_or(|edge| after(*right, edge)) {
                loss.sacked = Some(*right);
            }
        }
    }

    /// A sample of the handshake whose copy the timestamp told.
    pub fn rescue(&mut self) {
        let loss = self.loss.get_or_insert_default();
        loss.rescued = loss.rescued.saturating_add(1);
    }

    /// A sample that would have been none is left out.
    pub fn exclude(&mut self) {
        let loss = self.loss.get_or_insert_default();
        loss.excluded = loss.excluded.saturating_add(1);
    }

    /// A sample is known to have taken long: an acknowledgment alone told it.
    pub fn note_slow(&mut self, span: Span) {
        self.loss.get_or_insert_default().slow = span;
    }

    /// The latest of those.
    pub fn slow(&self) -> Option<Span> {
        self.loss.as_ref().map(|l| l.slow).filter(|slow| slow.0 > 0)
    }

    /// The last progress, or when what is in flight began to be sent.
    #[inline]
    pub fn progress(&self) -> Time {
        self.progress
    }

    /// Progress was made, or what is in flight began to be sent: noted by who knows the rest.
    #[inline]
    pub fn note_progress(&mut self, now: Time) {
        self.progress = now;
    }

    /// Whether something sent is not acknowledged.
    #[inline]
    pub fn in_flight(&self) -> bool {
        self.has_sent && !self.is_acked(self.sent)
    }

    /// Whether something sent again is not acknowledged.
    #[inline]
    pub fn in_recovery(&self) -> bool {
        self.recovering
    }

    /// Whether anything of what follows there may be.
    #[inline]
    pub fn has_lost(&self) -> bool {
        self.loss.is_some()
    }

    /// Progress stopped because of a loss: from the last progress to the next, for each time something was sent again.
    pub fn stalls(&self) -> Pauses {
        self.loss.as_ref().map(|l| l.stalls).unwrap_or_default()
    }

    /// Acknowledgments of segments that had been sent again and so give no sample (Karn), that came late because of a
    /// hole, or that repeat one that was not captured.
    pub fn excluded(&self) -> u32 {
        self.loss.as_ref().map_or(0, |l| l.excluded)
    }

    /// Samples of segments sent again of which the timestamp told the copy.
    pub fn rescued(&self) -> u32 {
        self.loss.as_ref().map_or(0, |l| l.rescued)
    }

    /// Frees what only future segments would need, if that is much.
    pub fn forget(&mut self) {
        const LITTLE: usize = 16;
        if self.flight.capacity() > LITTLE {
            self.flight = SmallVec::new();
        }
        self.flight.clear();
        self.head = 0;
    }
}

crate::pack::pack_fields!(RoundTrip { flight, loss, progress, head, has_sent, has_acked, recovering, sent, acked });

#[cfg(test)]
mod tests {
    use super::super::testing::{ack, data, stamped};
    use super::*;

    fn sends(trip: &mut RoundTrip, seg: &Segment) {
        let flying = trip.in_flight();
        trip.sends(seg, flying);
    }

    fn taken(trip: &mut RoundTrip, seg: &Segment) -> Option<i64> {
        trip.acknowledged(seg).map(|s| s.0 / 1_000_000)
    }

    #[test]
    fn only_the_highest_segment_acknowledged_gives_a_sample() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, 100, 10));
        sends(&mut trip, &data(5, 110, 10));
        assert_eq!(taken(&mut trip, &ack(30, 120)), Some(25));
        assert!(!trip.in_flight());
    }

    #[test]
    fn a_segment_sent_twice_gives_none() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, 100, 10));
        trip.repeats(&data(200, 100, 10));
        assert_eq!(taken(&mut trip, &ack(230, 110)), None);
        assert_eq!(trip.excluded(), 1);
        sends(&mut trip, &data(300, 110, 10));
        assert_eq!(taken(&mut trip, &ack(330, 120)), Some(30));
    }

    #[test]
    fn a_timestamp_tells_the_copy() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &stamped(data(0, 100, 10), 1_000, 0));
        trip.repeats(&stamped(data(200, 100, 10), 1_200, 0));
        assert_eq!(taken(&mut trip, &stamped(ack(230, 110), 9, 1_200)), Some(30));
        sends(&mut trip, &stamped(data(300, 110, 10), 1_300, 0));
        trip.repeats(&stamped(data(500, 110, 10), 1_500, 0));
        assert_eq!(taken(&mut trip, &stamped(ack(505, 120), 9, 1_300)), Some(205));
        assert_eq!((trip.rescued(), trip.excluded()), (2, 0));
    }

    #[test]
    fn what_waited_for_a_hole_gives_none() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, 100, 10));
        sends(&mut trip, &data(1, 110, 10));
        trip.repeats(&data(250, 100, 10));
        assert_eq!(taken(&mut trip, &ack(280, 120)), None);
        assert_eq!(trip.excluded(), 1);
    }

    #[test]
    fn an_acknowledgment_inside_a_segment_gives_none() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, 100, 1_000));
        assert_eq!(taken(&mut trip, &ack(30, 600)), None);
        assert!(trip.in_flight());
        assert_eq!(taken(&mut trip, &ack(31, 1_100)), Some(31));
    }

    #[test]
    fn a_sack_is_over_with_what_it_told_of_however_much_follows() {
        let mut trip = RoundTrip::default();
        let mut sack = ack(30, 110);
        (sack.options.sack_blocks, sack.options.sack[0]) = (1, (120, 130));
        [100, 110, 120].into_iter().for_each(|seq| sends(&mut trip, &data(0, seq, 10)));
        trip.reports(&sack);
        assert_eq!(taken(&mut trip, &ack(60, 130)), None);
        assert_eq!(trip.excluded(), 1);
        let mut seq = 130_u32;
        for n in 0..5 {
            sends(&mut trip, &data(100 + n, seq, 1 << 30));
            seq = seq.wrapping_add(1 << 30);
            assert_eq!(taken(&mut trip, &ack(107 + n, seq)), Some(7));
        }
        assert_eq!(trip.excluded(), 1);
    }

    #[test]
    fn what_was_repaired_stays_so_however_much_follows() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, 100, 10));
        trip.repeats(&data(200, 100, 10));
        assert!(trip.in_recovery());
        for n in 0..8_u32 {
            trip.acknowledged(&ack(230 + i64::from(n), 110 + (n << 29)));
            assert!(!trip.in_recovery(), "{n}");
        }
    }

    #[test]
    fn sequence_numbers_may_wrap() {
        let mut trip = RoundTrip::default();
        sends(&mut trip, &data(0, u32::MAX - 4, 10));
        assert_eq!(taken(&mut trip, &ack(7, 5)), Some(7));
    }
}
