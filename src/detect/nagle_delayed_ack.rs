//! F03: Nagle's algorithm and delayed acknowledgments wait for each other.

use super::prelude::*;

const TIMES: Threshold = Threshold::count(
    "nagle-delayed-ack",
    3,
    "how many times an end of one connection must have held something back",
    "once or twice it may be chance",
);

pub static DECLARATION: Declaration = Declaration {
    code: "F03",
    name: "nagle-delayed-ack",
    severity: Severity::Note,
    summary: "small writes waited for delayed acknowledgments: Nagle's algorithm",
    what: "An end sent a part of its message, and the small rest of it only when the first part was acknowledged. The other end \
           delayed that acknowledgment, as it had nothing to answer before it had the rest.",
    why: "Each message takes 40 ms (Linux), 100 or 200 ms longer than it must, however fast network and applications are.",
    decided: "A segment below 1,220 bytes follows on the acknowledgment of all that its sender had sent in the same message, just \
              when that has reached it (1 ms and an eighth of the round trip more or less). That acknowledgment came 37 to 55, \
              97 to 112 or 190 to 215 ms later than the least round trip, and payload of the other end follows (RFC 9293 §3.7.4 \
              and §3.8.6.3; `TCP_DELACK_MIN` in include/net/tcp.h). Three times on one connection, and three times as often as \
              the rest came at another moment: before the acknowledgment, or well after a delayed one.",
    confused: "an application that pauses to the millisecond for as long between two writes, with Nagle's algorithm off. One that \
               writes at fixed times loses less than the times told: only what it wrote before the acknowledgment came waited.",
    advice: "Write a message in one go (one buffer, writev, or MSG_MORE), or set TCP_NODELAY on the end that writes it in pieces. \
             The receiver can help with TCP_QUICKACK, which does not last.",
    thresholds: &[&TIMES],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK> <-- ESTABLISHED @ +51ms
6. ESTABLISHED --> <SEQ=121><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED @ +10ms
7. ESTABLISHED <-- <SEQ=301><ACK=141><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
8. ESTABLISHED --> <SEQ=141><ACK=311><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
9. ESTABLISHED <-- <SEQ=311><ACK=161><CTL=ACK> <-- ESTABLISHED @ +44ms
10. ESTABLISHED --> <SEQ=161><ACK=311><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
11. ESTABLISHED <-- <SEQ=311><ACK=181><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
12. ESTABLISHED --> <SEQ=181><ACK=321><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
13. ESTABLISHED <-- <SEQ=321><ACK=201><CTL=ACK> <-- ESTABLISHED @ +40ms
14. ESTABLISHED --> <SEQ=201><ACK=321><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
15. ESTABLISHED <-- <SEQ=321><ACK=221><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED
5. ESTABLISHED <-- <SEQ=301><ACK=121><CTL=ACK> <-- ESTABLISHED @ +51ms
6. ESTABLISHED --> <SEQ=121><ACK=301><CTL=ACK><LEN=20> --> ESTABLISHED @ +60ms
7. ESTABLISHED <-- <SEQ=301><ACK=141><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
8. ESTABLISHED --> <SEQ=141><ACK=311><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
9. ESTABLISHED <-- <SEQ=311><ACK=161><CTL=ACK> <-- ESTABLISHED @ +44ms
10. ESTABLISHED --> <SEQ=161><ACK=311><CTL=ACK><LEN=20> --> ESTABLISHED @ +60ms
11. ESTABLISHED <-- <SEQ=311><ACK=181><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
12. ESTABLISHED --> <SEQ=181><ACK=321><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
13. ESTABLISHED <-- <SEQ=321><ACK=201><CTL=ACK> <-- ESTABLISHED @ +40ms
14. ESTABLISHED --> <SEQ=201><ACK=321><CTL=ACK><LEN=20> --> ESTABLISHED @ +1ms
15. ESTABLISHED <-- <SEQ=321><ACK=221><CTL=ACK><LEN=10> <-- ESTABLISHED @ +1ms
"
    )),
    detect: Detect::Connection(Signs::HELD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in 0..2 {
        let Some(held) = view.measured.held(e).filter(|held| i64::from(held.count) >= view.limit(&TIMES)) else {
            continue;
        };
        let message = || {
            let (who, each) = (view.who(e), Plain(Span(held.total.0 / i64::from(held.count.max(1)))));
            let (count, total) = (times(held.count.into()), Plain(held.total));
            format!(
                "{who} held the rest of a message back {count} until its first part was acknowledged, after {each} each, {total} in all"
            )
        };
        let (time, packet) = held.first;
        sink.raise(Severity::Note, time, packet, message).at(e).lasted("for", held.total).fact("times", held.count);
    }
}
