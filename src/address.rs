//! Addresses as they are written everywhere, by hand: of a flood every connection is named in sentences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// An address as it is written everywhere.
pub fn host(addr: IpAddr) -> String {
    let mut text = Text::default();
    match addr {
        IpAddr::V4(a) => text.v4(a),
        IpAddr::V6(a) => text.v6(a),
    }
    text.as_str().to_owned()
}

/// The first of the longest runs of zeros, which is left out; one alone is not.
#[inline(always)]
pub fn zeros(groups: &[u16; 8]) -> Option<Range<usize>> {
    let (mut from, mut len, mut run) = (0, 0, 0);
    for (i, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > len {
            (from, len) = (i + 1 - run, run);
        }
    }
    (len > 1).then_some(from..from + len)
}

/// Each byte in decimal and a point after it, and their length.
pub static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut i = 0;
    while i < octets.len() {
        let [a, b, c] = [b'0' + (i / 100) as u8, b'0' + (i / 10 % 10) as u8, b'0' + (i % 10) as u8];
        octets[i] = match i {
            100.. => ([a, b, c, b'.'], 4),
            10.. => ([b, c, b'.', 0], 3),
            _ => ([c, b'.', 0, 0], 2),
        };
        i += 1;
    }
    octets
};

/// The digits of a group of an IPv6 address, the first in the lowest byte, and how many: at least one.
#[inline(always)]
pub fn group(group: u16) -> ([u8; 4], usize) {
    let digit = |shift: u32| b"0123456789abcdef"[usize::from(group >> shift & 15)];
    let leading = (group.leading_zeros() / 4).min(3);
    let all = u32::from_le_bytes([digit(12), digit(8), digit(4), digit(0)]);
    ((all >> (leading * 8)).to_le_bytes(), 4 - leading as usize)
}

/// An address, as long as any can be, with a port, and room behind it.
pub struct Text {
    bytes: [u8; 56],
    end: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; 56], end: 0 }
    }
}

impl Text {
    /// Writes the first `len` of `bytes`.
    #[inline(always)]
    fn part<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        if let Some(place) = self.bytes.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut) {
            *place = bytes;
        }
        self.end += len;
    }

    #[inline]
    pub fn put(&mut self, byte: u8) {
        self.part([byte], 1);
    }

    /// Writes a colon and the port.
    pub fn port(&mut self, port: u16) {
        let digit = |unit: u16| b'0' + (port / unit % 10) as u8;
        let digits = [digit(10_000), digit(1_000), digit(100), digit(10), digit(1), 0, 0, 0];
        let leading = digits[..4].iter().take_while(|digit| **digit == b'0').count();
        self.put(b':');
        self.part((u64::from_le_bytes(digits) >> (8 * leading)).to_le_bytes(), 5 - leading);
    }

    pub fn v4(&mut self, addr: Ipv4Addr) {
        for octet in addr.octets() {
            let (text, len) = OCTETS[usize::from(octet)];
            self.part(text, len.into());
        }
        // Without the last point.
        self.end -= 1;
    }

    /// As RFC 5952 says: no leading zeros, the first of the longest runs of zeros left out.
    pub fn v6(&mut self, addr: Ipv6Addr) {
        if let Some(mapped) = addr.to_ipv4_mapped() {
            self.part(*b"::ffff:", 7);
            return self.v4(mapped);
        }
        let groups = addr.segments();
        let Some(zeros) = zeros(&groups) else { return self.groups(&groups) };
        self.groups(&groups[..zeros.start]);
        self.part(*b"::", 2);
        self.groups(&groups[zeros.end..]);
    }

    fn groups(&mut self, groups: &[u16]) {
        for (i, one) in groups.iter().enumerate() {
            if i > 0 {
                self.put(b':');
            }
            let (text, len) = group(*one);
            self.part(text, len);
        }
    }

    /// What was written: the longest fits.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_address_is_written_as_everywhere(bits: u128, zeros: u8, short: u32) {
            let groups = Ipv6Addr::from_bits(bits).segments();
            let thinned: [u16; 8] = std::array::from_fn(|i| if zeros >> i & 1 == 0 { 0 } else { groups[i] >> (groups[i] % 16) });
            let v4 = Ipv4Addr::from_bits(short);
            for addr in [v4.into(), v4.to_ipv6_mapped().into(), Ipv6Addr::from_bits(bits).into(), IpAddr::from(thinned)] {
                prop_assert_eq!(host(addr), addr.to_string());
            }
        }
    }
}
