//! Several tapes played side by side: of each in turn its steady segments and the next one that is none. What comes next is
//! mostly the same in all of them, and so is the code that takes it, which is more than the nearest cache holds for a whole
//! connection.

use smallvec::SmallVec;

use super::case::{Case, Notes, Scratch};
use super::connection::Taken;
use super::opening::Begun;
use super::player::Player;
use super::steady::Room;
use crate::segment::Segment;

/// A tape that is played with others.
pub(super) struct Turn<'a> {
    place: usize,
    index: usize,
    player: Player<'a>,
    sender: usize,
    /// What its latest segment was, of which note is yet to be taken.
    taken: Option<Taken>,
}

impl<'a> Turn<'a> {
    /// That of connection `index`, which becomes a record at `place`.
    pub fn new(place: usize, index: usize, player: Player<'a>) -> Turn<'a> {
        Turn { place, index, player, sender: 0, taken: None }
    }

    /// Its place, and the connection.
    pub fn of(&self) -> (usize, usize) {
        (self.place, self.index)
    }

    /// Plays its steady segments into `case`, up to one that is none. Whether there is such a one.
    #[inline]
    fn play_steady<E: Notes>(&mut self, case: &mut Case<E>, room: &mut Room) -> bool {
        let sender = case.play_steady(&mut self.player, self.index, room);
        self.sender = sender.unwrap_or_default();
        sender.is_some()
    }

    #[inline]
    fn segment(&self) -> &Segment {
        self.player.segment(self.sender)
    }
}

/// Plays them all to their ends, each into its place of `scratch`.
pub(super) fn play<E: Notes>(turns: &mut [Turn<'_>], scratch: &mut [Scratch<E>]) {
    for turn in turns.iter_mut() {
        let index = turn.index;
        let take = |case: &mut Case<E>, x: usize, seg: &Segment| _ = case.take(x, seg, index);
        let case = &mut scratch[turn.place].0;
        if case.begin(&mut turn.player, Case::open, take) == Begun::Opening {
            case.converse(&mut turn.player, take);
        }
    }
    let (mut on, mut room): (SmallVec<[usize; 16]>, _) = ((0..turns.len()).collect(), Room::default());
    loop {
        on.retain(|i| turns[*i].play_steady(&mut scratch[turns[*i].place].0, &mut room));
        if on.is_empty() {
            return;
        }
        for i in &on {
            let turn = &mut turns[*i];
            let case = &mut scratch[turn.place].0;
            turn.taken = Some(case.track(turn.sender, turn.segment(), turn.index));
        }
        for turn in on.iter().map(|i| &turns[*i]) {
            if let Some(taken) = &turn.taken {
                scratch[turn.place].0.note(taken, turn.segment());
            }
        }
    }
}
