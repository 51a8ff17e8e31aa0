//! The usual packet: Ethernet without tags, IPv4 without options or IPv6 without extensions, TCP. All its headers are looked
//! at in one piece.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Decoded;
use super::tcp::{self, IpInfo};
use crate::segment::{Flags, Options, ScopeId, Segment, Socket, Timestamps};
use crate::source::{LinkType, Packet};
use crate::time::Time;

/// Bytes of the Ethernet header, and up to the end of the IP header.
const ETHERNET: usize = 14;
const IPV4: usize = ETHERNET + 20;
const IPV6: usize = ETHERNET + 40;
/// Bytes of the TCP header without options.
const TCP: usize = 20;
/// Byte 12 of a TCP header without options, with timestamps alone, and of a SYN of Linux: no reserved flags.
const BARE: u8 = 0x50;
const STAMPED: u8 = 0x80;
const SYN: u8 = 0xa0;
/// Bytes in which all headers lie.
pub(super) const HEADERS: usize = IPV6 + 60;

/// What is known of a packet besides its bytes.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) time: Time,
    pub(super) number: u64,
    pub(super) wire_len: u32,
    /// How many bytes were captured.
    pub(super) len: u32,
}

/// Writes the segment in `packet` to `found`, if it is such a packet and its headers are whole; else what is in `found` is
/// not to be read.
#[inline]
pub(super) fn decode(packet: &Packet<'_>, found: &mut Decoded) -> bool {
    let Packet { number, time, link, wire_len, data } = *packet;
    let Ok(len) = u32::try_from(data.len()) else { return false };
    let mut room = [0; HEADERS];
    let head = match data.first_chunk() {
        Some(head) => head,
        None => {
            room[..data.len()].copy_from_slice(data);
            &room
        }
    };
    link == LinkType::ETHERNET && decode_frame(head, Frame { time, number, wire_len: wire_len.max(len), len }, found)
}

/// The same of an Ethernet frame that begins with `head`. What was not captured of this is anything.
#[inline(always)]
pub(super) fn decode_frame(head: &[u8; HEADERS], frame: Frame, found: &mut Decoded) -> bool {
    // All but the most usual in functions of their own, which leave the registers to this one.
    let Frame { time, number, wire_len, len } = frame;
    match found {
        Decoded::Segment(segment) if is_ipv4(head) => match is_stamped::<IPV4>(head) {
            true => stamped::<IPV4>(head, frame, segment),
            false => other::<IPV4>(head, wire_len, len, time, number, segment),
        },
        Decoded::Segment(segment) if is_ipv6(head) => ipv6(head, wire_len, len, time, number, segment),
        Decoded::Segment(_) => false,
        _ => anew(head, wire_len, len, time, number, found),
    }
}

/// The same where no segment is in `found`.
#[cold]
#[inline(never)]
fn anew(head: &[u8; HEADERS], wire_len: u32, len: u32, time: Time, number: u64, found: &mut Decoded) -> bool {
    *found = Decoded::Segment(Segment::nothing());
    decode_frame(head, Frame { time, number, wire_len, len }, found)
}

/// TCP over IPv4 without options. EtherType, version and header length at once, behind them the type of service; neither
/// further fragments nor an offset, any TTL, and TCP.
#[inline(always)]
fn is_ipv4(head: &[u8; HEADERS]) -> bool {
    are(head, 12, [8, 0, 0x45, 0], [255, 255, 255, 0]) && are(head, 20, [0, 0, 0, super::ip::TCP], [0x3f, 255, 0, 255])
}

/// TCP over IPv6 without extensions.
#[inline(always)]
fn is_ipv6(head: &[u8; HEADERS]) -> bool {
    are(head, 12, [0x86, 0xdd, 0x60, 0], [255, 255, 0xf0, 0]) && head[20] == super::ip::TCP
}

/// Whether the options of the segment behind `IP` bytes are timestamps alone in the layout of RFC 7323 appendix A, and no
/// reserved flags are set.
#[inline(always)]
fn is_stamped<const IP: usize>(head: &[u8; HEADERS]) -> bool {
    head[IP + 12] == STAMPED && are(head, IP + TCP, [1, 1, 8, 10], [255; 4])
}

/// Such a segment.
#[inline(always)]
fn stamped<const IP: usize>(head: &[u8; HEADERS], frame: Frame, segment: &mut Segment) -> bool {
    let stamps = Timestamps { value: be32(head, IP + TCP + 4), echo: be32(head, IP + TCP + 8) };
    write::<IP>(head, frame, STAMPED, Some(stamps), segment)
}

