//! The end of an analysis: connections are looked at one by one, a stretch at a time, and added up; the report is what
//! the sums come to.

use std::ops::Range;

use super::tally::Tally;
use super::{Analysis, build};
use crate::detect::{self, ALL, Brief, Digest, Scene, View};
use crate::report::rollup::{Added, Shown, carried};
use crate::report::totals::Move;
use crate::report::{Anomaly, Capture, Connection, Outcome, PerSide, Report, SCHEMA, Severity, Side, TOOL};
use crate::segment::Socket;
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::timing::{Census, table};
use crate::tracker::verdict::Weighing;
use crate::tracker::{self, State, Verdict};

/// Connections whose memory is waited for at once.
const SOON: usize = 32;
/// Connections in a stretch.
const STRETCH: usize = 2_048;

/// What decides whether a connection is shown, and where.
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
    /// Seen from its middle on.
    pub midstream: bool,
}

/// Some connections, in order of their numbers.
#[derive(Debug, Default)]
pub struct Stretch {
    /// Each in short.
    pub rows: Vec<Row>,
    /// Each in full, if that was asked for.
    pub connections: Vec<Connection>,
}

/// What is done with connections besides adding them up.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// They are built in full.
    pub connections: bool,
    /// Only of these the time is added up.
    pub timed: Option<&'a (dyn Fn(&Connection) -> bool + Sync)>,
}

/// An analysis that has seen its last packet.
pub struct Finish<'a> {
    analysis: &'a Analysis,
    scene: Scene<'a>,
    capture: Capture,
    end: Time,
    /// Indices in order of first packets, where they are not in that order anyway.
    order: Option<Vec<u32>>,
    /// Numbers of the connections in order of first packets, and where each stands; unless they are counted from 1.
    numbers: Option<(Vec<u64>, Vec<u32>)>,
    /// Findings of a kind and severity that are put into words.
    told: usize,
    /// What was added up so far; taken out while connections are added to it.
    part: Option<Part>,
}

/// Every so manieth stretch of connections, and what they add up to: several can be looked at side by side.
#[derive(Debug)]
pub struct Part {
    /// The next stretch, and how far it is to the one after it.
    next: usize,
    step: usize,
    tally: Box<Tally>,
}

/// One connection looked at.
struct Look<'b> {
    index: usize,
    id: u64,
    verdicts: &'b [Verdict; 2],
    briefs: &'b [Brief],
    outcome: Outcome,
}

impl<'a> Finish<'a> {
    pub(super) fn new(analysis: &'a Analysis, files: Vec<FileInfo>) -> Finish<'a> {
        let end = analysis.capture.last.unwrap_or(Time(0));
        let tracker = &analysis.tracker;
        let ordered = (1..tracker.len()).all(|i| tracker.first_packet(i - 1) <= tracker.first_packet(i));
        let order = (!ordered).then(|| {
            let mut order: Vec<u32> = (0..tracker.len() as u32).collect();
            order.sort_by_key(|i| tracker.first_packet(*i as usize));
            order
        });
        let mut census = Census::default();
        let indices = (0..tracker.len()).map(|i| order.as_ref().map_or(i, |order| order[i] as usize));
        let survey = analysis.survey_of(indices, |client, server| census.count(client.addr, *server));
        let mut scene = analysis.scene_of(survey, end);
        scene.quality.dropped = files.iter().filter_map(|file| file.dropped).sum();
        let (bytes, missing_bytes) = (scene.quality.unique, scene.quality.missing);
        let capture = Capture { files, bytes, missing_bytes, ..analysis.capture.clone() };
        let part = Part { next: 0, step: 1, tally: Box::new(Tally::new(tracker.len(), &census, scene.begin, end)) };
        Finish { analysis, scene, capture, end, order, numbers: None, told: usize::MAX, part: Some(part) }
    }

    /// The same with other numbers than those counted from 1: one for each connection, in order of first packets.
    #[must_use]
    pub fn numbered(self, numbers: Vec<u64>) -> Finish<'a> {
        let mut positions: Vec<u32> = (0..numbers.len() as u32).collect();
        positions.sort_by_key(|position| numbers[*position as usize]);
        Finish { numbers: Some((numbers, positions)), ..self }
    }

    /// The capture, about which all is known.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Only so many findings of a kind and severity need words: those with the most connections.
    pub fn tell(&mut self, most: usize) {
        self.told = most;
    }

    /// Looks at the next connections; `None` when all have been looked at.
    pub fn next(&mut self, wanted: Wanted<'_>) -> Option<Stretch> {
        let mut part = self.part.take()?;
        let stretch = self.look(&mut part, wanted);
        self.part = Some(part);
        stretch
    }

    /// All connections, yet to be looked at, in two parts, their stretches in turn; to be given back to [`Finish::add`].
    pub fn halves(&mut self) -> Option<[Part; 2]> {
        let first = self.part.take_if(|part| part.next == 0)?;
        let second = Part { next: 1, step: 2, tally: Box::new(first.tally.empty()) };
        Some([Part { step: 2, ..first }, second])
    }

