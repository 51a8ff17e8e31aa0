//! C09: the server closes an idle connection just as the client sends a request.

use super::cause::{Cause, cause};
use super::prelude::*;
use crate::segment::Flags;

const IDLE: Threshold = Threshold::duration(
    "request-crossed-fin-idle",
    Span::secs(1),
    "how long the server must have sent nothing before its FIN for the connection to have been idle",
    "idle timeouts of servers are set in whole seconds",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C09",
    name: "request-crossed-fin",
    severity: Severity::Warning,
    summary: "a request crossed the server's FIN and was refused",
    what: "The server closed, usually an idle connection; the client, not knowing yet, sent a request on it; the server answered \
           with RST.",
    why: "The client sees a reset in the place of an answer, and cannot know whether its request was carried out: the famous \
          sporadic 502 behind load balancers.",
    decided: "A RST without ACK from the server, which had sent its FIN, in answer to client data that does not acknowledge that \
              FIN (RFC 9293 §3.6.1, §3.5.2) and was sent no later after it than segments need to cross. A note where the \
              server had sent something just before its FIN: it closes after an answer, not after a timeout.",
    confused: "write-after-fin, where the client knew of the FIN; rst-after-close alone, where the FIN had not got through when it \
               should have long ago.",
    advice: "If it was idle: make the idle timeout of the side that reuses connections (the proxy, the pool) shorter than the \
             server's keep-alive timeout. If not: a goodbye is lost without harm; for a request, does the server say that it \
             closes after its answer, and does the client heed that?",
    thresholds: &[&IDLE],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=FIN,ACK> ... FIN_WAIT_1 @ 5s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=200> ... FIN_WAIT_1
6. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> ... FIN_WAIT_1
7. CLOSED <-- <SEQ=301><CTL=RST> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 5s
5. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK> --> FIN_WAIT_2
6. CLOSE_WAIT --> <SEQ=101><ACK=302><CTL=ACK><LEN=200> --> FIN_WAIT_2 @ 6s
7. CLOSED <-- <SEQ=302><CTL=RST> <-- CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

/// How long after the FIN of the sender of `reset` what that answers was sent, if it is too long for the two to have crossed.
pub(super) fn late(view: &View<'_>, reset: &signals::Reset) -> Option<Span> {
    let fin = view.event(reset.from, Event::SndFin)?.mark.time;
    let after = reset.time - reset.trigger?.age - fin;
    (after > Span(view.round_trip().0.saturating_mul(2).saturating_add(Span::millis(100).0))).then_some(after)
}

/// The RST that such a request met.
pub(super) fn met<'a>(view: &View<'a>) -> Option<&'a signals::Reset> {
    let server = view.server();
    let crossed = |r: &&signals::Reset| {
        r.from == server
            && r.own_fin
            && r.trigger.is_some_and(|t| t.len > 0 && !t.knows_fin)
            && cause(view, r) == Cause::Orphan
            && late(view, r).is_none()
    };
    view.signals.resets().iter().find(crossed)
}

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let server = view.server();
    let Some(reset) = met(view) else { return };
    let trigger = reset.trigger.map_or(0, |t| t.packet);
    let up_to = if reset.trigger.is_some_and(|t| t.flags.has(Flags::FIN)) { "up to " } else { "" };
    let idle = idle(view, server);
    let was_idle = idle.is_none_or(|idle| idle >= view.span(&IDLE));
    let message = || {
        let when = match idle {
            Some(idle) if was_idle => format!(" after sending nothing for {},", Plain(idle)),
            Some(idle) => format!(" {} after it had last sent something,", Plain(idle)),
            None => String::new(),
        };
        let (server, client) = (view.who(server), view.who(view.client));
        format!(
            "{server} closed{when} while a request of {client} was underway ({up_to}packet {trigger}), and refused it with RST"
        )
    };
    let severity = if was_idle { Severity::Warning } else { Severity::Note };
    sink.raise(severity, reset.time, reset.packet, message)
        .at(server)
        .fact("trigger", trigger)
        .fact("lost_bytes", reset.pending);
}

/// How long the server had sent no payload when it sent its FIN; from when it was open on if it sent none.
fn idle(view: &View<'_>, server: usize) -> Option<Span> {
    let open = || view.entered(server, State::Established).map(|s| s.mark.time);
    let since = view.end(server).last_data().or_else(open)?;
    Some(Span((view.event(server, Event::SndFin)?.mark.time - since).0.max(0)))
}
