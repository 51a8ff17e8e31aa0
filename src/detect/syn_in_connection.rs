//! O10: a SYN inside a connection that is open.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "O10",
    name: "syn-in-connection",
    severity: Severity::Note,
    summary: "a SYN arrived inside an open connection",
    what: "A SYN with another sequence number on the four-tuple of a connection that was open; the receiver kept its connection.",
    why: "The sender has lost the connection and tries anew, or somebody else uses its address and port, or tries to break in.",
    decided: "A SYN that begins no new incarnation (RFC 9293 §3.10.7.4, RFC 5961 §4: it is answered by a challenge ACK).",
    confused: "half-open-dead-peer, where the sender resets the old connection after the challenge; reuse of a closed one.",
    advice: "If it is frequent, look for a NAT that gives one port to two clients, or a client with very few ports.",
    thresholds: &[],
    absence: false,
    witness: Witness::Peer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=70000><CTL=SYN> --> ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
"
    )),
    silent: Example::one(opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n")),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(rare) = view.signals.cold() else { return };
    let Some((e, time, packet)) = rare.stray_syn else { return };
    if rare.resets.iter().any(|r| r.time >= time) {
        return;
    }
    let open = view.is_midstream() || view.entered(e, State::Established).is_some_and(|s| s.mark.time < time);
    let message = || {
        format!(
            "a SYN of {} with another sequence number arrived {}{}",
            view.who(e),
            if open { "while the connection was open" } else { "before its handshake was complete" },
            rare.challenge.map(|p| format!("; {} challenged it (packet {p})", view.who(1 - e))).unwrap_or_default(),
        )
    };
    sink.raise(Severity::Note, time, packet, message).at(e).fact("challenged", rare.challenge.is_some());
}
