//! What one end of a textbook connection has sent and the other has not acknowledged.

use crate::time::Time;
use crate::tracker::MOST_ON_TAPE;
use crate::tracker::sequence::after;

/// So many segments at most: a power of two, and more than a tape holds.
pub(super) const MOST: usize = 256;

const _: () = assert!(MOST.is_power_of_two() && MOST > MOST_ON_TAPE as usize);

/// What one end has sent, in order: where each ends in the stream, and when it was captured. Made once, and used for one
/// connection after the other.
#[derive(Debug)]
pub(super) struct Flight {
    sent: [(u32, Time); MOST],
    /// The first that is not acknowledged.
    head: usize,
    /// Behind the last.
    tail: usize,
}

impl Default for Flight {
    fn default() -> Flight {
        Flight { sent: [(0, Time(0)); MOST], head: 0, tail: 0 }
    }
}

impl Flight {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// All is acknowledged.
    #[inline(always)]
    pub fn clear(&mut self) {
        (self.head, self.tail) = (0, 0);
    }

    #[inline(always)]
    pub fn push(&mut self, end: u32, time: Time) {
        self.sent[self.tail % MOST] = (end, time);
        self.tail += 1;
    }

    /// All before `ack` is acknowledged. When the segment was sent that ends there, if one does.
    #[inline(always)]
    pub fn acknowledged(&mut self, ack: u32) -> Option<Time> {
        let mut last = None;
        while self.head != self.tail {
            let (end, time) = self.sent[self.head % MOST];
            if after(end, ack) {
                break;
            }
            last = (end == ack).then_some(time);
            self.head += 1;
        }
        last
    }
}
