//! How a connection ended: what became of it, who closed it first and who reset it.

use std::fmt;

use serde::Serialize;

use super::course::{self, Course};
use crate::tracker::{Fate, Outline, Verdict};

/// What became of a connection by the end of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Both ends sent FIN.
    Closed,
    /// Ended by a RST that was accepted.
    Reset,
    /// The SYN was answered by a RST.
    Refused,
    /// The SYN was never answered.
    Unanswered,
    /// The handshake began and never completed.
    HalfOpen,
    /// One end sent FIN, the other did not.
    HalfClosed,
    /// Established and still open at the end of the capture.
    Open,
    /// The capture does not tell.
    Unknown,
}

impl Outcome {
    /// All of them in the order in which tables show them.
    pub const ALL: [Outcome; 8] = [
        Outcome::Closed,
        Outcome::Reset,
        Outcome::Refused,
        Outcome::Unanswered,
        Outcome::HalfOpen,
        Outcome::HalfClosed,
        Outcome::Open,
        Outcome::Unknown,
    ];

    /// Whether a connection of which this became, and of whose client and server so many segments were captured, was
    /// captured in one direction only. A SYN without an answer was not, also where it has not waited for long.
    pub const fn is_one_way(self, [client, server]: [u64; 2]) -> bool {
        let asked = matches!(self, Outcome::Unanswered) || matches!(self, Outcome::HalfOpen) && server == 0;
        (client == 0 || server == 0) && !asked
    }

    /// What became of a connection of which there is but one SYN.
    #[inline]
    pub const fn of_fate(fate: Fate) -> Outcome {
        match fate {
            Fate::Received => Outcome::HalfOpen,
            Fate::Unanswered | Fate::GivenUp(_) => Outcome::Unanswered,
        }
    }

    /// As in JSON: `half-open`.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Closed => "closed",
            Outcome::Reset => "reset",
            Outcome::Refused => "refused",
            Outcome::Unanswered => "unanswered",
            Outcome::HalfOpen => "half-open",
            Outcome::HalfClosed => "half-closed",
            Outcome::Open => "open",
            Outcome::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who sent the first FIN (or the RST that ended it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClosedFirst {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both, each before it saw the other's FIN (simultaneous close).
    Both,
}

impl ClosedFirst {
    /// All of them.
    pub const ALL: [ClosedFirst; 3] = [ClosedFirst::Client, ClosedFirst::Server, ClosedFirst::Both];

    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ClosedFirst::Client => "client",
            ClosedFirst::Server => "server",
            ClosedFirst::Both => "both",
        }
    }
}

impl fmt::Display for ClosedFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who ended a connection with a RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResetBy {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Neither: the RST came in the name of an end that had not sent it and went on.
    Between,
}

impl ResetBy {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ResetBy::Client => "client",
            ResetBy::Server => "server",
            ResetBy::Between => "between",
        }
    }
}

impl fmt::Display for ResetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What became of it.
    pub outcome: Outcome,
    /// Who closed first.
    pub closed_first: Option<ClosedFirst>,
    /// Who reset it, if that is what became of it.
    pub reset_by: Option<ResetBy>,
}

impl Ending {
    /// That of `c`, whose ends have come to this.
    pub fn of(c: &Outline, verdicts: &[Verdict; 2]) -> Ending {
        let [client, server] = [c.client & 1, 1 - (c.client & 1)].map(|e| Course::of(&verdicts[e]));
        // Of RSTs alone nobody can tell whether there was a connection.
        let known = c.opening_seen || !c.reset_only;
        let outcome = if known { course::outcome(&client, &server) } else { None };
        Ending::by(outcome.unwrap_or(Outcome::Unknown), &client, &server)
    }

    /// That of a connection of which this became, by what its ends went through.
    #[inline]
    pub fn by(outcome: Outcome, client: &Course, server: &Course) -> Ending {
        let reset_by = if outcome == Outcome::Reset { course::reset_by(client, server) } else { None };
        Ending { outcome, closed_first: course::closed_first(client, server), reset_by }
    }

    /// That of a textbook connection, which end `closer` closed first.
    pub fn of_textbook(closer: usize) -> Ending {
        let closed_first = if closer == 0 { ClosedFirst::Client } else { ClosedFirst::Server };
        Ending { outcome: Outcome::Closed, closed_first: Some(closed_first), reset_by: None }
    }

    /// That of a lone SYN, whose ends have come to this.
    pub fn of_lone([_, server]: &[Verdict; 2]) -> Ending {
        let outcome = course::outcome(&Course::ASKED, &Course::of(server));
        Ending { outcome: outcome.unwrap_or(Outcome::Unknown), closed_first: None, reset_by: None }
    }
}
