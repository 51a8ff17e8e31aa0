//! A textbook connection: what RFC 9293 draws. A handshake as in Figure 6, payload of which each segment continues its
//! stream, and a close as in Figure 12, with or without the acknowledgment before the second FIN, or with late ones of what
//! came before the first. Nothing is lost, repeated, reordered or refused, and no FINs cross.
//!
//! Most connections are like that, and what follows for the states of both ends needs no log of beliefs: each receipt is
//! proven by a segment that is known beforehand, and only the last acknowledgment is never confirmed. The histories are
//! those that [`Connection`](super::Connection) comes to; tests compare them.

use super::again::Next;
pub use super::entered::Entered;
use super::log::{Step, Steps, Tail, follow};
use super::mark::{Mark, Place};
use super::outline::Outline;
use super::profile::Profile;
use super::rules::{Event, Rule, path};
use super::state::{Evidence, State, States};
use super::timers::{self, Fins};
use super::verdict::Verdict;
use crate::segment::ScopeId;
use crate::time::{Span, Time};

/// Capture time and number of a packet.
pub type Packet = (Time, u64);

/// A textbook connection that was read to its end. Its end 0 is the client.
#[derive(Clone, Copy, Debug)]
pub struct Textbook {
    /// VLANs and tunnels it was found in.
    pub(super) scope: ScopeId,
    /// SYN, SYN,ACK, ACK.
    pub(super) opening: [Packet; 3],
    /// The server's first segment after them.
    pub(super) ready: Option<Packet>,
    /// The end that closed first.
    pub(super) closer: usize,
    /// Its FIN.
    pub(super) fin: Packet,
    /// When the other last showed that it had not received that yet, if it did.
    pub(super) lacking: Option<Time>,
    /// The acknowledgment of that, unless it came with the other's FIN.
    pub(super) ack: Option<Packet>,
    /// The other's FIN.
    pub(super) answer: Packet,
    /// The last acknowledgment.
    pub(super) last: Packet,
    pub(super) packets: [u32; 2],
    pub(super) bytes: [u64; 2],
    pub(super) turnaround: [Option<u32>; 2],
    /// The longest time between two segments.
    pub(super) pause: Span,
    /// Which one it is on its four-tuple, and what took that over.
    pub(super) incarnation: u32,
    pub(super) next: Option<Next>,
}

/// The arrows that each end takes, if the other closed first and if it did.
pub const PATHS: [[[&Rule; 5]; 2]; 2] = {
    use Event::*;
    [
        [
            path([SndSyn, RcvSynAck, RcvFin, SndFin, RcvAckOfFin]),
            path([SndSyn, RcvSynAck, SndFin, RcvAckOfFin, RcvFin]),
        ],
        [
            path([RcvSyn, RcvAckOfSyn, RcvFin, SndFin, RcvAckOfFin]),
            path([RcvSyn, RcvAckOfSyn, SndFin, RcvAckOfFin, RcvFin]),
        ],
    ]
};

/// Where these lead.
pub const STATES: [[[State; 5]; 2]; 2] = {
    let mut states = [[[State::Closed; 5]; 2]; 2];
    let mut n = 0;
    while n < 20 {
        let (e, closes, i) = (n / 10, n / 5 % 2, n % 5);
        states[e][closes][i] = PATHS[e][closes][i].to;
        n += 1;
    }
    states
};

/// Which of these are taken by something that the end sends.
const SENT: [[[bool; 5]; 2]; 2] = [
    [[true, false, false, true, false], [true, false, true, false, false]],
    [[false, false, false, true, false], [false, false, true, false, false]],
];

/// How many of both ends' steps rest on which evidence.
pub const EVIDENCE: [(Evidence, u64); 3] = [(Evidence::Sent, 3), (Evidence::Confirmed, 6), (Evidence::Inferred, 1)];

/// Makes room for steps that are about to be written.
#[cold]
fn lengthen(steps: &mut Steps) {
    let rule = PATHS[0][0][0];
    let blank = Step { at: NONE.0, mark: Mark::sure(rule.event, Evidence::Assumed, NONE.0, NONE.1), rule };
    steps.resize(PATHS[0][0].len(), blank);
}

/// The mark of an event that needs no further proof.
#[inline(always)]
pub(super) fn of(event: Event, evidence: Evidence, (time, packet): Packet) -> Mark {
    Mark::sure(event, evidence, time, packet)
}

/// That of a receipt which the packet `proof` proves.
#[inline(always)]
pub(super) fn proven(event: Event, packet: Packet, proof: Packet) -> Mark {
    Mark { proof: proof.1, ..of(event, Evidence::Confirmed, packet) }
}

/// No packet yet.
pub(super) const NONE: Packet = (Time(i64::MIN), 0);