/// Whether the four bytes from `at` on are these, as far as `mask` asks.
#[inline(always)]
fn are(head: &[u8; HEADERS], at: usize, these: [u8; 4], mask: [u8; 4]) -> bool {
    u32::from_ne_bytes(bytes(head, at)) & u32::from_ne_bytes(mask) == u32::from_ne_bytes(these)
}

/// The bytes from `at` on, a constant.
#[inline(always)]
fn bytes<const N: usize>(head: &[u8; HEADERS], at: usize) -> [u8; N] {
    head[at..].first_chunk().copied().unwrap_or([0; N])
}

#[inline(always)]
fn be16(head: &[u8; HEADERS], at: usize) -> u16 {
    u16::from_be_bytes(bytes(head, at))
}

#[inline(always)]
fn be32(head: &[u8; HEADERS], at: usize) -> u32 {
    u32::from_be_bytes(bytes(head, at))
}

/// The segment behind an IPv6 header. What is told of the packet fits in registers: otherwise each one would be written to
/// memory for it.
#[inline(never)]
fn ipv6(head: &[u8; HEADERS], wire_len: u32, len: u32, time: Time, number: u64, segment: &mut Segment) -> bool {
    match is_stamped::<IPV6>(head) {
        true => stamped::<IPV6>(head, Frame { time, number, wire_len, len }, segment),
        false => other::<IPV6>(head, wire_len, len, time, number, segment),
    }
}

/// That behind `IP` bytes, with other options than timestamps alone: mostly none, or those of a SYN.
#[inline(never)]
fn other<const IP: usize>(
    head: &[u8; HEADERS],
    wire_len: u32,
    len: u32,
    time: Time,
    number: u64,
    segment: &mut Segment,
) -> bool {
    let frame = Frame { time, number, wire_len, len };
    let (offset, options) = (head[IP + 12], &bytes(head, IP + TCP));
    if offset == BARE {
        return write::<IP>(head, frame, BARE, None, segment);
    }
    if offset != SYN || !Flags(head[IP + 13].into()).has(Flags::SYN) || !tcp::are_of_linux(options) {
        return optioned::<IP>(head, wire_len, len, time, number, segment);
    }
    let is_whole = write::<IP>(head, frame, SYN, None, segment);
    if is_whole {
        tcp::read_those_of_linux(options, &mut segment.options);
    }
    is_whole
}

/// That with any options.
#[inline(never)]
fn optioned<const IP: usize>(
    head: &[u8; HEADERS],
    wire_len: u32,
    len: u32,
    time: Time,
    number: u64,
    segment: &mut Segment,
) -> bool {
    let frame = Frame { time, number, wire_len, len };
    let is_whole = write::<IP>(head, frame, head[IP + 12], None, segment);
    if is_whole && let Some(options) = head.get(IP + TCP..IP + header(head[IP + 12])) {
        tcp::read_options(options, segment.flags, &mut segment.options);
    }
    is_whole
}

/// Bytes of a TCP header, by its byte 12.
#[inline(always)]
fn header(offset: u8) -> usize {
    usize::from(offset >> 4) * 4
}

/// Writes the segment behind `IP` bytes, of which this is byte 12, and of its options the timestamps. If IP does not say
/// where it ends, or that it does behind what there was, or if its headers are not whole, nothing is done.
#[inline(always)]
fn write<const IP: usize>(
    head: &[u8; HEADERS],
    frame: Frame,
    offset: u8,
    timestamps: Option<Timestamps>,
    segment: &mut Segment,
) -> bool {
    let (ip, end) = internet::<IP>(head);
    let (headers, captured) = ((IP + header(offset)) as u32, end.min(frame.len));
    if header(offset) < TCP || end > frame.wire_len || captured < headers {
        return false;
    }
    // Each is written as soon as it is read: there are not registers for all.
    segment.options = Options { timestamps, ..Options::default() };
    segment.flags = tcp::flags(offset, head[IP + 13]);
    (segment.time, segment.packet, segment.scope) = (frame.time, frame.number, ScopeId(0));
    (segment.len, segment.captured) = (end - headers, captured - headers);
    segment.src = Socket { addr: ip.src, port: be16(head, IP) };
    segment.dst = Socket { addr: ip.dst, port: be16(head, IP + 2) };
    segment.ip_id = ip.id;
    (segment.seq, segment.ack) = (be32(head, IP + 4), be32(head, IP + 8));
    segment.ttl = ip.ttl;
    // Last, and out of one word: so they are written at once.
    let word = be32(head, IP + 14);
    (segment.window, segment.checksum) = ((word >> 16) as u16, word as u16);
    true
}

