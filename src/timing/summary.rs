//! From the measurements of a connection to its part of the report.

use super::apart::Apart;
use super::blame::{CAUSES, Cause};
use super::distribution;
use super::flow::{Flow, Measured};
use super::handshake::{Handshake, Leg};
use super::pause::{Ender, GAP, Gap, Pauses};
use super::quantile::Quantiles;
use super::samples::Kind;
use super::table::Metric;
use super::vantage::{Basis, Vantage, estimate};
use crate::report::timing::{Blame, Distribution, GapEnd, Idle, IdleGap, Known, Stops, Timing};
use crate::report::{PerSide, Side};
use crate::time::{Span, Time};
use crate::tracker::{Outline, State, Verdict};

/// Gives the samples of a connection that were kept one by one under the names that the report has for them, and says how
/// many corrected values would have been negative. Corrected are the thinks: by the least round trip towards who thinks.
#[inline]
pub fn samples(flow: &Flow, client: usize, mut take: impl FnMut(Metric, Span)) -> u64 {
    let server = 1 - client;
    let least = [0, 1].map(|x| flow.least(x).unwrap_or_default());
    let mut clamped = 0;
    for (kind, span) in flow.samples.exact() {
        match kind {
            Kind::Trip(x) => take(if x == client { Metric::RttClient } else { Metric::RttServer }, span),
            Kind::Answer(x) => {
                let rest = span - least[x];
                clamped += u64::from(rest < Span(0));
                if x == server {
                    take(Metric::Ttfb, span);
                    take(Metric::ServerThink, rest.max(Span(0)));
                } else {
                    take(Metric::ClientThink, rest.max(Span(0)));
                }
            }
            Kind::Response(x) if x == server => take(Metric::Response, span),
            Kind::Response(_) => {}
        }
    }
    if let Some(span) = flow.turns.unfinished(server) {
        take(Metric::Response, span.max(Span(0)));
    }
    clamped
}

/// The same of those that there were too many of to keep.
pub fn rough_samples(flow: &Flow, client: usize, mut take: impl FnMut(Metric, Box<Quantiles>)) -> u64 {
    let mut clamped = 0;
    for kind in Kind::ALL {
        let Some(q) = flow.samples.rough(kind) else { continue };
        match kind {
            Kind::Trip(x) if x == client => take(Metric::RttClient, Box::new(q.clone())),
            Kind::Trip(_) => take(Metric::RttServer, Box::new(q.clone())),
            Kind::Answer(x) => {
                let (rest, n) = q.less(flow.least(x).unwrap_or_default());
                clamped += n;
                if x == client {
                    take(Metric::ClientThink, Box::new(rest));
                } else {
                    take(Metric::Ttfb, Box::new(q.clone()));
                    take(Metric::ServerThink, Box::new(rest));
                }
            }
            Kind::Response(x) if x == client => {}
            Kind::Response(_) => take(Metric::Response, Box::new(q.clone())),
        }
    }
    clamped
}

/// What the samples of one connection come to.
struct Figured<'a> {
    flow: &'a Flow,
    /// Those that were kept one by one.
    apart: Apart,
    /// How many corrected values would have been negative.
    clamped: u64,
}

impl Figured<'_> {
    /// All of a kind.
    fn all(&mut self, kind: Kind, into: &mut Option<Distribution>) {
        *into = match self.flow.samples.rough(kind) {
            Some(many) => distribution::rest(&mut many.clone()),
            None => distribution::exact(self.apart.kind(kind)),
        };
    }

    /// The answers of end `x`, as long as it took to think of them: they are not asked for again.
    fn thinks(&mut self, x: usize, into: &mut Option<Distribution>) {
        let (kind, least) = (Kind::Answer(x), self.flow.least(x).unwrap_or_default());
        if let Some(many) = self.flow.samples.rough(kind) {
            let (mut rest, clamped) = many.less(least);
            self.clamped += clamped;
            *into = distribution::rest(&mut rest);
            return;
        }
        let answers = self.apart.kind(kind);
        for answer in &mut *answers {
            let rest = Span(*answer) - least;
            self.clamped += u64::from(rest < Span(0));
            *answer = rest.0.max(0);
        }
        *into = distribution::exact(answers);
    }
}

/// A value for each role from one for each index.
pub fn per_side<T>(client: usize, of: impl Fn(usize) -> T) -> PerSide<T> {
    PerSide { client: of(client), server: of(1 - client) }
}

