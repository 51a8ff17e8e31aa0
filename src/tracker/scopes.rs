//! The VLANs and tunnels that a connection is seen in: as a rule one, in both directions. A tap on both sides of a router, or
//! inside and outside of a tunnel, shows it in several.

use smallvec::SmallVec;

use super::connection::Connection;
use super::rules::Event;
use super::sequence::{after, within};
use super::trace::Trace;
use crate::segment::{Flags, ScopeId, Segment};
use crate::time::Span;

/// A connection is known in so many more scopes than the first at most.
const SCOPES: usize = 8;

/// The first copy in another scope comes within this time. Longer is the way between two taps only where a tunnel is: what is
/// equal after that may be made up, of networks that use the same addresses.
const APART: Span = Span::millis(10);

/// Those beside the ones in which its ends were seen first.
pub(super) type Scopes = SmallVec<[ScopeId; SCOPES]>;

impl Connection {
    /// Whether `seg` of end `x` was seen in the same VLANs and tunnels, or in others in which this connection was captured
    /// again.
    #[inline]
    pub(super) fn is_in_scope(&self, x: usize, seg: &Segment) -> bool {
        self.scopes[x].or(self.scopes[1 - x]) == Some(seg.scope) || self.is_again_in(seg.scope)
    }

    /// Whether `seg` of end `x`, seen in another VLAN or tunnel, is the latest segment of that end captured again.
    pub(super) fn is_captured_again(&self, x: usize, seg: &Segment) -> bool {
        let copied = |last: &Trace| last.is_copied_by(seg) && seg.time - last.time <= APART;
        self.again_in.as_ref().is_none_or(|all| all.len() < SCOPES) && self.ends[x].last.as_ref().is_some_and(copied)
    }

    fn is_again_in(&self, scope: ScopeId) -> bool {
        self.again_in.as_ref().is_some_and(|all| all.contains(&scope))
    }

    /// Whether `seg` of end `x`, seen in another VLAN or tunnel, is the unseen side of this connection: it acknowledges just what
    /// the other end sent last.
    pub(super) fn is_answered_by(&self, x: usize, seg: &Segment) -> bool {
        let peer = &self.ends[1 - x];
        self.scopes[x].is_none()
            && peer.seen
            && seg.has(Flags::ACK)
            && within(peer.acked.unwrap_or(peer.next), seg.ack, peer.next)
    }

    /// Whether `seg`, in another VLAN or tunnel than the one in which what end `x` sends comes first, says nothing that was
    /// not captured before: segments may come between the two.
    pub(super) fn is_late_copy(&self, x: usize, seg: &Segment) -> bool {
        if self.again_in.is_none() || self.scopes[x] == Some(seg.scope) {
            return false;
        }
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        if seg.has(Flags::RST) {
            return own.log.get(Event::SndRst).is_some();
        }
        let content =
            seg.seq_len() == 0 || own.seen && !after(seg.end(), own.next) && !after(seg.end(), own.contiguous);
        content && (!seg.has(Flags::ACK) || peer.acked.is_some_and(|acked| !after(seg.ack, acked)))
    }
}
