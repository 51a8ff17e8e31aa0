//! The TCP header (RFC 9293 §3.1) and the options that matter, also where the snap length cut them.

use std::net::IpAddr;

use etherparse::TcpHeaderSlice;

use super::bytes::Bytes;
use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::time::Time;

/// Payload of the largest segments there are is 512 KiB (Linux GSO_MAX_SIZE, BIG TCP); more is a damaged length.
const MAX_LEN: usize = 1 << 20;

/// What the IP header around a segment says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IpInfo {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    /// IPv4 identification, 0 for IPv6.
    pub(crate) id: u16,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
}

/// Reads a segment. The ports, numbers and flags (14 bytes) must have been captured; a window or options that
/// were not are 0 and `cut`. `None` if there is less or a length is impossible.
#[inline(always)]
pub(crate) fn segment(ip: &IpInfo, bytes: Bytes<'_>, time: Time, packet: u64, scope: ScopeId) -> Option<Segment> {
    let mut segment = Segment {
        time,
        packet,
        src: Socket { addr: ip.src, port: 0 },
        dst: Socket { addr: ip.dst, port: 0 },
        scope,
        seq: 0,
        ack: 0,
        len: 0,
        captured: 0,
        flags: Flags(0),
        window: 0,
        checksum: 0,
        ip_id: ip.id,
        ttl: ip.ttl,
        options: Options::default(),
    };
    let header_len;
    if let Ok(header) = TcpHeaderSlice::from_slice(bytes.data) {
        segment.src.port = header.source_port();
        segment.dst.port = header.destination_port();
        segment.seq = header.sequence_number();
        segment.ack = header.acknowledgment_number();
        segment.flags = flags(header.slice()[12], header.slice()[13]);
        segment.window = header.window_size();
        segment.checksum = header.checksum();
        header_len = header.slice().len();
        if header_len > 20 {
            options(header.options(), segment.flags, &mut segment.options);
        }
    } else {
        segment.src.port = bytes.be16(0)?;
        segment.dst.port = bytes.be16(2)?;
        segment.seq = bytes.be32(4)?;
        segment.ack = bytes.be32(8)?;
        segment.flags = flags(bytes.u8(12)?, bytes.u8(13)?);
        segment.window = bytes.be16(14).unwrap_or(0);
        segment.checksum = bytes.be16(16).unwrap_or(0);
        header_len = usize::from(bytes.u8(12)? >> 4) * 4;
        if header_len < 20 {
            return None;
        }
        options(bytes.data.get(20..).unwrap_or(&[]), segment.flags, &mut segment.options);
        segment.options.cut = true;
    }
    let len = bytes.wire.checked_sub(header_len)?;
    if len > MAX_LEN {
        return None;
    }
    segment.len = len as u32;
    segment.captured = bytes.data.len().saturating_sub(header_len).min(len) as u32;
    Some(segment)
}

/// Byte 13, and of byte 12 what is not the header length.
fn flags(high: u8, low: u8) -> Flags {
    Flags(u16::from(high & 0x0f) << 8 | u16::from(low))
}

/// Reads options up to their end or to one that does not fit.
#[inline]
fn options(bytes: &[u8], flags: Flags, options: &mut Options) {
    // What nearly every segment of a connection with timestamps has, as RFC 7323 appendix A lays it out.
    if let &[1, 1, 8, 10, a, b, c, d, e, f, g, h] = bytes {
        let (value, echo) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        options.timestamps = Some(Timestamps { value, echo });
    } else {
        each_option(bytes, flags, options);
    }
}

fn each_option(mut bytes: &[u8], flags: Flags, options: &mut Options) {
    let syn = flags.has(Flags::SYN);
    while let [kind, rest @ ..] = bytes {
        match kind {
            0 => return,
            1 => {
                bytes = rest;
                continue;
            }
            _ => {}
        }
        let Some(body) = rest.first().and_then(|&len| bytes.get(2..usize::from(len))) else {
            options.cut = true;
            return;
        };
        option(*kind, body, syn, options);
        bytes = &bytes[body.len() + 2..];
    }
}

fn option(kind: u8, body: &[u8], syn: bool, options: &mut Options) {
    let word = |at: usize| body.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(u32::from_be_bytes);
    match (kind, body) {
        (2, &[high, low]) if syn => options.mss = Some(u16::from_be_bytes([high, low])),
        (3, &[shift]) if syn => options.window_scale = Some(shift),
        (4, []) if syn => options.sack_permitted = true,
        (5, _) => {
            for (block, slot) in options.sack.iter_mut().enumerate() {
                let (Some(left), Some(right)) = (word(block * 8), word(block * 8 + 4)) else { break };
                *slot = (left, right);
                options.sack_blocks = block as u8 + 1;
            }
        }
        (8, body) if body.len() == 8 => {
            if let (Some(value), Some(echo)) = (word(0), word(4)) {
                options.timestamps = Some(Timestamps { value, echo });
            }
        }
        // RFC 7413 §4.1.1, and the experimental option with its magic number (RFC 6994) that preceded it.
        (34, _) | (253 | 254, [0xf9, 0x89, ..]) => options.fast_open = true,
        _ => {}
    }
}
