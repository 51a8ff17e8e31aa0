//! Connections by service and by client: the order in which capture-wide detectors look at them, made once.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::digest::Digest;
use crate::segment::Socket;

/// All connections of a capture, grouped.
pub struct Services<'a> {
    /// In the order of the report.
    pub connections: &'a [Digest],
    order: Vec<u32>,
    /// Where in `order` each service begins, and the end; by address and port.
    groups: Vec<(Socket, std::ops::Range<usize>)>,
}

/// The same on every run; only equality of sockets counts, so that chosen addresses gain nothing but time.
fn mix(addr: IpAddr, port: u16) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let bits = match addr {
        IpAddr::V4(a) => u64::from(a.to_bits()),
        IpAddr::V6(a) => (a.to_bits() >> 64) as u64 ^ (a.to_bits() as u64).rotate_left(29),
    };
    let mixed = (bits ^ u64::from(port) << 40).wrapping_mul(K);
    (mixed ^ mixed >> 32).wrapping_mul(K)
}

impl<'a> Services<'a> {
    /// Groups `connections`.
    pub fn of(connections: &'a [Digest]) -> Services<'a> {
        let mut keys: Vec<(u64, u32)> =
            connections.iter().zip(0..).map(|(c, i)| (mix(c.server.addr, c.server.port), i)).collect();
        keys.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| {
                    let [x, y] = [a, b].map(|k| connections[k.1 as usize].server);
                    if x == y { Ordering::Equal } else { x.cmp(&y) }
                })
                .then(a.1.cmp(&b.1))
        });
        let order: Vec<u32> = keys.into_iter().map(|k| k.1).collect();
        let server = |i: usize| connections[order[i] as usize].server;
        let mut groups = Vec::new();
        let mut start = 0;
        for i in 1..=order.len() {
            if i == order.len() || server(i) != server(start) {
                groups.push((server(start), start..i));
                start = i;
            }
        }
        groups.sort_unstable_by_key(|(socket, _)| *socket);
        Services { connections, order, groups }
    }

    /// Services with at least `least` connections: address and port, and the connections in the order of the report.
    pub fn with(
        &self,
        least: i64,
    ) -> impl Iterator<Item = (Socket, impl Iterator<Item = &'a Digest> + Clone + '_)> + '_ {
        let least = usize::try_from(least).unwrap_or(0);
        self.groups
            .iter()
            .filter(move |(_, range)| range.len() >= least)
            .map(|(socket, range)| (*socket, self.order[range.clone()].iter().map(|i| &self.connections[*i as usize])))
    }

    /// How many services there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
