//! From the segments of a connection and its histories to the lines that a ladder shows.

use super::collect::Row;
use super::mark::Mark;
use crate::report::{Anomaly, Connection, Entry, PerSide, Side};
use crate::segment::{Flags, Segment};
use crate::time::Time;
use crate::tracker::{Class, State};

/// A transition of one end.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Whose.
    pub side: Side,
    /// The entry of its history.
    pub entry: Entry,
}

/// A segment as captured.
#[derive(Clone, Debug)]
pub struct Seen {
    /// It, with its own numbers.
    pub segment: Segment,
    /// Who sent it.
    pub from: Side,
    /// Sequence number counted from the sender's first.
    pub seq: u32,
    /// Acknowledgment number counted from the other end's first; 0 without ACK.
    pub ack: u32,
    /// The window in bytes, scaled where the scale is known.
    pub window: u64,
    /// What else is to be said.
    pub marks: Vec<Mark>,
}

/// One line: a segment, or a moment in which something happened without one.
#[derive(Clone, Debug)]
pub struct Line {
    /// When.
    pub time: Time,
    /// When it counts as sent, by which the transitions are put here: later, where the tap's clock went back.
    pub dated: Time,
    /// The segment, if there is one.
    pub seen: Option<Seen>,
    /// Both ends after it, as the finished histories say.
    pub states: PerSide<State>,
    /// What was believed when it had been captured, where that was taken back later.
    pub believed: PerSide<Option<State>>,
    /// The transitions here.
    pub turns: Vec<Turn>,
    /// The findings here.
    pub anomalies: Vec<Anomaly>,
}

impl Line {
    /// Whether it tells more than that data flows.
    pub fn is_eventful(&self) -> bool {
        let flags = self.seen.as_ref().map_or(Flags::default(), |s| s.segment.flags);
        let control = flags.0 & (Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0) != 0;
        let believed = self.believed.client.is_some() || self.believed.server.is_some();
        let alien = |m: &Mark| matches!(m, Mark::Astray | Mark::NoAck);
        let marked = self.seen.as_ref().is_some_and(|s| s.marks.iter().any(alien));
        control || believed || marked || self.seen.is_none() || !self.turns.is_empty() || !self.anomalies.is_empty()
    }
}

/// A whole connection.
#[derive(Clone, Debug)]
pub struct Story {
    /// What is reported of it.
    pub connection: Connection,
    /// Its lines, in order of time.
    pub lines: Vec<Line>,
    /// The end of the capture.
    pub end: Time,
}

/// The story of `connection` from its segments. `end` is the time of the last packet of the capture.
pub fn story(connection: Connection, rows: Vec<(Row, PerSide<State>)>, end: Time) -> Story {
    let bases = bases(&connection, &rows);
    let mut memory = Memory::default();
    let mut lines: Vec<Line> = Vec::with_capacity(rows.len());
    for (row, believed) in rows {
        let from = if row.segment.src == connection.client { Side::Client } else { Side::Server };
        let gone = *believed.get(from.other()) == State::Closed;
        let seen = memory.seen(&row, from, gone, &bases);
        lines.push(Line {
            seen: Some(seen),
            believed: PerSide { client: Some(believed.client), server: Some(believed.server) },
            dated: row.dated,
            ..moment(row.segment.time)
        });
    }
    for side in Side::ALL {
        place(&connection, side, &mut lines);
    }
    for anomaly in &connection.anomalies {
        let at = lines.iter().position(|l| packet(l).is_some() && packet(l) == anomaly.packet);
        let by_time = || lines.iter().rposition(|l| l.dated <= anomaly.time).unwrap_or(0);
        let at = at.unwrap_or_else(by_time);
        if let Some(line) = lines.get_mut(at) {
            line.anomalies.push(anomaly.clone());
        }
    }
    settle(&mut lines);
    Story { connection, lines, end }
}

fn packet(line: &Line) -> Option<u64> {
    line.seen.as_ref().map(|s| s.segment.packet)
}

/// Puts the transitions of one end where they belong: at the packet that caused them, in a line of their own if nothing
/// that was captured did.
fn place(connection: &Connection, side: Side, lines: &mut Vec<Line>) {
    let mut earliest = 0;
    for entry in &connection.endpoints.get(side).history {
        let time = entry.captured.unwrap_or(entry.time);
        let by_packet = entry.packet.and_then(|p| lines.iter().position(|l| packet(l) == Some(p)));
        let turn = Turn { side, entry: entry.clone() };
        let at = match by_packet {
            // What a later packet showed to have come after is where its time is.
            Some(i) if lines[i].dated < time => lines.iter().rposition(|l| l.dated <= time).unwrap_or(i).max(i),
            Some(i) => i,
            None => {
                let i = lines.iter().position(|l| l.dated > time).unwrap_or(lines.len());
                if i > 0 && entry.packet.is_some() || i == 0 && !lines.is_empty() {
                    i.saturating_sub(1)
                } else if i > 0 && lines[i - 1].dated == time {
                    i - 1
                } else {
                    lines.insert(i, moment(time));
                    i
                }
            }
        };
        let at = at.max(earliest);
        earliest = at;
        if let Some(line) = lines.get_mut(at) {
            line.turns.push(turn);
        }
    }
}

