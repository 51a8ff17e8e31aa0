//! What is wrong, most severe first, one line each and what to do about it.

use std::io;

use anstyle::Style;

use super::Page;
use crate::render::RenderOptions;
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

/// Connections named behind a finding.
const NAMED: usize = 3;

/// Columns before the message's continuation: the widest severity and two blanks.
const INDENT: usize = 9;

/// Writes the section: kind by kind, of each the worst. If it is brief, what is merely of interest is named in one line
/// below what is wrong.
pub fn write(report: &Report, options: &RenderOptions, page: &mut Page<'_>) -> io::Result<()> {
    let kinds = kinds(report);
    let number = |severity| kinds.iter().filter(|kind| kind.severity == severity).map(Kind::number).sum::<u64>();
    let tally: Vec<String> = Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| (number(severity), severity))
        .filter(|(n, _)| *n > 0)
        .map(
            |(n, severity)| {
                if severity == Severity::Info { format!("{} info", count(n)) } else { plural(n, severity.name()) }
            },
        )
        .collect();
    page.title("FINDINGS", &tally.join(", "))?;
    let (brief, most) = (options.brief(), options.limit.findings());
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
        if let Some(more) = kind.more(most) {
            let only = if options.watched { String::new() } else { format!("--only {} ", kind.name) };
            let body = Text::styled(BOLD, kind.name)
                .and(&format!(": {more}"))
                .with(DIM, &format!("; {only}--limit all tells of each"));
            page.prose(Text::styled(style(kind.severity), "…").pad(INDENT), INDENT, &body)?;
        }
    }
    others(rest, options.watched, page)
}

/// The sentences that the section tells in full, where it is there and not brief.
pub fn told<'r>(report: &'r Report, options: &RenderOptions) -> Vec<&'r str> {
    if options.brief() || !options.sections.findings {
        return Vec::new();
    }
    let most = options.limit.findings();
    let findings = kinds(report).into_iter().flat_map(|kind| kind.findings.into_iter().take(most));
    findings.map(|finding| finding.message.as_str()).collect()
}

/// Findings of one name and severity, the worst first.
pub struct Kind<'r> {
    /// Name of the anomaly.
    pub name: &'r str,
    /// How severe they are.
    pub severity: Severity,
    /// Those that are told.
    pub findings: Vec<&'r Finding>,
    /// Others, and the connections that show them.
    untold: (u64, u64),
}

impl Kind<'_> {
    /// How many there are.
    fn number(&self) -> u64 {
        self.findings.len() as u64 + self.untold.0
    }

    /// How many more there are than the first `most`: `2 more like these, 7 connections together`.
    pub fn more(&self, most: usize) -> Option<String> {
        let left = self.findings.get(most..).unwrap_or_default();
        let cases = left.iter().map(|finding| finding.count).sum::<u64>() + self.untold.1;
        let number = left.len() as u64 + self.untold.0;
        // Where each is about one connection that need not be said.
        let together =
            if cases == number { String::new() } else { format!(", {} together", plural(cases, "connection")) };
        (number > 0).then(|| format!("{} more like these{together}", count(number)))
    }
}

/// The kinds of findings, most severe first, else as they come.
pub fn kinds(report: &Report) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for finding in &report.findings {
        match kinds.iter_mut().find(|kind| kind.name == finding.name && kind.severity == finding.severity) {
            Some(kind) => kind.findings.push(finding),
            None => {
                let Finding { name, severity, .. } = *finding;
                kinds.push(Kind { name, severity, findings: vec![finding], untold: (0, 0) });
            }
        }
    }
    for untold in &report.untold {
        let of = (untold.name, untold.severity);
        if let Some(kind) = kinds.iter_mut().find(|kind| (kind.name, kind.severity) == of) {
            kind.untold = (untold.findings, untold.connections);
        }
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.severity));
    kinds
}

/// In one line what is not told in full.
fn others(rest: &[Kind<'_>], watched: bool, page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = rest.first() else { return Ok(()) };
    let names = rest.iter().map(|kind| match kind.number() {
        0 | 1 => kind.name.to_owned(),
        n => format!("{} ×{}", kind.name, count(n)),
    });
    let head = Text::styled(style(first.severity), first.severity.name()).pad(INDENT);
    let hint = if watched {
        "; tcpstate analyze tells of them where --write has kept the packets"
    } else {
        "; --only findings tells of them"
    };
    let body = Text::plain(&names.collect::<Vec<_>>().join(", ")).with(DIM, hint);
    page.prose(head, INDENT, &body)
}

fn one(finding: &Finding, advise: bool, page: &mut Page<'_>) -> io::Result<()> {
    let head = Text::styled(style(finding.severity), finding.severity.name()).pad(INDENT);
    let body = Text::styled(BOLD, &format!("{}{}", finding.name, times(finding)))
        .and(&format!(": {}", finding.message))
        .with(DIM, &named(finding));
    page.prose(head, INDENT, &body)?;
    if !advise || finding.advice.is_empty() {
        return Ok(());
    }
    page.prose(Text::plain(&" ".repeat(INDENT)).with(CYAN, "→ "), INDENT + 2, &Text::plain(finding.advice))
}

/// ` ×4`, unless its message begins with the number, as most of several do.
pub fn times(finding: &Finding) -> String {
    let number = [finding.count.to_string(), count(finding.count)];
    let says = finding.message.split(' ').next().is_some_and(|word| number.iter().any(|n| n == word));
    if finding.count > 1 && !says { format!(" ×{}", count(finding.count)) } else { String::new() }
}

/// ` (C01: #1, #2, #3, …)`: its code, and the worst of the group.
pub fn named(finding: &Finding) -> String {
    let ids: Vec<String> = finding.connections.iter().take(NAMED).map(|id| format!("#{id}")).collect();
    let more = if (ids.len() as u64) < finding.count && !ids.is_empty() { ", …" } else { "" };
    let colon = if ids.is_empty() { "" } else { ": " };
    format!(" ({}{colon}{}{more})", finding.code, ids.join(", "))
}
