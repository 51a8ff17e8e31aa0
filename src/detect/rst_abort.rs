//! R01: a live connection is reset.

use super::cause::{Cause, cause, is_suspect};
use super::half_open_dead_peer::is_forgotten;
use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "R01",
    name: "rst-abort",
    severity: Severity::Warning,
    summary: "a live connection is aborted by RST",
    what: "An end that still had the connection sent a RST instead of closing: unread data, SO_LINGER 0, a killed process; or \
           somebody sent one in its name.",
    why: "The peer's application gets ECONNRESET, and whatever was under way in either direction may be lost, even a response \
          that had been sent completely.",
    decided: "An accepted RST on an open connection that does not answer a segment for a connection that is gone. The fact \
              `reset.cause` tells the class: a RST with ACK comes from a socket that still exists (RFC 9293 §3.10.4 and \
              3.6.1; Linux tcp_send_active_reset); `unread-data` if the peer's bytes were not acknowledged or had just \
              arrived; `refused-after-handshake` if the server had sent nothing yet. `suspect` is set when the hop count \
              does not fit the sender's other segments.",
    confused: "rst-after-close (the sender had sent its FIN); half-open-dead-peer (the sender had forgotten the connection); \
               a RST that its receiver ignores.",
    advice: "Look at the application that sent it: does it close without reading to the end, set SO_LINGER 0, or crash? If it \
             says it did not, capture next to it: a device between may have sent the RST.",
    thresholds: &[],
    absence: false,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT
7. CLOSED --> <SEQ=102><CTL=RST> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    // Where nothing but the RST was captured, only a socket that exists sends one like it.
    let alone = view.connection.is_reset_only();
    let live = |r: &signals::Reset| r.ack && (r.stamped || r.window > 0);
    let wanted = |r: &&signals::Reset| if alone { live(r) } else { is_in_history(view, r) };
    let Some(reset) = view.signals.resets().iter().find(wanted) else { return };
    let cause = cause(view, reset);
    let aborts = matches!(cause, Cause::UnreadData | Cause::Abort | Cause::RefusedAfterHandshake | Cause::Unknown)
        || cause == Cause::NoSocket && !is_forgotten(view, reset);
    if !aborts || !(view.is_midstream() || view.was_open()) {
        return;
    }
    let e = reset.from;
    let trigger = reset.trigger.map(|t| t.packet);
    let message = || {
        format!(
            "{} reset the connection: {}{}",
            view.who(e),
            cause.sentence(),
            trigger.map(|p| format!(" (after packet {p})")).unwrap_or_default(),
        )
    };
    // Where both had closed, nothing was lost.
    let severity = if alone || reset.own_fin && reset.peer_fin { Severity::Note } else { Severity::Warning };
    let found = sink
        .raise(severity, reset.time, reset.packet, message)
        .at(e)
        .cause(cause.name())
        .fact("unread_bytes", reset.pending)
        .fact("in_flight", reset.in_flight)
        .fact("suspect", is_suspect(reset))
        .span("idle_before", reset.idle);
    if let Some(packet) = trigger {
        found.fact("trigger", packet);
    }
}

/// Whether the RST stands in the histories: sent by its sender, or accepted by its receiver.
pub(super) fn is_in_history(view: &View<'_>, reset: &signals::Reset) -> bool {
    let stands = |e: usize, event: Event| view.steps(e).iter().any(|s| s.mark.event == event);
    reset.accepted && stands(1 - reset.from, Event::RcvRst)
        || stands(reset.from, Event::SndRst) && view.steps(reset.from).iter().any(|s| s.mark.packet == reset.packet)
}
