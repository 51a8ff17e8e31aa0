//! For pasting in an issue or a pull request: GitHub's Markdown, histories folded away.

use std::io;

use super::clean::clean;
use super::order::{Listed, Shown};
use super::rows::Rows;
use super::table::findings;
use super::units::{count, plural, share, span};
use super::{Limit, RenderOptions, ends, facts, history, rollups, timing};
use crate::report::{Outcome, Report, Side};
use crate::tracker::State;

/// Connections listed unless told otherwise.
pub const KINDS: usize = 20;

/// Writes the report.
///
/// # Errors
/// Only those of `out`.
pub fn render(report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    show(report, &Shown::of(report, options, KINDS), options, out)
}

/// Writes the report, of whose connections these are `shown`.
///
/// # Errors
/// Only those of `out`.
pub fn show(report: &Report, shown: &Shown<'_>, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "### TCP states of {}\n", code(&facts::name(&report.capture.files)))?;
    let headline = facts::headline(report, options);
    let facts_only = headline.get(facts::name(&report.capture.files).len() + 2..).unwrap_or(&headline);
    writeln!(out, "{}", escape(facts_only))?;
    for clause in facts::missing(&report.capture, shown.parts) {
        writeln!(out, "- missing: {}", escape(&clause))?;
    }
    for clause in report.capture.both_ends.iter().flat_map(ends::clauses) {
        writeln!(out, "- {}", escape(&clause))?;
    }
    if let Some(settings) = facts::settings(&report.capture) {
        writeln!(out, "\nWith: {}", code(&settings))?;
    }
    if let Some(selected) = facts::selected(report, options) {
        writeln!(out, "\nShown: {}", escape(&selected))?;
        if shown.all == 0 {
            writeln!(out, "\nNo connection matches.")?;
        }
    }
    if options.sections.findings && !report.findings.is_empty() {
        write_findings(report, options.limit, out)?;
    } else if options.sections.findings && shown.all > 0 {
        writeln!(out, "\n#### Findings\n\nNone.")?;
    }
    write_tables(&rollups::tables(report, options), out)?;
    if options.sections.totals && report.summary.connections > 0 && !options.detail {
        write_totals(report, out)?;
    }
    if options.sections.timing && !options.detail {
        write_tables(&timing::tables(report, options.sections.only_timing()), out)?;
    }
    if options.sections.connections && shown.all > 0 {
        write_connections(report, shown, out)?;
    }
    writeln!(out, "\n<sub>{} {}</sub>", report.tool.name, report.tool.version)
}

fn write_findings(report: &Report, limit: Limit, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "\n#### Findings\n")?;
    let most = limit.findings();
    let mut advised: Vec<&str> = Vec::new();
    for kind in findings::kinds(report) {
        for f in kind.findings.iter().take(most) {
            let name = format!("**{}** {}{}", f.severity.name(), code(f.name), findings::times(f));
            writeln!(out, "- {name}: {}{}", escape(&f.message), escape(&findings::named(f)))?;
            // The advice of several of a kind stands below the first.
            if !f.advice.is_empty() && !advised.contains(&f.name) {
                advised.push(f.name);
                // Our own text, which may use Markdown.
                writeln!(out, "  → {}", f.advice)?;
            }
        }
        if let Some(more) = kind.more(most) {
            writeln!(out, "- … {} {more}", code(kind.name))?;
        }
    }
    Ok(())
}

fn write_totals(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "\n#### Totals\n\n| outcome | connections | share |\n|---|--:|--:|")?;
    for outcome in Outcome::ALL {
        if let Some(n) = summary.outcomes.get(outcome.name()).filter(|n| **n > 0) {
            writeln!(out, "| {} | {} | {} |", outcome.name(), count(*n), share(*n, summary.connections))?;
        }
    }
    let closed: Vec<String> = [("client", "client"), ("server", "server"), ("both", "both at once")]
        .iter()
        .filter_map(|(who, name)| summary.closed_first.get(who).map(|n| format!("{name} {}", count(*n))))
        .collect();
    if !closed.is_empty() {
        writeln!(out, "\nClosed first: {}", closed.join(", "))?;
    }
    writeln!(out, "\n| state | clients at the end | at the peak | servers at the end | at the peak |")?;
    writeln!(out, "|---|--:|--:|--:|--:|")?;
    let (ends, peaks) = (&summary.final_states, &summary.peak_states);
    for state in State::ALL {
        let row = [&ends.client, &peaks.client, &ends.server, &peaks.server]
            .map(|counts| counts.get(&state).copied().unwrap_or(0));
        if row.iter().any(|n| *n > 0) {
            writeln!(out, "| {state} | {} |", row.map(count).join(" | "))?;
        }
    }
    Ok(())
}

