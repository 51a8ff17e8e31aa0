//! Assertions about connections.

use super::condition::{Holds, blind, single};
use super::listed::Listed;
use super::{Offence, Part, Status, rest, sum};
use crate::policy::model::{Condition, Expect, Policy, Quantile, Share};
use crate::render::units::{count, plural, span};
use crate::report::{Connection, Origin, Side};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::State;

/// The connections of a group, as far as an expectation is about them.
#[derive(Debug, Default)]
pub struct Group {
    of: u64,
    /// Of the conditions that hold or not for each connection.
    offences: Listed,
    doubts: Listed,
    /// For each condition what was measured, if it is about that.
    samples: Vec<Vec<Sample>>,
}

impl Group {
    /// Takes a connection of a capture that ends at `end`.
    pub fn take(&mut self, expect: &Expect, c: &Connection, policy: &Policy, end: Option<Time>) {
        self.of += 1;
        self.samples.resize_with(expect.conditions.len(), Vec::new);
        let (mut bad, mut doubt) = (None, None);
        for (condition, samples) in expect.conditions.iter().zip(&mut self.samples) {
            match condition {
                Condition::Handshake(_) => samples.extend(handshake(c)),
                Condition::TimeIn(side, state, _) => time_in(*side, *state, c, samples),
                Condition::Count(..) => {}
                single_one if bad.is_none() => match single(single_one, c, policy, end) {
                    Holds::Yes => {}
                    Holds::No { message, packet, time } => bad = Some((message, packet, time)),
                    Holds::Unclear(message) => doubt = doubt.or(Some(message)),
                },
                _ => {}
            }
        }
        match (bad, doubt) {
            (Some((message, packet, time)), _) => self.offences.add_of(c.id, || Offence::of(c, packet, time, message)),
            (None, Some(message)) => self.doubts.add_of(c.id, || Offence::of(c, None, None, message)),
            (None, None) => {}
        }
    }

    /// Whether they are as `expect` says.
    pub fn part(mut self, expect: &Expect) -> Part {
        self.samples.resize_with(expect.conditions.len(), Vec::new);
        let mut parts = Vec::new();
        if expect.conditions.iter().any(Condition::is_single) {
            parts.push(each(expect, self.of, self.offences, self.doubts));
        }
        for (condition, samples) in expect.conditions.iter().zip(self.samples) {
            match condition {
                Condition::Handshake(quantiles) => parts.push(quantile_part("handshake", quantiles, samples)),
                Condition::TimeIn(side, state, quantiles) => parts.push(spent(*side, *state, quantiles, samples)),
                Condition::Count(min, max) => parts.push(number(*min, *max, self.of)),
                _ => {}
            }
        }
        sum::join(parts)
    }
}

/// What the conditions come to that hold or not for each connection.
fn each(expect: &Expect, of: u64, offences: Listed, doubts: Listed) -> Part {
    let (bad, unclear) = (offences.count, doubts.count);
    let status = Status::of(bad, unclear, of, rest(expect.at_least));
    let wanted =
        if expect.at_least == Share::ALL { "all must".to_owned() } else { format!("{} must", expect.at_least) };
    let all = plural(of, "connection");
    let are = |n: u64| if n == 1 { "is" } else { "are" };
    let message = match (bad, unclear) {
        (0, 0) if of == 1 => format!("{all} is as expected"),
        (0, 0) => format!("all of {all} are as expected"),
        (0, u) => format!("{} of {all} cannot be told ({wanted} be as expected)", count(u)),
        (n, 0) => format!("{} of {all} {} not as expected ({wanted} be)", count(n), are(n)),
        (n, u) => {
            let (some, unclear) = (count(n), count(u));
            format!("{some} of {all} {} not as expected ({wanted} be), {unclear} cannot be told", are(n))
        }
    };
    Part { status, message, offences, doubts }
}

/// A duration that was measured, or is known to be at least so long.
#[derive(Clone, Debug)]
struct Sample {
    id: u64,
    ends: [Socket; 2],
    /// The packet with which it began, or the first of its connection.
    began: (u64, Time),
    span: Span,
    /// It had not ended when the capture did, or was not seen at all.
    open: bool,
}

