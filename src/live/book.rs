//! Each connection as it was last shown, and when it is worth another look.
//!
//! A look asks the tracker for both histories and compares them with what was shown. A segment that can change a
//! history makes its connection due at once; silence does after a while, and after ever longer whiles.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::report::Severity;
use crate::time::{Span, Time};
use crate::tracker::log::Step;
use crate::tracker::{Connection, Profile, State, Verdict};

/// Silence tells something after this time at the earliest.
const SOON: Span = Span::millis(250);
/// Between two looks at most.
const RARELY: Span = Span::secs(30);

/// One end as last shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: Time,
    /// The states entered, four bits each, the first in the lowest; the latest sixteen count.
    path: u64,
    /// How many states were entered.
    len: u8,
}

/// How a history differs from what was shown.
pub(super) struct Change {
    /// What was shown wrongly was never left.
    pub(super) back_to: Option<State>,
    /// How many steps at the end of the history are new.
    pub(super) new: usize,
}

impl Shown {
    fn new(time: Time) -> Shown {
        Shown { state: State::Closed, since: time, path: 0, len: 0 }
    }

    /// Compares with `steps`, and takes them over.
    pub(super) fn update(&mut self, steps: &[Step]) -> Change {
        const KEPT: usize = 16;
        let at = |i: usize| (i < KEPT).then(|| (self.path >> (4 * i)) as usize & 15);
        let shown = usize::from(self.len);
        let same = (0..shown.min(steps.len()))
            .take_while(|i| at(*i).is_none_or(|state| state == steps[*i].rule.to as usize))
            .count();
        let back_to = (same < shown).then(|| match same.checked_sub(1) {
            Some(last) => steps[last].rule.to,
            None => State::Closed,
        });
        self.path = steps.iter().take(KEPT).enumerate().fold(0, |path, (i, s)| path | (s.rule.to as u64) << (4 * i));
        self.len = steps.len().min(usize::from(u8::MAX)) as u8;
        if let Some(last) = steps.last() {
            (self.state, self.since) = (last.rule.to, last.at);
        } else {
            self.state = State::Closed;
        }
        Change { back_to, new: steps.len().saturating_sub(same) }
    }
}

/// One connection, in the order of the tracker's.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Counted from 1 in the order in which they began.
    pub(super) id: u64,
    /// Its ends, in the order of the tracker's sockets.
    pub(super) ends: [Shown; 2],
    /// Which of them is the client.
    pub(super) client: usize,
    /// It passes the filter, and is counted.
    pub(super) matches: bool,
    /// It waits in the list of those to be looked at.
    pub(super) dirty: bool,
    /// Plain data and acknowledgments change nothing.
    pub(super) settled: bool,
    /// Silence changes nothing but what a timer ends.
    calm: bool,
    /// Both ends are closed.
    pub(super) over: bool,
    /// It waits to be told as a whole.
    pub(super) waiting: bool,
    /// It was told as a whole.
    pub(super) told: bool,
    /// Its handshake was measured.
    timed: bool,
    /// The worst that is found about it.
    pub(super) severity: Option<Severity>,
    /// Capture time of its last segment.
    pub(super) last: Time,
    /// Payload bytes of both ends.
    pub(super) bytes: u64,
    /// When it is to be looked at next.
    look: Time,
}

impl Entry {
    pub(super) fn states(&self) -> [State; 2] {
        self.ends.map(|end| end.state)
    }

    /// Takes note of what a look has shown.
    pub(super) fn judge(&mut self, c: &Connection, verdicts: &[Verdict; 2], now: Time) {
        /// After this silence a doubt that is left will stay.
        const STEADY: Span = Span::secs(5);
        let sure = verdicts.iter().all(|v| v.possible.len() == 1);
        let states = self.states();
        let resting = |s: &State| matches!(s, State::Established | State::CloseWait | State::FinWait2);
        self.settled = sure && states.iter().all(resting);
        // Only a timer that runs out is still to come.
        self.calm = sure && states.iter().all(|s| resting(s) || matches!(s, State::TimeWait | State::Closed));
        self.over = states == [State::Closed; 2] && (sure || now - c.last > STEADY);
    }

