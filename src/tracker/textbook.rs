//! A textbook connection: what RFC 9293 draws. A handshake as in Figure 6, payload of which each segment continues its
//! stream, and a close as in Figure 12, with or without the acknowledgment before the second FIN, or with late ones of what
//! came before the first. Nothing is lost, repeated, reordered or refused, and no FINs cross.
//!
//! Most connections are like that, and what follows for the states of both ends needs no log of beliefs: each receipt is
//! proven by a segment that is known beforehand, and only the last acknowledgment is never confirmed. The histories are
//! those that [`Connection`](super::Connection) comes to; tests compare them.

use super::log::{Step, Tail, follow};
use super::mark::{Mark, Place};
use super::outline::Outline;
use super::player::Player;
use super::profile::Profile;
use super::rules::{Event, Rule, path};
use super::sequence::after;
use super::state::{Evidence, State, States};
use super::timers::{self, Fins};
use super::verdict::Verdict;
use crate::segment::{Flags, ScopeId, Segment};
use crate::time::{Span, Time};

/// Capture time and number of a packet.
pub type Packet = (Time, u64);

/// A textbook connection that was read to its end. Its end 0 is the client.
#[derive(Clone, Copy, Debug)]
pub struct Textbook {
    /// VLANs and tunnels it was found in.
    scope: ScopeId,
    /// SYN, SYN,ACK, ACK.
    opening: [Packet; 3],
    /// The server's first segment after them.
    ready: Option<Packet>,
    /// The end that closed first.
    closer: usize,
    /// Its FIN.
    fin: Packet,
    /// When the other last showed that it had not received that yet, if it did.
    lacking: Option<Time>,
    /// The acknowledgment of that, unless it came with the other's FIN.
    ack: Option<Packet>,
    /// The other's FIN.
    answer: Packet,
    /// The last acknowledgment.
    last: Packet,
    packets: [u32; 2],
    bytes: [u64; 2],
    turnaround: [Option<u32>; 2],
    /// The longest time between two segments.
    pause: Span,
}

/// Where such a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Syn,
    SynAck,
    Open,
    /// One end has sent its FIN.
    Fin,
    /// It was acknowledged.
    Acked,
    /// The other has sent its FIN.
    Answered,
    Closed,
    /// It is no such connection.
    Other,
}

/// What the next segment was.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// Which end sent it.
    pub sender: usize,
    /// It acknowledges more than any segment of its sender before.
    pub advances: bool,
}

/// A connection being read, as long as it is a textbook one.
pub struct Reading<'a> {
    player: Player<'a>,
    page: Page<'a>,
}

/// What is known of it so far.
struct Page<'a> {
    stage: Stage,
    next: [u32; 2],
    /// The highest acknowledgment of each end's stream.
    acked: [u32; 2],
    /// Capture time of each end's last segment.
    sent: [Time; 2],
    /// The same of its last with payload or FIN.
    content: [Time; 2],
    now: Time,
    book: &'a mut Textbook,
}

/// The arrows that each end takes, if the other closed first and if it did.
const PATHS: [[[&Rule; 5]; 2]; 2] = {
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

/// No packet yet.
const NONE: Packet = (Time(i64::MIN), 0);

impl<'a> Reading<'a> {
    #[inline(always)]
    pub(super) fn new(player: Player<'a>, book: &'a mut Textbook) -> Reading<'a> {
        *book = Textbook::default();
        let never = [Time(i64::MIN); 2];
        let page =
            Page { stage: Stage::Fresh, next: [0; 2], acked: [0; 2], sent: never, content: never, now: never[0], book };
        Reading { player, page }
    }

    /// Takes the next segment; `None` at the end, or where it is no textbook connection.
    #[inline]
    pub fn advance(&mut self) -> Option<Passed> {
        let x = self.player.advance()?;
        let passed = self.page.take(x & 1, self.player.segment(x));
        if passed.is_none() {
            self.page.stage = Stage::Other;
        }
        passed
    }

    /// The latest segment of end `x`.
    #[inline]
    pub fn segment(&self, x: usize) -> &Segment {
        self.player.segment(x)
    }

    /// Whether it was a textbook connection to its end: only then its book means something.
    pub fn is_whole(&self) -> bool {
        self.page.stage == Stage::Closed
    }
}

