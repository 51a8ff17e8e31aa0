//! Runs: segments that one end sends one after the other, as a sender does while its window lasts, and its peer acknowledging
//! them. Behind a usual segment on a steady connection such are usual too, and what they come to is told by their sums and by
//! the last of them.

use super::connection::{Connection, before_capture};
use super::usual::NEAR;
use crate::segment::{Flags, Segment};
use crate::time::Span;

/// So long after what it began with a run is over: nobody has been silent in it.
pub const SHORT: Span = Span::secs(1);
/// As many segments at most: they stay in the nearest cache.
pub const MOST: usize = 64;

/// Those that were taken behind a segment at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// How many.
    pub count: usize,
    /// The longest time from one to the next, the one before them included.
    pub pause: Span,
}

/// Segments behind a usual one of the same end, within [`SHORT`] and not before it, that go on as it did: payload that
/// continues its stream and acknowledges nothing more, or acknowledgments without payload, each of more.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The first `count` of these.
    segments: [&'a Segment; MOST],
    count: usize,
    /// Their payload together.
    pub bytes: u32,
    /// The longest payload.
    pub largest: u32,
    /// The largest window, as sent.
    window: u16,
    /// The longest time from one to the next, the one before them included.
    pub pause: Span,
    /// The last of them.
    pub last: &'a Segment,
}

impl<'a> Run<'a> {
    /// Nothing yet, behind `first`.
    #[inline]
    pub(super) fn new(first: &'a Segment) -> Run<'a> {
        Run { segments: [first; MOST], count: 0, bytes: 0, largest: 0, window: 0, pause: Span(0), last: first }
    }

    /// As many of those `behind` the first as go on as it does, if they `are_like` it. Of payload, less than `room` fits in
    /// before another; of acknowledgments, `sent` is the end of what they may acknowledge.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        behind: impl Iterator<Item = &'a Segment>,
        are_like: impl Fn(&Segment) -> bool,
        (room, sent): (u32, u32),
    ) {
        let first = self.last;
        let until = first.time.0.saturating_add(SHORT.0);
        // Held apart, so that they need not be in memory.
        let (mut count, mut bytes, mut largest, mut window, mut pause) = (0, 0_u32, 0, 0, Span(0));
        let mut before = first;
        for (place, seg) in self.segments.iter_mut().zip(behind) {
            let goes_on = if first.len > 0 {
                seg.ack == first.ack && seg.len.wrapping_sub(1) < NEAR - 1 && bytes < room
            } else {
                let more = seg.ack.wrapping_sub(before.ack);
                seg.len == 0 && more.wrapping_sub(1) < NEAR - 1 && sent.wrapping_sub(seg.ack) < NEAR
            };
            let next = seg.seq == before.seq.wrapping_add(before.len) && before.time <= seg.time && seg.time.0 < until;
            if !next || !goes_on || !are_like(seg) {
                break;
            }
            *place = seg;
            count += 1;
            bytes = bytes.wrapping_add(seg.len);
            largest = largest.max(seg.len);
            window = window.max(seg.window);
            pause = pause.max(Span(seg.time.0 - before.time.0));
            before = seg;
        }
        (self.count, self.last) = (count, before);
        (self.bytes, self.largest, self.window, self.pause) = (bytes, largest, window, pause);
    }

    /// Whether they have payload; otherwise each acknowledges more.
    #[inline]
    pub fn is_payload(&self) -> bool {
        self.last.len > 0
    }

    /// That they were taken.
    #[inline]
    pub(super) fn behind(&self) -> Behind {
        Behind { count: self.count, pause: self.pause }
    }

    /// All of them.
    #[inline]
    pub fn all(&self) -> &[&'a Segment] {
        &self.segments[..self.count]
    }

    /// All but the last.
    #[inline]
    pub fn but_last(&self) -> &[&'a Segment] {
        &self.segments[..self.count.saturating_sub(1)]
    }
}

/// Whether `seg` is of the same end as `first`, which is a usual one, and brings nothing rare.
#[inline(always)]
pub(super) fn is_like(first: &Segment, seg: &Segment) -> bool {
    seg.flags.control() == Flags::ACK.0
        && seg.window != 0
        && seg.options.sack_blocks == 0
        && !seg.options.cut
        && seg.scope == first.scope
        && seg.src == first.src
        && seg.dst == first.dst
}

impl Connection {
    /// Takes the run of those `behind` a segment of end `x` that [`Connection::take_steady`] has just taken, which comes to that
    /// for each of them.
    #[inline(always)]
    pub(super) fn take_run<'a>(
        &mut self,
        x: usize,
        run: &mut Run<'a>,
        behind: impl Iterator<Item = &'a Segment>,
        are_like: impl Fn(&Segment) -> bool,
    ) {
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        let under_way = own.acked.map_or(NEAR, |acked| own.next.wrapping_sub(acked));
        run.fill(behind, are_like, (NEAR.saturating_sub(under_way), peer.next));
        if run.all().is_empty() {
            return;
        }
        let before = run.bytes.wrapping_sub(run.last.len);
        own.packets += run.but_last().len() as u64;
        own.bytes += u64::from(before);
        own.next = own.next.wrapping_add(before);
        own.contiguous = own.next;
        own.offer_window(run.window, false);
        if run.largest > 1 {
            self.before &= !(if x == 0 { before_capture::FIRST_CLOSED } else { before_capture::SECOND_CLOSED });
        }
        debug_assert!(self.is_steady() && self.goes_on(x, run.last) && self.is_in_scope(x, run.last));
        self.goes_on_with(x, run.last);
    }
}
