//! Thresholds: where a detector draws its line, with default and source; and what the user set instead.

use std::fmt;

use crate::amount;
use crate::time::Span;

/// What kind of number a threshold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A duration, in nanoseconds.
    Duration,
    /// A number of things.
    Count,
    /// A share, in millionths.
    Share,
}

/// A line that a detector draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// As given to `--threshold`.
    pub name: &'static str,
    /// Unit of `default`.
    pub unit: Unit,
    /// The value if nothing else is said.
    pub default: i64,
    /// Whether it waits for something that does not happen, so that `--stuck-after` sets it.
    pub waits: bool,
    /// What it means.
    pub meaning: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
}

impl Threshold {
    /// A time to wait for something that does not happen; `--stuck-after` sets it.
    pub const fn wait(name: &'static str, default: Span, meaning: &'static str, source: &'static str) -> Threshold {
        Threshold { name, unit: Unit::Duration, default: default.0, waits: true, meaning, source }
    }

    /// A duration that `--stuck-after` leaves alone.
    pub const fn duration(name: &'static str, default: Span, meaning: &'static str, source: &'static str) -> Threshold {
        Threshold { name, unit: Unit::Duration, default: default.0, waits: false, meaning, source }
    }

    /// A number of things.
    pub const fn count(name: &'static str, default: i64, meaning: &'static str, source: &'static str) -> Threshold {
        Threshold { name, unit: Unit::Count, default, waits: false, meaning, source }
    }

    /// A share, given in millionths.
    pub const fn share(name: &'static str, default: i64, meaning: &'static str, source: &'static str) -> Threshold {
        Threshold { name, unit: Unit::Share, default, waits: false, meaning, source }
    }

    /// Reads a value of its unit: `90s`, `200`, `2%`.
    pub fn read(&self, text: &str) -> Result<i64, ThresholdError> {
        let value = match self.unit {
            Unit::Duration => amount::duration(&text.replace(' ', "")).map(|s| s.0),
            Unit::Count => text.parse().ok(),
            Unit::Share => {
                let percent = text.strip_suffix('%').map(|t| (t, 1e4)).unwrap_or((text, 1e6));
                let millionths = percent.0.trim().parse::<f64>().ok().map(|n| (n * percent.1).round());
                millionths.filter(|n| (0.0..=1e6).contains(n)).map(|n| n as i64)
            }
        };
        value.filter(|v| *v >= 0).ok_or_else(|| ThresholdError::Value {
            name: self.name,
            value: text.to_owned(),
            wanted: match self.unit {
                Unit::Duration => DURATION,
                Unit::Count => "a whole number",
                Unit::Share => "a share such as `2%`",
            },
        })
    }

    /// `value`, as it would be written.
    pub fn write(&self, value: i64) -> String {
        match self.unit {
            Unit::Duration => Plain(Span(value)).to_string(),
            Unit::Count => value.to_string(),
            Unit::Share => format!("{} %", value as f64 / 1e4),
        }
    }
}

/// Why a threshold could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No threshold has that name.
    #[error("no threshold is called `{name}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// What was given.
        name: String,
        /// The name most like it.
        nearest: Option<&'static str>,
    },
    /// The value is not of its unit.
    #[error("`{value}` is not a value for `{name}`: it takes {wanted}")]
    Value {
        /// The threshold.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// Not of the form `NAME=VALUE`.
    #[error("`{0}` is not of the form NAME=VALUE")]
    Form(String),
}

/// What a duration looks like.
pub(super) const DURATION: &str = "a duration such as `90s` or `500ms`";

/// The thresholds in force: the defaults, and what was set instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    set: Vec<(&'static str, i64)>,
    stuck_after: Option<Span>,
}

impl Limits {
    /// The value of `threshold`.
    #[inline]
    pub fn get(&self, threshold: &Threshold) -> i64 {
        if !self.set.is_empty()
            && let Some((_, value)) = self.set.iter().rev().find(|(name, _)| *name == threshold.name)
        {
            return *value;
        }
        match self.stuck_after {
            Some(span) if threshold.waits => span.0,
            _ => threshold.default,
        }
    }

