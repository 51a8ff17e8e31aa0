//! What connections add up to.

use super::chosen::Chosen;
use super::finish::Finish;
use crate::detect::{ALL, Digests, Groups};
use crate::report::carried::Carried;
use crate::report::directory::Directory;
use crate::report::rollup::{Added, Sums};
use crate::report::totals::Totals;
use crate::segment::Socket;
use crate::time::Time;
use crate::timing::{Census, Extent, table};

/// Sums over some connections.
#[derive(Debug)]
pub struct Tally {
    pub totals: Totals,
    pub rollups: Sums,
    pub groups: Groups,
    /// Those of each stretch.
    pub digests: Vec<Digests>,
    pub tables: table::Builder,
    /// The indices of those that were looked at and are not in these sums: they are not let go.
    pub stay: Vec<u32>,
    /// Those that a report is to be about, if that is not all.
    pub chosen: Option<Chosen>,
}

impl Tally {
    /// Sums over nothing yet, with the times that `tables` add up; so many connections are to come.
    pub fn new(connections: usize, tables: table::Builder, begin: Time, end: Time) -> Tally {
        Tally {
            totals: Totals::new(connections as u64, begin, end),
            rollups: kinds(),
            groups: Groups::new(),
            digests: Vec::new(),
            tables,
            stay: Vec::new(),
            chosen: None,
        }
    }

    /// Sums over nothing, to which nothing is to come.
    pub fn nothing(directory: &Directory, begin: Time, end: Time) -> Tally {
        Tally::new(0, table::Builder::new(Extent::Nothing, &Census::default(), directory), begin, end)
    }

    /// The same, with nothing in it.
    fn empty(&self) -> Tally {
        self.beside(None)
    }

    /// The same, with nothing in it but `totals`.
    pub fn beside(&self, totals: Option<Totals>) -> Tally {
        Tally {
            totals: totals.unwrap_or_else(|| self.totals.empty()),
            rollups: kinds(),
            groups: Groups::new(),
            digests: Vec::new(),
            tables: self.tables.empty(),
            stay: Vec::new(),
            chosen: None,
        }
    }

    /// Sums over nothing, to be [appended](Tally::append): more connections have been counted in `census` since the first.
    pub fn goes_on(&mut self, census: &Census, directory: &Directory) -> Tally {
        self.tables.extend(census, directory);
        Tally { chosen: self.chosen.take(), ..self.empty() }
    }

    /// Adds what was added up of others in the same round but for their totals, which are given back.
    pub fn merge_round(&mut self, mut other: Tally) -> Totals {
        self.digests.append(&mut other.digests);
        self.digests.sort_by_key(Digests::bounds);
        self.append_all_but_totals(other)
    }

    /// Adds what was added up of other connections, all of which come after these.
    pub fn append(&mut self, other: Tally) {
        let totals = self.append_all_but_totals(other);
        self.totals.merge(&totals);
    }

    fn append_all_but_totals(&mut self, other: Tally) -> Totals {
        self.rollups.merge(other.rollups);
        self.groups.merge(other.groups);
        self.digests.extend(other.digests);
        self.tables.merge(other.tables);
        self.stay.extend(other.stay);
        if let Some(chosen) = other.chosen {
            self.chosen.get_or_insert_default().append(chosen);
        }
        other.totals
    }
}

fn kinds() -> Sums {
    Sums::new(ALL.iter().map(|d| (d.code, d.name)).collect())
}

impl Finish<'_> {
    /// Finding, service and connection of the worst cases that findings of several name.
    pub fn worst_cases(&self) -> impl Iterator<Item = (&'static str, Socket, u64)> {
        self.past.sums.iter().chain(&self.sums).flat_map(|sums| sums.groups.worst_cases())
    }
}

/// Adds what only many connections together show to the sums of those, of which these are the digests.
pub(super) fn found_together(sums: &mut Sums, carried: &Carried, digests: &[Digests], directory: &Directory) {
    carried.at_services().for_each(|at| sums.found_at(directory.server(at.service), at));
    let others = carried.of_others();
    for digests in digests {
        let Some((first, last)) = digests.bounds() else { continue };
        let from = others.partition_point(|(id, _)| *id < first);
        for (id, shown) in others[from..].iter().take_while(|(id, _)| *id <= last) {
            if let Some(digest) = digests.find(*id) {
                sums.found(&Added::new(*id, digest.parties, digest.outcome, directory), shown);
            }
        }
    }
}
