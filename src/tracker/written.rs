//! One segment as bytes: how it stands on a [tape](super::tape).

use crate::segment::{Flags, Options, Segment, Timestamps};

/// What the first two bytes of a segment say, the lower six bits of the second being its flags up to URG. After them:
/// checksum, and by how much time and packet number are later than those of the segment before.
pub mod what {
    pub const SENDER: u16 = 1;
    /// It has payload, of which the length follows.
    pub const LEN: u16 = 1 << 1;
    /// Its window follows, as that of any does but a [`Plain`](super::Plain) one.
    pub const WINDOW: u16 = 1 << 2;
    pub const STAMPS: u16 = 1 << 3;
    /// Its timestamps follow as distances: see [`NearStamps`](super::NearStamps).
    pub const NEAR_STAMPS: u16 = 1 << 7;
    pub const ID: u16 = 1 << 4;
    /// Instead there is the time itself, and, but for the first segment, by how much its packet number is later than the
    /// first one's.
    pub const WIDE: u16 = 1 << 5;
    /// A byte follows that says what else there is.
    pub const MORE: u16 = 1 << 6;
    /// Its sequence number follows; else it continues the stream.
    pub const SEQ: u16 = 1 << 14;
    /// Its acknowledgment number follows; else it is the end of the other stream, or 0 without ACK.
    pub const ACK: u16 = 1 << 15;
    /// It is a [`Plain`](super::Plain) one; with timestamps, it has [`STAMPED`].
    pub const PLAIN: u16 = STAMPS | NEAR_STAMPS;
    /// Such a one has so many bytes more.
    pub const STAMPED: u16 = WINDOW;
}

/// The flags that stand in those two bytes.
pub const FLAGS: u16 = 0x3f;

/// What that byte says.
pub mod more {
    pub const MSS: u8 = 1;
    pub const SCALE: u8 = 1 << 1;
    pub const SACK_PERMITTED: u8 = 1 << 2;
    pub const SACK: u8 = 1 << 3;
    pub const FAST_OPEN: u8 = 1 << 4;
    pub const CUT: u8 = 1 << 5;
    pub const TTL: u8 = 1 << 6;
    /// Flags beyond the six.
    pub const FLAGS: u8 = 1 << 7;
}

/// Whether there is anything but timestamps.
#[inline]
pub fn has_more(o: &Options) -> bool {
    // As they mostly lie in memory, so that they are looked at as one word.
    let few = u32::from_le_bytes([o.sack_permitted.into(), o.fast_open.into(), o.cut.into(), o.sack_blocks]);
    few != 0 || o.window_scale.is_some() || o.mss.is_some()
}

/// Timestamps in four bytes: how much later the value is than the latest of the sender, and how far the echo is from the
/// latest value of the other end, which it mostly is.
#[derive(Clone, Copy, Debug)]
pub struct NearStamps(pub u32);

impl NearStamps {
    /// Half of the distances an echo may have: it can be of an earlier value, and of one not captured yet.
    const AROUND: u32 = 1 << 15;

    /// Of `stamps`, after those of the sender and of the other end; `None` if they are not near.
    #[inline]
    pub fn of(stamps: &Timestamps, [own, other]: [u32; 2]) -> Option<NearStamps> {
        let (later, around) =
            (stamps.value.wrapping_sub(own), stamps.echo.wrapping_sub(other).wrapping_add(Self::AROUND));
        (later | around <= u32::from(u16::MAX)).then_some(NearStamps(later << 16 | around))
    }

    /// How much later the value is than the latest of the sender.
    pub fn later(self) -> u32 {
        self.0 >> 16
    }

    /// How far the echo is from the latest value of the other end.
    pub fn echo_from_latest(self) -> i64 {
        i64::from(self.0 & u32::from(u16::MAX)) - i64::from(Self::AROUND)
    }

    /// The reverse of [`NearStamps::of`].
    #[inline]
    pub fn stamps(self, [own, other]: [u32; 2]) -> Timestamps {
        let (later, around) = (self.0 >> 16, self.0 & u32::from(u16::MAX));
        Timestamps { value: own.wrapping_add(later), echo: other.wrapping_add(around).wrapping_sub(Self::AROUND) }
    }
}

