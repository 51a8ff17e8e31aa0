//! What is measured of one connection, segment by segment.

use smallvec::SmallVec;

use super::blame::{Blame, CAUSES, Cause, Situation};
use super::close::Close;
use super::handshake::Handshake;
use super::pause::{Ender, Gaps, Pauses};
use super::round_trip::RoundTrip;
use super::turn::Turns;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::{Class, Connection};

/// How many proofs are remembered.
const PROOFS: usize = 12;

/// The measurements of one connection.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Its handshake.
    pub handshake: Handshake,
    /// What needs an open connection.
    pub flow: Option<Box<Flow>>,
    /// Capture times of the packets that prove receipts: packet number, time.
    proofs: SmallVec<[(u64, Time); 2]>,
    /// Where its time went.
    blame: Blame,
    /// Its first RST came before it was open.
    refused: bool,
    /// From its only SYN to the RST that refused it.
    pub refused_after: Option<Span>,
}

/// What is measured once a connection is open.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Towards each end.
    pub trips: [RoundTrip; 2],
    /// The least round trip towards each end so far.
    pub least: [Option<Span>; 2],
    /// Requests and answers.
    pub turns: Turns,
    /// Times without payload.
    pub gaps: Gaps,
    /// Times in which each end's window was closed.
    pub zero: [Pauses; 2],
    /// Probes sent against each end's closed window.
    pub zero_probes: [u32; 2],
    /// Its end.
    pub close: Close,
    /// Which end is the client, as it looked when the connection opened.
    client: u8,
    /// For each end, when all it had sent was acknowledged.
    settled: [Option<Time>; 2],
    /// The last payload of either end.
    content: Option<Time>,
    /// TTL or hop limit of each end's first segment.
    pub ttl: [Option<u8>; 2],
}

impl Measured {
    /// Takes a segment of end `x`, which the tracker has put into class `class`, and which `advances` if it acknowledges
    /// more than any before it.
    pub fn take(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, c: &Connection) {
        if matches!(class, Class::Copy | Class::Astray) {
            return;
        }
        if self.is_fresh() {
            self.blame.open(c.first.min(seg.time));
            if c.first_packet != seg.packet && c.ends[0].syns > 0 {
                self.handshake.parked(0, c.first);
            }
        }
        match class {
            Class::Reset | Class::ResetIgnored => self.reset(x, class, seg),
            Class::Opening | Class::OpeningAgain => self.opening(x, seg),
            _ => self.synchronized(x, class, advances, seg, c),
        }
        self.note_proofs(seg, c);
    }

    fn is_fresh(&self) -> bool {
        self.flow.is_none() && self.handshake.opener().is_none() && !self.refused
    }

    fn opening(&mut self, x: usize, seg: &Segment) {
        self.handshake.opening(x, seg);
        if self.handshake.is_under_way() {
            self.blame.spend(seg.time, Cause::Handshake);
        }
        if let Some(flow) = &mut self.flow {
            flow.turns.touch();
        }
    }

    fn reset(&mut self, x: usize, class: Class, seg: &Segment) {
        let situation = self.situation();
        match &mut self.flow {
            Some(flow) if class == Class::Reset => {
                let (trip, settled) = (flow.least[x].unwrap_or_default(), flow.settled[x]);
                if situation.closing {
                    self.blame.spend(seg.time, Cause::Close);
                } else {
                    self.blame.speaks(x, seg.time, &situation, trip, settled);
                }
                flow.turns.finish();
                flow.gaps.content(seg.time, (Ender::Rst, x));
                flow.close.reset(seg);
                flow.zero.iter_mut().for_each(|z| z.end(seg.time));
                flow.trips.iter_mut().for_each(RoundTrip::forget);
            }
            Some(_) => {}
            None => {
                self.refused = true;
                let syns = &self.handshake.syns;
                if class == Class::Reset && self.handshake.opener() == Some(1 - x) && syns.count == 1 {
                    self.refused_after = syns.first().map(|syn| seg.time - syn);
                }
            }
        }
    }

