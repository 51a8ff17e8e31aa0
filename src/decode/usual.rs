//! The usual packet: Ethernet without tags, IPv4 without options or IPv6 without extensions, TCP. All its headers are looked
//! at in one piece.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tcp::IpInfo;
use super::{Decoded, tcp};
use crate::segment::{Options, ScopeId, Segment, Socket, Timestamps};
use crate::source::{LinkType, Packet};
use crate::time::Time;

/// Bytes of the Ethernet header, and up to the end of the IP header.
const ETHERNET: usize = 14;
const IPV4: usize = ETHERNET + 20;
const IPV6: usize = ETHERNET + 40;
/// Bytes of the TCP header without options.
const TCP: usize = 20;

/// Writes the segment in `packet` to `found`, if it is such a packet and its headers are whole; else does nothing.
#[inline(always)]
pub(super) fn decode(packet: Packet<'_>, found: &mut Decoded) -> bool {
    let Some(head) = packet.data.first_chunk::<{ IPV4 + TCP }>() else { return false };
    if packet.link != LinkType::ETHERNET {
        return false;
    }
    let be16 = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let be32 = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    // EtherType, version and header length at once; behind them the type of service.
    let kind = be32(12);
    if kind & 0xffff_ff00 != 0x0800_4500 {
        return kind >> 16 == 0x86dd && decode_ipv6(packet.data, packet.wire_len, packet.time, packet.number, found);
    }
    // Neither further fragments nor an offset, any TTL, and TCP.
    if be32(20) & 0x3fff_00ff != u32::from(super::ip::TCP) {
        return false;
    }
    let addr = |at: usize| IpAddr::V4(Ipv4Addr::new(head[at], head[at + 1], head[at + 2], head[at + 3]));
    let ip = || IpInfo { src: addr(26), dst: addr(30), id: be16(18), ttl: head[22] };
    let Some(tcp) = head.last_chunk() else { return false };
    segment::<IPV4>(packet, tcp, usize::from(be16(16)), ip, found)
}

/// The same of IPv6. What it is told of the packet fits in registers: otherwise each packet would be written to memory for it.
#[inline(never)]
fn decode_ipv6(data: &[u8], wire_len: u32, time: Time, number: u64, found: &mut Decoded) -> bool {
    let packet = Packet { number, time, link: LinkType::ETHERNET, wire_len, data };
    let Some(head) = packet.data.first_chunk::<{ IPV6 + TCP }>() else { return false };
    if head[14] >> 4 != 6 || head[20] != super::ip::TCP {
        return false;
    }
    let addr = |at: usize| IpAddr::V6(Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| head[at + i])));
    let ip = || IpInfo { src: addr(22), dst: addr(38), id: 0, ttl: head[21] };
    let len = match u16::from_be_bytes([head[18], head[19]]) {
        0 => 0,
        len => usize::from(len) + IPV6 - ETHERNET,
    };
    let Some(tcp) = head.last_chunk() else { return false };
    segment::<IPV6>(packet, tcp, len, ip, found)
}

/// The segment behind an Ethernet and an IP header of `IP` bytes together, which say that IP has so many bytes in all, or 0.
#[inline(always)]
fn segment<const IP: usize>(
    packet: Packet<'_>,
    head: &[u8; TCP],
    bytes: usize,
    ip: impl Fn() -> IpInfo,
    found: &mut Decoded,
) -> bool {
    let be16 = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let be32 = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let header = usize::from(head[12] >> 4) * 4;
    let there = packet.data.len() - ETHERNET;
    let on_wire = (packet.wire_len as usize).max(packet.data.len()) - ETHERNET;
    let wire = if bytes == 0 { on_wire } else { bytes.min(on_wire) };
    let headers = IP - ETHERNET + header;
    let captured = there.min(wire);
    if header < TCP || captured < headers || wire - headers > tcp::MAX_LEN {
        return false;
    }
    if !matches!(found, Decoded::Segment(_)) {
        *found = Decoded::Segment(Segment::nothing());
    }
    let Decoded::Segment(segment) = found else { return false };
    // Each is written as soon as it is read: there are not registers for all.
    let Segment { time, packet: number, src, dst, scope, seq, ack, len, captured: here, options, .. } = segment;
    let ip = ip();
    (*time, *number, *scope) = (packet.time, packet.number, ScopeId(0));
    *src = Socket { addr: ip.src, port: be16(0) };
    *dst = Socket { addr: ip.dst, port: be16(2) };
    (*seq, *ack) = (be32(4), be32(8));
    (*len, *here) = ((wire - headers) as u32, (captured - headers) as u32);
    let (timestamps, plain) = plain_options(&packet.data[IP + TCP..], header - TCP);
    *options = Options { timestamps, ..Options::default() };
    let Segment { flags, window, checksum, ip_id, ttl, .. } = segment;
    (*flags, *window, *checksum) = (tcp::flags(head[12], head[13]), be16(14), be16(16));
    (*ip_id, *ttl) = (ip.id, ip.ttl);
    if !plain && let Some(options) = packet.data.get(IP + TCP..ETHERNET + headers) {
        tcp::read_options(options, segment.flags, &mut segment.options);
    }
    true
}

