//! What was found in some packets that follow each other, to be handed on at once: from the thread that decodes to the one
//! that tracks.

use super::{Decoded, Decoder, usual};
use crate::segment::Segment;
use crate::source::{Batch, LinkType, Packet, Record};
use crate::time::Time;

/// Packets after which it is full even if next to nothing was found in them.
const FULL_PACKETS: u64 = 65_536;

/// What was found in some packets.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// As many as are `used`, and room for more.
    found: Vec<Decoded>,
    used: usize,
    packets: u64,
    undecoded: u64,
    /// Times of the earliest and of the latest packet, if there is one.
    first: Time,
    last: Time,
}

impl Default for Bundle {
    fn default() -> Bundle {
        let (first, last) = (Time(i64::MAX), Time(i64::MIN));
        Bundle { found: Vec::new(), used: 0, packets: 0, undecoded: 0, first, last }
    }
}

impl Bundle {
    /// Puts in what `decoder` finds in `packet`.
    #[inline(always)]
    pub fn packet(&mut self, decoder: &mut Decoder, packet: &Packet<'_>) {
        self.packets += 1;
        self.first = self.first.min(packet.time);
        self.last = self.last.max(packet.time);
        if self.used == self.found.len() {
            self.grow();
        }
        // Findings are large: each is written where it stays.
        let Some(place) = self.found.get_mut(self.used) else { return };
        if usual::decode(packet, place) {
            self.used += 1;
        } else {
            self.unusual(decoder, packet);
        }
    }

    /// Puts in what `decoder` finds in the packets of `batch`, up to the one with which it [is full](Bundle::is_full) with
    /// `size` findings. Whether it is; otherwise there are no more packets in `batch`.
    pub fn fill(&mut self, decoder: &mut Decoder, batch: &mut Batch<'_>, size: usize) -> bool {
        while !self.is_full(size) {
            if self.used == self.found.len() {
                self.grow();
            }
            if let Some(packet) = self.usual(batch, size) {
                self.unusual(decoder, &packet);
            } else if self.used < self.found.len() && !self.is_full(size) {
                // None that lies in the source's buffer is left.
                let Some(packet) = batch.next() else { return false };
                self.packet(decoder, &packet);
            }
        }
        true
    }

    /// Puts in the segments of the usual packets with which `batch` begins, as long as there is room and it is not full; the
    /// packet after them if it is not a usual one.
    #[inline(never)]
    fn usual<'a>(&mut self, batch: &mut Batch<'a>, size: usize) -> Option<Packet<'a>> {
        let most = (size - self.used).min((FULL_PACKETS - self.packets) as usize);
        let end = self.found.len().min(self.used + most);
        let places = self.found.get_mut(self.used..end).unwrap_or_default();
        let before = batch.len();
        let (mut first, mut last) = match batch.time() {
            Some(time) if self.packets == 0 => (time, time),
            _ => (self.first, self.last),
        };
        // Findings are large: each is written where it stays.
        let unusual = batch.fill(places, |record, number, head, place| {
            let Record { time, wire_len, len, link, .. } = *record;
            if time >= last {
                last = time;
            } else {
                first = earlier(first, time);
            }
            let frame = usual::Frame { time, number, wire_len, len };
            head.is_some_and(|head| link == LinkType::ETHERNET && usual::decode_frame(head, frame, place))
        });
        let taken = before - batch.len();
        self.packets += taken as u64;
        self.used += taken - usize::from(unusual.is_some());
        (self.first, self.last) = (first, last);
        unusual
    }

    /// Puts in what is found in a packet that is not a usual one.
    #[inline(never)]
    fn unusual(&mut self, decoder: &mut Decoder, packet: &Packet<'_>) {
        let mut found = Decoded::Other;
        decoder.decode_unusual(packet, &mut found);
        match found {
            Decoded::Segment(_) | Decoded::Icmp(_) => {
                let Some(place) = self.found.get_mut(self.used) else { return };
                *place = found;
                self.used += 1;
                if decoder.has_more() {
                    self.take_more(decoder);
                }
            }
            // The place keeps the segment that was there: the next one is written over it.
            Decoded::Other => {}
            Decoded::Undecoded => self.undecoded += 1,
        }
    }

    /// Makes room, in which there are segments as there mostly will be.
    #[cold]
    fn grow(&mut self) {
        let room = (2 * self.used).max(64);
        self.found.resize(room, Decoded::Segment(Segment::nothing()));
    }

    /// Puts in what else was in the packet decoded last.
    #[cold]
    fn take_more(&mut self, decoder: &mut Decoder) {
        self.found.truncate(self.used);
        self.found.extend(std::iter::from_fn(|| decoder.more()).map(Decoded::Segment));
        self.used = self.found.len();
    }

    /// Whether it is time to hand it on: so many findings are in it (one packet may still bring it above).
    #[inline]
    pub fn is_full(&self, size: usize) -> bool {
        self.used >= size || self.packets >= FULL_PACKETS
    }

    /// Takes everything out; the room remains.
    pub fn clear(&mut self) {
        let found = std::mem::take(&mut self.found);
        *self = Bundle { found, ..Bundle::default() };
    }

    /// Puts in what `other` holds, which comes later; `other` is empty then.
    pub fn append(&mut self, other: &mut Bundle) {
        self.found.truncate(self.used);
        self.found.extend_from_slice(other.found());
        self.used = self.found.len();
        self.packets += other.packets;
        self.undecoded += other.undecoded;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        other.clear();
    }

    /// Bytes of memory that it takes.
    pub fn footprint(&self) -> usize {
        size_of::<Bundle>() + self.found.capacity() * size_of::<Decoded>()
    }

    /// The segments and ICMP errors, in capture order.
    pub fn found(&self) -> &[Decoded] {
        &self.found[..self.used]
    }

    /// Packets, whatever was in them.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets whose headers could not be read to their end.
    pub fn undecoded(&self) -> u64 {
        self.undecoded
    }

    /// Times of the earliest and of the latest packet.
    pub fn span(&self) -> Option<(Time, Time)> {
        (self.packets > 0).then_some((self.first, self.last))
    }
}

