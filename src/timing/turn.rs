//! Whose turn it is: runs of payload of one end, and how long the other takes to answer.
//!
//! This is what a request and its response look like where each waits for the other. Pipelined or pushed data does not;
//! then a turn is only what it says: the time from one end's last byte to the other's first.

use super::maybe::Maybe;
use super::pause::GAP;
use super::samples::{Kind, Samples};
use crate::segment::Segment;
use crate::time::{Span, Time};

/// From here on, a run is so long that its numbers may have wrapped.
const LONGEST: u32 = 1 << 31;
/// What is shorter may only confirm what came unasked: the answer to a ping, a window update of HTTP/2, an acknowledgment of MQTT or
/// AMQP, also if TLS wraps it.
const CONFIRMATION: u32 = 64;

/// The turns of a connection.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// The last byte of the present run.
    last: Time,
    /// The last byte of the run before it.
    asked: Maybe,
    /// The first payload of each end.
    first: [Maybe; 2],
    /// Answers and responses that were not measured, as something in them was sent again.
    pub excluded: u32,
    /// Who sent the last payload; before any payload nobody.
    talker: Option<u8>,
    /// Something was sent again during the present wait, or the present answer.
    touched: bool,
    /// The present run went on after a pause.
    paused: bool,
    /// The present run came late, as what is not asked for does.
    late: bool,
    /// It came at once after one that was, or that went on, late.
    reacts: bool,
    /// Where the present run begins, and where its latest payload ends. What was overtaken on the way ends earlier than the run
    /// does: of that the callers know more.
    start: u32,
    end: u32,
    /// The packet with the last of its payload so far.
    packet: u64,
    /// The runs of each end that were answered.
    answered: [Answered; 2],
}

/// Runs that were answered.
#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    /// How long the shortest of them was.
    least: u32,
    /// How long they were together.
    total: u64,
    count: u32,
    /// How long the answer took at most.
    longest: Span,
}

impl Answered {
    fn add(&mut self, length: u32, waited: Span) {
        self.longest = self.longest.max(waited);
        self.least = if self.count == 0 { length } else { self.least.min(length) };
        self.total = self.total.saturating_add(length.into());
        self.count = self.count.saturating_add(1);
    }

    /// Whether a run is as long as one that asks for something: no shorter than all of them, nor than half of what they
    /// mostly are.
    fn is_like(&self, length: u32) -> bool {
        length >= self.least && u64::from(length) * 2 * u64::from(self.count) >= self.total
    }
}

/// What was asked last, and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The last byte of it.
    pub time: Time,
    /// The packet with that.
    pub packet: u64,
    /// How long it is.
    pub bytes: u32,
    /// Who has not answered had sent payload before.
    pub spoke_before: bool,
    /// How long an answer took before, at most.
    pub longest: Span,
}

impl Turns {
    /// New payload of end `x`.
    #[inline]
    pub fn speaks(&mut self, x: usize, seg: &Segment, samples: &mut Samples) {
        if self.talker() != Some(x) {
            self.turn(x, seg, samples);
        } else {
            self.paused |= seg.time - self.last >= GAP;
        }
        self.last = self.last.max(seg.time);
        (self.packet, self.end) = (seg.packet, seg.end());
    }

    /// New payload of end `x` for which nobody waits any more.
    pub fn speaks_late(&mut self, x: usize, seg: &Segment, samples: &mut Samples) {
        self.touched = true;
        self.speaks(x, seg, samples);
        self.asked = Maybe::NONE;
    }

    /// End `x` speaks, and it was not the last that did.
    fn turn(&mut self, x: usize, seg: &Segment, samples: &mut Samples) {
        self.first[x].or_set(seg.time);
        self.finish(samples);
        if self.talker.is_some() {
            if self.touched {
                self.excluded = self.excluded.saturating_add(1);
            } else {
                samples.add(Kind::Answer(x), seg.time - self.last);
            }
            self.asked = self.last.into();
            // What does not acknowledge all of it was under way before, and answers nothing.
            let length = seg.ack.wrapping_sub(self.start);
            if seg.ack.wrapping_sub(self.end) as i32 >= 0 && (1..LONGEST).contains(&length) {
                self.answered[1 - (x & 1)].add(length, seg.time - self.last);
            }
        }
        let waited = seg.time - self.last;
        self.reacts = (self.late || self.paused) && waited < GAP;
        self.late = self.talker.is_some() && waited >= GAP;
        self.start = seg.seq;
        (self.touched, self.paused) = (false, false);
        self.talker = Some(x as u8);
    }

    /// Who sent the last payload; before any payload nobody.
    pub fn talker(&self) -> Option<usize> {
        self.talker.map(usize::from)
    }

    /// The last payload of end `x`, if that was the last to speak, and nothing of it was sent again.
    pub fn last_of(&self, x: usize) -> Option<Time> {
        (self.talker() == Some(x) && !self.touched).then_some(self.last)
    }

    /// The first payload of end `x`.
    pub fn first(&self, x: usize) -> Option<Time> {
        self.first[x].time()
    }

    /// Whether the present run, which ends at `end`, is of end `x` and no shorter than all of it that was answered so far, nor
    /// than half of what that mostly is: what is may need no answer, as a window update of HTTP/2. Nor does one that went
    /// on after a pause, as messages do that are only published, or a short one that comes at once after what came unasked.
    pub fn asks(&self, x: usize, end: u32) -> bool {
        let length = end.wrapping_sub(self.start);
        self.talker() == Some(x)
            && !self.paused
            && !(self.reacts && length < CONFIRMATION)
            && (1..LONGEST).contains(&length)
            && self.answered[x & 1].is_like(length)
    }

