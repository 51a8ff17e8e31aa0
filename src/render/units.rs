//! Numbers for people: spans, sizes, counts and times, with no more digits than they deserve.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::report::number::{count, plural};
use crate::time::{Span, Time};

/// In which time zone points in time are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC: the same bytes on every machine.
    #[default]
    Utc,
    /// The zone of the machine that prints.
    Local,
}

/// Which way a last digit goes.
#[derive(Clone, Copy)]
enum Rounding {
    Nearest,
    Down,
}

impl Rounding {
    /// `value` in whole `unit`s.
    fn divide(self, value: u128, unit: u128) -> u128 {
        match self {
            Rounding::Nearest => (value + unit / 2) / unit,
            Rounding::Down => value / unit,
        }
    }
}

const SECOND: u128 = 1_000_000_000;

/// Packets by their numbers: `packet 7`, `packets 3 to 1009`.
pub fn packets((first, last): (u64, u64)) -> String {
    if first == last { format!("packet {first}") } else { format!("packets {first} to {last}") }
}

/// A span as `850 ns`, `12 ms`, `3.2 s`, `5 min 12 s`, `3 h 4 min`, `2 d 3 h`: two digits, rounded to the nearest.
pub fn span(span: Span) -> String {
    let sign = if span.0 < 0 { "-" } else { "" };
    format!("{sign}{}", length(u128::from(span.0.unsigned_abs()), Rounding::Nearest))
}

/// A span that lasted at least this long: as [`span`], but never rounded up.
pub fn at_least(span: Span) -> String {
    length(u128::from(span.0.max(0).unsigned_abs()), Rounding::Down)
}

fn length(nanos: u128, rounding: Rounding) -> String {
    if nanos == 0 {
        return "0 s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{nanos} ns");
    }
    for (unit, name, limit) in [(1_000, "µs", 1_000), (1_000_000, "ms", 1_000), (SECOND, "s", 60)] {
        let tenths = rounding.divide(nanos, unit / 10);
        if tenths < 100 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        let whole = rounding.divide(nanos, unit);
        if whole < limit {
            return format!("{whole} {name}");
        }
    }
    for (unit, names, limit) in [
        (60 * SECOND, ("min", "s", 60), 60),
        (3_600 * SECOND, ("h", "min", 60), 24),
        (86_400 * SECOND, ("d", "h", 24), u128::MAX),
    ] {
        let (big, small, per) = names;
        let parts = rounding.divide(nanos, unit / per);
        if parts / per < limit {
            return match parts % per {
                0 => format!("{} {big}", parts / per),
                rest => format!("{} {big} {rest} {small}", parts / per),
            };
        }
    }
    unreachable!("the last unit has no limit")
}

