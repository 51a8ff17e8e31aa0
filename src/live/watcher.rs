//! The loop's view: packets and time in, events out.

use super::assess::{OF_THE_END, Pass, found};
use super::book::Book;
use super::bygone::Bygones;
use super::counts::Counts;
use super::event::{Event, Retraction, Transition};
use super::firing::Firing;
use super::metrics::{Metrics, Now};
use crate::analyze::{Analysis, Options, build};
use crate::decode::{Bundle, Decoded, ScopeNames};
use crate::filter::Filter;
use crate::report::{self, Connection, Finding, PerSide, Severity, Side, Summary};
use crate::segment::{Flags, Segment};
use crate::source::{FileInfo, Packet};
use crate::time::Time;

/// Bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections remembered at most, ended ones included.
    pub connections: usize,
}

/// That of the command line.
impl Default for Limits {
    fn default() -> Limits {
        Limits { connections: 100_000 }
    }
}

/// Everything known of what passes.
#[derive(Debug)]
pub struct Watcher {
    pub(super) analysis: Analysis,
    pub(super) filter: Option<Filter>,
    pub(super) limits: Limits,
    pub(super) book: Book,
    pub(super) dirty: Vec<usize>,
    /// The connections of the segments of a bundle; only the room is kept.
    connections: Vec<usize>,
    /// Connections that are over and wait to be told.
    pub(super) over: Vec<u64>,
    pub(super) counts: Counts,
    pub(super) metrics: Metrics,
    pub(super) pass: Pass,
    pub(super) bygones: Bygones,
    pub(super) firing: Firing,
    pub(super) gone: Summary,
    pub(super) events: Vec<Event>,
    /// Nobody reads events.
    pub(super) quiet: bool,
    /// The connection that is followed, and its segments since.
    pub(super) followed: Option<u64>,
    pub(super) segments: Vec<Followed>,
    pub(super) now: Time,
}

/// A segment of the connection that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Capture time.
    pub time: Time,
    /// Sent by the client.
    pub to_server: bool,
    /// Flags.
    pub flags: Flags,
    /// Sequence number as sent.
    pub seq: u32,
    /// Acknowledgment number as sent.
    pub ack: u32,
    /// Payload bytes.
    pub len: u32,
}

/// Segments noted of the connection that is followed; the oldest go first.
const FOLLOWED: usize = 1_000;

impl Watcher {
    /// A watcher that has seen nothing; only connections that pass `filter` are counted and told.
    pub fn new(options: Options, filter: Option<Filter>, limits: Limits) -> Watcher {
        Watcher {
            analysis: Analysis::new(options),
            filter,
            limits: Limits { connections: limits.connections.max(2) },
            book: Book::default(),
            dirty: Vec::new(),
            connections: Vec::new(),
            over: Vec::new(),
            counts: Counts::default(),
            metrics: Metrics::default(),
            pass: Pass::default(),
            bygones: Bygones::default(),
            firing: Firing::default(),
            gone: Summary::default(),
            events: Vec::new(),
            quiet: false,
            followed: None,
            segments: Vec::new(),
            now: Time(0),
        }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.now = self.now.max(packet.time);
        if let Some((taken, seg)) = self.analysis.take(packet) {
            self.note(taken.connection, &seg);
        }
    }

    /// Takes what was found in packets elsewhere, in capture order, and the scopes that its decoder has named since the
    /// bundle before.
    pub fn bundle(&mut self, bundle: &Bundle, scopes: Vec<ScopeNames>) {
        self.analysis.learn(scopes);
        let mut connections = std::mem::take(&mut self.connections);
        self.analysis.bundle_of(bundle, &mut connections);
        if let Some((_, last)) = bundle.span() {
            self.now = self.now.max(last);
        }
        let segments = bundle.found().iter().filter_map(|found| match found {
            Decoded::Segment(seg) => Some(seg),
            Decoded::Icmp(_) | Decoded::Other | Decoded::Undecoded => None,
        });
        segments.zip(&connections).for_each(|(seg, connection)| self.note(*connection, seg));
        self.connections = connections;
    }

