//! The view for a person at a terminal, in one screen: what was captured and what was missed, what is wrong, the
//! totals, and the connections that want to be looked at.
//!
//! | file | holds |
//! |---|---|
//! | `findings` | what is wrong |
//! | `rollups` | by service and host |
//! | `totals` | outcomes, states |
//! | `timing` | where the time went |
//! | `connections`, `detail` | connections in short; one in full |

pub mod connections;
pub mod detail;
pub mod findings;
pub mod rollups;
pub mod timing;
pub mod totals;

use std::io;

use super::order::Shown;
use super::text::{BOLD, CYAN, DIM, GREEN, Text, YELLOW, wrap};
use super::{RenderOptions, Sections, ends, facts};
use crate::report::{Report, Selected};

/// Writes the report.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    show(report, &Shown::of(report, options, connections::KINDS), options, out)
}

/// Writes the report, of whose connections these are `shown`.
///
/// # Errors
/// Only those of `out`.
pub fn show(report: &Report, shown: &Shown<'_>, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { out, colour: options.colour, width: options.columns() };
    // Of a single connection there is nothing to add up: it is told in full, unless something else is asked for.
    let alone = shown.all == 1 && options.sections == Sections::default();
    let options = &RenderOptions { detail: options.detail || alone, ..options.clone() };
    head(report, shown, options, &mut page)?;
    if options.sections.findings && !report.findings.is_empty() {
        findings::write(report, options, &mut page)?;
    } else if options.sections.findings && shown.all > 0 {
        page.title("FINDINGS", "none")?;
    }
    if shown.all == 0 {
        if report.capture.selected.as_ref().is_some_and(Selected::is_of_some) && report.capture.packets > 0 {
            page.line(&Text::new())?;
            page.line(&Text::plain("no connection matches"))?;
        }
        return Ok(());
    }
    rollups::write(report, options, &mut page)?;
    if options.sections.totals && !options.detail {
        totals::write(report, &mut page)?;
    }
    if options.sections.timing && !options.detail {
        timing::write(report, options.sections.only_timing(), &mut page)?;
    }
    if options.sections.connections {
        connections::write(report, shown, options, &mut page)?;
    }
    Ok(())
}

/// Where lines go.
pub struct Page<'a> {
    out: &'a mut dyn io::Write,
    colour: bool,
    /// Columns there are.
    pub width: usize,
}

impl Page<'_> {
    /// Writes a line.
    pub fn line(&mut self, text: &Text) -> io::Result<()> {
        text.line(self.out, self.colour)
    }

    /// Writes several lines.
    pub fn lines(&mut self, lines: &[Text]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.line(line))
    }

    /// Writes `text` broken at blanks; lines after the first are indented.
    pub fn prose(&mut self, head: Text, indent: usize, text: &Text) -> io::Result<()> {
        let lines = wrap(head, indent, &text.words(), " ", self.width);
        self.lines(&lines)
    }

    /// Writes an empty line and the title of a section with a remark after it.
    pub fn title(&mut self, title: &str, remark: &str) -> io::Result<()> {
        self.line(&Text::new())?;
        let remark = Text::styled(DIM, remark);
        self.prose(Text::styled(BOLD, title).and(if remark.width() > 0 { "  " } else { "" }), 2, &remark)
    }
}

/// What was captured, what was missed, what was selected.
fn head(report: &Report, shown: &Shown<'_>, options: &RenderOptions, page: &mut Page<'_>) -> io::Result<()> {
    let headline = facts::headline(report, options);
    let (name, rest) = headline.split_at(facts::name(&report.capture.files).len());
    page.prose(Text::new(), 2, &Text::styled(CYAN, name).with(BOLD, rest))?;
    if report.capture.packets > 0 || report.capture.files.iter().any(|file| file.problem.is_some()) {
        let missed = facts::missing(&report.capture, shown.parts);
        if missed.is_empty() {
            let nothing = Text::styled(DIM, facts::nothing_missed(&report.capture.files));
            page.prose(Text::styled(GREEN, "missing: "), 9, &nothing)?;
        } else {
            page.prose(Text::styled(YELLOW, "missing: "), 9, &Text::plain(&missed.join(" · ")))?;
        }
    }
    if let Some(both) = &report.capture.both_ends {
        page.prose(Text::styled(CYAN, "ends:    "), 9, &Text::plain(&ends::clauses(both).join(" · ")))?;
    }
    if let Some(settings) = facts::settings(&report.capture) {
        page.prose(Text::styled(CYAN, "with:    "), 9, &Text::plain(&settings))?;
    }
    if let Some(selected) = facts::selected(report, options) {
        page.prose(Text::styled(CYAN, "shown:   "), 9, &Text::plain(&selected))?;
    }
    Ok(())
}
