//! The eleven states of RFC 9293 §3.3.2, and how a state is known.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A connection state of RFC 9293 §3.3.2. Not knowing is not a state: see [`States`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// SYN sent, waiting for the peer's.
    SynSent,
    /// SYN received and answered, waiting for the acknowledgment of ours.
    SynRcvd,
    /// Open: data flows both ways.
    Established,
    /// Our FIN sent, not acknowledged.
    #[serde(rename = "FIN_WAIT_1")]
    FinWait1,
    /// Our FIN acknowledged, waiting for the peer's.
    #[serde(rename = "FIN_WAIT_2")]
    FinWait2,
    /// The peer's FIN received; our application has not closed.
    CloseWait,
    /// Both FINs sent, neither side's acknowledged when they crossed.
    Closing,
    /// The peer's FIN received and ours sent, not acknowledged.
    LastAck,
    /// Both FINs acknowledged; waiting 2 MSL.
    TimeWait,
}

impl State {
    /// All eleven, in RFC 9293's order.
    pub const ALL: [State; 11] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynRcvd,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];

    /// Those of them that a connection is seen in: all but CLOSED and LISTEN.
    pub const OPEN: &[State] = State::ALL.split_at(2).1;

    /// As printed everywhere: `FIN_WAIT_1`.
    pub const fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN_SENT",
            State::SynRcvd => "SYN_RCVD",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN_WAIT_1",
            State::FinWait2 => "FIN_WAIT_2",
            State::CloseWait => "CLOSE_WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST_ACK",
            State::TimeWait => "TIME_WAIT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no state in any spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a TCP state; the eleven are {names}", names = State::ALL.map(State::name).join(", "))]
pub struct UnknownState(pub String);

/// Accepts the spellings of RFC 9293 (`FIN-WAIT-1`), `ss` (`FIN-WAIT-1`, `SYN-RECV`), netstat (`FIN_WAIT1`) and the
/// kernel (`TCP_FIN_WAIT1`, `TCP_CLOSE`), in any case.
impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<State, UnknownState> {
        let letters: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let word = letters.strip_prefix("TCP").unwrap_or(&letters);
        Ok(match word {
            "CLOSED" | "CLOSE" | "UNCONN" => State::Closed,
            "LISTEN" | "LISTENING" => State::Listen,
            "SYNSENT" => State::SynSent,
            "SYNRCVD" | "SYNRECV" | "SYNRECEIVED" => State::SynRcvd,
            "ESTABLISHED" | "ESTAB" => State::Established,
            "FINWAIT1" => State::FinWait1,
            "FINWAIT2" => State::FinWait2,
            "CLOSEWAIT" => State::CloseWait,
            "CLOSING" => State::Closing,
            "LASTACK" => State::LastAck,
            "TIMEWAIT" => State::TimeWait,
            _ => return Err(UnknownState(text.to_owned())),
        })
    }
}

/// A set of states, one bit each: what the capture allows an endpoint to be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct States(u16);

impl States {
    /// No state.
    pub const EMPTY: States = States(0);

    /// The set of the states given.
    pub const fn of(states: &[State]) -> States {
        let mut bits = 0;
        let mut i = 0;
        while i < states.len() {
            bits |= 1 << states[i] as u16;
            i += 1;
        }
        States(bits)
    }

    /// Whether `state` is in it.
    pub const fn has(self, state: State) -> bool {
        self.0 & (1 << state as u16) != 0
    }

    /// With `state` in it.
    #[must_use]
    pub const fn with(self, state: State) -> States {
        States(self.0 | 1 << state as u16)
    }

    /// All but this one.
    #[must_use]
    pub const fn without(self, state: State) -> States {
        States(self.0 & !(1 << state as u16))
    }

    /// Everything in either.
    #[must_use]
    pub const fn union(self, other: States) -> States {
        States(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: States) -> States {
        States(self.0 & other.0)
    }

    /// How many.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its members in RFC 9293's order.
    pub fn iter(self) -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(move |s| self.has(*s))
    }
}

/// How a history entry is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Its own segment proves it.
    Sent,
    /// A later segment of that endpoint proves that it received what caused it.
    Confirmed,
    /// The cause was captured, so it probably arrived; not proven.
    Inferred,
    /// Midstream or one-way capture: taken for granted.
    Assumed,
    /// A timer of the stack's, modelled.
    Timer,
}

impl Evidence {
    /// All grades, strongest first.
    pub const ALL: [Evidence; 5] =
        [Evidence::Sent, Evidence::Confirmed, Evidence::Inferred, Evidence::Assumed, Evidence::Timer];

    /// As in JSON: `sent`.
    pub const fn name(self) -> &'static str {
        match self {
            Evidence::Sent => "sent",
            Evidence::Confirmed => "confirmed",
            Evidence::Inferred => "inferred",
            Evidence::Assumed => "assumed",
            Evidence::Timer => "timer",
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

crate::pack::pack_choice!(Evidence { Sent, Confirmed, Inferred, Assumed, Timer });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_in_use_is_understood() {
        for spelling in ["FIN_WAIT_1", "FIN-WAIT-1", "FIN_WAIT1", "TCP_FIN_WAIT1", "fin-wait-1"] {
            assert_eq!(spelling.parse(), Ok(State::FinWait1), "{spelling}");
        }
        assert_eq!("SYN-RECV".parse(), Ok(State::SynRcvd));
        assert_eq!("TCP_CLOSE".parse(), Ok(State::Closed));
        assert_eq!("TCP_CLOSE_WAIT".parse(), Ok(State::CloseWait));
        assert!("HALF_OPEN".parse::<State>().is_err());
    }

    #[test]
    fn names_round_trip() {
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
