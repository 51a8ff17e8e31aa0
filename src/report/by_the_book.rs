//! Both ends of a textbook connection that is only to be written: the few numbers that its history is made of.

use smallvec::SmallVec;

use super::passage::{Passage, Taken};
use super::spent::TimeInState;
use crate::time::{Span, Time};
use crate::tracker::entered::{GROUNDS, Ground};
use crate::tracker::textbook::{PATHS, Packet};
use crate::tracker::{State, States};

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

    /// What end `e` went through, step by step.
    pub fn passage(&self, e: usize) -> Passage {
        let e = e & 1;
        let paths = &PATHS[e][usize::from(self.closes(e))];
        let step = |i: usize| {
            let (by, proof, evidence) = self.grounds(e)[i];
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
        let mut taken: SmallVec<_> = (0..5).map(step).collect();
        let mut time_in_state = TimeInState::default();
        (0..4).for_each(|i| time_in_state.add(paths[i].to, self.at[e][i + 1] - self.at[e][i]));
        if self.closes(e) {
            taken.extend(self.over);
            time_in_state.add(State::TimeWait, self.waited);
        }
        Passage { possible: self.possible[e], taken, time_in_state }
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