    fn synchronized(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, c: &Connection) {
        let now = seg.time;
        let y = 1 - x;
        if self.handshake.later(x, seg) {
            self.blame.spend(now, Cause::Handshake);
        }
        let flow = self.flow.get_or_insert_with(|| {
            let mut flow = Box::<Flow>::default();
            flow.gaps.last = now;
            flow.client = c.client().0 as u8;
            flow
        });
        flow.ttl[x].get_or_insert(seg.ttl);
        if self.handshake.ack == Some(now) && self.handshake.opener() == Some(x) && flow.least[y].is_none() {
            flow.gaps.last = now;
            for (end, leg) in [(y, self.handshake.syn_to_synack), (x, self.handshake.synack_to_ack)] {
                let copies = if end == y { self.handshake.syns.count } else { self.handshake.syn_acks.count };
                if let Some(span) = leg.exact() {
                    flow.trips[end].rescued += u32::from(copies > 1);
                    flow.trips[end].samples.add(span);
                    flow.sampled(end, span);
                }
            }
        }
        let decides = matches!(class, Class::New | Class::Retransmission | Class::GapFill);
        let before = if decides || flow.recovering() { self.situation() } else { Situation::default() };
        let Some(flow) = self.flow.as_deref_mut() else { return };
        let ack = seg.has(Flags::ACK);
        if ack && !seg.options.sack().is_empty() {
            flow.trips[x].reports(seg);
        }
        if advances {
            // What it acknowledges counts before what it brings.
            let recovering = flow.trips[x].in_recovery();
            let flying = flow.trips[x].in_flight();
            if let Some(span) = flow.trips[x].acknowledged(seg) {
                flow.sampled(x, span);
            }
            if flying && !flow.trips[x].in_flight() {
                flow.settled[y] = Some(now);
            }
            if recovering && !flow.trips[x].in_recovery() {
                self.blame.spend(now, Blame::overriding(&before).unwrap_or(Cause::Recovery));
            }
        }
        let payload = seg.len > 0;
        match class {
            Class::New => {
                let situation = Situation { recovering: flow.recovering(), ..before };
                if situation.closing && !payload {
                    self.blame.spend(now, Cause::Close);
                } else {
                    let settled =
                        if flow.trips[y].in_flight() { None } else { Some(flow.settled[x].unwrap_or(Time(0))) };
                    self.blame.speaks(x, now, &situation, flow.least[x].unwrap_or_default(), settled);
                }
                flow.trips[y].sends(seg);
                flow.settled[x] = None;
                if payload {
                    flow.turns.speaks(x, now);
                }
                flow.gaps.content(now, (if payload { Ender::Data } else { Ender::Fin }, x));
            }
            Class::Retransmission | Class::GapFill => {
                let cause = Cause::Recovery;
                self.blame.spend(now, Blame::overriding(&before).unwrap_or(cause));
                flow.trips[y].repeats(seg);
                flow.turns.touch();
                flow.gaps.content(now, (if payload { Ender::Data } else { Ender::Fin }, x));
            }
            Class::Probe => {
                flow.gaps.probes = flow.gaps.probes.saturating_add(1);
                if flow.zero[y].since.is_some() {
                    flow.zero_probes[y] = flow.zero_probes[y].saturating_add(1);
                }
            }
            _ => {}
        }
        if seg.has(Flags::FIN) {
            flow.close.fin(x, seg, flow.content);
            flow.turns.finish();
            flow.zero[y].end(now);
        }
        flow.close.segment(x, seg, ack);
        if payload && class != Class::Probe {
            flow.content = Some(now);
        }
        self.window(x, seg);
    }

    /// The window that end `x` offers.
    fn window(&mut self, x: usize, seg: &Segment) {
        let closed = self.flow.as_ref().is_some_and(|f| f.zero[x].since.is_some());
        if (seg.window == 0) == closed {
            return;
        }
        let before = self.situation();
        let Some(flow) = &mut self.flow else { return };
        if seg.window == 0 && !closed && !flow.close.has_fin(1 - x) && !self.handshake.is_under_way() {
            let cause = Blame::overriding(&before).unwrap_or(Cause::Network);
            self.blame.spend(seg.time, cause);
            flow.zero[x].begin(seg.time);
        } else if seg.window > 0 && closed {
            self.blame.spend(seg.time, Cause::ZeroWindow(x));
            flow.zero[x].end(seg.time);
        }
    }

    /// Where things stand.
    fn situation(&self) -> Situation {
        let opening = self.handshake.is_under_way();
        let Some(flow) = &self.flow else { return Situation { opening, ..Situation::default() } };
        let client = usize::from(flow.client);
        Situation {
            opening,
            closing: flow.close.first.is_some(),
            recovering: flow.recovering(),
            closed_window: flow.zero.iter().position(|z| z.since.is_some()),
            talker: flow.turns.talker.or(self.handshake.ack.map(|_| client)),
            // A greeting is owed only by protocols in which the server speaks first; nobody can tell beforehand.
            server: flow.turns.talker.map(|_| 1 - client),
        }
    }

    /// Notes `seg` if it proves that its sender (or, in the handshake, the other end) received something.
    fn note_proofs(&mut self, seg: &Segment, c: &Connection) {
        let settled = self.flow.as_ref().is_some_and(|f| f.close.first.is_none())
            && (self.handshake.opener().is_none() || self.handshake.ready.is_some_and(|t| t < seg.time));
        if settled || self.proofs.len() >= PROOFS {
            return;
        }
        let proves = c.ends.iter().any(|e| e.log.marks().iter().any(|m| m.proof == seg.packet));
        if proves {
            self.proofs.push((seg.packet, seg.time));
        }
    }

    /// Capture time of a packet that proves a receipt.
    pub fn proof(&self, packet: u64) -> Option<Time> {
        self.proofs.iter().find(|(p, _)| *p == packet).map(|(_, t)| *t)
    }

    /// Where the time from the first to the last packet went, by [`Cause::index`]; its sum is
    /// exactly that time.
    pub fn account(&self, c: &Connection) -> [Span; CAUSES] {
        let mut situation = self.situation();
        if self.flow.is_none() {
            situation.opening = true;
        }
        let in_flight = self.flow.as_ref().is_some_and(|f| f.trips.iter().any(RoundTrip::in_flight));
        let mut blame = self.blame;
        blame.open(c.first);
        blame.closed(c.first, c.last, &situation, in_flight)
    }
}

impl Flow {
    fn sampled(&mut self, end: usize, span: Span) {
        self.least[end] = Some(self.least[end].map_or(span, |l| l.min(span)));
    }

    fn recovering(&self) -> bool {
        self.trips.iter().any(RoundTrip::in_recovery)
    }
}

crate::pack::pack_fields!(Measured { handshake, flow, proofs, blame, refused, refused_after });
crate::pack::pack_fields!(Flow { trips, least, turns, gaps, zero, zero_probes, close, client, settled, content, ttl });
