//! What capture-wide detectors need of each connection.

use std::num::NonZero;
use std::ops::Deref;

use super::attempt::Attempt;
use super::digests::Digests;
use super::short::Short;
use super::stay::Stay;
use crate::report::directory::Parties;
use crate::report::{Outcome, Side};
use crate::time::{Span, Time};

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    of: &'a Digests,
    row: &'a Row,
}

/// What is kept of every connection; of a lone SYN it is all.
#[derive(Clone, Debug)]
pub struct Row {
    /// Time of its first packet.
    pub first: Time,
    /// Its client and its service.
    pub parties: Parties,
    /// The place of what a lone SYN has not, plus one; 0 if it is one.
    pub(super) more: u32,
    pub(super) id: Short,
    pub(super) first_packet: Short,
    /// Without `more`: how long after its first packet the server was in SYN_RCVD, for good; plus one.
    pub(super) half_open: Option<NonZero<u32>>,
    pub(super) marks: u16,
    /// How it ended.
    pub outcome: Outcome,
    pub(super) probe: Probe,
}

/// Whether a connection is what scanners make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// It is not.
    #[default]
    No,
    /// It was offered or opened, and ended or was left, without any payload.
    Empty,
    /// A segment of it has flags that no stack sends together, and none has payload.
    Odd,
    /// An ICMP error answered it, and nothing of its server was captured.
    Rejected,
    /// Nothing of its server was captured, and nothing else is to be said.
    Unheard,
}

const _: () = assert!(size_of::<Row>() <= 40);

/// What there is to say of a connection that came to more than a lone SYN.
#[derive(Clone, Debug)]
pub(super) struct More {
    pub last: Time,
    /// The server's SYN_RCVD; where that did not happen, `until` is when the server was ESTABLISHED.
    pub handshake: Stay,
    /// TIME_WAIT of the end that was in it; of the client, if both were. Of a connection that was opened in the capture and
    /// is open when that ends, `since` is since when it has carried no payload. Of one that came to nothing `until` is the
    /// [`Attempt`].
    pub time_wait: Stay,
    /// The place of what few connections have, plus one; 0 for none.
    pub rare: u32,
    /// Segments both ways.
    pub packets: u32,
}

/// What few connections have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rare {
    pub idle_death: Option<(u64, u64)>,
    pub broke: Option<Time>,
    pub last_packet: u64,
    pub again: u64,
    /// When the server was ESTABLISHED, if that was not when it left SYN_RCVD.
    pub established: Option<Time>,
    /// When the server closed it, the first to do so, if its TIME_WAIT did not begin within a second.
    pub closed: Option<Time>,
    /// The server's TIME_WAIT, if the client was in it, too.
    pub time_wait: Option<Stay>,
    /// When an end was in CLOSE_WAIT, until it is known where the quarters of the capture end.
    pub close_wait: Option<Stay>,
}

pub(super) const OPENED: u16 = 1;
pub(super) const ALONE: u16 = 1 << 1;
pub(super) const OPEN_AT_END: u16 = 1 << 2;
/// A SYN had to be repeated, to which no answer had been captured.
pub(super) const WAITED: u16 = 1 << 3;
pub(super) const ESTABLISHED: u16 = 1 << 4;
pub(super) const LEAKED_AT_CLIENT: u16 = 1 << 5;
pub(super) const LEAKED: u16 = 1 << 6;
pub(super) const TIME_WAIT_AT_SERVER: u16 = 1 << 7;
/// The server reset it.
pub(super) const BROKE: u16 = 1 << 12;
/// An end was in TIME_WAIT.
pub(super) const TIME_WAIT: u16 = 1 << 13;
/// The server did not take up what the client believed to be a connection.
pub(super) const IGNORED: u16 = 1 << 14;
/// SYN or SYN,ACK was repeated, for whatever reason.
pub(super) const REPEATED: u16 = 1 << 15;
/// A connection as a service with full queues treats it.
pub(super) const TURNED_AWAY: u16 = WAITED | IGNORED;
/// An end was in CLOSE_WAIT when a quarter of the capture ended.
pub(super) const UNCLOSED: u16 = LEAKED | 15 << QUARTERS;
/// The first of four, one for each quarter of the capture.
pub(super) const QUARTERS: u32 = 8;

impl Deref for Digest<'_> {
    type Target = Row;

    fn deref(&self) -> &Row {
        self.row
    }
}

