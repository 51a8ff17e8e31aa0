//! Durations in the sentences of findings.

use std::fmt;

use crate::report::number;
use crate::segment::Socket;
use crate::time::Span;

/// Formats a sentence: there is room for one from the start, which takes half as long as to make room word by word.
macro_rules! sentence {
    ($($words:tt)*) => {{
        let mut sentence = String::with_capacity(192);
        // Memory is all that it needs.
        let _ = std::fmt::Write::write_fmt(&mut sentence, format_args!($($words)*));
        sentence
    }};
}

/// The same of words one behind the other, which are put there by hand: for what is told of many connections.
macro_rules! words {
    ($($word:expr),* $(,)?) => {{
        let mut sentence = String::with_capacity(320);
        $(crate::detect::plain::Word::put(&$word, &mut sentence);)*
        sentence
    }};
}

/// What stands in a sentence.
pub trait Word {
    /// Adds it.
    fn put(&self, sentence: &mut String);
}

impl Word for &str {
    fn put(&self, sentence: &mut String) {
        sentence.push_str(self);
    }
}

impl Word for String {
    fn put(&self, sentence: &mut String) {
        sentence.push_str(self);
    }
}

/// What names something.
impl Word for u64 {
    fn put(&self, sentence: &mut String) {
        number::put_digits(sentence, *self, false);
    }
}

impl Word for Plain {
    fn put(&self, sentence: &mut String) {
        number::put_span(sentence, self.0);
    }
}

impl Word for AtLeast {
    fn put(&self, sentence: &mut String) {
        sentence.push_str("at least ");
        number::put_at_least(sentence, self.0);
    }
}

impl Word for Socket {
    fn put(&self, sentence: &mut String) {
        self.with(|text| sentence.push_str(text));
    }
}

/// A duration for people, as everywhere: `2.3 s`, `4 min 10 s`, `120 ms`.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub Span);

/// The same of what lasted until the capture ended: `at least 12 s`, never rounded up.
#[derive(Clone, Copy, Debug)]
pub struct AtLeast(pub Span);

impl AtLeast {
    /// A number that durations share only if their texts are the same, of long ones; `None` if it must be seen in writing,
    /// close to where the text changes. Durations that differ by a microsecond have the same one, if both have any.
    pub fn alike(self) -> Option<u64> {
        const SECOND: u64 = 1_000_000_000;
        const CLOSE: u64 = 3_000;
        // Up to where durations are told by which unit.
        const UNITS: [(u64, u64); 4] = [
            (10 * SECOND, SECOND / 10),
            (3_600 * SECOND, SECOND),
            (86_400 * SECOND, 60 * SECOND),
            (100_000_000 * SECOND, 3_600 * SECOND),
        ];
        let nanos = u64::try_from(self.0.0).ok().filter(|nanos| *nanos >= SECOND)?;
        let (i, (_, unit)) = (0..).zip(UNITS).find(|(_, (until, _))| nanos < *until)?;
        let past = nanos % unit;
        (past >= CLOSE && unit - past > CLOSE).then_some((nanos / unit) << 2 | i)
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&number::span(self.0))
    }
}

impl fmt::Display for AtLeast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at least {}", number::at_least(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn durations_that_are_alike_are_told_in_the_same_words(nanos in 0..1_i64 << 58, shift in 0..30, on in 0..1_i64 << 36) {
            let (a, b) = (AtLeast(Span(nanos >> shift)), AtLeast(Span((nanos >> shift) + (on >> shift))));
            if let (Some(alike), Some(other)) = (a.alike(), b.alike()) {
                prop_assert_eq!(alike == other, a.to_string() == b.to_string());
                for near in [-1_000, 1_000] {
                    prop_assert_eq!(AtLeast(Span(a.0.0 + near)).to_string(), a.to_string());
                }
            }
        }
    }

    #[test]
    fn close_to_where_words_change_they_are_not_known() {
        for edge in [1_000, 1_100, 9_900, 10_000, 59_000, 60_000, 61_000, 3_600_000, 3_660_000, 86_400_000, 90_000_000]
        {
            for near in [-2_000, -1, 0, 1, 2_000] {
                assert_eq!(AtLeast(Span(edge * 1_000_000 + near)).alike(), None, "{edge} ms and {near} ns");
            }
        }
    }

    #[test]
    fn words_stand_as_they_are_formatted() {
        let socket = Socket { addr: [192, 0, 2, 1].into(), port: 80 };
        let span = Plain(Span::millis(2_300));
        let least = AtLeast(span.0);
        let words = words!["a ", format!("b {}", 1), " ", 1_234_567, " ", span, ", ", least, " ", socket];
        assert_eq!(words, format!("a b 1 1234567 {span}, {least} {socket}"));
    }

    #[test]
    fn spans_read_well() {
        let plain = |s: i64| Plain(Span::millis(s)).to_string();
        assert_eq!(
            [plain(120), plain(2_300), plain(12_600), plain(250_000)],
            ["120 ms", "2.3 s", "13 s", "4 min 10 s"]
        );
        assert_eq!(AtLeast(Span::millis(12_600)).to_string(), "at least 12 s");
    }
}
