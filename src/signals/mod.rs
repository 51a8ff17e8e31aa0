//! What states alone do not tell: counts and moments of one connection, noted as its segments pass.
//!
//! Fed behind the tracker with what each segment turned out to be ([`Taken`]); read by the detectors at the end. A small
//! record for every connection, a cache line for each end; what few connections have ([`Cold`]) is boxed.
//!
//! | file | holds |
//! |---|---|
//! | `end` | one end: its stream as captured, what it said into silence |
//! | `cold` | repetitions, closed windows, RSTs, ICMP errors and other rarities |
//! | `holes` | what a stream skipped, until it comes or its receiver has it |
//! | `rare` | what few segments bring, noted in `cold` |
//! | `reset` | a RST and its circumstances, fixed at the moment it passes |
//! | `run` | segments that go on, several at once |

mod cold;
mod end;
mod holes;
mod rare;
mod reset;
mod run;

pub use cold::{Again, Beyond, Cold, ColdEnd, Same, Spell, TooBig, ZeroWindow};
use end::Noted;
pub use end::{End, Unanswered};
use rare::Rare;
pub use reset::{Reset, Trigger};

use crate::pack::Seldom;
use crate::segment::{Flags, IcmpError, IcmpKind, Segment};
use crate::time::{Span, Time};
use crate::tracker::opening::Opening;
use crate::tracker::{Class, Connection, Taken};

/// The signals of one connection; `ends` in the order of [`Connection::sockets`]. Two cache lines.
#[derive(Clone, Debug)]
pub struct Signals {
    /// One record for each end.
    pub ends: [End; 2],
    /// What one of the ends sent since the other was last heard: as soon as one speaks, what the other said is answered.
    waiting: Unanswered,
    /// Capture time of the last segment that was not a copy.
    last: Time,
    /// The longest time in which nothing passed, while no end had closed.
    pub longest_idle: Span,
    cold: Seldom<Cold>,
}

const _: () = assert!(size_of::<Signals>() <= 128);

/// No time yet.
const NEVER: Time = Time(i64::MIN);

/// For connections that have none.
static NONE: ColdEnd = ColdEnd::NONE;
/// For ends that were answered.
static ANSWERED: Unanswered = Unanswered::NONE;

impl Default for Signals {
    fn default() -> Signals {
        let ends = Default::default();
        Signals { ends, waiting: Unanswered::NONE, last: NEVER, longest_idle: Span(0), cold: Seldom::NONE }
    }
}

impl Signals {
    /// Begins anew, with the memory it has.
    pub fn restart(&mut self) {
        let Signals { ends, waiting, last, longest_idle, cold } = self;
        (*ends, *waiting, *last, *longest_idle) = (Default::default(), Unanswered::NONE, NEVER, Span(0));
        cold.clear();
    }

    /// What end `e` sent since the other was last heard.
    #[inline]
    pub fn unanswered(&self, e: usize) -> &Unanswered {
        if self.ends[e].waits { &self.waiting } else { &ANSWERED }
    }

