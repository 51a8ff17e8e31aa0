//! Time in each state, with bounds where the time of entering or leaving is not certain.
//!
//! What an end sent dates its own transition. What it received it had received by the time it sent what proves it: the
//! transition lies between the arrival of the cause and the departure of the proof. An unproven receipt may have happened
//! at any time up to the end's next transition, or never; unless silence speaks for it, as a sender repeats a SYN,ACK or
//! FIN that it does not see acknowledged. All are times of the endpoint, as the verdict estimates them.

use smallvec::SmallVec;

use crate::time::{Span, Time};
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
    let steps = &verdict.steps;
    let mut latest = SmallVec::from_elem(end, steps.len());
    let mut next = end;
    for (step, latest) in steps.iter().zip(&mut latest).rev() {
        let mark = &step.mark;
        let by = match mark.evidence {
            Evidence::Confirmed => {
                let way = (step.at - mark.time).0.saturating_abs();
                proofs.iter().find(|(p, _)| *p == mark.proof).map_or(step.at, |(_, t)| *t - Span(way))
            }
            // Nothing else is possible at the end: silence has decided, and it did so by this time.
            Evidence::Inferred if verdict.possible.len() == 1 => next.min(step.at + SILENCE),
            Evidence::Inferred => next,
            Evidence::Sent | Evidence::Assumed | Evidence::Timer => step.at,
        };
        next = by.min(next).max(step.at);
        *latest = next;
    }
    latest
}

/// Gives the stays of one end, from its history up to `end`, the end of the capture.
pub fn stays(verdict: &Verdict, proofs: &[(u64, Time)], end: Time, mut take: impl FnMut(&Stay)) {
    let steps = &verdict.steps;
    let latest = latest(verdict, proofs, end);
    for (i, (step, late)) in steps.iter().zip(&latest).enumerate() {
        let state = step.rule.to;
        if state == State::Closed {
            continue;
        }
        let entry = [step.at, *late];
        let following = steps.get(i + 1).zip(latest.get(i + 1));
        let exit = following.map_or([end.max(entry[1]); 2], |(s, late)| [s.at, *late]);
        let midstream = i == 0 && step.mark.packet == 0 && step.mark.evidence == Evidence::Assumed;
        take(&Stay {
            state,
            span: (exit[0] - entry[0]).max(Span(0)),
            low: (exit[0] - entry[1]).max(Span(0)),
            high: (exit[1] - entry[0]).max(Span(0)),
            open: following.is_none() || midstream,
            modelled: following.is_some_and(|(s, _)| s.mark.evidence == Evidence::Timer),
        });
    }
}
