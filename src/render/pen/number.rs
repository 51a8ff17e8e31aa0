//! Whole numbers, and times as seconds with nine decimals.

use super::Pen;
use super::sheet::Sheet;
use crate::time::{Span, Time};

/// Nanoseconds in ten seconds: spans below have one digit before the point.
const SHORT: u64 = 10_000_000_000;

/// How long a short span is.
pub const WIDTH: usize = 11;

/// Eight digits of `n` < 10^8, the first in the lowest byte: both halves, then all four pairs, then all eight digits at
/// once.
#[inline(always)]
fn eight(n: u64) -> u64 {
    let high = n / 10_000;
    let fours = high | (n - high * 10_000) << 32;
    let hundreds = ((fours * 5_243) >> 19) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (twos - tens * 10) << 8
}

/// Three digits of each number below 1,000, the first in the lowest byte.
static THREES: [u32; 1_024] = threes();

const fn threes() -> [u32; 1_024] {
    let (mut threes, mut n) = ([0; 1_024], 0);
    while n < 1_000 {
        threes[n as usize] = 0x30_3030 + n / 100 + ((n / 10 % 10) << 8) + ((n % 10) << 16);
        n += 1;
    }
    threes
}

/// Nine digits of `n` < 10^9, three and three.
#[inline(always)]
fn nine(n: u32) -> [u32; 3] {
    let (millions, rest) = (n / 1_000_000, n % 1_000_000);
    [millions, rest / 1_000, rest % 1_000].map(|n| THREES[n as usize % THREES.len()])
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

#[inline(always)]
fn digits(n: u64) -> [u8; 8] {
    (eight(n) | ZEROS).to_le_bytes()
}

/// A short span as text: its first eight bytes, and its last four, which repeat one of those.
#[derive(Clone, Copy, Debug)]
pub struct SpanText {
    first: u64,
    last: u32,
}

impl SpanText {
    /// `0.000000000`.
    pub const ZERO: SpanText = SpanText { first: 0x3030_3030_3030_2e30, last: 0x3030_3030 };

    /// `n` nanoseconds, less than ten seconds.
    #[inline(always)]
    pub fn short(n: u64) -> SpanText {
        let seconds = n / 1_000_000_000;
        let [high, middle, low] = nine((n - seconds * 1_000_000_000) as u32).map(u64::from);
        let first = (0x2e30 + seconds) | (high << 16) | (middle << 40);
        SpanText { first, last: ((middle >> 16) | (low << 8)) as u32 }
    }

    /// Writes it.
    #[inline(always)]
    pub fn put(self, to: &mut [u8; WIDTH]) {
        to[..8].copy_from_slice(&self.first.to_le_bytes());
        to[WIDTH - 4..].copy_from_slice(&self.last.to_le_bytes());
    }
}

/// Whether all are short and none is negative.
#[inline(always)]
pub fn all_short<const N: usize>(spans: &[Span; N]) -> bool {
    spans.iter().fold(true, |all, span| all & ((span.0 as u64) < SHORT))
}

/// A second of capture time and its text, kept from one time to the next: those of a connection lie close together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Its begin, in nanoseconds.
    begin: u64,
    text: [u8; 11],
    /// The one before: between some two it often goes back and forth.
    before: (u64, [u8; 11]),
}

impl Default for Clock {
    fn default() -> Clock {
        let (begin, text) = (1_000_000_000_000_000_000, *b"1000000000.");
        Clock { begin, text, before: (begin, text) }
    }
}

impl Clock {
    /// Puts a time behind its key, if it is one of a second of ten digits.
    #[inline(always)]
    pub fn keyed(&mut self, key: &[u8; 12], time: Time, to: &mut [u8; KEYED]) -> Option<()> {
        let n = time.0 as u64;
        if n.wrapping_sub(self.begin) >= 1_000_000_000 {
            self.set(n)?;
        }
        to[..12].copy_from_slice(key);
        put_time(&self.text, nine(n.wrapping_sub(self.begin) as u32), &mut to[12..]);
        Some(())
    }

    /// Moves to the second of `n` if that is one of ten digits.
    #[inline(never)]
    fn set(&mut self, n: u64) -> Option<()> {
        /// The last second all of which is a time: in the one after it times become negative.
        const LAST: u64 = i64::MAX as u64 / 1_000_000_000 - 1;
        let Clock { begin, text, before } = self;
        (*before, *begin, *text) = ((*begin, *text), before.0, before.1);
        if n.wrapping_sub(*begin) < 1_000_000_000 {
            return Some(());
        }
        let second = n / 1_000_000_000;
        if !(1_000_000_000..=LAST).contains(&second) {
            return None;
        }
        let high = second / 100_000_000;
        let [a, b, c, d, e, f, g, h] = digits(second - high * 100_000_000);
        let [tens, ones] = [b'0' + (high / 10) as u8, b'0' + (high % 10) as u8];
        (*begin, *text) = (second * 1_000_000_000, [tens, ones, a, b, c, d, e, f, g, h, b'.']);
        Some(())
    }
}

