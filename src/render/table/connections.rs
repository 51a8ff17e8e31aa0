//! The connections listed: what each came to, what is odd about it, and a line of history for each end.

use std::io;

use super::{Page, detail, findings};
use crate::render::order::{Listed, Shown};
use crate::render::text::{BOLD, CYAN, DIM, Text, wrap};
use crate::render::units::{count, plural, span};
use crate::render::{RenderOptions, facts, history};
use crate::report::{Anomaly, Connection, Report, Side};

/// Connections shown unless told otherwise: what fits in a screen below the totals.
pub const KINDS: usize = 8;

/// Column where what belongs to a connection begins.
const INDENT: usize = 4;

/// Writes the section.
pub fn write(report: &Report, shown: &Shown<'_>, options: &RenderOptions, page: &mut Page<'_>) -> io::Result<()> {
    let listed = &shown.listed;
    if listed.is_empty() {
        return page.title("CONNECTIONS", &format!("none listed of {}", count(shown.all)));
    }
    page.title("CONNECTIONS", &remark(shown, options))?;
    let rows: Vec<[Text; COLUMNS.len()]> = listed.iter().map(row).collect();
    let layout = Layout::of(&rows, page.width);
    layout.header(page)?;
    let above = findings::told(report, options);
    for (row, listed) in rows.iter().zip(listed) {
        layout.row(row, page)?;
        notes(listed.connection, options, &above, page)?;
        if options.detail {
            detail::times(listed.connection, options.zone, page)?;
        }
        for side in Side::ALL {
            ends(report, listed.connection, side, options.detail, page)?;
        }
    }
    let connections = listed.iter().map(|l| l.connection);
    let ends = connections.flat_map(|c| [&c.endpoints.client, &c.endpoints.server]);
    if let Some(legend) = history::legend(ends) {
        page.line(&Text::new())?;
        page.prose(Text::new(), 0, &Text::styled(DIM, &legend))?;
    }
    let rest = not_shown(shown, options.watched);
    if !rest.is_empty() {
        page.prose(Text::new(), 0, &Text::styled(DIM, &rest))?;
    }
    Ok(())
}

/// In which order, and what `×` means.
fn remark(shown: &Shown<'_>, options: &RenderOptions) -> String {
    let (listed, kinds) = (&shown.listed, shown.kinds);
    let reverse = if options.reverse { ", reversed" } else { "" };
    let order = match options.sort {
        Some(key) => format!("sorted by {}{reverse}", key.name()),
        None if options.detail => String::new(),
        None => format!("trouble first{reverse}"),
    };
    let grouped = listed.iter().any(|l| l.alike > 0) && kinds.is_some();
    let grouped = if grouped { "; ×N: N alike (server, outcome, states)" } else { "" };
    let of = match kinds {
        _ if listed.len() as u64 == shown.all => String::new(),
        Some(kinds) => format!("{} of {}", count(listed.len() as u64), plural(kinds as u64, "kind")),
        None => format!("{} of {}", count(listed.len() as u64), count(shown.all)),
    };
    let between = if of.is_empty() || order.is_empty() { "" } else { ", " };
    format!("{of}{between}{order}{grouped}")
}

/// How many connections are not listed, and how to see them.
fn not_shown(shown: &Shown<'_>, watched: bool) -> String {
    let (all, listed) = (shown.all, &shown.listed);
    let covered: u64 = listed.iter().map(|l| l.alike + 1).sum();
    let what = match (all - covered, covered > listed.len() as u64) {
        (0, false) => return String::new(),
        (0, true) => format!("These stand for all {}", plural(all, "connection")),
        (rest, true) => format!("{} of other kinds not shown", plural(rest, "connection")),
        (rest, false) => format!("{} not shown", plural(rest, "connection")),
    };
    let hint = if watched {
        "tcpstate analyze shows one in full where --write has kept the packets"
    } else {
        "--connection ID shows one in full, --filter selects"
    };
    format!("{what}; --limit all lists each, {hint}.")
}

/// Headings of the columns.
const COLUMNS: [&str; 6] = ["#", "client → server", "final states", "outcome", "active", "payload"];

fn row(listed: &Listed<'_>) -> [Text; COLUMNS.len()] {
    let c = listed.connection;
    let times = if listed.alike > 0 { format!(" ×{}", count(listed.alike + 1)) } else { String::new() };
    let state = |side: Side| {
        let endpoint = c.endpoints.get(side);
        facts::possible(endpoint.state, endpoint.possible)
    };
    [
        Text::styled(CYAN, &format!("#{}", c.id)).with(BOLD, &times),
        Text::styled(BOLD, &facts::endpoints(c)),
        Text::plain(&format!("{} / {}", state(Side::Client), state(Side::Server))),
        Text::plain(&facts::fate(c)),
        Text::plain(&span(c.last - c.first)),
        Text::plain(&facts::payload(c)),
    ]
}

