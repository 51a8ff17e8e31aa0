//! From the tracker to the report: signals taken as segments pass, detectors run when the capture has ended.

use super::digest::Digest;
use super::group::{grouped, sort};
use super::scene::{Quality, Scene, Survey};
use super::select::Selection;
use super::threshold::Limits;
use super::view::View;
use super::{anomalies, find, wide};
use crate::report::{Anomaly, Connection, Finding};
use crate::segment::{IcmpError, Segment};
use crate::signals::Signals;
use crate::time::{Span, Time};
use crate::tracker::{Profile, Taken, Tracker, Verdict};

/// Signals of all connections, and what is noted of the capture as a whole.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    signals: Vec<Signals>,
    quality: Quality,
    begin: Option<Time>,
    latest: Option<Time>,
}

impl Watch {
    /// Takes note of a segment that `tracker` has just taken.
    pub fn segment(&mut self, taken: &Taken, seg: &Segment, tracker: &Tracker) {
        self.quality.segments += 1;
        self.begin.get_or_insert(seg.time);
        if self.latest.is_some_and(|t| t - seg.time > Span::secs(1)) {
            self.quality.back_steps += 1;
        }
        self.latest = self.latest.max(Some(seg.time));
        let unique = self.at(taken.connection).take(taken, seg, &tracker.connections()[taken.connection]);
        self.quality.unique += u64::from(unique);
    }

    /// Takes note of an ICMP error.
    pub fn icmp(&mut self, error: &IcmpError, tracker: &Tracker) {
        if let Some(i) = tracker.latest(error.src, error.dst, error.scope) {
            self.at(i).icmp(error);
        }
    }

    /// Forgets the connections that `keep` does not want, by index.
    pub fn evict(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.signals.retain(|_| keep.next().copied().unwrap_or(true));
    }

    fn at(&mut self, i: usize) -> &mut Signals {
        if self.signals.len() <= i {
            self.signals.resize_with(i + 1, Signals::default);
        }
        &mut self.signals[i]
    }

    /// The capture has ended: what is known of it.
    pub fn scene<'a>(
        &self,
        tracker: &Tracker,
        end: Time,
        undecoded: u64,
        profile: &'a Profile,
        limits: &'a Limits,
    ) -> Scene<'a> {
        let mut survey = Survey::default();
        for (c, s) in tracker.connections().iter().zip(&self.signals) {
            survey.add(c, s);
        }
        let passed = Quality { undecoded, ..self.quality };
        survey.finish(&passed, (self.begin.unwrap_or(end), end), profile, limits)
    }

    /// What is odd about connection `index` of `tracker`, which is number `id` in the report.
    pub fn anomalies(
        &self,
        (index, id): (usize, u64),
        verdicts: &[Verdict; 2],
        tracker: &Tracker,
        scene: &Scene<'_>,
    ) -> Vec<Anomaly> {
        let connection = &tracker.connections()[index];
        let Some(signals) = self.signals.get(index) else { return Vec::new() };
        let previous = tracker.previous(index).map(|i| &tracker.connections()[i]);
        let view = View::new((connection, connection.client().0, id), verdicts, signals, previous, scene);
        anomalies(&view)
    }

    /// What the connections have in common, and what only the capture as a whole shows.
    ///
    /// What the user does not want to see is taken out of `connections` afterwards: until then some findings rest on others.
    pub fn findings(
        &self,
        scene: &mut Scene<'_>,
        connections: &mut [Connection],
        digests: &[Digest],
        selection: &Selection,
    ) -> Vec<Finding> {
        scene.quality.open_at_end = digests.iter().filter(|d| d.open_at_end()).count() as u64;
        let mut findings = grouped(connections, selection);
        findings.extend(wide(scene, digests, selection));
        sort(&mut findings);
        if *selection != Selection::default() {
            for c in connections {
                c.anomalies.retain(|a| find(a.code).is_some_and(|d| selection.wants(d)));
            }
        }
        findings
    }
}
