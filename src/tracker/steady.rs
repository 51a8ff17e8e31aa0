//! Steady segments played from a tape: what one end sent in one go behind such a one is taken at once, as a
//! [run](super::run).

use super::case::{Case, Notes};
use super::player::Player;
use crate::pack::Pack;
use crate::segment::Segment;

/// Segments read ahead at most: a window as most connections have it.
const MOST: usize = 32;

/// Where segments are read ahead. Made once, and used for one tape after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Room(Vec<Segment>);

impl Room {
    #[inline]
    fn all(&mut self) -> &mut [Segment] {
        if self.0.is_empty() {
            self.0.resize(MOST, Segment::blank());
        }
        &mut self.0
    }
}

impl<E: Notes> Case<E> {
    /// Plays steady segments of connection `index`, up to one that is none, which is yet to be taken: the end that sent it.
    /// In `room` others are read ahead.
    #[inline]
    pub(super) fn play_steady(&mut self, player: &mut Player<'_>, index: usize, room: &mut Room) -> Option<usize> {
        while let Some(x) = player.advance() {
            let seg = player.segment(x);
            if self.take_steady(x, seg).is_none() {
                return Some(x);
            }
            if player.is_run_next(x, seg.len > 0) {
                self.play_run(player, (index, x), room);
            }
        }
        None
    }

    /// Plays the run behind the latest segment, which is a steady one of end `x`.
    #[inline(never)]
    fn play_run(&mut self, player: &mut Player<'_>, (index, x): (usize, usize), room: &mut Room) {
        let room = room.all();
        let read = player.read_run(x, room);
        let run = room.get(..read).unwrap_or_default();
        // That they are like it shows on the tape.
        let taken = self.take_run_of(x, player.segment(x), run.iter(), |_| true).count;
        for seg in run.iter().skip(taken) {
            self.take(x, seg, index);
        }
    }
}
