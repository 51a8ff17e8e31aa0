//! Limits on findings.

use super::scope::Allowed;
use super::{Offence, Part, Status, number};
use crate::detect::{Declaration, Detect, SHORT_CAPTURE};
use crate::filter::eval::one_way;
use crate::policy::model::{Amount, Limit, Policy, Rule};
use crate::render::units::{count, span};
use crate::report::{Anomaly, Connection, Report, Side};
use crate::time::Span;
use crate::tracker::State;

/// How many of `members` show what `limit` limits.
pub fn part(
    limit: &Limit,
    rule: &Rule,
    members: &[&Connection],
    policy: &Policy,
    report: &Report,
    allowed: &mut Allowed<'_>,
    covered: &mut u64,
) -> Part {
    let (mut offences, mut doubts) = (Vec::new(), Vec::new());
    for c in members {
        let mut shown: Option<&Anomaly> = None;
        let mut doubt: Option<(Option<u64>, String)> = None;
        for anomaly in c.anomalies.iter().filter(|a| limit.codes.is_empty() || limit.codes.contains(&a.code)) {
            // What a short capture tells early may end a moment later.
            let short = anomaly.facts.contains_key(SHORT_CAPTURE);
            let doubtful = anomaly.facts.contains_key("doubtful");
            let usual = crate::detect::find(anomaly.code).map_or(anomaly.severity, |d| d.severity);
            let severity = if doubtful || short { anomaly.severity.max(usual) } else { anomaly.severity };
            if limit.severity.is_some_and(|least| severity < least) {
                continue;
            }
            if allowed.covers(anomaly.code, c) {
                *covered += 1;
            } else if !doubtful && !short {
                shown = shown.filter(|s| s.severity >= anomaly.severity).or(Some(anomaly));
            } else {
                doubt.get_or_insert((anomaly.packet, anomaly.message.clone()));
            }
        }
        if let Some(anomaly) = shown {
            let message = format!("{} {}: {}", anomaly.code, anomaly.name, anomaly.message);
            offences.push(Offence::of(c, anomaly.packet, Some(anomaly.time), message));
        } else if let Some((packet, message)) = doubt.or_else(|| Some((None, unseen(limit, c, policy, report)?))) {
            doubts.push(Offence::of(c, packet, None, message));
        }
    }
    let wide = wide(limit, rule, members, report);
    let of = members.len() as u64;
    let found = offences.len() as u64 + wide.iter().map(|(count, _)| count).sum::<u64>();
    offences.extend(wide.into_iter().map(|(_, offence)| offence));
    let status = Status::of(found, doubts.len() as u64, of, limit.max);
    let doubt = match doubts.len() as u64 {
        n if n == 0 || status == Status::Fail => String::new(),
        n => format!(", {} more may", count(n)),
    };
    let most = match limit.max {
        Amount::Count(0) => "none is allowed".to_owned(),
        Amount::Count(n) => format!("{} are allowed", count(n)),
        Amount::Share(share) => format!("{share} are allowed"),
    };
    let message = match found {
        0 if doubts.is_empty() => format!("none in {}", number(of)),
        0 => format!("none seen in {}{}", number(of), doubt.replace("more ", "")),
        n => format!("{} of {} ({most}){doubt}", count(n), number(of)),
    };
    Part { status, message, offences, doubts }
}

/// Findings that no single connection shows.
fn wide(limit: &Limit, rule: &Rule, members: &[&Connection], report: &Report) -> Vec<(u64, Offence)> {
    let is_wide = |code: &str| crate::detect::find(code).is_some_and(|d| matches!(d.detect, Detect::Capture(_)));
    let wanted = |f: &&crate::report::Finding| {
        (limit.codes.is_empty() || limit.codes.contains(&f.code))
            && limit.severity.is_none_or(|least| f.severity >= least)
            && is_wide(f.code)
            && (rule.scope.is_none() && rule.each.is_none()
                || f.connections.iter().any(|id| members.iter().any(|c| c.id == *id)))
    };
    let offence = |f: &crate::report::Finding| Offence {
        connection: f.connections.first().copied(),
        who: "the capture as a whole".to_owned(),
        packet: f.packets.first().copied(),
        time: None,
        message: format!("{} {}: {}", f.code, f.name, f.message),
    };
    report.findings.iter().filter(wanted).map(|f| (f.count.max(1), offence(f))).collect()
}

/// Why `c` may have what the capture does not show, if it may.
fn unseen(limit: &Limit, c: &Connection, policy: &Policy, report: &Report) -> Option<String> {
    let wanted = |d: &&Declaration| limit.severity.is_none_or(|least| d.severity >= least);
    let declarations: Vec<&Declaration> =
        limit.declarations().filter(wanted).filter(|d| matches!(d.detect, Detect::Connection(..))).collect();
    if one_way(c) && !declarations.is_empty() {
        return Some("only one direction was captured".to_owned());
    }
    let end = report.capture.last?;
    for declaration in declarations {
        let Some(threshold) = declaration.thresholds.iter().find(|t| t.waits) else { continue };
        let wait = policy.limits.span(threshold);
        for side in [Side::Client, Side::Server] {
            let endpoint = c.endpoints.get(side);
            let since = endpoint.history.last().map_or(c.first, |entry| entry.captured.unwrap_or(entry.time));
            let quiet = end - since.max(c.first);
            if waiting_states(declaration.name).contains(&endpoint.state) && quiet < wait {
                return Some(format!(
                    "the capture ends {} after the {} entered {}; {} takes {} to tell",
                    span(quiet.max(Span(0))),
                    side.name(),
                    endpoint.state,
                    declaration.name,
                    span(wait),
                ));
            }
        }
    }
    None
}

/// The states in which an end may yet turn out to have the finding called `name`.
fn waiting_states(name: &str) -> &'static [State] {
    WAITING.iter().find(|(known, _)| *known == name).map_or(&[], |(_, states)| states)
}

/// Of findings that take time to tell. Data without an answer and closed windows leave no state behind: what begins in the
/// last seconds of a capture is not seen, and not doubted either, or no capture of open connections would ever pass.
const WAITING: [(&str, &[State]); 9] = [
    ("close-wait-stuck", &[State::CloseWait]),
    ("fin-wait-2-stuck", &[State::FinWait2]),
    ("last-ack-stuck", &[State::LastAck]),
    ("fin-unacked", &[State::FinWait1, State::Closing, State::LastAck]),
    ("half-open-syn", &[State::SynRcvd]),
    ("half-open-accept-overflow", &[State::SynRcvd]),
    ("syn-unanswered", &[State::SynSent]),
    ("half-open-dead-peer", &[]),
    ("zero-window-stall", &[]),
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
