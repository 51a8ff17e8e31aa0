//! Connections on tape, most of them by the book, are listed as those are that have a record each from the first segment on:
//! in full, as they are written, where some are chosen, and added up.

#[path = "common/script.rs"]
mod script;

use proptest::prelude::*;
use script::{Script, broken, script};
use tcpstate::analyze::{Analysis, Finish, Options, Wanted};
use tcpstate::detect::{Limits, thresholds};
use tcpstate::render::facts::Parts;
use tcpstate::render::pen::Lines;
use tcpstate::render::pen::connection::End;
use tcpstate::render::rank::Kinds;
use tcpstate::report::{ClosedFirst, Connection};
use tcpstate::segment::Segment;
use tcpstate::source::{LinkType, Packet};
use tcpstate::time::{Span, Time};
use tcpstate::timing::{Extent, Vantage};

/// The headers of `seg`, between other ports for each connection `n`.
fn frame(seg: &Segment, n: u16) -> Vec<u8> {
    let stamps = seg.options.timestamps;
    let header: u16 = if stamps.is_some() { 32 } else { 20 };
    let mut out = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    out.extend((20 + header + seg.len as u16).to_be_bytes());
    out.extend(seg.ip_id.to_be_bytes());
    out.extend([0, 0, seg.ttl, 6, 0, 0]);
    for socket in [seg.src, seg.dst] {
        let std::net::IpAddr::V4(addr) = socket.addr else { panic!("{socket:?}") };
        out.extend(addr.octets());
    }
    // The server's is the lower one.
    for port in [seg.src.port, seg.dst.port] {
        out.extend((if port == 443 { 443 } else { port + n }).to_be_bytes());
    }
    out.extend(seg.seq.to_be_bytes());
    out.extend(seg.ack.to_be_bytes());
    out.extend([((header / 4) as u8) << 4, seg.flags.0 as u8]);
    out.extend(seg.window.to_be_bytes());
    out.extend(seg.checksum.to_be_bytes());
    out.extend([0, 0]);
    if let Some(stamps) = stamps {
        out.extend([1, 1, 8, 10]);
        out.extend(stamps.value.to_be_bytes());
        out.extend(stamps.echo.to_be_bytes());
    }
    out
}

/// All packets of the connections, in order of time.
fn packets(scripts: &[Script]) -> Vec<(Time, u32, Vec<u8>)> {
    let of = |(n, script): (u16, &Script)| {
        let told = |seg: Segment| (seg.time, seg.len, frame(&seg, n));
        script.segments().into_iter().map(told).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = (0..).zip(scripts).flat_map(of).collect();
    // The clock may go back within one of them, and does then.
    if scripts.len() > 1 {
        all.sort_by_key(|(time, ..)| *time);
    }
    all
}

fn analysis(packets: &[(Time, u32, Vec<u8>)], rest: i64, options: &Options, taped: bool) -> Analysis {
    let mut analysis = Analysis::with_records(options.clone(), 1 << 10);
    for (number, (time, len, data)) in (1..).zip(packets) {
        let packet = Packet { number, time: *time, link: LinkType(1), wire_len: data.len() as u32 + len, data };
        if taped { analysis.packet(&packet) } else { _ = analysis.take(&packet) }
    }
    let last = packets.iter().map(|(time, ..)| *time).max().unwrap_or_default();
    analysis.until(last + Span(rest));
    analysis
}

/// What comes of it in each way.
fn told(analysis: &Analysis) -> Vec<String> {
    let mut all = Vec::new();
    let only = |c: &Connection| c.closed_first == Some(ClosedFirst::Client) || c.packets.client > 6;
    for written in [false, true] {
        for connections in [false, true] {
            for only in [None, Some(&only as tcpstate::analyze::Keep<'_>)] {
                all.push(looked(
                    analysis.ended(Vec::new()),
                    Wanted { connections, written, only, ..Wanted::default() },
                ));
            }
        }
    }
    all
}

fn looked(mut finish: Finish<'_>, wanted: Wanted<'_>) -> String {
    let mut lines = Lines::default();
    let mut rows = Vec::new();
    while let Some(stretch) = finish.next(wanted) {
        list(&stretch.connections, &mut lines);
        list(&stretch.passages, &mut lines);
        rows.extend(stretch.rows);
    }
    let report = serde_json::to_string(&finish.report(Vec::new())).expect("JSON");
    format!("{}{rows:?}{report}", String::from_utf8_lossy(lines.written()))
}

fn list(connections: &[Connection<impl End>], lines: &mut Lines) {
    for connection in connections {
        lines.line(connection);
        lines.connection(connection);
        lines.row(connection);
    }
}

fn agrees(scripts: &[Script], options: &Options) {
    let (packets, rest) = (packets(scripts), scripts[0].rest);
    let analyses = [true, false].map(|taped| analysis(&packets, rest, options, taped));
    let [taped, records] = analyses.each_ref().map(told);
    assert_eq!(taped, records);
    assert_eq!(shown(&analyses[0], true).0, shown(&analyses[1], false).0);
}

/// Which connections a table shows, one of each kind, and what all lack: by a row for each of them, or by fewer that stand for
/// others.
fn shown(analysis: &Analysis, alike: bool) -> (String, usize) {
    let (mut finish, mut kinds, mut parts) = (analysis.ended(Vec::new()), Kinds::default(), Parts::default());
    let mut rows = 0;
    while let Some(stretch) = finish.next(Wanted { alike, ..Wanted::default() }) {
        for row in stretch.rows {
            kinds.add(row.id as usize, &row);
            parts.add(&row);
            rows += 1;
        }
    }
    (format!("{:?} {parts:?}", kinds.chosen(usize::MAX)), rows)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..ProptestConfig::default() })]

    /// In several stretches.
    #[test]
    fn rows_stand_for_those_alike(scripts in prop::collection::vec(script().boxed(), 2..20)) {
        let many: Vec<Script> = scripts.iter().cycle().take(4_500).cloned().collect();
        let analysis = analysis(&packets(&many), scripts[0].rest, &Options::default(), true);
        let [(few, less), (each, all)] = [true, false].map(|alike| shown(&analysis, alike));
        prop_assert_eq!(few, each);
        prop_assert!(less <= all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_connection_is_listed_alike(script in script().boxed(), given in any::<bool>()) {
        let vantage = given.then_some(Vantage::Client);
        agrees(&[script], &Options { vantage, ..Options::default() });
    }

    #[test]
    fn what_a_reset_ends_is_listed_alike(
        scripts in prop::collection::vec(prop_oneof![9 => broken().boxed(), 1 => script().boxed()], 1..12),
        (short, given, lines) in any::<(bool, bool, bool)>(),
    ) {
        let mut limits = Limits::default();
        if let Some(line) = scripts[0].lines.filter(|_| lines) {
            thresholds().for_each(|(_, threshold)| limits.put(threshold, line));
        }
        let (timing, vantage) = (if short { Extent::Short } else { Extent::Full }, given.then_some(Vantage::Client));
        agrees(&scripts, &Options { timing, vantage, limits, ..Options::default() });
    }

    #[test]
    fn many_connections_are_listed_alike(scripts in prop::collection::vec(script().boxed(), 2..20), short in any::<bool>()) {
        let timing = if short { Extent::Short } else { Extent::Full };
        agrees(&scripts, &Options { timing, ..Options::default() });
    }
}
