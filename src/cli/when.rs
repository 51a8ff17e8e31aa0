//! Points in time as people write them.

use std::str::FromStr;

use crate::amount;
use crate::time::{Span, Time};

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Seconds since 1970, or a date.
    Absolute(Time),
    /// Since the first packet.
    Since(Span),
    /// When this packet had been captured.
    Packet(u64),
}

/// The error says what can be written.
impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let wrong = || {
            format!(
                "`{text}` is no time; write +3.2s since the first packet, #120 for a packet, 1700000000.25 for seconds \
                 since 1970, or 2023-11-14T22:13:20.25Z"
            )
        };
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().map(When::Packet).map_err(|_| wrong());
        }
        if let Some(rest) = text.strip_prefix('+') {
            let span = amount::duration(rest).or_else(|| seconds(rest).map(Span));
            return span.map(When::Since).ok_or_else(wrong);
        }
        if let Some(nanos) = seconds(text) {
            return Ok(When::Absolute(Time(nanos)));
        }
        // As reports write dates, or without a zone: all of theirs are UTC.
        let utc = || format!("{}Z", text.strip_suffix(" UTC").unwrap_or(text)).parse();
        let stamp: jiff::Timestamp = text.parse().or_else(|_| utc()).map_err(|_| wrong())?;
        i64::try_from(stamp.as_nanosecond()).map(|n| When::Absolute(Time(n))).map_err(|_| wrong())
    }
}

/// Decimal seconds in nanoseconds, exactly; digits after the ninth are cut.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let nanos = format!("{:0<9.9}", fraction);
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_time() {
        let at = |n| Ok(When::Absolute(Time(n)));
        assert_eq!("1700000000.000000001".parse(), at(1_700_000_000_000_000_001));
        assert_eq!("1700000000".parse(), at(1_700_000_000_000_000_000));
        assert_eq!("2023-11-14T22:13:20.25Z".parse(), at(1_700_000_000_250_000_000));
        for date in ["2023-11-14 22:13:20 UTC", "2023-11-14T22:13:20", "2023-11-14T23:13:20+01:00"] {
            assert_eq!(date.parse(), at(1_700_000_000_000_000_000), "{date}");
        }
        assert_eq!("+3.2s".parse(), Ok(When::Since(Span::millis(3_200))));
        assert_eq!("+3.2".parse(), Ok(When::Since(Span::millis(3_200))));
        assert_eq!("+1min30s".parse(), Ok(When::Since(Span::secs(90))));
        assert_eq!("#120".parse(), Ok(When::Packet(120)));
        for wrong in ["", "#", "#x", "+", "noon", "1.2.3", "-5", "2023-11-14"] {
            assert!(wrong.parse::<When>().unwrap_err().contains("is no time"), "{wrong}");
        }
    }
}
