//! The hosts that the connections of a group come from: of a flood there are millions.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::LISTED;
use crate::report::directory::Directory;

/// The clients of a group by number: mostly one.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// In order and each once up to `sorted`, then as they came.
    numbers: SmallVec<[u32; 2]>,
    sorted: usize,
}

/// So many come before they are put in order.
const UNSORTED: usize = 64;

impl Clients {
    /// Adds the one with this number.
    #[inline]
    pub(super) fn add(&mut self, number: u32) {
        let last = self.numbers.last();
        if last == Some(&number) {
            return;
        }
        // Hosts are numbered as they are met: in a flood each comes behind those before.
        let in_order = self.sorted == self.numbers.len() && last.is_none_or(|last| *last < number);
        self.numbers.push(number);
        if in_order {
            self.sorted += 1;
        } else {
            self.sort_if_many();
        }
    }

    /// Puts them in order where those that are not have become as many as those that are, so that each is moved a few times
    /// only.
    fn sort_if_many(&mut self) {
        if self.numbers.len() >= 2 * self.sorted + UNSORTED {
            self.sort();
        }
    }

    /// Each once, in order.
    fn sort(&mut self) {
        let (sorted, new) = self.numbers.split_at(self.sorted);
        let Some(least) = new.iter().min() else { return };
        // What is less than all of these stays where it is: as a rule nearly all, since connections come in their order.
        let from = sorted.partition_point(|number| number < least);
        self.numbers[from..].sort();
        let mut kept = from;
        for at in from..self.numbers.len() {
            let number = self.numbers[at];
            if kept == from || self.numbers[kept - 1] != number {
                self.numbers[kept] = number;
                kept += 1;
            }
        }
        self.numbers.truncate(kept);
        self.sorted = kept;
    }

    /// Adds those of `other`.
    pub(super) fn merge(&mut self, other: Clients) {
        self.numbers.extend_from_slice(&other.numbers);
        self.sort_if_many();
    }

    /// How many there are, and the first [`LISTED`] by address.
    pub(super) fn listed(mut self, directory: &Directory) -> (usize, Vec<IpAddr>) {
        self.sort();
        let mut first: Vec<IpAddr> = Vec::new();
        for number in &self.numbers {
            let addr = directory.addr(*number);
            if first.len() >= LISTED {
                match first.last() {
                    Some(last) if addr < *last => first.pop(),
                    _ => continue,
                };
            }
            first.insert(first.partition_point(|other| *other < addr), addr);
        }
        (self.numbers.len(), first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_counts_once_whatever_their_order_and_however_they_are_merged(
            parts in prop::collection::vec((prop::collection::vec(0..300_u32, 0..200), any::<bool>()), 1..4),
        ) {
            let mut directory = Directory::default();
            for number in 0..300_u32 {
                // Neither in the order of numbers nor of addresses.
                directory.host(IpAddr::from([10, 0, (number * 7 % 4) as u8, (number * 11 % 251) as u8]));
            }
            let hosts = (0..300).map(|number| directory.addr(number)).collect::<BTreeSet<_>>().len() as u32;
            let (mut clients, mut expected) = (Clients::default(), BTreeSet::new());
            for (mut numbers, in_order) in parts {
                numbers.iter_mut().for_each(|number| *number %= hosts);
                if in_order {
                    numbers.sort_unstable();
                }
                expected.extend(numbers.iter().map(|number| directory.addr(*number)));
                let mut part = Clients::default();
                numbers.iter().for_each(|number| part.add(*number));
                clients.merge(part);
                // Some come behind those merged.
                numbers.iter().take(20).for_each(|number| clients.add(*number));
            }
            let (count, first) = clients.listed(&directory);
            prop_assert_eq!(count, expected.len());
            prop_assert_eq!(first, expected.into_iter().take(LISTED).collect::<Vec<_>>());
        }
    }
}
