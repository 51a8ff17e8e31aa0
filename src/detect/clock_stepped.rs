//! Q04: the capture's clock goes back.

use super::prelude::*;

pub static DECLARATION: Declaration = Declaration {
    code: "Q04",
    name: "clock-stepped",
    severity: Severity::Note,
    summary: "packets go back in time: the capture's clock was set, or captures were put together out of order",
    what: "A TCP segment has a capture time more than a second before that of the one ahead of it in the capture.",
    why: "Whatever rests on durations is doubtful around there: how long a state lasted, who was idle, what came after a timeout. \
          A clock set forward leaves no trace, so there may be more.",
    decided: "The capture times of neighbouring TCP segments, in the order in which they were read. Up to a second is taken for \
              several queues or interfaces written by turns. If it goes back by 10 s or more, findings that rest on waiting are \
              called doubtful.",
    confused: "several captures given one after the other instead of merged by time.",
    advice: "Put the packets in order (`reordercap`, `mergecap`) if captures were joined; otherwise find out who set the clock (NTP, a \
             paused virtual machine), and rely on the order of events instead of on their times.",
    thresholds: &[],
    absence: false,
    witness: Witness::Either,
    raises: Example::set_back(
        opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n"),
        Span::secs(60),
    ),
    silent: Example::set_back(
        opened!("4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><LEN=10> --> ESTABLISHED\n"),
        Span::millis(500),
    ),
    detect: Detect::Capture(detect),
};

fn detect(scene: &Scene, _: &Services<'_>) -> Vec<Shown> {
    let q = &scene.quality;
    let Some(first) = q.first_back_step else { return Vec::new() };
    let longest = q.longest_back_step;
    vec![Shown {
        severity: Severity::Note,
        count: q.back_steps,
        message: format!(
            "time goes back {} by more than a second, at most by {}; what rests on durations is doubtful",
            times(q.back_steps),
            Plain(longest),
        ),
        at: None,
        connections: Vec::new(),
        packets: vec![first],
        facts: facts([("steps", Value::from(q.back_steps)), ("longest", seconds(longest))]),
    }]
}
