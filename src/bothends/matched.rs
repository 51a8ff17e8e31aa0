//! Which connection of one capture is which of the other: the one that shares the most segments with it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::names::{Translation, Tuple};
use super::pair::{CLIENT, Pairs, SERVER};
use super::segments::{Lists, Segments, Tuples};
use crate::segment::Socket;

/// Where a connection begins in its capture.
pub(super) struct Beginning {
    /// The number of its four-tuple among those of both captures.
    tuple: Option<u32>,
    /// The number of its first packet.
    packet: u64,
}

impl Beginning {
    /// That of a connection between these sockets, as its own capture calls them, with this first packet. `names` are those
    /// that the client tap's capture has for them.
    pub fn of(([a, b], packet): ([Socket; 2], u64), names: Option<&Translation>, tuples: &Tuples) -> Beginning {
        let mut tuple = in_order((a, b));
        if let Some(named) = names.and_then(|names| names.get(&tuple)) {
            tuple = in_order(*named);
        }
        Beginning { tuple: tuples.find(tuple), packet }
    }
}

fn in_order((a, b): Tuple) -> Tuple {
    if a <= b { (a, b) } else { (b, a) }
}

/// For each connection of the server tap's capture the one of the client tap's that shares the most segments with it.
/// `beginnings` are those of the client tap's connections, and of the server tap's, each in order.
pub(super) fn matched(beginnings: [&[Beginning]; 2], segments: [&Segments; 2], pairs: &Pairs) -> Vec<Option<usize>> {
    let numbers = pairs.named.tuples.len();
    let lists = beginnings.map(|all| Lists::of(numbers, all.iter().map(|beginning| beginning.tuple)));
    let of = |tap: usize, number: u32, index: u32| {
        let packet = segments[tap].all[index as usize].packet;
        latest(lists[tap].get(number), packet, |i| beginnings[tap][i].packet)
    };
    let mut shared: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for number in 0..numbers as u32 {
        for i in pairs.named.list(CLIENT, number) {
            let Some(link) = pairs.links[CLIENT].get(*i as usize) else { continue };
            if let (Some(a), Some(b)) = (of(CLIENT, number, *i), of(SERVER, number, link)) {
                *shared.entry((a, b)).or_default() += 1;
            }
        }
    }
    let mut order: Vec<((usize, usize), u64)> = shared.into_iter().collect();
    order.sort_by_key(|(pair, n)| (Reverse(*n), *pair));
    let mut matched = vec![None; beginnings[SERVER].len()];
    let mut taken = vec![false; beginnings[CLIENT].len()];
    for ((a, b), _) in order {
        if matched[b].is_none() && !taken[a] {
            (matched[b], taken[a]) = (Some(a), true);
        }
    }
    matched
}

/// The last one of `all`, which are in order of their `first` packets, that had begun when `packet` was captured.
fn latest(all: &[u32], packet: u64, first: impl Fn(usize) -> u64) -> Option<usize> {
    let begun = all.partition_point(|i| first(*i as usize) <= packet);
    all.get(begun.checked_sub(1)?).map(|i| *i as usize)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn of_however_many_connections_on_the_same_ports_few_are_asked() {
        let all: Vec<u32> = (0..100_000).map(|n| 3 * n).collect();
        for (packet, expected) in [(6, None), (7, Some(0)), (36, Some(0)), (37, Some(3)), (1_500_000, Some(149_997))] {
            let asked = Cell::new(0);
            let first = |i: usize| {
                asked.set(asked.get() + 1);
                10 * i as u64 + 7
            };
            assert_eq!(latest(&all, packet, first), expected);
            assert!(asked.get() <= 20, "{}", asked.get());
        }
    }
}
