//! The types of the report, serialised as the JSON contract says.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::ending::{ClosedFirst, Outcome, ResetBy};
use super::ends::{BothEnds, Direction, OtherTap};
use super::findings::Untold;
use super::rollup::Rollups;
use super::selected::Selected;
use super::settings::Settings;
use super::severity::Severity;
pub use super::side::{PerSide, Side};
use super::spent::TimeInState;
use super::timing::{Tables, Timing};
use crate::segment::Socket;
use crate::source::FileInfo;
use crate::time::Time;
use crate::tracker::{Evidence, State, States};

/// Version of the JSON shapes; changes only when a reader would break.
pub const SCHEMA: &str = "tcpstate/1";

/// A whole report.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// What was captured, and what was missed.
    pub capture: Capture,
    /// In order of their first packet.
    pub connections: Vec<Connection>,
    /// Most severe first.
    pub findings: Vec<Finding>,
    /// Findings that are only counted, where not all were asked for; documents have all.
    #[serde(skip)]
    pub untold: Vec<Untold>,
    /// Where some connections were asked for: code and severity of what none of them shows.
    #[serde(skip)]
    pub left_out: Vec<(&'static str, Severity)>,
    /// Connections and findings per host and service.
    pub rollups: Rollups,
    /// Totals over all connections.
    pub summary: Summary,
    /// Where the time went, over all connections and in groups.
    pub timing: Tables,
}

/// This program.
pub const TOOL: Tool = Tool { name: "tcpstate", version: env!("CARGO_PKG_VERSION") };

/// Name and version of this program.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `tcpstate`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The capture as a whole.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capture {
    /// Each input in the order given.
    pub files: Vec<FileInfo>,
    /// Packets read.
    pub packets: u64,
    /// TCP segments among them.
    pub tcp_segments: u64,
    /// Packets whose headers could not be read to their end, by damage, by cut, or by an unknown link type.
    pub undecoded: u64,
    /// Payload bytes captured, each counted once.
    pub bytes: u64,
    /// Payload bytes that their receiver acknowledged, or that were skipped where nothing of the receiver was captured, and that
    /// were never captured.
    pub missing_bytes: u64,
    /// Which kind of segments is in none of the connections, as far as that tells of the capture and not of the traffic: a
    /// capture filter leaves it out, most likely. In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// How two captures of the same traffic, one at each end, fit together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub both_ends: Option<BothEnds>,
    /// Time of the earliest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Time>,
    /// Time of the latest packet, or when the capture ended, where that is known: every "at least" in the report ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// How long no TCP segment was captured at a stretch, where that is an hour or more and nine tenths of the time from
    /// `first` to `last`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<crate::time::Span>,
    /// What of it the report is about, where not all of it was asked for; `files` and counts here are of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected: Option<Selected>,
    /// What the report was made with, where that is not the usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

impl Capture {
    /// Notes that the report is about some of its connections, of so many: those that match `filter`, those with these
    /// numbers.
    pub fn choose(&mut self, filter: Option<String>, connections: &[u64], of: u64) {
        if filter.is_some() || !connections.is_empty() {
            let selected = self.selected.take().unwrap_or_default();
            self.selected = Some(Selected { filter, connections: connections.to_vec(), of: Some(of), ..selected });
        }
    }

    /// Packets that the capturing systems say they dropped, as far as they say.
    pub fn dropped(&self) -> u64 {
        self.files.iter().filter_map(|file| file.dropped).fold(0, u64::saturating_add)
    }
}

/// Address and port, as two JSON fields.
impl Serialize for Socket {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            addr: IpAddr,
            port: u16,
        }
        Shape { addr: self.addr, port: self.port }.serialize(serializer)
    }
}

/// How a connection began, as far as the capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A SYN or SYN-ACK was captured.
    Handshake,
    /// It was already open when the capture began (or its handshake was missed).
    Midstream,
}

/// How it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// By its SYN.
    Observed,
    /// By ports and who spoke first.
    Guessed,
}

/// One incarnation of a four-tuple in a scope.
// With its ends in full, or as `E`: what stands above is part of the schema.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Connection"))]
pub struct Connection<E = Endpoint> {
    /// By first packet, from 1.
    pub id: u64,
    /// Who sent the first SYN; midstream, the best guess.
    pub client: Socket,
    /// The other end.
    pub server: Socket,
    /// 2, 3… when the same four-tuple is used again.
    pub incarnation: u32,
    /// How it began.
    pub origin: Origin,
    /// How it is known which end is the client.
    pub role: Role,
    /// VLAN and tunnel ids that tell equal four-tuples apart (`vlan 7`, `vxlan 42`), outermost first.
    pub scope: Vec<String>,
    /// Time of its first packet.
    pub first: Time,
    /// Time of its last packet.
    pub last: Time,
    /// Number of its first packet.
    pub first_packet: u64,
    /// Number of its last packet.
    pub last_packet: u64,
    /// Segments sent by each end, every captured copy counted.
    pub packets: PerSide<u64>,
    /// TCP payload bytes sent by each end, every copy counted.
    pub bytes: PerSide<u64>,
    /// What became of it.
    pub outcome: Outcome,
    /// Who closed first, if anyone did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_first: Option<ClosedFirst>,
    /// Who ended it with a RST, if that is what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_by: Option<ResetBy>,
    /// Both state machines.
    pub endpoints: PerSide<E>,
    /// Where its time went.
    pub timing: Timing,
    /// What became of the segments that each end sent; only with a capture at each end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PerSide<Direction>>,
    /// What was odd.
    pub anomalies: Vec<Anomaly>,
}

