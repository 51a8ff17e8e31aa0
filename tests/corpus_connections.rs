//! Connections in real captures of other projects, against tshark's streams (`oracle.jsonl`): how many there are on each
//! pair of sockets, and who opened them. Where ours differ on purpose, `DIFFERENT` names the pair and why.

#[path = "common/analysis.rs"]
mod analysis;
mod common;

use std::collections::BTreeMap;

use common::shared::socket;
use tcpstate::analyze::Options;
use tcpstate::report::{Report, Role};
use tcpstate::segment::Socket;

/// Captures, and the differences that we keep: (port of either end, or 0 for all; ours minus tshark's; why ours is right).
const DIFFERENT: &[(&str, u16, i64, &str)] = &[
    (
        "suricata-verify/transform-base64-7296.pcap",
        59207,
        -1,
        "the stream is made of two packets whose TCP headers claim more than the packets hold: nobody receives them",
    ),
    (
        "pcapflowlab/showcase-pcap_flow_lab_showcase.pcap",
        49440,
        1,
        "the same four-tuple in VXLAN networks 100 and 200: two tenants, two connections",
    ),
    (
        "pcapflowlab/showcase-pcap_flow_lab_showcase.pcap",
        49550,
        1,
        "the same four-tuple in Geneve networks 100 and 200: two tenants, two connections",
    ),
    (
        "pcapflowlab/showcase-pcap_flow_lab_showcase.pcap",
        49180,
        1,
        "a pseudowire without control word, which tshark takes for one with",
    ),
    (
        "arkime/tcp_handshake_synthetic.pcap",
        40003,
        -1,
        "a SYN with another sequence number meets SYN_RCVD, is answered by a challenge ACK with the old numbers, and \
         the old SYN,ACK is repeated: the connection goes on, the SYN began none (RFC 9293 3.10.7.4, RFC 5961 4)",
    ),
    (
        "suricata-verify/bug-76.pcap",
        53104,
        -1,
        "tshark begins a stream at a packet overwritten with 0xaa, whose TCP header is longer than the packet",
    ),
];

fn analyze(path: &std::path::Path) -> Report {
    analysis::of_file(path, Options::default()).expect("a good capture")
}

fn pair(a: Socket, b: Socket) -> (Socket, Socket) {
    if a <= b { (a, b) } else { (b, a) }
}

#[test]
fn connections_are_tsharks_streams_except_where_ours_are_better() {
    let Some(corpus) = common::corpus() else { return };
    let mut wrong = Vec::new();
    let mut used = vec![false; DIFFERENT.len()];
    for line in common::oracle(&corpus).into_iter().filter(|l| l["set"] == "good" && l.get("streams_cut_at").is_none())
    {
        let file = line["file"].as_str().expect("a name");
        let report = analyze(&corpus.join(file));
        let mut counts: BTreeMap<(Socket, Socket), i64> = BTreeMap::new();
        for c in &report.connections {
            *counts.entry(pair(c.client, c.server)).or_default() += 1;
        }
        for s in line["streams"].as_array().expect("streams") {
            *counts.entry(pair(socket(&s["a"]), socket(&s["b"]))).or_default() -= 1;
        }
        for ((a, b), difference) in counts.into_iter().filter(|(_, n)| *n != 0) {
            let known = DIFFERENT
                .iter()
                .position(|(f, port, n, _)| *f == file && *n == difference && (*port == a.port || *port == b.port));
            match known {
                Some(i) => used[i] = true,
                None => wrong.push(format!("{file}: {a} {b}: {difference:+} connections")),
            }
        }
    }
    for (known, used) in DIFFERENT.iter().zip(used) {
        if !used {
            wrong.push(format!("{} port {}: no difference any more, remove it from the list", known.0, known.1));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_client_is_who_sent_the_syn() {
    let Some(corpus) = common::corpus() else { return };
    let mut wrong = Vec::new();
    for line in common::oracle(&corpus).into_iter().filter(|l| l["set"] == "good" && l.get("streams_cut_at").is_none())
    {
        let file = line["file"].as_str().expect("a name");
        let report = analyze(&corpus.join(file));
        for s in line["streams"].as_array().expect("streams") {
            let opener = match s["syn_from"].as_str() {
                Some("a") => socket(&s["a"]),
                Some("b") => socket(&s["b"]),
                _ => continue,
            };
            let sockets = pair(socket(&s["a"]), socket(&s["b"]));
            let ours: Vec<_> = report.connections.iter().filter(|c| pair(c.client, c.server) == sockets).collect();
            // Reused pairs may have been opened from either side.
            if let [c] = ours.as_slice()
                && (c.client != opener || c.role != Role::Observed)
            {
                wrong.push(format!("{file}: {} is the client, not {opener}", c.client));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
