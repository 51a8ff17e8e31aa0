//! Findings of two samples: those that came, those that went.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::enough;
use super::sample::{Connections, Sample, add};
use super::service::Services;
use super::stats::fisher;
use crate::report::Severity;

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was not there before.
    New,
    /// More connections show it, or it is more severe.
    Worse,
    /// Fewer connections show it, or it is less severe.
    Less,
    /// It is not there any more.
    Gone,
    /// As before, as far as can be told.
    Same,
}

impl Fate {
    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            Fate::New => "new",
            Fate::Worse => "worse",
            Fate::Less => "less",
            Fate::Gone => "gone",
            Fate::Same => "same",
        }
    }
}

/// A finding in both captures, or in one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingChange {
    /// Which service or host, or the capture as a whole.
    pub service: String,
    /// Its code.
    pub code: String,
    /// Its worst severity, before and after.
    pub severity: (Option<Severity>, Option<Severity>),
    /// How many of how many connections show it; of what only many together show, whether it is there, of 1 if they are.
    pub before: (u64, u64),
    /// The same after.
    pub after: (u64, u64),
    /// As of a [`Comparison`](super::compare::Comparison).
    pub p: Option<f64>,
    /// What became of it.
    pub fate: Fate,
}

/// What single connections of a service show.
pub(super) fn of_connections(service: &str, was: &[&Connections], is: &[&Connections]) -> Vec<FindingChange> {
    let count = |to: &[&Connections]| {
        let mut counts: BTreeMap<String, (u64, Severity)> = BTreeMap::new();
        for (code, (count, severity)) in to.iter().flat_map(|to| &to.findings) {
            let entry = counts.entry(code.clone()).or_insert((0, *severity));
            *entry = (entry.0 + count, entry.1.max(*severity));
        }
        counts
    };
    let (old, new, were, are) = (count(was), count(is), all(was), all(is));
    let codes: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |code: &String| {
        let (a, b) = (old.get(code), new.get(code));
        let (before, after) = ((a.map_or(0, |x| x.0), were), (b.map_or(0, |x| x.0), are));
        FindingChange {
            service: service.to_owned(),
            code: code.clone(),
            severity: (a.map(|x| x.1), b.map(|x| x.1)),
            before,
            after,
            p: enough(were, are).then(|| fisher(before, after)),
            fate: fate(a.map(|x| x.1), b.map(|x| x.1)),
        }
    };
    codes.into_iter().map(change).collect()
}

fn fate(before: Option<Severity>, after: Option<Severity>) -> Fate {
    match (before, after) {
        (None, _) => Fate::New,
        (_, None) => Fate::Gone,
        (Some(a), Some(b)) if b > a => Fate::Worse,
        _ => Fate::Same,
    }
}

/// Connections of a sample by service.
pub(super) type Groups<'s> = BTreeMap<String, Vec<&'s Connections>>;

/// How many connections some servers have.
pub(super) fn all(to: &[&Connections]) -> u64 {
    to.iter().map(|to| to.count).sum()
}

/// What only many connections together show: of a service, of a host, or of the capture.
pub(super) fn wide(
    (before, was): (&Sample, &Groups<'_>),
    (after, is): (&Sample, &Groups<'_>),
    services: &Services,
) -> Vec<FindingChange> {
    let named = |sample: &Sample| {
        let mut named: BTreeMap<(String, String), Severity> = BTreeMap::new();
        for ((code, about), severity) in &sample.wide {
            add(&mut named, (services.about(about), code.clone()), *severity);
        }
        named
    };
    let (old, new) = (named(before), named(after));
    let all: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    // Nothing shows of a service that is not there.
    let there = |name: &String, groups: &Groups<'_>, others: &Groups<'_>| {
        u64::from(!groups.is_empty() && (groups.contains_key(name) || !others.contains_key(name)))
    };
    let change = |key: &(String, String)| {
        let severity = (old.get(key).copied(), new.get(key).copied());
        FindingChange {
            service: key.0.clone(),
            code: key.1.clone(),
            severity,
            before: (u64::from(severity.0.is_some()), there(&key.0, was, is)),
            after: (u64::from(severity.1.is_some()), there(&key.0, is, was)),
            p: None,
            fate: fate(severity.0, severity.1),
        }
    };
    all.into_iter().map(change).collect()
}
