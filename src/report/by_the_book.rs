//! Both ends of a textbook connection that is only to be written: the few numbers that its history is made of.

use super::passage::{Passage, Taken};
use super::spent::TimeInState;
use crate::time::{Span, Time};
use crate::tracker::entered::{GROUNDS, Ground};
use crate::tracker::rules::Rule;
use crate::tracker::textbook::{PATHS, Packet};
use crate::tracker::{Evidence, State, States};

/// What both ends went through. The client is end 0.
#[derive(Clone, Debug)]
pub struct ByTheBook {
    /// What their steps rest on, as [`Textbook::packets`](crate::tracker::Textbook::packets) gives them.
    pub packets: [Packet; 8],
    /// When the end that closed first last showed that the other had not received its FIN yet, if it did.
    pub lacking: Option<Time>,
    /// The end that closed first.
    pub closer: usize,
    /// When each took its five steps.
    pub at: [[Time; 5]; 2],
    /// When at the latest.
    pub late: [[Time; 5]; 2],
    /// How the one that closed first left TIME_WAIT, if that was over.
    pub over: Option<Taken>,
    /// How long that lasted, up to the end of the capture.
    pub waited: Span,
    /// All states that the capture allows for each.
    pub possible: [States; 2],
}

impl ByTheBook {
    /// Whether end `e` closed first.
    #[inline]
    pub fn closes(&self, e: usize) -> bool {
        self.closer == e
    }

    /// Whether no step is proven by the packet that it was taken by, which then would only show that it had been.
    #[inline]
    pub fn is_plain(&self) -> bool {
        let [syn, syn_ack, ack, ready, fin, acked, answer, last] = self.packets.map(|(_, packet)| packet);
        let proven = [(syn, syn_ack), (syn_ack, ack), (ack, ready), (fin, acked), (acked, last), (answer, last)];
        proven.into_iter().fold(true, |plain, (by, proof)| plain & (by != proof))
    }

    /// What each step of end `e` rests on.
    #[inline]
    pub fn grounds(&self, e: usize) -> &'static [Ground; 5] {
        &GROUNDS[e & 1][usize::from(self.closes(e))]
    }

    /// When the cause of step `i` of end `e` was captured, which rests on this packet.
    #[inline]
    pub fn captured(&self, e: usize, i: usize, packet: usize) -> Time {
        let captured = self.packets[packet].0;
        if i == 2 && !self.closes(e) { self.lacking.unwrap_or(captured) } else { captured }
    }

    /// The state of end `e` at the end, and how that is known.
    #[inline]
    pub fn standing(&self, e: usize) -> (State, Evidence) {
        let (paths, grounds) = (self.paths(e), self.grounds(e));
        self.over_at(e).map_or((paths[4].to, grounds[4].2), |over| (over.rule.to, over.evidence))
    }

    /// How end `e` left TIME_WAIT, if it did.
    #[inline]
    pub fn over_at(&self, e: usize) -> Option<&Taken> {
        self.over.as_ref().filter(|_| self.closes(e))
    }

    #[inline]
    fn paths(&self, e: usize) -> &'static [&'static Rule; 5] {
        &PATHS[e & 1][usize::from(self.closes(e))]
    }

    /// Each state that end `e` entered, how that is known, and when it did.
    #[inline]
    pub fn states(&self, e: usize) -> impl Iterator<Item = (State, Evidence, Time)> {
        let steps = self.paths(e).iter().zip(self.grounds(e)).zip(&self.at[e & 1]);
        let over = self.over_at(e).map(|over| (over.rule.to, over.evidence, over.time));
        steps.map(|((rule, (.., evidence)), at)| (rule.to, *evidence, *at)).chain(over)
    }

    /// What end `e` went through, step by step.
    #[inline]
    pub fn steps(&self, e: usize) -> impl Iterator<Item = Taken> {
        let (e, paths, grounds) = (e & 1, self.paths(e), self.grounds(e));
        let step = move |i: usize| {
            let (by, proof, evidence) = grounds[i];
            let (packet, proof) = (self.packets[by].1, proof.map_or(0, |proof| self.packets[proof].1));
            Taken {
                time: self.at[e][i],
                latest: self.late[e][i],
                captured: self.captured(e, i, by),
                packet,
                proof,
                rule: paths[i],
                evidence,
                deduced: packet != 0 && packet == proof,
            }
        };
        (0..5).map(step).chain(self.over_at(e).copied())
    }

    /// How long end `e` was in each state.
    pub fn time_in_state(&self, e: usize) -> TimeInState {
        let (paths, at) = (self.paths(e), &self.at[e & 1]);
        let mut time_in_state = TimeInState::default();
        (0..4).for_each(|i| time_in_state.add(paths[i].to, at[i + 1] - at[i]));
        if self.closes(e) {
            time_in_state.add(State::TimeWait, self.waited);
        }
        time_in_state
    }

    /// The same as that of any end.
    pub fn passage(&self, e: usize) -> Passage {
        let (taken, time_in_state) = (self.steps(e).collect(), self.time_in_state(e));
        Passage { possible: self.possible[e & 1], taken, time_in_state }
    }
}

/// How an end that is only to be written is told.
#[derive(Clone, Debug)]
pub enum Written {
    /// Step by step.
    Steps(Passage),
    /// Together with the other, which is the server.
    Both(ByTheBook),
    /// With the client.
    WithClient,
}
