//! Every link layer, tag and tunnel: the segment inside is the same, and the scope names what tells networks apart.

mod common;

use common::frame::{Tcp, behind, ethernet, ipv4, ipv4_fragment, ipv6, udp};
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::segment::Segment;
use tcpstate::source::{LinkType, Packet};
use tcpstate::time::Time;

fn decode(link: LinkType, data: &[u8]) -> (Decoded, Vec<String>) {
    let mut decoder = Decoder::new();
    let decoded = decoder.decode(&Packet { number: 3, time: Time(5), link, wire_len: data.len() as u32, data });
    let scope = match &decoded {
        Decoded::Segment(segment) => decoder.scope(segment.scope).to_vec(),
        _ => Vec::new(),
    };
    (decoded, scope)
}

/// Expects the default segment and these names of its scope.
fn expect(link: LinkType, data: &[u8], scope: &[&str]) {
    let (decoded, names) = decode(link, data);
    let Decoded::Segment(segment) = decoded else { panic!("{link}: {decoded:?} of {data:02x?}") };
    is_default(&segment);
    assert_eq!(names, scope, "{link}");
}

fn is_default(segment: &Segment) {
    assert_eq!((segment.time, segment.packet), (Time(5), 3));
    assert_eq!((segment.src.port, segment.dst.port), (40_000, 80));
    assert_eq!((segment.seq, segment.ack, segment.len, segment.captured), (1_000, 77, 5, 5));
    assert_eq!((segment.flags.0, segment.window, segment.checksum), (0x18, 512, 0xabcd));
    match segment.src.addr.is_ipv4() {
        true => {
            assert_eq!(segment.src.to_string(), "10.0.0.1:40000");
            assert_eq!((segment.ip_id, segment.ttl), (0x1234, 61));
        }
        false => {
            assert_eq!(segment.dst.to_string(), "[2001:db8::2]:80");
            assert_eq!((segment.ip_id, segment.ttl), (0, 60));
        }
    }
    assert!(!segment.options.cut);
}

fn tcp() -> Vec<u8> {
    Tcp::default().bytes()
}

fn v4() -> Vec<u8> {
    ipv4(6, &tcp())
}

fn v6() -> Vec<u8> {
    ipv6(6, &tcp())
}

#[test]
fn link_types() {
    let (v4, v6) = (v4(), v6());
    let frame = ethernet(0x0800, &v4);
    for link in [LinkType::RAW, LinkType::RAW_BSD, LinkType::RAW_OPENBSD] {
        expect(link, &v4, &[]);
        expect(link, &v6, &[]);
    }
    expect(LinkType::IPV4, &v4, &[]);
    expect(LinkType::IPV6, &v6, &[]);
    expect(LinkType::ETHERNET, &frame, &[]);
    expect(LinkType::ETHERNET, &ethernet(0x86dd, &v6), &[]);
    for (family, packet) in [("02", &v4), ("18", &v6), ("1c", &v6), ("1e", &v6), ("0a", &v6)] {
        expect(LinkType::NULL, &behind(&format!("{family} 000000"), packet), &[]);
        expect(LinkType::NULL, &behind(&format!("000000 {family}"), packet), &[]);
        expect(LinkType::LOOP, &behind(&format!("000000 {family}"), packet), &[]);
    }
    expect(LinkType::LINUX_SLL, &behind("0000 0001 0006 020000000001 0000 0800", &v4), &[]);
    expect(LinkType::LINUX_SLL, &behind("0004 0304 0006 000000000000 0000 86dd", &v6), &[]);
    expect(LinkType::LINUX_SLL2, &behind("0800 0000 00000002 0001 00 06 0200000000010000", &v4), &[]);
    expect(LinkType::PPP, &behind("ff03 0021", &v4), &[]);
    expect(LinkType::PPP, &behind("21", &v4), &[]);
    expect(LinkType::PPP_HDLC, &behind("ff03 0057", &v6), &[]);
    expect(LinkType::PPP_WITH_DIR, &behind("01 ff03 0021", &v4), &[]);
    expect(LinkType::C_HDLC, &behind("0f00 0800", &v4), &[]);
    expect(LinkType::FRELAY, &behind("1841 03cc", &v4), &[]);
    expect(LinkType::ENC, &behind("02000000 00001234 00000001", &v4), &[]);
    expect(LinkType::PFLOG, &behind(&format!("3d 02 {}", "00".repeat(62)), &v4), &[]);
    expect(
        LinkType::NFLOG,
        &behind("02 00 0001 0800 0100 0800 0300 0500 0a00 61000000 4900 0900", &{
            let mut padded = v4.clone();
            padded.extend([0; 28 - 4]);
            padded
        }),
        &[],
    );
    expect(LinkType::FDDI, &behind("50 020000000002 020000000001 aaaa03 000000 0800", &v4), &[]);
    expect(LinkType::IEEE802_5, &behind("1040 020000000002 020000000001 aaaa03 000000 0800", &v4), &[]);
    expect(LinkType::ARCNET_LINUX, &behind("01 02 0000 f0", &v4), &[]);
    expect(LinkType::ARCNET_LINUX, &behind("01 02 0000 d4 00 0000", &v4), &[]);
    expect(LinkType::IPOIB, &behind(&format!("{} 0800 0000", "00".repeat(40)), &v4), &[]);
    expect(LinkType::JUNIPER_ETHER, &behind("4d4743 81 0002 aabb", &frame), &[]);
    expect(LinkType::PPI, &behind("00 00 0800 01000000", &frame), &[]);
    expect(LinkType::PKTAP, &behind("10000000 01000000 01000000 00000000", &frame), &[]);
    expect(LinkType::ERF, &behind("0000000000000000 02 00 0000 0000 0000 0000", &frame), &[]);
    assert_eq!(decode(LinkType(60_000), &frame).0, Decoded::Undecoded);
}

