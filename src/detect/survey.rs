//! What connections say about the capture around them, each at a glance and all together.

use std::net::IpAddr;

use super::limits::Limits;
use super::quality::Quality;
use super::scene::{Host, SILENT, SPOKE, Scene, UNSEEN};
use super::view::is_one_sided;
use crate::report::directory::{Directory, Parties, bits};
use crate::segment::Socket;
use crate::signals::Signals;
use crate::time::{Span, Time};
use crate::tracker::{Connection, Profile};

/// A stream that goes on so many bytes later, or more than was captured of its connection, is another one, or the capture was
/// off meanwhile: that says nothing of the other connections. As many as a window that is not scaled.
const JUMP: u64 = 1 << 16;

/// All of an address.
type Key = (u128, bool);

fn key(addr: IpAddr) -> Key {
    (bits(addr), addr.is_ipv6())
}

/// Where in [`Survey::recent`] a host is noted.
fn place(key: &Key) -> usize {
    let mixed = (key.0 as u64 ^ (key.0 >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 59) as usize
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
    /// Hosts as they were marked last, with their numbers, by a part of their address: often it is the same ones again.
    recent: [Option<(Key, Host, u32)>; 32],
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
        Survey { quality, directory, hosts, turned_away, recent: [None; 32] }
    }
}

impl Survey {
    /// Prefetches where the hosts of connections between these sockets are found, a few at a time.
    pub fn prefetch<'s>(&self, sockets: impl Iterator<Item = &'s [Socket; 2]>) {
        self.rare(sockets).for_each(|addr| self.directory.prefetch(addr));
    }

    /// The same, once that is there, of what they are known by.
    pub fn soon<'s>(&self, sockets: impl Iterator<Item = &'s [Socket; 2]>) {
        self.rare(sockets).for_each(|addr| self.directory.soon(addr));
    }

    /// The hosts that were not among the last ones.
    fn rare<'s>(&self, sockets: impl Iterator<Item = &'s [Socket; 2]>) -> impl Iterator<Item = IpAddr> {
        let known = |addr: &IpAddr| {
            let key = key(*addr);
            self.recent[place(&key)].is_some_and(|recent| recent.0 == key)
        };
        sockets.flatten().map(|socket| socket.addr).filter(move |addr| !known(addr))
    }

    /// Takes one connection between `sockets`: who they are.
    pub fn take(&mut self, sockets: &[Socket; 2], glance: &Glance) -> Parties {
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
        let numbers = [0, 1].map(|e| {
            let marks = match (glance.silent[e], glance.one_sided) {
                (true, false) => SILENT,
                (true, true) => SILENT | UNSEEN,
                (false, _) => SPOKE,
            };
            self.mark(sockets[e].addr, marks)
        });
        let (client, server) = (glance.client(), 1 - glance.client());
        let service = self.directory.service(numbers[server], sockets[server].port);
        if glance.turned_away {
            self.note_turned_away(service);
        }
        Parties { client: numbers[client], service }
    }

    fn note_turned_away(&mut self, service: u32) {
        if service as usize >= self.turned_away.len() {
            self.turned_away.resize(service as usize + 1, 0);
        }
        let turned = &mut self.turned_away[service as usize];
        *turned = (*turned + 1).min(2);
    }

    /// Adds `marks` to the host at `addr`: its number.
    fn mark(&mut self, addr: IpAddr, marks: u8) -> u32 {
        let key = key(addr);
        let place = place(&key);
        if let Some((recent, host, number)) = self.recent[place]
            && recent == key
            && host.0 & marks == marks
        {
            return number;
        }
        let number = self.directory.host(addr);
        if number as usize >= self.hosts.len() {
            self.hosts.resize(number as usize + 1, Host::default());
        }
        let host = &mut self.hosts[number as usize];
        host.0 |= marks;
        self.recent[place] = Some((key, *host, number));
        number
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
