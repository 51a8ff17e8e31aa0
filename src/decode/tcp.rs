//! The TCP header (RFC 9293 §3.1) and the options that matter, also where the snap length cut them.

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice};

use super::bytes::Bytes;
use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::source::Packet;
use crate::time::Time;

/// Payload of the largest segments there are is 512 KiB (Linux GSO_MAX_SIZE, BIG TCP); more is a damaged length.
pub(super) const MAX_LEN: usize = 1 << 20;

/// Bytes of timestamps alone, as RFC 7323 appendix A lays them out.
pub(super) const STAMPED: usize = 12;

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

/// An IP header that can say it.
pub(crate) trait Info {
    fn info(&self) -> IpInfo;
}

impl Info for Ipv4HeaderSlice<'_> {
    #[inline(always)]
    fn info(&self) -> IpInfo {
        IpInfo {
            src: IpAddr::V4(self.source_addr()),
            dst: IpAddr::V4(self.destination_addr()),
            id: self.identification(),
            ttl: self.ttl(),
        }
    }
}

impl Info for Ipv6HeaderSlice<'_> {
    #[inline(always)]
    fn info(&self) -> IpInfo {
        IpInfo {
            src: IpAddr::V6(self.source_addr()),
            dst: IpAddr::V6(self.destination_addr()),
            id: 0,
            ttl: self.hop_limit(),
        }
    }
}

/// A TCP header that was captured whole.
pub(crate) struct Header<'a> {
    header: TcpHeaderSlice<'a>,
    /// Payload on the wire, and what was captured of it.
    len: u32,
    captured: u32,
    timestamps: Option<Timestamps>,
    /// It has no options, or timestamps only, as RFC 7323 appendix A lays them out.
    pub(crate) plain: bool,
}

