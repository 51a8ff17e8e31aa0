//! Buckets that grow with the spans in them, 64 to the octave.

/// Bits that pick the bucket within an octave.
const BITS: u32 = 6;
/// How many octaves above the first two, in which each value has a bucket of its own.
#[inline]
const fn octave(v: u64) -> u32 {
    (v | (1 << BITS)).ilog2() - BITS
}

/// The bucket of a value.
#[inline]
pub const fn bucket(value: i64) -> u16 {
    bucket_of(if value > 0 { value as u64 } else { 0 })
}

/// The same of one that is not negative.
#[inline]
pub const fn bucket_of(v: u64) -> u16 {
    let octave = octave(v);
    (((octave as u64) << BITS) + (v >> octave)) as u16
}

/// The magnitude of a value, as a float tells it: that [of its bucket](magnitude_of) if the value lies between 64 and 2^53; that of
/// no bucket of these if it does not. That takes half of the steps.
#[inline(always)]
pub const fn magnitude(value: i64) -> usize {
    ((value as f64).to_bits() >> (f64::MANTISSA_DIGITS - 1 - BITS)) as usize
}

/// The magnitude of the values in a bucket, which are between 64 and 2^53.
pub const fn magnitude_of(bucket: u16) -> usize {
    magnitude(1 << BITS) - (1 << BITS) + bucket as usize
}

/// The middle of a bucket.
pub fn middle(bucket: u16) -> i64 {
    let octave = u32::from(bucket >> BITS).saturating_sub(1);
    let least = i64::from(bucket - ((octave as u16) << BITS)) << octave;
    least + ((1_i64 << octave) >> 1)
}

#[cfg(test)]
mod tests {
    use super::super::histogram::ERROR;
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

    #[test]
    fn a_float_tells_the_bucket() {
        let known = magnitude_of(bucket(64))..magnitude_of(bucket(1 << 53));
        for v in (0..64).flat_map(|shift| {
            (-3..=3).flat_map(move |d| [(1_i64 << shift), (3 << shift) / 2].map(|v| v.wrapping_add(d)))
        }) {
            let told = (64..1 << 53).contains(&v);
            assert_eq!(known.contains(&magnitude(v)), told, "{v}");
            assert!(!told || magnitude(v) == magnitude_of(bucket(v)), "{v}");
        }
        (0..100_000).map(|n| n * 131 + 64).for_each(|v| assert_eq!(magnitude(v), magnitude_of(bucket(v)), "{v}"));
    }
}
