//! All comparisons between two samples.

use std::collections::BTreeSet;

use super::findings::{Fate, FindingChange, Groups, all, of_connections, wide};
use super::sample::{Connections, Is, Sample, Took};
use super::service::{By, Services};
use super::stats::{fisher, holm, mann_whitney};
use crate::render::facts::input;
use crate::report::{Outcome, Severity};
use crate::time::Span;
use crate::tracker::State;

/// Fewer in either sample say nothing.
pub const LEAST: u64 = 8;
/// A median has to move by this share, and by this much, to be called another.
const SHIFT: (f64, Span) = (0.1, Span::micros(500));

/// What a comparison came to, from bad to indifferent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It got worse.
    Worse,
    /// It got better.
    Better,
    /// It is another, which is neither good nor bad by itself.
    Other,
    /// No difference shows.
    Same,
    /// There are too few to tell.
    TooFew,
}

impl Verdict {
    /// One or two words.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Worse => "worse",
            Verdict::Better => "better",
            Verdict::Other => "other",
            Verdict::Same => "same",
            Verdict::TooFew => "too few",
        }
    }
}

/// Times of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Half of them are shorter.
    pub median: Span,
    /// 95 of 100 are shorter.
    pub p95: Span,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// How many of how many connections, before and after.
    Share((u64, u64), (u64, u64)),
    /// Times before and after, and the chance that one after is longer than one before.
    Times(Times, Times, f64),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Which service.
    pub service: String,
    /// What: `outcome reset`, `handshake`, `server's CLOSE_WAIT`.
    pub what: String,
    /// The numbers.
    pub measured: Measured,
    /// Chance of a difference at least so large without a cause, corrected for the number of comparisons.
    pub p: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// Everything that was compared.
#[derive(Clone, Debug)]
#[must_use = "it says how it came out"]
pub struct Difference {
    /// Names and numbers of connections, before and after.
    pub samples: [(String, u64); 2],
    /// What the reports were made with that is not the usual, before and after.
    pub settings: [Vec<String>; 2],
    /// What is wrong with the captures.
    pub problems: Vec<String>,
    /// How services were told apart.
    pub by: By,
    /// Findings, new ones first.
    pub findings: Vec<FindingChange>,
    /// Comparisons, worse ones first.
    pub comparisons: Vec<Comparison>,
    /// Services that only the capture before has, with their connections.
    pub gone: Vec<(String, u64)>,
    /// Services that only the capture after has.
    pub new: Vec<(String, u64)>,
    /// What p-values were held against.
    pub alpha: f64,
    /// Why nothing was compared, if nothing was.
    pub nothing: Option<String>,
    /// Why what is not told to be new may be new all the same.
    pub new_unclear: Vec<String>,
    /// Why what is not told to be worse may be worse all the same.
    pub worse_unclear: Vec<String>,
}

impl Difference {
    /// Whether a finding at least so severe is new.
    pub fn has_new(&self, least: Severity) -> bool {
        self.findings.iter().any(|f| f.fate == Fate::New && f.severity.1.is_some_and(|s| s >= least))
    }

    /// Whether anything got worse.
    pub fn has_worse(&self) -> bool {
        self.comparisons.iter().any(|c| c.verdict == Verdict::Worse)
            || self.findings.iter().any(|f| f.fate == Fate::Worse)
    }
}

/// Compares two samples; differences of shares and times that chance makes more often than `alpha` are none.
pub fn compare(before: &Sample, after: &Sample, services: &Services, alpha: f64) -> Difference {
    let services = services.settled(before, after);
    let (old, new) = (services.group(before), services.group(after));
    let only = |a: &Groups<'_>, b: &Groups<'_>| {
        let missing = a.iter().filter(|(name, _)| !b.contains_key(*name));
        missing.map(|(name, to)| (name.clone(), all(to))).collect::<Vec<_>>()
    };
    let (mut comparisons, mut findings) = (Vec::new(), Vec::new());
    let none = Vec::new();
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (was, is) = (old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        if !was.is_empty() && !is.is_empty() {
            comparisons.extend(shares(name, was, is));
            comparisons.extend(times(name, was, is));
        }
        findings.extend(of_connections(name, was, is));
    }
    findings.extend(wide((before, &old), (after, &new), &services));
    // What one side was not asked for is not known there.
    findings.retain(|f| before.sought.has(&f.code) && after.sought.has(&f.code));
    correct(&mut comparisons, &mut findings, alpha);
    comparisons.sort_by(|a, b| (a.verdict, &a.service, &a.what).cmp(&(b.verdict, &b.service, &b.what)));
    findings
        .sort_by(|a, b| (a.fate, b.severity.1, &a.service, &a.code).cmp(&(b.fate, a.severity.1, &b.service, &b.code)));
    let nothing = nothing([before, after], &old, &new);
    // What is found in all of the capture after is all that can be new.
    let new_unclear = [unclear(after, before), emptiness(after).into_iter().collect()].concat();
    let worse_unclear =
        [unclear(before, after), unclear(after, before), nothing.clone().into_iter().collect()].concat();
    let named = |sample: &Sample| sample.problems.iter().map(|p| format!("{}: {p}", sample.name)).collect::<Vec<_>>();
    Difference {
        samples: [before, after].map(|sample| (sample.name.clone(), sample.connections())),
        settings: [before, after].map(|sample| sample.settings.clone()),
        problems: [named(before), named(after)].concat(),
        by: services.by,
        findings,
        comparisons,
        gone: only(&old, &new),
        new: only(&new, &old),
        alpha,
        nothing,
        new_unclear,
        worse_unclear,
    }
}

