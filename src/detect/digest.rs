//! What capture-wide detectors need of each connection.

use std::ops::Deref;

use super::attempt::Attempt;
use super::digests::Digests;
use super::probe::{Kind, Probe};
use super::stay::Stay;
use super::usual::{Begin, More, Origin};
use crate::report::directory::Parties;
use crate::report::{Outcome, Side};
use crate::time::{Span, Time};

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    of: &'a Digests,
    place: u32,
    row: Row,
}

/// What those who go through all connections ask of each first.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its client and its service.
    pub parties: Parties,
    pub(super) marks: u16,
    /// How it ended.
    pub outcome: Outcome,
    pub(super) kind: Kind,
}

const _: () = assert!(size_of::<Row>() == 12);

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

    #[inline]
    fn deref(&self) -> &Row {
        &self.row
    }
}

impl<'a> Digest<'a> {
    #[inline]
    pub(super) fn new(of: &'a Digests, place: usize, row: Row) -> Digest<'a> {
        Digest { of, place: place as u32, row }
    }

    #[inline(always)]
    fn begin(self) -> Option<&'a Begin> {
        self.of.begins.get(self.place as usize)
    }

    /// When it began, and by what numbers it goes.
    #[inline(always)]
    fn origin(self) -> Origin {
        let place = self.place as usize;
        let far = if self.kind.is(Kind::FAR) { self.of.far.get(&self.place).copied() } else { None };
        far.or_else(|| Some(self.begin()?.origin(&self.of.origin, place))).unwrap_or_default()
    }

    #[inline(always)]
    fn more(self) -> Option<More> {
        if self.kind.is(Kind::LONE) {
            return None;
        }
        let rest = self.begin()?.rest as usize;
        if self.kind.is(Kind::WHOLE) {
            return self.of.whole.get(rest).copied();
        }
        let usual = self.of.usual.get(rest)?;
        Some(usual.more(self.first(), self.kind.is(Kind::ATTEMPT), self.of.two_msl))
    }

    #[inline]
    fn rare(self) -> Option<&'a Rare> {
        if !self.kind.is(Kind::WHOLE) {
            return None;
        }
        self.of.rare_of(self.begin()?)
    }

    /// Time of its first packet.
    #[inline]
    pub fn first(self) -> Time {
        self.origin().time
    }

    /// Whether it began `before` a time or longer.
    #[inline]
    pub fn began(self, before: Span, time: Time) -> bool {
        // Of most stretches all did.
        time - self.of.latest >= before || time - self.first() >= before
    }

    /// Time of its last packet.
    pub fn last(self) -> Time {
        self.more().map_or_else(|| self.first(), |more| more.last)
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
    #[inline]
    pub fn id(self) -> u64 {
        match self.begin() {
            Some(begin) if !self.kind.is(Kind::FAR) => begin.id(&self.of.origin, self.place as usize),
            _ => self.origin().id,
        }
    }

    /// Number of its first packet.
    pub fn first_packet(self) -> u64 {
        self.origin().packet
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
    #[inline(always)]
    pub fn syn_rcvd(self) -> Stay {
        if let Some(more) = self.more() {
            return if more.handshake.happened() { more.handshake } else { Stay::NONE };
        }
        match self.begin().map_or(0, |begin| begin.rest) {
            0 => Stay::NONE,
            after => Stay { since: self.first() + Span(i64::from(after) - 1), until: Stay::NONE.until },
        }
    }

    /// When the server was ESTABLISHED.
    pub fn established(self) -> Option<Time> {
        let more = self.more().filter(|_| self.marked(ESTABLISHED))?;
        Some(self.rare().and_then(|r| r.established).unwrap_or(more.handshake.until))
    }

    /// Whether the server was ever ESTABLISHED.
    #[inline]
    pub fn was_established(self) -> bool {
        self.marked(ESTABLISHED)
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
        self.kind.probe()
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

    /// Whether it was a lone SYN.
    #[inline]
    pub fn is_lone(self) -> bool {
        self.kind.is(Kind::LONE)
    }

    /// All that its row tells but between whom it was, in a number, if there is nothing rare about it.
    #[inline(always)]
    pub(super) fn kind_of_row(self) -> Option<u32> {
        let Row { marks, outcome, kind, .. } = self.row;
        (!kind.is(Kind::WHOLE)).then(|| u32::from(marks) << 16 | (outcome as u32) << 8 | u32::from(kind.bits()))
    }

    /// Whether its server was in SYN_RCVD.
    #[inline]
    pub fn was_half_open(self) -> bool {
        self.kind.is(Kind::HALF_OPEN)
    }

    /// Whether there may be an [`Attempt`], as far as its row tells.
    #[inline]
    pub fn may_be_attempt(self) -> bool {
        !self.marked(TIME_WAIT | ESTABLISHED) && self.kind.is(Kind::ATTEMPT | Kind::WHOLE)
    }

    /// What is left of it, if it came to nothing and is no lone SYN.
    pub fn attempt(self) -> Option<Attempt> {
        self.more().filter(|_| self.may_be_attempt()).and_then(|more| Attempt::unpacked(more.time_wait.until))
    }

    /// Whether the client (0) or the server (1) may have been in TIME_WAIT, as far as its row tells: the client for certain,
    /// the server unless the client was.
    #[inline]
    pub fn may_wait(self, side: usize) -> bool {
        let at_server = self.marked(TIME_WAIT_AT_SERVER);
        self.marked(TIME_WAIT) && (usize::from(at_server) == side || !at_server && self.kind.is(Kind::WHOLE))
    }

    /// Whether the server was in TIME_WAIT.
    #[inline]
    pub fn waited_at_server(self) -> bool {
        let both = || self.rare().is_some_and(|rare| rare.time_wait.is_some());
        self.may_wait(1) && (self.marked(TIME_WAIT_AT_SERVER) || both())
    }

    /// TIME_WAIT of the client (0) or the server (1).
    #[inline]
    pub fn time_wait(self, side: usize) -> Stay {
        if !self.may_wait(side) {
            return Stay::NONE;
        }
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

    /// Whether the server reset it.
    #[inline]
    pub fn has_broken(self) -> bool {
        self.marked(BROKE)
    }

    /// Whether [`close_wait`](Digest::close_wait) tells anything.
    #[inline]
    pub fn was_unclosed(self) -> bool {
        self.marked(UNCLOSED)
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

    /// The same, whatever came of it.
    #[inline]
    pub fn may_have_been_ended(self) -> bool {
        self.marked(TIME_WAIT) && self.marked(TIME_WAIT_AT_SERVER) || self.kind.is(Kind::WHOLE)
    }

    /// When the server reset it, or closed it before its client did; within a second.
    pub fn ended_by_server(self) -> Option<Time> {
        let in_time_wait = self.marked(TIME_WAIT) && self.marked(TIME_WAIT_AT_SERVER);
        let rare = self.rare().and_then(|rare| [rare.broke, rare.closed].into_iter().flatten().min());
        let ended = rare.or_else(|| in_time_wait.then(|| self.time_wait(1).since));
        debug_assert!(ended.is_none() || self.may_have_been_ended());
        ended
    }

    /// Segments sent again after the server had taken it up, and before any RST.
    pub fn again(self) -> u64 {
        self.rare().map_or(0, |r| r.again)
    }
}
