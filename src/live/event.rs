//! What happened: the lines of the live stream.

use serde::Serialize;

use crate::report::{Connection, Entry, Finding, Side};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::State;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
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
