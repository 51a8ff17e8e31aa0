//! The segment record: what one captured TCP segment says, and nothing about the bytes it came in.
//!
//! This is the only thing that passes from decoding to tracking. Anything that can produce it
//! (a capture file, a live interface, a file of segments) can feed the tracker.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::address::Text;
use crate::time::Time;

/// One end of a connection: an address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// IPv4 or IPv6 address as it stood in the (innermost) IP header.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl Socket {
    /// Gives it to `take` as it is written everywhere.
    pub(crate) fn with<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = Text::default();
        match self.addr {
            IpAddr::V4(a) => text.v4(a),
            IpAddr::V6(a) => {
                text.put(b'[');
                text.v6(a);
                text.put(b']');
            }
        }
        text.port(self.port);
        take(text.as_str())
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| f.write_str(text))
    }
}

/// The network a segment was seen in: VLAN ids and tunnel ids, interned by the decoder.
///
/// Equal four-tuples in different scopes are different connections. 0 is the plain network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub u32);

/// The flag bits of a TCP header, byte 13 in the low eight bits and NS/reserved above (RFC 9293 §3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push function.
    pub const PSH: Flags = Flags(0x08);
    /// Acknowledgment field is significant.
    pub const ACK: Flags = Flags(0x10);
    /// Urgent pointer field is significant.
    pub const URG: Flags = Flags(0x20);
    /// ECN-Echo (RFC 3168).
    pub const ECE: Flags = Flags(0x40);
    /// Congestion Window Reduced (RFC 3168).
    pub const CWR: Flags = Flags(0x80);

    /// The bits that tell what a segment is to a state machine: SYN, FIN, RST, ACK.
    pub const CONTROL: u16 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::ACK.0;

    /// Which of [`Flags::CONTROL`] are set.
    #[inline]
    pub const fn control(self) -> u16 {
        self.0 & Flags::CONTROL
    }

    /// Whether every bit of `other` is set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// `SYN,ACK` as RFC 9293 and Wireshark write it; `-` when no bit is set.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Flags, &str); 8] = [
            (Flags::SYN, "SYN"),
            (Flags::FIN, "FIN"),
            (Flags::RST, "RST"),
            (Flags::PSH, "PSH"),
            (Flags::ACK, "ACK"),
            (Flags::URG, "URG"),
            (Flags::ECE, "ECE"),
            (Flags::CWR, "CWR"),
        ];
        let mut separator = "";
        for (flag, name) in NAMES {
            if self.has(flag) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        if separator.is_empty() {
            f.write_str("-")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// TCP timestamps option (RFC 7323 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the peer's clock as the sender last accepted it; meaningless without ACK.
    pub echo: u32,
}

/// The options that tell something about states, loss or timing; others are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in bytes, on SYN segments.
    pub mss: Option<u16>,
    /// Window scale shift count, on SYN segments, as sent (RFC 7323 limits its use to 14).
    pub window_scale: Option<u8>,
    /// SACK permitted, on SYN segments.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// The first SACK blocks as (left edge, right edge); unused ones are (0, 0).
    pub sack: [(u32, u32); 3],
    /// How many entries of `sack` are used.
    pub sack_blocks: u8,
    /// Fast Open option present (RFC 7413 §4.1.1; request or cookie).
    pub fast_open: bool,
    /// The options were cut by the snap length or do not parse to their end.
    pub cut: bool,
}

impl Options {
    /// The SACK blocks in use.
    pub fn sack(&self) -> &[(u32, u32)] {
        &self.sack[..usize::from(self.sack_blocks).min(self.sack.len())]
    }
}

/// One TCP segment as captured. `Copy`, about 150 bytes, no borrowed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Capture time.
    pub time: Time,
    /// Number of the packet it came in, counted from 1 over the whole input (Wireshark's frame number for one file).
    pub packet: u64,
    /// Who sent it, by its IP header.
    pub src: Socket,
    /// Whom it is addressed to.
    pub dst: Socket,
    /// VLANs and tunnels it was found in.
    pub scope: ScopeId,
    /// Sequence number of the first payload byte, or of the SYN.
    pub seq: u32,
    /// Acknowledgment number; significant only with [`Flags::ACK`].
    pub ack: u32,
    /// Payload bytes on the wire, from the IP length: neither padding nor the snap length change it.
    pub len: u32,
    /// Payload bytes that are in the capture.
    pub captured: u32,
    /// Header flags.
    pub flags: Flags,
    /// Window field as sent, not scaled.
    pub window: u16,
    /// Checksum field as sent; not verified (offload makes it meaningless for sent segments).
    pub checksum: u16,
    /// IPv4 identification, or 0 for IPv6.
    pub ip_id: u16,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// The TCP options understood.
    pub options: Options,
}

