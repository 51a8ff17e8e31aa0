//! The values of the language: addresses, networks, ports.

use std::net::{IpAddr, Ipv4Addr};

use super::ast::Net;
use crate::segment::Socket;

/// A port: its number or one of the names everybody uses.
pub fn port(text: &str) -> Option<u16> {
    const NAMES: [(&str, u16); 14] = [
        ("ftp", 21),
        ("ssh", 22),
        ("telnet", 23),
        ("smtp", 25),
        ("domain", 53),
        ("http", 80),
        ("pop3", 110),
        ("imap", 143),
        ("bgp", 179),
        ("ldap", 389),
        ("https", 443),
        ("mysql", 3306),
        ("postgresql", 5432),
        ("redis", 6379),
    ];
    let named = || NAMES.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
    text.parse().ok().or_else(named)
}

/// `1-1024`, the smaller first or not.
pub fn port_range(text: &str) -> Option<(u16, u16)> {
    let (a, b) = text.split_once('-')?;
    let (a, b) = (port(a)?, port(b)?);
    Some((a.min(b), a.max(b)))
}

/// `10.0.0.0/8`, and the short forms of capture filters: `10`, `10/8`, `192.168`, `192.168/16`.
pub fn net(text: &str) -> Option<Net> {
    let (addr, prefix) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    if let Ok(addr) = addr.parse::<IpAddr>() {
        return Net::new(addr, prefix.unwrap_or(if addr.is_ipv4() { 32 } else { 128 }));
    }
    let octets: Vec<u8> = addr.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
    let mut whole = [0; 4];
    whole.get_mut(..octets.len())?.copy_from_slice(&octets);
    Net::new(IpAddr::V4(Ipv4Addr::from(whole)), prefix.unwrap_or(8 * octets.len() as u8))
}

/// The prefix length of a netmask: `255.255.255.0`.
pub fn mask(text: &str) -> Option<u8> {
    let bits = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (bits.count_ones() == bits.leading_ones()).then(|| bits.leading_ones() as u8)
}

/// An address with its port: `10.0.0.1:80`, `[2001:db8::1]:443`.
pub fn socket(text: &str) -> Option<Socket> {
    let socket: std::net::SocketAddr = text.parse().ok()?;
    Some(Socket { addr: socket.ip(), port: socket.port() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_networks_mean_what_capture_filters_mean() {
        assert_eq!(net("10"), net("10.0.0.0/8"));
        assert_eq!(net("192.168"), net("192.168.0.0/16"));
        assert_eq!(net("10/8"), net("10.9.9.9/8"));
        assert_eq!(net("10.0.0.0/33"), None);
        assert_eq!(net("1.2.3.4.5"), None);
        assert!(net("::/0").unwrap().has("2001:db8::1".parse().unwrap()));
        assert!(!net("0.0.0.0/0").unwrap().has("2001:db8::1".parse().unwrap()));
        assert_eq!(mask("255.255.254.0"), Some(23));
        assert_eq!(mask("255.0.255.0"), None);
    }
}
