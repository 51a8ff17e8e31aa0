//! Which connections come first, and which are alike enough that one stands for all.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::str::FromStr;

use super::{Limit, RenderOptions};
use crate::report::{Anomaly, Connection, Outcome, Report, Severity, Side};
use crate::segment::Socket;
use crate::tracker::State;

/// What connections can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Trouble first: findings, stuck, reset, unanswered, refused; then the largest.
    Attention,
    /// By number, which is the order of first packets.
    Id,
    /// Longest first.
    Duration,
    /// Most payload bytes first.
    Bytes,
    /// Most packets first.
    Packets,
    /// Slowest handshake first.
    Handshake,
    /// Last packet earliest first: who fell silent first.
    Last,
    /// By client address, then port.
    Client,
    /// By server address, then port.
    Server,
}

impl SortKey {
    /// All of them.
    pub const ALL: [SortKey; 9] = [
        SortKey::Attention,
        SortKey::Id,
        SortKey::Duration,
        SortKey::Bytes,
        SortKey::Packets,
        SortKey::Handshake,
        SortKey::Last,
        SortKey::Client,
        SortKey::Server,
    ];

    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            SortKey::Attention => "attention",
            SortKey::Id => "id",
            SortKey::Duration => "duration",
            SortKey::Bytes => "bytes",
            SortKey::Packets => "packets",
            SortKey::Handshake => "handshake",
            SortKey::Last => "last",
            SortKey::Client => "client",
            SortKey::Server => "server",
        }
    }
}

/// The error is the word that is no key.
impl FromStr for SortKey {
    type Err = String;

    fn from_str(word: &str) -> Result<SortKey, String> {
        SortKey::ALL.into_iter().find(|key| key.name() == word).ok_or_else(|| word.to_owned())
    }
}

/// How much a connection wants to be looked at; the first of the order is the most urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// Something is wrong with it.
    Error,
    /// Something is probably wrong with it.
    Warning,
    /// Caught between opening and closed, with nobody moving.
    Stuck,
    /// Ended by a RST.
    Reset,
    /// Never answered.
    Unanswered,
    /// Refused.
    Refused,
    /// Something is worth knowing about it.
    Noted,
    /// The capture does not tell.
    Unknown,
    /// Still open, as connections are.
    Open,
    /// Closed as it should be.
    Closed,
}

/// How much `connection` wants to be looked at.
pub fn attention(connection: &Connection) -> Attention {
    let worst = worst(connection).map(|anomaly| anomaly.severity);
    match (worst, connection.outcome) {
        (Some(Severity::Error), _) => Attention::Error,
        (Some(Severity::Warning), _) => Attention::Warning,
        (_, Outcome::HalfOpen | Outcome::HalfClosed) => Attention::Stuck,
        (_, Outcome::Reset) => Attention::Reset,
        (_, Outcome::Unanswered) => Attention::Unanswered,
        (_, Outcome::Refused) => Attention::Refused,
        (Some(Severity::Note), _) => Attention::Noted,
        (_, Outcome::Unknown) => Attention::Unknown,
        (_, Outcome::Open) => Attention::Open,
        // Both FINs were seen; one that is still not acknowledged keeps its sender waiting.
        (_, Outcome::Closed) if waits_for_ack(connection, Side::Client) || waits_for_ack(connection, Side::Server) => {
            Attention::Stuck
        }
        (_, Outcome::Closed) => Attention::Closed,
    }
}

fn waits_for_ack(connection: &Connection, side: Side) -> bool {
    matches!(connection.endpoints.get(side).state, State::FinWait1 | State::Closing | State::LastAck)
}

/// The most severe anomaly, the earliest of equals.
pub fn worst(connection: &Connection) -> Option<&Anomaly> {
    connection.anomalies.iter().min_by_key(|anomaly| (Reverse(anomaly.severity), anomaly.time))
}

/// Payload bytes of both ends.
pub fn bytes(connection: &Connection) -> u64 {
    connection.bytes.client.saturating_add(connection.bytes.server)
}

/// Segments of both ends.
pub fn packets(connection: &Connection) -> u64 {
    connection.packets.client.saturating_add(connection.packets.server)
}