/// Widths of the columns, and how many of them stand in the first line of every connection, below their headings.
struct Layout {
    widths: [usize; COLUMNS.len()],
    first: usize,
    width: usize,
}

impl Layout {
    /// All columns in one line if every connection's fit there; otherwise the last ones of every connection, or all but
    /// the number and the ends, are listed in a second line.
    fn of(rows: &[[Text; COLUMNS.len()]], width: usize) -> Layout {
        let widest = |i: usize| rows.iter().map(|row| row[i].width()).chain([COLUMNS[i].chars().count()]).max();
        let widths: [usize; COLUMNS.len()] = std::array::from_fn(|i| widest(i).unwrap_or(0));
        let fits = |first: &usize| widths[..*first].iter().map(|w| w + 2).sum::<usize>() <= width + 2;
        let first = [COLUMNS.len(), 3].into_iter().find(fits).unwrap_or(2);
        Layout { widths, first, width }
    }

    fn header(&self, page: &mut Page<'_>) -> io::Result<()> {
        self.row(&COLUMNS.map(|heading| Text::styled(DIM, heading)), page)
    }

    fn row(&self, cells: &[Text; COLUMNS.len()], page: &mut Page<'_>) -> io::Result<()> {
        let (first, rest) = cells.split_at(self.first);
        let pad = |i: usize| if i + 1 == self.first { 0 } else { self.widths[i] };
        let columns: Vec<Text> = first.iter().enumerate().map(|(i, cell)| cell.clone().pad(pad(i))).collect();
        page.lines(&wrap(Text::new(), INDENT, &columns, "  ", self.width))?;
        if rest.is_empty() {
            return Ok(());
        }
        page.lines(&wrap(Text::plain(&" ".repeat(INDENT)), INDENT, rest, " · ", self.width))
    }
}

/// What is odd: all in full, or the worst in full and the others by name, or all by name where the findings `above` have
/// told it.
fn notes(connection: &Connection, options: &RenderOptions, above: &[&str], page: &mut Page<'_>) -> io::Result<()> {
    if options.detail {
        return connection.anomalies.iter().try_for_each(|anomaly| {
            // Of several, the worst is told in its own words.
            let is_above = above.iter().any(|message| message.ends_with(&anomaly.message));
            page.prose(severity(anomaly), INDENT + 2, &if is_above { named(anomaly) } else { told(anomaly) })
        });
    }
    let Some(worst) = connection.worst() else {
        return Ok(());
    };
    let others = connection.anomalies.iter().filter(|anomaly| !std::ptr::eq(*anomaly, worst));
    let mut others: Vec<&str> = others.map(|anomaly| anomaly.name).collect();
    others.dedup();
    let also = match others.as_slice() {
        [] => String::new(),
        few if few.len() <= 3 => few.join(", "),
        many => format!("{} and {} more", many[..2].join(", "), many.len() - 2),
    };
    let text = match (options.sections.findings, also.is_empty()) {
        (true, true) => named(worst),
        (true, false) => named(worst).with(DIM, &format!(", also {also}")),
        (false, true) => told(worst),
        (false, false) => told(worst).with(DIM, &format!(" (also {also})")),
    };
    page.prose(severity(worst), INDENT + 2, &text)
}

fn severity(anomaly: &Anomaly) -> Text {
    Text::plain(&" ".repeat(INDENT)).with(findings::style(anomaly.severity), anomaly.severity.name()).and(" ")
}

fn named(anomaly: &Anomaly) -> Text {
    let side = anomaly.endpoint.map(|side| format!(" ({})", side.name())).unwrap_or_default();
    Text::styled(BOLD, anomaly.name).and(&side)
}

fn told(anomaly: &Anomaly) -> Text {
    named(anomaly).and(&format!(": {}", anomaly.message))
}

/// The history of one end: in a line, or with each of its entries.
fn ends(report: &Report, connection: &Connection, side: Side, in_full: bool, page: &mut Page<'_>) -> io::Result<()> {
    let endpoint = connection.endpoints.get(side);
    let label = Text::plain(&" ".repeat(INDENT)).with(DIM, side.name()).and("  ");
    let indent = label.width();
    let lines = wrap(label, indent, &history::pieces(endpoint, report), " → ", page.width);
    page.lines(&lines)?;
    if in_full {
        detail::entries(connection, endpoint, page)?;
    }
    Ok(())
}
