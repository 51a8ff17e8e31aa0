//! Where samples lie among each other, without putting all of them in order.

use std::ops::Range;

/// So many of the bits of a float tell grades apart, 64 to the octave.
const SHIFT: u32 = 46;
/// The bits of the least.
const FIRST: u64 = 1_f64.to_bits() >> SHIFT;
/// How many grades there are.
pub const GRADES: usize = 64 * 64;
/// Fewer samples than this are put in order.
pub const UNGRADED: usize = 512;

/// So many steps at most tell few samples apart.
const STEPS: usize = 256;

/// A number that does not fall as the value grows, which is not negative. A float tells its magnitude at once, unless
/// it is 0.
#[inline]
fn magnitude(value: i64) -> u64 {
    ((value | 1) as f64).to_bits()
}

/// The same with few bits: what is in order of it is nearly in order.
#[inline]
pub fn grade(value: i64) -> usize {
    ((magnitude(value) >> SHIFT) - FIRST) as usize % GRADES
}

/// Of few samples, all between `least` and `most`, those at these places, which ascend, in ascending order. Reorders them.
pub fn select<const N: usize>(samples: &mut [i64], (least, most): (i64, i64), places: [usize; N]) -> [i64; N] {
    // Half as many steps as samples, of equal ratio, reach from one end to the other.
    let (first, wide) = (magnitude(least), u64::BITS - (magnitude(most) - magnitude(least)).leading_zeros());
    let shift = wide.saturating_sub((samples.len() / 2).clamp(1, STEPS).ilog2());
    let step = |value: i64| ((magnitude(value) - first) >> shift) as usize % STEPS;
    let mut counts = [0_u32; STEPS];
    samples.iter().for_each(|value| counts[step(*value)] += 1);
    // Only in these steps it matters which samples they are.
    let mut open = [false; STEPS];
    let (mut at, mut below, mut before) = (0, 0, 0);
    let found = places.map(|place| {
        while below + counts[at] as usize <= place {
            before += if open[at] { counts[at] as usize } else { 0 };
            below += counts[at] as usize;
            at += 1;
        }
        open[at] = true;
        before + place - below
    });
    let mut near = 0;
    for i in 0..samples.len() {
        samples.swap(near, i);
        near += usize::from(open[step(samples[near])]);
    }
    let near = &mut samples[..near];
    near.sort_unstable();
    found.map(|at| near[at])
}

/// Puts samples in order of their [grades](grade); `sample` tells that of each. What is `spare` is used for that.
pub fn put_in_grades(stored: &mut Vec<u64>, spare: &mut Vec<u64>, sample: impl Fn(u64) -> i64) {
    if stored.len() < UNGRADED {
        return stored.sort_unstable_by_key(|stored| sample(*stored));
    }
    let mut ends = vec![0_u32; GRADES];
    stored.iter().for_each(|stored| ends[grade(sample(*stored))] += 1);
    let mut end = 0;
    for begin in &mut ends {
        end += std::mem::replace(begin, end);
    }
    spare.resize(stored.len(), 0);
    for stored in &*stored {
        let end = &mut ends[grade(sample(*stored))];
        spare[*end as usize] = *stored;
        *end += 1;
    }
    std::mem::swap(stored, spare);
}

/// Where in samples that are in order of their grades those lie that have the grade of the one at `place`.
pub fn like(graded: &[i64], place: usize) -> Range<usize> {
    let of = grade(graded[place]);
    if [graded[0], graded[graded.len() - 1]].iter().all(|end| grade(*end) == of) {
        return 0..graded.len();
    }
    let (before, after) = graded.split_at(place);
    let begin = place - before.iter().rev().take_while(|value| grade(**value) == of).count();
    begin..place + after.iter().take_while(|value| grade(**value) == of).count()
}

/// Of samples that are in order of their grades those at these places, which ascend, in ascending order. Reorders those of a
/// grade.
pub fn at_places<const N: usize>(graded: &mut [i64], places: [usize; N]) -> [i64; N] {
    let mut ordered = 0..0;
    places.map(|place| {
        if !ordered.contains(&place) {
            ordered = like(graded, place);
            graded[ordered.clone()].sort_unstable();
        }
        graded[place]
    })
}

/// How many samples, which are in order of their grades, are less than `edge`.
pub fn less(graded: &[i64], edge: i64) -> usize {
    let begin = graded.partition_point(|value| grade(*value) < grade(edge));
    let alike = graded[begin..].iter().take_while(|value| grade(**value) == grade(edge));
    begin + alike.filter(|value| **value < edge).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_once_all_are_in_order() {
        for (count, bits) in [(1, 40), (2, 1), (1_000, 1), (1_000, 7), (1_000, 30), (5_000, 12), (5_000, 63)] {
            let mut n = 1_u64;
            let mut next = || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((n >> 1) >> (63 - bits + n % bits)) as i64
            };
            let samples: Vec<i64> = (0..count).map(|_| next()).collect();
            let mut sorted = samples.clone();
            sorted.sort_unstable();
            let (least, most) = (sorted[0], sorted[count - 1]);
            let places = [0, count / 2, count * 9 / 10, count - 1];
            let edges = [least, least + 1, sorted[count / 3], sorted[count / 2].saturating_add(1), most, i64::MAX];
            let mut graded: Vec<u64> = samples.iter().map(|sample| *sample as u64).collect();
            put_in_grades(&mut graded, &mut vec![7; count / 2], |stored| stored as i64);
            let mut graded: Vec<i64> = graded.into_iter().map(|stored| stored as i64).collect();
            assert!(graded.is_sorted_by_key(|sample| grade(*sample)), "{count} of {bits} bits");
            let less = edges.map(|edge| less(&graded, edge));
            assert_eq!(less, edges.map(|edge| sorted.partition_point(|v| *v < edge)), "{count} of {bits} bits");
            let found = at_places(&mut graded, places);
            assert_eq!(found, places.map(|place| sorted[place]), "{count} of {bits} bits");
            let mut reordered = samples.clone();
            assert_eq!(select(&mut reordered, (least, most), places), found, "{count} of {bits} bits");
            reordered.sort_unstable();
            assert_eq!(reordered, sorted, "{count} of {bits} bits");
        }
    }
}
