//! R04: a RST that its sender probably did not send.

use super::cause::is_suspect;
use super::prelude::*;
use super::rst_abort::is_in_history;

pub static DECLARATION: Declaration = Declaration {
    code: "R04",
    name: "rst-from-between",
    severity: Severity::Warning,
    summary: "a RST was probably sent by a device between the ends",
    what: "The connection was ended by a RST whose hop count does not fit the other segments of its sender.",
    why: "Neither application ended the connection: a firewall, an intrusion prevention system or a censor did.",
    decided: "The TTL or hop limit of an accepted RST differs by more than 2 from that of its sender's segments, and the distance \
              does not fit either, whichever of the usual initial values (32, 64, 128, 255) one assumes. Suspected, not proven.",
    confused: "stacks that send RSTs with another initial TTL; a route that changed.",
    advice: "Capture on both sides: the RST that leaves neither host was made in between.",
    thresholds: &[],
    absence: false,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=111><CTL=RST,ACK><TTL=51> <-- CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=111><CTL=RST,ACK><TTL=255> <-- CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let forged = |r: &&signals::Reset| r.known && is_suspect(r) && is_in_history(view, r);
    let Some(reset) = view.signals.resets().iter().find(forged) else { return };
    let usual = reset.ttl.1.unwrap_or_default();
    let message = || {
        format!(
            "the RST in the name of {} has TTL {}, its other segments have {usual}: somebody between may have sent it",
            view.who(reset.from),
            reset.ttl.0,
        )
    };
    sink.raise(Severity::Warning, reset.time, reset.packet, message)
        .at(reset.from)
        .fact("ttl", reset.ttl.0)
        .fact("usual_ttl", usual);
}
