//! For programs: the verdicts as one object, `tcpstate-check/1`.

use std::io;

use serde::Serialize;

use crate::policy::judge::{Judgement, Offence, RuleVerdict, Status};
use crate::policy::model::Level;
use crate::report::{TOOL, Tool};
use crate::time::Time;

#[derive(Serialize)]
struct Whole<'j> {
    schema: &'static str,
    tool: Tool,
    status: &'static str,
    policy: &'j Option<String>,
    capture: Capture<'j>,
    counts: Counts,
    rules: Vec<Rule<'j>>,
    notes: &'j [String],
}

#[derive(Serialize)]
struct Capture<'j> {
    files: &'j [String],
    packets: u64,
    connections: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Time>,
}

/// How many rules came to what; a failed one that only warns is no `fail`.
#[derive(Serialize)]
struct Counts {
    fail: usize,
    unclear: usize,
    warning: usize,
    pass: usize,
}

#[derive(Serialize)]
struct Rule<'j> {
    name: &'j str,
    kind: &'static str,
    level: &'static str,
    status: &'static str,
    message: &'j str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    findings: &'j [&'static str],
    checked: u64,
    allowed: u64,
    offending: u64,
    offences: Vec<Place<'j>>,
    doubtful: u64,
    doubts: Vec<Place<'j>>,
}

#[derive(Serialize)]
struct Place<'j> {
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    who: &'j str,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    message: &'j str,
}

/// One object, or an array of them where several captures were judged.
pub fn write(judgements: &[Judgement], out: &mut dyn io::Write) -> io::Result<()> {
    match judgements {
        [one] => serde_json::to_writer_pretty(&mut *out, &whole(one))?,
        several => serde_json::to_writer_pretty(&mut *out, &several.iter().map(whole).collect::<Vec<_>>())?,
    }
    writeln!(out)
}

fn whole(judgement: &Judgement) -> Whole<'_> {
    let [fail, unclear, warning, pass] = super::counts(judgement);
    Whole {
        schema: "tcpstate-check/1",
        tool: TOOL,
        status: judgement.status().word(),
        policy: &judgement.policy,
        capture: Capture {
            files: &judgement.files,
            packets: judgement.packets,
            connections: judgement.connections,
            first: judgement.first,
            last: judgement.last,
        },
        counts: Counts { fail, unclear, warning, pass },
        rules: judgement.rules.iter().map(rule).collect(),
        notes: &judgement.notes,
    }
}

fn rule(rule: &RuleVerdict) -> Rule<'_> {
    Rule {
        name: &rule.name,
        kind: rule.kind,
        level: if rule.level == Level::Error { "error" } else { "warning" },
        status: Status::word(rule.status),
        message: &rule.message,
        line: rule.line,
        findings: &rule.codes,
        checked: rule.checked,
        allowed: rule.allowed,
        offending: rule.offending,
        offences: rule.offences.iter().map(place).collect(),
        doubtful: rule.doubtful,
        doubts: rule.doubts.iter().map(place).collect(),
    }
}

fn place(offence: &Offence) -> Place<'_> {
    Place {
        connection: offence.connection,
        who: &offence.who,
        packet: offence.packet,
        time: offence.time,
        message: &offence.message,
    }
}
