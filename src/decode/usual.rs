//! The usual packet: Ethernet without tags, IPv4 without options, TCP. All its headers are looked at in one piece.

use std::net::{IpAddr, Ipv4Addr};

use super::{Decoded, tcp};
use crate::segment::{Options, ScopeId, Segment, Socket};
use crate::source::{LinkType, Packet};

/// Bytes of the Ethernet header, and up to the end of the IP header and of the TCP header without options.
const ETHERNET: usize = 14;
const IP: usize = ETHERNET + 20;
const TCP: usize = IP + 20;

/// Writes the segment in `packet` to `found`, if it is such a packet and its headers are whole; else does nothing.
#[inline(always)]
pub(super) fn decode(packet: &Packet<'_>, found: &mut Decoded) -> bool {
    let Some(head) = packet.data.first_chunk::<TCP>() else { return false };
    let byte = |at: usize| head[at];
    let be16 = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let be32 = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let kind = be16(12) == 0x0800 && byte(14) == 0x45 && byte(23) == super::ip::TCP;
    // Neither further fragments nor an offset.
    if !kind || be16(20) & 0x3fff != 0 || packet.link != LinkType::ETHERNET {
        return false;
    }
    let header = usize::from(byte(46) >> 4) * 4;
    let there = packet.data.len() - ETHERNET;
    let on_wire = (packet.wire_len as usize).max(packet.data.len()) - ETHERNET;
    let wire = match usize::from(be16(16)) {
        0 => on_wire,
        len => len.min(on_wire),
    };
    let headers = IP - ETHERNET + header;
    let captured = there.min(wire);
    if header < TCP - IP || captured < headers || wire - headers > tcp::MAX_LEN {
        return false;
    }
    let Some(options) = packet.data.get(TCP..ETHERNET + headers) else { return false };
    let socket =
        |addr: usize, port: usize| Socket { addr: IpAddr::V4(Ipv4Addr::from_bits(be32(addr))), port: be16(port) };
    let flags = tcp::flags(byte(46), byte(47));
    let (timestamps, plain) = tcp::plain_options(options);
    *found = Decoded::Segment(Segment {
        time: packet.time,
        packet: packet.number,
        src: socket(26, 34),
        dst: socket(30, 36),
        scope: ScopeId(0),
        seq: be32(38),
        ack: be32(42),
        len: (wire - headers) as u32,
        captured: (captured - headers) as u32,
        flags,
        window: be16(48),
        checksum: be16(50),
        ip_id: be16(18),
        ttl: byte(22),
        options: Options { timestamps, ..Options::default() },
    });
    if !plain && let Decoded::Segment(segment) = found {
        tcp::read_options(options, flags, &mut segment.options);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Decoder, walk::Walk};
    use super::*;
    use crate::time::Time;

    /// Ethernet, IPv4, TCP with timestamps, eight bytes of payload.
    const WHOLE: [u8; 74] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet
        0x45, 0, 0, 60, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x80, 0x18, 1, 0xf6, 0xab, 0xcd, 0, 0, // TCP
        1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, // its options
        1, 2, 3, 4, 5, 6, 7, 8,
    ];

    fn packet(data: &[u8], wire_len: u32) -> Packet<'_> {
        Packet { number: 3, time: Time(5), link: LinkType::ETHERNET, wire_len, data }
    }

    #[test]
    fn the_usual_packet_is_one() {
        let mut found = Decoded::Other;
        assert!(decode(&packet(&WHOLE, 74), &mut found));
        let Decoded::Segment(segment) = found else { panic!("{found:?}") };
        assert_eq!((segment.len, segment.captured, segment.seq, segment.ttl), (8, 8, 0x0102_0304, 64));
        assert_eq!(segment.options.timestamps.map(|t| (t.value, t.echo)), Some((9, 7)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        /// Whatever is damaged or cut, it is what the long way comes to.
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
            for (at, value) in changes {
                bytes[at] = value;
            }
            let packet = packet(&bytes[..bytes.len() - cut.saturating_sub(20)], wire_len);
            let mut found = Decoded::Other;
            if decode(&packet, &mut found) {
                prop_assert_eq!(found, Walk::start(&mut Decoder::new(), &packet));
            }
        }
    }
}
