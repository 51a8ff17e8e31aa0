//! Records as a few bytes: how connections that are not spoken on are put away.
//!
//! A record is written as a mask of the fields that hold something and those fields, integers in as many bytes as they
//! need, times and packet numbers as the distance from the one written before. What is read back is equal to what
//! was written. Only this program reads what it wrote: the format is no format for files.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | [`Pack`], the buffers, the macro that writes it for a record |
//! | `plain` | [`Pack`] for integers, options, lists |
//! | `seldom` | what few records have, kept apart |
//! | `words` | [`Pack`] for segments and the words all share |
//! | [`shelf`] | where the bytes are kept |
//! | [`block`] | where rows of bytes are kept that grow |
//! | `piece` | what their blocks lie in; `row`: where one of them is |
//! | `sealed` | where they are kept when they hardly grow any more |

pub mod block;
mod piece;
mod plain;
mod row;
mod sealed;
mod seldom;
pub mod shelf;
mod words;

pub use plain::Item;
pub use seldom::{Renew, Seldom};
pub use shelf::Shelf;

/// Something that can be written as bytes and read back.
pub trait Pack: Sized {
    /// What is left out of a record: nothing noted yet.
    fn blank() -> Self;

    /// Whether it is [`Pack::blank`].
    fn is_blank(&self) -> bool;

    /// Writes it.
    fn pack(&self, out: &mut Out<'_>);

    /// Reads it back into a blank.
    fn read(&mut self, from: &mut In<'_>);

    /// Reads it back.
    #[inline]
    fn unpack(from: &mut In<'_>) -> Self {
        let mut record = Self::blank();
        record.read(from);
        record
    }
}

/// Where records are written to.
#[derive(Debug)]
pub struct Out<'a> {
    bytes: &'a mut Vec<u8>,
    packet: u64,
    times: Recent<i64>,
    words: Recent<u32>,
}

/// Where they are read from.
#[derive(Debug)]
pub struct In<'a> {
    bytes: &'a [u8],
    packet: u64,
    times: Recent<i64>,
    words: Recent<u32>,
}

/// The values written last: the same moments and sequence numbers are noted in many places.
#[derive(Debug)]
struct Recent<T> {
    values: [T; RECENT],
    next: usize,
}

const RECENT: usize = 16;

impl<T: Copy + PartialEq> Recent<T> {
    fn new(first: T) -> Recent<T> {
        Recent { values: [first; RECENT], next: 0 }
    }

    #[inline]
    fn place(&self, value: T) -> Option<usize> {
        let found = self.values.iter().enumerate().fold(RECENT, |found, (i, v)| if *v == value { i } else { found });
        (found < RECENT).then_some(found)
    }

    #[inline]
    fn latest(&self) -> T {
        self.values[self.next.wrapping_sub(1) % RECENT]
    }

    #[inline]
    fn push(&mut self, value: T) {
        self.values[self.next % RECENT] = value;
        self.next += 1;
    }
}

impl<'a> Out<'a> {
    /// Appends to `bytes`; times are told from `base` on.
    pub fn new(bytes: &'a mut Vec<u8>, base: i64) -> Out<'a> {
        Out { bytes, packet: 0, times: Recent::new(base), words: Recent::new(0) }
    }

    /// Writes an integer: the smaller, the shorter. An even first byte holds it, an odd one says how many follow.
    #[inline]
    pub fn number(&mut self, n: u64) {
        if n < 0x80 {
            self.bytes.push((n << 1) as u8);
        } else {
            self.long(n);
        }
    }

    fn long(&mut self, n: u64) {
        let len = 8 - n.leading_zeros() as usize / 8;
        let mut all = [0; 9];
        all[0] = (len << 1 | 1) as u8;
        all[1..].copy_from_slice(&n.to_le_bytes());
        // All are written, and those that do not count taken back: that is the fastest.
        self.bytes.extend_from_slice(&all);
        self.bytes.truncate(self.bytes.len() - (8 - len));
    }

    /// Writes a byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes bytes whose number the reader knows.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a time: as one of those written last, or as its distance from the latest of them. A number too small for a
    /// time is written as it is: records keep spans in the same fields.
    pub fn time(&mut self, time: i64) {
        let (plain, apart) = (zigzag(time), zigzag(time.wrapping_sub(self.times.latest())));
        if plain < 1 << 52 {
            return self.number(plain << 2);
        }
        if let Some(place) = self.times.place(time) {
            return self.number((place as u64) << 2 | 3);
        }
        if apart < 1 << 61 {
            self.number(apart << 2 | 1);
        } else {
            self.number(2);
            self.bytes(&time.to_le_bytes());
        }
        self.times.push(time);
    }

    /// Writes a number of 32 bits, such as a sequence number: likewise.
    pub fn word(&mut self, word: u32) {
        if word < 1 << 12 {
            return self.number(u64::from(word) << 2);
        }
        if let Some(place) = self.words.place(word) {
            return self.number((place as u64) << 2 | 1);
        }
        let apart = zigzag(i64::from(word.wrapping_sub(self.words.latest()) as i32));
        if apart < 1 << 14 {
            self.number(apart << 2 | 2);
        } else {
            self.number(u64::from(word) << 2 | 3);
        }
        self.words.push(word);
    }

    /// Writes a packet number as its distance from the one before.
    #[inline]
    pub fn packet(&mut self, packet: u64) {
        let apart = packet.wrapping_sub(self.packet) as i64;
        self.packet = packet;
        self.number(zigzag(apart));
    }
}

impl<'a> In<'a> {
    /// Reads from `bytes`, written with the same `base`.
    pub fn new(bytes: &'a [u8], base: i64) -> In<'a> {
        In { bytes, packet: 0, times: Recent::new(base), words: Recent::new(0) }
    }

    /// Reads an integer.
    #[inline]
    pub fn number(&mut self) -> u64 {
        let head = self.byte();
        if head & 1 == 0 { u64::from(head >> 1) } else { self.long(usize::from(head >> 1).min(8)) }
    }

    fn long(&mut self, len: usize) -> u64 {
        let word = match self.bytes.first_chunk() {
            Some(word) => u64::from_le_bytes(*word) & u64::MAX.checked_shr(64 - 8 * len as u32).unwrap_or(0),
            None => {
                let mut word = [0; 8];
                self.bytes.iter().take(len).zip(&mut word).for_each(|(from, to)| *to = *from);
                u64::from_le_bytes(word)
            }
        };
        self.bytes = self.bytes.get(len..).unwrap_or_default();
        word
    }

    /// Reads a byte.
    #[inline]
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    /// Reads `N` bytes.
    #[inline]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.bytes.split_first_chunk() {
            Some((bytes, rest)) => {
                self.bytes = rest;
                *bytes
            }
            None => [0; N],
        }
    }