/// An acknowledgment, or payload or a FIN that continues the stream: always the same numbers in the same places, so that it is
/// written and read without asking which are there. In three words: those two bytes, window, checksum, IP identification; time,
/// packet number, length; timestamps. Each number is taken out where it is asked for, since there are not registers for all.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    words: [u64; 2],
    pub near: Option<NearStamps>,
}

impl Plain {
    /// Bytes of one without timestamps.
    pub const BYTES: usize = 16;
    /// Where these are; behind the checksum, the IP identification.
    pub const KIND: usize = 0;
    pub const WINDOW: usize = 2;
    pub const CHECKSUM: usize = 4;
    pub const LATER: usize = 8;
    pub const FURTHER: usize = 12;
    pub const EITHER: usize = 14;
    pub const NEAR: usize = 16;

    /// The one that `bytes` begin with, if it is such a one, and what is behind it.
    #[inline(always)]
    pub fn read(bytes: &[u8]) -> Option<(Plain, &[u8])> {
        let (words, mut rest) = bytes.split_first_chunk::<{ Self::BYTES }>()?;
        let &[first, second] = words.as_chunks().0 else { return None };
        let words = [first, second].map(u64::from_le_bytes);
        let (kind, mut near) = (words[0] as u16, None);
        if kind & what::PLAIN != what::PLAIN {
            return None;
        }
        if kind & what::STAMPED != 0 {
            let (stamps, behind) = rest.split_first_chunk()?;
            (near, rest) = (Some(NearStamps(u32::from_le_bytes(*stamps))), behind);
        }
        Some((Plain { words, near }, rest))
    }

    /// The two bytes at place `at`.
    #[inline(always)]
    fn short(&self, at: usize) -> u16 {
        (self.words[at / 8] >> (at % 8 * 8)) as u16
    }

    /// Of the first byte, whether it is such a one, who sent it, and whether it has payload.
    pub const ASKED: u16 = what::PLAIN | what::SENDER | what::LEN;

    /// What that is where it is one of end `x`, with `payload` or without.
    #[inline(always)]
    pub fn going_on(x: usize, payload: bool) -> u16 {
        what::PLAIN | x as u16 | if payload { what::LEN } else { 0 }
    }

    /// Whether it is one of those that are [`going_on`](Plain::going_on), without FIN.
    #[inline(always)]
    pub fn goes_on(&self, going_on: u16) -> bool {
        self.short(Self::KIND) & (Self::ASKED | Flags::FIN.0 << 8) == going_on
    }

    #[inline(always)]
    pub fn sender(&self) -> usize {
        usize::from(self.short(Self::KIND) & what::SENDER)
    }

    #[inline(always)]
    pub fn flags(&self) -> Flags {
        Flags(self.short(Self::KIND) >> 8 & FLAGS)
    }

    #[inline(always)]
    pub fn window(&self) -> u16 {
        self.short(Self::WINDOW)
    }

    #[inline(always)]
    pub fn checksum(&self) -> u16 {
        self.short(Self::CHECKSUM)
    }

    #[inline(always)]
    pub fn ip_id(&self) -> u16 {
        self.short(Self::CHECKSUM + 2)
    }

    /// By how much its time and its packet number are later than those of the segment before.
    #[inline(always)]
    pub fn later(&self) -> u32 {
        self.words[1] as u32
    }

    #[inline(always)]
    pub fn further(&self) -> u16 {
        self.short(Self::FURTHER)
    }

    /// Its payload; only without, it may acknowledge less than the end of the other stream, by so much.
    #[inline(always)]
    pub fn len(&self) -> u16 {
        if self.short(Self::KIND) & what::LEN != 0 { self.short(Self::EITHER) } else { 0 }
    }

    #[inline(always)]
    pub fn behind(&self) -> u16 {
        self.short(Self::EITHER).wrapping_sub(self.len())
    }
}

const _: () = assert!(what::STAMPED as usize == size_of::<NearStamps>());

/// Writes `value` at place `at` of `room`, which is there where both are known.
#[inline(always)]
pub fn put<const N: usize, const ROOM: usize>(room: &mut [u8; ROOM], at: usize, value: [u8; N]) {
    if let Some(place) = room.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}

