//! What happened: the lines of the live stream.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::{Connection, Entry, Finding, PerSide, Side, Tool};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::State;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "LiveEvent"))]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// An endpoint entered a state.
    Transition(Transition),
    /// What was believed of an endpoint turned out wrong: it is back in an earlier state.
    Retraction(Retraction),
    /// Nothing more can happen to a connection: both ends are closed, or it is forgotten.
    Connection(Box<Connection>),
    /// A finding began to hold, or holds for more connections.
    Finding(Box<Finding>),
    /// A finding holds no longer.
    Cleared(Cleared),
    /// Connections were forgotten to keep memory bounded.
    Evicted(Evicted),
}

/// An endpoint entered a state.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Transition {
    /// Number of the connection.
    pub connection: u64,
    /// Its client.
    pub client: Socket,
    /// Its server.
    pub server: Socket,
    /// Which end.
    pub endpoint: Side,
    /// The entry of its history.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What was believed of an endpoint turned out wrong.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Retraction {
    /// Number of the connection.
    pub connection: u64,
    /// Its client.
    pub client: Socket,
    /// Its server.
    pub server: Socket,
    /// Which end.
    pub endpoint: Side,
    /// When it was found out.
    pub time: Time,
    /// The state it was taken to be in.
    pub from: State,
    /// The state that it had not left.
    pub state: State,
}

/// A finding holds no longer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cleared {
    /// Code of the finding.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whom it was about, if it was about one service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// When it was seen to be over.
    pub time: Time,
}

/// Connections were forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evicted {
    /// When.
    pub time: Time,
    /// How many at this time.
    pub connections: u64,
    /// How many of them were not over.
    pub open: u64,
    /// How many in all.
    pub total: u64,
}

/// The first line of the stream.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "LiveStart"))]
pub struct Start<'a> {
    /// `start`.
    pub r#type: &'static str,
    /// Version of the JSON shapes.
    pub schema: &'static str,
    /// Who writes it.
    pub tool: Tool,
    /// The interface, or `-` for standard input.
    pub source: &'a str,
    /// The time of day.
    pub time: Time,
    /// The filter, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// How things stand: a line every now and then.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "LiveInterval"))]
pub struct Interval {
    /// `interval`.
    pub r#type: &'static str,
    /// When.
    pub time: Time,
    /// Packets read so far.
    pub packets: u64,
    /// Packets a second since the last such line.
    pub packets_per_second: f64,
    /// Connections so far.
    pub connections: u64,
    /// How many of them are remembered.
    pub tracked: u64,
    /// How many were forgotten to keep memory bounded.
    pub evicted: u64,
    /// Packets that the kernel dropped, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Findings that hold.
    pub findings: u64,
    /// Endpoints in each state; CLOSED and states with none are absent.
    pub states: PerSide<BTreeMap<State, u64>>,
}