    /// Whether an end sent something that the other has not answered.
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.waiting.first().is_some()
    }

    /// What few connections have, if this one has it.
    #[inline]
    pub fn cold(&self) -> Option<&Cold> {
        self.cold.as_ref()
    }

    /// What few ends have.
    #[inline]
    pub fn cold_end(&self, e: usize) -> &ColdEnd {
        self.cold.as_ref().map_or(&NONE, |c| &c.ends[e])
    }

    /// When payload passed last that had not passed before; the end of time as long as an end waits for an answer to what it
    /// sent.
    pub fn last_data(&self) -> Option<Time> {
        if self.waiting.content > 0 {
            return Some(Time(i64::MAX));
        }
        self.ends.iter().filter_map(End::last_data).max()
    }

    /// How many sequence numbers of end `e` were skipped, and neither captured nor acknowledged since, as far as was captured:
    /// lost before the tap, still under way, or missed.
    pub fn skipped(&self, e: usize) -> u32 {
        self.cold.as_ref().map_or(0, |cold| cold.holes[e].open())
    }

    /// The RSTs kept, in order.
    #[inline]
    pub fn resets(&self) -> &[Reset] {
        self.cold.as_ref().map_or(&[], |c| &c.resets)
    }

    fn cold_mut(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    /// Takes note of `seg` of connection `c`, which the tracker has just taken. Returns how many bytes of its payload had
    /// not passed before.
    #[inline]
    pub fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection) -> u32 {
        if taken.class == Class::Copy {
            self.copied(taken.sender);
            return 0;
        }
        let idle = if self.last == NEVER { Span(0) } else { seg.time - self.last };
        if idle > self.longest_idle && c.ends[0].fin().is_none() && c.ends[1].fin().is_none() {
            self.longest_idle = idle;
        }
        self.last = seg.time;
        if self.usual(taken, seg, c, idle) { seg.len } else { self.unusual(taken, seg, c, idle) }
    }

    #[cold]
    fn copied(&mut self, x: usize) {
        let copies = &mut self.cold_mut().copies[x & 1];
        *copies = copies.saturating_add(1);
    }

    /// Takes note of a handshake with which the connection begins: what [`Signals::take`] comes to for its segments.
    pub fn open(&mut self, [syn, syn_ack, ack]: Opening<'_>) {
        self.ends[0].begin(syn);
        self.ends[1].begin(syn_ack);
        self.ends[0].note_sent(ack);
        self.longest_idle = (syn_ack.time - syn.time).max(ack.time - syn_ack.time);
        self.last = ack.time;
    }

    /// Takes what [`Signals::usual`] does not.
    #[inline(never)]
    fn unusual(&mut self, taken: &Taken, seg: &Segment, c: &Connection, idle: Span) -> u32 {
        if seg.options.cut {
            let cold = self.cold_mut();
            cold.cut = cold.cut.saturating_add(1);
        }
        if is_odd(seg.flags) {
            self.cold_mut().odd_flags.get_or_insert((taken.sender, seg.packet, seg.flags));
        }
        match taken.class {
            Class::Astray | Class::NoAck => {
                let cold = self.cold_mut();
                cold.astray = cold.astray.saturating_add(1);
                0
            }
            Class::Reset | Class::ResetIgnored => {
                self.reset(taken, seg, c, idle);
                0
            }
            _ => self.segment(taken, seg, c, idle),
        }
    }

    /// Takes what nearly all segments are: an acknowledgment, or payload or a FIN alone that continues the stream, while nothing
    /// rare goes on. False if `seg` is not such a one, and is yet to be noted.
    #[inline]
    fn usual(&mut self, taken: &Taken, seg: &Segment, c: &Connection, idle: Span) -> bool {
        if seg.flags.control() & !Flags::FIN.0 != Flags::ACK.0 || seg.window == 0 || seg.options.cut {
            return false;
        }
        let x = taken.sender & 1;
        match taken.class {
            Class::Ack => {}
            Class::New if self.ends[x].continues(seg) => {}
            _ => return false,
        }
        if self.cold.as_ref().is_some_and(|cold| cold.is_told_about(x)) {
            return false;
        }
        self.note_usual(x, taken.advances, seg, idle);
        if seg.len > 0 && (c.ends[0].fin().is_some() || c.ends[1].fin().is_some()) {
            self.cold_mut().note_after_fin(x, seg, c);
        }
        true
    }

    /// Takes note of an acknowledgment, or payload or a FIN that continues the stream of end `x`.
    #[inline(always)]
    fn note_usual(&mut self, x: usize, advances: bool, seg: &Segment, idle: Span) {
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        if let Some(cold) = self.cold.as_mut() {
            if advances {
                cold.ends[1 - x].again.same.times = 0;
            }
            cold.hear(1 - x, seg, peer);
        }
        if peer.waits {
            peer.waits = false;
            self.waiting = Unanswered::NONE;
        }
        if advances {
            peer.note_acknowledged(seg);
        }
        own.note_sent(seg);
        if seg.len == 0 && !seg.has(Flags::FIN) {
            own.note_ack(advances);
            if seg.options.sack_blocks != 0 {
                self.note_blocks(x, seg);
            }
        } else {
            own.note_next(seg, advances, &mut self.waiting, idle);
        }
    }

    /// Takes note of the SACK blocks of `seg` of end `x`.
    #[cold]
    fn note_blocks(&mut self, x: usize, seg: &Segment) {
        Beyond::note(&mut self.cold_mut().ends[1 - x].beyond, seg);
    }

    /// Whether nothing rare goes on in connection `c`, so that segments that [`go on`](Signals::goes_on) are usual.
    pub fn are_steady(&self, c: &Connection) -> bool {
        self.last != NEVER
            && c.ends.iter().all(|end| end.fin().is_none())
            && self.cold.as_ref().is_none_or(|cold| !cold.is_told_about(0) && !cold.is_told_about(1))
    }

    /// Whether `seg` of end `x`, on a steady connection, brings nothing rare either.
    #[inline(always)]
    pub fn goes_on(&self, x: usize, seg: &Segment) -> bool {
        seg.window != 0 && !seg.options.cut && (seg.len == 0 || self.ends[x & 1].continues(seg))
    }

    /// Takes note of `seg` of end `x`, which goes on.
    #[inline(always)]
    pub fn take_steady(&mut self, x: usize, advances: bool, seg: &Segment) {
        let idle = seg.time - self.last;
        self.longest_idle = self.longest_idle.max(idle);
        self.last = seg.time;
        self.note_usual(x & 1, advances, seg, idle);
    }

    fn segment(&mut self, taken: &Taken, seg: &Segment, c: &Connection, idle: Span) -> u32 {
        let x = taken.sender;
        let another_syn_ack = seg.has(Flags::SYN | Flags::ACK) && self.ends[x].is_another_syn_ack(seg, taken, c);
        if taken.class == Class::Ack && seg.options.sack_blocks != 0 {
            self.note_blocks(x, seg);
        }
        let [a, b] = &mut self.ends;
        let (own, peer) = if x == 0 { (a, b) } else { (b, a) };
        // It spoke: what the peer had sent is no longer met by silence.
        if peer.waits {
            peer.waits = false;
            self.waiting = Unanswered::NONE;
        }
        if taken.advances && seg.has(Flags::ACK) {
            peer.note_acknowledged(seg);
        }
        let noted = if taken.class == Class::Ack {
            own.note_sent(seg);
            own.note_ack(taken.advances);
            Noted::default()
        } else {
            own.note_stream(seg, taken, c, &mut self.waiting, idle)
        };
        let rare = Rare {
            closes_window: seg.window == 0 && rare::tells_window(seg),
            data_after_fin: seg.len > 0
                && matches!(taken.class, Class::New | Class::Late)
                && c.ends.iter().any(|e| e.fin().is_some()),
            another_syn_ack,
        };
        if self.cold.is_some() || rare.is_any() || rare::is_noted(&noted, taken.class) {
            self.note_rare(taken, seg, c, &noted, rare);
        }
        noted.unique
    }

    fn reset(&mut self, taken: &Taken, seg: &Segment, c: &Connection, idle: Span) {
        let fact = Reset::of(taken, seg, c, self, idle);
        let cold = self.cold_mut();
        cold.reset_count[taken.sender] = cold.reset_count[taken.sender].saturating_add(1);
        if cold.resets.len() < Cold::RESETS {
            cold.resets.push(fact);
        }
    }

    /// Takes note of an ICMP error that quotes one of its segments.
    pub fn icmp(&mut self, error: &IcmpError) {
        let cold = self.cold_mut();
        if let IcmpKind::TooBig(mtu) = error.kind {
            TooBig::note(&mut cold.too_big, error, mtu);
        } else {
            cold.icmp.get_or_insert(*error);
        }
    }
}

impl Cold {
    /// Whether what end `x` sends, and is usual otherwise, tells of something here.
    fn is_told_about(&self, x: usize) -> bool {
        !self.resets.is_empty() || self.stray_syn.is_some() || self.ends[x].zero.since.is_some()
    }

    /// Notes what `seg` shows `end`, the one with number `y`, to have got through to its sender of what was skipped.
    #[inline(always)]
    fn hear(&mut self, y: usize, seg: &Segment, end: &mut End) {
        let holes = &mut self.holes[y & 1];
        if !holes.is_empty() {
            end.note_missing(holes.hear(seg));
        }
    }
}

/// Flags that no stack sends together (or none at all): scanners, and damage.
fn is_odd(flags: Flags) -> bool {
    let f = |x: Flags| flags.has(x);
    f(Flags::SYN) && (f(Flags::FIN) || f(Flags::RST))
        || f(Flags::FIN) && (f(Flags::RST) || !f(Flags::ACK))
        || flags.0 & 0x3f == 0
}

crate::pack::pack_fields!(Signals { ends, waiting, last, longest_idle, cold });
