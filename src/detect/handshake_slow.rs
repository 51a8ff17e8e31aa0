//! O06: the handshake takes long although nothing was lost.

use super::prelude::*;

pub(super) const SLOW: Threshold = Threshold::duration(
    "handshake-slow",
    Span::secs(1),
    "how long a handshake may take without repetitions",
    "no path on earth is that long",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O06",
    name: "handshake-slow",
    severity: Severity::Note,
    summary: "the handshake took long although no SYN was repeated",
    what: "From SYN to SYN,ACK, or from SYN,ACK to ACK, more time passed than any network needs.",
    why: "One of the hosts, or a proxy between them, was busy or waited for something before it answered.",
    decided: "The times between the handshake's segments, none of which was repeated.",
    confused: "syn-retried, where a lost SYN costs the time. A client that has nothing to say at first, and whose ACK was lost: it \
               acknowledges with its first data, which is said then.",
    advice: "The part that is slow tells who: SYN to SYN,ACK the server's side, SYN,ACK to ACK the client's.",
    thresholds: &[&SLOW],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ 1500ms
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    detect: Detect::Connection(Signs::ANY, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let c = view.connection;
    let slow = view.span(&SLOW);
    if c.last - c.first < slow {
        return;
    }
    let (Some(first), Some(second)) = c.handshake_times() else { return };
    let ends = &c.ends;
    let repeated = ends.iter().any(|e| e.syns > 1 || e.syn_acks > 1);
    // Where the clock stepped back in between, nothing can be said about how long it took.
    let again = view.measured.handshake.is_acked_again();
    let stepped = !again && view.measured.handshake.legs().contains(&None);
    if repeated || stepped || first.max(second) < slow {
        return;
    }
    let slower = if first >= second { view.server() } else { view.client };
    let took = Plain(Span(first.0 + second.0));
    let message = || match again {
        true => format!(
            "{} acknowledged the SYN,ACK only with its first data, {} later: an ACK before that was most likely lost, or \
             not captured; SYN to SYN,ACK took {}",
            view.who(view.client),
            Plain(second),
            Plain(first),
        ),
        false => {
            format!("the handshake took {took}: SYN to SYN,ACK {}, SYN,ACK to ACK {}", Plain(first), Plain(second))
        }
    };
    sink.raise(Severity::Note, c.first, c.first_packet, message)
        .at(slower)
        .span("syn_to_synack", first)
        .span("synack_to_ack", second);
}
