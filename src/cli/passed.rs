//! The table of connections that are not kept: each passes once, and the few that are shown are looked at again.

use std::io;

use super::jobs::Jobs;
use crate::analyze::{Finish, Row};
use crate::render::facts::Parts;
use crate::render::order::{Attention, Listed, Picker, Shown};
use crate::render::rank::{Brief, Chosen};
use crate::render::{RenderOptions, table};
use crate::report::Report;

/// What is known when all have passed.
pub struct Passed {
    parts: Parts,
    all: u64,
    chosen: Vec<Chosen>,
    kinds: Option<usize>,
}

impl Passed {
    /// Lets all connections pass, and chooses those that are shown.
    pub fn of(finish: &mut Finish<'_>, options: &RenderOptions, jobs: Jobs) -> Passed {
        finish.tell(options.limit.findings());
        let (mut picker, mut parts, mut all) = (Picker::new(options, table::connections::KINDS), Parts::default(), 0);
        jobs.rows(finish, |row| {
            picker.add(&brief(row));
            parts.one_way += u64::from(row.one_way);
            parts.midstream += u64::from(row.midstream);
            all += 1;
        });
        let (chosen, kinds) = picker.chosen();
        Passed { parts, all, chosen, kinds }
    }

    /// The report, with the connections that are shown.
    pub fn report(&self, finish: Finish<'_>) -> Report {
        let connections = self.chosen.iter().map(|chosen| finish.connection(chosen.index as u64)).collect();
        finish.report(connections)
    }

    /// Writes it.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn show(self, report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
        let listed = report.connections.iter().zip(&self.chosen);
        let listed = listed.map(|(connection, chosen)| Listed { connection, alike: chosen.alike }).collect();
        table::show(report, &Shown { all: self.all, parts: self.parts, listed, kinds: self.kinds }, options, out)
    }
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
