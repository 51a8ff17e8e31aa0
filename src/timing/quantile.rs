//! Distributions of spans: exact while they are small, then a histogram that merges without loss.
//!
//! Both forms are integers in a fixed order, so that the same samples give the same figures however they are merged.

pub use super::histogram::ERROR;
use super::histogram::Histogram;
use super::ranks;
use crate::pack::{In, Out, Pack};
use crate::time::Span;

/// How many samples a single connection keeps as they are, for each thing measured.
pub const CONNECTION: usize = 256;
/// How many samples a group of connections keeps as they are.
pub const GROUP: usize = 100_000;

/// A distribution of spans. Negative spans count as 0.
#[derive(Clone, Debug)]
pub struct Quantiles {
    limit: u32,
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    /// The samples themselves, unordered.
    Exact(Vec<i64>),
    Rough(Box<Histogram>),
}

/// What needs no order.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// How many samples.
    pub count: u64,
    sum: i64,
    /// Sum of the squares; an integer, so that it is the same in whatever order samples come.
    squares: u128,
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

impl Figures {
    pub(super) const NONE: Figures = Figures { count: 0, sum: 0, squares: 0, min: i64::MAX, max: 0 };

    /// Of `samples`.
    pub fn of(samples: &[i64]) -> Figures {
        Figures::of_all(samples.iter().copied())
    }

    /// The same.
    #[inline]
    pub(super) fn of_all(samples: impl Iterator<Item = i64> + Clone) -> Figures {
        let short = samples.clone().fold(Figures::NONE, Figures::with_short);
        match (short.max as u64).checked_mul(short.count) {
            // Neither of the sums can have come near its bounds.
            Some(most) if most < 1 << 62 && short.min >= 0 => short,
            _ => samples.fold(Figures::NONE, Figures::with),
        }
    }

    /// The same of samples that lie within these ends.
    pub(super) fn within(samples: &[i64], (min, max): (i64, i64)) -> Figures {
        let count = samples.len() as u64;
        match (max as u64).checked_mul(count) {
            Some(most) if most < 1 << 62 && min >= 0 => {
                let squares = samples.iter().fold(0, |sum: u128, v| sum.wrapping_add(u128::from(*v as u64).pow(2)));
                let sum = samples.iter().fold(0, |sum: i64, v| sum.wrapping_add(*v));
                Figures { count, sum, squares, min, max }
            }
            _ => Figures::of(samples),
        }
    }

    /// Arithmetic mean, if there are samples.
    pub fn mean(&self) -> Option<Span> {
        i64::try_from(self.count).ok().filter(|n| *n > 0).map(|n| Span(self.sum / n))
    }

    /// Standard deviation of the samples as a population, if there are any.
    pub fn deviation(&self) -> Option<Span> {
        let n = self.count as f64;
        // The difference of two large numbers: in integers as long as they fit.
        let square = u128::from(self.sum.unsigned_abs()).pow(2);
        let squares = match u64::try_from(self.squares) {
            Ok(squares) => Some(u128::from(squares) * u128::from(self.count)),
            Err(_) => self.squares.checked_mul(self.count.into()),
        };
        let variance = match squares.map(|squares| squares.saturating_sub(square)) {
            // Half as wide it takes a fraction of the time.
            Some(rest) => u64::try_from(rest).map_or_else(|_| rest as f64, |rest| rest as f64) / (n * n),
            None => (self.squares as f64 / n - square as f64 / (n * n)).max(0.0),
        };
        (self.count > 0).then(|| Span(rounded(variance.sqrt())))
    }

    /// With a sample that is not negative and leaves the sums far from their bounds.
    #[inline]
    fn with_short(mut self, v: i64) -> Figures {
        self.count += 1;
        self.sum = self.sum.wrapping_add(v);
        self.squares = self.squares.wrapping_add(u128::from(v as u64).pow(2));
        self.min = self.min.min(v);
        self.max = self.max.max(v);
        self
    }

    /// Adds a sample up, without its ends.
    #[inline(always)]
    pub(super) fn add_up(&mut self, v: i64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(v);
        self.squares = self.squares.wrapping_add(u128::from(v as u64).pow(2));
    }

    /// Of so many samples with these sums, without their ends.
    pub(super) fn of_sums(count: u64, sum: u64, squares: u128) -> Figures {
        Figures { count, sum: sum.min(i64::MAX as u64) as i64, squares, ..Figures::NONE }
    }

    /// Whether neither of the sums can have come near its bounds, if no sample has other bits than `any`.
    pub(super) fn are_exact(&self, any: i64) -> bool {
        any >= 0 && (any as u64).checked_mul(self.count).is_some_and(|most| most < 1 << 62)
    }

