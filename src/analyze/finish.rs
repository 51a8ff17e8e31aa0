//! The end of an analysis: connections are looked at, a stretch at a time, and added up; the report is what the sums come
//! to.

use super::tally::Tally;
use super::{Analysis, build};
use crate::detect::{self, Brief, Digests, Scene, Unremarkable, View};
use crate::report::directory::Parties;
use crate::report::rollup::{Added, carried};
use crate::report::{Anomaly, Capture, Connection, Outcome, Report, SCHEMA, Severity, TOOL};
use crate::segment::Socket;
use crate::source::FileInfo;
use crate::time::{Span, Time};
use crate::timing::{Census, table};
use crate::tracker::State;
use crate::tracker::verdict::Weighing;

/// Connections in a stretch.
const STRETCH: usize = 2_048;

/// The same where they are built in full, so that they are still near when they are written.
const STRETCH_IN_FULL: usize = 256;

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

impl Wanted<'_> {
    /// Connections in a stretch.
    fn stretch(self) -> usize {
        if self.connections { STRETCH_IN_FULL } else { STRETCH }
    }
}

/// An analysis that has seen its last packet.
pub struct Finish<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) scene: Scene<'a>,
    /// Which textbook connections detectors need not be asked about.
    pub(super) unremarkable: Unremarkable,
    /// Who each connection in the tracker is between.
    pub(super) parties: Vec<Parties>,
    capture: Capture,
    pub(super) end: Time,
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
    /// Where the next stretch begins, and how many stretches it is to the one after it.
    next: usize,
    step: usize,
    /// Connections in a stretch; 0 while that is not settled.
    length: usize,
    tally: Box<Tally>,
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
        let indices = || (0..tracker.len()).map(|i| order.as_ref().map_or(i, |order| order[i] as usize));
        let mut parties = vec![Parties::default(); tracker.len()];
        let survey = analysis.survey_of(indices(), |index, who| parties[index] = who);
        let mut scene = analysis.scene_of(survey, end);
        for parties in indices().map(|index| parties[index]) {
            census.count(parties);
        }
        scene.quality.dropped = files.iter().filter_map(|file| file.dropped).sum();
        let (bytes, missing_bytes) = (scene.quality.unique, scene.quality.missing);
        let capture = Capture { files, bytes, missing_bytes, ..analysis.capture.clone() };
        let part = Part {
            next: 0,
            step: 1,
            length: 0,
            tally: Box::new(Tally::new(tracker.len(), (&census, &scene.directory), scene.begin, end)),
        };
        let unremarkable = Unremarkable::within(&analysis.options.limits);
        let (numbers, told, part) = (None, usize::MAX, Some(part));
        Finish { analysis, scene, unremarkable, parties, capture, end, order, numbers, told, part }
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

    /// All connections, yet to be looked at as `wanted`, in two parts, their stretches in turn; to be given back to
    /// [`Finish::add`].
    pub fn halves(&mut self, wanted: Wanted<'_>) -> Option<[Part; 2]> {
        let first = self.part.take_if(|part| part.next == 0)?;
        let length = wanted.stretch();
        let second = Part { next: length, step: 2, length, tally: Box::new(first.tally.empty()) };
        Some([Part { step: 2, length, ..first }, second])
    }

    /// Takes back [`Finish::halves`] of which nothing was looked at.
    pub fn rejoin(&mut self, [first, _]: [Part; 2]) {
        self.part = Some(Part { step: 1, length: 0, ..first });
    }

    /// Looks at the next connections of `part`; `None` when all of it have been looked at.
    pub fn look(&self, part: &mut Part, wanted: Wanted<'_>) -> Option<Stretch> {
        let all = self.analysis.tracker.len();
        if part.length == 0 {
            part.length = wanted.stretch();
        }
        let (from, length) = (part.next, part.length);
        if from >= all {
            return None;
        }
        part.next += part.step * length;
        Some(self.look_at(from..(from + length).min(all), wanted, &mut part.tally))
    }

    /// Adds what was looked at apart.
    pub fn add(&mut self, [mut first, second]: [Part; 2]) {
        first.tally.merge(*second.tally);
        self.part = Some(first);
    }

    /// The number of the connection at this place in the order of first packets.
    pub(super) fn id(&self, position: usize) -> u64 {
        self.numbers.as_ref().map_or(position as u64 + 1, |(numbers, _)| numbers[position])
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
    pub(super) fn at(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position] as usize)
    }

    pub(super) fn wants_code(&self, code: &str) -> bool {
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
            census.count(self.parties[*index as usize]);
        }
        let mut tables = table::Builder::new(&census, &self.scene.directory);
        for index in indices {
            let case = tracker.look(*index as usize, &mut scratch);
            let verdicts = case.connection.weigh(self.end, &self.analysis.profile, &mut weighing);
            let given = self.analysis.options.vantage;
            let (c, measured) = (&case.connection, &case.notes.measured);
            tables.add(
                measured,
                (self.parties[*index as usize], &c.outline()),
                (verdicts, &measured.proofs()),
                given,
                self.end,
            );
        }
        tables
    }

    /// The report, about `connections`.
    pub fn report(mut self, connections: Vec<Connection>) -> Report {
        let nothing =
            || Box::new(Tally::new(0, (&Census::default(), &self.scene.directory), self.scene.begin, self.end));
        let Tally { totals, mut rollups, groups, digests, tables, timed } =
            *self.part.take().map_or_else(nothing, |part| part.tally);
        let tables = timed.map_or(tables, |indices| self.tables(&indices));
        self.scene.quality.open_at_end =
            digests.iter().flat_map(Digests::iter).filter(|d| d.open_at_end()).count() as u64;
        let (selection, directory) = (&self.analysis.options.selection, &self.scene.directory);
        let wide = detect::wide(&self.scene, &digests, directory, selection);
        drop(digests);
        // What only a group can show no connection carries by itself.
        for (id, shown) in carried(&wide) {
            let index = self.index(id);
            let c = self.analysis.tracker.connection(index);
            let verdicts = c.verdicts(self.end, &self.analysis.profile);
            let outcome = build::Ending::of(&c.outline(), &verdicts).outcome;
            let added = Added::new(id, self.parties[index], outcome, directory);
            shown.iter().for_each(|shown| rollups.found(&added, shown));
        }
        let mut findings = groups.finish(directory, selection, self.told, |index, brief| self.anomaly(index, brief));
        findings.extend(wide);
        detect::sort(&mut findings);
        Report {
            schema: SCHEMA,
            tool: TOOL,
            capture: self.capture,
            rollups: rollups.finish(directory),
            summary: totals.finish(),
            connections,
            findings,
            timing: tables.finish(),
        }
    }
}
