//! The values of the language: addresses, networks, ports, sizes, durations, names.

use std::net::{IpAddr, Ipv4Addr};

use super::ast::Net;
use crate::report::Severity;
use crate::segment::Socket;
use crate::time::Span;

/// Units of time and their nanoseconds.
const TIMES: [(&str, i128); 14] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("hour", 3_600_000_000_000),
    ("hours", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("days", 86_400_000_000_000),
];

/// Units of size and their bytes.
const SIZES: [(&str, i128); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// A duration: `5s`, `1.5ms`, `2min`, `1h30min`. A number without a unit is refused, except 0.
pub fn duration(text: &str) -> Option<Span> {
    let mut rest = text;
    let mut nanos: i128 = 0;
    if text == "0" {
        return Some(Span(0));
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = TIMES.iter().find(|(name, _)| *name == &tail[..end])?.1;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        rest = &tail[end..];
    }
    (!text.is_empty()).then_some(())?;
    i64::try_from(nanos).ok().map(Span)
}

/// Whether `word` is a unit of time on its own.
pub fn is_time_unit(word: &str) -> bool {
    TIMES.iter().any(|(name, _)| *name == word)
}

/// Whether `word` is a unit of size on its own.
pub fn is_size_unit(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    SIZES.iter().any(|(name, _)| !name.is_empty() && *name == word)
}

/// A count or a size: `10`, `1.5k`, `1MB`, `64KiB`; thousands are decimal unless the unit has an `i`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.replace(',', "");
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.to_ascii_lowercase();
    let unit = SIZES.iter().find(|(name, _)| *name == unit)?.1;
    u64::try_from(scaled(number, unit)?).ok()
}

/// A decimal number times a unit, exact; `None` when it is no number or leaves a fraction.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 20 || fraction.len() > 12 || number.ends_with('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let parts = digits.checked_mul(unit)?;
    let scale = 10_i128.pow(fraction.len() as u32);
    (parts % scale == 0).then_some(parts / scale)
}

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

/// `info`, `note`, `warning`, `error`.
pub fn severity(text: &str) -> Option<Severity> {
    SEVERITIES.into_iter().find(|severity| severity_name(*severity) == text)
}

/// All severities, the lightest first.
pub const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Note, Severity::Warning, Severity::Error];

/// As in JSON.
pub const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_need_a_unit() {
        assert_eq!(duration("1.5ms"), Some(Span::micros(1_500)));
        assert_eq!(duration("1h30min"), Some(Span::secs(5_400)));
        assert_eq!(duration("0"), Some(Span(0)));
        for wrong in ["", "5", "s", "1.s", "5 s", "1e3s", "0.1ns", "99999999999999999999h", "-1s", "5q"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_know_both_thousands() {
        assert_eq!(size("1MB"), Some(1_000_000));
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("1.5k"), Some(1_500));
        assert_eq!(size("1,500"), Some(1_500));
        assert_eq!(size("0.5"), None);
        assert_eq!(size("MB"), None);
    }

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
