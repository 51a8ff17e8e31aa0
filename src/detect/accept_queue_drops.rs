//! O13: SYNs unanswered by a service that answers others.

use std::collections::BTreeSet;

use super::prelude::*;

const LEAST: Threshold = Threshold::count(
    "accept-queue-drops",
    3,
    "how many connections a service that answers must have turned away",
    "single losses hit anybody",
);
const SHARE: Threshold =
    Threshold::share("accept-queue-drops-share", 10_000, "and which share of all attempts they must be", "1 % of SYNs");

pub static DECLARATION: Declaration = Declaration {
    code: "O13",
    name: "accept-queue-drops",
    severity: Severity::Warning,
    summary: "a service that answers others lets SYNs go unanswered: its queues are most likely full",
    what: "Clients had to repeat their SYN, or were never answered, while the same service completed other handshakes within \
           seconds.",
    why: "A full accept queue makes Linux drop SYNs without a word; clients see connects that take 1, 3 or 7 s, or time out.",
    decided: "Connections whose SYN came again before any answer to it was captured, or was never answered, within 10 s of \
              another handshake that the same service completed. Where there is one, those of half-open-accept-overflow count \
              as well, since a full accept queue makes both. Together at least so many, and at least that share of all. Loss \
              hits other segments, too: where connections that opened smoothly sent again, after the server had taken them up, a \
              twelfth of that share of their segments or more (most segments are never sent again, lost or not), loss explains \
              the SYNs, and nothing is said; from a fifth of that on it is a note that names both.",
    confused: "loss on the path (see retransmissions), also that of a SYN,ACK, where the SYN was answered at the tap before it came \
               again; a firewall, NAT or load balancer between that takes no more connections (its table is full, a limit is \
               reached), or limits the rate of SYNs; a service that is gone: where it answered nobody later, the message names \
               these.",
    advice: "On the server: `ss -ltn` (Recv-Q near Send-Q), `nstat -az TcpExtListenDrops TcpExtListenOverflows`. Accept faster, \
             raise the backlog and net.core.somaxconn. Where these counters stand still, the SYNs are dropped before: look for \
             full connection tables (`nf_conntrack: table full` in the kernel's log, `conntrack -S`) and limits on the way.",
    thresholds: &[&LEAST, &SHARE],
    absence: true,
    witness: Witness::Either,
    raises: Example::many(RETRIED, 6, Span::secs(1)),
    silent: Example::many(RETRIED, 1, Span::secs(1)),
    detect: Detect::Capture(detect),
};

const RETRIED: &str = "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD @ +20ms
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
";

/// Segments before a server shows that it took a connection up: the handshake, and a request.
const BEFORE: u32 = 4;

/// So long before or after, the service must have answered somebody else.
const NEAR: Span = Span::secs(10);

/// What the connections of one service show.
#[derive(Default)]
struct Seen<'a> {
    all: u64,
    /// When the last handshake was completed.
    answered_last: Option<Time>,
    /// Connections whose SYN had to be repeated.
    waited: Vec<Digest<'a>>,
    /// Connections that it did not take up after the handshake.
    ignored: Vec<Digest<'a>>,
    /// Segments of the others once they were taken up, and how many of them were sent again.
    packets: u64,
    again: u64,
}

impl<'a> Seen<'a> {
    fn add(&mut self, c: Digest<'a>) {
        if c.ignored() {
            self.ignored.push(c);
        } else if c.waited() {
            self.waited.push(c);
        } else if c.opened_smoothly() {
            self.packets += u64::from(c.packets().saturating_sub(BEFORE));
            self.again += c.again();
        }
    }

    /// Of those turned away leaves the ones that were while others were `answered`, in the order of the report.
    fn complete(&mut self, mut answered: Vec<Time>, services: &Services<'_>) {
        answered.sort_unstable();
        self.answered_last = answered.last().copied();
        let Seen { waited, ignored, .. } = self;
        for turned_away in [waited, ignored] {
            turned_away.retain(|c| has_other(&answered, c));
            services.put_in_order(turned_away);
        }
    }

