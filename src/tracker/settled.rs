//! Connections that are settled: both ends have been closed for so long that no segment of them is still to come, and what
//! became of them no longer depends on when it is asked.

use super::case::{Notes, Scratch};
use super::kept::How;
use super::profile::Profile;
use super::state::State;
use super::table::Tracker;
use super::verdict::Weighing;
use crate::time::{Span, Time};

/// How long after the last timer a segment may still come: for delay on the way, and clocks that do not quite agree.
const LATE: Span = Span::secs(2);

/// Where it is found out: made once, and used for one connection after the other.
pub struct Desk<N> {
    scratch: Scratch<N>,
    weighing: Weighing,
}

impl<N: Notes> Default for Desk<N> {
    fn default() -> Desk<N> {
        Desk { scratch: Scratch::default(), weighing: Weighing::default() }
    }
}

/// How long after its latest segment a connection is settled, if both ends are closed.
fn after(profile: &Profile) -> Span {
    Span(profile.two_msl.0.saturating_add(LATE.0))
}

/// Whether a connection can be settled that began and ended within this time.
pub fn within(span: Span, profile: &Profile) -> bool {
    span >= after(profile)
}

impl<N: Notes> Tracker<N> {
    /// Whether connection `i` is settled at `now`. A four-tuple is free for another connection after 2MSL (RFC 9293 §3.4.1);
    /// until then, and a little longer, nothing may have come of it.
    pub fn is_settled(&self, i: usize, now: Time, profile: &Profile, desk: &mut Desk<N>) -> bool {
        let least = after(profile);
        let head = &self.store.heads[i];
        match head.state.how() {
            How::Tape if head.tape.quiet(now) < least => return false,
            How::Tape if head.tape.is_closed() => return true,
            How::Record(slot) if now - self.store.records[slot].connection.last < least => return false,
            How::Packed(_) if now - self.connection(i).last < least => return false,
            _ => {}
        }
        let Desk { scratch, weighing } = desk;
        let c = &self.look(i, scratch).connection;
        c.parked.is_none() && c.weigh(now, profile, weighing).iter().all(|verdict| verdict.state() == State::Closed)
    }

    /// Lets go of the segments of connection `i`, if they are only written down, when no more come of any.
    pub fn release(&mut self, i: usize) {
        let head = &mut self.store.heads[i];
        if matches!(head.state.how(), How::Tape) {
            head.tape.release(&mut self.store.rows);
        }
    }
}
