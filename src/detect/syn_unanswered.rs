//! O01: a SYN that nobody answers.

use std::net::IpAddr;

use super::prelude::*;
use super::sink::{Brief, micros};
use super::view::Who;
use crate::report::Anomaly;
use crate::tracker::{Unanswered, Verdict};

const AFTER: Threshold = Threshold::wait(
    "syn-unanswered",
    Span::secs(3),
    "how long a SYN may go unanswered",
    "the SYN timeout of older stacks (RFC 6298 §2.1 and its fallback of 3 s)",
);
const GIVEN_UP: Threshold = Threshold::duration(
    "syn-unanswered-error",
    Span::secs(67),
    "from when on that is an error: the client is about to give up",
    "tcp_syn_retries 6 on Linux (67 s to the last SYN)",
);

pub static DECLARATION: Declaration = Declaration {
    code: "O01",
    name: "syn-unanswered",
    severity: Severity::Warning,
    summary: "a connection attempt gets no answer at all",
    what: "A client sent its SYN, as a rule several times, and nothing came back: no SYN,ACK, no RST, no ICMP error.",
    why: "The user waits for two minutes and gets a timeout. Silence, unlike a refusal, means that a packet is dropped somewhere.",
    decided: "No segment of the server in this incarnation, and the first SYN is older than the threshold.",
    confused: "a capture that does not show the server's direction at all; syn-refused; syn-rejected, where an ICMP error says why; \
               port-scan, where nobody expects an answer; unexpected-reply-source, where the answer comes from another address.",
    advice: "Firewall that drops, dead host, wrong route, or a full accept queue (does the port answer others? then see \
             accept-queue-drops). Capture at the server: does the SYN arrive there?",
    thresholds: &[&AFTER, &GIVEN_UP],
    absence: true,
    witness: Witness::WaitingPeer,
    raises: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 1s
3. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 3s
4. SYN_SENT --> <SEQ=100><CTL=SYN> -->x @ 7s
",
    ),
    silent: Example::one(
        "1. SYN_SENT --> <SEQ=100><CTL=SYN> -->x
2. SYN_SENT --> <SEQ=100><CTL=SYN> --> SYN_RCVD @ 1s
3. ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN_RCVD
4. ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK> --> ESTABLISHED
5. - - @ 7s
",
    ),
    detect: Detect::Connection(Signs::UNHEARD, detect),
};

fn detect(view: &View<'_>, sink: &mut Sink<'_>) {
    look(view, |server| view.scene.host(server).is_silent(), sink);
}

/// Nothing from the server's host was captured in any connection, if it is `silent`.
fn look(view: &View<'_>, silent: impl Fn(IpAddr) -> bool, sink: &mut Sink<'_>) {
    let (c, s) = (view.client, view.server());
    let (own, peer) = (&view.connection.ends[c], &view.connection.ends[s]);
    if peer.packets > 0 || own.syns == 0 || view.signals.cold().is_some_and(|r| r.icmp.is_some()) {
        return;
    }
    let server = view.socket(s).addr;
    let Some((syn, span, severity)) = wait(view.steps(c), server, view.scene) else { return };
    let never_seen = || silent(server);
    let message = || {
        let last = view.end(c).last_sent().filter(|last| own.syns > 1 && *last > syn.mark.time);
        let within = last.map(|last| last - syn.mark.time);
        told((view.who(c), view.socket(s)), own.syns.into(), (within, span), never_seen())
    };
    sink.raise(severity, syn.mark.time, syn.mark.packet, message)
        .at(s)
        .lasted(WAITED, span)
        .count(SYNS, own.syns.into())
        .fact_with(HOST_SEEN, || Value::from(!never_seen()));
}

/// Facts of it.
const WAITED: &str = "for_at_least";
const SYNS: &str = "syns";
const HOST_SEEN: &str = "host_seen";

/// That a client sent so many SYNs to this server, `within` that time if that is known, and has waited for so long; nothing from that
/// host was captured if it is `silent`.
fn told((who, server): (Who, Socket), syns: u64, (within, waited): (Option<Span>, Span), silent: bool) -> String {
    let sent = if syns == 1 { "a SYN".to_owned() } else { plural(syns, "SYN") };
    let within = within.map(|within| words![" in ", Plain(within)]).unwrap_or_default();
    let seen = if silent { "; nothing from that host was captured at all" } else { "" };
    words![who, " sent ", sent, " to ", server, within, " and got no answer for ", AtLeast(waited), seen]
}

