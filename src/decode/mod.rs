//! From a captured packet to the TCP segment in it: link layer, tags, tunnels, IP, fragments, TCP.

use crate::segment::{IcmpError, Segment};
use crate::source::Packet;

/// What a packet turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A TCP segment (of the innermost flow where there are tunnels).
    Segment(Segment),
    /// An ICMP error quoting a TCP segment.
    Icmp(IcmpError),
    /// Something whole that is not TCP: UDP, ARP, a fragment that waits for the rest.
    Other,
    /// Headers that could not be read to their end.
    Undecoded,
}

/// Decodes packets; holds fragments until they are whole and the names of scopes.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// A decoder with nothing held.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Decodes one packet.
    pub fn decode(&mut self, _packet: &Packet<'_>) -> Decoded {
        Decoded::Other
    }

    /// The VLAN and tunnel ids behind a [`ScopeId`](crate::segment::ScopeId), outermost first: `vlan 7`, `vxlan 42`.
    pub fn scope(&self, _id: crate::segment::ScopeId) -> &[String] {
        &[]
    }
}
