//! Looking at connections where they are: what is on tape is played, or read as a textbook connection, what is packed is
//! unpacked, and a record is looked at in its place.

use std::borrow::Cow;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::abridged::Abridged;
use super::again::MOST_AGAIN;
use super::case::{Case, Notes, Scratch};
use super::connection::Connection;
use super::facts::client_by_ports;
use super::heads::Head;
use super::kept::{How, Kept};
use super::lone::Lone;
use super::opening::Begun;
use super::player::Player;
use super::reading::Reading;
use super::repeats::AtGlance;
use super::steady::Room;
use super::store::Store;
use super::table::Tracker;
use super::textbook::Textbook;
use super::turns::{self, Turn};
use super::unanswered::Unanswered;
use crate::pack::{In, Pack};
use crate::segment::{ScopeId, Segment, Socket};
use crate::time::Time;

impl<N: Notes> Tracker<N> {
    /// Who sent the first segment of connection `i`.
    #[inline]
    pub fn sender_addr(&self, i: usize) -> IpAddr {
        self.store.heads.sender_addr(i)
    }
}

impl<E: Notes> Store<E> {
    /// Prefetches what [`Store::look`] will need of connection `index`, if it is on tape.
    #[inline]
    pub(super) fn prefetch_tape(&self, index: usize) {
        let Some(head) = self.heads.whole(index) else { return };
        if matches!(head.state.how(), How::Tape) && !head.tape.is_lone_syn() {
            self.rows.prefetch(&head.tape.row());
        }
    }

    /// Plays the tape of connection `index`.
    fn play<N: Notes>(&self, index: usize, Scratch(case, room): &mut Scratch<N>) {
        let mut player = self.player(index);
        let take = |case: &mut Case<N>, x: usize, seg: &Segment| _ = case.take(x, seg, index);
        if case.begin(&mut player, Case::open, take) == Begun::Nothing {
            // It was released: nothing is to be left here of the one looked at before.
            (case.connection, case.notes) = (Connection::blank(), N::blank());
        }
        while let Some(x) = case.play_steady(&mut player, index, room) {
            let taken = case.track(x, player.segment(x), index);
            case.note(&taken, player.segment(x));
        }
        self.complete(index, &mut case.connection);
    }

