//! Segments in flight, and what is known of those that were sent again: which acknowledgment gives a sample of which.

use super::pause::Pauses;
use crate::pack::Renew;
use crate::segment::Segment;
use crate::time::{Span, Time};

/// A segment that is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub time: Time,
    pub start: u32,
    pub end: u32,
    pub tsval: u32,
    pub stamped: bool,
    pub again: bool,
}

impl Sent {
    #[inline(always)]
    pub fn of(seg: &Segment) -> Sent {
        let (stamped, tsval) = seg.options.timestamps.map_or((false, 0), |t| (true, t.value));
        Sent { time: seg.time, start: seg.seq, end: seg.end(), tsval, stamped, again: false }
    }

    pub fn tsval(&self) -> Option<u32> {
        self.stamped.then_some(self.tsval)
    }
}

/// The latest segment that was sent again, or late, and is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repair {
    pub time: Time,
    /// The lowest sequence number of all repaired since everything repaired was acknowledged.
    pub start: u32,
    /// The highest.
    pub end: u32,
    pub tsval: Option<u32>,
}

/// What few streams need: something was lost, or came late.
#[derive(Clone, Debug, Default)]
pub(super) struct Loss {
    pub repair: Option<Repair>,
    /// The right edge of the highest SACK block.
    pub sacked: Option<u32>,
    pub stalls: Pauses,
    pub excluded: u32,
    pub rescued: u32,
    /// The latest sample that is known to have taken long; 0 if there was none.
    pub slow: Span,
}

impl Renew for Loss {}

impl Loss {
    /// The sample that the acknowledgment `seg` of `sent` gives, if it gives one.
    pub fn sample(&mut self, sent: &Sent, seg: &Segment) -> Option<Span> {
        let first = seg.time - sent.time;
        let late = self.repair.is_some_and(|r| r.time > sent.time && after(sent.start, r.start));
        let held = self.sacked.is_some_and(|edge| !after(sent.end, edge));
        if !sent.again && !late && !held {
            return Some(first);
        }
        if sent.again
            && let (Some(echo), Some(one)) = (seg.options.timestamps.map(|t| t.echo), sent.tsval())
            && let Some(Repair { time, tsval: Some(two), .. }) = self.repair
            && one != two
        {
            let span = match echo {
                e if e == one && !late && !held => Some(first),
                e if e == two => Some(seg.time - time),
                _ => None,
            };
            if span.is_some() {
                self.rescued = self.rescued.saturating_add(1);
                return span;
            }
        }
        self.excluded = self.excluded.saturating_add(1);
        None
    }
}

pub(super) fn after(a: u32, b: u32) -> bool {
    (b.wrapping_sub(a) as i32) < 0
}

crate::pack::pack_fields!(Sent { time, start, end, tsval, stamped, again });
crate::pack::pack_fields!(Repair { time, start, end, tsval });
crate::pack::pack_fields!(Loss { repair, sacked, stalls, excluded, rescued, slow });

impl crate::pack::Item for Sent {}
