//! A stretch of connections looked at: some at a time, one stage for all of these before the next, since the code of all
//! stages together is several times what the nearest cache holds.

use std::ops::Range;

use super::build;
use super::finish::{Finish, Row, Stretch, Wanted};
use super::notes::Noted;
use super::tally::Tally;
use crate::detect::{self, ALL, Brief, Digest, View};
use crate::report::rollup::{Added, Shown};
use crate::report::totals::Move;
use crate::report::{Anomaly, Outcome, PerSide, Side};
use crate::tracker::verdict::Weighing;
use crate::tracker::{Case, Scratch, Verdict};

/// Connections looked at together: what is known of them stays in the second nearest cache.
const TOGETHER: usize = 16;

/// Where they are looked at.
#[derive(Default)]
struct Desk {
    scratch: [Scratch<Noted>; TOGETHER],
    weighing: [Weighing; TOGETHER],
    briefs: [Vec<Brief>; TOGETHER],
    anomalies: [Vec<Anomaly>; TOGETHER],
}

/// One of them.
struct Look<'b> {
    index: usize,
    id: u64,
    case: &'b Case<Noted>,
    /// Which end is the client.
    client: usize,
    verdicts: &'b [Verdict; 2],
    outcome: Outcome,
}

impl Look<'_> {
    fn ends(&self) -> PerSide<&Verdict> {
        PerSide { client: &self.verdicts[self.client], server: &self.verdicts[1 - self.client] }
    }
}

