//! Connections looked at by two threads, which take turns: what both add up to comes together at the end of a round.

use std::ops::Range;

use super::desk::Desk;
use super::finish::Finish;
use super::stretch::{Stretch, Wanted, turn};
use super::tally::Tally;

/// Every other turn of some stretches, and what they add up to: two parts can be looked at side by side.
#[derive(Debug)]
pub struct Part {
    /// Where the next turn begins.
    next: usize,
    /// Where the next stretch of this turn begins, and where the turn ends.
    turn: Range<usize>,
    /// Connections in a turn, and in a stretch of it.
    lengths: [usize; 2],
    sums: Box<Tally>,
    desk: Box<Desk>,
}

impl Finish<'_> {
    /// The connections that are yet to be looked at as `wanted`, in two parts that take turns; to be given back to
    /// [`Finish::add`]. `None` where they make one turn only: the other part would have nothing to do.
    pub fn halves(&mut self, wanted: Wanted<'_>) -> Option<[Part; 2]> {
        let length = self.length(wanted, self.next..self.until);
        let turn = turn(length);
        if self.until.saturating_sub(self.next) <= turn {
            return None;
        }
        self.begin_chosen(wanted);
        let (mut sums, next) = (self.sums.take()?, self.next);
        let apart = Box::new(sums.beside(self.apart.take()));
        self.earlier = std::mem::take(&mut sums.digests);
        self.next = self.until;
        let part = |next, sums| Part { next, turn: 0..0, lengths: [turn, length], sums, desk: Box::default() };
        Some([part(next, sums), part(next + turn, apart)])
    }

    /// Takes back [`Finish::halves`] of which nothing was looked at.
    pub fn rejoin(&mut self, [mut first, second]: [Part; 2]) {
        self.next = first.next;
        first.sums.digests = std::mem::take(&mut self.earlier);
        (self.sums, self.apart) = (Some(first.sums), Some(second.sums.totals));
    }

    /// Begins the next turn of `part`; false when all of it have been looked at.
    pub fn begin_turn(&self, part: &mut Part) -> bool {
        let [turn, _] = part.lengths;
        let Some(range) = self.stretch(part.next, turn) else { return false };
        part.next += 2 * turn;
        part.turn = range;
        true
    }

    /// Looks at the next connections of this turn of `part`; `None` when the turn is over.
    pub fn look(&self, part: &mut Part, wanted: Wanted<'_>) -> Option<Stretch> {
        let Range { start, end } = part.turn;
        let range = start..end.min(start + part.lengths[1]);
        part.turn.start = range.end;
        (!range.is_empty()).then(|| self.look_at(range, wanted, &mut part.sums, &mut part.desk))
    }

    /// Adds what was looked at apart.
    pub fn add(&mut self, [mut first, second]: [Part; 2]) {
        let mut second = *second.sums;
        if self.has_more_rounds() {
            // What another thread allocates lies apart, where nothing else finds room when it is let go.
            second.digests = second.digests.clone();
        }
        let totals = first.sums.merge_round(second);
        if first.sums.chosen.is_some() {
            // How many were chosen shows as they are added up.
            first.sums.totals.merge(&totals);
            self.loosen(&mut first.sums);
        } else {
            self.apart = Some(totals);
        }
        let mut digests = std::mem::take(&mut self.earlier);
        digests.append(&mut first.sums.digests);
        first.sums.digests = digests;
        self.sums = Some(first.sums);
    }
}
