//! Text and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Pen;
use super::sheet::{Piece, Sheet};
use crate::address::{OCTETS, group, zeros};
use crate::tracker::State;

/// The name of each state and the quotation mark after it.
static STATES: [Piece<16>; State::ALL.len()] = states("", "\"");

/// The same as the key of a member that is not the first.
static MEMBERS: [Piece<16>; State::ALL.len()] = states(",\"", "\":");

const fn states(before: &str, after: &str) -> [Piece<16>; State::ALL.len()] {
    let mut states = [Piece::EMPTY; State::ALL.len()];
    let mut i = 0;
    while i < states.len() {
        states[i] = Piece::of(before).and(State::ALL[i].name()).and(after);
        i += 1;
    }
    states
}

/// Whether any of these bytes is to be escaped. Most texts are names: two words that overlap.
#[inline]
fn is_special(text: &[u8]) -> bool {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let half = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    match text.len() {
        8..=16 => any_special(word(text.first_chunk())) | any_special(word(text.last_chunk())),
        4..=7 => any_special(half(text.first_chunk()) | (half(text.last_chunk()) << 32)),
        // All bytes are looked at, so that the compiler can take many at once.
        _ => text.iter().fold(false, |found, byte| found | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\')),
    }
}

/// Whether any byte of the word is.
#[inline(always)]
fn any_special(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    // The lowest byte that is less than `n` borrows, if there is any.
    let less = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let same = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, 0x20) | same(b'"') | same(b'\\')) & (ONES << 7) != 0
}

impl Pen<'_> {
    /// Writes any text in quotation marks.
    pub fn quoted(mut self, text: &str) -> Option<Self> {
        if is_special(text.as_bytes()) {
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
        self.piece(&STATES[state as usize])
    }

    /// Writes the name of a state.
    #[inline(always)]
    pub fn name(self, state: State) -> Self {
        self.piece_without(&STATES[state as usize], 1)
    }

    /// Writes a comma and the name of a state as a key.
    #[inline(always)]
    pub fn member(self, state: State) -> Self {
        self.piece(&MEMBERS[state as usize])
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
        for (i, one) in groups.iter().enumerate() {
            if i > 0 {
                self = self.put(b":");
            }
            let (text, len) = group(*one);
            self = self.part(&text, len);
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
    fn what_is_to_be_escaped_is_found_anywhere() {
        for len in 0..20 {
            for (at, byte) in (0..len).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
                for others in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut text = vec![others; len];
                    text[at] = byte;
                    assert_eq!(
                        is_special(&text),
                        byte < 0x20 || byte == b'"' || byte == b'\\',
                        "{byte} at {at} of {len}"
                    );
                }
            }
        }
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