fn write_tables(tables: &[Rows], out: &mut dyn io::Write) -> io::Result<()> {
    for table in tables {
        let remark = if table.remark.is_empty() { String::new() } else { format!(" ({})", escape(&table.remark)) };
        writeln!(out, "\n#### {}{remark}\n", capital(table.title))?;
        writeln!(out, "| {} |", table.header.join(" | "))?;
        let rule: Vec<&str> = (0..table.header.len()).map(|i| if i < table.left { "---" } else { "--:" }).collect();
        writeln!(out, "|{}|", rule.join("|"))?;
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    Ok(())
}

/// `TIME IN STATE` as `Time in state`.
fn capital(title: &str) -> String {
    let (first, rest) = title.split_at(1);
    format!("{first}{}", rest.to_lowercase())
}

fn write_connections(report: &Report, shown: &Shown<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let Shown { all, listed, kinds, .. } = shown;
    writeln!(out, "\n#### Connections\n")?;
    if listed.is_empty() {
        return writeln!(out, "{} not listed", plural(*all, "connection"));
    }
    writeln!(out, "| # | client → server | client state | server state | outcome | active | payload |")?;
    writeln!(out, "|--:|---|---|---|---|--:|--:|")?;
    for listed in listed {
        row(listed, out)?;
    }
    let rest = all - listed.len() as u64;
    if rest > 0 {
        let of =
            kinds.map(|kinds| format!(" ({} of {} shown)", count(listed.len() as u64), plural(kinds as u64, "kind")));
        writeln!(out, "\n{} not listed{}", plural(rest, "connection"), of.unwrap_or_default())?;
    }
    writeln!(out, "\n<details><summary>Histories</summary>\n\n```text")?;
    for Listed { connection, .. } in listed {
        writeln!(out, "#{} {}", connection.id, clean(&facts::endpoints(connection)))?;
        for side in Side::ALL {
            writeln!(out, "  {}  {}", side.name(), history::line(connection.endpoints.get(side), report))?;
        }
    }
    let ends = listed.iter().flat_map(|l| [&l.connection.endpoints.client, &l.connection.endpoints.server]);
    if let Some(legend) = history::legend(ends) {
        writeln!(out, "\n{legend}")?;
    }
    writeln!(out, "```\n\n</details>")
}

fn row(listed: &Listed<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let c = listed.connection;
    let times = if listed.alike > 0 { format!(" ×{}", count(listed.alike + 1)) } else { String::new() };
    let state = |side: Side| {
        let endpoint = c.endpoints.get(side);
        escape(&facts::possible(endpoint.state, endpoint.possible))
    };
    let worst = c.worst().map(|anomaly| format!(", {}", code(anomaly.name))).unwrap_or_default();
    writeln!(
        out,
        "| {}{times} | {} | {} | {} | {}{worst} | {} | {} |",
        c.id,
        code(&facts::endpoints(c)),
        state(Side::Client),
        state(Side::Server),
        facts::fate(c),
        span(c.last - c.first),
        facts::payload(c),
    )
}

/// Text that is only text: markup, mentions, references and table bars lose their meaning.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A code span. Backticks and bars in it are replaced, as a table row knows no escape for both.
pub(crate) fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'").replace('|', "¦"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_become_markup() {
        assert_eq!(escape("<img src=x> @all #1 |"), "&lt;img src=x&gt; &#64;all &#35;1 \\|");
        assert_eq!(code("a`b|c"), "`a'b¦c`");
    }
}
