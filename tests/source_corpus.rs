//! Real captures of other projects against what other tools say about them (`oracle.jsonl`).
//!
//! Packets, TCP segments, and for each pair of sockets the packets and payload bytes in each direction must be
//! equal. Where ours differ on purpose, `DIFFERENT` names the capture and why.

mod common;

use std::collections::BTreeMap;

use common::shared::socket;
use serde_json::Value;
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::segment::Socket;
use tcpstate::source;

/// Captures on which ours differ, and why ours are right.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "suricata-verify/transform-base64-7296.pcap",
        "packets 11 and 59 lost four bytes of their IP header; what stands where the TCP header should be claims 60 \
         bytes of header in a packet that has 32. Receivers drop it; tshark counts it as a segment of a connection \
         between ports that never spoke.",
    ),
    (
        "suricata-verify/bug-76.pcap",
        "packet 46 is overwritten with 0xaa from the ninth byte of its TCP header on: 40 bytes of header in 32. \
         Receivers drop it; tshark counts it.",
    ),
    (
        "pcapflowlab/showcase-pcap_flow_lab_showcase.pcap",
        "packet 1327 is a pseudowire without control word whose Ethernet address begins with a zero byte; tshark \
         takes that for a control word and stops, we find the TCP segment (its payload is `mpls-pw-ipv4-tcp`).",
    ),
];

/// Packets and bytes sent by the first socket of the pair, then by the second.
type Pairs = BTreeMap<(Socket, Socket), [(u64, u64); 2]>;

#[derive(Debug, Default)]
struct Seen {
    packets: u64,
    segments: u64,
    icmp: u64,
    undecoded: u64,
    pairs: Pairs,
}

fn count(pairs: &mut Pairs, src: Socket, dst: Socket, packets: u64, bytes: u64) {
    let (key, side) = if src <= dst { ((src, dst), 0) } else { ((dst, src), 1) };
    let sum = &mut pairs.entry(key).or_default()[side];
    *sum = (sum.0 + packets, sum.1 + bytes);
}

fn read(path: &std::path::Path) -> Result<Seen, source::OpenError> {
    let mut source = source::open(&[path])?;
    let mut decoder = Decoder::new();
    let mut seen = Seen::default();
    while let Some(packet) = source.next() {
        seen.packets += 1;
        assert_eq!(packet.number, seen.packets);
        match decoder.decode(&packet) {
            Decoded::Segment(s) => {
                seen.segments += 1;
                count(&mut seen.pairs, s.src, s.dst, 1, u64::from(s.len));
            }
            Decoded::Icmp(_) => seen.icmp += 1,
            Decoded::Undecoded => seen.undecoded += 1,
            Decoded::Other => {}
        }
        while let Some(s) = decoder.more() {
            seen.segments += 1;
            count(&mut seen.pairs, s.src, s.dst, 1, u64::from(s.len));
        }
    }
    Ok(seen)
}

fn expected(line: &Value) -> Pairs {
    let mut pairs = Pairs::new();
    for stream in line["streams"].as_array().expect("streams") {
        let (a, b) = (socket(&stream["a"]), socket(&stream["b"]));
        let number = |what: &str, side: usize| stream[what][side].as_u64().expect("a number");
        count(&mut pairs, a, b, number("packets", 0), number("bytes", 0));
        count(&mut pairs, b, a, number("packets", 1), number("bytes", 1));
    }
    pairs
}

/// What differs, one line each.
fn compare(line: &Value, seen: &Seen) -> Vec<String> {
    let mut out = Vec::new();
    if line["packets"].as_u64() != Some(seen.packets) {
        out.push(format!("packets {}, expected {}", seen.packets, line["packets"]));
    }
    if ![&line["tcp_frames"], &line["tcp_segments"]].iter().any(|n| n.as_u64() == Some(seen.segments)) {
        let (frames, segments) = (&line["tcp_frames"], &line["tcp_segments"]);
        out.push(format!("segments {}, expected {frames} frames or {segments} segments", seen.segments));
    }
    if line["tcp_in_icmp"].as_u64() != Some(seen.icmp) {
        out.push(format!("ICMP errors {}, expected {}", seen.icmp, line["tcp_in_icmp"]));
    }
    let mut want = expected(line);
    if line.get("streams_cut_at").is_some() {
        want.retain(|pair, _| seen.pairs.contains_key(pair));
    }
    for (pair, sums) in &want {
        if seen.pairs.get(pair) != Some(sums) {
            out.push(format!("{} {} {:?}, expected {sums:?}", pair.0, pair.1, seen.pairs.get(pair)));
        }
    }
    let more = seen.pairs.keys().filter(|pair| !want.contains_key(pair) && line.get("streams_cut_at").is_none());
    out.extend(more.map(|pair| format!("{} {} only ours", pair.0, pair.1)));
    out
}

#[test]
fn packets_segments_and_bytes_are_the_oracles() {
    let Some(corpus) = common::corpus() else { return };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in common::oracle(&corpus) {
        let file = line["file"].as_str().expect("a name");
        let seen = match read(&corpus.join(file)) {
            Ok(seen) => seen,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let good = line["set"] == "good";
        let differences = compare(&line, &seen);
        if seen.undecoded > 0 || !differences.is_empty() {
            eprintln!("{} {file}: {} undecoded of {}", line["set"], seen.undecoded, seen.packets);
        }
        for difference in differences.iter().take(8) {
            eprintln!("    {difference}");
        }
        if good {
            compared += 1;
            let known = DIFFERENT.iter().any(|(name, _)| *name == file);
            if known == differences.is_empty() {
                wrong.push(format!("{file}: {} differences", differences.len()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "of {compared}");
}
