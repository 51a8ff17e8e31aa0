//! A connection as one of many: what decides whether it is listed, and where.

use super::{ClosedFirst, Connection, Outcome, ResetBy, Severity};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::State;

/// What decides whether a connection is listed, and where.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number.
    pub id: u64,
    /// Its worst finding: name and severity.
    pub worst: Option<(&'static str, Severity)>,
    /// Its client.
    pub client: Socket,
    /// Its server.
    pub server: Socket,
    /// What became of it.
    pub outcome: Outcome,
    /// Who closed first.
    pub closed_first: Option<ClosedFirst>,
    /// Who reset it, if that is what became of it.
    pub reset_by: Option<ResetBy>,
    /// The final states of client and server.
    pub states: [State; 2],
    /// Payload bytes of both ends.
    pub bytes: u64,
    /// Segments of both ends.
    pub packets: u64,
    /// Time of its first packet.
    pub first: Time,
    /// Time of its last packet.
    pub last: Time,
    /// How long its handshake took.
    pub handshake: Option<Span>,
    /// Seen in one direction only.
    pub one_way: bool,
    /// Seen from its middle on, or from the SYN,ACK on.
    pub midstream: bool,
    /// How many others, which come after it, it stands for. Of those that are alike the one that is shown has most payload, and of
    /// these lasts longest: a row that may be that one is given itself, so none that is stood for is.
    pub alike: u64,
}

impl Row {
    /// That of `c`.
    pub fn of(c: &Connection) -> Row {
        Row {
            id: c.id,
            worst: c.worst().map(|anomaly| (anomaly.name, anomaly.severity)),
            client: c.client,
            server: c.server,
            outcome: c.outcome,
            closed_first: c.closed_first,
            reset_by: c.reset_by,
            states: [c.endpoints.client.state, c.endpoints.server.state],
            bytes: c.bytes.total(),
            packets: c.packets.total(),
            first: c.first,
            last: c.last,
            handshake: c.timing.handshake,
            one_way: c.is_one_way(),
            midstream: c.lacks_opening(),
            alike: 0,
        }
    }

    /// From its first packet to its last.
    pub fn duration(&self) -> Span {
        self.last - self.first
    }
}
