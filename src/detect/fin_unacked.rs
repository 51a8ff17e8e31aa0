//! C03: a FIN that nobody acknowledges, sent by the end that closes first.

use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "fin-unacked",
    Span::secs(10),
    "how long a FIN may go unacknowledged",
    "several retransmissions (RFC 6298: 1 + 2 + 4 s)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C03",
    name: "fin-unacked",
    severity: Severity::Warning,
    summary: "the FIN of the end that closed first is never acknowledged",
    what: "An end sent its FIN, repeated it, and never got an acknowledgment that covers it: it is stuck in FIN_WAIT_1 (or \
           CLOSING).",
    why: "The peer is dead or the path is cut, and the peer will go on believing in the connection. Each such socket holds \
          its unsent data until the orphan retries run out (Linux: 8, about 100 s).",
    decided: "The end's last state is FIN_WAIT_1 or CLOSING for longer than the threshold (RFC 9293 §3.10.7.4, fifth check: \
              only an acknowledgment of the FIN leaves them). In a capture of less than 100 s a tenth of it is enough, but no less \
              than 2 s, where the FIN was sent at least three times; that is a note (fact `short_capture`), and not told where \
              the threshold or `--stuck-after` was set.",
    confused: "a capture that ends just after the FIN; an acknowledgment that the capture missed (then the FIN is not sent \
               again); last-ack-stuck, the same on the other side.",
    advice: "Check the path to the peer and whether it is still there; a firewall that drops the state at the first FIN shows \
             like this.",
    thresholds: &[&AFTER],
    absence: true,
    witness: Witness::Waiting,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x
5. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +1s
6. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +2s
7. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x @ +4s
8. - - @ 20s
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> -->x
5. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ +1s
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
7. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
8. - - @ 20s
"
    )),
    detect: Detect::Connection(Signs::ended(State::FinWait1).or(Signs::ended(State::Closing)), detect),
};

/// In a short capture a FIN must have been sent so often: one may be lost, and its repetition, too.
pub(super) const LEAST_FINS: u16 = 3;

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let stuck = view.stuck_in(e, State::FinWait1).or_else(|| view.stuck_in(e, State::Closing));
        let Some((step, _)) = stuck else { continue };
        // From the FIN itself, whichever of the two states it led to.
        let sent = view.event(e, Event::SndFin).unwrap_or(step).mark;
        let span = view.scene.end - sent.time;
        let (fins, usual) = (view.connection.ends[e].fins, view.span(&AFTER));
        let enough = if fins >= LEAST_FINS { view.patience(&AFTER) } else { usual };
        if span < enough {
            continue;
        }
        let message = || {
            format!(
                "{} and {} did not acknowledge it for {}{}",
                sent_fin(view, e, sent.time),
                view.who(1 - e),
                AtLeast(span),
                never_repeated(fins, view.connection.is_fin_lost(e, sent.time)),
            )
        };
        let severity = match fins {
            0 | 1 => Severity::Note,
            2..6 => Severity::Warning,
            _ => Severity::Error,
        };
        sink.raise(severity, sent.time, sent.packet, message)
            .at(e)
            .lasted("for_at_least", span)
            .short_of(span, usual)
            .fact("fins", fins)
            .fact("state", view.state(e).name());
    }
}

/// That end `e` sent its FIN, `first` at that time: how often and in what time.
pub(super) fn sent_fin(view: &View<'_>, e: usize, first: Time) -> String {
    let who = view.who(e);
    match view.cold(e).again.last_fin.filter(|last| *last > first) {
        Some(last) => {
            format!("{who} sent its FIN {} in {}", times(view.connection.ends[e].fins.into()), Plain(last - first))
        }
        None => format!("{who} sent its FIN"),
    }
}

/// A stack repeats a FIN that it does not see acknowledged. Whether it is known to be
/// [lost](crate::tracker::Connection::is_fin_lost).
pub(super) fn never_repeated(fins: u16, lost: bool) -> &'static str {
    match (fins, lost) {
        (0 | 1, true) => {
            "; what came later lacks it: the FIN was lost, and its sender is gone, or not captured any more"
        }
        (0 | 1, false) => "; since it did not repeat it, the capture may have missed the acknowledgment",
        _ => "",
    }
}
