//! File formats: every header variant that is in use, built byte by byte.

mod common;

use std::io::Cursor;

use common::capture::{Ng, Pcap};
use common::compress;
use common::frame::{self, Tcp};
use tcpstate::source::{self, FileInfo, LinkType};

/// Time in nanoseconds, link type, length on the wire, captured bytes.
type Seen = (i64, u16, u32, Vec<u8>);

fn read(bytes: Vec<u8>) -> (Vec<Seen>, FileInfo) {
    let mut source = source::open_reader("test", Box::new(Cursor::new(bytes))).expect("a capture");
    let mut seen = Vec::new();
    while let Some(packet) = source.next() {
        seen.push((packet.time.0, packet.link.0, packet.wire_len, packet.data.to_vec()));
    }
    (seen, source.files().remove(0))
}

fn refused(bytes: &[u8]) -> String {
    match source::open_reader("test", Box::new(Cursor::new(bytes.to_vec()))) {
        Ok(_) => panic!("not a capture"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn pcap_in_all_its_magic_numbers() {
    let expect = |magic, nanos: i64| {
        for big in [false, true] {
            let file = Pcap::new(magic, big, 101).record(1, 5, 9, b"abc").record(2, 6, 3, b"xyz").bytes;
            let (seen, info) = read(file);
            let times = [1_000_000_000 + 5 * nanos, 2_000_000_000 + 6 * nanos];
            assert_eq!(seen, [(times[0], 101, 9, b"abc".to_vec()), (times[1], 101, 3, b"xyz".to_vec())], "{magic:x}");
            assert_eq!((info.format.as_str(), info.link_type.as_str(), info.packets), ("pcap", "RAW", 2));
            assert_eq!((info.cut, info.snap_len, info.problem), (1, None, None), "one says nothing of a snap length");
        }
    };
    expect(0xa1b2_c3d4, 1_000);
    expect(0xa1b2_3c4d, 1);
    expect(0xa1b2_cd34, 1_000);
}

#[test]
fn a_snap_length_is_what_the_file_declares_or_what_many_packets_are_cut_to() {
    // The file declares 262,144 bytes, and so many packets are cut to so many bytes each.
    let cuts = |cuts: &[(u32, usize)]| {
        let packets = cuts.iter().flat_map(|&(many, len)| vec![len; many as usize]);
        let file = packets.fold(Pcap::new(0xa1b2_c3d4, false, 101).record(1, 5, 3, b"xyz"), |file, len| {
            file.record(2, 6, 900, &vec![b'x'; len])
        });
        let (_, info) = read(file.bytes);
        (info.cut, info.snap_len)
    };
    assert_eq!(cuts(&[]), (0, None));
    assert_eq!(cuts(&[(1, 128), (1, 10)]), (2, None));
    assert_eq!(cuts(&[(40, 96)]), (40, Some(96)));
    assert_eq!(cuts(&[(2, 10), (40, 96), (1, 10)]), (43, Some(96)));
    assert_eq!(cuts(&[(5, 96), (5, 200), (5, 300)]), (15, None), "cut to whatever");
    // Declared, in the header.
    let mut file = Pcap::new(0xa1b2_c3d4, false, 101).record(1, 5, 900, &[b'x'; 96]).record(2, 5, 900, b"xyz").bytes;
    file[16..20].copy_from_slice(&96_u32.to_le_bytes());
    let (_, info) = read(file);
    assert_eq!((info.cut, info.snap_len), (2, Some(96)));
}

#[test]
fn the_link_type_is_sixteen_bits_and_the_rest_tells_the_checksum() {
    // Length 2 words, present.
    let (seen, info) = read(Pcap::new(0xa1b2_c3d4, false, 0x2400_0001).packet(1, b"frame....FCS.").bytes);
    assert_eq!((seen[0].2, seen[0].3.as_slice()), (9, b"frame....".as_slice()));
    assert_eq!(info.link_type, "ETHERNET");
    // Cut by the snap length: only what reaches into the checksum goes.
    let (seen, _) = read(Pcap::new(0xa1b2_c3d4, false, 0x2400_0001).record(1, 0, 10, b"frame..").bytes);
    assert_eq!((seen[0].2, seen[0].3.as_slice()), (6, b"frame.".as_slice()));
    // The length without the bit that it is valid.
    let (seen, _) = read(Pcap::new(0xa1b2_c3d4, false, 0x2000_0001).packet(1, b"frame").bytes);
    assert_eq!(seen[0].2, 5);
}

#[test]
fn pcap_before_version_2_3_has_its_lengths_swapped() {
    let mut file = Pcap::ethernet().record(1, 0, 3, b"frame").bytes;
    file[6] = 2;
    // Now the first length is that on the wire.
    file[24 + 8..24 + 16].copy_from_slice(&[9, 0, 0, 0, 5, 0, 0, 0]);
    let (seen, _) = read(file);
    assert_eq!((seen[0].2, seen[0].3.as_slice()), (9, b"frame".as_slice()));
}

#[test]
fn pcapng_in_both_byte_orders() {
    for big in [false, true] {
        let hour = Ng::new(big).order.u64(3_600);
        let back = Ng::new(big).order.u64((-10_i64) as u64);
        let file = Ng::new(big)
            .block(0x0bad, b"unknown blocks are passed over")
            .interface(1, 0, &[])
            .interface(113, 4, &[(9, &[9]), (14, &hour)])
            .interface(101, 0, &[(1, b"comment"), (9, &[0x80 | 1]), (14, &back)])
            .enhanced(0, 1_500_000, 5, b"first", &[])
            .enhanced(1, 7, 50, b"snap", &[(1, b"a comment")])
            .enhanced(2, 25, 3, b"two", &[])
            .simple(6, b"simple")
            .old_packet(1, 0xffff, 8, b"old");
        let (seen, info) = read(file.bytes);
        let hour = 3_600_000_000_000;
        assert_eq!(seen[0], (1_500_000_000, 1, 5, b"first".to_vec()));
        assert_eq!(seen[1], (hour + 7, 113, 50, b"snap".to_vec()));
        assert_eq!(seen[2], (2_500_000_000, 101, 3, b"two".to_vec()), "ticks of half a second, ten seconds back");
        assert_eq!(seen[3], (2_500_000_000, 1, 6, b"simple".to_vec()), "has the time of the packet before");
        assert_eq!(seen[4], (hour + 8, 113, 3, b"old".to_vec()));
        assert_eq!((info.format.as_str(), info.link_type.as_str()), ("pcapng", "ETHERNET, LINUX_SLL, RAW"));
        assert_eq!((info.snap_len, info.dropped, info.problem), (Some(4), None, None));
    }
}

#[test]
fn simple_packets_end_at_the_snap_length_and_not_in_the_padding() {
    let (seen, _) = read(Ng::new(false).interface(1, 62, &[]).simple(314, &[7; 62]).simple(3, b"abc").bytes);
    assert_eq!((seen[0].2, seen[0].3.len()), (314, 62));
    assert_eq!(seen[1].3, b"abc");
}

#[test]
fn sections_start_anew() {
    let file = Ng::new(false).interface(1, 0, &[(9, &[9])]).enhanced(0, 1, 1, b"a", &[]);
    let file = file.section(true).interface(101, 0, &[]).enhanced(0, 1, 1, b"b", &[]).enhanced(1, 1, 1, b"c", &[]);
    let (seen, info) = read(file.bytes);
    assert_eq!(seen, [(1, 1, 1, b"a".to_vec()), (1_000, 101, 1, b"b".to_vec())]);
    let problem = info.problem.expect("interface 1 is of the first section");
    assert!(problem.starts_with("packet 3 at byte offset ") && problem.contains("not described"), "{problem}");
}

#[test]
fn drops_are_the_last_statistics_of_each_interface() {
    let number = |n: u64| n.to_be_bytes();
    let file = Ng::new(true).interface(1, 0, &[]).interface(1, 0, &[]);
    let file = file.statistics(0, &[(4, &number(100)), (5, &number(3)), (7, &number(1))]);
    let file = file.statistics(0, &[(5, &number(5)), (7, &number(2))]).statistics(1, &[(5, &number(10))]);
    assert_eq!(read(file.bytes).1.dropped, Some(17));
    // Without statistics, what packet blocks say was lost before them.
    let file = Ng::new(false).interface(1, 0, &[]).old_packet(0, 3, 0, b"a");
    let file = file.enhanced(0, 0, 1, b"b", &[(4, &4_u64.to_le_bytes())]);
    assert_eq!(read(file.bytes).1.dropped, Some(7));
    assert_eq!(read(Ng::new(false).interface(1, 0, &[]).bytes).1.dropped, None);
}

/// Options of a block in this file's byte order.
type Written = Vec<(u16, Vec<u8>)>;

#[test]
fn a_whole_capture_ends_when_its_statistics_say() {
    let halves = |file: &Ng, ticks: u64| {
        let word = |n: u64| file.order.u32(n as u32);
        [word(ticks >> 32), word(ticks)].concat()
    };
    let until = |big: bool, resolution: u8, packets: u64, options: &dyn Fn(&Ng) -> Written| {
        let mut file = Ng::new(big).interface(1, 0, &[(9, &[resolution])]);
        let per_second = 10_u64.pow(u32::from(resolution));
        for n in 0..packets {
            file = file.enhanced(0, (1_700_000_000 + n) * per_second, 1, b"a", &[]);
        }
        let options = options(&file);
        let options: Vec<(u16, &[u8])> = options.iter().map(|(code, value)| (*code, value.as_slice())).collect();
        read(file.statistics(0, &options).bytes).1.until.map(|until| until.0 / 1_000_000)
    };
    let end = 1_700_000_009_500;
    for big in [false, true] {
        let number = |file: &Ng, n: u64| file.order.u64(n).to_vec();
        let dumpcap = |file: &Ng| vec![(3, halves(file, end * 1_000)), (4, number(file, 3)), (5, number(file, 0))];
        assert_eq!(until(big, 6, 3, &dumpcap), Some(end as i64));
        // It writes microseconds there, also where packets have nanoseconds.
        assert_eq!(until(big, 9, 3, &dumpcap), Some(end as i64));
        assert_eq!(until(big, 9, 3, &|f| vec![(3, halves(f, end * 1_000_000)), (8, number(f, 3))]), Some(end as i64));
        assert_eq!(until(big, 6, 2, &dumpcap), None, "a packet was taken out");
        assert_eq!(until(big, 6, 3, &|f| vec![(3, halves(f, end * 1_000))]), None, "nothing tells whether it is whole");
        assert_eq!(until(big, 6, 3, &|f| vec![(4, number(f, 3))]), None);
    }
}

#[test]
fn frame_check_sequences_of_pcapng_go() {
    let flags = (4_u32 << 5).to_le_bytes();
    let file = Ng::new(false).interface(1, 0, &[(13, &[4])]).interface(1, 0, &[(13, &[32])]).interface(1, 0, &[]);
    let file = (0..2).fold(file, |file, interface| file.enhanced(interface, 0, 9, b"frameFCS.", &[]));
    let (seen, _) = read(file.enhanced(2, 0, 9, b"frameFCS.", &[(2, &flags)]).bytes);
    assert!(seen.iter().all(|packet| packet.2 == 5 && packet.3 == b"frame"), "{seen:?}");
}

#[test]
fn a_damaged_block_costs_that_block() {
    let good = |file: Ng, data: &[u8]| file.enhanced(0, 1_000, data.len() as u32, data, &[]);
    let mut file = good(Ng::new(false).interface(1, 0, &[]), b"before");
    let at = file.bytes.len();
    let mut body = vec![0; 20];
    body[12..16].copy_from_slice(&5_000_u32.to_le_bytes());
    file = good(file.block(6, &body), b"after");
    let (seen, info) = read(file.bytes);
    assert_eq!(seen.len(), 2);
    let expected = format!("packet 2 at byte offset {at}: block skipped: its lengths do not fit together");
    assert_eq!(info.problem, Some(expected));
}

#[test]
fn a_cut_file_says_where() {
    let mut bytes = Pcap::ethernet().packet(1, &[1; 60]).packet(2, &[2; 96]).bytes;
    bytes.truncate(bytes.len() - 56);
    let (seen, info) = read(bytes);
    assert_eq!(seen.len(), 1);
    let expected = "packet 2 at byte offset 100: record says 96 bytes, file ends after 40";
    assert_eq!(info.problem.as_deref(), Some(expected));

    let mut bytes = Ng::new(false).interface(1, 0, &[]).enhanced(0, 0, 8, &[1; 8], &[]).bytes;
    bytes.truncate(bytes.len() - 20);
    let (seen, info) = read(bytes);
    assert_eq!(seen.len(), 0);
    assert_eq!(info.problem.as_deref(), Some("packet 1 at byte offset 48: block says 40 bytes, file ends after 20"));
}

#[test]
fn compressed_input_is_recognised_by_content_and_read_through_all_its_frames() {
    let bytes = Pcap::ethernet().packet(1, &[1; 60]).packet(2, &[2; 60]).packet(3, &[3; 60]).bytes;
    let (start, end) = bytes.split_at(130);
    for (name, compress) in [
        ("gzip", compress::gzip as fn(&[u8]) -> Vec<u8>),
        ("zstd", compress::zstd),
        ("lz4", compress::lz4),
        ("bzip2", compress::bzip2),
    ] {
        let (seen, info) = read([compress(start), compress(&[]), compress(end)].concat());
        assert_eq!(seen.len(), 3, "{name}");
        assert_eq!((info.format, info.problem), (format!("{name} pcap"), None));
    }
    let (seen, info) = read(compress::xz_one_packet());
    assert_eq!((seen.len(), info.format.as_str()), (1, "xz pcap"));
    let tcp = frame::ethernet(0x0800, &frame::ipv4(6, &Tcp::default().bytes()));
    assert_eq!(seen[0].3, tcp);
    // zstd files may begin with a frame that is to be skipped.
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9], &compress::zstd(&bytes)[..]].concat();
    assert_eq!(read(skippable).0.len(), 3);
}

#[test]
fn cut_compressed_input_keeps_what_was_read() {
    let mut file = Pcap::ethernet();
    let mut numbers = common::Numbers::new(1);
    for second in 0..20_000 {
        let noise: Vec<u8> = (0..60).map(|_| numbers.next() as u8).collect();
        file = file.packet(second, &noise);
    }
    for compress in [compress::gzip, compress::zstd, compress::lz4, compress::bzip2] {
        let mut bytes = compress(&file.bytes);
        bytes.truncate(bytes.len() * 3 / 4);
        let (seen, info) = read(bytes);
        assert!(seen.len() > 5_000 && seen.len() < 20_000, "{} {}", info.format, seen.len());
        let problem = info.problem.expect("it is cut");
        assert!(problem.starts_with(&format!("packet {} at byte offset ", seen.len() + 1)), "{problem}");
    }
}

#[test]
fn what_is_no_capture_is_told_by_what_it_is() {
    let expect = |bytes: &[u8], words: &str| {
        let error = refused(bytes);
        assert!(error.starts_with("test ") && error.contains(words), "{error}");
    };
    expect(b"", "is empty (0 bytes)");
    expect(b"{\"a\": 1}", "it looks like JSON");
    expect(b"Hello, world\n", "it looks like text");
    // Its letters would make a time, a kind and a length of an ERF record.
    expect(b"2026-03-02 09:00:01 ERROR x\n", "it looks like text");
    expect(&[0; 4096], "nothing but zero bytes");
    expect(b"\x7fELF\x02\x01\x01\0\0\0\0\0", "a program");
    expect(&compress::gzip(b"plain words"), "gzip data, and what is in it is not a capture: it looks like text");
    expect(&compress::gzip(b""), "gzip data, and what is in it is empty");
    for (name, compress) in [
        ("gzip", compress::gzip as fn(&[u8]) -> Vec<u8>),
        ("zstd", compress::zstd),
        ("lz4", compress::lz4),
        ("bzip2", compress::bzip2),
    ] {
        let whole = compress(&Pcap::ethernet().packet(1, b"frame").bytes);
        let cut = &whole[..whole.len() - 12];
        let told = match source::open_reader("test", Box::new(Cursor::new(cut.to_vec()))) {
            Ok(mut source) => {
                while source.next().is_some() {}
                source.files().remove(0).problem.unwrap_or_default()
            }
            Err(error) => error.to_string(),
        };
        assert!(told.contains(&format!("the {name} data ends in the middle, after {} bytes", cut.len())), "{told}");
    }
    expect(&Pcap::ethernet().bytes[..20], "ends inside the pcap file header, after 20 of 24 bytes");
    expect(&Ng::new(false).bytes[..20], "ends inside the pcapng section header, after 20 of 28 bytes");
    expect(&[0x83, 0x11, 0xfe, 0x01], "is not a capture that is known (it starts with 83 11 fe 01)");
}

#[test]
fn a_capture_without_packets_is_a_capture() {
    let (seen, info) = read(Pcap::ethernet().bytes);
    assert!(seen.is_empty());
    assert_eq!((info.link_type.as_str(), info.problem, info.unreadable), ("ETHERNET", None, false));
    assert_eq!(LinkType(60_000).to_string(), "60000");
}
