//! What connections say about the capture around them, each at a glance and all together.

use std::net::IpAddr;

use super::limits::Limits;
use super::quality::Quality;
use super::scene::{Host, SILENT, SPOKE, Scene, UNSEEN};
use super::view::is_one_sided;
use crate::report::directory::{Directory, Parties};
use crate::segment::Socket;
use crate::signals::Signals;
use crate::time::{Span, Time};
use crate::tracker::{Connection, Profile};

/// A stream that goes on so many bytes later, or more than was captured of its connection, is another one, or the capture was
/// off meanwhile: that says nothing of the other connections. As many as a window that is not scaled.
const JUMP: u64 = 1 << 16;

/// So many clients are remembered, as a power of two.
const RECENT: u32 = 8;

/// Once so many connections have been taken it shows whether nearly each is of a host of its own.
const SHOWS: u64 = 1 << 12;

/// A client as it was marked last.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    hash: u32,
    /// Its number, plus one; 0 for none.
    number: u32,
    host: Host,
}

/// Where the one with this hash is noted.
#[inline]
fn place(hash: u32) -> usize {
    (hash >> (u32::BITS - RECENT)) as usize
}

/// What all connections say about the capture: taken one by one, in any order.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    quality: Quality,
    directory: Directory,
    /// By number.
    hosts: Vec<Host>,
    /// How many connections services turned away: none, one, or more. As long as need be.
    turned_away: Vec<u8>,
    /// Clients as they were marked last, by a part of their hash: often it is the same ones again.
    recent: Vec<Recent>,
    /// Whether nearly each connection is of a host of its own: there is nothing to prefetch that it is known by.
    apart: bool,
}

/// What a connection says about the capture.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    copies: u32,
    cut: u32,
    missing: u64,
    lost: u64,
    /// Ends that sent more at once than the other's MSS allows.
    oversized: u8,
    one_sided: bool,
    begun_before: bool,
    /// Ends of which no segment was captured.
    silent: [bool; 2],
    /// Its server [turned it away](Connection::is_turned_away).
    turned_away: bool,
    /// Which end is the client.
    client: u8,
}

crate::pack::pack_fields!(Glance {
    copies,
    cut,
    missing,
    lost,
    oversized,
    one_sided,
    begun_before,
    silent,
    turned_away,
    client,
});

impl Glance {
    /// Of connection `c` with its signals.
    pub fn of(c: &Connection, s: &Signals) -> Glance {
        let one_sided = is_one_sided(c, s);
        // A FIN has a sequence number, but is no payload.
        let fin = |e: usize| u64::from(s.ends[e].missing > 0 && c.misses_fin(e));
        // Where the other end was not heard at all, nobody tells.
        let skipped = |e: usize| if c.ends[1 - e].packets == 0 { u64::from(s.skipped(e)) } else { 0 };
        let missing: u64 = [0, 1].iter().map(|e| u64::from(s.ends[*e].missing) - fin(*e) + skipped(*e)).sum();
        let missing = if one_sided || c.is_with_itself() { 0 } else { missing };
        let captured = c.ends[0].bytes.saturating_add(c.ends[1].bytes);
        let client = c.client().0;
        let oversized = |e: &usize| s.ends[1 - e].mss().is_some_and(|m| s.ends[*e].largest() > u32::from(m));
        Glance {
            copies: s.cold().map_or(0, |cold| cold.copies[0].saturating_add(cold.copies[1])),
            cut: s.cold().map_or(0, |cold| cold.cut),
            missing,
            lost: missing.min(captured.max(JUMP)),
            oversized: [0, 1].iter().filter(|e| oversized(e)).count() as u8,
            one_sided,
            begun_before: !c.opening_seen() && !c.is_reset_only(),
            silent: [0, 1].map(|e| c.ends[e].packets == 0),
            turned_away: c.is_turned_away(client),
            client: client as u8,
        }
    }

