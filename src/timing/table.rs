//! Measurements of groups of connections: all of them, by server, by client, by pair.

use super::figure::{Figure, Stopped};
use super::flow::{Flow, Measured};
use super::groups::{Census, Listing};
use super::sums::Sums;
use super::vantage::Vantage;
use super::{occupancy, summary};
use crate::report::Side;
use crate::report::timing::{GroupTiming, Omitted, Stops, Tables};
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
#[derive(Clone, Debug)]
pub struct Builder {
    listing: Listing,
    all: Box<Sums>,
    /// In the order of the listing.
    groups: Vec<Option<Box<Sums>>>,
}

impl Builder {
    /// Tables of the connections counted in `census`, which are yet to be added.
    pub fn new(census: &Census) -> Builder {
        let listing = census.list(LISTED);
        let groups = vec![None; listing.lengths().iter().sum()];
        Builder { listing, all: Box::new(Sums::new()), groups }
    }

    /// The same, with nothing in it.
    #[must_use]
    pub fn empty(&self) -> Builder {
        let groups = vec![None; self.groups.len()];
        Builder { listing: self.listing.clone(), all: Box::new(Sums::new()), groups }
    }

    /// Takes one connection. `end` is the end of the capture.
    pub fn add(&mut self, m: &Measured, c: &Connection, verdicts: &[Verdict; 2], given: Option<Vantage>, end: Time) {
        let (client, _) = c.client();
        let (host, service) = (c.sockets[client].addr, c.sockets[1 - client]);
        let places = self.listing.places(host, service);
        let mut entry = Entry { all: &mut self.all, groups: [None, None, None] };
        // Servers, clients and pairs have places of their own, one after the other.
        let [servers, clients, _] = self.listing.lengths();
        let (by_server, rest) = self.groups.split_at_mut(servers);
        let (by_client, by_pair) = rest.split_at_mut(clients);
        let kinds = [(by_server, 0), (by_client, servers), (by_pair, servers + clients)];
        for ((group, place), (kind, from)) in entry.groups.iter_mut().zip(places).zip(kinds) {
            let sums = place.and_then(|place| kind.get_mut(place - from));
            *group = sums.map(|sums| sums.get_or_insert_with(|| Box::new(Sums::new())).as_mut());
        }
        let seen = summary::vantage(m, client, given).map(|(v, _)| v);
        entry.each(|sums| sums.begin(seen));
        entry.handshake(m, c);
        entry.counts(m, c, client);
        if let Some(flow) = m.flow.as_deref() {
            entry.flow(flow, m, c, client, verdicts, end);
        }
        let proofs = m.proofs();
        for (x, side) in [(client, Side::Client), (1 - client, Side::Server)] {
            occupancy::stays(&verdicts[x], &proofs, end, |stay| entry.each(|sums| sums.stay(side, stay)));
        }
    }

    /// Adds what was taken by tables of the same census.
    pub fn merge(&mut self, other: Builder) {
        self.all.merge(&other.all);
        for (mine, theirs) in self.groups.iter_mut().zip(other.groups) {
            match (mine.as_mut(), theirs) {
                (Some(mine), Some(theirs)) => mine.merge(&theirs),
                (None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
    }

    /// The tables.
    pub fn finish(self) -> Tables {
        let Builder { listing, all, mut groups } = self;
        let all = all.finish(true);
        let [servers, clients, _] = listing.lengths();
        let pairs = groups.split_off(servers + clients);
        let by_client = groups.split_off(servers);
        let list = |groups: Vec<Option<Box<Sums>>>, from: usize| {
            let measured = groups.into_iter().enumerate().map(|(i, sums)| {
                let (client, server) = listing.common(from + i);
                GroupTiming { client, server, ..sums.map(|sums| sums.finish(false)).unwrap_or_default() }
            });
            let mut measured: Vec<GroupTiming> = measured.collect();
            // Where there were too many to count all, the counts that the listing goes by are too low.
            measured.sort_by_key(|g| std::cmp::Reverse(g.connections));
            let omitted = all.connections - measured.iter().map(|g| g.connections).sum::<u64>();
            (measured, omitted)
        };
        let ((by_server, of_servers), (by_client, of_clients)) = (list(groups, 0), list(by_client, servers));
        let (by_pair, of_pairs) = list(pairs, servers + clients);
        let omitted = Omitted { servers: of_servers, clients: of_clients, pairs: of_pairs };
        Tables { all, by_server, by_client, by_pair, omitted }
    }
}

/// One connection, and the groups it belongs to.
struct Entry<'a> {
    all: &'a mut Sums,
    groups: [Option<&'a mut Sums>; 3],
}

impl Entry<'_> {
    #[inline]
    fn each(&mut self, mut take: impl FnMut(&mut Sums)) {
        take(self.all);
        self.groups.iter_mut().flatten().for_each(|group| take(group));
    }

    fn one(&mut self, metric: Metric, span: Option<Span>) {
        if let Some(span) = span {
            self.each(|sums| sums.sample(metric, span));
        }
    }

    fn figure(&mut self, figure: Figure, value: u64) {
        if value > 0 {
            self.each(|sums| sums.figure(figure, value));
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
        self.figure(Figure::SynRetries, m.handshake.syns.count.saturating_sub(1).into());
        self.figure(Figure::SynackRetries, m.handshake.syn_acks.count.saturating_sub(1).into());
        self.figure(Figure::Excluded, summary::ambiguous(m) + summary::excluded(m));
        let blame = summary::blame(m, c, client);
        for (i, (_, span)) in (0..).zip(blame.parts()) {
            self.figure(Figure::Blame(i), span.0.max(0) as u64);
        }
    }

    fn flow(&mut self, flow: &Flow, m: &Measured, c: &Connection, client: usize, verdicts: &[Verdict; 2], end: Time) {
        let server = 1 - client;
        self.one(Metric::FirstRequest, flow.turns.first(client).zip(m.handshake.ack()).map(|(t, ack)| t - ack));
        self.one(Metric::FinToAckClient, flow.close.acked(client).exact());
        self.one(Metric::FinToAckServer, flow.close.acked(server).exact());
        self.one(Metric::FinToFin, flow.close.fin_to_fin());
        self.one(Metric::CloseDuration, flow.close.duration());
        let clamped =
            summary::samples(flow, client, |metric, sampled| self.each(|sums| sums.sampled(metric, &sampled)));
        self.figure(Figure::Clamped, clamped);
        self.stops(Stopped::Idle, &summary::gaps(flow, verdicts, end));
        for (x, side) in [(client, Side::Client), (server, Side::Server)] {
            self.stops(Stopped::ZeroWindow(side), &summary::stops(flow.zero(x), c.last));
            self.stops(Stopped::Stalls(side), &summary::stops(flow.trips[1 - x].stalls(), c.last));
        }
    }

    fn stops(&mut self, what: Stopped, stops: &Stops) {
        if stops.count > 0 {
            self.each(|sums| sums.stops(what, stops));
        }
    }
}