#[test]
fn wireless_frames() {
    let llc = behind("aaaa03 000000 0800", &v4());
    let plain = behind("0801 0000 020000000001 020000000002 020000000003 0000", &llc);
    expect(LinkType::IEEE802_11, &plain, &[]);
    expect(LinkType::IEEE802_11, &behind(&format!("8801 {} 0000", "00".repeat(22)), &llc), &[]);
    expect(LinkType::IEEE802_11, &behind(&format!("8803 {} 0000", "00".repeat(28)), &llc), &[]);
    expect(LinkType::IEEE802_11_RADIOTAP, &behind("0000 0900 02000000 00", &plain), &[]);
    // Time stamp, then flags: padded to four bytes behind the header of 26.
    let padded = behind(&format!("8801 {} 0000 0000", "00".repeat(22)), &llc);
    expect(LinkType::IEEE802_11_RADIOTAP, &behind("0000 1100 03000000 0000000000000000 20", &padded), &[]);
    expect(LinkType::IEEE802_11_PRISM, &behind(&format!("44000000 90000000 {}", "00".repeat(136)), &plain), &[]);
    // Null function, beacon; protected, of which nobody knows whether it is TCP.
    for (control, is) in [("4801", Decoded::Other), ("8000", Decoded::Other), ("0841", Decoded::Undecoded)] {
        let frame = behind(&format!("{control} {}", "00".repeat(22)), &llc);
        assert_eq!(decode(LinkType::IEEE802_11, &frame).0, is);
    }
}

#[test]
fn an_aggregate_gives_all_its_segments() {
    let llc = |seq| behind("aaaa03 000000 0800", &ipv4(6, &Tcp { seq, ..Tcp::default() }.bytes()));
    let subframe = |body: &[u8]| {
        let mut out = behind(&format!("{} {:04x}", "00".repeat(12), body.len()), body);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    };
    let frames = [subframe(&llc(1)), subframe(b"no packet"), subframe(&llc(2)), subframe(&llc(3))].concat();
    let data = behind(&format!("8801 {} 8000", "00".repeat(22)), &frames);
    let mut decoder = Decoder::new();
    let packet = Packet { number: 1, time: Time(0), link: LinkType::IEEE802_11, wire_len: 0, data: &data };
    let Decoded::Segment(first) = decoder.decode(&packet) else { panic!("a segment") };
    let rest = [decoder.more(), decoder.more(), decoder.more()].map(|s| s.map(|s| s.seq));
    assert_eq!((first.seq, rest), (1, [Some(2), Some(3), None]));
}

