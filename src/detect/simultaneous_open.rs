//! O09: both ends open at once.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "O09",
    name: "simultaneous-open",
    severity: Severity::Info,
    summary: "both ends sent a SYN to each other",
    what: "Two SYNs crossed and made one connection, through SYN_RCVD on both sides.",
    why: "Rare, legal, and used on purpose to get through address translation. There is no server.",
    decided: "An end goes from SYN_SENT to SYN_RCVD (RFC 9293 §3.5, Figure 7).",
    confused: "a reused four-tuple where the roles have changed.",
    advice: "Nothing, if it is on purpose. A socket that is connected to itself asked again and again for a port of its own host on \
             which nothing listened, until it got that port as its own: is the service down, and its port among those for clients \
             (net.ipv4.ip_local_port_range)?",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> ...
2. SYN_RCVD <-- <SEQ=300><CTL=SYN> <-- SYN_SENT
3. SYN_RCVD ... <SEQ=100><CTL=SYN> --> SYN_RCVD
4. SYN_RCVD --> <SEQ=100><ACK=301><CTL=SYN,ACK> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    silent: Example::one(opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n")),
    detect: Detect::Connection(Signs::CROSSED, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let crossed = (0..2)
        .find_map(|e| view.steps(e).iter().find(|s| s.rule.from == State::SynSent && s.rule.to == State::SynRcvd));
    let Some(step) = crossed else { return };
    let [one, other] = [0, 1].map(|e| view.socket(e));
    let message = || match one == other {
        true => format!("{one} is connected to itself: one socket is both ends"),
        false => format!("{one} and {other} opened to each other at once"),
    };
    sink.raise(Severity::Info, step.mark.time, step.mark.packet, message);
}