impl Segment {
    /// One that says nothing, to be written over.
    #[cold]
    pub(crate) fn nothing() -> Segment {
        let nobody = Socket { addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
        Segment {
            time: Time(0),
            packet: 0,
            src: nobody,
            dst: nobody,
            scope: ScopeId(0),
            seq: 0,
            ack: 0,
            len: 0,
            captured: 0,
            flags: Flags(0),
            window: 0,
            checksum: 0,
            ip_id: 0,
            ttl: 0,
            options: Options::default(),
        }
    }

    /// Sequence numbers it occupies: payload plus one each for SYN and FIN (RFC 9293 §3.4 SEG.LEN).
    pub fn seq_len(&self) -> u32 {
        self.len.wrapping_add(u32::from(self.flags.has(Flags::SYN))).wrapping_add(u32::from(self.flags.has(Flags::FIN)))
    }

    /// The sequence number after it, modulo 2^32.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.seq_len())
    }

    /// Whether `flag` is set.
    pub fn has(&self, flag: Flags) -> bool {
        self.flags.has(flag)
    }
}

/// An ICMP or ICMPv6 error that quotes a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Capture time.
    pub time: Time,
    /// Packet number.
    pub packet: u64,
    /// Who sent the error (a router or the host itself).
    pub from: IpAddr,
    /// Sender of the quoted segment.
    pub src: Socket,
    /// Destination of the quoted segment.
    pub dst: Socket,
    /// VLANs and tunnels it was found in.
    pub scope: ScopeId,
    /// Sequence number of the quoted segment.
    pub seq: u32,
    /// What it reports.
    pub kind: IcmpKind,
}

/// What an ICMP error says, in IPv4's and IPv6's common terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IcmpKind {
    /// Network, host or address unreachable.
    Unreachable,
    /// Port or protocol unreachable.
    PortUnreachable,
    /// Administratively prohibited, by filter or policy.
    Prohibited,
    /// Fragmentation needed / packet too big, with the next hop's MTU (0 if not told).
    TooBig(u32),
    /// Time to live exceeded.
    TimeExceeded,
    /// Any other error.
    Other {
        /// ICMP type as sent.
        kind: u8,
        /// ICMP code as sent.
        code: u8,
    },
}

impl IcmpKind {
    /// What it says of where the segment went.
    pub const fn words(self) -> &'static str {
        match self {
            IcmpKind::Unreachable => "unreachable",
            IcmpKind::PortUnreachable => "port unreachable",
            IcmpKind::Prohibited => "prohibited",
            IcmpKind::TooBig(_) => "too big",
            IcmpKind::TimeExceeded => "time exceeded",
            IcmpKind::Other { .. } => "an error",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, SocketAddr};

    use proptest::prelude::*;

    use super::*;
    use crate::address::host;

    proptest! {
        #[test]
        fn any_socket_is_written_as_everywhere(
            (short, shift, bits, zeros) in (any::<u32>(), 0_u32..32, any::<u128>(), any::<u8>()),
            (port, narrow) in (any::<u16>(), 0_u32..16),
        ) {
            let groups = Ipv6Addr::from_bits(bits).segments();
            let thinned: [u16; 8] = std::array::from_fn(|i| if zeros >> i & 1 == 0 { 0 } else { groups[i] >> (groups[i] % 16) });
            let mapped = Ipv4Addr::from_bits(short >> shift).to_ipv6_mapped();
            for addr in [Ipv4Addr::from_bits(short >> shift).into(), Ipv6Addr::from_bits(bits).into(), thinned.into(), mapped.into()] {
                let port = port >> narrow;
                prop_assert_eq!(Socket { addr, port }.to_string(), SocketAddr::new(addr, port).to_string());
                prop_assert_eq!(host(addr), addr.to_string());
            }
        }
    }
}
