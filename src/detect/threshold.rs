//! Thresholds: where a detector draws its line, with default and source.

use super::plain::Plain;
use crate::amount;
use crate::report::settings::exact;
use crate::spelling::asked;
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
    ///
    /// # Errors
    /// For what is no such value, or a negative one.
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

    /// `value`, as it is read, and exactly.
    pub fn typed(&self, value: i64) -> String {
        match self.unit {
            Unit::Duration => exact(Span(value)),
            Unit::Count => value.to_string(),
            Unit::Share => format!("{}%", value as f64 / 1e4),
        }
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
#[non_exhaustive]
pub enum ThresholdError {
    /// No threshold has that name.
    #[error("{}; {}", self.what(), self.hint().unwrap_or_default())]
    Unknown {
        /// What was given.
        name: String,
        /// The names that may have been meant.
        meant: Vec<&'static str>,
    },
    /// The value is not of its unit.
    #[error("{}", self.what())]
    Value {
        /// The threshold.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// Not of the form `NAME=VALUE`.
    #[error("{}", self.what())]
    Form(String),
}

impl ThresholdError {
    /// What is wrong.
    pub fn what(&self) -> String {
        match self {
            ThresholdError::Unknown { name, .. } => format!("no threshold is called `{name}`"),
            ThresholdError::Value { name, value, wanted } => {
                format!("`{value}` is not a value for `{name}`: it takes {wanted}")
            }
            ThresholdError::Form(text) => format!("`{text}` is not of the form NAME=VALUE"),
        }
    }

    /// What to do about it, where that does not go without saying.
    pub fn hint(&self) -> Option<String> {
        match self {
            ThresholdError::Unknown { meant, .. } => {
                Some(asked(meant).unwrap_or_else(|| "`tcpstate explain NAME` shows those of a finding".to_owned()))
            }
            ThresholdError::Value { .. } | ThresholdError::Form(_) => None,
        }
    }
}

/// What a duration looks like.
pub(super) const DURATION: &str = "a duration such as `90s` or `500ms`";

#[cfg(test)]
mod tests {
    use super::*;

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
}
