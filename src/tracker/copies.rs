//! What is captured more than once: on several interfaces, on both sides of a router, inside and outside of a tunnel; or
//! brought twice by the network.

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::sequence::after;
use super::trace::Trace;
use crate::segment::{Flags, ScopeId, Segment};

/// A copy comes behind so many other segments of the same end at most: those that waited with it between two taps. When as many
/// came of which there was none, no more are expected.
const BEHIND: usize = 16;
/// What a sender sends besides, while so many segments pass of which one is repeated by the network: more, and it does not
/// count, but draws its identifications.
const BESIDES: u32 = 16;
/// Of a connection that was captured twice from its SYN on copies are expected to its end.
const ALWAYS: u8 = u8::MAX;

/// The latest segments of an end of which copies come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    /// In the order in which they were captured; empty where none are expected.
    pub recent: Vec<Trace>,
    /// So many more segments without a copy, and none are; [`ALWAYS`].
    pub expected: u8,
    /// The VLANs and tunnels in which the latest of its stream was captured first, if these are others than of its first segment.
    pub elsewhere: Option<ScopeId>,
}

impl Endpoint {
    /// It sent a segment, its latest, which was no copy.
    pub(super) fn expect_copy(&mut self) {
        let (Some(gaps), Some(last)) = (&mut self.gaps, &self.last) else { return };
        let copies = &mut gaps.copies;
        if copies.expected != ALWAYS {
            copies.expected = copies.expected.saturating_sub(1);
        }
        if copies.expected == 0 {
            copies.recent = Vec::new();
            return;
        }
        if copies.recent.len() >= BEHIND {
            copies.recent.remove(0);
        }
        copies.recent.push(*last);
    }

    /// A copy of what it sent, `seg`, was captured.
    pub(super) fn note_copy(&mut self, seg: &Segment) {
        let last = self.last;
        let copies = &mut self.gaps_mut().copies;
        copies.expected = if seg.has(Flags::SYN) { ALWAYS } else { copies.expected.max(BEHIND as u8) };
        if copies.recent.is_empty() {
            copies.recent.extend(last);
        }
    }
}

impl Connection {
    /// Whether `seg` was captured before: by another interface, or repeated by the network.
    pub(super) fn is_copy(&self, x: usize, seg: &Segment) -> bool {
        let end = &self.ends[x];
        if self.is_certainly_none(end, seg) {
            return false;
        }
        if seg.has(Flags::RST) {
            // Of a RST that answers segments one comes for each of them, often nameless: a router tells by the TTL.
            let last = end.gaps.as_ref().and_then(|g| g.reset);
            return last.is_some_and(|(t, ttl)| (t.is_named() || ttl != seg.ttl) && t.is_copied_by(seg))
                || self.is_late_copy(x, seg)
                || self.is_left_behind(x, seg);
        }
        self.is_copy_of_recent(x, seg)
            || self.is_too_soon(x, seg)
            || self.is_late_copy(x, seg)
            || self.is_sent_before(x, seg)
            || self.is_left_behind(x, seg)
    }

    /// Whether `seg` of `end` is no copy, as is asked first: nothing was captured more than once, it goes on where the stream of its
    /// sender ends, and says something else than the latest segment.
    #[inline(always)]
    fn is_certainly_none(&self, end: &Endpoint, seg: &Segment) -> bool {
        const RARE: u16 = Flags::SYN.0 | Flags::RST.0;
        let is_like = |trace: &Option<Trace>| trace.as_ref().is_some_and(|trace| trace.is_like(seg));
        seg.seq == end.next
            && end.seen
            && seg.flags.0 & RARE == 0
            && end.gaps.is_none()
            && self.again_in.is_none()
            && !is_like(&end.last)
            && !is_like(&end.last_fin)
    }

