//! From tracked connections to the report model.

use crate::report::passage::Taken;
use crate::report::timing::Timing;
use crate::report::*;
use crate::segment::{ScopeId, Socket};
use crate::time::Time;
use crate::timing::{self, Measured, Vantage};
use crate::tracker::log::Step;
use crate::tracker::{self, Outline, State, Verdict};

/// What the report needs to know besides the connections.
pub struct Context<'a> {
    /// Time of the last packet of the capture: nothing is told beyond it.
    pub end: Time,
    /// Whether disproved beliefs are listed.
    pub retracted: bool,
    /// Where the tap was, if that was given.
    pub vantage: Option<Vantage>,
    /// Names of scopes.
    pub scope: &'a dyn Fn(ScopeId) -> Vec<String>,
}

/// What is known of a connection that is built.
pub struct Subject<'a> {
    /// Its ends.
    pub sockets: &'a [Socket; 2],
    /// In short.
    pub outline: &'a Outline,
    /// Where its time went.
    pub measured: &'a Measured,
    /// What became of its ends.
    pub verdicts: &'a [Verdict; 2],
    /// What that is called, who closed first and who reset it.
    pub ending: Ending,
    /// Packets that prove receipts.
    pub proofs: &'a [(u64, Time)],
    /// What the tracker knows, where beliefs were disproved.
    pub tracked: Option<&'a tracker::Connection>,
}

/// The report on one connection; `id` counts from 1 by first packet. Its ends and its timing are yet to be [told](tell): they
/// are large, and told where they stay.
#[inline]
pub fn outlined<E: Told>(subject: &Subject<'_>, id: u64, context: &Context<'_>) -> Connection<E> {
    let Subject { sockets, outline: c, .. } = subject;
    let client = c.client & 1;
    let server = 1 - client;
    Connection {
        id,
        client: sockets[client],
        server: sockets[server],
        incarnation: c.incarnation,
        origin: if c.opening_seen { Origin::Handshake } else { Origin::Midstream },
        role: if c.observed { Role::Observed } else { Role::Guessed },
        scope: scope(c, client, context),
        first: c.first,
        last: c.last,
        first_packet: c.first_packet,
        last_packet: c.last_packet,
        packets: PerSide { client: c.packets[client], server: c.packets[server] },
        bytes: PerSide { client: c.bytes[client], server: c.bytes[server] },
        outcome: subject.ending.outcome,
        closed_first: subject.ending.closed_first,
        reset_by: subject.ending.reset_by,
        endpoints: PerSide { client: E::untold(), server: E::untold() },
        timing: Timing::default(),
        path: None,
        anomalies: Vec::new(),
    }
}

/// Tells the rest of what is [outlined].
pub fn tell<E: Told>(subject: &Subject<'_>, context: &Context<'_>, connection: &mut Connection<E>) {
    let Subject { outline: c, measured, verdicts, .. } = subject;
    let client = c.client & 1;
    let PerSide { client: of_client, server: of_server } = &mut connection.endpoints;
    of_client.tell(subject, client, context);
    of_server.tell(subject, 1 - client, context);
    timing::summary::put(measured, c, verdicts, (context.vantage, context.end), &mut connection.timing);
}

/// The VLANs and tunnels of both directions, the client's first.
fn scope(c: &Outline, client: usize, context: &Context<'_>) -> Vec<String> {
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
pub fn entry(step: &Step, latest: Option<Time>) -> Entry {
    taken(step, latest.unwrap_or(step.at)).entry()
}

/// The same as it was found out.
#[inline]
pub(super) fn taken(step: &Step, latest: Time) -> Taken {
    Taken {
        time: step.at,
        latest,
        captured: step.mark.time,
        packet: step.mark.packet,
        proof: step.mark.proof,
        rule: step.rule,
        evidence: step.mark.evidence,
        deduced: step.mark.is_deduced(),
    }
}

/// How an end is told.
pub trait Told: Sized {
    /// One of which nothing is told yet.
    fn untold() -> Self;

    /// Tells end `e` of `subject`.
    fn tell(&mut self, subject: &Subject<'_>, e: usize, context: &Context<'_>);

    /// Both ends of a textbook connection whose last segment came at `last`.
    fn by_the_book(ends: ByTheBook, last: Time) -> PerSide<Self>;
}

impl Told for Written {
    fn untold() -> Written {
        Written::Steps(Passage::default())
    }

    #[inline]
    fn tell(&mut self, subject: &Subject<'_>, e: usize, context: &Context<'_>) {
        if let Written::Steps(passage) = self {
            passage.tell(subject, e, context);
        }
    }

    #[inline(always)]
    fn by_the_book(ends: ByTheBook, _: Time) -> PerSide<Written> {
        PerSide { client: Written::Both(ends), server: Written::WithClient }
    }
}

impl Passage {
    /// Tells end `e` of `subject` step by step.
    #[inline]
    fn tell(&mut self, subject: &Subject<'_>, e: usize, context: &Context<'_>) {
        let verdict = &subject.verdicts[e];
        let Passage { possible, taken: all, time_in_state } = self;
        *possible = verdict.possible;
        all.extend(verdict.steps.iter().map(|step| taken(step, step.at)));
        let all = all.as_mut_slice();
        let mut until = verdict.steps.last().map_or(context.end, |last| context.end.max(last.at));
        timing::occupancy::latest(verdict, subject.proofs, context.end, |i, latest| {
            let Some(taken) = all.get_mut(i) else { return };
            taken.latest = latest;
            let until = std::mem::replace(&mut until, taken.time);
            if taken.rule.to != State::Closed {
                time_in_state.add(taken.rule.to, until - taken.time);
            }
        });
    }
}

impl Told for Endpoint {
    fn untold() -> Endpoint {
        Passage::default().into()
    }

    fn tell(&mut self, subject: &Subject<'_>, e: usize, context: &Context<'_>) {
        let sent = match subject.tracked {
            Some(c) => c.last_sent(e),
            None => (subject.outline.packets[e] > 0).then_some(subject.outline.last),
        };
        let retracted = match subject.tracked.filter(|_| context.retracted) {
            Some(c) => c.retracted_entries(e).iter().map(|s| entry(s, None)).collect(),
            None => Vec::new(),
        };
        let mut passage = Passage::default();
        passage.tell(subject, e, context);
        *self = Endpoint { retracted, sent, ..passage.into() };
    }

    fn by_the_book(ends: ByTheBook, last: Time) -> PerSide<Endpoint> {
        let told = |e: usize| {
            let (state, evidence) = ends.standing(e);
            Endpoint {
                state,
                possible: ends.possible[e],
                evidence,
                history: ends.steps(e).map(|taken| taken.entry()).collect(),
                retracted: Vec::new(),
                time_in_state: ends.time_in_state(e),
                sent: Some(last),
            }
        };
        PerSide { client: told(0), server: told(1) }
    }
}
