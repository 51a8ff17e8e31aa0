//! What a detector looks at: one connection with its verdicts and signals, and the capture around it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::declaration::Declaration;
use super::threshold::{Limits, Plain, Threshold};
use crate::report::{Anomaly, Severity, Side};
use crate::segment::Socket;
use crate::signals::{self, Signals};
use crate::time::{Span, Time};
use crate::tracker::log::Step;
use crate::tracker::rules::Event;
use crate::tracker::{Connection, Profile, State, Verdict};

/// Numbers behind a finding, by name.
pub type Facts = BTreeMap<&'static str, Value>;

/// The capture around a connection.
pub struct Scene<'a> {
    /// Time of the first packet of the capture.
    pub begin: Time,
    /// Time of the last one: every "at least" ends here.
    pub end: Time,
    /// Timers assumed.
    pub profile: &'a Profile,
    /// Thresholds.
    pub limits: &'a Limits,
    /// What is known of the capture's quality.
    pub quality: Quality,
    /// Hosts that were spoken to and of which no segment was captured.
    pub silent: BTreeSet<IpAddr>,
    /// Those of them that others acknowledge: they did speak.
    pub unseen: BTreeSet<IpAddr>,
}

/// What the capture misses, as far as it shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quality {
    /// Payload bytes that passed, each counted once.
    pub unique: u64,
    /// Bytes acknowledged or skipped that were never captured.
    pub missing: u64,
    /// TCP segments.
    pub segments: u64,
    /// Segments captured twice.
    pub copies: u64,
    /// Segments whose options were cut.
    pub cut: u64,
    /// Segments larger than the peer's MSS allows on a wire.
    pub oversized: u64,
    /// Connections of which only one end was captured although it acknowledges.
    pub one_sided: u64,
    /// Connections that were open when the capture began.
    pub begun_before: u64,
    /// Connections that were open when it ended.
    pub open_at_end: u64,
    /// Packets that could not be decoded.
    pub undecoded: u64,
    /// Packets older than the one before by more than a second.
    pub back_steps: u64,
    /// All connections.
    pub connections: u64,
    /// Packets that the capturing system dropped, where it says so.
    pub dropped: u64,
}

impl Quality {
    /// The share of bytes that the capture misses.
    pub fn missing_share(&self) -> f64 {
        let all = self.unique + self.missing;
        if all == 0 { 0.0 } else { self.missing as f64 / all as f64 }
    }

    /// Whether what is absent from the capture may well have been on the wire.
    pub fn is_lossy(&self) -> bool {
        self.missing_share() >= 0.01 || self.dropped.saturating_mul(100) >= self.segments.max(1)
    }
}

/// One connection, as a detector sees it. Ends are numbered as in [`Connection::sockets`].
pub struct View<'a> {
    /// What the tracker knows.
    pub connection: &'a Connection,
    /// Its number in the report.
    pub id: u64,
    /// Both ends' histories.
    pub verdicts: &'a [Verdict; 2],
    /// What states do not tell.
    pub signals: &'a Signals,
    /// Which end is the client.
    pub client: usize,
    /// The incarnation before it on the same four-tuple.
    pub previous: Option<&'a Connection>,
    /// The capture.
    pub scene: &'a Scene<'a>,
}

impl<'a> View<'a> {
    /// The state of end `e` when the capture ended.
    pub fn state(&self, e: usize) -> State {
        self.verdicts[e].state()
    }