    /// What end `x`, which has sent up to `end`, asked last and nothing of it twice, if that is not answered.
    pub fn unanswered(&self, x: usize, end: u32) -> Option<Asked> {
        let asked = Asked {
            time: self.last,
            packet: self.packet,
            bytes: end.wrapping_sub(self.start),
            spoke_before: self.first(1 - x).is_some(),
            longest: self.answered[x & 1].longest,
        };
        (!self.touched && self.asks(x, end)).then_some(asked)
    }

    /// Whether the present run, up to `end`, is shorter than `length`.
    pub fn is_shorter(&self, end: u32, length: u32) -> bool {
        (1..length).contains(&end.wrapping_sub(self.start))
    }

    /// Something was sent again.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// What end `x` sent, and nobody else sent anything, was no payload: it begins anew.
    pub fn forget(&mut self, x: usize) {
        if self.talker() == Some(x) && !self.asked.is_some() && !self.first[1 - x].is_some() {
            (self.talker, self.first[x]) = (None, Maybe::NONE);
        }
    }

    /// The response of end `x` that is under way, up to now.
    pub fn unfinished(&self, x: usize) -> Option<Span> {
        self.asked.time().filter(|_| self.talker() == Some(x) && !self.touched).map(|asked| self.last - asked)
    }

    /// The present run is over: the other end speaks, or the connection closes.
    pub fn finish(&mut self, samples: &mut Samples) {
        if let (Some(x), Some(asked)) = (self.talker(), std::mem::take(&mut self.asked).time()) {
            if self.touched {
                self.excluded = self.excluded.saturating_add(1);
            } else {
                samples.add(Kind::Response(x), self.last - asked);
            }
        }
    }
}

crate::pack::pack_fields!(Turns {
    last,
    asked,
    first,
    excluded,
    talker,
    touched,
    paused,
    late,
    reacts,
    start,
    end,
    packet,
    answered
});
crate::pack::pack_fields!(Answered { least, total, count, longest });

#[cfg(test)]
mod tests {
    use super::super::testing::data;
    use super::*;

    fn of(samples: &Samples, kind: Kind) -> Vec<i64> {
        samples.exact().filter(|(k, _)| *k == kind).map(|(_, span)| span.0 / 1_000_000).collect()
    }

    #[test]
    fn an_answer_is_timed_from_the_last_byte_asked() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        for (x, ms) in [(0, 0), (0, 5), (1, 45), (1, 60), (0, 1_060), (1, 1_090)] {
            turns.speaks(x, &data(ms, 1, 10), &mut samples);
        }
        assert_eq!(turns.unfinished(1), Some(Span::millis(30)));
        turns.finish(&mut samples);
        assert_eq!(of(&samples, Kind::Answer(1)), [40, 30]);
        assert_eq!(of(&samples, Kind::Response(1)), [55, 30]);
        assert_eq!(of(&samples, Kind::Answer(0)), [1_000]);
    }

    #[test]
    fn what_was_no_payload_asked_nothing() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        turns.speaks(0, &data(0, 1, 10), &mut samples);
        turns.forget(0);
        assert_eq!((turns.talker(), turns.first(0)), (None, None));
        for (x, ms) in [(1, 60_000), (0, 60_030)] {
            turns.speaks(x, &data(ms, 1, 10), &mut samples);
        }
        assert_eq!((of(&samples, Kind::Answer(1)).len(), of(&samples, Kind::Answer(0))), (0, vec![30]));
        turns.forget(0);
        assert_eq!(turns.talker(), Some(0));
    }

    #[test]
    fn what_is_shorter_than_all_that_was_answered_may_ask_nothing() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        let mut says = |x: usize, seq: u32, ack: u32| {
            turns.speaks(x, &Segment { ack, ..data(0, seq, 10) }, &mut samples);
            turns.clone()
        };
        // A first request of 60 bytes may be one, however short.
        assert!(says(0, 100, 500).asks(0, 101));
        assert!(!says(1, 500, 160).asks(0, 160));
        says(0, 160, 510);
        says(1, 510, 200);
        let turns = says(0, 200, 520);
        assert_eq!([200, 239, 240, 300].map(|end| turns.asks(0, end)), [false, false, true, true]);
    }

    #[test]
    fn what_was_under_way_before_is_no_answer() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        let mut says = |x: usize, seq: u32, len: u32, ack: u32| {
            turns.speaks(x, &Segment { ack, ..data(0, seq, len) }, &mut samples);
            turns.clone()
        };
        // A window update in the middle of a download does not count as a request that was answered.
        says(0, 100, 500, 500);
        says(1, 500, 1_000, 600);
        says(0, 600, 13, 1_500);
        says(1, 1_500, 1_000, 600);
        assert!(!says(0, 613, 13, 2_500).asks(0, 626));
        assert!(says(0, 626, 487, 2_500).asks(0, 1_113));
    }

    #[test]
    fn a_run_that_goes_on_after_a_pause_may_ask_nothing() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        let mut says = |ms: i64, seq: u32| {
            turns.speaks(0, &data(ms, seq, 10), &mut samples);
            turns.asks(0, seq + 10)
        };
        assert_eq!([says(0, 100), says(500, 110), says(2_500, 120), says(2_600, 130)], [true, true, false, false]);
    }

    #[test]
    fn a_turn_with_a_repetition_is_counted_and_left_out() {
        let (mut turns, mut samples) = (Turns::default(), Samples::default());
        turns.speaks(0, &data(0, 1, 10), &mut samples);
        turns.touch();
        turns.speaks(1, &data(400, 1, 10), &mut samples);
        turns.finish(&mut samples);
        assert_eq!(turns.excluded, 1);
        assert_eq!((of(&samples, Kind::Answer(1)).len(), of(&samples, Kind::Response(1)).len()), (0, 1));
    }
}
