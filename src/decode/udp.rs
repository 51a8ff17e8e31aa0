//! Tunnels over UDP, by well-known port and by what their headers must look like. Anything that does not look like
//! the tunnel is plain UDP, not damage.

use etherparse::UdpHeaderSlice;

use super::Decoded;
use super::bytes::Bytes;
use super::scope::Kind;
use super::walk::Walk;

impl Walk<'_> {
    /// A UDP header and the tunnel it may carry.
    pub(super) fn udp(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let header = UdpHeaderSlice::from_slice(bytes.data).ok()?;
        let payload = match header.length() {
            0..8 => bytes.skip(8)?,
            len => bytes.of_length(usize::from(len)).skip(8)?,
        };
        let (from, to) = (header.source_port(), header.destination_port());
        // The source ports of these are chosen by hash, so only the destination tells.
        let tunnel = match to {
            4789 | 8472 => self.vxlan(payload),
            4790 => self.vxlan_gpe(payload),
            6081 => self.geneve(payload),
            // These two have nothing that could be checked.
            4754 => self.gre(payload).map(Some),
            6635 => self.mpls(payload).map(Some),
            _ if from == 2152 || to == 2152 => self.gtp(payload),
            _ if from == 1701 || to == 1701 => self.l2tp(payload),
            _ if from == 3544 || to == 3544 => self.teredo(payload),
            _ if from == 5072 || to == 5072 => self.ayiya(payload),
            _ if from == 5247 || to == 5247 => self.capwap(payload),
            _ => None,
        };
        tunnel.unwrap_or(Some(Decoded::Other))
    }

    /// RFC 7348: a flag that the network id is valid, and a zero behind the id.
    fn vxlan(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        if bytes.u8(0)? & 0x08 == 0 || bytes.u8(7)? != 0 {
            return None;
        }
        let (id, rest) = (bytes.be32(4)? >> 8, bytes.skip(8)?);
        self.tags.push(Kind::Vxlan, id);
        Some(self.ethernet(rest))
    }

    /// The generic protocol extension: the type of what follows stands in the fourth byte.
    fn vxlan_gpe(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let (flags, id, rest) = (bytes.u8(0)?, bytes.be32(4)? >> 8, bytes.skip(8)?);
        if flags & 0x08 == 0 {
            return None;
        }
        self.tags.push(Kind::Vxlan, id);
        Some(match (flags & 0x04 != 0, bytes.u8(3)?) {
            (true, 1 | 2) => self.ip(rest),
            (true, 4) => self.nsh(rest),
            (true, 5) => self.mpls(rest),
            (false, _) | (true, 3) => self.ethernet(rest),
            _ => Some(Decoded::Other),
        })
    }

    /// RFC 8926: version 0, options of a length in four-byte words, an EtherType.
    fn geneve(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let first = bytes.u8(0)?;
        // A control packet carries no data.
        if first >> 6 != 0 || bytes.u8(1)? & 0x80 != 0 {
            return None;
        }
        let (kind, id) = (bytes.be16(2)?, bytes.be32(4)? >> 8);
        if kind < 0x0600 {
            return None;
        }
        let rest = bytes.skip(8 + usize::from(first & 0x3f) * 4)?;
        self.tags.push(Kind::Geneve, id);
        Some(self.ether_type(kind, rest))
    }

    /// GTP-U version 1 (3GPP TS 29.281 §5), message type 255: a user's IP packet.
    fn gtp(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let flags = bytes.u8(0)?;
        if flags >> 4 != 0x3 || bytes.u8(1)? != 255 {
            return None;
        }
        let mut rest = bytes.skip(8)?;
        if flags & 0x07 != 0 {
            let mut next = rest.u8(3)?;
            rest = rest.skip(4)?;
            // Extension headers, of a length in four-byte words; the last byte tells the next.
            while next != 0 {
                let len = usize::from(rest.u8(0)?) * 4;
                next = rest.u8(len.checked_sub(1)?)?;
                rest = rest.skip(len)?;
            }
        }
        matches!(rest.u8(0)? >> 4, 4 | 6).then(|| self.ip(rest))
    }

    /// L2TP version 2 (RFC 2661 §3.1), data messages: PPP.
    fn l2tp(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let flags = bytes.be16(0)?;
        if flags & 0x000f != 2 || flags & 0x8000 != 0 {
            return None;
        }
        let mut len = 6;
        if flags & 0x4000 != 0 {
            len += 2;
        }
        if flags & 0x0800 != 0 {
            len += 4;
        }
        if flags & 0x0200 != 0 {
            len += 2 + usize::from(bytes.be16(len)?);
        }
        let rest = bytes.skip(len)?;
        Some(self.ppp(rest))
    }

    /// Teredo (RFC 4380 §5.1.1): authentication and origin indications, then IPv6 of exactly the rest's length.
    fn teredo(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let mut rest = bytes;
        if rest.be16(0)? == 0x0001 {
            rest = rest.skip(13 + usize::from(rest.u8(2)?) + usize::from(rest.u8(3)?))?;
        }
        if rest.be16(0)? == 0x0000 {
            rest = rest.skip(8)?;
        }
        let fits = rest.u8(0)? >> 4 == 6 && 40 + usize::from(rest.be16(4)?) <= rest.wire;
        fits.then(|| self.ip(rest))
    }

    /// AYIYA (draft-massar-v6ops-ayiya): identity and signature of told lengths, the forward operation.
    fn ayiya(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let (identity, signature) = (bytes.u8(0)? >> 4, bytes.u8(1)? >> 4);
        if bytes.u8(2)? & 0x0f != 1 || !matches!(bytes.u8(3)?, 4 | 41) {
            return None;
        }
        let rest = bytes.skip(8 + (1_usize << identity) + usize::from(signature) * 4)?;
        matches!(rest.u8(0)? >> 4, 4 | 6).then(|| self.ip(rest))
    }

    /// CAPWAP data (RFC 5415 §4.3): 802.11 or 802.3 frames between access point and controller.
    fn capwap(&mut self, bytes: Bytes<'_>) -> Option<Option<Decoded>> {
        let word = bytes.be32(0)?;
        let len = usize::from((word >> 19 & 0x1f) as u8) * 4;
        let (fragment, keepalive, native) = (word & 0x80 != 0, word & 0x08 != 0, word & 0x100 != 0);
        // Type 1 in the preamble: DTLS.
        if word >> 24 != 0 || len < 8 || fragment || keepalive {
            return None;
        }
        let rest = bytes.skip(len)?;
        Some(if native { self.wlan_from_controller(rest) } else { self.ethernet(rest) })
    }
}
