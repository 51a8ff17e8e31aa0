//! C01: the peer has closed, this end's application does not.

use super::prelude::*;

pub(super) const AFTER: Threshold = Threshold::wait(
    "close-wait-stuck",
    Span::secs(60),
    "how long an end may stay in CLOSE_WAIT without sending",
    "nf_conntrack_tcp_timeout_close_wait (60 s)",
);
const LONG: Threshold = Threshold::duration(
    "close-wait-stuck-error",
    Span::secs(300),
    "from when on that is an error",
    "operators' practice: five minutes are a leak",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C01",
    name: "close-wait-stuck",
    severity: Severity::Warning,
    summary: "the peer has closed, and this end's application does not",
    what: "One end received the peer's FIN and acknowledged it, and then neither sent its own FIN nor any more data.",
    why: "CLOSE_WAIT has no timer: the socket stays until the application closes it. When that never happens, sockets \
          pile up until file descriptors or memory run out. The peer meanwhile waits in FIN_WAIT_2, or is long gone.",
    decided: "The end's last state is CLOSE_WAIT (RFC 9293 §3.3.2), entered or last sent from longer ago than the \
              threshold. The time counts up to the end of the capture, so it is a lower bound. Many captures are too \
              short to wait for 60 s: in one of less than ten minutes a tenth of it is enough, but no less than 2 s, where the \
              FIN is known to have arrived and nothing was sent since; what has lasted for less than the threshold is a \
              note that says so (fact `short_capture`). Where the peer's FIN was not captured and only its acknowledgment shows \
              it, that may have been of a byte of data: then it is no more than a note. Short captures are not told of where the \
              threshold or `--stuck-after` was set, nor while a live capture goes on.",
    confused: "half-close (the end still sends data, as it may); half-closed-at-end, where the capture ends so soon after the FIN \
               that this tells nothing; an application that takes a while to close, which a note from a short capture cannot \
               tell from one that never does; an end that did close, of which every FIN was lost before it was captured, or \
               waits behind data that nobody acknowledges; \
               fin-unacked, where the FIN never arrived.",
    advice: "Look at the process that owns the socket in CLOSE_WAIT (`ss -tanp state close-wait`): it does not close after \
             reading end-of-file. Usual causes: a leaked connection, a blocked thread, a pool that does not evict.",
    thresholds: &[&AFTER, &LONG],
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
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=500> <-- CLOSE_WAIT @ 80s
7. FIN_WAIT_2 --> <SEQ=102><ACK=801><CTL=ACK> --> CLOSE_WAIT
8. - - @ 90s
"
    )),
    detect: Detect::Connection(Signs::reached(State::CloseWait), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    // Nobody can have been there for longer than the connection was seen.
    let seen = view.connection.last - view.connection.first;
    if !view.shows(Signs::ended(State::CloseWait)) && seen < after(view) {
        return;
    }
    for e in 0..2 {
        let Some((step, total)) = view.stuck_in(e, State::CloseWait) else {
            late(view, e, sink);
            continue;
        };
        let (quiet, usual) = (quiet(view, e, step), after(view));
        if quiet < patience(view, e, step) || view.misses_fins(1 - e) {
            continue;
        }
        let captured = view.connection.ends[1 - e].fins > 0;
        let severity = match quiet >= view.span(&LONG) {
            _ if !captured => Severity::Note,
            true => Severity::Error,
            false => Severity::Warning,
        };
        let message = || {
            let mut stands = view.stands(1 - e).to_string();
            if view.state(1 - e) == State::FinWait2 && total > view.scene.profile.orphan_fin_wait_2 {
                stands = view.stands(1 - e).apart_from(State::Closed).to_string();
                stands.push_str(", or gone by now if its application no longer holds the socket");
            }
            let (own, other, packet) = (view.who(e), view.who(1 - e), step.mark.packet);
            let fin = if captured {
                words!["the FIN of ", other, " (packet ", packet, ")"]
            } else {
                words!["a FIN of ", other, " that was not captured (packet ", packet, " shows it)"]
            };
            let (here, total) = (view.stands(e), AtLeast(total));
            words![own, " is ", here, ": no FIN of it for ", total, " after ", fin, "; the other end is ", stands]
        };
        sink.raise(severity, step.mark.time, step.mark.packet, message)
            .at(e)
            .lasted("for_at_least", total)
            .short_of(quiet, usual)
            .span("quiet_for_at_least", quiet)
            .fact("bytes_sent_since", view.cold(e).after_peer_fin)
            .fact("peer_state", view.state(1 - e).name());
    }
}

/// It closed in the end, but late.
fn late(view: &View<'_>, e: usize, sink: &mut Sink<'_>) {
    let Some(entered) = view.entered(e, State::CloseWait) else { return };
    let Some(left) = view.steps(e).iter().find(|s| s.rule.from == State::CloseWait) else { return };
    let how = match left.mark.event {
        Event::SndFin => "closed only",
        Event::SndRst => "let go, with a RST, only",
        Event::RcvRst => "had not closed yet when a RST ended the connection,",
        _ => return,
    };
    let took = left.mark.time - entered.mark.time;
    // Its FIN may have waited behind data that was not acknowledged.
    let held = left.mark.event == Event::RcvRst && view.connection.ends[e].unacked() > 0;
    if took < view.span(&AFTER) || view.cold(e).after_peer_fin > 0 || held {
        return;
    }
    let message = || {
        let (own, took, packet) = (view.who(e), Plain(took), entered.mark.packet);
        words![own, " ", how, " ", took, " after the FIN of ", view.who(1 - e), " (packet ", packet, ")"]
    };
    sink.raise(Severity::Note, entered.mark.time, entered.mark.packet, message).at(e).lasted("for", took);
}

/// For how long end `e`, in CLOSE_WAIT by `step`, has not sent anything.
pub(super) fn quiet(view: &View<'_>, e: usize, step: &Step) -> Span {
    let since = step.mark.time;
    view.scene.end - view.end(e).last_data().filter(|t| *t > since).unwrap_or(since)
}

/// How long end `e`, in CLOSE_WAIT by `step`, may be so up to the end of the capture.
pub(super) fn patience(view: &View<'_>, e: usize, step: &Step) -> Span {
    // In a short time nothing follows from a FIN that is not known to have arrived, or was not even captured; and who has
    // gone on sending only pauses.
    let known = !matches!(step.mark.evidence, Evidence::Inferred | Evidence::Assumed) && !view.misses_fins(1 - e);
    if known && view.cold(e).after_peer_fin == 0 { view.patience(&AFTER) } else { after(view) }
}

/// How long it may be.
pub(super) fn after(view: &View<'_>) -> Span {
    view.span(&AFTER)
}
