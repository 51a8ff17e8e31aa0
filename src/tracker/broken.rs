//! A connection that goes by the book until a RST ends it: a SYN that is refused, or a handshake as in Figure 6 of RFC 9293 and
//! payload in order up to the RST of either end, or behind the other's FIN. The RST is of the end in whose name it comes, by its
//! numbers and its TTL; its sender is gone, and whether it arrived nothing shows. It is [read](super::ended) in one go.

use super::abridged::{Abridged, Page, Stage, since};
use super::log::{Tail, follow};
use super::mark::Mark;
use super::numbers::{Continued, Tape, Written};
use super::profile::Profile;
use super::rules::Event;
use super::sequence::after;
use super::state::{Evidence, State, States};
use super::textbook::{Packet, Textbook, of, proven};
use super::timers;
use super::verdict::Verdict;
use crate::segment::Flags;
use crate::time::{Span, Time};

/// What a RST met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The client's SYN, which it refuses.
    Syn,
    /// An open connection.
    Open,
    /// The same behind the other end's FIN, which it acknowledges.
    Fin,
}

/// The RST that ended a connection that had gone by the book.
#[derive(Clone, Copy, Debug)]
pub struct Rst {
    /// Which end sent it.
    pub sender: usize,
    /// Itself.
    pub packet: Packet,
    /// What it met.
    pub met: Met,
    /// It has ACK.
    pub ack: bool,
    /// How much payload of the other end it acknowledges that nothing had acknowledged before; without ACK, how much nothing had.
    pub unread: u32,
    /// How much of what its sender had sent was not acknowledged.
    pub in_flight: u32,
    /// The segment of the other end before it: its packet, how long before, and its payload.
    pub heard: (u64, Span, u32),
    /// That had arrived, as far as what the RST acknowledges tells.
    pub arrived: bool,
    /// When its sender had sent the segment before it.
    pub last_sent: Time,
    /// How long nothing had passed before the other end sent what its sender had not answered, or else before itself.
    pub idle: Span,
}

impl Rst {
    /// One that refuses a SYN.
    fn refusing(packet: Packet) -> Rst {
        Rst {
            sender: 1,
            packet,
            met: Met::Syn,
            ack: true,
            unread: 0,
            in_flight: 0,
            heard: (0, Span(0), 0),
            arrived: true,
            last_sent: packet.0,
            idle: Span(0),
        }
    }

    /// If what the other end sent last is payload that it acknowledges, how long that was before.
    pub fn answers(&self) -> Option<Span> {
        let (_, age, payload) = self.heard;
        (self.ack && self.arrived && payload > 0).then_some(age)
    }
}

/// What is known of the latest segments of both ends.
pub(super) struct Lately {
    /// Packet number and payload of each end's.
    packets: [u64; 2],
    payload: [u32; 2],
    /// Which end the other has not answered, and how long nothing had passed before it sent the first of that.
    waits: Option<(usize, Span)>,
}

impl Lately {
    /// After the handshake, whose last segments have these packet numbers.
    pub fn new(packets: [u64; 2]) -> Lately {
        Lately { packets, payload: [0; 2], waits: None }
    }

    /// The next segment, of which this is the packet number.
    #[inline(always)]
    pub fn takes(&mut self, seg: &Continued, packet: u64) {
        let x = seg.sender & 1;
        (self.packets[x], self.payload[x]) = (packet, seg.len);
        if self.waits.is_some_and(|(waits, _)| waits != x) {
            self.waits = None;
        }
        if seg.len > 0 || seg.fin {
            self.waits.get_or_insert((x, seg.later));
        }
    }
}

impl Abridged<'_> {
    /// Behind its SYN comes `seg`, a RST: whether that refuses it, as one from an end without connection (RFC 9293 §3.5.2).
    #[inline(never)]
    pub(super) fn refuses(&self, seg: &Written, book: &mut Textbook) -> Option<Rst> {
        let Tape { now, packet, next, bytes, .. } = self.tape;
        let refuses = seg.sender == 1
            && seg.flags.0 == Flags::RST.0 | Flags::ACK.0
            && (seg.seq, seg.ack, seg.len) == (0, next[0], 0)
            && bytes.is_empty()
            && book.opening[0].1 > 0;
        self.tells(&Page::of_syn(since(book.opening[0].0, now)), 0, 0, book);
        (book.bytes, book.turnaround) = ([0; 2], [None; 2]);
        refuses.then(|| Rst::refusing((now, packet)))
    }
}

