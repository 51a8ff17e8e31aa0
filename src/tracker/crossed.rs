//! A connection that goes by the book, but that its FINs cross (RFC 9293 §3.6 case 3, Figure 13): each end sends its own before the
//! other's has arrived, goes through CLOSING, and waits in TIME_WAIT.

use super::abridged::{Page, Stage};
use super::log::{Tail, follow};
use super::mark::{Mark, Place};
use super::numbers::Continued;
use super::profile::Profile;
use super::rules::Event;
use super::state::{Evidence, State, States};
use super::textbook::{Packet, Textbook, of, proven};
use super::timers;
use super::verdict::Verdict;
use super::written::{NearStamps, Plain};
use crate::time::{Span, Time};

/// FINs that crossed: the one that came first is [`Textbook::closer`]'s.
#[derive(Clone, Copy, Debug)]
pub struct Crossed {
    /// Which end acknowledged the other's first.
    first: usize,
    /// What the later acknowledgment says of the arrival of the earlier one.
    arrival: Arrival,
}

/// What the timestamps of an end say of the arrival of a segment.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// Nothing.
    Untold,
    /// It had arrived.
    Before,
    /// It had not.
    After,
}

/// The timestamps of a segment, if it is written as most are.
type Stamps = Option<Option<NearStamps>>;

/// What is known of the close as it is read.
#[derive(Default)]
pub(super) struct Close {
    fins: [Stamps; 2],
    /// Which end acknowledged first.
    first: Option<(usize, Stamps)>,
}

impl Close {
    /// Takes `seg`, which is what `bytes` begin with, and after which it stands there. If that is the last of a close in which FINs
    /// crossed, what became of it.
    #[inline(never)]
    pub fn takes(&mut self, seg: &Continued, stage: Stage, bytes: &[u8]) -> Option<Crossed> {
        let stamps = Plain::read(bytes).map(|(plain, _)| plain.near);
        match stage {
            _ if seg.fin => self.fins[seg.sender & 1] = stamps,
            Stage::CrossedAcked => self.first = Some((seg.sender & 1, stamps)),
            Stage::CrossedOver => {
                let (first, earlier) = self.first?;
                let arrival = match (earlier?, stamps?) {
                    (Some(_), Some(later)) if later.echo_from_latest() < 0 => Arrival::After,
                    // Else it may echo what came before that.
                    (Some(earlier), Some(_)) if earlier.later() > 0 || self.fins[first]?.is_none() => Arrival::Before,
                    _ => Arrival::Untold,
                };
                return Some(Crossed { first, arrival });
            }
            _ => {}
        }
        None
    }
}

impl Page {
    /// Where a connection stands after a segment without payload where FINs cross, of which the first had not arrived `before` that
    /// time; or where the other end has sent payload [behind](Page::goes_on_behind) the first. `None` where it is rare.
    #[inline(never)]
    pub(super) fn otherwise(
        &self,
        seg: &Continued,
        packet: Packet,
        before: Time,
        book: &mut Textbook,
    ) -> Option<Stage> {
        let (x, all, (now, _)) = (seg.sender & 1, seg.behind == 0, packet);
        let closer = x == book.closer;
        match self.stage {
            Stage::Half if closer && !seg.fin => Some(Stage::Half),
            Stage::Half if !closer && seg.fin && all && now > before => {
                book.answer = packet;
                Some(Stage::HalfAnswered)
            }
            Stage::HalfAnswered if closer && !seg.fin && all => {
                book.last = packet;
                Some(Stage::HalfOver)
            }
            Stage::Fin if seg.fin && !all && !closer && self.may_lack(x, before, now) => {
                book.answer = packet;
                Some(Stage::Crossed)
            }
            // Of two at the same time it could not be told what came first.
            Stage::Crossed if !seg.fin && all && now > book.answer.0 => {
                book.ack = Some(packet);
                Some(Stage::CrossedAcked)
            }
            Stage::CrossedAcked if !seg.fin && all => {
                book.last = packet;
                Some(Stage::CrossedOver)
            }
            _ => None,
        }
    }
}

impl Textbook {
    /// What became of both ends at `end`, in the order of their sockets, if FINs `crossed`.
    pub(super) fn weigh_crossed(&self, crossed: &Crossed, end: Time, profile: &Profile, verdicts: &mut [Verdict; 2]) {
        for (e, verdict) in verdicts.iter_mut().enumerate() {
            let (closes, first) = (e == self.closer, e == crossed.first);
            let [opened, open] = if e == 0 { self.handshake_marks::<0>() } else { self.handshake_marks::<1>() };
            let (fin, other) = if closes { (self.fin, self.answer) } else { (self.answer, self.fin) };
            let [own, acked] = self.acks(first);
            let received = proven(Event::RcvFin, other, own);
            // It had not arrived yet.
            let received = if closes { received } else { Mark { time: fin.0, place: Place::After, ..received } };
            let arrived = of(Event::RcvAckOfFin, Evidence::Inferred, acked);
            let arrived = match crossed.arrival {
                Arrival::Before if !first => proven(Event::RcvAckOfFin, acked, own),
                Arrival::After if !first => Mark { time: own.0, place: Place::After, ..arrived },
                _ => arrived,
            };
            let steps = &mut verdict.steps;
            steps.clear();
            follow(steps, &[opened, open, of(Event::SndFin, Evidence::Sent, fin), received, arrived]);
            let timer = timers::expired(Some(own.0), &Tail::after(steps), end, profile);
            follow(steps, &timer);
            timers::date(self.turnaround[e], steps, end);
            verdict.possible = States::of(&[verdict.state()]);
            if timer.is_some_and(|timer| timers::may_last(&timer, end)) {
                verdict.possible = verdict.possible.with(State::TimeWait);
            }
            if arrived.evidence == Evidence::Inferred && self.may_repeat(e, fin.0, arrived.time, end) {
                verdict.possible = verdict.possible.with(State::Closing);
            }
        }
    }

    /// The acknowledgment of the other's FIN, and of its own, of the end that sent the `first` of them or the other.
    fn acks(&self, first: bool) -> [Packet; 2] {
        let earlier = self.ack.unwrap_or(self.last);
        if first { [earlier, self.last] } else { [self.last, earlier] }
    }

    /// From the FIN of each end to its acknowledgment, if they `crossed`.
    pub(super) fn crossed_to_ack(&self, crossed: &Crossed) -> [Span; 2] {
        [0, 1].map(|e| {
            let [_, acked] = self.acks(e == crossed.first);
            acked.0 - if e == self.closer { self.fin.0 } else { self.answer.0 }
        })
    }

    /// The packet that shows best that FINs crossed, and its time: the one that brought the client to CLOSING, which the
    /// server came to at the same time.
    pub fn crossed_at(&self) -> Packet {
        (self.answer.0, if self.closer == 0 { self.answer.1 } else { self.fin.1 })
    }
}