/// The earlier of the two, which is rarely asked.
#[cold]
#[inline(never)]
fn earlier(first: Time, time: Time) -> Time {
    first.min(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ethernet, IPv4, TCP with two bytes of payload.
    const USUAL: [u8; 56] = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet
        0x45, 0, 0, 42, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 1, 0xf6, 0xab, 0xcd, 0, 0, // TCP
        1, 2,
    ];

    /// The usual one, one in a VLAN, one that is no IP, one that is cut, or one without Ethernet.
    fn frame(kind: u8) -> Vec<u8> {
        match kind {
            0..=4 => USUAL.to_vec(),
            5 => [&USUAL[..12], &[0x81, 0, 0, 7], &USUAL[12..]].concat(),
            6 => [&USUAL[..12], &[8, 6], &USUAL[14..]].concat(),
            7 => USUAL[..40].to_vec(),
            _ => USUAL[14..].to_vec(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn filled_with_batches_it_is_what_it_is_filled_packet_by_packet(
            batches in prop::collection::vec(prop::collection::vec((0_u8..9, -2_i64..9), 0..40), 0..8),
            size in 1_usize..100,
            behind in prop::sample::select(vec![0, 20, usual::HEADERS]),
        ) {
            let (mut one, mut other) = ((Decoder::new(), Bundle::default()), (Decoder::new(), Bundle::default()));
            let (mut single, mut filled, mut number) = (Vec::new(), Vec::new(), 1);
            for batch in batches {
                let (mut bytes, mut records) = (Vec::new(), Vec::new());
                for (kind, after) in batch {
                    let (data, time) = (frame(kind), Time(1_000 * number + 400 * after));
                    let (at, len) = (bytes.len() as u32, data.len() as u32);
                    let link = if kind == 8 { LinkType::RAW } else { LinkType::ETHERNET };
                    records.push(Record { time, link, wire_len: 56, at, len });
                    bytes.extend(data);
                }
                // What the source's buffer holds behind them.
                bytes.extend(vec![0xff; behind]);
                let mut batch = Batch::new(&records, &bytes, number as u64);
                number += records.len() as i64;
                for packet in batch.clone() {
                    one.1.packet(&mut one.0, &packet);
                    if one.1.is_full(size) {
                        single.push(std::mem::take(&mut one.1));
                    }
                }
                while other.1.fill(&mut other.0, &mut batch, size) {
                    filled.push(std::mem::take(&mut other.1));
                }
                prop_assert_eq!(batch.len(), 0);
            }
            single.push(one.1);
            filled.push(other.1);
            let told = |all: &[Bundle]| {
                let told = all.iter().map(|b| (b.found().to_vec(), b.packets(), b.undecoded(), b.span()));
                told.collect::<Vec<_>>()
            };
            prop_assert_eq!(told(&single), told(&filled));
        }
    }
}