impl Finish<'_> {
    /// Looks at the connections at these places, and adds them up in `tally`.
    pub(super) fn look_at(&self, range: Range<usize>, wanted: Wanted<'_>, tally: &mut Tally) -> Stretch {
        let (mut stretch, mut desk) = (Stretch::default(), Box::<Desk>::default());
        stretch.rows.reserve_exact(range.len());
        tally.digests.push(Vec::with_capacity(range.len()));
        let end = range.end;
        for from in range.step_by(TOGETHER) {
            self.look_at_some(from..(from + TOGETHER).min(end), wanted, tally, &mut desk, &mut stretch);
        }
        stretch
    }

    fn look_at_some(
        &self,
        range: Range<usize>,
        wanted: Wanted<'_>,
        tally: &mut Tally,
        desk: &mut Desk,
        stretch: &mut Stretch,
    ) {
        let Desk { scratch, weighing, briefs, anomalies } = desk;
        let tracker = &self.analysis.tracker;
        let mut indices = [0; TOGETHER];
        let indices = &mut indices[..range.len()];
        indices.iter_mut().zip(range.clone()).for_each(|(index, position)| *index = self.at(position));
        tracker.soon(indices.iter().copied());
        tracker.look_all(indices, scratch);

        let mut looks: smallvec::SmallVec<[Look<'_>; TOGETHER]> = smallvec::SmallVec::new();
        for (((index, position), scratch), weighing) in indices.iter().zip(range).zip(&*scratch).zip(weighing) {
            let case = tracker.looked(*index, scratch);
            let verdicts = case.connection.weigh(self.end, &self.analysis.profile, weighing);
            let client = case.connection.client().0;
            let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
            let outcome = build::outcome(&case.connection, ends);
            looks.push(Look { index: *index, id: self.id(position), case, client, verdicts, outcome });
        }
        let built = wanted.connections || wanted.timed.is_some();
        for ((look, briefs), anomalies) in looks.iter().zip(&mut *briefs).zip(&mut *anomalies) {
            let c = &look.case.connection;
            let previous = self.analysis.previous(look.index);
            let signals = &look.case.notes.signals;
            let view = View::new((c, look.client, look.id), look.verdicts, signals, previous.as_deref(), &self.scene);
            if built {
                *anomalies = detect::both(&view, briefs);
                anomalies.retain(|a| self.wants_code(a.code));
            } else {
                detect::briefs(&view, briefs);
            }
            let (who, connection) = ((look.id, self.parties[look.index]), (c, look.client));
            let digest = Digest::new(who, connection, look.verdicts, look.outcome, briefs, &self.scene);
            if let Some(stretch) = tally.digests.last_mut() {
                stretch.push(digest);
            }
        }
        for (look, briefs) in looks.iter().zip(&*briefs) {
            self.add_up(look, briefs, tally);
        }
        let context = self.analysis.context(self.end);
        let decoder = &self.analysis.decoder;
        let context = build::Context { scope: &|id| decoder.scope(id).to_vec(), ..context };
        let connections = looks.iter().zip(anomalies).filter(|_| built).map(|(look, anomalies)| {
            let Case { connection, notes } = look.case;
            let mut built = build::connection(connection, &notes.measured, look.verdicts, look.id, &context);
            built.anomalies = std::mem::take(anomalies);
            built
        });
        let mut connections = connections.collect::<Vec<_>>().into_iter();
        for look in &looks {
            let connection = connections.next();
            match wanted.timed.zip(connection.as_ref()) {
                Some((timed, connection)) if timed(connection) => {
                    tally.timed.get_or_insert_default().push(look.index as u32)
                }
                Some(_) => _ = tally.timed.get_or_insert_default(),
                None => {
                    let Case { connection, notes } = look.case;
                    tally.tables.add(&notes.measured, connection, look.verdicts, context.vantage, self.end);
                }
            }
            stretch.connections.extend(connection.filter(|_| wanted.connections));
        }
        stretch.rows.extend(looks.iter().zip(&*briefs).map(|(look, briefs)| self.row(look, briefs)));
    }

    /// Adds a connection to the sums.
    fn add_up(&self, look: &Look<'_>, briefs: &[Brief], tally: &mut Tally) {
        let c = &look.case.connection;
        let (server, parties) = (c.sockets[1 - look.client], self.parties[look.index]);
        let ends = look.ends();
        tally.totals.add(look.outcome, build::closed_first(look.ends()), u64::from(c.retractions()));
        for (side, verdict) in [(Side::Client, ends.client), (Side::Server, ends.server)] {
            let moves = verdict.steps.iter();
            let moves = moves.map(|s| Move { from: s.rule.from, to: s.rule.to, time: s.at, evidence: s.mark.evidence });
            tally.totals.end(side, verdict.state(), moves);
        }
        let mut shown = smallvec::SmallVec::<[Shown; 4]>::new();
        for brief in briefs {
            tally.groups.add(look.id, look.index, parties.client, server, brief);
            let d = ALL[usize::from(brief.declaration)];
            if self.analysis.options.selection.wants(d) {
                shown.push(Shown { code: d.code, name: d.name, severity: brief.severity, endpoint: brief.endpoint });
            }
        }
        let added = Added::new(look.id, parties, look.outcome, &self.scene.directory);
        tally.rollups.add(&added, &shown);
    }

    fn row(&self, look: &Look<'_>, briefs: &[Brief]) -> Row {
        let selection = &self.analysis.options.selection;
        let worst = briefs.iter().map(|b| (ALL[usize::from(b.declaration)], b.severity));
        let c = &look.case.connection;
        let sides = [look.client, 1 - look.client];
        Row {
            id: look.id,
            worst: worst.filter(|(d, _)| selection.wants(d)).map(|(d, severity)| (d.name, severity)).next(),
            client: c.sockets[look.client],
            server: c.sockets[1 - look.client],
            outcome: look.outcome,
            states: sides.map(|e| look.verdicts[e].state()),
            bytes: c.ends[0].bytes.saturating_add(c.ends[1].bytes),
            packets: c.ends[0].packets.saturating_add(c.ends[1].packets),
            first: c.first,
            last: c.last,
            handshake: look.case.notes.measured.handshake.round_trip(),
            one_way: c.ends.iter().any(|e| e.packets == 0) && look.outcome != Outcome::Unanswered,
            midstream: !c.opening_seen(),
        }
    }
}
