//! L02: segments that overtook others.

use super::prelude::*;

const MANY: Threshold = Threshold::count(
    "reordering",
    10,
    "how many segments of one end must be late, if they are also more than the share",
    "a few are everyday: RFC 5681 §3.2 waits for three duplicate ACKs because of them",
);
const SHARE: Threshold =
    Threshold::share("reordering-share", 10_000, "share of an end's segments from which on they are many", "1 %");

pub static DECLARATION: Declaration = Declaration {
    code: "L02",
    name: "reordering",
    severity: Severity::Note,
    summary: "segments arrived out of order without having been lost",
    what: "Many segments of one end were captured after others that their sender had sent later.",
    why: "The receiver answers each that came too early with a duplicate ACK. A segment that three or more others overtake looks \
          lost: it is sent again without need, and the sender halves its rate (RFC 5681 §3.2).",
    decided: "A segment fills a gap in the stream, and its timestamp, or where that does not tell its IP identification, is \
              older than one captured before: it was sent first and came late (a reordered packet of RFC 4737 §3.3). Where \
              neither tells, nothing is said. Both the number and the share are needed.",
    confused: "retransmissions, where the missing part is sent anew; a capture that mixes up its own receive queues or interfaces, \
               while the wire has the right order.",
    advice: "Look for links used packet by packet (bonding in round-robin mode, per-packet load balancing, radio links that \
             repeat). Compare with a capture at the other end before blaming the path: is the order wrong there too?",
    thresholds: &[&MANY, &SHARE],
    absence: false,
    witness: Witness::Peer,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10><ID=2> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=1> --> ESTABLISHED
6. ESTABLISHED --> <SEQ=131><ACK=301><CTL=ACK><LEN=10><ID=4> --> ESTABLISHED
7. ESTABLISHED --> <SEQ=121><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED
8. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=10><ID=6> --> ESTABLISHED
9. ESTABLISHED --> <SEQ=141><ACK=301><CTL=ACK><LEN=10><ID=5> --> ESTABLISHED
10. ESTABLISHED --> <SEQ=171><ACK=301><CTL=ACK><LEN=10><ID=8> --> ESTABLISHED
11. ESTABLISHED --> <SEQ=161><ACK=301><CTL=ACK><LEN=10><ID=7> --> ESTABLISHED
12. ESTABLISHED --> <SEQ=191><ACK=301><CTL=ACK><LEN=10><ID=10> --> ESTABLISHED
13. ESTABLISHED --> <SEQ=181><ACK=301><CTL=ACK><LEN=10><ID=9> --> ESTABLISHED
14. ESTABLISHED --> <SEQ=211><ACK=301><CTL=ACK><LEN=10><ID=12> --> ESTABLISHED
15. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=10><ID=11> --> ESTABLISHED
16. ESTABLISHED --> <SEQ=231><ACK=301><CTL=ACK><LEN=10><ID=14> --> ESTABLISHED
17. ESTABLISHED --> <SEQ=221><ACK=301><CTL=ACK><LEN=10><ID=13> --> ESTABLISHED
18. ESTABLISHED --> <SEQ=251><ACK=301><CTL=ACK><LEN=10><ID=16> --> ESTABLISHED
19. ESTABLISHED --> <SEQ=241><ACK=301><CTL=ACK><LEN=10><ID=15> --> ESTABLISHED
20. ESTABLISHED --> <SEQ=271><ACK=301><CTL=ACK><LEN=10><ID=18> --> ESTABLISHED
21. ESTABLISHED --> <SEQ=261><ACK=301><CTL=ACK><LEN=10><ID=17> --> ESTABLISHED
22. ESTABLISHED --> <SEQ=291><ACK=301><CTL=ACK><LEN=10><ID=20> --> ESTABLISHED
23. ESTABLISHED --> <SEQ=281><ACK=301><CTL=ACK><LEN=10><ID=19> --> ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=111><ACK=301><CTL=ACK><LEN=10><ID=1> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10><ID=2> --> ESTABLISHED
6. ESTABLISHED --> <SEQ=131><ACK=301><CTL=ACK><LEN=10><ID=3> --> ESTABLISHED
7. ESTABLISHED --> <SEQ=121><ACK=301><CTL=ACK><LEN=10><ID=4> --> ESTABLISHED
8. ESTABLISHED --> <SEQ=151><ACK=301><CTL=ACK><LEN=10><ID=5> --> ESTABLISHED
9. ESTABLISHED --> <SEQ=141><ACK=301><CTL=ACK><LEN=10><ID=6> --> ESTABLISHED
10. ESTABLISHED --> <SEQ=171><ACK=301><CTL=ACK><LEN=10><ID=7> --> ESTABLISHED
11. ESTABLISHED --> <SEQ=161><ACK=301><CTL=ACK><LEN=10><ID=8> --> ESTABLISHED
12. ESTABLISHED --> <SEQ=191><ACK=301><CTL=ACK><LEN=10><ID=9> --> ESTABLISHED
13. ESTABLISHED --> <SEQ=181><ACK=301><CTL=ACK><LEN=10><ID=10> --> ESTABLISHED
14. ESTABLISHED --> <SEQ=211><ACK=301><CTL=ACK><LEN=10><ID=11> --> ESTABLISHED
15. ESTABLISHED --> <SEQ=201><ACK=301><CTL=ACK><LEN=10><ID=12> --> ESTABLISHED
16. ESTABLISHED --> <SEQ=231><ACK=301><CTL=ACK><LEN=10><ID=13> --> ESTABLISHED
17. ESTABLISHED --> <SEQ=221><ACK=301><CTL=ACK><LEN=10><ID=14> --> ESTABLISHED
18. ESTABLISHED --> <SEQ=251><ACK=301><CTL=ACK><LEN=10><ID=15> --> ESTABLISHED
19. ESTABLISHED --> <SEQ=241><ACK=301><CTL=ACK><LEN=10><ID=16> --> ESTABLISHED
20. ESTABLISHED --> <SEQ=271><ACK=301><CTL=ACK><LEN=10><ID=17> --> ESTABLISHED
21. ESTABLISHED --> <SEQ=261><ACK=301><CTL=ACK><LEN=10><ID=18> --> ESTABLISHED
22. ESTABLISHED --> <SEQ=291><ACK=301><CTL=ACK><LEN=10><ID=19> --> ESTABLISHED
23. ESTABLISHED --> <SEQ=281><ACK=301><CTL=ACK><LEN=10><ID=20> --> ESTABLISHED
"
    )),
    detect: Detect::Connection(Signs::OVERTAKEN, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    for e in [view.client, view.server()] {
        let cold = view.cold(e);
        let Some((time, packet)) = cold.first_late else { continue };
        let packets = view.sent(e).max(1);
        let share = f64::from(cold.late) / packets as f64;
        if i64::from(cold.late) < view.limit(&MANY) || share * 1e6 < view.limit(&SHARE) as f64 {
            continue;
        }
        let message = || {
            format!(
                "{} of the {} of {} ({:.1} %) {} captured after some that were sent later: out of order, not lost",
                count(cold.late.into()),
                plural(packets, "segment"),
                view.who(e),
                share * 100.0,
                if cold.late == 1 { "was" } else { "were" },
            )
        };
        sink.raise(Severity::Note, time, packet, message)
            .at(e)
            .count("segments", cold.late)
            .fact("share", (share * 1e4).round() / 1e4);
    }
}