    pub(super) fn player(&self, index: usize) -> Player<'_> {
        let head = self.heads.at(index);
        head.tape.player(&head.sockets, head.first_packet, &self.rows)
    }

    /// Connection `index`, to be read in one go, if it may be a textbook one.
    #[inline(always)]
    pub(super) fn abridged(&self, index: usize) -> Option<Abridged<'_>> {
        let head = self.heads.get(index)?;
        let Head { state, tape, first_packet, .. } = head;
        (matches!(state.how(), How::Tape) && tape.may_be_textbook()).then(|| {
            let place = (state.incarnation(), head.next());
            Abridged::new(self.rows.get(&tape.row()), *first_packet, tape.scope, place)
        })
    }

    /// Connection `index`, the only one on its four-tuple, to be read in one go, if it may have gone by the book and [ended
    /// otherwise](super::Ended): it may if it is half-closed.
    #[inline]
    pub(super) fn ended(&self, index: usize, half_closed: bool) -> Option<Abridged<'_>> {
        let Head { state, tape, first_packet, .. } = self.heads.get(index)?;
        (*state == Kept::on_tape(1) && (half_closed || tape.may_end_so()))
            .then(|| Abridged::new(self.rows.get(&tape.row()), *first_packet, tape.scope, (1, None)))
    }

    /// Connection `index`, the only one on its four-tuple, if it is a SYN that was sent again and again, and not answered.
    #[inline]
    pub(super) fn unanswered(&self, index: usize) -> Option<Unanswered> {
        let Head { state, tape, .. } = self.heads.get(index)?;
        let may = *state == Kept::on_tape(1) && tape.may_be_unanswered();
        if may { Unanswered::of(self.player(index)) } else { None }
    }

    /// Reads connection `index` as a textbook one into `book`, if it may be one.
    #[inline(always)]
    pub(super) fn textbook<'a>(&'a self, index: usize, book: &'a mut Textbook) -> Option<Reading<'a>> {
        let head = self.heads.get(index)?;
        let Head { state, tape, sockets, first_packet, .. } = head;
        if !matches!(state.how(), How::Tape) || !tape.may_be_textbook() {
            return None;
        }
        let player = tape.player_of_rows(sockets, *first_packet, &self.rows);
        Some(Reading::new(player, (state.incarnation(), head.next()), book))
    }

    /// The SYN that is all there is of connection `index`, the first on its four-tuple, if that is so and nothing about it
    /// is rare. All that is known of it stands at the head of its tape.
    #[inline]
    pub(super) fn lone(&self, index: usize) -> Option<Lone> {
        let Some(head) = self.heads.get(index) else {
            return self.heads.syn(index).map(|(syn, first)| syn.lone(first));
        };
        if head.state == Kept::on_tape(1) { head.tape.lone(head.first_packet) } else { None }
    }

    /// Time, packet number and scope of that SYN, and no more.
    #[inline]
    pub(super) fn lone_syn(&self, index: usize) -> Option<(Time, u64, ScopeId)> {
        if let Some((syn, first)) = self.heads.syn(index) {
            return Some((syn.time, syn.packet(first), syn.scope));
        }
        let Head { state, tape, first_packet, .. } = self.heads.get(index)?;
        (*state == Kept::on_tape(1) && tape.is_lone_syn()).then_some((tape.time, *first_packet, tape.scope))
    }

    /// Connection `index` without its notes, for whoever asks what became of it and no more.
    pub(super) fn connection(&self, index: usize) -> Cow<'_, Connection> {
        match self.heads.state(index).how() {
            How::Record(slot) => Cow::Borrowed(&self.records[slot].connection),
            How::Packed(place) => {
                let mut connection = Connection::blank();
                let mut from = In::new(self.shelf.from(place), self.base);
                E::Glance::unpack(&mut from);
                connection.read(&mut from);
                Cow::Owned(connection)
            }
            How::Tape => {
                let mut player = self.player(index);
                let mut connection = None;
                while let Some(x) = player.advance() {
                    let seg = player.segment(x);
                    connection.get_or_insert_with(|| Connection::new(seg, 1)).take_from(x, seg);
                }
                let mut connection = connection.unwrap_or_else(Connection::blank);
                self.complete(index, &mut connection);
                Cow::Owned(connection)
            }
        }
    }

    /// The tape of connection `index` played, with `room` to read ahead.
    pub(super) fn played(&self, index: usize, room: &mut Room) -> Case<E> {
        let mut scratch = Scratch(Scratch::default().0, std::mem::take(room));
        self.play(index, &mut scratch);
        *room = scratch.1;
        scratch.0
    }

    /// Connection `index`, unpacked into `scratch` where it is packed.
    pub(super) fn look<'s>(&'s self, index: usize, scratch: &'s mut Scratch<E>) -> &'s Case<E> {
        match self.heads.state(index).how() {
            How::Record(slot) => &self.records[slot],
            How::Packed(place) => {
                let case = &mut scratch.0;
                *case = Case::new(Connection::blank(), E::blank());
                self.read(place, case);
                case
            }
            How::Tape => {
                self.play(index, scratch);
                &scratch.0
            }
        }
    }

    /// Unpacks or plays the connections at `indices` into as many places of `scratch`; those that have a record stay
    /// there.
    pub(super) fn look_all(&self, indices: &[Option<usize>], scratch: &mut [Scratch<E>]) {
        // As many as are looked at together.
        let mut played = SmallVec::<[Turn<'_>; 16]>::new();
        for ((place, index), scratch) in indices.iter().enumerate().zip(scratch.iter_mut()) {
            let Some(index) = index else { continue };
            match self.heads.state(*index).how() {
                How::Record(_) => {}
                How::Packed(_) => _ = self.look(*index, scratch),
                How::Tape if self.heads.get(*index).is_some_and(|head| head.tape.is_empty()) => {
                    _ = self.look(*index, scratch)
                }
                How::Tape => {
                    played.push(Turn::new(place, *index, self.player(*index)));
                }
            }
        }
        turns::play(&mut played, scratch);
        for (place, index) in played.iter().map(Turn::of) {
            self.complete(index, &mut scratch[place].0.connection);
        }
    }

    /// Connection `index`, which [`Store::look_all`] has unpacked into `scratch` where it is packed.
    pub(super) fn looked<'s>(&'s self, index: usize, scratch: &'s Scratch<E>) -> &'s Case<E> {
        match self.heads.state(index).how() {
            How::Record(slot) => &self.records[slot],
            How::Packed(_) | How::Tape => &scratch.0,
        }
    }

    /// [`Tracker::orderly_between`](super::table::Tracker::orderly_between).
    #[inline(always)]
    pub(super) fn orderly_between(&self, index: usize) -> (Cow<'_, [Socket; 2]>, Option<(u32, bool)>) {
        if let Some(Head { sockets, state, tape, .. }) = self.heads.whole(index) {
            let is_tape = matches!(state.how(), How::Tape);
            return (Cow::Borrowed(sockets), if is_tape { tape.orderly_and_answered() } else { None });
        }
        match self.heads.syn(index) {
            Some((syn, _)) => (Cow::Owned(syn.sockets()), Some((0, false))),
            None => (self.heads.sockets(index), None),
        }
    }

    /// A glance at connection `index`; `scratch` is where it is looked at if need be.
    pub(super) fn glance(&self, index: usize, scratch: &mut Scratch<E::Glimpse>) -> E::Glance {
        self.at_glance(index).unwrap_or_else(|| {
            self.play(index, scratch);
            scratch.0.notes.glance(&scratch.0.connection)
        })
    }

    /// The same where it is looked at again: if it must be played, and there is room for its record, that stays. The shorter ones
    /// are to leave room for others.
    pub(super) fn first_glance(&mut self, index: usize, scratch: &mut Scratch<E::Glimpse>) -> E::Glance {
        let long = self.heads.get(index).is_some_and(|head| head.tape.count > MOST_AGAIN);
        if self.records.len() >= if long { self.room } else { self.room / 4 } {
            return self.glance(index, scratch);
        }
        self.at_glance(index).unwrap_or_else(|| {
            let case = self.case_mut(index);
            case.notes.glance(&case.connection)
        })
    }

    /// A glance at connection `index` if it need not be played.
    fn at_glance(&self, index: usize) -> Option<E::Glance> {
        Some(match self.heads.state(index).how() {
            How::Record(slot) => self.records[slot].notes.glance(&self.records[slot].connection),
            How::Packed(place) => E::Glance::unpack(&mut In::new(self.shelf.from(place), self.base)),
            How::Tape => {
                let Some(Head { tape, sockets, .. }) = self.heads.get(index) else {
                    return Some(E::glance_at_orderly(0, false, false, None));
                };
                let AtGlance { unique, answered, syn_again, begun_before } = tape.at_glance(|| self.player(index))?;
                let open = begun_before.then(|| client_by_ports(sockets));
                E::glance_at_orderly(unique, answered, syn_again, open)
            }
        })
    }
}
