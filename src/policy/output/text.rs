//! For a person at a terminal.

use std::io;

use super::{Looks, listed, more, objected, place, tally};
use crate::policy::judge::{Judgement, RuleVerdict, Status};
use crate::policy::model::Level;
use crate::render::facts::input;
use crate::render::text::{BOLD, DIM, GREEN, RED, Text, YELLOW, wrap};
use crate::render::units::{count, plural};

/// Offences listed on a terminal; the other reports have more.
const SHOWN: usize = 3;
/// Width of the word in front of a rule.
const WORD: usize = 12;

pub fn write(judgement: &Judgement, looks: Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let mut lines = wrap(Text::new(), 2, &head(judgement).words(), " ", looks.width);
    for rule in objected(judgement) {
        lines.extend(verdict(rule, looks.width));
    }
    let passed: Vec<&RuleVerdict> = judgement.rules.iter().filter(|rule| rule.status == Status::Pass).collect();
    for alike in passed.chunk_by(|a, b| a.message == b.message && a.allowed + b.allowed == 0) {
        lines.extend(verdicts(alike, looks.width));
    }
    lines.push(Text::new());
    for note in &judgement.notes {
        lines.extend(wrap(Text::styled(YELLOW, "note: "), 6, &Text::plain(note).words(), " ", looks.width));
    }
    lines.push(Text::plain(&tally(judgement)));
    lines.iter().try_for_each(|line| line.line(out, looks.colour))
}

fn head(judgement: &Judgement) -> Text {
    let status = judgement.status();
    let (style, word) = match status {
        Status::Pass => (GREEN, "pass"),
        Status::Unclear => (YELLOW, "can't tell"),
        Status::Fail => (RED, "FAIL"),
    };
    let policy = judgement.policy.as_deref().unwrap_or("the standard policy");
    let files = match judgement.files.as_slice() {
        [one] => input(one).to_owned(),
        many => plural(many.len() as u64, "capture"),
    };
    let size = format!(" ({}, {})", plural(judgement.connections, "connection"), plural(judgement.packets, "packet"));
    Text::styled(style, word).and(&format!(": {files} against {policy}")).with(DIM, &size)
}

/// Rules that came to the same, in one paragraph.
fn verdicts(alike: &[&RuleVerdict], width: usize) -> Vec<Text> {
    if let [one] = alike {
        return verdict(one, width);
    }
    let name = |(i, rule): (usize, &&RuleVerdict)| {
        let name = Text::styled(BOLD, &rule.name).and(if i + 1 < alike.len() { "," } else { ":" });
        // Names are not broken where they fit in a line.
        if WORD + name.width() <= width { vec![name] } else { name.words() }
    };
    let mut words: Vec<Text> = alike.iter().enumerate().flat_map(name).collect();
    words.extend(alike.first().into_iter().flat_map(|rule| Text::plain(&rule.message).words()));
    wrap(Text::styled(GREEN, "pass").pad(WORD), WORD, &words, " ", width)
}

fn verdict(rule: &RuleVerdict, width: usize) -> Vec<Text> {
    let (style, word) = match (rule.status, rule.level) {
        (Status::Pass, _) => (GREEN, "pass"),
        (Status::Unclear, _) => (YELLOW, "can't tell"),
        (Status::Fail, Level::Error) => (RED, "FAIL"),
        (Status::Fail, Level::Warning) => (YELLOW, "warning"),
    };
    let indent = " ".repeat(WORD);
    let mut words = Text::styled(BOLD, &rule.name).and(": ").and(&rule.message).words();
    if rule.allowed > 0 {
        words.extend(Text::styled(DIM, &format!("({} excepted)", count(rule.allowed))).words());
    }
    let mut lines = wrap(Text::styled(style, word).pad(WORD), WORD, &words, " ", width);
    let (listed, of) = listed(rule);
    let shown = listed.len().min(SHOWN);
    for offence in &listed[..shown] {
        let words = Text::styled(DIM, &place(offence)).and(": ").and(&offence.message).words();
        lines.extend(wrap(Text::plain(&indent), WORD + 2, &words, " ", width));
    }
    let more = more(&listed[..shown], of);
    if more > 0 {
        lines.push(Text::plain(&indent).with(DIM, &format!("and {} more", count(more))));
    }
    if let (Some(why), Status::Fail) = (&rule.why, rule.status) {
        let words = Text::styled(DIM, "why:").and(" ").and(why).words();
        lines.extend(wrap(Text::plain(&indent), WORD + 5, &words, " ", width));
    }
    lines
}
