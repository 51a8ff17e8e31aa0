//! Limits on findings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::listed::Listed;
use super::scope::Allowed;
use super::{Offence, Part, Status};
use crate::detect::{DOUBTFUL, Declaration, Detect, SHORT_CAPTURE, find, is_wide};
use crate::policy::model::{Amount, Limit, Policy, Rule};
use crate::render::units::{count, plural, span};
use crate::report::{Anomaly, Connection, Finding, Report, Severity, Side};
use crate::time::{Span, Time};
use crate::tracker::State;

/// What a limit asks of each connection.
pub struct Asked<'p> {
    rule: &'p Rule,
    limit: &'p Limit,
    /// Whether single connections show any of its findings.
    of_single: bool,
    /// Whether only many connections show any of them.
    of_many: bool,
    /// Of those that take time to tell: name, states in which an end waits for it, and for how long.
    waits: Vec<(&'static str, &'static [State], Span)>,
}

impl<'p> Asked<'p> {
    /// By `limit`, of `rule`.
    pub fn new(limit: &'p Limit, rule: &'p Rule, policy: &Policy) -> Asked<'p> {
        let wanted = |d: &&Declaration| limit.severity.is_none_or(|least| d.severity >= least);
        let of_single = |d: &&Declaration| matches!(d.detect, Detect::Connection(..));
        let declarations: Vec<&'static Declaration> = limit.declarations().filter(wanted).filter(of_single).collect();
        let waits = declarations.iter().filter_map(|d| {
            let threshold = d.thresholds.iter().find(|t| t.waits)?;
            Some((d.name, waiting_states(d.name), policy.limits.span(threshold)))
        });
        let of_many = limit.declarations().any(|d| is_wide(d.code));
        Asked { rule, limit, of_single: !declarations.is_empty(), of_many, waits: waits.collect() }
    }

    /// Whether it must be known which connections a group has.
    pub fn tells_apart(&self) -> bool {
        self.rule.scope.is_some() || self.rule.each.is_some()
    }

    /// The findings of `report` that no single connection shows, as far as they are asked about. What is certain comes first:
    /// who offends is in no doubt.
    pub fn of_many<'r>(&self, report: &'r Report) -> Vec<&'r Finding> {
        let wide = report.findings.iter().filter(|f| self.of_many && is_asked(self, f));
        let (doubtful, mut all): (Vec<_>, Vec<_>) = wide.partition(|f| is_doubtful(&f.facts));
        all.extend(doubtful);
        all
    }
}

/// The connections of a group that show what a limit limits.
#[derive(Debug, Default)]
pub struct Group {
    of: u64,
    offences: Listed,
    doubts: Listed,
    /// Numbers of all, where these must be known.
    ids: Vec<u64>,
    /// Numbers of those that show it, and of those that may, where findings of many connections count as well: once each.
    known: [BTreeSet<u64>; 2],
}

impl Group {
    /// Takes a connection of a capture that ends at `end`; how many of its findings an exception covers.
    pub fn take(&mut self, asked: &Asked<'_>, c: &Connection, end: Option<Time>, allowed: &mut Allowed<'_>) -> u64 {
        let (limit, mut covered) = (asked.limit, 0);
        self.of += 1;
        if asked.tells_apart() {
            self.ids.push(c.id);
        }
        let mut shown: Option<&Anomaly> = None;
        let mut doubt: Option<&Anomaly> = None;
        for anomaly in c.anomalies.iter().filter(|a| limit.codes.is_empty() || limit.codes.contains(&a.code)) {
            // What a short capture tells early may end a moment later.
            let doubtful = is_doubtful(&anomaly.facts);
            if limit.severity.is_some_and(|least| usual(anomaly.code, anomaly.severity, doubtful) < least) {
                continue;
            }
            if allowed.covers(anomaly.code, c) {
                covered += 1;
            } else if !doubtful {
                shown = shown.filter(|s| s.severity >= anomaly.severity).or(Some(anomaly));
            } else {
                doubt.get_or_insert(anomaly);
            }
        }
        if let Some(anomaly) = shown {
            let message = || format!("{} {}: {}", anomaly.code, anomaly.name, anomaly.message);
            self.offences.add_of(c.id, || Offence::of(c, anomaly.packet, Some(anomaly.time), message()));
        } else if let Some(anomaly) = doubt {
            self.doubts.add_of(c.id, || Offence::of(c, anomaly.packet, None, anomaly.message.clone()));
        } else if let Some(why) = unseen(asked, c, end) {
            self.doubts.add_of(c.id, || Offence::of(c, None, None, why.text()));
        } else {
            return covered;
        }
        if asked.of_many {
            self.known[usize::from(shown.is_none())].insert(c.id);
        }
        covered
    }

    /// Numbers of its connections, where these must be known.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Takes a finding that only many connections show, for those of its `members` in the group that are not excepted and do
    /// not count already; how many of them an exception covers.
    fn take_wide(&mut self, f: &Finding, mut members: Vec<u64>, allowed: &mut Allowed<'_>) -> u64 {
        // A matter of the capture is one of no connection.
        if members.is_empty() && !f.connections.is_empty() {
            return 0;
        }
        let of_the_capture = members.is_empty();
        let covered = allowed.take_wide(f.code, &mut members);
        if members.is_empty() && covered > 0 {
            return covered;
        }
        let doubtful = is_doubtful(&f.facts);
        let before = |id: &u64| self.known[0].contains(id) || doubtful && self.known[1].contains(id);
        let first = members.first().copied();
        members.retain(|id| !before(id));
        let (list, known) = match doubtful {
            true => (&mut self.doubts, &mut self.known[1]),
            false => (&mut self.offences, &mut self.known[0]),
        };
        let cases = if of_the_capture { 1 } else { members.len() as u64 };
        known.extend(members);
        list.add_cases(cases, || Offence {
            connection: f.connections.first().copied().or(first),
            who: "the capture as a whole".to_owned(),
            packet: f.packets.first().copied(),
            time: None,
            message: format!("{} {}: {}", f.code, f.name, f.message),
            cases,
        });
        covered
    }

