//! JUnit XML as Jenkins, GitLab and others read it: one test suite per capture, one test case per rule.
//!
//! What cannot be told is an `error`, because a skipped test counts as good; a failed warning is `skipped` with its
//! message. Attributes and order satisfy both schemas in use (Jenkins' `junit-10.xsd` and Windy Road's `JUnit.xsd`).

use std::io;

use super::{account, is_error, tally};
use crate::policy::judge::{Judgement, RuleVerdict, Status};
use crate::report::TOOL;
use crate::time::Time;

pub fn write(judgements: &[Judgement], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>")?;
    judgements.iter().enumerate().try_for_each(|(id, judgement)| suite(id, judgement, out))?;
    writeln!(out, "</testsuites>")
}

fn suite(id: usize, judgement: &Judgement, out: &mut dyn io::Write) -> io::Result<()> {
    let is = |status: Status, error: bool| {
        judgement
            .rules
            .iter()
            .filter(|r| r.status == status && (status != Status::Fail || is_error(r) == error))
            .count()
    };
    let captures = judgement.files.join(" ");
    writeln!(
        out,
        "  <testsuite name=\"tcpstate check {}\" package=\"tcpstate\" id=\"{id}\" timestamp=\"{}\" hostname=\"localhost\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\">",
        escape(&captures),
        timestamp(judgement.last),
        judgement.rules.len(),
        is(Status::Fail, true),
        is(Status::Unclear, true),
        is(Status::Fail, false),
    )?;
    writeln!(out, "    <properties>")?;
    let policy = judgement.policy.as_deref().unwrap_or("the standard policy");
    for (name, value) in
        [("tcpstate.version", TOOL.version), ("tcpstate.policy", policy), ("tcpstate.captures", &captures)]
    {
        writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", escape(value))?;
    }
    writeln!(out, "    </properties>")?;
    for rule in &judgement.rules {
        case(rule, out)?;
    }
    let mut told = tally(judgement);
    judgement.notes.iter().for_each(|note| told.push_str(&format!("\nnote: {note}")));
    writeln!(out, "    <system-out>{}</system-out>", escape(&told))?;
    writeln!(out, "    <system-err></system-err>\n  </testsuite>")
}

fn case(rule: &RuleVerdict, out: &mut dyn io::Write) -> io::Result<()> {
    let head = format!("    <testcase name=\"{}\" classname=\"tcpstate.{}\" time=\"0\"", escape(&rule.name), rule.kind);
    let element = match rule.status {
        Status::Pass => return writeln!(out, "{head}/>"),
        Status::Unclear => "error",
        Status::Fail if is_error(rule) => "failure",
        Status::Fail => "skipped",
    };
    let message = escape(&rule.message);
    let kind = match element {
        "skipped" => String::new(),
        _ => format!(" type=\"{}\"", rule.status.word()),
    };
    writeln!(out, "{head}>")?;
    writeln!(out, "      <{element} message=\"{message}\"{kind}>{}</{element}>", escape(&account(rule)))?;
    writeln!(out, "    </testcase>")
}

/// Time of the last packet, as the schema wants it: to the second, without a zone.
fn timestamp(time: Option<Time>) -> String {
    let seconds = time.map_or(0, |time| time.0.div_euclid(1_000_000_000));
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Text for content and attributes. Characters that XML cannot hold are replaced.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
