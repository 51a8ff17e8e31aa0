//! Measurements of groups of connections: all of them, by server, by client, by pair.

use super::columns::place;
use super::figure::{ADDED, Figure, Stopped};
use super::flow::{Flow, Measured};
use super::groups::{Census, Listing};
use super::occupancy::{self, Stay};
use super::piles::Sampled;
use super::seats::{ALL, MOST, SEATS, Seats, seat};
use super::summary;
use super::sums::Sums;
use super::vantage::Vantage;
use crate::report::Side;
use crate::report::directory::{Directory, Parties};
use crate::report::timing::{GroupTiming, Omitted, Stops, Tables};
use crate::time::{Span, Time};
use crate::tracker::{Outline, Verdict};

/// How many groups of each kind are listed.
const LISTED: usize = 100;
const _: () = assert!(LISTED <= MOST);

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
    /// Those that tables show where others are not asked for, one bit each.
    const SHORT: u32 = 1 << Metric::SynToSynack as u32
        | 1 << Metric::SynackToAck as u32
        | 1 << Metric::SynRetryDelay as u32
        | 1 << Metric::RttClient as u32
        | 1 << Metric::RttServer as u32
        | 1 << Metric::Ttfb as u32
        | 1 << Metric::ServerThink as u32
        | 1 << Metric::ClientThink as u32
        | 1 << Metric::FinToFin as u32;

    /// Whether it is one of those that tables show where others are not asked for.
    #[inline(always)]
    pub const fn is_short(self) -> bool {
        Metric::SHORT >> self as u32 & 1 != 0
    }

    /// Its name in the JSON.
    pub const fn name(self) -> &'static str {
        Metric::ALL[self as usize].1
    }

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

/// How much is wanted of what is measured of groups of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All that is measured, of each group.
    #[default]
    Full,
    /// What tables show where nothing else is asked for: distributions of all connections together, of the metrics that are
    /// [short](Metric::is_short) and of times in states, without bounds; what is only added up also by server.
    Short,
    /// Nothing.
    Nothing,
}

impl Extent {
    #[inline]
    fn has(self, metric: Metric) -> bool {
        self == Extent::Full || metric.is_short()
    }
}

/// The tables in the making.
#[derive(Clone, Debug)]
pub struct Builder {
    extent: Extent,
    listing: Listing,
    samples: Sampled,
    /// By seat.
    sums: Vec<Option<Box<Sums>>>,
}

impl Builder {
    /// Tables of the connections counted in `census`, which are yet to be added; what their numbers stand for is in
    /// `directory`.
    pub fn new(extent: Extent, census: &Census, directory: &Directory) -> Builder {
        let listing = census.list(directory, LISTED);
        Builder { extent, listing, samples: Sampled::new(extent), sums: vec![None; SEATS] }
    }

    /// Takes groups in that have come to be among the largest; of these the time of what was added before is missing.
    pub fn extend(&mut self, census: &Census, directory: &Directory) {
        self.listing.extend(census, directory, LISTED);
    }

    /// The same, with nothing in it.
    #[must_use]
    pub fn empty(&self) -> Builder {
        let samples = self.samples.empty();
        Builder { listing: self.listing.clone(), samples, sums: vec![None; SEATS], ..*self }
    }

    /// The groups of connections between `parties`. It takes less time to ask for those of several at once: what is
    /// known of each lies far apart.
    #[inline]
    pub fn seats(&self, parties: Parties) -> Seats {
        Seats::new(self.listing.places(parties))
    }

    /// Prefetches what these are found by.
    #[inline]
    pub fn prefetch(&self, parties: Parties) {
        self.listing.prefetch(parties);
    }

