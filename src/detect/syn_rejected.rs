//! O03: an ICMP error answers the SYN.

use super::prelude::*;
use crate::segment::IcmpKind;

pub static DECLARATION: Declaration = Declaration {
    code: "O03",
    name: "syn-rejected",
    severity: Severity::Warning,
    summary: "a connection attempt is rejected by an ICMP error",
    what: "A router, a firewall or the host itself answered the SYN with an ICMP or ICMPv6 error.",
    why: "Unlike silence it says who rejects and why; the client may still wait, since the error is only a hint to TCP.",
    decided: "An ICMP error that quotes a segment of a connection that was never answered (RFC 9293 §3.9.2.2, RFC 1122 §4.2.3.9; \
              Linux does not end SYN_SENT for an administrative prohibition).",
    confused: "syn-refused, where TCP itself answers; errors about a connection that works.",
    advice: "Prohibited: a firewall rule, on the host that sent the error. Unreachable: routing, or the host is off.",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::told("1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED\n2. - - @ 1s\n", 1, IcmpKind::Prohibited),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 1s
3. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 3s
4. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED @ 7s
",
    ),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(error) = view.signals.cold().and_then(|r| r.icmp) else { return };
    let (c, s) = (view.client, view.server());
    if view.ever(c, State::Established) || view.connection.ends[s].packets > 0 {
        return;
    }
    let kind = error.kind.words();
    let message = || format!("{} told {} that {} is {kind} (ICMP)", error.from, view.socket(c), view.socket(s));
    sink.raise(Severity::Warning, error.time, error.packet, message)
        .at(s)
        .fact("icmp", kind)
        .fact_with("from", || error.from.to_string().into());
}