/// That a sample has nothing to compare.
fn emptiness(sample: &Sample) -> Option<String> {
    sample.servers.is_empty().then(|| format!("{} has no connections", input(&sample.name)))
}

/// Why no service was compared.
fn nothing(samples: [&Sample; 2], old: &Groups<'_>, new: &Groups<'_>) -> Option<String> {
    let empty: Vec<String> = samples.into_iter().filter_map(emptiness).collect();
    match empty.as_slice() {
        [] => old.keys().all(|name| !new.contains_key(name)).then(|| "no service is in both captures".to_owned()),
        _ => Some(empty.join(", ")),
    }
}

/// What of a sample is not known that is of the `other`, as far as it was not meant to be left out of both.
fn unclear(sample: &Sample, other: &Sample) -> Vec<String> {
    let lacks = sample.lacks || sample.part.is_some() && sample.part != other.part;
    if !lacks { Vec::new() } else { vec![format!("{} is not whole", input(&sample.name))] }
}

/// Outcomes, who closed first, states at the end: each that occurs, against all else.
fn shares(service: &str, was: &[&Connections], is: &[&Connections]) -> Vec<Comparison> {
    let (were, are) = (all(was), all(is));
    let words: BTreeSet<&Is> = was.iter().chain(is).flat_map(|to| to.are.keys()).collect();
    let of = |to: &[&Connections], what: &Is| to.iter().filter_map(|to| to.are.get(what)).sum::<u64>();
    let comparison = |what: &Is| {
        let (before, after) = ((of(was, what), were), (of(is, what), are));
        Comparison {
            service: service.to_owned(),
            what: what.to_string(),
            measured: Measured::Share(before, after),
            p: enough(were, are).then(|| fisher(before, after)),
            verdict: Verdict::TooFew,
        }
    };
    words.into_iter().map(comparison).collect()
}

pub(super) fn enough(before: u64, after: u64) -> bool {
    before >= LEAST && after >= LEAST
}

/// Handshakes, and the time in each state that was left again.
fn times(service: &str, was: &[&Connections], is: &[&Connections]) -> Vec<Comparison> {
    let what: BTreeSet<&Took> = was.iter().chain(is).flat_map(|to| to.took.keys()).collect();
    let sorted = |to: &[&Connections], what: &Took| {
        let mut spans: Vec<i64> = to.iter().filter_map(|to| to.took.get(what)).flatten().copied().collect();
        spans.sort_unstable();
        spans
    };
    let comparison = |what: &Took| {
        let (before, after) = (sorted(was, what), sorted(is, what));
        if before.is_empty() || after.is_empty() {
            return None;
        }
        let ranks = mann_whitney(&before, &after);
        Some(Comparison {
            service: service.to_owned(),
            what: what.to_string(),
            measured: Measured::Times(summary(&before), summary(&after), ranks.larger),
            p: enough(before.len() as u64, after.len() as u64).then_some(ranks.p),
            verdict: Verdict::TooFew,
        })
    };
    what.into_iter().filter_map(comparison).collect()
}

fn summary(sorted: &[i64]) -> Times {
    let at = |percent: usize| Span(sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0));
    Times { count: sorted.len() as u64, median: at(50), p95: at(95) }
}

/// Corrects all p-values together and draws the conclusions.
fn correct(comparisons: &mut [Comparison], findings: &mut [FindingChange], alpha: f64) {
    let values: Vec<f64> = comparisons.iter().filter_map(|c| c.p).chain(findings.iter().filter_map(|f| f.p)).collect();
    let mut corrected = holm(&values).into_iter();
    for c in comparisons {
        c.p = c.p.and_then(|_| corrected.next());
        c.verdict = match c.p {
            None => Verdict::TooFew,
            Some(p) if p < alpha => direction(&c.what, &c.measured),
            Some(_) => Verdict::Same,
        };
    }
    for f in findings {
        f.p = f.p.and_then(|_| corrected.next());
        if f.fate == Fate::Same && f.p.is_some_and(|p| p < alpha) {
            let share = |(k, n): (u64, u64)| k as f64 / n.max(1) as f64;
            f.fate = if share(f.after) > share(f.before) { Fate::Worse } else { Fate::Less };
        }
        // More of what is less severe is still worse.
        if f.fate == Fate::Same && f.severity.1 < f.severity.0 {
            f.fate = Fate::Less;
        }
    }
}

/// Whether a difference is for the worse.
fn direction(what: &str, measured: &Measured) -> Verdict {
    let by = |more: bool, bad: bool| if more == bad { Verdict::Worse } else { Verdict::Better };
    match measured {
        Measured::Share((a, n), (b, m)) => {
            let more = u128::from(*b) * u128::from(*n) > u128::from(*a) * u128::from(*m);
            let bad = [Outcome::Reset, Outcome::Refused, Outcome::Unanswered, Outcome::HalfOpen];
            match what.strip_prefix("outcome ") {
                Some(outcome) if outcome == Outcome::Closed.name() => by(more, false),
                Some(outcome) if bad.iter().any(|b| b.name() == outcome) => by(more, true),
                _ => Verdict::Other,
            }
        }
        Measured::Times(before, after, _) => {
            let shift = (after.median - before.median).0;
            let least = (before.median.0 as f64 * SHIFT.0).max(SHIFT.1.0 as f64);
            if (shift.abs() as f64) < least {
                return Verdict::Same;
            }
            // How long a connection is open, or a closed one waits, is the application's affair.
            let neutral = [State::Established, State::TimeWait].iter().any(|state| what.ends_with(state.name()));
            if neutral { Verdict::Other } else { by(shift > 0, true) }
        }
    }
}
