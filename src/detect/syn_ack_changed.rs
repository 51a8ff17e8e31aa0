//! O11: two different SYN,ACKs for one SYN.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "O11",
    name: "syn-ack-changed",
    severity: Severity::Note,
    summary: "a SYN was answered by SYN,ACKs with different sequence numbers",
    what: "The server's initial sequence number is another one in a later SYN,ACK of the same handshake.",
    why: "Either the server had forgotten the first request and began anew, or two machines answer for one address.",
    decided: "SYN,ACKs that acknowledge the same SYN and differ in sequence number.",
    confused: "a repeated SYN,ACK, which keeps its number.",
    advice: "If it is frequent: do two servers hold the address (duplicate VIP, ECMP that splits a flow), or does the server drop \
             half-open requests early? Where the client sends the SYN,ACK, no usual stack made it: a scanner, a test, or a \
             capture that was put together.",
    thresholds: &[],
    absence: false,
    witness: Witness::Peer,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
4. ESTABLISHED <-- <SEQ=9000><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some((e, packet)) = view.signals.cold().and_then(|r| r.changed_isn) else { return };
    let own = &view.connection.ends[e];
    let message = || match own.syns > 0 && own.syn_acks < 2 {
        true => format!("{} sent a SYN,ACK with another sequence number than its SYN", view.who(e)),
        false => format!("{} answered one SYN with two different sequence numbers", view.who(e)),
    };
    sink.raise(Severity::Note, view.connection.first, packet, message).at(e);
}
