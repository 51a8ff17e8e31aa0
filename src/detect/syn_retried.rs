//! O07: a connection succeeded only after the SYN had been repeated.

use super::cause::answers_to_stale;
use super::prelude::*;

const DELAY: Threshold = Threshold::duration(
    "syn-retried",
    Span::secs(1),
    "how much delay by repeated SYNs is worth a warning",
    "the first SYN timeout (RFC 6298 §2: 1 s)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O07",
    name: "syn-retried",
    severity: Severity::Warning,
    summary: "a connection was delayed because SYN or SYN,ACK had to be sent again",
    what: "The connection was established, but only after the SYN or the SYN,ACK had been repeated.",
    why: "Each repetition costs a second or more before anything else can happen; users feel it as a pause of exactly 1, 3 or 7 s.",
    decided: "More than one SYN or SYN,ACK with the same sequence number, and an established connection; the delay is from the \
              first SYN to the client's ACK (RFC 6298 §5.7).",
    confused: "half-open-dead-peer, where each SYN but the last was answered by an acknowledgment of an older connection; \
               handshake-slow, where nothing is repeated; half-open-accept-overflow, where the SYN,ACK is repeated after the ACK.",
    advice: "Loss on the path, a full SYN or accept queue (are other attempts to the same port delayed at the same time? not \
             where the SYN was answered before it came again), or races in connection tracking (Kubernetes DNAT).",
    thresholds: &[&DELAY],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    silent: Example::one(opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n")),
    detect: Detect::Connection(Signs::SYN_AGAIN, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let (syns, syn_acks) = (view.connection.ends[c].syns, view.connection.ends[s].syn_acks);
    if syns <= 1 && syn_acks <= 1 || view.connection.ends[s].syns > 0 {
        return;
    }
    let (Some(syn), Some(open)) = (view.event(c, Event::SndSyn), view.entered(c, State::Established)) else { return };
    let delay = open.mark.time - syn.mark.time;
    // The rest is half-open-accept-overflow's.
    if open.mark.evidence == Evidence::Inferred || !view.ever(s, State::Established) || delay < Span::millis(200) {
        return;
    }
    // Each but the last SYN was answered for an older connection: half-open-dead-peer tells of that, and nothing was lost.
    let answered_so = answers_to_stale(view).filter(|r| r.from == c).count();
    if syn_acks <= 1 && answered_so > 0 && answered_so + 1 >= usize::from(syns) {
        return;
    }
    let severity = if delay >= view.span(&DELAY) { Severity::Warning } else { Severity::Note };
    let answered = view.connection.answered_at_once();
    let message = || {
        format!(
            "{} was connected to {} only after {} (SYN captured {}, SYN,ACK {}){}",
            view.who(c),
            view.socket(s),
            Plain(delay),
            times(syns.into()),
            times(syn_acks.into()),
            if answered && syns > 1 {
                "; the SYN had been answered before it came again: the SYN,ACK had not reached the client"
            } else {
                ""
            },
        )
    };
    sink.raise(severity, syn.mark.time, syn.mark.packet, message)
        .at(c)
        .span("delay", delay)
        .fact("syns", syns)
        .holds("unanswered", syns > 1 && !answered)
        .fact("syn_acks", syn_acks);
}
