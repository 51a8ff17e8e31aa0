//! A capture boiled down to what is compared: from its report, or from a report saved as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use serde_json::Value;

use crate::detect::{self, is_wide};
use crate::render::facts::asked;
use crate::render::units::{count, plural};
use crate::report::{Connection, Report, SCHEMA, Selected, Settings, Severity, Side};
use crate::time::Span;
use crate::tracker::Stack;

/// Address, as text, and port of a server.
pub type Server = (String, u16);

/// What the connections to a server come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections {
    /// How many there are.
    pub count: u64,
    /// How many of them are so.
    pub are: BTreeMap<Is, u64>,
    /// What took so many nanoseconds, in no order.
    pub took: BTreeMap<Took, Vec<i64>>,
    /// Codes of their anomalies: how many have one, and its worst severity.
    pub findings: BTreeMap<String, (u64, Severity)>,
}

/// A word of this version, or of a saved report.
pub type Word = Cow<'static, str>;

/// What is to be said of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Is {
    /// What became of it.
    Outcome(Word),
    /// Who closed first.
    ClosedFirst(Word),
    /// The state of an end when the capture ended.
    EndsIn(Side, Word),
}

impl fmt::Display for Is {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Is::Outcome(outcome) => write!(f, "outcome {outcome}"),
            Is::ClosedFirst(who) => write!(f, "closed first by {who}"),
            Is::EndsIn(side, state) => write!(f, "{} ends in {state}", side.name()),
        }
    }
}

/// What takes time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Took {
    /// From SYN to the client's ACK.
    Handshake,
    /// Of an end, being in a state that it left again.
    State(Side, Word),
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Took::Handshake => f.write_str("handshake"),
            Took::State(side, state) => write!(f, "time in {}'s {state}", side.name()),
        }
    }
}

impl Connections {
    fn is(&mut self, is: Is) {
        *self.are.entry(is).or_default() += 1;
    }

    fn took(&mut self, what: Took, span: Span) {
        self.took.entry(what).or_default().push(span.0);
    }

    /// Takes the findings of one connection.
    fn found(&mut self, found: impl Iterator<Item = (String, Severity)>) {
        let mut worst = BTreeMap::new();
        found.for_each(|(code, severity)| add(&mut worst, code, severity));
        for (code, severity) in worst {
            let (count, known) = self.findings.entry(code).or_insert((0, severity));
            (*count, *known) = (*count + 1, severity.max(*known));
        }
    }
}

/// A whole capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its connections, by server.
    pub servers: BTreeMap<Server, Connections>,
    /// Findings that only many connections together show: the worst severity of each code, by whom it is about.
    pub wide: BTreeMap<(String, About), Severity>,
    /// Which findings were looked for.
    pub sought: Sought,
    /// What its report was made with that is not the usual, as it would be typed.
    pub settings: Vec<String>,
    /// What is known to be wrong with it.
    pub problems: Vec<String>,
    /// What was left out of it by accident: by damage, or by `--limit`.
    pub lacks: bool,
    /// By what its connections were chosen, if they were.
    pub part: Option<String>,
}

/// Whom a finding of many connections is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A server's address and port.
    Service(String, u16),
    /// A host.
    Host(String),
    /// The capture as a whole.
    Capture,
}

impl About {
    /// Facts that name a service or a host.
    const NAMED: [&str; 5] = ["service", "server", "host", "client", "holder"];

    /// Reads it from a finding's facts, of which `fact` gives one as text.
    fn of(fact: impl Fn(&str) -> Option<String>) -> About {
        let Some(name) = About::NAMED.into_iter().find_map(fact) else { return About::Capture };
        match name.parse::<SocketAddr>() {
            Ok(socket) => About::Service(socket.ip().to_string(), socket.port()),
            Err(_) => About::Host(name),
        }
    }
}

/// Which findings a report was asked for: all but those that it does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Codes of those looked for alone; all, if there is none.
    only: Vec<String>,
    /// Codes of those not looked for.
    ignore: Vec<String>,
}

impl Sought {
    /// Whether this one was looked for.
    pub fn has(&self, code: &str) -> bool {
        let among = |codes: &[String]| codes.iter().any(|known| known == code);
        (self.only.is_empty() || among(&self.only)) && !among(&self.ignore)
    }
}

