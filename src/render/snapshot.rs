//! Snapshots: sockets as `ss -tan` lists them, and counts per state over time.

use std::io;

use serde::Serialize;

use super::csv::record;
use super::history::mark;
use super::text::{BOLD, DIM, Text, wrap};
use super::units::{Zone, clock, count, date, span};
use super::{Format, facts};
use crate::snapshot::{Moment, Row, Series};
use crate::time::Time;
use crate::tracker::{Evidence, State};

/// How it may look.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    /// Columns to fit in.
    pub width: usize,
    /// Whether to write terminal colours.
    pub colour: bool,
    /// Whether only some connections were asked for.
    pub some: bool,
}

impl Looks {
    /// What is said where no socket is listed, with `none` in front.
    fn none(&self, none: &str) -> Text {
        let of = if self.some { " of the connections asked for" } else { "" };
        Text::plain(&format!("{none}{of} in any state but CLOSED and LISTEN"))
    }
}

/// Version of the JSON of sockets.
const SOCKETS: &str = "tcpstate-snapshot/1";

#[derive(Serialize)]
struct Page<'a, T> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
struct Sockets<'a> {
    sockets: &'a [Row],
}

/// Writes that the capture has no packets, as sockets or as a series.
///
/// # Errors
/// Only those of `out`.
pub fn nothing(format: Format, every: bool, looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let none = Series { samples: Vec::new() };
    match (format, every) {
        (Format::Table | Format::Markdown, _) => Text::plain("no packets").line(out, looks.colour),
        (_, true) => series(format, &none, Time(0), looks, out),
        (Format::Json, false) => json_line(&Page { schema: SOCKETS, time: None, body: &Sockets { sockets: &[] } }, out),
        (_, false) => rows(format, &Moment::Time(Time(0)), &[], looks, out),
    }
}

/// Writes the sockets at one time.
///
/// # Errors
/// Only those of `out`.
pub fn rows(format: Format, moment: &Moment, rows: &[Row], looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Json => {
            let body = Sockets { sockets: rows };
            json_line(&Page { schema: SOCKETS, time: Some(moment.time()), body: &body }, out)
        }
        Format::Ndjson => rows.iter().try_for_each(|row| json_line(row, out)),
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(out);
            record(
                &mut writer,
                [
                    "host",
                    "state",
                    "evidence",
                    "or",
                    "local_addr",
                    "local_port",
                    "peer_addr",
                    "peer_port",
                    "connection",
                    "role",
                    "since",
                    "possible",
                ],
            )?;
            for r in rows {
                record(
                    &mut writer,
                    [
                        r.host.to_string(),
                        r.state.to_string(),
                        r.evidence.name().to_owned(),
                        r.or.map(|s| s.to_string()).unwrap_or_default(),
                        r.local.addr.to_string(),
                        r.local.port.to_string(),
                        r.peer.addr.to_string(),
                        r.peer.port.to_string(),
                        r.connection.to_string(),
                        r.role.name().to_owned(),
                        r.since.to_string(),
                        r.possible.map(|all| facts::possible(r.state, all)).unwrap_or_default(),
                    ],
                )?;
            }
            writer.flush()
        }
        Format::Table | Format::Markdown => table(moment, rows, looks, out),
    }
}

