//! Ethernet and what stands between it and IP: tags, LLC/SNAP, MPLS, PPPoE and PPP, provider backbones, MACsec.

use etherparse::MacsecHeaderSlice;

use super::Decoded;
use super::bytes::Bytes;
use super::scope::Kind;
use super::walk::Walk;

/// EtherType values below this are lengths (IEEE 802.3).
const FIRST_ETHER_TYPE: u16 = 0x0600;

impl Walk<'_> {
    /// An Ethernet header.
    pub(super) fn ethernet(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        self.enter()?;
        self.ether_type(bytes.be16(12)?, bytes.skip(14)?)
    }

    /// What follows an EtherType; tags are gone through to any depth.
    pub(super) fn ether_type(&mut self, mut kind: u16, mut bytes: Bytes<'_>) -> Option<Decoded> {
        loop {
            match kind {
                0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => self.tags.vlan(bytes.be16(0)?),
                // Cisco's VN-Tag: two virtual interfaces, which change places with the direction.
                0x8926 => {}
                // 802.1BR E-TAG, two bytes longer.
                0x893f => {
                    kind = bytes.be16(6)?;
                    bytes = bytes.skip(8)?;
                    continue;
                }
                0x0800 | 0x86dd => return self.ip(bytes),
                0x8847 | 0x8848 => return self.mpls(bytes),
                0x8864 => return self.pppoe(bytes),
                // 802.1ah: the customer's frame behind its service id.
                0x88e7 => {
                    self.tags.push(Kind::Isid, bytes.be32(0)? & 0x00ff_ffff);
                    return self.ethernet(bytes.skip(4)?);
                }
                0x88e5 => return self.macsec(bytes),
                0x6558 => return self.ethernet(bytes),
                0x880b => return self.ppp(bytes),
                0x894f => return self.nsh(bytes),
                len if len < FIRST_ETHER_TYPE => return self.llc(bytes.of_length(usize::from(len))),
                _ => return Some(Decoded::Other),
            }
            // A tag: control information, then the next type.
            kind = bytes.be16(2)?;
            bytes = bytes.skip(4)?;
        }
    }

    /// 802.2, with or without SNAP (RFC 1042).
    pub(super) fn llc(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        match bytes.array::<3>(0)? {
            [0xaa, 0xaa, 0x03] => match bytes.array::<3>(3)? {
                [0, 0, 0] | [0, 0, 0xf8] => {
                    let kind = bytes.be16(6)?;
                    self.ether_type(kind.max(FIRST_ETHER_TYPE), bytes.skip(8)?)
                }
                _ => Some(Decoded::Other),
            },
            [0x06, 0x06, 0x03] => self.ip(bytes.skip(3)?),
            _ => Some(Decoded::Other),
        }
    }

    /// A label stack (RFC 3032). What is below it is told by its first nibble (RFC 4928), or by an explicit null.
    pub(super) fn mpls(&mut self, mut bytes: Bytes<'_>) -> Option<Decoded> {
        loop {
            let label = bytes.be32(0)?;
            bytes = bytes.skip(4)?;
            if label & 0x100 != 0 {
                break;
            }
        }
        match bytes.u8(0)? >> 4 {
            4 | 6 => self.ip(bytes),
            // A pseudowire with its control word (RFC 4385), or an address that begins with a zero.
            0 if pseudowire(bytes.skip(4)?) => self.ethernet(bytes.skip(4)?),
            _ if pseudowire(bytes) => self.ethernet(bytes),
            _ => Some(Decoded::Other),
        }
    }

    /// A PPPoE session packet (RFC 2516).
    pub(super) fn pppoe(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        if bytes.u8(0)? != 0x11 || bytes.u8(1)? != 0 {
            return Some(Decoded::Other);
        }
        self.tags.push(Kind::Pppoe, u32::from(bytes.be16(2)?));
        let rest = match bytes.be16(4)? {
            0 => bytes.skip(6)?,
            len => bytes.skip(6)?.of_length(usize::from(len)),
        };
        self.ppp(rest)
    }

    /// PPP, perhaps with the HDLC address and control bytes, perhaps with a compressed protocol (RFC 1661, 1662).
    pub(super) fn ppp(&mut self, mut bytes: Bytes<'_>) -> Option<Decoded> {
        self.enter()?;
        if bytes.array(0) == Some([0xff, 0x03]) {
            bytes = bytes.skip(2)?;
        }
        let first = bytes.u8(0)?;
        let (protocol, rest) =
            if first & 1 != 0 { (u16::from(first), bytes.skip(1)?) } else { (bytes.be16(0)?, bytes.skip(2)?) };
        match protocol {
            0x0021 | 0x0057 => self.ip(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            // Bridged (RFC 3518): flags, MAC type 1 is Ethernet.
            0x0031 if rest.u8(1)? == 1 => self.ethernet(rest.skip(2)?),
            _ => Some(Decoded::Other),
        }
    }

    /// MACsec that only authenticates; what is encrypted cannot be read.
    fn macsec(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let header = MacsecHeaderSlice::from_slice(bytes.data).ok()?;
        let next = header.next_ether_type()?;
        self.ether_type(next.0, bytes.skip(header.header_len())?)
    }

    /// Network service header (RFC 8300).
    pub(super) fn nsh(&mut self, bytes: Bytes<'_>) -> Option<Decoded> {
        let len = usize::from(bytes.be16(0)? & 0x3f) * 4;
        if len < 8 {
            return None;
        }
        let rest = bytes.skip(len)?;
        match bytes.u8(3)? {
            1 | 2 => self.ip(rest),
            3 => self.ethernet(rest),
            _ => Some(Decoded::Other),
        }
    }
}

/// Whether this can be Ethernet over MPLS. Nothing says so, hence only types that leave no doubt.
fn pseudowire(bytes: Bytes<'_>) -> bool {
    matches!(bytes.be16(12), Some(0x0800 | 0x86dd | 0x8100 | 0x88a8))
}
