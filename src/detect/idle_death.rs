//! E03: the first thing said after a silence meets nobody.

use super::cause::{Cause, cause, is_aftermath};
use super::half_open_dead_peer;
use super::prelude::*;

pub(super) const IDLE: Threshold = Threshold::duration(
    "idle-death",
    Span::secs(30),
    "how long nothing must have passed before",
    "the shortest idle timeouts of load balancers",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E03",
    name: "idle-death",
    severity: Severity::Warning,
    summary: "a connection was dead when it was used again after being idle",
    what: "Nothing passed for a while; then an end sent something, and got a RST, or no answer at all.",
    why: "Something between the ends, or the other end, forgot the connection while it was idle. The application notices only \
          when it needs it.",
    decided: "Silence longer than the threshold, no FIN before it, and then a segment that is answered by RST or not answered. \
              Where half-open-dead-peer tells of the same segment, this is no more than an information.",
    confused: "ordinary loss, which does not wait for a silence; request-crossed-fin, where a FIN was sent.",
    advice: "Compare the idle time with the timeouts on the path: 60 s (HAProxy, AWS ALB), 240 s (Azure), 350 s (AWS NLB and NAT), \
             900 s and 3600 s (firewalls), 5 days (conntrack). Keepalives shorter than that, or a pool that retires \
             connections sooner, cure it.",
    thresholds: &[&IDLE],
    absence: true,
    witness: Witness::Peer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ 355s
7. CLOSED <-- <SEQ=301><CTL=RST> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED @ 355s
7. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK> <-- ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::WAITING.or(Signs::RESET), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let least = view.span(&IDLE);
    let refused = view.signals.resets().iter().find(|r| {
        r.idle >= least
            && !r.own_fin
            && !r.peer_fin
            && matches!(cause(view, r), Cause::NoSocket | Cause::Unknown)
            && !is_aftermath(view, r)
    });
    if let Some(reset) = refused {
        let trigger = reset.trigger.map_or(0, |t| t.packet);
        let message = || {
            format!(
                "after {} without traffic {} sent packet {trigger} and got a RST in the name of {}",
                Plain(reset.idle),
                view.who(1 - reset.from),
                view.who(reset.from),
            )
        };
        sink.raise(severity(half_open_dead_peer::tells_of_reset(view, reset)), reset.time, reset.packet, message)
            .at(reset.from)
            .idle("idle", reset.idle)
            .fact("answer", "rst")
            .fact("trigger", trigger);
        return;
    }
    for e in 0..2 {
        let waiting = &view.unanswered(e);
        let Some((time, packet)) = waiting.first() else { continue };
        if waiting.idle() < least || view.connection.ends[e].fin().is_some() || !half_open_dead_peer::is_silent(view, e)
        {
            continue;
        }
        let message = || {
            format!(
                "after {} without traffic {} sent packet {packet} and was not answered in {}",
                Plain(waiting.idle()),
                view.who(e),
                AtLeast(view.scene.end - time),
            )
        };
        sink.raise(severity(half_open_dead_peer::tells_of_silence(view, e)), time, packet, message)
            .at(1 - e)
            .idle("idle", waiting.idle())
            .fact("answer", "none");
    }
}

/// One event is one warning: where half-open-dead-peer tells of it, this adds only that it was idle before.
fn severity(told: bool) -> Severity {
    if told { Severity::Info } else { Severity::Warning }
}
