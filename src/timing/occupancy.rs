//! Time in each state, with bounds where the time of entering or leaving is not certain.
//!
//! What an end sent dates its own transition. What it received it had received by the time it sent what proves it: the
//! transition lies between the arrival of the cause and the departure of the proof. An unproven receipt may have happened
//! at any time up to the end's next transition, or never; unless silence speaks for it, as a sender repeats a SYN,ACK or
//! FIN that it does not see acknowledged. All are times of the endpoint, as the verdict estimates them.

use super::flow::Measured;
use super::quantile::{GROUP, Quantiles};
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

impl Stay {
    /// Whether its bounds differ.
    pub fn is_uncertain(&self) -> bool {
        self.low != self.high
    }
}

/// The latest moment at which each state of a history can have been entered; `end` is the end of the capture.
pub fn latest(verdict: &Verdict, measured: &Measured, end: Time) -> Vec<Time> {
    let steps = &verdict.steps;
    let mut latest: Vec<Time> = Vec::with_capacity(steps.len());
    let mut next = end;
    for step in steps.iter().rev() {
        let mark = &step.mark;
        let by = match mark.evidence {
            Evidence::Confirmed => {
                let way = (step.at - mark.time).0.saturating_abs();
                measured.proof(mark.proof).map_or(step.at, |t| t - Span(way))
            }
            // Nothing else is possible at the end: silence has decided, and it did so by this time.
            Evidence::Inferred if verdict.possible.len() == 1 => next.min(step.at + SILENCE),
            Evidence::Inferred => next,
            Evidence::Sent | Evidence::Assumed | Evidence::Timer => step.at,
        };
        next = by.min(next).max(step.at);
        latest.push(next);
    }
    latest.reverse();
    latest
}

/// The stays of one end, from its history up to `end`, the end of the capture.
pub fn stays(verdict: &Verdict, measured: &Measured, end: Time) -> Vec<Stay> {
    let steps = &verdict.steps;
    let latest = latest(verdict, measured, end);
    let mut stays = Vec::with_capacity(steps.len());
    for (i, step) in steps.iter().enumerate() {
        let state = step.rule.to;
        if state == State::Closed {
            continue;
        }
        let entry = [step.at, latest[i]];
        let following = steps.get(i + 1);
        let exit = following.map_or([end.max(entry[1]); 2], |s| [s.at, latest[i + 1]]);
        let midstream = i == 0 && step.mark.packet == 0 && step.mark.evidence == Evidence::Assumed;
        stays.push(Stay {
            state,
            span: (exit[0] - entry[0]).max(Span(0)),
            low: (exit[0] - entry[1]).max(Span(0)),
            high: (exit[1] - entry[0]).max(Span(0)),
            open: following.is_none() || midstream,
            modelled: following.is_some_and(|s| s.mark.evidence == Evidence::Timer),
        });
    }
    stays
}

/// All stays in one state of the ends of one role.
#[derive(Clone, Debug)]
pub struct Occupancy {
    /// Those whose begin and end were seen.
    pub spans: Quantiles,
    /// Their lower bounds.
    pub low: Quantiles,
    /// Their upper bounds.
    pub high: Quantiles,
    /// How many have bounds that differ.
    pub uncertain: u64,
    /// How many were ended by a modelled timer.
    pub modelled: u64,
    /// Those that lasted when the capture ended or before it began; only how long they lasted at least is known.
    pub open: Quantiles,
}

impl Default for Occupancy {
    fn default() -> Occupancy {
        let new = || Quantiles::new(GROUP);
        Occupancy { spans: new(), low: new(), high: new(), uncertain: 0, modelled: 0, open: new() }
    }
}

impl Occupancy {
    /// Takes one stay.
    pub fn add(&mut self, stay: &Stay) {
        if stay.open {
            self.open.add(stay.span);
            return;
        }
        self.spans.add(stay.span);
        self.low.add(stay.low);
        self.high.add(stay.high);
        self.uncertain += u64::from(stay.is_uncertain());
        self.modelled += u64::from(stay.modelled);
    }

    /// Takes all stays of another.
    pub fn merge(&mut self, other: &Occupancy) {
        self.spans.merge(&other.spans);
        self.low.merge(&other.low);
        self.high.merge(&other.high);
        self.open.merge(&other.open);
        self.uncertain += other.uncertain;
        self.modelled += other.modelled;
    }
}
