//! O01: a SYN that nobody answers.

use super::prelude::*;

const AFTER: Threshold = Threshold::wait(
    "syn-unanswered",
    Span::secs(3),
    "how long a SYN may go unanswered",
    "the SYN timeout of older stacks (RFC 6298 §2.1 and its fallback of 3 s)",
);
const GIVEN_UP: Threshold = Threshold::duration(
    "syn-unanswered-error",
    Span::secs(67),
    "from when on that is an error: the client is about to give up",
    "tcp_syn_retries 6 on Linux (67 s to the last SYN)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O01",
    name: "syn-unanswered",
    severity: Severity::Warning,
    summary: "a connection attempt gets no answer at all",
    what: "A client sent its SYN, repeated it, and nothing came back: no SYN,ACK, no RST, no ICMP error.",
    why: "The user waits for two minutes and gets a timeout. Silence, unlike a refusal, means that a packet is dropped somewhere.",
    decided: "No segment of the server in this incarnation, and the first SYN is older than the threshold.",
    confused: "a capture that does not show the server's direction at all; syn-refused; syn-rejected, where an ICMP error says why.",
    advice: "Firewall that drops, dead host, wrong route, or a full accept queue (does the port answer others? then see \
             accept-queue-drops). Capture at the server: does the SYN arrive there?",
    thresholds: &[&AFTER, &GIVEN_UP],
    absence: true,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 1s
3. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 3s
4. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 7s
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
5. - - @ 7s
",
    ),
    detect: Detect::Connection(Signs::UNHEARD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let Some(syn) = view.event(c, Event::SndSyn) else { return };
    let (own, peer) = (&view.connection.ends[c], &view.connection.ends[s]);
    if peer.packets > 0 || own.syns == 0 || view.ever(c, State::Established) {
        return;
    }
    if view.signals.cold().is_some_and(|r| r.icmp.is_some()) {
        return;
    }
    let over = view.steps(c).iter().find(|s| s.rule.to == State::Closed);
    let aborted = over.is_some_and(|s| s.mark.event == Event::SndRst);
    let until = over.map_or(view.scene.end, |s| s.mark.time);
    let span = until - syn.mark.time;
    if aborted || span < view.span(&AFTER) {
        return;
    }
    let host = view.scene.host(view.socket(s).addr);
    if host.is_unseen() {
        return;
    }
    let never_seen = host.is_silent();
    let severity = if span >= view.span(&GIVEN_UP) { Severity::Error } else { Severity::Warning };
    let message = || {
        format!(
            "{} sent {} to {} in {} without any answer{}",
            view.who(c),
            if own.syns == 1 { "a SYN".to_owned() } else { format!("{} SYNs", own.syns) },
            view.socket(s),
            at_least(span),
            if never_seen { "; nothing else of that host was captured either" } else { "" },
        )
    };
    sink.raise(severity, syn.mark.time, syn.mark.packet, message)
        .at(s)
        .lasted("for_at_least", span)
        .count("syns", own.syns.into())
        .fact("host_seen", !never_seen);
}
