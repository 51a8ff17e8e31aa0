//! When the ends of a textbook connection entered their states, and what that rests on: what there is to tell of them without
//! a verdict on each.

use super::log::Step;
use super::profile::Profile;
use super::rules::rule;
use super::state::{Evidence, State, States};
use super::textbook::{Packet, STATES, Textbook};
use super::timers;
use crate::time::{Span, Time};

/// When the ends of a textbook connection, whose end 0 is the client, entered their states.
#[derive(Clone, Copy, Debug)]
pub struct Entered {
    /// Five states of each.
    pub at: [[Time; 5]; 2],
    /// Which closed first: the last of its five is TIME_WAIT.
    closer: usize,
    /// When that was over, and how it is known.
    pub over: Option<(Time, Evidence)>,
}

impl Entered {
    /// These states of end `e`.
    #[inline]
    pub fn states(&self, e: usize) -> &'static [State; 5] {
        &STATES[e & 1][usize::from(self.closer == e & 1)]
    }

    /// The end that closed first.
    #[inline]
    pub fn closer(&self) -> usize {
        self.closer & 1
    }

    /// In which state end `e` was at last.
    #[inline]
    pub fn state(&self, e: usize) -> State {
        if self.closer == e & 1 && self.over.is_none() { State::TimeWait } else { State::Closed }
    }
}

/// What one step rests on: by which of the [packets](Textbook::packets) it was taken, which of them proves it, if one does, and how
/// it is known.
pub type Ground = (usize, Option<usize>, Evidence);

/// That of each step, by end, and by whether the other closed first or it did.
pub const GROUNDS: [[[Ground; 5]; 2]; 2] = {
    use Evidence::{Confirmed, Inferred, Sent};
    const SYN: usize = 0;
    const SYN_ACK: usize = 1;
    const ACK: usize = 2;
    const READY: usize = 3;
    const FIN: usize = 4;
    const ACKED: usize = 5;
    const ANSWER: usize = 6;
    const LAST: usize = 7;
    let opening = [
        [(SYN, None, Sent), (SYN_ACK, Some(ACK), Confirmed)],
        [(SYN, Some(SYN_ACK), Confirmed), (ACK, Some(READY), Confirmed)],
    ];
    let closing = [
        [(FIN, Some(ACKED), Confirmed), (ANSWER, None, Sent), (LAST, None, Inferred)],
        [(FIN, None, Sent), (ACKED, Some(LAST), Confirmed), (ANSWER, Some(LAST), Confirmed)],
    ];
    let mut grounds = [[[(SYN, None, Sent); 5]; 2]; 2];
    let mut n = 0;
    while n < 4 {
        let ([first, second], [third, fourth, fifth]) = (opening[n / 2], closing[n % 2]);
        grounds[n / 2][n % 2] = [first, second, third, fourth, fifth];
        n += 1;
    }
    grounds
};

impl Textbook {
    /// When both ends entered their states, up to `end`.
    pub fn entered(&self, end: Time, profile: &Profile) -> Entered {
        let at = match self.closer {
            0 => [self.dates::<0, true>(end), self.dates::<1, false>(end)],
            _ => [self.dates::<0, false>(end), self.dates::<1, true>(end)],
        };
        let closer = self.closer & 1;
        let over = self.over(at[closer][4], end, profile);
        Entered { at, closer, over: over.map(|(mark, at)| (at, mark.evidence)) }
    }

    /// The same of one that was read in one go: its times are in bounds, and its packets have numbers.
    #[inline(always)]
    pub fn entered_in_bounds(&self, end: Time, profile: &Profile) -> Entered {
        let (closer, ways) = (self.closer & 1, self.turnaround.map(|turnaround| timers::way(turnaround).0));
        let at = if self.last.0.0.wrapping_add(ways[0].max(ways[1])) <= end.0 {
            [self.dated_before::<0>(ways[0]), self.dated_before::<1>(ways[1])]
        } else {
            [self.dated::<0>(end), self.dated::<1>(end)]
        };
        let over = self.over(at[closer][4], end, profile);
        Entered { at, closer, over: over.map(|(mark, at)| (at, mark.evidence)) }
    }

    /// When end `E` entered its states: what it sent left it half of a turnaround before it was captured, and what it received
    /// arrived as long after that, but not after `end`.
    #[inline(always)]
    fn dated<const E: usize>(&self, end: Time) -> [Time; 5] {
        let half = timers::way(self.turnaround[E]).0;
        let left = |time: Time| Time(time.0.wrapping_sub(half));
        let arrived = |time: Time| Time(time.0.wrapping_add(half)).min(end.max(time));
        let [syn, syn_ack, ack] = self.opening.map(|packet| packet.0);
        let (fin, answer, last) = (self.fin.0, self.answer.0, self.last.0);
        let (first, second) = if E == 0 { (left(syn), arrived(syn_ack)) } else { (arrived(syn), arrived(ack)) };
        let (third, fourth, fifth) = if self.closer == E {
            (left(fin), arrived(self.acked()), arrived(answer))
        } else {
            (self.lacking.unwrap_or_else(|| arrived(fin)), left(answer), arrived(last))
        };
        let second = second.max(first);
        let third = third.max(second);
        let fourth = fourth.max(third);
        [first, second, third, fourth, fifth.max(fourth)]
    }

