//! From samples to the figures of a report.

use super::histogram::Histogram;
use super::quantile::{ERROR, FEW, Figures, Quantiles, quantiles, rank};
use super::ranks;
use super::sieve::Sieve;
use crate::report::timing::Distribution;
use crate::time::Span;

/// Columns of a drawn distribution.
const SHAPE: usize = 16;

/// Thousandths of the samples that each quantile of a report does not exceed.
const QUANTILES: [u64; 4] = [500, 900, 950, 990];

/// The figures of a distribution, if it has samples; reorders them.
pub fn rest(q: &mut Quantiles) -> Option<Distribution> {
    if q.count() == 0 {
        return None;
    }
    let figures = q.figures();
    let found = q.at(QUANTILES)?;
    shaped(&figures, found, q.samples().is_none().then_some(ERROR))
}

/// The places of these quantiles among few samples in order, by how many there are.
static PLACES: [[u8; QUANTILES.len()]; FEW + 1] = {
    let (mut places, mut count) = ([[0; QUANTILES.len()]; FEW + 1], 1);
    while count <= FEW {
        let mut i = 0;
        while i < QUANTILES.len() {
            places[count][i] = ((count as u64 * QUANTILES[i]).div_ceil(1_000) - 1) as u8;
            i += 1;
        }
        count += 1;
    }
    places
};

/// The figures of samples in a slice, which are reordered.
#[inline]
pub fn exact(samples: &mut [i64]) -> Option<Distribution> {
    if samples.is_empty() {
        return None;
    }
    if let [only] = *samples
        && only >= 0
    {
        let [min, p50, p90, p95, p99, max, mean] = [Span(only); 7];
        let (stddev, error, shape) = (Span(0), None, Vec::new());
        return Some(Distribution { n: 1, min, p50, p90, p95, p99, max, mean, stddev, error, shape });
    }
    several(samples)
}

/// The same of more than one sample.
#[inline(never)]
fn several(samples: &mut [i64]) -> Option<Distribution> {
    if let Some(places) = PLACES.get(samples.len()) {
        samples.sort_unstable();
        let figures = Figures::within(samples, (*samples.first()?, *samples.last()?));
        return shaped(&figures, places.map(|place| Span(samples[usize::from(place)])), None);
    }
    let figures = Figures::of(samples);
    shaped(&figures, quantiles(samples, (figures.min, figures.max), QUANTILES)?, None)
}

fn shaped(figures: &Figures, [p50, p90, p95, p99]: [Span; 4], error: Option<f64>) -> Option<Distribution> {
    Some(Distribution {
        n: figures.count,
        min: Span(figures.min),
        p50,
        p90,
        p95,
        p99,
        max: Span(figures.max),
        mean: figures.mean()?,
        stddev: figures.deviation()?,
        error,
        shape: Vec::new(),
    })
}

/// The same of samples that are in order of their [grades](ranks), with their shape if it is to be `drawn`.
pub fn graded(samples: &mut [i64], drawn: bool) -> Option<Distribution> {
    if samples.len() <= FEW && !drawn {
        return exact(samples);
    }
    let [first, last] = [0, samples.len().checked_sub(1)?].map(|end| ranks::like(samples, end));
    let (min, max) = (*samples[first].iter().min()?, *samples[last].iter().max()?);
    let figures = Figures::within(samples, (min, max));
    let places = QUANTILES.map(|per_mille| rank(figures.count, per_mille) as usize - 1);
    let mut distribution = shaped(&figures, ranks::at_places(samples, places).map(Span), None)?;
    if drawn {
        distribution.shape = shape(Scale::new(min, max).starts.map(|start| ranks::less(samples, start)), &figures);
    }
    Some(distribution)
}

/// The same of those in a sieve, with their shape.
pub fn sifted(sieve: &mut Sieve) -> Option<Distribution> {
    let (min, max) = sieve.ends();
    let figures = Figures::within(sieve.samples(), (min, max));
    let places = QUANTILES.map(|per_mille| rank(figures.count, per_mille) as usize - 1);
    let (found, less) = sieve.find(places, Scale::new(min, max).starts);
    Some(Distribution { shape: shape(less, &figures), ..shaped(&figures, found.map(Span), None)? })
}

/// How many samples are in each column, by how many come before it, but for the first.
fn shape(before: [usize; SHAPE - 1], figures: &Figures) -> Vec<u64> {
    let mut begin = 0;
    let ends = before.into_iter().map(|end| end as u64).chain([figures.count]);
    ends.map(|end| end - std::mem::replace(&mut begin, end)).collect()
}

