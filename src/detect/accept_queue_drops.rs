//! O13: SYNs unanswered by a service that answers others.

use super::digest::WAITED;
use super::prelude::*;

const LEAST: Threshold = Threshold::count(
    "accept-queue-drops",
    3,
    "how many connections must have had to repeat their SYN to a service that answers",
    "single losses hit anybody",
);
const SHARE: Threshold =
    Threshold::share("accept-queue-drops-share", 10_000, "and which share of all attempts they must be", "1 % of SYNs");

pub static DECLARATION: Declaration = Declaration {
    code: "O13",
    name: "accept-queue-drops",
    severity: Severity::Warning,
    summary: "a service that answers others lets SYNs go unanswered: its queues are full",
    what: "Several clients had to repeat their SYN, or were never answered, while the same service completed other handshakes \
           within seconds.",
    why: "A full accept queue makes Linux drop SYNs without a word; clients see connects that take 1, 3 or 7 s, or time out.",
    decided: "Connections with a repeated or unanswered SYN within 10 s of a completed handshake of the same service; at least so \
              many, and at least that share of all.",
    confused: "loss on the path, which hits other segments, too (see retransmissions).",
    advice: "On the server: `ss -ltn` (Recv-Q near Send-Q), `nstat -az TcpExtListenDrops TcpExtListenOverflows`. Accept faster, \
             raise the backlog and net.core.somaxconn.",
    thresholds: &[&LEAST, &SHARE],
    absence: true,
    raises: Example::many(RETRIED, 6, Span::secs(1)),
    silent: Example::many(RETRIED, 1, Span::secs(1)),
    detect: Detect::Capture(detect),
};

const RETRIED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
";

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    const NEAR: Span = Span::secs(10);
    #[derive(Default)]
    struct Seen<'a> {
        all: u64,
        answered: Vec<Time>,
        waited: Vec<Digest<'a>>,
        again: u64,
        packets: u64,
    }
    let share = scene.limits.get(&SHARE) as f64 / 1e6;
    let least = usize::try_from(scene.limits.get(&LEAST)).unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    for (service, connections) in services.marked(scene.limits.get(&LEAST), WAITED) {
        if connections.clone().filter(|c| c.waited()).count() < least {
            continue;
        }
        let mut s = Seen::default();
        for c in connections {
            s.all += 1;
            s.packets += u64::from(c.packets());
            s.answered.extend(c.established());
            if c.waited() {
                s.waited.push(c);
            } else {
                s.again += c.again();
            }
        }
        s.answered.sort();
        let near = |t: Time| {
            let i = s.answered.partition_point(|a| *a < t - NEAR);
            s.answered.get(i).is_some_and(|a| *a <= t + NEAR)
        };
        s.waited.retain(|c| near(c.first));
        let rate = s.waited.len() as f64 / s.all.max(1) as f64;
        // A path that loses everything else just as often explains it.
        let lossy = s.again as f64 / s.packets.max(1) as f64 >= rate / 4.0;
        if s.waited.len() < least || rate < share || lossy {
            continue;
        }
        shown.push(Shown {
            severity: Severity::Warning,
            count: s.waited.len() as u64,
            message: format!(
                "{} of {} attempts to {service} had to repeat their SYN while it answered others: its queues are full",
                s.waited.len(),
                s.all,
            ),
            at: Some(Side::Server),
            connections: s.waited.iter().map(|c| c.id()).collect(),
            packets: s.waited.iter().take(LISTED).map(|c| c.first_packet()).collect(),
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("repeated", Value::from(s.waited.len())),
                ("attempts", Value::from(s.all)),
            ]),
        });
    }
    shown
}
