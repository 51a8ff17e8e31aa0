//! Time in each state, with bounds where the time of entering or leaving is not certain.
//!
//! What an end sent dates its own transition. What it received it had received by the time it sent what proves it: the
//! transition lies between the arrival of the cause and the departure of the proof. An unproven receipt may have happened
//! at any time up to the end's next transition, or never; unless silence speaks for it, as a sender repeats a SYN,ACK or
//! FIN that it does not see acknowledged. All are times of the endpoint, as the verdict estimates them.

use smallvec::SmallVec;

use crate::time::{Span, Time};
use crate::tracker::log::Step;
use crate::tracker::rules::Event;
use crate::tracker::{Evidence, State, Verdict};

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
    /// At most so long; meaningless for one that is `open`.
    pub high: Span,
    /// It lasted when the capture ended, or before it began.
    pub open: bool,
    /// A timer that is modelled ended it.
    pub modelled: bool,
}

/// The latest moment at which each state of a history can have been entered, by the packets that prove it
/// ([`Measured::proofs`](super::Measured::proofs)); `end` is the end of the capture.
pub fn latest(verdict: &Verdict, proofs: &[(u64, Time)], end: Time) -> SmallVec<[Time; 8]> {
    let settled = is_settled(verdict);
    let mut latest = SmallVec::from_elem(end, verdict.steps.len());
    let mut next = end;
    for (step, latest) in verdict.steps.iter().zip(&mut latest).rev() {
        next = entered_by(step, next, settled, proofs);
        *latest = next;
    }
    latest
}

/// Whether at the end there is no doubt about the steps: an end may still be gone since, but in no state that it is taken to have
/// left.
#[inline]
fn is_settled(verdict: &Verdict) -> bool {
    let possible = verdict.possible;
    possible.len() == 1
        || verdict.steps.iter().all(|step| step.rule.from == State::Closed || !possible.has(step.rule.from))
}

/// The latest moment at which `step` can have been taken, the one after it being taken at `next` at the latest; `settled` if
/// there is no doubt at the end that it was taken.
#[inline]
fn entered_by(step: &Step, next: Time, settled: bool, proofs: &[(u64, Time)]) -> Time {
    let mark = &step.mark;
    let by = match mark.evidence {
        Evidence::Confirmed => {
            let way = (step.at - mark.time).0.saturating_abs();
            proofs.iter().find(|(p, _)| *p == mark.proof).map_or(step.at, |(_, t)| *t - Span(way))
        }
        // Silence has decided, and it did so by this time.
        Evidence::Inferred if settled => next.min(step.at + SILENCE),
        Evidence::Inferred => next,
        Evidence::Sent | Evidence::Assumed | Evidence::Timer => step.at,
    };
    by.min(next).max(step.at)
}

/// The earliest moment at which step `i` can have been taken: where what made the end take it was not captured, and only what
/// came afterwards shows it, after the last step of which that is not so.
#[inline]
fn entered_from(steps: &[Step], i: usize) -> Time {
    if i > 0 && is_unseen(&steps[i]) { entered_unseen(steps, i) } else { steps[i].at }
}

#[cold]
fn entered_unseen(steps: &[Step], i: usize) -> Time {
    let known = steps[..i].iter().rposition(|step| !is_unseen(step)).unwrap_or(0);
    steps[known].at.min(steps[i].at)
}

fn is_unseen(step: &Step) -> bool {
    match step.mark.evidence {
        Evidence::Assumed => true,
        Evidence::Sent => !matches!(step.mark.event, Event::SndSyn | Event::SndSynAck | Event::SndFin | Event::SndRst),
        Evidence::Confirmed | Evidence::Inferred | Evidence::Timer => false,
    }
}

/// Gives the stays of one end, the last one first, from its history up to `end`, the end of the capture.
#[inline]
pub fn stays(verdict: &Verdict, proofs: &[(u64, Time)], end: Time, mut take: impl FnMut(&Stay)) {
    let steps = verdict.steps.as_slice();
    let settled = is_settled(verdict);
    let mut following: Option<(&Step, [Time; 2])> = None;
    for (i, step) in steps.iter().enumerate().rev() {
        let late = entered_by(step, following.map_or(end, |(_, [_, late])| late), settled, proofs);
        let early = entered_from(steps, i);
        let after = following.replace((step, [early, late]));
        let state = step.rule.to;
        if state == State::Closed {
            continue;
        }
        let until = after.map_or(end.max(late), |(next, _)| next.at);
        let exit = after.map_or([until; 2], |(_, bounds)| bounds);
        let midstream = i == 0 && step.mark.packet == 0 && step.mark.evidence == Evidence::Assumed;
        take(&Stay {
            state,
            span: (until - step.at).max(Span(0)),
            low: (exit[0] - late).max(Span(0)),
            high: (exit[1] - early).max(Span(0)),
            open: after.is_none() || midstream,
            modelled: after.is_some_and(|(next, _)| next.mark.evidence == Evidence::Timer),
        });
    }
}
