//! Two captures that cannot be of the same traffic.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::pair::{CLIENT, Pairs, SERVER};
use super::segments::Segments;
use crate::report::{PerSide, Report};
use crate::time::Time;

/// Why two captures are not of the same traffic: they have no segment in common, and nothing else that would let all
/// segments have been lost between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Apart {
    /// No address is in both.
    #[error("not of the same traffic: no address is in both captures")]
    Addresses,
    /// One had ended before the other began: first and last packet of each.
    #[error("not of the same traffic: one capture had ended before the other began")]
    Times(PerSide<(Time, Time)>),
}

/// Whether two captures, of which these are the reports and the segments, are none of the same traffic. One without any
/// segment belongs to everything: nothing may have got there.
pub(super) fn apart(reports: [&Report; 2], segments: [&Segments; 2], pairs: &Pairs) -> Option<Apart> {
    let matched = pairs.links[CLIENT].any();
    if matched || segments.iter().any(|all| all.is_empty()) {
        return None;
    }
    let addresses =
        segments.map(|all| all.tuples.iter().flat_map(|(a, b)| [a.addr, b.addr]).collect::<BTreeSet<IpAddr>>());
    if addresses[CLIENT].is_disjoint(&addresses[SERVER]) {
        return Some(Apart::Addresses);
    }
    let ran = reports.map(|report| report.capture.first.zip(report.capture.last));
    let [Some(client), Some(server)] = ran else { return None };
    (client.1 < server.0 || server.1 < client.0).then_some(Apart::Times(PerSide { client, server }))
}
