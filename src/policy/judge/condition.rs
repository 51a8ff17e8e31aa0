//! Whether a single connection is as a condition says: yes, no, or the capture does not show it.

use super::capture::has_gap;
use crate::policy::model::{Condition, Policy};
use crate::report::{Connection, Origin, Outcome, Side};
use crate::time::Time;
use crate::tracker::State;

/// What a connection is to a condition.
pub enum Holds {
    /// As it says.
    Yes,
    /// Not as it says.
    No {
        /// What it is instead.
        message: String,
        /// The packet that shows it.
        packet: Option<u64>,
        /// When.
        time: Option<Time>,
    },
    /// The capture does not show it.
    Unclear(String),
}

fn no(message: String) -> Holds {
    Holds::No { message, packet: None, time: None }
}

/// Whether `condition`, which is about single connections, holds for `c` in a capture that ends at `end`.
pub fn single(condition: &Condition, c: &Connection, policy: &Policy, end: Option<Time>) -> Holds {
    match condition {
        Condition::Never(states) => never(states, c),
        Condition::EndsIn(side, states) => ends_in(*side, states, c, policy, end),
        Condition::Outcome(outcomes) => outcome(outcomes, c, policy, end),
        Condition::ClosedFirst(who) => match c.closed_first {
            Some(first) if who.contains(&first) => Holds::Yes,
            Some(first) => no(format!("closed first by {}", first.name())),
            None => Holds::Unclear("nobody was seen to close it".to_owned()),
        },
        Condition::ResetCauses(causes) => reset(causes, c),
        Condition::Handshake(_) | Condition::TimeIn(..) | Condition::Count(..) => Holds::Yes,
    }
}

/// What keeps a history from being known as a whole.
pub fn blind(c: &Connection) -> Option<String> {
    if c.is_one_way() {
        Some("only one direction was captured".to_owned())
    } else if has_gap(c) {
        Some("packets of it are missing".to_owned())
    } else {
        None
    }
}

fn never(states: &[(Option<Side>, State)], c: &Connection) -> Holds {
    let mut doubt = None;
    for (only, state) in states {
        for side in Side::ALL {
            if only.is_some_and(|only| only != side) {
                continue;
            }
            let endpoint = c.endpoints.get(side);
            if let Some(entry) = endpoint.history.iter().find(|entry| entry.state == *state) {
                let message = format!("the {} was in {state}: {}", side.name(), entry.cause);
                return Holds::No { message, packet: entry.packet, time: Some(entry.time) };
            }
            let before = c.origin == Origin::Midstream && matches!(state, State::SynSent | State::SynRcvd);
            if before {
                doubt.get_or_insert_with(|| "it was open before the capture began".to_owned());
            } else if endpoint.possible.has(*state) {
                doubt.get_or_insert_with(|| format!("the {} may be in {state}", side.name()));
            }
        }
    }
    doubt.or_else(|| blind(c)).map_or(Holds::Yes, Holds::Unclear)
}

fn ends_in(only: Option<Side>, states: &[State], c: &Connection, policy: &Policy, end: Option<Time>) -> Holds {
    let mut doubt = None;
    for side in Side::ALL {
        if only.is_some_and(|only| only != side) {
            continue;
        }
        let endpoint = c.endpoints.get(side);
        let fits = |state: State| states.contains(&state);
        if endpoint.possible.iter().all(fits) {
            continue;
        }
        if !endpoint.possible.iter().any(fits) {
            let last = endpoint.history.last();
            let quiet = end.zip(last).map(|(end, entry)| end - entry.time);
            if endpoint.state != State::Closed && quiet.is_some_and(|quiet| quiet < policy.capture.settled) {
                doubt = Some(format!("the {} was still in {} when the capture ended", side.name(), endpoint.state));
                continue;
            }
            return Holds::No {
                message: format!("the {} ends in {}", side.name(), endpoint.state),
                packet: last.and_then(|entry| entry.packet),
                time: last.map(|entry| entry.time),
            };
        }
        let names: Vec<&str> = endpoint.possible.iter().map(|state| state.name()).collect();
        doubt = Some(format!("the {} may be in {}", side.name(), names.join(" or ")));
    }
    doubt.map_or(Holds::Yes, Holds::Unclear)
}

fn outcome(outcomes: &[Outcome], c: &Connection, policy: &Policy, end: Option<Time>) -> Holds {
    if outcomes.contains(&c.outcome) {
        return blind(c).map_or(Holds::Yes, Holds::Unclear);
    }
    let packet = Some(c.last_packet);
    let found = |message: String| Holds::No { message, packet, time: Some(c.last) };
    match c.outcome {
        Outcome::Unknown => Holds::Unclear("the capture does not tell what became of it".to_owned()),
        // It may yet become something else.
        Outcome::Open | Outcome::HalfClosed | Outcome::HalfOpen => {
            let quiet = end.map(|end| end - c.last);
            if quiet.is_some_and(|quiet| quiet >= policy.capture.settled) {
                found(format!("is {} at the end of the capture", c.outcome.name()))
            } else {
                Holds::Unclear(format!("was still {} when the capture ended", c.outcome.name()))
            }
        }
        outcome => found(format!("came to be {}", outcome.name())),
    }
}

/// A RST has its cause among the facts of the anomaly that it raised.
fn reset(causes: &[String], c: &Connection) -> Holds {
    let found = c.anomalies.iter().filter_map(|a| Some((a, a.facts.get("reset.cause")?.as_str()?)));
    let mut doubt = None;
    for (anomaly, cause) in found {
        if causes.iter().any(|allowed| allowed == cause) {
            continue;
        }
        if cause == "unknown" {
            doubt = Some("it was reset, and the capture does not show why".to_owned());
            continue;
        }
        let message = format!("reset ({cause}): {}", anomaly.message);
        return Holds::No { message, packet: anomaly.packet, time: Some(anomaly.time) };
    }
    let silent = c.outcome == Outcome::Reset && c.anomalies.iter().all(|a| !a.facts.contains_key("reset.cause"));
    if silent && doubt.is_none() {
        doubt = Some("it was reset, and the capture does not show why".to_owned());
    }
    doubt.or_else(|| blind(c)).map_or(Holds::Yes, Holds::Unclear)
}
