//! Live against the kernel and against tcpdump, in network namespaces: what the program says of an interface is what it
//! says of a capture taken there, and the states are those of `ss`.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcpstate");

/// Runs the script; without what it needs the test says so and is over, under CI it fails.
fn run(folder: &Path) -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let namespaces: &[&str] = if root { &["-n"] } else { &["-Un", "--map-current-user", "--keep-caps"] };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/namespaces.sh");
    let log = folder.join("log");
    let tools = ["unshare", "ip", "nsenter", "tcpdump", "python3", "ss"];
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
        return false;
    }
    let status = Command::new("timeout")
        .args(["-k", "5", "120", "unshare"])
        .args(namespaces)
        .arg(script)
        .args([PROGRAM.as_ref(), folder.as_os_str()])
        .stdin(Stdio::null())
        .stdout(File::create(&log).unwrap())
        .stderr(File::create(folder.join("errors")).unwrap())
        .status()
        .unwrap();
    let errors = std::fs::read_to_string(folder.join("errors")).unwrap_or_default();
    assert!(status.success(), "{status}: {errors}");
    true
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Each socket stamps a received packet by itself, and the kernel's filter lets other packets through than tcpdump's:
/// times and numbers of packets differ between two taps; nothing else may.
fn without_times_and_numbers(value: &Value) -> Value {
    const NUMBERS: [&str; 7] = ["packet", "first_packet", "last_packet", "proven_by", "timing", "latest", "anomalies"];
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, value)| !NUMBERS.contains(&key.as_str()) && !value.is_f64())
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

#[test]
fn live_says_what_the_kernel_and_a_capture_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    if !run(folder.path()) {
        return;
    }
    let live = json(&at("live.json"));
    let connections = live["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 56, "two address families, three rounds of eight, and four kept open");
    assert_eq!(live["capture"]["files"][0]["dropped"], 0);
    // The packets that it has seen itself: the same report, to the nanosecond.
    let written = analyze(&at("live.pcapng"));
    for part in ["connections", "findings", "summary", "timing"] {
        assert_eq!(live[part], written[part], "{part}");
    }
    // The packets that tcpdump has seen. Where both ends close at the same moment (port 8009), which FIN came first
    // depends on whose stamps one believes.
    let tcpdump = analyze(&at("tap.pcap"));
    for (mine, other) in connections.iter().zip(tcpdump["connections"].as_array().unwrap()) {
        if mine["server"]["port"] == 8009 {
            continue;
        }
        let (mine, other) = (without_times_and_numbers(mine), without_times_and_numbers(other));
        for (key, value) in mine.as_object().unwrap() {
            assert_eq!(value, &other[key], "{key} of {} to {}", socket(&mine["client"]), socket(&mine["server"]));
        }
    }
    for part in ["connections", "outcomes"] {
        assert_eq!(live["summary"][part], tcpdump["summary"][part], "{part}");
    }

    // On all interfaces nothing is counted twice; the scraper's own connection over loopback is there too.
    let any = json(&at("any.json"));
    let segments = |report: &Value| -> u64 {
        let of_veth = |c: &&Value| c["server"]["addr"] != "127.0.0.1";
        let sum = |c: &Value| c["packets"]["client"].as_u64().unwrap() + c["packets"]["server"].as_u64().unwrap();
        report["connections"].as_array().unwrap().iter().filter(of_veth).map(sum).sum()
    };
    assert_eq!(segments(&any), segments(&live));
    let over_loopback: Vec<&Value> =
        any["connections"].as_array().unwrap().iter().filter(|c| c["server"]["addr"] == "127.0.0.1").collect();
    assert_eq!(over_loopback.len(), 1);
    assert_eq!(over_loopback[0]["origin"], "handshake");

    // What the kernels do not list is closed.
    let kernels = [("client", "server", ss(&at("ss.client"))), ("server", "client", ss(&at("ss.server")))];
    for (side, other, kernel) in &kernels {
        for c in connections {
            let key = (socket(&c[*side]), socket(&c[*other]));
            let state = kernel.get(&key).map_or("CLOSED", String::as_str);
            assert_eq!(c["endpoints"][*side]["state"], state, "{side} of {key:?}");
        }
    }

    stream(&at("live.ndjson"), &live);
    metrics(&std::fs::read_to_string(at("metrics.txt")).unwrap(), connections);
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
