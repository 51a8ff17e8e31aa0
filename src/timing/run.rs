//! A run of usual segments, measured at once.

use super::blame::Situation;
use super::flow::{Flow, Measured};
use super::handshake::Handshake;
use super::loss::{Sent, after};
use super::missed::PROMPT;
use super::pause::GAP;
use super::round_trip::{IN_FLIGHT, RoundTrip};
use super::samples::Kind;
use crate::segment::Segment;
use crate::time::Span;
use crate::tracker::run::{MOST, Run, SHORT};

// In a run nobody pauses.
const _: () = assert!(SHORT.0 <= GAP.0);

impl Measured {
    /// Takes a run of end `x` behind a segment that [`Measured::take_steady`] has taken: what that comes to for each of it.
    #[inline]
    pub fn take_run(&mut self, x: usize, run: &Run<'_>) {
        let Some(flow) = &mut self.flow else { return };
        let x = x & 1;
        if !run.is_payload() {
            flow.take_acknowledgments(x, run.all());
        } else if flow.only_sends(x, run) {
            flow.trips[1 - x].sends_all(run.but_last(), run.last.seq);
            flow.usual(x, false, run.last, &self.handshake);
        } else {
            flow.usual_all(x, run.all(), &self.handshake);
        }
    }
}

impl Flow {
    /// Takes acknowledgments of end `x`: nothing is closing, so nothing else is to be noted of them.
    fn take_acknowledgments(&mut self, x: usize, all: &[&Segment]) {
        let trip = &mut self.trips[x];
        let Some(last) = all.last().filter(|_| trip.is_undisturbed_by(all)) else {
            return all.iter().for_each(|seg| self.acknowledges(x, seg, &Situation::default()));
        };
        let mut samples = [Span(0); MOST];
        let sampled = trip.acknowledged_by(all, last, &mut samples);
        if !trip.in_flight() {
            self.settled[1 - x] = last.time.into();
        }
        let samples = samples.get(..sampled).unwrap_or_default();
        let Some(least) = samples.iter().min() else { return };
        // An acknowledgment alone is believed, however late.
        if let Some(slow) = samples.iter().rfind(|span| **span > PROMPT) {
            trip.note_slow(*slow);
        }
        if self.least(x).is_none_or(|before| *least < before) {
            self.least[x] = (*least).into();
        }
        self.samples.add_all(Kind::Trip(x), samples);
    }

    /// Whether a run of payload does no more than add to what is under way, and to its time.
    fn only_sends(&self, x: usize, run: &Run<'_>) -> bool {
        let trip = &self.trips[1 - x];
        trip.is_sent_to(run.last.seq.wrapping_sub(run.bytes.wrapping_sub(run.last.len)))
            && trip.in_flight()
            && trip.is_ahead(run.last.seq)
            && run.last.time - trip.progress() <= PROMPT
            && !self.held.is_some()
    }

    /// Takes payload of end `x` one by one.
    #[cold]
    fn usual_all(&mut self, x: usize, all: &[&Segment], handshake: &Handshake) {
        all.iter().for_each(|seg| self.usual(x, false, seg, handshake));
    }
}

impl RoundTrip {
    /// What [`RoundTrip::sends`] comes to for segments that continue what was [sent](RoundTrip::is_sent_to), up to `end`, and lie
    /// [ahead](RoundTrip::is_ahead), while something is in flight.
    #[inline]
    pub fn sends_all(&mut self, all: &[&Segment], end: u32) {
        let head = usize::from(self.head);
        let waiting = self.flight.len() - head;
        let more = &all[..all.len().min(IN_FLIGHT.saturating_sub(waiting))];
        if self.flight.len() + more.len() > self.flight.capacity() {
            self.flight.drain(..head);
            self.head = 0;
            self.flight.reserve(more.len());
        }
        self.flight.extend(more.iter().map(|seg| Sent::of(seg)));
        self.sent = end;
    }

    /// Whether all that was sent ends at `end`.
    #[inline]
    pub fn is_sent_to(&self, end: u32) -> bool {
        self.has_sent && self.sent == end
    }

    /// Whether `end` lies beyond what is acknowledged.
    #[inline]
    pub fn is_ahead(&self, end: u32) -> bool {
        !self.is_acked(end)
    }

    /// What [`RoundTrip::acknowledged`] comes to for acknowledgments in ascending order, up to `to`,
    /// [undisturbed](RoundTrip::is_undisturbed_by): puts the samples in `samples`, if there is room, and says how many there are.
    #[inline]
    pub fn acknowledged_by(&mut self, all: &[&Segment], to: &Segment, samples: &mut [Span]) -> usize {
        let RoundTrip { flight, head, loss, .. } = self;
        let waiting = &flight[usize::from(*head)..];
        let (mut at, mut sampled) = (0, 0);
        for seg in all {
            let mut last = None;
            while let Some(sent) = waiting.get(at).filter(|sent| !after(sent.end, seg.ack)) {
                last = Some(sent);
                at += 1;
            }
            let Some(sent) = last.filter(|sent| sent.end == seg.ack) else { continue };
            let sample = loss.as_mut().map_or(Some(seg.time - sent.time), |loss| loss.sample(sent, seg));
            if let (Some(span), Some(place)) = (sample, samples.get_mut(sampled)) {
                *place = span;
                sampled += 1;
            }
        }
        if let Some(loss) = loss.as_mut() {
            loss.sacked = loss.sacked.filter(|edge| after(*edge, to.ack));
        }
        if at == waiting.len() {
            flight.clear();
            *head = 0;
        } else {
            *head += at as u16;
        }
        (self.progress, self.acked) = (to.time, to.ack);
        sampled
    }

    /// Whether nothing is being recovered, and acknowledgments in ascending order are of more than any before, and none but the
    /// last of them of all that is in flight.
    #[inline]
    pub fn is_undisturbed_by(&self, all: &[&Segment]) -> bool {
        !self.recovering
            && self.has_acked
            && self.loss.as_ref().is_none_or(|loss| !loss.stalls.lasts())
            && self.in_flight()
            && all.first().is_some_and(|seg| self.is_ahead(seg.ack))
            && all.iter().rev().nth(1).is_none_or(|seg| after(self.sent, seg.ack))
    }
}
