//! The way through the layers of one packet. Each layer's file adds its part to [`Walk`].

use super::bytes::Bytes;
use super::fragments::Key;
use super::scope::Tags;
use super::tcp::{self, IpInfo};
use super::{Decoded, Decoder};
use crate::segment::ScopeId;
use crate::source::Packet;
use crate::time::Time;

/// Headers within headers followed, so that no packet can ask for endless work.
const MAX_DEPTH: u8 = 24;

/// One packet on its way. Methods give `None` where headers cannot be read to their end.
pub(super) struct Walk<'d> {
    pub(super) decoder: &'d mut Decoder,
    pub(super) time: Time,
    pub(super) packet: u64,
    pub(super) tags: Tags,
    /// Bytes of a reassembled packet that were not captured.
    pub(super) missing: usize,
    depth: u8,
}

impl Walk<'_> {
    /// Decodes a packet of any link type.
    #[cold]
    #[inline(never)]
    pub(super) fn start(decoder: &mut Decoder, packet: &Packet<'_>) -> Decoded {
        let bytes = Bytes::new(packet.data, packet.wire_len as usize);
        let tags = Tags::default();
        let mut walk = Walk { decoder, time: packet.time, packet: packet.number, tags, missing: 0, depth: 0 };
        walk.link(packet.link, bytes).unwrap_or(Decoded::Undecoded)
    }

    /// Counts one more header that may hold others of its kind.
    pub(super) fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    pub(super) fn scope(&mut self) -> ScopeId {
        self.decoder.scopes.intern(&self.tags)
    }

    pub(super) fn fragment_key(&mut self, ip: &IpInfo, protocol: u8, id: u32) -> Key {
        Key { src: ip.src, dst: ip.dst, protocol, id, scope: self.scope() }
    }

    pub(super) fn tcp(&mut self, ip: &IpInfo, bytes: Bytes<'_>) -> Option<Decoded> {
        let scope = self.scope();
        let mut segment = tcp::segment(ip, bytes, self.time, self.packet, scope)?;
        segment.captured = segment.captured.saturating_sub(u32::try_from(self.missing).unwrap_or(u32::MAX));
        Some(Decoded::Segment(segment))
    }
}
