//! Q01: the capture misses packets.

use super::prelude::*;

const SHARE: Threshold =
    Threshold::share("packets-missing", 1_000, "share of the payload that was not captured", "0.1 %: more than chance");
const MANY: Threshold = Threshold::share(
    "packets-missing-warning",
    10_000,
    "from which share on nothing that rests on absence is to be trusted",
    "1 %",
);

pub static DECLARATION: Declaration = Declaration {
    code: "Q01",
    name: "packets-missing",
    severity: Severity::Note,
    summary: "the capture misses packets that were on the wire",
    what: "Bytes were acknowledged by their receiver that no captured packet carried.",
    why: "What the capture missed, it cannot prove absent: findings that rest on absence (never answered, never closed) are \
          lowered to a note and say so.",
    decided: "Sequence numbers acknowledged by their receiver, as a whole or in SACK blocks, but not captured (RFC 9293 §3.4: an \
              acknowledgment covers only what was received), against all payload. What the stream skipped and nobody has \
              acknowledged counts only where nothing of its receiver was captured: otherwise it may have been lost before \
              the tap, or be still under way. Connections seen from one side only are left out. Others are doubted for \
              what one connection lacks as far as that is no more than was captured of it, or than 64 KiB.",
    confused: "loss in the network: what was lost before the tap was not missed by the capture; one-direction.",
    advice: "Capture nearer to the host, with a larger buffer (`tcpdump -B`), a capture filter, or a shorter snap length; look \
             at the drop counters of the interface and of the tool.",
    thresholds: &[&SHARE, &MANY],
    absence: false,
    witness: Witness::Either,
    raises: Example::one(opened!(
        "4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
5. ESTABLISHED --> <SEQ=2101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
6. ESTABLISHED <-- <SEQ=301><ACK=3101><CTL=ACK> <-- ESTABLISHED
"
    )),
    silent: Example::one(opened!(
        "4. ESTABLISHED -->x <SEQ=101><ACK=301><CTL=ACK><LEN=1000> ESTABLISHED
5. ESTABLISHED --> <SEQ=1101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED
6. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=1000> --> ESTABLISHED @ +300ms
7. ESTABLISHED <-- <SEQ=301><ACK=2101><CTL=ACK> <-- ESTABLISHED
"
    )),
    detect: Detect::Capture(detect),
};

/// Fewer segments are an excerpt.
const EXCERPT: u64 = 100;

fn detect(scene: &Scene, _: &Services<'_>) -> Vec<Shown> {
    let q = &scene.quality;
    let share = q.missing_share();
    let few = q.missing == 0 || share * 1e6 < scene.limits.get(&SHARE) as f64;
    if few && q.dropped == 0 {
        return Vec::new();
    }
    let dropped = (q.dropped > 0).then(|| format!("the capturing system dropped {}", plural(q.dropped, "packet")));
    let is_much = |share: f64| share * 1e6 >= scene.limits.get(&MANY) as f64;
    let many = is_much(q.lost_share());
    let doubtful = if many {
        Some("what rests on absence is doubtful")
    } else {
        is_much(share).then_some("of other connections that does not tell")
    };
    vec![Shown {
        // An excerpt of a few packets misses most of everything, and whoever made it knows.
        severity: if many && q.segments >= EXCERPT { Severity::Warning } else { Severity::Note },
        count: if q.missing > 0 { q.gapped } else { q.dropped },
        message: missed(share, (q.gapped, q.connections))
            .into_iter()
            .chain(dropped)
            .chain(doubtful.map(str::to_owned))
            .collect::<Vec<_>>()
            .join("; "),
        at: None,
        connections: Vec::new(),
        packets: Vec::new(),
        facts: facts([
            ("missing_bytes", Value::from(q.missing)),
            ("bytes", Value::from(q.unique + q.missing)),
            ("dropped_packets", Value::from(q.dropped)),
            ("share", Value::from((share * 1e6).round() / 1e6)),
        ]),
    }]
}

/// How much of the payload the capture misses, in so many `of` all connections, if anything is known to be missing.
fn missed(share: f64, (gapped, all): (u64, u64)) -> Option<String> {
    let percent = share * 100.0;
    let amount = if percent < 0.005 { "less than 0.01 %".to_owned() } else { format!("{percent:.2} %") };
    let places = if all == 1 { String::new() } else { format!(", in {} of {} connections", count(gapped), count(all)) };
    (gapped > 0).then(|| format!("the capture misses {amount} of the payload that was on the wire{places}"))
}

#[cfg(test)]
mod tests {
    use super::missed;

    #[test]
    fn nothing_is_said_of_payload_that_is_not_known_to_be_missing() {
        assert_eq!(missed(0.0, (0, 7)), None);
        assert!(missed(1e-9, (1, 1)).unwrap().contains("less than 0.01 %"));
        let some = missed(0.03, (2, 1_000)).unwrap();
        assert!(some.contains("3.00 %") && some.ends_with(", in 2 of 1,000 connections"), "{some}");
    }
}
