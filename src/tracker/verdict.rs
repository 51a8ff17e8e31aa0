//! What the segments of a connection add up to at a given time: the history of each end, and what else is possible.
//!
//! Some beliefs are neither confirmed nor disproved by any segment; here silence is weighed. A stack repeats a FIN or a
//! SYN,ACK that it has not seen acknowledged, and answers a SYN,ACK or a FIN within a round trip: what does not happen
//! in that time is evidence, if the capture runs that long. Nothing here changes the connection, so that the same
//! question can be asked at any time.

use smallvec::SmallVec;

use super::connection::{Connection, before_capture};
use super::log::{Steps, Tail, follow, follow_dated};
use super::lone::{ANSWER_TO_SYN, Lone};
use super::mark::{Mark, Place};
use super::profile::Profile;
use super::rules::{Event, Events};
use super::scale::{Scale, Tray};
use super::state::{Evidence, State, States};
use super::textbook::Textbook;
use super::timers::{self, Fins, LATEST_RETRY, RETRY};
use super::trace::Trace;
use crate::segment::Flags;
use crate::time::{Span, Time};

/// One end at a given time.
///
/// A step is dated by when the end took it, not by when the tap saw its cause pass: what the end sent left it half a
/// round trip (between tap and end) before it was captured, and what was sent to it arrived half a round trip after.
/// The least round trip seen is used, and none where the tap is at the end itself. `mark.time` keeps the capture time.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Every state entered, in order.
    pub steps: Steps,
    /// All states that the capture allows at that time.
    pub possible: States,
}

impl Default for Verdict {
    fn default() -> Verdict {
        Verdict { steps: Steps::new(), possible: States::EMPTY }
    }
}

/// Where verdicts are reached: made once, and used for one connection after the other.
#[derive(Debug, Default)]
pub struct Weighing {
    trays: [Tray; 2],
    pub(super) verdicts: [Verdict; 2],
}

impl Weighing {
    /// The verdicts on a textbook connection at `end`.
    pub fn weigh_textbook(&mut self, book: &Textbook, end: Time, profile: &Profile) -> &[Verdict; 2] {
        book.weigh(end, profile, &mut self.verdicts);
        &self.verdicts
    }

    /// The verdicts on a lone SYN at `end`.
    pub fn weigh_lone(&mut self, lone: &Lone, end: Time, profile: &Profile) -> &[Verdict; 2] {
        lone.weigh(end, profile, &mut self.verdicts);
        &self.verdicts
    }
}

impl Verdict {
    /// The state at that time.
    pub fn state(&self) -> State {
        self.steps.last().map_or(State::Closed, |s| s.rule.to)
    }
}

/// An answer that is due at once comes this soon after a round trip (a delayed ACK takes up to 200 ms on Linux).
const ANSWER: Span = Span::millis(300);
/// With one direction captured the answer that is not seen is taken to have come after this time.
const UNSEEN_ANSWER: Span = Span::millis(100);
/// What may be in doubt about an opening.
const OPENING: Events = Events::of(&[Event::RcvSyn, Event::RcvSynAck, Event::RcvAckOfSyn]);

impl Connection {
    /// Both ends at `end`, in the order of `sockets`.
    pub fn verdicts(&self, end: Time, profile: &Profile) -> [Verdict; 2] {
        let mut weighing = Weighing::default();
        self.weigh(end, profile, &mut weighing);
        weighing.verdicts
    }

