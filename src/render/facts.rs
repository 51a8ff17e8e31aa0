//! What is said about a capture and a connection in words, whatever the format for people.

use super::RenderOptions;
use super::units::{bytes, count, date, plural, share, span};
use crate::report::{Capture, ClosedFirst, Connection, Origin, Report, ResetBy, Role, Row, Selected, Settings, Side};
use crate::source::FileInfo;
use crate::tracker::{State, States};

/// The capture in one sentence: name, connections, packets and how many of them were TCP, length, start, and a silence that
/// is nearly all of it.
pub fn headline(report: &Report, options: &RenderOptions) -> String {
    let capture = &report.capture;
    // What was left out by a filter was captured all the same.
    let connections = capture.selected.as_ref().and_then(|selected| selected.of).unwrap_or(report.summary.connections);
    let mut line = format!("{}: ", name(&capture.files));
    match (connections, capture.packets) {
        (_, 0) => line.push_str("no packets"),
        (0, n) => line.push_str(&format!("no TCP connections in {}", plural(n, "packet"))),
        (connections, packets) => line.push_str(&format!(
            "{}, {} ({} TCP)",
            plural(connections, "connection"),
            plural(packets, "packet"),
            count(capture.tcp_segments),
        )),
    }
    if let (Some(first), Some(last)) = (capture.first, capture.last) {
        line.push_str(&format!(", {} from {}", span(last - first), date(first, options.zone)));
        if let Some(silence) = capture.silence {
            line.push_str(&format!(", all but {} of it one silence", span(last - first - silence)));
        }
    }
    line
}

/// The name of the capture: its file's, or how many files and which.
pub fn name(files: &[FileInfo]) -> String {
    match files {
        [] => "no input".to_owned(),
        [one] => plain(one),
        [first, .., last] => format!("{} ({} … {})", plural(files.len() as u64, "file"), plain(first), plain(last)),
    }
}

fn plain(file: &FileInfo) -> String {
    input(&file.name).to_owned()
}

/// The name of an input as people read it.
pub fn input(name: &str) -> &str {
    if name == "-" { "standard input" } else { name }
}

/// How many connections lack a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Seen in one direction only.
    pub one_way: u64,
    /// Seen from their middle on, or from the SYN,ACK on.
    pub midstream: u64,
}

impl Parts {
    /// Takes a connection, and those that it stands for.
    pub fn add(&mut self, row: &Row) {
        let all = 1 + row.alike;
        self.one_way += if row.one_way { all } else { 0 };
        self.midstream += if row.midstream { all } else { 0 };
    }
}

/// What the capture lacks, in whose connections these `parts` are missing, worst first: each a clause of its own. Empty when
/// nothing is known to be missing.
pub fn missing(capture: &Capture, parts: Parts) -> Vec<String> {
    let mut missed: Vec<String> = Vec::new();
    for file in &capture.files {
        if let Some(problem) = &file.problem {
            // One file has been named already.
            missed.push(match &capture.files[..] {
                [_] => problem.clone(),
                _ => format!("{}: {problem}", plain(file)),
            });
        }
    }
    let dropped = capture.dropped();
    if dropped > 0 {
        let share = share(dropped, dropped.saturating_add(capture.packets));
        missed.push(format!("{} dropped by the capturing system ({share})", plural(dropped, "packet")));
    }
    if capture.undecoded > 0 {
        let share = share(capture.undecoded, capture.packets);
        let why = unsupported(&capture.files).map(|link| format!("; link type {link} is not supported"));
        missed.push(format!(
            "{} not decoded ({share}{})",
            plural(capture.undecoded, "packet"),
            why.unwrap_or_default()
        ));
    }
    let cut = capture.files.iter().map(|file| file.cut).fold(0, u64::saturating_add);
    if cut > 0 {
        let snap = capture.files.iter().filter_map(|file| file.snap_len).filter(|snap| *snap > 0).min();
        let how = match snap {
            Some(snap) => format!("to {} (snap length)", plural(u64::from(snap), "byte")),
            None => format!("short ({})", share(cut, capture.packets)),
        };
        missed.push(format!("{} cut {how}", plural(cut, "packet")));
    }
    if let Some(what) = &capture.left_out {
        missed.push(format!("{what} (a capture filter?)"));
    }
    // A single number may be a FIN.
    if capture.missing_bytes > 1 {
        let all = capture.bytes.saturating_add(capture.missing_bytes);
        let share = share(capture.missing_bytes, all);
        missed.push(format!("{} of {} ({share})", count(capture.missing_bytes), plural(all, "payload byte")));
    }
    if parts.one_way > 0 {
        missed.push(format!("{} seen in one direction only", plural(parts.one_way, "connection")));
    }
    if parts.midstream > 0 {
        missed.push(format!("the opening of {}", plural(parts.midstream, "connection")));
    }
    missed
}

/// The first link type of which nothing is known: only those that are have a name.
fn unsupported(files: &[FileInfo]) -> Option<&str> {
    let mut links = files.iter().flat_map(|file| file.link_type.split(", "));
    links.find(|link| link.parse::<u16>().is_ok())
}

/// What to say when nothing is known to be missing: formats without drop counters can't know.
pub fn nothing_missed(files: &[FileInfo]) -> &'static str {
    if files.iter().all(|file| file.dropped.is_some()) {
        "nothing; no drops reported, no damage, every opening seen"
    } else {
        "nothing known (whether packets were dropped is not recorded)"
    }
}

