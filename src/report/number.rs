//! Counts and durations in words, the same wherever people read them.
//!
//! A number that names something (a packet, a connection, a port, a sequence number) is no count: people look for it and
//! paste it into filters, so its digits stay together.

use crate::time::Span;

/// A count with thousands set apart: `48,211`.
pub fn count(n: u64) -> String {
    let mut text = String::with_capacity(28);
    put_digits(&mut text, n, true);
    text
}

/// Adds the digits of `n` to `text`, by hand, as most sentences have some; with thousands set `apart` or not.
pub fn put_digits(text: &mut String, n: u64, apart: bool) {
    let (mut digits, mut left) = ([0; 20], n);
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        (*digit, left) = ((left % 10) as u8, left / 10);
        from -= 1;
        if left == 0 {
            break;
        }
    }
    for (i, digit) in digits.iter().enumerate().skip(from) {
        if apart && i > from && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(char::from(b'0' + digit));
    }
}

/// A count and its noun, which takes an `s` unless the count is one: `1 packet`, `3,000 connections`.
pub fn plural(n: u64, noun: &str) -> String {
    let mut text = String::with_capacity(40);
    put_digits(&mut text, n, true);
    text.push(' ');
    text.push_str(noun);
    if n != 1 {
        text.push('s');
    }
    text
}

/// Which way a last digit goes.
#[derive(Clone, Copy)]
enum Rounding {
    Nearest,
    Down,
}

impl Rounding {
    /// `value` in whole `unit`s.
    fn divide(self, value: u64, unit: u64) -> u64 {
        match self {
            Rounding::Nearest => (value + unit / 2) / unit,
            Rounding::Down => value / unit,
        }
    }
}

const SECOND: u64 = 1_000_000_000;

/// A span as `850 ns`, `12 ms`, `3.2 s`, `5 min 12 s`, `3 h 4 min`, `2 d 3 h`: two digits, rounded to the nearest.
pub fn span(span: Span) -> String {
    let mut text = String::with_capacity(24);
    put_span(&mut text, span);
    text
}

/// Adds the same to `text`.
pub fn put_span(text: &mut String, span: Span) {
    if span.0 < 0 {
        text.push('-');
    }
    length(text, span.0.unsigned_abs(), Rounding::Nearest);
}

/// A span that lasted at least this long: as [`span`], but never rounded up.
pub fn at_least(span: Span) -> String {
    let mut text = String::with_capacity(24);
    put_at_least(&mut text, span);
    text
}

/// Adds the same to `text`.
pub fn put_at_least(text: &mut String, span: Span) {
    length(text, span.0.max(0).unsigned_abs(), Rounding::Down);
}

/// `number unit`.
fn of(text: &mut String, number: u64, unit: &str) {
    put_digits(text, number, false);
    text.push(' ');
    text.push_str(unit);
}

fn length(text: &mut String, nanos: u64, rounding: Rounding) {
    if nanos == 0 {
        return text.push_str("0 s");
    }
    if nanos < 1_000 {
        return of(text, nanos, "ns");
    }
    for (unit, name, limit) in [(1_000, "µs", 1_000), (1_000_000, "ms", 1_000), (SECOND, "s", 60)] {
        let tenths = rounding.divide(nanos, unit / 10);
        if tenths < 100 {
            // Two digits: what is less is told in the unit before.
            put_digits(text, tenths / 10, false);
            text.push('.');
            return of(text, tenths % 10, name);
        }
        let whole = rounding.divide(nanos, unit);
        if whole < limit {
            return of(text, whole, name);
        }
    }
    for (unit, names, limit) in [
        (60 * SECOND, ("min", "s", 60), 60),
        (3_600 * SECOND, ("h", "min", 60), 24),
        (86_400 * SECOND, ("d", "h", 24), u64::MAX),
    ] {
        let (big, small, per) = names;
        let parts = rounding.divide(nanos, unit / per);
        if parts / per < limit {
            of(text, parts / per, big);
            let rest = parts % per;
            if rest > 0 {
                text.push(' ');
                of(text, rest, small);
            }
            return;
        }
    }
    unreachable!("the last unit has no limit")
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
        assert_eq!(span(Span(i64::MIN)), format!("-{}", span(Span(i64::MAX))));
    }
}