    /// What it comes to, with the findings that no single connection shows and those of its connections that have a part in
    /// each, and how many of these an exception covers.
    pub fn part<'r>(
        mut self,
        asked: &Asked<'_>,
        wide: impl Iterator<Item = (&'r Finding, Vec<u64>)>,
        allowed: &mut Allowed<'_>,
    ) -> (Part, u64) {
        let covered = wide.map(|(f, members)| self.take_wide(f, members, allowed)).sum();
        let Group { of, offences, doubts, .. } = self;
        let (found, unsure) = (offences.count, doubts.count);
        let status = Status::of(found, unsure, of, asked.limit.max);
        let doubt = match unsure {
            n if n == 0 || status == Status::Fail => String::new(),
            n => format!(", {} more may", count(n)),
        };
        let most = match asked.limit.max {
            Amount::Count(0) => "none is allowed".to_owned(),
            Amount::Count(n) => format!("{} are allowed", count(n)),
            Amount::Share(share) => format!("{share} are allowed"),
        };
        let message = match found {
            0 if unsure == 0 => format!("none in {}", plural(of, "connection")),
            0 => format!("none seen in {}{}", plural(of, "connection"), doubt.replace("more ", "")),
            n => format!("{} of {} ({most}){doubt}", count(n), plural(of, "connection")),
        };
        (Part { status, message, offences, doubts }, covered)
    }
}

/// Whether what has these facts may be wrong, or end a moment after a short capture does.
fn is_doubtful(facts: &BTreeMap<&'static str, Value>) -> bool {
    facts.contains_key(DOUBTFUL) || facts.contains_key(SHORT_CAPTURE)
}

/// How bad the finding would be that is told as `severity`, if it were not doubtful.
fn usual(code: &str, severity: Severity, doubtful: bool) -> Severity {
    if doubtful { find(code).map_or(severity, |d| severity.max(d.severity)) } else { severity }
}

/// Whether `f` is one of those that no single connection shows, and that are asked about.
fn is_asked(asked: &Asked<'_>, f: &Finding) -> bool {
    let limit = asked.limit;
    (limit.codes.is_empty() || limit.codes.contains(&f.code))
        && limit.severity.is_none_or(|least| usual(f.code, f.severity, is_doubtful(&f.facts)) >= least)
        && is_wide(f.code)
}

/// Why a connection may have what the capture does not show.
enum Unseen {
    OneWay,
    /// An end has been in this state for this long; it takes longer to tell a finding.
    Waits {
        side: Side,
        state: State,
        quiet: Span,
        finding: &'static str,
        wait: Span,
    },
}

impl Unseen {
    fn text(&self) -> String {
        match self {
            Unseen::OneWay => "only one direction was captured".to_owned(),
            Unseen::Waits { side, state, quiet, finding, wait } => format!(
                "the capture ends {} after the {} entered {state}; {finding} takes {} to tell",
                span((*quiet).max(Span(0))),
                side.name(),
                span(*wait),
            ),
        }
    }
}

/// Why `c` may have what the capture, which ends at `end`, does not show, if it may.
fn unseen(asked: &Asked<'_>, c: &Connection, end: Option<Time>) -> Option<Unseen> {
    if c.is_one_way() && asked.of_single {
        return Some(Unseen::OneWay);
    }
    let end = end?;
    for (finding, states, wait) in &asked.waits {
        for side in Side::ALL {
            let endpoint = c.endpoints.get(side);
            if !states.contains(&endpoint.state) {
                continue;
            }
            let since = endpoint.history.last().map_or(c.first, |entry| entry.captured.unwrap_or(entry.time));
            let quiet = end - since.max(c.first);
            if quiet < *wait {
                return Some(Unseen::Waits { side, state: endpoint.state, quiet, finding, wait: *wait });
            }
        }
    }
    None
}

/// The states in which an end may yet turn out to have the finding called `name`.
fn waiting_states(name: &str) -> &'static [State] {
    WAITING.iter().find(|(known, _)| *known == name).map_or(&[], |(_, states)| states)
}

/// Of findings that take time to tell. Data without an answer, closed windows and idleness leave no state behind: what begins
/// in the last seconds of a capture is not seen, and not doubted either, or no capture of open connections would ever pass.
const WAITING: [(&str, &[State]); 11] = [
    ("close-wait-stuck", &[State::CloseWait]),
    ("fin-wait-2-stuck", &[State::FinWait2]),
    ("last-ack-stuck", &[State::LastAck]),
    ("fin-unacked", &[State::FinWait1, State::Closing, State::LastAck]),
    ("half-open-syn", &[State::SynRcvd]),
    ("half-open-accept-overflow", &[State::SynRcvd]),
    ("syn-unanswered", &[State::SynSent]),
    ("half-open-dead-peer", &[]),
    ("request-unanswered", &[]),
    ("zero-window-stall", &[]),
    ("established-growth", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_waits_is_accounted_for() {
        let waits = crate::detect::ALL.iter().filter(|d| d.thresholds.iter().any(|t| t.waits));
        for declaration in waits {
            assert!(WAITING.iter().any(|(name, _)| *name == declaration.name), "{}", declaration.name);
        }
    }
}