    /// Reads a time.
    pub fn time(&mut self) -> i64 {
        let number = self.number();
        let time = match number & 3 {
            0 => return unzigzag(number >> 2),
            3 => return self.times.values[(number >> 2) as usize % RECENT],
            1 => self.times.latest().wrapping_add(unzigzag(number >> 2)),
            _ => i64::from_le_bytes(self.bytes()),
        };
        self.times.push(time);
        time
    }

    /// Reads a number of 32 bits.
    pub fn word(&mut self) -> u32 {
        let number = self.number();
        let word = match number & 3 {
            0 => return (number >> 2) as u32,
            1 => return self.words.values[(number >> 2) as usize % RECENT],
            2 => self.words.latest().wrapping_add(unzigzag(number >> 2) as u32),
            _ => (number >> 2) as u32,
        };
        self.words.push(word);
        word
    }

    /// Reads so many bytes.
    pub fn some_bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = rest;
        bytes
    }

    /// Reads a packet number.
    #[inline]
    pub fn packet(&mut self) -> u64 {
        self.packet = self.packet.wrapping_add(unzigzag(self.number()) as u64);
        self.packet
    }
}

/// Small distances either way as small numbers.
#[inline]
const fn zigzag(n: i64) -> u64 {
    (n.wrapping_shl(1) ^ (n >> 63)) as u64
}

#[inline]
const fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Writes [`Pack`] for a record: all its fields by name, at most 64. A field that is left out does not compile.
macro_rules! pack_fields {
    ($record:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::pack::Pack for $record {
            fn blank() -> Self {
                Self { $($field: $crate::pack::Pack::blank()),+ }
            }

            #[inline]
            fn is_blank(&self) -> bool {
                $($crate::pack::Pack::is_blank(&self.$field))&&+
            }

            fn pack(&self, out: &mut $crate::pack::Out<'_>) {
                let mut mask = 0_u64;
                let mut bit = 1_u64;
                $(
                    if !$crate::pack::Pack::is_blank(&self.$field) {
                        mask |= bit;
                    }
                    bit = bit.wrapping_shl(1);
                )+
                let _ = bit;
                out.number(mask);
                let mut rest = mask;
                $(
                    if rest & 1 != 0 {
                        $crate::pack::Pack::pack(&self.$field, out);
                    }
                    rest >>= 1;
                )+
                let _ = rest;
            }

            fn read(&mut self, from: &mut $crate::pack::In<'_>) {
                let mut mask = from.number();
                $(
                    if mask & 1 != 0 {
                        $crate::pack::Pack::read(&mut self.$field, from);
                    }
                    mask >>= 1;
                )+
                let _ = mask;
            }
        }
    };
}

/// Writes [`Pack`] for an enum without data that begins at 0: its variants in order, the first standing for blank.
macro_rules! pack_choice {
    ($choice:ty { $first:ident $(, $variant:ident)* $(,)? }) => {
        impl $crate::pack::Pack for $choice {
            fn blank() -> Self {
                Self::$first
            }

            #[inline]
            fn is_blank(&self) -> bool {
                matches!(self, Self::$first)
            }

            #[inline]
            fn pack(&self, out: &mut $crate::pack::Out<'_>) {
                out.byte(*self as u8);
            }

            #[inline]
            fn read(&mut self, from: &mut $crate::pack::In<'_>) {
                const ALL: &[$choice] = &[<$choice>::$first $(, <$choice>::$variant)*];
                *self = ALL.get(usize::from(from.byte())).copied().unwrap_or(Self::$first);
            }
        }
    };
}

pub(crate) use pack_choice;
pub(crate) use pack_fields;
