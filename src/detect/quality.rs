//! What the capture misses, and other faults of it.

use super::Plain;
use super::kinds::{Kinds, Lack};
use crate::report::number::plural;
use crate::time::Span;

/// The fact, and the word in the sentence, of what rests on something that the capture may only have missed.
pub const DOUBTFUL: &str = "doubtful";
/// Why the behaviour of an end that was not captured is doubtful.
pub const ONE_DIRECTION: &str = "only one direction was captured";

/// What the capture misses, as far as it shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quality {
    /// Payload bytes that passed, each counted once.
    pub unique: u64,
    /// Payload bytes acknowledged, or skipped while nobody was heard to acknowledge, that were never captured.
    pub missing: u64,
    /// Of them those that tell of other connections, too: of each no more than was captured of it.
    pub lost: u64,
    /// In how many connections.
    pub gapped: u64,
    /// TCP segments.
    pub segments: u64,
    /// Segments captured twice.
    pub copies: u64,
    /// Segments whose options were cut.
    pub cut: u64,
    /// Segments larger than the peer's MSS allows on a wire.
    pub oversized: u64,
    /// Connections of which only one end was captured although it acknowledges.
    pub one_sided: u64,
    /// Connections that were open when the capture began.
    pub begun_before: u64,
    /// Connections that were open when it ended.
    pub open_at_end: u64,
    /// Packets that could not be decoded.
    pub undecoded: u64,
    /// TCP segments older than the one before by more than a second.
    pub back_steps: u64,
    /// Of those, packet number of the first.
    pub first_back_step: Option<u64>,
    /// The longest way that time went back in one of them.
    pub longest_back_step: Span,
    /// All connections.
    pub connections: u64,
    /// All hosts that took part in one.
    pub hosts: u64,
    /// Packets that the capturing system dropped, where it says so.
    pub dropped: u64,
    /// The kinds of segments that were captured.
    pub(super) kinds: Kinds,
}

impl Quality {
    /// Time goes back by `span` with `packet`.
    pub(super) fn note_back_step(&mut self, packet: u64, span: Span) {
        self.back_steps += 1;
        self.first_back_step.get_or_insert(packet);
        self.longest_back_step = self.longest_back_step.max(span);
    }

    /// What its numbers skip did not get to the capture.
    pub fn misses_nothing(&mut self) {
        (self.missing, self.lost, self.gapped) = (0, 0, 0);
    }

    /// The share of bytes that the capture misses.
    pub fn missing_share(&self) -> f64 {
        share(self.missing, self.unique)
    }

    /// The share that other connections, too, may lack.
    pub fn lost_share(&self) -> f64 {
        share(self.lost, self.unique)
    }

    /// Whether time goes back so far that it is doubtful how long anything was waited for: the shortest of such waits.
    pub fn is_stepped(&self) -> bool {
        const STEP: Span = Span::secs(10);
        self.longest_back_step >= STEP
    }

    /// The same in words.
    pub(super) fn how_stepped(&self) -> String {
        format!("time goes back by {} in the capture", Plain(self.longest_back_step))
    }

    /// Which kind of segments is in none of the connections: a capture filter leaves it out, most likely.
    pub fn left_out(&self) -> Option<String> {
        self.kinds.lack(self).map(Lack::what)
    }

    /// Whether no acknowledgment without data was captured, of so many connections that some were sent.
    pub(super) fn lacks_acknowledgments(&self) -> bool {
        self.kinds.lack(self).is_some_and(Lack::is_certain)
    }

    /// Whether no data was captured, of so many connections that some was sent.
    pub(super) fn lacks_data(&self) -> bool {
        self.kinds.lack(self).is_some_and(|lack| matches!(lack, Lack::AllBut(_)))
    }

    /// Whether answers to a SYN may be absent from the capture: not for what a filter leaves out that lets them through.
    pub(super) fn may_lack_answers(&self) -> bool {
        if self.kinds.lack(self).is_some_and(Lack::has_answers) { self.drops_much() } else { self.is_lossy() }
    }

    /// Why it is doubtful what came of the attempts of a scan, which itself leaves nothing but SYNs.
    pub(super) fn doubt_of_scan(&self) -> Option<String> {
        self.misses_much().then(|| self.how_much())
    }

    fn misses_much(&self) -> bool {
        self.lost_share() >= 0.01 || self.drops_much()
    }

    fn drops_much(&self) -> bool {
        self.dropped.saturating_mul(100) >= self.segments.max(1)
    }

    /// How much is absent, where it [is](Quality::is_lossy).
    pub(super) fn how_lossy(&self) -> String {
        self.kinds.lack(self).map_or_else(|| self.how_much(), Lack::why)
    }

    fn how_much(&self) -> String {
        match self.missing_share() * 100.0 {
            percent if percent < 0.05 => format!("the capturing system dropped {}", plural(self.dropped, "packet")),
            // Something was captured.
            percent => format!("the capture misses {:.1} % of the bytes", percent.min(99.9)),
        }
    }

    /// Why it is doubtful what many connections together do not show; how long they waited, too, if it `waits`.
    pub(super) fn doubt(&self, waits: bool) -> Option<String> {
        let lossy = || self.is_lossy().then(|| self.how_lossy());
        (waits && self.is_stepped()).then(|| self.how_stepped()).or_else(lossy)
    }

    /// Whether what is absent from the capture may well have been on the wire.
    pub fn is_lossy(&self) -> bool {
        self.misses_much() || self.kinds.lack(self).is_some()
    }
}

/// The share that `missing` has of all, of which `there` are.
fn share(missing: u64, there: u64) -> f64 {
    let all = there + missing;
    if all == 0 { 0.0 } else { missing as f64 / all as f64 }
}
