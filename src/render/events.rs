//! One line per transition in order of time, as users of BCC's `tcpstates` know it.

use std::io;

use serde::Serialize;

use super::csv::record;
use super::history::mark;
use super::markdown::{code, escape};
use super::text::{DIM, Text};
use super::units::clock;
use super::{Format, RenderOptions, ladder};
use crate::report::{Connection, Report, Side};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::{Evidence, State};

/// One transition of one end.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    r#type: &'static str,
    /// When.
    pub time: Time,
    /// The connection it is part of.
    pub connection: u64,
    /// Whose.
    pub role: Side,
    /// Its address and port.
    pub local: Socket,
    /// The other end's.
    pub peer: Socket,
    /// The state left.
    pub from: State,
    /// The state entered.
    pub state: State,
    /// How long it was in the state left; absent where that began before the capture, or is CLOSED.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasted: Option<Span>,
    /// What happened.
    pub cause: &'static str,
    /// The packet that caused it, or that shows it if it is `deduced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// Present if `packet` only shows that it had happened.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, schemars(default))]
    pub deduced: bool,
    /// How it is known.
    pub evidence: Evidence,
    /// The packet that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_by: Option<u64>,
    /// Of two captures, one at each end, the one that has these packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Side>,
}

impl Event {
    /// The state entered, with the mark of how it is known.
    fn entered(&self) -> String {
        format!("{}{}", self.state, mark(self.evidence))
    }

    /// How many milliseconds the state left had lasted.
    fn ms(&self) -> String {
        self.lasted.map_or("-".to_owned(), |s| format!("{}.{:03}", s.0 / 1_000_000, s.0 / 1_000 % 1_000))
    }

    /// How it is known.
    fn how(&self) -> String {
        let how = ladder::evidence(self.evidence, self.packet.filter(|_| self.deduced), self.proven_by);
        match self.seen_at {
            Some(side) if how.contains('#') => format!("{how} of the {}'s", side.name()),
            _ => how,
        }
    }
}

/// A transition as it is kept: there may be many.
#[derive(Clone, Debug)]
struct Kept {
    time: Time,
    /// Of which connection, by its place among those gathered, and of which end; and which of its transitions it is.
    connection: u32,
    step: u16,
    role: Side,
    from: State,
    state: State,
    evidence: Evidence,
    deduced: bool,
    /// By its place among all.
    cause: u8,
    /// How long the state left had lasted; negative where that is not known.
    lasted: Span,
    /// 0 for none, as for `proven_by`: packets are counted from 1.
    packet: u64,
    proven_by: u64,
    seen_at: Option<Side>,
}

const _: () = assert!(size_of::<Kept>() <= 48);

const NONE: &str = "no connection matches, or none changed its state";

/// Transitions as they are gathered, connection by connection.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// Number, client and server of each connection.
    connections: Vec<(u64, [Socket; 2])>,
    kept: Vec<Kept>,
    /// There are some dozens.
    causes: Vec<&'static str>,
}

impl Events {
    /// Takes those of both ends of a connection; connections may come in any order.
    pub fn take(&mut self, c: &Connection) {
        let connection = self.connections.len() as u32;
        self.connections.push((c.id, [c.client, c.server]));
        for role in [Side::Client, Side::Server] {
            let history = &c.endpoints.get(role).history;
            for (i, entry) in history.iter().enumerate() {
                let before = i.checked_sub(1).map(|i| &history[i]);
                let known = before.filter(|b| b.evidence != Evidence::Assumed || b.packet.is_some());
                let cause = self.cause(entry.cause);
                self.kept.push(Kept {
                    time: entry.time,
                    connection,
                    step: i.min(u16::MAX.into()) as u16,
                    role,
                    from: entry.from,
                    state: entry.state,
                    evidence: entry.evidence,
                    deduced: entry.deduced,
                    cause,
                    lasted: known.map_or(Span(-1), |b| (entry.time - b.time).max(Span(0))),
                    packet: entry.packet.unwrap_or(0),
                    proven_by: entry.proven_by.unwrap_or(0),
                    seen_at: entry.seen_at,
                });
            }
        }
    }

    /// The place of a cause among those that were met.
    fn cause(&mut self, cause: &'static str) -> u8 {
        let known = self.causes.iter().position(|known| std::ptr::eq(*known, cause));
        let place = known.unwrap_or_else(|| {
            self.causes.push(cause);
            self.causes.len() - 1
        });
        place.min(u8::MAX.into()) as u8
    }

    /// Puts them in order of time; those of one moment by connection, client first, and those of one end as they came.
    fn sort(&mut self) {
        let Events { connections, kept, .. } = self;
        // It lies far away, and is rarely asked for.
        let rest = |e: &Kept| (connections[e.connection as usize].0, e.role == Side::Server, e.step);
        kept.sort_unstable_by(|a, b| a.time.cmp(&b.time).then_with(|| rest(a).cmp(&rest(b))));
    }

