//! What the report says of the timing of groups of connections.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::connection::{Blame, Distribution, Stops};
use crate::report::model::PerSide;
use crate::segment::Socket;
use crate::time::Span;
use crate::tracker::State;

/// Time in one state of the ends of one role.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Occupancy {
    /// Stays whose begin and end were seen; absent if there is none.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Distribution>,
    /// Lower bounds of those, where some differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Distribution>,
    /// Upper bounds of those, where some differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Distribution>,
    /// How many of them have bounds that differ.
    pub uncertain: u64,
    /// How many of them were ended by a timer that is modelled.
    pub modelled: u64,
    /// Stays that lasted when the capture ended or before it began.
    pub open: u64,
    /// The longest of those, so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_longest: Option<Span>,
}

/// What was measured of a group of connections.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupTiming {
    /// The client that all have in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The server that all have in common.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Socket>,
    /// Connections.
    pub connections: u64,
    /// How many were seen from where.
    pub vantages: BTreeMap<&'static str, u64>,
    /// By [`Metric`](super::groups::Metric).
    pub metrics: BTreeMap<&'static str, Distribution>,
    /// SYNs sent again.
    pub syn_retries: u64,
    /// SYN-ACKs sent again.
    pub synack_retries: u64,
    /// Samples left out because something in them was sent again, or could not be told apart.
    pub excluded: u64,
    /// Corrected values that would have been negative and count as 0.
    pub clamped: u64,
    /// Times without payload of a second or more.
    pub idle: Stops,
    /// Times in which an end's window was closed.
    pub zero_window: PerSide<Stops>,
    /// Times in which the stream of an end stood still because of a loss.
    pub stalls: PerSide<Stops>,
    /// Where the time of all of them went.
    pub blame: Blame,
    /// The part of `blame` with the most time, idle and close left aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest: Option<&'static str>,
    /// Time in each state, by role.
    pub states: PerSide<BTreeMap<State, Occupancy>>,
}

/// Timing of the whole capture, and of its connections in groups.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tables {
    /// All connections.
    pub all: GroupTiming,
    /// By server address and port; most connections first, cut to a readable number.
    pub by_server: Vec<GroupTiming>,
    /// By client address.
    pub by_client: Vec<GroupTiming>,
    /// By client address and server address and port.
    pub by_pair: Vec<GroupTiming>,
    /// Connections of the groups that are not listed.
    pub omitted: Omitted,
}

/// How many connections belong to groups that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Of servers.
    pub servers: u64,
    /// Of clients.
    pub clients: u64,
    /// Of pairs.
    pub pairs: u64,
}
