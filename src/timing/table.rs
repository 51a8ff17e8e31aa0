//! Measurements of groups of connections: all of them, by server, by client, by pair. Groups merge: the same tables come
//! out whatever part of the connections is taken first.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::flow::Measured;
use super::occupancy::{Occupancy, stays};
use super::quantile::{GROUP, Quantiles};
use super::summary::{self, Corrected, ambiguous, distribution, drawn};
use super::vantage::Vantage;
use crate::report::timing::{self as shape, Blame, GroupTiming, Omitted, Stops, Tables};
use crate::report::{PerSide, Side};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::{Connection, State, Verdict};

/// How many groups of each kind are listed.
const LISTED: usize = 100;

/// How many groups of each kind are kept: addresses are chosen by whoever sends the packets.
const KEPT: usize = 10_000;

/// What is measured, under the name that the report gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// SYN answered to first SYN-ACK.
    SynToSynack,
    /// SYN-ACK answered to the client's ACK.
    SynackToAck,
    /// Both together.
    Handshake,
    /// First SYN to the SYN answered, where there was a retry.
    SynRetryDelay,
    /// First SYN to the client's ACK.
    ConnectDelay,
    /// Tap to client and back.
    RttClient,
    /// Tap to server and back.
    RttServer,
    /// Handshake to the client's first payload.
    FirstRequest,
    /// Last byte of a request to the first of its answer.
    Ttfb,
    /// The same without the round trip to the server.
    ServerThink,
    /// Last byte of a request to the last of its answer.
    Response,
    /// Last byte of an answer to the first of the next request, without the round trip to the client.
    ClientThink,
    /// FIN of the client to its acknowledgment.
    FinToAckClient,
    /// FIN of the server to its acknowledgment.
    FinToAckServer,
    /// FIN to the other end's FIN.
    FinToFin,
    /// First FIN or RST to the last segment.
    CloseDuration,
    /// First to last packet.
    Duration,
}

impl Metric {
    /// All of them with their names, in the order of tables.
    pub const ALL: [(Metric, &'static str); 17] = [
        (Metric::SynToSynack, "syn_to_synack"),
        (Metric::SynackToAck, "synack_to_ack"),
        (Metric::Handshake, "handshake"),
        (Metric::SynRetryDelay, "syn_retry_delay"),
        (Metric::ConnectDelay, "connect_delay"),
        (Metric::RttClient, "rtt_client"),
        (Metric::RttServer, "rtt_server"),
        (Metric::FirstRequest, "first_request"),
        (Metric::Ttfb, "ttfb"),
        (Metric::ServerThink, "server_think"),
        (Metric::Response, "response"),
        (Metric::ClientThink, "client_think"),
        (Metric::FinToAckClient, "fin_to_ack_client"),
        (Metric::FinToAckServer, "fin_to_ack_server"),
        (Metric::FinToFin, "fin_to_fin"),
        (Metric::CloseDuration, "close_duration"),
        (Metric::Duration, "duration"),
    ];
}

/// One group.
#[derive(Clone, Debug, Default)]
struct Group {
    counts: GroupTiming,
    metrics: BTreeMap<Metric, Quantiles>,
    states: BTreeMap<(Side, State), Occupancy>,
}

impl Group {
    fn metric(&mut self, metric: Metric) -> &mut Quantiles {
        self.metrics.entry(metric).or_insert_with(|| Quantiles::new(GROUP))
    }

    fn merge(&mut self, other: &Group) {
        let (a, b) = (&mut self.counts, &other.counts);
        a.connections += b.connections;
        a.syn_retries += b.syn_retries;
        a.synack_retries += b.synack_retries;
        a.excluded += b.excluded;
        a.clamped += b.clamped;
        for (vantage, n) in &b.vantages {
            *a.vantages.entry(vantage).or_default() += n;
        }
        add_stops(&mut a.idle, b.idle);
        for side in [Side::Client, Side::Server] {
            add_stops(a.zero_window.get_mut(side), *b.zero_window.get(side));
            add_stops(a.stalls.get_mut(side), *b.stalls.get(side));
        }
        add_blame(&mut a.blame, &b.blame);
        for (metric, samples) in &other.metrics {
            self.metric(*metric).merge(samples);
        }
        for (key, stays) in &other.states {
            self.states.entry(*key).or_default().merge(stays);
        }
    }