    /// The same where all arrived before the end of the capture, `half` of a turnaround after it was captured; it is in order
    /// then but for what an end sends at once.
    #[inline(always)]
    fn dated_before<const E: usize>(&self, half: i64) -> [Time; 5] {
        let left = |time: Time| Time(time.0.wrapping_sub(half));
        let arrived = |time: Time| Time(time.0.wrapping_add(half));
        let [syn, syn_ack, ack] = self.opening.map(|packet| packet.0);
        let (fin, answer, last) = (self.fin.0, self.answer.0, self.last.0);
        let (first, second) = if E == 0 { (left(syn), arrived(syn_ack)) } else { (arrived(syn), arrived(ack)) };
        if self.closer == E {
            return [first, second, left(fin).max(second), arrived(self.acked()), arrived(answer)];
        }
        let third = self.lacking.map_or_else(|| arrived(fin), |lacking| lacking.max(second));
        [first, second, third, left(answer).max(third), arrived(last)]
    }

    /// The packets that its steps rest on: SYN, SYN,ACK, ACK, the server's first segment after them, the first FIN, its
    /// acknowledgment, the other FIN, the last acknowledgment.
    pub fn packets(&self) -> [Packet; 8] {
        let [syn, syn_ack, ack] = self.opening;
        [syn, syn_ack, ack, self.ready(), self.fin, self.ack.unwrap_or(self.answer), self.answer, self.last]
    }

    /// When the end that closed first last showed that the other had not received its FIN yet, if it did.
    pub fn lacking(&self) -> Option<Time> {
        self.lacking
    }

    /// The five steps of end `e`, whose ends entered their states so.
    #[inline]
    pub fn steps_of(&self, e: usize, entered: &Entered) -> [Step; 5] {
        let at = entered.at[e & 1];
        match (e, e == self.closer) {
            (0, false) => self.steps::<0, false>(at),
            (0, true) => self.steps::<0, true>(at),
            (_, false) => self.steps::<1, false>(at),
            (_, true) => self.steps::<1, true>(at),
        }
    }

    /// The step that ends the wait of end `e`, if it closed first and that is over by `end`, and all states that are possible then.
    #[inline]
    pub fn rest_of(&self, e: usize, entered: &Entered, end: Time, profile: &Profile) -> (Option<Step>, States) {
        let (at, closes) = (&entered.at[e & 1], e == self.closer);
        let over = if closes { self.over(at[4], end, profile) } else { None };
        let possible = self.possible(closes, over.as_ref().map(|(mark, _)| mark), end);
        let step = over.and_then(|(mark, at)| Some(Step { at, mark, rule: rule(State::TimeWait, mark.event)? }));
        (step, possible)
    }

    /// For each of the five steps of end `e`, which entered its states so, when its cause was captured, and what proves it; both
    /// are when it was taken where there is no need of a proof, or none.
    #[inline(always)]
    pub fn grounds(&self, e: usize, entered: &Entered) -> [(Time, Time); 5] {
        let [syn, syn_ack, ack] = self.opening.map(|packet| packet.0);
        let (acked, answer, last) = (self.acked(), self.answer.0, self.last.0);
        let itself = |i: usize| (entered.at[e & 1][i], entered.at[e & 1][i]);
        let [first, second] =
            if e == 0 { [itself(0), (syn_ack, ack)] } else { [(syn, syn_ack), (ack, self.ready_at())] };
        let [third, fourth, fifth] = if e == self.closer {
            [itself(2), (acked, last), (answer, last)]
        } else {
            [(self.lacking.unwrap_or(self.fin.0), acked), itself(3), itself(4)]
        };
        [first, second, third, fourth, fifth]
    }

    /// When the FIN that came first was acknowledged.
    fn acked(&self) -> Time {
        self.ack.unwrap_or(self.answer).0
    }

    /// When the server first showed that it was open.
    pub fn ready_at(&self) -> Time {
        self.ready().0
    }

    /// When the client was: the handshake ended.
    pub fn opened(&self) -> Time {
        self.opening[2].0
    }

    /// From the FIN of each end to its acknowledgment.
    pub fn fin_to_ack(&self) -> [Span; 2] {
        let (first, second) = (self.acked() - self.fin.0, self.last.0 - self.answer.0);
        if self.closer == 0 { [first, second] } else { [second, first] }
    }
}
