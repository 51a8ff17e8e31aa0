//! The loop's view: packets and time in, events out.

use super::book::Book;
use super::counts::Counts;
use super::event::{Event, Evicted, Retraction, Transition};
use super::firing::Firing;
use super::metrics::{Metrics, Now};
use super::{gone, order};
use crate::analyze::{Analysis, Options, build};
use crate::detect::{Digest, Scene};
use crate::filter::{Filter, select::select};
use crate::report::{self, Connection, Finding, PerSide, Report, Severity, Side, Summary, totals};
use crate::segment::Flags;
use crate::source::{FileInfo, Packet};
use crate::time::{Span, Time};
use crate::tracker::Class;

/// Bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections remembered at most, ended ones included.
    pub connections: usize,
}

/// Everything known of what passes.
#[derive(Debug)]
pub struct Watcher {
    analysis: Analysis,
    filter: Option<Filter>,
    limits: Limits,
    book: Book,
    dirty: Vec<usize>,
    /// Connections that are over and wait to be told.
    over: Vec<u64>,
    counts: Counts,
    metrics: Metrics,
    pass: Pass,
    firing: Firing,
    gone: Summary,
    events: Vec<Event>,
    followed: Option<u64>,
    passed: Vec<Passed>,
    now: Time,
}

/// How far a look at all connections has come.
#[derive(Debug, Default)]
struct Pass {
    /// The number of the last one looked at.
    after: u64,
    /// What is small of all of them, and those that something was found about.
    digests: Vec<Digest>,
    connections: Vec<Connection>,
}

/// Connections looked at, and told, in one go.
const STRETCH: usize = 2_000;

/// A segment of the connection that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
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