impl Page<'_> {
    #[inline]
    fn take(&mut self, x: usize, seg: &Segment) -> Option<Passed> {
        let (y, kind, packet) = (1 - x, seg.flags.control(), (seg.time, seg.packet));
        if seg.time < self.now || seg.options.cut || seg.options.fast_open {
            return None;
        }
        if self.stage != Stage::Fresh {
            self.book.pause = self.book.pause.max(seg.time - self.now);
        }
        self.now = seg.time;
        self.book.packets[x] += 1;
        if kind & Flags::SYN.0 != 0 {
            return self.opens(x, kind, seg);
        }
        let news = seg.ack != self.acked[y];
        let fin = kind & Flags::FIN.0 != 0;
        let content = fin || seg.len > 0;
        let sound = kind & !Flags::FIN.0 == Flags::ACK.0
            && seg.window != 0
            && seg.options.sack_blocks == 0
            && seg.seq == self.next[x]
            && !after(seg.ack, self.next[y])
            && !after(self.acked[y], seg.ack)
            && (news || content);
        if !sound {
            return None;
        }
        let all = seg.ack == self.next[y];
        self.stage = match self.stage {
            Stage::SynAck if x == 0 && !fin && all => {
                self.note_turnaround(0, seg.time - self.book.opening[1].0);
                self.book.opening[2] = packet;
                Stage::Open
            }
            Stage::Open if fin => {
                (self.book.closer, self.book.fin) = (x, packet);
                Stage::Fin
            }
            Stage::Open => Stage::Open,
            // Of two at the same time it could not be told what came first.
            Stage::Fin | Stage::Acked if x == self.book.closer || seg.len > 0 || seg.time <= self.before() => {
                return None;
            }
            Stage::Fin if !all && !fin && self.is_under_way(x, seg.time) => {
                self.book.lacking = Some(seg.time);
                Stage::Fin
            }
            Stage::Fin | Stage::Acked if !all => return None,
            Stage::Fin | Stage::Acked if fin => {
                self.book.answer = packet;
                Stage::Answered
            }
            Stage::Fin => {
                self.book.ack = Some(packet);
                Stage::Acked
            }
            Stage::Answered if x == self.book.closer && all && !content => {
                self.book.last = packet;
                Stage::Closed
            }
            _ => return None,
        };
        if x == 1 {
            self.book.ready.get_or_insert(packet);
        }
        if news {
            if all && self.content[y] == self.sent[y] && self.sent[y] != NONE.0 {
                self.note_turnaround(x, seg.time - self.sent[y]);
            }
            self.acked[y] = seg.ack;
        }
        self.book.bytes[x] += u64::from(seg.len);
        self.next[x] = seg.end();
        self.sent[x] = seg.time;
        if content {
            self.content[x] = seg.time;
        }
        Some(Passed { sender: x, advances: news })
    }

    /// When the first FIN was sent, or known not to have arrived, or acknowledged.
    fn before(&self) -> Time {
        self.book.ack.map_or(self.book.lacking.unwrap_or(self.book.fin.0), |ack| ack.0)
    }

    /// Whether the FIN may still have been on its way to end `x` when that sent something that was captured at `now`.
    fn is_under_way(&self, x: usize, now: Time) -> bool {
        self.before() >= timers::horizon(self.book.turnaround[x], now)
    }

    /// A SYN or SYN,ACK.
    fn opens(&mut self, x: usize, kind: u16, seg: &Segment) -> Option<Passed> {
        const SYN_ACK: u16 = Flags::SYN.0 | Flags::ACK.0;
        let packet = (seg.time, seg.packet);
        if seg.len > 0 || seg.flags.has(Flags::PSH) || seg.flags.has(Flags::URG) {
            return None;
        }
        match (self.stage, x, kind) {
            (Stage::Fresh, 0, kind) if kind == Flags::SYN.0 => {
                (self.book.opening[0], self.book.scope) = (packet, seg.scope);
                self.stage = Stage::Syn;
            }
            (Stage::Syn, 1, SYN_ACK) if seg.ack == self.next[0] => {
                self.note_turnaround(1, seg.time - self.book.opening[0].0);
                self.book.opening[1] = packet;
                self.acked = [seg.ack, seg.seq];
                self.stage = Stage::SynAck;
            }
            _ => return None,
        }
        self.next[x] = seg.end();
        self.sent[x] = seg.time;
        Some(Passed { sender: x, advances: true })
    }

    fn note_turnaround(&mut self, x: usize, span: Span) {
        let least = &mut self.book.turnaround[x];
        *least = timers::least_turnaround(*least, span);
    }
}

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
        }
    }
}

