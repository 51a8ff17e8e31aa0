//! What capture-wide detectors need of each connection, side by side in memory: they look at all of them many times.

use std::net::IpAddr;

use super::scene::Scene;
use super::sink::Brief;
use super::{ALL, Declaration, idle_death, retransmissions, rst_abort, syn_retried, syn_unanswered};
use crate::report::{self, Outcome, Side};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::{Connection, State, Verdict};

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

/// A number below 2^48.
#[derive(Clone, Copy, Debug)]
struct Short([u16; 3]);

impl Short {
    fn of(n: u64) -> Short {
        Short([n as u16, (n >> 16) as u16, (n >> 32) as u16])
    }

    fn get(self) -> u64 {
        let [a, b, c] = self.0.map(u64::from);
        a | b << 16 | c << 32
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Digest {
    /// Address of its client.
    pub client: IpAddr,
    /// Its server: the service.
    pub server: Socket,
    /// Time of its first packet.
    pub first: Time,
    /// Time of its last packet.
    pub last: Time,
    /// The server's SYN_RCVD; where that did not happen, `until` is when the server was ESTABLISHED.
    handshake: Stay,
    /// TIME_WAIT of the end that was in it; of the client, if both were.
    time_wait: Stay,
    rare: Option<Box<Rare>>,
    /// Segments both ways.
    pub packets: u32,
    id: Short,
    first_packet: Short,
    marks: u16,
    /// How it ended.
    pub outcome: Outcome,
}

const _: () = assert!(size_of::<Digest>() <= 112);

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

/// Where a connection stands in the report.
struct Place {
    id: u64,
    client: IpAddr,
    server: Socket,
    first: (Time, u64),
    last: (Time, u64),
    packets: [u64; 2],
    opened: bool,
    outcome: Outcome,
}

impl Digest {
    /// The digest of `c`, number `id` in the report; `client` is the index of its client's end.
    pub fn new(
        id: u64,
        (c, client): (&Connection, usize),
        verdicts: &[Verdict; 2],
        outcome: Outcome,
        briefs: &[Brief],
        scene: &Scene<'_>,
    ) -> Digest {
        let (client, server) = (client & 1, 1 - (client & 1));
        let opens = |v: &Verdict| v.steps.first().is_some_and(|s| s.rule.to == State::SynSent && s.mark.packet != 0);
        let place = Place {
            id,
            client: c.sockets[client].addr,
            server: c.sockets[server],
            first: (c.first, c.first_packet),
            last: (c.last, c.last_packet),
            packets: [c.ends[client].packets, c.ends[server].packets],
            opened: opens(&verdicts[client]),
            outcome,
        };
        let stays = |e: usize| {
            let steps = verdicts[e].steps.as_slice();
            Stays::of(steps.len(), |i| (steps[i].rule.to, steps[i].at))
        };
        let stays = [stays(client), stays(server)];
        Digest::put(&place, &stays, briefs, scene)
    }

    /// The digest of a connection as reported, whose anomalies are known.
    pub fn of(c: &report::Connection, scene: &Scene<'_>) -> Digest {
        let (client, server) = (&c.endpoints.client, &c.endpoints.server);
        let opened = client.history.first().is_some_and(|h| h.state == State::SynSent && h.packet.is_some());
        let place = Place {
            id: c.id,
            client: c.client.addr,
            server: c.server,
            first: (c.first, c.first_packet),
            last: (c.last, c.last_packet),
            packets: [c.packets.client, c.packets.server],
            opened,
            outcome: c.outcome,
        };
        let stays = |history: &[report::Entry]| Stays::of(history.len(), |i| (history[i].state, history[i].time));
        let stays = [stays(&client.history), stays(&server.history)];
        let briefs: Vec<Brief> = c.anomalies.iter().filter_map(Brief::of).collect();
        Digest::put(&place, &stays, &briefs, scene)
    }

    fn put(place: &Place, [client, server]: &[Stays; 2], briefs: &[Brief], scene: &Scene<'_>) -> Digest {
        let mut marks = 0;
        let mut mark = |bit: u16, there: bool| marks |= if there { bit } else { 0 };
        mark(OPENED, place.opened);
        mark(ALONE, place.packets.contains(&0));
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
        let both = client.time_wait.happened() && server.time_wait.happened();
        mark(TIME_WAIT_AT_SERVER, !client.time_wait.happened());
        let mut handshake = server.syn_rcvd;
        let mut odd = false;
        if server.established.happened() {
            if handshake.happened() {
                odd = handshake.until != server.established.since;
            } else {
                handshake.until = server.established.since;
            }
        }
        let mut digest = Digest {
            client: place.client,
            server: place.server,
            first: place.first.0,
            last: place.last.0,
            handshake,
            time_wait: if client.time_wait.happened() { client.time_wait } else { server.time_wait },
            rare: None,
            packets: (place.packets[0] + place.packets[1]).min(u32::MAX.into()) as u32,
            id: Short::of(place.id),
            first_packet: Short::of(place.first.1),
            marks,
            outcome: place.outcome,
        };
        if both {
            digest.rare().time_wait = Some(server.time_wait);
        }
        if odd {
            digest.rare().established = Some(server.established.since);
        }
        for b in briefs {
            digest.note(b, place.last.1);
        }
        digest
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Takes over what `brief` holds for others to read.
    fn note(&mut self, brief: &Brief, last_packet: u64) {
        let found: &'static Declaration = ALL[usize::from(brief.declaration)];
        let is = |d: &'static Declaration| std::ptr::eq(found, d);
        if is(&syn_unanswered::DECLARATION) || is(&syn_retried::DECLARATION) {
            if brief.number > 1 {
                self.marks |= WAITED;
            }
        } else if is(&retransmissions::DECLARATION) {
            self.rare().again += brief.number;
        } else if is(&rst_abort::DECLARATION) && brief.endpoint == Some(Side::Server) {
            self.marks |= BROKE;
            (self.rare().broke, self.rare().last_packet) = (Some(brief.time), last_packet);
        } else if is(&idle_death::DECLARATION) {
            self.rare().idle_death = Some((brief.number, brief.packet));
        }
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
        if self.handshake.happened() { self.handshake } else { Stay::NONE }
    }

    /// When the server was ESTABLISHED.
    pub fn established(&self) -> Option<Time> {
        let odd = self.rare.as_ref().and_then(|r| r.established);
        self.marked(ESTABLISHED).then_some(odd.unwrap_or(self.handshake.until))
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
        if usize::from(self.marked(TIME_WAIT_AT_SERVER)) == side {
            return self.time_wait;
        }
        self.rare.as_ref().and_then(|r| r.time_wait).filter(|_| side == 1).unwrap_or(Stay::NONE)
    }

    /// It died after being idle for so many seconds; the packet that shows it.
    pub fn idle_death(&self) -> Option<(f64, u64)> {
        self.rare.as_ref()?.idle_death.map(|(micros, packet)| (micros as f64 / 1e6, packet))
    }

    /// When the server reset it, and the number of its last packet.
    pub fn broke(&self) -> Option<(Time, u64)> {
        let rare = self.rare.as_ref()?;
        rare.broke.map(|time| (time, rare.last_packet))
    }

    /// Segments sent again.
    pub fn again(&self) -> u64 {
        self.rare.as_ref().map_or(0, |r| r.again)
    }
}
