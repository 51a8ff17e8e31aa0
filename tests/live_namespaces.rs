//! Live against the kernel and against tcpdump, in network namespaces: what the program says of an interface is what it
//! says of a capture taken there, and the states are those of `ss`.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tcpstate::decode::{Decoded, Decoder};
use tcpstate::segment::Socket;
use tcpstate::source;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcpstate");
/// Connections: over two address families three rounds of eight and four kept open; one over a VLAN; one last refusal.
const CONNECTIONS: usize = 2 * (3 * 8 + 4) + 2;
/// Both ends close at the same moment: which is first, and which FIN crosses which, is left open.
const BOTH: u64 = 8009;
/// Data flows while the other end acknowledges: packets of the two directions cross.
const BULK: u64 = 8008;
/// The connection over a VLAN has no kernel behind it.
const TAGGED: u64 = 8010;

/// Runs a script, and gives what it printed; without what it needs the test says so and is over, under CI it fails.
fn run(script: &str, arguments: &[&Path], folder: &Path) -> Option<String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let namespaces: &[&str] = if root { &["-n"] } else { &["-Un", "--map-current-user", "--keep-caps"] };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live").join(script);
    let log = folder.join("log");
    let tools = ["unshare", "ip", "nsenter", "tcpdump", "python3", "ss", "awk"];
    let has = |tool: &str| Command::new("which").arg(tool).stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    let missing: Vec<&str> = tools.into_iter().filter(|tool| !has(tool)).collect();
    let probe = || Command::new("unshare").args(namespaces).args(["ip", "link", "set", "lo", "up"]).output();
    let cannot = if !missing.is_empty() {
        Some(format!("no {}", missing.join(", ")))
    } else if !probe().is_ok_and(|out| out.status.success()) {
        Some("network namespaces are not allowed".to_owned())
    } else {
        None
    };
    if let Some(why) = cannot {
        assert!(std::env::var_os("CI").is_none(), "cannot run: {why}");
        eprintln!("cannot run: {why}");
        return None;
    }
    let status = Command::new("timeout")
        // Some seconds, as a rule. Only so that nothing hangs forever: the slowest machine has the time it needs.
        .args(["-k", "5", "900", "unshare"])
        .args(namespaces)
        .arg(script)
        .arg(PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(File::create(&log).unwrap())
        .stderr(File::create(folder.join("errors")).unwrap())
        .status()
        .unwrap();
    let errors = std::fs::read_to_string(folder.join("errors")).unwrap_or_default();
    assert!(status.success(), "{status}: {errors}");
    Some(std::fs::read_to_string(log).unwrap())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Each socket stamps a received packet by itself, so that times differ between two taps, and what follows from the time
/// that passed until the end of the capture; and other programs' packets may be counted at one of them.
fn without_times_and_numbers(value: &Value) -> Value {
    const TIMED: [&str; 9] =
        ["id", "packet", "first_packet", "last_packet", "proven_by", "timing", "latest", "anomalies", "possible"];
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, value)| !TIMED.contains(&key.as_str()) && !value.is_f64())
            .map(|(key, value)| (key.clone(), without_times_and_numbers(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_times_and_numbers).collect(),
        other => other.clone(),
    }
}

fn analyze(path: &Path) -> Value {
    let out = Command::new(PROGRAM).args(["analyze", "--format", "json"]).arg(path).output().unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

fn socket(of: &Value) -> String {
    let addr = of["addr"].as_str().unwrap();
    let addr = if addr.contains(':') { format!("[{addr}]") } else { addr.to_owned() };
    format!("{addr}:{}", of["port"])
}

fn port(connection: &Value) -> u64 {
    connection["server"]["port"].as_u64().unwrap()
}

/// Connections by their sockets. Those of one workload follow one upon the other; in which order the two workloads'
/// begin depends on scheduling, and is not the same at two taps.
fn by_sockets(report: &Value) -> BTreeMap<(String, String), Vec<&Value>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for c in report["connections"].as_array().unwrap() {
        found.entry((socket(&c["client"]), socket(&c["server"]))).or_default().push(c);
    }
    found
}

/// Frames with TCP in them, by connection: who sent it, and its bytes.
type Frames = BTreeMap<[Socket; 2], Vec<(Socket, Vec<u8>)>>;

fn frames(path: &Path) -> Frames {
    let mut source = source::open(&[path]).unwrap();
    let mut decoder = Decoder::default();
    let mut found = Frames::new();
    while let Some(packet) = source.next() {
        let Decoded::Segment(segment) = decoder.decode(&packet) else { continue };
        let mut ends = [segment.src, segment.dst];
        ends.sort();
        found.entry(ends).or_default().push((segment.src, packet.data.to_vec()));
    }
    assert_eq!(source.files()[0].problem, None, "{}", path.display());
    found
}

