//! Timestamps of pcapng: ticks of any resolution, with an offset, to nanoseconds since 1970.

use crate::time::Time;

/// How an interface counts time (`if_tsresol`, `if_tsoffset`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    /// Ticks per second is `10^exponent` or `2^exponent`.
    exponent: u32,
    binary: bool,
    /// Seconds to add.
    offset: i64,
}

impl Default for Ticks {
    /// Microseconds since 1970, the default of the format.
    fn default() -> Ticks {
        Ticks { exponent: 6, binary: false, offset: 0 }
    }
}

impl Ticks {
    /// From the byte of `if_tsresol`: a power of ten, or of two when its highest bit is set.
    pub(crate) fn resolution(&mut self, byte: u8) {
        self.binary = byte & 0x80 != 0;
        self.exponent = u32::from(byte & 0x7f);
    }

    /// From `if_tsoffset`.
    pub(crate) fn offset(&mut self, seconds: i64) {
        self.offset = seconds;
    }

    /// Capture time of a count of ticks. The count is unsigned; one that would lie after the year 2262 is read as
    /// signed, because writers do produce times before 1970. What still does not fit is clamped.
    #[inline]
    pub(crate) fn time(&self, ticks: u64) -> Time {
        // What nearly all files have: nanoseconds or microseconds, no offset.
        let usual = !self.binary && self.offset == 0 && ticks < i64::MAX as u64 / 1_000;
        match self.exponent {
            9 if usual => Time(ticks as i64),
            6 if usual => Time(ticks as i64 * 1_000),
            _ => self.any(ticks),
        }
    }

    fn any(&self, ticks: u64) -> Time {
        let unsigned = self.nanos(i128::from(ticks));
        let nanos = if unsigned > i128::from(i64::MAX) { self.nanos(i128::from(ticks as i64)) } else { unsigned };
        Time(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    fn nanos(&self, ticks: i128) -> i128 {
        const PER_SECOND: i128 = 1_000_000_000;
        let since = if self.binary {
            // |ticks| < 2^64 and 10^9 < 2^30, so the product fits; shifting by up to 127 is defined.
            (ticks * PER_SECOND) >> self.exponent
        } else if self.exponent <= 9 {
            ticks * 10_i128.pow(9 - self.exponent)
        } else {
            // 10^38 is the largest power that fits; a finer resolution has passed no nanosecond.
            ticks / 10_i128.pow((self.exponent - 9).min(38))
        };
        since + i128::from(self.offset) * PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(resolution: u8, offset: i64) -> Ticks {
        let mut ticks = Ticks::default();
        ticks.resolution(resolution);
        ticks.offset(offset);
        ticks
    }

    #[test]
    fn powers_of_ten_and_of_two() {
        assert_eq!(ticks(6, 0).time(1_500_000), Time(1_500_000_000));
        assert_eq!(ticks(0, 0).time(7), Time(7_000_000_000));
        assert_eq!(ticks(9, 0).time(7), Time(7));
        assert_eq!(ticks(12, 0).time(7_999), Time(7));
        assert_eq!(ticks(0x80 | 10, 0).time(1536), Time(1_500_000_000));
        assert_eq!(ticks(0x80, 0).time(2), Time(2_000_000_000));
        assert_eq!(ticks(127, 0).time(u64::MAX), Time(0));
        assert_eq!(ticks(0xff, 0).time(u64::MAX), Time(0));
    }

    #[test]
    fn offsets_are_signed() {
        assert_eq!(ticks(6, -1).time(1_500_000), Time(500_000_000));
        assert_eq!(ticks(6, 3600).time(0), Time(3_600_000_000_000));
    }

    #[test]
    fn counts_before_1970_and_beyond_all_bounds() {
        assert_eq!(ticks(6, 0).time((-505_425_287_i64) as u64), Time(-505_425_287_000));
        assert_eq!(ticks(0, 0).time(i64::MAX as u64), Time(i64::MAX));
        assert_eq!(ticks(0, i64::MIN).time(0), Time(i64::MIN));
    }
}