impl<'a> Header<'a> {
    /// `None` if it was cut or a length is impossible.
    #[inline(always)]
    pub(crate) fn read(bytes: Bytes<'a>) -> Option<Header<'a>> {
        let header = TcpHeaderSlice::from_slice(bytes.data).ok()?;
        let (len, captured) = payload(bytes, header.slice().len())?;
        let options = &header.slice()[20..];
        let (timestamps, plain) = plain_options(options);
        Some(Header { header, len, captured, timestamps, plain })
    }

    /// The segment; of its options only what is there if it is plain.
    #[inline(always)]
    pub(crate) fn segment(&self, ip: &IpInfo, packet: &Packet<'_>, scope: ScopeId) -> Segment {
        let header = &self.header;
        Segment {
            time: packet.time,
            packet: packet.number,
            src: Socket { addr: ip.src, port: header.source_port() },
            dst: Socket { addr: ip.dst, port: header.destination_port() },
            scope,
            seq: header.sequence_number(),
            ack: header.acknowledgment_number(),
            len: self.len,
            captured: self.captured,
            flags: self.flags(),
            window: header.window_size(),
            checksum: header.checksum(),
            ip_id: ip.id,
            ttl: ip.ttl,
            options: Options { timestamps: self.timestamps, ..Options::default() },
        }
    }

    #[inline(always)]
    fn flags(&self) -> Flags {
        flags(self.header.slice()[12], self.header.slice()[13])
    }

    /// Reads all its options.
    pub(crate) fn read_options(&self, into: &mut Options) {
        read_options(&self.header.slice()[20..], self.flags(), into);
    }
}

/// Reads a segment of any packet. The ports, numbers and flags (14 bytes) must have been captured; a window or
/// options that were not are 0 and `cut`. `None` if there is less or a length is impossible.
pub(crate) fn segment(ip: &IpInfo, bytes: Bytes<'_>, time: Time, packet: u64, scope: ScopeId) -> Option<Segment> {
    let header_len = usize::from(bytes.u8(12)? >> 4) * 4;
    if header_len < 20 {
        return None;
    }
    let (len, captured) = payload(bytes, header_len)?;
    let flags = flags(bytes.u8(12)?, bytes.u8(13)?);
    let whole = bytes.data.get(20..header_len);
    let mut options = Options::default();
    read_options(whole.or(bytes.data.get(20..)).unwrap_or(&[]), flags, &mut options);
    options.cut |= whole.is_none();
    Some(Segment {
        time,
        packet,
        src: Socket { addr: ip.src, port: bytes.be16(0)? },
        dst: Socket { addr: ip.dst, port: bytes.be16(2)? },
        scope,
        seq: bytes.be32(4)?,
        ack: bytes.be32(8)?,
        len,
        captured,
        flags,
        window: bytes.be16(14).unwrap_or(0),
        checksum: bytes.be16(16).unwrap_or(0),
        ip_id: ip.id,
        ttl: ip.ttl,
        options,
    })
}

/// Payload behind a header, on the wire and captured, if the length is possible.
#[inline(always)]
fn payload(bytes: Bytes<'_>, header_len: usize) -> Option<(u32, u32)> {
    let len = bytes.wire.checked_sub(header_len)?;
    let captured = bytes.data.len().saturating_sub(header_len).min(len);
    (len <= MAX_LEN).then_some((len as u32, captured as u32))
}

/// Timestamps, if they are laid out as in RFC 7323 appendix A and nothing else is there; whether nothing else is.
#[inline(always)]
pub(super) fn plain_options(bytes: &[u8]) -> (Option<Timestamps>, bool) {
    match bytes.try_into() {
        Ok(options) => stamps_alone(options),
        Err(_) => (None, bytes.is_empty()),
    }
}

/// The same of as many bytes as these take.
#[inline(always)]
pub(super) fn stamps_alone(options: &[u8; STAMPED]) -> (Option<Timestamps>, bool) {
    match options {
        [1, 1, 8, 10, a, b, c, d, e, f, g, h] => {
            let stamps = timestamps(&[*a, *b, *c, *d, *e, *f, *g, *h]);
            (Some(stamps), true)
        }
        _ => (None, false),
    }
}

/// Whether the options of a SYN are laid out as Linux does it.
#[inline(always)]
pub(super) fn are_of_linux(bytes: &[u8; 20]) -> bool {
    bytes[..2] == [2, 4] && bytes[4..8] == [4, 2, 8, 10] && bytes[16..19] == [1, 3, 3]
}

/// Reads those that are.
#[inline(always)]
pub(super) fn read_those_of_linux(bytes: &[u8; 20], options: &mut Options) {
    let [_, _, high, low, _, _, _, _, a, b, c, d, e, f, g, h, _, _, _, shift] = *bytes;
    options.mss = Some(u16::from_be_bytes([high, low]));
    options.sack_permitted = true;
    options.timestamps = Some(timestamps(&[a, b, c, d, e, f, g, h]));
    options.window_scale = Some(shift);
}

/// Byte 13, and of byte 12 what is not the header length.
#[inline]
pub(super) fn flags(high: u8, low: u8) -> Flags {
    Flags(u16::from(high & 0x0f) << 8 | u16::from(low))
}

/// Reads `bytes`, the options of a segment with these flags, up to their end or to one that does not fit. What is read is
/// written to where it stays: `options`, in which there is nothing yet.
#[inline(never)]
pub(super) fn read_options(mut bytes: &[u8], flags: Flags, options: &mut Options) {
    let syn = flags.has(Flags::SYN);
    // What nearly all have, read at once: a SYN of Linux, and timestamps before SACK blocks.
    if let (true, Ok(all)) = (syn, bytes.try_into())
        && are_of_linux(all)
    {
        return read_those_of_linux(all, options);
    }
    if let Some((first, rest)) = bytes.split_first_chunk()
        && let (Some(stamps), _) = stamps_alone(first)
    {
        options.timestamps = Some(stamps);
        bytes = rest;
    }
    loop {
        let (kind, body) = match *bytes {
            [] | [0, ..] => return,
            [1, ref rest @ ..] => {
                bytes = rest;
                continue;
            }
            [kind, len, ..] if len >= 2 && usize::from(len) <= bytes.len() => {
                let (option, rest) = bytes.split_at(usize::from(len));
                bytes = rest;
                (kind, &option[2..])
            }
            _ => {
                options.cut = true;
                return;
            }
        };
        match (kind, body) {
            (2, &[high, low]) if syn => options.mss = Some(u16::from_be_bytes([high, low])),
            (3, &[shift]) if syn => options.window_scale = Some(shift),
            (4, []) if syn => options.sack_permitted = true,
            (5, _) => {
                for ((block, slot), used) in body.as_chunks().0.iter().zip(&mut options.sack).zip(1..) {
                    *slot = pair(block);
                    options.sack_blocks = used;
                }
            }
            (8, _) => {
                if let Ok(stamps) = body.try_into() {
                    options.timestamps = Some(timestamps(stamps));
                }
            }
            // RFC 7413 §4.1.1, and the experimental option with its magic number (RFC 6994) that preceded it.
            (34, _) | (253 | 254, [0xf9, 0x89, ..]) => options.fast_open = true,
            _ => {}
        }
    }
}

#[inline]
fn timestamps(bytes: &[u8; 8]) -> Timestamps {
    let (value, echo) = pair(bytes);
    Timestamps { value, echo }
}

/// Two numbers of 32 bits.
#[inline]
fn pair(bytes: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *bytes;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}
