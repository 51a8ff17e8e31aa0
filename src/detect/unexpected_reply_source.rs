//! O15: a SYN is answered, but from another address.

use super::attempt::{Attempt, Seen};
use super::prelude::*;

const WITHIN: Threshold = Threshold::duration(
    "unexpected-reply-source-within",
    Span::secs(3),
    "how long after the last SYN the answer may come",
    "the SYN timeout of older stacks (RFC 6298 §2.1 and its fallback of 3 s)",
);

/// A client that sends its SYN again so long after the answer passed has not taken it. SYNs are repeated after a second.
const NOT_TAKEN: Span = Span::millis(500);

pub static DECLARATION: Declaration = Declaration {
    code: "O15",
    name: "unexpected-reply-source",
    severity: Severity::Warning,
    summary: "a SYN was answered from another address or port than it was sent to",
    what: "The SYN,ACK (or RST) that acknowledges exactly the client's SYN came from another address or port than that had been \
           sent to, and the client did not take it.",
    why: "A client knows a connection by both addresses and ports. Such an answer belongs to none: the client resets it, or its \
          firewall drops it, and the connection can never be opened, although the server is there and answers.",
    decided: "Of one client's port, a SYN that is repeated and of which nothing else is captured, and an answer from elsewhere that \
              acknowledges its very number, within the time given after the last of the SYNs. The client answers that with RST \
              (RFC 9293 §3.5.2, §3.10.7.1), or sends its SYN again later than 500 ms after it. Where the SYN to that other address \
              was captured, too, by a tap at the translation, as often as the first and with a lower TTL, so must the RST have \
              been. Without a RST of any client it is a note: the answer may have been translated, and lost, behind the tap.",
    confused: "a NAT that works, captured on one side only, or in one direction: the client goes on. Scanners that use one port and \
               number for all their SYNs: there more than one SYN is unanswered. A SYN that was captured once is not enough.",
    advice: "The way back bypasses what the way there went through. Hairpin NAT: translate the source as well (masquerade), or \
             resolve the name to the inner address. A load balancer in direct return mode: give the server the virtual address on \
             its loopback. DNAT: let the server's route to the client lead through the translating device, and look for `notrack` \
             and two ways there (`conntrack -L`). A server with several addresses: policy routing (`ip rule`), bind to the address.",
    thresholds: &[&WITHIN],
    absence: true,
    witness: Witness::Itself,
    raises: Example::from_elsewhere(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
3. SYN_SENT --> <SEQ=101><CTL=RST> --> CLOSED
4. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
5. SYN_SENT <-- <SEQ=500><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
6. SYN_SENT --> <SEQ=101><CTL=RST> --> CLOSED
",
    ),
    silent: Example::from_elsewhere(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
",
    ),
    detect: Detect::Capture(detect),
};

/// What a client and whoever answers it both name, and what was captured with it.
type Named<'a> = ((u32, u16, u32), Attempt, Digest<'a>);

fn detect(scene: &Scene, services: &Services<'_>) -> Vec<Shown> {
    // Mostly there are no such SYNs, and nothing more is asked.
    let mut more = services.of_stretches(Digests::has_more);
    if !more.any(|c| !c.heard() && !c.is_lone() && c.packets() > 1) {
        return Vec::new();
    }
    let attempts = services.connections().filter(|c| c.may_be_attempt());
    let named = attempts.filter_map(|c| Some((c.attempt()?, c)));
    let mut named: Vec<Named<'_>> = named.map(|(a, c)| ((c.parties.client, a.port, a.isn), a, c)).collect();
    leave_shared(&mut named);
    named.sort_unstable_by_key(|(key, attempt, c)| (*key, *attempt, c.id()));
    let within = scene.limits.span(&WITHIN);
    let mut strays: BTreeMap<u32, Strays> = BTreeMap::new();
    for alike in named.chunk_by(|a, b| a.0 == b.0) {
        if let Some((asked, answers)) = strayed(alike, within) {
            strays.entry(asked.parties.service).or_default().add(asked, answers, services);
        }
    }
    let mut shown: Vec<(Socket, Strays)> =
        strays.into_iter().map(|(service, strays)| (services.directory.socket(service), strays)).collect();
    shown.sort_unstable_by_key(|(service, _)| *service);
    shown.into_iter().map(|(service, strays)| strays.shown(service, scene)).collect()
}

