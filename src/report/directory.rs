//! Hosts and services by number, each numbered when it is first met: what is counted of them stands in plain lists, and
//! no address is looked up twice. They are found as connections are in the flow table: addresses are chosen by whoever
//! sends the packets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::prefetch::prefetch;
use crate::segment::Socket;
use crate::tracker::index::Index;

/// The client and the service of a connection, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parties {
    /// The client's host.
    pub client: u32,
    /// The service.
    pub service: u32,
}

/// Addresses by number. Most are short; of the others the place among the long ones is noted.
#[derive(Clone, Debug, Default)]
struct Addresses {
    short: Vec<u32>,
    /// As long as need be.
    is_long: Vec<bool>,
    long: Vec<u128>,
}

impl Addresses {
    #[inline]
    fn get(&self, number: u32) -> IpAddr {
        let short = self.short[number as usize];
        if self.is_long.get(number as usize).is_some_and(|is_long| *is_long) {
            IpAddr::V6(Ipv6Addr::from_bits(self.long[short as usize]))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(short))
        }
    }

    #[inline]
    fn prefetch(&self, number: usize) {
        self.short.get(number).into_iter().for_each(prefetch);
        self.is_long.get(number).into_iter().for_each(prefetch);
    }

    #[inline]
    fn push(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => self.short.push(addr.to_bits()),
            IpAddr::V6(addr) => {
                self.is_long.resize(self.short.len(), false);
                self.is_long.push(true);
                self.short.push(self.long.len() as u32);
                self.long.push(addr.to_bits());
            }
        }
    }
}

/// Hosts and services.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    hosts: Index,
    addresses: Addresses,
    services: Index,
    /// Host and port of each service.
    sockets: Vec<(u32, u16)>,
    /// Services met lately, by a part of their address and port: often it is the same ones again.
    latest: Vec<Option<Latest>>,
}

/// A service met lately.
#[derive(Clone, Copy, Debug)]
struct Latest {
    server: Socket,
    /// Number of its host, and its own.
    numbers: (u32, u32),
}

/// So many are remembered, as a power of two.
const LATEST: u32 = 10;

/// Where the service at `server` is remembered.
#[inline]
fn place(server: &Socket) -> usize {
    let bits = bits(server.addr);
    let bits = bits as u64 ^ (bits >> 64) as u64;
    let mixed = (bits as u32 ^ (bits >> 32) as u32).wrapping_mul(0x9e37_79b1);
    (mixed.wrapping_add(u32::from(server.port).wrapping_mul(0x85eb_ca6b)) >> (u32::BITS - LATEST)) as usize
}

/// All of an address in a number. A mapped IPv4 address meets the IPv4 address, which costs no more than a comparison.
#[inline]
pub fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    }
}

impl Directory {
    /// By what the host at `addr` is found.
    #[inline]
    pub fn hash(&self, addr: IpAddr) -> u32 {
        self.hosts.hash_of(bits(addr))
    }

