//! Q06: segments larger than any wire carries: the capturing host's own, before its card cuts them.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "Q06",
    name: "segments-above-mss",
    severity: Severity::Info,
    summary: "segments are larger than the MSS: offload, seen on the host that captured",
    what: "The operating system hands large segments to its network card, which cuts them, or gets small ones joined; the \
           capture sits in between.",
    why: "Sizes and counts of segments are not those on the wire. Times and states are not affected.",
    decided: "Payload larger than the MSS that the receiver announced (RFC 9293 §3.7.1).",
    confused: "jumbo frames, which come with a larger MSS.",
    advice: "Nothing; to see the wire, capture elsewhere or switch offloading off (`ethtool -K … tso off gso off gro off`).",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=14600> --> ESTABLISHED
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460> --> SYN_RCVD
2. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD
3. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1460> --> ESTABLISHED
",
    ),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, _: &Services<'_>) -> Vec<Shown> {
    let n = scene.quality.oversized;
    if n == 0 {
        return Vec::new();
    }
    vec![Shown {
        severity: Severity::Info,
        count: n,
        message: format!(
            "{} sent segments larger than the peer's MSS: captured before or after offload",
            plural(n, "end"),
        ),
        at: None,
        connections: Vec::new(),
        packets: Vec::new(),
        facts: facts([("ends", Value::from(n))]),
    }]
}
