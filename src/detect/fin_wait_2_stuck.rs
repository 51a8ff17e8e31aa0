//! C02: closed, acknowledged, and the peer never closes.

use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "fin-wait-2-stuck",
    Span::secs(60),
    "how long an end may wait in FIN_WAIT_2",
    "tcp_fin_timeout (60 s), after which Linux drops an orphan",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C02",
    name: "fin-wait-2-stuck",
    severity: Severity::Note,
    summary: "this end has closed, and the peer never does",
    what: "One end sent its FIN, saw it acknowledged, and waits for the peer's FIN; or waited in vain until its stack \
           dropped the socket.",
    why: "It is the other half of close-wait-stuck: the fault is the peer's. If the application has let the socket go, \
          Linux drops it silently after tcp_fin_timeout, and whatever the peer sends later is answered by a RST.",
    decided: "The end is in FIN_WAIT_2 (RFC 9293 §3.3.2) for longer than the threshold, up to the end of the capture or up \
              to a RST of its own that shows that it had dropped the connection.",
    confused: "half-close in use, where the peer still sends.",
    advice: "See why the peer does not close; on this side, close the socket fully (not only its sending half) if nothing more \
             is expected.",
    thresholds: &[&AFTER],
    absence: true,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 90s
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 20s
"
    )),
    detect: Detect::Connection(Signs::ended(State::FinWait2).or(Signs::RESET).or(Signs::event(Event::SndRst)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(entered) = view.entered(e, State::FinWait2) else { continue };
        let since = entered.mark.time;
        let left = view.steps(e).iter().find(|s| s.rule.from == State::FinWait2);
        let until = match left {
            None => view.scene.end,
            // Its own RST: it had been gone for some time.
            Some(step) if step.mark.event == Event::SndRst => step.mark.time,
            // A packet that came too late for the socket is answered with RST, and shows the same.
            Some(step) => match view.signals.resets().iter().find(|r| r.from == e && !r.ack && r.echoes) {
                Some(reset) if step.mark.time + Span::secs(1) > reset.time => reset.time,
                _ => continue,
            },
        };
        // The peer has closed, and repeats its FIN: last-ack-stuck.
        if left.is_none() && view.connection.ends[1 - e].fins > 0 {
            continue;
        }
        let peer = view.end(1 - e);
        // What the RST answers kept nothing alive.
        let refused =
            left.is_some()
                && view.signals.resets().first().and_then(|r| r.trigger).is_some_and(|t| {
                    view.cold(1 - e).first_after_peer_fin.is_some_and(|(_, packet)| packet >= t.packet)
                });
        let active = peer.last_data().filter(|t| !refused && *t > since && *t < until).unwrap_or(since);
        let quiet = until - active;
        if quiet < view.span(&AFTER) || left.is_none() && view.misses_fins(e) {
            continue;
        }
        let outcome = if left.is_some() { "until it dropped the connection" } else { "up to the end of the capture" };
        let message = || {
            format!("{} waited {} for the FIN of {}, {outcome}", view.who(e), at_least(until - since), view.who(1 - e))
        };
        sink.raise(Severity::Note, since, entered.mark.packet, message)
            .at(e)
            .lasted("for_at_least", until - since)
            .fact("dropped", left.is_some());
    }
}