/// Why a file is no saved report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReport {
    /// JSON that ends in the middle.
    #[error("is cut off, or was not written to its end: {0}")]
    Cut(String),
    /// Not JSON.
    #[error("is no JSON: {0}")]
    Json(String),
    /// One object a line.
    #[error("is NDJSON; save the report with --format json")]
    Lines,
    /// Of another kind or version.
    #[error("is no report of tcpstate that this version reads (`schema` is {0}, not \"{SCHEMA}\")")]
    Schema(String),
    /// Something is missing.
    #[error("is an incomplete report: {0}")]
    Part(String),
}

impl Sample {
    /// From a report.
    pub fn of(name: &str, report: &Report) -> Sample {
        let mut sample = Sample { name: name.to_owned(), ..Sample::default() };
        report.connections.iter().for_each(|c| sample.take(c));
        sample.complete(report);
        sample
    }

    /// Takes a connection. What of it is compared is added up, so that in memory there are its times and no more.
    pub fn take(&mut self, c: &Connection) {
        let to = self.servers.entry((c.server.addr.to_string(), c.server.port)).or_default();
        to.count += 1;
        to.is(Is::Outcome(c.outcome.name().into()));
        c.closed_first.iter().for_each(|who| to.is(Is::ClosedFirst(who.name().into())));
        for side in Side::ALL {
            let endpoint = c.endpoints.get(side);
            to.is(Is::EndsIn(side, endpoint.state.name().into()));
            let left = endpoint.time_in_state.iter().filter(|(state, _)| *state != endpoint.state);
            left.for_each(|(state, span)| to.took(Took::State(side, state.name().into()), span));
        }
        c.timing.handshake.iter().for_each(|span| to.took(Took::Handshake, *span));
        to.found(c.anomalies.iter().map(|a| (a.code.to_owned(), a.severity)));
    }

    /// How many connections it has.
    pub fn connections(&self) -> u64 {
        self.servers.values().map(|to| to.count).sum()
    }

    /// Takes all else; `report` need not have the connections any more.
    pub fn complete(&mut self, report: &Report) {
        for f in report.findings.iter().filter(|f| is_wide(f.code)) {
            let about = About::of(|name| f.facts.get(name)?.as_str().map(str::to_owned));
            add(&mut self.wide, (f.code.to_owned(), about), f.severity);
        }
        self.problems = report.capture.files.iter().filter_map(|file| file.problem.clone()).collect();
        self.lacks = !self.problems.is_empty();
        self.settings = report.capture.settings.as_ref().map(Settings::typed).unwrap_or_default();
    }

    /// From a report saved with `--format json`.
    ///
    /// # Errors
    /// If it is none, or of another version.
    pub fn saved(name: &str, text: &[u8]) -> Result<Sample, NoReport> {
        let report: Value = serde_json::from_slice(text).map_err(|error| match first_line(text) {
            Some(line) if line["type"].is_string() => NoReport::Lines,
            _ if error.is_eof() => NoReport::Cut(error.to_string()),
            _ => NoReport::Json(error.to_string()),
        })?;
        if report["schema"] != SCHEMA {
            return Err(NoReport::Schema(report["schema"].to_string()));
        }
        let part = |what: &str| NoReport::Part(format!("no `{what}`"));
        let connections = report["connections"].as_array().ok_or_else(|| part("connections"))?;
        let findings = report["findings"].as_array().ok_or_else(|| part("findings"))?;
        let files = report["capture"]["files"].as_array().ok_or_else(|| part("capture.files"))?;
        let mut servers = BTreeMap::new();
        for connection in connections {
            take(&mut servers, connection).ok_or_else(|| part("connections[]"))?;
        }
        let taken = connections.len() as u64;
        let mut wide = BTreeMap::new();
        for f in findings {
            let Some((code, severity)) = coded(f).filter(|(code, _)| is_wide(code)) else { continue };
            add(&mut wide, (code, About::of(|name| f["facts"][name].as_str().map(str::to_owned))), severity);
        }
        let mut problems: Vec<String> =
            files.iter().filter_map(|file| file["problem"].as_str().map(str::to_owned)).collect();
        if let Some(all) = report["summary"]["connections"].as_u64().filter(|all| *all > taken) {
            let (some, all) = (count(taken), plural(all, "connection"));
            problems.push(format!("has {some} of {all}, as --limit saved it; the others are in no comparison"));
        }
        let lacks = !problems.is_empty();
        let selected = &report["capture"]["selected"];
        let part = chosen(selected);
        let left = &report["summary"]["connections"];
        problems.extend(part.as_deref().and_then(|by| narrowed(by, &selected["of"], left)));
        let (sought, named) = sought(selected);
        problems.extend(named);
        let settings = settings(&report["capture"]["settings"]);
        Ok(Sample { name: name.to_owned(), servers, wide, sought, settings, problems, lacks, part })
    }
}