/// A line in which nothing is known to have happened.
fn moment(time: Time) -> Line {
    Line {
        time,
        dated: time,
        seen: None,
        states: PerSide { client: State::Closed, server: State::Closed },
        believed: PerSide::default(),
        turns: Vec::new(),
        anomalies: Vec::new(),
    }
}

/// Carries the states down, and keeps of what was believed only what was wrong.
fn settle(lines: &mut [Line]) {
    let mut now = PerSide { client: State::Closed, server: State::Closed };
    for line in lines {
        for turn in &line.turns {
            *now.get_mut(turn.side) = turn.entry.state;
        }
        line.states = now;
        for side in Side::ALL {
            let believed = line.believed.get_mut(side);
            if *believed == Some(*now.get(side)) {
                *believed = None;
            }
        }
    }
}

/// The sequence number from which each end's are counted: that of its SYN, or the first one seen.
fn bases(connection: &Connection, rows: &[(Row, PerSide<State>)]) -> PerSide<u32> {
    let base = |socket| {
        let own = rows.iter().map(|(r, _)| &r.segment).filter(|s| s.src == socket);
        let syn = own.clone().find(|s| s.has(Flags::SYN)).map(|s| s.seq);
        let acked = rows.iter().map(|(r, _)| &r.segment).find(|s| s.src != socket && s.has(Flags::ACK));
        let first = own.clone().find(|s| !s.has(Flags::RST)).map(|s| s.seq);
        syn.or_else(|| match (first, acked.map(|s| s.ack)) {
            (Some(a), Some(b)) if (b.wrapping_sub(a) as i32) < 0 => Some(b),
            (a, b) => a.or(b),
        })
        .unwrap_or(0)
    };
    PerSide { client: base(connection.client), server: base(connection.server) }
}

/// What has to be remembered from segment to segment to say what one is.
#[derive(Default)]
struct Memory {
    /// The window scale that each end offered.
    shift: PerSide<Option<u8>>,
    /// The last acknowledgment and window of each.
    last: PerSide<Option<(u32, u16)>>,
    /// Whether the window of each is closed.
    closed: PerSide<bool>,
}

impl Memory {
    /// `gone` if its receiver had no connection any more.
    fn seen(&mut self, row: &Row, from: Side, gone: bool, bases: &PerSide<u32>) -> Seen {
        let seg = &row.segment;
        let syn = seg.has(Flags::SYN);
        if syn {
            *self.shift.get_mut(from) = seg.options.window_scale;
        }
        // Only if both offer it (RFC 7323 §2.2).
        let both = self.shift.client.is_some() && self.shift.server.is_some();
        let shift = if both && !syn { self.shift.get(from).unwrap_or(0).min(14) } else { 0 };
        Seen {
            segment: *seg,
            from,
            seq: seg.seq.wrapping_sub(*bases.get(from)),
            ack: if seg.has(Flags::ACK) { seg.ack.wrapping_sub(*bases.get(from.other())) } else { 0 },
            window: u64::from(seg.window) << shift,
            marks: self.marks(row, from, gone),
        }
    }

    fn marks(&mut self, row: &Row, from: Side, gone: bool) -> Vec<Mark> {
        let seg = &row.segment;
        let mut marks = Vec::new();
        let closed = *self.closed.get(from.other());
        marks.extend(match row.class {
            Class::Copy => Some(Mark::Copy),
            Class::Astray => Some(Mark::Astray),
            Class::NoAck => Some(Mark::NoAck),
            Class::ResetIgnored => (!gone).then_some(Mark::ResetIgnored),
            Class::OpeningAgain => Some(Mark::OpeningAgain),
            Class::Probe if closed => Some(Mark::WindowProbe),
            Class::Probe => Some(Mark::Keepalive),
            Class::Retransmission => Some(Mark::Retransmission),
            Class::GapFill => Some(Mark::GapFill),
            Class::Ack if !row.advances && *self.last.get(from) == Some((seg.ack, seg.window)) => {
                Some(Mark::DuplicateAck)
            }
            _ => None,
        });
        if matches!(row.class, Class::Copy | Class::Astray | Class::NoAck) || seg.has(Flags::RST) {
            return marks;
        }
        if seg.has(Flags::ACK) {
            *self.last.get_mut(from) = Some((seg.ack, seg.window));
        }
        let was = std::mem::replace(self.closed.get_mut(from), seg.window == 0);
        match (was, seg.window == 0) {
            (false, true) => marks.push(Mark::ZeroWindow),
            (true, false) => marks.push(Mark::WindowUpdate),
            _ => {}
        }
        marks
    }
}
