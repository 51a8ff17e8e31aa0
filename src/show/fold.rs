//! What of a long story is left out: the middle of runs in which data flows and nothing else happens.

use super::mark::Mark;
use super::story::Line;
use crate::report::PerSide;
use crate::time::Span;

/// Lines left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many.
    pub segments: u64,
    /// Payload in them by sender, every copy counted.
    pub bytes: PerSide<u64>,
    /// How many of them were sent again, or filled a gap.
    pub repaired: u64,
    /// How often a window closed in them.
    pub zero_windows: u64,
}

/// Runs of uneventful lines at least so long lose their middle.
const RUN: usize = 12;
/// How many lines of such a run stay at its begin and at its end.
const STAY: usize = 2;

/// A pause of this length is shown: the lines around it are not left out.
const PAUSE: Span = Span::millis(200);

/// The lines to show: each `Ok`, or what is left out in its place.
pub fn fold(lines: &[Line], full: bool) -> Vec<Result<&Line, Folded>> {
    let mut shown: Vec<Result<&Line, Folded>> = Vec::new();
    for run in lines.chunk_by(|a, b| !a.is_eventful() && !b.is_eventful() && b.time - a.time < PAUSE) {
        if full || run.len() < RUN {
            shown.extend(run.iter().map(Ok));
            continue;
        }
        shown.extend(run[..STAY].iter().map(Ok));
        let mut folded = Folded::default();
        for seen in run[STAY..run.len() - STAY].iter().filter_map(|l| l.seen.as_ref()) {
            folded.segments += 1;
            *folded.bytes.get_mut(seen.from) += u64::from(seen.segment.len);
            let again = |m: &Mark| matches!(m, Mark::Retransmission | Mark::GapFill);
            folded.repaired += u64::from(seen.marks.iter().any(again));
            folded.zero_windows += u64::from(seen.marks.contains(&Mark::ZeroWindow));
        }
        shown.push(Err(folded));
        shown.extend(run[run.len() - STAY..].iter().map(Ok));
    }
    shown
}
