//! Where the time went: metrics, time in state, shares.

use std::io;

use super::Page;
use crate::render::rows::Rows;
use crate::render::text::{DIM, Text, wrap};
use crate::render::timing::tables;
use crate::report::Report;

/// Writes the sections; all of them in full if they are all that is shown.
pub fn write(report: &Report, long: bool, page: &mut Page<'_>) -> io::Result<()> {
    tables(report, long).iter_mut().try_for_each(|table| {
        table.fit(page.width);
        section(table, page)
    })
}

/// Writes one table under its title. Where it is wider than the page, a row takes two lines or more.
pub fn section(table: &Rows, page: &mut Page<'_>) -> io::Result<()> {
    page.title(table.title, &table.remark)?;
    if !table.fits(page.width) {
        return table.rows.iter().try_for_each(|row| folded(table, row, page));
    }
    let widths = table.widths();
    let header: Vec<String> = table.header.iter().map(|h| (*h).to_owned()).collect();
    line(table, &header, &widths, DIM, page)?;
    table.rows.iter().try_for_each(|row| line(table, row, &widths, anstyle::Style::new(), page))
}

/// The words of a row, and each number with its heading.
fn folded(table: &Rows, row: &[String], page: &mut Page<'_>) -> io::Result<()> {
    const INDENT: usize = 4;
    let told =
        |(cell, heading): &(&String, &&str)| !matches!(cell.as_str(), "" | "-") && !heading.starts_with("spread");
    let numbers = row.iter().zip(&table.header).skip(table.left).filter(told);
    let items: Vec<Text> = numbers.map(|(cell, heading)| Text::styled(DIM, heading).and(&format!(" {cell}"))).collect();
    let words = Text::plain(&row[..table.left].join("  "));
    let head = words.clone().and("  ");
    if items.first().is_none_or(|first| head.width() + first.width() <= page.width) {
        return page.lines(&wrap(head, INDENT, &items, " · ", page.width));
    }
    page.line(&words)?;
    page.lines(&wrap(Text::plain(&" ".repeat(INDENT)), INDENT, &items, " · ", page.width))
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