    /// How long its handshake took in all, the first time that it is known.
    pub(super) fn new_handshake(&mut self, c: &Connection) -> Option<Span> {
        let (Some(to_answer), Some(to_ack)) = c.handshake_times() else { return None };
        let new = !self.timed;
        self.timed = true;
        new.then(|| Span(to_answer.0.saturating_add(to_ack.0)))
    }
}

/// All connections as last shown.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) entries: Vec<Entry>,
    looks: BinaryHeap<Reverse<(Time, u64)>>,
    begun: u64,
}

impl Book {
    /// How many there were so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Has an entry for connection `index`, which began at `time`.
    pub(super) fn entry(&mut self, index: usize, time: Time) -> &mut Entry {
        while self.entries.len() <= index {
            self.begun += 1;
            self.entries.push(Entry {
                id: self.begun,
                ends: [Shown::new(time); 2],
                client: 0,
                matches: true,
                dirty: false,
                settled: false,
                calm: false,
                over: false,
                waiting: false,
                told: false,
                timed: false,
                severity: None,
                last: time,
                bytes: 0,
                look: Time(i64::MAX),
            });
        }
        &mut self.entries[index]
    }

    /// Where connection number `id` is, if it was not forgotten.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    /// Decides when connection `index` is worth another look.
    pub(super) fn plan(&mut self, index: usize, c: &Connection, now: Time, profile: &Profile) {
        let entry = &mut self.entries[index];
        if entry.settled || (entry.over && (entry.told || entry.waiting)) {
            entry.look = Time(i64::MAX);
            return;
        }
        let silent = (now - c.last).0.clamp(SOON.0, RARELY.0);
        let mut next = now + Span(silent);
        let mut timer = None;
        for end in &entry.ends {
            let expiry = match end.state {
                State::TimeWait => c.last + profile.two_msl,
                State::SynSent => end.since + profile.syn_sent,
                State::SynRcvd => end.since + profile.syn_rcvd,
                _ => continue,
            };
            if expiry > now {
                next = next.min(expiry);
                timer = Some(timer.map_or(expiry, |t: Time| t.min(expiry)));
            }
        }
        if let Some(timer) = timer.filter(|_| entry.calm) {
            next = timer;
        }
        if entry.look > next || entry.look <= now {
            entry.look = next;
            self.looks.push(Reverse((next, entry.id)));
            self.tidy();
        }
    }

    /// Lets go of looks that were planned anew since, when there are many of them.
    fn tidy(&mut self) {
        if self.looks.len() > 4 * self.entries.len() + 1_000 {
            let entries = &self.entries;
            self.looks.retain(|Reverse((time, id))| {
                entries.binary_search_by_key(id, |e| e.id).is_ok_and(|i| entries[i].look == *time)
            });
        }
    }

    /// A connection that is due by `now`.
    pub(super) fn due(&mut self, now: Time) -> Option<usize> {
        while let Some(Reverse((time, id))) = self.looks.peek().copied() {
            if time > now {
                return None;
            }
            self.looks.pop();
            // Forgotten, or planned anew in the meantime.
            if let Some(index) = self.find(id).filter(|i| self.entries[*i].look == time) {
                return Some(index);
            }
        }
        None
    }

    /// Forgets those that `keep` does not want, by index.
    pub(super) fn evict(&mut self, keep: &[bool]) {
        let mut i = 0;
        self.entries.retain(|_| {
            i += 1;
            keep[i - 1]
        });
        let entries = &self.entries;
        self.looks.retain(|Reverse((_, id))| entries.binary_search_by_key(id, |e| e.id).is_ok());
    }
}
