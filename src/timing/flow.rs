//! What is measured of one connection, segment by segment.

use super::blame::{Blame, CAUSES, Cause, Opening, Situation, half_seen};
use super::close::Close;
use super::handshake::{Handshake, elapsed};
use super::held::Held;
use super::maybe::Maybe;
use super::packed::Row;
use super::pause::{Ender, Gaps, Pauses};
use super::restart::Spare;
use super::round_trip::RoundTrip;
use super::samples::{Kind, Samples};
use super::turn::Turns;
use crate::pack::Seldom;
use crate::segment::{Flags, Segment};
use crate::time::{Span, Time};
use crate::tracker::{Class, Connection};

/// The measurements of one connection.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Its handshake.
    pub handshake: Handshake,
    /// What needs an open connection.
    pub flow: Option<Box<Flow>>,
    /// Packets that prove receipts, number and capture time, each as the difference from the one before. Those that come
    /// once it is open are there.
    pub(super) proofs: Row<23>,
    /// How many there are in all.
    pub(super) proven: u8,
    /// The last of them.
    pub(super) last_proof: (u64, Time),
    /// Where its time went, before it was open.
    pub(super) opening: Opening,
    /// From its only SYN to the RST that refused it.
    pub(super) refused_after: Maybe,
    /// Its first RST came before it was open.
    pub(super) refused: bool,
    pub(super) spare: Spare,
}

/// What is measured once a connection is open.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Towards each end.
    pub trips: [RoundTrip; 2],
    /// Requests and answers.
    pub turns: Turns,
    /// Round trips, answers, responses.
    pub samples: Samples,
    /// Times without payload.
    pub gaps: Gaps,
    /// Its end.
    pub close: Close,
    /// Where its time went.
    pub(super) blame: Blame,
    /// The least round trip towards each end so far.
    pub(super) least: [Maybe; 2],
    /// For each end, when all it had sent was acknowledged, or what held it up then was over.
    pub(super) settled: [Maybe; 2],
    /// The last payload of either end.
    pub(super) content: Maybe,
    /// Once a window was closed.
    pub(super) zero: Seldom<[Pauses; 2]>,
    /// Once an end held something back.
    pub(super) held: Seldom<[Held; 2]>,
    /// The proofs that came since.
    pub(super) proofs: Row<47>,
    /// Which end is the client, as it looked when the connection opened.
    pub(super) client: u8,
    /// Of the idle time, what passed from the client's last request to its FIN.
    pub(super) given_up: Span,
    /// TTL or hop limit of each end's first segment.
    pub ttl: [Option<u8>; 2],
}

impl Measured {
    /// Takes a segment of end `x`, which the tracker has put into class `class`, and which `advances` if it acknowledges
    /// more than any before it.
    #[inline]
    pub fn take(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, c: &Connection) {
        match &mut self.flow {
            Some(flow) if flow.is_in_order(x, class, seg) && self.handshake.is_past(seg.time) => {
                if flow.is_closing(class, seg) {
                    flow.closing(x & 1, advances, seg, &self.handshake);
                } else {
                    flow.usual(x & 1, advances, seg, &self.handshake);
                }
                self.note_proofs(seg, c);
            }
            _ => self.consider(x, class, advances, seg, c),
        }
    }

    /// Takes a segment that may mean anything.
    #[inline(never)]
    fn consider(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, c: &Connection) {
        if matches!(class, Class::Copy | Class::Astray | Class::NoAck) {
            return;
        }
        if self.is_fresh() {
            self.opening.open(c.first.min(seg.time));
            if c.first_packet != seg.packet && c.ends[0].syns > 0 {
                self.handshake.parked(0, c.first);
            }
        }
        match class {
            Class::Reset | Class::ResetIgnored => self.reset(x, class, seg),
            Class::Opening | Class::OpeningAgain => self.syn(x, seg),
            _ => self.synchronized(x, class, advances, seg, c),
        }
        self.note_proofs(seg, c);
    }

    fn is_fresh(&self) -> bool {
        self.flow.is_none() && self.handshake.opener().is_none() && !self.refused
    }

    fn syn(&mut self, x: usize, seg: &Segment) {
        self.handshake.opening(x, seg);
        let under_way = self.handshake.is_under_way();
        match &mut self.flow {
            Some(flow) => {
                if under_way {
                    flow.blame.spend(seg.time, Cause::Handshake);
                }
                flow.turns.touch();
            }
            None if under_way => self.opening.spend(seg.time),
            None => {}
        }
    }

