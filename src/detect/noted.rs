//! What digests take over of what is found of single connections.

use super::digest::{BROKE, IGNORED, REPEATED, Rare, WAITED};
use super::probe::Probe;
use super::sink::Brief;
use super::{
    ALL, Declaration, half_open_accept_overflow, handshake_aborted, idle_death, no_data, odd_flags, retransmissions,
    rst_abort, syn_rejected, syn_retried, syn_unanswered,
};
use crate::report::Side;
use crate::tracker::Outline;

/// Takes over what `brief` of `c` holds for others to read.
pub(super) fn note(brief: &Brief, c: &Outline, (marks, probe): (&mut u16, &mut Probe), rare: &mut Option<Rare>) {
    let found: &'static Declaration = ALL[usize::from(brief.declaration)];
    let is = |d: &'static Declaration| std::ptr::eq(found, d);
    if is(&syn_unanswered::DECLARATION) {
        *marks |= if brief.number > 1 { WAITED } else { 0 };
    } else if is(&syn_retried::DECLARATION) {
        *marks |= if brief.number > 0 { WAITED | REPEATED } else { REPEATED };
    } else if is(&no_data::DECLARATION) || is(&handshake_aborted::DECLARATION) {
        *probe = Probe::Empty;
    } else if is(&syn_rejected::DECLARATION) {
        *probe = Probe::Rejected;
    } else if is(&odd_flags::DECLARATION) && c.bytes == [0, 0] && *probe != Probe::Empty {
        *probe = Probe::Odd;
    } else if is(&half_open_accept_overflow::DECLARATION) {
        *marks |= IGNORED;
    } else if is(&retransmissions::DECLARATION) {
        rare.get_or_insert_default().again += brief.number;
    } else if is(&rst_abort::DECLARATION) && brief.endpoint == Some(Side::Server) {
        *marks |= BROKE;
        let rare = rare.get_or_insert_default();
        (rare.broke, rare.last_packet) = (Some(brief.time), c.last_packet);
    } else if is(&idle_death::DECLARATION) {
        rare.get_or_insert_default().idle_death = Some((brief.number, brief.packet));
    }
}
