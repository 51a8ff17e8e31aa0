//! How many connections ended how, who closed first, how many endpoints were in each state: two small tables,
//! side by side where they fit.

use std::collections::BTreeMap;
use std::io;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::Page;
use crate::render::text::{DIM, Text};
use crate::render::units::{count, share};
use crate::report::{Outcome, Report, Summary};
use crate::tracker::State;

/// Blank columns between the two tables.
const GAP: usize = 4;

/// Writes the section.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let left = lines(&outcomes(&report.summary));
    let right = lines(&states(&report.summary));
    page.title("TOTALS", "endpoints in each state: at the end, and the most at once (peak)")?;
    let wide = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    if wide(&left) + GAP + wide(&right) > page.width {
        left.iter().try_for_each(|line| page.line(&Text::plain(line)))?;
        page.line(&Text::new())?;
        return right.iter().try_for_each(|line| page.line(&Text::plain(line)));
    }
    let column = wide(&left) + GAP;
    for i in 0..left.len().max(right.len()) {
        let cell = |lines: &[String]| lines.get(i).cloned().unwrap_or_default();
        // The first line of each table is its header.
        let style = if i == 0 { DIM } else { anstyle::Style::new() };
        page.line(&Text::styled(style, &cell(&left)).pad(column).with(style, &cell(&right)))?;
    }
    Ok(())
}

fn lines(table: &Table) -> Vec<String> {
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// An empty table without lines: the first column to the left, all numbers to the right.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    table.set_header(header.iter().map(Cell::new));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if i == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

/// Connections by outcome, and below them by who closed first.
fn outcomes(summary: &Summary) -> Table {
    let mut table = table(&["outcome", "", ""]);
    for outcome in Outcome::ALL {
        let n = summary.outcomes.get(outcome.name()).copied().unwrap_or(0);
        if n > 0 {
            table.add_row([outcome.name().to_owned(), count(n), share(n, summary.connections)]);
        }
    }
    let closed: u64 = summary.closed_first.values().sum();
    if closed > 0 {
        table.add_row(["", "", ""]);
    }
    for (who, label) in [("client", "client closed first"), ("server", "server closed first"), ("both", "both at once")]
    {
        let n = summary.closed_first.get(who).copied().unwrap_or(0);
        if n > 0 {
            table.add_row([label.to_owned(), count(n), share(n, closed)]);
        }
    }
    table
}

/// States by end of the capture and peak, for clients and servers; only those that occurred.
fn states(summary: &Summary) -> Table {
    let mut table = table(&["state", "clients", "peak", "servers", "peak"]);
    let ends = &summary.final_states;
    let peaks = &summary.peak_states;
    let cell = |counts: &BTreeMap<State, u64>, state| counts.get(&state).copied().unwrap_or(0);
    for state in State::ALL {
        let row = [&ends.client, &peaks.client, &ends.server, &peaks.server].map(|counts| cell(counts, state));
        if row.iter().any(|n| *n > 0) {
            let dash = |n: u64| if n == 0 { "-".to_owned() } else { count(n) };
            table.add_row(std::iter::once(state.name().to_owned()).chain(row.map(dash)));
        }
    }
    table
}
