//! From tracked connections to the report model.

use crate::report::*;
use crate::segment::ScopeId;
use crate::time::Time;
use crate::timing::{self, Measured, Vantage};
use crate::tracker::rules::Event;
use crate::tracker::{self, Evidence, Profile, State, Verdict};

/// What the report needs to know besides the connections.
pub struct Context<'a> {
    /// Time of the last packet of the capture: nothing is told beyond it.
    pub end: Time,
    /// The timers to assume.
    pub profile: &'a Profile,
    /// Whether disproved beliefs are listed.
    pub retracted: bool,
    /// Where the tap was, if that was given.
    pub vantage: Option<Vantage>,
    /// Names of scopes.
    pub scope: &'a dyn Fn(ScopeId) -> Vec<String>,
}

/// The report on one connection with its measurements and verdicts; `id` counts from 1 by first packet.
pub fn connection(
    c: &tracker::Connection,
    measured: &Measured,
    verdicts: &[Verdict; 2],
    id: u64,
    context: &Context<'_>,
) -> Connection {
    let (client, observed) = c.client();
    let server = 1 - client;
    let proofs = measured.proofs();
    let side = |e: usize| endpoint(c, e, &verdicts[e], &proofs, context);
    let timing = timing::summary::timing(measured, c, verdicts, context.vantage, context.end);
    let verdicts = PerSide { client: &verdicts[client], server: &verdicts[server] };
    Connection {
        id,
        client: c.sockets[client],
        server: c.sockets[server],
        incarnation: c.incarnation,
        origin: if c.opening_seen() { Origin::Handshake } else { Origin::Midstream },
        role: if observed { Role::Observed } else { Role::Guessed },
        scope: scope(c, client, context),
        first: c.first,
        last: c.last,
        first_packet: c.first_packet,
        last_packet: c.last_packet,
        packets: PerSide { client: c.ends[client].packets, server: c.ends[server].packets },
        bytes: PerSide { client: c.ends[client].bytes, server: c.ends[server].bytes },
        outcome: outcome(c, verdicts),
        closed_first: closed_first(verdicts),
        endpoints: PerSide { client: side(client), server: side(server) },
        timing,
        path: None,
        anomalies: Vec::new(),
    }
}

/// The VLANs and tunnels of both directions, the client's first.
fn scope(c: &tracker::Connection, client: usize, context: &Context<'_>) -> Vec<String> {
    let names = |e: usize| c.scopes[e].filter(|id| *id != ScopeId::default()).map(context.scope).unwrap_or_default();
    let mut scope = names(client);
    // Nearly always both directions are in the same scope.
    if c.scopes[1 - client] != c.scopes[client] {
        for name in names(1 - client) {
            if !scope.contains(&name) {
                scope.push(name);
            }
        }
    }
    scope
}

/// One transition as it stands in a report; `latest` is when it happened at the latest, if that is not when it is dated.
pub fn entry(step: &tracker::log::Step, latest: Option<Time>) -> Entry {
    let some = |packet: u64| (packet != 0).then_some(packet);
    Entry {
        time: step.at,
        latest: latest.filter(|t| *t > step.at),
        captured: (step.at != step.mark.time).then_some(step.mark.time),
        from: step.rule.from,
        state: step.rule.to,
        packet: some(step.mark.packet),
        cause: step.rule.event.cause(),
        evidence: step.mark.evidence,
        proven_by: some(step.mark.proof),
        seen_at: None,
        other_tap: None,
        rule: step.rule.section,
    }
}

fn endpoint(
    c: &tracker::Connection,
    e: usize,
    verdict: &Verdict,
    proofs: &[(u64, Time)],
    context: &Context<'_>,
) -> Endpoint {
    let latest = timing::occupancy::latest(verdict, proofs, context.end);
    let mut history: Vec<Entry> = Vec::with_capacity(verdict.steps.len());
    let mut time_in_state = TimeInState::default();
    let mut steps = verdict.steps.iter().zip(latest).peekable();
    while let Some((step, latest)) = steps.next() {
        let until = steps.peek().map_or(context.end.max(step.at), |(next, _)| next.at);
        if step.rule.to != State::Closed {
            time_in_state.add(step.rule.to, until - step.at);
        }
        history.push(entry(step, Some(latest)));
    }
    Endpoint {
        state: verdict.state(),
        possible: verdict.possible,
        evidence: history.last().map_or(Evidence::Assumed, |h| h.evidence),
        retracted: if context.retracted {
            c.retracted_entries(e).iter().map(|s| entry(s, None)).collect()
        } else {
            Vec::new()
        },
        history,
        time_in_state,
    }
}

fn visited(verdict: &Verdict, state: State) -> bool {
    verdict.steps.iter().any(|s| s.rule.to == state)
}

fn happened(verdict: &Verdict, event: Event) -> Option<Time> {
    verdict.steps.iter().find(|s| s.mark.event == event).map(|s| s.at)
}

/// What became of `c`, whose ends have come to this.
pub fn outcome(c: &tracker::Connection, ends: PerSide<&Verdict>) -> Outcome {
    let open =
        |v: &Verdict| visited(v, State::Established) || visited(v, State::FinWait1) || visited(v, State::CloseWait);
    let fins = [ends.client, ends.server].map(|v| happened(v, Event::SndFin).is_some());
    let reset = [ends.client, ends.server]
        .iter()
        .any(|v| v.steps.iter().any(|s| matches!(s.mark.event, Event::SndRst | Event::RcvRst)));
    if !c.opening_seen() && c.is_reset_only() {
        Outcome::Unknown
    } else if fins == [true, true] {
        Outcome::Closed
    } else if !visited(ends.server, State::SynRcvd) && visited(ends.client, State::SynSent) && !open(ends.client) {
        if reset { Outcome::Refused } else { Outcome::Unanswered }
    } else if reset {
        Outcome::Reset
    } else if fins != [false, false] {
        Outcome::HalfClosed
    } else if open(ends.client) && open(ends.server) {
        Outcome::Open
    } else if visited(ends.server, State::SynRcvd) || visited(ends.client, State::SynRcvd) {
        Outcome::HalfOpen
    } else {
        Outcome::Unknown
    }
}

/// Who closed first.
pub fn closed_first(ends: PerSide<&Verdict>) -> Option<ClosedFirst> {
    let closing = |v: &Verdict| visited(v, State::Closing);
    if closing(ends.client) && closing(ends.server) {
        return Some(ClosedFirst::Both);
    }
    let began = |v: &Verdict| {
        let fin = happened(v, Event::SndFin);
        let rst = happened(v, Event::SndRst).filter(|_| visited(v, State::Established) || visited(v, State::SynRcvd));
        fin.into_iter().chain(rst).min()
    };
    match (began(ends.client), began(ends.server)) {
        (Some(a), Some(b)) if a <= b => Some(ClosedFirst::Client),
        (Some(_), None) => Some(ClosedFirst::Client),
        (_, Some(_)) => Some(ClosedFirst::Server),
        (None, None) => None,
    }
}
