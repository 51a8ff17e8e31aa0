//! Sorting of many numbers, digit by digit.

/// Below this, comparing is faster.
const FEW: usize = 200;
/// From here on digits are of many bits.
const MANY: usize = 2_000;

/// Sorts by what is above the lowest `skip` bits.
pub fn sort(numbers: &mut Vec<u64>, skip: u32) {
    if numbers.len() < FEW {
        return numbers.sort_unstable();
    }
    let (all, any) = numbers.iter().fold((u64::MAX, 0), |(all, any), n| (all & n, any | n));
    let differ = (all ^ any) >> skip << skip;
    if differ == 0 {
        return;
    }
    let (low, high) = (differ.trailing_zeros(), 64 - differ.leading_zeros());
    let passes = (high - low).div_ceil(if numbers.len() < MANY { 8 } else { 11 });
    let width = (high - low).div_ceil(passes);
    let mut sorted = vec![0; numbers.len()];
    let mut places = vec![0_u32; 1 << width];
    for pass in 0..passes {
        let shift = low + pass * width;
        let digit = |n: u64| (n >> shift) as usize & ((1 << width) - 1);
        places.fill(0);
        numbers.iter().for_each(|n| places[digit(*n)] += 1);
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        for n in &*numbers {
            let place = &mut places[digit(*n)];
            sorted[*place as usize] = *n;
            *place += 1;
        }
        std::mem::swap(numbers, &mut sorted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_comparing_does() {
        for (count, modulus) in [(0, 1), (10, 7), (1_000, 1 << 20), (5_000, u64::MAX), (5_000, 1), (3_000, 1 << 42)] {
            let mut n = 1_u64;
            let mut next = || {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((n >> 7) % modulus) << 3
            };
            let mut numbers: Vec<u64> = (0..count).map(|_| next()).collect();
            let mut expected = numbers.clone();
            expected.sort_unstable();
            sort(&mut numbers, 3);
            assert_eq!(numbers, expected);
        }
    }
}
