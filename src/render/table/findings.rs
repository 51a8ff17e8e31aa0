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

/// Writes the section.
pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
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
    findings.into_iter().try_for_each(|finding| one(finding, page))
}

fn one(finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    let head = Text::styled(style(finding.severity), name(finding.severity)).pad(INDENT);
    let times = if finding.count > 1 { format!(" ×{}", count(finding.count)) } else { String::new() };
    let body = Text::styled(BOLD, &format!("{}{times}", finding.name))
        .and(&format!(" {}", finding.message))
        .with(DIM, &named(finding));
    page.prose(head, INDENT, &body)?;
    if finding.advice.is_empty() {
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
