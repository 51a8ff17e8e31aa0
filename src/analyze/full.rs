//! Connections looked at one by one, in full: those that are shown, and the worst cases of findings.

use super::Analysis;
use super::build::{self, Told};
use super::desk::{Form, Look};
use super::finish::Finish;
use super::notes::Noted;
use crate::detect::{self, Attempt, Brief, Place, Scene, View};
use crate::report::{Anomaly, Connection, Ending};
use crate::segment::ScopeId;
use crate::time::Time;
use crate::timing::Abridged;
use crate::tracker::{Case, Verdict};

/// So many worst cases are kept of connections that are let go; there may be as many as connections.
const KEPT: usize = 1 << 14;

impl Analysis {
    /// What is odd about connection `index`, number `id`, with its `verdicts`.
    pub fn anomalies(&self, (index, id): (usize, u64), verdicts: &[Verdict; 2], scene: &Scene) -> Vec<Anomaly> {
        self.looked((index, id), verdicts, scene).0
    }

    /// The same, and when payload passed on it last; the end of time if it is not known when. If it came to nothing, that attempt.
    pub fn looked(
        &self,
        (index, id): (usize, u64),
        verdicts: &[Verdict; 2],
        scene: &Scene,
    ) -> (Vec<Anomaly>, Option<Time>, Option<Attempt>) {
        let case = self.tracker.case(index);
        let signals = &case.notes.signals;
        let attempt = Attempt::of(&case.connection, signals);
        (self.anomalies_of(&case, (index, id), verdicts, scene), signals.last_data(), attempt)
    }

    fn anomalies_of(
        &self,
        case: &Case<Noted>,
        (index, id): (usize, u64),
        verdicts: &[Verdict; 2],
        scene: &Scene,
    ) -> Vec<Anomaly> {
        let (c, previous) = (&case.connection, self.previous(index));
        detect::anomalies(&View::new((c, c.client().0, id), verdicts, case.notes.both(), previous.as_deref(), scene))
    }

    /// The report on connection `index`, number `id`, with its `verdicts` at `end`, without anomalies.
    pub fn connection(&self, (index, id): (usize, u64), verdicts: &[Verdict; 2], end: Time) -> Connection {
        self.connection_of(&self.tracker.case(index), id, verdicts, end)
    }

    fn connection_of<E: Told>(&self, case: &Case<Noted>, id: u64, verdicts: &[Verdict; 2], end: Time) -> Connection<E> {
        let (c, measured) = (&case.connection, &case.notes.measured);
        let (outline, proofs) = (&c.outline(), &measured.proofs());
        let (sockets, ending) = (&c.sockets, Ending::of(outline, verdicts));
        let subject = build::Subject { sockets, outline, measured, verdicts, ending, proofs, tracked: Some(c) };
        self.built(&subject, id, end)
    }

    pub(super) fn built<E: Told>(&self, subject: &build::Subject<'_>, id: u64, end: Time) -> Connection<E> {
        let scope = |id| self.decoder.scope(id).to_vec();
        let context = self.context(end, &scope);
        let mut connection = build::outlined(subject, id, &context);
        build::tell(subject, &context, &mut connection);
        connection
    }

    /// Puts together one connection more, where it stays.
    pub(super) fn add_built<'b, E: Told>(
        &self,
        subject: &build::Subject<'_>,
        id: u64,
        end: Time,
        built: &'b mut Vec<Connection<E>>,
    ) -> Option<&'b mut Connection<E>> {
        let scope = |id| self.decoder.scope(id).to_vec();
        let context = self.context(end, &scope);
        built.push(build::outlined(subject, id, &context));
        let connection = built.last_mut()?;
        build::tell(subject, &context, connection);
        Some(connection)
    }

    fn context<'a>(&self, end: Time, scope: &'a dyn Fn(ScopeId) -> Vec<String>) -> build::Context<'a> {
        build::Context { end, retracted: self.options.retracted, vantage: self.options.vantage, scope }
    }
}

impl Finish<'_> {
    /// Adds a connection in full, of which detectors say `anomalies`, to those built; what was measured of it may be `abridged`.
    pub(super) fn build<E: Told>(
        &self,
        look: &Look<'_>,
        abridged: &mut Abridged,
        anomalies: &mut Vec<Anomaly>,
        built: &mut Vec<Connection<E>>,
    ) {
        if let Form::Lone(_) = look.form {
            return built.push(self.in_full((look.index, look.id), look.verdicts));
        }
        if let Form::Ended(book, ended, _) = look.form {
            return self.build_ended((&look.subject(), look.id), (book, ended, abridged), anomalies, built);
        }
        if let Some(connection) = self.analysis.add_built(&look.subject(), look.id, self.end, built) {
            connection.anomalies = std::mem::take(anomalies);
        }
    }

    /// The connection with this number in full, unless it was let go.
    pub fn connection(&self, id: u64) -> Option<Connection> {
        let position = self.position(id)?;
        let index = self.at(position);
        let case = self.analysis.tracker.case(index);
        let verdicts = case.connection.verdicts(self.end, &self.analysis.profile);
        Some(self.in_full_of(&case, (index, id), &verdicts))
    }

    /// Connection `index`, number `id`, in full.
    pub(super) fn in_full<E: Told>(&self, (index, id): (usize, u64), verdicts: &[Verdict; 2]) -> Connection<E> {
        self.in_full_of(&self.analysis.tracker.case(index), (index, id), verdicts)
    }

    fn in_full_of<E: Told>(&self, case: &Case<Noted>, at: (usize, u64), verdicts: &[Verdict; 2]) -> Connection<E> {
        let mut connection: Connection<E> = self.analysis.connection_of(case, at.1, verdicts, self.end);
        connection.anomalies = self.analysis.anomalies_of(case, at, verdicts, &self.scene);
        connection.anomalies.retain(|a| self.wants_code(a.code));
        connection
    }

    /// What `brief` says in short of a connection.
    pub(super) fn anomaly(&self, place: Place, brief: &Brief) -> Option<Anomaly> {
        let (tracker, index) = match place {
            Place::Tracked(index) => (&self.analysis.tracker, index),
            Place::Kept(index) => (&self.kept, index),
        };
        let (case, previous) = (tracker.case(index), tracker.previous(index).map(|i| tracker.connection(i)));
        let c = &case.connection;
        let verdicts = c.verdicts(self.end, &self.analysis.profile);
        let view = View::new((c, c.client().0, 0), &verdicts, case.notes.both(), previous.as_deref(), &self.scene);
        detect::anomaly(&view, brief)
    }

    /// Puts the worst cases of findings into words: their connections are let go.
    pub(super) fn tell_worst(&mut self) {
        if let Some(mut sums) = self.sums.take() {
            sums.groups.tell(self.told, |_| None, |place, brief| self.anomaly(place, brief));
            self.sums = Some(sums);
        }
    }

    /// Keeps the worst cases of findings, or puts them into words: most of them are no longer the worst when all have been
    /// looked at.
    pub(super) fn keep_worst(&mut self) {
        if let Some(mut sums) = self.sums.take() {
            let mut kept = std::mem::take(&mut self.kept);
            let keep = |index| if kept.len() < KEPT { kept.adopt(&self.analysis.tracker, index) } else { None };
            sums.groups.tell(self.told, keep, |place, brief| self.anomaly(place, brief));
            (self.kept, self.sums) = (kept, Some(sums));
        }
    }
}
