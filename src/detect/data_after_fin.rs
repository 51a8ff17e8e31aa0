//! C07: an end sends beyond its own FIN.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "C07",
    name: "data-after-fin",
    severity: Severity::Warning,
    summary: "an end sent data beyond its own FIN",
    what: "Payload with sequence numbers after the FIN of the same end.",
    why: "No stack does that. Something on the path mixes two connections or invents segments, or a sequence number was \
          rewritten wrongly.",
    decided: "New payload that ends after the FIN's sequence number (RFC 9293 §3.6: a FIN is the last thing sent).",
    confused: "a retransmission from below the FIN; a new connection on the same four-tuple.",
    advice: "Compare captures on both sides of whatever rewrites or splices connections (proxy, NAT, load balancer).",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 --> <SEQ=102><ACK=301><CTL=ACK><LEN=50> --> CLOSE_WAIT
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> -->x ESTABLISHED
5. FIN_WAIT_1 --> <SEQ=151><ACK=301><CTL=FIN,ACK> --> ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=ACK><LEN=50> --> CLOSE_WAIT @ +300ms
7. FIN_WAIT_2 <-- <SEQ=301><ACK=152><CTL=ACK> <-- CLOSE_WAIT
"
    )),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some((e, time, packet, bytes)) = view.signals.cold().and_then(|r| r.past_fin) else { return };
    let message = || format!("{} sent {} beyond its own FIN", view.who(e), plural(bytes.into(), "byte"));
    sink.raise(Severity::Warning, time, packet, message).at(e).fact("bytes", bytes);
}
