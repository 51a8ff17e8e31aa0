//! Q02: packets captured twice.

use super::prelude::*;

const SHARE: Threshold = Threshold::share(
    "packets-duplicated",
    10_000,
    "share of segments that are copies of an earlier one",
    "1 %: the network itself repeats far fewer",
);

pub static DECLARATION: Declaration = Declaration {
    code: "Q02",
    name: "packets-duplicated",
    severity: Severity::Note,
    summary: "packets were captured more than once",
    what: "The same packet appears again within moments: captured on several interfaces, or on a mirror port that sees both \
           its arrival and its departure; or the network brought it twice.",
    why: "Counted naively, every copy is a retransmission or a duplicate ACK. Here copies are only counted, and move nothing.",
    decided: "Same sequence and acknowledgment numbers, length, flags, window, timestamps, SACK blocks and IP identification \
              within 100 ms, half of the least timeout of common stacks; where neither timestamps nor an identification tell \
              copies from repetitions, the same checksum within 1 ms. Also payload that comes behind later payload, where the \
              identification is as much lower as segments were sent since, and the timestamp is no newer. Also a SYN with the \
              timestamp that it had, of an end that has sent something else since, and then, however late, whatever left its \
              sender before what is known: two captures were put together whose clocks differ. Also in another VLAN, \
              or inside of a tunnel: it is one connection then.",
    confused: "retransmissions: a sender that repeats a segment gives it a new identification or timestamp, as a rule, or waits \
               for its timer.",
    advice: "Capture on one interface instead of `any`, or drop copies first (`editcap -d`). Nothing here depends on it. A few \
             among many, on one interface: the network may have made them, or held segments up until their repetitions had \
             overtaken them.",
    thresholds: &[&SHARE],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><ID=7> --> SYN_RCVD
2. SYN_SENT --> <SEQ=100><CTL=SYN><ID=7> --> SYN_RCVD @ +1ms
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><ID=8> <-- SYN_RCVD
4. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><ID=8> <-- SYN_RCVD @ +1ms
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ +1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
",
    ),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, _: &Services<'_>) -> Vec<Shown> {
    let q = &scene.quality;
    let share = q.copies as f64 / q.segments.max(1) as f64;
    if q.copies == 0 || share * 1e6 < scene.limits.get(&SHARE) as f64 {
        return Vec::new();
    }
    let every = match share {
        0.6.. => ": every packet several times, as a capture of all interfaces of a router shows it",
        0.45.. => ": every packet twice, as a capture of all interfaces of a router shows it",
        _ => "",
    };
    vec![Shown {
        severity: Severity::Note,
        count: q.copies,
        message: format!(
            "{} of {} {} of others ({:.1} %){every}",
            count(q.copies),
            plural(q.segments, "segment"),
            if q.copies == 1 { "is a copy" } else { "are copies" },
            share * 100.0
        ),
        at: None,
        connections: Vec::new(),
        packets: Vec::new(),
        facts: facts([
            ("copies", Value::from(q.copies)),
            ("segments", Value::from(q.segments)),
            ("share", Value::from((share * 1e4).round() / 1e4)),
        ]),
    }]
}
