//! Capture time: nanoseconds since the Unix epoch, as they stood in the capture.
//!
//! Nothing below `source` asks what time it is; time comes in with the packet.

use std::fmt;
use std::ops::{Add, Sub};

/// A point in capture time: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A span of capture time in nanoseconds; may be negative where a clock stepped back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

impl Span {
    /// A span of whole microseconds.
    pub const fn micros(n: i64) -> Span {
        Span(n * 1_000)
    }

    /// A span of whole milliseconds.
    pub const fn millis(n: i64) -> Span {
        Span(n * 1_000_000)
    }

    /// A span of whole seconds.
    pub const fn secs(n: i64) -> Span {
        Span(n * 1_000_000_000)
    }

    /// Seconds as a float, for ratios and rates; not for printing exact values.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Sub for Time {
    type Output = Span;

    #[inline]
    fn sub(self, earlier: Time) -> Span {
        Span(less(self.0, earlier.0))
    }
}

impl Sub for Span {
    type Output = Span;

    #[inline]
    fn sub(self, other: Span) -> Span {
        Span(less(self.0, other.0))
    }
}

impl Add<Span> for Time {
    type Output = Time;

    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Time;

    #[inline]
    fn sub(self, span: Span) -> Time {
        Time(less(self.0, span.0))
    }
}

/// `a - b`, or what is nearest to it. A jump that is never taken costs less than to have the other value at hand: several
/// differences are asked of each segment.
#[inline(always)]
fn less(a: i64, b: i64) -> i64 {
    #[cold]
    fn nearest(a: i64) -> i64 {
        if a < 0 { i64::MIN } else { i64::MAX }
    }
    a.checked_sub(b).unwrap_or_else(|| nearest(a))
}

/// Seconds with nine decimals: exact, unlike a float.
fn decimal(f: &mut fmt::Formatter<'_>, nanos: i64) -> fmt::Result {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    write!(f, "{sign}{}.{:09}", n / 1_000_000_000, n % 1_000_000_000)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0)
    }
}

/// In JSON both are numbers with nine decimals, written digit by digit: a binary float would lose nanoseconds.
fn serialize<S: serde::Serializer>(text: String, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::Serialize;
    serde_json::value::RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.to_string(), serializer)
    }
}

impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.to_string(), serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_survive_printing() {
        assert_eq!(Time(1_700_000_000_000_000_001).to_string(), "1700000000.000000001");
        assert_eq!(Span(-1_500_000_000).to_string(), "-1.500000000");
        assert_eq!(serde_json::to_string(&Span::millis(12)).unwrap(), "0.012000000");
    }

    #[test]
    fn differences_saturate_instead_of_wrapping() {
        assert_eq!(Time(i64::MAX) - Time(i64::MIN), Span(i64::MAX));
    }
}
