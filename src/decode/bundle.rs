//! What was found in some packets that follow each other, to be handed on at once: from the thread that decodes to the one
//! that tracks.

use super::{Decoded, Decoder};
use crate::source::Packet;
use crate::time::Time;

/// Packets after which it is full even if next to nothing was found in them.
const FULL_PACKETS: u64 = 65_536;

/// What was found in some packets.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// As many as are `used`, and room for more.
    found: Vec<Decoded>,
    used: usize,
    packets: u64,
    undecoded: u64,
    span: Option<(Time, Time)>,
}

impl Bundle {
    /// Puts in what `decoder` finds in `packet`.
    #[inline]
    pub fn packet(&mut self, decoder: &mut Decoder, packet: &Packet<'_>) {
        self.packets += 1;
        let time = packet.time;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        if self.used == self.found.len() {
            self.grow();
        }
        // Findings are large: each is written where it stays.
        let Some(place) = self.found.get_mut(self.used) else { return };
        decoder.decode_into(packet, place);
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
        if let Some((first, last)) = other.span {
            self.span = Some(self.span.map_or((first, last), |(f, l)| (f.min(first), l.max(last))));
        }
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
        self.span
    }
}
