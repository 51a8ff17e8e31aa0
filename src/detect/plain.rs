//! Durations in the sentences of findings.

use std::fmt;

use crate::time::Span;

/// A duration for people: `2.3 s`, `4 min`, `120 ms`.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub Span);

impl Plain {
    /// A number that durations share only if their texts are the same, of long ones; `None` if it must be seen in writing,
    /// close to where the text changes. Durations that differ by a microsecond have the same one, if both have any.
    pub fn alike(self) -> Option<u64> {
        const SECOND: u64 = 1_000_000_000;
        const CLOSE: u64 = 3_000;
        const LONGEST: u64 = 100_000_000 * SECOND;
        // From where on durations are told in a unit, and a tenth of that.
        const UNITS: [(u64, u64); 4] = [
            (2 * 86_400 * SECOND, 8_640 * SECOND),
            (2 * 3_600 * SECOND, 360 * SECOND),
            (180 * SECOND, 6 * SECOND),
            (SECOND, SECOND / 10),
        ];
        let nanos = u64::try_from(self.0.0).ok().filter(|nanos| *nanos < LONGEST)?;
        let (i, (from, tenth)) = (0..).zip(UNITS).find(|(_, (from, _))| nanos + CLOSE >= *from)?;
        let (rounded, past) = ((nanos + tenth / 2) / tenth, (nanos + tenth / 2) % tenth);
        (nanos >= from + CLOSE && past >= CLOSE && tenth - past > CLOSE).then_some(rounded << 2 | i)
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let one = |f: &mut fmt::Formatter<'_>, n: f64, unit: &str| {
            let text = format!("{n:.1}");
            write!(f, "{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
        };
        match seconds {
            s if s >= 2.0 * 86_400.0 => one(f, s / 86_400.0, "days"),
            s if s >= 2.0 * 3_600.0 => one(f, s / 3_600.0, "h"),
            s if s >= 180.0 => one(f, s / 60.0, "min"),
            s if s >= 1.0 => one(f, s, "s"),
            s if s >= 0.001 => one(f, s * 1e3, "ms"),
            s => one(f, s * 1e6, "µs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn durations_that_are_alike_are_told_in_the_same_words(nanos in 0..1_i64 << 58, shift in 0..30, on in 0..1_i64 << 36) {
            let (a, b) = (Plain(Span(nanos >> shift)), Plain(Span((nanos >> shift) + (on >> shift))));
            if let (Some(alike), Some(other)) = (a.alike(), b.alike()) {
                prop_assert_eq!(alike == other, a.to_string() == b.to_string());
                for near in [-1_000, 1_000] {
                    prop_assert_eq!(Plain(Span(a.0.0 + near)).to_string(), a.to_string());
                }
            }
        }
    }

    #[test]
    fn close_to_where_words_change_they_are_not_known() {
        for edge in [1_050, 9_950, 180_000, 183_000, 7_200_000, 7_380_000, 172_800_000, 177_120_000] {
            for near in [-2_000, -1, 0, 1, 2_000] {
                assert_eq!(Plain(Span(edge * 1_000_000 + near)).alike(), None, "{edge} ms and {near} ns");
            }
        }
    }

    #[test]
    fn spans_read_well() {
        let plain = |s: i64| Plain(Span::millis(s)).to_string();
        assert_eq!([plain(120), plain(2_300), plain(12_000), plain(240_000)], ["120 ms", "2.3 s", "12 s", "4 min"]);
    }
}