/// No connection.
impl Default for Textbook {
    fn default() -> Textbook {
        Textbook {
            scope: ScopeId::default(),
            opening: [NONE; 3],
            ready: None,
            closer: 0,
            fin: NONE,
            lacking: None,
            ack: None,
            answer: NONE,
            last: NONE,
            packets: [0; 2],
            bytes: [0; 2],
            turnaround: [None; 2],
            pause: Span(0),
            incarnation: 1,
            next: None,
        }
    }
}

impl Textbook {
    /// What became of both ends at `end`, in the order of their sockets.
    pub fn weigh(&self, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        for (e, verdict) in verdicts.iter_mut().enumerate() {
            let closes = e == self.closer;
            let latest = match (e, closes) {
                (0, false) => self.follow::<0, false>(end, &mut verdict.steps),
                (0, true) => self.follow::<0, true>(end, &mut verdict.steps),
                (_, false) => self.follow::<1, false>(end, &mut verdict.steps),
                (_, true) => self.follow::<1, true>(end, &mut verdict.steps),
            };
            let over = if closes { self.over(latest, end, profile) } else { None };
            if let Some((mark, at)) = &over {
                follow(&mut verdict.steps, std::iter::once(mark));
                verdict.steps.last_mut().into_iter().for_each(|step| step.at = *at);
            }
            verdict.possible = self.possible(closes, over.as_ref().map(|(mark, _)| mark), end);
        }
    }

    /// Puts the steps of end `E`, which `CLOSES` first or not, into `steps`; when it took the last one.
    #[inline(always)]
    fn follow<const E: usize, const CLOSES: bool>(&self, end: Time, steps: &mut Steps) -> Time {
        let dates = self.dates::<E, CLOSES>(end);
        // As a rule they come where those of the textbook connection before were.
        if steps.len() < dates.len() {
            lengthen(steps);
        }
        steps.truncate(dates.len());
        if let Some(places) = steps.first_chunk_mut::<5>() {
            *places = self.steps::<E, CLOSES>(dates);
        }
        dates[4]
    }

    /// The steps of end `E`, which `CLOSES` first or not, taken then.
    #[inline(always)]
    pub(super) fn steps<const E: usize, const CLOSES: bool>(&self, dates: [Time; 5]) -> [Step; 5] {
        let (marks, arrows) = (self.marks::<E, CLOSES>(), PATHS[E][CLOSES as usize]);
        debug_assert!(marks.is_sorted_by_key(Mark::key), "what happened to an end is told in order");
        std::array::from_fn(|i| Step { at: dates[i], mark: marks[i], rule: arrows[i] })
    }

    /// The states that are possible at `end` for the one that closed first, whose wait ended so, or for the other.
    #[inline]
    pub(super) fn possible(&self, closes: bool, over: Option<&Mark>, end: Time) -> States {
        let closed = States::of(&[State::Closed]);
        match over {
            None if closes => States::of(&[State::TimeWait]),
            None if self.may_repeat_fin(end) => closed.with(State::LastAck),
            Some(mark) if timers::may_last(mark, end) && self.replaced().is_none() => closed.with(State::TimeWait),
            _ => closed,
        }
    }

    /// When end `E`, which `CLOSES` first or not, took its steps.
    #[inline(always)]
    pub(super) fn dates<const E: usize, const CLOSES: bool>(&self, end: Time) -> [Time; 5] {
        let [first, second, third, fourth, fifth] = self.marks::<E, CLOSES>();
        let (half, sent) = (timers::way(self.turnaround[E]), SENT[E][CLOSES as usize]);
        let taken = |i: usize, mark: Mark, earliest: Time| timers::taken_at(&mark, sent[i], half, end).max(earliest);
        let first = taken(0, first, Time(i64::MIN));
        let second = taken(1, second, first);
        let third = taken(2, third, second);
        let fourth = taken(3, fourth, third);
        [first, second, third, fourth, taken(4, fifth, fourth)]
    }

    /// What ended the wait of the end that closed first, which began at `since`, and when.
    #[inline(always)]
    pub(super) fn over(&self, since: Time, end: Time, profile: &Profile) -> Option<(Mark, Time)> {
        let e = self.closer & 1;
        let replaced = self.replaced();
        let until = replaced.map_or(end, |mark| end.min(mark.time));
        let waits = Tail { last: Some((PATHS[e][1][4], self.answer.0)), previous: None };
        if let Some(timer) = timers::expired(Some(self.last.0), &waits, until, profile) {
            return Some((timer, timer.time.max(since)));
        }
        replaced.map(|mark| (mark, timers::taken_at(&mark, true, timers::way(self.turnaround[e]), end).max(since)))
    }

