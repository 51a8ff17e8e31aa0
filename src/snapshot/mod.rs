//! What each host's own tools would have listed at a given time, and how many endpoints were in each state over time.
//!
//! Read off the finished histories: what the whole capture says of that moment, not what could be known at it.

mod series;

pub use series::{Count, Counting, Sample, Series};

use std::net::IpAddr;

use serde::Serialize;

use crate::report::{Connection, Endpoint, Entry, Side};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::rules::Event;
use crate::tracker::{Evidence, State, States};

/// A point in time of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At the endpoints.
    Time(Time),
    /// At the tap: this packet had been captured.
    Packet(u64, Time),
}

impl Moment {
    /// When.
    pub fn time(&self) -> Time {
        match self {
            Moment::Time(time) | Moment::Packet(_, time) => *time,
        }
    }
}

/// One socket as `ss -tan` would list it on its host, or as nothing but a capture shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The host it belongs to.
    pub host: IpAddr,
    /// Its state.
    pub state: State,
    /// How the state is known.
    pub evidence: Evidence,
    /// What it may have been in instead, as the moment lies within the bounds of its last transition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or: Option<State>,
    /// All that the capture allows at its end, where that is more than one, if nothing shows that this end was not there yet:
    /// timers run and hosts go unseen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible: Option<States>,
    /// Its own address and port.
    pub local: Socket,
    /// The other end's.
    pub peer: Socket,
    /// The connection it is part of.
    pub connection: u64,
    /// Which of its ends it is.
    pub role: Side,
    /// Since when it is in that state.
    pub since: Time,
    /// It was in it before the capture began, as far as is known: `since` is when that was.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub before: bool,
}

impl Row {
    /// What it may have been in instead.
    pub fn others(&self) -> impl Iterator<Item = State> {
        let all = self.or.iter().fold(self.possible.unwrap_or(States::EMPTY), |all, state| all.with(*state));
        let is = self.state;
        all.iter().filter(move |state| *state != is)
    }
}

/// When an entry happened, as `moment` looks at it: a packet's moment is when it was captured.
fn happened(entry: &Entry, moment: &Moment) -> Time {
    match moment {
        Moment::Time(_) => entry.time,
        Moment::Packet(..) => entry.captured.unwrap_or(entry.time),
    }
}

/// Causes that lie before the capture.
const WAS_OPEN: [&str; 3] = [Event::WasOpen.cause(), Event::HadClosed.cause(), Event::PeerHadClosed.cause()];

/// Sockets at a moment: connections are looked at one by one, and none of them is kept.
#[derive(Clone, Debug)]
pub struct Sockets {
    moment: Moment,
    begin: Time,
    rows: Vec<Row>,
}

impl Sockets {
    /// At `moment` of a capture that began at `begin`.
    pub fn new(moment: Moment, begin: Time) -> Sockets {
        Sockets { moment, begin, rows: Vec::new() }
    }

    /// Looks at the ends of a connection.
    pub fn take(&mut self, c: &Connection) {
        self.rows.extend(sides(c).iter().filter_map(|side| row(c, *side, (&self.moment, self.begin))));
    }

    /// Every socket that was not CLOSED, by host, state, local and peer address.
    pub fn finish(mut self) -> Vec<Row> {
        self.rows.sort_by_key(|r| (r.host, r.state, r.local, r.peer, r.connection));
        self.rows
    }
}

/// The ends that are sockets of their own: one that is connected to itself is one.
fn sides(c: &Connection) -> &'static [Side] {
    if c.client == c.server { &[Side::Client] } else { &Side::ALL }
}

/// Since when an end may be in any of the states that are possible at the end of the capture: it took no further step, and it sent
/// nothing any more, which would show where it was.
fn unseen_since(endpoint: &Endpoint) -> Option<Time> {
    let last = endpoint.history.last().filter(|_| endpoint.possible.len() > 1)?;
    Some(endpoint.sent.map_or(last.time, |sent| sent.max(last.time)))
}

/// Whether the first entry of an end holds from before the capture on, although its time is that of the connection's first packet:
/// it is assumed that the connection was open. Where its four-tuple was in use before in the capture, it was not.
fn was_open(c: &Connection, history: &[Entry]) -> bool {
    let assumed = |e: &Entry| e.evidence == Evidence::Assumed && e.packet.is_none() && WAS_OPEN.contains(&e.cause);
    c.incarnation == 1 && history.first().is_some_and(assumed)
}

fn row(c: &Connection, side: Side, (moment, begin): (&Moment, Time)) -> Option<Row> {
    let endpoint = c.endpoints.get(side);
    let history = &endpoint.history;
    let now = moment.time();
    let was_open = was_open(c, history);
    let last = history.iter().rposition(|e| happened(e, moment) <= now).or(was_open.then_some(0))?;
    let (entry, before) = (&history[last], was_open && last == 0);
    if entry.state == State::Closed {
        return None;
    }
    let (local, peer) = match side {
        Side::Client => (c.client, c.server),
        Side::Server => (c.server, c.client),
    };
    Some(Row {
        host: local.addr,
        state: entry.state,
        evidence: entry.evidence,
        or: entry.latest.filter(|t| *t > now).map(|_| entry.from),
        possible: unseen_since(endpoint).filter(|since| *since <= now).map(|_| endpoint.possible),
        local,
        peer,
        connection: c.id,
        role: side,
        since: if before { begin } else { entry.time },
        before,
    })
}
