//! A histogram of spans in buckets that grow with them, 64 to the octave.

use super::buckets::{bucket, bucket_of, middle};
use super::quantile::Figures;
use crate::pack::{In, Out, Pack};

/// A quantile read from the histogram is off by at most this share of its value: half a bucket of 64 to the octave.
pub const ERROR: f64 = 1.0 / 128.0;

/// How many samples fall into each bucket.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) figures: Figures,
    /// The bucket of the first count.
    first: u16,
    /// Side by side, since samples lie side by side, and in half a word: those of a hundred groups do not fit into the nearer
    /// caches. They go round.
    counts: Vec<u32>,
    /// What is not in these: so many more in this bucket, each time that a count went round.
    rounds: Vec<(u16, u64)>,
}

impl Histogram {
    pub(super) fn of(samples: &[i64]) -> Histogram {
        let mut histogram = Histogram { figures: Figures::NONE, first: 0, counts: Vec::new(), rounds: Vec::new() };
        histogram.take_all(samples.iter().copied());
        histogram
    }

    /// One without samples, with room for what this one has.
    pub(super) fn empty(&self) -> Histogram {
        Histogram { figures: Figures::NONE, first: self.first, counts: vec![0; self.counts.len()], rounds: Vec::new() }
    }

    /// Makes room for the buckets from `first` to `last`.
    fn cover(&mut self, first: u16, last: u16) {
        if self.counts.is_empty() {
            self.first = first;
        }
        if first < self.first {
            let more = usize::from(self.first - first);
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.first = first;
        }
        let room = usize::from(last - self.first) + 1;
        if self.counts.len() < room {
            self.counts.resize(room, 0);
        }
    }

    #[inline]
    pub(super) fn put(&mut self, bucket: u16, n: u64) {
        if usize::from(bucket.wrapping_sub(self.first)) >= self.counts.len() {
            self.cover(bucket, bucket.max(self.first));
        }
        let count = &mut self.counts[usize::from(bucket - self.first)];
        let all = u64::from(*count) + n;
        *count = all as u32;
        if all > u32::MAX.into() {
            self.rounds.push((bucket, all - u64::from(*count)));
        }
    }

    /// Adds what was counted by bucket, of samples between the least and the greatest, with their sum and that of their squares.
    pub(super) fn put_all(&mut self, counts: impl Iterator<Item = (u16, u64)>, sum: u64, squares: u128) {
        let mut all = 0;
        for (bucket, count) in counts.filter(|(_, count)| *count > 0) {
            self.put(bucket, count);
            all += count;
        }
        self.figures = self.figures.and(Figures::of_sums(all, sum, squares));
    }

    /// Gives each bucket that has samples with its count, in order.
    pub(super) fn each(&self, mut take: impl FnMut(u16, u64)) {
        self.all().filter(|(_, n)| *n > 0).for_each(|(b, n)| take(b, n));
    }

    /// The same of all buckets.
    #[inline]
    fn all(&self) -> impl Iterator<Item = (u16, u64)> {
        (self.first..).zip(&self.counts).map(|(b, n)| {
            let rounds = self.rounds.iter().filter(|(bucket, _)| *bucket == b);
            (b, u64::from(*n) + rounds.map(|(_, n)| n).sum::<u64>())
        })
    }

    /// Takes one sample.
    #[inline]
    pub(super) fn take(&mut self, sample: i64) {
        self.figures = self.figures.with(sample);
        self.put(bucket(sample), 1);
    }

