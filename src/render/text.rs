//! Lines with colours whose width is known: what terminal output is put together from.

use std::io;

use anstyle::{AnsiColor, Style};

use super::clean::clean;

/// Emphasis.
pub const BOLD: Style = Style::new().bold();
/// What is there to be read only when wanted.
pub const DIM: Style = Style::new().dimmed();
/// Wrong.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// Probably wrong.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// As it should be.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Names.
pub const CYAN: Style = AnsiColor::Cyan.on_default();

/// A piece of one line. All text in it is [cleaned](clean).
#[derive(Clone, Debug, Default)]
pub struct Text {
    text: String,
    /// Up to where it has which style.
    spans: Vec<(Style, usize)>,
}

impl Text {
    /// Nothing.
    pub fn new() -> Text {
        Text::default()
    }

    /// Text without a style.
    pub fn plain(text: &str) -> Text {
        Text::new().with(Style::new(), text)
    }

    /// Text in a style.
    pub fn styled(style: Style, text: &str) -> Text {
        Text::new().with(style, text)
    }

    /// Itself with more text after it.
    #[must_use]
    pub fn with(mut self, style: Style, text: &str) -> Text {
        self.push(style, &clean(text));
        self
    }

    fn push(&mut self, style: Style, cleaned: &str) {
        if !cleaned.is_empty() {
            self.text.push_str(cleaned);
            self.spans.push((style, self.text.len()));
        }
    }

    /// What has which style.
    fn parts(&self) -> impl Iterator<Item = (Style, &str)> {
        let mut begin = 0;
        self.spans.iter().map(move |(style, end)| (*style, &self.text[std::mem::replace(&mut begin, *end)..*end]))
    }

    /// Itself with unstyled text after it.
    #[must_use]
    pub fn and(self, text: &str) -> Text {
        self.with(Style::new(), text)
    }

    /// Itself with another piece after it.
    #[must_use]
    pub fn then(mut self, other: &Text) -> Text {
        other.parts().for_each(|(style, text)| self.push(style, text));
        self
    }

    /// Itself filled with blanks up to `width`.
    #[must_use]
    pub fn pad(self, width: usize) -> Text {
        let missing = width.saturating_sub(self.width());
        self.and(&" ".repeat(missing))
    }

    /// The text without its styles.
    pub fn to_plain(&self) -> &str {
        &self.text
    }

    /// Columns it takes, one per character.
    pub fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// Its words, each in its style, for wrapping. A number keeps its unit: `3.2 s`, `≥ 5 min 12 s`.
    pub fn words(&self) -> Vec<Text> {
        let mut kept: Vec<Text> = Vec::new();
        for word in self.single_words() {
            match kept.last_mut() {
                Some(last) if last.ends_in_number() && is_second(&last.text, &word.text) => {
                    *last = std::mem::take(last).and(" ").then(&word);
                }
                _ => kept.push(word),
            }
        }
        kept
    }

    /// Whether it may be one with the word after it.
    fn ends_in_number(&self) -> bool {
        self.text.ends_with(|c: char| c == '≥' || c.is_ascii_digit())
    }

    fn single_words(&self) -> Vec<Text> {
        let mut words: Vec<Text> = Vec::new();
        let mut open = false;
        for (style, text) in self.parts() {
            for (i, part) in text.split(' ').enumerate() {
                if i > 0 {
                    open = false;
                }
                if part.is_empty() {
                    continue;
                }
                if !open {
                    words.push(Text::new());
                    open = true;
                }
                if let Some(word) = words.last_mut() {
                    word.push(style, part);
                }
            }
        }
        words
    }

    /// Writes it and a line break; blanks at the end are left out, styles too unless `colour`.
    pub fn line(&self, out: &mut dyn io::Write, colour: bool) -> io::Result<()> {
        let mut width = self.text.trim_end().len();
        for (style, text) in self.parts() {
            let text = &text[..text.len().min(width)];
            width -= text.len();
            if text.is_empty() {
                continue;
            }
            if colour && !style.is_plain() {
                write!(out, "{}{text}{}", style.render(), style.render_reset())?;
            } else {
                out.write_all(text.as_bytes())?;
            }
        }
        out.write_all(b"\n")
    }
}

/// Whether `word` is the unit of the number before it, or the number after a sign.
fn is_second(before: &str, word: &str) -> bool {
    const UNITS: [&str; 14] = ["ns", "µs", "ms", "s", "min", "h", "d", "B", "kB", "MB", "GB", "TB", "%", "bytes"];
    let unit = word.trim_end_matches([',', ';', '.', ')']);
    before.ends_with('≥') || before.ends_with(|c: char| c.is_ascii_digit()) && UNITS.contains(&unit)
}

/// Sets `items` into lines of at most `width` columns: the first line begins with `head`, each further one with
/// `indent` blanks. Items on one line are set apart by `between`, of which the part after its blank stays in front
/// when the line breaks there. An item wider than the line stands alone and is not cut.
pub fn wrap(head: Text, indent: usize, items: &[Text], between: &str, width: usize) -> Vec<Text> {
    let mut lines = Vec::new();
    let (mut used, gap_width) = (head.width(), between.chars().count());
    let mut line = head;
    let mut fresh = true;
    for (i, item) in items.iter().enumerate() {
        let (gap, gap_width) = if i == 0 { ("", 0) } else { (between, gap_width) };
        let item_width = item.width();
        if !fresh && used + gap_width + item_width > width {
            let next = Text::plain(&" ".repeat(indent)).with(DIM, gap.trim_start());
            used = next.width();
            lines.push(std::mem::replace(&mut line, next));
        } else if !fresh {
            line = line.with(DIM, gap);
            used += gap_width;
        }
        line = line.then(item);
        used += item_width;
        fresh = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(lines: &[Text], colour: bool) -> String {
        let mut out = Vec::new();
        for line in lines {
            line.line(&mut out, colour).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_break_before_a_separator_that_then_leads() {
        let items = ["AAAA", "BBBB", "CCCC"].map(Text::plain);
        let lines = wrap(Text::plain("x: "), 3, &items, " → ", 16);
        assert_eq!(show(&lines, false), "x: AAAA → BBBB\n   → CCCC\n");
    }

    #[test]
    fn plain_output_has_no_escapes_and_colour_does_not_count_as_width() {
        let text = Text::styled(RED, "bad").and("  ");
        assert_eq!(text.width(), 5);
        assert_eq!(show(std::slice::from_ref(&text), false), "bad\n");
        assert!(show(&[text], true).starts_with("\x1b["));
    }

    #[test]
    fn words_keep_their_styles() {
        let words = Text::plain("one tw").with(BOLD, "o three").words();
        assert_eq!(words.iter().map(Text::width).collect::<Vec<_>>(), [3, 3, 5]);
    }

    #[test]
    fn numbers_keep_their_units() {
        let words = Text::plain("for ≥ 3.2 s, then 5 packets").words();
        assert_eq!(words.iter().map(Text::to_plain).collect::<Vec<_>>(), ["for", "≥ 3.2 s,", "then", "5", "packets"]);
    }
}
