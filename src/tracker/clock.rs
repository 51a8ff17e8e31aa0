//! A clock of the tap that goes back, as where two interfaces with a clock each capture one direction each: a segment then
//! seems to have left before what it acknowledges. Where the file's order says what the numbers say, it is the clock that
//! errs.

use super::connection::{Class, Connection};
use super::rules::Event;
use super::sequence::{after, before};
use super::trace::Trace;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};

/// The least by which what follows is later.
const INSTANT: Span = Span(1);

/// Whether `seg` left its sender after `last`, the one captured before it: by the timestamps, or as it goes on at `next`, where
/// nothing tells that it was overtaken.
fn follows(last: &Trace, next: u32, seg: &Segment) -> bool {
    let stamps = last.tsval().zip(seg.options.timestamps);
    let overtaken = seg.has(Flags::ACK) && last.flags.has(Flags::ACK) && before(seg.ack, last.ack);
    stamps.is_some_and(|(stamp, own)| after(own.value, stamp)) || seg.seq == next && !overtaken && !last.left_after(seg)
}

impl Connection {
    /// Takes a segment that may change anything.
    #[inline(never)]
    pub(super) fn consider(&mut self, x: usize, seg: &Segment) -> (Class, bool) {
        match self.not_before(x, seg) {
            Some(time) => self.consider_at(x, &Segment { time, ..*seg }),
            None => self.consider_at(x, seg),
        }
    }

    /// The earliest time at which `seg` of end `x` can have left, if the clock says that it left before that: not before
    /// what it acknowledges for the first time, nor before what its sender had sent or received.
    fn not_before(&self, x: usize, seg: &Segment) -> Option<Time> {
        if seg.time > self.last {
            return None;
        }
        let (own, peer) = (&self.ends[x], &self.ends[1 - x]);
        if seg.time == self.last {
            // Where a clock ticks slowly a FIN and the one that answers it have the same time.
            let answers = seg.has(Flags::FIN) && seg.has(Flags::ACK) && own.fin.is_none() && peer.fin == Some(seg.ack);
            let sent = answers.then_some(peer.last_fin).flatten().filter(|fin| fin.time == seg.time);
            return sent.map(|fin| fin.time + INSTANT);
        }
        let mut least = seg.time;
        if seg.has(Flags::ACK) && peer.acked.is_none_or(|acked| after(seg.ack, acked)) {
            let content =
                peer.last.filter(|last| last.end() != last.seq && last.end() == seg.ack).map(|last| last.time);
            let known = peer.last_content.0.get().filter(|_| peer.seen && peer.next == seg.ack);
            least = content.max(known).map_or(least, |sent| least.max(sent + INSTANT));
        }
        if let Some(last) = own.last.filter(|last| own.seen && follows(last, own.next, seg)) {
            // Of the opening both received what they did before.
            let opening = [Event::RcvSynAck, Event::RcvAckOfSyn].into_iter();
            let received = opening.flat_map(|event| {
                let own = own.log.get(event).filter(|_| own.log.is_sure(event));
                own.into_iter().chain(peer.log.get(event))
            });
            let received = received.map(|mark| mark.time + INSTANT).max();
            // Later, or what each of them shows (a FIN, and that it was acknowledged) would have happened at once.
            least = least.max(last.time + INSTANT).max(received.unwrap_or(least));
        }
        // A SYN,ACK may leave out data that came with the SYN.
        let opened =
            seg.has(Flags::SYN) && seg.has(Flags::ACK) && peer.isn().is_some_and(|isn| isn.wrapping_add(1) == seg.ack);
        if let Some(syn) = peer.log.get(Event::SndSyn).filter(|_| opened) {
            least = least.max(syn.time + INSTANT);
        }
        // Two FINs that crossed: both were sent before either arrived.
        let tells = seg.has(Flags::FIN) && seg.has(Flags::ACK) && !seg.has(Flags::RST);
        let crosses = tells && own.fin.is_none() && peer.fin.is_some_and(|fin| before(seg.ack, fin));
        if let Some(fin) = peer.last_fin.filter(|_| crosses) {
            least = least.max(fin.time + INSTANT);
        }
        (least > seg.time).then_some(least)
    }

    /// When the latest segment of end `x`, which is `seg`, counts as sent.
    pub fn dated(&self, x: usize, seg: &Segment) -> Time {
        let own = &self.ends[x & 1];
        let reset = own.gaps.as_ref().and_then(|gaps| gaps.reset.as_ref()).map(|(trace, _)| trace);
        let latest = own.last.as_ref().into_iter().chain(reset).find(|trace| trace.packet == seg.packet);
        latest.map_or(seg.time, |trace| trace.time)
    }
}