    /// Of a connection of which each segment continues its stream, once and complete, or repeats no payload; whether the SYN
    /// was answered, and whether it was repeated before; if it was open when the capture began, which end is its client.
    pub fn at_orderly(answered: bool, syn_again: bool, open: Option<usize>) -> Glance {
        Glance {
            copies: 0,
            cut: 0,
            missing: 0,
            lost: 0,
            oversized: 0,
            one_sided: false,
            begun_before: open.is_some(),
            silent: [false, !answered],
            turned_away: syn_again,
            client: open.unwrap_or(0) as u8,
        }
    }

    /// Which end is the client.
    pub fn client(&self) -> usize {
        usize::from(self.client & 1)
    }
}

impl From<Scene> for Survey {
    /// The survey that the scene is known from, to be gone on with.
    fn from(scene: Scene) -> Survey {
        let Scene { quality, directory, hosts, turned_away, .. } = scene;
        Survey { quality, directory, hosts, turned_away, ..Survey::default() }
    }
}

impl Survey {
    /// By what the host at this address is found, the first of a connection's; prefetches where that is.
    #[inline]
    pub fn ask(&self, addr: IpAddr) -> u32 {
        let hash = self.directory.hash(addr);
        if !self.is_recent(hash) {
            self.directory.prefetch(hash);
        }
        hash
    }

    /// Prefetches what it is known by, once that is there.
    #[inline]
    pub fn soon(&self, hash: u32) {
        if !self.apart && !self.is_recent(hash) {
            self.directory.soon(hash);
        }
    }

    /// Whether it was among the last ones, most likely.
    #[inline]
    fn is_recent(&self, hash: u32) -> bool {
        self.recent.get(place(hash)).is_some_and(|recent| recent.hash == hash)
    }

    /// Takes one connection between `sockets`: who they are.
    pub fn take(&mut self, sockets: &[Socket; 2], glance: &Glance) -> Parties {
        let hash = self.ask(sockets[0].addr);
        self.take_at(sockets, hash, glance)
    }

    /// The same of one of which the host of the first socket is found by `hash`.
    #[inline]
    pub fn take_at(&mut self, sockets: &[Socket; 2], hash: u32, glance: &Glance) -> Parties {
        let q = &mut self.quality;
        q.connections += 1;
        q.copies += u64::from(glance.copies);
        q.cut += u64::from(glance.cut);
        q.one_sided += u64::from(glance.one_sided);
        q.begun_before += u64::from(glance.begun_before);
        q.missing += glance.missing;
        q.lost += glance.lost;
        q.gapped += u64::from(glance.missing > 0);
        q.oversized += u64::from(glance.oversized);
        let marks = glance.silent.map(|silent| match (silent, glance.one_sided) {
            (true, false) => SILENT,
            (true, true) => SILENT | UNSEEN,
            (false, _) => SPOKE,
        });
        let parties = if glance.client() == 0 {
            let client = self.mark(hash, sockets[0].addr, marks[0]);
            Parties { client, service: self.mark_server(&sockets[1], marks[1]) }
        } else {
            let service = self.mark_server(&sockets[0], marks[0]);
            let hash = self.directory.hash(sockets[1].addr);
            Parties { client: self.mark(hash, sockets[1].addr, marks[1]), service }
        };
        if glance.turned_away {
            self.note_turned_away(parties.service);
        }
        parties
    }

    /// The same of one of which each segment continues its stream, once and complete, from its SYN on; whether that was
    /// answered. All it says is who spoke.
    #[inline]
    pub fn take_orderly(&mut self, sockets: &[Socket; 2], hash: u32, answered: bool) -> Parties {
        self.quality.connections += 1;
        let client = self.mark(hash, sockets[0].addr, SPOKE);
        Parties { client, service: self.mark_server(&sockets[1], if answered { SPOKE } else { SILENT }) }
    }

    /// At most so many connections are to come: where nearly all were of hosts of their own, these will be, too.
    #[inline]
    pub fn expect(&mut self, more: Option<usize>) {
        if self.quality.connections == SHOWS && self.directory.hosts() as u64 >= SHOWS / 8 * 7 {
            self.directory.reserve_hosts(more.unwrap_or_default());
            self.apart = true;
        }
    }