/// What the IP header says that ends behind `IP` bytes, and where by it the packet ends.
#[inline(always)]
fn internet<const IP: usize>(head: &[u8; HEADERS]) -> (IpInfo, u32) {
    let v4 = |at: usize| IpAddr::V4(Ipv4Addr::from(bytes::<4>(head, at)));
    let v6 = |at: usize| IpAddr::V6(Ipv6Addr::from(bytes::<16>(head, at)));
    let behind = |start: usize, len: u16| start as u32 + u32::from(len);
    if IP == IPV4 {
        let ip = IpInfo { src: v4(26), dst: v4(30), id: be16(head, 18), ttl: head[22] };
        (ip, behind(ETHERNET, be16(head, 16)))
    } else {
        let ip = IpInfo { src: v6(22), dst: v6(38), id: 0, ttl: head[21] };
        (ip, behind(IPV6, be16(head, 18)))
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

    /// What the straight way finds, if it does, where `found` was before. Whatever stands behind the captured bytes, it is
    /// the same.
    fn straight(packet: &Packet<'_>, mut found: Decoded) -> Result<Option<Decoded>, TestCaseError> {
        let mut other = found;
        let is_usual = decode(packet, &mut found);
        let mut head = [0xff; HEADERS];
        let len = packet.data.len();
        head[..len.min(HEADERS)].copy_from_slice(&packet.data[..len.min(HEADERS)]);
        let Packet { time, number, wire_len, .. } = *packet;
        let frame = Frame { time, number, wire_len: wire_len.max(len as u32), len: len as u32 };
        prop_assert_eq!(decode_frame(&head, frame, &mut other), is_usual);
        prop_assert!(!is_usual || other == found);
        Ok(is_usual.then_some(found))
    }

    #[test]
    fn the_usual_packet_is_one() {
        let mut found = Decoded::Other;
        assert!(decode(&packet(&WHOLE, 74), &mut found));
        let Decoded::Segment(segment) = found else { panic!("{found:?}") };
        assert_eq!((segment.len, segment.captured, segment.seq, segment.ttl), (8, 8, 0x0102_0304, 64));
        assert_eq!(segment.options.timestamps.map(|t| (t.value, t.echo)), Some((9, 7)));
    }

    #[test]
    fn so_is_that_of_ipv6() {
        let mut found = Decoded::Other;
        assert!(decode(&packet(&WHOLE_IPV6, 104), &mut found));
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
        prop_assert!(decode(&packet(&WHOLE_IPV6, 104), &mut other));
        let packet = packet(&bytes[..bytes.len() - cut.saturating_sub(20)], wire_len);
        for before in [Decoded::Other, other] {
            if let Some(found) = straight(&packet, before)? {
                prop_assert_eq!(found, Walk::start(&mut Decoder::new(), &packet));
            }
        }
        Ok(())
    }

    /// Byte 12 of a TCP header, its flags, and what is behind it: no options, timestamps, those of a SYN, or any.
    fn header() -> impl Strategy<Value = (u8, u8, [u8; 20])> {
        let stamped = [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8];
        let syn = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7];
        prop_oneof![
            Just((BARE, 0x18, stamped)),
            Just((STAMPED, 0x10, stamped)),
            (0_u8..2).prop_map(move |ack| (SYN, 2 + 16 * ack, syn)),
            Just((SYN, 0x10, syn)),
            (any::<u8>(), any::<u8>(), prop_oneof![any::<[u8; 20]>(), Just(stamped), Just(syn)]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_192))]

        #[test]
        fn it_is_what_the_long_way_finds(
            changes in prop::collection::vec((12_usize..74, any::<u8>()), 0..4),
            (offset, flags, behind) in header(),
            cut in 0_usize..40,
            wire_len in 0_u32..120,
        ) {
            let mut bytes = WHOLE;
            (bytes[IPV4 + 12], bytes[IPV4 + 13]) = (offset, flags);
            bytes[IPV4 + TCP..].copy_from_slice(&behind);
            is_found_alike(&mut bytes, &changes, cut, wire_len)?;
        }

        #[test]
        fn that_of_ipv6_is_what_the_long_way_finds(
            changes in prop::collection::vec((12_usize..98, any::<u8>()), 0..4),
            header in prop::option::of(header()),
            cut in 0_usize..60,
            wire_len in 0_u32..150,
        ) {
            let mut bytes = WHOLE_IPV6;
            if let Some((offset, flags, behind)) = header {
                (bytes[IPV6 + 12], bytes[IPV6 + 13]) = (offset, flags);
                bytes[IPV6 + TCP..][..20].copy_from_slice(&behind);
            }
            is_found_alike(&mut bytes, &changes, cut, wire_len)?;
        }
    }
}
