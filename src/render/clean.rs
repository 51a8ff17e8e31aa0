//! Text that came out of a file or off the wire, made safe to print.

use std::borrow::Cow;

/// `text` with every character that could steer a terminal or reorder a line replaced by `\u{fffd}`: C0 and C1
/// controls (line breaks too), the bidirectional overrides, line and paragraph separators, zero-width characters.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(steers) {
        Cow::Owned(text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_overrides_lose_their_force() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\u{9b}d\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}");
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        assert!(matches!(clean("Mitschnitt für Köln.pcap"), Cow::Borrowed(_)));
    }
}