impl Page {
    /// Takes `seg`, a RST, as the last segment; the one before it was captured at `before`.
    #[inline(never)]
    pub(super) fn breaks(
        &mut self,
        seg: &Written,
        lately: &Lately,
        before: Time,
        tape: &Tape<'_>,
        book: &Textbook,
    ) -> Option<Rst> {
        let Written { sender, flags, seq, ack, len, .. } = *seg;
        let (x, y, now) = (sender & 1, 1 - (sender & 1), tape.now);
        let (bare, all) = (flags.0 == Flags::RST.0, ack == tape.next[y]);
        let acked = tape.next[y].wrapping_sub(self.unacked[y]);
        let met = match self.stage {
            Stage::Open => Met::Open,
            // Before the other end has shown that it lacked it, and later than that was sent.
            Stage::Fin if x != book.closer && all && !bare && book.lacking.is_none() && now > book.fin.0 => Met::Fin,
            _ => return None,
        };
        let exact = if bare {
            // With payload before it, it answers as one without connection does.
            lately.payload[y] == 0
        } else {
            flags.0 == Flags::RST.0 | Flags::ACK.0 && !after(acked, ack)
        };
        // The number 0 is that of an end without connection.
        let sound = exact && seq == tape.next[x] && seq != 0 && len == 0 && tape.ttls == 2 && book.ready.is_some();
        if !sound {
            return None;
        }
        // The FIN is no payload.
        let edge = if bare { tape.next[y] } else { ack.wrapping_sub(u32::from(met == Met::Fin)) };
        let gap = since(before, now);
        self.pause = self.pause.max(gap);
        self.packets[x] += 1;
        Some(Rst {
            sender: x,
            packet: (now, tape.packet),
            met,
            ack: !bare,
            unread: edge.wrapping_sub(acked),
            in_flight: self.unacked[x],
            heard: (lately.packets[y], since(self.sent[y], now), lately.payload[y]),
            arrived: bare || all,
            last_sent: self.sent[x],
            // In milliseconds.
            idle: match lately.waits {
                Some((waits, idle)) if waits == y => Span(idle.0 - idle.0 % 1_000_000),
                _ => gap,
            },
        })
    }
}

impl Textbook {
    /// What became of both ends at `end`, in the order of their sockets, if `rst` ended it.
    pub(super) fn weigh_to_reset(&self, rst: &Rst, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        for (e, verdict) in verdicts.iter_mut().enumerate() {
            let resets = e == rst.sender & 1;
            let [first, second] = if e == 0 { self.handshake_marks::<0>() } else { self.handshake_marks::<1>() };
            let steps = &mut verdict.steps;
            steps.clear();
            match (rst.met, resets) {
                (Met::Syn, true) => {}
                (Met::Syn, false) => follow(steps, &[first, received(rst)]),
                (Met::Open, true) => follow(steps, &[first, second, sent(rst)]),
                (Met::Open, false) => follow(steps, &[first, second, received(rst)]),
                (Met::Fin, true) => {
                    follow(steps, &[first, second, proven(Event::RcvFin, self.fin, rst.packet), sent(rst)]);
                }
                (Met::Fin, false) => {
                    follow(steps, &[first, second, of(Event::SndFin, Evidence::Sent, self.fin), received(rst)]);
                }
            }
            timers::date(self.turnaround[e], steps, end);
            verdict.possible = States::of(&[State::Closed]);
            if !resets && !self.is_near(e) {
                verdict.possible = verdict.possible.with(self.else_in(rst, &first, end, profile));
            }
        }
    }

    /// Where the end is that `rst` was sent to, if that did not arrive; `first` is what happened to it first.
    fn else_in(&self, rst: &Rst, first: &Mark, end: Time, profile: &Profile) -> State {
        match rst.met {
            Met::Syn => match timers::expired(Some(first.time), &Tail::of([first]), end, profile) {
                Some(_) => State::Closed,
                None => State::SynSent,
            },
            Met::Open => State::Established,
            Met::Fin => State::FinWait1,
        }
    }

    /// Whether the tap is so close to end `e` that what was captured on the way to it arrived.
    fn is_near(&self, e: usize) -> bool {
        timers::is_near(self.turnaround[e], self.turnaround[1 - e])
    }

    /// A round trip between the ends, as far as that was measured.
    pub fn round_trip(&self) -> Option<Span> {
        let [a, b] = self.turnaround;
        a.zip(b).map(|(a, b)| Span((i64::from(a) + i64::from(b)) * 1_000))
    }
}

fn sent(rst: &Rst) -> Mark {
    of(Event::SndRst, Evidence::Sent, rst.packet)
}

fn received(rst: &Rst) -> Mark {
    of(Event::RcvRst, Evidence::Inferred, rst.packet)
}
