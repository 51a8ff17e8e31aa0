//! What capture-wide detectors need of each connection, side by side in memory: they look at all of them many times.

use serde_json::Value;

use crate::report::{Connection, Endpoint, Outcome, Side};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::State;

/// When an end was in a state: from when, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// When it was entered first.
    pub since: Time,
    /// When it was left; the end of time if it was not.
    pub until: Time,
}

impl Stay {
    /// Never.
    const NONE: Stay = Stay { since: Time(i64::MAX), until: Time(i64::MAX) };

    fn of(end: &Endpoint, state: State) -> Stay {
        let Some(i) = end.history.iter().position(|h| h.state == state) else { return Stay::NONE };
        let until = end.history.get(i + 1).map_or(Time(i64::MAX), |h| h.time);
        Stay { since: end.history[i].time, until }
    }

    /// Whether it happened.
    pub fn happened(self) -> bool {
        self.since != Stay::NONE.since
    }

    /// Whether it lasted when the capture ended.
    pub fn lasts(self) -> bool {
        self.happened() && self.until == Stay::NONE.until
    }

    /// Whether it covers `time`.
    pub fn covers(self, time: Time) -> bool {
        self.since <= time && time < self.until
    }
}

/// The most at one time of `stays`, and when.
pub fn peak(stays: impl Iterator<Item = Stay>) -> (i64, Time) {
    let mut changes: Vec<(Time, i32)> =
        stays.filter(|s| s.happened()).flat_map(|s| [(s.since, 1), (s.until, -1)]).collect();
    changes.sort_unstable();
    let (mut now, mut peak) = (0_i64, (0, Time(0)));
    for (time, change) in changes {
        now += i64::from(change);
        if now > peak.0 {
            peak = (now, time);
        }
    }
    peak
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    /// Number in the report.
    pub id: u64,
    /// Its client.
    pub client: Socket,
    /// Its server: the service.
    pub server: Socket,
    /// Time of its first packet.
    pub first: Time,
    /// Time of its last packet.
    pub last: Time,
    /// Number of its first packet.
    pub first_packet: u64,
    /// Number of its last packet.
    pub last_packet: u64,
    /// Segments both ways.
    pub packets: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Its SYN was captured.
    pub opened: bool,
    /// Only one direction was captured.
    pub alone: bool,
    /// An end is neither CLOSED nor in TIME_WAIT when the capture ends.
    pub open_at_end: bool,
    /// The server's SYN_RCVD.
    pub syn_rcvd: Stay,
    /// The server's ESTABLISHED.
    pub established: Stay,
    /// Which end was in CLOSE_WAIT (the server, if neither was).
    pub close_wait_at: Side,
    /// Its CLOSE_WAIT.
    pub close_wait: Stay,
    /// TIME_WAIT of client and server.
    pub time_wait: [Stay; 2],
    /// It died after being idle for so many seconds; the packet that shows it.
    pub idle_death: Option<(f64, u64)>,
    /// The server reset it.
    pub broke: Option<Time>,
    /// Its SYN had to be repeated.
    pub waited: bool,
    /// Segments sent again.
    pub again: u64,
}

impl Digest {
    /// The digest of `c`, whose anomalies are known.
    pub fn of(c: &Connection) -> Digest {
        let (client, server) = (&c.endpoints.client, &c.endpoints.server);
        let over = |e: &Endpoint| matches!(e.state, State::Closed | State::TimeWait);
        let at_client = Stay::of(client, State::CloseWait);
        let (close_wait_at, close_wait) = if at_client.happened() {
            (Side::Client, at_client)
        } else {
            (Side::Server, Stay::of(server, State::CloseWait))
        };
        let mut digest = Digest {
            id: c.id,
            client: c.client,
            server: c.server,
            first: c.first,
            last: c.last,
            first_packet: c.first_packet,
            last_packet: c.last_packet,
            packets: c.packets.client + c.packets.server,
            outcome: c.outcome,
            opened: client.history.first().is_some_and(|h| h.state == State::SynSent && h.packet.is_some()),
            alone: c.packets.client == 0 || c.packets.server == 0,
            open_at_end: !over(client) || !over(server),
            syn_rcvd: Stay::of(server, State::SynRcvd),
            established: Stay::of(server, State::Established),
            close_wait_at,
            close_wait,
            time_wait: [client, server].map(|e| Stay::of(e, State::TimeWait)),
            idle_death: None,
            broke: None,
            waited: false,
            again: 0,
        };
        for a in &c.anomalies {
            let number = |name: &str| a.facts.get(name).and_then(Value::as_f64);
            match a.name {
                "idle-death" => digest.idle_death = number("idle").map(|idle| (idle, a.packet.unwrap_or(0))),
                "rst-abort" if a.endpoint == Some(Side::Server) => digest.broke = Some(a.time),
                "syn-retried" | "syn-unanswered" => digest.waited |= number("syns").is_some_and(|n| n > 1.0),
                "retransmissions" => digest.again += number("segments").unwrap_or(0.0) as u64,
                _ => {}
            }
        }
        digest
    }
}