/// Leaves those that may be alike, which few are: only these need be put in order.
fn leave_shared(named: &mut Vec<Named<'_>>) {
    let bits = (named.len() * 8).max(1).ilog2() + 1;
    let mut met = vec![0_u8; 1 << bits];
    let place = |((client, port, isn), ..): &Named<'_>| {
        let mixed = u64::from(*client) << 32 | u64::from(isn ^ u32::from(*port) << 16);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - bits)) as usize
    };
    named.iter().for_each(|one| met[place(one)] = (met[place(one)] + 1).min(2));
    named.retain(|one| met[place(one)] > 1);
}

/// The one SYN among `alike` that was answered from elsewhere in vain, and its answers.
fn strayed<'s, 'a>(alike: &'s [Named<'a>], within: Span) -> Option<(Digest<'a>, &'s [Named<'a>])> {
    let asks = alike.iter().take_while(|(_, attempt, _)| attempt.seen == Seen::Asked).count();
    let ([(_, asked, syn)], answers) = alike.split_at(asks) else { return None };
    let in_vain = |(_, answer, c): &Named<'a>| {
        let again = answer.seen == Seen::Declined || syn.last() - c.first() > NOT_TAKEN;
        // A tap at the translation captures each SYN twice, a hop further on. A scanner may use one port and number for many.
        let forwarded = answer.syns >= asked.syns && answer.ttl < asked.ttl;
        let translated = forwarded && answer.seen == Seen::Declined && answers.len() == 1;
        let in_time = c.first() >= syn.first() && c.first() - syn.last() <= within;
        in_time && again && (answer.syns == 0 || translated)
    };
    (!answers.is_empty() && answers.iter().all(in_vain)).then_some((*syn, answers))
}

/// Attempts to reach one service that were answered from elsewhere.
#[derive(Default)]
struct Strays {
    /// Number and first packet of each.
    attempts: Vec<(u64, u64)>,
    /// The client of the one that was met first.
    first: Option<Socket>,
    answers: Vec<u64>,
    sources: Vec<Socket>,
    /// How many attempts a RST of the client shows, and how many a refusal answered.
    declined: u64,
    refused: u64,
}

impl Strays {
    fn add(&mut self, syn: Digest<'_>, answers: &[Named<'_>], services: &Services<'_>) {
        let client = |port| Socket { addr: services.directory.addr(syn.parties.client), port };
        self.first = self.first.or_else(|| Some(client(answers.first()?.1.port)));
        self.attempts.push((syn.id(), syn.first_packet()));
        for (_, _, c) in answers {
            self.answers.push(c.id());
            let source = services.directory.socket(c.parties.service);
            if let Err(place) = self.sources.binary_search(&source) {
                self.sources.insert(place, source);
            }
        }
        let any = |seen| u64::from(answers.iter().any(|(_, answer, _)| answer.seen == seen));
        self.declined += any(Seen::Declined);
        self.refused += any(Seen::Refused);
    }

    fn shown(mut self, service: Socket, scene: &Scene) -> Shown {
        self.attempts.sort_unstable();
        self.answers.sort_unstable();
        let n = self.attempts.len() as u64;
        let sources: Vec<String> = self.sources.iter().take(LISTED).map(Socket::to_string).collect();
        let more = match self.sources.len().saturating_sub(3) {
            0 => String::new(),
            more => format!(" and {} more", count(more as u64)),
        };
        let from = format!("{}{more}", sources[..sources.len().min(3)].join(", "));
        let how = if self.refused == n { "refused" } else { "answered" };
        let whose = if n == 1 { "the client" } else { "the clients" };
        let reaction = match self.declined {
            0 => format!(
                "{whose} sent the SYN again, unless the answer is translated, and lost, behind the place of capture"
            ),
            declined if declined == n => format!("{whose} answered that with RST"),
            declined => format!("{} of {whose} answered that with RST, the others sent the SYN again", count(declined)),
        };
        let message = match self.first {
            Some(client) if n == 1 => format!("the SYN of {client} to {service} was {how} from {from}: {reaction}"),
            _ => format!("the SYNs of {} to {service} were {how} from {from}: {reaction}", plural(n, "connection")),
        };
        let packets = self.attempts.iter().map(|attempt| attempt.1).take(LISTED).collect();
        let attempts = self.attempts.iter().map(|attempt| attempt.0);
        let shown = Shown {
            severity: if self.declined > 0 { Severity::Warning } else { Severity::Note },
            count: n,
            message,
            at: Some(Side::Server),
            connections: attempts.chain(self.answers.iter().copied()).collect(),
            packets,
            facts: facts([
                ("service", Value::from(service.to_string())),
                ("answered_from", Value::from(sources)),
                ("attempts", Value::from(n)),
                ("answers_reset", Value::from(self.declined)),
            ]),
        };
        // The RST of a client is no matter of what is absent.
        shown.doubted(scene.quality.doubt(false).filter(|_| self.declined == 0))
    }
}
