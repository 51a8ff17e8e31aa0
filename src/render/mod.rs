//! Renderers: a report in, bytes out. Pure functions of a [`Report`] and [`RenderOptions`]; one file per format. Whatever
//! writes here fails only where the writer fails that it was handed.
//!
//! Text that comes from files or off the wire is made harmless for the medium it goes to: control characters never
//! reach a terminal, a cell never becomes a formula, a name never becomes markup.
//!
//! | file | holds |
//! |---|---|
//! | [`table`], [`markdown`] | a report for people |
//! | [`json`], [`ndjson`], [`csv`] | a report for programs; [`stream`]: what these have in common |
//! | [`pen`] | the bytes of these |
//! | [`events`] | transitions in order of time |
//! | [`ladder`](mod@ladder) | one connection segment by segment |
//! | [`snapshot`] | states at a time |
//! | [`order`], [`rank`] | which connections are shown, and in which order |
//! | [`facts`], [`ends`], [`history`] | what is said of a capture, of two, of an end, whatever the format |
//! | [`timing`], [`rollups`] | tables as rows; [`rows`]: how they fit a page |
//! | [`text`], [`units`], [`clean`] | lines with colours; numbers for people; text made harmless |

pub mod clean;
pub mod csv;
pub mod ends;
pub mod events;
pub mod facts;
pub mod history;
pub mod json;
pub mod ladder;
pub mod markdown;
pub mod ndjson;
pub mod order;
pub mod pen;
pub mod rank;
pub mod rollups;
pub mod rows;
pub mod snapshot;
pub mod stream;
pub mod table;
pub mod text;
pub mod timing;
pub mod units;

use std::io;
use std::str::FromStr;

use crate::report::Report;
pub use order::SortKey;
pub use units::Zone;

/// The shapes a report can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Table,
    /// One object, as the schema `tcpstate/1` says.
    Json,
    /// The same objects, one per line, each with its `type`.
    Ndjson,
    /// One row per connection.
    Csv,
    /// For an issue or a pull request.
    Markdown,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Markdown];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
        }
    }

    /// Extensions of file names that stand for one.
    pub const EXTENSIONS: [&str; 7] = ["txt", "json", "ndjson", "jsonl", "csv", "md", "markdown"];

    /// The format that a file name's extension stands for, if it stands for one.
    pub fn of_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "txt" => Some(Format::Table),
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "csv" => Some(Format::Csv),
            "md" | "markdown" => Some(Format::Markdown),
            _ => None,
        }
    }
}

/// The error is what to write instead.
impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|format| format.name() == word);
        found.ok_or_else(|| instead(word, "format", Format::ALL.map(Format::name)))
    }
}

/// What to write instead of `word`, which is none of these names.
pub(crate) fn instead<const N: usize>(word: &str, what: &str, names: [&str; N]) -> String {
    format!("`{word}` is no {what}; use {}", names.join(", "))
}

/// Which parts of a report are shown by the formats for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    /// What is wrong and what to do.
    pub findings: bool,
    /// Outcomes, who closed first, endpoints per state.
    pub totals: bool,
    /// Connections and findings per service and host.
    pub rollups: bool,
    /// Where the time went.
    pub timing: bool,
    /// Single connections.
    pub connections: bool,
}

impl Default for Sections {
    fn default() -> Sections {
        Sections { findings: true, totals: true, rollups: true, timing: true, connections: true }
    }
}

impl Sections {
    /// Whether timing is all that is shown, and so is shown in full.
    pub fn only_timing(self) -> bool {
        self == Sections { findings: false, totals: false, rollups: false, timing: true, connections: false }
    }

    /// Whether roll-ups are all that is shown, and so are shown in full.
    pub fn only_rollups(self) -> bool {
        self == Sections { findings: false, totals: false, rollups: true, timing: false, connections: false }
    }
}

/// How many connections are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// As many as suit the format: the first kinds for people (8 in the table, 20 in Markdown), all for programs.
    #[default]
    Suited,
    /// At most so many.
    At(usize),
    /// Every one.
    All,
}

impl Limit {
    /// How many findings of one kind and severity are told in full in a table; the others are counted.
    pub fn findings(self) -> usize {
        const SUITED: usize = 3;
        match self {
            Limit::Suited => SUITED,
            Limit::At(most) => most.max(1),
            Limit::All => usize::MAX,
        }
    }
}

/// What can be chosen about the looks of a report.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// Columns to fit in; 0 is taken for [`DEFAULT_WIDTH`].
    pub width: usize,
    /// Whether to write terminal colours.
    pub colour: bool,
    /// How many connections to list.
    pub limit: Limit,
    /// In which order; without one, what suits the format: trouble first for people, first packet for programs.
    pub sort: Option<SortKey>,
    /// The reverse of that order.
    pub reverse: bool,
    /// Zone of the dates and times shown to people.
    pub zone: Zone,
    /// What to show to people.
    pub sections: Sections,
    /// Whether every connection listed is shown with each entry of its histories.
    pub detail: bool,
    /// Whether it is of what was watched: it cannot be had again with other options.
    pub watched: bool,
}

/// Columns when nobody knows better.
pub const DEFAULT_WIDTH: usize = 100;

impl RenderOptions {
    /// The width to fit in: never below 40, where nothing could be laid out.
    pub fn columns(&self) -> usize {
        if self.width == 0 { DEFAULT_WIDTH } else { self.width.max(40) }
    }

    /// Whether findings share the page with the rest of the report.
    pub fn brief(&self) -> bool {
        let Sections { totals, timing, connections, .. } = self.sections;
        (totals || timing || connections) && !self.detail
    }
}

/// Writes `report` to `out` in `format`.
///
/// # Errors
/// Only those of `out`.
pub fn render(format: Format, report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Table => table::render(report, options, out),
        Format::Json => json::render(report, options, out),
        Format::Ndjson => ndjson::render(report, options, out),
        Format::Csv => csv::render(report, options, out),
        Format::Markdown => markdown::render(report, options, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_format_is_answered_with_those_that_are() {
        assert_eq!("csv".parse(), Ok(Format::Csv));
        let error = "xml".parse::<Format>().unwrap_err();
        assert_eq!(error, "`xml` is no format; use table, json, ndjson, csv, markdown");
    }
}