/// A connection to list, and how many others it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Others with the same server, outcome, worst finding and final states.
    pub alike: u64,
}

/// The connections that `options` ask for, in their order, for a person: without an order or limit of their own, one
/// of each kind, at most `kinds`. The second value is the number of kinds there are, when connections were put
/// together by kind.
pub fn for_people<'a>(report: &'a Report, options: &RenderOptions, kinds: usize) -> (Vec<Listed<'a>>, Option<usize>) {
    if options.sort.is_none() && options.limit == Limit::Suited && !options.detail {
        let mut listed = by_kind(&report.connections);
        let all = listed.len();
        listed.truncate(kinds);
        return (listed, Some(all));
    }
    let key = options.sort.unwrap_or(if options.detail { SortKey::Id } else { SortKey::Attention });
    let limit = match options.limit {
        // Whoever names connections wants to see each of them.
        Limit::Suited if options.detail => usize::MAX,
        Limit::Suited => kinds,
        Limit::At(n) => n,
        Limit::All => usize::MAX,
    };
    let listed = sorted(&report.connections, key, options.reverse).into_iter().take(limit);
    (listed.map(|connection| Listed { connection, alike: 0 }).collect(), None)
}

/// The connections that `options` ask for, in their order, for a program: all by number unless told otherwise.
pub fn for_programs<'a>(report: &'a Report, options: &RenderOptions) -> impl Iterator<Item = &'a Connection> {
    let limit = match options.limit {
        Limit::At(n) => n,
        Limit::Suited | Limit::All => usize::MAX,
    };
    sorted(&report.connections, options.sort.unwrap_or(SortKey::Id), options.reverse).into_iter().take(limit)
}

fn sorted(connections: &[Connection], key: SortKey, reverse: bool) -> Vec<&Connection> {
    let mut all: Vec<&Connection> = connections.iter().collect();
    // Every sort is stable from the order of numbers, so that equals stay in it.
    match key {
        SortKey::Id => all.sort_by_key(|c| c.id),
        SortKey::Attention => all.sort_by_key(|c| urgency(c)),
        SortKey::Duration => all.sort_by_key(|c| Reverse(c.last - c.first)),
        SortKey::Bytes => all.sort_by_key(|c| Reverse(bytes(c))),
        SortKey::Packets => all.sort_by_key(|c| Reverse(packets(c))),
        SortKey::Handshake => all.sort_by_key(|c| Reverse(c.timing.handshake)),
        SortKey::Last => all.sort_by_key(|c| c.last),
        SortKey::Client => all.sort_by_key(|c| c.client),
        SortKey::Server => all.sort_by_key(|c| c.server),
    }
    if reverse {
        all.reverse();
    }
    all
}

/// Most urgent, then largest, then longest.
fn urgency(c: &Connection) -> (Attention, Reverse<u64>, Reverse<crate::time::Span>) {
    (attention(c), Reverse(bytes(c)), Reverse(c.last - c.first))
}

/// What makes connections alike: urgency, finding, server, outcome and both final states.
type Kind<'a> = (Attention, Option<&'a str>, Socket, Outcome, State, State);

/// One connection of each kind, the most urgent of it; most urgent kinds first, then the largest group.
fn by_kind(connections: &[Connection]) -> Vec<Listed<'_>> {
    let mut kinds: BTreeMap<Kind<'_>, Listed<'_>> = BTreeMap::new();
    for connection in connections {
        let kind = (
            attention(connection),
            worst(connection).map(|anomaly| anomaly.name),
            connection.server,
            connection.outcome,
            connection.endpoints.client.state,
            connection.endpoints.server.state,
        );
        kinds
            .entry(kind)
            .and_modify(|listed| {
                listed.alike += 1;
                if urgency(connection) < urgency(listed.connection) {
                    listed.connection = connection;
                }
            })
            .or_insert(Listed { connection, alike: 0 });
    }
    let mut listed: Vec<Listed<'_>> = kinds.into_values().collect();
    listed.sort_by_key(|l| (attention(l.connection), Reverse(l.alike), l.connection.id));
    listed
}
