//! The table view at the widths people have.

#[path = "common/report.rs"]
mod report;

use tcpstate::filter::{parse, select::select};
use tcpstate::render::{Format, Limit, RenderOptions, Sections, SortKey, render};
use tcpstate::report::Report;

fn shown(report: &Report, options: &RenderOptions) -> String {
    let mut out = Vec::new();
    render(Format::Table, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(width: usize) -> RenderOptions {
    RenderOptions { width, ..RenderOptions::default() }
}

#[test]
fn three_thousand_connections_at_common_widths() {
    let report = report::large();
    for width in [80, 120, 200] {
        let text = shown(&report, &at(width));
        insta::assert_snapshot!(format!("table_{width}"), text);
    }
}

#[test]
fn no_line_is_wider_than_the_page_unless_a_single_item_is() {
    let report = report::large();
    // What cannot be broken are the ends of a connection.
    let without = Sections { connections: false, ..Sections::default() };
    for (widths, sections) in [(64..=220, Sections::default()), (60..=63, without)] {
        for width in widths {
            for line in shown(&report, &RenderOptions { sections, ..at(width) }).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
    for width in [0, 1, 40, 50] {
        assert!(!shown(&report, &at(width)).is_empty());
    }
}

/// The columns of a table stand below their headings in every row, in one line or in two.
#[test]
fn connections_stand_below_their_headings() {
    let report = report::large();
    for width in 60..=220 {
        let options = RenderOptions { limit: Limit::At(200), ..at(width) };
        let text = shown(&report, &options);
        let from = text.lines().skip_while(|line| !line.starts_with("CONNECTIONS"));
        let from: Vec<&str> = from.skip_while(|line| !line.starts_with("#  ")).collect();
        let column = |line: &str, what: &str| line.split(what).next().map(|before| before.chars().count());
        let client = column(from[0], "client →");
        let rows = from[1..].iter().filter(|line| line.starts_with('#'));
        for row in rows {
            let cells: Vec<char> = row.chars().collect();
            let at = client.unwrap();
            assert!(cells[at - 1] == ' ' && cells[at] != ' ', "{width}: {}\n{row}", from[0]);
            if from[0].contains("final states") {
                let at = column(from[0], "final states").unwrap();
                assert!(cells[at - 1] == ' ' && cells[at] != ' ', "{width}: {}\n{row}", from[0]);
            }
            assert_eq!(from[0].contains("payload"), row.contains(" / ") && row.ends_with('B') || row.ends_with("data"));
        }
    }
}

#[test]
fn small_and_empty_captures() {
    insta::assert_snapshot!("table_small", shown(&report::small(), &at(100)));
    insta::assert_snapshot!("table_empty", shown(&report::empty(), &at(100)));
}

#[test]
fn a_damaged_capture_says_so_first() {
    let mut report = report::small();
    report.capture.files[0].problem =
        Some("packet 228 at byte 9,331,204: record is cut off by the end of the file".into());
    let text = shown(&report, &at(80));
    let second = text.lines().nth(2).unwrap();
    assert!(second.starts_with("missing: packet 228"), "{text}");
}

#[test]
fn one_connection_in_full() {
    let mut report = report::large();
    select(&mut report, |c| c.id == 4);
    let retracted = report.connections[0].endpoints.client.history[1].clone();
    report.connections[0].endpoints.client.retracted.push(retracted);
    report.capture.choose(None, &[4], 3_000);
    insta::assert_snapshot!("table_detail", shown(&report, &RenderOptions { detail: true, ..at(100) }));
}

#[test]
fn a_filter_counts_anew() {
    let mut report = report::large();
    let filter = parse("server port 5432").unwrap();
    select(&mut report, |c| filter.matches(c));
    report.capture.choose(Some("server port 5432".into()), &[], 3_000);
    insta::assert_snapshot!("table_filtered", shown(&report, &at(100)));
}

#[test]
fn orders_and_limits() {
    let report = report::large();
    let only = Sections { findings: false, totals: false, rollups: false, timing: false, connections: true };
    let ids = |limit, sort, reverse| -> Vec<String> {
        let text = shown(&report, &RenderOptions { limit, sort, reverse, sections: only, ..at(200) });
        let rows = text.lines().filter(|line| line.starts_with('#') && !line.starts_with("# "));
        rows.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(Limit::At(2), Some(SortKey::Id), false), ["#1", "#2"]);
    assert_eq!(ids(Limit::At(2), Some(SortKey::Id), true), ["#3000", "#2999"]);
    assert_eq!(ids(Limit::At(1), Some(SortKey::Bytes), false), ["#14"]);
    assert_eq!(ids(Limit::At(1), Some(SortKey::Duration), false), ["#10"]);
    assert_eq!(ids(Limit::At(3), None, false), ["#1", "#2", "#3"]);
    assert_eq!(ids(Limit::All, None, false).len(), 3_000);
    assert!(ids(Limit::At(0), None, false).is_empty());
}

#[test]
fn colours_change_nothing_but_colours() {
    let report = report::large();
    let plain = shown(&report, &at(120));
    assert!(!plain.contains('\x1b'));
    let coloured = shown(&report, &RenderOptions { colour: true, ..at(120) });
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some(start) = rest.find('\x1b') {
        stripped.push_str(&rest[..start]);
        let end = rest[start..].find('m').expect("only colours are escapes");
        rest = &rest[start + end + 1..];
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn text_from_outside_is_harmless() {
    let mut report = report::large();
    report.capture.files[0].name = "a\x1b]0;owned\x07\n\u{202e}.pcap".into();
    report.capture.files[0].problem = Some("\x1b[2J".into());
    report.connections[0].scope = vec!["vlan \x1b[31m".into()];
    report.connections[0].anomalies[0].message = "x\r\n\x1b[H".into();
    report.findings[0].message = "y\x08\x08".into();
    let text = shown(&report, &at(120));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(shown(&report::large(), &at(100)), shown(&report::large(), &at(100)));
}

#[test]
fn rollups_name_the_worst_first_and_count_the_rest() {
    let report = report::large();
    let services = &report.rollups.services;
    let rows: Vec<_> = services
        .entries
        .iter()
        .map(|r| (r.port.unwrap(), r.connections, r.worst.as_ref().map(|w| (w.name, w.connections))))
        .collect();
    let expected = [
        (8080, 2_790, Some(("close-wait-stuck", 120))),
        (5432, 150, Some(("rst-abort", 150))),
        (443, 30, Some(("syn-unanswered", 30))),
        (9, 30, None),
    ];
    assert_eq!(rows, expected);
    // What one end is to blame for counts for its host alone.
    let client = report.rollups.hosts.entries.iter().find(|r| r.addr.to_string() == "10.0.0.1").unwrap();
    assert_eq!(client.worst.as_ref().map(|w| (w.name, w.connections)), Some(("retransmissions", 150)));

    let mut scan: Vec<_> = (1..=250).map(report::nth).collect();
    for (c, port) in scan.iter_mut().zip(1..) {
        c.server.port = port;
    }
    let report = report::report_of(scan);
    assert_eq!((report.rollups.services.entries.len(), report.rollups.services.omitted), (100, 150));
    let only = Sections { findings: false, totals: false, rollups: true, timing: false, connections: false };
    let all = shown(&report, &RenderOptions { sections: only, ..at(120) });
    assert!(all.contains("worst first, 100 of 250 services"), "{all}");
    let beside = shown(&report, &at(120));
    assert!(beside.contains("worst first, 5 of 250 services"), "{beside}");
}
