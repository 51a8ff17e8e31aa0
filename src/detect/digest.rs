//! What capture-wide detectors need of each connection, side by side in memory: they look at all of them many times.

use std::num::NonZero;

use super::scene::Scene;
use super::short::Short;
use super::sink::Brief;
use super::{ALL, Declaration, idle_death, retransmissions, rst_abort, syn_retried, syn_unanswered};
use crate::report::directory::Parties;
use crate::report::{Outcome, Side};
use crate::time::{Span, Time};
use crate::tracker::{Outline, State, Verdict};

/// When an end was in a state: from when, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// When it was entered first.
    pub since: Time,
    /// When it was left; the end of time if it was not.
    pub until: Time,
}

impl Stay {
    /// Never.
    const NONE: Stay = Stay { since: Time(i64::MAX), until: Time(i64::MAX) };

    /// Whether it happened.
    pub fn happened(self) -> bool {
        self.since != Stay::NONE.since
    }

    /// Whether it lasted when the capture ended.
    pub fn lasts(self) -> bool {
        self.happened() && self.until == Stay::NONE.until
    }

    /// Whether it covers `time`.
    pub fn covers(self, time: Time) -> bool {
        self.since <= time && time < self.until
    }
}

/// The most at one time of `stays`, and when.
pub fn peak(stays: impl Iterator<Item = Stay> + Clone) -> (i64, Time) {
    let stays = stays.filter(|s| s.happened());
    let mut begun: Vec<Time> = stays.clone().map(|s| s.since).collect();
    // What lasts is never left. Both are nearly in order already.
    let mut left: Vec<Time> = stays.filter(|s| !s.lasts()).map(|s| s.until).collect();
    begun.sort();
    left.sort();
    let (mut gone, mut peak) = (0, (0, Time(0)));
    for (n, time) in (1_i64..).zip(begun) {
        while left.get(gone).is_some_and(|t| *t <= time) {
            gone += 1;
        }
        let now = n - gone as i64;
        if now > peak.0 {
            peak = (now, time);
        }
    }
    peak
}

/// The states of an end that capture-wide detectors ask for, each by its first stay.
#[derive(Clone, Copy)]
struct Stays {
    syn_rcvd: Stay,
    established: Stay,
    close_wait: Stay,
    time_wait: Stay,
    last: State,
}

impl Stays {
    /// Of a history of `n` steps; `step` tells the state entered and when.
    #[inline]
    fn of(n: usize, step: impl Fn(usize) -> (State, Time)) -> Stays {
        let mut stays = Stays {
            syn_rcvd: Stay::NONE,
            established: Stay::NONE,
            close_wait: Stay::NONE,
            time_wait: Stay::NONE,
            last: State::Closed,
        };
        for i in 0..n {
            let (state, since) = step(i);
            stays.last = state;
            let stay = match state {
                State::SynRcvd => &mut stays.syn_rcvd,
                State::Established => &mut stays.established,
                State::CloseWait => &mut stays.close_wait,
                State::TimeWait => &mut stays.time_wait,
                _ => continue,
            };
            if !stay.happened() {
                let until = if i + 1 < n { step(i + 1).1 } else { Stay::NONE.until };
                *stay = Stay { since, until };
            }
        }
        stays
    }