/// The same of a histogram.
pub fn rough(histogram: &Histogram, drawn: bool) -> Option<Distribution> {
    let figures = &histogram.figures;
    let at = |per_mille| Span(histogram.ranked(rank(figures.count, per_mille)));
    let mut distribution = shaped(figures, QUANTILES.map(at), Some(ERROR))?;
    if drawn {
        let scale = Scale::new(figures.min, figures.max);
        distribution.shape = vec![0; SHAPE];
        histogram.each(|b, n| distribution.shape[scale.column(histogram.inside(b))] += n);
    }
    Some(distribution)
}

/// The columns of a shape.
struct Scale {
    /// The least span of each column but the first; beyond all spans for columns that have none.
    starts: [i64; SHAPE - 1],
}

impl Scale {
    fn new(min: i64, max: i64) -> Scale {
        let log = |v: i64| (v.max(1) as f64).ln();
        let (low, high) = (log(min), log(max));
        let mut starts = [i64::MAX; SHAPE - 1];
        if high <= low {
            return Scale { starts };
        }
        let column = |v: i64| ((log(v) - low) / (high - low) * SHAPE as f64) as usize;
        // Where a column begins is known but for rounding: from there it is not far to the first span that is in it.
        for (start, i) in starts.iter_mut().zip(1..) {
            let guess = (low + (high - low) * i as f64 / SHAPE as f64).exp() as i64;
            let guess = guess.clamp(min, max);
            let (mut out, mut within, mut step) = (guess, guess, 1_i64);
            while out > min && column(out) >= i {
                within = out;
                out = out.saturating_sub(step).max(min);
                step = step.saturating_mul(2);
            }
            step = 1;
            while within < max && column(within) < i {
                out = within;
                within = within.saturating_add(step).min(max);
                step = step.saturating_mul(2);
            }
            while within - out > 1 {
                let middle = out + (within - out) / 2;
                if column(middle) >= i {
                    within = middle;
                } else {
                    out = middle;
                }
            }
            *start = within;
        }
        Scale { starts }
    }

    fn column(&self, v: i64) -> usize {
        self.starts.partition_point(|start| *start <= v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_counts_every_sample() {
        let mut samples: Vec<i64> = (1..1_000).map(|i| i * 1_000).collect();
        let mut sieve = Sieve::default();
        sieve.fill().extend_from_slice(&samples);
        sieve.sort_out();
        for d in [rough(&Histogram::of(&samples), true), graded(&mut samples, true), sifted(&mut sieve)] {
            let shape = d.unwrap().shape;
            assert_eq!(shape.iter().sum::<u64>(), 999);
            assert!(shape[15] > shape[0]);
        }
    }

    #[test]
    fn one_sample_comes_to_what_its_figures_say() {
        for only in [-1, 0, 1, 1_000_000, i64::MAX] {
            let long = shaped(&Figures::of(&[only]), [Span(only); 4], None);
            assert_eq!(format!("{:?}", exact(&mut [only])), format!("{long:?}"), "{only}");
        }
    }

    #[test]
    fn few_samples_come_to_what_their_figures_say() {
        for count in 1..=FEW {
            for factor in [0, 1, 7_000, 1 << 32, -1, i64::MAX / 40] {
                let mut samples: Vec<i64> = (0..count as i64).map(|i| i * 7 % 11 * factor).collect();
                let figures = Figures::of(&samples);
                let found = quantiles(&mut samples.clone(), (figures.min, figures.max), QUANTILES).expect("samples");
                let long = shaped(&figures, found, None);
                assert_eq!(format!("{:?}", exact(&mut samples)), format!("{long:?}"), "{count}, {factor}");
            }
        }
    }

    #[test]
    fn columns_begin_where_the_logarithm_says() {
        for (min, max) in [(0, 1), (0, 7), (1, 1_000_000), (570_000, 922_000_000), (3, i64::MAX), (999, 1_000)] {
            let scale = Scale::new(min, max);
            let log = |v: i64| (v.max(1) as f64).ln();
            let (low, high) = (log(min), log(max));
            let exact = |v: i64| {
                let at = if high > low { (log(v) - low) / (high - low) * SHAPE as f64 } else { 0.0 };
                (at as usize).min(SHAPE - 1)
            };
            let around = |v: i64| (-2..=2).map(move |d| v.saturating_add(d));
            let edges = scale.starts.iter().copied().flat_map(around);
            for v in edges.chain((0..63).flat_map(|bit| around(1 << bit))).filter(|v| (min..=max).contains(v)) {
                assert_eq!(scale.column(v), exact(v), "{v} in {min}..={max}");
            }
        }
    }
}
