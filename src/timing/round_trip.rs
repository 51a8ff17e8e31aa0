//! Round trips between the tap and one end: from a segment towards it to the first acknowledgment that covers it.
//!
//! Karn's rule (RFC 6298 §3): a segment sent more than once gives no sample, unless the timestamp echoed tells which copy
//! was acknowledged (RFC 7323 §4). Neither does one whose acknowledgment had to wait for a hole below it to be filled.

use std::collections::VecDeque;

use super::pause::Pauses;
use super::quantile::{CONNECTION, Quantiles};
use crate::segment::Segment;
use crate::time::{Span, Time};

/// How many segments in flight are remembered in one direction; those beyond give no sample.
const IN_FLIGHT: usize = 512;

/// A segment that is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
struct Sent {
    time: Time,
    start: u32,
    end: u32,
    tsval: Option<u32>,
    again: bool,
}

/// The latest segment that was sent again, or late, and is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
struct Repair {
    time: Time,
    /// The lowest sequence number of all repaired since everything repaired was acknowledged.
    start: u32,
    /// The highest.
    end: u32,
    tsval: Option<u32>,
}

/// The stream towards one end, as far as it waits for acknowledgment.
#[derive(Clone, Debug)]
pub struct RoundTrip {
    flight: VecDeque<Sent>,
    repair: Option<Repair>,
    /// The end of all that was sent, and whether anything was.
    sent: Option<u32>,
    /// The highest acknowledgment.
    acked: Option<u32>,
    /// The right edge of the highest SACK block.
    sacked: Option<u32>,
    /// Since when the lowest segment in flight waits to be the lowest: the last progress.
    progress: Time,
    /// Progress stopped because of a loss: from the last progress to the next, for each time something was sent again.
    pub stalls: Pauses,
    /// The samples.
    pub samples: Quantiles,
    /// Acknowledgments of segments that had been sent again and so give no sample (Karn), or that came late because of
    /// a hole.
    pub excluded: u32,
    /// Samples of segments sent again of which the timestamp told the copy; counted in `samples`, too.
    pub rescued: u32,
}

impl Default for RoundTrip {
    fn default() -> RoundTrip {
        RoundTrip {
            flight: VecDeque::new(),
            repair: None,
            sent: None,
            acked: None,
            sacked: None,
            progress: Time(0),
            stalls: Pauses::default(),
            samples: Quantiles::new(CONNECTION),
            excluded: 0,
            rescued: 0,
        }
    }
}

fn after(a: u32, b: u32) -> bool {
    (b.wrapping_sub(a) as i32) < 0
}

impl RoundTrip {
    /// A segment towards the end that occupies sequence numbers not seen before.
    pub fn sends(&mut self, seg: &Segment) {
        let end = seg.end();
        if !self.in_flight() {
            self.progress = seg.time;
        }
        if self.sent.is_none_or(|s| after(end, s)) {
            self.sent = Some(end);
        }
        if self.acked.is_some_and(|a| !after(end, a)) {
            return;
        }
        if self.flight.len() < IN_FLIGHT {
            let tsval = seg.options.timestamps.map(|t| t.value);
            self.flight.push_back(Sent { time: seg.time, start: seg.seq, end, tsval, again: false });
        }
    }

    /// A segment towards the end that repeats, or comes late.
    pub fn repeats(&mut self, seg: &Segment) {
        let end = seg.end();
        if self.acked.is_some_and(|a| !after(end, a)) {
            return;
        }
        for sent in self.flight.iter_mut().filter(|s| after(end, s.start) && after(s.end, seg.seq)) {
            sent.again = true;
        }
        let (mut start, mut last) = (seg.seq, end);
        if let Some(r) = self.repair.filter(|_| self.in_recovery()) {
            start = if after(r.start, start) { start } else { r.start };
            last = if after(r.end, last) { r.end } else { last };
        }
        let tsval = seg.options.timestamps.map(|t| t.value);
        self.repair = Some(Repair { time: seg.time, start, end: last, tsval });
        self.stalls.begin(self.progress);
    }

    /// The end acknowledges more than before. Gives the sample, if there is one.
    pub fn acknowledged(&mut self, seg: &Segment) -> Option<Span> {
        let ack = seg.ack;
        self.acked = Some(ack);
        self.stalls.end(seg.time);
        self.progress = seg.time;
        let mut last = None;
        while let Some(sent) = self.flight.front()
            && !after(sent.end, ack)
        {
            last = self.flight.pop_front();
        }
        let sample = last.filter(|s| s.end == ack).and_then(|s| self.sample(s, seg));
        if let Some(span) = sample {
            self.samples.add(span);
        }
        sample
    }

