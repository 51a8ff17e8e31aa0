//! R03: a RST that changes nothing.

use super::cause::{answers_challenge, is_suspect};
use super::prelude::*;
use super::rst_abort::is_in_history;

pub static DECLARATION: Declaration = Declaration {
    code: "R03",
    name: "rst-ignored",
    severity: Severity::Note,
    summary: "a RST was ignored: the connection went on",
    what: "A RST was captured, and afterwards both ends went on as if it had not come.",
    why: "Its sequence number was not the one that the receiver expects: an old RST, a device that guesses, or an attack. Nothing \
          broke, but somebody tries to end connections.",
    decided: "The RST stands in neither history: its number is outside the window or not exact (RFC 5961 §3, RFC 9293 §3.10.7.4), \
              or the ends' later segments show that they had not accepted it.",
    confused: "segments that were underway when the connection was reset; a RST after the end; the RST with which an end that \
               waits for the answer to its SYN answers an acknowledgment of an older connection: half-open-dead-peer tells of \
               that.",
    advice: "Compare its TTL with that of the sender's other segments (fact `ttl`), and look for firewalls or intrusion prevention \
             that resets connections.",
    thresholds: &[],
    absence: false,
    witness: Witness::Peer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=900000><CTL=RST><TTL=200> --> ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=111><CTL=ACK><LEN=10> <-- ESTABLISHED
7. ESTABLISHED --> <SEQ=111><ACK=311><CTL=ACK><LEN=10> --> ESTABLISHED
8. ESTABLISHED <-- <SEQ=311><ACK=121><CTL=ACK> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED --> <SEQ=111><ACK=301><CTL=RST,ACK> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(rare) = view.signals.cold() else { return };
    let went_on = rare.after_reset.iter().all(|(n, _)| *n > 0);
    if !went_on || rare.resets.iter().any(|r| is_in_history(view, r)) || !view.was_open() && !view.is_midstream() {
        return;
    }
    let (stale, other): (Vec<&signals::Reset>, Vec<_>) = rare.resets.iter().partition(|r| answers_challenge(view, r));
    let Some(reset) = other.into_iter().find(|r| !is_in_history(view, r)) else { return };
    let resets = rare.reset_count.iter().sum::<u32>().saturating_sub(stale.len() as u32);
    let message = || {
        format!(
            "{} in the name of {} (packet {}){} changed nothing: the connection went on (packet {})",
            if resets == 1 { "a RST".to_owned() } else { format!("{}, the first", plural(resets.into(), "RST")) },
            view.who(reset.from),
            reset.packet,
            if resets == 1 { "" } else { "," },
            rare.after_reset[reset.from].1,
        )
    };
    let found = sink
        .raise(Severity::Note, reset.time, reset.packet, message)
        .at(reset.from)
        .fact("suspect", is_suspect(reset))
        .fact("ttl", reset.ttl.0);
    if let Some(usual) = reset.ttl.1 {
        found.fact("usual_ttl", usual);
    }
}
