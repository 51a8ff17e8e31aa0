//! What is noted of the capture as a whole, as its segments pass.

use super::limits::Limits;
use super::quality::Quality;
use super::scene::Scene;
use super::survey::Survey;
use crate::segment::Segment;
use crate::time::{Span, Time};
use crate::tracker::Profile;
use crate::tracker::run::Behind;

/// Counts over all segments.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    quality: Quality,
    begin: Option<Time>,
    /// Capture time of the segment before; at first the least there is.
    before: Time,
    /// The longest time between two segments; negative before the first one, which so is a step whatever its time.
    silence: Span,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { quality: Quality::default(), begin: None, before: Time(i64::MIN), silence: Span(-1) }
    }
}

impl Watch {
    /// Takes note of a segment.
    #[inline(always)]
    pub fn segment(&mut self, seg: &Segment) {
        self.quality.segments += 1;
        self.quality.kinds.note(seg);
        let before = std::mem::replace(&mut self.before, seg.time);
        let apart = seg.time - before;
        if apart > self.silence || apart < Span::secs(-1) {
            self.step(before, seg);
        }
    }

    /// Takes note of a run behind the segment noted last, which ends with `last`: all of one kind, one after the other.
    #[inline]
    pub fn run(&mut self, run: &Behind, last: &Segment) {
        self.quality.segments += run.count as u64;
        self.quality.kinds.note(last);
        self.before = last.time;
        self.silence = self.silence.max(run.pause);
    }

    /// Takes note of the first segment, or of one that comes longer after the one before than any did, or before it.
    #[cold]
    fn step(&mut self, before: Time, seg: &Segment) {
        if self.begin.is_none() {
            (self.begin, self.silence) = (Some(seg.time), Span(0));
        } else if seg.time > before {
            self.silence = seg.time - before;
        } else {
            self.quality.note_back_step(seg.packet, before - seg.time);
        }
    }

    /// The longest time without a segment, if it is nearly all of a capture of this `length`: captures joined, or files of
    /// different days.
    pub fn silence(&self, length: Span) -> Option<Span> {
        const LEAST: Span = Span::secs(3_600);
        (self.silence >= LEAST && self.silence.0 / 9 >= length.0 / 10).then_some(self.silence)
    }

    /// Capture time of the first segment.
    pub fn begin(&self) -> Option<Time> {
        self.begin
    }

    /// What is known of the capture at `end`, all connections surveyed: `unique` bytes of payload passed in them, and so
    /// many packets could not be read.
    pub fn scene(
        &self,
        survey: Survey,
        (unique, undecoded): (u64, u64),
        end: Time,
        profile: Profile,
        limits: Limits,
    ) -> Scene {
        let passed = Quality { unique, undecoded, ..self.quality };
        survey.finish(&passed, (self.begin.unwrap_or(end), end), profile, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;

    #[test]
    fn the_first_segment_is_the_first_whatever_its_time() {
        for first in [i64::MIN, -5, 0, i64::MAX] {
            let mut watch = Watch::default();
            watch.segment(&Segment { time: Time(first), ..Segment::blank() });
            assert_eq!((watch.begin(), watch.silence), (Some(Time(first)), Span(0)));
            let next = Time(first).max(Time(i64::MAX - 9));
            watch.segment(&Segment { time: next, ..Segment::blank() });
            assert_eq!((watch.begin(), watch.silence), (Some(Time(first)), next - Time(first)));
        }
    }

    #[test]
    fn a_run_counts_as_each_of_its_segments_does() {
        let segment =
            |ms: i64| Segment { time: Time(ms * 1_000_000), flags: crate::segment::Flags::ACK, ..Segment::blank() };
        for silence in [0, 5, 100] {
            let [mut alone, mut together] = [Watch::default(); 2];
            let first = [segment(0), segment(silence)];
            first.iter().for_each(|seg| [&mut alone, &mut together].into_iter().for_each(|watch| watch.segment(seg)));
            let run = [1, 1, 30, 31].map(|ms| segment(silence + ms));
            run.iter().for_each(|seg| alone.segment(seg));
            together.run(&Behind { count: run.len(), pause: Span::millis(29) }, &run[3]);
            assert_eq!(format!("{alone:?}"), format!("{together:?}"));
        }
    }
}
