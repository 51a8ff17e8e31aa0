//! R04: a RST that its sender probably did not send.

use super::cause::{is_disowned, is_suspect, went_on};
use super::prelude::*;
use super::rst_abort::is_in_history;

pub static DECLARATION: Declaration = Declaration {
    code: "R04",
    name: "rst-from-between",
    severity: Severity::Warning,
    summary: "a RST was probably not sent by the end in whose name it came",
    what: "The connection was ended by a RST whose hop count does not fit the other segments of its sender, or that its sender \
           knew nothing of.",
    why: "Neither application ended the connection: a firewall, an intrusion prevention system or a censor did, or \
          another host with the same address.",
    decided: "An end that goes on sending on the connection, later than 100 ms after a RST that came in its name and that its peer \
              accepted, has not sent that. Or: the TTL or hop limit of an accepted RST differs by more than 2 from that of its \
              sender's segments, and the distance does not fit either, whichever of the usual initial values (32, 64, 128, 255) \
              one assumes, or is such a value, which no router has lowered, while theirs are not; that is suspected, not proven.",
    confused: "stacks that send RSTs with another initial TTL; a route that changed; another host that has the same address by now.",
    advice: "Capture on both sides: the RST that leaves neither host was made in between, or by another host that has the address of \
             one: after a failover, by anycast or ECMP, or because an address is in use twice.",
    thresholds: &[],
    absence: false,
    witness: Witness::Peer,
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
    let disowned = disowned(view);
    let forged = |r: &&signals::Reset| r.known && is_suspect(r) && is_in_history(view, r);
    let Some(reset) = disowned.or_else(|| view.signals.resets().iter().find(forged)) else { return };
    let (who, packet) = (view.who(reset.from), reset.packet);
    let differs = reset.ttl.1.filter(|_| is_suspect(reset));
    let ttl = |usual: u8| format!("has TTL {}, its other segments have {usual}", reset.ttl.0);
    let message = || match (disowned, differs) {
        (Some(_), _) => format!(
            "the RST in the name of {who} (packet {packet}) is not its own: it went on sending{}{}; somebody else sent it, \
             between the ends or from the same address",
            went_on(view, reset).map(|p| format!(" (packet {p})")).unwrap_or_default(),
            differs.map(|usual| format!(", and the RST {}", ttl(usual))).unwrap_or_default(),
        ),
        (None, usual) => format!(
            "the RST in the name of {who} (packet {packet}) {}: somebody between may have sent it",
            ttl(usual.unwrap_or_default()),
        ),
    };
    let found = sink.raise(Severity::Warning, reset.time, packet, message).at(reset.from).fact("ttl", reset.ttl.0);
    let found = match reset.ttl.1 {
        Some(usual) => found.fact("usual_ttl", usual),
        None => found,
    };
    if let Some(packet) = disowned.and_then(|r| went_on(view, r)) {
        found.fact("went_on", packet);
    }
}

/// The first RST in the name of an end that went on sending.
pub(super) fn disowned<'v>(view: &'v View<'_>) -> Option<&'v signals::Reset> {
    view.signals.resets().iter().find(|r| is_disowned(view, r))
}
