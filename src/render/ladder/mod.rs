//! A connection as a ladder: text in the notation of [`crate::ladder`], SVG, a Mermaid sequence diagram, JSON.
//!
//! | file | holds |
//! |---|---|
//! | `text`, `brief` | the notation; where a page is narrow |
//! | `svg` | a picture |
//! | `markdown` | a sequence diagram |
//! | `json` | an object |

mod brief;
pub mod json;
pub mod markdown;
pub mod svg;
pub mod text;

use std::io;
use std::str::FromStr;

use super::units::{bytes, count, plural};
use crate::report::{Entry, Side};
use crate::show::{Folded, Story, Turn};
use crate::time::Span;
use crate::tracker::Evidence;

/// The shapes a ladder can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The notation of [`crate::ladder`].
    #[default]
    Text,
    /// A picture.
    Svg,
    /// A Mermaid sequence diagram in Markdown.
    Markdown,
    /// An object with every segment.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Text, Format::Svg, Format::Markdown, Format::Json];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Svg => "svg",
            Format::Markdown => "markdown",
            Format::Json => "json",
        }
    }

    /// Extensions of file names that stand for one.
    pub const EXTENSIONS: [&str; 6] = ["txt", "ladder", "svg", "md", "markdown", "json"];

    /// The format that a file name's extension stands for, if it stands for one.
    pub fn of_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "txt" | "ladder" => Some(Format::Text),
            "svg" => Some(Format::Svg),
            "md" | "markdown" => Some(Format::Markdown),
            "json" => Some(Format::Json),
            _ => None,
        }
    }
}

/// The error is what to write instead.
impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|format| format.name() == word);
        found.ok_or_else(|| super::instead(word, "format", Format::ALL.map(Format::name)))
    }
}

/// How it may look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    /// Whether every segment of long data runs is shown.
    pub full: bool,
    /// Columns to fit in, in text; without them a line is as long as it gets.
    pub width: Option<usize>,
    /// Whether to write terminal colours.
    pub colour: bool,
}

/// Writes `story`.
///
/// # Errors
/// Only those of `out`.
pub fn render(format: Format, story: &Story, looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Text => text::render(story, looks, out),
        Format::Svg => svg::render(story, looks.full, out),
        Format::Markdown => markdown::render(story, looks.full, out),
        Format::Json => json::render(story, out),
    }
}

/// How an entry is known, in words.
pub fn known(entry: &Entry) -> String {
    evidence(entry.evidence, entry.packet.filter(|_| entry.deduced), entry.proven_by)
}

/// The same of what the packet `shown_by` only shows to have happened, if it is that.
pub fn evidence(evidence: Evidence, shown_by: Option<u64>, proven_by: Option<u64>) -> String {
    match (evidence, shown_by, proven_by) {
        (Evidence::Assumed, ..) => evidence.name().to_owned(),
        (_, Some(packet), _) => format!("shown by #{packet}"),
        (Evidence::Confirmed, None, Some(packet)) => format!("confirmed by #{packet}"),
        _ => evidence.name().to_owned(),
    }
}

/// `FIN_WAIT_2 inferred`, and why where no segment of this line tells.
fn entered(turn: &Turn, with_cause: bool) -> String {
    let cause = if with_cause { format!(", {}", turn.entry.cause) } else { String::new() };
    format!("{} {}{cause}", turn.entry.state, known(&turn.entry))
}

/// `+0.012345 s`: seconds to the microsecond.
fn offset(span: Span) -> String {
    let micros = span.0.max(0) / 1_000;
    format!("+{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

/// `text` in lines of at most `width` characters, broken at blanks; a longer word stands alone.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What was left out, in words.
fn left_out(folded: &Folded) -> String {
    let part = |side: Side| {
        let n = *folded.bytes.get(side);
        (n > 0).then(|| format!("{} from the {}", bytes(n), side.name()))
    };
    let mut words = vec![plural(folded.segments, "segment")];
    words.extend(Side::ALL.into_iter().filter_map(part));
    if folded.repaired > 0 {
        words.push(format!("{} of them sent again or late", count(folded.repaired)));
    }
    if folded.zero_windows > 0 {
        words.push(plural(folded.zero_windows, "zero window"));
    }
    format!("… {} …", words.join(", "))
}
