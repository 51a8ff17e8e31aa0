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
    witness: Witness::Either,
    raises: Example::many(HALF_OPEN, 150, Span::millis(10)),
    silent: Example::many(HALF_OPEN, 20, Span::millis(10)),
    detect: Detect::Service(detect),
};

/// Of services with fewer connections it is not found out first how many there may be at one time.
const LARGE: u32 = 64;

const HALF_OPEN: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT x<-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. - - @ 5s
";

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<(u32, Shown)> {
    let many = scene.limits.get(&MANY);
    let mut shown = Vec::new();
    // At most services there are never so many at about one time.
    let begin = |service: usize| {
        let is_large = services.size(service) >= LARGE && i64::from(services.size(service)) >= many;
        is_large.then(|| (Crowd::new(scene.begin, scene.end), 0))
    };
    let crowds = services.those_among(
        || services.half_open(),
        begin,
        |(crowd, all), c| {
            crowd.add(c.syn_rcvd());
            *all += 1;
        },
    );
    let mut sizes: Vec<usize> = (0..services.directory.services()).map(|s| services.size(s) as usize).collect();
    for (service, _, (crowd, all)) in crowds {
        sizes[service] = if crowd.may_reach(many) { all } else { 0 };
    }
    let begin = |service: usize| (sizes[service] as i64 >= many).then(|| Overlap::of(sizes[service]));
    let stays = services.those_among(|| services.half_open(), begin, |stays: &mut Overlap, c| stays.add(c.syn_rcvd()));
    let peaks = stays.into_iter().map(|(service, _, stays)| (service, stays.peak()));
    let peaks: BTreeMap<usize, _> = peaks.filter(|(_, (peak, _))| *peak >= many).collect();
    let begin = |service: usize| Some((peaks.get(&service)?.1, Unfinished::default()));
    for (number, service, (_, unfinished)) in
        services.those_among(|| services.half_open(), begin, |(time, all), c| all.add(*time, c))
    {
        let (peak, peak_time) = peaks[&number];
        let Unfinished { lasting, ended, mut clients } = unfinished;
        let hosts = number_of(&mut clients);
        // Those that never ended first.
        let ((mut connections, mut packets), later) = (lasting.listed(), ended.listed());
        connections.extend(later.0);
        packets.extend(later.1);
        packets.truncate(LISTED);
        let level = Shown {
            severity: Severity::Warning,
            count: peak.unsigned_abs(),
            message: format!(
                "{} with {service} were unfinished at once, from {} address{}",
                plural(peak.unsigned_abs(), "handshake"),
                count(hosts as u64),
                if hosts == 1 { "" } else { "es" },
            ),
            at: Some(Side::Server),
            connections,
            packets,
            facts: facts([
                ("peak", Value::from(peak)),
                ("peak_time", Value::from(peak_time.to_string())),
                ("addresses", Value::from(hosts)),
                ("service", Value::from(service.to_string())),
            ]),
        };
        shown.push((number as u32, level.doubted(scene.quality.doubt(true))));
    }
    shown
}

/// Connections of a service.
#[derive(Default)]
struct Unfinished {
    /// Those that were unfinished when most were, and remained so.
    lasting: Members,
    /// The others.
    ended: Members,
    /// Clients of all that remained unfinished.
    clients: Vec<u32>,
}

impl Unfinished {
    fn add(&mut self, peak: Time, c: Digest<'_>) {
        let stay = c.syn_rcvd();
        if stay.lasts() {
            self.clients.push(c.parties.client);
        }
        if stay.covers(peak) {
            if stay.lasts() { &mut self.lasting } else { &mut self.ended }.add(c);
        }
    }
}

/// How many hosts there are, each counted once.
fn number_of(hosts: &mut Vec<u32>) -> usize {
    // Numbered as they were met, they are in order already where each comes once.
    hosts.sort_unstable();
    hosts.dedup();
    hosts.len()
}
