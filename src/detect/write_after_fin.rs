//! C10: an end writes to a connection although it knows that the peer has closed.

use super::cause::{Cause, cause, knows_fin, missed_fin};
use super::prelude::*;
use crate::segment::Flags;

pub static DECLARATION: Declaration = Declaration {
    code: "C10",
    name: "write-after-fin",
    severity: Severity::Warning,
    summary: "an end wrote after it had acknowledged the peer's FIN, and met a RST",
    what: "An end had received the peer's FIN, and some time later sent data on the connection all the same.",
    why: "What it wrote is lost. When a client does it, a pool has handed out a connection that was known to be closed.",
    decided: "A RST without ACK from an end that had sent its FIN, in answer to data that acknowledges that FIN and was first \
              sent later than a round trip after it (RFC 9293 §3.5.2; Linux resets an orphan that receives data), or to the \
              writer's FIN right behind such data.",
    confused: "request-crossed-fin, where the writer could not know; half-close, where the data is wanted; an answer that was \
               being written when the FIN came (rst-after-close alone).",
    advice: "If the client writes: have its pool check for end-of-file before it hands out a connection. If the server does, its \
             answer came too late: why did it take so long, and is the timeout after which the client gives up shorter? Either \
             application can stop writing when a read returns 0.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 5s
5. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK> --> FIN_WAIT_2
6. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK><LEN=200> --> FIN_WAIT_2 @ 6s
7. CLOSED <-- <SEQ=302><CTL=RST> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 5s
5. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK><LEN=200> --> FIN_WAIT_2 @ +1ms
6. CLOSED <-- <SEQ=302><CTL=RST> <-- CLOSED @ +1ms
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

/// The RST that such a write met, what it answers, and how long after the FIN that was sent.
pub(super) fn met<'a>(view: &View<'a>) -> Option<(&'a signals::Reset, signals::Trigger, Span)> {
    let met_data = |r: &signals::Reset| r.trigger.is_some_and(|t| t.len > 0) || before_its_fin(view, r).is_some();
    let written = |r: &&signals::Reset| met_data(r) && knows_fin(view, r) && cause(view, r) == Cause::Orphan;
    let reset = view.signals.resets().iter().find(written)?;
    let (fin, answered) = (view.event(reset.from, Event::SndFin)?, reset.trigger?);
    let trigger = before_its_fin(view, reset).unwrap_or(answered);
    // What is only sent again was written before.
    let last_data = view.end(1 - reset.from).last_data().unwrap_or(reset.time);
    let waited = last_data.min(reset.time - trigger.age) - fin.mark.time;
    let late = waited > Span(view.round_trip().0.saturating_mul(2).saturating_add(Span::millis(100).0));
    late.then_some((reset, trigger, waited))
}

/// What was written since the peer's FIN, if the writer's own FIN passed behind it before the RST came: an orphan takes a FIN
/// alone, so that the RST answers the data.
fn before_its_fin(view: &View<'_>, reset: &signals::Reset) -> Option<signals::Trigger> {
    let writer = 1 - reset.from;
    let (cold, own) = (view.cold(writer), &view.connection.ends[writer]);
    let answered = reset.trigger.filter(|t| t.len == 0 && t.flags.has(Flags::FIN))?;
    let (time, packet) = cold.first_after_peer_fin.filter(|_| cold.after_peer_fin < own.unacked().into())?;
    Some(signals::Trigger { packet, age: reset.time - time, ..answered })
}

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some((reset, trigger, waited)) = met(view) else { return };
    let writer = 1 - reset.from;
    // What is taken for a FIN that was not captured may have been a byte of data.
    let missed = missed_fin(view, reset).is_some();
    let message = || {
        format!(
            "{} wrote (packet {}) {} after {} had {}, and met a RST",
            view.who(writer),
            trigger.packet,
            Plain(waited),
            view.who(reset.from),
            if missed { "most likely closed, with a FIN that the capture missed" } else { "closed" },
        )
    };
    sink.raise(Severity::Warning, reset.time, reset.packet, message)
        .at(writer)
        .fact("trigger", trigger.packet)
        .span("after_fin", waited)
        .fact("lost_bytes", reset.pending);
}
