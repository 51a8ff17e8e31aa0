//! F01: a receiver closes its window while the sender has more.

use super::prelude::*;

const AFTER: Threshold = Threshold::duration(
    "zero-window-stall",
    Span::secs(1),
    "how long a window may be closed, all together",
    "longer than any round trip: the application is not reading",
);
const SHORT: Threshold = Threshold::duration(
    "zero-window-stall-note",
    Span::millis(200),
    "how long it must have been closed to be noted, if it was probed",
    "the first probe comes after a retransmission timeout (RFC 9293 §3.8.6.1), at least 200 ms on common stacks",
);
const LONG: Threshold = Threshold::duration(
    "zero-window-stall-error",
    Span::secs(30),
    "from when on that is an error",
    "users have given up by then",
);

pub static DECLARATION: Declaration = Declaration {
    code: "F01",
    name: "zero-window-stall",
    severity: Severity::Warning,
    summary: "a receiver's window stays closed: its application does not read",
    what: "An end offered a window of 0 and kept it closed while the other end had more to send, and probed.",
    why: "The sender is not slow and the network is not at fault: the receiving application does not take its data.",
    decided: "Window field 0 in a segment other than SYN, FIN or RST, until the next with a larger one (RFC 9293 §3.8.6.1), \
              with probes or unacknowledged data against it. Shorter than the threshold it is no more than a note.",
    confused: "the window of a RST or SYN; keepalives, which look like probes but meet an open window.",
    advice: "Look at the process on the side whose window is closed: blocked, overloaded, or reading from slow storage.",
    thresholds: &[&AFTER, &SHORT, &LONG],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
6. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 1s
7. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
8. ESTABLISHED --> <SEQ=1100><ACK=301><CTL=ACK> --> ESTABLISHED @ 3s
9. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=0> <-- ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=1101><CTL=ACK><WIN=2000> <-- ESTABLISHED @ +20ms
7. ESTABLISHED --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
8. - - @ 9s
"
    )),
    detect: Detect::Connection(Signs::SHUT, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let zero = &view.cold(e).zero;
        let Some((time, packet)) = zero.first else { continue };
        // A connection that ended left nobody waiting.
        let until =
            view.steps(e).iter().rev().find(|s| s.rule.to == State::Closed).map_or(view.scene.end, |s| s.mark.time);
        // Of a window is known what its end said of it: silence is no closed window.
        let silent = view.unanswered(1 - e);
        let unheard = zero.since.and(silent.first()).filter(|_| silent.probes.saturating_add(silent.content) > 1);
        let until = unheard.map_or(until, |(since, _)| until.min(since));
        let open = zero.since.map_or(Span(0), |t| Span((until - t).0.max(0)));
        let total = Span(zero.total.0.saturating_add(open.0));
        let wanted = zero.probes > 0 || view.connection.ends[1 - e].unacked() > 0;
        let least = if zero.probes > 0 { view.span(&SHORT).min(view.span(&AFTER)) } else { view.span(&AFTER) };
        if !wanted || total < least {
            continue;
        }
        let still = zero.since.is_some();
        // A single one is answered by the opening.
        let lost = zero.unheard > 1;
        let severity = match total {
            t if t >= view.span(&LONG) && !lost => Severity::Error,
            t if t >= view.span(&AFTER) => Severity::Warning,
            _ => Severity::Note,
        };
        let message = || {
            let answered = match unheard {
                Some(_) => ", in the end without an answer",
                None if lost => ", several times without an answer: it may have opened its window before",
                None => "",
            };
            format!(
                "{} kept its window closed for {}{}{}; {} probed {}{answered}",
                view.who(e),
                if lost && !still { "up to " } else { "" },
                if still { AtLeast(total).to_string() } else { Plain(total).to_string() },
                if still { " and never opened it" } else { "" },
                view.who(1 - e),
                times(zero.probes.into()),
            )
        };
        let found = sink
            .raise(severity, time, packet, message)
            .at(e)
            .lasted(if still { "for_at_least" } else { "for" }, total)
            .span("longest", zero.longest.max(open))
            .fact("times", zero.times)
            .fact("probes", zero.probes);
        if lost {
            found.fact("unanswered_probes", zero.unheard);
        }
    }
}
