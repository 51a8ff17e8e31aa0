//! Assertions about connections.

use super::condition::{Holds, blind, single};
use super::number as connections;
use super::{Offence, Part, Status, rest, sum};
use crate::policy::model::{Condition, Expect, Policy, Quantile, Share};
use crate::render::units::{count, span};
use crate::report::{Connection, Origin, Report, Side};
use crate::time::Span;
use crate::tracker::State;

/// Whether `members` are as `expect` says.
pub fn part(expect: &Expect, members: &[&Connection], policy: &Policy, report: &Report) -> Part {
    let mut parts = Vec::new();
    let singles: Vec<&Condition> = expect.conditions.iter().filter(|c| c.is_single()).collect();
    if !singles.is_empty() {
        parts.push(each(expect, &singles, members, policy, report));
    }
    for condition in &expect.conditions {
        match condition {
            Condition::Handshake(quantiles) => parts.push(handshake(quantiles, members)),
            Condition::TimeIn(side, state, quantiles) => parts.push(time_in(*side, *state, quantiles, members)),
            Condition::Count(min, max) => parts.push(number(*min, *max, members.len() as u64)),
            _ => {}
        }
    }
    sum::join(parts)
}

/// The conditions that hold or not for each connection.
fn each(expect: &Expect, conditions: &[&Condition], members: &[&Connection], policy: &Policy, report: &Report) -> Part {
    let (mut offences, mut doubts) = (Vec::new(), Vec::new());
    for c in members {
        let found: Vec<Holds> = conditions.iter().map(|condition| single(condition, c, policy, report)).collect();
        let doubt = found.iter().find(|holds| matches!(holds, Holds::Unclear(_)));
        match found.iter().find(|holds| matches!(holds, Holds::No { .. })).or(doubt) {
            Some(Holds::No { message, packet, time }) => offences.push(Offence::of(c, *packet, *time, message.clone())),
            Some(Holds::Unclear(message)) => doubts.push(Offence::of(c, None, None, message.clone())),
            _ => {}
        }
    }
    let (bad, unclear, of) = (offences.len() as u64, doubts.len() as u64, members.len() as u64);
    let status = Status::of(bad, unclear, of, rest(expect.at_least));
    let wanted =
        if expect.at_least == Share::ALL { "all must".to_owned() } else { format!("{} must", expect.at_least) };
    let plural = if of == 1 { "connection" } else { "connections" };
    let message = match (bad, unclear) {
        (0, 0) => format!("all of {} {plural} are as expected", count(of)),
        (0, n) => format!("{} of {} {plural} cannot be told ({wanted} be as expected)", count(n), count(of)),
        (n, 0) => format!("{} of {} {plural} are not as expected ({wanted} be)", count(n), count(of)),
        (n, u) => {
            let (n, u, of) = (count(n), count(u), count(of));
            format!("{n} of {of} {plural} are not as expected ({wanted} be), {u} cannot be told")
        }
    };
    Part { status, message, offences, doubts }
}

/// A duration that was measured, or is known to be at least so long.
struct Sample<'c> {
    connection: &'c Connection,
    span: Span,
    /// It had not ended when the capture did, or was not seen at all.
    open: bool,
}

fn handshake(quantiles: &[(Quantile, Span)], members: &[&Connection]) -> Part {
    // Who never answered or refused has no handshake to time.
    let opened = |c: &Connection| {
        let ever = |side: Side| c.endpoints.get(side).history.iter().any(|h| h.state == State::Established);
        c.origin == Origin::Handshake && ever(Side::Client) && ever(Side::Server)
    };
    let samples = members
        .iter()
        .filter(|c| c.timing.handshake.is_some() || opened(c))
        .map(|c| Sample {
            connection: c,
            span: c.timing.handshake.unwrap_or(Span(0)),
            open: c.timing.handshake.is_none(),
        })
        .collect();
    quantile_part("handshake", quantiles, samples)
}

