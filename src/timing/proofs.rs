//! Packets that prove receipts: they bound when a state was entered.

use smallvec::SmallVec;

use super::flow::Measured;
use super::packed::Entries;
use crate::segment::Segment;
use crate::time::Time;
use crate::tracker::Connection;

/// How many proofs are remembered.
const PROOFS: u8 = 12;

/// Packets that prove receipts, with their capture times.
pub type Proofs = SmallVec<[(u64, Time); PROOFS as usize]>;

impl Measured {
    /// Whether proofs are asked for in what is measured from now on, of one connection after the other.
    pub fn ask_for_proofs(&mut self, asked: bool) {
        self.spare.without_proofs = !asked;
    }

    /// Notes `seg` if it proves that its sender (or, in the handshake, the other end) received something.
    #[inline]
    pub(super) fn note_proofs(&mut self, seg: &Segment, c: &Connection) {
        if self.spare.without_proofs {
            return;
        }
        if c.ends[0].log.is_proven_by(seg.packet) || c.ends[1].log.is_proven_by(seg.packet) {
            self.note_proof(seg);
        }
    }

    #[inline(never)]
    fn note_proof(&mut self, seg: &Segment) {
        let settled = self.flow.as_ref().is_some_and(|f| !f.close.has_begun())
            && (self.handshake.opener().is_none() || self.handshake.ready().is_some_and(|t| t < seg.time));
        if settled || self.proven >= PROOFS {
            return;
        }
        self.add_proof(seg);
    }

    #[inline]
    pub(super) fn add_proof(&mut self, seg: &Segment) {
        if !self.spare.without_proofs {
            self.put_proof(seg);
        }
    }

    #[inline(never)]
    fn put_proof(&mut self, seg: &Segment) {
        let (packet, time) = std::mem::replace(&mut self.last_proof, (seg.packet, seg.time));
        let (on, later) = (seg.packet.wrapping_sub(packet), seg.time.0.wrapping_sub(time.0) as u64);
        match &mut self.flow {
            Some(flow) => [on, later].map(|n| flow.proofs.push(0, n)),
            None => [on, later].map(|n| self.proofs.push(0, n)),
        };
        self.proven += 1;
    }

    fn each_proof(&self, mut take: impl FnMut(u64, Time)) {
        let (mut packet, mut time) = (0_u64, Time(0));
        let mut read = |mut entries: Entries<'_>| {
            while let (Some((_, on)), Some((_, later))) = (entries.next(), entries.next()) {
                packet = packet.wrapping_add(on);
                time = Time(time.0.wrapping_add(later as i64));
                take(packet, time);
            }
        };
        read(self.proofs.entries());
        if let Some(flow) = &self.flow {
            read(flow.proofs.entries());
        }
    }

    /// Packets that prove receipts, with their capture times.
    pub fn proofs(&self) -> Proofs {
        let mut proofs = Proofs::new();
        self.each_proof(|packet, time| proofs.push((packet, time)));
        proofs
    }
}
