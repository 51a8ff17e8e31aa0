//! Time in each state, with bounds where the time of entering or leaving is not certain.
//!
//! What an end sent dates its own transition. What it received it had received by the time it sent what proves it: the
//! transition lies between the arrival of the cause and the departure of the proof. An unproven receipt may have happened
//! at any time up to the end's next transition, or never; unless silence speaks for it, as a sender repeats a SYN,ACK or
//! FIN that it does not see acknowledged. All are times of the endpoint, as the verdict estimates them.

use crate::time::{Span, Time};
use crate::tracker::log::Step;
use crate::tracker::mark::Mark;
use crate::tracker::rules::Event;
use crate::tracker::{Evidence, State, Textbook, Verdict, textbook};

/// A sender that has not seen its SYN,ACK or FIN acknowledged repeats it within this time (RFC 6298 §2: 1 s to begin
/// with, and room).
const SILENCE: Span = Span::millis(1_500);

/// One time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Which.
    pub state: State,
    /// From one transition to the next; up to the end of the capture if it lasted.
    pub span: Span,
    /// At least so long.
    pub low: Span,
    /// At most so long; both meaningless for one that is `open`.
    pub high: Span,
    /// It lasted when the capture ended, or before it began.
    pub open: bool,
    /// A timer that is modelled ended it.
    pub modelled: bool,
}

/// Gives the place of each step of a history and the latest moment at which it can have been taken, the last one first, by
/// the packets that prove them ([`Measured::proofs`](super::Measured::proofs)); `end` is the end of the capture.
#[inline]
pub fn latest(verdict: &Verdict, proofs: &[(u64, Time)], end: Time, mut take: impl FnMut(usize, Time)) {
    let (mut history, mut next) = (History::of(verdict, proofs), end);
    for i in (0..verdict.steps.len()).rev() {
        next = history.entered(i, next).late;
        take(i, next);
    }
}

/// What [`latest`] comes to for end `e` of a textbook connection, whose ends entered their states so, but for the end of
/// TIME_WAIT, of which there is no doubt.
#[inline(always)]
pub fn latest_by_the_book(e: usize, book: &Textbook, entered: &textbook::Entered, end: Time) -> [Time; 5] {
    let (at, closes) = (entered.at[e & 1], entered.closer() == e & 1);
    let (mut grounds, mut next) = (book.grounds(e, entered), end);
    if !closes {
        // Silence decides about the last acknowledgment.
        let until = if book.may_repeat_fin(end) { end } else { at[4] + SILENCE };
        grounds[4] = (at[4], until);
    } else if let Some((over, _)) = entered.over {
        next = over;
    }
    let mut late = at;
    for i in (0..5).rev() {
        let (captured, proof) = grounds[i];
        let latest = proof - Span((at[i] - captured).0.saturating_abs());
        next = latest.min(next).max(at[i]);
        late[i] = next;
    }
    late
}

/// Whether at the end there is no doubt about the steps: an end may still be gone since, but in no state that it is taken to have
/// left.
#[inline]
fn is_settled(verdict: &Verdict) -> bool {
    let possible = verdict.possible;
    possible.len() == 1
        || verdict.steps.iter().all(|step| step.rule.from == State::Closed || !possible.has(step.rule.from))
}

/// When a state was entered.
#[derive(Clone, Copy)]
struct Entered {
    /// As the history dates it.
    at: Time,
    /// The earliest and the latest moment at which it can have been.
    early: Time,
    late: Time,
}

/// A history that is gone through from its last step on.
struct History<'a> {
    steps: &'a [Step],
    /// There is no doubt at the end that its steps were taken.
    settled: bool,
    /// Packets that prove receipts, in order.
    proofs: &'a [(u64, Time)],
    /// Those up to the one that was asked for last.
    before: &'a [(u64, Time)],
}

impl<'a> History<'a> {
    fn of(verdict: &'a Verdict, proofs: &'a [(u64, Time)]) -> History<'a> {
        History { steps: &verdict.steps, settled: is_settled(verdict), proofs, before: proofs }
    }

    /// When step `i` was taken, the one after it being taken at `next` at the latest.
    #[inline(always)]
    fn entered(&mut self, i: usize, next: Time) -> Entered {
        let Step { at, mark, .. } = &self.steps[i];
        let exactly = Entered { at: *at, early: *at, late: *at };
        let by = |latest: Time| Entered { late: latest.min(next).max(*at), ..exactly };
        // Asked one after the other: which one it is, is foreseen better so than where to jump.
        if mark.evidence == Evidence::Confirmed {
            let way = (*at - mark.time).0.saturating_abs();
            by(self.captured(mark.proof).map_or(*at, |proof| proof - Span(way)))
        } else if mark.evidence == Evidence::Inferred {
            // Silence has decided, and it did so by this time.
            by(if self.settled { *at + SILENCE } else { next })
        } else if mark.evidence != Evidence::Timer && i > 0 && is_unseen(mark) {
            Entered { early: entered_unseen(self.steps, i), ..exactly }
        } else {
            exactly
        }
    }

    /// When a packet that proves a receipt was captured, if it is known. Mostly it is the one that was asked for before, or
    /// the one before that.
    #[inline]
    fn captured(&mut self, packet: u64) -> Option<Time> {
        while let [before @ .., (number, time)] = self.before
            && *number >= packet
        {
            if *number == packet {
                return Some(*time);
            }
            self.before = before;
        }
        self.captured_anywhere(packet)
    }

    #[cold]
    fn captured_anywhere(&self, packet: u64) -> Option<Time> {
        self.proofs.iter().find(|(number, _)| *number == packet).map(|(_, time)| *time)
    }
}

