//! Where the time went: metrics, time in state, shares.

use std::io;

use super::Page;
use crate::render::text::{DIM, Text};
use crate::render::timing::{Rows, tables};
use crate::report::Report;

/// Writes the sections; all of them in full if they are all that is shown.
pub fn write(report: &Report, long: bool, page: &mut Page<'_>) -> io::Result<()> {
    tables(report, long).iter_mut().try_for_each(|table| {
        table.fit(page.width);
        section(table, page)
    })
}

/// Writes one table under its title.
pub fn section(table: &Rows, page: &mut Page<'_>) -> io::Result<()> {
    page.title(table.title, &table.remark)?;
    let widths = table.widths();
    let header: Vec<String> = table.header.iter().map(|h| (*h).to_owned()).collect();
    line(table, &header, &widths, DIM, page)?;
    table.rows.iter().try_for_each(|row| line(table, row, &widths, anstyle::Style::new(), page))
}

fn line(table: &Rows, row: &[String], widths: &[usize], style: anstyle::Style, page: &mut Page<'_>) -> io::Result<()> {
    let mut text = Text::new();
    for (i, (cell, width)) in row.iter().zip(widths).enumerate() {
        let blank = " ".repeat(width - cell.chars().count());
        // A drawn distribution begins where its column does.
        let left = i < table.left || table.header[i].starts_with("spread");
        let cell = if left { format!("{cell}{blank}") } else { format!("{blank}{cell}") };
        text = text.and(if i == 0 { "" } else { "  " }).with(style, &cell);
    }
    page.line(&text)
}
