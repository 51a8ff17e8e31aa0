//! Hosts and services by number, each numbered when it is first met: what is counted of them stands in plain lists, and
//! no address is looked up twice. The tables are seeded, because addresses are chosen by whoever sends the packets;
//! nothing depends on the order in which they hold things.

use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::segment::Socket;

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
    hosts: HashTable<u32>,
    addresses: Addresses,
    services: HashTable<u32>,
    /// Host and port of each service.
    sockets: Vec<(u32, u16)>,
    /// The service met last: often it is the same one again.
    latest: Option<(u32, u16, u32)>,
    seed: RandomState,
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
    /// The number of the host at `addr`; the next one if it is new.
    pub fn host(&mut self, addr: IpAddr) -> u32 {
        let (seed, addresses) = (&self.seed, &mut self.addresses);
        let hash = |addr| seed.hash_one(bits(addr));
        match self.hosts.entry(hash(addr), |n| addresses.get(*n) == addr, |n| hash(addresses.get(*n))) {
            Entry::Occupied(number) => *number.get(),
            Entry::Vacant(place) => {
                let number = addresses.short.len() as u32;
                place.insert(number);
                addresses.push(addr);
                number
            }
        }
    }

    /// The number of the service at `port` of `host`; the next one if it is new.
    pub fn service(&mut self, host: u32, port: u16) -> u32 {
        if let Some((latest_host, latest_port, number)) = self.latest
            && (latest_host, latest_port) == (host, port)
        {
            return number;
        }
        let (seed, sockets) = (&self.seed, &mut self.sockets);
        let hash = |(host, port): (u32, u16)| seed.hash_one(u64::from(host) << 16 | u64::from(port));
        let known = |n: &u32| sockets[*n as usize];
        let number = match self.services.entry(hash((host, port)), |n| known(n) == (host, port), |n| hash(known(n))) {
            Entry::Occupied(number) => *number.get(),
            Entry::Vacant(place) => {
                let number = sockets.len() as u32;
                place.insert(number);
                sockets.push((host, port));
                number
            }
        };
        self.latest = Some((host, port, number));
        number
    }

    /// Both of a connection of `client` to `server`.
    pub fn parties(&mut self, client: IpAddr, server: Socket) -> Parties {
        let (client, server) = (self.host(client), (self.host(server.addr), server.port));
        Parties { client, service: self.service(server.0, server.1) }
    }

    /// The number of the host at `addr`, if it is known.
    pub fn find(&self, addr: IpAddr) -> Option<u32> {
        self.hosts.find(self.seed.hash_one(bits(addr)), |n| self.addresses.get(*n) == addr).copied()
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