/// How long the client waits that took these `steps`, nothing having come from `server`, if that is too long: since which
/// step, and how bad it is.
fn wait<'s>(steps: &'s [Step], server: IpAddr, scene: &Scene) -> Option<(&'s Step, Span, Severity)> {
    let syn = steps.iter().find(|s| s.mark.event == Event::SndSyn)?;
    if steps.iter().any(|s| s.rule.to == State::Established) {
        return None;
    }
    let over = steps.iter().find(|s| s.rule.to == State::Closed);
    let aborted = over.is_some_and(|s| s.mark.event == Event::SndRst);
    let span = over.map_or(scene.end, |s| s.mark.time) - syn.mark.time;
    if aborted || span < scene.limits.span(&AFTER) || scene.is_unseen(server) {
        return None;
    }
    let severity = if span >= scene.limits.span(&GIVEN_UP) { Severity::Error } else { Severity::Warning };
    Some((syn, span, severity))
}

/// The same of a lone SYN, in short; `declaration` is the number of this anomaly.
pub(super) fn lone(declaration: u8, client: &Verdict, server: IpAddr, scene: &Scene) -> Option<Brief> {
    let (syn, span, _) = wait(&client.steps, server, scene)?;
    Lines::within(declaration, scene).lone((syn.mark.time, syn.mark.packet), span)
}

/// The same of one that was sent again and again.
pub(super) fn of_many(
    declaration: u8,
    (unanswered, client): (&Unanswered, &Verdict),
    server: IpAddr,
    scene: &Scene,
) -> Option<Brief> {
    let brief = lone(declaration, client, server, scene)?;
    Some(Brief { number: unanswered.syns.into(), ..brief })
}

/// The same in full, where the capture lacks no more than it does; nothing from the server's host was captured if it is `silent`.
pub(super) fn of_many_in_full(
    brief: &Brief,
    [client, server]: &[Socket; 2],
    (unanswered, verdict): (&Unanswered, &Verdict),
    (silent, scene): (bool, &Scene),
) -> Anomaly {
    let Declaration { code, name, .. } = DECLARATION;
    let Brief { severity, endpoint, time, packet, number, .. } = *brief;
    let waited = wait(&verdict.steps, server.addr, scene).map_or(Span(0), |(_, span, _)| span);
    let within = Some(unanswered.last.0 - time);
    let message = told((Who::new(Side::Client, *client), *server), number, (within, waited), silent);
    let facts = facts([(HOST_SEEN, Value::from(!silent)), (SYNS, Value::from(number)), (WAITED, seconds(waited))]);
    Anomaly { code, name, severity, endpoint, time, packet: Some(packet), message, facts }
}

/// What the lines drawn, and what the capture lacks, make of lone SYNs.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// The number of this anomaly.
    declaration: u8,
    after: Span,
    given_up: Span,
    /// It rests on absence, and the capture lacks more.
    doubtful: bool,
}

impl Lines {
    pub(super) fn within(declaration: u8, scene: &Scene) -> Lines {
        Lines {
            declaration,
            after: scene.limits.span(&AFTER),
            given_up: scene.limits.span(&GIVEN_UP),
            doubtful: scene.quality.may_lack_answers() || scene.quality.is_stepped(),
        }
    }

    /// How severe it is that a lone SYN waits, or waited, so long, if anything is said of that; its server was not unseen.
    #[inline]
    pub fn severity(&self, span: Span) -> Option<Severity> {
        match () {
            () if span < self.after => None,
            () if self.doubtful => Some(Severity::Note),
            () if span >= self.given_up => Some(Severity::Error),
            () => Some(Severity::Warning),
        }
    }

    /// What is said of such a one of this time and packet number.
    #[inline]
    pub fn lone(&self, (time, packet): (Time, u64), span: Span) -> Option<Brief> {
        let (severity, declaration, endpoint) = (self.severity(span)?, self.declaration, Some(Side::Server));
        Some(Brief { time, packet, length: micros(span), number: 1, cause: None, declaration, severity, endpoint })
    }

    /// Whether how much is said of one rests on what the capture lacks.
    pub(super) fn are_doubtful(&self) -> bool {
        self.doubtful
    }

    /// How long it waits, as its brief says.
    #[inline]
    pub fn length(span: Span) -> i64 {
        micros(span)
    }
}

/// The same in full, of the lone SYN that `view` shows; whether its server is `silent` is known.
pub(super) fn lone_in_full(declaration: u8, view: &View<'_>, silent: bool) -> Vec<Anomaly> {
    let (mut briefs, mut full) = (Vec::new(), Vec::new());
    look(view, |_| silent, &mut Sink::new(declaration, view, &mut briefs, Some(&mut full)));
    full
}
