//! The filter language as people type it: what it selects, what it prints, what it says when it is wrong.

#[path = "common/report.rs"]
mod report;

use tcpstate::filter::parse;
use tcpstate::filter::words::{self, WORDS};
use tcpstate::report::Report;

/// How many of the connections pass.
fn count(report: &Report, filter: &str) -> usize {
    let filter = parse(filter).unwrap_or_else(|error| panic!("{error}"));
    report.connections.iter().filter(|c| filter.matches(c)).count()
}

fn error(filter: &str) -> String {
    parse(filter).expect_err(filter).to_string()
}

#[test]
fn filters_select_what_they_say() {
    let report = report::large();
    for (filter, n) in [
        ("tcp", 3_000),
        ("port 5432", 150),
        ("server port 5432", 150),
        ("client port 5432", 0),
        ("dst port 5432 or 9", 180),
        ("port 5432,9", 180),
        ("portrange 1-1024", 60),
        ("ip6", 30),
        ("ip and port 8080", 2_790),
        ("ip port 8080", 2_790),
        ("tcp port 8080", 2_790),
        ("host 2001:db8::1", 30),
        ("2001:db8::1", 30),
        ("client 10/8", 2_970),
        ("client 10.0.0.0/8", 2_970),
        ("net 10.0.1.0 mask 255.255.255.0", 2_970),
        ("server host 10.0.1.2:5432", 150),
        ("server 10.0.1.2", 2_970),
        ("not net 10", 30),
        ("vlan 7", 30),
        ("vlan 8", 0),
        ("vlan and host 10.0.0.1", 30),
        ("state CLOSE_WAIT", 120),
        ("state close-wait", 120),
        ("server.state = CLOSE_WAIT", 120),
        ("server state CLOSE_WAIT", 120),
        ("client.state = CLOSE_WAIT", 0),
        ("state CLOSE_WAIT or LAST_ACK", 150),
        ("state != CLOSED", 480),
        ("possible CLOSE_WAIT", 150),
        ("visited TIME_WAIT", 2_370),
        ("client.time-in CLOSE_WAIT > 500ms", 30),
        ("time_in FIN_WAIT_2 >= 5 min", 150),
        ("client.evidence timer", 2_340),
        ("outcome reset", 150),
        ("outcome half_open, refused", 60),
        ("closed-first server", 180),
        ("duration > 30s", 30),
        ("duration > 30 s and < 40s", 0),
        ("handshake > 12ms", 2_880),
        ("bytes > 1GB", 30),
        ("client.bytes = 1.2kB", 30),
        ("packets < 10", 90),
        ("finding close-wait-stuck", 120),
        ("finding c01", 120),
        ("finding any", 300),
        ("severity >= warning", 300),
        ("severity error", 120),
        ("midstream", 60),
        ("one-way", 30),
        ("guessed", 60),
        ("incarnation > 1", 30),
        ("id 17", 1),
        ("id 1,2,3", 3),
        ("id != 1,2,3", 2_997),
        ("host [2001:db8::1]", 30),
        ("(outcome reset or outcome open) and port 8080", 210),
        ("!midstream && !one-way", 2_940),
    ] {
        if filter.contains("and <") {
            assert!(parse(filter).is_err(), "a sign of comparison needs its word: {filter}");
            continue;
        }
        assert_eq!(count(&report, filter), n, "{filter}");
    }
}

#[test]
fn every_word_of_the_help_works() {
    for word in WORDS {
        let filter = parse(word.example).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parse(&filter.to_string()).as_ref(), Ok(&filter), "{filter}");
        assert!(word.spellings.iter().any(|s| word.example.contains(s)), "{} shows itself", word.form);
    }
    insta::assert_snapshot!("filter_help", words::help());
}

#[test]
fn errors_point_at_the_place_and_say_what_to_write() {
    let wrong = [
        "",
        "prot 80",
        "port 80 and",
        "port 80 host 10.0.0.1",
        "port http2",
        "port 80 or reset",
        "state CLOSEWIAT",
        "CLOSE_WAIT",
        "443",
        "(port 80 or port 443",
        "port 80)",
        "port 80 and host 10.0.0.1 or host 10.0.0.2",
        "port 80 & port 81",
        "client.stat CLOSED",
        "duration > 5",
        "duration",
        "bytes > many",
        "host example.org",
        "host 80",
        "host 192.0.2.0/33",
        "net 192.0.2.0/33",
        "tcp.port == 80",
        "ip.addr == 10.0.0.0/8 && tcp",
        "tcp.flags.syn == 1",
        "udp port 53",
        "tcp[tcpflags] & tcp-syn != 0",
        "outcome rest",
        "state > CLOSED",
        "closed-first me",
        "vlan 5000",
        "client",
        "client outcome reset",
        "severity >= fatal",
        "finding 'x'",
        "net 10.0.0.0 mask 255.0.255.0",
        "port 80 \u{1b}[31m",
        "id #17",
        "client.port 80",
        "server close-wait",
        "host 10.0",
        "port > 1024",
    ];
    let all: Vec<String> = wrong.iter().map(|filter| error(filter)).collect();
    insta::assert_snapshot!("filter_errors", all.join("\n\n"));
}

#[test]
fn nesting_is_bounded() {
    assert!(parse(&"(".repeat(100_000)).is_err());
    assert!(parse(&"not ".repeat(100_000)).is_err());
    assert!(parse(&format!("{}tcp{}", "(".repeat(50), ")".repeat(50))).is_ok());
}
