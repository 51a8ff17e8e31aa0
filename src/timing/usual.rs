//! The usual segment on an open connection: an acknowledgment, or payload that continues the stream. And what closes it in order.

use super::blame::Situation;
use super::flow::{Flow, Measured};
use super::handshake::Handshake;
use super::pause::Pauses;
use crate::segment::{Flags, Segment};
use crate::time::Time;
use crate::tracker::Class;

impl Measured {
    /// From when on the usual segments of either end may be taken by [`Measured::take_steady`], as long as no others come.
    pub fn steady_after(&self) -> Option<Time> {
        let flow = self.flow.as_ref()?;
        let steady = !flow.close.has_begun() && !flow.is_any_closed() && flow.ttl.iter().all(Option::is_some);
        if steady { self.handshake.past_after() } else { None }
    }

    /// Whether `seg`, usual to the tracker, is so here.
    #[inline(always)]
    pub fn goes_on(&self, seg: &Segment) -> bool {
        seg.window != 0 && seg.options.sack_blocks == 0
    }

    /// Takes such a segment of end `x`.
    #[inline(always)]
    pub fn take_steady(&mut self, x: usize, advances: bool, seg: &Segment) {
        let Some(flow) = &mut self.flow else { return };
        let class = if seg.len > 0 { Class::New } else { Class::Ack };
        debug_assert!(flow.is_in_order(x, class, seg) && !flow.is_closing(class, seg));
        debug_assert!(self.handshake.is_past(seg.time));
        flow.usual(x & 1, advances, seg, &self.handshake);
    }

    /// Takes the client's first payload behind a plain handshake: what [`Measured::take`] comes to for it.
    pub fn ask(&mut self, seg: &Segment) {
        if let Some(flow) = &mut self.flow {
            flow.usual(0, false, seg, &self.handshake);
        }
    }

    /// The same of the server's answer, its first segment since, which proves that the handshake is complete.
    pub fn answer(&mut self, seg: &Segment) {
        self.handshake.note_ready(seg.time);
        let Some(flow) = &mut self.flow else { return };
        flow.ttl[1] = Some(seg.ttl);
        flow.usual(1, true, seg, &self.handshake);
        self.add_proof(seg);
    }
}

impl Flow {
    /// Whether `seg` is what nearly all are: an acknowledgment, or payload or a FIN that continues the stream, while no window
    /// is closed and no hole is told of.
    #[inline]
    pub(super) fn is_in_order(&self, x: usize, class: Class, seg: &Segment) -> bool {
        matches!(class, Class::Ack | Class::New)
            && seg.flags.control() & !Flags::FIN.0 == Flags::ACK.0
            && seg.window != 0
            && seg.options.sack_blocks == 0
            && !self.is_any_closed()
            && self.ttl[x & 1].is_some()
    }

    /// Whether such a one is a FIN, or payload behind one.
    #[inline]
    pub(super) fn is_closing(&self, class: Class, seg: &Segment) -> bool {
        class == Class::New && (self.close.has_begun() || seg.has(Flags::FIN))
    }

    /// Whether the window of either end is closed.
    #[inline]
    fn is_any_closed(&self) -> bool {
        self.zero.as_ref().is_some_and(|zero| zero.iter().any(Pauses::lasts))
    }

    /// Takes a FIN, or payload behind one, once the handshake is past: what [`Flow::take`] comes to for it.
    pub(super) fn closing(&mut self, x: usize, advances: bool, seg: &Segment, handshake: &Handshake) {
        let before = self.situation(handshake);
        if advances {
            self.acknowledges(x, seg, &before);
        }
        self.news(x, seg, before);
        if seg.has(Flags::FIN) {
            self.close.fin(x, seg, self.content.time());
            self.turns.finish(&mut self.samples);
        }
        self.close.segment(x, seg, true);
        if seg.len > 0 {
            self.content = seg.time.into();
        }
    }

    /// Takes such a segment otherwise, once the handshake is past: what [`Flow::take`] comes to for it.
    #[inline]
    pub(super) fn usual(&mut self, x: usize, advances: bool, seg: &Segment, handshake: &Handshake) {
        if advances {
            self.acknowledges(x, seg, &Situation::default());
        }
        if seg.len > 0 {
            let client = usize::from(self.client);
            let (talker, server) = match self.turns.talker() {
                Some(talker) => (Some(talker), Some(1 - client)),
                None => (handshake.ack().map(|_| client), None),
            };
            self.news(x, seg, Situation { talker, server, ..Situation::default() });
            self.content = seg.time.into();
        } else {
            self.close.segment(x, seg, true);
        }
    }
}
