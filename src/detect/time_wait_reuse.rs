//! T02: a four-tuple is used again while an end still holds TIME_WAIT.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "T02",
    name: "time-wait-reuse",
    severity: Severity::Note,
    summary: "a new connection takes a four-tuple that was still in TIME_WAIT",
    what: "A SYN reused the addresses and ports of a connection that one end still kept in TIME_WAIT.",
    why: "It works as long as the new SYN is recognisably newer (by sequence number or timestamp); where it is not, the \
          connection is challenged and delayed. Frequent reuse says that ports are scarce.",
    decided: "The previous incarnation's history is in TIME_WAIT when the new SYN comes, and it was accepted (RFC 9293 §3.6.1, \
              RFC 6191, RFC 1122 §4.2.2.13).",
    confused: "reuse after 2 MSL have passed; a repeated SYN of the same connection.",
    advice: "Nothing for single cases. If frequent: more source addresses, a wider ip_local_port_range, or connections that are \
             kept open.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
7. SYN_SENT --> <SEQ=90000><CTL=SYN> --> SYN_RCVD @ 10s
8. ESTABLISHED <-- <SEQ=70000><ACK=90001><CTL=SYN,ACK> <-- SYN_RCVD
9. ESTABLISHED --> <SEQ=90001><ACK=70001><CTL=ACK> --> ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
7. SYN_SENT --> <SEQ=90000><CTL=SYN> --> SYN_RCVD @ 70s
8. ESTABLISHED <-- <SEQ=70000><ACK=90001><CTL=SYN,ACK> <-- SYN_RCVD
9. ESTABLISHED --> <SEQ=90001><ACK=70001><CTL=ACK> --> ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::AGAIN, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(old) = view.previous else { return };
    let first = view.connection.first;
    let verdicts = old.verdicts(first, &view.scene.profile);
    for (e, verdict) in verdicts.iter().enumerate() {
        let held = verdict.steps.iter().rev().find(|s| s.rule.to == State::TimeWait);
        let Some(held) = held else { continue };
        let left = verdict.steps.iter().find(|s| s.rule.from == State::TimeWait);
        if left.is_some_and(|s| s.mark.event != Event::Replaced) {
            continue;
        }
        let age = first - held.mark.time;
        // Where the clock is set back nobody knows how old it was.
        if age < Span(0) || age >= view.scene.profile.two_msl {
            continue;
        }
        let own = view.connection.sockets.iter().position(|s| *s == old.sockets[e]).unwrap_or(0);
        let accepted = view.ever(1 - view.client, State::SynRcvd);
        let message = || {
            format!(
                "{} used the four-tuple again {} after {} had entered TIME_WAIT; {}",
                view.who(view.client),
                Plain(age),
                view.who(own),
                if accepted { "it was accepted" } else { "it was not accepted" },
            )
        };
        sink.raise(Severity::Note, first, view.connection.first_packet, message)
            .at(own)
            .span("time_wait_age", age)
            .fact("accepted", accepted);
        return;
    }
}