    /// The value of a threshold that is a duration.
    #[inline]
    pub fn span(&self, threshold: &Threshold) -> Span {
        Span(self.get(threshold))
    }

    /// Whether the user has drawn this line, by its name or with all that wait.
    pub fn is_set(&self, threshold: &Threshold) -> bool {
        threshold.waits && self.stuck_after.is_some() || self.set.iter().any(|(name, _)| *name == threshold.name)
    }

    /// How long what lasts up to the end of the capture must have lasted to be told, the capture being of this `length`
    /// (none while it goes on). One of some seconds would never tell of anything that waits for a minute: where the user
    /// has drawn no line, a tenth of the capture is enough if that is less, but no less than two seconds.
    pub fn patience(&self, threshold: &Threshold, length: Option<Span>) -> Span {
        let usual = self.span(threshold);
        match length {
            Some(length) if !self.is_set(threshold) => usual.min(Span(length.0 / 10).max(Span::secs(2))),
            _ => usual,
        }
    }

    /// Sets everything that waits for something that does not happen.
    pub fn stuck_after(&mut self, span: Span) {
        self.stuck_after = Some(span);
    }

    /// Sets one threshold to a value of its unit.
    pub fn put(&mut self, threshold: &Threshold, value: i64) {
        self.set.push((threshold.name, value));
    }
}

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
    fn values_are_of_their_unit() {
        let read = |threshold: &Threshold, text: &str| threshold.read(text).ok();
        let wait = Threshold::wait("a", Span::secs(60), "", "");
        for (text, span) in [("2s", 2_000), ("1.5s", 1_500), ("1min30s", 90_000), ("2 min", 120_000), ("0", 0)] {
            assert_eq!(read(&wait, text), Some(Span::millis(span).0), "{text}");
        }
        let share = Threshold::share("b", 0, "", "");
        assert_eq!(
            [read(&share, "2%"), read(&share, "0.5"), read(&share, "100 %")],
            [20_000, 500_000, 1_000_000].map(Some)
        );
        for wrong in ["2", "-1s", "", "nan%", "inf%", "101%", "-1%"] {
            assert_eq!((read(&wait, wrong), read(&share, wrong)), (None, None), "{wrong}");
        }
    }

    #[test]
    fn one_threshold_can_be_set_against_all_that_wait() {
        let a = Threshold::wait("a", Span::secs(60), "", "");
        let b = Threshold::wait("b", Span::secs(60), "", "");
        let mut limits = Limits::default();
        limits.stuck_after(Span::secs(2));
        limits.put(&a, Span::secs(5).0);
        assert_eq!((limits.span(&a), limits.span(&b)), (Span::secs(5), Span::secs(2)));
    }

    #[test]
    fn a_short_capture_is_not_waited_out_unless_the_user_says_for_how_long() {
        let (a, b) = (Threshold::wait("a", Span::secs(60), "", ""), Threshold::duration("b", Span::secs(60), "", ""));
        let mut limits = Limits::default();
        let after = |limits: &Limits, seconds: i64| limits.patience(&a, Some(Span::secs(seconds)));
        let spans = [-5, 8, 20, 300, 600, 6_000].map(|seconds| after(&limits, seconds));
        assert_eq!(spans, [2, 2, 2, 30, 60, 60].map(Span::secs));
        assert_eq!(limits.patience(&a, None), Span::secs(60));
        limits.put(&a, Span::secs(60).0);
        assert_eq!((after(&limits, 8), limits.is_set(&b)), (Span::secs(60), false));
        let mut limits = Limits::default();
        limits.stuck_after(Span::secs(5));
        assert_eq!((after(&limits, 8), limits.is_set(&b)), (Span::secs(5), false));
    }

    #[test]
    fn spans_read_well() {
        let plain = |s: i64| Plain(Span::millis(s)).to_string();
        assert_eq!([plain(120), plain(2_300), plain(12_000), plain(240_000)], ["120 ms", "2.3 s", "12 s", "4 min"]);
    }
}
