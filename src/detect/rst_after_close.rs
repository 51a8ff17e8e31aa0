//! R02: data for a socket that has closed fully.

use super::cause::{Cause, REQUEST_CROSSED_FIN, WRITE_AFTER_FIN, cause, held_fin, knows_fin, missed_fin};
use super::prelude::*;
use super::rst_abort::is_in_history;
use super::{request_crossed_fin, write_after_fin};

pub static DECLARATION: Declaration = Declaration {
    code: "R02",
    name: "rst-after-close",
    severity: Severity::Warning,
    summary: "data sent to a socket that had closed is answered by RST",
    what: "An end had closed and was gone altogether; the peer went on sending, and met a RST. As a rule its FIN had been sent; \
           it may also have had to wait behind data that was not acknowledged or not sent yet.",
    why: "A FIN says only \"I send no more\", but this end's application had closed both directions, so what the peer still \
          sent is lost, and the peer's application sees a reset.",
    decided: "A RST without ACK, from an end whose FIN had been sent, in answer to a later segment (RFC 9293 §3.5.2 group 1, \
              §3.6.1 SHLD-3; Linux resets an orphan in FIN_WAIT_1 or FIN_WAIT_2 that receives data). The FIN may be one that the \
              capture missed, and the peer acknowledged. Also from an end whose FIN was not captured, and whose data was not \
              acknowledged yet or had no window, if that is its first RST, has the TTL of its other segments and comes no later than it would repeat that data: an abort would have sent one with ACK. A \
              note where write-after-fin or request-crossed-fin warns of the same RST and tells more of it.",
    confused: "half-open-dead-peer, where data of its own had been sent four times or more in vain: it may as well have given up \
               on that; half-close, where the data is taken; rst-abort, where the socket that aborts sends the RST; a RST after \
               both ends had closed.",
    advice: "The end that reset closes too early, or the peer writes after it has read end-of-file. With a connection pool: \
             make the idle timeout of the side that reuses connections shorter than that of the side that closes them.",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=10> <-- CLOSE_WAIT @ 1s
7. CLOSED --> <SEQ=102><CTL=RST> --> CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED
5. CLOSED <-- <SEQ=301><ACK=101><CTL=RST,ACK> <-- CLOSED
"
    )),
    detect: Detect::Connection(Signs::RESET, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    // Of several, which answer what was under way, the first may come too early to be accepted.
    let later = |r: &signals::Reset| {
        let others = view.signals.resets().iter().filter(|o| o.from == r.from && o.packet > r.packet && !o.ack);
        !r.ack && others.into_iter().any(|o| is_in_history(view, o))
    };
    let stands = |r: &signals::Reset| is_in_history(view, r) || held_fin(view, r) || later(r);
    let orphan = |r: &&signals::Reset| !r.ack && cause(view, r) == Cause::Orphan && stands(r);
    let Some(reset) = view.signals.resets().iter().find(orphan) else { return };
    let e = reset.from;
    let data = reset.trigger.is_some_and(|t| t.len > 0);
    // What it answers: written in the knowledge of the FIN, or underway when the FIN came.
    let knew = knows_fin(view, reset);
    let (held, missed) = (held_fin(view, reset), missed_fin(view, reset).is_some());
    let late = request_crossed_fin::late(view, reset).filter(|_| data && !knew && !held && !missed);
    let message = || {
        format!(
            "{} of {} met a RST: {} had {}closed fully{}{}",
            if data { "data" } else { "a segment" },
            view.who(1 - e),
            view.who(e),
            if held || missed { "most likely " } else { "" },
            match (data, knew) {
                _ if held => ", its FIN still waiting behind data of its own",
                _ if missed => ", with a FIN that the capture missed",
                (true, true) => ", and its FIN had been acknowledged",
                (true, false) if late.is_none() => "; the data crossed its FIN",
                _ => "",
            },
            late.map(|after| format!("; its FIN, sent {} before the data, had not got through", Plain(after)))
                .unwrap_or_default(),
        )
    };
    let told = write_after_fin::met(view).is_some_and(|(r, ..)| r.packet == reset.packet)
        || request_crossed_fin::met(view).is_some_and(|r| r.packet == reset.packet);
    let severity = if data && !told { Severity::Warning } else { Severity::Note };
    let found = sink
        .raise(severity, reset.time, reset.packet, message)
        .at(1 - e)
        .cause(match knew {
            _ if held => Cause::Orphan.name(),
            true => WRITE_AFTER_FIN,
            _ if missed || late.is_some() => Cause::Orphan.name(),
            false => REQUEST_CROSSED_FIN,
        })
        .fact("lost_bytes", reset.pending);
    if let Some(trigger) = reset.trigger {
        found.fact("trigger", trigger.packet);
    }
}
