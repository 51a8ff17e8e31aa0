//! What is measured of a textbook connection ([`Textbook`](crate::tracker::Textbook)): what [`Measured::take`] comes to for
//! it, without the questions whose answers are known.

use super::blame::Situation;
use super::flow::{Flow, Measured};
use crate::segment::{Flags, Segment};

impl Measured {
    /// Takes the next segment of a textbook connection, of end `x`; end 0 is the client. `advances` if it acknowledges more
    /// than any of `x` before.
    #[inline]
    pub fn textbook(&mut self, x: usize, advances: bool, seg: &Segment) {
        if seg.has(Flags::SYN) {
            self.opening.open(seg.time);
            self.handshake.opening(x, seg);
            return self.opening.spend(seg.time);
        }
        self.handshake.later(x, seg);
        if self.flow.is_none() {
            self.open_textbook(x, seg);
        }
        if let Some(flow) = &mut self.flow {
            flow.textbook(x & 1, advances, seg);
        }
    }

    /// The client's ACK, `seg`, completes the handshake.
    #[inline(never)]
    fn open_textbook(&mut self, x: usize, seg: &Segment) {
        let mut flow = self.spare.take();
        flow.gaps.last = seg.time;
        self.opening.spend(seg.time);
        flow.blame = self.opening.account();
        flow.opened(x, seg.time, &self.handshake);
        self.flow = Some(flow);
    }
}

impl Flow {
    #[inline]
    fn textbook(&mut self, x: usize, advances: bool, seg: &Segment) {
        self.ttl[x].get_or_insert(seg.ttl);
        if advances {
            self.acknowledges(x, seg, &Situation::default());
        }
        let (payload, fin) = (seg.len > 0, seg.has(Flags::FIN));
        if payload || fin {
            let talker = self.turns.talker();
            let situation = Situation {
                closing: self.close.has_begun(),
                talker: talker.or(Some(0)),
                server: talker.map(|_| 1),
                ..Situation::default()
            };
            self.news(x, seg, situation);
        }
        if fin {
            self.close.fin(x, seg, self.content.time());
            self.turns.finish(&mut self.samples);
        }
        self.close.segment(x, seg, true);
        if payload {
            self.content = seg.time.into();
        }
    }
}
