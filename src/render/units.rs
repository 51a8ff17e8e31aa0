//! Numbers for people: spans, sizes, counts and times, with no more digits than they deserve.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::report::number::{at_least, count, plural, span};
use crate::time::Time;

/// In which time zone points in time are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// UTC: the same bytes on every machine.
    #[default]
    Utc,
    /// The zone of the machine that prints.
    Local,
}

/// Packets by their numbers: `packet 7`, `packets 3 to 1009`.
pub fn packets((first, last): (u64, u64)) -> String {
    if first == last { format!("packet {first}") } else { format!("packets {first} to {last}") }
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

/// `value` in whole `unit`s.
fn nearest(value: u128, unit: u128) -> u128 {
    (value + unit / 2) / unit
}

/// `n` (at least 1,000) in the largest fitting of units a thousand apart, three digits at most.
fn scaled(n: u64, units: &[&str]) -> String {
    let n = u128::from(n);
    let mut unit = 1_000;
    let mut name = "";
    for candidate in units {
        name = candidate;
        let tenths = nearest(n * 10, unit);
        if tenths < 1_000 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        let whole = nearest(n, unit);
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
