//! What there is to say of a connection in short.

use super::connection::Connection;
use crate::segment::ScopeId;
use crate::time::Time;

/// A connection in short: what it is counted and listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Which end is the client.
    pub client: usize,
    /// That was seen, by its SYN.
    pub observed: bool,
    /// Counted from 1 for each four-tuple.
    pub incarnation: u32,
    /// VLANs and tunnels of the segments of each end, once one was seen.
    pub scopes: [Option<ScopeId>; 2],
    /// Capture time of the first packet.
    pub first: Time,
    /// Capture time of the last packet.
    pub last: Time,
    /// Number of the first packet.
    pub first_packet: u64,
    /// Number of the last packet.
    pub last_packet: u64,
    /// Segments that each end sent.
    pub packets: [u64; 2],
    /// Payload bytes that each end sent.
    pub bytes: [u64; 2],
    /// A SYN or SYN,ACK of it was captured.
    pub opening_seen: bool,
    /// Nothing but RST segments was captured.
    pub reset_only: bool,
    /// How many beliefs about it were disproved.
    pub retractions: u32,
}

impl Outline {
    /// Nothing of one end was captured.
    pub fn is_one_way(&self) -> bool {
        self.packets.contains(&0)
    }
}

impl Connection {
    /// Capture time of the last segment of end `e`.
    pub fn last_sent(&self, e: usize) -> Option<Time> {
        self.ends[e].last_sent()
    }

    /// What there is to say of it in short.
    pub fn outline(&self) -> Outline {
        let (client, observed) = self.client();
        Outline {
            client,
            observed,
            incarnation: self.incarnation,
            scopes: self.scopes,
            first: self.first,
            last: self.last,
            first_packet: self.first_packet,
            last_packet: self.last_packet,
            packets: [0, 1].map(|e: usize| self.ends[e].packets),
            bytes: [0, 1].map(|e: usize| self.ends[e].bytes),
            opening_seen: self.opening_seen(),
            reset_only: self.is_reset_only(),
            retractions: self.retractions(),
        }
    }
}