    /// Whether the last acknowledgment is so recent that its receiver, if it did not get it, would not have repeated its
    /// FIN yet: the question that `Connection::weigh` asks of every FIN.
    pub fn may_repeat_fin(&self, end: Time) -> bool {
        self.may_repeat(1 - self.closer, self.answer.0, self.last.0, end)
    }

    /// The same of end `e`, which sent its FIN at that time, and which that was acknowledged to then.
    pub(super) fn may_repeat(&self, e: usize, fin: Time, acked: Time, end: Time) -> bool {
        let (sent, proven) =
            if e == 0 { (self.opening[0].0, self.opening[2].0) } else { (self.opening[1].0, self.ready().0) };
        let fins = Fins {
            first: fin,
            last: fin,
            timer: timers::first_timer(proven - sent),
            round_trip: timers::round_trip(self.turnaround[e]),
        };
        fins.may_go_on(acked, end)
    }

    /// What took its four-tuple over while the end that closed first may have waited: it sent that, or accepted it.
    fn replaced(&self) -> Option<Mark> {
        let Next { time, packet, sender, accepted } = self.next?;
        let evidence = if sender == self.closer { Evidence::Sent } else { Evidence::Confirmed };
        (evidence == Evidence::Sent || accepted).then(|| Mark::sure(Event::Replaced, evidence, time, packet))
    }

    pub(super) fn ready(&self) -> Packet {
        self.ready.unwrap_or(self.answer)
    }

    /// What happened to end `E`, which `CLOSES` first or not, in order.
    #[inline(always)]
    fn marks<const E: usize, const CLOSES: bool>(&self) -> [Mark; 5] {
        let acked = self.ack.unwrap_or(self.answer);
        let [first, second] = self.handshake_marks::<E>();
        let [third, fourth, fifth] = if CLOSES {
            let acked = proven(Event::RcvAckOfFin, acked, self.last);
            [of(Event::SndFin, Evidence::Sent, self.fin), acked, proven(Event::RcvFin, self.answer, self.last)]
        } else {
            let sent = of(Event::SndFin, Evidence::Sent, self.answer);
            let received = proven(Event::RcvFin, self.fin, acked);
            let received = self.lacking.map_or(received, |time| Mark { time, place: Place::After, ..received });
            [received, sent, of(Event::RcvAckOfFin, Evidence::Inferred, self.last)]
        };
        [first, second, third, fourth, fifth]
    }

    /// What the handshake was to end `E`.
    #[inline(always)]
    pub(super) fn handshake_marks<const E: usize>(&self) -> [Mark; 2] {
        let [syn, syn_ack, ack] = self.opening;
        if E == 0 {
            [of(Event::SndSyn, Evidence::Sent, syn), proven(Event::RcvSynAck, syn_ack, ack)]
        } else {
            [proven(Event::RcvSyn, syn, syn_ack), proven(Event::RcvAckOfSyn, ack, self.ready())]
        }
    }

    /// The packets that prove receipts, in order, as far as they do.
    pub fn proofs(&self) -> [(u64, Time); 5] {
        let [_, syn_ack, ack] = self.opening;
        [syn_ack, ack, self.ready(), self.ack.unwrap_or(self.answer), self.last].map(|(time, packet)| (packet, time))
    }

    /// What there is to say of it in short.
    pub fn outline(&self) -> Outline {
        Outline {
            client: 0,
            observed: true,
            incarnation: self.incarnation,
            scopes: [Some(self.scope); 2],
            first: self.opening[0].0,
            last: self.last.0,
            first_packet: self.opening[0].1,
            last_packet: self.last.1,
            packets: self.packets.map(u64::from),
            bytes: self.bytes,
            opening_seen: true,
            reset_only: false,
            retractions: 0,
        }
    }

    /// The end that closed first.
    pub fn closer(&self) -> usize {
        self.closer
    }

    /// Payload bytes that each end sent.
    pub fn bytes(&self) -> [u64; 2] {
        self.bytes
    }

    /// Capture time of its first packet.
    pub fn first(&self) -> Time {
        self.opening[0].0
    }

    /// The same with its number.
    pub fn beginning(&self) -> Packet {
        self.opening[0]
    }

    /// How many packets both ends sent.
    pub fn segments(&self) -> u64 {
        u64::from(self.packets[0]) + u64::from(self.packets[1])
    }

    /// Capture time of its last packet.
    pub fn last(&self) -> Time {
        self.last.0
    }

    /// Times between the segments of the handshake.
    pub fn handshake(&self) -> [Span; 2] {
        let [syn, syn_ack, ack] = self.opening.map(|packet| packet.0);
        [syn_ack - syn, ack - syn_ack]
    }

    /// The longest time between two segments.
    pub fn longest_pause(&self) -> Span {
        self.pause
    }

    /// From the first FIN to the last acknowledgment.
    pub fn close(&self) -> Span {
        self.last.0 - self.fin.0
    }
}