    /// Takes a connection in the groups at [`seats`](Builder::seats), in short `c`, of which these packets are `proofs` of
    /// receipts, as is asked for where all is measured. `end` is the end of the capture.
    pub fn add(
        &mut self,
        m: &Measured,
        (seats, c): (Seats, &Outline),
        (verdicts, proofs): (&[Verdict; 2], &[(u64, Time)]),
        given: Option<Vantage>,
        end: Time,
    ) {
        let (client, legs) = (c.client & 1, m.handshake.legs());
        let mut entry = self.entry(seats);
        entry.handshake(m, legs, c);
        let clamped = m.flow.as_deref().map_or(0, |flow| entry.flow(flow, m, c, client, verdicts, end));
        let seen = summary::vantage(m, legs, client, given).map(|(v, _)| v);
        let added = added(m, c, client, clamped);
        entry.each(|sums| {
            sums.begin(seen);
            sums.add(&added);
        });
        entry.stays([&verdicts[client], &verdicts[1 - client]], proofs, end);
    }

    /// The groups of connections of this service, whoever their clients are.
    pub fn seats_of(&self, service: u32) -> Seats {
        self.seats(Parties { client: u32::MAX, service })
    }

    #[inline]
    pub(super) fn entry(&mut self, seats: Seats) -> Entry<'_> {
        let Builder { extent, samples, sums, .. } = self;
        Entry { extent: *extent, seats, samples, sums }
    }

    /// Adds what was taken by tables of the same census.
    pub fn merge(&mut self, other: Builder) {
        self.samples.merge(other.samples);
        for (mine, theirs) in self.sums.iter_mut().zip(other.sums) {
            match (mine.as_mut(), theirs) {
                (Some(mine), Some(theirs)) => mine.merge(&theirs),
                (None, theirs) => *mine = theirs,
                (Some(_), None) => {}
            }
        }
    }

    /// The tables.
    pub fn finish(self) -> Tables {
        let Builder { listing, samples, sums, .. } = self;
        let mut groups = samples.finish();
        for (group, sums) in groups.iter_mut().zip(&sums) {
            if let Some(sums) = sums {
                sums.finish(group);
            }
        }
        let all = std::mem::take(&mut groups[ALL]);
        let lengths = listing.lengths();
        let mut list = |kind: usize| {
            let measured = (0..lengths[kind]).map(|place| {
                let (client, server) = listing.common(kind, place);
                GroupTiming { client, server, ..std::mem::take(&mut groups[seat(kind, place)]) }
            });
            let mut measured: Vec<GroupTiming> = measured.collect();
            // Where there were too many to count all, the counts that the listing goes by are too low.
            measured.sort_by_key(|g| (std::cmp::Reverse(g.connections), g.client, g.server));
            measured.truncate(LISTED);
            let omitted = all.connections - measured.iter().map(|g| g.connections).sum::<u64>();
            (measured, omitted)
        };
        let [(by_server, servers), (by_client, clients), (by_pair, pairs)] = [0, 1, 2].map(&mut list);
        Tables { all, by_server, by_client, by_pair, omitted: Omitted { servers, clients, pairs } }
    }
}

/// What a connection adds to the figures of its groups, by [`Figure::index`]; so many of its corrected values would have
/// been negative.
fn added(m: &Measured, c: &Outline, client: usize, clamped: u64) -> [u64; ADDED] {
    let mut added = [0; ADDED];
    added[Figure::SynRetries.index()] = m.handshake.syns.count.saturating_sub(1).into();
    added[Figure::SynackRetries.index()] = m.handshake.syn_acks.count.saturating_sub(1).into();
    added[Figure::Excluded.index()] = summary::ambiguous(m) + summary::excluded(m);
    added[Figure::Clamped.index()] = clamped;
    let spent = m.account((c.first, c.last), c.is_one_way());
    for (part, cause) in (0..).zip(summary::causes(client)) {
        added[Figure::Blame(part).index()] = spent[cause.index()].0.max(0) as u64;
    }
    added
}

/// One connection, and where it goes.
pub(super) struct Entry<'a> {
    pub(super) extent: Extent,
    pub(super) seats: Seats,
    pub(super) samples: &'a mut Sampled,
    /// By seat.
    sums: &'a mut [Option<Box<Sums>>],
}