impl<'a> Digest<'a> {
    #[inline]
    pub(super) fn new(of: &'a Digests, row: &'a Row) -> Digest<'a> {
        Digest { of, row }
    }

    fn more(self) -> Option<&'a More> {
        self.of.more.get((self.row.more as usize).checked_sub(1)?)
    }

    fn rare(self) -> Option<&'a Rare> {
        self.of.rare.get((self.more()?.rare as usize).checked_sub(1)?)
    }

    /// Time of its last packet.
    pub fn last(self) -> Time {
        self.more().map_or(self.first, |more| more.last)
    }

    /// Segments both ways.
    pub fn packets(self) -> u32 {
        self.more().map_or(1, |more| more.packets)
    }

    /// Whether it has one of `marks`.
    #[inline]
    pub(super) fn marked(self, marks: u16) -> bool {
        self.marks & marks != 0
    }

    /// Number in the report.
    pub fn id(self) -> u64 {
        self.id.get()
    }

    /// Number of its first packet.
    pub fn first_packet(self) -> u64 {
        self.first_packet.get()
    }

    /// Its SYN was captured.
    pub fn opened(self) -> bool {
        self.marked(OPENED)
    }

    /// Only one direction was captured.
    pub fn alone(self) -> bool {
        self.marked(ALONE)
    }

    /// An end is neither CLOSED nor in TIME_WAIT when the capture ends.
    pub fn open_at_end(self) -> bool {
        self.marked(OPEN_AT_END)
    }

    /// Its SYN had to be repeated, no answer to it having been captured.
    pub fn waited(self) -> bool {
        self.marked(WAITED)
    }

    /// The server did not take it up after the handshake.
    pub fn ignored(self) -> bool {
        self.marked(IGNORED)
    }

    /// Whether SYN and SYN,ACK came once.
    pub fn opened_smoothly(self) -> bool {
        !self.marked(TURNED_AWAY | REPEATED)
    }

    /// The server's SYN_RCVD.
    pub fn syn_rcvd(self) -> Stay {
        match (self.more(), self.half_open) {
            (Some(more), _) if more.handshake.happened() => more.handshake,
            (None, Some(after)) => {
                Stay { since: self.first + Span(i64::from(after.get()) - 1), until: Stay::NONE.until }
            }
            _ => Stay::NONE,
        }
    }

    /// When the server was ESTABLISHED.
    pub fn established(self) -> Option<Time> {
        let more = self.more().filter(|_| self.marked(ESTABLISHED))?;
        Some(self.rare().and_then(|r| r.established).unwrap_or(more.handshake.until))
    }

    /// Whether the server was ever ESTABLISHED.
    pub fn was_established(self) -> bool {
        self.row.more != 0 && self.marked(ESTABLISHED)
    }

    /// Which end was in CLOSE_WAIT when quarters of the capture ended (in order), and whether it still was at the end;
    /// `None` if it never was at those times, or the other end's FIN was not captured.
    pub fn close_wait(self) -> Option<(Side, [bool; 4], bool)> {
        let quarters = [0, 1, 2, 3].map(|i| self.marked(1 << (QUARTERS + i)));
        let side = if self.marked(LEAKED_AT_CLIENT) { Side::Client } else { Side::Server };
        self.marked(UNCLOSED).then_some((side, quarters, self.marked(LEAKED)))
    }

    /// Whether it is what scanners make.
    pub fn probe(self) -> Probe {
        self.row.probe
    }

    /// Whether anything of its server was captured.
    pub fn heard(self) -> bool {
        !matches!(self.probe(), Probe::Unheard | Probe::Rejected)
    }

    /// Since when it has carried no payload, if it was opened in the capture and is open when that ends; the end of time if
    /// that is not known.
    pub fn idle_since(self) -> Option<Time> {
        let is_open = self.outcome == Outcome::Open && self.opened();
        self.more().filter(|_| is_open).map(|more| more.time_wait.since)
    }

    /// What is left of it, if it came to nothing and is no lone SYN.
    pub fn attempt(self) -> Option<Attempt> {
        let none = self.marked(TIME_WAIT | ESTABLISHED);
        self.more().filter(|_| !none).and_then(|more| Attempt::unpacked(more.time_wait.until))
    }

    /// TIME_WAIT of the client (0) or the server (1).
    pub fn time_wait(self, side: usize) -> Stay {
        let Some(more) = self.more().filter(|_| self.marked(TIME_WAIT)) else { return Stay::NONE };
        if usize::from(self.marked(TIME_WAIT_AT_SERVER)) == side {
            return more.time_wait;
        }
        self.rare().and_then(|r| r.time_wait).filter(|_| side == 1).unwrap_or(Stay::NONE)
    }

    /// It died after being idle for so many seconds; the packet that shows it.
    pub fn idle_death(self) -> Option<(f64, u64)> {
        self.rare()?.idle_death.map(|(micros, packet)| (micros as f64 / 1e6, packet))
    }

    /// When the server reset it, and the number of its last packet.
    pub fn broke(self) -> Option<(Time, u64)> {
        let rare = self.rare()?;
        rare.broke.map(|time| (time, rare.last_packet))
    }

    /// Whether [`ended_by_server`](Digest::ended_by_server) may be known, as far as its row tells.
    #[inline]
    pub fn may_be_ended_by_server(self) -> bool {
        let in_time_wait = self.marked(TIME_WAIT) && self.marked(TIME_WAIT_AT_SERVER);
        in_time_wait || matches!(self.outcome, Outcome::Reset | Outcome::HalfClosed | Outcome::Closed)
    }

    /// When the server reset it, or closed it before its client did; within a second.
    pub fn ended_by_server(self) -> Option<Time> {
        let in_time_wait = self.marked(TIME_WAIT) && self.marked(TIME_WAIT_AT_SERVER);
        let rare = self.rare().and_then(|rare| [rare.broke, rare.closed].into_iter().flatten().min());
        rare.or_else(|| in_time_wait.then(|| self.time_wait(1).since))
    }

    /// Segments sent again after the server had taken it up, and before any RST.
    pub fn again(self) -> u64 {
        self.rare().map_or(0, |r| r.again)
    }
}
