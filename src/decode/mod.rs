//! From a captured packet to the TCP segment in it: link layer, tags, tunnels, IP, fragments, TCP.
//!
//! Ethernet, IP and TCP with nothing special are looked at in one piece (`usual`). Plain Ethernet, VLAN, IPv4, IPv6
//! and TCP go through one straight function over etherparse's header slices, without allocation. Everything else takes
//! the long way (`walk`), layer by layer; of tunnels the innermost flow is what counts. Lengths come from the IP
//! header, so neither Ethernet padding nor the snap length changes them; where the header says 0 (segmentation offload,
//! jumbograms) from the length on the wire.
//!
//! | file | holds |
//! |---|---|
//! | `usual` | the usual packet, in one piece |
//! | `walk` | the way through the layers of any other; each of these adds its part |
//! | `link`, `ether`, `wlan` | link layers; what stands between Ethernet and IP; wireless |
//! | `ip`, `fragments` | IPv4 and IPv6; packets put together again |
//! | `tunnel`, `udp` | tunnels over IP and over UDP |
//! | `tcp`, `icmp` | the segment; errors that quote one |
//! | `scope` | the VLANs and tunnels that a segment was in, as a small number |
//! | `bytes` | bytes captured, and bytes on the wire |
//! | `bundle` | what was found in some packets, handed on at once |

mod bundle;
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
mod usual;
mod walk;
mod wlan;

use std::collections::VecDeque;

pub use bundle::Bundle;
use etherparse::{Ethernet2HeaderSlice, Ipv4HeaderSlice, Ipv6HeaderSlice, SingleVlanHeaderSlice};
pub use scope::Named as ScopeNames;

use crate::segment::{IcmpError, ScopeId, Segment};
use crate::source::{LinkType, Packet};
use bytes::Bytes;
use scope::Tags;
use tcp::Info;

/// What a packet turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A TCP segment (of the innermost flow where there are tunnels).
    Segment(Segment),
    /// An ICMP error quoting a TCP segment.
    Icmp(IcmpError),
    /// Something whole that is not TCP: UDP, ARP, a fragment that waits for the rest.
    Other,
    /// Headers that could not be read to their end, as where they are encrypted (MACsec, protected 802.11).
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
        let mut found = Decoded::Other;
        self.decode_into(packet, &mut found);
        found
    }

    /// The same; what is found is written to `found`.
    #[inline]
    fn decode_into(&mut self, packet: &Packet<'_>, found: &mut Decoded) {
        if usual::decode(packet, found) {
            self.more.clear();
        } else {
            self.decode_unusual(packet, found);
        }
    }

    /// Takes the long way with a packet that is not a [usual](usual::decode) one.
    #[inline(never)]
    fn decode_unusual(&mut self, packet: &Packet<'_>, found: &mut Decoded) {
        self.more.clear();
        let Some((ip, tcp, scope)) = self.plain(packet) else {
            *found = walk::Walk::start(self, packet);
            return;
        };
        // Each is written to where it stays, once: segments are large.
        match ip {
            Ip::V4(ip) => *found = Decoded::Segment(tcp.segment(&ip.info(), packet, scope)),
            Ip::V6(ip) => *found = Decoded::Segment(tcp.segment(&ip.info(), packet, scope)),
        }
        if !tcp.plain
            && let Decoded::Segment(segment) = found
        {
            tcp.read_options(&mut segment.options);
        }
    }

    /// Whether [`Decoder::more`] will give a segment.
    #[inline]
    fn has_more(&self) -> bool {
        !self.more.is_empty()
    }

    /// A further segment of the packet decoded last: 802.11 puts several frames into one (A-MSDU). To be asked until
    /// there is none; all other packets have none.
    #[inline]
    pub fn more(&mut self) -> Option<Segment> {
        if self.more.is_empty() { None } else { self.more.pop_front() }
    }

    /// The VLAN and tunnel ids behind a [`ScopeId`], outermost first: `vlan 7`, `vxlan 42`.
    ///
    /// Only ids that are the same in both directions are part of a scope: not MPLS labels, not the endpoint ids
    /// of GTP, not the session ids of L2TP and ERSPAN.
    pub fn scope(&self, id: ScopeId) -> &[String] {
        self.scopes.names(id)
    }

    /// What scopes were named since the first `known` of them, for a decoder elsewhere that is to [`learn`](Decoder::learn)
    /// them.
    pub fn scopes_since(&self, known: usize) -> &[ScopeNames] {
        self.scopes.since(known)
    }

    /// Takes over the scopes that another decoder has named, in their order.
    pub fn learn(&mut self, scopes: impl IntoIterator<Item = ScopeNames>) {
        self.scopes.learn(scopes);
    }

    /// The scope that is left when the VLAN ids are taken away. Where traffic is mirrored on both sides of a router
    /// the two directions of one connection can carry different VLAN ids; this tells that they may belong together.
    pub fn without_vlans(&self, id: ScopeId) -> ScopeId {
        self.scopes.without_vlans(id)
    }

    /// Ethernet, perhaps VLAN tags, IP without fragments and extensions, TCP. `None` for everything else.
    #[inline(always)]
    fn plain<'a>(&mut self, packet: &Packet<'a>) -> Option<(Ip<'a>, tcp::Header<'a>, ScopeId)> {
        if packet.link != LinkType::ETHERNET {
            return None;
        }
        let ether_type = Ethernet2HeaderSlice::from_slice(packet.data).ok()?.ether_type().0;
        let rest = Bytes::new(packet.data, packet.wire_len as usize).skip(14)?;
        let (ether_type, rest, scope) = match ether_type {
            0x0800 | 0x86dd => (ether_type, rest, ScopeId(0)),
            0x8100 | 0x88a8 | 0x9100 => self.tagged(ether_type, rest)?,
            _ => return None,
        };
        let (ip, payload) = if ether_type == 0x0800 {
            let header = Ipv4HeaderSlice::from_slice(rest.data).ok()?;
            if header.protocol().0 != ip::TCP || header.is_fragmenting_payload() {
                return None;
            }
            let whole = match header.total_len() {
                0 => rest,
                len => rest.of_length(usize::from(len)),
            };
            (Ip::V4(header), whole.skip(header.slice().len())?)
        } else {
            let header = Ipv6HeaderSlice::from_slice(rest.data).ok()?;
            if header.next_header().0 != ip::TCP {
                return None;
            }
            let payload = rest.skip(40)?;
            let payload = match header.payload_length() {
                0 => payload,
                len => payload.of_length(usize::from(len)),
            };
            (Ip::V6(header), payload)
        };
        Some((ip, tcp::Header::read(payload)?, scope))
    }

    /// What is behind VLAN tags, if it is IP.
    fn tagged<'a>(&mut self, mut ether_type: u16, mut rest: Bytes<'a>) -> Option<(u16, Bytes<'a>, ScopeId)> {
        let mut tags = Tags::default();
        while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
            let tag = SingleVlanHeaderSlice::from_slice(rest.data).ok()?;
            tags.vlan(tag.vlan_identifier().value());
            ether_type = tag.ether_type().0;
            rest = rest.skip(4)?;
        }
        matches!(ether_type, 0x0800 | 0x86dd).then(|| (ether_type, rest, self.scopes.intern(&tags)))
    }
}

/// The IP header of a plain packet.
enum Ip<'a> {
    V4(Ipv4HeaderSlice<'a>),
    V6(Ipv6HeaderSlice<'a>),
}
