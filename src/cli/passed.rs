//! The few connections that are shown where none are kept: each passes once, and those picked are looked at again.

use std::collections::BTreeMap;
use std::io;

use super::jobs::Jobs;
use crate::analyze::{Finish, Keep};
use crate::render::facts::Parts;
use crate::render::order::{self, Listed, Picker, Shown};
use crate::render::rank::Pick;
use crate::render::{Format, RenderOptions, markdown, render, table};
use crate::report::{Connection, Report};
use crate::segment::Socket;

/// So many connections that are let go, and may be shown, are kept in full.
pub const FEW: usize = 1_024;

/// What is known of connections that have passed.
pub struct Passed<'a> {
    /// Only these count.
    only: Option<Keep<'a>>,
    parts: Parts,
    all: u64,
    picker: Picker,
    /// Findings that are put into words.
    told: usize,
    /// Those that may be shown of connections that are let go, by number.
    kept: BTreeMap<u64, Box<Connection>>,
}

/// The connections chosen, in the order of the report.
pub struct Picked {
    parts: Parts,
    all: u64,
    chosen: Vec<Pick>,
    kinds: Option<usize>,
}

impl<'a> Passed<'a> {
    /// None has passed yet; `only` these are to be shown in this format.
    pub fn new(format: Format, options: &RenderOptions, only: Option<Keep<'a>>) -> Passed<'a> {
        let picker = match format {
            Format::Table => Picker::new(options, table::connections::KINDS),
            Format::Markdown => Picker::new(options, markdown::KINDS),
            Format::Json | Format::Ndjson | Format::Csv => Picker::for_programs(options),
        };
        let told = match format {
            Format::Table | Format::Markdown => options.limit.findings(),
            Format::Json | Format::Ndjson => usize::MAX,
            Format::Csv => 0,
        };
        Passed { only, parts: Parts::default(), all: 0, picker, told, kept: BTreeMap::new() }
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
        let alike = matches!(self.picker, Picker::Kinds(..));
        jobs.rows(finish, alike, self.only, |row| {
            // It is found again by its number.
            self.picker.add(row.id as usize, row);
            self.parts.add(row);
            self.all += 1 + row.alike;
        });
    }

    /// Keeps those of `finish` that may be shown: they are let go.
    pub fn keep(&mut self, finish: &Finish<'_>) {
        let mut before = std::mem::take(&mut self.kept);
        let held = self.picker.held(FEW).into_iter().map(|index| index as u64);
        let mut full = |id| before.remove(&id).or_else(|| finish.connection(id).map(Box::new));
        self.kept = held.filter_map(|id| Some((id, full(id)?))).collect();
    }

    /// The report, with the connections that are shown.
    pub fn report(mut self, finish: Finish<'_>) -> (Report, Picked) {
        let (mut chosen, kinds) = self.picker.chosen();
        let mut connections = Vec::with_capacity(chosen.len());
        let cases: Vec<_> = if kinds.is_some() { finish.worst_cases().collect() } else { Vec::new() };
        chosen.retain(|chosen| {
            let id = chosen.index as u64;
            let connection = self.kept.remove(&id).map(|kept| *kept).or_else(|| finish.connection(id));
            let alike = connection.as_ref().filter(|_| chosen.alike > 0);
            let named = alike.and_then(|shown| named(shown, &cases, &finish, self.only));
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
    pub fn show(
        self,
        format: Format,
        report: &Report,
        options: &RenderOptions,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let listed = report.connections.iter().zip(&self.chosen);
        let listed = listed.map(|(connection, chosen)| Listed { connection, alike: chosen.alike }).collect();
        let shown = Shown { all: self.all, parts: self.parts, listed, kinds: self.kinds };
        match format {
            Format::Table => table::show(report, &shown, options, out),
            Format::Markdown => markdown::show(report, &shown, options, out),
            Format::Json | Format::Ndjson | Format::Csv => render(format, report, options, out),
        }
    }
}

/// Finding, service and connection of the worst case of several.
type Case = (&'static str, Socket, u64);

/// The connection like `shown` that a finding names as its worst case: it is the one that people look for.
fn named(shown: &Connection, cases: &[Case], finish: &Finish<'_>, only: Option<Keep<'_>>) -> Option<Connection> {
    let cases = cases.iter().filter(|(name, service, _)| order::is_of(shown, name, Some(*service)));
    let mut cases = cases.filter_map(|(.., id)| finish.connection(*id));
    cases.find(|case| order::is_like(shown, case) && only.is_none_or(|keep| keep(case)))
}