    /// Prefetches where the host with this hash is found.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.hosts.prefetch(hash);
    }

    /// The same, once that is there, of what it is known by.
    #[inline]
    pub fn soon(&self, hash: u32) {
        self.addresses.prefetch(self.hosts.guess(hash) as usize);
    }

    /// The number of the host at `addr`; the next one if it is new.
    pub fn host(&mut self, addr: IpAddr) -> u32 {
        self.host_at(self.hash(addr), addr)
    }

    /// The same, by its [hash](Directory::hash).
    #[inline]
    pub fn host_at(&mut self, hash: u32, addr: IpAddr) -> u32 {
        let next = self.addresses.short.len() as u32;
        match self.hosts.find_or_room(hash, |n| self.addresses.get(n as u32) == addr) {
            Ok(number) => number as u32,
            Err(free) => {
                self.hosts.put_at(free, hash, next);
                self.addresses.push(addr);
                next
            }
        }
    }

    /// Makes room for so many more hosts.
    pub fn reserve_hosts(&mut self, more: usize) {
        self.hosts.reserve(more);
    }

    /// The number of the service at `port` of `host`; the next one if it is new.
    pub fn service(&mut self, host: u32, port: u16) -> u32 {
        let hash = self.services.hash_of(u128::from(host) << 16 | u128::from(port));
        let next = self.sockets.len() as u32;
        let known = self.services.find_or_put(hash, next, |n| self.sockets[n] == (host, port));
        known.map_or_else(
            || {
                self.sockets.push((host, port));
                next
            },
            |number| number as u32,
        )
    }

    /// The numbers of the host of `server` and of the service there; the next ones if they are new.
    #[inline]
    pub fn served(&mut self, server: &Socket) -> (u32, u32) {
        match self.latest.get(place(server)) {
            Some(Some(latest)) if latest.server == *server => latest.numbers,
            _ => self.served_anew(server),
        }
    }

    #[inline(never)]
    fn served_anew(&mut self, server: &Socket) -> (u32, u32) {
        let host = self.host(server.addr);
        let numbers = (host, self.service(host, server.port));
        if self.latest.is_empty() {
            self.latest = vec![None; 1 << LATEST];
        }
        self.latest[place(server)] = Some(Latest { server: *server, numbers });
        numbers
    }

    /// Both of a connection of `client` to `server`.
    pub fn parties(&mut self, client: IpAddr, server: Socket) -> Parties {
        let client = self.host(client);
        Parties { client, service: self.served(&server).1 }
    }

    /// The number of the host at `addr`, if it is known.
    pub fn find(&self, addr: IpAddr) -> Option<u32> {
        let found = self.hosts.find(self.hosts.hash_of(bits(addr)), |n| self.addresses.get(n as u32) == addr);
        found.map(|number| number as u32)
    }

    /// The number of the service at `port` of `host`, if it is known.
    pub fn find_service(&self, host: u32, port: u16) -> Option<u32> {
        let hash = self.services.hash_of(u128::from(host) << 16 | u128::from(port));
        self.services.find(hash, |n| self.sockets[n] == (host, port)).map(|number| number as u32)
    }

    /// The address of a host.
    #[inline]
    pub fn addr(&self, host: u32) -> IpAddr {
        self.addresses.get(host)
    }

    /// The host of a service.
    #[inline]
    pub fn server(&self, service: u32) -> u32 {
        self.sockets[service as usize].0
    }

    /// Address and port of a service.
    pub fn socket(&self, service: u32) -> Socket {
        let (host, port) = self.sockets[service as usize];
        Socket { addr: self.addr(host), port }
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.addresses.short.len()
    }

    /// How many services there are.
    pub fn services(&self) -> usize {
        self.sockets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_numbered_when_it_is_first_met() {
        let mut directory = Directory::default();
        let addr = |n: u32| match n % 3 {
            0 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) << 64 | 1)),
            // The same bits, and another address.
            1 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(n) + 1)),
            _ => IpAddr::V4(Ipv4Addr::from_bits(n)),
        };
        for round in 0..2 {
            for n in 0..5_000 {
                if round == 0 {
                    assert_eq!(directory.find(addr(n)), None);
                }
                let hash = directory.hash(addr(n));
                directory.prefetch(hash);
                directory.soon(hash);
                assert_eq!(directory.host(addr(n)), n);
                let server = Socket { addr: addr(n), port: 80 + n as u16 % 2 };
                assert_eq!((directory.served(&server), directory.service(n, server.port)), ((n, n), n));
                assert_eq!((directory.find(addr(n)), directory.addr(n), directory.server(n)), (Some(n), addr(n), n));
            }
        }
        assert_eq!((directory.hosts(), directory.services()), (5_000, 5_000));
        assert_eq!((directory.service(0, 443), directory.socket(5_000).port), (5_000, 443));
    }
}
