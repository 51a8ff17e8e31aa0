//! The table of connections that are not kept: each passes once, and the few that are shown are looked at again.

use std::collections::BTreeMap;
use std::io;

use super::jobs::Jobs;
use crate::analyze::{Finish, Row};
use crate::render::facts::Parts;
use crate::render::order::{self, Attention, Listed, Picker, Shown};
use crate::render::rank::{Brief, Chosen};
use crate::render::{RenderOptions, table};
use crate::report::{Connection, Report};

/// So many connections that are let go, and may be shown, are kept in full.
const KEPT: usize = 1_024;

/// What is known of connections that have passed.
pub struct Passed {
    parts: Parts,
    all: u64,
    picker: Picker,
    /// Findings that are put into words.
    told: usize,
    /// Those that may be shown of connections that are let go, by number.
    kept: BTreeMap<u64, Connection>,
}

/// The connections chosen, in the order of the report.
pub struct Picked {
    parts: Parts,
    all: u64,
    chosen: Vec<Chosen>,
    kinds: Option<usize>,
}

impl Passed {
    /// None has passed yet.
    pub fn new(options: &RenderOptions) -> Passed {
        let (picker, told) = (Picker::new(options, table::connections::KINDS), options.limit.findings());
        Passed { parts: Parts::default(), all: 0, picker, told, kept: BTreeMap::new() }
    }

    /// Lets all connections of `finish` pass.
    pub fn pass(&mut self, finish: &mut Finish<'_>, jobs: Jobs) {
        finish.tell(self.told);
        self.pass_round(finish, jobs);
        while finish.has_more_rounds() {
            self.keep(finish);
            finish.next_round();
            self.pass_round(finish, jobs);
        }
    }

    fn pass_round(&mut self, finish: &mut Finish<'_>, jobs: Jobs) {
        jobs.rows(finish, |row| {
            self.picker.add(&brief(row));
            self.parts.one_way += u64::from(row.one_way);
            self.parts.midstream += u64::from(row.midstream);
            self.all += 1;
        });
    }

    /// Keeps those of `finish` that may be shown: they are let go.
    pub fn keep(&mut self, finish: &Finish<'_>) {
        let mut before = std::mem::take(&mut self.kept);
        let held = self.picker.held(KEPT).into_iter().map(|index| index as u64);
        self.kept = held.filter_map(|id| Some((id, before.remove(&id).or_else(|| finish.connection(id))?))).collect();
    }

    /// The report, with the connections that are shown.
    pub fn report(mut self, finish: Finish<'_>) -> (Report, Picked) {
        let (mut chosen, kinds) = self.picker.chosen();
        let mut connections = Vec::with_capacity(chosen.len());
        chosen.retain(|chosen| {
            let id = chosen.index as u64;
            let connection = self.kept.remove(&id).or_else(|| finish.connection(id));
            let named =
                connection.as_ref().filter(|_| kinds.is_some() && chosen.alike > 0).and_then(|c| named(c, &finish));
            named.or(connection).map(|connection| connections.push(connection)).is_some()
        });
        (finish.report(connections), Picked { parts: self.parts, all: self.all, chosen, kinds })
    }
}

impl Picked {
    /// Writes the report with them.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn show(self, report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let listed = report.connections.iter().zip(&self.chosen);
        let listed = listed.map(|(connection, chosen)| Listed { connection, alike: chosen.alike }).collect();
        table::show(report, &Shown { all: self.all, parts: self.parts, listed, kinds: self.kinds }, options, out)
    }
}

/// The connection like `shown` that a finding names as its worst case: it is the one that people look for.
fn named(shown: &Connection, finish: &Finish<'_>) -> Option<Connection> {
    let cases = finish.worst_cases().filter(|(name, service, _)| order::is_of(shown, name, Some(*service)));
    cases.filter_map(|(.., id)| finish.connection(id)).find(|case| order::is_like(shown, case))
}

/// What decides whether a connection is shown; it is found again by its number.
fn brief(row: &Row) -> Brief {
    let severity = row.worst.map(|(_, severity)| severity);
    Brief {
        id: row.id,
        index: row.id as usize,
        attention: Attention::of(severity, row.outcome, row.states),
        worst: row.worst.map(|(name, _)| name),
        client: row.client,
        server: row.server,
        outcome: row.outcome,
        states: row.states,
        bytes: row.bytes,
        packets: row.packets,
        duration: row.last - row.first,
        handshake: row.handshake,
        last: row.last,
    }
}
