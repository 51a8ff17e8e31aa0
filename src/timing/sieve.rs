//! Samples of which only some are asked for: those at some places, and how many are less than some edges. They are found among
//! those that are like them; the others are not put in order.

use super::ranks::{GRADES, grade};

/// Samples, none of them negative. Made once, and used for one thing after the other.
#[derive(Default)]
pub struct Sieve {
    samples: Vec<i64>,
    /// The [grade] of each.
    grades: Vec<u16>,
    /// How many are of a lower one than each, and of all.
    below: Vec<u32>,
    /// The least and the greatest.
    ends: (i64, i64),
    /// Those of the grades that are asked for.
    near: Vec<i64>,
}

/// Samples of this grade are not asked for.
const UNASKED: u32 = u32::MAX;

impl Sieve {
    /// Begins anew: what is filled in is to be [sorted](Sieve::sort_out).
    pub fn fill(&mut self) -> &mut Vec<i64> {
        self.samples.clear();
        &mut self.samples
    }

    /// Finds the grade of each.
    pub fn sort_out(&mut self) {
        let Sieve { samples, grades, below, ends, .. } = self;
        let (mut counts, mut least, mut most) = ([0_u32; GRADES], i64::MAX, 0);
        grades.clear();
        grades.extend(samples.iter().map(|sample| {
            (least, most) = (least.min(*sample), most.max(*sample));
            let grade = grade(*sample);
            counts[grade] += 1;
            grade as u16
        }));
        *ends = (least, most);
        below.clear();
        below.extend(counts.iter().scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count))));
        below.push(samples.len() as u32);
    }

    /// All of them.
    pub fn samples(&self) -> &[i64] {
        &self.samples
    }

    /// The least and the greatest.
    pub fn ends(&self) -> (i64, i64) {
        self.ends
    }

    /// Those that are at these places, all of which there are, once all are in order, and how many are less than each of these
    /// edges.
    pub fn find<const N: usize, const M: usize>(
        &mut self,
        places: [usize; N],
        edges: [i64; M],
    ) -> ([i64; N], [usize; M]) {
        let Sieve { samples, grades, below, near, .. } = self;
        let of_places = places.map(|place| below.partition_point(|below| *below as usize <= place) - 1);
        let of_edges = edges.map(grade);
        let like = |grade: usize| below[grade + 1] - below[grade];
        // Up to where those of each grade are filled in.
        let (mut filled, mut sum) = ([UNASKED; GRADES], 0);
        for grade in of_places.into_iter().chain(of_edges) {
            if filled[grade] == UNASKED {
                filled[grade] = sum;
                sum += like(grade);
            }
        }
        near.resize(sum as usize, 0);
        for (sample, grade) in samples.iter().zip(&*grades) {
            let place = &mut filled[usize::from(*grade) % GRADES];
            if *place != UNASKED {
                near[*place as usize] = *sample;
                *place += 1;
            }
        }
        let within = |grade: usize| (filled[grade] - like(grade)) as usize..filled[grade] as usize;
        let less = std::array::from_fn(|i| {
            let alike = near[within(of_edges[i])].iter().filter(|sample| **sample < edges[i]).count();
            below[of_edges[i]] as usize + alike
        });
        let found = std::array::from_fn(|i| {
            let alike = &mut near[within(of_places[i])];
            if i == 0 || of_places[i] != of_places[i - 1] {
                alike.sort_unstable();
            }
            alike[places[i] - below[of_places[i]] as usize]
        });
        (found, less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_once_all_are_in_order() {
        let mut sieve = Sieve::default();
        for (count, bits) in [(1, 40), (2, 1), (1_000, 1), (1_000, 7), (1_000, 30), (5_000, 12), (5_000, 63)] {
            let mut n = 1_u64;
            let mut next = || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((n >> 1) >> (63 - bits + n % bits)) as i64
            };
            sieve.fill().extend((0..count).map(|_| next()));
            sieve.sort_out();
            let mut sorted = sieve.samples().to_vec();
            sorted.sort_unstable();
            let (least, most) = (sorted[0], sorted[count - 1]);
            assert_eq!(sieve.ends(), (least, most));
            let places = [0, count / 2, count / 2, count * 9 / 10, count - 1];
            let edges = [least, least + 1, sorted[count / 3], sorted[count / 2].saturating_add(1), most, i64::MAX];
            let (found, less) = sieve.find(places, edges);
            assert_eq!(found, places.map(|place| sorted[place]), "{count} of {bits} bits");
            assert_eq!(less, edges.map(|edge| sorted.partition_point(|v| *v < edge)), "{count} of {bits} bits");
        }
    }
}