impl Entry<'_> {
    /// The sums of each of its groups.
    #[inline]
    pub(super) fn each(&mut self, mut take: impl FnMut(&mut Sums)) {
        self.seats.each(|seat| take(self.sums[seat].get_or_insert_with(|| Box::new(Sums::new()))));
    }

    /// Of both ends, the client's first.
    #[inline(always)]
    pub(super) fn stays(&mut self, verdicts: [&Verdict; 2], proofs: &[(u64, Time)], end: Time) {
        let ends = Side::ALL.into_iter().zip(verdicts);
        if self.extent == Extent::Full {
            ends.for_each(|(side, verdict)| occupancy::stays(verdict, proofs, end, |stay| self.stay(side, &stay)));
        } else {
            ends.for_each(|(side, verdict)| occupancy::spans(verdict, end, |stay| self.stay(side, &stay)));
        }
    }

    #[inline(always)]
    pub(super) fn stay(&mut self, side: Side, stay: &Stay) {
        let place = place(side, stay.state);
        if stay.open {
            return self.each(|sums| sums.open(place, stay.span));
        }
        if stay.modelled {
            self.each(|sums| sums.modelled(place));
        }
        self.samples.stay(self.seats, place, stay);
    }

    #[inline]
    pub(super) fn one(&mut self, metric: Metric, span: Option<Span>) {
        if let Some(span) = span.filter(|_| self.extent.has(metric)) {
            self.samples.sample(self.seats, metric, span);
        }
    }

    #[inline]
    fn handshake(&mut self, m: &Measured, legs: [Option<Span>; 2], c: &Outline) {
        let h = &m.handshake;
        self.one(Metric::SynToSynack, legs[0]);
        self.one(Metric::SynackToAck, legs[1]);
        if h.syns.count > 1 {
            self.one(Metric::SynRetryDelay, h.retry_delay());
        }
        if self.extent == Extent::Full {
            self.one(Metric::Handshake, h.round_trip_by(legs));
            self.one(Metric::ConnectDelay, h.connect_delay());
            self.one(Metric::Duration, Some(c.last - c.first));
        }
    }

    /// How many corrected values would have been negative.
    #[inline]
    fn flow(
        &mut self,
        flow: &Flow,
        m: &Measured,
        c: &Outline,
        client: usize,
        verdicts: &[Verdict; 2],
        end: Time,
    ) -> u64 {
        let server = 1 - client;
        self.one(Metric::FinToFin, flow.close.fin_to_fin());
        if self.extent == Extent::Full {
            self.one(Metric::FirstRequest, flow.turns.first(client).zip(m.handshake.ack()).map(|(t, ack)| t - ack));
            self.one(Metric::FinToAckClient, flow.close.acked(client).exact());
            self.one(Metric::FinToAckServer, flow.close.acked(server).exact());
            self.one(Metric::CloseDuration, flow.close.duration());
        }
        let mut clamped = summary::samples(flow, client, |metric, span| self.one(metric, Some(span)));
        if flow.samples.is_rough() {
            let (extent, seats) = (self.extent, self.seats);
            clamped += summary::rough_samples(flow, client, |metric, q| {
                if extent.has(metric) {
                    self.samples.samples(seats, metric, &q);
                }
            });
        }
        self.stops(Stopped::Idle, &summary::gaps(flow, verdicts, end));
        for (x, side) in [(client, Side::Client), (server, Side::Server)] {
            if let Some(zero) = flow.zero.as_ref() {
                self.stops(Stopped::ZeroWindow(side), &summary::stops(zero[x], c.last));
            }
            if flow.trips[1 - x].has_lost() {
                self.stops(Stopped::Stalls(side), &summary::stops(flow.trips[1 - x].stalls(), c.last));
            }
        }
        clamped
    }

    #[inline]
    fn stops(&mut self, what: Stopped, stops: &Stops) {
        if stops.count > 0 {
            self.stopped(what, stops);
        }
    }

    #[inline(never)]
    pub(super) fn stopped(&mut self, what: Stopped, stops: &Stops) {
        self.each(|sums| sums.stops(what, stops));
    }
}
