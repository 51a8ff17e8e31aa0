//! C11: from the first FIN to the last acknowledgment it took long.

use super::close_wait_stuck;
use super::prelude::*;

pub(super) const AFTER: Threshold = Threshold::duration(
    "slow-close",
    Span::secs(1),
    "how long closing may take, from the first FIN until both are acknowledged",
    "many round trips: an application or a loss held it up",
);
const LONG: Threshold = Threshold::duration(
    "slow-close-note",
    Span::secs(10),
    "from when on an application that closes late is worth a note",
    "far beyond what closing a socket takes; pools that look after idle connections do it every few seconds",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C11",
    name: "slow-close",
    severity: Severity::Info,
    summary: "closing took long: an application, or the network, held it up",
    what: "Both ends closed in the end, but between the first FIN and the acknowledgment of the second much time went by.",
    why: "Meanwhile both ends hold the connection, and whoever waits for the end of the stream waits.",
    decided: "The time from the first FIN to the acknowledgment of the last (RFC 9293 §3.6), split in two: how long the second \
              end stayed in CLOSE_WAIT, which is its application's, and the rest, which is the network's. Connections on \
              which the second end still sent data meanwhile are left out.",
    confused: "half-close, where data still flows; close-wait-stuck, where it takes longer still or never ends.",
    advice: "If the application held it up: it does not look for end-of-file while a connection is idle. If the network did: FINs, \
             or what acknowledges them, were lost; see retransmissions.",
    thresholds: &[&AFTER, &LONG],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ 3s
7. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=500> <-- CLOSE_WAIT @ 2s
7. FIN_WAIT_2 --> <SEQ=102><ACK=801><CTL=ACK> --> CLOSE_WAIT
8. TIME_WAIT <-- <SEQ=801><ACK=102><CTL=FIN,ACK> <-- LAST_ACK @ 3s
9. TIME_WAIT --> <SEQ=102><ACK=802><CTL=ACK> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::reached(State::CloseWait).or(Signs::reached(State::Closing)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    // It cannot have taken longer than the connection was seen.
    if view.connection.last - view.connection.first < view.span(&AFTER) {
        return;
    }
    let fins = [0, 1].map(|e| view.event(e, Event::SndFin).map(|s| (s.mark.time, s.mark.packet)));
    let [Some(a), Some(b)] = fins else { return };
    let first = usize::from(b < a);
    let second = 1 - first;
    let ((begun, packet), last) = (a.min(b), a.max(b));
    let entered = |e: usize| {
        [State::TimeWait, State::Closed].iter().filter_map(|s| view.entered(e, *s)).map(|s| s.mark.time).min()
    };
    let (Some(done), Some(over)) = (entered(second), entered(first)) else { return };
    let end = done.max(over).max(last.0);
    let took = end - begun;
    if took < view.span(&AFTER) || view.cold(second).after_peer_fin > 0 {
        return;
    }
    let waited = view.steps(second).iter().find(|s| s.rule.from == State::CloseWait);
    let waited = waited.zip(view.entered(second, State::CloseWait)).map(|(left, entered)| left.at - entered.at);
    let waited = waited.unwrap_or(Span(0));
    // close-wait-stuck tells of it.
    if waited >= close_wait_stuck::after(view) {
        return;
    }
    let network = Span((took - waited).0.max(0));
    let severity =
        if took >= view.span(&LONG) || network >= view.span(&AFTER) { Severity::Note } else { Severity::Info };
    let message = || {
        let (split, who) = (format!("{} of it in CLOSE_WAIT of {}", Plain(waited), view.who(second)), view.who(first));
        format!("closing took {} from the FIN of {who} on, {split}, {} on the way", Plain(took), Plain(network))
    };
    let at = if waited > network { second } else { first };
    sink.raise(severity, begun, packet, message)
        .at(at)
        .lasted("for", took)
        .span("application", waited)
        .span("network", network);
}