/// Keeps the worst severity of each.
pub(super) fn add<K: Ord>(worst: &mut BTreeMap<K, Severity>, key: K, severity: Severity) {
    let known = worst.entry(key).or_insert(severity);
    *known = severity.max(*known);
}

/// By what the connections of a report were chosen, as it says itself.
fn chosen(selected: &Value) -> Option<String> {
    let numbers = selected["connections"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let by = Selected {
        filter: selected["filter"].as_str().map(str::to_owned),
        connections: numbers.filter_map(Value::as_u64).collect(),
        ..Selected::default()
    };
    by.is_of_some().then(|| asked(&by, false))
}

/// What a report was made with, as it would be typed.
fn settings(saved: &Value) -> Vec<String> {
    let thresholds = saved["thresholds"].as_object().into_iter().flatten();
    let names = || detect::thresholds().map(|(_, threshold)| threshold.name).chain(["stuck-after"]);
    let known =
        thresholds.filter_map(|(name, value)| Some((names().find(|known| known == name)?, value.as_str()?.to_owned())));
    let word = |name: &str| saved[name].as_str();
    let stacks = Stack::ALL.into_iter().map(|(name, _)| name);
    let settings = Settings {
        thresholds: known.collect(),
        stack: word("stack").and_then(|stack| stacks.into_iter().find(|known| *known == stack)),
        msl: seconds(&saved["msl"]),
        vantage: word("vantage").and_then(|vantage| vantage.parse().ok()),
    };
    settings.typed()
}

/// That a report is about some connections only, chosen `by` something; so many are `left`.
fn narrowed(by: &str, of: &Value, left: &Value) -> Option<String> {
    let all = plural(of.as_u64()?, "connection");
    Some(format!("is about {} of {all} ({by}); the others are in no comparison", count(left.as_u64()?)))
}

/// The findings that were looked for, and what is said of it.
fn sought(selected: &Value) -> (Sought, Option<String>) {
    let names = |what: &str| -> Vec<String> {
        let names = selected[what].as_array().map_or(&[][..], Vec::as_slice).iter();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let (only, ignore) = (names("only"), names("ignore"));
    let options = [("--only", &only), ("--ignore", &ignore)];
    let by = options.map(|(option, names)| names.iter().map(|name| format!("{option} {name}")).collect::<Vec<_>>());
    let by = by.concat().join(" ");
    let said = format!("was not made for all findings ({by}); those it was not made for are not compared");
    let codes =
        |names: Vec<String>| names.iter().map(|n| detect::find(n).map_or(n.clone(), |d| d.code.into())).collect();
    (Sought { only: codes(only), ignore: codes(ignore) }, (!by.is_empty()).then_some(said))
}

fn first_line(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text.split(|byte| *byte == b'\n').next()?).ok()
}

fn coded(value: &Value) -> Option<(String, Severity)> {
    let severity = Severity::named(value["severity"].as_str()?)?;
    Some((value["code"].as_str()?.to_owned(), severity))
}

/// Takes a connection of a saved report; `None` if something is missing.
fn take(servers: &mut BTreeMap<Server, Connections>, c: &Value) -> Option<()> {
    let word = |value: &Value| value.as_str().map(|word| Word::Owned(word.to_owned()));
    let server = (c["server"]["addr"].as_str()?.to_owned(), u16::try_from(c["server"]["port"].as_u64()?).ok()?);
    let to = servers.entry(server).or_default();
    to.count += 1;
    to.is(Is::Outcome(word(&c["outcome"])?));
    word(&c["closed_first"]).into_iter().for_each(|who| to.is(Is::ClosedFirst(who)));
    for side in Side::ALL {
        let endpoint = &c["endpoints"][side.name()];
        let end = word(&endpoint["state"])?;
        for (state, span) in endpoint["time_in_state"].as_object()?.iter().filter(|(state, _)| **state != end) {
            to.took(Took::State(side, state.clone().into()), seconds(span)?);
        }
        to.is(Is::EndsIn(side, end));
    }
    seconds(&c["timing"]["handshake"]).into_iter().for_each(|span| to.took(Took::Handshake, span));
    to.found(c["anomalies"].as_array()?.iter().filter_map(coded));
    Some(())
}

/// Nanoseconds are kept for durations up to some weeks: a float has 53 bits.
fn seconds(value: &Value) -> Option<Span> {
    value.as_f64().map(|s| Span((s * 1e9).round() as i64))
}