    fn is_over(&self) -> bool {
        matches!(self.last, State::Closed | State::TimeWait)
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Digest {
    /// Time of its first packet.
    pub first: Time,
    /// Its client and its service.
    pub parties: Parties,
    /// What a lone SYN has not.
    more: Option<Box<More>>,
    id: Short,
    first_packet: Short,
    /// Without `more`: how long after its first packet the server was in SYN_RCVD, for good; plus one.
    half_open: Option<NonZero<u32>>,
    marks: u16,
    /// How it ended.
    pub outcome: Outcome,
}

const _: () = assert!(size_of::<Digest>() <= 48);

/// What there is to say of a connection that came to more than a lone SYN.
#[derive(Clone, Debug)]
struct More {
    last: Time,
    /// The server's SYN_RCVD; where that did not happen, `until` is when the server was ESTABLISHED.
    handshake: Stay,
    /// TIME_WAIT of the end that was in it; of the client, if both were.
    time_wait: Stay,
    rare: Option<Box<Rare>>,
    /// Segments both ways.
    packets: u32,
}

/// What few connections have.
#[derive(Clone, Copy, Debug, Default)]
struct Rare {
    idle_death: Option<(u64, u64)>,
    broke: Option<Time>,
    last_packet: u64,
    again: u64,
    /// When the server was ESTABLISHED, if that was not when it left SYN_RCVD.
    established: Option<Time>,
    /// The server's TIME_WAIT, if the client was in it, too.
    time_wait: Option<Stay>,
}

const OPENED: u16 = 1;
const ALONE: u16 = 1 << 1;
const OPEN_AT_END: u16 = 1 << 2;
/// A SYN had to be repeated.
pub(super) const WAITED: u16 = 1 << 3;
const ESTABLISHED: u16 = 1 << 4;
const LEAKED_AT_CLIENT: u16 = 1 << 5;
const LEAKED: u16 = 1 << 6;
const TIME_WAIT_AT_SERVER: u16 = 1 << 7;
/// The server reset it.
pub(super) const BROKE: u16 = 1 << 12;
/// An end was in CLOSE_WAIT when a quarter of the capture ended.
pub(super) const UNCLOSED: u16 = LEAKED | 15 << QUARTERS;
/// The first of four, one for each quarter of the capture.
const QUARTERS: u32 = 8;

impl More {
    /// Of `c`, whose client and server were in these states.
    fn of(c: &Outline, client: &Stays, server: &Stays) -> More {
        let mut handshake = server.syn_rcvd;
        let mut rare = None;
        if server.established.happened() {
            if !handshake.happened() {
                handshake.until = server.established.since;
            } else if handshake.until != server.established.since {
                rare.get_or_insert_with(Rare::default).established = Some(server.established.since);
            }
        }
        if client.time_wait.happened() && server.time_wait.happened() {
            rare.get_or_insert_with(Rare::default).time_wait = Some(server.time_wait);
        }
        More {
            last: c.last,
            handshake,
            time_wait: if client.time_wait.happened() { client.time_wait } else { server.time_wait },
            rare: rare.map(Box::new),
            packets: (c.packets[0] + c.packets[1]).min(u32::MAX.into()) as u32,
        }
    }

    /// Of the lone SYN that `c` is; the server was in SYN_RCVD so long.
    fn lone(c: &Outline, handshake: Stay) -> More {
        More { last: c.last, handshake, time_wait: Stay::NONE, rare: None, packets: 1 }
    }

    /// If it is a lone SYN, captured at `first`: how long after that the server was in SYN_RCVD, plus one, if ever.
    fn of_lone(&self, first: Time) -> Option<Option<NonZero<u32>>> {
        let lone = self.packets == 1 && self.last == first && !self.time_wait.happened() && self.rare.is_none();
        if !lone || self.handshake == Stay::NONE {
            return lone.then_some(None);
        }
        if !self.handshake.lasts() {
            return None;
        }
        let after = (self.handshake.since - first).0.checked_add(1)?;
        NonZero::new(u32::try_from(after).ok()?).map(Some)
    }
}

impl Digest {
    /// The digest of `c`, number `id` in the report, between `parties`.
    pub fn new(
        (id, parties): (u64, Parties),
        c: &Outline,
        verdicts: &[Verdict; 2],
        outcome: Outcome,
        briefs: &[Brief],
        scene: &Scene<'_>,
    ) -> Digest {
        let [client, server] = [c.client & 1, 1 - (c.client & 1)].map(|e| &verdicts[e]);
        let opened = client.steps.first().is_some_and(|s| s.rule.to == State::SynSent && s.mark.packet != 0);
        let [client, server] = [client, server].map(|v| {
            let steps = v.steps.as_slice();
            Stays::of(steps.len(), |i| (steps[i].rule.to, steps[i].at))
        });
        let mut marks = 0;
        let mut mark = |bit: u16, there: bool| marks |= if there { bit } else { 0 };
        mark(OPENED, opened);
        mark(ALONE, c.is_one_way());
        mark(OPEN_AT_END, !client.is_over() || !server.is_over());
        mark(ESTABLISHED, server.established.happened());
        let at_client = client.close_wait.happened();
        let close_wait = if at_client { client.close_wait } else { server.close_wait };
        if close_wait.happened() {
            mark(LEAKED_AT_CLIENT, at_client);
            mark(LEAKED, close_wait.lasts());
            for (i, time) in scene.quarters.iter().enumerate() {
                mark(1 << (QUARTERS + i as u32), close_wait.covers(*time));
            }
        }
        mark(TIME_WAIT_AT_SERVER, !client.time_wait.happened());
        let more = More::of(c, &client, &server);
        let mut digest = Digest {
            first: c.first,
            parties,
            half_open: None,
            more: None,
            id: Short::of(id),
            first_packet: Short::of(c.first_packet),
            marks,
            outcome,
        };
        match more.of_lone(c.first) {
            Some(half_open) => digest.half_open = half_open,
            None => digest.more = Some(Box::new(more)),
        }
        for b in briefs {
            digest.note(b, c);
        }
        digest
    }

    fn rare(&mut self, c: &Outline) -> &mut Rare {
        let since = self.syn_rcvd();
        let more = self.more.get_or_insert_with(|| Box::new(More::lone(c, since)));
        more.rare.get_or_insert_default()
    }

    /// Takes over what `brief` of `c` holds for others to read.
    fn note(&mut self, brief: &Brief, c: &Outline) {
        let found: &'static Declaration = ALL[usize::from(brief.declaration)];
        let is = |d: &'static Declaration| std::ptr::eq(found, d);
        if is(&syn_unanswered::DECLARATION) || is(&syn_retried::DECLARATION) {
            if brief.number > 1 {
                self.marks |= WAITED;
            }
        } else if is(&retransmissions::DECLARATION) {
            self.rare(c).again += brief.number;
        } else if is(&rst_abort::DECLARATION) && brief.endpoint == Some(Side::Server) {
            self.marks |= BROKE;
            let rare = self.rare(c);
            (rare.broke, rare.last_packet) = (Some(brief.time), c.last_packet);
        } else if is(&idle_death::DECLARATION) {
            self.rare(c).idle_death = Some((brief.number, brief.packet));
        }
    }

    fn noted(&self) -> Option<&Rare> {
        self.more.as_ref()?.rare.as_deref()
    }

    /// Time of its last packet.
    pub fn last(&self) -> Time {
        self.more.as_ref().map_or(self.first, |more| more.last)
    }

    /// Segments both ways.
    pub fn packets(&self) -> u32 {
        self.more.as_ref().map_or(1, |more| more.packets)
    }

    /// Whether it has one of `marks`.
    #[inline]
    pub(super) fn marked(&self, marks: u16) -> bool {
        self.marks & marks != 0
    }

    /// Number in the report.
    pub fn id(&self) -> u64 {
        self.id.get()
    }

    /// Number of its first packet.
    pub fn first_packet(&self) -> u64 {
        self.first_packet.get()
    }

    /// Its SYN was captured.
    pub fn opened(&self) -> bool {
        self.marked(OPENED)
    }

    /// Only one direction was captured.
    pub fn alone(&self) -> bool {
        self.marked(ALONE)
    }

    /// An end is neither CLOSED nor in TIME_WAIT when the capture ends.
    pub fn open_at_end(&self) -> bool {
        self.marked(OPEN_AT_END)
    }

    /// Its SYN had to be repeated.
    pub fn waited(&self) -> bool {
        self.marked(WAITED)
    }

    /// The server's SYN_RCVD.
    pub fn syn_rcvd(&self) -> Stay {
        match (&self.more, self.half_open) {
            (Some(more), _) if more.handshake.happened() => more.handshake,
            (None, Some(after)) => {
                Stay { since: self.first + Span(i64::from(after.get()) - 1), until: Stay::NONE.until }
            }
            _ => Stay::NONE,
        }
    }

    /// When the server was ESTABLISHED.
    pub fn established(&self) -> Option<Time> {
        let more = self.more.as_ref().filter(|_| self.marked(ESTABLISHED))?;
        Some(more.rare.as_ref().and_then(|r| r.established).unwrap_or(more.handshake.until))
    }

    /// Which end was in CLOSE_WAIT when quarters of the capture ended (in order), and whether it still was at the end;
    /// `None` if it never was at those times.
    pub fn close_wait(&self) -> Option<(Side, [bool; 4], bool)> {
        let quarters = [0, 1, 2, 3].map(|i| self.marked(1 << (QUARTERS + i)));
        let side = if self.marked(LEAKED_AT_CLIENT) { Side::Client } else { Side::Server };
        self.marked(UNCLOSED).then_some((side, quarters, self.marked(LEAKED)))
    }

    /// TIME_WAIT of the client (0) or the server (1).
    pub fn time_wait(&self, side: usize) -> Stay {
        let Some(more) = &self.more else { return Stay::NONE };
        if usize::from(self.marked(TIME_WAIT_AT_SERVER)) == side {
            return more.time_wait;
        }
        more.rare.as_ref().and_then(|r| r.time_wait).filter(|_| side == 1).unwrap_or(Stay::NONE)
    }

    /// It died after being idle for so many seconds; the packet that shows it.
    pub fn idle_death(&self) -> Option<(f64, u64)> {
        self.noted()?.idle_death.map(|(micros, packet)| (micros as f64 / 1e6, packet))
    }

    /// When the server reset it, and the number of its last packet.
    pub fn broke(&self) -> Option<(Time, u64)> {
        let rare = self.noted()?;
        rare.broke.map(|time| (time, rare.last_packet))
    }

    /// Segments sent again.
    pub fn again(&self) -> u64 {
        self.noted().map_or(0, |r| r.again)
    }
}
