//! T04: a RST ends TIME_WAIT early.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "T04",
    name: "time-wait-killed",
    severity: Severity::Note,
    summary: "a RST ended TIME_WAIT before its time",
    what: "An end in TIME_WAIT received a RST and gave the wait up.",
    why: "TIME_WAIT keeps old segments out of a new connection on the same ports. Without it, they may be taken for new.",
    decided: "An accepted RST while the history is in TIME_WAIT (RFC 1337, RFC 9293 §3.10.7.4; Linux accepts it unless \
              tcp_rfc1337=1).",
    confused: "a RST that a stack ignores in TIME_WAIT; the state told here is the assumed stack's.",
    advice: "Set net.ipv4.tcp_rfc1337=1 where it matters. If the RST answers a repeated FIN's acknowledgment, the peer had already \
             forgotten the connection.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
7. CLOSED <-- <SEQ=302><CTL=RST> <-- CLOSED @ 1s
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
7. - - @ 70s
"
    )),
    detect: Detect::Connection(Signs::event(Event::RcvRst), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if !view.shows(Signs::reached(State::TimeWait)) {
        return;
    }
    for e in 0..2 {
        let killed = view.steps(e).iter().find(|s| s.rule.from == State::TimeWait && s.mark.event == Event::RcvRst);
        let (Some(killed), Some(entered)) = (killed, view.entered(e, State::TimeWait)) else { continue };
        let after = killed.mark.time - entered.mark.time;
        let message = || {
            format!(
                "a RST ended TIME_WAIT of {} after {}, unless that ignores it (net.ipv4.tcp_rfc1337=1, other stacks)",
                view.who(e),
                Plain(after),
            )
        };
        sink.raise(Severity::Note, killed.mark.time, killed.mark.packet, message).at(e).span("after", after);
    }
}
