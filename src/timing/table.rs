//! Measurements of groups of connections: all of them, by server, by client, by pair.

use std::net::IpAddr;

use super::figure::{Figure, Stopped};
use super::flow::{Flow, Measured};
use super::groups::Groups;
use super::log::Log;
use super::vantage::Vantage;
use super::{occupancy, summary};
use crate::report::Side;
use crate::report::timing::{GroupTiming, Omitted, Tables};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::{Connection, Verdict};

/// How many groups of each kind are listed.
const LISTED: usize = 100;

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

/// The tables in the making.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    log: Log,
    by_server: Groups<Socket>,
    by_client: Groups<IpAddr>,
    by_pair: Groups<(IpAddr, Socket)>,
}

impl Builder {
    /// Takes one connection. `end` is the end of the capture.
    pub fn add(&mut self, m: &Measured, c: &Connection, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) {
        let (client, _) = c.client();
        let (host, service) = (c.sockets[client].addr, c.sockets[1 - client]);
        let seen = summary::vantage(m, client, given).map(|(v, _)| v);
        let groups = [self.by_server.count(service), self.by_client.count(host), self.by_pair.count((host, service))];
        self.log.begin(groups, seen);
        self.handshake(m, c);
        self.counts(m, c, client);
        if let Some(flow) = m.flow.as_deref() {
            self.flow(flow, m, c, client, verdicts, end);
        }
        let proofs = m.proofs();
        for (x, side) in [(client, Side::Client), (1 - client, Side::Server)] {
            occupancy::stays(&verdicts[x], &proofs, end, |stay| self.log.stay(side, stay));
        }
    }

    fn one(&mut self, metric: Metric, span: Option<Span>) {
        if let Some(span) = span {
            self.log.sample(metric, span);
        }
    }

    fn handshake(&mut self, m: &Measured, c: &Connection) {
        let h = &m.handshake;
        self.one(Metric::SynToSynack, h.syn_to_synack().exact());
        self.one(Metric::SynackToAck, h.synack_to_ack().exact());
        self.one(Metric::Handshake, h.round_trip());
        self.one(Metric::SynRetryDelay, h.retry_delay());
        self.one(Metric::ConnectDelay, h.ack().zip(h.syns.first()).map(|(t, syn)| t - syn));
        self.one(Metric::Duration, Some(c.last - c.first));
    }

    fn counts(&mut self, m: &Measured, c: &Connection, client: usize) {
        let log = &mut self.log;
        log.figure(Figure::SynRetries, m.handshake.syns.count.saturating_sub(1).into());
        log.figure(Figure::SynackRetries, m.handshake.syn_acks.count.saturating_sub(1).into());
        log.figure(Figure::Excluded, summary::ambiguous(m) + summary::excluded(m));
        let blame = summary::blame(m, c, client);
        for (i, (_, span)) in (0..).zip(blame.parts()) {
            log.figure(Figure::Blame(i), span.0.max(0) as u64);
        }
    }

    fn flow(&mut self, flow: &Flow, m: &Measured, c: &Connection, client: usize, verdicts: &[Verdict; 2], end: Time) {
        let server = 1 - client;
        self.one(Metric::FirstRequest, flow.turns.first(client).zip(m.handshake.ack()).map(|(t, ack)| t - ack));
        self.one(Metric::FinToAckClient, flow.close.acked(client).exact());
        self.one(Metric::FinToAckServer, flow.close.acked(server).exact());
        self.one(Metric::FinToFin, flow.close.fin_to_fin());
        self.one(Metric::CloseDuration, flow.close.duration());
        let log = &mut self.log;
        let clamped = summary::samples(flow, client, |metric, sampled| log.sampled(metric, sampled));
        log.figure(Figure::Clamped, clamped);
        log.stops(Stopped::Idle, summary::gaps(flow, verdicts, end));
        for (x, side) in [(client, Side::Client), (server, Side::Server)] {
            log.stops(Stopped::ZeroWindow(side), summary::stops(flow.zero(x), c.last));
            log.stops(Stopped::Stalls(side), summary::stops(flow.trips[1 - x].stalls(), c.last));
        }
    }

    /// The tables.
    pub fn finish(self) -> Tables {
        let (servers, omitted_servers) = self.by_server.listed(LISTED);
        let (clients, omitted_clients) = self.by_client.listed(LISTED);
        let (pairs, omitted_pairs) = self.by_pair.listed(LISTED);
        let mut groups = self.log.finish([&servers, &clients, &pairs]).into_iter();
        let all = groups.next().unwrap_or_default();
        let named = |g: GroupTiming, client, server| GroupTiming { client, server, ..g };
        let by_server = servers.iter().zip(groups.by_ref());
        let by_server = by_server.map(|(i, g)| named(g, None, Some(*self.by_server.key(*i)))).collect();
        let by_client = clients.iter().zip(groups.by_ref());
        let by_client = by_client.map(|(i, g)| named(g, Some(*self.by_client.key(*i)), None)).collect();
        let by_pair = pairs.iter().zip(groups.by_ref()).map(|(i, g)| {
            let (client, server) = *self.by_pair.key(*i);
            named(g, Some(client), Some(server))
        });
        let omitted = Omitted { servers: omitted_servers, clients: omitted_clients, pairs: omitted_pairs };
        Tables { all, by_server, by_client, by_pair: by_pair.collect(), omitted }
    }
}