    /// Takes some samples, none of them negative.
    #[inline]
    pub(super) fn take_all(&mut self, samples: impl Iterator<Item = i64> + Clone) {
        let (mut rest, mut sums, mut any) = (samples.clone(), Figures::NONE, 0);
        // All but few lie between the least and the greatest before them: these are counted in one loop that calls nothing.
        loop {
            let (first, inner) = self.inner();
            let other = rest.find(|sample| {
                sums.add_up(*sample);
                any |= *sample;
                match inner.get_mut(usize::from(bucket_of(*sample as u64)).wrapping_sub(first)) {
                    Some(count) if *count < u32::MAX => {
                        *count += 1;
                        false
                    }
                    _ => true,
                }
            });
            let Some(other) = other else { break };
            let Figures { min, max, .. } = &mut self.figures;
            (*min, *max) = ((*min).min(other), (*max).max(other));
            self.put(bucket(other), 1);
        }
        if !sums.are_exact(any) {
            sums = samples.fold(Figures::NONE, Figures::with);
        }
        self.figures = self.figures.and(sums);
    }

    /// The buckets of which it is certain that no sample in them is less than any, or greater, and which is the first of them.
    #[inline]
    fn inner(&mut self) -> (usize, &mut [u32]) {
        let (begin, end) = self.inner_ends();
        let [begin, end, first] = [begin, end, self.first].map(usize::from);
        (begin, self.counts.get_mut(begin.wrapping_sub(first)..end.wrapping_sub(first)).unwrap_or_default())
    }

    /// The first of these buckets, and that behind the last; there may be none.
    #[inline]
    pub(super) fn inner_ends(&self) -> (u16, u16) {
        let Figures { min, max, .. } = self.figures;
        if min > max { (0, 0) } else { (bucket(min) + u16::from(min > 0), bucket(max)) }
    }

    pub(super) fn merge(&mut self, other: &Histogram) {
        self.figures = self.figures.and(other.figures);
        if let Some(last) = other.counts.len().checked_sub(1) {
            self.cover(other.first, other.first + last as u16);
        }
        other.each(|b, n| self.put(b, n));
    }

    pub(super) fn ranked(&self, rank: u64) -> i64 {
        let mut seen = 0;
        for (b, n) in self.all() {
            seen += n;
            if n > 0 && seen >= rank {
                return self.inside(b);
            }
        }
        self.figures.max
    }

    /// The middle of a bucket, within what was seen.
    pub(super) fn inside(&self, bucket: u16) -> i64 {
        middle(bucket).clamp(self.figures.min, self.figures.max)
    }
}

/// As buckets with their counts: most have none.
impl Pack for Histogram {
    fn blank() -> Self {
        Histogram { figures: Figures::blank(), first: 0, counts: Vec::new(), rounds: Vec::new() }
    }

    fn is_blank(&self) -> bool {
        self.counts.is_empty()
    }

    fn pack(&self, out: &mut Out<'_>) {
        self.figures.pack(out);
        let mut filled = Vec::new();
        self.each(|b, n| filled.push((b, n)));
        filled.pack(out);
    }

    fn read(&mut self, from: &mut In<'_>) {
        self.figures = Pack::unpack(from);
        let filled: Vec<(u16, u64)> = Pack::unpack(from);
        filled.into_iter().for_each(|(b, n)| self.put(b, n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many samples there are of one bucket, one by one or at once.
    #[test]
    fn counts_that_go_round_are_whole() {
        let mut histogram = Histogram::of(&[7, 100, 1_000]);
        let most = u64::from(u32::MAX);
        histogram.put(bucket(100), most - 2);
        for _ in 0..3 {
            histogram.take(100);
            histogram.take_all([100, 7, 100].into_iter());
        }
        histogram.put(bucket(1_000), 5 * most);
        let counts = |histogram: &Histogram| {
            let mut counts = Vec::new();
            histogram.each(|b, n| counts.push((b, n)));
            counts
        };
        let expected = |times: u64| {
            [(bucket(7), 4 * times), (bucket(100), (most + 8) * times), (bucket(1_000), (5 * most + 1) * times)]
        };
        assert_eq!(counts(&histogram), expected(1));
        assert_eq!(histogram.ranked(most + 13), 1_000);
        let other = histogram.clone();
        histogram.merge(&other);
        assert_eq!(counts(&histogram), expected(2));
    }
}
