//! E02: keepalives that nobody answers.

use super::cause::{Cause, cause, is_unheard};
use super::prelude::*;

const PROBES: Threshold = Threshold::count(
    "keepalive-timeout",
    3,
    "how many keepalives in a row must go unanswered",
    "fewer than tcp_keepalive_probes (9), more than chance",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E02",
    name: "keepalive-timeout",
    severity: Severity::Warning,
    summary: "keepalives get no answer: the peer, or the path to it or back, is gone",
    what: "An end probed an idle connection and got no answer; usually it then reset it.",
    why: "The peer or the path to it had died, possibly long before: the probes are only when that was noticed.",
    decided: "Segments of at most one byte that repeat the last sequence number (RFC 9293 §3.8.4), unanswered up to a RST of \
              their sender or to the end of the capture, while the peer's window was open. Also answered ones, up to a RST of \
              their sender when the next was due, whose timestamp echoes less than the last answer: that did not arrive.",
    confused: "window probes against a closed window; keepalives that are answered; unanswered data (half-open-dead-peer).",
    advice: "See whether the peer crashed or a device between dropped the idle connection; shorter keepalives keep such \
             devices from forgetting.",
    thresholds: &[&PROBES],
    absence: true,
    witness: Witness::WaitingPeer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK> -->x ESTABLISHED @ 60s
5. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK> -->x ESTABLISHED @ 70s
6. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK> -->x ESTABLISHED @ 80s
7. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK> -->x ESTABLISHED @ 90s
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK> --> ESTABLISHED @ 60s
5. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=100><ACK=301><CTL=ACK> --> ESTABLISHED @ 120s
7. ESTABLISHED <-- <SEQ=301><ACK=101><CTL=ACK> <-- ESTABLISHED
8. - - @ 200s
"
    )),
    detect: Detect::Connection(Signs::WAITING.or(Signs::RESET), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let may_tell = |r: &signals::Reset| r.probes > 0 || r.unheard;
    if (0..2).all(|e| view.unanswered(e).probes == 0) && !view.signals.resets().iter().any(may_tell) {
        return;
    }
    for e in 0..2 {
        let waiting = &view.unanswered(e);
        let probed = |r: &signals::Reset| r.from == e && r.ack && (r.probes > 0 || r.unheard);
        let reset = view.signals.resets().iter().find(|r| probed(r) && cause(view, r) == Cause::KeepaliveGaveUp);
        if let Some(reset) = reset.filter(|r| is_unheard(view, r)) {
            answered_in_vain(view, reset, sink);
            continue;
        }
        let probes = reset.map_or(waiting.probes, |r| r.probes);
        let closed_window = view.cold(1 - e).zero.since.is_some();
        let since = reset.and_then(|r| r.tries_since).or(waiting.first().map(|f| f.0));
        let Some(since) = since.filter(|_| !closed_window && waiting.content == 0 && probes > 0) else { continue };
        if reset.is_none() && i64::from(probes) < view.limit(&PROBES) {
            continue;
        }
        let until = reset.map_or(view.scene.end, |r| r.time);
        let packet = waiting.first().map_or(0, |f| f.1);
        let message = || {
            format!(
                "{} sent {} in {} to {} without answer{}",
                view.who(e),
                plural(probes.into(), "keepalive"),
                Plain(until - since),
                view.who(1 - e),
                if reset.is_some() { " and reset the connection" } else { "" },
            )
        };
        let found = sink
            .raise(Severity::Warning, since, packet, message)
            .at(1 - e)
            .fact("probes", probes)
            .lasted("for_at_least", until - since)
            .span("idle_before", waiting.idle());
        if let Some(reset) = reset {
            found.cause(Cause::KeepaliveGaveUp.name()).fact("rst", reset.packet);
        }
    }
}

/// Keepalives whose answers were captured, but did not reach who sent them.
fn answered_in_vain(view: &View<'_>, reset: &signals::Reset, sink: &mut Sink<'_>) {
    let (e, last) = (reset.from, reset.trigger.map_or(0, |t| t.packet));
    let message = || {
        format!(
            "{} gave up on its keepalives and reset the connection (packet {}): {} answered, but the last answer (packet \
             {last}) did not reach it, by the timestamp that the RST echoes",
            view.who(e),
            reset.packet,
            view.who(1 - e),
        )
    };
    sink.raise(Severity::Warning, reset.time, reset.packet, message)
        .at(e)
        .fact("probes", view.cold(e).probes)
        .cause(Cause::KeepaliveGaveUp.name())
        .fact("rst", reset.packet)
        .fact("answer", last);
}