    /// Whether `seg` is a copy of one of the segments of end `x` that are remembered.
    pub(super) fn is_copy_of_recent(&self, x: usize, seg: &Segment) -> bool {
        let end = &self.ends[x];
        let gaps = end.gaps.as_ref();
        if seg.has(Flags::RST) {
            return gaps.and_then(|g| g.reset).is_some_and(|(t, _)| t.is_copied_by(seg));
        }
        let recent = gaps.map_or(&[][..], |gaps| &gaps.copies.recent);
        [&end.last, &end.last_fin].into_iter().flatten().chain(recent).any(|t| t.is_copied_by(seg))
    }

    /// Whether `seg` repeats what was captured, and left end `x` before the latest new payload, by timestamp and identification:
    /// the network brings it twice, as a repetition would have the next number. That may be overtaken, too, but by fewer than
    /// were sent since what it repeats; a copy is as far behind as that was. What was acknowledged before it was captured
    /// repeats nothing. Without timestamps a copy is not told from what senders repeat that use an identification again.
    fn is_sent_before(&self, x: usize, seg: &Segment) -> bool {
        let end = &self.ends[x];
        if seg.len == 0 {
            return false;
        }
        let latest = end.last.as_ref().filter(|last| last.len > 0 && last.end() == end.next);
        let Some(last) = latest else { return false };
        let distance = last.seq.wrapping_sub(seg.seq);
        let repeats = (seg.len..1 << 30).contains(&distance) && end.complete_to(seg.end());
        if !repeats || end.awaits(seg) || last.ip_id == 0 || seg.ip_id == 0 || end.irregular == last.packet as u32 {
            return false;
        }
        let stamps = last.tsval().zip(seg.options.timestamps);
        let (between, behind) = (distance.div_ceil(seg.len), u32::from(last.ip_id.wrapping_sub(seg.ip_id)));
        stamps.is_some_and(|(stamp, own)| !after(own.value, stamp))
            && (between..=between.saturating_add(BESIDES)).contains(&behind)
            && last.may_come_behind(seg)
    }

    /// Whether all that `seg` says is known, and it left end `x` before what was captured of that last, as two taps show it whose
    /// clocks differ: nobody repeats a SYN, with the timestamp of then, who has sent something else since; other segments
    /// may be overtaken by what repeats them, unless copies come.
    fn is_left_behind(&self, x: usize, seg: &Segment) -> bool {
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        let expected = own.gaps.as_ref().is_some_and(|gaps| gaps.copies.expected > 0);
        if seg.has(Flags::RST) {
            return own.gaps.as_ref().and_then(|g| g.reset).is_some_and(|(last, _)| last.comes_again_with(seg));
        }
        if !expected && !seg.has(Flags::SYN) {
            return false;
        }
        let Some(last) = own.last.as_ref().filter(|last| !last.flags.has(Flags::SYN)) else { return false };
        let stamps = last.tsval().zip(seg.options.timestamps);
        let known = !seg.has(Flags::ACK) || peer.acked.is_some_and(|acked| !after(seg.ack, acked));
        if seg.has(Flags::SYN) {
            let stamped = stamps.is_some_and(|(stamp, own)| !after(own.value, stamp));
            return stamped && known && own.isn == Some(seg.seq) && own.syns.max(own.syn_acks) > 0;
        }
        let content =
            seg.seq_len() == 0 || !after(seg.end(), own.next) && own.complete_to(seg.end()) && !own.awaits(seg);
        known && content && (last.left_after(seg) || last.comes_again_with(seg))
    }

    /// Whether `seg` repeats what end `x` sent last, and had alone in flight, before any timer can have run out.
    fn is_too_soon(&self, x: usize, seg: &Segment) -> bool {
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        let latest = own.last.as_ref().filter(|last| last.seq == seg.seq && last.end() == own.next);
        let Some(last) = latest else { return false };
        let alone = own.acked == Some(last.seq) || last.flags.has(Flags::SYN);
        let silent = peer.last.as_ref().is_none_or(|heard| heard.packet < last.packet);
        alone && silent && last.is_before_timers(seg)
    }
}
