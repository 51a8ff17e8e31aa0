//! O08: opened and closed without a byte.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "O08",
    name: "no-data",
    severity: Severity::Info,
    summary: "a connection was opened and closed without any data",
    what: "The handshake completed, and the connection was closed or reset before either end had sent a byte.",
    why: "Health checks and port scans look like this, and so does a server that gives up waiting for a request (then it closes \
          first, after a round number of seconds).",
    decided: "Established, no payload captured or acknowledged either way, and a FIN or RST.",
    confused: "connections whose data the capture missed; a subflow of Multipath TCP that was opened beside another and not \
               needed (its SYN has the option MP_JOIN).",
    advice: "If the client closes at once: a health checker or a pool that connects ahead. If the server closes after some \
             seconds: its timeout for the first request; why did the client not send one?",
    thresholds: &[],
    absence: true,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. CLOSE_WAIT <-- <SEQ=301><ACK=101><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 5s
5. LAST_ACK --> <SEQ=101><ACK=302><CTL=FIN,ACK> --> TIME_WAIT
6. CLOSED <-- <SEQ=302><ACK=102><CTL=ACK> <-- TIME_WAIT
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSE_WAIT <-- <SEQ=301><ACK=111><CTL=FIN,ACK> <-- FIN_WAIT_1 @ 5s
6. LAST_ACK --> <SEQ=111><ACK=302><CTL=FIN,ACK> --> TIME_WAIT
"
    )),
    detect: Detect::Connection(Signs::EMPTY, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let c = view.connection;
    if view.is_midstream() || !view.was_open() || c.ends.iter().any(|e| e.bytes > 0) {
        return;
    }
    if view.scene.quality.lacks_data() {
        return;
    }
    if (0..2).any(|e| view.end(e).missing.saturating_add(view.signals.skipped(e)) > 1) {
        return;
    }
    let closes = (0..2).filter_map(|e| {
        let step = view.event(e, Event::SndFin).or(view.event(e, Event::SndRst))?;
        Some((step.mark.time, step.mark.packet, e))
    });
    let Some((time, packet, e)) = closes.min() else { return };
    let open = view.entered(view.client, State::Established).map_or(c.first, |s| s.mark.time);
    let message = || format!("{} closed after {} without a byte from either end", view.who(e), Plain(time - open));
    sink.raise(Severity::Info, time, packet, message).at(e).span("after", time - open);
}
