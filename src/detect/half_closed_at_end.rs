//! C08: closed by one end when the capture ends, too soon to tell what becomes of it.

use super::close_wait_stuck;
use super::prelude::*;
use crate::tracker::sequence::before;

pub static DECLARATION: Declaration = Declaration {
    code: "C08",
    name: "half-closed-at-end",
    severity: Severity::Info,
    summary: "when the capture ends one end has closed and the other has not yet",
    what: "One end is in CLOSE_WAIT at the last packet, and has not been there for long.",
    why: "It may close a moment later, or never: the capture does not tell. If the same shows in every capture of the service, \
          it never does.",
    decided: "The last state is CLOSE_WAIT, for less than close-wait-stuck takes to tell: its threshold, or a tenth of a short \
              capture, but no less than 2 s. Where that state is but assumed, or another (TIME_WAIT) for want of anything but \
              one FIN and its acknowledgment, the message says what was seen.",
    confused: "close-wait-stuck, where the capture runs long enough to tell.",
    advice: "Capture for longer than the service could reasonably take, or look at `ss -tan state close-wait` on the host.",
    thresholds: &[],
    absence: true,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. - - @ 90s
"
    )),
    detect: Detect::Connection(Signs::ended(State::CloseWait).or(Signs::event(Event::HadClosed)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(step) = in_close_wait(view, e).or_else(|| lone_fin(view, e)) else { continue };
        let span = view.scene.end - step.mark.time;
        let message = || {
            let (own, peer, after) = (view.who(e), view.who(1 - e), Plain(span));
            if step.mark.evidence != Evidence::Assumed {
                let (here, there) = (view.stands(e), view.stands(1 - e));
                return format!("{own} was {here} and {peer} {there} when the capture ended, {after} after the FIN");
            }
            let (end, packet) = (&view.connection.ends[1 - e], step.mark.packet);
            let fin = if end.fins > 0 { "sent a FIN" } else { "sent a FIN that was not captured" };
            let shown = if packet > 0 { format!(" (packet {packet})") } else { String::new() };
            let acked = end.fin().is_none_or(|fin| end.acked().is_some_and(|acked| !before(acked, fin)));
            let lacks = if acked { "no FIN" } else { "neither an acknowledgment of it nor a FIN" };
            format!("{peer} {fin}{shown}; {lacks} of {own} was seen up to the end of the capture, {after} later")
        };
        sink.raise(Severity::Info, step.mark.time, step.mark.packet, message).at(e).lasted("for_at_least", span);
    }
}

/// How end `e` came to CLOSE_WAIT, if it is there, as far as is known, and not for long.
fn in_close_wait<'a>(view: &View<'a>, e: usize) -> Option<&'a Step> {
    let (step, _) = view.stuck_in(e, State::CloseWait)?;
    let short = || close_wait_stuck::quiet(view, e, step) < close_wait_stuck::patience(view, e, step);
    (step.mark.evidence != Evidence::Inferred && short()).then_some(step)
}

/// How end `e` received the peer's FIN, if that and its acknowledgment are all that was captured: that it had closed before is
/// but the likeliest.
fn lone_fin<'a>(view: &View<'a>, e: usize) -> Option<&'a Step> {
    let closed = view.event(e, Event::HadClosed).is_some() && view.connection.ends.iter().all(|end| end.bytes == 0);
    view.entered(e, State::TimeWait).filter(|_| closed)
}