#[test]
fn tags_and_labels() {
    let (v4, v6) = (v4(), v6());
    let link = LinkType::ETHERNET;
    expect(link, &ethernet(0x8100, &behind("2007 0800", &v4)), &["vlan 7"]);
    expect(link, &ethernet(0x8100, &behind("e000 86dd", &v6)), &[]);
    expect(link, &ethernet(0x88a8, &behind("0064 8100 0007 86dd", &v6)), &["vlan 100", "vlan 7"]);
    let deep = behind("0001 8100 0002 8100 0003 8100 0004 8100 0005 0800", &v4);
    expect(link, &ethernet(0x9100, &deep), &["vlan 1", "vlan 2", "vlan 3", "vlan 4", "vlan 5"]);
    expect(link, &ethernet(4 + 3 + 45 + 1, &behind("aaaa03 000000 0800", &v4)), &[]);
    expect(link, &ethernet(3 + 45, &behind("060603", &v4)), &[]);
    // Labels differ by direction.
    expect(link, &ethernet(0x8847, &behind("00010040 00011140", &v4)), &[]);
    expect(link, &ethernet(0x8847, &behind("00011140 00000000", &ethernet(0x0800, &v4))), &[]);
    expect(link, &ethernet(0x8847, &behind("00011140", &ethernet(0x0800, &v4))), &[]);
    let ppp = behind(&format!("1100 0009 {:04x} 0021", v4.len() + 2), &v4);
    expect(link, &ethernet(0x8864, &ppp), &["pppoe 9"]);
    expect(link, &ethernet(0x8100, &behind("0007 8864", &ppp)), &["vlan 7", "pppoe 9"]);
    expect(link, &ethernet(0x88e7, &behind("0001e240", &ethernet(0x0800, &v4))), &["isid 123456"]);
    // Authenticated, not encrypted, with the sender's id; the checksum behind is a trailer.
    let secured = behind("20 00 00000001 0200000000010001 0800", &[&v4[..], &[0; 16]].concat());
    expect(link, &ethernet(0x88e5, &secured), &[]);
    // Encrypted: what it is cannot be known, so it is not told as something else than TCP.
    let secret = behind("2c 00 00000001 0200000000010001", &[0x5a; 60]);
    assert_eq!(decode(link, &ethernet(0x88e5, &secret)).0, Decoded::Undecoded);
    expect(link, &ethernet(0x894f, &behind("0002 0201 00000001", &v4)), &[]);
    assert_eq!(decode(link, &ethernet(0x0806, &[0; 28])).0, Decoded::Other);
}

#[test]
fn tunnels_over_ip() {
    let (v4, v6) = (v4(), v6());
    let frame = ethernet(0x0800, &v4);
    let link = LinkType::RAW;
    expect(link, &ipv4(4, &v4), &[]);
    expect(link, &ipv4(41, &v6), &[]);
    expect(link, &ipv6(4, &v4), &[]);
    expect(link, &ipv6(41, &v6), &[]);
    expect(link, &ipv4(97, &behind("3000", &frame)), &[]);
    expect(link, &ipv4(137, &behind("00011140", &v4)), &[]);
    expect(link, &ipv4(47, &behind("0000 0800", &v4)), &[]);
    expect(link, &ipv4(47, &behind("b000 86dd 00000000 00000005 00000001", &v6)), &["gre 5"]);
    expect(link, &ipv4(47, &behind("0000 6558", &frame)), &[]);
    expect(link, &ipv4(47, &behind("2000 6558 00001007", &frame)), &["gre 4103"]);
    expect(link, &ipv4(47, &behind("2000 6558 00abcd33", &frame)), &["nvgre 43981"]);
    expect(link, &ipv4(47, &behind("2000 6558 00abcd44", &frame)), &["nvgre 43981"]);
    expect(link, &ipv4(47, &behind("0000 88be", &frame)), &[]);
    expect(link, &ipv4(47, &behind("1000 88be 00000001 1007 0001 00000000", &frame)), &[]);
    expect(link, &ipv4(47, &behind("1000 22eb 00000001 2007 0001 00000000 0000 0000", &frame)), &[]);
    expect(link, &ipv4(47, &behind("1000 22eb 00000001 2007 0001 00000000 0000 0801 0000000000000000", &v4)), &[]);
    expect(link, &ipv4(47, &behind("2001 6400 003b 1900", &frame)), &["eoip 25"]);
    expect(link, &ipv4(47, &behind("3081 880b 0030 0007 00000001 00000000 ff03 0021", &v4)), &[]);
    expect(link, &ipv4(47, &behind("0000 883e 00000000", &v4)), &[]);
    assert_eq!(decode(link, &ipv4(47, &behind("0000 0000", &[]))).0, Decoded::Other, "a keepalive");
    assert_eq!(decode(link, &ipv4(50, &[0; 40])).0, Decoded::Other, "encrypted");
}

