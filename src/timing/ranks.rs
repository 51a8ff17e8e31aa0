//! Where samples lie among each other, without putting all of them in order.

/// So many of the bits of a float tell magnitudes apart, in 64 steps to the octave.
const SHIFT: u32 = 46;

/// So many steps at most tell few samples apart.
const STEPS: usize = 256;

/// A number that does not fall as the value grows, which is not negative. A float tells its magnitude at once, unless
/// it is 0.
#[inline]
fn magnitude(value: i64) -> u64 {
    ((value | 1) as f64).to_bits()
}

/// The same with few bits.
#[inline]
fn step(value: i64) -> usize {
    magnitude(value) as usize >> SHIFT
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

/// Of samples between `least` and `most`, in two parts: those at these places in ascending order; and how many are less
/// than each of these `edges`.
pub fn find<const N: usize>(
    parts: [&[i64]; 2],
    (least, most): (i64, i64),
    places: [usize; N],
    edges: &[i64],
) -> ([i64; N], Vec<usize>) {
    let (first, last) = (step(least), step(most));
    // How many are in lower steps.
    let mut before = vec![0_u32; last - first + 2];
    let counts = &mut before[1..];
    for part in parts {
        for value in part {
            counts[step(*value) - first] += 1;
        }
    }
    let mut sum = 0;
    for before in &mut before {
        sum += *before;
        *before = sum;
    }
    // Only in these steps it matters which samples they are.
    let mut open = vec![false; before.len()];
    let steps = places.map(|place| before.partition_point(|n| *n as usize <= place) - 1);
    let of_edge = |edge: i64| step(edge.min(most)) - first;
    steps.into_iter().chain(edges.iter().map(|edge| of_edge(*edge))).for_each(|step| open[step] = true);
    let count = open.iter().zip(before.windows(2)).filter(|(open, _)| **open).map(|(_, n)| (n[1] - n[0]) as usize);
    let mut near = Vec::with_capacity(count.sum());
    for part in parts {
        for value in part {
            if open[step(*value) - first] {
                near.push(*value);
            }
        }
    }
    near.sort_unstable();
    let begin = |at: usize| near.partition_point(|value| step(*value) - first < at);
    let mut found = places;
    for (found, at) in found.iter_mut().zip(steps) {
        *found += begin(at);
        *found -= before[at] as usize;
    }
    let less = |edge: i64| {
        let at = of_edge(edge);
        before[at] as usize + near.partition_point(|value| *value < edge) - begin(at)
    };
    (found.map(|place| near[place]), edges.iter().map(|edge| less(*edge)).collect())
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
            let (found, less) = find([&samples[..count / 3], &samples[count / 3..]], (least, most), places, &edges);
            assert_eq!(found, places.map(|place| sorted[place]), "{count} of {bits} bits");
            assert_eq!(less, edges.map(|edge| sorted.partition_point(|v| *v < edge)), "{count} of {bits} bits");
            let mut reordered = samples.clone();
            assert_eq!(select(&mut reordered, (least, most), places), found, "{count} of {bits} bits");
            reordered.sort_unstable();
            assert_eq!(reordered, sorted, "{count} of {bits} bits");
        }
    }
}
