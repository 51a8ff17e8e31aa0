//! The end of an analysis: connections are looked at one by one, a stretch at a time, and added up; the report is what
//! the sums come to.

use std::ops::Range;

use super::{Analysis, build};
use crate::detect::{self, ALL, Brief, Digest, Groups, Scene, View};
use crate::report::rollup::{Added, Shown, Sums, carried};
use crate::report::totals::{Move, Totals};
use crate::report::{Anomaly, Capture, Connection, Outcome, PerSide, Report, SCHEMA, Severity, Side, TOOL};
use crate::segment::Socket;
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::timing::table;
use crate::tracker::{self, State, Verdict};

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

/// Sums over some connections.
#[derive(Debug)]
struct Tally {
    totals: Totals,
    rollups: Sums,
    groups: Groups,
    digests: Vec<Digest>,
    tables: table::Builder,
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
    next: usize,
    /// Taken out while connections are added to it.
    tally: Option<Box<Tally>>,
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
        let mut scene = analysis.scene(end);
        scene.quality.dropped = files.iter().filter_map(|file| file.dropped).sum();
        let (bytes, missing_bytes) = (scene.quality.unique, scene.quality.missing);
        let capture = Capture { files, bytes, missing_bytes, ..analysis.capture.clone() };
        let tracker = &analysis.tracker;
        let ordered = (1..tracker.len()).all(|i| tracker.first_packet(i - 1) <= tracker.first_packet(i));
        let order = (!ordered).then(|| {
            let mut order: Vec<u32> = (0..tracker.len() as u32).collect();
            order.sort_by_key(|i| tracker.first_packet(*i as usize));
            order
        });
        let tally = Some(Box::new(empty(analysis, scene.begin, end)));
        Finish { analysis, scene, capture, end, order, numbers: None, next: 0, tally }
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

    /// Looks at the next connections; `None` when all have been looked at.
    pub fn next(&mut self, wanted: Wanted<'_>) -> Option<Stretch> {
        let (from, all) = (self.next, self.analysis.tracker.len());
        if from >= all {
            return None;
        }
        self.next = (from + STRETCH).min(all);
        let mut tally = self.tally.take()?;
        let stretch = self.look_at(from..self.next, wanted, &mut tally);
        self.tally = Some(tally);
        Some(stretch)
    }

    fn look_at(&self, range: Range<usize>, wanted: Wanted<'_>, tally: &mut Tally) -> Stretch {
        let mut stretch = Stretch::default();
        let mut briefs = Vec::new();
        let mut scratch = Box::default();
        let context = self.analysis.context(self.end);
        let decoder = &self.analysis.decoder;
        let context = build::Context { scope: &|id| decoder.scope(id).to_vec(), ..context };
        for position in range {
            let id = self.numbers.as_ref().map_or(position as u64 + 1, |(numbers, _)| numbers[position]);
            let index = self.index(id);
            let case = self.analysis.tracker.look(index, &mut scratch);
            let (c, notes) = (&case.connection, &case.notes);
            let previous = self.analysis.previous(index);
            let verdicts = c.verdicts(self.end, &self.analysis.profile);
            let (client, _) = c.client();
            let view = View::new((c, client, id), &verdicts, &notes.signals, previous.as_deref(), &self.scene);
            let built = wanted.connections || wanted.timed.is_some();
            let anomalies = if built {
                detect::both(&view, &mut briefs)
            } else {
                detect::briefs(&view, &mut briefs);
                Vec::new()
            };
            let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
            let outcome = build::outcome(c, ends);
            let look = Look { index, id, verdicts: &verdicts, briefs: &briefs, outcome };
            tally.digests.push(Digest::new(id, (c, client), &verdicts, outcome, &briefs, &self.scene));
            self.add(c, client, &look, tally);
            let connection = built.then(|| {
                let mut connection = build::connection(c, &notes.measured, &verdicts, id, &context);
                connection.anomalies = anomalies;
                connection.anomalies.retain(|a| self.wants_code(a.code));
                connection
            });
            if wanted.timed.zip(connection.as_ref()).is_none_or(|(timed, connection)| timed(connection)) {
                tally.tables.add(&notes.measured, c, &verdicts, context.vantage, self.end);
            }
            stretch.connections.extend(connection.filter(|_| wanted.connections));
            let handshake = notes.measured.handshake.round_trip();
            stretch.rows.push(self.row(c, client, &look, handshake));
        }
        stretch
    }

    /// Adds a connection to the sums.
    fn add(&self, c: &tracker::Connection, client: usize, look: &Look<'_>, tally: &mut Tally) {
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
        let position = match &self.numbers {
            Some((numbers, positions)) => {
                let found = positions.partition_point(|position| numbers[*position as usize] < id);
                positions.get(found).map_or(0, |position| *position as usize)
            }
            None => (id as usize).saturating_sub(1),
        };
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

    /// The report, about `connections`.
    pub fn report(mut self, connections: Vec<Connection>) -> Report {
        let tally = self.tally.take().map_or_else(|| empty(self.analysis, self.scene.begin, self.end), |t| *t);
        let Tally { totals, mut rollups, groups, digests, tables } = tally;
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
        let mut findings = groups.finish(selection, |index, brief| self.anomaly(index, brief));
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

/// Sums over nothing yet.
fn empty(analysis: &Analysis, begin: Time, end: Time) -> Tally {
    Tally {
        totals: Totals::new(analysis.tracker.len() as u64, begin, end),
        rollups: Sums::new(ALL.iter().map(|d| (d.code, d.name)).collect()),
        groups: Groups::new(),
        digests: Vec::new(),
        tables: table::Builder::default(),
    }
}
