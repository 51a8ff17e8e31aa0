//! Findings of two captures, one from each end: what one end cannot see is told by the capture beside the other, and what
//! either disproves is not told.

#[path = "common/conversation.rs"]
mod conversation;
#[path = "common/program.rs"]
mod program;

use conversation::{ACK, Conversation, FIN, RST, SYN, SYN_ACK};
use program::{Folder, json};
use serde_json::Value;

/// From one end to the other, in microseconds.
const WAY: u32 = 5_000;
const SECOND: u32 = 1_000_000;
/// A RST without ACK.
const BARE_RST: u8 = 0x04;

/// What becomes of a segment.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Arrives,
    /// It arrives so much later than the others.
    Late(u32),
    Lost,
    /// Somebody between sent it in the name of its sender.
    Forged,
}
use Fate::{Arrives, Forged, Late, Lost};

/// A segment: when it is sent, from which client's port, whether to the server, sequence and acknowledgment number, flags,
/// payload bytes, and what becomes of it.
type Sent = (u32, u16, bool, u32, u32, u8, usize, Fate);

/// A connection from `port` that opens at `at` and exchanges a request and its answer, all acknowledged: the client goes on at
/// 111, the server at 511.
fn open(at: u32, port: u16) -> Vec<Sent> {
    vec![
        (at, port, true, 100, 0, SYN, 0, Arrives),
        (at + 6_000, port, false, 500, 101, SYN_ACK, 0, Arrives),
        (at + 12_000, port, true, 101, 501, ACK, 0, Arrives),
        (at + 13_000, port, true, 101, 501, ACK, 10, Arrives),
        (at + 19_000, port, false, 501, 111, ACK, 10, Arrives),
        (at + 25_000, port, true, 111, 511, ACK, 0, Arrives),
    ]
}

/// What the captures at the client's and at the server's side have of the traffic.
fn captures(traffic: &[Sent]) -> [Vec<u8>; 2] {
    let mut taps: [Vec<(u32, u16, Sent)>; 2] = [Vec::new(), Vec::new()];
    for (id, sent) in (1..).zip(traffic) {
        let from = usize::from(!sent.2);
        if sent.7 != Forged {
            taps[from].push((sent.0, id, *sent));
        }
        match sent.7 {
            Arrives | Forged => taps[1 - from].push((sent.0 + WAY, id, *sent)),
            Late(by) => taps[1 - from].push((sent.0 + WAY + by, id, *sent)),
            Lost => {}
        }
    }
    taps.map(|mut tap| {
        tap.sort_by_key(|(time, id, _)| (*time, *id));
        let mut now = 0;
        let one = |all: Conversation, (time, id, (_, port, to_server, seq, ack, flags, len, _)): (u32, u16, Sent)| {
            let all = all.after(time - std::mem::replace(&mut now, time)).identified(id);
            all.segment(port, to_server, seq, ack, flags, &vec![b'x'; len])
        };
        tap.into_iter().fold(Conversation::new(), one).bytes
    })
}

