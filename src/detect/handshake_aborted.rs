//! O12: the client resets the handshake.

use super::cause::{Cause, cause};
use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "O12",
    name: "handshake-aborted",
    severity: Severity::Info,
    summary: "the client answered the SYN,ACK with RST",
    what: "The server offered the connection, and the client did not want it any more.",
    why: "Scanners and load balancers' health checks do it on purpose; a client whose connect() was cancelled, or a NAT that lost \
          the mapping, does it by accident.",
    decided: "A RST from the client after the server's SYN,ACK and before its own ACK (RFC 9293 §3.10.7.3).",
    confused: "rst-abort, after the handshake; syn-refused, by the server; unexpected-reply-source, where the SYN,ACK came from \
               another address than the SYN was sent to.",
    advice: "At equal intervals from one address: a health check. Otherwise look for a NAT or proxy that answers in the client's \
             place.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. CLOSED --> <SEQ=101><CTL=RST> --> CLOSED
",
    ),
    silent: Example::one(opened!("4. CLOSED --> <SEQ=101><ACK=301><CTL=RST,ACK> --> CLOSED\n")),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let acked = view.entered(c, State::Established).is_some_and(|e| e.mark.evidence != Evidence::Inferred);
    if view.connection.ends[s].syn_acks == 0 || acked {
        return;
    }
    let aborts = |r: &&signals::Reset| {
        r.from == c && matches!(cause(view, r), Cause::HandshakeAborted | Cause::Unknown | Cause::NoSocket)
    };
    let Some(reset) = view.signals.resets().iter().find(aborts) else { return };
    let message = || format!("{} answered the SYN,ACK of {} with RST", view.who(c), view.socket(s));
    sink.raise(Severity::Info, reset.time, reset.packet, message).at(c).cause(Cause::HandshakeAborted.name());
}