/// Pauses with the present one, up to `end`.
#[inline]
pub fn stops(p: Pauses, end: Time) -> Stops {
    let mut done = p;
    done.end(end);
    Stops { count: done.count.into(), total: done.total, longest: done.longest, open: p.lasts() }
}

/// The account of `c` by role.
pub fn blame(m: &Measured, c: &Outline, client: usize) -> Blame {
    let spent: [Span; CAUSES] = m.account((c.first, c.last), c.is_one_way());
    let [handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close] =
        causes(client).map(|cause| spent[cause.index()]);
    Blame { handshake, network, recovery, server, client, zero_window_server, zero_window_client, idle, close }
}

/// The causes in the order of [`Blame::parts`].
#[inline]
pub fn causes(client: usize) -> [Cause; CAUSES] {
    let server = 1 - client;
    [
        Cause::Handshake,
        Cause::Network,
        Cause::Recovery,
        Cause::End(server),
        Cause::End(client),
        Cause::ZeroWindow(server),
        Cause::ZeroWindow(client),
        Cause::Idle,
        Cause::Close,
    ]
}

/// What end `verdict` was in at `time`.
pub(super) fn state_at(verdict: &Verdict, time: Time) -> State {
    verdict.steps.iter().take_while(|s| s.at <= time).last().map_or(State::Closed, |s| s.rule.to)
}

/// The gap at the end of a connection, if it has one: it lasted when the capture ended at `end`.
fn last_gap(flow: &Flow, verdicts: &[Verdict; 2], end: Time) -> Option<Span> {
    let open = verdicts.iter().any(|v| !matches!(v.state(), State::Closed | State::TimeWait));
    Some(end - flow.gaps.last).filter(|rest| open && *rest >= GAP)
}

/// How many gaps a connection has, and how long they are; one that lasts up to `end`, the end of the capture, is one of
/// them.
#[inline]
pub fn gaps(flow: &Flow, verdicts: &[Verdict; 2], end: Time) -> Stops {
    let last = last_gap(flow, verdicts, end);
    if flow.gaps.count() == 0 && last.is_none() {
        return Stops::default();
    }
    let longest = flow.gaps.longest().iter().map(|g| g.length).chain(last).max();
    Stops {
        count: u64::from(flow.gaps.count()) + u64::from(last.is_some()),
        total: Span(flow.gaps.total().0.saturating_add(last.unwrap_or_default().0)),
        longest: longest.unwrap_or_default(),
        open: false,
    }
}

/// The same with the longest of them.
fn idle(flow: &Flow, client: usize, verdicts: &[Verdict; 2], end: Time) -> Idle {
    let Stops { count, total, longest, .. } = gaps(flow, verdicts, end);
    if count == 0 {
        return Idle::default();
    }
    let states = |at: Time| per_side(client, |x| state_at(&verdicts[x], at));
    let side = |x: usize| if x == client { Side::Client } else { Side::Server };
    let gap = |g: &Gap| IdleGap {
        start: g.start,
        length: g.length,
        states: states(g.start),
        probes: g.probes.into(),
        ended_by: match g.ended.0 {
            Ender::Data => GapEnd::Data,
            Ender::Fin => GapEnd::Fin,
            Ender::Rst => GapEnd::Rst,
        },
        by: Some(side(g.ended.1)),
    };
    let mut gaps: Vec<IdleGap> = flow.gaps.longest().iter().map(gap).collect();
    if let Some(length) = last_gap(flow, verdicts, end) {
        gaps.push(IdleGap {
            start: flow.gaps.last,
            length,
            states: states(flow.gaps.last),
            probes: flow.gaps.probes.into(),
            ended_by: GapEnd::Nothing,
            by: None,
        });
    }
    gaps.sort_by_key(|g| g.start);
    Idle { count, total, longest, gaps }
}

/// Where the tap was: `given`, or [estimated](estimate).
#[inline]
pub fn vantage(
    m: &Measured,
    legs: [Option<Span>; 2],
    client: usize,
    given: Option<Vantage>,
) -> Option<(Vantage, Basis)> {
    given.map(|v| (v, Basis::Given)).or_else(|| estimate(m, legs, client))
}

/// The timing of one connection. `end` is the end of the capture.
pub fn timing(m: &Measured, c: &Outline, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) -> Timing {
    let mut timing = Timing::default();
    put(m, c, verdicts, (given, end), &mut timing);
    timing
}