    /// Looks at the next connections of `part`; `None` when all of it have been looked at.
    pub fn look(&self, part: &mut Part, wanted: Wanted<'_>) -> Option<Stretch> {
        let all = self.analysis.tracker.len();
        let from = part.next * STRETCH;
        if from >= all {
            return None;
        }
        part.next += part.step;
        Some(self.look_at(from..(from + STRETCH).min(all), wanted, &mut part.tally))
    }

    /// Adds what was looked at apart.
    pub fn add(&mut self, [mut first, second]: [Part; 2]) {
        first.tally.merge(*second.tally);
        // Their stretches came in turn; in the report connections stand in order of first packets.
        first.tally.digests.sort_by_key(|digest| self.position(digest.id()));
        self.part = Some(first);
    }

    fn look_at(&self, range: Range<usize>, wanted: Wanted<'_>, tally: &mut Tally) -> Stretch {
        let mut stretch = Stretch::default();
        let mut briefs = Vec::new();
        let (mut scratch, mut weighing) = (Box::default(), Weighing::default());
        let context = self.analysis.context(self.end);
        let decoder = &self.analysis.decoder;
        let context = build::Context { scope: &|id| decoder.scope(id).to_vec(), ..context };
        let end = range.end;
        for position in range {
            let id = self.numbers.as_ref().map_or(position as u64 + 1, |(numbers, _)| numbers[position]);
            let index = self.at(position);
            if position % SOON == 0 {
                let soon = position..(position + SOON).min(end);
                self.analysis.tracker.soon(soon.map(|position| self.at(position)));
            }
            let case = self.analysis.tracker.look(index, &mut scratch);
            let (c, notes) = (&case.connection, &case.notes);
            let previous = self.analysis.previous(index);
            let verdicts = c.weigh(self.end, &self.analysis.profile, &mut weighing);
            let (client, _) = c.client();
            let view = View::new((c, client, id), verdicts, &notes.signals, previous.as_deref(), &self.scene);
            let built = wanted.connections || wanted.timed.is_some();
            let anomalies = if built {
                detect::both(&view, &mut briefs)
            } else {
                detect::briefs(&view, &mut briefs);
                Vec::new()
            };
            let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
            let outcome = build::outcome(c, ends);
            let look = Look { index, id, verdicts, briefs: &briefs, outcome };
            tally.digests.push(Digest::new(id, (c, client), verdicts, outcome, &briefs, &self.scene));
            self.add_up(c, client, &look, tally);
            let connection = built.then(|| {
                let mut connection = build::connection(c, &notes.measured, verdicts, id, &context);
                connection.anomalies = anomalies;
                connection.anomalies.retain(|a| self.wants_code(a.code));
                connection
            });
            match wanted.timed.zip(connection.as_ref()) {
                Some((timed, connection)) if timed(connection) => {
                    tally.timed.get_or_insert_default().push(index as u32)
                }
                Some(_) => _ = tally.timed.get_or_insert_default(),
                None => tally.tables.add(&notes.measured, c, verdicts, context.vantage, self.end),
            }
            stretch.connections.extend(connection.filter(|_| wanted.connections));
            let handshake = notes.measured.handshake.round_trip();
            stretch.rows.push(self.row(c, client, &look, handshake));
        }
        stretch
    }

    /// Adds a connection to the sums.
    fn add_up(&self, c: &tracker::Connection, client: usize, look: &Look<'_>, tally: &mut Tally) {
        let (at_client, at_server) = (c.sockets[client], c.sockets[1 - client]);
        let ends = PerSide { client: &look.verdicts[client], server: &look.verdicts[1 - client] };
        tally.totals.add(look.outcome, build::closed_first(ends), u64::from(c.retractions()));
        for (side, verdict) in [(Side::Client, ends.client), (Side::Server, ends.server)] {
            let moves = verdict.steps.iter();
            let moves = moves.map(|s| Move { from: s.rule.from, to: s.rule.to, time: s.at, evidence: s.mark.evidence });
            tally.totals.end(side, verdict.state(), moves);
        }
        let mut shown = smallvec::SmallVec::<[Shown; 4]>::new();
        for brief in look.briefs {
            tally.groups.add(look.id, look.index, at_client, at_server, brief);
            let d = ALL[usize::from(brief.declaration)];
            if self.analysis.options.selection.wants(d) {
                shown.push(Shown { code: d.code, name: d.name, severity: brief.severity, endpoint: brief.endpoint });
            }
        }
        tally.rollups.add(&added(look, at_client, at_server), &shown);
    }

