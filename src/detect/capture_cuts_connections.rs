//! Q05: the capture begins or ends inside connections.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "Q05",
    name: "capture-cuts-connections",
    severity: Severity::Info,
    summary: "the capture begins or ends inside connections",
    what: "Connections were open before the first packet, or were not over at the last one.",
    why: "Of the former nobody can say how they were opened, of the latter how they end: every \"at least\" in this report \
          means \"and then the capture ended\".",
    decided: "No SYN of the connection was captured; or an end is in neither CLOSED nor TIME_WAIT at the last packet.",
    confused: "connections that hang: those are reported under their own names once they hang for long enough.",
    advice: "Capture for longer, if one of them matters.",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n")),
    silent: Example::one(opened!(
        "4. FIN_WAIT_1 --> <SEQ=101><ACK=301><CTL=FIN,ACK> --> CLOSE_WAIT
5. TIME_WAIT <-- <SEQ=301><ACK=102><CTL=FIN,ACK> <-- LAST_ACK
6. TIME_WAIT --> <SEQ=102><ACK=302><CTL=ACK> --> CLOSED
"
    )),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, _: &Services<'_>) -> Vec<Shown> {
    let q = &scene.quality;
    if q.begun_before == 0 && q.open_at_end == 0 {
        return Vec::new();
    }
    vec![Shown {
        severity: Severity::Info,
        count: q.begun_before.max(q.open_at_end),
        message: match (q.connections, q.begun_before, q.open_at_end) {
            (1, 0, _) => "the connection was not over when the capture ended".to_owned(),
            (1, _, 0) => "the connection was open before the capture began".to_owned(),
            (1, ..) => "the connection was open before the capture began, and not over when it ended".to_owned(),
            (all, 0, open) => {
                format!("{} of {} connections {} not over when the capture ended", count(open), count(all), were(open))
            }
            (all, begun, 0) => {
                format!("{} of {} connections {} open before the capture began", count(begun), count(all), were(begun))
            }
            (all, begun, open) => format!(
                "of {} connections {} {} open before the capture began, and {} {} not over when it ended",
                count(all),
                count(begun),
                were(begun),
                count(open),
                were(open),
            ),
        },
        at: None,
        connections: Vec::new(),
        packets: Vec::new(),
        facts: facts([
            ("begun_before", Value::from(q.begun_before)),
            ("open_at_end", Value::from(q.open_at_end)),
            ("connections", Value::from(q.connections)),
        ]),
    }]
}

fn were(n: u64) -> &'static str {
    if n == 1 { "was" } else { "were" }
}
