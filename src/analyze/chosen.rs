//! Connections that were chosen: the report is about them alone, and what others show with them.

use std::collections::BTreeMap;

use super::Analysis;
use super::finish::Finish;
use crate::detect::{Common, Scene};
use crate::filter::select;
use crate::report::carried::Carried;
use crate::report::{Capture, Finding, Selected, Severity};
use crate::source::FileInfo;
use crate::time::Time;
use crate::timing::{Census, table};
use crate::tracker::verdict::Weighing;

/// What is kept of them.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Numbers of those of which all is added up.
    ids: Vec<u64>,
    /// Number and index in the tracker of those of which the time is yet to be added up: which groups are large is known
    /// when they are.
    new: Vec<(u64, u32)>,
    census: Census,
    tables: Option<table::Builder>,
}

impl Chosen {
    /// Adds connection `id`, the time of which is to be added up if there is an `index` in the tracker.
    pub fn push(&mut self, (id, index): (u64, Option<usize>)) {
        match index {
            Some(index) => self.new.push((id, index as u32)),
            None => self.ids.push(id),
        }
    }

    /// Adds others.
    pub fn append(&mut self, other: Chosen) {
        self.ids.extend(other.ids);
        self.new.extend(other.new);
        if other.tables.is_some() {
            (self.census, self.tables) = (other.census, other.tables);
        }
    }

    /// Leaves of `findings` what they show, and gives what only others show; so many connections of each large group were
    /// chosen.
    pub fn narrow(
        &mut self,
        findings: &mut Vec<Finding>,
        carried: &mut Carried,
        groups: &BTreeMap<Common, u64>,
    ) -> Vec<(&'static str, Severity)> {
        self.ids.sort_unstable();
        let shows = |finding: &Finding| {
            let of = select::group(finding).map(|(service, side)| (finding.code, service, side));
            of.and_then(|of| groups.get(&of)).copied().unwrap_or(0)
        };
        select::narrow(findings, carried, |id| self.has(id), shows)
    }

    /// Whether connection `id` is one of them, once they are in order.
    fn has(&self, id: u64) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// The tables of their time.
    pub fn tables(self) -> Option<table::Builder> {
        self.tables
    }
}

impl Analysis {
    /// The capture from `begin` to `end`, and which findings were asked for, if not all.
    pub(super) fn captured(&self, files: Vec<FileInfo>, (begin, end): (Time, Time), scene: &Scene) -> Capture {
        let (bytes, missing_bytes) = (scene.quality.unique, scene.quality.missing);
        let left_out = scene.quality.left_out();
        let silence = self.watch.silence(end - begin);
        let last = self.capture.last.map(|_| end);
        let [only, ignore] = self.options.selection.named();
        let some = !only.is_empty() || !ignore.is_empty();
        let selected = some.then(|| Selected { only, ignore, ..Selected::default() });
        let settings = self.options.settings();
        Capture { files, bytes, missing_bytes, left_out, last, silence, selected, settings, ..self.capture.clone() }
    }
}

impl Finish<'_> {
    /// The report is to be about some of the connections, and says which.
    pub fn about(&mut self, filter: Option<String>, connections: &[u64]) {
        let of = self.all();
        self.capture.choose(filter, connections, of);
    }

    /// Adds up the time of those chosen of which that was not done yet: they may be let go then.
    pub(super) fn time_chosen(&mut self) {
        let Some(mut sums) = self.sums.take() else { return };
        if let Some(chosen) = &mut sums.chosen {
            self.add_times(chosen);
        }
        self.sums = Some(sums);
    }

    fn add_times(&self, chosen: &mut Chosen) {
        let (tracker, extent) = (&self.analysis.tracker, self.analysis.options.timing);
        let (mut scratch, mut weighing) = (Box::default(), Weighing::default());
        let mut new = std::mem::take(&mut chosen.new);
        new.sort_unstable();
        new.iter().for_each(|(_, index)| chosen.census.count(self.parties[*index as usize], extent));
        let directory = &self.scene.directory;
        let tables = match &mut chosen.tables {
            Some(tables) => {
                tables.extend(&chosen.census, directory);
                tables
            }
            none => none.insert(table::Builder::new(extent, &chosen.census, directory)),
        };
        for (_, index) in &new {
            let case = tracker.look(*index as usize, &mut scratch);
            let verdicts = case.connection.weigh(self.end, &self.analysis.profile, &mut weighing);
            let given = self.analysis.options.vantage;
            let (c, measured) = (&case.connection, &case.notes.measured);
            tables.add(
                measured,
                (tables.seats(self.parties[*index as usize]), &c.outline()),
                (verdicts, &measured.proofs()),
                given,
                self.end,
            );
        }
        chosen.ids.extend(new.into_iter().map(|(id, _)| id));
    }
}
