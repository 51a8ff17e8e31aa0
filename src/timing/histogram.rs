//! A histogram of spans in buckets that grow with them, 64 to the octave.

use super::quantile::Figures;

/// A quantile read from the histogram is off by at most this share of its value: half a bucket of 64 to the octave.
pub const ERROR: f64 = 1.0 / 128.0;

/// How many samples fall into each bucket.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    pub(super) figures: Figures,
    /// Bucket and count, by bucket.
    pub(super) buckets: Vec<(u16, u64)>,
}

/// Bits that pick the bucket within an octave.
const BITS: u32 = 6;

/// The bucket of a value.
pub(super) fn bucket(value: i64) -> u16 {
    let v = value.max(0) as u64;
    let octave = (63 - (v | 1).leading_zeros()).saturating_sub(BITS - 1);
    let within = if octave == 0 { v } else { (v >> (octave - 1)) & ((1 << BITS) - 1) };
    ((u64::from(octave) << BITS) | within) as u16
}

/// The middle of a bucket.
fn middle(bucket: u16) -> i64 {
    let octave = u32::from(bucket >> BITS);
    let within = i64::from(bucket & ((1 << BITS) - 1));
    if octave == 0 {
        return within;
    }
    let width = 1_i64 << (octave - 1);
    (within + (1 << BITS)) * width + width / 2
}

impl Histogram {
    pub(super) fn of(samples: &[i64]) -> Histogram {
        let mut all: Vec<u16> = samples.iter().map(|v| bucket(*v)).collect();
        all.sort_unstable();
        let buckets = all.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect();
        Histogram { figures: Figures::of(samples), buckets }
    }

    pub(super) fn put(&mut self, bucket: u16, n: u64) {
        match self.buckets.binary_search_by_key(&bucket, |b| b.0) {
            Ok(i) => self.buckets[i].1 += n,
            Err(i) => self.buckets.insert(i, (bucket, n)),
        }
    }

    pub(super) fn merge(&mut self, other: &Histogram) {
        self.figures = self.figures.and(other.figures);
        other.buckets.iter().for_each(|(b, n)| self.put(*b, *n));
    }

    pub(super) fn ranked(&self, rank: u64) -> i64 {
        let mut seen = 0;
        for (b, n) in &self.buckets {
            seen += n;
            if seen >= rank {
                return self.inside(*b);
            }
        }
        self.figures.max
    }

    /// The middle of a bucket, within what was seen.
    pub(super) fn inside(&self, bucket: u16) -> i64 {
        middle(bucket).clamp(self.figures.min, self.figures.max)
    }
}

crate::pack::pack_fields!(Histogram { figures, buckets });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_lies_in_its_bucket() {
        for shift in 0..63 {
            for v in [(1_i64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                let m = middle(bucket(v));
                assert!((m - v).abs() as f64 <= v as f64 * ERROR, "{v} {m}");
            }
        }
        bucket(i64::MAX);
    }
}
