//! Text and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Pen;
use super::sheet::Sheet;
use crate::address::zeros;
use crate::tracker::State;

/// The name of each state and the quotation mark after it, and their length.
const STATES: [([u8; 16], usize); State::ALL.len()] = states();

const fn states() -> [([u8; 16], usize); State::ALL.len()] {
    let mut states = [([0; 16], 0); State::ALL.len()];
    let mut i = 0;
    while i < states.len() {
        let name = State::ALL[i].name().as_bytes();
        let mut at = 0;
        while at < name.len() {
            states[i].0[at] = name[at];
            at += 1;
        }
        states[i].0[at] = b'"';
        states[i].1 = at + 1;
        i += 1;
    }
    states
}

/// Each byte in decimal and a point after it, and their length.
const OCTETS: [([u8; 4], u8); 256] = octets();

const fn octets() -> [([u8; 4], u8); 256] {
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
}

impl Pen<'_> {
    /// Writes any text in quotation marks.
    pub fn quoted(mut self, text: &str) -> Option<Self> {
        // All bytes are looked at, so that the compiler can take many at once.
        let special = |found: bool, byte: &u8| found | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
        if text.as_bytes().iter().fold(false, special) {
            return self.json(text);
        }
        self = self.put(b"\"")?;
        self = self.bytes(text.as_bytes())?;
        self.put(b"\"")
    }

    /// Writes an address without quotation marks.
    #[inline]
    pub fn address(self, address: IpAddr) -> Option<Self> {
        self.sheet(|sheet| sheet.address(address))
    }
}

impl Sheet<'_> {
    /// Writes the name of a state whose opening quotation mark stands; closes it.
    #[inline(always)]
    pub fn state(self, state: State) -> Self {
        let (name, len) = &STATES[state as usize];
        self.part(name, *len)
    }

    /// Writes an address without quotation marks.
    #[inline(always)]
    pub fn address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.v4(address),
            IpAddr::V6(address) => self.v6(address),
        }
    }

    #[inline(always)]
    fn v4(self, address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets().map(|octet| &OCTETS[usize::from(octet)]);
        let sheet = self.part(&a.0, a.1.into()).part(&b.0, b.1.into()).part(&c.0, c.1.into());
        sheet.part(&d.0, usize::from(d.1) - 1)
    }

    /// As RFC 5952 says: no leading zeros, the first of the longest runs of zeros left out.
    #[inline(never)]
    fn v6(self, address: Ipv6Addr) -> Self {
        if let Some(mapped) = address.to_ipv4_mapped() {
            return self.put(b"::ffff:").v4(mapped);
        }
        let groups = address.segments();
        let Some(zeros) = zeros(&groups) else { return self.groups(&groups) };
        self.groups(&groups[..zeros.start]).put(b"::").groups(&groups[zeros.end..])
    }

    fn groups(mut self, groups: &[u16]) -> Self {
        for (i, group) in groups.iter().enumerate() {
            if i > 0 {
                self = self.put(b":");
            }
            let digit = |shift: u32| b"0123456789abcdef"[usize::from(group >> shift & 15)];
            // At least one digit.
            let leading = (group.leading_zeros() / 4).min(3);
            let all = u32::from_le_bytes([digit(12), digit(8), digit(4), digit(0)]);
            self = self.part(&(all >> (leading * 8)).to_le_bytes(), 4 - leading as usize);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sheet::ROOM;
    use super::*;

    fn written(write: impl FnOnce(Pen<'_>) -> Option<Pen<'_>>) -> String {
        let mut room = [0; 2 * ROOM];
        let left = write(Pen::new(&mut room)).expect("there is room").left();
        String::from_utf8(room[..room.len() - left].to_vec()).expect("text")
    }

    fn check(address: IpAddr) {
        assert_eq!(written(|pen| pen.address(address)), address.to_string());
    }

    #[test]
    fn addresses_are_written_as_everywhere() {
        let known =
            ["::", "::1", "1::", "::ffff:1.2.3.4", "::1.2.3.4", "2001:db8::1:0:0:1", "1:0:2:0:3:0:4:0", "255.10.9.0"];
        known.into_iter().for_each(|text| check(text.parse().expect("an address")));
    }

    #[test]
    fn states_have_their_names() {
        for state in State::ALL {
            assert_eq!(written(|pen| pen.sheet(|sheet| sheet.state(state))), format!("{state}\""));
        }
    }

    proptest! {
        #[test]
        fn any_address_is_written_as_everywhere(bits: u128, zeros: u8, short: u32) {
            check(Ipv4Addr::from_bits(short).into());
            check(Ipv6Addr::from_bits(bits).into());
            let groups = Ipv6Addr::from_bits(bits).segments();
            let thinned: [u16; 8] = std::array::from_fn(|i| if zeros >> i & 1 == 0 { 0 } else { groups[i] >> (groups[i] % 16) });
            check(Ipv6Addr::from(thinned).into());
        }

        #[test]
        fn any_text_is_escaped_as_everywhere(text: String) {
            prop_assert_eq!(written(|pen| pen.quoted(&text)), serde_json::to_string(&text).expect("text"));
        }

        #[test]
        fn text_of_any_length_is_whole(text in "[a-z]{0,80}") {
            prop_assert_eq!(written(|pen| pen.bytes(text.as_bytes())), text);
        }
    }
}
