//! A stretch of connections looked at: some at a time, one stage for all of these before the next, since the code of all
//! stages together is several times what the nearest cache holds.

use std::ops::Range;

use smallvec::SmallVec;

use super::build;
use super::finish::{Finish, Row, Stretch, Wanted};
use super::notes::Noted;
use super::tally::Tally;
use crate::detect::{self, ALL, Brief, Digest, View};
use crate::report::rollup::{Added, Shown};
use crate::report::totals::Move;
use crate::report::{Anomaly, Outcome, PerSide, Side};
use crate::segment::Socket;
use crate::timing::{Measured, Proofs};
use crate::tracker::textbook::Passed;
use crate::tracker::verdict::Weighing;
use crate::tracker::{Case, Outline, Scratch, Textbook, Verdict};

/// Connections looked at together: what is known of them stays in the second nearest cache.
const TOGETHER: usize = 16;

/// Where they are looked at.
#[derive(Default)]
struct Desk {
    scratch: [Scratch<Noted>; TOGETHER],
    weighing: [Weighing; TOGETHER],
    measured: [Measured; TOGETHER],
    briefs: [Vec<Brief>; TOGETHER],
    anomalies: [Vec<Anomaly>; TOGETHER],
}

/// One of them.
struct Look<'b> {
    index: usize,
    id: u64,
    sockets: &'b [Socket; 2],
    outline: Outline,
    verdicts: &'b [Verdict; 2],
    outcome: Outcome,
    measured: &'b Measured,
    proofs: Proofs,
    /// What the tracker knows, unless it is an unremarkable one.
    case: Option<&'b Case<Noted>>,
}

impl Look<'_> {
    fn ends(&self) -> PerSide<&Verdict> {
        let client = self.outline.client & 1;
        PerSide { client: &self.verdicts[client], server: &self.verdicts[1 - client] }
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
        let Desk { scratch, weighing, measured, briefs, anomalies } = desk;
        let tracker = &self.analysis.tracker;
        let built = wanted.connections || wanted.timed.is_some();
        let (mut indices, mut books, mut left) = ([0; TOGETHER], [None; TOGETHER], [None; TOGETHER]);
        let (indices, left) = (&mut indices[..range.len()], &mut left[..range.len()]);
        indices.iter_mut().zip(range.clone()).for_each(|(index, position)| *index = self.at(position));
        tracker.soon(indices.iter().copied());
        for (((index, book), measured), left) in indices.iter().zip(&mut books).zip(&mut *measured).zip(&mut *left) {
            *book = if built { None } else { self.textbook(*index, measured) };
            *left = book.is_none().then_some(*index);
        }
        tracker.look_all(left, scratch);

        let mut looks: SmallVec<[Look<'_>; TOGETHER]> = SmallVec::new();
        let desk = scratch.iter().zip(weighing).zip(&*measured);
        for (((index, position), book), ((scratch, weighing), measured)) in
            indices.iter().zip(range).zip(books).zip(desk)
        {
            let (index, id, sockets) = (*index, self.id(position), tracker.sockets(*index));
            looks.push(match book {
                Some(book) => {
                    let verdicts = weighing.weigh_textbook(&book, self.end, &self.analysis.profile);
                    let (outline, outcome, proofs) =
                        (book.outline(), Outcome::Closed, book.proofs().into_iter().collect());
                    Look { index, id, sockets, outline, verdicts, outcome, measured, proofs, case: None }
                }
                None => {
                    let case = tracker.looked(index, scratch);
                    let verdicts = case.connection.weigh(self.end, &self.analysis.profile, weighing);
                    let (outline, measured) = (case.connection.outline(), &case.notes.measured);
                    let client = outline.client & 1;
                    let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
                    let outcome = build::outcome(&case.connection, ends);
                    let (proofs, case) = (measured.proofs(), Some(case));
                    Look { index, id, sockets, outline, verdicts, outcome, measured, proofs, case }
                }
            });
        }
        for ((look, briefs), anomalies) in looks.iter().zip(&mut *briefs).zip(&mut *anomalies) {
            briefs.clear();
            if let Some(case) = look.case {
                let (c, signals) = (&case.connection, &case.notes.signals);
                let previous = self.analysis.previous(look.index);
                let of = (c, look.outline.client, look.id);
                let view = View::new(of, look.verdicts, signals, previous.as_deref(), &self.scene);
                if built {
                    *anomalies = detect::both(&view, briefs);
                    anomalies.retain(|a| self.wants_code(a.code));
                } else {
                    detect::briefs(&view, briefs);
                }
            }
            let who = (look.id, self.parties[look.index]);
            let digest = Digest::new(who, &look.outline, look.verdicts, look.outcome, briefs, &self.scene);
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
        for (look, anomalies) in looks.iter().zip(anomalies) {
            let connection = look.case.filter(|_| built).map(|case| {
                let mut built = build::connection(&case.connection, look.measured, look.verdicts, look.id, &context);
                built.anomalies = std::mem::take(anomalies);
                built
            });
            match wanted.timed.zip(connection.as_ref()) {
                Some((timed, connection)) if timed(connection) => {
                    tally.timed.get_or_insert_default().push(look.index as u32)
                }
                Some(_) => _ = tally.timed.get_or_insert_default(),
                None => {
                    let (who, how) =
                        ((self.parties[look.index], &look.outline), (look.verdicts, look.proofs.as_slice()));
                    tally.tables.add(look.measured, who, how, context.vantage, self.end);
                }
            }
            stretch.connections.extend(connection.filter(|_| wanted.connections));
        }
        stretch.rows.extend(looks.iter().zip(&*briefs).map(|(look, briefs)| self.row(look, briefs)));
    }

    /// Measures connection `index` in `measured` if it is a textbook one of which detectors have nothing to say.
    fn textbook(&self, index: usize, measured: &mut Measured) -> Option<Textbook> {
        let mut reading = self.analysis.tracker.textbook(index)?;
        measured.restart();
        while let Some(Passed { sender, advances }) = reading.advance() {
            measured.textbook(sender, advances, reading.segment(sender));
        }
        reading.book().filter(|book| self.unremarkable.covers(book)).copied()
    }

    /// Adds a connection to the sums.
    fn add_up(&self, look: &Look<'_>, briefs: &[Brief], tally: &mut Tally) {
        let (server, parties) = (look.sockets[1 - (look.outline.client & 1)], self.parties[look.index]);
        let ends = look.ends();
        tally.totals.add(look.outcome, build::closed_first(look.ends()), u64::from(look.outline.retractions));
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
        let (c, client) = (&look.outline, look.outline.client & 1);
        let sides = [client, 1 - client];
        Row {
            id: look.id,
            worst: worst.filter(|(d, _)| selection.wants(d)).map(|(d, severity)| (d.name, severity)).next(),
            client: look.sockets[client],
            server: look.sockets[1 - client],
            outcome: look.outcome,
            states: sides.map(|e| look.verdicts[e].state()),
            bytes: c.bytes[0].saturating_add(c.bytes[1]),
            packets: c.packets[0].saturating_add(c.packets[1]),
            first: c.first,
            last: c.last,
            handshake: look.measured.handshake.round_trip(),
            one_way: c.is_one_way() && look.outcome != Outcome::Unanswered,
            midstream: !c.opening_seen,
        }
    }
}
