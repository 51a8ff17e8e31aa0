//! O14: a SYN sent again with fewer options than the first.

use super::prelude::*;
use crate::signals::Cold;

pub static DECLARATION: Declaration = Declaration {
    code: "O14",
    name: "options-changed",
    severity: Severity::Note,
    summary: "a SYN was sent again without options that the first one had",
    what: "The first SYN offered timestamps, a window scale or an MSS; a repetition, with the same sequence number, did not.",
    why: "If that SYN is the one that is answered, the connection does without: windows stay below 64 KB (RFC 7323 §2), or \
          segments at 536 bytes (RFC 9293 §3.7.1), for as long as it lives. It is slow although nothing looks wrong later.",
    decided: "The options of both SYNs as captured, before anything came from the other end. SYNs whose options the capture cut \
              are left out. SACK and Fast Open are not looked at.",
    confused: "syn-retried, where the SYN is repeated as it was.",
    advice: "Some systems drop options after a few SYNs in vain, in case a device on the path dislikes them: find out why the first \
             ones were not answered. If the client did not drop them, a firewall or proxy before the capture did.",
    thresholds: &[],
    absence: false,
    witness: Witness::Itself,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460><WS=7><TS=1/0> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460><WS=7><TS=1/0> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN><MSS=1460><WS=7><TS=1001/0> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK><MSS=1460> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    detect: Detect::Connection(Signs::ODD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some((e, time, packet, lacks)) = view.signals.cold().and_then(|c| c.stripped) else { return };
    let missing = || {
        let names = [(Cold::TIMESTAMPS, "timestamps"), (Cold::WINDOW_SCALE, "window scale"), (Cold::MSS, "MSS")];
        names.iter().filter(|(bit, _)| lacks & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    };
    let message = || format!("{} sent its SYN again without options that one before had: {}", view.who(e), missing());
    sink.raise(Severity::Note, time, packet, message).at(e).fact_with("options", || Value::from(missing()));
}
