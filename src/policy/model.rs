//! A policy as data: what its file says, resolved and checked.

use jiff::civil::Date;

use crate::detect::{ALL, Declaration, Limits};
use crate::filter::Filter;
use crate::report::{ClosedFirst, Outcome, Severity, Side};
use crate::time::Span;
use crate::tracker::State;

/// Everything a capture is held against.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Name of the file it came from; absent for the built-in one.
    pub file: Option<String>,
    /// Thresholds of the detectors.
    pub limits: Limits,
    /// What the capture must be like for a rule to pass.
    pub capture: Demands,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// What is allowed all the same.
    pub allowances: Vec<Allowance>,
}

/// What a capture must be like.
#[derive(Clone, Debug, PartialEq)]
pub struct Demands {
    /// Line of the table in the file.
    pub line: Option<u32>,
    /// Packets at least.
    pub min_packets: u64,
    /// Connections at least.
    pub min_connections: u64,
    /// From its first packet to its last.
    pub min_duration: Span,
    /// At most this share of the bytes, or of the connections, may show that packets are missing, and of the packets may not
    /// be decoded.
    pub max_missing: Share,
    /// At most this share of connections may have been captured in one direction only.
    pub max_one_way: Share,
    /// At most this share of connections may have been open before the capture began.
    pub max_midstream: Share,
    /// Its files must be whole.
    pub complete: bool,
    /// What has not changed for this long before the end of the capture is not expected to change.
    pub settled: Span,
}

impl Default for Demands {
    fn default() -> Demands {
        Demands {
            line: None,
            min_packets: 1,
            min_connections: 1,
            min_duration: Span(0),
            max_missing: Share(10_000),
            max_one_way: Share(50_000),
            max_midstream: Share::ALL,
            complete: true,
            settled: Span::secs(60),
        }
    }
}

/// A share in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u32);

impl Share {
    /// All of them.
    pub const ALL: Share = Share(1_000_000);

    /// Whether `part` of `of` is at most this share.
    pub fn allows(self, part: u64, of: u64) -> bool {
        u128::from(part) * 1_000_000 <= u128::from(of) * u128::from(self.0)
    }
}

/// `1 %`
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 1e4)
    }
}

/// How much of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many connections.
    Count(u64),
    /// Such a share of the connections looked at.
    Share(Share),
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Shown in every output; unique in its policy.
    pub name: String,
    /// Why the rule exists, in the words of who wrote it.
    pub why: Option<String>,
    /// Line in the file.
    pub line: Option<u32>,
    /// Whether a failure fails the run.
    pub level: Level,
    /// Which connections it is about; all without one.
    pub scope: Option<Filter>,
    /// Must hold in each such group.
    pub each: Option<Each>,
    /// What it comes to when it is about no connection of the capture.
    pub if_none: IfNone,
    /// What must hold.
    pub test: Test,
}

/// What a failed rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Fails the run.
    #[default]
    Error,
    /// Is only shown.
    Warning,
}

/// Groups of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Those to one server address and port.
    Service,
    /// Those to one server address.
    Server,
    /// Those from one client address.
    Client,
}

/// What a rule about nothing comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfNone {
    /// It cannot be told.
    #[default]
    Unclear,
    /// It passes.
    Pass,
    /// It fails.
    Fail,
}

/// What must hold.
#[derive(Clone, Debug)]
pub enum Test {
    /// At most so many connections may show such a finding.
    Limit(Limit),
    /// Connections must be like this.
    Expect(Expect),
}

/// A limit on findings.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Codes; empty for every finding.
    pub codes: Vec<&'static str>,
    /// At least this severe.
    pub severity: Option<Severity>,
    /// How many connections may show it.
    pub max: Amount,
}

impl Limit {
    /// The findings it is about.
    pub fn declarations(&self) -> impl Iterator<Item = &'static Declaration> {
        ALL.iter().copied().filter(|d| self.codes.is_empty() || self.codes.contains(&d.code))
    }
}

/// Assertions about connections.
#[derive(Clone, Debug)]
pub struct Expect {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The share of connections for which those about single connections must hold.
    pub at_least: Share,
}

/// One assertion.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// No such end was ever in such a state.
    Never(Vec<(Option<Side>, State)>),
    /// That end (or both) is in one of these states when the capture ends.
    EndsIn(Option<Side>, Vec<State>),
    /// It came to one of these.
    Outcome(Vec<Outcome>),
    /// One of these closed first.
    ClosedFirst(Vec<ClosedFirst>),
    /// If it was reset, then for one of these causes.
    ResetCauses(Vec<String>),
    /// Handshakes took no longer.
    Handshake(Vec<(Quantile, Span)>),
    /// That end (or either) was in the state for no longer.
    TimeIn(Option<Side>, State, Vec<(Quantile, Span)>),
    /// So many connections, in all.
    Count(u64, Option<u64>),
}

impl Condition {
    /// Whether it holds or not for each connection by itself.
    pub fn is_single(&self) -> bool {
        !matches!(self, Condition::Handshake(_) | Condition::TimeIn(..) | Condition::Count(..))
    }
}

/// A quantile; the maximum is 1,000,000 millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantile(pub u32);

impl Quantile {
    /// Those that a policy may name.
    pub const ALL: [(&'static str, Quantile); 6] = [
        ("p50", Quantile(500_000)),
        ("p90", Quantile(900_000)),
        ("p95", Quantile(950_000)),
        ("p99", Quantile(990_000)),
        ("p999", Quantile(999_000)),
        ("max", Quantile(1_000_000)),
    ];

    /// As in a policy.
    pub fn name(self) -> &'static str {
        Quantile::ALL.iter().find(|(_, q)| *q == self).map_or("", |(name, _)| name)
    }
}

/// An exception with a reason.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Line in the file.
    pub line: Option<u32>,
    /// Codes of the findings that are allowed; empty if it is about rules.
    pub codes: Vec<&'static str>,
    /// Name of the rule from which connections are exempt.
    pub rule: Option<String>,
    /// Which connections; all without one.
    pub scope: Option<Filter>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: Option<Date>,
}

impl Policy {
    /// Whether there is no rule in it.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What holds when nothing else is said: none of the findings that are warnings or errors.
    pub fn standard() -> Policy {
        let rule = |d: &&'static Declaration| Rule {
            name: format!("no {}", d.name),
            why: Some(d.why.to_owned()),
            line: None,
            level: Level::Error,
            scope: None,
            each: None,
            if_none: IfNone::Unclear,
            test: Test::Limit(Limit { codes: vec![d.code], severity: Some(Severity::Warning), max: Amount::Count(0) }),
        };
        let rules = ALL.iter().filter(|d| d.severity >= Severity::Warning).map(rule).collect();
        Policy { rules, ..Policy::default() }
    }
}
