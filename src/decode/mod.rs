//! From a captured packet to the TCP segment in it: link layer, tags, tunnels, IP, fragments, TCP.
//!
//! Plain Ethernet, VLAN, IPv4, IPv6 and TCP go through one straight function over etherparse's header slices,
//! without allocation. Everything else takes the long way (`walk`), layer by layer; of tunnels the innermost flow
//! is what counts. Lengths come from the IP header, so neither Ethernet padding nor the snap length changes them;
//! where the header says 0 (segmentation offload, jumbograms) from the length on the wire.

mod bytes;
mod ether;
mod fragments;
mod icmp;
mod ip;
mod link;
mod scope;
mod tcp;
mod tunnel;
mod udp;
mod walk;
mod wlan;

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::{Ethernet2HeaderSlice, Ipv4HeaderSlice, Ipv6HeaderSlice, SingleVlanHeaderSlice};

use crate::segment::{IcmpError, ScopeId, Segment};
use crate::source::{LinkType, Packet};
use bytes::Bytes;
use scope::Tags;
use tcp::IpInfo;

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
pub struct Decoder {
    scopes: scope::Scopes,
    fragments: fragments::Fragments,
    /// Segments of the latest packet behind its first.
    more: VecDeque<Segment>,
}

impl Decoder {
    /// A decoder with nothing held.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Decodes one packet. A fragment that completes a packet gives that packet's segment, with the time and number
    /// of the fragment.
    #[inline]
    pub fn decode(&mut self, packet: &Packet<'_>) -> Decoded {
        self.more.clear();
        match self.plain(packet) {
            Some(segment) => Decoded::Segment(segment),
            None => walk::Walk::start(self, packet),
        }
    }

    /// A further segment of the packet decoded last: 802.11 puts several frames into one (A-MSDU). To be asked until
    /// there is none; all other packets have none.
    #[inline]
    pub fn more(&mut self) -> Option<Segment> {
        self.more.pop_front()
    }

    /// The VLAN and tunnel ids behind a [`ScopeId`], outermost first: `vlan 7`, `vxlan 42`.
    ///
    /// Only ids that are the same in both directions are part of a scope: not MPLS labels, not the endpoint ids
    /// of GTP, not the session ids of L2TP and ERSPAN.
    pub fn scope(&self, id: ScopeId) -> &[String] {
        self.scopes.names(id)
    }

    /// The scope that is left when the VLAN ids are taken away. Where traffic is mirrored on both sides of a router
    /// the two directions of one connection can carry different VLAN ids; this tells that they may belong together.
    pub fn without_vlans(&self, id: ScopeId) -> ScopeId {
        self.scopes.without_vlans(id)
    }

    /// Ethernet, perhaps VLAN tags, IP without fragments and extensions, TCP. `None` for everything else.
    #[inline(always)]
    fn plain(&mut self, packet: &Packet<'_>) -> Option<Segment> {
        if packet.link != LinkType::ETHERNET {
            return None;
        }
        let mut ether_type = Ethernet2HeaderSlice::from_slice(packet.data).ok()?.ether_type().0;
        let mut rest = Bytes::new(packet.data, packet.wire_len as usize).skip(14)?;
        let mut tags = Tags::default();
        while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
            let tag = SingleVlanHeaderSlice::from_slice(rest.data).ok()?;
            tags.vlan(tag.vlan_identifier().value());
            ether_type = tag.ether_type().0;
            rest = rest.skip(4)?;
        }
        let (ip, payload) = match ether_type {
            0x0800 => {
                let header = Ipv4HeaderSlice::from_slice(rest.data).ok()?;
                if header.protocol().0 != ip::TCP || header.is_fragmenting_payload() {
                    return None;
                }
                let info = IpInfo {
                    src: IpAddr::V4(header.source_addr()),
                    dst: IpAddr::V4(header.destination_addr()),
                    id: header.identification(),
                    ttl: header.ttl(),
                };
                let whole = match header.total_len() {
                    0 => rest,
                    len => rest.of_length(usize::from(len)),
                };
                (info, whole.skip(header.slice().len())?)
            }
            0x86dd => {
                let header = Ipv6HeaderSlice::from_slice(rest.data).ok()?;
                if header.next_header().0 != ip::TCP {
                    return None;
                }
                let info = IpInfo {
                    src: IpAddr::V6(header.source_addr()),
                    dst: IpAddr::V6(header.destination_addr()),
                    id: 0,
                    ttl: header.hop_limit(),
                };
                let payload = rest.skip(40)?;
                match header.payload_length() {
                    0 => (info, payload),
                    len => (info, payload.of_length(usize::from(len))),
                }
            }
            _ => return None,
        };
        let scope = self.scopes.intern(&tags);
        tcp::segment(&ip, payload, packet.time, packet.number, scope)
    }
}
