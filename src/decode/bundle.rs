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
    found: Vec<Decoded>,
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
        match decoder.decode(packet) {
            found @ Decoded::Segment(_) => {
                self.found.push(found);
                self.found.extend(std::iter::from_fn(|| decoder.more()).map(Decoded::Segment));
            }
            found @ Decoded::Icmp(_) => self.found.push(found),
            Decoded::Other => {}
            Decoded::Undecoded => self.undecoded += 1,
        }
    }

    /// Whether it is time to hand it on: so many findings are in it (one packet may still bring it above).
    #[inline]
    pub fn is_full(&self, size: usize) -> bool {
        self.found.len() >= size || self.packets >= FULL_PACKETS
    }

    /// Takes everything out; the room remains.
    pub fn clear(&mut self) {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        *self = Bundle { found, ..Bundle::default() };
    }

    /// Puts in what `other` holds, which comes later; `other` is empty then.
    pub fn append(&mut self, other: &mut Bundle) {
        self.found.append(&mut other.found);
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
        &self.found
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