    /// The same, reached in `weighing`.
    pub fn weigh<'w>(&self, end: Time, profile: &Profile, weighing: &'w mut Weighing) -> &'w [Verdict; 2] {
        if self.weigh_lone_syn(end, profile, &mut weighing.verdicts) {
            return &weighing.verdicts;
        }
        self.weigh_all(end, profile, weighing)
    }

    /// The same by all that may have been.
    pub(super) fn weigh_all<'w>(&self, end: Time, profile: &Profile, weighing: &'w mut Weighing) -> &'w [Verdict; 2] {
        let Weighing { trays: [first, second], verdicts } = weighing;
        let mut scales = [Scale::of(&self.ends[0].log, first), Scale::of(&self.ends[1].log, second)];
        self.add_unseen_fins(&mut scales);
        for (e, (scale, verdict)) in scales.iter_mut().zip(verdicts.iter_mut()).enumerate() {
            self.weigh_simultaneous_open(e, scale);
            if scale.has_unproven(OPENING) {
                self.weigh_opening(e, scale, end);
            }
            self.weigh_closing(e, scale, end);
            self.weigh_reset(e, scale);
            self.conclude(e, scale, end, profile, verdict);
        }
        timers::date_unseen(self.ends.each_ref().map(|e| e.turnaround), verdicts);
        if self.is_with_itself() {
            // There is no other end than the one that sent all this.
            let [own, other] = verdicts;
            other.clone_from(own);
        }
        verdicts
    }

    /// The state that end `e` is believed to be in, silence left out of account.
    pub(super) fn state_now(&self, e: usize) -> State {
        let start = match self.before & self.before.wrapping_neg() {
            0 => State::Closed,
            hypothesis => Tail::of(&[self.start(e, hypothesis)]).state(),
        };
        self.ends[e].log.state(start)
    }

    fn round_trip(&self, e: usize) -> Span {
        timers::round_trip(self.ends[e].turnaround)
    }

    /// Whether the tap is so close to end `e` that what was captured on the way to it arrived.
    pub(super) fn is_near(&self, e: usize) -> bool {
        timers::is_near(self.ends[e].turnaround, self.ends[1 - e].turnaround)
    }

    /// How long the SYN or SYN,ACK of end `e` waited for its acknowledgment, as far as that shows.
    pub(super) fn first_wait(&self, e: usize) -> Span {
        let sent = self.ends[e].log.get(Event::SndSyn).map(|m| m.time).or(self.handshake.first_syn_ack.get());
        sent.zip(self.handshake.proven[e].get()).map_or(Span(0), |(sent, answered)| answered - sent)
    }

    #[inline]
    fn unsure<'a>(&self, e: usize, scale: &'a Scale<'_>, event: Event) -> Option<(&'a Mark, Time)> {
        let mark = scale.unproven(event)?;
        let last = self.ends[e].log.copies(event).map(|m| m.time).max();
        Some((mark, last.unwrap_or(mark.time)))
    }

    /// Both ends sent a SYN, and this one received a SYN,ACK. It would have answered the peer's SYN with a SYN,ACK (RFC 9293 §3.5,
    /// Figure 7): if none was ever captured, though its SYN was, that SYN had not arrived, as far as one can tell.
    fn weigh_simultaneous_open(&self, e: usize, scale: &mut Scale<'_>) {
        let active = self.ends[e].syns > 0 && self.ends[e].syn_acks == 0 && scale.has(Event::SndSyn);
        if active && scale.has(Event::RcvSyn) && scale.has(Event::RcvSynAck) {
            scale.reject(Event::RcvSyn);
        }
    }

    fn weigh_opening(&self, e: usize, scale: &mut Scale<'_>, end: Time) {
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        if let Some((_, last)) = self.unsure(e, scale, Event::RcvSyn) {
            scale.doubt(Event::RcvSyn);
            // It would have answered.
            if peer.syns > 1 || end - last > ANSWER_TO_SYN {
                scale.reject(Event::RcvSyn);
            }
        }
        if let Some((_, last)) = self.unsure(e, scale, Event::RcvSynAck) {
            scale.doubt(Event::RcvSynAck);
            let silent = end - last > Span(self.round_trip(e).0 + ANSWER.0);
            let active = own.log.get(Event::SndSyn).is_some_and(|m| m.evidence == Evidence::Sent);
            if silent && active && !own.log.has(Event::RcvSyn) {
                scale.reject(Event::RcvSynAck);
            }
        }
        if let Some((_, acked)) = self.unsure(e, scale, Event::RcvAckOfSyn) {
            scale.doubt(Event::RcvAckOfSyn);
            // It repeated its SYN,ACK although the ACK had passed: it drops ACKs (a full accept queue, deferred
            // accept) or they do not reach it. Until it shows otherwise it is taken to go on so.
            if own.disproved > 0 && !self.has_stopped_repeating(e, acked, end) {
                scale.reject(Event::RcvAckOfSyn);
            }
        }
    }

    /// Whether end `e` would have sent its SYN,ACK once more, by a timer that doubles from a second on (RFC 6298 §5.5), had it not
    /// received the client's last ACK, of `acked`. Data it would have acknowledged then.
    fn has_stopped_repeating(&self, e: usize, acked: Time, end: Time) -> bool {
        /// Four times at least a SYN,ACK is sent again.
        const SURE: Span = Span::secs(16);
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        let last = own.last_segment().filter(|l| l.flags.has(Flags::SYN)).map(|l| l.time);
        let Some((first, last)) = self.handshake.first_syn_ack.get().zip(last) else { return false };
        let waited = last - first;
        let due = Span(waited.0.saturating_add(Span::secs(1).0 + timers::LATE.0));
        peer.bytes == 0 && peer.fin.is_none() && waited < SURE && acked >= last && end - last > due
    }

    fn weigh_closing(&self, e: usize, scale: &mut Scale<'_>, end: Time) {
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        if let Some((_, last)) = self.unsure(e, scale, Event::RcvFin) {
            scale.doubt(Event::RcvFin);
            let age = end - last;
            let unanswered = age > Span(self.round_trip(e).0 + ANSWER.0);
            // A FIN sent once and never again was acknowledged, if time enough has passed; one that passed the tap at
            // this end's door arrived.
            let waiting = age < Span(self.round_trip(e).0 + 2 * ANSWER.0) && !self.is_near(e);
            let silent = unanswered && (peer.fins > 1 || waiting);
            if own.packets > 0 && (silent || peer.fins > 2) {
                scale.reject(Event::RcvFin);
            }
        }
        if let Some((first, _)) = self.unsure(e, scale, Event::RcvAckOfFin)
            && let Some(sent) = own.log.get(Event::SndFin)
        {
            // A timer that backed off may not have recovered: retransmissions give no samples (RFC 6298 3).
            let backed_off = Span::secs(1 << own.retransmitted.min(3));
            let repeated = own.syns > 1 || own.syn_acks > 1;
            let timer = if repeated { LATEST_RETRY } else { timers::first_timer(self.first_wait(e)) };
            let last = own.last_fin.map_or(sent.time, |t| t.time);
            let fins = Fins { first: sent.time, last, timer: timer.max(backed_off), round_trip: self.round_trip(e) };
            let (acked, early) = (first.time, end - first.time < fins.next());
            if fins.may_go_on(acked, end) && !scale.has(Event::SndRst) {
                scale.doubt(Event::RcvAckOfFin);
                if early && own.disproved > 1 {
                    scale.reject(Event::RcvAckOfFin);
                }
            }
        } else if !scale.has(Event::RcvAckOfFin)
            && let Some(sent) = scale.marks().iter().find(|m| m.event == Event::SndFin).copied()
            && !scale.has(Event::SndRst)
            && !scale.has(Event::RcvRst)
            && self.stopped_repeating_fin(e, sent.time, end)
        {
            // Never repeated: it was acknowledged, and the capture missed the acknowledgment.
            let peer_fin =
                scale.marks().iter().skip_while(|m| m.event != Event::SndFin).find(|m| m.event == Event::RcvFin);
            let (time, packet) = peer_fin.map_or((sent.time, 0), |m| (m.time, m.packet));
            let mut mark = Mark::sure(Event::RcvAckOfFin, Evidence::Assumed, time, packet);
            mark.place = peer_fin.map_or(Place::After, |m| m.place);
            scale.add(mark);
            scale.doubt(Event::RcvAckOfFin);
        }
    }

    /// Whether end `e`, which sent its FIN at `sent`, would have repeated it by `end` if it still waited: with both
    /// directions captured only if it never did repeat it (else it may have given up).
    fn stopped_repeating_fin(&self, e: usize, sent: Time, end: Time) -> bool {
        let (own, peer) = (&self.ends[e], &self.ends[1 - e]);
        let last = own.last_fin.map_or(sent, |t| t.time);
        let due = last + Span((last - sent).0.saturating_mul(3) / 2 + Span::secs(1).0);
        if own.fins > 1 {
            return peer.packets == 0 && end > due;
        }
        let wait = if peer.packets == 0 { UNSEEN_ANSWER } else { RETRY };
        end > sent + wait && own.disproved == 0 && !self.is_fin_lost(e, sent)
    }

    /// Whether the FIN that end `e` sent at `sent` did not reach the other, and was not repeated when it was due: what the
    /// other sent so late still lacks its acknowledgment. The end is gone then, or what it sends is not captured.
    pub fn is_fin_lost(&self, e: usize, sent: Time) -> bool {
        let due = sent + timers::first_timer(self.first_wait(e));
        let lacking = self.ends[1 - e].without_peer_fin.get().filter(|lacking| *lacking > due);
        lacking.is_some() && !self.ends[e].log.has(Event::RcvAckOfFin)
    }

    fn weigh_reset(&self, e: usize, scale: &mut Scale<'_>) {
        if self.ends[e].log.get(Event::SndRst).is_some_and(|m| m.evidence == Evidence::Assumed) {
            scale.doubt(Event::SndRst);
        }
        if self.unsure(e, scale, Event::RcvRst).is_none() {
            return;
        }
        // Who answers what it gets as one without a socket does is reached, and has lost it.
        let dead_path = self.ends[1 - e].unanswered > 1 && !self.ends[e].answers_without_socket();
        if dead_path || !self.is_near(e) {
            scale.doubt(Event::RcvRst);
        }
        if dead_path {
            scale.reject(Event::RcvRst);
        } else if scale.unproven(Event::RcvFin).is_some() && self.ends[1 - e].is_reset_below_fin() {
            scale.doubt(Event::RcvFin);
            scale.reject(Event::RcvFin);
        }
    }

    /// Whether the capture speaks for a half-close before it began: one end sent nothing but acknowledgments, the other its FIN,
    /// which was acknowledged at once, or after data, and answered by none; or data, which was answered by a RST without ACK.
    fn is_one_sided(&self, hypothesis: u8, end: Time, profile: &Profile) -> bool {
        /// An application that reads the end of the stream closes within this time, as a rule.
        const PATIENCE: Span = Span::millis(20);
        /// An open end on Linux delays the acknowledgment of a FIN, by 40 ms at least, so that this one was none.
        const PROMPT: Span = Span::millis(30);
        /// Linux starts at this TTL. Windows, at 128, acknowledges the FIN at once also where it is open.
        const MOST_HOPS: u8 = 64;
        let (silent, talker) = match hypothesis {
            before_capture::FIRST_CLOSED => (&self.ends[0], &self.ends[1]),
            before_capture::SECOND_CLOSED => (&self.ends[1], &self.ends[0]),
            _ => return false,
        };
        // With a FIN acknowledged after the peer's, the talker would have no socket any more that sends a RST with ACK.
        let resets = talker.log.has(Event::SndRst) && !talker.answers_without_socket();
        if silent.bytes > 0 || silent.packets == 0 || silent.fin.is_some() || resets {
            return false;
        }
        let Some(fin) = silent.log.get(Event::RcvFin) else {
            return talker.bytes > 0 && silent.answers_without_socket();
        };
        // A FIN that comes again is acknowledged at once.
        let delays = profile.delays_ack_of_fin && talker.fins == 1 && silent.ttl.is_some_and(|ttl| ttl <= MOST_HOPS);
        let at_once = |last: &Trace| last.packet == fin.proof && last.time - fin.time < PROMPT;
        let prompt = delays && silent.last.as_ref().is_some_and(at_once);
        // On a long path neither the acknowledgment nor a FIN behind it comes any sooner.
        let acked = talker.log.get(Event::RcvAckOfFin).map_or(fin.time, |m| m.time.max(fin.time));
        end - acked > PATIENCE && (talker.bytes > 0 || prompt)
    }

    /// What an end was before the capture began, under one hypothesis.
    fn start(&self, e: usize, hypothesis: u8) -> Mark {
        let event = match (hypothesis, e) {
            (before_capture::FIRST_CLOSED, 0) | (before_capture::SECOND_CLOSED, 1) => Event::HadClosed,
            (before_capture::FIRST_CLOSED, _) | (before_capture::SECOND_CLOSED, _) => Event::PeerHadClosed,
            _ => Event::WasOpen,
        };
        Mark::sure(event, Evidence::Assumed, self.first, 0)
    }

    fn conclude(&self, e: usize, scale: &Scale<'_>, end: Time, profile: &Profile, verdict: &mut Verdict) {
        let hypotheses = self.hypotheses(end, profile);
        let mut starts = hypotheses.iter().map(|h| Some(self.start(e, *h)));
        let start = starts.next().flatten();
        let (steps, half) = (&mut verdict.steps, timers::way(self.ends[e].turnaround));
        let taken = |mark: &Mark, event: Event| timers::taken_at(mark, timers::SENT.has(event), half, end);
        steps.clear();
        follow_dated(steps, &start, taken);
        follow_dated(steps, scale.marks(), taken);
        let mut possible = States::EMPTY;
        if let Some(timer) = timers::expired(self.ends[e].last_sent(), &Tail::after(steps), end, profile) {
            // Before a new incarnation takes over, if that came later.
            let replaced = scale.marks().iter().position(|m| m.event == Event::Replaced).unwrap_or(scale.marks().len());
            if replaced < scale.marks().len() {
                steps.clear();
                follow_dated(steps, start.iter().chain(&scale.marks()[..replaced]), taken);
            } else if timers::may_last(&timer, end) {
                possible = possible.with(State::TimeWait);
            }
            follow_dated(steps, std::iter::once(&timer).chain(&scale.marks()[replaced..]), taken);
        }
        if timers::may_outlast_reset(steps, end, profile) {
            possible = possible.with(State::TimeWait);
        }
        if hypotheses.len() > 1 {
            self.admit(e, &hypotheses[1..], scale, steps);
        }
        possible = possible.with(steps.last().map_or(State::Closed, |s| s.rule.to));
        possible = possible.union(self.unseen_endings(e, possible, end, profile));
        if scale.is_in_doubt() || hypotheses.len() > 1 {
            let open = scale.open();
            possible = possible.union(self.combined(e, scale, &open, start, end, profile));
            for start in starts {
                possible = possible.union(self.combined(e, scale, &open, start, end, profile));
            }
        }
        verdict.possible = possible;
    }

    /// What may have been before the capture began, the likeliest first; nothing if the opening was captured.
    fn hypotheses(&self, end: Time, profile: &Profile) -> SmallVec<[u8; 3]> {
        let mut hypotheses = SmallVec::new();
        if self.before != 0 {
            hypotheses.extend((0..3).map(|i| 1 << i).filter(|h| self.before & h != 0));
            if let Some(i) = hypotheses.iter().position(|h| self.is_one_sided(*h, end, profile)) {
                hypotheses.swap(0, i);
            }
        }
        hypotheses
    }

    /// What was before the capture decides whether a FIN led to FIN_WAIT_1 or to LAST_ACK: states that not all `others`
    /// lead to are assumed, however sure the segments are.
    fn admit(&self, e: usize, others: &[u8], scale: &Scale<'_>, steps: &mut Steps) {
        for hypothesis in others {
            let mut other = Steps::new();
            follow(&mut other, [&self.start(e, *hypothesis)].into_iter().chain(scale.marks()));
            for step in steps.iter_mut().filter(|s| s.mark.evidence != Evidence::Timer) {
                // It may have come there before, by something else.
                let there = other.iter().rev().find(|o| o.mark.key() <= step.mark.key());
                if there.is_none_or(|o| o.rule.to != step.rule.to) {
                    step.mark.depend_on_before();
                }
            }
        }
    }
}