    fn row(&self, c: &tracker::Connection, client: usize, look: &Look<'_>, handshake: Option<Span>) -> Row {
        let selection = &self.analysis.options.selection;
        let worst = look.briefs.iter().map(|b| (ALL[usize::from(b.declaration)], b.severity));
        Row {
            id: look.id,
            worst: worst.filter(|(d, _)| selection.wants(d)).map(|(d, severity)| (d.name, severity)).next(),
            client: c.sockets[client],
            server: c.sockets[1 - client],
            outcome: look.outcome,
            states: [client, 1 - client].map(|e| look.verdicts[e].state()),
            bytes: c.ends[0].bytes.saturating_add(c.ends[1].bytes),
            packets: c.ends[0].packets.saturating_add(c.ends[1].packets),
            first: c.first,
            last: c.last,
            handshake,
            one_way: c.ends.iter().any(|e| e.packets == 0) && look.outcome != Outcome::Unanswered,
            midstream: !c.opening_seen(),
        }
    }

    /// The index in the tracker of the connection with this number.
    fn index(&self, id: u64) -> usize {
        self.at(self.position(id))
    }

    /// The place of the connection with this number in the order of first packets.
    fn position(&self, id: u64) -> usize {
        match &self.numbers {
            Some((numbers, positions)) => {
                let found = positions.partition_point(|position| numbers[*position as usize] < id);
                positions.get(found).map_or(0, |position| *position as usize)
            }
            None => (id as usize).saturating_sub(1),
        }
    }

    /// The index in the tracker of the connection at this place in the order of first packets.
    fn at(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position] as usize)
    }

    fn wants_code(&self, code: &str) -> bool {
        let selection = &self.analysis.options.selection;
        *selection == detect::Selection::default() || detect::find(code).is_some_and(|d| selection.wants(d))
    }

    /// The connection with this number in full.
    pub fn connection(&self, id: u64) -> Connection {
        let index = self.index(id);
        let verdicts = self.analysis.tracker.connection(index).verdicts(self.end, &self.analysis.profile);
        let mut connection = self.analysis.connection((index, id), &verdicts, self.end);
        connection.anomalies = self.analysis.anomalies((index, id), &verdicts, &self.scene);
        connection.anomalies.retain(|a| self.wants_code(a.code));
        connection
    }

    fn anomaly(&self, index: usize, brief: &Brief) -> Option<Anomaly> {
        let case = self.analysis.tracker.case(index);
        let c = &case.connection;
        let previous = self.analysis.previous(index);
        let verdicts = c.verdicts(self.end, &self.analysis.profile);
        let signals = &case.notes.signals;
        let view = View::new((c, c.client().0, 0), &verdicts, signals, previous.as_deref(), &self.scene);
        detect::anomaly(&view, brief)
    }

    /// The time of the connections at `indices` alone.
    fn tables(&self, indices: &[u32]) -> table::Builder {
        let tracker = &self.analysis.tracker;
        let (mut scratch, mut weighing) = (Box::default(), Weighing::default());
        let mut census = Census::default();
        for index in indices {
            let c = tracker.connection(*index as usize);
            let client = c.client().0;
            census.count(c.sockets[client].addr, c.sockets[1 - client]);
        }
        let mut tables = table::Builder::new(&census);
        for index in indices {
            let case = tracker.look(*index as usize, &mut scratch);
            let verdicts = case.connection.weigh(self.end, &self.analysis.profile, &mut weighing);
            let given = self.analysis.options.vantage;
            tables.add(&case.notes.measured, &case.connection, verdicts, given, self.end);
        }
        tables
    }

    /// The report, about `connections`.
    pub fn report(mut self, connections: Vec<Connection>) -> Report {
        let nothing = || Box::new(Tally::new(0, &Census::default(), self.scene.begin, self.end));
        let Tally { totals, mut rollups, groups, digests, tables, timed } =
            *self.part.take().map_or_else(nothing, |part| part.tally);
        let tables = timed.map_or(tables, |indices| self.tables(&indices));
        self.scene.quality.open_at_end = digests.iter().filter(|d| d.open_at_end()).count() as u64;
        let selection = &self.analysis.options.selection;
        let wide = detect::wide(&self.scene, &digests, selection);
        // What only a group can show no connection carries by itself.
        for (id, shown) in carried(&wide) {
            let index = self.index(id);
            let c = self.analysis.tracker.connection(index);
            let client = c.client().0;
            let verdicts = c.verdicts(self.end, &self.analysis.profile);
            let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
            let outcome = build::outcome(&c, ends);
            let look = Look { index, id, verdicts: &verdicts, briefs: &[], outcome };
            let added = added(&look, c.sockets[client], c.sockets[1 - client]);
            shown.iter().for_each(|shown| rollups.found(&added, shown));
        }
        let mut findings = groups.finish(selection, self.told, |index, brief| self.anomaly(index, brief));
        findings.extend(wide);
        detect::sort(&mut findings);
        Report {
            schema: SCHEMA,
            tool: TOOL,
            capture: self.capture,
            rollups: rollups.finish(),
            summary: totals.finish(),
            connections,
            findings,
            timing: tables.finish(),
        }
    }
}

fn added(look: &Look<'_>, client: Socket, server: Socket) -> Added {
    Added { id: look.id, client, server, outcome: look.outcome }
}
