//! What is noted of the capture as a whole, as its segments pass.

use super::limits::Limits;
use super::quality::Quality;
use super::scene::Scene;
use super::survey::Survey;
use crate::segment::Segment;
use crate::time::{Span, Time};
use crate::tracker::Profile;
use crate::tracker::run::Behind;

/// Segments this much out of order are, as a rule, by how they were captured.
const BACK: i64 = Span::secs(1).0;

/// Counts over all segments.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    quality: Quality,
    begin: Option<Time>,
    /// Capture time of the segment before; at first the least there is.
    before: Time,
    /// The longest time between two segments, [as it is compared](compared); negative before the first one, which so is a
    /// step whatever its time.
    longest: u64,
}

/// A time between two segments so that those more than [`BACK`] before it come behind all others.
#[inline(always)]
fn compared(apart: Span) -> u64 {
    apart.0.wrapping_add(BACK) as u64
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { quality: Quality::default(), begin: None, before: Time(i64::MIN), longest: compared(Span(-1)) }
    }
}

impl Watch {
    /// Takes note of a segment.
    #[inline(always)]
    pub fn segment(&mut self, seg: &Segment) {
        self.quality.kinds.note(seg);
        let before = std::mem::replace(&mut self.before, seg.time);
        let (apart, wraps) = seg.time.0.overflowing_sub(before.0);
        if wraps || compared(Span(apart)) > self.longest {
            self.step(before, seg);
        }
    }

    /// Takes note of a run behind the segment noted last, which ends with `last`: all of one kind, one after the other.
    #[inline]
    pub fn run(&mut self, run: &Behind, last: &Segment) {
        self.quality.kinds.note(last);
        self.before = last.time;
        self.longest = self.longest.max(compared(run.pause));
    }

    /// Takes note of the first segment, or of one that comes longer after the one before than any did, or before it.
    #[cold]
    fn step(&mut self, before: Time, seg: &Segment) {
        if self.begin.is_none() {
            (self.begin, self.longest) = (Some(seg.time), compared(Span(0)));
        } else if seg.time > before {
            self.longest = compared(seg.time - before);
        } else {
            self.quality.note_back_step(seg.packet, before - seg.time);
        }
    }

    /// The longest time without a segment, if it is nearly all of a capture of this `length`: captures joined, or files of
    /// different days.
    pub fn silence(&self, length: Span) -> Option<Span> {
        const LEAST: Span = Span::secs(3_600);
        let longest = self.longest();
        (longest >= LEAST && longest.0 / 9 >= length.0 / 10).then_some(longest)
    }

    /// The longest time between two segments.
    fn longest(&self) -> Span {
        Span((self.longest as i64).wrapping_sub(BACK))
    }

    /// Capture time of the first segment.
    pub fn begin(&self) -> Option<Time> {
        self.begin
    }

    /// What is known of the capture at `end`, all connections surveyed: `unique` bytes of payload passed in them, in so many
    /// segments, and so many packets could not be read.
    pub fn scene(
        &self,
        survey: Survey,
        (unique, segments, undecoded): (u64, u64, u64),
        end: Time,
        profile: Profile,
        limits: Limits,
    ) -> Scene {
        let passed = Quality { unique, segments, undecoded, ..self.quality };
        survey.finish(&passed, (self.begin.unwrap_or(end), end), profile, limits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::Pack;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn silences_and_steps_back_are_told_whatever_the_times(
            times in prop::collection::vec((prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX)], -3_i64..4, 0..3_u8), 1..12),
        ) {
            let (mut watch, mut before) = (Watch::default(), None);
            let (mut longest, mut back) = (Span(0), 0);
            for (base, off, scale) in times {
                let time = Time(base.saturating_add(off * [1, 400_000_000, 1_000_000_000][usize::from(scale)]));
                watch.segment(&Segment { time, ..Segment::blank() });
                let apart = before.replace(time).map_or(Span(0), |before| time - before);
                longest = longest.max(apart);
                back += u64::from(apart < Span::secs(-1));
                prop_assert_eq!((watch.longest(), watch.quality.back_steps), (longest, back));
            }
        }
    }

    #[test]
    fn the_first_segment_is_the_first_whatever_its_time() {
        for first in [i64::MIN, -5, 0, i64::MAX] {
            let mut watch = Watch::default();
            watch.segment(&Segment { time: Time(first), ..Segment::blank() });
            assert_eq!((watch.begin(), watch.longest()), (Some(Time(first)), Span(0)));
            let next = Time(first).max(Time(i64::MAX - 9));
            watch.segment(&Segment { time: next, ..Segment::blank() });
            assert_eq!((watch.begin(), watch.longest()), (Some(Time(first)), next - Time(first)));
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