/// The two captures hold the same packets, VLAN tags in their places; where every packet answers the one before, in the
/// same order. Where an end sends on from what it was called for and from what its acknowledgments set off, that is two
/// processors at once, and each tap has its own order.
fn same_frames(mine: &Frames, other: &Frames) {
    assert_eq!(mine.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (ends, mine) in mine {
        let other = &other[ends];
        for end in ends {
            let of = |frames: &[(Socket, Vec<u8>)]| -> Vec<Vec<u8>> {
                let mut sent: Vec<_> =
                    frames.iter().filter(|(src, _)| src == end).map(|(_, data)| data.clone()).collect();
                sent.sort();
                sent
            };
            assert!(of(mine) == of(other), "from {end}: {} and {} packets", of(mine).len(), of(other).len());
        }
        let crossing = ends.iter().any(|end| [BOTH, BULK].contains(&u64::from(end.port)));
        assert!(crossing || mine == other, "order of {ends:?}");
    }
}

/// State by local and remote socket, as the kernel has it.
fn ss(path: &Path) -> BTreeMap<(String, String), String> {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let state = words[0].parse::<tcpstate::tracker::State>().unwrap();
        ((words[3].to_owned(), words[4].to_owned()), state.name().to_owned())
    };
    text.lines().map(row).filter(|(_, state)| state != "LISTEN").collect()
}

/// What the kernels say of each connection is what live says of it. What they do not list is closed.
fn kernels(folder: &Path, live: &Value) {
    let (client, server) = (ss(&folder.join("ss.client")), ss(&folder.join("ss.server")));
    for ((at_client, at_server), connections) in by_sockets(live) {
        // Sockets that were used twice: the kernel knows of the latest.
        let c = connections.last().unwrap();
        let listed = |kernel: &BTreeMap<_, String>, own: &String, other: &String| {
            kernel.get(&(own.clone(), other.clone())).map_or("CLOSED".to_owned(), String::clone)
        };
        let kernel = [listed(&client, &at_client, &at_server), listed(&server, &at_server, &at_client)];
        if port(c) == TAGGED {
            continue;
        }
        let mut own = Vec::new();
        for (side, kernel) in ["client", "server"].into_iter().zip(&kernel) {
            let end = &c["endpoints"][side];
            let state = end["state"].as_str().unwrap();
            own.push(state);
            // On the slowest machine a minute passes: TIME_WAIT ends, in the kernel a little later than due.
            let before = end["history"].as_array().unwrap().last().map_or(&Value::Null, |last| &last["from"]);
            let expired = state == "CLOSED" && before == "TIME_WAIT" && kernel == "TIME_WAIT";
            if port(c) != BOTH {
                assert!(state == kernel || expired, "{side} of {at_client} to {at_server}: {state}, kernel {kernel}");
            }
        }
        // Whichever end was first waits; the other one does too if the FINs crossed. A tap beside the client does not
        // see whether the server had received the client's FIN when it closed.
        for ends in [own, kernel.iter().map(String::as_str).collect()] {
            let closed = ends.iter().all(|end| ["TIME_WAIT", "CLOSED"].contains(end));
            assert!(port(c) != BOTH || closed, "{at_client} to {at_server}: {ends:?}");
        }
    }
}