    /// With a sample that is not negative.
    #[inline]
    pub(super) fn with(mut self, v: i64) -> Figures {
        self.count += 1;
        self.sum = self.sum.saturating_add(v);
        self.squares = self.squares.saturating_add(u128::from(v.unsigned_abs()).pow(2));
        self.min = self.min.min(v);
        self.max = self.max.max(v);
        self
    }

    pub(super) fn and(self, other: Figures) -> Figures {
        Figures {
            count: self.count + other.count,
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// The whole number that is nearest to one that is not negative.
#[inline]
fn rounded(value: f64) -> i64 {
    let whole = value as i64;
    whole.saturating_add(i64::from(value - whole as f64 >= 0.5))
}

impl Quantiles {
    /// An empty distribution that stays exact up to `limit` samples.
    pub const fn new(limit: usize) -> Quantiles {
        Quantiles { limit: limit as u32, store: Store::Exact(Vec::new()) }
    }

    /// Takes one sample.
    pub fn add(&mut self, span: Span) {
        let v = span.0.max(0);
        match &mut self.store {
            Store::Exact(samples) if samples.len() < self.limit as usize => samples.push(v),
            _ => self.rough().take(v),
        }
    }

    /// Takes all samples of another.
    pub fn merge(&mut self, other: &Quantiles) {
        match &other.store {
            Store::Exact(theirs) => self.extend(theirs),
            Store::Rough(theirs) => self.rough().merge(theirs),
        }
    }

    /// Takes one sample that is not negative.
    #[inline]
    pub fn push(&mut self, sample: i64) {
        match &mut self.store {
            Store::Exact(mine) if mine.len() < self.limit as usize => mine.push(sample),
            Store::Rough(histogram) => histogram.take(sample),
            Store::Exact(_) => self.extend(&[sample]),
        }
    }

    /// Takes samples, none of them negative.
    pub fn extend(&mut self, samples: &[i64]) {
        match &mut self.store {
            Store::Exact(mine) if mine.len() + samples.len() <= self.limit as usize => mine.extend_from_slice(samples),
            _ => self.rough().take_all(samples.iter().copied()),
        }
    }

    /// The samples, unless there are too many to keep.
    pub fn samples(&self) -> Option<&[i64]> {
        match &self.store {
            Store::Exact(samples) => Some(samples),
            Store::Rough(_) => None,
        }
    }

    /// The histogram, if there are too many samples to keep.
    pub(super) fn histogram(&self) -> Option<&Histogram> {
        match &self.store {
            Store::Exact(_) => None,
            Store::Rough(histogram) => Some(histogram),
        }
    }

    /// The same to put samples in.
    pub(super) fn histogram_mut(&mut self) -> Option<&mut Histogram> {
        match &mut self.store {
            Store::Exact(_) => None,
            Store::Rough(histogram) => Some(histogram),
        }
    }

    /// The histogram, made from the samples if it is not there yet.
    fn rough(&mut self) -> &mut Histogram {
        if let Store::Exact(samples) = &self.store {
            self.store = Store::Rough(Box::new(Histogram::of(samples)));
        }
        match &mut self.store {
            Store::Rough(histogram) => histogram,
            Store::Exact(_) => unreachable!("just replaced"),
        }
    }

    /// What needs no order.
    pub fn figures(&self) -> Figures {
        match &self.store {
            Store::Exact(samples) => Figures::of(samples),
            Store::Rough(histogram) => histogram.figures,
        }
    }

    /// Gives every sample with its count; for a histogram, the middles of its buckets.
    pub fn each(&self, mut take: impl FnMut(i64, u64)) {
        match &self.store {
            Store::Exact(samples) => samples.iter().for_each(|v| take(*v, 1)),
            Store::Rough(h) => h.each(|b, n| take(h.inside(b), n)),
        }
    }

    /// Every sample less `shift`, at least 0; and how many would have been negative. For a histogram, of the middles
    /// of its buckets.
    #[must_use]
    pub fn less(&self, shift: Span) -> (Quantiles, u64) {
        let mut out = Quantiles::new(self.limit as usize);
        let mut clamped = 0;
        self.each(|v, n| {
            let rest = v.saturating_sub(shift.0);
            clamped += if rest < 0 { n } else { 0 };
            (0..n).for_each(|_| out.add(Span(rest)));
        });
        (out, clamped)
    }

    /// How many samples.
    pub fn count(&self) -> u64 {
        match &self.store {
            Store::Exact(samples) => samples.len() as u64,
            Store::Rough(histogram) => histogram.figures.count,
        }
    }

    /// The least sample that at least `per_mille` thousandths of all do not exceed (nearest rank), for each asked for,
    /// in ascending order. Reorders the samples.
    pub fn at<const N: usize>(&mut self, per_mille: [u64; N]) -> Option<[Span; N]> {
        match &mut self.store {
            Store::Exact(samples) => {
                let Figures { min, max, .. } = Figures::of(samples);
                quantiles(samples, (min, max), per_mille)
            }
            Store::Rough(histogram) => {
                Some(per_mille.map(|p| Span(histogram.ranked(rank(histogram.figures.count, p)))))
            }
        }
    }
}

/// The rank (from 1) of a quantile among `count` samples.
pub(super) fn rank(count: u64, per_mille: u64) -> u64 {
    let rank = match count.checked_mul(per_mille).and_then(|product| product.checked_add(999)) {
        Some(above) => above / 1_000,
        None => (u128::from(count) * u128::from(per_mille)).div_ceil(1_000) as u64,
    };
    rank.clamp(1, count)
}

/// Up to here sorting is faster than looking for each quantile.
pub(super) const FEW: usize = 32;

/// The same of samples in a slice between these `ends`, which are reordered; `per_mille` ascends.
pub fn quantiles<const N: usize>(samples: &mut [i64], ends: (i64, i64), per_mille: [u64; N]) -> Option<[Span; N]> {
    let count = samples.len() as u64;
    if count == 0 {
        return None;
    }
    if samples.len() > FEW {
        return Some(ranks::select(samples, ends, per_mille.map(|p| rank(count, p) as usize - 1)).map(Span));
    }
    samples.sort_unstable();
    let mut spans = [Span(0); N];
    for (span, per_mille) in spans.iter_mut().zip(per_mille) {
        *span = Span(samples[rank(count, per_mille) as usize - 1]);
    }
    Some(spans)
}

crate::pack::pack_fields!(Figures { count, sum, squares, min, max });
crate::pack::pack_fields!(Quantiles { limit, store });

impl Pack for Store {
    fn blank() -> Self {
        Store::Exact(Vec::new())
    }

    fn is_blank(&self) -> bool {
        matches!(self, Store::Exact(samples) if samples.is_empty())
    }

    fn pack(&self, out: &mut Out<'_>) {
        match self {
            Store::Exact(samples) => samples.pack(out),
            Store::Rough(histogram) => {
                out.number(0);
                histogram.pack(out);
            }
        }
    }

    fn read(&mut self, from: &mut In<'_>) {
        // There is something, so a list without samples is none.
        let samples = Vec::unpack(from);
        *self = if samples.is_empty() { Store::Rough(Pack::unpack(from)) } else { Store::Exact(samples) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(limit: usize, samples: impl IntoIterator<Item = i64>) -> Quantiles {
        let mut q = Quantiles::new(limit);
        samples.into_iter().for_each(|v| q.add(Span(v)));
        q
    }

    #[test]
    fn deviations_are_rounded_as_everywhere() {
        for value in [0.0_f64, 0.499_999_999_999_999_94, 0.5, 1.5, 2.5, 4_503_599_627_370_497.5, 9e15, 1e18, 1e300] {
            for value in [value, value.next_up(), value.next_down().max(0.0)] {
                assert_eq!(rounded(value), value.round() as i64, "{value}");
            }
        }
    }

    #[test]
    fn nearest_rank_of_few_samples() {
        let mut q = of(10, [5, 1, 3]);
        assert_eq!(q.at([0, 500, 950, 1_000]), Some([Span(1), Span(3), Span(5), Span(5)]));
        assert_eq!(q.figures().mean(), Some(Span(3)));
        assert_eq!(of(10, []).at([500]), None);
    }

    #[test]
    fn the_histogram_is_as_good_as_it_says() {
        let samples: Vec<i64> = (0..20_000_i64).map(|i| 1_000 + i * i * 37).collect();
        let (mut exact, mut rough) = (of(GROUP, samples.iter().copied()), of(4, samples));
        assert!(exact.samples().is_some() && rough.samples().is_none());
        for p in [1, 10, 500, 900, 950, 990, 999] {
            let (Some([a]), Some([b])) = (exact.at([p]), rough.at([p])) else { panic!("no quantile") };
            assert!((a.0 - b.0).abs() as f64 <= a.0 as f64 * ERROR, "{p}: {a} {b}");
        }
        let (a, b) = (exact.figures(), rough.figures());
        assert_eq!((a.min, a.max, a.count), (b.min, b.max, b.count));
    }

    #[test]
    fn merging_is_the_same_as_taking_all() {
        for limit in [3, 100] {
            let mut a = of(limit, 0..50);
            a.merge(&of(limit, 50..90));
            let mut b = of(limit, 0..90);
            assert_eq!(a.at([100, 500, 990]), b.at([100, 500, 990]));
            let (a, b) = (a.figures(), b.figures());
            assert_eq!((a.mean(), a.count, a.min), (b.mean(), b.count, b.min));
        }
    }

    #[test]
    fn a_correction_never_goes_below_zero() {
        let (q, clamped) = of(10, [5, 10, 20]).less(Span(8));
        assert_eq!((q.figures().min, q.figures().max, clamped), (0, 12, 1));
    }
}