fn time_in(side: Option<Side>, state: State, quantiles: &[(Quantile, Span)], members: &[&Connection]) -> Part {
    let sides: Vec<Side> = side.map_or(vec![Side::Client, Side::Server], |side| vec![side]);
    let mut samples = Vec::new();
    for c in members {
        for side in &sides {
            let endpoint = c.endpoints.get(*side);
            let unseen = blind(c).is_some();
            match endpoint.time_in_state.get(state) {
                Some(span) => samples.push(Sample { connection: c, span, open: unseen || endpoint.state == state }),
                None if unseen => samples.push(Sample { connection: c, span: Span(0), open: true }),
                None => {}
            }
        }
    }
    let of = side.map(|side| format!("{}'s ", side.name())).unwrap_or_default();
    if samples.is_empty() {
        // Never having been in a state is the shortest time in it.
        let message = format!("{of}{state}: never entered");
        return Part { status: Status::Pass, message, offences: Vec::new(), doubts: Vec::new() };
    }
    quantile_part(&format!("time in {of}{state}"), quantiles, samples)
}

/// Holds quantiles against their limits: with all that is open ended taken to end now, and to last for ever.
fn quantile_part(what: &str, quantiles: &[(Quantile, Span)], mut samples: Vec<Sample<'_>>) -> Part {
    if samples.is_empty() {
        let message = format!("{what}: the capture shows none");
        return Part { status: Status::Unclear, message, offences: Vec::new(), doubts: Vec::new() };
    }
    samples.sort_by_key(|s| (s.span, s.connection.id));
    let open = samples.iter().filter(|s| s.open).count();
    let at_least: Vec<Span> = samples.iter().map(|s| s.span).collect();
    let mut at_most: Vec<Span> = samples.iter().map(|s| if s.open { Span(i64::MAX) } else { s.span }).collect();
    at_most.sort_unstable();
    let (mut status, mut told, mut doubts, mut offences) = (Status::Pass, Vec::new(), Vec::new(), Vec::new());
    for (quantile, limit) in quantiles {
        let (low, high) = (pick(&at_least, *quantile), pick(&at_most, *quantile));
        let this = if low > *limit {
            Status::Fail
        } else if high <= *limit {
            Status::Pass
        } else {
            Status::Unclear
        };
        status = status.max(this);
        let sign = if this == Status::Unclear { "≥ " } else { "" };
        told.push(format!("{} {sign}{} (limit {})", quantile.name(), span(low), span(*limit)));
        if this == Status::Fail {
            let slow = samples.iter().rev().filter(|s| s.span > *limit);
            offences = slow.map(|s| offence(what, s)).collect();
        } else if this == Status::Unclear {
            doubts = samples.iter().filter(|s| s.open).map(|s| offence(what, s)).collect();
        }
    }
    let still = if open > 0 { format!(", {} of them not to their end", count(open as u64)) } else { String::new() };
    let message = format!("{what}: {} over {} measured{still}", told.join(", "), count(samples.len() as u64));
    Part { status, message, offences, doubts }
}

fn offence(what: &str, sample: &Sample<'_>) -> Offence {
    let length = if sample.open { format!("at least {}", span(sample.span)) } else { span(sample.span) };
    let c = sample.connection;
    Offence::of(c, Some(c.first_packet), Some(c.first), format!("{what}: {length}"))
}

/// The quantile of sorted values by nearest rank: a value that was measured.
pub fn pick(sorted: &[Span], quantile: Quantile) -> Span {
    let n = sorted.len() as u64;
    let rank = (n * u64::from(quantile.0)).div_ceil(1_000_000).max(1);
    sorted.get(usize::try_from(rank - 1).unwrap_or(usize::MAX)).copied().unwrap_or(Span(0))
}

fn number(min: u64, max: Option<u64>, have: u64) -> Part {
    let holds = have >= min && max.is_none_or(|max| have <= max);
    let wanted = match max {
        None => format!("at least {}", count(min)),
        Some(max) if min == 0 => format!("at most {}", count(max)),
        Some(max) => format!("{} to {}", count(min), count(max)),
    };
    let message = format!("{} ({wanted} are wanted)", connections(have));
    let status = if holds { Status::Pass } else { Status::Fail };
    Part { status, message, offences: Vec::new(), doubts: Vec::new() }
}