#[test]
fn live_says_what_the_kernel_and_a_capture_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    if run("namespaces.sh", &[folder.path()], folder.path()).is_none() {
        return;
    }
    let live = json(&at("live.json"));
    let connections = live["connections"].as_array().unwrap();
    assert_eq!(connections.len(), CONNECTIONS);
    assert_eq!(live["capture"]["files"][0]["dropped"], 0);
    // The packets that it has seen itself: the same report, to the nanosecond.
    let written = analyze(&at("live.pcapng"));
    for part in ["connections", "findings", "summary", "timing"] {
        assert_eq!(live[part], written[part], "{part}");
    }
    // It ended when it was stopped, which both tell.
    let (until, last) = (live["capture"]["files"][0]["until"].as_f64(), live["capture"]["last"].as_f64());
    let packet = connections.iter().filter_map(|c| c["last"].as_f64()).fold(0.0, f64::max);
    assert!(until.is_some_and(|until| until > packet) && until == last, "{until:?}, {last:?}, {packet}");
    assert_eq!(last, written["capture"]["last"].as_f64());
    // The packets that tcpdump has seen: the same ones, and the same said of them.
    same_frames(&frames(&at("live.pcapng")), &frames(&at("tap.pcap")));
    let tcpdump = analyze(&at("tap.pcap"));
    let theirs = by_sockets(&tcpdump);
    for ((client, server), mine) in by_sockets(&live) {
        let other = &theirs[&(client.clone(), server.clone())];
        assert_eq!(mine.len(), other.len(), "{client} to {server}");
        for (mine, other) in mine.into_iter().zip(other).filter(|(mine, _)| ![BOTH, BULK].contains(&port(mine))) {
            let (mine, other) = (without_times_and_numbers(mine), without_times_and_numbers(other));
            for (key, value) in mine.as_object().unwrap() {
                assert_eq!(value, &other[key], "{key} of {client} to {server}");
            }
        }
    }
    assert_eq!(live["summary"]["connections"], tcpdump["summary"]["connections"]);
    // The tags that travelled beside the packets are back.
    let tagged = connections.iter().find(|c| port(c) == TAGGED).unwrap();
    assert_eq!(tagged["scope"], serde_json::json!(["vlan 7"]));
    assert_eq!(tagged["outcome"], "closed");

    // On all interfaces nothing is counted twice; the scraper's own connections over loopback are there too.
    let any = json(&at("any.json"));
    let segments = |report: &Value| -> u64 {
        let of_veth = |c: &&Value| c["server"]["addr"] != "127.0.0.1";
        let sum = |c: &Value| c["packets"]["client"].as_u64().unwrap() + c["packets"]["server"].as_u64().unwrap();
        report["connections"].as_array().unwrap().iter().filter(of_veth).map(sum).sum()
    };
    assert_eq!(segments(&any), segments(&live));
    let mut over_loopback =
        any["connections"].as_array().unwrap().iter().filter(|c| c["server"]["addr"] == "127.0.0.1").peekable();
    assert!(over_loopback.peek().is_some() && over_loopback.all(|c| c["origin"] == "handshake"));
    let written = analyze(&at("any.pcapng"));
    assert_eq!(any["connections"], written["connections"]);

    kernels(folder.path(), &live);
    stream(&at("live.ndjson"), &live);
    metrics(&std::fs::read_to_string(at("metrics.txt")).unwrap(), connections);
}

#[test]
fn an_interface_that_goes_away_ends_it_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let Some(told) = run("gone.sh", &[], folder.path()) else { return };
    let line = |way: &str| format!("{way}: 2 tcpstate: interface near is gone\n");
    assert_eq!(told, ["gone", "down-before", "another-one"].map(line).concat());
}

/// Every connection is told exactly once, and the transitions told add up to its histories.
fn stream(path: &Path, live: &Value) {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!(lines[0]["type"], "start");
    assert!(!of("interval").is_empty());
    assert_eq!(of("capture").len(), 1);
    assert_eq!(lines.last().unwrap()["type"], "summary");
    let told = of("connection");
    assert_eq!(told.len(), live["connections"].as_array().unwrap().len());
    for c in told {
        for side in ["client", "server"] {
            let states = |entries: &[&Value]| entries.iter().map(|e| e["state"].clone()).collect::<Vec<_>>();
            let history: Vec<&Value> = c["endpoints"][side]["history"].as_array().unwrap().iter().collect();
            let transitions: Vec<&Value> =
                of("transition").into_iter().filter(|t| t["connection"] == c["id"] && t["endpoint"] == side).collect();
            if of("retraction").iter().all(|r| r["connection"] != c["id"]) {
                assert_eq!(states(&transitions), states(&history), "{side} of {}", c["id"]);
            }
        }
    }
}

/// The page says the same.
fn metrics(page: &str, connections: &[Value]) {
    let taken = page.lines().find_map(|line| line.strip_prefix("tcpstate_updated_timestamp_seconds ")).unwrap();
    let age = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - taken.parse::<f64>().unwrap();
    assert!((0.0..900.0).contains(&age), "{age}");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let value = |name: &str| -> u64 {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
        line.rsplit(' ').next().unwrap().trim().parse().unwrap()
    };
    for (state, side) in [("CLOSE_WAIT", "server"), ("FIN_WAIT_2", "client"), ("ESTABLISHED", "client")] {
        let there = connections.iter().filter(|c| c["endpoints"][side]["state"] == state).count() as u64;
        let name = format!("tcpstate_connections{{state=\"{state}\",side=\"{side}\"}}");
        assert_eq!(value(&name), there, "{name}");
    }
    assert_eq!(value("tcpstate_connections_opened_total"), connections.len() as u64);
    assert_eq!(value("tcpstate_dropped_packets_total"), 0);
    for line in page.lines().filter(|line| line.starts_with("# TYPE")) {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[3] == "counter", words[2].ends_with("_total"), "{line}");
    }
}
