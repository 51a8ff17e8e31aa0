//! A histogram to which samples come one by one. All but few of them lie between the least and the greatest before, as far as
//! buckets tell: these are counted and added up where they are, without being kept first.

use super::buckets::{bucket, magnitude, magnitude_of};
use super::histogram::Histogram;
use super::quantile::Figures;

/// Only samples from here on, and shorter than that, are counted at once: of these a float tells the bucket, and their squares
/// come nowhere near their bounds before the sum of all does.
const SHORT: (u16, u16) = (bucket(64), bucket(1 << 42));

/// Counts of samples.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// The [magnitude](magnitude_of) of the first of the buckets whose samples are counted at once.
    begin: usize,
    /// How many came to each of them since these were last added to all.
    counts: Vec<u64>,
    /// What these come to.
    sum: u64,
    squares: u128,
    /// Those that took no time, but for the first.
    zeros: u64,
    all: Histogram,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::of(Histogram::of(&[]))
    }
}

impl Counter {
    fn of(all: Histogram) -> Counter {
        Counter { begin: 0, counts: Vec::new(), sum: 0, squares: 0, zeros: 0, all }
    }

    /// One without samples, with room for what this one has.
    pub fn empty(&self) -> Counter {
        Counter::of(self.all.empty())
    }

    /// Takes a sample; a negative one counts as 0.
    #[inline(always)]
    pub fn take(&mut self, sample: i64) {
        let Some(count) = self.counts.get_mut(magnitude(sample).wrapping_sub(self.begin)) else {
            return self.take_other(sample);
        };
        *count += 1;
        self.squares += u128::from(sample as u64).pow(2);
        self.sum += sample as u64;
        if self.sum > i64::MAX as u64 {
            self.settle();
        }
    }

    /// Takes one that is not counted at once.
    #[inline(never)]
    fn take_other(&mut self, sample: i64) {
        let Figures { min, max, .. } = self.all.figures;
        if sample <= 0 && min == 0 {
            self.zeros += 1;
            return;
        }
        self.all.take(sample.max(0));
        if (self.all.figures.min, self.all.figures.max) != (min, max) {
            self.make_room();
        }
    }

    /// Makes room for the buckets between the least and the greatest.
    #[inline(never)]
    fn make_room(&mut self) {
        let (begin, end) = self.all.inner_ends();
        let (begin, end) = (begin.max(SHORT.0), end.min(SHORT.1));
        let length = usize::from(end.saturating_sub(begin));
        if length != self.counts.len() || magnitude_of(begin) != self.begin {
            self.settle();
            (self.begin, self.counts) = (magnitude_of(begin), vec![0; length]);
        }
    }

    /// Adds what was counted at once to all.
    #[cold]
    fn settle(&mut self) {
        let first = self.begin.wrapping_sub(magnitude_of(0));
        let counts = (first..).zip(&mut self.counts).map(|(b, count)| (b as u16, std::mem::take(count)));
        let counts = counts.chain([(0, std::mem::take(&mut self.zeros))]);
        self.all.put_all(counts, std::mem::take(&mut self.sum), std::mem::take(&mut self.squares));
    }

    /// Adds samples that were taken by a histogram.
    pub fn merge(&mut self, other: &Histogram) {
        self.all.merge(other);
    }

    /// All samples.
    pub fn into_all(mut self) -> Histogram {
        self.settle();
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::super::distribution;
    use super::*;

    /// It comes to what a histogram does that takes each sample by itself, whatever they are.
    #[test]
    fn what_is_counted_at_once_comes_to_the_same() {
        let mut n = 1_u64;
        let mut next = || {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            n >> 1
        };
        for round in 0..300 {
            let (mut counter, mut histogram) = (Counter::default(), Histogram::of(&[]));
            for _ in 0..next() % 3_000 {
                let sample = match round % 6 {
                    // Of all lengths, or like each other.
                    0 => (next() >> (next() % 63)) as i64,
                    1 => 1_000_000 + (next() % 30_000) as i64,
                    2 => (next() % 200) as i64 - 3,
                    3 => ((1 << 42) - 50 + next() % 100) as i64,
                    4 => (next() % (1 << 44)) as i64,
                    _ => i64::MAX - (next() >> (next() % 63)) as i64,
                };
                counter.take(sample);
                histogram.take(sample.max(0));
                if next() % 500 == 0 {
                    let other = std::mem::replace(&mut counter, Counter::of(histogram.empty())).into_all();
                    counter.merge(&other);
                }
            }
            let found = counter.into_all();
            let told = |h: &Histogram| (format!("{:?}", h.figures), format!("{:?}", distribution::rough(h, true)));
            let counts = |h: &Histogram| {
                let mut counts = Vec::new();
                h.each(|b, count| counts.push((b, count)));
                counts
            };
            assert_eq!(counts(&found), counts(&histogram), "{round}");
            assert_eq!(told(&found), told(&histogram), "{round}");
        }
    }

    /// Also where the sum comes to its bounds.
    #[test]
    fn a_sum_beyond_its_bounds_is_the_greatest() {
        let mut counter = Counter::default();
        for sample in [64, i64::MAX / 2, i64::MAX / 4, 1 << 42, 1 << 41, 1 << 41, 1 << 41] {
            counter.take(sample);
        }
        // As many more as would take too long to count one by one.
        counter.sum = i64::MAX as u64 - 5;
        counter.take((1 << 41) + 9);
        assert_eq!(counter.sum, 0, "it was added to all");
        assert_eq!(counter.into_all().figures.mean(), Some(crate::time::Span(i64::MAX / 8)));
    }
}
