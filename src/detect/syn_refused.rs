//! O02: a SYN that is answered by RST.

use super::prelude::*;
use crate::segment::Flags;

pub static DECLARATION: Declaration = Declaration {
    code: "O02",
    name: "syn-refused",
    severity: Severity::Warning,
    summary: "a connection attempt is refused by RST",
    what: "The SYN was answered by a RST that acknowledges it.",
    why: "The host is up and reached, but nothing listens on that port (or something rejects in its name).",
    decided: "A RST from the server that acknowledges the SYN, before any SYN,ACK (RFC 9293 §3.10.7.1). One \
              that does not is dropped by its receiver (§3.10.7.3), and no more than a note. It is a fact \
              `suspect` when its hop count differs from the server's other segments.",
    confused: "rst-abort after a completed handshake; a RST that answers old segments of the same four-tuple; \
               port-scan, which says nothing of the service.",
    advice: "Is the service running and listening on that address (`ss -ltn`)? If it is, a firewall with REJECT or a load \
             balancer without backends answers in its place.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> CLOSED
2. CLOSED <-- <SEQ=0><ACK=101><CTL=RST,ACK><WIN=0> <-- CLOSED
",
    ),
    silent: Example::one(opened!("4. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED\n")),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let Some(reset) = view.signals.resets().iter().find(|r| r.from == s && !r.known) else { return };
    if !reset.ack || !reset.accepted {
        ignored(view, reset, sink);
        return;
    }
    let Some(closed) = view.event(c, Event::RcvRst).filter(|step| step.rule.from == State::SynSent) else { return };
    let syn = view.event(c, Event::SndSyn).map_or(closed.mark.time, |s| s.mark.time);
    let message = || sentence!("{} refused the connection of {} with RST", view.who(s), view.socket(c));
    sink.raise(Severity::Warning, reset.time, reset.packet, message)
        .at(s)
        .cause("refused")
        .span("after", reset.time - syn)
        .fact("syns", view.connection.ends[c].syns);
}

/// The SYN was answered by a RST that does not acknowledge it, which its sender drops.
fn ignored(view: &View<'_>, reset: &signals::Reset, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let answers = reset.trigger.is_some_and(|t| t.flags.has(Flags::SYN) && !t.flags.has(Flags::ACK));
    if !answers || view.ever(c, State::Established) {
        return;
    }
    let message = || {
        sentence!(
            "{} answered the SYN of {} with a RST that {}: a client drops it and tries on",
            view.who(s),
            view.socket(c),
            if reset.ack { "acknowledges something else" } else { "acknowledges nothing" },
        )
    };
    sink.raise(Severity::Note, reset.time, reset.packet, message).at(s).cause("refused").fact("acknowledges", false);
}
