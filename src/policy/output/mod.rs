//! Verdicts as bytes: for a terminal, for CI servers, for programs. Pure functions, one file per kind.

mod annotations;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use std::io;
use std::str::FromStr;

use super::judge::{Judgement, Offence, RuleVerdict, Status};
use super::model::Level;
use crate::render::instead;
use crate::render::units::count;

/// The kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// For a person at a terminal.
    Table,
    /// JUnit XML: one test case per rule.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// A Code Quality report of GitLab.
    Gitlab,
    /// For programs.
    Json,
    /// For the summary of a job.
    Markdown,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Table, Kind::Junit, Kind::Sarif, Kind::Github, Kind::Gitlab, Kind::Json, Kind::Markdown];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::Junit => "junit",
            Kind::Sarif => "sarif",
            Kind::Github => "github",
            Kind::Gitlab => "gitlab",
            Kind::Json => "json",
            Kind::Markdown => "markdown",
        }
    }

    /// Whether both can be read where one follows the other: people read on, programs want one document.
    pub fn goes_with(self, other: Kind) -> bool {
        let of_lines = |kind| matches!(kind, Kind::Table | Kind::Github | Kind::Markdown);
        self != other && of_lines(self) && of_lines(other)
    }
}

/// The error is what to write instead.
impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Kind, String> {
        let found = Kind::ALL.into_iter().find(|kind| kind.name() == word);
        found.ok_or_else(|| instead(word, "kind of report", Kind::ALL.map(Kind::name)))
    }
}

/// Looks of the kind for people.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    /// Columns to fit in.
    pub width: usize,
    /// Whether to write terminal colours.
    pub colour: bool,
}

/// Writes `judgements`, one for each capture that was judged by itself, to `out`.
///
/// # Errors
/// Only those of `out`.
pub fn write(kind: Kind, judgements: &[Judgement], looks: Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let mut apart = |write: &dyn Fn(&Judgement, &mut dyn io::Write) -> io::Result<()>| {
        for (i, judgement) in judgements.iter().enumerate() {
            if i > 0 {
                writeln!(out)?;
            }
            write(judgement, out)?;
        }
        Ok(())
    };
    match kind {
        Kind::Table => apart(&|judgement, out| text::write(judgement, looks, out)),
        Kind::Markdown => apart(&markdown::write),
        Kind::Github => {
            judgements.iter().try_for_each(|judgement| annotations::github(judgement, judgements.len(), out))
        }
        Kind::Junit => junit::write(judgements, out),
        Kind::Sarif => sarif::write(judgements, out),
        Kind::Gitlab => annotations::gitlab(judgements, out),
        Kind::Json => json::write(judgements, out),
    }
}

/// The rules that did not pass, failures first, each group in the order of the policy.
fn objected(judgement: &Judgement) -> impl Iterator<Item = &RuleVerdict> {
    let with = |status: Status| judgement.rules.iter().filter(move |rule| rule.status == status);
    with(Status::Fail).chain(with(Status::Unclear))
}

/// What is listed under a rule that did not pass, and how much more there is.
fn listed(rule: &RuleVerdict) -> (&[Offence], u64) {
    match rule.status {
        Status::Fail if !rule.offences.is_empty() => (&rule.offences, rule.offending),
        Status::Unclear if !rule.doubts.is_empty() => (&rule.doubts, rule.doubtful),
        _ => (&[], 0),
    }
}

/// How many of all `of` these do not stand for.
fn more(listed: &[Offence], of: u64) -> u64 {
    of.saturating_sub(listed.iter().map(|offence| offence.cases).sum())
}

/// `#2 10.0.0.1:40000 → 10.0.0.2:80, packet 12`
fn place(offence: &Offence) -> String {
    let id = offence.connection.map(|id| format!("#{id} ")).unwrap_or_default();
    let packet = offence.packet.map(|packet| format!(", packet {packet}")).unwrap_or_default();
    format!("{id}{}{packet}", offence.who)
}

/// What a rule came to, and why, over several lines; for reports that take plain text.
fn account(rule: &RuleVerdict) -> String {
    let mut text = format!("{}: {}", rule.status.name(), rule.message);
    let (listed, of) = listed(rule);
    for offence in listed {
        text.push_str(&format!("\n{}: {}", place(offence), offence.message));
    }
    let more = more(listed, of);
    if more > 0 {
        text.push_str(&format!("\nand {} more", count(more)));
    }
    if let (Some(why), Status::Fail) = (&rule.why, rule.status) {
        text.push_str(&format!("\nwhy: {why}"));
    }
    text
}

/// What is said of it is said of this one, where so many captures were judged, each by itself.
fn whose(judgement: &Judgement, of: usize) -> String {
    if of > 1 { format!("{}: ", judgement.files.join(" ")) } else { String::new() }
}

/// FNV-1a over 128 bits: the same for the same text, on every machine.
fn fingerprint(text: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

/// A file's name as servers compare it with the names in a repository.
fn relative(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    name
}

/// Where a rule stands: the policy's file and line, or the capture.
fn origin<'j>(judgement: &'j Judgement, rule: &RuleVerdict) -> (&'j str, u32) {
    let capture = || judgement.files.first().map_or("-", String::as_str);
    (relative(judgement.policy.as_deref().unwrap_or_else(capture)), rule.line.unwrap_or(1))
}

/// Whether the rule's failure fails the run.
fn is_error(rule: &RuleVerdict) -> bool {
    rule.level == Level::Error
}

/// How many rules failed, cannot be told, failed as a mere warning, and passed, limits and expectations alike; that of the
/// capture's quality is one of them.
fn counts(judgement: &Judgement) -> [usize; 4] {
    let warnings = judgement.rules.iter().filter(|rule| rule.status == Status::Fail && !is_error(rule)).count();
    let failed = judgement.count(Status::Fail) - warnings;
    [failed, judgement.count(Status::Unclear), warnings, judgement.count(Status::Pass)]
}

/// These counts in words, those that are none left out.
fn tally(judgement: &Judgement) -> String {
    let [failed, unclear, warnings, passed] = counts(judgement);
    let warned = if warnings == 1 { "warning" } else { "warnings" };
    let counts = [(failed, "failed"), (unclear, "can't tell"), (warnings, warned), (passed, "passed")];
    let told: Vec<String> =
        counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n as u64))).collect();
    told.join(", ")
}
