//! Lengths, cuts and options of a TCP segment, and ICMP errors about one.

mod common;

use common::frame::{Tcp, behind, ethernet, ipv4, ipv4_fragment, ipv6};
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::segment::{Flags, IcmpError, IcmpKind, Options, Segment, Timestamps};
use tcpstate::source::{LinkType, Packet};
use tcpstate::time::Time;

fn decode(link: LinkType, data: &[u8], wire_len: usize) -> Decoded {
    let wire_len = wire_len as u32;
    Decoder::new().decode(&Packet { number: 1, time: Time(0), link, wire_len, data })
}

fn segment(link: LinkType, data: &[u8], wire_len: usize) -> Segment {
    match decode(link, data, wire_len) {
        Decoded::Segment(segment) => segment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ethernet_padding_is_not_data() {
    let tcp = Tcp { payload: b"", ..Tcp::default() }.bytes();
    for mut frame in [ethernet(0x0800, &ipv4(6, &tcp)), ethernet(0x86dd, &ipv6(6, &tcp))] {
        frame.resize(frame.len() + 6, 0xee);
        let segment = segment(LinkType::ETHERNET, &frame, frame.len());
        assert_eq!((segment.len, segment.captured), (0, 0));
    }
}

#[test]
fn a_length_of_zero_means_the_length_on_the_wire() {
    let tcp = Tcp { payload: &[1; 100], ..Tcp::default() }.bytes();
    let mut v4 = ethernet(0x0800, &ipv4(6, &tcp));
    v4[14 + 2..14 + 4].fill(0);
    let mut v6 = ethernet(0x86dd, &ipv6(6, &tcp));
    v6[14 + 4..14 + 6].fill(0);
    for (frame, headers) in [(v4, 14 + 20 + 20), (v6, 14 + 40 + 20)] {
        let whole = segment(LinkType::ETHERNET, &frame, frame.len());
        assert_eq!((whole.len, whole.captured), (100, 100));
        // Cut by the snap length, of a super-segment of 180,000 bytes.
        let cut = segment(LinkType::ETHERNET, &frame, headers + 180_000);
        assert_eq!((cut.len, cut.captured), (180_000, 100));
        // No stack sends this much at once.
        assert_eq!(decode(LinkType::ETHERNET, &frame, u32::MAX as usize), Decoded::Undecoded);
    }
    let mut jumbo = ipv6(0, &behind("06 00 c2 04 0001 1178", &tcp));
    jumbo[4..6].fill(0);
    // The option says 70,008: 8 of the option header, 20 of TCP's.
    assert_eq!(segment(LinkType::RAW, &jumbo, 80_000).len, 69_980);
}

#[test]
fn lengths_that_cannot_be_are_not_believed() {
    let tcp = Tcp::default().bytes();
    let mut long = ethernet(0x0800, &ipv4(6, &tcp));
    long[16..18].copy_from_slice(&30_000_u16.to_be_bytes());
    assert_eq!(segment(LinkType::ETHERNET, &long, long.len()).len, 5, "no more than there was");
    let mut short = ethernet(0x0800, &ipv4(6, &tcp));
    short[16..18].copy_from_slice(&39_u16.to_be_bytes());
    assert_eq!(decode(LinkType::ETHERNET, &short, short.len()), Decoded::Undecoded, "half a header");
    for offset in [0x00, 0x40, 0xf0] {
        let mut header = tcp.clone();
        header[12] = offset;
        assert_eq!(decode(LinkType::RAW, &ipv4(6, &header), 45), Decoded::Undecoded, "header length {offset:x}");
    }
}

#[test]
fn the_snap_length_may_cut_anywhere_behind_the_flags() {
    let options = [2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let tcp = Tcp { flags: 0x02, options: &options, payload: &[9; 1_000], ..Tcp::default() }.bytes();
    let frame = ethernet(0x0800, &ipv4(6, &tcp));
    let header = 14 + 20;
    for captured in 0..frame.len() {
        let cut = &frame[..captured];
        if captured < header + 14 {
            assert_eq!(decode(LinkType::ETHERNET, cut, frame.len()), Decoded::Undecoded);
            continue;
        }
        let segment = segment(LinkType::ETHERNET, cut, frame.len());
        assert_eq!((segment.len, segment.seq, segment.flags), (1_000, 1_000, Flags::SYN));
        assert_eq!(segment.captured as usize, captured.saturating_sub(header + 40));
        assert_eq!(segment.window, if captured >= header + 16 { 512 } else { 0 });
        assert_eq!(segment.options.mss, (captured >= header + 24).then_some(1_460));
        assert_eq!(segment.options.cut, captured < header + 40);
    }
}

fn options(flags: u8, options: &[u8]) -> Options {
    let data = ipv4(6, &Tcp { flags, options, payload: b"", ..Tcp::default() }.bytes());
    segment(LinkType::RAW, &data, data.len()).options
}

#[test]
fn options_that_matter() {
    let none = Options::default();
    let syn = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 14];
    let expected = Options {
        mss: Some(1_460),
        window_scale: Some(14),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        ..none
    };
    assert_eq!(options(0x02, &syn), expected);
    let later = Options { mss: None, window_scale: None, sack_permitted: false, ..expected };
    assert_eq!(options(0x10, &syn), later, "what belongs on a SYN counts only there");
    let mut sack = vec![1, 1, 5, 34];
    sack.extend((1..=8_u32).flat_map(u32::to_be_bytes));
    let read = options(0x10, &sack);
    assert_eq!(read.sack(), [(1, 2), (3, 4), (5, 6)]);
    assert_eq!(options(0x10, &[1, 1, 5, 10, 0, 0, 0, 9, 0, 0, 0, 10]).sack(), [(9, 10)]);
    assert_eq!(options(0x10, &[1, 1, 5, 2]), none, "an empty SACK option");
    for fast_open in [&[34, 2, 1, 1][..], &[34, 6, 1, 2, 3, 4, 0, 0], &[254, 4, 0xf9, 0x89]] {
        assert!(options(0x02, fast_open).fast_open, "{fast_open:?}");
    }
    assert!(!options(0x02, &[254, 4, 0xf9, 0x88]).fast_open);
    assert_eq!(options(0x10, &[0, 9, 9, 9]), none, "nothing counts behind the end");
    for broken in [[2, 0, 0, 0], [2, 1, 0, 0], [2, 9, 0, 0], [1, 1, 1, 8]] {
        assert_eq!(options(0x02, &broken), Options { cut: true, ..none }, "{broken:?}");
    }
}

fn icmp(data: &[u8]) -> Option<IcmpError> {
    match decode(LinkType::RAW, data, data.len()) {
        Decoded::Icmp(error) => Some(error),
        Decoded::Other => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn icmp_errors_quote_the_segment_they_are_about() {
    let tcp = &Tcp::default().bytes()[..8];
    // The quoted packet was longer than what is quoted of it.
    let mut v4 = ipv4(6, tcp);
    v4[2..4].copy_from_slice(&1_500_u16.to_be_bytes());
    for (head, kind) in [
        ("0301 0000 00000000", IcmpKind::Unreachable),
        ("0303 0000 00000000", IcmpKind::PortUnreachable),
        ("030d 0000 00000000", IcmpKind::Prohibited),
        ("0304 0000 00000578", IcmpKind::TooBig(1_400)),
        ("0b00 0000 00000000", IcmpKind::TimeExceeded),
        ("0400 0000 00000000", IcmpKind::Other { kind: 4, code: 0 }),
    ] {
        let error = icmp(&ipv4(1, &behind(head, &v4))).expect("an error");
        assert_eq!((error.kind, error.seq), (kind, 1_000));
        assert_eq!(error.from.to_string(), "10.0.0.1");
        assert_eq!((error.src.to_string(), error.dst.to_string()), ("10.0.0.1:40000".into(), "10.0.0.2:80".into()));
    }
    for (head, kind) in [
        ("0100 0000 00000000", IcmpKind::Unreachable),
        ("0104 0000 00000000", IcmpKind::PortUnreachable),
        ("0105 0000 00000000", IcmpKind::Prohibited),
        ("0200 0000 00000500", IcmpKind::TooBig(1_280)),
        ("0301 0000 00000000", IcmpKind::TimeExceeded),
        ("0401 0000 00000000", IcmpKind::Other { kind: 4, code: 1 }),
    ] {
        let quoted = ipv6(0, &behind("06 00 0104 00000000", tcp));
        let error = icmp(&ipv6(58, &behind(head, &quoted))).expect("an error");
        assert_eq!((error.kind, error.seq, error.dst.to_string()), (kind, 1_000, "[2001:db8::2]:80".into()));
    }
    assert_eq!(icmp(&ipv4(1, &behind("0800 0000 00000000", &v4))), None, "an echo request");
    assert_eq!(icmp(&ipv4(1, &behind("0303 0000 00000000", &ipv4(17, tcp)))), None, "about UDP");
    assert_eq!(icmp(&ipv4(1, &behind("0303 0000 00000000", &ipv4_fragment(6, 1, tcp)))), None, "no header in it");
    assert_eq!(icmp(&ipv4(1, &behind("0303 0000 00000000", &v4[..22]))), None, "cut");
}
