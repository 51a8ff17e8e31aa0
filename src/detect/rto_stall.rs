//! L03: a transfer stood still until a retransmission timeout ran out.

use super::half_open_dead_peer::is_silent;
use super::prelude::*;

const AFTER: Threshold = Threshold::duration(
    "rto-stall",
    Span::millis(500),
    "how long a transfer must have stood still, all together",
    "more than one least timeout (200 ms on Linux), which a single tail loss costs",
);
const WARNING: Threshold = Threshold::duration(
    "rto-stall-warning",
    Span::secs(1),
    "from when on that is a warning",
    "users notice a pause of a second",
);
const ERROR: Threshold = Threshold::duration(
    "rto-stall-error",
    Span::secs(10),
    "from when on that is an error",
    "users have given up by then",
);

pub static DECLARATION: Declaration = Declaration {
    code: "L03",
    name: "rto-stall",
    severity: Severity::Warning,
    summary: "a transfer stood still until retransmission timeouts ran out",
    what: "Data was lost in such a way that nothing but the timer of its sender could bring it back, and nothing else was sent \
           meanwhile.",
    why: "A loss that duplicate ACKs or SACK reveal costs a round trip; one that only the timer reveals costs 200 ms and more, \
          and twice as much each time it fails. This is the loss that users feel.",
    decided: "Payload sent again after its sender was silent for at least 200 ms, without the duplicate ACKs of a fast \
              retransmission, and not acknowledged before (RFC 6298 §5; RFC 5681 §3.2). What follows within 200 ms of an \
              acknowledgment of something new waited for that, not for the timer, which it starts anew (RFC 6298 §5.3). The \
              pauses are added up for each end. The stalls among the timing are longer: from the last progress to the next, \
              however it was brought about.",
    confused: "retransmissions, which counts all of them, cheap or dear; half-open-dead-peer, where the data never got through; \
               a sender that had nothing to send.",
    advice: "Tail loss (the last segments of an answer), windows too small for three duplicate ACKs, or a path that drops in \
             bursts: look at policers and full queues, and whether SACK and tail loss probes are in use.",
    thresholds: &[&AFTER, &WARNING, &ERROR],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED -->x <SEQ=101><ACK=301><CTL=ACK><LEN=100> ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> -->x ESTABLISHED @ +100ms
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> -->x ESTABLISHED @ +400ms
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ +800ms
8. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> -->x ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ +220ms
6. ESTABLISHED <-- <SEQ=301><ACK=201><CTL=ACK> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=100> --> ESTABLISHED @ 20s
"
    )),
    detect: Detect::Connection(Signs::REPEATED, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let again = &view.cold(e).again;
        let ((packet, longest), total) = (again.longest_stall, again.stalled);
        // Where it never got through, others tell.
        if packet == 0 || total < view.span(&AFTER) || is_silent(view, e) || view.connection.ends[e].unacked() > 0 {
            continue;
        }
        let severity = match total {
            t if t >= view.span(&ERROR) => Severity::Error,
            t if t >= view.span(&WARNING) => Severity::Warning,
            _ => Severity::Note,
        };
        let time = again.first.map_or(view.connection.first, |f| f.1);
        let message = || {
            format!(
                "data of {} stood still for {} until its timeouts ran out{} (packet {packet})",
                view.who(e),
                Plain(total),
                if longest < total { format!(", {} at a time at most", Plain(longest)) } else { String::new() },
            )
        };
        sink.raise(severity, time, packet, message)
            .at(e)
            .lasted("for", total)
            .span("longest", longest)
            .fact("timeouts", again.timeout);
    }
}