/// Bytes in decimal units: `300 B`, `70.3 kB`, `703 kB`, `1.2 GB`.
pub fn bytes(n: u64) -> String {
    if n < 1_000 {
        return format!("{n} B");
    }
    scaled(n, &["kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A count where the exact number does not matter: `950`, `12.3 k`, `1.2 M`.
pub fn about(n: u64) -> String {
    if n < 1_000 { n.to_string() } else { scaled(n, &["k", "M", "G", "T", "P", "E"]) }
}

/// `n` (at least 1,000) in the largest fitting of units a thousand apart, three digits at most.
fn scaled(n: u64, units: &[&str]) -> String {
    let n = u128::from(n);
    let mut unit = 1_000;
    let mut name = "";
    for candidate in units {
        name = candidate;
        let tenths = Rounding::Nearest.divide(n * 10, unit);
        if tenths < 1_000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        let whole = Rounding::Nearest.divide(n, unit);
        if whole < 1_000 {
            return format!("{whole} {name}");
        }
        unit *= 1_000;
    }
    format!("{} {name}", n / (unit / 1_000))
}

/// A share of a whole, rounded: `2.4 %`, `24 %`, `<0.1 %`; empty when the whole is 0.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let rounded = |per: u128| (u128::from(part) * per + u128::from(whole) / 2) / u128::from(whole);
    match (rounded(1_000), rounded(100)) {
        (0, _) if part > 0 => "<0.1 %".to_owned(),
        (p, _) if p < 100 => format!("{}.{} %", p / 10, p % 10),
        // All is only said of all.
        (_, p) if part < whole => format!("{} %", p.min(99)),
        (_, p) => format!("{p} %"),
    }
}

/// A date and time to the second with its zone: `2023-11-14 22:13:20 UTC`.
pub fn date(time: Time, zone: Zone) -> String {
    format(time, zone, "%Y-%m-%d %H:%M:%S %Z")
}

/// A time of day to the microsecond: `22:13:20.000012`.
pub fn clock(time: Time, zone: Zone) -> String {
    format(time, zone, "%H:%M:%S%.6f")
}

fn format(time: Time, zone: Zone, format: &str) -> String {
    let zone = match zone {
        Zone::Utc => TimeZone::UTC,
        Zone::Local => TimeZone::system(),
    };
    match Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(stamp) => stamp.to_zoned(zone).strftime(format).to_string(),
        // Years 1677 to 2262 fit; kept so that a change of Time's range can't panic.
        Err(_) => format!("{time} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_digits_and_roll_over_cleanly() {
        for (nanos, text) in [
            (0, "0 s"),
            (1, "1 ns"),
            (999, "999 ns"),
            (1_000, "1.0 µs"),
            (9_960, "10 µs"),
            (999_400, "999 µs"),
            (999_600, "1.0 ms"),
            (12_345_678, "12 ms"),
            (3_200_000_000, "3.2 s"),
            (59_400_000_000, "59 s"),
            (59_600_000_000, "1 min"),
            (312_000_000_000, "5 min 12 s"),
            (3_599_600_000_000, "1 h"),
            (11_040_000_000_000, "3 h 4 min"),
            (86_400_000_000_000, "1 d"),
            (183_600_000_000_000, "2 d 3 h"),
            (-1_500_000, "-1.5 ms"),
        ] {
            assert_eq!(span(Span(nanos)), text, "{nanos}");
        }
    }

    #[test]
    fn a_lower_bound_is_never_rounded_up() {
        assert_eq!(at_least(Span(59_999_000_000)), "59 s");
        assert_eq!(at_least(Span(999_999)), "999 µs");
        assert_eq!(at_least(Span(3_599_999_000_000)), "59 min 59 s");
    }

    #[test]
    fn every_span_is_printed() {
        for shift in 0..63 {
            span(Span(1 << shift));
            span(Span(-(1 << shift)));
        }
        assert_eq!(
            span(Span(i64::MIN)),
            "-106751 d 23 h".replace("106751 d 23 h", &length(1 << 63, Rounding::Nearest))
        );
    }

    #[test]
    fn sizes_roll_over_cleanly() {
        for (n, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (70_300, "70.3 kB"),
            (99_960, "100 kB"),
            (999_600, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(n), text, "{n}");
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(plural(1, "packet"), "1 packet");
        assert_eq!(about(13_785_170), "13.8 M");
    }

    #[test]
    fn shares_never_say_nothing_for_something() {
        assert_eq!(share(1, 1_000_000), "<0.1 %");
        assert_eq!(share(24, 1_000), "2.4 %");
        assert_eq!(share(999, 1_000), "99 %");
        assert_eq!(share(2, 3), "67 %");
        assert_eq!(share(999, 10_000), "10 %");
        assert_eq!(share(1, 0), "");
    }

    #[test]
    fn times_carry_their_zone() {
        assert_eq!(date(Time(1_700_000_000_000_012_345), Zone::Utc), "2023-11-14 22:13:20 UTC");
        assert_eq!(clock(Time(1_700_000_000_000_012_345), Zone::Utc), "22:13:20.000012");
        assert!(date(Time(i64::MIN), Zone::Utc).starts_with("1677-"));
    }
}
