//! C02: closed, acknowledged, and the peer never closes.

use super::prelude::*;
use crate::time::Span;

const AFTER: Threshold = Threshold::wait(
    "fin-wait-2-stuck",
    Span::secs(60),
    "how long an end may wait in FIN_WAIT_2",
    "tcp_fin_timeout (60 s): what waits longer is no orphan of Linux, or is gone",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C02",
    name: "fin-wait-2-stuck",
    severity: Severity::Note,
    summary: "this end has closed, and the peer does not",
    what: "One end sent its FIN, saw it acknowledged, and waits for the peer's FIN; or waited in vain until its stack \
           dropped the socket.",
    why: "It is the other half of close-wait-stuck: the fault is the peer's. If the application has let the socket go, \
          Linux drops it silently after tcp_fin_timeout (60 s), and whatever the peer sends later is answered by a RST.",
    decided: "The end is in FIN_WAIT_2 (RFC 9293 §3.3.2) for longer than the threshold, up to the end of the capture or up \
              to a RST of its own that shows that it had dropped the connection. Past the time that its stack keeps an \
              orphan (`--stack`) it has most likely been dropped: the finding says so, does not count the time beyond, and \
              is no more than info. Not so where it took data of the peer meanwhile: then its application holds it. In a \
              capture of less than ten minutes a tenth of it is enough, but no less than 2 s, as for close-wait-stuck, which \
              tells of the other end: here it is info then.",
    confused: "an application that has shut down its sending half only (SHUT_WR) and holds the socket, which no stack drops: the \
               wire does not tell; half-close in use, where the peer still sends.",
    advice: "See why the peer does not close; on this side, close the socket fully (not only its sending half) if nothing more \
             is expected.",
    thresholds: &[&AFTER],
    absence: true,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 90s
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 1s
"
    )),
    detect: Detect::Connection(Signs::ended(State::FinWait2).or(Signs::RESET).or(Signs::event(Event::SndRst)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    if !view.shows(Signs::reached(State::FinWait2)) {
        return;
    }
    for e in 0..2 {
        let Some(entered) = view.entered(e, State::FinWait2) else { continue };
        let since = entered.mark.time;
        let left = view.steps(e).iter().find(|s| s.rule.from == State::FinWait2);
        let Some(until) = waited_until(view, e, left) else { continue };
        // The peer has closed, and repeats its FIN: last-ack-stuck.
        if left.is_none() && view.connection.ends[1 - e].fins > 0 {
            continue;
        }
        let peer = view.end(1 - e);
        // What the RST answers kept nothing alive.
        let refused =
            left.is_some()
                && view.signals.resets().first().and_then(|r| r.trigger).is_some_and(|t| {
                    view.cold(1 - e).first_after_peer_fin.is_some_and(|(_, packet)| packet >= t.packet)
                });
        let active = peer.last_data().filter(|t| !refused && *t > since && *t < until).unwrap_or(since);
        let (quiet, usual) = (until - active, view.span(&AFTER));
        // In a short time nothing follows from an acknowledgment that was not even captured; and who has gone on sending
        // only pauses.
        let known = entered.mark.evidence != Evidence::Assumed && view.cold(1 - e).after_peer_fin == 0;
        let enough = if left.is_none() && known { view.patience(&AFTER) } else { usual };
        if quiet < enough || left.is_none() && view.misses_fins(e) {
            continue;
        }
        let short = quiet < usual;
        let (total, orphan) = (until - since, view.scene.profile.orphan_fin_wait_2);
        // An orphan would have answered the peer's data with RST.
        let held = active > since && view.end(e).last_sent().is_some_and(|t| t >= active);
        let outlived = !held && total > orphan;
        let message = || message(view, e, left.is_some(), (total, outlived.then_some(orphan)));
        // What has most likely gone by itself holds nothing up; in a short capture close-wait-stuck says what there is to say.
        let severity = if outlived && left.is_none() || short { Severity::Info } else { Severity::Note };
        sink.raise(severity, since, entered.mark.packet, message)
            .at(e)
            .lasted("for_at_least", if outlived { orphan } else { total })
            .short_of(quiet, usual)
            .fact("dropped", left.is_some())
            .fact("likely_dropped", outlived || left.is_some());
    }
}

/// What end `e` waited for, which `dropped` the connection after `total`; the time after which it has most likely been dropped
/// is `orphan`, where that was over before.
fn message(view: &View<'_>, e: usize, dropped: bool, (total, orphan): (Span, Option<Span>)) -> String {
    let (own, peer, up_to) = (view.who(e), view.who(1 - e), view.scene.up_to());
    match (dropped, orphan) {
        (false, None) => words![own, " waited ", AtLeast(total), " for the FIN of ", peer, ", ", up_to],
        (false, Some(orphan)) => sentence!(
            "{own} waited in vain for the FIN of {peer}: {} passed {up_to}, and it has most likely been dropped by then ({} \
             after it was let go)",
            Plain(total),
            Plain(orphan),
        ),
        (true, None) => {
            let dropped = " and dropped the connection, as its RST shows after ";
            words![own, " waited for the FIN of ", peer, dropped, Plain(total)]
        }
        (true, Some(orphan)) => sentence!(
            "{own} waited in vain for the FIN of {peer} and dropped the connection, most likely {} after it was let go; its \
             RST shows it after {}",
            Plain(orphan),
            Plain(total),
        ),
    }
}

/// Up to when end `e` waited in vain, where it `left` FIN_WAIT_2 by this step or is in it still; none if it did not.
fn waited_until(view: &View<'_>, e: usize, left: Option<&Step>) -> Option<Time> {
    let Some(step) = left else { return Some(view.scene.end) };
    // Its own RST: it had been gone for some time.
    if step.mark.event == Event::SndRst {
        return Some(step.mark.time);
    }
    // A packet that came too late for the socket is answered with RST, and shows the same.
    let reset = view.signals.resets().iter().find(|r| r.from == e && !r.ack && r.echoes)?;
    (step.mark.time + Span::secs(1) > reset.time).then_some(reset.time)
}