    fn note_turned_away(&mut self, service: u32) {
        if service as usize >= self.turned_away.len() {
            self.turned_away.resize(service as usize + 1, 0);
        }
        let turned = &mut self.turned_away[service as usize];
        *turned = (*turned + 1).min(2);
    }

    /// Adds `marks` to the host of `server`: the number of its service.
    #[inline]
    fn mark_server(&mut self, server: &Socket, marks: u8) -> u32 {
        let (host, service) = self.directory.served(server);
        self.add_marks(host, marks);
        service
    }

    /// Adds `marks` to the host at `addr`, which is found by this hash: its number.
    #[inline(always)]
    fn mark(&mut self, hash: u32, addr: IpAddr, marks: u8) -> u32 {
        let place = place(hash);
        if let Some(recent) = self.recent.get(place).filter(|recent| recent.hash == hash)
            && let Some(number) = recent.number.checked_sub(1)
            && recent.host.0 & marks == marks
            && self.directory.addr(number) == addr
        {
            return number;
        }
        let number = self.directory.host_at(hash, addr);
        let host = self.add_marks(number, marks);
        if self.recent.is_empty() {
            self.recent = vec![Recent::default(); 1 << RECENT];
        }
        self.recent[place] = Recent { hash, number: number.wrapping_add(1), host };
        number
    }

    /// Adds `marks` to the host with this number: all of it.
    #[inline]
    fn add_marks(&mut self, number: u32, marks: u8) -> Host {
        let number = number as usize;
        if number == self.hosts.len() {
            self.hosts.push(Host::default());
        } else if number > self.hosts.len() {
            self.hosts.resize(number + 1, Host::default());
        }
        let host = &mut self.hosts[number];
        host.0 |= marks;
        *host
    }

    /// The capture from `begin` to `end`, all connections being known; `passed` holds what was counted as segments passed.
    pub fn finish(self, passed: &Quality, (begin, end): (Time, Time), profile: Profile, limits: Limits) -> Scene {
        let quality = Quality {
            unique: passed.unique,
            segments: passed.segments,
            undecoded: passed.undecoded,
            back_steps: passed.back_steps,
            first_back_step: passed.first_back_step,
            longest_back_step: passed.longest_back_step,
            open_at_end: passed.open_at_end,
            dropped: passed.dropped,
            kinds: passed.kinds,
            hosts: self.directory.hosts() as u64,
            ..self.quality
        };
        let length = (end - begin).0 as f64;
        let quarters = [1.0, 2.0, 3.0, 4.0].map(|n| begin + Span((length * n / 4.0) as i64));
        let Survey { directory, hosts, turned_away, .. } = self;
        let any_unseen = hosts.iter().any(|host| host.is_unseen());
        Scene {
            begin,
            end,
            length: None,
            quarters,
            let_go: false,
            bygone: Vec::new(),
            known_from: begin,
            profile,
            limits,
            quality,
            directory,
            hosts,
            any_unseen,
            turned_away,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_orderly_connection_says_what_it_says_at_a_glance() {
        let (mut short, mut long) = (Survey::default(), Survey::default());
        let socket = |host: u32, port| Socket { addr: Ipv4Addr::from_bits(host).into(), port };
        for n in 0..300_u32 {
            let (sockets, answered) = ([socket(n % 70, 4_000 + n as u16), socket(n % 3 + 60, 80)], n.is_multiple_of(5));
            let hash = short.ask(sockets[0].addr);
            let taken = short.take_orderly(&sockets, hash, answered);
            assert_eq!(taken, long.take(&sockets, &Glance::at_orderly(answered, false, None)));
        }
        let told = |survey: Survey| format!("{:?} {:?} {:?}", survey.quality, survey.hosts, survey.turned_away);
        assert_eq!(told(short), told(long));
    }
}
