//! Whose turn it is: runs of payload of one end, and how long the other takes to answer.
//!
//! This is what a request and its response look like where each waits for the other. Pipelined or pushed data does not;
//! then a turn is only what it says: the time from one end's last byte to the other's first.

use super::quantile::{CONNECTION, Quantiles};
use crate::time::{Span, Time};

/// The turns of a connection.
#[derive(Clone, Debug)]
pub struct Turns {
    /// Who sent the last payload; before any payload nobody.
    pub talker: Option<usize>,
    /// The last byte of the present run.
    last: Time,
    /// The last byte of the run before it.
    asked: Option<Time>,
    /// Something was sent again during the present wait, or the present answer.
    touched: bool,
    /// For each end: from the other's last byte to its first byte.
    pub answers: [Quantiles; 2],
    /// For each end: from the other's last byte to its own last byte before the other speaks again.
    pub responses: [Quantiles; 2],
    /// Answers and responses that were not measured, as something in them was sent again.
    pub excluded: u32,
    /// The first payload of each end.
    pub first: [Option<Time>; 2],
}

impl Default for Turns {
    fn default() -> Turns {
        let two = || [Quantiles::new(CONNECTION), Quantiles::new(CONNECTION)];
        Turns {
            talker: None,
            last: Time(0),
            asked: None,
            touched: false,
            answers: two(),
            responses: two(),
            excluded: 0,
            first: [None; 2],
        }
    }
}

impl Turns {
    /// New payload of end `x`.
    pub fn speaks(&mut self, x: usize, now: Time) {
        self.first[x].get_or_insert(now);
        if self.talker != Some(x) {
            self.finish();
            if self.talker.is_some() {
                if self.touched {
                    self.excluded = self.excluded.saturating_add(1);
                } else {
                    self.answers[x].add(now - self.last);
                }
                self.asked = Some(self.last);
            }
            self.touched = false;
            self.talker = Some(x);
        }
        self.last = self.last.max(now);
    }

    /// Something was sent again.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// The response of end `x` that is under way, up to now.
    pub fn unfinished(&self, x: usize) -> Option<Span> {
        self.asked.filter(|_| self.talker == Some(x) && !self.touched).map(|asked| self.last - asked)
    }

    /// The present run is over: the other end speaks, or the connection closes.
    pub fn finish(&mut self) {
        if let (Some(x), Some(asked)) = (self.talker, self.asked.take()) {
            if self.touched {
                self.excluded = self.excluded.saturating_add(1);
            } else {
                self.responses[x].add(self.last - asked);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time(ms * 1_000_000)
    }

    #[test]
    fn an_answer_is_timed_from_the_last_byte_asked() {
        let mut turns = Turns::default();
        for (x, ms) in [(0, 0), (0, 5), (1, 45), (1, 60), (0, 1_060), (1, 1_090)] {
            turns.speaks(x, at(ms));
        }
        turns.finish();
        assert_eq!(turns.answers[1].at([0, 1_000]), Some([Span::millis(30), Span::millis(40)]));
        assert_eq!(turns.responses[1].at([0, 1_000]), Some([Span::millis(30), Span::millis(55)]));
        assert_eq!(turns.answers[0].at([500]), Some([Span::millis(1_000)]));
    }

    #[test]
    fn a_turn_with_a_repetition_is_counted_and_left_out() {
        let mut turns = Turns::default();
        turns.speaks(0, at(0));
        turns.touch();
        turns.speaks(1, at(400));
        turns.finish();
        assert_eq!((turns.answers[1].count(), turns.responses[1].count(), turns.excluded), (0, 1, 1));
    }
}