/// The earliest moment at which step `i`, of which only what came afterwards shows what made the end take it, can have been
/// taken: after the last step of which that is not so.
#[cold]
fn entered_unseen(steps: &[Step], i: usize) -> Time {
    let known = steps[..i].iter().rposition(|step| !is_unseen(&step.mark)).unwrap_or(0);
    steps[known].at.min(steps[i].at)
}

/// Whether what made an end take a step was not captured.
#[inline]
fn is_unseen(mark: &Mark) -> bool {
    match mark.evidence {
        Evidence::Assumed => true,
        Evidence::Sent => !matches!(mark.event, Event::SndSyn | Event::SndSynAck | Event::SndFin | Event::SndRst),
        Evidence::Confirmed | Evidence::Inferred | Evidence::Timer => false,
    }
}

/// Gives the stays of one end, the last one first, from its history up to `end`, the end of the capture.
#[inline]
pub fn stays(verdict: &Verdict, proofs: &[(u64, Time)], end: Time, mut take: impl FnMut(Stay)) {
    let mut history = History::of(verdict, proofs);
    // What follows: after the last step, the end of the capture.
    let (mut next, mut open, mut modelled) = (Entered { at: end, early: end, late: end }, true, false);
    for i in (0..history.steps.len()).rev() {
        let Step { mark, rule, .. } = &history.steps[i];
        let now = history.entered(i, next.late);
        if rule.to != State::Closed {
            take(Stay {
                state: rule.to,
                span: between(now.at, next.at),
                low: between(now.late, next.early),
                high: between(now.early, next.late),
                open: open || i == 0 && is_midstream(mark),
                modelled,
            });
        }
        (next, open, modelled) = (now, false, mark.evidence == Evidence::Timer);
    }
}

/// The same without bounds.
#[inline]
pub fn spans(verdict: &Verdict, end: Time, mut take: impl FnMut(Stay)) {
    let (mut next, mut open, mut modelled) = (end, true, false);
    for (i, Step { at, mark, rule, .. }) in verdict.steps.iter().enumerate().rev() {
        if rule.to != State::Closed {
            let (state, span, open) = (rule.to, between(*at, next), open || i == 0 && is_midstream(mark));
            take(Stay { state, span, low: span, high: span, open, modelled });
        }
        (next, open, modelled) = (*at, false, mark.evidence == Evidence::Timer);
    }
}

/// Whether the first step of a history is one that was taken before the capture began.
#[inline]
fn is_midstream(mark: &Mark) -> bool {
    mark.packet == 0 && mark.evidence == Evidence::Assumed
}

/// From one time to another that is not before it; nothing if it is.
#[inline]
pub(super) fn between(from: Time, until: Time) -> Span {
    // Without a sign it is always exact.
    let span = until.0.max(from.0).wrapping_sub(from.0) as u64;
    Span(span.min(i64::MAX as u64) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_two_times_is_never_negative() {
        for (from, until) in
            [(0, 0), (3, 5), (5, 3), (-7, 7), (i64::MIN, 0), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)]
        {
            assert_eq!(between(Time(from), Time(until)), (Time(until) - Time(from)).max(Span(0)), "{from} to {until}");
        }
    }

    #[test]
    fn a_proof_is_found_wherever_it_is() {
        let proofs: Vec<(u64, Time)> = [3, 5, 8, 13].map(|packet| (packet, Time(packet as i64))).to_vec();
        let verdict = Verdict::default();
        for asked in [[13, 8, 5, 3], [8, 8, 3, 5], [4, 13, 14, 3], [3, 13, 0, 8]] {
            let mut history = History::of(&verdict, &proofs);
            for packet in asked {
                let expected = proofs.iter().find(|(number, _)| *number == packet).map(|(_, time)| *time);
                assert_eq!(history.captured(packet), expected, "{packet} of {asked:?}");
            }
        }
    }
}