/// What [`tcp::plain_options`] comes to for the first `len` of these bytes, which are all there.
#[inline(always)]
fn plain_options(bytes: &[u8], len: usize) -> (Option<Timestamps>, bool) {
    match bytes.first_chunk() {
        Some(options) if len == tcp::STAMPED => tcp::stamps_alone(options),
        _ => (None, len == 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Decoder, walk::Walk};
    use super::*;

    /// Ethernet, IPv4, TCP with timestamps, eight bytes of payload.
    const WHOLE: [u8; 74] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet
        0x45, 0, 0, 60, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x80, 0x18, 1, 0xf6, 0xab, 0xcd, 0, 0, // TCP
        1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, // its options
        1, 2, 3, 4, 5, 6, 7, 8,
    ];

    /// The same with IPv6 and a SACK block.
    const WHOLE_IPV6: [u8; 104] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, // Ethernet
        0x60, 1, 2, 3, 0, 50, 6, 63, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // IPv6
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // its destination
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0xb0, 0x10, 1, 0xf6, 0xab, 0xcd, 0, 0, // TCP
        1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 1, 1, 5, 10, 0, 0, 0, 3, 0, 0, 0, 4, // its options
        1, 2, 3, 4, 5, 6,
    ];

    fn packet(data: &[u8], wire_len: u32) -> Packet<'_> {
        Packet { number: 3, time: Time(5), link: LinkType::ETHERNET, wire_len, data }
    }

    #[test]
    fn the_usual_packet_is_one() {
        let mut found = Decoded::Other;
        assert!(decode(packet(&WHOLE, 74), &mut found));
        let Decoded::Segment(segment) = found else { panic!("{found:?}") };
        assert_eq!((segment.len, segment.captured, segment.seq, segment.ttl), (8, 8, 0x0102_0304, 64));
        assert_eq!(segment.options.timestamps.map(|t| (t.value, t.echo)), Some((9, 7)));
    }

    #[test]
    fn so_is_that_of_ipv6() {
        let mut found = Decoded::Other;
        assert!(decode(packet(&WHOLE_IPV6, 104), &mut found));
        let Decoded::Segment(segment) = found else { panic!("{found:?}") };
        assert_eq!(segment.src.to_string(), "[2001:db8::1]:40000");
        assert_eq!((segment.len, segment.captured, segment.seq, segment.ttl), (6, 6, 0x0102_0304, 63));
        assert_eq!(segment.options.sack(), [(3, 4)]);
    }

    /// Whatever is damaged or cut, it is what the long way comes to.
    fn is_found_alike(
        bytes: &mut [u8],
        changes: &[(usize, u8)],
        cut: usize,
        wire_len: u32,
    ) -> Result<(), TestCaseError> {
        for (at, value) in changes {
            bytes[*at] = *value;
        }
        // Also where another stood before, with more options.
        let mut other = Decoded::Other;
        prop_assert!(decode(packet(&WHOLE_IPV6, 104), &mut other));
        let packet = packet(&bytes[..bytes.len() - cut.saturating_sub(20)], wire_len);
        for mut found in [Decoded::Other, other] {
            let before = found;
            let expected = if decode(packet, &mut found) { Walk::start(&mut Decoder::new(), &packet) } else { before };
            prop_assert_eq!(found, expected);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn it_is_what_the_long_way_finds(
            changes in prop::collection::vec((12_usize..74, any::<u8>()), 0..4),
            options in prop::option::of(any::<[u8; 20]>()),
            cut in 0_usize..40,
            wire_len in 0_u32..120,
        ) {
            let mut bytes = WHOLE;
            if let Some(options) = options {
                bytes[46] = 0xa0;
                bytes[54..].copy_from_slice(&options);
            }
            is_found_alike(&mut bytes, &changes, cut, wire_len)?;
        }

        #[test]
        fn that_of_ipv6_is_what_the_long_way_finds(
            changes in prop::collection::vec((12_usize..98, any::<u8>()), 0..4),
            cut in 0_usize..60,
            wire_len in 0_u32..150,
        ) {
            let mut bytes = WHOLE_IPV6;
            is_found_alike(&mut bytes, &changes, cut, wire_len)?;
        }
    }
}
