//! Totals over connections that were forgotten, so that the report at the end still counts them.

use std::collections::BTreeMap;

use crate::report::{PerSide, Side, Summary};
use crate::tracker::State;

/// Adds the counts of `other` to `total`. Peaks do not add up: the larger one stays.
pub fn add(total: &mut Summary, other: &Summary) {
    total.connections += other.connections;
    total.retracted += other.retracted;
    sum(&mut total.outcomes, &other.outcomes);
    sum(&mut total.closed_first, &other.closed_first);
    sum(&mut total.evidence, &other.evidence);
    for side in Side::ALL {
        sum(total.final_states.get_mut(side), other.final_states.get(side));
        most(total.peak_states.get_mut(side), other.peak_states.get(side));
    }
}

/// Raises the peaks to those that were counted while the connections were there.
pub fn raise(total: &mut Summary, peaks: &PerSide<[u64; State::ALL.len()]>) {
    for side in Side::ALL {
        let named = State::ALL.into_iter().zip(*peaks.get(side)).filter(|(_, n)| *n > 0).collect();
        most(total.peak_states.get_mut(side), &named);
    }
}

fn sum<K: Ord + Copy>(total: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
    other.iter().for_each(|(key, n)| *total.entry(*key).or_default() += n);
}

fn most<K: Ord + Copy>(total: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
    for (key, n) in other {
        let most = total.entry(*key).or_default();
        *most = (*most).max(*n);
    }
}
