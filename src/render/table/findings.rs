//! What is wrong, most severe first, one line each and what to do about it.

use std::io;

use anstyle::Style;

use super::Page;
use crate::render::Limit;
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

/// Writes the section: kind by kind, of each the worst. If it is brief, what is merely of interest is named in one line
/// below what is wrong.
pub fn write(report: &Report, brief: bool, limit: Limit, page: &mut Page<'_>) -> io::Result<()> {
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
    let most = limit.findings();
    let kinds = kinds(&report.findings);
    let is_wrong = |kind: &Kind<'_>| kind.severity > Severity::Info;
    let told = if brief && kinds.iter().any(is_wrong) { kinds.partition_point(is_wrong) } else { kinds.len() };
    let (told, rest) = kinds.split_at(told);
    let mut advised: Vec<&str> = Vec::new();
    for kind in told {
        for finding in kind.findings.iter().take(most) {
            // The advice of several of a kind stands below the first.
            let advise = !advised.contains(&finding.name);
            if advise {
                advised.push(finding.name);
            }
            one(finding, advise, page)?;
        }
        more(kind, most, page)?;
    }
    others(rest, page)
}

/// Findings of one name and severity, the worst first.
struct Kind<'r> {
    name: &'r str,
    severity: Severity,
    findings: Vec<&'r Finding>,
}

/// The kinds of `findings`, most severe first, else as they come.
fn kinds(findings: &[Finding]) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for finding in findings {
        match kinds.iter_mut().find(|kind| kind.name == finding.name && kind.severity == finding.severity) {
            Some(kind) => kind.findings.push(finding),
            None => {
                kinds.push(Kind { name: finding.name, severity: finding.severity, findings: vec![finding] });
            }
        }
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.severity));
    kinds
}

/// In one line how many more there are than are told in full.
fn more(kind: &Kind<'_>, most: usize, page: &mut Page<'_>) -> io::Result<()> {
    let left = kind.findings.get(most..).unwrap_or_default();
    if left.is_empty() {
        return Ok(());
    }
    let cases: u64 = left.iter().map(|finding| finding.count).sum();
    let body = Text::styled(BOLD, kind.name)
        .and(&format!(" {} more like these, {} together", count(left.len() as u64), plural(cases, "connection")))
        .with(DIM, &format!("; --only {} --limit all tells of each", kind.name));
    page.prose(Text::styled(style(kind.severity), "…").pad(INDENT), INDENT, &body)
}

/// In one line what is not told in full.
fn others(rest: &[Kind<'_>], page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = rest.first() else { return Ok(()) };
    let names = rest.iter().map(|kind| match kind.findings.len() {
        0 | 1 => kind.name.to_owned(),
        n => format!("{} ×{n}", kind.name),
    });
    let head = Text::styled(style(first.severity), name(first.severity)).pad(INDENT);
    let body = Text::plain(&names.collect::<Vec<_>>().join(", ")).with(DIM, "; --only findings tells of them");
    page.prose(head, INDENT, &body)
}

fn one(finding: &Finding, advise: bool, page: &mut Page<'_>) -> io::Result<()> {
    let head = Text::styled(style(finding.severity), name(finding.severity)).pad(INDENT);
    // Most of several begin with the number.
    let says = finding.message.split(' ').next() == Some(finding.count.to_string().as_str());
    let times = if finding.count > 1 && !says { format!(" ×{}", count(finding.count)) } else { String::new() };
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
