//! O04: a handshake that stops at the SYN,ACK.

use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "half-open-syn",
    Span::secs(3),
    "how long a SYN,ACK may wait for its acknowledgment",
    "two SYN,ACK retransmissions (1 + 2 s)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O04",
    name: "half-open-syn",
    severity: Severity::Warning,
    summary: "the client never completes the handshake: the server waits in SYN_RCVD",
    what: "A SYN was answered by SYN,ACK, and nothing valid came from the client after that (an embryonic connection).",
    why: "Each one holds a place in the SYN queue until its retries end (Linux: 63 s). Many at once are a flood or a scan; a few \
          are lost SYN,ACKs or clients that died.",
    decided: "The server was in SYN_RCVD for longer than the threshold, was never acknowledged, and the client was never \
              ESTABLISHED (RFC 9293 §3.5).",
    confused: "half-open-accept-overflow (the client's ACK is in the capture); half-open-dead-peer, the other meaning of \
               half-open; a capture that shows one direction only.",
    advice: "If many sources: SYN cookies are on by default on Linux, so look at `nstat -az TcpExtSyncookiesSent`. If one \
             source: does the SYN,ACK reach it (asymmetric route, filter)?",
    thresholds: &[&AFTER],
    absence: true,
    witness: Witness::Waiting,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
4. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 3s
5. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 7s
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
5. - - @ 7s
",
    ),
    detect: Detect::Connection(Signs::ended(State::SynRcvd).or(Signs::event(Event::GiveUp)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(entered) = view.entered(e, State::SynRcvd) else { continue };
        // What the client only may have received does not count: it would have answered.
        let through = view.entered(1 - e, State::Established).is_some_and(|s| s.mark.evidence != Evidence::Inferred);
        if view.connection.ends[e].syn_acks == 0 || through {
            continue;
        }
        let left = view.steps(e).iter().find(|s| s.rule.from == State::SynRcvd);
        let gave_up = left.is_some_and(|s| s.mark.event == Event::GiveUp);
        if left.is_some() && !gave_up {
            continue;
        }
        let until = left.map_or(view.scene.end, |s| s.mark.time);
        let span = until - entered.mark.time;
        if span < view.span(&AFTER) {
            continue;
        }
        let times = view.connection.ends[e].syn_acks;
        // Of what no connection shows nothing is known of this one.
        if times == 1 && view.scene.quality.lacks_acknowledgments() {
            continue;
        }
        let message = || {
            sentence!(
                "{} answered the SYN of {} {} and was not acknowledged for {}{}",
                view.who(e),
                view.socket(1 - e),
                super::prelude::times(times.into()),
                AtLeast(span),
                match (gave_up, times) {
                    _ if view.connection.ends[1 - e].syns > 1 && times > 1 => {
                        "; that end repeated its SYN: the SYN,ACK does not reach it"
                    }
                    (true, _) => "; by then it has given up",
                    (false, 1) => "; since it did not repeat it, the capture may have missed the acknowledgment",
                    _ => "",
                },
            )
        };
        sink.raise(
            if times > 1 { Severity::Warning } else { Severity::Note },
            entered.mark.time,
            entered.mark.packet,
            message,
        )
        .at(e)
        .lasted("for_at_least", span)
        .fact("syn_acks", times);
    }
}
