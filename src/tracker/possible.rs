//! Where an end may be at a given time, beside where its history says it is: by beliefs that nothing proves or disproves, and
//! by what the capture did not show.

use smallvec::SmallVec;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::log::Tail;
use super::mark::Mark;
use super::profile::Profile;
use super::reset::RESET;
use super::scale::Scale;
use super::sequence::before;
use super::state::{State, States};
use super::timers;
use crate::time::{Span, Time};

/// An end that has been silent for this long may be gone without the capture showing it.
const SILENCE: Span = Span::secs(3);

impl Connection {
    /// Where every combination of what may be and what may not (`open`) leads end `e` from one `start`.
    pub(super) fn combined(
        &self,
        e: usize,
        scale: &Scale<'_>,
        open: &[Mark],
        start: Option<Mark>,
        end: Time,
        profile: &Profile,
    ) -> States {
        // Each with the choices in which it happened; 0 for all.
        let mut all: SmallVec<[(u32, &Mark); 10]> = SmallVec::new();
        all.extend(scale.marks().iter().filter(|m| !open.iter().any(|o| o.event == m.event)).map(|m| (0, m)));
        all.extend(open.iter().enumerate().map(|(i, m)| (1 << i, m)));
        if !all.is_sorted_by_key(|(_, m)| m.key()) {
            all.sort_by_key(|(_, m)| m.key());
        }
        let mut possible = States::EMPTY;
        // The last FIN may have begun the wait anew, its acknowledgment not captured.
        let repeated = self.ends[1 - e].last_fin.is_some_and(|f| f.time + profile.two_msl > end);
        for choice in 0..1_u32 << open.len() {
            let happened = all.iter().filter(|(when, _)| *when == 0 || choice & when != 0).map(|(_, m)| *m);
            let tail = Tail::of(start.iter().chain(happened));
            let timer = timers::expired(self.ends[e].last_sent(), &tail, end, profile);
            possible = possible.with(if timer.is_some() { State::Closed } else { tail.state() });
            if tail.state() == State::TimeWait && (repeated || timer.is_some_and(|t| timers::may_last(&t, end))) {
                possible = possible.with(State::TimeWait);
            }
        }
        possible
    }

    /// Where end `e`, which may be in the states `possible`, may be by what the capture did not show.
    pub(super) fn unseen_endings(&self, e: usize, possible: States, end: Time, profile: &Profile) -> States {
        self.lost_endings(e, possible, end).union(self.earlier_closes(e, end, profile))
    }

    /// Where it is by a close from before the capture of which all that is left is an acknowledgment of either end, or of one.
    fn earlier_closes(&self, e: usize, end: Time, profile: &Profile) -> States {
        // What lacks a number answers a keepalive.
        let bare = |end: &Endpoint| {
            end.packets <= 1
                && end.bytes == 0
                && end.fin.or(end.unseen_fin().map(|u| u.end)).is_none()
                && !end.log.has_any(RESET)
        };
        if self.opening_seen() || self.is_reset_only() || !self.ends.iter().all(bare) {
            return States::EMPTY;
        }
        let own = &self.ends[e];
        let waits = States::of(&[State::TimeWait, if own.packets == 0 { State::LastAck } else { State::Closing }]);
        let over = own.last.is_none_or(|last| last.time + profile.two_msl < end);
        if over { waits.with(State::Closed) } else { waits }
    }

    /// Where it is by segments that were lost, or not captured.
    fn lost_endings(&self, e: usize, possible: States, end: Time) -> States {
        const OPEN: States = States::of(&[State::Established, State::CloseWait, State::FinWait2]);
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        if own.packets == 0 || peer.packets == 0 {
            // One direction only: the other's FIN or RST may have been there.
            let closing = own.fin.or(peer.fin).is_some();
            return States::of(if closing {
                &[State::Closed, State::FinWait2, State::TimeWait]
            } else {
                &[State::Closed]
            });
        }
        // An end far from the tap that has been silent for long may have given up or died, its last words lost.
        let silent = own.last.is_none_or(|t| end - t.time > SILENCE);
        let far = !self.is_near(e) && !possible.intersection(OPEN).is_empty();
        if silent && (far || own.fins == 1 && own.last_fin.is_some_and(|fin| self.is_fin_lost(e, fin.time))) {
            return self.held_closes(e, possible).with(State::Closed);
        }
        self.held_closes(e, possible)
    }

    /// Where end `e`, which may be in the states `now`, is by a close that nothing shows yet: its FIN waits (RFC 9293 §3.10.4)
    /// behind data that it repeats in vain, or for which its peer has no window.
    fn held_closes(&self, e: usize, now: States) -> States {
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        let stalled = own.unanswered > 0 && own.acked.is_some_and(|acked| before(acked, own.next));
        if own.fin.is_some() || !stalled && !own.has_no_window(peer) {
            return States::EMPTY;
        }
        let to = |from, to| if now.has(from) { States::of(&[to]) } else { States::EMPTY };
        to(State::Established, State::FinWait1).union(to(State::CloseWait, State::LastAck))
    }
}