#[test]
fn tunnels_over_udp() {
    let (v4, v6) = (v4(), v6());
    let frame = ethernet(0x0800, &v4);
    let link = LinkType::RAW;
    let over = |port, payload: &[u8]| ipv4(17, &udp(port, payload));
    expect(link, &over(4789, &behind("08000000 00002a00", &frame)), &["vxlan 42"]);
    expect(link, &over(8472, &behind("08000000 00002a00", &frame)), &["vxlan 42"]);
    expect(link, &over(4790, &behind("0c000002 00002a00", &v6)), &["vxlan 42"]);
    expect(link, &over(6081, &behind("0000 6558 00002a00", &frame)), &["geneve 42"]);
    expect(link, &over(6081, &behind("0140 86dd 00002a00 01020304", &v6)), &["geneve 42"]);
    // Tunnel endpoint ids differ by direction.
    expect(link, &over(2152, &behind("30ff 0031 00000005", &v4)), &[]);
    expect(link, &over(2152, &behind("34ff 0039 00000005 0000 00 85 01100500", &v6)), &[]);
    expect(link, &over(1701, &behind("0002 0001 0002 ff03 0021", &v4)), &[]);
    expect(link, &over(1701, &behind("4802 0035 0001 0002 0000 0000 0021", &v4)), &[]);
    expect(link, &over(3544, &v6), &[]);
    expect(link, &over(3544, &behind("0001 0000 0000000000000000 00 0000 1234 01020304", &v6)), &[]);
    expect(link, &over(4754, &behind("0000 0800", &v4)), &[]);
    expect(
        link,
        &over(5072, &behind(&format!("4152 1129 00000000 {} {}", "00".repeat(16), "00".repeat(20)), &v6)),
        &[],
    );
    // Wireless frames from an access point, frame control swapped.
    let wlan = behind(&format!("0108 {} aaaa03 000000 0800", "00".repeat(22)), &v4);
    expect(link, &over(5247, &behind("00 10 03 00 00000000", &wlan)), &[]);
    for (port, payload) in [(4789, "00000000 00000000"), (6081, "8000 6558 00000000"), (2152, "3201 0004 00000000")] {
        assert_eq!(decode(link, &over(port, &behind(payload, &frame))).0, Decoded::Other, "port {port}");
    }
    let nested = over(4789, &behind("08000000 00002a00", &ethernet(0x8100, &behind("0007 0800", &v4))));
    expect(LinkType::ETHERNET, &ethernet(0x8100, &behind("0064 0800", &nested)), &["vlan 100", "vxlan 42", "vlan 7"]);
}

#[test]
fn extension_headers() {
    let tcp = tcp();
    let link = LinkType::RAW;
    expect(link, &ipv6(0, &behind("06 00 0104 00000000", &tcp)), &[]);
    expect(link, &ipv6(60, &behind("2b00 0104 00000000 0600 0000 00000000", &tcp)), &[]);
    expect(link, &ipv6(44, &behind("0600 0000 00000001", &tcp)), &[]);
    let ah = behind("06 04 0000 00000001 00000001 000000000000000000000000", &tcp);
    expect(link, &ipv4(51, &ah), &[]);
    expect(link, &ipv6(51, &ah), &[]);
    assert_eq!(decode(link, &ipv6(59, &[])).0, Decoded::Other);
}

#[test]
fn fragments_of_both_families() {
    let payload = [7_u8; 3_000];
    let tcp = Tcp { payload: &payload, ..Tcp::default() }.bytes();
    let v4 = |start: usize, end: usize, more: bool| {
        ipv4_fragment(6, (start / 8) as u16 | u16::from(more) << 13, &tcp[start..end])
    };
    let v6 = |start: usize, end: usize, more: bool| {
        let offset = format!("3c00 {:04x} 0000beef", start | usize::from(more));
        // A destination options header is part of what was cut up.
        let whole = behind("0600 0104 00000000", &tcp);
        ipv6(44, &behind(&offset, &whole[start..end]))
    };
    let mut decoder = Decoder::new();
    let mut decode = |data: &[u8], captured: usize| {
        let data = &data[..data.len().min(captured)];
        decoder.decode(&Packet { number: 3, time: Time(5), link: LinkType::RAW, wire_len: 9_999, data })
    };
    for captured in [9_999, 100] {
        assert_eq!(decode(&v4(2_000, 3_020, false), captured), Decoded::Other);
        assert_eq!(decode(&v4(0, 1_000, true), captured), Decoded::Other);
        let Decoded::Segment(segment) = decode(&v4(1_000, 2_000, true), captured) else { panic!("whole") };
        assert_eq!((segment.len, segment.flags.0, segment.src.port), (3_000, 0x18, 40_000));
        let lost = if captured == 100 { 920 + 920 + 940 } else { 0 };
        assert_eq!(segment.captured, 3_000 - lost);

        assert_eq!(decode(&v6(0, 1_232, true), captured), Decoded::Other);
        let Decoded::Segment(segment) = decode(&v6(1_232, 3_028, false), captured) else { panic!("whole") };
        assert_eq!((segment.len, segment.dst.port), (3_000, 80));
    }
}