    fn finish(self) -> GroupTiming {
        let mut out = self.counts;
        out.slowest = out.blame.slowest();
        for (metric, name) in Metric::ALL {
            if let Some(d) = self.metrics.get(&metric).and_then(drawn) {
                out.metrics.insert(name, d);
            }
        }
        for ((side, state), o) in self.states {
            let bounds = |q: &Quantiles| if o.uncertain > 0 { distribution(q) } else { None };
            let occupancy = shape::Occupancy {
                spans: drawn(&o.spans),
                at_least: bounds(&o.low),
                at_most: bounds(&o.high),
                uncertain: o.uncertain,
                modelled: o.modelled,
                open: o.open.count(),
                open_longest: o.open.max(),
            };
            out.states.get_mut(side).insert(state, occupancy);
        }
        out
    }
}

fn add_stops(a: &mut Stops, b: Stops) {
    a.count += b.count;
    a.total = Span(a.total.0.saturating_add(b.total.0));
    a.longest = a.longest.max(b.longest);
    a.open |= b.open;
}

fn add_blame(a: &mut Blame, b: &Blame) {
    let add = |a: &mut Span, b: Span| *a = Span(a.0.saturating_add(b.0));
    add(&mut a.handshake, b.handshake);
    add(&mut a.network, b.network);
    add(&mut a.recovery, b.recovery);
    add(&mut a.server, b.server);
    add(&mut a.client, b.client);
    add(&mut a.zero_window_server, b.zero_window_server);
    add(&mut a.zero_window_client, b.zero_window_client);
    add(&mut a.idle, b.idle);
    add(&mut a.close, b.close);
}

/// The tables in the making.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    all: Group,
    by_server: BTreeMap<Socket, Group>,
    by_client: BTreeMap<IpAddr, Group>,
    by_pair: BTreeMap<(IpAddr, Socket), Group>,
    /// Connections whose groups are not kept.
    omitted: Omitted,
}

impl Builder {
    /// Takes one connection. `end` is the end of the capture.
    pub fn add(&mut self, m: &Measured, c: &Connection, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) {
        let (client, _) = c.client();
        let one = single(m, c, verdicts, given, end);
        let (host, service) = (c.sockets[client].addr, c.sockets[1 - client]);
        self.all.merge(&one);
        put(&mut self.by_server, service, &one, &mut self.omitted.servers);
        put(&mut self.by_client, host, &one, &mut self.omitted.clients);
        put(&mut self.by_pair, (host, service), &one, &mut self.omitted.pairs);
    }

    /// The tables.
    pub fn finish(self) -> Tables {
        let (by_server, servers) = listed(self.by_server, |server, g| GroupTiming { server: Some(server), ..g });
        let (by_client, clients) = listed(self.by_client, |client, g| GroupTiming { client: Some(client), ..g });
        let (by_pair, pairs) =
            listed(self.by_pair, |(client, server), g| GroupTiming { client: Some(client), server: Some(server), ..g });
        let unkept = self.omitted;
        let omitted = Omitted {
            servers: servers + unkept.servers,
            clients: clients + unkept.clients,
            pairs: pairs + unkept.pairs,
        };
        Tables { all: self.all.finish(), by_server, by_client, by_pair, omitted }
    }
}

/// Takes `one` into the group under `key`; one more group is begun only while there are not too many.
fn put<K: Ord>(groups: &mut BTreeMap<K, Group>, key: K, one: &Group, omitted: &mut u64) {
    if groups.len() < KEPT || groups.contains_key(&key) {
        groups.entry(key).or_default().merge(one);
    } else {
        *omitted += 1;
    }
}

