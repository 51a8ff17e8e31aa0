//! Durations and sizes as people write them, with their units.

use crate::time::Span;

/// Units of time and their nanoseconds.
const TIMES: [(&str, i128); 15] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("hour", 3_600_000_000_000),
    ("hours", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("day", 86_400_000_000_000),
    ("days", 86_400_000_000_000),
];

/// Units of size and their bytes.
const SIZES: [(&str, i128); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// A duration: `5s`, `1.5ms`, `2min`, `1h30min`. A number without a unit is refused, except 0.
pub fn duration(text: &str) -> Option<Span> {
    let mut rest = text;
    let mut nanos: i128 = 0;
    if text == "0" {
        return Some(Span(0));
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = TIMES.iter().find(|(name, _)| *name == &tail[..end])?.1;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        rest = &tail[end..];
    }
    (!text.is_empty()).then_some(())?;
    i64::try_from(nanos).ok().map(Span)
}

/// Whether `word` is a unit of time on its own.
pub fn is_time_unit(word: &str) -> bool {
    TIMES.iter().any(|(name, _)| *name == word)
}

/// Whether `word` is a unit of size on its own.
pub fn is_size_unit(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    SIZES.iter().any(|(name, _)| !name.is_empty() && *name == word)
}

/// A count or a size: `10`, `1.5k`, `1MB`, `64KiB`; thousands are decimal unless the unit has an `i`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.replace(',', "");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.to_ascii_lowercase();
    let unit = SIZES.iter().find(|(name, _)| *name == unit)?.1;
    u64::try_from(scaled(number, unit)?).ok()
}

/// A decimal number times a unit, exact; `None` when it is no number or leaves a fraction.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() > 20 || fraction.len() > 12 || number.ends_with('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let parts = digits.checked_mul(unit)?;
    let scale = 10_i128.pow(fraction.len() as u32);
    (parts % scale == 0).then_some(parts / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_need_a_unit() {
        assert_eq!(duration("1.5ms"), Some(Span::micros(1_500)));
        assert_eq!(duration("1h30min"), Some(Span::secs(5_400)));
        assert_eq!(duration("0"), Some(Span(0)));
        for wrong in ["", "5", "s", "1.s", "5 s", "1e3s", "0.1ns", "99999999999999999999h", "-1s", "5q"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_know_both_thousands() {
        assert_eq!(size("1MB"), Some(1_000_000));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1.5k"), Some(1_500));
        assert_eq!(size("1,500"), Some(1_500));
        assert_eq!(size("0.5"), None);
        assert_eq!(size("MB"), None);
    }
}