    /// All of them in full.
    fn all(&self) -> impl Iterator<Item = Event> {
        self.kept.iter().filter_map(|e| {
            let (connection, [client, server]) = *self.connections.get(e.connection as usize)?;
            let (local, peer) = if e.role == Side::Client { (client, server) } else { (server, client) };
            let some = |packet| (packet != 0).then_some(packet);
            Some(Event {
                r#type: "event",
                time: e.time,
                connection,
                role: e.role,
                local,
                peer,
                from: e.from,
                state: e.state,
                lasted: (e.lasted >= Span(0)).then_some(e.lasted),
                cause: self.causes.get(usize::from(e.cause)).copied().unwrap_or_default(),
                packet: some(e.packet),
                deduced: e.deduced,
                evidence: e.evidence,
                proven_by: some(e.proven_by),
                seen_at: e.seen_at,
            })
        })
    }

    /// Writes them in order of time; those of one moment by connection, client first.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render(mut self, format: Format, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
        self.sort();
        match format {
            Format::Json => {
                out.write_all(b"[")?;
                for (i, event) in self.all().enumerate() {
                    out.write_all(if i > 0 { b",\n" } else { b"\n" })?;
                    serde_json::to_writer(&mut *out, &event)?;
                }
                out.write_all(b"\n]\n")
            }
            Format::Ndjson => self.all().try_for_each(|event| {
                serde_json::to_writer(&mut *out, &event)?;
                out.write_all(b"\n")
            }),
            Format::Csv => self.csv(out),
            Format::Markdown => self.markdown(options, out),
            Format::Table => self.table(options, out),
        }
    }

    fn csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        record(
            &mut writer,
            [
                "time",
                "connection",
                "role",
                "local_addr",
                "local_port",
                "peer_addr",
                "peer_port",
                "from",
                "state",
                "lasted",
                "cause",
                "packet",
                "evidence",
                "proven_by",
                "deduced",
                "seen_at",
            ],
        )?;
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        for e in self.all() {
            record(
                &mut writer,
                [
                    e.time.to_string(),
                    e.connection.to_string(),
                    e.role.name().to_owned(),
                    e.local.addr.to_string(),
                    e.local.port.to_string(),
                    e.peer.addr.to_string(),
                    e.peer.port.to_string(),
                    e.from.to_string(),
                    e.state.to_string(),
                    e.lasted.map(|s| s.to_string()).unwrap_or_default(),
                    e.cause.to_owned(),
                    number(e.packet),
                    e.evidence.name().to_owned(),
                    number(e.proven_by),
                    e.deduced.to_string(),
                    e.seen_at.map(Side::name).unwrap_or_default().to_owned(),
                ],
            )?;
        }
        writer.flush()
    }

    fn markdown(&self, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
        if self.kept.is_empty() {
            return writeln!(out, "{NONE}");
        }
        writeln!(out, "| time | endpoint | peer | old state | new state | ms | evidence |")?;
        writeln!(out, "|---|---|---|---|---|--:|---|")?;
        self.all().try_for_each(|e| {
            let [local, peer] = [e.local, e.peer].map(|socket| code(&socket.to_string()));
            let [from, new, how] = [e.from.name(), &e.entered(), &e.how()].map(escape);
            writeln!(
                out,
                "| {} | {local} | {peer} | {from} | {new} | {} | {how} |",
                clock(e.time, options.zone),
                e.ms()
            )
        })
    }

    fn table(&self, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
        if self.kept.is_empty() {
            return Text::styled(DIM, NONE).line(out, options.colour);
        }
        let mut widths = [8, 8, 8, 2];
        for e in self.all() {
            let cells = [e.local.to_string(), e.from.to_string(), e.entered(), e.ms()];
            widths.iter_mut().zip(cells).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
        }
        let [local, old, new, ms] = widths;
        let line = |cells: [&str; 7]| {
            let [time, endpoint, peer, from, to, lasted, how] = cells;
            format!("{time:15} {endpoint:local$} {peer:local$} {from:>old$} → {to:new$} {lasted:>ms$}  {how}")
        };
        let header = line(["TIME", "ENDPOINT", "PEER", "OLDSTATE", "NEWSTATE", "MS", "EVIDENCE"]);
        Text::styled(DIM, &header).line(out, options.colour)?;
        for e in self.all() {
            let (local, peer) = (e.local.to_string(), e.peer.to_string());
            let row =
                line([&clock(e.time, options.zone), &local, &peer, e.from.name(), &e.entered(), &e.ms(), &e.how()]);
            Text::plain(&row).line(out, options.colour)?;
        }
        Ok(())
    }
}

/// Writes those of a report.
///
/// # Errors
/// Only those of `out`.
pub fn render(format: Format, report: &Report, options: &RenderOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let mut events = Events::default();
    report.connections.iter().for_each(|c| events.take(c));
    events.render(format, options, out)
}
