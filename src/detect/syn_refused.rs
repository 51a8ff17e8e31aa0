//! O02: a SYN that is answered by RST.

use super::cause::Cause;
use super::prelude::*;
use super::sink::{Brief, RESET_CAUSE};
use super::view::Who;
use crate::report::Anomaly;
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
    sink.raise(Severity::Warning, reset.time, reset.packet, || message(view.who(s), view.socket(c)))
        .at(s)
        .cause(Cause::Refused.name())
        .span(AFTER, reset.time - syn)
        .fact(SYNS, view.connection.ends[c].syns);
}

/// The names of facts.
const AFTER: &str = "after";
const SYNS: &str = "syns";

fn message(server: Who, client: Socket) -> String {
    words![server, " refused the connection of ", client, " with RST"]
}

/// What `brief` says in short, of one SYN of the first of these sockets, which the other refused `after` so long.
pub(super) fn by_the_book(brief: &Brief, [client, server]: &[Socket; 2], after: Span) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, .. } = *brief;
    let message = message(Who::new(Side::Server, *server), *client);
    let cause = Value::from(Cause::Refused.name());
    let facts = facts([(AFTER, seconds(after)), (RESET_CAUSE, cause), (SYNS, Value::from(1))]);
    Anomaly { code, name, severity, endpoint, time, packet: (packet != 0).then_some(packet), message, facts }
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
    sink.raise(Severity::Note, reset.time, reset.packet, message)
        .at(s)
        .cause(Cause::Refused.name())
        .fact("acknowledges", false);
}
