//! A06: many embryonic connections at once.

use super::prelude::*;

const MANY: Threshold = Threshold::count(
    "half-open-level",
    128,
    "how many SYN_RCVD at one service at one time",
    "the least tcp_max_syn_backlog of Linux",
);

pub static DECLARATION: Declaration = Declaration {
    code: "A06",
    name: "half-open-level",
    severity: Severity::Warning,
    summary: "very many handshakes of one service are unfinished at the same time: a flood, a scan, or lost SYN,ACKs",
    what: "The number of connections in SYN_RCVD at one service reaches the size of a SYN queue.",
    why: "Beyond that the server drops SYNs or falls back to SYN cookies, and real clients wait.",
    decided: "The most ends in SYN_RCVD at one time, from the histories, per service; and from how many addresses.",
    confused: "a burst of real clients, whose handshakes complete within a round trip.",
    advice: "Many addresses that never answer: a flood with forged sources; see that net.ipv4.tcp_syncookies is 1, and filter \
             upstream. Few addresses: a scan, or clients that the SYN,ACKs do not reach.",
    thresholds: &[&MANY],
    absence: true,
    raises: Example::many(HALF_OPEN, 150, Span::millis(10)),
    silent: Example::many(HALF_OPEN, 20, Span::millis(10)),
    detect: Detect::Capture(detect),
};

const HALF_OPEN: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. - - @ 5s
";

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let many = scene.limits.get(&MANY);
    let mut shown = Vec::new();
    let stays = services.gather(many, |c| Some((c.syn_rcvd(), c.parties.client)).filter(|(stay, _)| stay.happened()));
    let peaks = stays.into_iter().map(|(service, stays)| {
        let lasting = stays.iter().filter(|(stay, _)| stay.lasts());
        (service, (peak(stays.iter().map(|(stay, _)| *stay)), count(lasting.map(|(_, client)| *client).collect())))
    });
    let peaks: BTreeMap<usize, _> = peaks.filter(|(_, ((peak, _), _))| *peak >= many).collect();
    for (number, service, connections) in services.those(|service| peaks.contains_key(&service)) {
        let ((peak, peak_time), hosts) = peaks[&number];
        // Those that never ended first.
        let (mut lasting, mut ended) = (Unfinished::default(), Unfinished::default());
        for c in connections {
            let stay = c.syn_rcvd();
            if stay.covers(peak_time) {
                if stay.lasts() { &mut lasting } else { &mut ended }.add(&c);
            }
        }
        lasting.append(ended);
        shown.push(Shown {
            severity: if scene.quality.is_lossy() || scene.quality.is_stepped() {
                Severity::Note
            } else {
                Severity::Warning
            },
            count: peak.unsigned_abs(),
            message: format!("{peak} handshakes with {service} were unfinished at once, from {hosts} addresses"),
            at: Some(Side::Server),
            connections: lasting.connections,
            packets: lasting.packets,
            facts: facts([
                ("peak", Value::from(peak)),
                ("peak_time", Value::from(peak_time.to_string())),
                ("addresses", Value::from(hosts)),
                ("service", Value::from(service.to_string())),
            ]),
        });
    }
    shown
}

/// Connections that were unfinished when most were: their numbers, and the first packets of those that are listed.
#[derive(Default)]
struct Unfinished {
    connections: Vec<u64>,
    packets: Vec<u64>,
}

impl Unfinished {
    fn add(&mut self, c: &Digest<'_>) {
        self.connections.push(c.id());
        if self.packets.len() < LISTED {
            self.packets.push(c.first_packet());
        }
    }

    fn append(&mut self, other: Unfinished) {
        self.connections.extend(other.connections);
        let room = LISTED.saturating_sub(self.packets.len());
        self.packets.extend(other.packets.into_iter().take(room));
    }
}

/// How many hosts there are, each counted once.
fn count(mut hosts: Vec<u32>) -> usize {
    // Numbered as they were met, they are in order already where each comes once.
    hosts.sort_unstable();
    hosts.dedup();
    hosts.len()
}
