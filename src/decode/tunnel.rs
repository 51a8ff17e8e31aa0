//! Generic routing encapsulation (RFC 2784, 2890) and what uses it: NVGRE, ERSPAN, PPTP, EoIP, Aruba's wireless tunnels.

use super::Decoded;
use super::bytes::Bytes;
use super::scope::Kind;
use super::walk::Walk;

impl Walk<'_> {
    /// A GRE header of version 0 or 1.
    pub(super) fn gre(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        self.enter()?;
        let (flags, kind) = (bytes.be16(0)?, bytes.be16(2)?);
        let (checksum, routing, key, sequence) =
            (flags & 0x8000 != 0, flags & 0x4000 != 0, flags & 0x2000 != 0, flags & 0x1000 != 0);
        let version = flags & 0x7;
        if version > 1 || routing {
            // Source routes were deprecated in 2000, by RFC 2784.
            return Some(Decoded::Other);
        }
        let mut len = 4;
        if checksum {
            len += 4;
        }
        let key = if key {
            len += 4;
            Some(bytes.be32(len - 4)?)
        } else {
            None
        };
        if sequence {
            len += 4;
        }
        if version == 1 {
            // PPTP (RFC 2637): the key holds a length and the receiver's call id.
            len += if flags & 0x0080 != 0 { 4 } else { 0 };
            let rest = bytes.skip(len)?;
            return match kind {
                0x880b if rest.wire > 0 => self.ppp(rest),
                // MikroTik's EoIP: the tunnel id is the key's second half, small end first.
                0x6400 => {
                    self.tags.push(Kind::Eoip, u32::from(u16::from_le_bytes(bytes.array(6)?)));
                    self.ethernet(rest)
                }
                _ => Some(Decoded::Other),
            };
        }
        let rest = bytes.skip(len)?;
        match (kind, key) {
            // NVGRE (RFC 7637): a subnet id above 4095, and eight bits that differ from flow to flow.
            (0x6558, Some(key)) if key >> 8 >= 0x1000 => self.tags.push(Kind::Nvgre, key >> 8),
            (_, Some(key)) => self.tags.push(Kind::Gre, key),
            _ => {}
        }
        match kind {
            // ERSPAN: without a sequence number there is no header of its own (type I), else it is type II.
            0x88be if !sequence => self.ethernet(rest),
            0x88be => self.ethernet(rest.skip(8)?),
            0x22eb => self.erspan3(rest),
            // WCCP: a redirect header, unless IP follows at once.
            0x883e if rest.u8(0)? >> 4 != 4 => self.ip(rest.skip(4)?),
            0x883e => self.ip(rest),
            0x8200..=0x83ff | 0x9000 => self.wlan_from_controller(rest),
            0x880b => self.ppp(rest),
            _ if kind < 0x0600 => Some(Decoded::Other),
            _ => self.ether_type(kind, rest),
        }
    }

    /// ERSPAN type III: 12 bytes, 8 more if the last bit says so; the frame type tells Ethernet from IP.
    fn erspan3(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let last = bytes.be16(10)?;
        let rest = bytes.skip(if last & 1 != 0 { 20 } else { 12 })?;
        match last >> 10 & 0x1f {
            0 => self.ethernet(rest),
            2 => self.ip(rest),
            _ => Some(Decoded::Other),
        }
    }
}
