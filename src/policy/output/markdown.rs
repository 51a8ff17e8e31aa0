//! For the summary of a job: a heading, a table of the rules, and what the failed ones list.

use std::io;

use super::{is_error, listed, more, objected, place, tally};
use crate::policy::judge::{Judgement, RuleVerdict, Status};
use crate::render::facts::input;
use crate::render::markdown::escape;
use crate::render::units::count;

pub fn write(judgement: &Judgement, out: &mut dyn io::Write) -> io::Result<()> {
    let policy = judgement.policy.as_deref().unwrap_or("the standard policy");
    let files: Vec<String> = judgement.files.iter().map(|file| escape(input(file))).collect();
    writeln!(out, "### {} tcpstate check: {}\n", sign(judgement.status(), true), judgement.status().name())?;
    writeln!(out, "{} against {}: {}.\n", files.join(", "), escape(policy), tally(judgement))?;
    table(objected(judgement), out)?;
    for rule in objected(judgement) {
        details(rule, out)?;
    }
    let passed = || judgement.rules.iter().filter(|rule| rule.status == Status::Pass);
    let number = passed().count();
    if number > 0 {
        let gap = if objected(judgement).next().is_some() { "\n" } else { "" };
        writeln!(out, "{gap}<details><summary>{} passed</summary>\n", count(number as u64))?;
        table(passed(), out)?;
        writeln!(out, "\n</details>")?;
    }
    if !judgement.notes.is_empty() {
        writeln!(out)?;
    }
    judgement.notes.iter().try_for_each(|note| writeln!(out, "- note: {}", escape(note)))
}

/// One row for each of the rules, if there are any.
fn table<'j>(rules: impl Iterator<Item = &'j RuleVerdict>, out: &mut dyn io::Write) -> io::Result<()> {
    for (i, rule) in rules.enumerate() {
        if i == 0 {
            writeln!(out, "| | rule | result |\n|---|---|---|")?;
        }
        let sign = sign(rule.status, is_error(rule));
        writeln!(out, "| {sign} | {} | {} |", escape(&rule.name), escape(&rule.message))?;
    }
    Ok(())
}

fn details(rule: &RuleVerdict, out: &mut dyn io::Write) -> io::Result<()> {
    let (all, of) = listed(rule);
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>{}</summary>\n", escape(&rule.name))?;
    if let Some(why) = &rule.why {
        writeln!(out, "{}\n", escape(why))?;
    }
    for offence in all {
        writeln!(out, "- {}: {}", escape(&place(offence)), escape(&offence.message))?;
    }
    let more = more(all, of);
    if more > 0 {
        writeln!(out, "- and {} more", count(more))?;
    }
    writeln!(out, "\n</details>")
}

fn sign(status: Status, error: bool) -> &'static str {
    match (status, error) {
        (Status::Pass, _) => "✅",
        (Status::Unclear, _) => "❔",
        (Status::Fail, true) => "❌",
        (Status::Fail, false) => "⚠️",
    }
}