    /// Those turned away, the SYNs first.
    fn turned_away(&self) -> impl Iterator<Item = &Digest<'a>> {
        self.waited.iter().chain(&self.ignored)
    }

    /// Whether they are too few to tell of, or may be by loss: fewer of them always are.
    fn is_nothing(&self, least: i64, share: f64) -> bool {
        let (turned, rate) = (self.turned_away().count() as i64, self.rate());
        self.waited.is_empty() || turned < least || rate < share || self.by_loss() >= rate
    }

    /// Which share of all was turned away.
    fn rate(&self) -> f64 {
        (self.waited.len() + self.ignored.len()) as f64 / self.all.max(1) as f64
    }

    /// Which share of SYNs would have had to be repeated by the loss that other segments show, at most. A SYN is repeated if
    /// it or its answer is lost, and of the segments of a short connection less than half are sent again if lost: a share
    /// of SYNs goes with a fifth or sixth of it of all segments. Half of that leaves room for chance. A request that is sent
    /// again before the server has taken the connection up is no part of it: a full queue drops that, too.
    fn by_loss(&self) -> f64 {
        12.0 * self.again as f64 / self.packets.max(1) as f64
    }
}

/// Whether somebody else than `c` was answered when it was not; `answered` is in order.
fn has_other(answered: &[Time], c: &Digest<'_>) -> bool {
    let [from, until] = [c.first() - NEAR, c.first() + NEAR];
    let near = answered.partition_point(|t| *t <= until) - answered.partition_point(|t| *t < from);
    let own = c.established().is_some_and(|t| t >= from && t <= until);
    near > usize::from(own)
}

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    let share = scene.limits.get(&SHARE) as f64 / 1e6;
    let least = scene.limits.get(&LEAST);
    let mut shown = Vec::new();
    let are_enough = |service: usize| {
        let turned = services.count(service, Counted::TurnedAway);
        i64::from(turned) >= least && f64::from(turned) / f64::from(services.size(service)) >= share
    };
    let begin =
        |service: usize| are_enough(service).then(|| Seen { all: services.size(service).into(), ..Seen::default() });
    let mut seen = services.those(begin, Seen::add);
    seen.retain(|(.., s)| !s.is_nothing(least, share));
    // Mostly loss explains the others, and nobody asks when handshakes were completed.
    let left: BTreeSet<usize> = seen.iter().map(|(service, ..)| *service).collect();
    let begin = |service: usize| left.contains(&service).then(|| Vec::with_capacity(services.size(service) as usize));
    let is_answered = |c: &Digest<'_>| c.was_established() && !c.ignored();
    let answered = services.some_of_those(is_answered, begin, |answered, c| answered.extend(c.established()));
    for ((_, service, mut s), (.., answered)) in seen.into_iter().zip(answered) {
        s.complete(answered, services);
        if s.is_nothing(least, share) {
            continue;
        }
        let (turned, lossy) = (s.turned_away().count(), s.by_loss() * 5.0 >= s.rate());
        let ignored = match s.ignored.len() {
            0 => String::new(),
            1 => ", and 1 was not taken up after its handshake,".to_owned(),
            n => format!(", and {} were not taken up after their handshake,", count(n as u64)),
        };
        // Only who is answered later knows that the service is still there.
        let later = s.answered_last > s.waited.iter().map(|c| c.first()).min();
        // Only a full queue drops the ACK of a handshake, too.
        let only_syns = s.ignored.is_empty();
        let why = match (lossy, later) {
            (true, _) => ": its queues are full, or the path loses them, as it does other segments",
            (false, true) if only_syns => ": its queues are most likely full, if no device between limits connections",
            (false, true) => ": its queues are most likely full",
            (false, false) if only_syns => {
                ", and nobody later: its queues are full, it is gone, or a device between lets no more connections through"
            }
            (false, false) => ", and nobody later: its queues are full, or it is gone",
        };
        shown.push(Shown {
            severity: if lossy { Severity::Note } else { Severity::Warning },
            count: turned as u64,
            message: format!(
                "{} of {} attempts to {service} had to repeat {} SYN{ignored} while it answered others{why}",
                count(s.waited.len() as u64),
                count(s.all),
                if s.waited.len() == 1 { "its" } else { "their" },
            ),
            at: Some(Side::Server),
            connections: s.turned_away().map(|c| c.id()).collect(),
            packets: s.turned_away().take(LISTED).map(|c| c.first_packet()).collect(),
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("repeated", Value::from(s.waited.len())),
                ("ignored", Value::from(s.ignored.len())),
                ("attempts", Value::from(s.all)),
                ("answered_later", Value::from(later)),
                ("lossy", Value::from(lossy)),
            ]),
        });
    }
    shown
}
