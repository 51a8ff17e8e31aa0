//! C05: one direction is closed, the other still in use.

use super::cause::{Cause, cause};
use super::limits::Limits;
use super::prelude::*;
use super::sink::{Brief, micros};
use super::view::Who;
use crate::report::Anomaly;
use crate::tracker::{Halved, Textbook};

const AFTER: Threshold = Threshold::duration(
    "half-close",
    Span::millis(2),
    "how long after it had received the FIN an end must still send",
    "an answer that was already being written goes out within a millisecond",
);

pub static DECLARATION: Declaration = Declaration {
    code: "C05",
    name: "half-close",
    severity: Severity::Info,
    summary: "one end has closed its direction, the other still sends",
    what: "An end sent data from CLOSE_WAIT: after it had acknowledged the peer's FIN.",
    why: "That is legal and some protocols live by it, but it keeps FIN_WAIT_2 and CLOSE_WAIT alive on purpose, which looks \
          like a leak to tools that only count states.",
    decided: "A segment with new payload acknowledges the peer's FIN (RFC 9293 §3.6 case 2) and is sent later than the threshold \
              after that FIN had been received, round trip to the tap deducted. An answer sent at once, and then FIN, is \
              an ordinary close. Nor is it one where the peer, gone altogether, took none of that data: it answered the \
              first of it with RST.",
    confused: "close-wait-stuck (nothing is sent); rst-after-close (the data meets a socket that is gone).",
    advice: "Nothing, if both applications expect it.",
    thresholds: &[&AFTER],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK> <-- CLOSE_WAIT
6. FIN_WAIT_2 <-- <SEQ=301><ACK=102><CTL=ACK><LEN=500> <-- CLOSE_WAIT @ 1s
7. FIN_WAIT_2 --> <SEQ=102><ACK=801><CTL=ACK> --> CLOSE_WAIT
8. TIME_WAIT <-- <SEQ=801><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
9. TIME_WAIT --> <SEQ=102><ACK=802><CTL=ACK> --> CLOSED
"
    )),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> ...
5. FIN_WAIT_1 <-- <SEQ=301><ACK=101><CTL=ACK><LEN=500> <-- ESTABLISHED
6. FIN_WAIT_1 ... <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
7. FIN_WAIT_1 --> <SEQ=102><ACK=801><CTL=ACK> --> CLOSE_WAIT
8. TIME_WAIT <-- <SEQ=801><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
9. TIME_WAIT --> <SEQ=102><ACK=802><CTL=ACK> --> CLOSED
"
    )),
    detect: Detect::Connection(Signs::HALF_CLOSED.or(Signs::event(Event::PeerHadClosed)), detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let end = view.end(e);
        if let Some(received) = view.event(e, Event::PeerHadClosed) {
            // All it sent came after that. Where the peer answers without a socket, it may as well be gone: half-open-dead-peer
            // tells of it.
            let gone = view.signals.resets().iter().any(|r| r.from != e && !r.ack);
            if let Some(last) = end.last_data().filter(|_| !gone) {
                let bytes = view.connection.ends[e].bytes;
                let (who, peer) = (view.who(e), view.who(1 - e));
                let message = || {
                    let sent = plural(bytes, "byte");
                    let came = match view.connection.may_have_been_open() {
                        false => "came before the capture began",
                        true => "most likely came before the capture began: that end only acknowledged since",
                    };
                    sentence!("{who} sent {sent} after the FIN of {peer}, which {came}")
                };
                sink.raise(Severity::Info, received.mark.time, view.connection.first_packet, message)
                    .at(e)
                    .fact("bytes", bytes)
                    .lasted("for_at_least", last - received.mark.time);
            }
            continue;
        }
        let Some((time, packet)) = view.cold(e).first_after_peer_fin else { continue };
        if is_refused(view, e, packet) {
            continue;
        }
        let until = end.last_data().unwrap_or(time);
        let received = view.event(e, Event::RcvFin).map_or(time, |s| s.mark.time);
        // To this end and back to the tap.
        let way = view.connection.ends[e].turnaround().unwrap_or_default();
        if until - received - way < view.span(&AFTER) {
            continue;
        }
        let (bytes, span) = (view.cold(e).after_peer_fin, until - received);
        let message = || told([view.who(e), view.who(1 - e)], bytes, span);
        sink.raise(Severity::Info, time, packet, message).at(e).fact(BYTES, bytes).lasted(FOR, span);
    }
}

/// Facts of it.
const BYTES: &str = "bytes";
const FOR: &str = "for";

fn told([who, peer]: [Who; 2], bytes: u64, span: Span) -> String {
    words![who, " went on sending for ", Plain(span), " after the FIN of ", peer, ": ", plural(bytes, "byte")]
}

/// How long an end went on sending after it had received the other's FIN, on a connection that went by the book.
fn went_on(book: &Textbook, halved: &Halved) -> Span {
    halved.last - book.received_fin()
}

/// What is said of that in short, if that is long by `limits`; `declaration` is the number of this anomaly.
pub(super) fn by_the_book(declaration: u8, after: Span, (book, halved): (&Textbook, &Halved)) -> Option<Brief> {
    let span = went_on(book, halved);
    let (time, packet) = halved.first;
    let endpoint = Some(Side::ALL[1 - (book.closer() & 1)]);
    let severity = Severity::Info;
    (span - book.turnaround_of_last() >= after).then(|| Brief {
        time,
        packet,
        length: micros(span),
        number: 0,
        cause: None,
        declaration,
        severity,
        endpoint,
    })
}

/// Where that line is drawn.
pub(super) fn after(limits: &Limits) -> Span {
    limits.span(&AFTER)
}

/// The same in full, of a connection between these sockets.
pub(super) fn in_full(brief: &Brief, sockets: &[Socket; 2], (book, halved): (&Textbook, &Halved)) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, .. } = *brief;
    let span = went_on(book, halved);
    let closer = book.closer() & 1;
    let message = told([1 - closer, closer].map(|e| Who::new(Side::ALL[e], sockets[e])), halved.bytes, span);
    let facts = facts([(BYTES, Value::from(halved.bytes)), (FOR, seconds(span))]);
    Anomaly { code, name, severity, endpoint, time, packet: Some(packet), message, facts }
}

/// The peer of end `e` took nothing of what came from packet `first` on: it was gone, and sent its RST in answer to that
/// packet, or before it had acknowledged any of it. rst-after-close, write-after-fin or request-crossed-fin tells of it.
fn is_refused(view: &View<'_>, e: usize, first: u64) -> bool {
    let refuses = |r: &signals::Reset| {
        let first_met = r.trigger.is_some_and(|t| first >= t.packet);
        r.from != e
            && (first_met || u64::from(r.pending) >= view.cold(e).after_peer_fin)
            && cause(view, r) == Cause::Orphan
    };
    view.signals.resets().iter().any(refuses)
}
