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
    // The longest fits.
    text.as_str().unwrap_or_default().to_owned()
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

/// An address, as long as any can be, with a port.
pub struct Text {
    bytes: [u8; 48],
    end: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; 48], end: 0 }
    }
}

impl Text {
    #[inline]
    pub fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.end) {
            *place = byte;
        }
        self.end += 1;
    }

    /// Writes `n` < 1,000, with all three digits or no zeros in front.
    #[inline]
    pub fn decimal(&mut self, n: u16, all: bool) {
        let (hundreds, tens) = (n / 100, n / 10 % 10);
        for (digit, needed) in [(hundreds, n >= 100), (tens, n >= 10), (n % 10, true)] {
            if all || needed {
                self.put(b'0' + digit as u8);
            }
        }
    }

    pub fn v4(&mut self, addr: Ipv4Addr) {
        let [first, rest @ ..] = addr.octets();
        self.decimal(first.into(), false);
        for octet in rest {
            self.put(b'.');
            self.decimal(octet.into(), false);
        }
    }

    /// As RFC 5952 says: no leading zeros, the first of the longest runs of zeros left out.
    pub fn v6(&mut self, addr: Ipv6Addr) {
        if let Some(mapped) = addr.to_ipv4_mapped() {
            b"::ffff:".iter().for_each(|byte| self.put(*byte));
            return self.v4(mapped);
        }
        let groups = addr.segments();
        let Some(zeros) = zeros(&groups) else { return self.groups(&groups) };
        self.groups(&groups[..zeros.start]);
        [b':'; 2].into_iter().for_each(|byte| self.put(byte));
        self.groups(&groups[zeros.end..]);
    }

    fn groups(&mut self, groups: &[u16]) {
        for (i, group) in groups.iter().enumerate() {
            if i > 0 {
                self.put(b':');
            }
            // At least one digit.
            let digits = 4 - (group.leading_zeros() / 4).min(3);
            for digit in (0..digits).rev() {
                self.put(b"0123456789abcdef"[usize::from(group >> (4 * digit) & 15)]);
            }
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.end)?).ok()
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