    /// The transitions of end `e`.
    pub fn steps(&self, e: usize) -> &'a [Step] {
        &self.verdicts[e].steps
    }

    /// The transition with which end `e` first entered `state`.
    pub fn entered(&self, e: usize, state: State) -> Option<&'a Step> {
        self.steps(e).iter().find(|s| s.rule.to == state)
    }

    /// Whether end `e` ever was in `state`.
    pub fn ever(&self, e: usize, state: State) -> bool {
        self.entered(e, state).is_some()
    }

    /// The transition with which end `e` entered the state it ended in.
    pub fn last_step(&self, e: usize) -> Option<&'a Step> {
        self.steps(e).last()
    }

    /// Since when and for how long end `e` is in `state`, if that is where it ended.
    pub fn stuck_in(&self, e: usize, state: State) -> Option<(&'a Step, Span)> {
        let step = self.last_step(e).filter(|s| s.rule.to == state)?;
        Some((step, self.scene.end - step.mark.time))
    }

    /// The first transition of end `e` that `event` caused.
    pub fn event(&self, e: usize, event: Event) -> Option<&'a Step> {
        self.steps(e).iter().find(|s| s.mark.event == event)
    }

    /// Signals of end `e`.
    pub fn end(&self, e: usize) -> &'a signals::End {
        &self.signals.ends[e]
    }

    /// Rare signals of end `e`.
    pub fn cold(&self, e: usize) -> &'a signals::ColdEnd {
        self.signals.cold_end(e)
    }

    /// Client or server.
    pub fn side(&self, e: usize) -> Side {
        if e == self.client { Side::Client } else { Side::Server }
    }

    /// The end that is not the client.
    pub fn server(&self) -> usize {
        1 - self.client
    }

    /// Address and port of end `e`.
    pub fn socket(&self, e: usize) -> Socket {
        self.connection.sockets[e]
    }

    /// `server 192.0.2.1:80`.
    pub fn who(&self, e: usize) -> String {
        format!("{} {}", self.side(e).name(), self.socket(e))
    }

    /// A threshold that is a duration.
    pub fn span(&self, threshold: &Threshold) -> Span {
        self.scene.limits.span(threshold)
    }

    /// A threshold that is a number.
    pub fn limit(&self, threshold: &Threshold) -> i64 {
        self.scene.limits.get(threshold)
    }

    /// Only one end was captured, although the segments show that the other was there.
    pub fn is_one_sided(&self) -> bool {
        is_one_sided(self.connection, self.signals)
    }

    /// The FIN of end `e` is known from its acknowledgment alone, though others of its segments were captured and the
    /// capture misses data: the peer's FIN may well have been missed in the same way.
    pub fn misses_fins(&self, e: usize) -> bool {
        let end = &self.connection.ends[e];
        end.fins == 0 && end.packets > 0 && self.scene.quality.is_lossy()
    }

    /// Both ends had opened it.
    pub fn was_open(&self) -> bool {
        (0..2).all(|e| {
            [State::Established, State::FinWait1, State::FinWait2, State::CloseWait].iter().any(|s| self.ever(e, *s))
        })
    }

    /// It was open before the capture began.
    pub fn is_midstream(&self) -> bool {
        !self.connection.opening_seen()
    }

    /// A round trip between the ends, as well as the capture shows it; 200 ms if it does not.
    pub fn round_trip(&self) -> Span {
        let [a, b] = [0, 1].map(|e| self.connection.ends[e].turnaround());
        match (a, b) {
            (Some(a), Some(b)) => Span(a.0.saturating_add(b.0)),
            (Some(a), None) | (None, Some(a)) => Span(a.0.saturating_mul(2)),
            (None, None) => Span::millis(200),
        }
    }
}

/// Nothing of one end was captured, although the other acknowledges what it sent.
pub fn is_one_sided(c: &Connection, signals: &Signals) -> bool {
    (0..2).any(|e| {
        let (unseen, seen) = (&c.ends[e], &c.ends[1 - e]);
        let spoke = signals.ends[e].missing > 0 || seen.syns > 0 && unseen.acked().is_some();
        unseen.packets == 0 && seen.packets > 1 && spoke
    })
}

/// Where a detector puts what it finds.
pub struct Sink<'a> {
    declaration: &'static Declaration,
    view: &'a View<'a>,
    out: &'a mut Vec<Anomaly>,
}

impl<'a> Sink<'a> {
    /// Takes findings of `declaration`.
    pub fn new(declaration: &'static Declaration, view: &'a View<'a>, out: &'a mut Vec<Anomaly>) -> Sink<'a> {
        Sink { declaration, view, out }
    }

    /// Raises the anomaly. Where it rests on something absent and the capture is known to miss things, it counts for
    /// less and says so.
    pub fn raise(&mut self, found: Found) {
        let (mut severity, mut message, mut facts) = (found.severity, found.message, found.facts);
        if self.declaration.absence && severity > Severity::Note {
            let why = if self.view.is_one_sided() {
                Some("only one direction was captured".to_owned())
            } else if self.view.scene.quality.is_lossy() {
                Some(format!(
                    "the capture misses {:.1} % of the bytes",
                    self.view.scene.quality.missing_share() * 100.0
                ))
            } else {
                None
            };
            if let Some(why) = why {
                severity = Severity::Note;
                message = format!("{message}; doubtful: {why}");
                facts.insert("doubtful", Value::from(why));
            }
        }
        self.out.push(Anomaly {
            code: self.declaration.code,
            name: self.declaration.name,
            severity,
            endpoint: found.end.map(|e| self.view.side(e)),
            time: found.time,
            packet: found.packet,
            message,
            facts,
        });
    }
}

/// One anomaly on its way to the report.
pub struct Found {
    severity: Severity,
    end: Option<usize>,
    time: Time,
    packet: Option<u64>,
    message: String,
    facts: Facts,
}

impl Found {
    /// An anomaly that began at `time` and shows best in `packet` (0: in none).
    pub fn new(severity: Severity, time: Time, packet: u64, message: String) -> Found {
        let packet = (packet != 0).then_some(packet);
        Found { severity, end: None, time, packet, message, facts: Facts::new() }
    }

    /// End `e` is where it happens.
    #[must_use]
    pub fn at(mut self, e: usize) -> Found {
        self.end = Some(e);
        self
    }

    /// A number behind it.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Found {
        self.facts.insert(name, value.into());
        self
    }

    /// A duration behind it, in seconds.
    #[must_use]
    pub fn span(self, name: &'static str, span: Span) -> Found {
        self.fact(name, seconds(span))
    }
}

/// A duration as JSON: seconds, rounded to microseconds.
pub fn seconds(span: Span) -> Value {
    Value::from((span.as_secs_f64() * 1e6).round() / 1e6)
}

/// `at least 12 s`, for something that lasted until the capture ended.
pub fn at_least(span: Span) -> String {
    format!("at least {}", Plain(span))
}
