//! The roll-ups per service and host as rows of text, for the formats that people read.

use super::rows::Rows;
use super::units::count;
use super::{RenderOptions, Sections};
use crate::report::rollup::{Rolled, Rollup};
use crate::report::{Outcome, Report, Severity};
use crate::segment::Socket;

/// Rows listed beside other sections.
const FEW: usize = 5;

/// What is listed: unasked only where something is wrong and there is something to compare; alone in full.
pub fn tables(report: &Report, options: &RenderOptions) -> Vec<Rows> {
    let sections = options.sections;
    let unasked = sections == Sections::default();
    if !sections.rollups || unasked && (report.findings.is_empty() || !report.rollups.compare() || options.detail) {
        return Vec::new();
    }
    let most = if sections.only_rollups() { usize::MAX } else { FEW };
    let rollups = &report.rollups;
    let tables =
        [("BY SERVICE", "service", &rollups.services, "services"), ("BY HOST", "host", &rollups.hosts, "hosts")];
    // With one service its row would repeat the findings and totals.
    tables
        .into_iter()
        .filter(|(.., rolled, _)| !rolled.entries.is_empty() && (!unasked || rolled.entries.len() > 1))
        .map(|(title, head, rolled, noun)| table(title, head, rolled, noun, most))
        .collect()
}

fn table(title: &'static str, head: &'static str, rolled: &Rolled, noun: &str, most: usize) -> Rows {
    let shown = &rolled.entries[..rolled.entries.len().min(most)];
    let all = rolled.entries.len() as u64 + rolled.omitted;
    let rest = all - shown.len() as u64;
    let remark = match rest {
        0 => "worst first".to_owned(),
        _ => format!("worst first, {} of {} {noun}", count(shown.len() as u64), count(all)),
    };
    let seen: Vec<Outcome> =
        Outcome::ALL.into_iter().filter(|o| shown.iter().any(|r| r.outcomes.contains_key(o.name()))).collect();
    let mut header = vec![head, "worst finding", "conns"];
    header.extend(seen.iter().map(|o| o.name()));
    let severities: Vec<Severity> =
        Severity::ALL.into_iter().rev().filter(|s| shown.iter().any(|r| r.findings.contains_key(s))).collect();
    header.extend(severities.iter().map(|s| plural_name(*s)));
    let rows = shown
        .iter()
        .map(|r| {
            let mut row = vec![name(r), worst(r), count(r.connections)];
            row.extend(seen.iter().map(|o| cell(r.outcomes.get(o.name()))));
            row.extend(severities.iter().map(|s| cell(r.findings.get(s))));
            row
        })
        .collect();
    Rows { title, remark, left: 2, header, rows }
}

fn cell(n: Option<&u64>) -> String {
    n.map_or_else(|| "-".to_owned(), |n| count(*n))
}

const fn plural_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "errors",
        Severity::Warning => "warnings",
        Severity::Note => "notes",
        Severity::Info => "infos",
    }
}

fn name(r: &Rollup) -> String {
    match r.port {
        Some(port) => Socket { addr: r.addr, port }.to_string(),
        None => r.addr.to_string(),
    }
}

fn worst(r: &Rollup) -> String {
    match &r.worst {
        Some(w) if w.connections > 1 => format!("{} ×{}", w.name, count(w.connections)),
        Some(w) => w.name.to_owned(),
        None => "-".to_owned(),
    }
}
