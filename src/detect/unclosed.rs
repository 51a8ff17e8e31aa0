//! What digests note of connections that an end was slow to close.

use super::digest::{LEAKED, LEAKED_AT_CLIENT, QUARTERS, Rare};
use super::scene::Scene;
use super::stay::Stay;
use crate::time::{Span, Time};
use crate::tracker::rules::Event;
use crate::tracker::{Evidence, Verdict};

/// Where connections are let go before the quarters of the capture are known, a stay in CLOSE_WAIT must be this long to be
/// remembered: most connections are in it for a moment.
const LONG: Span = Span::secs(1);

/// Whether an end was in CLOSE_WAIT when that counts: when a quarter of the capture ended, or for long.
pub(super) fn counts(close_wait: Stay, scene: &Scene) -> bool {
    let short = scene.let_go && close_wait.until.min(scene.end) - close_wait.since < LONG;
    let seen = |time: &Time| close_wait.covers(*time);
    let counts = || !short && (scene.let_go || close_wait.lasts() || scene.quarters.iter().any(seen));
    close_wait.happened() && counts()
}

/// The marks of one that was; when it was is noted where the quarters are not known yet.
pub(super) fn unclosed(close_wait: Stay, at_client: bool, scene: &Scene, rare: &mut Option<Rare>) -> u16 {
    let mut marks = if at_client { LEAKED_AT_CLIENT } else { 0 };
    marks |= if close_wait.lasts() { LEAKED } else { 0 };
    if scene.let_go {
        rare.get_or_insert_default().close_wait = Some(close_wait);
        return marks;
    }
    let covered = scene.quarters.iter().enumerate().filter(|(_, time)| close_wait.covers(**time));
    covered.fold(marks, |marks, (i, _)| marks | quarter(i))
}

/// Notes when the server closed a connection, where that is not when its TIME_WAIT began.
pub(super) fn note_close(fin_wait_1: Stay, time_wait: Stay, rare: &mut Option<Rare>) {
    if !time_wait.happened() || time_wait.since - fin_wait_1.since > LONG {
        rare.get_or_insert_default().closed = Some(fin_wait_1.since);
    }
}

/// Whether a FIN of an end was captured, and is not only assumed.
pub(super) fn is_fin_captured(of: &Verdict) -> bool {
    of.steps.iter().any(|s| s.mark.event == Event::SndFin && s.mark.evidence != Evidence::Assumed)
}

/// The mark of one that was in CLOSE_WAIT at the end of a quarter of the capture.
pub(super) fn quarter(i: usize) -> u16 {
    1 << (QUARTERS + i as u32)
}