/// The bytes of one segment in the making: what there is no room for is only counted.
pub struct Writer<'a> {
    pub room: &'a mut [u8],
    pub at: usize,
}

impl Writer<'_> {
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, value: [u8; N]) {
        if let Some(place) = self.room.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
            *place = value;
        }
        self.at += N;
    }

    /// What few segments have; `ttl` if that is told, too.
    pub fn more(&mut self, seg: &Segment, ttl: bool) {
        let o = &seg.options;
        let bits = [
            (more::MSS, o.mss.is_some()),
            (more::SCALE, o.window_scale.is_some()),
            (more::SACK_PERMITTED, o.sack_permitted),
            (more::SACK, o.sack_blocks != 0),
            (more::FAST_OPEN, o.fast_open),
            (more::CUT, o.cut),
            (more::TTL, ttl),
            (more::FLAGS, seg.flags.0 > FLAGS),
        ];
        self.put([bits.iter().fold(0, |all, (bit, there)| all | if *there { *bit } else { 0 })]);
        if let Some(mss) = o.mss {
            self.put(mss.to_le_bytes());
        }
        if let Some(scale) = o.window_scale {
            self.put([scale]);
        }
        if o.sack_blocks != 0 {
            self.put([o.sack_blocks]);
            for (left, right) in o.sack() {
                self.put(left.to_le_bytes());
                self.put(right.to_le_bytes());
            }
        }
        if ttl {
            self.put([seg.ttl]);
        }
        if seg.flags.0 > FLAGS {
            self.put([(seg.flags.0 >> FLAGS.count_ones()) as u8]);
        }
    }
}

/// How many bytes follow the one that says what else there is, but for SACK.
static LENGTHS: [u8; 256] = {
    let (mut lengths, mut bits) = ([0; 256], 0);
    while bits < lengths.len() {
        let of = bits as u8;
        lengths[bits] = 2 * (of & more::MSS != 0) as u8
            + (of & more::SCALE != 0) as u8
            + (of & more::TTL != 0) as u8
            + (of & more::FLAGS != 0) as u8;
        bits += 1;
    }
    lengths
};

/// What there is of a segment that few have.
#[derive(Clone, Copy)]
pub struct More(u8);

impl More {
    pub const NONE: More = More(0);

    /// Whether that is more than what a SYN has as a rule.
    #[inline]
    pub fn is_rare(self) -> bool {
        self.0 & (more::SACK | more::FAST_OPEN | more::CUT) != 0
    }

    /// Whether its TTL is another than that of the segment before.
    #[inline]
    pub fn has_ttl(self) -> bool {
        self.0 & more::TTL != 0
    }
}

/// Bytes of a tape yet to be read.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    #[inline]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.0 = rest;
                *bytes
            }
            None => [0; N],
        }
    }

    #[inline]
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    #[inline]
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    /// Leaves so many bytes out.
    #[inline]
    pub fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }

    /// Leaves out what [`Reader::more`] would read; what there is of it.
    #[inline]
    pub fn skip_more(&mut self) -> More {
        let [bits] = self.bytes();
        self.skip(LENGTHS[usize::from(bits)].into());
        More(bits)
    }

    /// The rest of `seg`.
    pub fn more(&mut self, seg: &mut Segment) {
        let [bits] = self.bytes();
        let o = &mut seg.options;
        if bits & more::MSS != 0 {
            o.mss = Some(self.short());
        }
        if bits & more::SCALE != 0 {
            let [scale] = self.bytes();
            o.window_scale = Some(scale);
        }
        o.sack_permitted = bits & more::SACK_PERMITTED != 0;
        if bits & more::SACK != 0 {
            [o.sack_blocks] = self.bytes();
            for block in o.sack.iter_mut().take(o.sack_blocks.into()) {
                *block = (self.word(), self.word());
            }
        }
        o.fast_open = bits & more::FAST_OPEN != 0;
        o.cut = bits & more::CUT != 0;
        if bits & more::TTL != 0 {
            [seg.ttl] = self.bytes();
        }
        if bits & more::FLAGS != 0 {
            let [high] = self.bytes();
            seg.flags.0 |= u16::from(high) << FLAGS.count_ones();
        }
    }
}
