//! Points in time as people write them.

use std::str::FromStr;

use crate::amount;
use crate::time::{Span, Time};

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A date.
    Absolute(Time),
    /// Seconds since 1970.
    Seconds(Time),
    /// Since the first packet.
    Since(Span),
    /// Since midnight UTC of the day on which the capture reaches it first.
    OfDay(Span),
    /// When this packet had been captured.
    Packet(u64),
}

/// The error says what can be written.
impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let wrong = || {
            format!(
                "`{text}` is no time; write +3.2s since the first packet, #120 for a packet, 22:13:20 (UTC), \
                 2023-11-14T22:13:20.25Z, or 1700000000.25 for seconds since 1970"
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
            return Ok(When::Seconds(Time(nanos)));
        }
        // With its unit it cannot be since 1970.
        if let Some(span) = amount::duration(text) {
            return Ok(When::Since(span));
        }
        if let Some(span) = of_day(text) {
            return Ok(When::OfDay(span));
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

/// `22:13:20.25` as the time since midnight, as reports write it.
fn of_day(text: &str) -> Option<Span> {
    let midnight = jiff::civil::Time::midnight();
    let time = text.strip_suffix(" UTC").unwrap_or(text);
    // Of a date its time would be taken.
    let time: jiff::civil::Time =
        time.bytes().all(|b| matches!(b, b'0'..=b'9' | b':' | b'.')).then(|| time.parse().ok())??;
    i64::try_from(time.duration_since(midnight).as_nanos()).ok().map(Span)
}

/// The first time from the begin on that is so long after midnight UTC; where the capture has none, the one that it misses
/// by less. What lies before the begin by less than a second counts, since a time of day is often written to the second.
pub fn on_the_day(since_midnight: Span, (begin, end): (Time, Time)) -> Time {
    const DAY: i64 = 86_400_000_000_000;
    let that_day = begin - Span(begin.0.rem_euclid(DAY)) + since_midnight;
    let next_day = that_day + Span(DAY);
    let missed = begin - that_day;
    if missed < Span::secs(1) || missed < next_day - end { that_day } else { next_day }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_time() {
        let at = |n| Ok(When::Absolute(Time(n)));
        let counted = |n| Ok(When::Seconds(Time(n)));
        assert_eq!("1700000000.000000001".parse(), counted(1_700_000_000_000_000_001));
        assert_eq!("1700000000".parse(), counted(1_700_000_000_000_000_000));
        assert_eq!("2023-11-14T22:13:20.25Z".parse(), at(1_700_000_000_250_000_000));
        for date in ["2023-11-14 22:13:20 UTC", "2023-11-14T22:13:20", "2023-11-14T23:13:20+01:00"] {
            assert_eq!(date.parse(), at(1_700_000_000_000_000_000), "{date}");
        }
        assert_eq!("+3.2s".parse(), Ok(When::Since(Span::millis(3_200))));
        assert_eq!("+3.2".parse(), Ok(When::Since(Span::millis(3_200))));
        assert_eq!("+1min30s".parse(), Ok(When::Since(Span::secs(90))));
        assert_eq!("30s".parse(), Ok(When::Since(Span::secs(30))));
        assert_eq!("#120".parse(), Ok(When::Packet(120)));
        for time in ["22:13:20.25", "22:13:20.25 UTC"] {
            assert_eq!(time.parse(), Ok(When::OfDay(Span::millis(80_000_250))), "{time}");
        }
        for wrong in ["", "#", "#x", "+", "noon", "1.2.3", "-5", "2023-11-14", "25:00:00"] {
            assert!(wrong.parse::<When>().unwrap_err().contains("is no time"), "{wrong}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_first_such_from_the_begin_on() {
        let begin = Time(1_700_000_000_000_009_000);
        let until = |end: Span, text: &str| {
            let When::OfDay(span) = text.parse().unwrap() else { panic!("{text} is a time of day") };
            on_the_day(span, (begin, begin + end)) - begin
        };
        let at = |text: &str| until(Span::secs(90_000), text);
        assert_eq!(at("22:13:20"), Span(-9_000));
        assert_eq!(at("22:13:50"), Span(29_999_991_000));
        assert_eq!(at("22:13:19"), Span::secs(86_399) - Span(9_000));
        assert_eq!(at("00:00:00"), Span::secs(6_400) - Span(9_000));
        assert!(until(Span::secs(60), "22:00:00") < Span(0), "before, rather than after it was over");
        let end = Span::secs(6_410) - Span(10_000);
        assert_eq!(until(end, "00:00:10"), Span::secs(6_410) - Span(9_000), "the end, to the second");
        assert!(until(end, "00:01:00") > end, "after it was over, rather than a day before");
        let bounds = [i64::MIN, i64::MAX].map(|n| (Time(n), Time(n)));
        assert!(bounds.into_iter().all(|ends| on_the_day(Span::secs(5), ends) - ends.0 <= Span::secs(5)));
    }
}
