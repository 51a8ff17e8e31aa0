//! The capture around a connection.

use std::net::IpAddr;

use super::established_growth::Bygone;
use super::limits::Limits;
use super::quality::Quality;
use crate::report::directory::Directory;
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::Profile;

/// The capture around a connection.
pub struct Scene {
    /// Time of the first packet of the capture.
    pub begin: Time,
    /// Time of the last one: every "at least" ends here.
    pub end: Time,
    /// How long the capture is, now that it has ended; none while it goes on.
    pub length: Option<Span>,
    /// Timers assumed.
    pub profile: Profile,
    /// Thresholds.
    pub limits: Limits,
    /// What is known of the capture's quality.
    pub quality: Quality,
    /// The ends of the four quarters of the time from `begin` to `end`.
    pub quarters: [Time; 4],
    /// Whether connections are let go before the capture ends: then its quarters are known too late for these.
    pub let_go: bool,
    /// Connections that are over and not among those looked at any more.
    pub bygone: Vec<Bygone>,
    /// What was closed before that time may be neither there nor here.
    pub known_from: Time,
    /// All hosts and services.
    pub directory: Directory,
    /// What is known of each host.
    pub(super) hosts: Vec<Host>,
    /// Whether one of them is unseen.
    pub(super) any_unseen: bool,
    /// How many connections each service, by number, turned away: none, one, or more.
    pub(super) turned_away: Vec<u8>,
}

/// Marks of a host: segments of it were captured; in one connection none were; there others acknowledge what it sent.
pub(super) const SPOKE: u8 = 1;
pub(super) const SILENT: u8 = 2;
pub(super) const UNSEEN: u8 = 4;

/// What is known of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host(pub(super) u8);

impl Host {
    /// Whether it was spoken to, and no segment of it was captured.
    pub fn is_silent(self) -> bool {
        self.0 & (SPOKE | SILENT) == SILENT
    }

    /// Whether that is so, but others acknowledge what it sent: it did speak.
    pub fn is_unseen(self) -> bool {
        self.0 & (SPOKE | UNSEEN) == UNSEEN
    }
}

impl Scene {
    /// Up to when lasts what has not ended.
    pub fn up_to(&self) -> &'static str {
        if self.length.is_some() { "up to the end of the capture" } else { "up to now" }
    }

    /// What is known of the host at `addr`.
    pub fn host(&self, addr: IpAddr) -> Host {
        let known = self.directory.find(addr).and_then(|host| self.hosts.get(host as usize));
        known.copied().unwrap_or_default()
    }

    /// What is known of the host of a service, by its number.
    pub fn host_of(&self, service: u32) -> Host {
        self.hosts.get(self.directory.server(service) as usize).copied().unwrap_or_default()
    }

    /// Whether the host at `addr` is unseen: mostly none is.
    pub fn is_unseen(&self, addr: IpAddr) -> bool {
        self.any_unseen && self.host(addr).is_unseen()
    }

    /// The same of the host of a service, by number.
    #[inline]
    pub fn serves_unseen(&self, service: u32) -> bool {
        self.any_unseen && self.host_of(service).is_unseen()
    }

    /// How many connections `service` [turned away](crate::tracker::Connection::is_turned_away): none, one, or more (2).
    pub fn turned_away(&self, service: Socket) -> u8 {
        let number = self.directory.find(service.addr).and_then(|host| self.directory.find_service(host, service.port));
        number.and_then(|number| self.turned_away.get(number as usize)).copied().unwrap_or(0)
    }

    /// All hosts that are unseen, in order.
    pub fn unseen(&self) -> Vec<IpAddr> {
        let unseen = (0..).zip(&self.hosts).filter(|(_, host)| host.is_unseen());
        let mut unseen: Vec<IpAddr> = unseen.map(|(number, _)| self.directory.addr(number)).collect();
        unseen.sort_unstable();
        unseen
    }
}
