//! What connections of one host or service add up to.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::ending::Outcome;
use super::gather::{self, Single};
use super::rollup::{Rollup, Worst};
use super::severity::Severity;
use crate::prefetch::prefetch;

/// One host or service while it is being added up: of hosts there are as many as of connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    outcomes: [u32; Outcome::ALL.len()],
    /// What it shows, by number of the kind: mostly nothing, or one.
    kinds: SmallVec<[Kind; 1]>,
}

const _: () = assert!(size_of::<Sum>() <= 64);

/// A kind of finding of one host or service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    number: u16,
    /// The worst.
    pub severity: Severity,
    pub connections: u32,
    /// The last of them, so that none counts twice.
    last: u64,
}

impl Sum {
    pub fn connection(&mut self, outcome: Outcome) {
        self.connections_of(outcome, 1);
    }

    #[inline]
    fn connections_of(&mut self, outcome: Outcome, more: u32) {
        let count = &mut self.outcomes[outcome as usize];
        *count = count.saturating_add(more);
    }

    /// How many connections there are.
    pub fn connections(&self) -> u64 {
        self.outcomes.iter().map(|count| u64::from(*count)).sum()
    }

    /// Adds what so many connections show, the last of which is that one.
    #[inline(never)]
    fn show(&mut self, new: Kind) {
        match self.kinds.iter_mut().find(|known| known.number == new.number) {
            Some(known) => {
                let (severity, connections) = (known.severity.max(new.severity), known.connections);
                *known = Kind { severity, connections: connections.saturating_add(new.connections), ..new };
            }
            None => self.kinds.push(new),
        }
    }

    /// Adds what so many connections, the last of which is that one, show for the first time.
    pub fn found_all(&mut self, number: u16, severity: Severity, count: u64, last: u64) {
        self.show(Kind { number, severity, connections: count.min(u32::MAX.into()) as u32, last });
    }

    #[inline]
    pub fn found(&mut self, number: u16, severity: Severity, id: u64) {
        match self.kinds.iter_mut().find(|known| known.number == number && known.last == id) {
            Some(known) => known.severity = known.severity.max(severity),
            None => self.show(Kind { number, severity, connections: 1, last: id }),
        }
    }
}

impl gather::Sum for Sum {
    #[inline]
    fn add_singles(&mut self, single: Single, count: u32) {
        self.connections_of(single.outcome, count);
        if let Some((number, severity)) = single.kind {
            self.show(Kind { number, severity, connections: count, last: 0 });
        }
    }

    fn merge(&mut self, other: Sum) {
        self.outcomes.iter_mut().zip(other.outcomes).for_each(|(a, b)| *a = a.saturating_add(b));
        other.kinds.into_iter().for_each(|kind| self.show(kind));
    }

    #[inline]
    fn prefetch(&self) {
        prefetch(&self.outcomes);
        prefetch(&self.kinds);
    }
}

impl Sum {
    /// The kind that matters most; of two alike the first by name.
    pub fn worst(&self, kinds: &[(&'static str, &'static str)]) -> Option<&Kind> {
        if let [one] = self.kinds.as_slice() {
            return Some(one);
        }
        self.kinds.iter().min_by_key(|k| (Reverse((k.severity, k.connections)), kinds[usize::from(k.number)].1))
    }

    pub fn rollup(&self, kinds: &[(&'static str, &'static str)], addr: IpAddr, port: Option<u16>) -> Rollup {
        let mut findings = BTreeMap::new();
        for kind in &self.kinds {
            *findings.entry(kind.severity).or_insert(0) += 1;
        }
        let worst = self.worst(kinds).map(|kind| {
            let (code, name) = kinds[usize::from(kind.number)];
            Worst { code, name, severity: kind.severity, connections: kind.connections.into() }
        });
        Rollup {
            addr,
            port,
            connections: self.connections(),
            outcomes: Outcome::ALL
                .map(Outcome::name)
                .into_iter()
                .zip(self.outcomes.map(u64::from))
                .filter(|(_, n)| *n > 0)
                .collect(),
            findings,
            worst,
        }
    }
}