/// What is said of these two captures, and of each alone.
fn reports(traffic: &[Sent]) -> [Value; 3] {
    let folder = Folder::new();
    let [client, server] = captures(traffic);
    folder.file("client.pcap", &client);
    folder.file("server.pcap", &server);
    [&["--client", "client.pcap", "--server", "server.pcap"][..], &["client.pcap"], &["server.pcap"]].map(|files| {
        let run = folder.run(&[&["analyze", "--quiet", "--format", "json"], files].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        json(&run.out)
    })
}

/// The anomalies of the connection from `port` of a code: about whom, seen where, and in which words.
fn told(report: &Value, port: u16, code: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = report["connections"].as_array().unwrap().iter().filter(|c| c["client"]["port"] == port);
    of.flat_map(|c| c["anomalies"].as_array().unwrap())
        .filter(|anomaly| anomaly["code"] == code)
        .map(|anomaly| (text(&anomaly["endpoint"]), text(&anomaly["facts"]["seen_at"]), text(&anomaly["message"])))
        .collect()
}

/// The only one, about the server and seen at the client's side: its words.
fn seen_at_client(report: &Value, port: u16, code: &str) -> String {
    let all = told(report, port, code);
    assert_eq!(all.len(), 1, "{code}: {all:?}");
    assert_eq!((all[0].0.as_str(), all[0].1.as_str()), ("server", "client"), "{all:?}");
    all[0].2.clone()
}

/// The client's request, sent `times` times, twice as long after each; what becomes of it.
fn requests(at: u32, port: u16, times: u32, fate: Fate) -> impl Iterator<Item = Sent> {
    (0..times).map(move |n| (at + ((1 << n) - 1) * 200_000, port, true, 111, 511, ACK, 10, fate))
}

#[test]
fn a_path_that_is_cut_is_told_by_the_end_that_sends_into_it() {
    let mut traffic = open(0, 40_000);
    traffic.extend(requests(SECOND, 40_000, 7, Lost));
    // The capture at the server's side runs on.
    traffic.extend(open(20 * SECOND, 40_001));
    let [both, _, server] = reports(&traffic);
    assert_eq!(told(&server, 40_000, "E01"), []);
    let message = seen_at_client(&both, 40_000, "E01");
    assert!(
        message.starts_with("at the client's side: client 10.0.0.1:40000 sent its data up to 7 times"),
        "{message}"
    );
    assert!(message.ends_with("; none of these segments is in the capture at the server's side"), "{message}");
}

#[test]
fn answers_that_do_not_come_through_were_given() {
    let mut traffic = open(0, 40_000);
    for request in requests(SECOND, 40_000, 7, Arrives) {
        traffic.push(request);
        traffic.push((request.0 + 6_000, 40_000, false, 511, 121, ACK, 0, Lost));
    }
    traffic.extend(open(20 * SECOND, 40_001));
    let message = seen_at_client(&reports(&traffic)[0], 40_000, "E01");
    let end = "; 7 of 7 segments arrived at the server's side, and 7 segments that were sent there since did not come through";
    assert!(message.ends_with(end) && !message.contains("answers"), "{message}");
}

#[test]
fn a_filtered_syn_is_told_by_the_client() {
    let syn = |n: u32| (n * SECOND, 40_000, true, 100, 0, SYN, 0, Lost);
    let mut traffic: Vec<Sent> = open(0, 40_001);
    traffic.extend([syn(1), syn(2), syn(4), syn(8)]);
    traffic.extend(open(20 * SECOND, 40_002));
    let [both, client, _] = reports(&traffic);
    let message = seen_at_client(&both, 40_000, "O01");
    let alone = &told(&client, 40_000, "O01")[0].2;
    let absent = "none of these segments is in the capture at the server's side";
    assert_eq!(message, format!("at the client's side: {alone}; {absent}"));
}

#[test]
fn keepalives_into_silence_are_told_by_who_sent_them() {
    let mut traffic = open(0, 40_000);
    traffic.extend((1..=3).map(|n| (n * 10 * SECOND, 40_000, true, 110, 511, ACK, 0, Lost)));
    traffic.push((40 * SECOND, 40_000, true, 111, 511, RST, 0, Lost));
    traffic.extend(open(50 * SECOND, 40_001));
    let both = &reports(&traffic)[0];
    assert!(seen_at_client(both, 40_000, "E02").contains("sent 3 keepalives"), "{both}");
    // Its own RST needs no other explanation.
    assert_eq!((told(both, 40_000, "R01"), told(both, 40_000, "R04")), (vec![], vec![]));
}

#[test]
fn a_rst_that_its_sender_never_sent_comes_from_between() {
    let mut traffic = open(0, 40_000);
    let request = (5 * SECOND, 40_000, true, 111, 511, ACK, 10, Lost);
    traffic.extend([request, (5 * SECOND + 2_000, 40_000, false, 511, 0, BARE_RST, 0, Forged)]);
    let early = reports(&traffic);
    traffic.extend(open(20 * SECOND, 40_001));
    let [both, client, _] = reports(&traffic);
    // The client alone can only believe that the server had lost it.
    assert_eq!(told(&client, 40_000, "E01").len(), 1);
    assert_eq!(told(&both, 40_000, "E01"), []);
    let resets = |both: &Value| -> Vec<Value> {
        both["connections"].as_array().unwrap().iter().filter_map(|c| c.get("reset_by").cloned()).collect()
    };
    assert_eq!(resets(&both), ["between"]);
    let message = seen_at_client(&both, 40_000, "R04");
    let sure = "is not its own: the capture at the server's side (there it was ESTABLISHED) lacks it; somebody else sent it, \
                between the ends or from the same address";
    assert!(message.ends_with(sure), "{message}");
    // Where nothing was captured at the server's side later, that capture may have ended before.
    assert!(resets(&early[0]).is_empty());
    let message = seen_at_client(&early[0], 40_000, "R04");
    let unsure = "whose last packet came before: if that ran on, somebody else sent it, between the ends or from the same address";
    assert!(message.ends_with(unsure), "{message}");
}

#[test]
fn a_refusal_that_never_left_the_server_comes_from_between() {
    let mut traffic = open(0, 40_001);
    let syn = (SECOND, 40_000, true, 100, 0, SYN, 0, Lost);
    traffic.extend([syn, (SECOND + 900, 40_000, false, 0, 101, RST, 0, Forged)]);
    traffic.extend(open(20 * SECOND, 40_002));
    let [both, client, _] = reports(&traffic);
    assert_eq!(told(&client, 40_000, "O02").len(), 1);
    assert_eq!(told(&both, 40_000, "O02"), []);
    seen_at_client(&both, 40_000, "R04");
}

#[test]
fn why_a_rst_was_sent_is_told_by_the_capture_beside_its_sender() {
    let mut traffic = open(0, 40_000);
    // The server aborts, but its RST is lost; the next one answers a request, and looks as if it had never known.
    traffic.push((3 * SECOND, 40_000, false, 511, 111, RST, 0, Lost));
    traffic.push((9 * SECOND, 40_000, true, 111, 511, ACK, 10, Arrives));
    traffic.push((9 * SECOND + 5_500, 40_000, false, 511, 0, BARE_RST, 0, Arrives));
    let [both, client, server] = reports(&traffic);
    assert_eq!((told(&client, 40_000, "E01").len(), told(&server, 40_000, "R01").len()), (1, 1));
    assert_eq!((told(&both, 40_000, "E01").len(), told(&both, 40_000, "R01").len()), (0, 1));
}

#[test]
fn order_that_the_path_mixes_up_is_told_by_the_receiver() {
    let mut traffic = open(0, 40_000);
    for n in 0..30 {
        let fate = if n % 2 == 0 { Late(1_500) } else { Arrives };
        traffic.push((SECOND + n * 1_000, 40_000, false, 511 + n * 100, 111, ACK, 100, fate));
    }
    traffic.push((2 * SECOND, 40_000, true, 111, 3_511, ACK, 0, Arrives));
    let [both, client, server] = reports(&traffic);
    assert_eq!((told(&client, 40_000, "L02").len(), told(&server, 40_000, "L02").len()), (1, 0));
    seen_at_client(&both, 40_000, "L02");
}

#[test]
fn what_both_captures_show_is_told_once() {
    let mut traffic = open(0, 40_000);
    traffic.extend([
        (SECOND, 40_000, true, 111, 511, FIN, 0, Arrives),
        (SECOND + 6_000, 40_000, false, 511, 112, ACK, 0, Arrives),
        (3 * SECOND, 40_000, false, 511, 112, ACK, 10, Arrives),
        (3 * SECOND + 6_000, 40_000, true, 112, 0, BARE_RST, 0, Arrives),
    ]);
    let [both, client, server] = reports(&traffic);
    for code in ["C10", "R02"] {
        let counts = [&client, &server, &both].map(|report| told(report, 40_000, code).len());
        assert_eq!(counts, [1, 1, 1], "{code}");
    }
}

#[test]
fn after_its_last_packet_nothing_tells_whether_a_capture_ran() {
    let mut traffic = open(0, 40_000);
    traffic.extend(requests(SECOND, 40_000, 4, Lost));
    let folder = Folder::new();
    let [client, server] = captures(&traffic);
    folder.file("client.pcap", &client);
    folder.file("server.pcap", &server);
    let run = folder.run(&["analyze", "--client", "client.pcap", "--server", "server.pcap", "--only", "totals"]);
    let words: Vec<&str> = run.out.split_whitespace().collect();
    let told = "4 sent before or after all packets of the other capture";
    assert!(words.join(" ").contains(told), "{}", run.out);
}

/// The server's large segments do not get through, and what it sends later shows that they are missing.
fn black_hole(at: u32, port: u16) -> Vec<Sent> {
    let large = |n: u32, fate: Fate| (at + SECOND + n * 400_000, port, false, 511, 111, ACK, 1_400, fate);
    let mut traffic = open(at, port);
    traffic.extend((0..40).map(|n| (at + SECOND + n, port, false, 511 + n * 1_400, 111, ACK, 1_400, Lost)));
    traffic.push((at + SECOND + 100, port, false, 511 + 40 * 1_400, 111, ACK, 10, Arrives));
    traffic.push((at + SECOND + 6_000, port, true, 111, 511, ACK, 0, Arrives));
    traffic.extend([1, 2, 4, 8, 16, 32].map(|n| large(n, Lost)));
    traffic
}

#[test]
fn what_an_end_never_acknowledged_was_lost_and_not_missed_by_the_capture() {
    let mut traffic = black_hole(0, 40_001);
    traffic.extend(open(SECOND, 40_000));
    traffic.extend(requests(2 * SECOND, 40_000, 7, Lost));
    traffic.extend(open(30 * SECOND, 40_002));
    traffic.sort_by_key(|sent| sent.0);
    let [both, client, _] = reports(&traffic);
    let missing = |report: &Value| report["findings"].as_array().unwrap().iter().any(|f| f["code"] == "Q01");
    assert_eq!([&client, &both].map(missing), [false; 2]);
    assert!(!told(&client, 40_000, "E01")[0].2.contains("doubtful"));
    assert!(!seen_at_client(&both, 40_000, "E01").contains("doubtful"));
}

#[test]
fn who_is_the_client_is_the_same_in_all_words() {
    let traffic = [
        (0, 40_000, true, 100, 0, SYN, 0, Arrives),
        (1_000, 40_000, false, 500, 0, SYN, 0, Arrives),
        (5_500, 40_000, false, 500, 101, SYN_ACK, 0, Arrives),
        (6_500, 40_000, true, 100, 501, SYN_ACK, 0, Arrives),
        (SECOND, 40_000, false, 501, 101, ACK, 10, Arrives),
        (SECOND + 6_000, 40_000, true, 101, 511, ACK, 0, Arrives),
        (2 * SECOND, 40_000, false, 511, 101, RST, 0, Arrives),
    ];
    let [both, client, server] = reports(&traffic);
    let ports = [&client, &server, &both].map(|report| report["connections"][0]["client"]["port"].as_u64());
    assert_eq!(ports, [Some(40_000), Some(80), Some(40_000)]);
    let all = told(&both, 40_000, "R01");
    assert!(all.len() == 1 && all[0].0 == "server" && all[0].2.starts_with("server 10.0.0.2:80 reset"), "{all:?}");
}

#[test]
fn a_capture_with_gaps_may_have_missed_the_rst() {
    let mut traffic = open(0, 40_000);
    // The client received this, and the capture at the server's side, where it was sent, lacks it.
    traffic.push((SECOND, 40_000, false, 511, 111, ACK, 10, Forged));
    traffic.push((SECOND + 6_000, 40_000, true, 111, 521, ACK, 0, Arrives));
    traffic.push((5 * SECOND, 40_000, true, 111, 521, ACK, 10, Lost));
    traffic.push((5 * SECOND + 2_000, 40_000, false, 521, 0, BARE_RST, 0, Forged));
    traffic.extend(open(20 * SECOND, 40_001));
    let [both, ..] = reports(&traffic);
    let connection = both["connections"].as_array().unwrap().iter().find(|c| c["client"]["port"] == 40_000).unwrap();
    assert_eq!((&connection["outcome"], connection.get("reset_by")), (&Value::from("reset"), None));
    assert_eq!(told(&both, 40_000, "R04"), []);
    let server = &connection["endpoints"]["server"];
    let possible: Vec<&str> = server["possible"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((&server["state"], possible), (&Value::from("ESTABLISHED"), vec!["CLOSED", "ESTABLISHED"]));
    // That there was one is known by the capture that has it.
    let lost = told(&both, 40_000, "E01");
    assert!(lost.iter().any(|told| told.1 == "client" && told.2.contains("with RST (packet 10)")), "{lost:?}");
}

#[test]
fn what_only_the_end_that_refused_knows_is_told_by_its_capture() {
    let mut traffic = open(0, 40_000);
    // The client closes behind data that never gets through, and is gone when the server sends something.
    traffic.extend(requests(SECOND, 40_000, 6, Lost));
    traffic.push((20 * SECOND, 40_000, false, 511, 111, ACK, 10, Arrives));
    traffic.push((20 * SECOND + 5_100, 40_000, true, 121, 511, FIN, 0, Lost));
    traffic.push((20 * SECOND + 6_000, 40_000, true, 111, 0, BARE_RST, 0, Arrives));
    let [both, client, server] = reports(&traffic);
    let counts = [&client, &server, &both].map(|report| told(report, 40_000, "R02").len());
    assert_eq!(counts, [1, 0, 1]);
    assert_eq!(told(&both, 40_000, "R02")[0].1, "client");
}

#[test]
fn syns_that_never_came_to_the_servers_side_are_none_that_it_dropped() {
    let found = |fate: Fate| {
        let mut traffic = open(0, 40_000);
        for n in 1..=6_u16 {
            let at = u32::from(n) * SECOND;
            traffic.push((at, 40_000 + n, true, 100, 0, SYN, 0, fate));
            traffic.extend(open(at + SECOND, 40_000 + n));
        }
        // The capture at the server's side runs on.
        traffic.extend(open(20 * SECOND, 41_000));
        traffic.sort_by_key(|sent| sent.0);
        reports(&traffic).map(|report| {
            let all = report["findings"].as_array().unwrap();
            all.iter().find(|finding| finding["code"] == "O13").map(|finding| finding["count"].clone())
        })
    };
    // A limit on the path: the client alone can only suspect the server.
    let [both, client, server] = found(Lost);
    assert_eq!((both, client, server), (None, Some(6.into()), None));
    let [both, client, server] = found(Arrives);
    assert_eq!([both, client, server], [(); 3].map(|()| Some(6.into())));
}

/// The state of an end after all, how it is known, and where it may be.
fn after_all<'a>(report: &'a Value, side: &str) -> (&'a str, &'a str, Vec<&'a str>) {
    let end = &report["connections"][0]["endpoints"][side];
    let possible = end["possible"].as_array().unwrap().iter().map(|state| state.as_str().unwrap());
    (end["state"].as_str().unwrap(), end["evidence"].as_str().unwrap(), possible.collect())
}

#[test]
fn an_end_is_not_where_it_would_be_without_what_reached_it() {
    let mut traffic = open(0, 40_000);
    traffic.extend([
        (100_000, 40_000, false, 511, 111, FIN | ACK, 0, Arrives),
        (106_000, 40_000, true, 111, 512, FIN | ACK, 0, Arrives),
        (112_000, 40_000, false, 512, 112, ACK, 0, Arrives),
    ]);
    let [both, client, _] = reports(&traffic);
    assert_eq!(after_all(&client, "client"), ("CLOSED", "inferred", vec!["CLOSED", "LAST_ACK"]));
    assert_eq!(after_all(&both, "client"), ("CLOSED", "confirmed", vec!["CLOSED"]));
}

#[test]
fn what_opens_a_connection_may_be_ignored_where_it_arrived() {
    // By a listener whose queue is full.
    for (segments, state) in [(1, "SYN_RCVD"), (3, "ESTABLISHED")] {
        let traffic: Vec<Sent> = open(0, 40_000).into_iter().take(segments).collect();
        let [both, _, server] = reports(&traffic);
        let (told, evidence, possible) = after_all(&both, "server");
        assert_eq!((told, evidence), (state, "inferred"));
        assert!(possible.len() == 2 && possible == after_all(&server, "server").2, "{possible:?}");
        assert_eq!(both["capture"]["both_ends"]["confirmed"], 0);
    }
}
