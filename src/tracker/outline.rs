//! What there is to say of a connection in short.

use super::connection::Connection;
use crate::time::Time;

/// A connection in short: what it is counted and listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Which end is the client.
    pub client: usize,
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
    /// What there is to say of it in short.
    pub fn outline(&self) -> Outline {
        Outline {
            client: self.client().0,
            first: self.first,
            last: self.last,
            first_packet: self.first_packet,
            last_packet: self.last_packet,
            packets: [0, 1].map(|e: usize| self.ends[e].packets),
            bytes: [0, 1].map(|e: usize| self.ends[e].bytes),
            opening_seen: self.opening_seen(),
            retractions: self.retractions(),
        }
    }
}
