//! Data sent into silence by an end whose peer is heard again later, for half-open-dead-peer.

use super::cause::{self, Cause, cause};
use super::half_open_dead_peer::{AFTER, TRIES, is_open};
use super::prelude::*;
use super::rst_abort::is_in_history;
use crate::segment::IcmpError;
use crate::tracker::sequence::{after, before};

/// Data into silence, after which the peer was heard again, but never acknowledged it: it had not received it, and was
/// not sent it again.
pub(super) fn never_acknowledged(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    for e in 0..2 {
        let spell = &view.cold(e).again.spell;
        let ((since, packet), own) = (spell.first, &view.connection.ends[e]);
        let tries = i64::from(spell.repeats) + 1;
        let unacked = own.acked().is_some_and(|acked| !after(acked, spell.end.wrapping_sub(1)));
        let reset = !view.signals.resets().is_empty();
        let span = view.scene.end - since;
        if packet == 0
            || own.fin().is_some()
            || !is_open(view, 1 - e)
            || !unacked
            || reset
            || tries < view.limit(&TRIES)
        {
            continue;
        }
        if span < view.span(&AFTER) || spell.span < Span(view.span(&AFTER).0 / 4) || view.is_one_sided() {
            continue;
        }
        // What is still being sent again has not been given up.
        let since_last = view.end(e).last_sent().map_or(Span(0), |t| t - since);
        if view.unanswered(e).first().is_some() || since_last <= spell.span {
            continue;
        }
        let message = || {
            format!(
                "{} sent its data {} in {} without a word from {}, which was heard again later and never \
                 acknowledged it",
                view.who(e),
                times(tries.unsigned_abs()),
                Plain(spell.span),
                view.who(1 - e),
            )
        };
        sink.raise(Severity::Warning, since, packet, message)
            .at(1 - e)
            .fact("signature", "unacknowledged")
            .fact("tries", tries)
            .lasted("for_at_least", span);
        return true;
    }
    false
}

/// The ICMP error that rejects what end `e` sent since then, if one does.
pub(super) fn rejected<'v>(view: &'v View<'_>, e: usize, since: Time) -> Option<&'v IcmpError> {
    let (error, own) = (view.signals.cold()?.icmp.as_ref()?, &view.connection.ends[e]);
    // Of nothing that is under way tells one that is forged, or of an older connection (RFC 5927 §4.1).
    let under_way = own.acked().is_none_or(|acked| !before(error.seq, acked))
        && own.sent().is_none_or(|next| before(error.seq, next));
    (error.src == view.socket(e) && error.time >= since && under_way).then_some(error)
}

/// That it does.
pub(super) fn told(error: &IcmpError) -> String {
    format!(
        "; {} told {} that {} is {} (ICMP, packet {})",
        error.from,
        error.src,
        error.dst,
        error.kind.words(),
        error.packet
    )
}

/// The same up to a RST without ACK, with which the sender answers what the peer sends at last: it has no socket any more.
pub(super) fn given_up(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    let gave_up = |r: &&signals::Reset| !r.ack && cause(view, r) == Cause::GaveUp && is_in_history(view, r);
    let Some(reset) = view.signals.resets().iter().find(gave_up) else { return false };
    let Some(spell) = cause::given_up(view, reset) else { return false };
    let ((since, packet), tries, e) = (spell.first, u64::from(spell.repeats) + 1, reset.from);
    let (who, peer) = (view.who(e), view.who(1 - e));
    let message = || {
        format!(
            "{who} sent its data {} in {} without a word from {peer}, which never acknowledged it; what came then it answered with \
             RST (packet {}): it had given up by then (TCP_USER_TIMEOUT, retries), had closed, or had lost the connection",
            times(tries),
            Plain(spell.span),
            reset.packet,
        )
    };
    let found = sink
        .raise(Severity::Warning, since, packet, message)
        .at(1 - e)
        .fact("signature", "gave-up")
        .fact("tries", tries)
        .cause(Cause::GaveUp.name())
        .fact("rst", reset.packet);
    if let Some(trigger) = reset.trigger {
        found.fact("trigger", trigger.packet);
    }
    true
}
