//! The VLANs and tunnels that a connection is seen in: as a rule one, in both directions. A tap on both sides of a router, or
//! inside and outside of a tunnel, shows it in several.

use smallvec::SmallVec;

use super::connection::Connection;
use super::sequence::{after, is_far, within};
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
        self.scopes[x].or(self.scopes[1 - x]) == Some(seg.scope) || self.is_again_in(x, seg.scope)
    }

    /// All VLANs and tunnels that it is known in.
    pub(super) fn all_scopes(&self) -> impl Iterator<Item = ScopeId> {
        let again = self.again_in.iter().flat_map(|all| all.iter());
        self.scopes.iter().flatten().chain(again).copied()
    }

    /// Whether `seg` of end `x`, seen in another VLAN or tunnel, is the latest segment of that end captured again.
    pub(super) fn is_captured_again(&self, x: usize, seg: &Segment) -> bool {
        let copied = |last: &Trace| last.is_copied_by(seg) && seg.time - last.time <= APART;
        self.again_in.as_ref().is_none_or(|all| all.len() < SCOPES) && self.ends[x].last.as_ref().is_some_and(copied)
    }

    /// The VLANs and tunnels in which the next one on the same ports will be captured again, if this one was.
    pub(super) fn scopes_again(&self) -> Option<Box<Scopes>> {
        let mut all = self.again_in.clone()?;
        for scope in self.scopes.into_iter().flatten() {
            if all.len() < SCOPES && !all.contains(&scope) {
                all.push(scope);
            }
        }
        Some(all)
    }

    /// Where one end is captured again in another one, the other end's is one of both.
    fn is_again_in(&self, x: usize, scope: ScopeId) -> bool {
        self.again_in.as_ref().is_some_and(|all| self.scopes[1 - x] == Some(scope) || all.contains(&scope))
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

    /// End `x` sent `seg`, which is no copy.
    pub(super) fn note_scope(&mut self, x: usize, seg: &Segment) {
        if seg.end() != self.ends[x].next {
            return;
        }
        let elsewhere = Some(seg.scope).filter(|_| self.scopes[x] != Some(seg.scope));
        let end = &mut self.ends[x];
        if end.gaps.is_some() || elsewhere.is_some() {
            end.gaps_mut().copies.elsewhere = elsewhere;
        }
    }

    /// Whether `seg` says nothing that was not captured before, and comes neither in the VLAN or tunnel in which end `x` was
    /// captured first nor in that of the latest of its stream: behind that one, nothing comes there that was sent before. Else
    /// segments may come between the two. (What its sender repeats it sends later, and is captured in the first one again,
    /// unless the capture misses that.)
    pub(super) fn is_late_copy(&self, x: usize, seg: &Segment) -> bool {
        let latest = self.ends[x].gaps.as_ref().and_then(|g| g.copies.elsewhere);
        if self.again_in.is_none() || [self.scopes[x], latest].contains(&Some(seg.scope)) {
            return false;
        }
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        if seg.has(Flags::RST) {
            return own.gaps.as_ref().and_then(|g| g.reset).is_some_and(|(last, _)| last.may_come_behind(seg));
        }
        let known = |number, end| !after(number, end) && !is_far(number, end);
        let content = seg.seq_len() == 0 || !after(seg.end(), own.contiguous);
        own.last.is_some_and(|last| last.may_come_behind(seg))
            && (!seg.has(Flags::SYN) || own.isn == Some(seg.seq))
            && known(seg.end(), own.next)
            && content
            && (!seg.has(Flags::ACK) || peer.acked.is_some_and(|acked| known(seg.ack, acked)))
    }
}
