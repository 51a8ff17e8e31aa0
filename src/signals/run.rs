//! A run of segments that go on, noted at once.

use super::end::Unanswered;
use super::{End, Signals};
use crate::segment::Segment;
use crate::time::Span;
use crate::tracker::run::Run;
use crate::tracker::sequence::after;

impl Signals {
    /// Takes note of a run of end `x` behind a segment noted by [`Signals::take_steady`]: what that comes to for each of it.
    #[inline]
    pub fn take_run(&mut self, x: usize, run: &Run<'_>) {
        let (x, advances) = (x & 1, !run.is_payload());
        self.longest_idle = self.longest_idle.max(run.pause);
        self.last = run.last.time;
        let holes = self.cold.as_ref().is_some_and(|cold| !cold.holes[1 - x].is_empty());
        if holes || !self.ends[1 - x].started {
            return run.all().iter().for_each(|seg| self.note_usual(x, advances, seg, Span(0)));
        }
        let own = &mut self.ends[x];
        own.note_orders(run.but_last());
        if run.is_payload() {
            own.note_run(run, &mut self.waiting);
        }
        self.note_usual(x, advances, run.last, Span(0));
    }
}

impl End {
    /// Notes the sender's clock and counter in all of these, which are not the last.
    fn note_orders(&mut self, all: &[&Segment]) {
        if !self.stamped {
            return all.iter().for_each(|seg| _ = self.note_order(seg));
        }
        // Held apart, so that they need not be in memory.
        let (mut stamp, mut id) = (self.last_stamp, self.last_ip_id);
        for seg in all {
            let value = seg.options.timestamps.map_or(stamp, |now| now.value);
            let is_later = if value == stamp {
                seg.ip_id.wrapping_sub(id) as i16 > 0 && seg.ip_id != 0
            } else {
                after(value, stamp)
            };
            stamp = if is_later { value } else { stamp };
            id = if is_later || id == 0 { seg.ip_id } else { id };
        }
        (self.last_stamp, self.last_ip_id) = (stamp, id);
    }

    /// Its stream continues with all of a run, the last of which is noted besides.
    fn note_run(&mut self, run: &Run<'_>, waiting: &mut Unanswered) {
        let more = u8::try_from(run.but_last().len()).unwrap_or(u8::MAX);
        waiting.content = waiting.content.saturating_add(more);
        waiting.data = waiting.data.saturating_add(more);
        self.largest = self.largest.max(run.largest.min(u16::MAX.into()) as u16);
    }
}