/// The digits of `n`, from 1 to 10^8 - 1, the first in the lowest byte, and how many.
#[inline(never)]
fn several(n: u64) -> (u64, usize) {
    if n < 1_000_000 {
        let n = n as u32;
        let [high, low] = [n / 1_000, n % 1_000].map(|n| u64::from(THREES[n as usize % THREES.len()]));
        let digits = high | (low << 24);
        // At least one digit is not 0.
        let leading = (digits ^ ZEROS).trailing_zeros() / 8;
        return (digits >> (leading * 8), 6 - leading as usize);
    }
    let [high, middle, low] = nine(n as u32).map(u64::from);
    // Of the first three digits the first is 0, and the second may be.
    let (digits, leading) = ((high >> 8) | (middle << 16) | (low << 40), usize::from(n < 10_000_000));
    (digits >> (leading * 8), 8 - leading)
}

/// How long a time of a second of ten digits is.
pub const TIME: usize = 20;

/// Room for one behind a key of twelve bytes.
pub const KEYED: usize = 40;

/// Puts the text of a second and nine decimals behind it, and one byte more.
#[inline(always)]
fn put_time(second: &[u8; 11], decimals: [u32; 3], to: &mut [u8]) {
    if let Some(to) = to.first_chunk_mut::<{ TIME + 1 }>() {
        let [high, middle, low] = decimals.map(u32::to_le_bytes);
        to[..11].copy_from_slice(second);
        // A byte more each time, over which the next one is written.
        to[11..15].copy_from_slice(&high);
        to[14..18].copy_from_slice(&middle);
        to[17..].copy_from_slice(&low);
    }
}

/// A whole number as text, from 1 to 10^8 - 1.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    digits: u64,
    len: usize,
}

impl Digits {
    /// No digits.
    pub const NONE: Digits = Digits { digits: 0, len: 0 };

    /// Those of `n`, if it is such a number.
    #[inline(always)]
    pub fn of(n: u64) -> Option<Digits> {
        let (digits, len) = if (1..100_000_000).contains(&n) { several(n) } else { return None };
        Some(Digits { digits, len })
    }
}

impl Sheet<'_> {
    /// Writes a number that is text already.
    #[inline(always)]
    pub fn digits(self, Digits { digits, len }: Digits) -> Self {
        self.part(&digits.to_le_bytes(), len)
    }

    /// Writes a whole number.
    #[inline(always)]
    pub fn integer(self, n: u64) -> Self {
        if n < 10 { self.put(&[b'0' + n as u8]) } else { self.number(n) }
    }

    /// Writes a whole number that is not 0.
    #[inline(always)]
    pub fn number(self, n: u64) -> Self {
        if n >= 100_000_000 {
            return self.large(n);
        }
        let (digits, len) = several(n);
        self.part(&digits.to_le_bytes(), len)
    }

    #[inline(never)]
    fn large(self, n: u64) -> Self {
        let high = n / 100_000_000;
        self.integer(high).put(&digits(n - high * 100_000_000))
    }

    /// Writes a number behind its key.
    #[inline(always)]
    pub fn counted<const N: usize>(self, key: &[u8; N], n: u64) -> Self {
        self.put(key).integer(n)
    }

    /// Writes a number of millionths as a float: no zeros at its end, but one decimal at least.
    pub fn micros(self, n: u64) -> Self {
        let whole = n / 1_000_000;
        let [high, low, _] = nine((n - whole * 1_000_000) as u32 * 1_000).map(u64::from);
        let decimals = high | (low << 24);
        let zeros = ((decimals ^ ZEROS) << 16).leading_zeros() / 8;
        self.integer(whole).put(b".").part(&decimals.to_le_bytes(), 6 - (zeros as usize).min(5))
    }

    /// Writes a span in seconds.
    #[inline(always)]
    pub fn span(self, span: Span) -> Self {
        let n = span.0 as u64;
        if n >= SHORT {
            return self.seconds(span.0);
        }
        let seconds = n / 1_000_000_000;
        self.put(&[b'0' + seconds as u8, b'.']).decimals((n - seconds * 1_000_000_000) as u32)
    }

    /// Writes a span behind its key if it is known.
    #[inline(always)]
    pub fn known_span<const N: usize>(self, key: &[u8; N], span: Option<Span>) -> Self {
        match span {
            Some(span) => self.put(key).span(span),
            None => self,
        }
    }

    /// Writes a time in seconds.
    #[inline(always)]
    pub fn time(self, time: Time, clock: &mut Clock) -> Self {
        let n = time.0 as u64;
        if n.wrapping_sub(clock.begin) >= 1_000_000_000 && clock.set(n).is_none() {
            return self.seconds(time.0);
        }
        let decimals = nine(n.wrapping_sub(clock.begin) as u32);
        self.fill::<32>(TIME, |to| put_time(&clock.text, decimals, to))
    }

    /// Writes a time in seconds behind its key, all at once.
    #[inline(always)]
    pub fn timed<const N: usize>(self, key: &[u8; N], time: Time, clock: &mut Clock) -> Self {
        let n = time.0 as u64;
        if n.wrapping_sub(clock.begin) >= 1_000_000_000 && clock.set(n).is_none() {
            return self.put(key).seconds(time.0);
        }
        let decimals = nine(n.wrapping_sub(clock.begin) as u32);
        self.fill::<48>(N + TIME, |to| {
            to[..N].copy_from_slice(key);
            put_time(&clock.text, decimals, &mut to[N..]);
        })
    }

    /// Any number of nanoseconds.
    #[inline(never)]
    fn seconds(self, nanos: i64) -> Self {
        let sheet = if nanos < 0 { self.put(b"-") } else { self };
        let n = nanos.unsigned_abs();
        sheet.integer(n / 1_000_000_000).put(b".").decimals((n % 1_000_000_000) as u32)
    }

    /// Nine decimals.
    #[inline(always)]
    fn decimals(self, n: u32) -> Self {
        let [high, middle, low] = nine(n).map(u32::to_le_bytes);
        // A byte more each time, over which the next one is written.
        self.fill::<10>(9, |to| {
            to[..4].copy_from_slice(&high);
            to[3..7].copy_from_slice(&middle);
            to[6..].copy_from_slice(&low);
        })
    }
}