impl Textbook {
    /// What became of both ends at `end`, in the order of their sockets.
    pub fn weigh(&self, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        for (e, verdict) in verdicts.iter_mut().enumerate() {
            let marks = self.marks(e);
            debug_assert!(marks.is_sorted_by_key(Mark::key), "what happened to an end is told in order");
            let arrows = PATHS[e][usize::from(e == self.closer)];
            let steps = &mut verdict.steps;
            let taken = marks.into_iter().zip(arrows).map(|(mark, rule)| Step { at: mark.time, mark, rule });
            // As a rule they come where those of the textbook connection before were.
            if steps.len() < arrows.len() {
                steps.clear();
                steps.extend(taken);
            } else {
                steps.truncate(arrows.len());
                steps.iter_mut().zip(taken).for_each(|(place, step)| *place = step);
            }
            let sent = if e == self.closer { self.last.0 } else { self.answer.0 };
            let mut possible = States::EMPTY;
            if let Some(timer) = timers::expired(Some(sent), &Tail::after(steps), end, profile) {
                follow(steps, std::iter::once(&timer));
                if timers::may_last(&timer, end) {
                    possible = possible.with(State::TimeWait);
                }
            }
            timers::date(self.turnaround[e], steps, end);
            possible = possible.with(verdict.state());
            if e != self.closer && self.may_repeat_fin(end) {
                possible = possible.with(State::LastAck);
            }
            verdict.possible = possible;
        }
    }

    /// Whether the last acknowledgment is so recent that its receiver, if it did not get it, would not have repeated its
    /// FIN yet: the question that `Connection::weigh` asks of every FIN.
    fn may_repeat_fin(&self, end: Time) -> bool {
        let e = 1 - self.closer;
        let (sent, proven) =
            if e == 0 { (self.opening[0].0, self.opening[2].0) } else { (self.opening[1].0, self.ready().0) };
        let fins = Fins {
            first: self.answer.0,
            last: self.answer.0,
            timer: timers::first_timer(proven - sent),
            round_trip: timers::round_trip(self.turnaround[e]),
        };
        fins.may_go_on(self.last.0, end)
    }

    fn ready(&self) -> Packet {
        self.ready.unwrap_or(self.answer)
    }

    /// What happened to end `e`, in order.
    #[inline]
    fn marks(&self, e: usize) -> [Mark; 5] {
        let [syn, syn_ack, ack] = self.opening;
        let of = |event, evidence, (time, packet): Packet| Mark::sure(event, evidence, time, packet);
        let proven = |event, packet, proof: Packet| Mark { proof: proof.1, ..of(event, Evidence::Confirmed, packet) };
        let acked = self.ack.unwrap_or(self.answer);
        let [first, second] = if e == 0 {
            [of(Event::SndSyn, Evidence::Sent, syn), proven(Event::RcvSynAck, syn_ack, ack)]
        } else {
            [proven(Event::RcvSyn, syn, syn_ack), proven(Event::RcvAckOfSyn, ack, self.ready())]
        };
        let [third, fourth, fifth] = if e == self.closer {
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
            incarnation: 1,
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