/// Puts the timing of one connection where nothing is told yet of it.
pub fn put(
    m: &Measured,
    c: &Outline,
    verdicts: &[Verdict; 2],
    (given, end): (Option<Vantage>, Time),
    timing: &mut Timing,
) {
    let client = c.client & 1;
    let h = &m.handshake;
    let legs = h.legs();
    timing.syn_to_synack = legs[0];
    timing.synack_to_ack = legs[1];
    timing.handshake = h.round_trip_by(legs);
    timing.syn_to_synack_between = h.syn_to_synack().between();
    timing.synack_to_ack_between = h.synack_to_ack().between();
    timing.syn_retries = h.syns.count.saturating_sub(1).into();
    timing.synack_retries = h.syn_acks.count.saturating_sub(1).into();
    timing.syn_retry_delay = h.retry_delay();
    timing.connect_delay = h.connect_delay();
    timing.server_ready = h.ready_delay();
    timing.refused_after = m.refused_after();
    if let Some((vantage, by)) = vantage(m, legs, client, given) {
        (timing.vantage, timing.vantage_by) = (Some(vantage), Some(by));
    }
    timing.blame = blame(m, c, client);
    timing.slowest = timing.blame.slowest();
    if let Some(flow) = m.flow.as_deref() {
        put_flow(flow, h, c, verdicts, end, timing);
    }
}

/// The same of what was measured since it was open.
#[inline(always)]
fn put_flow(flow: &Flow, h: &Handshake, c: &Outline, verdicts: &[Verdict; 2], end: Time, timing: &mut Timing) {
    let client = c.client & 1;
    let server = 1 - client;
    let mut figured = Figured { flow, apart: Apart::default(), clamped: 0 };
    let unfinished = flow.turns.unfinished(server).map(|span| (Kind::Response(server), span.max(Span(0))));
    figured.apart.put(&flow.samples, unfinished);
    let PerSide { client: to_client, server: to_server } = &mut timing.rtt;
    for (x, trips) in [(client, to_client), (server, to_server)] {
        figured.all(Kind::Trip(x), &mut trips.samples);
        trips.excluded = flow.trips[x].excluded().into();
        trips.rescued = flow.trips[x].rescued().into();
    }
    let [first_client, first_server] = [flow.turns.first(client), flow.turns.first(server)];
    timing.first_request = first_client.zip(h.ack()).map(|(t, ack)| (t - ack).max(Span(0)));
    timing.server_greets = first_server.is_some_and(|s| first_client.is_none_or(|c| s < c));
    figured.all(Kind::Answer(server), &mut timing.ttfb);
    figured.thinks(server, &mut timing.server_think);
    figured.all(Kind::Response(server), &mut timing.response);
    figured.thinks(client, &mut timing.client_think);
    timing.clamped = figured.clamped;
    timing.turns_excluded = flow.turns.excluded.into();
    timing.idle = idle(flow, client, verdicts, end);
    if flow.zero.is_some() {
        timing.zero_window = per_side(client, |x| stops(flow.zero(x), c.last));
    }
    // The trips towards one end carry the stream of the other.
    timing.stalls = per_side(client, |x| stops(flow.trips[1 - x].stalls(), c.last));
    let [client_fin, server_fin] = [flow.close.acked(client), flow.close.acked(server)];
    timing.fin_to_ack = Known { client: client_fin.exact(), server: server_fin.exact() };
    timing.fin_to_ack_between = Known { client: client_fin.between(), server: server_fin.between() };
    timing.fin_to_fin = flow.close.fin_to_fin();
    timing.close_duration = flow.close.duration();
    let [client_data, server_data] = [flow.close.after_data(client), flow.close.after_data(server)];
    timing.last_data_to_fin = Known { client: client_data, server: server_data };
}

/// How many legs of the handshake and of the close could not be told apart.
pub fn ambiguous(m: &Measured) -> u64 {
    let repeated = m.handshake.has_copies() || m.flow.as_ref().is_some_and(|f| f.close.has_copies());
    if !repeated {
        return 0;
    }
    let close = m.flow.as_ref().map_or([Leg::Unseen; 2], |f| [f.close.acked(0), f.close.acked(1)]);
    let legs = [m.handshake.syn_to_synack(), m.handshake.synack_to_ack(), close[0], close[1]];
    legs.iter().filter(|l| l.between().is_some()).count() as u64
}

/// How many samples were left out, as something in them was sent again.
pub fn excluded(m: &Measured) -> u64 {
    let Some(flow) = m.flow.as_deref() else { return 0 };
    flow.trips.iter().map(|t| u64::from(t.excluded())).sum::<u64>() + u64::from(flow.turns.excluded)
}
