//! Times in which something stood still: how often, how long in all, the longest.

use super::blame::{Blame, Cause};
use super::flow::Flow;
use super::handshake::Handshake;
use super::maybe::Maybe;
use crate::pack::{Renew, Seldom};
use crate::segment::Segment;
use crate::time::{Span, Time};

/// From this length on, a time without payload is a gap.
pub const GAP: Span = Span::secs(1);

/// How many gaps of one connection are listed: the longest ones.
const LISTED: usize = 8;

/// Pauses of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pauses {
    /// When the present one began.
    since: Maybe,
    /// How many are over.
    pub count: u32,
    /// How long those were together.
    pub total: Span,
    /// The longest of those.
    pub longest: Span,
}

impl Pauses {
    /// Whether one lasts.
    pub fn lasts(&self) -> bool {
        self.since.is_some()
    }

    /// One begins, unless one lasts already.
    pub fn begin(&mut self, now: Time) {
        self.since.or_set(now);
    }

    /// It ends, if one lasts.
    pub fn end(&mut self, now: Time) {
        if let Some(since) = std::mem::take(&mut self.since).time() {
            let length = (now - since).max(Span(0));
            self.count = self.count.saturating_add(1);
            self.total = Span(self.total.0.saturating_add(length.0));
            self.longest = self.longest.max(length);
        }
    }
}

/// What ended a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// Payload.
    Data,
    /// A FIN without payload.
    Fin,
    /// A RST.
    Rst,
}

/// A time without payload of [`GAP`] or more.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// Its begin: the last payload, or the end of the handshake.
    pub start: Time,
    /// How long it lasted.
    pub length: Span,
    /// Keepalive probes in it.
    pub probes: u32,
    /// What ended it, and which end's that was.
    pub ended: (Ender, usize),
}

/// The gaps of a connection.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// The last payload, FIN or RST, or the end of the handshake.
    pub last: Time,
    /// Probes since.
    pub probes: u32,
    /// The gaps, once there is one.
    seen: Seldom<Seen>,
}

/// The gaps there were.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub count: u32,
    pub total: Span,
    pub longest: Vec<Gap>,
}

impl Gaps {
    /// Begins anew, with the memory it has.
    pub fn restart(&mut self) {
        (self.last, self.probes) = (Time::default(), 0);
        self.seen.clear();
    }

    /// Payload, FIN or RST of end `by`.
    #[inline]
    pub fn content(&mut self, now: Time, ended: (Ender, usize)) {
        let length = now - self.last;
        if length >= GAP {
            self.gap(length, ended);
        }
        self.last = self.last.max(now);
        self.probes = 0;
    }

    #[cold]
    fn gap(&mut self, length: Span, ended: (Ender, usize)) {
        let gap = Gap { start: self.last, length, probes: self.probes, ended };
        self.seen.get_or_insert_default().add(gap);
    }

    /// How many there were.
    pub fn count(&self) -> u32 {
        self.seen.as_ref().map_or(0, |s| s.count)
    }

    /// How long they were together.
    pub fn total(&self) -> Span {
        self.seen.as_ref().map_or(Span(0), |s| s.total)
    }

    /// The longest ones.
    pub fn longest(&self) -> &[Gap] {
        self.seen.as_ref().map_or(&[], |s| &s.longest)
    }
}

impl Renew for Pauses {}

impl Renew for Seen {
    fn renew(&mut self) {
        self.clear();
    }
}

impl Seen {
    /// There are none, and the memory stays.
    #[inline]
    pub fn clear(&mut self) {
        if self.count > 0 {
            (self.count, self.total) = (0, Span(0));
            self.longest.clear();
        }
    }

    pub fn add(&mut self, gap: Gap) {
        self.count = self.count.saturating_add(1);
        self.total = Span(self.total.0.saturating_add(gap.length.0));
        if self.longest.len() < LISTED {
            self.longest.push(gap);
        } else if let Some(shortest) = self.longest.iter_mut().min_by_key(|g| g.length)
            && shortest.length < gap.length
        {
            *shortest = gap;
        }
    }
}

crate::pack::pack_choice!(Ender { Data, Fin, Rst });

/// Closed windows.
impl Flow {
    /// The window that end `x` offers is closed, or open again.
    pub(super) fn window(&mut self, x: usize, seg: &Segment, handshake: &Handshake) {
        if seg.window > 0 {
            self.blame.spend(seg.time, Cause::ZeroWindow(x));
            self.end_zero(x, seg.time);
            self.may_go_on(1 - x, seg.time);
        } else if !self.close.has_fin(1 - x) && !handshake.is_under_way() {
            let cause = Blame::overriding(&self.situation(handshake)).unwrap_or(Cause::Network);
            self.blame.spend(seg.time, cause);
            self.zero.get_or_insert_default()[x].begin(seg.time);
        }
    }

    /// Whether the window of end `x` is closed.
    pub(super) fn is_closed(&self, x: usize) -> bool {
        self.zero.as_ref().is_some_and(|z| z[x].lasts())
    }

    pub(super) fn end_zero(&mut self, x: usize, now: Time) {
        if let Some(zero) = self.zero.as_mut() {
            zero[x].end(now);
        }
    }

    /// Times in which the window of end `x` was closed.
    pub fn zero(&self, x: usize) -> Pauses {
        self.zero.as_ref().map(|z| z[x]).unwrap_or_default()
    }
}

crate::pack::pack_fields!(Pauses { since, count, total, longest });
crate::pack::pack_fields!(Gap { start, length, probes, ended });
crate::pack::pack_fields!(Gaps { last, probes, seen });
crate::pack::pack_fields!(Seen { count, total, longest });

impl crate::pack::Item for Gap {}
