//! Tests for differences between two samples.

/// The two-sided p-value of Fisher's exact test: how often chance alone makes two shares, `hits` of `all` each, differ at
/// least so unlikely.
pub fn fisher(before: (u64, u64), after: (u64, u64)) -> f64 {
    let ((a, n), (b, m)) = (before, after);
    let (n, m) = (n.max(a), m.max(b));
    let hits = a + b;
    if hits == 0 || hits == n + m || n == 0 || m == 0 {
        return 1.0;
    }
    let total = ln_choose(n + m, hits);
    let probability = |k: u64| (ln_choose(n, k) + ln_choose(m, hits - k) - total).exp();
    let observed = probability(a);
    let (low, high) = (hits.saturating_sub(m), hits.min(n));
    // A probability falls off on both sides of its peak, so each tail ends where it is no longer worth adding.
    let close = observed * (1.0 + 1e-7);
    let mut p = 0.0;
    let mode = (((hits + 1) as f64 * (n + 1) as f64) / (n + m + 2) as f64) as u64;
    for k in (low..=mode.clamp(low, high)).rev() {
        let this = probability(k);
        p += if this <= close { this } else { 0.0 };
        if this < observed * 1e-12 {
            break;
        }
    }
    for k in mode.clamp(low, high) + 1..=high {
        let this = probability(k);
        p += if this <= close { this } else { 0.0 };
        if this < observed * 1e-12 {
            break;
        }
    }
    p.min(1.0)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// ln n!, summed where it is short and by Stirling's series where it is not (to 1e-12).
fn ln_factorial(n: u64) -> f64 {
    if n < 32 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let x = n as f64;
    let inverse = 1.0 / x;
    let series = inverse / 12.0 - inverse.powi(3) / 360.0 + inverse.powi(5) / 1260.0;
    x * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI * x).ln() + series
}

/// What the rank test says of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// How often chance alone sets them apart at least so far, two-sided.
    pub p: f64,
    /// The chance that one of the second sample is larger than one of the first, ties counted half.
    pub larger: f64,
}

/// The test of Mann and Whitney, with its normal approximation, corrected for ties and continuity. Good from about eight
/// in each sample on.
pub fn mann_whitney(before: &[i64], after: &[i64]) -> Ranks {
    let mut all: Vec<(i64, bool)> =
        before.iter().map(|v| (*v, false)).chain(after.iter().map(|v| (*v, true))).collect();
    all.sort_unstable();
    let (n, m) = (before.len() as f64, after.len() as f64);
    let (mut rank_sum, mut ties) = (0.0, 0.0);
    let mut first = 0;
    while first < all.len() {
        let same = all[first..].iter().take_while(|(v, _)| *v == all[first].0).count();
        let rank = first as f64 + (same as f64 + 1.0) / 2.0;
        let seconds = all[first..first + same].iter().filter(|(_, second)| *second).count();
        rank_sum += rank * seconds as f64;
        ties += (same as f64).powi(3) - same as f64;
        first += same;
    }
    let total = n + m;
    let u = rank_sum - m * (m + 1.0) / 2.0;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let larger = if n * m > 0.0 { u / (n * m) } else { 0.5 };
    // Not a number where a sample is empty.
    if variance.is_nan() || variance <= 0.0 {
        return Ranks { p: 1.0, larger };
    }
    let apart = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    Ranks { p: 2.0 * upper_tail(apart / variance.sqrt()), larger }
}

/// The share of the normal distribution above `z` (Abramowitz and Stegun 26.2.17, to 1e-7; its leading term beyond 6).
fn upper_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z > 6.0 {
        return density / z;
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    density * series.iter().fold(0.0, |sum, c| (sum + c) * t)
}

/// Corrects p-values that were found together (Holm 1979): the chance of even one false alarm among all of them stays
/// below the level that each is held against. In the order given.
pub fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut corrected = vec![1.0; values.len()];
    let mut least: f64 = 0.0;
    for (rank, i) in order.into_iter().enumerate() {
        least = least.max(values[i] * (values.len() - rank) as f64).min(1.0);
        corrected[i] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-4 * b
    }

    /// Against `scipy.stats.fisher_exact` 1.16.
    #[test]
    fn fisher_is_that_of_the_books() {
        for (before, after, p) in [
            ((3, 4), (1, 4), 0.485_714_285_7),
            ((1, 10), (11, 14), 0.002_759_456_185),
            ((0, 142), (12, 190), 0.001_581_662_651),
            ((10, 100), (10, 100), 1.0),
            ((1, 100), (4, 100), 0.368_670_765),
            ((20, 1_000), (45, 1_100), 0.007_608_405_028),
            ((300, 400), (290, 410), 0.179_887_897_1),
            ((100_000, 1_000_000), (101_000, 1_000_000), 0.018_800_806),
        ] {
            assert!(near(fisher(before, after), p), "{before:?} {after:?}: {}", fisher(before, after));
        }
        assert_eq!(fisher((0, 0), (1, 10)), 1.0);
    }

    #[test]
    fn fisher_does_not_care_who_comes_first() {
        for (a, b) in [((3, 50), (9, 60)), ((0, 7), (5, 9)), ((20, 20), (15, 20))] {
            assert!(near(fisher(a, b), fisher(b, a)));
        }
    }

    /// Against `scipy.stats.mannwhitneyu(x, y, method="asymptotic")` 1.16.
    #[test]
    fn mann_whitney_is_that_of_the_books() {
        let x: Vec<i64> = (1..=10).collect();
        let y: Vec<i64> = (6..=15).collect();
        let ranks = mann_whitney(&x, &y);
        assert!(near(ranks.p, 0.005_075_392), "{ranks:?}");
        let tied = mann_whitney(&[1, 2, 2, 3, 3, 3, 4, 8, 9], &[2, 3, 4, 4, 5, 5, 9, 9, 12, 14]);
        assert!(near(tied.p, 0.057_804_469), "{tied:?}");
        assert!((ranks.larger - 0.875).abs() < 1e-9);
        assert_eq!(mann_whitney(&[5; 9], &[5; 9]).p, 1.0);
        assert!((mann_whitney(&x, &x).p - 1.0).abs() < 1e-3);
    }

    #[test]
    fn many_tests_make_each_count_less() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        let wanted = [0.03, 0.06, 0.06, 0.02];
        assert!(corrected.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{corrected:?}");
    }
}
