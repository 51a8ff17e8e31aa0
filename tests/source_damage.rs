//! Damaged and hostile input: whatever the bytes, reading ends, nothing panics, and messages stay printable.

mod common;

use std::io::{Cursor, Read};

use common::Numbers;
use common::capture::{Ng, Pcap};
use common::compress;
use common::frame::{self, Tcp};
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::source::{self, LinkType, Packet};
use tcpstate::time::Time;

/// Damaged inputs in all.
const INPUTS: usize = 3_000;
/// Larger captures say nothing new about damage and take longer.
const LARGEST: u64 = 64 << 10;

/// Captures to damage: synthetic ones, and the corpus where it is.
fn originals() -> Vec<(Vec<u8>, bool)> {
    let tcp = Tcp::default().bytes();
    let v4 = frame::ethernet(0x0800, &frame::ipv4(6, &tcp));
    let v6 = frame::ethernet(0x86dd, &frame::ipv6(6, &tcp));
    let first = frame::ethernet(0x0800, &frame::ipv4_fragment(6, 0x2000, &tcp[..24]));
    let last = frame::ethernet(0x0800, &frame::ipv4_fragment(6, 3, &tcp[24..]));
    let mut out = Vec::new();
    for big in [false, true] {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
            let file = Pcap::new(magic, big, 1);
            out.push((file.packet(1, &v4).packet(2, &v6).packet(3, &first).packet(3, &last).bytes, true));
        }
        let file = Ng::new(big).interface(1, 96, &[(9, &[0x8a]), (14, &[0; 8])]);
        let file = file.enhanced(0, 7, 90, &v4, &[(2, &[0x80, 0, 0, 0])]).simple(60, &v6).old_packet(0, 3, 9, &v4);
        out.push((file.statistics(0, &[(5, &[0, 0, 0, 0, 0, 0, 0, 9])]).section(!big).bytes, true));
    }
    let plain = out[0].0.clone();
    let compressors = [compress::gzip, compress::zstd, compress::lz4, compress::bzip2];
    out.extend(compressors.map(|compress| ([compress(&plain), compress(&[])].concat(), false)));
    out.push((compress::xz_one_packet(), false));
    if let Some(corpus) = common::corpus() {
        for line in common::oracle(&corpus) {
            let path = corpus.join(line["file"].as_str().expect("a name"));
            if path.metadata().is_ok_and(|m| m.len() <= LARGEST) {
                out.push((std::fs::read(path).expect("readable"), false));
            }
        }
    }
    out
}

fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    const TELLING: [u32; 8] = [0, 1, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0001_0000, 0x0100_0000];
    for _ in 0..1 + numbers.below(6) {
        let at = numbers.below(bytes.len());
        // Headers are where damage tells most.
        let at = if numbers.below(3) == 0 { at.min(numbers.below(200)) } else { at };
        match numbers.below(7) {
            0 => bytes.truncate(at),
            1 | 2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
            3 => {
                let word = TELLING[numbers.below(TELLING.len())];
                let word = if numbers.below(2) == 0 { word.to_le_bytes() } else { word.to_be_bytes() };
                bytes.iter_mut().skip(at & !3).zip(word).for_each(|(byte, new)| *byte = new);
            }
            4 => {
                let end = (at + numbers.below(64)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            5 => {
                let end = (at + numbers.below(64)).min(bytes.len());
                let copy = bytes[at.min(end)..end].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => {
                let noise = numbers.next().to_le_bytes();
                bytes.iter_mut().skip(at).zip(noise).for_each(|(byte, new)| *byte = new);
            }
        }
    }
}

/// Reads a capture to its end and checks what must hold for any.
fn read(bytes: Vec<u8>) -> u64 {
    let printable = |text: &str| assert!(!text.chars().any(char::is_control), "{text:?}");
    let mut source = match source::open_reader("a\x1bb", Box::new(Cursor::new(bytes))) {
        Ok(source) => source,
        Err(error) => {
            printable(&error.to_string());
            return 0;
        }
    };
    let mut decoder = Decoder::new();
    let mut packets = 0;
    while let Some(packet) = source.next() {
        packets += 1;
        assert_eq!(packet.number, packets);
        if let Decoded::Segment(segment) = decoder.decode(&packet) {
            assert!(segment.captured <= segment.len, "{segment:?}");
            let _ = decoder.scope(segment.scope);
        }
    }
    assert!(source.next().is_none(), "the end stays the end");
    for info in source.files() {
        info.problem.iter().chain([&info.name, &info.format, &info.link_type]).for_each(|text| printable(text));
        assert_eq!(info.packets, packets);
    }
    packets
}

#[test]
fn damaged_captures_are_read_as_far_as_they_go() {
    let originals = originals();
    let mut packets = 0;
    for seed in 0..INPUTS {
        let mut numbers = Numbers::new(seed as u64);
        let (mut bytes, _) = originals[numbers.below(originals.len())].clone();
        damage(&mut bytes, &mut numbers);
        packets += read(bytes);
    }
    // Those that are made here have few packets each.
    let least = if common::corpus().is_some() { INPUTS } else { INPUTS / 2 };
    assert!(packets > least as u64, "damage must leave something to read: {packets}");
}

#[test]
fn every_cut_of_a_capture_keeps_the_packets_before_it() {
    for (bytes, whole) in originals().into_iter().filter(|(_, synthetic)| *synthetic) {
        assert!(whole);
        let mut last = 0;
        for cut in 0..=bytes.len() {
            let packets = read(bytes[..cut].to_vec());
            assert!(packets >= last, "{packets} packets of {cut} bytes, {last} of fewer");
            last = packets;
        }
        assert!(last >= 3);
    }
}

#[test]
fn damaged_packets_of_every_link_type_are_decoded_or_not() {
    let mut frames: Vec<(LinkType, Vec<u8>)> = Vec::new();
    for (bytes, _) in originals() {
        let Ok(mut source) = source::open_reader("x", Box::new(Cursor::new(bytes))) else { continue };
        while let Some(packet) = source.next() {
            if frames.len() < 4_000 && packet.number <= 60 {
                frames.push((packet.link, packet.data[..packet.data.len().min(400)].to_vec()));
            }
        }
    }
    const LINKS: [u16; 16] = [0, 1, 6, 10, 50, 101, 104, 105, 107, 113, 119, 127, 192, 197, 239, 276];
    let mut decoder = Decoder::new();
    for seed in 0..20_000 {
        let mut numbers = Numbers::new(seed);
        let (mut link, mut data) = frames[numbers.below(frames.len())].clone();
        damage(&mut data, &mut numbers);
        if numbers.below(4) == 0 {
            link = LinkType(LINKS[numbers.below(LINKS.len())]);
        }
        let wire_len = if numbers.below(4) == 0 { numbers.next() as u32 } else { data.len() as u32 };
        let packet = Packet { number: seed + 1, time: Time(numbers.next() as i64), link, wire_len, data: &data };
        decoder.decode(&packet);
        while decoder.more().is_some() {}
    }
}

#[test]
fn headers_within_headers_come_to_an_end() {
    let tcp = frame::ipv4(6, &Tcp::default().bytes());
    let mut nested = tcp.clone();
    for _ in 0..2_000 {
        nested = frame::ipv4(4, &nested);
        nested.truncate(60_000);
    }
    let mut tags = Vec::new();
    for _ in 0..10_000 {
        tags.extend([0x81, 0x00, 0x00, 0x07]);
    }
    tags.extend([0x08, 0x00]);
    tags.extend(&tcp);
    let tags = frame::ethernet(0x8100, &tags[2..]);
    let labels: Vec<u8> = std::iter::repeat_n([0, 0, 0, 1], 10_000).flatten().collect();
    let labels = frame::ethernet(0x8847, &labels);
    let mut decoder = Decoder::new();
    let mut decode = |link, data: &[u8]| {
        decoder.decode(&Packet { number: 1, time: Time(0), link, wire_len: data.len() as u32, data })
    };
    assert_eq!(decode(LinkType::RAW, &nested), Decoded::Undecoded);
    assert!(matches!(decode(LinkType::ETHERNET, &tags), Decoded::Segment(_)), "tags of any depth");
    assert_eq!(decode(LinkType::ETHERNET, &labels), Decoded::Undecoded);
}

/// Claims to go on for ever.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.0 += out.len() as u64;
        assert!(self.0 < 64 << 20, "read on after damage");
        out.fill(0xff);
        Ok(out.len())
    }
}

#[test]
fn a_length_that_cannot_be_stops_reading_instead_of_filling_memory() {
    let head = Pcap::ethernet().packet(1, &[0; 60]).bytes;
    let endless = Cursor::new(head).chain(Endless(0));
    let mut source = source::open_reader("endless", Box::new(endless)).unwrap();
    while source.next().is_some() {}
    let info = &source.files()[0];
    assert_eq!(info.packets, 1);
    assert!(info.problem.as_ref().is_some_and(|p| p.starts_with("packet 2 at byte offset 100: ")), "{info:?}");
}
