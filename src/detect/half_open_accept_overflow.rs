//! O05: the client is through, the server does not take its ACK.

use super::half_open_dead_peer;
use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "half-open-accept-overflow",
    Span::secs(3),
    "how long a server may ignore the last ACK of the handshake",
    "two SYN,ACK retransmissions (1 + 2 s)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O05",
    name: "half-open-accept-overflow",
    severity: Severity::Warning,
    summary: "the client is ESTABLISHED, the server is not: its accept queue is full, or the ACK does not reach it",
    what: "The client's ACK completes the handshake, but the server sends its SYN,ACK again as if it had not come, or nothing \
           at all.",
    why: "The client believes it is connected, sends its request and waits. On Linux that is what a full accept queue looks \
          like from outside (tcp_abort_on_overflow=0): the application does not accept fast enough.",
    decided: "The client's ACK was captured, the server repeated its SYN,ACK after it, and by its later segments was not past \
              SYN_RCVD for longer than the threshold (RFC 9293 §3.10.7.4; Linux tcp_check_req drops the ACK when the \
              queue is full). Or the server sent nothing after the handshake, though data was sent to it at least three times \
              and for longer than half-open-dead-peer waits (its threshold, and its rule for short captures), and the same service \
              turned others away in one of these ways or left their SYNs unanswered.",
    confused: "TCP_DEFER_ACCEPT, which ignores the bare ACK on purpose until data comes; an ACK lost between tap and server \
               (one repeated SYN,ACK, then progress); a filter behind the tap, on the server itself as well, that drops what \
               the client sends: no segment tells that from a full queue.",
    advice: "On the server: `ss -ltn` (Recv-Q at or above Send-Q), `nstat -az TcpExtListenOverflows`. Raise the backlog and \
             net.core.somaxconn, accept faster, or find the thread that no longer accepts. If its queue has room: does a \
             filter or a lossy path keep the client's ACK from it? Where the client sends nothing, the server may wait for its \
             first data on purpose (TCP_DEFER_ACCEPT, `deferred` in nginx): then nothing is wrong with its queue.",
    thresholds: &[&AFTER],
    absence: true,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
6. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 3s
7. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
8. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 7s
9. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> -->x SYN_RCVD
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1s
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
7. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
8. - - @ 7s
",
    ),
    detect: Detect::Connection(Signs::SYN_AGAIN.or(Signs::WAITING), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if view.shows(Signs::SYN_AGAIN) && repeated(view, sink) {
        return;
    }
    if let Some(silence) = half_open_dead_peer::silence(view).filter(|s| s.of == view.server() && s.is_turning_away) {
        let (c, s) = (view.client, silence.of);
        let message = || {
            format!(
                "{} sent its data {} in {}; {} has sent nothing since the handshake and turned others away, too: its accept \
                 queue is full, or it is gone",
                view.who(c),
                times(silence.tries.into()),
                Plain(silence.took),
                view.who(s),
            )
        };
        sink.raise(Severity::Warning, silence.since, silence.packet, message)
            .at(s)
            .lasted("for_at_least", silence.span)
            .short_of(silence.span, silence.usual)
            .fact("syn_acks", view.connection.ends[s].syn_acks)
            .fact("tries", silence.tries)
            .fact("recovered", false);
    }
}

/// SYN,ACK sent again after its acknowledgment. Whether that is so.
fn repeated(view: &View<'_>, sink: &mut Sink<'_>) -> bool {
    let mut raised = false;
    for e in 0..2 {
        let own = &view.connection.ends[e];
        if own.syn_acks < 2 || view.connection.ends[1 - e].syn_acks > 0 {
            continue;
        }
        let Some(entered) = view.entered(e, State::SynRcvd) else { continue };
        let through = view.entered(1 - e, State::Established).filter(|s| s.mark.evidence != Evidence::Inferred);
        let Some(client) = through else { continue };
        let left = view.steps(e).iter().find(|s| s.rule.from == State::SynRcvd);
        let recovered = left.filter(|s| s.mark.event != Event::GiveUp);
        let until = left.map_or(view.scene.end, |s| s.mark.time);
        // From the ACK that it did not take.
        let span = until - entered.mark.time.max(client.mark.time);
        if span < view.span(&AFTER) {
            continue;
        }
        let syn_acks = own.syn_acks;
        let silent = view.connection.ends[1 - e].bytes == 0;
        let message = || {
            let (server, client, again) = (view.who(e), view.who(1 - e), times(u64::from(syn_acks) - 1));
            let deferred =
                if silent { "; it may wait for data of the client on purpose (TCP_DEFER_ACCEPT)" } else { "" };
            match recovered {
                None => format!(
                    "{server} ignores the ACK of {client}, or does not get it, for {}: it repeated its SYN,ACK {again}{deferred}",
                    AtLeast(span),
                ),
                Some(step) if step.mark.evidence == Evidence::Inferred => format!(
                    "{server} took the ACK of {client} most likely after {}: it repeated its SYN,ACK {again}, and not when that \
                     was due the next time{deferred}",
                    Plain(span),
                ),
                Some(_) => format!(
                    "{server} took the ACK of {client} only after {}: it repeated its SYN,ACK {again}{deferred}",
                    Plain(span),
                ),
            }
        };
        let severity = if recovered.is_some() { Severity::Note } else { Severity::Warning };
        sink.raise(severity, client.mark.time, client.mark.packet, message)
            .at(e)
            .lasted(if recovered.is_some() { "for" } else { "for_at_least" }, span)
            .fact("syn_acks", syn_acks)
            .fact("recovered", recovered.is_some());
        raised = true;
    }
    raised
}