    fn reset(&mut self, x: usize, class: Class, seg: &Segment) {
        match &mut self.flow {
            Some(flow) if class == Class::Reset => {
                let situation = flow.situation(&self.handshake);
                if situation.closing {
                    flow.blame.spend(seg.time, Cause::Close);
                } else {
                    let free = flow.free_since(x, seg.time, flow.trips[1 - x].in_flight());
                    flow.blame.speaks(x, seg.time, &situation, flow.least(x), free);
                }
                flow.turns.finish(&mut flow.samples);
                flow.gaps.content(seg.time, (Ender::Rst, x));
                flow.close.reset(seg);
                flow.zero.as_mut().into_iter().flatten().for_each(|z| z.end(seg.time));
                flow.trips.iter_mut().for_each(RoundTrip::forget);
            }
            Some(_) => {}
            None => {
                self.refused = true;
                let syns = &self.handshake.syns;
                if class == Class::Reset && self.handshake.opener() == Some(1 - x) && syns.count == 1 {
                    self.refused_after = elapsed(syns.first(), Some(seg.time)).map_or(Maybe::NONE, Maybe::from);
                }
            }
        }
    }

    fn synchronized(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, c: &Connection) {
        let now = seg.time;
        let completes = self.handshake.later(x, seg);
        let flow = self.flow.get_or_insert_with(|| {
            let mut flow = self.spare.take();
            flow.gaps.last = now;
            flow.client = c.client().0 as u8;
            flow.blame = self.opening.account();
            flow
        });
        if completes {
            flow.blame.spend(now, if self.handshake.is_skipped() { Cause::Idle } else { Cause::Handshake });
        }
        flow.ttl[x].get_or_insert(seg.ttl);
        // Also of a second segment at the time of the first: the first gives both samples, if there is one.
        if self.handshake.ack() == Some(now) && self.handshake.opener() == Some(x) && !flow.least[1 - x].is_some() {
            flow.opened(x, now, &self.handshake);
        }
        // Of a connection open before, the first keepalive with a byte looks like payload until the next one comes.
        if class == Class::Probe && self.handshake.opener().is_none() && seg.len == 1 && c.ends[x].bytes == 2 {
            flow.turns.forget(x);
        }
        flow.take(x, class, advances, seg, &self.handshake);
    }

    /// From its only SYN to the RST that refused it.
    pub fn refused_after(&self) -> Option<Span> {
        self.refused_after.span()
    }

    /// Where the time from the first to the last packet went, by [`Cause::index`]; its sum is exactly that time. `one_way` if
    /// nothing of one end was captured.
    pub fn account(&self, span: (Time, Time), one_way: bool) -> [Span; CAUSES] {
        let Some(flow) = &self.flow else {
            let opening = Situation { opening: true, ..Situation::default() };
            return self.opening.account().closed(span, &opening, false, None);
        };
        let in_flight = flow.trips.iter().any(RoundTrip::in_flight);
        let settled = flow.turns.talker().and_then(|talker| flow.settled[talker].time());
        let mut spent = flow.blame.closed(span, &flow.situation(&self.handshake), in_flight, settled);
        flow.blame_silence(&mut spent);
        // An opening that nobody answers is what it looks like.
        if one_way { half_seen(spent, !self.handshake.is_under_way()) } else { spent }
    }
}

impl Flow {
    /// End `x` completes the handshake.
    pub(super) fn opened(&mut self, x: usize, now: Time, handshake: &Handshake) {
        let y = 1 - x;
        self.gaps.last = now;
        let legs = [
            (y, handshake.syn_to_synack(), handshake.syns.count),
            (x, handshake.synack_to_ack(), handshake.syn_acks.count),
        ];
        for (end, leg, copies) in legs {
            if let Some(span) = leg.exact() {
                if copies > 1 {
                    self.trips[end].rescue();
                }
                self.sampled(end, span);
            }
        }
    }

    fn take(&mut self, x: usize, class: Class, advances: bool, seg: &Segment, handshake: &Handshake) {
        let now = seg.time;
        let y = 1 - x;
        let decides = matches!(class, Class::New | Class::Late | Class::Retransmission | Class::GapFill);
        let before = if decides || self.recovering() { self.situation(handshake) } else { Situation::default() };
        let ack = seg.has(Flags::ACK);
        if ack && seg.options.sack_blocks > 0 {
            self.trips[x].reports(seg);
        }
        if advances {
            // What it acknowledges counts before what it brings.
            self.acknowledges(x, seg, &before);
        }
        let payload = seg.len > 0;
        match class {
            Class::New => self.news(x, seg, before),
            Class::Retransmission | Class::GapFill => {
                self.blame.spend(now, Blame::overriding(&before).unwrap_or(Cause::Recovery));
                self.trips[y].repeats(seg);
                self.turns.touch();
                self.gaps.content(now, (if payload { Ender::Data } else { Ender::Fin }, x));
            }
            Class::Late if payload => self.news_acked(x, seg, &before),
            Class::Probe => self.gaps.probes = self.gaps.probes.saturating_add(1),
            _ => {}
        }
        if seg.has(Flags::FIN) {
            self.close.fin(x, seg, self.content.time());
            self.turns.finish(&mut self.samples);
            self.end_zero(y, now);
        }
        self.close.segment(x, seg, ack);
        if payload && class != Class::Probe {
            self.content = now.into();
        }
        if (seg.window == 0) != self.is_closed(x) {
            self.window(x, seg, handshake);
        }
    }