impl Connection {
    /// Address and port of one end.
    pub fn socket(&self, side: Side) -> Socket {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// The most severe anomaly, the earliest of equals.
    pub fn worst(&self) -> Option<&Anomaly> {
        self.anomalies.iter().min_by_key(|anomaly| (Reverse(anomaly.severity), anomaly.time))
    }

    /// Whether one end was never heard although the capture shows that there was something to hear: nobody answering a
    /// SYN, or not yet, is an outcome, not a gap.
    pub fn is_one_way(&self) -> bool {
        self.client != self.server && self.outcome.is_one_way([self.packets.client, self.packets.server])
    }

    /// Whether its opening, or the SYN of that, was not captured.
    pub fn lacks_opening(&self) -> bool {
        let first = self.endpoints.client.history.first();
        let assumed = |e: &Entry| e.state == State::SynSent && e.evidence == Evidence::Assumed && e.packet.is_none();
        self.origin == Origin::Midstream || self.packets.client > 0 && first.is_some_and(assumed)
    }
}

/// One endpoint's state machine as reconstructed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// At the end of the capture.
    pub state: State,
    /// All that the capture allows; more than one where it can't tell.
    #[cfg_attr(test, schemars(with = "Vec<State>"))]
    pub possible: States,
    /// How the final state is known.
    pub evidence: Evidence,
    /// One entry per state entered, in order, after retractions.
    pub history: Vec<Entry>,
    /// What was believed and then disproved; filled only when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retracted: Vec<Entry>,
    /// Time spent in each state up to the end of the capture, in RFC 9293's order.
    #[cfg_attr(test, schemars(with = "BTreeMap<State, crate::time::Span>"))]
    pub time_in_state: TimeInState,
    /// Capture time of the last segment that it sent, as far as it is kept: of what is told in short that of the connection.
    #[serde(skip)]
    pub sent: Option<Time>,
}

/// One transition.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Entry {
    /// When the endpoint entered the state: capture time of the cause, moved by half the least round trip between tap
    /// and endpoint where they are apart; for `timer`, when it ran out.
    pub time: Time,
    /// The latest moment at which it can have entered it, where that is later: a receipt is certain only by the time the
    /// endpoint sends what proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Time>,
    /// Capture time of the cause, where it differs; where the tap's clock went back, no earlier than what the cause
    /// acknowledges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<Time>,
    /// The state left.
    pub from: State,
    /// The state entered.
    pub state: State,
    /// The packet that caused it, or that shows it if it is `deduced`; absent for timers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// Present if `packet` is not what happened but only shows that it had: the segment itself was not captured, or later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, schemars(default))]
    pub deduced: bool,
    /// What happened, in plain words: `sent SYN`, `received FIN`.
    pub cause: &'static str,
    /// How it is known.
    pub evidence: Evidence,
    /// The packet that proves a `confirmed` entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_by: Option<u64>,
    /// With a capture at each end: at whose side it was seen; `packet` is counted in that capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Side>,
    /// With a capture at each end: the same segment at the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_tap: Option<OtherTap>,
    /// Where the rule stands: `RFC 9293 3.10.7.4`.
    pub rule: &'static str,
}

/// Something odd in one connection.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Anomaly {
    /// Short code, grouped by letter, never reused.
    pub code: &'static str,
    /// Says what was found; reads well after "allow".
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Whose doing it is, where one end is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Side>,
    /// When it began.
    pub time: Time,
    /// The packet that shows it best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// One sentence for a person.
    pub message: String,
    /// The numbers behind it.
    #[serde(serialize_with = "super::facts::write")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, serde_json::Value>"))]
    pub facts: BTreeMap<&'static str, serde_json::Value>,
}

/// Anomalies of one kind, grouped over connections and hosts, or one that only a group can show.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// As in [`Anomaly`].
    pub code: &'static str,
    /// As in [`Anomaly`].
    pub name: &'static str,
    /// The worst of the group.
    pub severity: Severity,
    /// How many connections show it.
    pub count: u64,
    /// One sentence for a person: who, what, since when.
    pub message: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Connections to look at, worst first, cut to a readable number.
    pub connections: Vec<u64>,
    /// Packets that prove it, cut to a readable number.
    pub packets: Vec<u64>,
    /// The numbers behind it.
    #[serde(serialize_with = "super::facts::write")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, serde_json::Value>"))]
    pub facts: BTreeMap<&'static str, serde_json::Value>,
}

/// Totals over all connections.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// Connections.
    pub connections: u64,
    /// By outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// By who closed first; those nobody closed are not counted.
    pub closed_first: BTreeMap<&'static str, u64>,
    /// Endpoints in each state at the end of the capture.
    pub final_states: PerSide<BTreeMap<State, u64>>,
    /// The most endpoints that were in each state at one time.
    pub peak_states: PerSide<BTreeMap<State, u64>>,
    /// History entries by how they are known.
    pub evidence: BTreeMap<&'static str, u64>,
    /// Entries that were believed and later disproved.
    pub retracted: u64,
}
