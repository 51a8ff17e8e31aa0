//! What was acknowledged before it was captured: a capture put together of two, one for each direction, or of several queues,
//! shows an answer before what it answers.

use super::endpoint::{Endpoint, Gaps};
use super::sequence::{after, before, later};
use crate::segment::Segment;
use crate::time::{Span, Time};

/// A range that was acknowledged and had not been captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unseen {
    start: u32,
    end: u32,
    /// When it was acknowledged.
    acked: Time,
    /// The timestamp of the sender that its acknowledgment echoes.
    echo: Option<u32>,
}

/// So many are kept of an end, the latest.
const KEPT: usize = 16;
/// What follows a range within this time is kept with it, so that a stream at any speed has room for [`SOON`].
const TOGETHER: Span = Span::millis(1);
/// For so long: clocks of one capture differ by less.
const DURATION: Span = Span::secs(1);
/// What comes so soon behind its acknowledgment was not sent again because that was lost.
const SOON: Span = Span::millis(10);

impl Endpoint {
    /// The peer's `seg` acknowledges all before its number: of that was not captured what lies beyond `contiguous`, and is not
    /// one of the ranges captured beyond it. Where nothing of this end is captured nothing will come.
    pub(super) fn note_acked_unseen(&mut self, seg: &Segment) {
        if let Some(gaps) = &mut self.gaps {
            gaps.unseen.retain(|unseen| seg.time - unseen.acked < DURATION);
        }
        let more = after(seg.ack, self.next) || !self.is_gapless();
        if !self.seen || self.packets == 0 || !more || !after(seg.ack, self.contiguous) {
            return;
        }
        let (contiguous, echo) = (self.contiguous, seg.options.timestamps.map(|stamps| stamps.echo));
        let gaps = self.gaps_mut();
        let mut at = gaps.forgotten.map_or(contiguous, |end| later(end, contiguous));
        while before(at, seg.ack) {
            let captured = gaps.beyond.iter().find(|(start, end)| !after(*start, at) && after(*end, at));
            if let Some((_, end)) = captured {
                at = *end;
                continue;
            }
            let starts = gaps.beyond.iter().map(|(start, _)| *start).filter(|start| after(*start, at));
            let end = starts.chain([seg.ack]).min_by_key(|start| start.wrapping_sub(at)).unwrap_or(seg.ack);
            gaps.add_unseen(Unseen { start: at, end, acked: seg.time, echo });
            at = end;
        }
    }

    /// Whether something in `seg` was acknowledged and is still to be captured.
    pub(super) fn awaits(&self, seg: &Segment) -> bool {
        self.gaps.as_ref().is_some_and(|gaps| gaps.unseen.iter().any(|unseen| unseen.overlaps(seg)))
    }

    /// Whether `seg`, sent by this end, was acknowledged before it was captured, and had been sent before: from now on it is captured.
    pub(super) fn comes_late(&mut self, seg: &Segment) -> bool {
        let Some(gaps) = &mut self.gaps else { return false };
        gaps.unseen.retain(|unseen| seg.time - unseen.acked < DURATION);
        // Acknowledgments that followed one another left ranges that do so, too.
        let (mut at, mut parts) = (seg.seq, 0);
        while before(at, seg.end()) {
            let Some(unseen) = gaps.unseen.iter().find(|unseen| unseen.covers(at) && unseen.allows(seg)) else {
                return false;
            };
            (at, parts) = (unseen.end, parts + 1);
        }
        let rest = |unseen: Unseen| {
            let low = Unseen { end: seg.seq, ..unseen };
            let high = Unseen { start: seg.end(), ..unseen };
            if !unseen.overlaps(seg) {
                return [Some(unseen), None];
            }
            [low, high].map(|part| Some(part).filter(|part| before(part.start, part.end)))
        };
        let left: Vec<Unseen> = gaps.unseen.iter().copied().flat_map(rest).flatten().take(KEPT).collect();
        gaps.unseen.clear();
        gaps.unseen.extend(left);
        if gaps.unseen.is_empty() {
            gaps.unseen_end = None;
        }
        parts > 0
    }
}

impl Gaps {
    fn add_unseen(&mut self, new: Unseen) {
        if let Some(last) = self.unseen.last_mut()
            && last.end == new.start
            && (Span(0)..TOGETHER).contains(&(new.acked - last.acked))
        {
            last.end = new.end;
            return;
        }
        if self.unseen.len() == KEPT {
            self.unseen.remove(0);
        }
        self.unseen.push(new);
    }
}

impl Unseen {
    fn covers(&self, at: u32) -> bool {
        !after(self.start, at) && after(self.end, at)
    }

    fn overlaps(&self, seg: &Segment) -> bool {
        before(self.start, seg.end()) && after(self.end, seg.seq)
    }

    /// Whether `seg` had been sent when this was acknowledged: it comes soon, or its timestamp was echoed.
    fn allows(&self, seg: &Segment) -> bool {
        let echoed = || self.echo.zip(seg.options.timestamps).is_some_and(|(echo, own)| !after(own.value, echo));
        seg.time - self.acked < SOON || echoed()
    }
}

crate::pack::pack_fields!(Unseen { start, end, acked, echo });

impl crate::pack::Item for Unseen {}
