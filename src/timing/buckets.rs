//! Buckets that grow with the spans in them, 64 to the octave, and samples in the order of their buckets.

use super::seats::BITS as SEAT_BITS;

/// Bits that pick the bucket within an octave.
const BITS: u32 = 6;
/// Of samples that are stored above their seats: how many buckets there are.
const SHORT: usize = bucket((1 << (64 - SEAT_BITS)) - 1) as usize + 1;
/// Below this, comparing is faster.
const FEW: usize = 400;

/// How many octaves above the first two, in which each value has a bucket of its own.
#[inline]
const fn octave(v: u64) -> u32 {
    (v | (1 << BITS)).ilog2() - BITS
}

/// The bucket of a value.
#[inline]
pub const fn bucket(value: i64) -> u16 {
    let v = if value > 0 { value as u64 } else { 0 };
    let octave = octave(v);
    (((octave as u64) << BITS) + (v >> octave)) as u16
}

/// The middle of a bucket.
pub fn middle(bucket: u16) -> i64 {
    let octave = u32::from(bucket >> BITS).saturating_sub(1);
    let least = i64::from(bucket - ((octave as u16) << BITS)) << octave;
    least + ((1_i64 << octave) >> 1)
}

/// The least and the greatest value in the bucket of a value that is not negative.
pub fn bounds(value: i64) -> (i64, i64) {
    let octave = octave(value as u64);
    let least = value >> octave << octave;
    (least, least | ((1 << octave) - 1))
}

/// All samples of these pieces, each above its seats, in the order of their buckets; within a bucket in any.
pub fn sorted(pieces: Vec<Vec<u64>>) -> Vec<u64> {
    let count = pieces.iter().map(Vec::len).sum();
    if count < FEW {
        let mut sorted = pieces.concat();
        sorted.sort_unstable();
        return sorted;
    }
    let place = |stored: u64| usize::from(bucket((stored >> SEAT_BITS) as i64));
    let mut places = [0_u32; SHORT];
    for piece in &pieces {
        piece.iter().for_each(|stored| places[place(*stored)] += 1);
    }
    let mut before = 0;
    for place in &mut places {
        before += std::mem::replace(place, before);
    }
    let mut sorted = vec![0; count];
    let to = &mut sorted[..];
    for piece in pieces {
        for stored in &piece {
            let next = &mut places[place(*stored)];
            to[*next as usize] = *stored;
            *next += 1;
        }
    }
    sorted
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
    fn a_bucket_ends_where_the_next_begins() {
        for v in (0..62).map(|shift| 1_i64 << shift).chain([0, 63, 64, 1_000, 999_999_937, i64::MAX - 5]) {
            let (least, most) = bounds(v);
            let same = |v: i64| bucket(v) == bucket(least);
            assert!(least <= v && v <= most && same(v) && same(most), "{v}");
            assert!(least == 0 || !same(least - 1), "{v}");
            assert!(most == i64::MAX || !same(most + 1), "{v}");
        }
        assert_eq!(bounds(i64::MAX).1, i64::MAX);
    }

    #[test]
    fn few_and_many_samples_come_in_the_order_of_their_buckets() {
        for count in [0, 1, 10, 399, 400, 5_000] {
            let mut n = 1_u64;
            let mut next = || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                n >> (n % 40)
            };
            let numbers: Vec<u64> = (0..count).map(|_| next()).collect();
            let pieces: Vec<Vec<u64>> = numbers.chunks(7).map(<[u64]>::to_vec).collect();
            let mut found = sorted(pieces);
            assert!(found.is_sorted_by_key(|stored| bucket((stored >> SEAT_BITS) as i64)), "{count}");
            let mut expected = numbers;
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