/// Both ends and what tells this connection from others between them: `10.0.0.1:40000 → 10.0.0.2:80 [vlan 7] 2nd use`.
pub fn endpoints(connection: &Connection) -> String {
    let mut text = format!("{} → {}", connection.client, connection.server);
    if !connection.scope.is_empty() {
        text.push_str(&format!(" [{}]", connection.scope.join(", ")));
    }
    match connection.incarnation {
        0 | 1 => {}
        n => text.push_str(&format!(" {} use", ordinal(n))),
    }
    text
}

fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// Whether the RST that this end seems to have sent is suspected to be of a device between.
fn is_doubted(connection: &Connection, by: Side) -> bool {
    connection.anomalies.iter().filter(|anomaly| anomaly.endpoint == Some(by)).any(|anomaly| match anomaly.name {
        "rst-from-between" => true,
        "rst-abort" | "half-open-dead-peer" => anomaly.facts.get("suspect").is_some_and(|suspect| suspect == true),
        _ => false,
    })
}

/// What became of it and by whom: `half-closed by client`, `reset by client, server closed first`,
/// `reset in the name of server`, `open, midstream, roles guessed`.
pub fn fate(connection: &Connection) -> String {
    let mut text = connection.outcome.name().to_owned();
    text.push_str(match (connection.reset_by, connection.closed_first) {
        (Some(ResetBy::Between), _) => " from between",
        (Some(ResetBy::Client), _) if is_doubted(connection, Side::Client) => " in the name of client",
        (Some(ResetBy::Server), _) if is_doubted(connection, Side::Server) => " in the name of server",
        (Some(ResetBy::Client), _) | (None, Some(ClosedFirst::Client)) => " by client",
        (Some(ResetBy::Server), _) | (None, Some(ClosedFirst::Server)) => " by server",
        (None, Some(ClosedFirst::Both)) => " by both at once",
        (None, None) => "",
    });
    text.push_str(match (connection.reset_by, connection.closed_first) {
        (Some(ResetBy::Client | ResetBy::Between), Some(ClosedFirst::Server)) => ", server closed first",
        (Some(ResetBy::Server | ResetBy::Between), Some(ClosedFirst::Client)) => ", client closed first",
        (Some(_), Some(ClosedFirst::Both)) => ", both closed at once",
        _ => "",
    });
    if connection.origin == Origin::Midstream {
        text.push_str(", midstream");
    }
    if connection.role == Role::Guessed {
        text.push_str(", roles guessed");
    }
    text
}

/// Payload of each end: `300 B / 70.0 kB`.
pub fn payload(connection: &Connection) -> String {
    match connection.bytes.total() {
        0 => "no data".to_owned(),
        _ => format!("{} / {}", bytes(connection.bytes.client), bytes(connection.bytes.server)),
    }
}

/// A final state, or all that are possible, the likeliest first: `FIN_WAIT_2|CLOSED`.
pub fn possible(state: State, possible: States) -> String {
    let others = possible.iter().filter(|other| *other != state).map(|other| other.name());
    std::iter::once(state.name()).chain(others).collect::<Vec<_>>().join("|")
}

/// A line that says what was selected, if something was: `12 of 3,000 connections: --filter 'port 80'`.
pub fn selected(report: &Report, options: &RenderOptions) -> Option<String> {
    let selected = report.capture.selected.as_ref()?;
    let all = plural(selected.of?, "connection");
    Some(format!("{} of {all} ({})", count(report.summary.connections), asked(selected, options.watched)))
}

/// What the report was made with that is not the usual, as it would be typed: `--threshold close-wait-stuck=5s`.
pub fn settings(capture: &Capture) -> Option<String> {
    let mut typed = capture.settings.as_ref().map(Settings::typed).unwrap_or_default();
    if let Some(selected) = &capture.selected {
        typed.extend(selected.only.iter().map(|name| format!("--only {name}")));
        typed.extend(selected.ignore.iter().map(|name| format!("--ignore {name}")));
    }
    (!typed.is_empty()).then(|| typed.join(" "))
}

/// What connections were asked for by, as it would be typed; `live` takes a filter without an option.
pub fn asked(selected: &Selected, watched: bool) -> String {
    let option = if watched { "" } else { "--filter " };
    let mut by: Vec<String> = selected.connections.iter().map(|id| format!("--connection {id}")).collect();
    by.extend(selected.filter.as_ref().map(|filter| format!("{option}'{filter}'")));
    by.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_were_cut_are_counted_and_a_snap_length_is_told_where_it_is_known() {
        let of = |cut, snap_len| {
            let files = vec![FileInfo { cut, snap_len, ..FileInfo::default() }];
            missing(&Capture { files, packets: 1_557, ..Capture::default() }, Parts::default())
        };
        assert_eq!(of(2, None), ["2 packets cut short (0.1 %)"]);
        assert_eq!(of(1_000, Some(96)), ["1,000 packets cut to 96 bytes (snap length)"]);
        assert!(of(0, None).is_empty());
    }

    #[test]
    fn payload_that_was_acknowledged_and_not_captured_is_missing() {
        let of = |bytes, missing_bytes| {
            let capture = Capture { bytes, missing_bytes, ..Capture::default() };
            missing(&capture, Parts::default())
        };
        assert_eq!(of(77, 7_423), ["7,423 of 7,500 payload bytes (99 %)"]);
        assert!(of(77, 0).is_empty());
        assert!(of(77, 1).is_empty(), "it may be a FIN");
    }
}