impl Sample {
    fn of(c: &Connection, span: Span, open: bool) -> Sample {
        Sample { id: c.id, ends: [c.client, c.server], began: (c.first_packet, c.first), span, open }
    }
}

fn handshake(c: &Connection) -> Option<Sample> {
    // Who never answered or refused has no handshake to time.
    let ever = |side: Side| c.endpoints.get(side).history.iter().any(|h| h.state == State::Established);
    let opened = || c.origin == Origin::Handshake && ever(Side::Client) && ever(Side::Server);
    match c.timing.handshake {
        Some(span) => Some(Sample::of(c, span, false)),
        None => opened().then(|| Sample::of(c, Span(0), true)),
    }
}

fn time_in(only: Option<Side>, state: State, c: &Connection, samples: &mut Vec<Sample>) {
    for side in Side::ALL.into_iter().filter(|side| only.is_none_or(|only| only == *side)) {
        let endpoint = c.endpoints.get(side);
        let unseen = blind(c).is_some();
        let entered = endpoint.history.iter().find(|entry| entry.state == state);
        let began = entered.and_then(|entry| Some((entry.packet?, entry.time)));
        match endpoint.time_in_state.get(state) {
            Some(span) => {
                let sample = Sample::of(c, span, unseen || endpoint.state == state);
                samples.push(Sample { began: began.unwrap_or(sample.began), ..sample });
            }
            None if unseen => samples.push(Sample::of(c, Span(0), true)),
            None => {}
        }
    }
}

fn spent(side: Option<Side>, state: State, quantiles: &[(Quantile, Span)], samples: Vec<Sample>) -> Part {
    let of = side.map(|side| format!("{}'s ", side.name())).unwrap_or_default();
    if samples.is_empty() {
        // Never having been in a state is the shortest time in it.
        let message = format!("{of}{state}: never entered");
        return Part { status: Status::Pass, message, offences: Listed::default(), doubts: Listed::default() };
    }
    quantile_part(&format!("time in {of}{state}"), quantiles, samples)
}

/// Holds quantiles against their limits: with all that is open ended taken to end now, and to last for ever.
fn quantile_part(what: &str, quantiles: &[(Quantile, Span)], mut samples: Vec<Sample>) -> Part {
    let (mut doubts, mut offences) = (Listed::default(), Listed::default());
    if samples.is_empty() {
        let message = format!("{what}: the capture shows none");
        return Part { status: Status::Unclear, message, offences, doubts };
    }
    samples.sort_by_key(|s| (s.span, s.id));
    let open = samples.iter().filter(|s| s.open).count();
    let at_least: Vec<Span> = samples.iter().map(|s| s.span).collect();
    let mut at_most: Vec<Span> = samples.iter().map(|s| if s.open { Span(i64::MAX) } else { s.span }).collect();
    at_most.sort_unstable();
    let (mut status, mut told) = (Status::Pass, Vec::new());
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
            offences = Listed::default();
            let slow = samples.iter().rev().filter(|s| s.span > *limit);
            slow.for_each(|s| offences.add(|| offence(what, s)));
        } else if this == Status::Unclear {
            doubts = Listed::default();
            samples.iter().filter(|s| s.open).for_each(|s| doubts.add(|| offence(what, s)));
        }
    }
    let still = if open > 0 { format!(", {} of them not to their end", count(open as u64)) } else { String::new() };
    let message = format!("{what}: {} over {} measured{still}", told.join(", "), count(samples.len() as u64));
    Part { status, message, offences, doubts }
}

fn offence(what: &str, sample: &Sample) -> Offence {
    let length = if sample.open { format!("at least {}", span(sample.span)) } else { span(sample.span) };
    let (packet, time) = sample.began;
    Offence::between(sample.id, sample.ends, Some(packet), Some(time), format!("{what}: {length}"))
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
    let message = format!("{} ({wanted} are wanted)", plural(have, "connection"));
    let status = if holds { Status::Pass } else { Status::Fail };
    Part { status, message, offences: Listed::default(), doubts: Listed::default() }
}
