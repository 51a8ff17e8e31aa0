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
    is_long: Vec<bool>,
    long: Vec<u128>,
}

impl Addresses {
    #[inline]
    fn get(&self, number: u32) -> IpAddr {
        let short = self.short[number as usize];
        if self.is_long[number as usize] {
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

    fn push(&mut self, addr: IpAddr) {
        self.is_long.push(addr.is_ipv6());
        match addr {
            IpAddr::V4(addr) => self.short.push(addr.to_bits()),
            IpAddr::V6(addr) => {
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
    /// Services met lately, by a part of their host's number and their port: often it is the same ones again.
    latest: Vec<Latest>,
}

/// A service met lately.
#[derive(Clone, Copy, Debug, Default)]
struct Latest {
    host: u32,
    port: u16,
    /// Its number, plus one; 0 for none.
    number: u32,
}

/// So many are remembered.
const LATEST: usize = 256;

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
        let known = self.hosts.find(hash, |n| self.addresses.get(n as u32) == addr);
        known.map_or_else(
            || {
                let number = self.addresses.short.len() as u32;
                self.hosts.insert(hash, number);
                self.addresses.push(addr);
                number
            },
            |number| number as u32,
        )
    }

    /// The number of the service at `port` of `host`; the next one if it is new.
    pub fn service(&mut self, host: u32, port: u16) -> u32 {
        let place = (host.wrapping_mul(31).wrapping_add(port.into())) as usize % LATEST;
        if let Some(latest) = self.latest.get(place).filter(|latest| (latest.host, latest.port) == (host, port))
            && let Some(number) = latest.number.checked_sub(1)
        {
            return number;
        }
        let hash = self.services.hash_of(u128::from(host) << 16 | u128::from(port));
        let known = self.services.find(hash, |n| self.sockets[n] == (host, port));
        let number = known.unwrap_or_else(|| {
            self.services.insert(hash, self.sockets.len() as u32);
            self.sockets.push((host, port));
            self.sockets.len() - 1
        }) as u32;
        if self.latest.is_empty() {
            self.latest = vec![Latest::default(); LATEST];
        }
        self.latest[place] = Latest { host, port, number: number.wrapping_add(1) };
        number
    }

    /// Both of a connection of `client` to `server`.
    pub fn parties(&mut self, client: IpAddr, server: Socket) -> Parties {
        let (client, server) = (self.host(client), (self.host(server.addr), server.port));
        Parties { client, service: self.service(server.0, server.1) }
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
                assert_eq!(directory.service(n, 80 + n as u16 % 2), n);
                assert_eq!((directory.find(addr(n)), directory.addr(n), directory.server(n)), (Some(n), addr(n), n));
            }
        }
        assert_eq!((directory.hosts(), directory.services()), (5_000, 5_000));
        assert_eq!((directory.service(0, 443), directory.socket(5_000).port), (5_000, 443));
    }
}