/// The groups with the most connections (of equals, the lower address), and how many connections those left out have.
fn listed<K: Ord>(groups: BTreeMap<K, Group>, name: impl Fn(K, GroupTiming) -> GroupTiming) -> (Vec<GroupTiming>, u64) {
    let mut all: Vec<(K, Group)> = groups.into_iter().collect();
    all.sort_by_key(|(_, g)| std::cmp::Reverse(g.counts.connections));
    let omitted = all.iter().skip(LISTED).map(|(_, g)| g.counts.connections).sum();
    all.truncate(LISTED);
    (all.into_iter().map(|(k, g)| name(k, g.finish())).collect(), omitted)
}

/// The group of one connection.
fn single(m: &Measured, c: &Connection, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) -> Group {
    let (client, _) = c.client();
    let server = 1 - client;
    let mut g = Group::default();
    let h = &m.handshake;
    let vantage = summary::vantage(m, client, given).map_or("unknown", |(v, _)| v.name());
    g.counts.vantages.insert(vantage, 1);
    g.counts.connections = 1;
    g.counts.syn_retries = h.syns.count.saturating_sub(1).into();
    g.counts.synack_retries = h.syn_acks.count.saturating_sub(1).into();
    g.counts.excluded = ambiguous(m);
    g.counts.blame = summary::blame(m, c, client);
    let mut one = |metric, span: Option<Span>| {
        if let Some(span) = span {
            g.metric(metric).add(span);
        }
    };
    one(Metric::SynToSynack, h.syn_to_synack.exact());
    one(Metric::SynackToAck, h.synack_to_ack.exact());
    one(Metric::Handshake, h.round_trip());
    one(Metric::SynRetryDelay, h.retry_delay.filter(|_| h.syns.count > 1));
    one(Metric::ConnectDelay, h.ack.zip(h.syns.first()).map(|(t, syn)| t - syn));
    one(Metric::Duration, Some(c.last - c.first));
    if let Some(flow) = m.flow.as_deref() {
        one(Metric::FirstRequest, flow.turns.first[client].zip(h.ack).map(|(t, ack)| t - ack));
        one(Metric::FinToAckClient, flow.close.acked[client].exact());
        one(Metric::FinToAckServer, flow.close.acked[server].exact());
        one(Metric::FinToFin, flow.close.fin_to_fin());
        one(Metric::CloseDuration, flow.close.duration());
        let corrected = Corrected::of(flow, client);
        let responses = summary::responses(flow, server);
        for (metric, samples) in [
            (Metric::RttClient, &flow.trips[client].samples),
            (Metric::RttServer, &flow.trips[server].samples),
            (Metric::Ttfb, &flow.turns.answers[server]),
            (Metric::ServerThink, &corrected.server_think),
            (Metric::Response, &responses),
            (Metric::ClientThink, &corrected.client_think),
        ] {
            if samples.count() > 0 {
                g.metric(metric).merge(samples);
            }
        }
        let turns = flow.trips.iter().map(|t| u64::from(t.excluded)).sum::<u64>() + u64::from(flow.turns.excluded);
        g.counts.excluded += turns;
        g.counts.clamped = corrected.clamped;
        let idle = summary::idle(flow, client, verdicts, end);
        g.counts.idle = Stops { count: idle.count, total: idle.total, longest: idle.longest, open: false };
        g.counts.zero_window = summary::per_side(client, |x| summary::stops(&flow.zero[x], c.last));
        g.counts.stalls = summary::per_side(client, |x| summary::stops(&flow.trips[1 - x].stalls, c.last));
    }
    let sides = PerSide { client: &verdicts[client], server: &verdicts[server] };
    for side in [Side::Client, Side::Server] {
        for stay in stays(sides.get(side), m, end) {
            g.states.entry((side, stay.state)).or_default().add(&stay);
        }
    }
    g
}
