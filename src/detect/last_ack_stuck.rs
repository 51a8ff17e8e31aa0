//! C04: the last FIN is never acknowledged.

use super::fin_unacked::{LEAST_FINS, never_repeated, sent_fin};
use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "last-ack-stuck",
    Span::secs(10),
    "how long the second FIN may go unacknowledged",
    "several retransmissions (RFC 6298: 1 + 2 + 4 s)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C04",
    name: "last-ack-stuck",
    severity: Severity::Warning,
    summary: "the FIN of the end that closed second is never acknowledged",
    what: "An end received the peer's FIN, sent its own, and never saw it acknowledged: it is stuck in LAST_ACK.",
    why: "The peer had been there, since it closed first; now it does not answer. Either it is gone, or something on the path \
          forgot the connection after the first FIN.",
    decided: "The end's last state is LAST_ACK (RFC 9293 §3.3.2) for longer than the threshold; or its FIN was sent at least four \
              times over so long, although the capture shows it acknowledged. In a capture of less than 100 s a tenth of it is \
              enough, as for fin-unacked.",
    confused: "an acknowledgment that the capture missed (then the FIN is not sent again).",
    advice: "Look for devices with short timeouts after a FIN (nf_conntrack last_ack 30 s, pf 45 s), reverse path filters, or a \
             peer that was killed.",
    thresholds: &[&AFTER],
    absence: true,
    witness: Witness::Waiting,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +1s
7. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +2s
8. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +4s
9. FIN_WAIT_1 x<-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ +8s
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
7. - - @ 20s
"
    )),
    detect: Detect::Connection(Signs::ended(State::LastAck).or(Signs::RARE), detect),
};

/// How many FINs tell a path that loses every acknowledgment from one that lost some.
const MANY: u16 = 4;

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if !view.shows(Signs::reached(State::LastAck)) {
        return;
    }
    for e in 0..2 {
        let Some((step, span)) = view.stuck_in(e, State::LastAck) else {
            late(view, e, sink);
            continue;
        };
        let (fins, usual) = (view.connection.ends[e].fins, view.span(&AFTER));
        let enough = if fins >= LEAST_FINS { view.patience(&AFTER) } else { usual };
        if span < enough {
            continue;
        }
        let message = || {
            format!(
                "{} and {}, which had closed first, did not acknowledge it for {}{}",
                sent_fin(view, e, step.mark.time),
                view.who(1 - e),
                AtLeast(span),
                never_repeated(
                    fins,
                    view.event(e, Event::SndFin).is_some_and(|s| view.connection.is_fin_lost(e, s.mark.time))
                ),
            )
        };
        sink.raise(
            if fins > 1 { Severity::Warning } else { Severity::Note },
            step.mark.time,
            step.mark.packet,
            message,
        )
        .at(e)
        .lasted("for_at_least", span)
        .short_of(span, usual)
        .fact("fins", fins);
    }
}

/// Its FIN was acknowledged at the tap, yet repeated for so long: the acknowledgments did not reach it.
fn late(view: &View<'_>, e: usize, sink: &mut Sink<'_>) {
    let Some(entered) = view.entered(e, State::LastAck) else { return };
    let fins = view.connection.ends[e].fins;
    let Some(last) = view.end(e).last_sent().filter(|_| fins >= MANY) else { return };
    let span = last - entered.mark.time;
    if span < view.span(&AFTER) {
        return;
    }
    let message = || {
        format!(
            "{}, although {} acknowledged it: the acknowledgments did not reach it",
            sent_fin(view, e, entered.mark.time),
            view.who(1 - e),
        )
    };
    sink.raise(Severity::Warning, entered.mark.time, entered.mark.packet, message)
        .at(e)
        .lasted("for_at_least", span)
        .fact("fins", fins);
}
