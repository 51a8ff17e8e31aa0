//! ICMP and ICMPv6 errors that quote a TCP segment (RFC 792, RFC 1191, RFC 4443).

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::Decoded;
use super::bytes::Bytes;
use super::ip::TCP;
use super::tcp::IpInfo;
use super::walk::Walk;
use crate::segment::{IcmpError, IcmpKind, Socket};

impl Walk<'_> {
    /// An ICMP message of either family. What quotes no TCP is of no interest here, also if it is cut.
    pub(super) fn icmp(&mut self, ip: &IpInfo, bytes: Bytes<'_>) -> Option<Decoded> {
        let (kind, code) = (bytes.u8(0)?, bytes.u8(1)?);
        let error = if ip.src.is_ipv4() { v4(kind, code, bytes) } else { v6(kind, code, bytes) };
        let quoted = error.and_then(|error| Some((error, quoted(bytes.skip(8)?)?)));
        Some(match quoted {
            Some((kind, (src, dst, seq))) => {
                let (time, packet, from, scope) = (self.time, self.packet, ip.src, self.scope());
                Decoded::Icmp(IcmpError { time, packet, from, src, dst, scope, seq, kind })
            }
            None => Decoded::Other,
        })
    }
}

/// The error a type and code stand for, `None` if they are no error.
fn v4(kind: u8, code: u8, bytes: Bytes<'_>) -> Option<IcmpKind> {
    Some(match (kind, code) {
        (3, 2 | 3) => IcmpKind::PortUnreachable,
        (3, 4) => IcmpKind::TooBig(u32::from(bytes.be16(6).unwrap_or(0))),
        (3, 9 | 10 | 13) => IcmpKind::Prohibited,
        (3, 0 | 1 | 6 | 7 | 8 | 11 | 12) => IcmpKind::Unreachable,
        (11, _) => IcmpKind::TimeExceeded,
        (3 | 4 | 5 | 12, _) => IcmpKind::Other { kind, code },
        _ => return None,
    })
}

fn v6(kind: u8, code: u8, bytes: Bytes<'_>) -> Option<IcmpKind> {
    Some(match (kind, code) {
        (1, 4) => IcmpKind::PortUnreachable,
        (1, 1 | 5 | 6) => IcmpKind::Prohibited,
        (1, 0 | 2 | 3) => IcmpKind::Unreachable,
        (2, _) => IcmpKind::TooBig(bytes.be32(4).unwrap_or(0)),
        (3, _) => IcmpKind::TimeExceeded,
        // Below 128 all are errors.
        (0..128, _) => IcmpKind::Other { kind, code },
        _ => return None,
    })
}

/// Sockets and sequence number of the quoted segment: its IP header and eight bytes are always there (RFC 792).
fn quoted(bytes: Bytes<'_>) -> Option<(Socket, Socket, u32)> {
    let (src, dst, tcp) = match bytes.u8(0)? >> 4 {
        4 => {
            let header = Ipv4HeaderSlice::from_slice(bytes.data).ok()?;
            if header.protocol().0 != TCP || header.fragments_offset().value() != 0 {
                return None;
            }
            let (src, dst) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
            (src, dst, bytes.skip(header.slice().len())?)
        }
        6 => {
            let header = Ipv6HeaderSlice::from_slice(bytes.data).ok()?;
            let (src, dst) = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
            (src, dst, behind_extensions(header.next_header().0, bytes.skip(40)?)?)
        }
        _ => return None,
    };
    let src = Socket { addr: src, port: tcp.be16(0)? };
    let dst = Socket { addr: dst, port: tcp.be16(2)? };
    Some((src, dst, tcp.be32(4)?))
}

fn behind_extensions(mut next: u8, mut bytes: Bytes<'_>) -> Option<Bytes<'_>> {
    loop {
        let len = match next {
            TCP => return Some(bytes),
            0 | 43 | 60 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(bytes.data).ok()?;
                next = header.next_header().0;
                header.slice().len()
            }
            44 => {
                let header = Ipv6FragmentHeaderSlice::from_slice(bytes.data).ok()?;
                if header.fragment_offset().value() != 0 {
                    return None;
                }
                next = header.next_header().0;
                header.slice().len()
            }
            _ => return None,
        };
        bytes = bytes.skip(len)?;
    }
}
