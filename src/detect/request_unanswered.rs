//! E07: a server has a request, and does not answer it.

use super::prelude::*;

pub(super) const AFTER: Threshold = Threshold::wait(
    "request-unanswered",
    Span::secs(5),
    "how long a request must have been without an answer when one end closes",
    "far beyond any round trip; clients that are impatient give up then",
);
pub(super) const LONG: Threshold = Threshold::wait(
    "request-unanswered-long",
    Span::secs(30),
    "from when on that is a warning, and is told where both ends still wait when the capture ends",
    "the timeout of many clients and proxies; who waits for news on purpose (long polling) mostly has them, or nothing new, by then",
);

pub static DECLARATION: Declaration = Declaration {
    code: "E07",
    name: "request-unanswered",
    severity: Severity::Warning,
    summary: "a server acknowledged what a client had sent, and did not answer it",
    what: "The client sent a request, the server's TCP acknowledged all of it, and no byte came back until one of them closed or \
           the capture ended.",
    why: "The connection and the network work: an acknowledgment is sent by the kernel, whether the application reads or \
          not. Who waits for the answer waits for the application.",
    decided: "Time from the last byte of the client's last payload to the first FIN or RST, or to the end of the capture, without \
              payload of the server in between. All of it is acknowledged and nothing of it was sent twice. What looks as if it \
              needs no answer does not count: what is shorter than all that was answered before, or than half of the mean, \
              what went on after a pause, and what is shorter than 64 bytes and came at once after what the server sent unasked. \
              Nor does less than twice the longest wait for an answer before. Shorter than 30 s, or as long as both wait, it is a \
              note.",
    confused: "protocols in which a client only tells (logs, metrics, messages that are published) or the server asks; waiting \
               for news on purpose (long polling, subscriptions); answers that the capture missed; zero-window-stall, where the request does not \
               get through; half-open-dead-peer, where nothing is acknowledged.",
    advice: "Look at what the server's application did in that time: workers or pooled connections used up, a lock, a slow \
             query or upstream (its own connections may be in the capture). `ss -tn` on the server: Recv-Q above 0 means that \
             it never read the request. A server that closes as soon as the client has is not stuck itself: a proxy whose \
             upstream hangs, for instance. Compare the time with the timeouts of client and proxies: who gives up first?",
    thresholds: &[&AFTER, &LONG],
    absence: true,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. FIN_WAIT_1 --> <SEQ=181><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT @ 40s
7. FIN_WAIT_2 <-- <SEQ=301><ACK=182><CTL=ACK> <-- CLOSE_WAIT
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=80> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=181><CTL=ACK><LEN=500> <-- ESTABLISHED @ 39s
7. ESTABLISHED --> <SEQ=181><ACK=801><CTL=ACK> --> ESTABLISHED
8. FIN_WAIT_1 --> <SEQ=181><ACK=801><CTL=FIN,ACK> --> CLOSE_WAIT @ 80s
9. FIN_WAIT_2 <-- <SEQ=801><ACK=182><CTL=ACK> <-- CLOSE_WAIT
"
    )),
    detect: Detect::Connection(Signs::ASKED, detect),
};

/// How soon an application closes that is told that its peer has.
const AT_ONCE: Span = Span::secs(1);
/// Whoever has waited for longer has not waited: the clock was set.
const BELIEVABLE: Span = Span::secs(30 * 86_400);

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let (client, server) = (view.client, view.server());
    let end = &view.connection.ends[client];
    let Some(sent) = end.sent() else { return };
    // Its FIN is no part of what it asked.
    let sent = sent.wrapping_sub(end.fin().is_some_and(|fin| fin == sent).into());
    let Some(asked) = view.measured.unanswered(client, sent) else { return };
    let acknowledged = end.acked().is_some_and(|acked| acked.wrapping_sub(sent) as i32 >= 0);
    if !acknowledged || (view.is_midstream() && !asked.spoke_before) || may_have_answered(view) {
        return;
    }
    let closer = closer(view);
    let waited = closer.map_or(view.scene.end, |(time, ..)| time) - asked.time;
    // A server that took as long before (long polling, a queue) may be about to answer.
    if waited.0 / 2 <= asked.longest.0 {
        return;
    }
    let open = (0..2).all(|e| view.state(e) == State::Established);
    let long = view.span(&LONG);
    let (told, severity) = match closer {
        Some(_) => {
            (waited >= view.span(&AFTER).min(long), if waited >= long { Severity::Warning } else { Severity::Note })
        }
        None => (open && waited >= long, Severity::Note),
    };
    if !told || waited > BELIEVABLE {
        return;
    }
    let message = || {
        let before = if asked.spoke_before { "nothing more" } else { "nothing at all" };
        let bytes = plural(asked.bytes.into(), "byte");
        let who = view.who(server);
        match closer {
            None => format!("{who} acknowledged {bytes} and has sent {before} for {}", AtLeast(waited)),
            Some((_, e, how)) => {
                let (waited, closer) = (Plain(waited), view.side(e));
                let noticed = match (notices(view), asked.spoke_before) {
                    (false, _) => "",
                    (true, true) => "; it noticed that at once, and so had waited for something else",
                    (true, false) => "; it noticed that at once: it had waited for something else, or only listens",
                };
                format!("{who} acknowledged {bytes} and sent {before} for {waited}, until {closer} {how}{noticed}")
            }
        }
    };
    sink.raise(severity, asked.time, asked.packet, message)
        .at(server)
        .lasted(if closer.is_none() { "for_at_least" } else { "for" }, waited)
        .fact("bytes", asked.bytes)
        .fact("spoke_before", asked.spoke_before);
}

/// Whether the server is not stuck itself: it closes as soon as the client has. A proxy does so that waits for its upstream; who
/// collects logs or files, too.
fn notices(view: &View<'_>) -> bool {
    let closed = |e| view.event(e, Event::SndFin).map(|step| step.mark.time);
    closed(view.client).zip(closed(view.server())).is_some_and(|(client, server)| {
        let after = server - client;
        after >= Span(0) && after < AT_ONCE
    })
}

/// Who was the first to close or reset the connection, when, and which of both.
fn closer(view: &View<'_>) -> Option<(Time, usize, &'static str)> {
    let closes = (0..2).flat_map(|e| {
        [(Event::SndFin, "closed"), (Event::SndRst, "reset it")]
            .into_iter()
            .filter_map(move |(event, how)| Some((view.event(e, event)?.mark.time, e, how)))
    });
    closes.min()
}

/// Whether an answer may have been sent and not captured, or not have been possible; or the client cannot know that there is
/// none, as nothing is heard of the server any more.
fn may_have_answered(view: &View<'_>) -> bool {
    let server = view.server();
    view.is_one_sided()
        || view.end(server).missing.saturating_add(view.signals.skipped(server)) > 0
        || view.cold(server).zero.since.is_some()
        || view.unanswered(view.client).first().is_some()
}