fn json_line(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn table(moment: &Moment, rows: &[Row], looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let time = moment.time();
    let packet = match moment {
        Moment::Packet(number, _) => format!(", packet {number} captured"),
        Moment::Time(_) => String::new(),
    };
    let second = date(time, Zone::Utc);
    let head = format!("{} ({} s){packet}", second, time);
    Text::styled(BOLD, &head).line(out, looks.colour)?;
    if rows.is_empty() {
        return looks.none("no socket").line(out, looks.colour);
    }
    for host in rows.chunk_by(|a, b| a.host == b.host) {
        Text::new().line(out, looks.colour)?;
        Text::styled(BOLD, &host[0].host.to_string()).line(out, looks.colour)?;
        let cells = |r: &Row| {
            let or: String = r.others().map(|s| format!("|{s}")).collect();
            let state = format!("{}{}{or}", r.state, mark(r.evidence));
            let lasted = format!("{}{}", if r.before { "≥ " } else { "" }, span(time - r.since));
            [state, r.local.to_string(), r.peer.to_string(), lasted, format!("#{}", r.connection)]
        };
        let header = ["State", "Local Address:Port", "Peer Address:Port", "For", "Connection"].map(str::to_owned);
        let all: Vec<[String; 5]> = std::iter::once(header).chain(host.iter().map(cells)).collect();
        let width = |i: usize| all.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let mut widths: [usize; 5] = std::array::from_fn(width);
        // Many states go on below the first ones, so that the other columns stay where they are.
        let others: usize = widths[1..].iter().map(|width| width + 2).sum();
        let one = all.iter().flat_map(|row| row[0].split_inclusive('|')).map(|state| state.chars().count()).max();
        widths[0] = widths[0].min(looks.width.saturating_sub(others).max(one.unwrap_or(0)));
        let fits = fits(&widths, looks);
        for (n, row) in all.iter().enumerate() {
            let style = if n == 0 { DIM } else { anstyle::Style::new() };
            if !fits {
                let cells: Vec<Text> = row.iter().map(|cell| Text::styled(style, cell)).collect();
                lines(&wrap(Text::new(), INDENT, &cells, "  ", looks.width), looks, out)?;
                continue;
            }
            let states = broken(&row[0], widths[0]);
            let (first, more) = states.split_first().map_or(("", &[][..]), |(first, more)| (first, more));
            let cells = std::iter::once(first).chain(row[1..].iter().map(String::as_str)).zip(widths);
            let text = cells.fold(Text::new(), |t, (cell, w)| t.with(style, &format!("{cell:w$}  ")));
            text.line(out, looks.colour)?;
            more.iter().try_for_each(|states| Text::styled(style, states).line(out, looks.colour))?;
        }
    }
    if let Some(legend) = legend(rows) {
        Text::new().line(out, looks.colour)?;
        lines(&wrap(Text::new(), 0, &Text::styled(DIM, &legend).words(), " ", looks.width), looks, out)?;
    }
    Ok(())
}

/// What the signs in these `rows` mean; `None` if there are none.
fn legend(rows: &[Row]) -> Option<String> {
    let meaning = |grade: Evidence| match grade {
        Evidence::Sent | Evidence::Confirmed => None,
        Evidence::Inferred => Some("? inferred, not proven"),
        Evidence::Assumed => Some("~ assumed"),
        Evidence::Timer => Some("* timer, modelled"),
    };
    let grades = Evidence::ALL.into_iter().filter(|grade| rows.iter().any(|r| r.evidence == *grade));
    let several = rows.iter().any(|r| r.others().next().is_some());
    let parts: Vec<&str> =
        grades.filter_map(meaning).chain(several.then_some("A|B: the capture allows both then")).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// States in lines of at most so many columns, or of one state.
fn broken(states: &str, width: usize) -> Vec<&str> {
    let (mut lines, mut from, mut at) = (Vec::new(), 0, 0);
    for state in states.split_inclusive('|') {
        if at > from && states[from..at].chars().count() + state.chars().count() > width {
            lines.push(&states[from..at]);
            from = at;
        }
        at += state.len();
    }
    lines.push(&states[from..]);
    lines
}

/// Column where a row that takes several lines goes on.
const INDENT: usize = 4;

/// Whether columns of these widths, two blanks apart, fit.
fn fits(widths: &[usize], looks: &Looks) -> bool {
    widths.iter().map(|width| width + 2).sum::<usize>() <= looks.width + 2
}

fn lines(lines: &[Text], looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| line.line(out, looks.colour))
}

/// Writes counts over time; offsets are from `first`.
///
/// # Errors
/// Only those of `out`.
pub fn series(format: Format, series: &Series, first: Time, looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Json => json_line(&Page { schema: "tcpstate-series/1", time: None, body: series }, out),
        Format::Ndjson => series.samples.iter().try_for_each(|sample| json_line(sample, out)),
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(out);
            record(&mut writer, ["time", "state", "count", "least", "most"])?;
            // Every state at every time: what is not written would look like what was not counted.
            let states = seen(series);
            for sample in &series.samples {
                for state in &states {
                    let n = sample.states.get(state).copied().unwrap_or_default();
                    let numbers = [n.count, n.least, n.most].map(|n| n.to_string());
                    let named = [sample.time.to_string(), state.to_string()];
                    record(&mut writer, named.iter().chain(&numbers))?;
                }
            }
            writer.flush()
        }
        Format::Table | Format::Markdown => counts(series, first, looks, out),
    }
}

/// The states in which some endpoint is at some time.
fn seen(series: &Series) -> Vec<State> {
    let seen = |state: &State| series.samples.iter().any(|s| s.states.contains_key(state));
    State::ALL.into_iter().filter(seen).collect()
}

fn counts(series: &Series, first: Time, looks: &Looks, out: &mut dyn io::Write) -> io::Result<()> {
    let states = seen(series);
    let head = format!("endpoints in each state from {}; a–b: the least and the most possible", date(first, Zone::Utc));
    lines(&wrap(Text::new(), 2, &Text::styled(BOLD, &head).words(), " ", looks.width), looks, out)?;
    if states.is_empty() {
        return looks.none("none").line(out, looks.colour);
    }
    let mut rows: Vec<Vec<String>> = vec![vec!["time".to_owned(), "since".to_owned()]];
    rows[0].extend(states.iter().map(|s| s.name().to_owned()));
    for sample in &series.samples {
        let mut row = vec![clock(sample.time, Zone::Utc), span(sample.time - first)];
        row.extend(states.iter().map(|state| match sample.states.get(state) {
            None => "-".to_owned(),
            Some(n) if n.least == n.count && n.most == n.count => count(n.count),
            Some(n) => format!("{} ({}–{})", count(n.count), count(n.least), count(n.most)),
        }));
        rows.push(row);
    }
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0)).collect();
    if !fits(&widths, looks) {
        // Each row by itself, with the states that there are.
        for row in &rows[1..] {
            let (head, counts) = row.split_at(2);
            let told = counts.iter().zip(&states).filter(|(count, _)| *count != "-");
            let told: Vec<Text> =
                told.map(|(count, state)| Text::styled(DIM, state.name()).and(&format!(" {count}"))).collect();
            lines(
                &wrap(Text::plain(&format!("{}  ", head.join("  "))), INDENT, &told, " · ", looks.width),
                looks,
                out,
            )?;
        }
        return Ok(());
    }
    for (n, row) in rows.iter().enumerate() {
        let style = if n == 0 { DIM } else { anstyle::Style::new() };
        let text = row.iter().zip(&widths).fold(Text::new(), |t, (cell, w)| t.with(style, &format!("{cell:>w$}  ")));
        text.line(out, looks.colour)?;
    }
    Ok(())
}
