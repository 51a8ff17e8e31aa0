//! Connections that a finding of the capture as a whole is about: of a flood there are millions.

use super::LISTED;
use super::digest::Digest;

/// Their numbers, and the first packets of the first [`LISTED`] of them.
#[derive(Clone, Debug, Default)]
pub struct Members {
    numbers: Vec<u64>,
    /// Number and first packet, in order.
    first: Vec<(u64, u64)>,
}

impl Members {
    /// None yet, and room for so many.
    pub fn with_capacity(most: usize) -> Members {
        Members { numbers: Vec::with_capacity(most), first: Vec::new() }
    }

    /// Adds one, in no order.
    pub fn add(&mut self, c: Digest<'_>) {
        let id = c.id();
        self.numbers.push(id);
        if self.first.len() < LISTED || self.first.last().is_some_and(|last| id < last.0) {
            let place = self.first.partition_point(|first| first.0 < id);
            self.first.insert(place, (id, c.first_packet()));
            self.first.truncate(LISTED);
        }
    }

    /// Their numbers in the order of the report, and the packets.
    pub fn listed(mut self) -> (Vec<u64>, Vec<u64>) {
        // As a rule they were met in that order.
        if !self.numbers.is_sorted() {
            self.numbers.sort_unstable();
        }
        (self.numbers, self.first.into_iter().map(|first| first.1).collect())
    }
}
