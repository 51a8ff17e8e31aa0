//! E05: idle for long, and nobody checks whether the other end is still there.

use super::prelude::*;

pub(super) const IDLE: Threshold = Threshold::duration(
    "idle-without-keepalive",
    Span::secs(3_600),
    "how long nothing must have passed",
    "an hour: longer than nearly every device on a path remembers",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E05",
    name: "idle-without-keepalive",
    severity: Severity::Note,
    summary: "a connection was idle for long without keepalives",
    what: "Nothing passed between the two ends for a long time, not even a keepalive, and neither had closed.",
    why: "If an end or a device between dies in that time, the other end does not learn of it: it holds the connection for ever.",
    decided: "The longest silence within the connection, or from its last segment to the end of the capture, with both ends \
              ESTABLISHED and no probe in the connection (RFC 9293 §3.8.4: keepalives are off by default).",
    confused: "a connection that is watched by messages of its application.",
    advice: "Switch keepalives on (SO_KEEPALIVE with TCP_KEEPIDLE of a few minutes), or let the server close idle connections.",
    thresholds: &[&IDLE],
    absence: true,
    witness: Witness::Either,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ 120min
7. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=110><ACK=301><CTL=ACK> --> ESTABLISHED @ 4000s
7. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::ANY, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let c = view.connection;
    let least = view.span(&IDLE);
    if view.signals.longest_idle.max(view.scene.end - c.last) < least {
        return;
    }
    let open = (0..2).all(|e| view.state(e) == State::Established);
    let tail = if open { view.scene.end - c.last } else { Span(0) };
    let idle = view.signals.longest_idle.max(tail);
    // Whoever has waited for longer has not waited: the clock was set.
    const BELIEVABLE: Span = Span::secs(30 * 86_400);
    if idle < least || idle > BELIEVABLE || view.cold(0).probes + view.cold(1).probes > 0 || !view.was_open() {
        return;
    }
    let still = match (tail >= idle, view.scene.length) {
        (false, _) => "",
        (true, Some(_)) => "; the capture ended then",
        (true, None) => "; that goes on",
    };
    let message = || format!("nothing passed for {}, not even a keepalive{still}", Plain(idle));
    sink.raise(Severity::Note, c.first, c.first_packet, message).span("idle", idle).fact("open_at_end", open);
}
