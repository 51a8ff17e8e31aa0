//! Link-layer headers by link type (tcpdump.org, "Link-layer header types").

use super::Decoded;
use super::bytes::Bytes;
use super::walk::Walk;
use crate::source::LinkType;

impl Walk<'_> {
    /// Any link type. One that is not known cannot be read.
    pub(super) fn link(&mut self, link: LinkType, bytes: Bytes<'_>) -> Option<Decoded> {
        self.enter()?;
        match link {
            LinkType::ETHERNET => self.ethernet(bytes),
            LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => {
                self.ip(bytes)
            }
            // Address, packet type, hardware type …, protocol.
            LinkType::LINUX_SLL => self.cooked(bytes.be16(2)?, bytes.be16(14)?, bytes.skip(16)?),
            LinkType::LINUX_SLL2 => self.cooked(bytes.be16(8)?, bytes.be16(0)?, bytes.skip(20)?),
            LinkType::NULL | LinkType::LOOP => {
                // The byte order is the capturing host's; the family is small, so the other half is zero.
                let family = bytes.be32(0)?;
                let family = if family > 0xffff { family.swap_bytes() } else { family };
                self.family(family, bytes.skip(4)?)
            }
            LinkType::ENC => {
                let family = bytes.be32(0)?;
                let family = if family > 0xffff { family.swap_bytes() } else { family };
                self.family(family, bytes.skip(12)?)
            }
            LinkType::PFLOG => {
                let len = usize::from(bytes.u8(0)?).next_multiple_of(4);
                self.family(u32::from(bytes.u8(1)?), bytes.skip(len)?)
            }
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp(bytes),
            LinkType::PPP_WITH_DIR => self.ppp(bytes.skip(1)?),
            LinkType::PPP_PPPD => self.ppp(bytes.skip(2)?),
            LinkType::PPP_ETHER => self.pppoe(bytes),
            LinkType::C_HDLC => self.ether_type(bytes.be16(2)?, bytes.skip(4)?),
            LinkType::FRELAY => self.frame_relay(bytes),
            LinkType::IEEE802_11 => self.wlan(bytes),
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(bytes),
            LinkType::IEEE802_11_PRISM | LinkType::IEEE802_11_AVS => self.prism(bytes),
            LinkType::PPI => {
                let (len, inner) = (usize::from(bytes.le16(2)?), bytes.le32(4)?);
                self.link(LinkType(u16::try_from(inner).ok()?), bytes.skip(len.max(8))?)
            }
            LinkType::PKTAP => {
                let (len, inner) = (bytes.le32(0)? as usize, bytes.le32(8)?);
                self.link(LinkType(u16::try_from(inner).ok()?), bytes.skip(len.max(12))?)
            }
            LinkType::NFLOG => self.nflog(bytes),
            LinkType::FDDI => self.llc(bytes.skip(13)?),
            LinkType::IEEE802_5 => {
                // The first bit of the source address says that routing information follows, of this length.
                let routed = bytes.u8(8)? & 0x80 != 0;
                let routing = if routed { usize::from(bytes.u8(14)? & 0x1f) } else { 0 };
                self.llc(bytes.skip(14 + routing)?)
            }
            LinkType::ATM_RFC1483 | LinkType::ATM_RFC1483_BSD => self.llc(bytes),
            LinkType::ARCNET_LINUX => self.arcnet(bytes.u8(4)?, 4, bytes),
            LinkType::ARCNET_BSD => self.arcnet(bytes.u8(2)?, 2, bytes),
            LinkType::IPOIB => self.ether_type(bytes.be16(40)?, bytes.skip(44)?),
            LinkType::NETANALYZER => self.ethernet(bytes.skip(4)?),
            LinkType::NETANALYZER_TRANSPARENT => self.ethernet(bytes.skip(12)?),
            LinkType::ETHERNET_MPACKET => self.ethernet(bytes.skip(8)?),
            LinkType::JUNIPER_ETHER => self.juniper(bytes),
            LinkType::ERF => self.erf(bytes),
            _ => None,
        }
    }

    /// Linux cooked capture: the protocol is an EtherType, but for a few hardware types.
    fn cooked(&mut self, hardware: u16, protocol: u16, bytes: Bytes<'_>) -> Option<Decoded> {
        const NETLINK: u16 = 824;
        const CAN: u16 = 280;
        match (hardware, protocol) {
            (NETLINK | CAN, _) => Some(Decoded::Other),
            (_, 0x0001) => self.ethernet(bytes),
            (_, 0x0004) => self.llc(bytes),
            // Linux's own numbers for protocols without an EtherType.
            (_, 0..0x0600) => Some(Decoded::Other),
            _ => self.ether_type(protocol, bytes),
        }
    }

    /// BSD address families; IPv6 has a number of its own on each system.
    fn family(&mut self, family: u32, bytes: Bytes<'_>) -> Option<Decoded> {
        match family {
            2 | 10 | 24 | 28 | 30 => self.ip(bytes),
            _ => Some(Decoded::Other),
        }
    }

    /// Q.922 address, then a network layer id (RFC 2427).
    fn frame_relay(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        match (bytes.u8(2)?, bytes.u8(3)?) {
            (0x03, 0xcc | 0x8e) => self.ip(bytes.skip(4)?),
            (0x08 | 0x86, _) if bytes.u8(2)? == 0x08 => self.ether_type(0x0800, bytes.skip(4)?),
            _ => Some(Decoded::Other),
        }
    }

    /// ARCNET type at `at`; RFC 1051's header ends there, RFC 1201's goes on with flags for split packets.
    fn arcnet(&mut self, kind: u8, at: usize, bytes: Bytes<'_>) -> Option<Decoded> {
        match kind {
            240 => self.ip(bytes.skip(at + 1)?),
            212 => match bytes.u8(at + 1)? {
                0 => self.ip(bytes.skip(at + 4)?),
                0xff => self.ip(bytes.skip(at + 8)?),
                _ => Some(Decoded::Other),
            },
            _ => Some(Decoded::Other),
        }
    }

    /// netfilter's log: family, then type-length-values; 9 is the packet.
    fn nflog(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        if !matches!(bytes.u8(0)?, 2 | 10) {
            return Some(Decoded::Other);
        }
        let mut rest = bytes.skip(4)?;
        loop {
            // In the capturing host's byte order, which is nearly always the small end.
            let (len, kind) = (rest.le16(0)?, rest.le16(2)?);
            let (len, kind) = if kind > 0xff { (len.swap_bytes(), kind.swap_bytes()) } else { (len, kind) };
            let len = usize::from(len);
            if len < 4 {
                return None;
            }
            if kind == 9 {
                return self.ip(rest.of_length(len).skip(4)?);
            }
            rest = rest.skip(len.next_multiple_of(4))?;
        }
    }

    /// Juniper's header: magic, flags, extensions if flagged; without layer 2 the rest is not told.
    fn juniper(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        if bytes.array(0)? != *b"MGC" {
            return None;
        }
        let flags = bytes.u8(3)?;
        let extensions = if flags & 0x80 != 0 { 2 + usize::from(bytes.be16(4)?) } else { 0 };
        let rest = bytes.skip(4 + extensions)?;
        if flags & 0x02 != 0 { self.ip(rest.skip(4)?) } else { self.ethernet(rest) }
    }

    /// An Endace record within a pcap file: its header, extension headers, and what its type says.
    fn erf(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let kind = bytes.u8(8)?;
        let mut rest = bytes.skip(16)?;
        let mut more = kind & 0x80 != 0;
        while more {
            more = rest.u8(0)? & 0x80 != 0;
            rest = rest.skip(8)?;
        }
        match kind & 0x7f {
            // Ethernet, with two bytes of padding before it.
            2 | 11 | 16 | 20 => self.ethernet(rest.skip(2)?),
            // IPv4, IPv6.
            22 | 23 => self.ip(rest),
            // HDLC on a serial line: PPP or Cisco's.
            1 | 19 => match rest.u8(0)? {
                0x0f | 0x8f => self.ether_type(rest.be16(2)?, rest.skip(4)?),
                _ => self.ppp(rest),
            },
            _ => Some(Decoded::Other),
        }
    }
}