/// What happened to a connection that is over holds for this long.
const RECENT: Span = Span::secs(60);
/// Findings that speak of the end of a capture.
const OF_THE_END: [&str; 2] = ["capture-cuts-connections", "half-closed-at-end"];

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
            over: Vec::new(),
            counts: Counts::default(),
            metrics: Metrics::default(),
            pass: Pass::default(),
            firing: Firing::default(),
            gone: Summary::default(),
            events: Vec::new(),
            followed: None,
            passed: Vec::new(),
            now: Time(0),
        }
    }

    /// Takes one packet, in capture order.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.now = self.now.max(packet.time);
        let Some((taken, seg)) = self.analysis.packet(packet) else { return };
        let entry = self.book.entry(taken.connection, seg.time);
        if self.followed == Some(entry.id) {
            if self.passed.len() >= FOLLOWED {
                self.passed.drain(..FOLLOWED / 4);
            }
            let (time, to_server) = (seg.time, taken.sender == entry.client);
            self.passed.push(Passed { time, to_server, flags: seg.flags, seq: seg.seq, ack: seg.ack, len: seg.len });
        }
        let plain = !seg.has(Flags::SYN) && !seg.has(Flags::FIN) && !seg.has(Flags::RST);
        if entry.dirty || taken.class == Class::Copy || (plain && entry.settled) {
            return;
        }
        entry.dirty = true;
        self.dirty.push(taken.connection);
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
        self.counts.sample(now, self.analysis.capture().packets, self.book.begun());
    }

    /// Tells connections that have ended, and looks for findings, a stretch at a time. True if there is more to do.
    pub fn assess(&mut self, dropped: u64) -> bool {
        let mut scene = self.analysis.scene(self.now);
        scene.quality.dropped = dropped;
        let mut events = Vec::new();
        let many = self.over.len().min(STRETCH);
        for id in self.over.drain(..many) {
            let Some(index) = self.book.find(id) else { continue };
            // It may have gone on in the meantime.
            if !self.book.entries[index].over {
                self.book.entries[index].told = false;
            } else if self.book.entries[index].matches {
                let connection = found(&self.analysis, &scene, (index, id), self.now);
                self.metrics.ended(&connection);
                events.push(Event::Connection(Box::new(connection)));
            }
        }
        let findings = Watcher::find_out(&self.analysis, &mut self.book, &mut self.pass, &mut scene, self.now);
        if let Some(findings) = findings {
            self.firing.update(findings, self.now, &mut events);
        }
        self.events.append(&mut events);
        self.pass.after > 0 || !self.over.is_empty()
    }

    /// What is wrong now: over all connections that are not over for long.
    ///
    /// Goes through them a stretch at a time, so that packets do not wait for long; `None` until it has been through.
    fn find_out(
        analysis: &Analysis,
        book: &mut Book,
        pass: &mut Pass,
        scene: &mut Scene<'_>,
        now: Time,
    ) -> Option<Vec<Finding>> {
        let tracker = analysis.tracker();
        let from = book.entries.partition_point(|entry| entry.id <= pass.after);
        for (index, entry) in book.entries.iter_mut().enumerate().skip(from).take(STRETCH) {
            pass.after = entry.id;
            let c = &tracker.connections()[index];
            if !entry.matches || (entry.over && now - c.last > RECENT) {
                continue;
            }
            let at = (index, entry.id);
            let verdicts = c.verdicts(now, analysis.profile());
            let anomalies = analysis.watch().anomalies(at, &verdicts, tracker, scene);
            entry.severity = anomalies.iter().map(|a| a.severity).max();
            let connection = Connection { anomalies, ..analysis.untimed(at, &verdicts, now) };
            pass.digests.push(Digest::of(&connection));
            if !connection.anomalies.is_empty() {
                pass.connections.push(connection);
            }
        }
        if book.entries.last().is_some_and(|last| last.id > pass.after) {
            return None;
        }
        let Pass { mut connections, digests, .. } = std::mem::take(pass);
        let mut findings = analysis.watch().findings(scene, &mut connections, &digests, analysis.selection());
        // Nothing has ended.
        findings.retain(|f| !OF_THE_END.contains(&f.name));
        Some(findings)
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Compares the histories of connection `index` with what was shown.
    fn look(&mut self, index: usize, now: Time) {
        let c = &self.analysis.tracker().connections()[index];
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
        for e in 0..2 {
            let (was, side) = (entry.ends[e].state, side(e, client));
            let change = entry.ends[e].update(&verdicts[e].steps);
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
            let steps = &verdicts[e].steps;
            for step in &steps[steps.len() - change.new..] {
                self.metrics.transitions.get_mut(side)[step.rule.to as usize] += 1;
                self.events.push(Event::Transition(Transition {
                    connection: entry.id,
                    client: at_client,
                    server: at_server,
                    endpoint: side,
                    entry: build::entry(step, None),
                }));
            }
        }
        entry.judge(c, &verdicts, now);
        if !entry.timed
            && let (Some(a), Some(b)) = c.handshake_times()
        {
            entry.timed = true;
            self.metrics.handshakes.observe(Span(a.0.saturating_add(b.0)));
        }
        if entry.over && !entry.told {
            entry.told = true;
            self.over.push(entry.id);
        }
        self.book.plan(index, c, now, self.analysis.profile());
    }

    /// Forgets connections when there are too many: some more than needed, so that it does not happen at every packet.
    fn bound(&mut self, now: Time) {
        let (have, most) = (self.book.entries.len(), self.limits.connections);
        if have <= most {
            return;
        }
        let scene = self.analysis.scene(now);
        let tracked = self.analysis.tracker().connections();
        let ranks: Vec<_> =
            self.book.entries.iter().zip(tracked).map(|(entry, c)| order::rank(entry.states(), c.last)).collect();
        let keep = order::keep(&ranks, have - most + most / 8);
        let (mut evicted, mut open, mut retracted) = (Vec::new(), 0, 0);
        for index in (0..have).filter(|i| !keep[*i]) {
            let connection = found(&self.analysis, &scene, (index, self.book.entries[index].id), now);
            let entry = &self.book.entries[index];
            open += u64::from(!entry.over);
            if !entry.matches {
                continue;
            }
            for (e, end) in entry.ends.iter().enumerate() {
                self.counts.leave(side(e, entry.client), end.state);
            }
            retracted += u64::from(self.analysis.tracker().connections()[index].retractions());
            if !entry.told || self.over.contains(&entry.id) {
                self.metrics.ended(&connection);
                self.events.push(Event::Connection(Box::new(connection.clone())));
            }
            evicted.push(connection);
        }
        gone::add(&mut self.gone, &totals::summary(&evicted, retracted));
        drop(scene);
        self.book.evict(&keep);
        self.analysis.evict(&keep);
        let connections = keep.iter().filter(|keep| !**keep).count() as u64;
        self.metrics.evicted += connections;
        let total = self.metrics.evicted;
        self.events.push(Event::Evicted(Evicted { time: now, connections, open, total }));
    }

    /// Connection `index` as it stands now, with what is found about it.
    pub fn connection(&self, index: usize) -> Connection {
        let scene = self.analysis.scene(self.now);
        found(&self.analysis, &scene, (index, self.book.entries[index].id), self.now)
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
    pub fn tracked(&self, index: usize) -> &crate::tracker::Connection {
        &self.analysis.tracker().connections()[index]
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
        for (index, entry) in self.book.entries.iter_mut().enumerate().filter(|(_, entry)| !entry.dirty) {
            entry.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Notes the segments of this connection from now on, and of no other.
    pub fn follow(&mut self, id: Option<u64>) {
        self.followed = id;
        self.passed.clear();
    }

    /// The segments noted of connection number `id`.
    pub fn followed(&self, id: u64) -> &[Passed] {
        if self.followed == Some(id) { &self.passed } else { &[] }
    }

    /// How many connections there were, and how many are remembered.
    pub fn tally(&self) -> (u64, u64) {
        (self.book.begun(), self.book.entries.len() as u64)
    }

    /// What was captured so far.
    pub fn capture(&self) -> &report::Capture {
        self.analysis.capture()
    }

    /// The page for a scraper of metrics.
    pub fn page(&self, source: &FileInfo, copies: u64) -> String {
        let capture = self.analysis.capture();
        self.metrics.page(&Now {
            states: &self.counts.now,
            tracked: self.book.entries.len() as u64,
            begun: self.book.begun(),
            packets: [capture.packets, capture.tcp_segments, capture.undecoded],
            findings: &self.firing.now,
            source,
            copies,
        })
    }

    /// Whether connection number `id` was told as a whole already.
    pub fn is_told(&self, id: u64) -> bool {
        self.find(id).is_none_or(|index| self.book.entries[index].told)
    }

    /// The end: the same report as on a file with what was seen; what was forgotten is in its totals.
    pub fn report(&mut self, source: FileInfo) -> Report {
        let ids: Vec<u64> = self.in_order().collect();
        let mut report = std::mem::take(&mut self.analysis).finish(vec![source]);
        if let Some(filter) = &self.filter {
            select(&mut report, |connection| filter.matches(connection));
        }
        if self.metrics.evicted > 0 {
            // Numbered by the analysis among those that are left.
            report.connections.iter_mut().for_each(|c| c.id = ids.get(c.id as usize - 1).copied().unwrap_or(c.id));
            gone::add(&mut report.summary, &self.gone);
            gone::raise(&mut report.summary, &self.counts.peak);
        }
        report
    }

    /// The numbers of the connections remembered, in the order of their first packets.
    fn in_order(&self) -> impl Iterator<Item = u64> {
        let tracked = self.analysis.tracker().connections();
        let mut ids: Vec<_> = self.book.entries.iter().zip(tracked).map(|(e, c)| (c.first_packet, e.id)).collect();
        ids.sort_by_key(|(packet, _)| *packet);
        ids.into_iter().map(|(_, id)| id)
    }
}

/// Connection `index`, number `id`, as it stands, with what is found about it.
fn found(analysis: &Analysis, scene: &Scene<'_>, at: (usize, u64), now: Time) -> Connection {
    let tracker = analysis.tracker();
    let verdicts = tracker.connections()[at.0].verdicts(now, analysis.profile());
    let anomalies = analysis.watch().anomalies(at, &verdicts, tracker, scene);
    Connection { anomalies, ..analysis.connection(at, &verdicts, now) }
}

fn side(e: usize, client: usize) -> Side {
    if e == client { Side::Client } else { Side::Server }
}