    /// Takes note of what may have changed with a segment.
    #[inline]
    fn note(&mut self, connection: usize, seg: &Segment) {
        let entry = self.book.entry(connection, seg.time);
        entry.last = entry.last.max(seg.time);
        entry.bytes = entry.bytes.saturating_add(u64::from(seg.len));
        if self.followed == Some(entry.id) {
            if self.segments.len() >= FOLLOWED {
                self.segments.drain(..FOLLOWED / 4);
            }
            let c = self.analysis.tracker().connection(connection);
            let (time, to_server) = (seg.time, c.sockets[entry.client] == seg.src);
            self.segments.push(Followed {
                time,
                to_server,
                flags: seg.flags,
                seq: seg.seq,
                ack: seg.ack,
                len: seg.len,
            });
        }
        let plain = !seg.has(Flags::SYN) && !seg.has(Flags::FIN) && !seg.has(Flags::RST);
        if entry.dirty || (plain && entry.settled) {
            return;
        }
        entry.dirty = true;
        self.dirty.push(connection);
    }

    /// Brings everything up to date: what segments have changed, what silence shows by `now`, how much is remembered.
    pub fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        let (now, from) = (self.now, self.events.len());
        for index in std::mem::take(&mut self.dirty) {
            self.look(index, now);
        }
        while let Some(index) = self.book.due(now) {
            self.look(index, now);
        }
        self.events[from..].sort_by_key(|event| match event {
            Event::Transition(t) => t.entry.captured.unwrap_or(t.entry.time),
            _ => now,
        });
        self.bound(now);
        if self.quiet {
            self.events.clear();
        }
        self.counts.sample(now, self.analysis.capture().packets, self.book.begun());
    }

    /// The same, but there are no events: for those who look at counts, findings and connections only.
    pub fn without_events(self) -> Watcher {
        Watcher { quiet: true, ..self }
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Compares the histories of connection `index` with what was shown.
    fn look(&mut self, index: usize, now: Time) {
        let c = self.analysis.tracker().connection(index);
        let verdicts = c.verdicts(now, self.analysis.profile());
        let (client, _) = c.client();
        let matches = self
            .filter
            .as_ref()
            .is_none_or(|f| f.matches(&self.analysis.connection((index, self.book.entries[index].id), &verdicts, now)));
        let entry = &mut self.book.entries[index];
        entry.dirty = false;
        for e in 0..2 {
            if entry.matches {
                self.counts.leave(side(e, entry.client), entry.ends[e].state);
            }
        }
        (entry.client, entry.matches) = (client, matches);
        for (e, verdict) in verdicts.iter().enumerate() {
            let (was, side) = (entry.ends[e].state, side(e, client));
            let change = entry.ends[e].update(&verdict.steps);
            if !matches {
                continue;
            }
            self.counts.enter(side, entry.ends[e].state);
            let (at_client, at_server) = (c.sockets[client], c.sockets[1 - client]);
            if let Some(state) = change.back_to.filter(|state| *state != was) {
                self.metrics.retractions += 1;
                self.events.push(Event::Retraction(Retraction {
                    connection: entry.id,
                    client: at_client,
                    server: at_server,
                    endpoint: side,
                    time: now,
                    from: was,
                    state,
                }));
            }
            let steps = &verdict.steps;
            for step in &steps[steps.len() - change.new..] {
                self.metrics.transitions.get_mut(side)[step.rule.to as usize] += 1;
                if self.quiet {
                    continue;
                }
                self.events.push(Event::Transition(Transition {
                    connection: entry.id,
                    client: at_client,
                    server: at_server,
                    endpoint: side,
                    entry: build::entry(step, None),
                }));
            }
        }
        entry.judge(&c, &verdicts, now);
        if let Some(handshake) = entry.new_handshake(&c) {
            self.metrics.handshakes.observe(handshake);
        }
        if entry.over && !entry.told && !entry.waiting {
            entry.waiting = true;
            self.over.push(entry.id);
        }
        self.book.plan(index, &c, now, self.analysis.profile());
    }

    /// Connection `index` as it stands now, with what is found about it.
    pub fn connection(&self, index: usize) -> Connection {
        let scene = self.analysis.scene(self.now);
        let verdicts = self.analysis.tracker().connection(index).verdicts(self.now, self.analysis.profile());
        let mut connection = found(&self.analysis, &scene, (index, self.book.entries[index].id), &verdicts, self.now);
        connection.anomalies.retain(|a| !OF_THE_END.contains(&a.name));
        connection
    }

    /// Where connection number `id` is, if it was not forgotten.
    pub fn find(&self, id: u64) -> Option<usize> {
        self.book.find(id)
    }

    /// The connections that pass the filter, in the order in which they began: index, number, and both ends as shown,
    /// the client's first.
    pub fn connections(&self) -> impl Iterator<Item = (usize, u64, PerSide<super::Shown>)> {
        self.book.entries.iter().enumerate().filter(|(_, entry)| entry.matches).map(|(index, entry)| {
            let [client, server] = [entry.client, 1 - entry.client].map(|e| entry.ends[e]);
            (index, entry.id, PerSide { client, server })
        })
    }

    /// What the tracker knows of connection `index`.
    pub fn tracked(&self, index: usize) -> std::borrow::Cow<'_, crate::tracker::Connection> {
        self.analysis.tracker().connection(index)
    }

    /// Capture time of the last segment of connection `index`, and the payload bytes of both its ends.
    pub fn traffic(&self, index: usize) -> (Time, u64) {
        let entry = &self.book.entries[index];
        (entry.last, entry.bytes)
    }

    /// The latest time it was told.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Connections per state.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What has been counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The findings that hold.
    pub fn findings(&self) -> &[Finding] {
        &self.firing.now
    }

    /// Findings that held and do so no longer, the latest last.
    pub fn held(&self) -> &[Finding] {
        &self.firing.held
    }

    /// The worst that is found about connection `index`.
    pub fn severity(&self, index: usize) -> Option<Severity> {
        self.book.entries[index].severity
    }

    /// Only connections that pass count and are told from now on.
    pub fn set_filter(&mut self, filter: Option<Filter>) {
        self.filter = filter;
        self.pass = Pass::default();
        // Only those that passed the filter before were remembered.
        self.bygones.forget(self.now);
        self.firing.choose_anew();
        self.counts.choose_anew(self.now);
        for (index, entry) in self.book.entries.iter_mut().enumerate().filter(|(_, entry)| !entry.dirty) {
            entry.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Whether only some connections count.
    pub fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    /// Notes the segments of this connection from now on, and of no other.
    pub fn follow(&mut self, id: Option<u64>) {
        self.followed = id;
        self.segments.clear();
    }

    /// The segments noted of connection number `id`.
    pub fn followed(&self, id: u64) -> &[Followed] {
        if self.followed == Some(id) { &self.segments } else { &[] }
    }

    /// How many connections there were, and how many are remembered.
    pub fn tally(&self) -> (u64, u64) {
        (self.book.begun(), self.book.entries.len() as u64)
    }

    /// What was captured so far.
    pub fn capture(&self) -> &report::Capture {
        self.analysis.capture()
    }

    /// The page for a scraper of metrics; so many packets wait to be taken.
    pub fn page(&self, source: &FileInfo, copies: u64, waiting: u64) -> String {
        let capture = self.analysis.capture();
        self.metrics.page(&Now {
            states: &self.counts.now,
            tracked: self.book.entries.len() as u64,
            begun: self.book.begun(),
            packets: [capture.packets, capture.tcp_segments, capture.undecoded],
            findings: &self.firing.now,
            source,
            copies,
            waiting,
        })
    }

    /// Whether connection number `id` was told as a whole already.
    pub fn is_told(&self, id: u64) -> bool {
        self.find(id).is_none_or(|index| self.book.entries[index].told)
    }
}

pub(super) fn side(e: usize, client: usize) -> Side {
    if e == client { Side::Client } else { Side::Server }
}
