//! What is wrong, most severe first, one line each and what to do about it.

use std::io;

use anstyle::Style;

use super::Page;
use crate::render::text::{BOLD, CYAN, DIM, RED, Text, YELLOW};
use crate::render::units::{count, plural};
use crate::report::{Finding, Report, Severity};

/// Colour of a severity.
pub const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Note => CYAN,
        Severity::Info => DIM,
    }
}

/// `error`, `warning`, `note`, `info`.
pub const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Info => "info",
    }
}

/// Connections named behind a finding.
const NAMED: usize = 3;

/// Columns before the message's continuation: the widest severity and two blanks.
const INDENT: usize = 9;

/// Writes the section. If it is brief, what is merely of interest is named in one line below what is wrong.
pub fn write(report: &Report, brief: bool, page: &mut Page<'_>) -> io::Result<()> {
    let tally: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note, Severity::Info]
        .into_iter()
        .map(|severity| (report.findings.iter().filter(|f| f.severity == severity).count(), severity))
        .filter(|(n, _)| *n > 0)
        .map(
            |(n, severity)| {
                if severity == Severity::Info { format!("{n} info") } else { plural(n as u64, name(severity)) }
            },
        )
        .collect();
    page.title("FINDINGS", &tally.join(", "))?;
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let wrong = findings.iter().filter(|finding| finding.severity > Severity::Info).count();
    let told = if brief && wrong > 0 { wrong } else { findings.len() };
    let (told, rest) = findings.split_at(told);
    let mut before = "";
    for finding in told {
        // The advice of several of a kind stands below the first.
        one(finding, finding.name != before, page)?;
        before = finding.name;
    }
    others(rest, page)
}

/// In one line what is not told in full.
fn others(rest: &[&Finding], page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = rest.first() else { return Ok(()) };
    let mut names: Vec<(&str, usize)> = Vec::new();
    for finding in rest {
        match names.iter_mut().find(|(name, _)| *name == finding.name) {
            Some((_, times)) => *times += 1,
            None => names.push((finding.name, 1)),
        }
    }
    let names = names.iter().map(|(name, n)| if *n > 1 { format!("{name} ×{n}") } else { (*name).to_owned() });
    let head = Text::styled(style(first.severity), name(first.severity)).pad(INDENT);
    let body = Text::plain(&names.collect::<Vec<_>>().join(", ")).with(DIM, "; --only findings tells of them");
    page.prose(head, INDENT, &body)
}

fn one(finding: &Finding, advise: bool, page: &mut Page<'_>) -> io::Result<()> {
    let head = Text::styled(style(finding.severity), name(finding.severity)).pad(INDENT);
    let times = if finding.count > 1 { format!(" ×{}", count(finding.count)) } else { String::new() };
    let body = Text::styled(BOLD, &format!("{}{times}", finding.name))
        .and(&format!(" {}", finding.message))
        .with(DIM, &named(finding));
    page.prose(head, INDENT, &body)?;
    if !advise || finding.advice.is_empty() {
        return Ok(());
    }
    page.prose(Text::plain(&" ".repeat(INDENT)).with(CYAN, "→ "), INDENT + 2, &Text::plain(finding.advice))
}

/// ` (C01: #1, #2, #3, …)`: its code, and the worst of the group.
fn named(finding: &Finding) -> String {
    let ids: Vec<String> = finding.connections.iter().take(NAMED).map(|id| format!("#{id}")).collect();
    let more = if (ids.len() as u64) < finding.count && !ids.is_empty() { ", …" } else { "" };
    let colon = if ids.is_empty() { "" } else { ": " };
    format!(" ({}{colon}{}{more})", finding.code, ids.join(", "))
}