/// The same where there may be no room.
impl Pen<'_> {
    /// Writes a whole number.
    #[inline]
    pub fn integer(self, n: u64) -> Option<Self> {
        self.sheet(|sheet| sheet.integer(n))
    }

    /// Writes a number behind its key.
    #[inline]
    pub fn counted<const N: usize>(self, key: &[u8; N], n: u64) -> Option<Self> {
        self.sheet(|sheet| sheet.counted(key, n))
    }

    /// Writes a span in seconds.
    #[inline]
    pub fn span(self, span: Span) -> Option<Self> {
        self.sheet(|sheet| sheet.span(span))
    }

    /// Writes a time in seconds.
    #[inline]
    pub fn time(self, time: Time, clock: &mut Clock) -> Option<Self> {
        self.sheet(|sheet| sheet.time(time, clock))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sheet::ROOM;
    use super::*;

    fn written(write: impl FnOnce(Pen<'_>) -> Option<Pen<'_>>) -> String {
        let mut room = [0; 2 * ROOM];
        let left = write(Pen::new(&mut room)).expect("there is room").left();
        String::from_utf8(room[..room.len() - left].to_vec()).expect("text")
    }

    fn check(n: i64) {
        assert_eq!(written(|pen| pen.integer(n.unsigned_abs())), n.unsigned_abs().to_string());
        assert_eq!(written(|pen| pen.span(Span(n))), Span(n).to_string());
        assert_eq!(written(|pen| pen.time(Time(n), &mut Clock::default())), Time(n).to_string());
        let mut clock = Clock::default();
        written(|pen| pen.time(Time(n.saturating_sub(1)), &mut clock));
        assert_eq!(written(|pen| pen.time(Time(n), &mut clock)), Time(n).to_string());
    }

    #[test]
    fn numbers_at_the_edges_are_right() {
        for exponent in 0..19 {
            let power = 10_i64.pow(exponent);
            for n in [power - 1, power, power + 1, power * 9 / 2] {
                [n, -n].into_iter().for_each(check);
            }
        }
        [0, i64::MAX, i64::MIN, 1_700_000_000_000_000_001].into_iter().for_each(check);
        assert_eq!(written(|pen| pen.integer(u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn a_time_is_written_alike_whatever_was_written_before() {
        // In this second times end, and begin again as negative ones.
        let mut clock = Clock::default();
        for n in [i64::MAX, i64::MIN, i64::MIN + 35_500_000, i64::MAX - 500_000_000, 1_700_000_000_000_000_001] {
            assert_eq!(written(|pen| pen.time(Time(n), &mut clock)), Time(n).to_string());
        }
    }

    #[test]
    fn every_four_digits_are_right() {
        (0..10_000).for_each(|n| check(n * 10_000 + 9_999 - n));
    }

    proptest! {
        #[test]
        fn any_number_is_right(n: i64, shift in 0_u32..63) {
            check(n >> shift);
        }
    }
}
