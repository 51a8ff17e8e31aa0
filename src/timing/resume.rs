//! Since when an end had nothing to wait for, and whose a wait was that it gave up.
//!
//! An acknowledgment passes the tap before the end that waits for it has it, and what that sends then has to come to the tap:
//! up to the least round trip towards that end after the acknowledgment, what passes may be its answer to it. So the
//! same transfer is held up by the same cause wherever the tap is.
//!
//! A client that closes after a second or more without an answer to its last request gave up on a server that owed one. That it
//! was a request, and that the server let it wait, has to show: it is no shorter than what was answered before; the server
//! acknowledged it, and the FIN as well, had sent nothing in between that got lost, and answers nothing then. A client that asks
//! again instead, or did before, looks like one that goes on to send what needs no answer: these waits stay idle. So does one that
//! ends with a RST, as nothing shows whether the server could still be reached.

use super::blame::{CAUSES, Cause, Situation};
use super::flow::{Flow, Measured};
use super::held::Held;
use super::pause::{Ender, GAP};
use super::turn::Asked;
use crate::segment::Segment;
use crate::time::{Span, Time};

impl Measured {
    /// What end `x`, which has sent payload up to `end`, asked last, if that is not answered.
    pub fn unanswered(&self, x: usize, end: u32) -> Option<Asked> {
        self.flow.as_ref()?.turns.unanswered(x, end)
    }

    /// Whether end `x` sent the last payload.
    pub fn spoke_last(&self, x: usize) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.turns.talker() == Some(x))
    }

    /// If end `x` did, how long after that end `closer` closed, which did so first.
    pub fn waited(&self, x: usize, closer: usize) -> Option<Span> {
        self.flow.as_ref().filter(|_| self.spoke_last(x))?.close.after_data(closer & 1)
    }

    /// What end `x` held back until what it had sent before was acknowledged.
    pub fn held(&self, x: usize) -> Option<&Held> {
        self.flow.as_ref()?.held(x)
    }
}

impl Flow {
    /// Since when nothing that end `x`, which sends at `now`, had sent before was under way as far as it knew, as it looks at the
    /// tap; nothing if something was. `flying` if not all of it is acknowledged as far as was captured.
    #[inline(always)]
    pub(super) fn free_since(&self, x: usize, now: Time, flying: bool) -> Option<Time> {
        if flying {
            return self.settled_unseen(x, now);
        }
        Some(self.settled[x].time().map_or(Time(0), |settled| self.heard(x, settled, now)))
    }

    /// From when on what end `x` sends, as it does at `now`, may answer what passed the tap at `passed`.
    #[inline(always)]
    pub(super) fn heard(&self, x: usize, passed: Time, now: Time) -> Time {
        match self.least(x) {
            Some(trip) => passed + trip,
            // It may have been on its way all the time.
            None if now - passed < GAP => now,
            None => passed,
        }
    }

    /// At `now` passes what lets end `x` go on, though all it had sent was acknowledged before.
    pub(super) fn may_go_on(&mut self, x: usize, now: Time) {
        if self.settled[x].is_some() {
            self.settled[x] = now.into();
        }
    }

    /// End `x` is the first to close, with `seg`, a FIN alone.
    #[inline(never)]
    pub(super) fn closes(&mut self, x: usize, seg: &Segment, s: &Situation, flying: bool) {
        let free = self.free_since(x, seg.time, flying);
        let idle = self.blame.idle();
        self.blame.speaks(x, seg.time, s, self.least(x), free);
        // Who was never answered, and went on all the same, asks for no answer.
        let answers = self.turns.first(1 - x).is_some() || self.gaps.count() == 0;
        if s.server == Some(1 - x) && answers && self.turns.asks(x, seg.seq) {
            self.given_up = self.blame.idle() - idle;
        }
    }

    /// New payload of end `x` that was acknowledged already: nothing of it is under way.
    #[cold]
    pub(super) fn news_acked(&mut self, x: usize, seg: &Segment, situation: &Situation) {
        let free = self.free_since(x, seg.time, self.trips[1 - x].in_flight());
        self.blame.speaks(x, seg.time, situation, self.least(x), free);
        self.turns.speaks(x, seg, &mut self.samples);
        self.gaps.content(seg.time, (Ender::Data, x));
    }

    /// The time after which the client gave up is the server's if that could answer and did not, even then.
    pub(super) fn blame_silence(&self, spent: &mut [Span; CAUSES]) {
        let client = usize::from(self.client);
        if self.given_up > Span(0) && self.turns.talker() == Some(client) && self.close.found_silence(client) {
            let [idle, server] = [Cause::Idle, Cause::End(1 - client)].map(Cause::index);
            spent[idle] = spent[idle] - self.given_up;
            spent[server] = Span(spent[server].0.saturating_add(self.given_up.0));
        }
    }
}