    /// A segment of end `x` acknowledges more than any before.
    #[inline(always)]
    pub(super) fn acknowledges(&mut self, x: usize, seg: &Segment, before: &Situation) {
        let trip = &mut self.trips[x & 1];
        if trip.has_lost() {
            return self.acknowledges_behind_loss(x, seg, before);
        }
        // Of what was not lost the rest need not be asked.
        let (flying, progress) = (trip.in_flight(), trip.progress());
        let sent = trip.takes(seg);
        let flies = trip.in_flight();
        if let Some(sent) = sent {
            let span = seg.time - sent.time;
            if !self.is_missed(x, seg, span, progress) {
                self.sampled(x, span);
            }
        }
        if flying && !flies {
            self.settled[1 - x] = seg.time.into();
        }
    }

    /// The same where something was lost, or came late.
    #[inline(never)]
    fn acknowledges_behind_loss(&mut self, x: usize, seg: &Segment, before: &Situation) {
        let trip = &mut self.trips[x];
        let (recovering, flying, progress) = (trip.in_recovery(), trip.in_flight(), trip.progress());
        let sample = trip.acknowledged(seg);
        let (recovers, flies) = (trip.in_recovery(), trip.in_flight());
        if let Some(span) = sample
            && !self.is_missed(x, seg, span, progress)
        {
            self.sampled(x, span);
        }
        if flying && !flies {
            self.settled[1 - x] = seg.time.into();
        }
        if recovering && !recovers {
            self.blame.spend(seg.time, Blame::overriding(before).unwrap_or(Cause::Recovery));
        }
    }

    /// New payload or FIN of end `x`.
    #[inline(always)]
    pub(super) fn news(&mut self, x: usize, seg: &Segment, before: Situation) {
        let (now, payload) = (seg.time, seg.len > 0);
        let y = 1 - x;
        let flying = self.trips[y].in_flight();
        let situation = Situation { recovering: self.recovering(), ..before };
        // Who has closed and does not send its lost FIN again waits for nothing.
        let late = situation.closing && payload && self.close.is_unheard(x, seg);
        if situation.closing && !payload {
            self.blame.spend(now, Cause::Close);
        } else if late {
            self.blame.spend(now, Blame::overriding(&situation).unwrap_or(Cause::Close));
        } else if payload {
            let free = self.free_since(x, now, flying);
            self.blame.speaks(x, now, &situation, self.least(x), free);
        } else {
            self.closes(x, seg, &situation, flying);
        }
        self.trips[y].sends(seg, flying);
        if payload {
            self.note_held(x, seg);
        }
        self.settled[x] = Maybe::NONE;
        if late {
            self.turns.speaks_late(x, seg, &mut self.samples);
        } else if payload {
            self.turns.speaks(x, seg, &mut self.samples);
        }
        self.gaps.content(now, (if payload { Ender::Data } else { Ender::Fin }, x));
    }

    /// The least round trip towards end `x` so far.
    pub fn least(&self, x: usize) -> Option<Span> {
        self.least[x].span()
    }

    #[inline]
    pub(super) fn sampled(&mut self, end: usize, span: Span) {
        self.samples.add(Kind::Trip(end), span);
        if self.least(end).is_none_or(|least| span < least) {
            self.least[end] = span.into();
        }
    }

    fn recovering(&self) -> bool {
        self.trips.iter().any(RoundTrip::in_recovery)
    }

    /// Where things stand.
    pub(super) fn situation(&self, handshake: &Handshake) -> Situation {
        let client = usize::from(self.client);
        let talker = self.turns.talker();
        Situation {
            opening: handshake.is_under_way(),
            closing: self.close.has_begun(),
            recovering: self.recovering(),
            closed_window: self.zero.as_ref().and_then(|zero| zero.iter().position(Pauses::lasts)),
            talker: talker.or(handshake.ack().map(|_| client)),
            // A greeting is owed only by protocols in which the server speaks first; nobody can tell beforehand.
            server: talker.map(|_| 1 - client),
        }
    }
}

crate::pack::pack_fields!(Measured {
    handshake,
    flow,
    proofs,
    proven,
    last_proof,
    opening,
    refused_after,
    refused,
    spare
});
crate::pack::pack_fields!(Flow {
    trips,
    turns,
    samples,
    gaps,
    close,
    blame,
    least,
    settled,
    content,
    zero,
    held,
    proofs,
    client,
    given_up,
    ttl,
});
