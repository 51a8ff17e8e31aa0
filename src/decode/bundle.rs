//! What was found in some packets that follow each other, to be handed on at once: from the thread that decodes to the one
//! that tracks.

use super::{Decoded, Decoder, usual};
use crate::source::Packet;
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

    /// Puts in what is found in a packet that is not a usual one.
    #[inline(never)]
    fn unusual(&mut self, decoder: &mut Decoder, packet: &Packet<'_>) {
        let Some(place) = self.found.get_mut(self.used) else { return };
        decoder.decode_unusual(packet, place);
        match place {
            Decoded::Segment(_) => {
                self.used += 1;
                if decoder.has_more() {
                    self.take_more(decoder);
                }
            }
            Decoded::Icmp(_) => self.used += 1,
            Decoded::Other => {}
            Decoded::Undecoded => self.undecoded += 1,
        }
    }

    /// Makes room.
    #[cold]
    fn grow(&mut self) {
        let room = (2 * self.used).max(64);
        self.found.resize(room, Decoded::Other);
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