    fn sample(&mut self, sent: Sent, seg: &Segment) -> Option<Span> {
        let first = seg.time - sent.time;
        let late = self.repair.is_some_and(|r| r.time > sent.time && after(sent.start, r.start));
        let held = self.sacked.is_some_and(|edge| !after(sent.end, edge));
        if !sent.again && !late && !held {
            return Some(first);
        }
        if sent.again
            && let (Some(echo), Some(one)) = (seg.options.timestamps.map(|t| t.echo), sent.tsval)
            && let Some(Repair { time, tsval: Some(two), .. }) = self.repair
            && one != two
        {
            let span = match echo {
                e if e == one && !late && !held => Some(first),
                e if e == two => Some(seg.time - time),
                _ => None,
            };
            if span.is_some() {
                self.rescued += 1;
                return span;
            }
        }
        self.excluded += 1;
        None
    }

    /// The end reports what it holds beyond a hole.
    pub fn reports(&mut self, seg: &Segment) {
        for (_, right) in seg.options.sack() {
            if after(*right, seg.ack) && self.sacked.is_none_or(|edge| after(*right, edge)) {
                self.sacked = Some(*right);
            }
        }
    }

    /// Whether something sent is not acknowledged.
    pub fn in_flight(&self) -> bool {
        match (self.sent, self.acked) {
            (Some(sent), Some(acked)) => after(sent, acked),
            (sent, _) => sent.is_some(),
        }
    }

    /// Whether something sent again is not acknowledged.
    pub fn in_recovery(&self) -> bool {
        self.repair.is_some_and(|r| self.acked.is_none_or(|a| after(r.end, a)))
    }

    /// Frees what only future segments would need.
    pub fn forget(&mut self) {
        self.flight = VecDeque::new();
    }
}

crate::pack::pack_fields!(Sent { time, start, end, tsval, again });
crate::pack::pack_fields!(Repair { time, start, end, tsval });
crate::pack::pack_fields!(RoundTrip {
    flight,
    repair,
    sent,
    acked,
    sacked,
    progress,
    stalls,
    samples,
    excluded,
    rescued,
});

impl crate::pack::Item for Sent {}

#[cfg(test)]
mod tests {
    use super::super::testing::{ack, data, stamped};
    use super::*;

    fn taken(trip: &mut RoundTrip, seg: &Segment) -> Option<i64> {
        trip.acknowledged(seg).map(|s| s.0 / 1_000_000)
    }

    #[test]
    fn only_the_highest_segment_acknowledged_gives_a_sample() {
        let mut trip = RoundTrip::default();
        trip.sends(&data(0, 100, 10));
        trip.sends(&data(5, 110, 10));
        assert_eq!(taken(&mut trip, &ack(30, 120)), Some(25));
        assert!(!trip.in_flight());
    }

    #[test]
    fn a_segment_sent_twice_gives_none() {
        let mut trip = RoundTrip::default();
        trip.sends(&data(0, 100, 10));
        trip.repeats(&data(200, 100, 10));
        assert_eq!(taken(&mut trip, &ack(230, 110)), None);
        assert_eq!(trip.excluded, 1);
        trip.sends(&data(300, 110, 10));
        assert_eq!(taken(&mut trip, &ack(330, 120)), Some(30));
    }

    #[test]
    fn a_timestamp_tells_the_copy() {
        let mut trip = RoundTrip::default();
        trip.sends(&stamped(data(0, 100, 10), 1_000, 0));
        trip.repeats(&stamped(data(200, 100, 10), 1_200, 0));
        assert_eq!(taken(&mut trip, &stamped(ack(230, 110), 9, 1_200)), Some(30));
        trip.sends(&stamped(data(300, 110, 10), 1_300, 0));
        trip.repeats(&stamped(data(500, 110, 10), 1_500, 0));
        assert_eq!(taken(&mut trip, &stamped(ack(505, 120), 9, 1_300)), Some(205));
        assert_eq!((trip.rescued, trip.excluded), (2, 0));
    }

    #[test]
    fn what_waited_for_a_hole_gives_none() {
        let mut trip = RoundTrip::default();
        trip.sends(&data(0, 100, 10));
        trip.sends(&data(1, 110, 10));
        trip.repeats(&data(250, 100, 10));
        assert_eq!(taken(&mut trip, &ack(280, 120)), None);
        assert_eq!(trip.excluded, 1);
    }

    #[test]
    fn an_acknowledgment_inside_a_segment_gives_none() {
        let mut trip = RoundTrip::default();
        trip.sends(&data(0, 100, 1_000));
        assert_eq!(taken(&mut trip, &ack(30, 600)), None);
        assert!(trip.in_flight());
        assert_eq!(taken(&mut trip, &ack(31, 1_100)), Some(31));
    }

    #[test]
    fn sequence_numbers_may_wrap() {
        let mut trip = RoundTrip::default();
        trip.sends(&data(0, u32::MAX - 4, 10));
        assert_eq!(taken(&mut trip, &ack(7, 5)), Some(7));
    }
}
