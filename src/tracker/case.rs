//! A connection with what others note of it.

use super::connection::{Class, Connection, Taken};
use super::opening::Opening;
use super::run::{Behind, Run, is_like};
use super::steady::Room;
use crate::pack::Pack;
use crate::segment::{Flags, Segment};
use crate::time::Time;

/// A connection, and what others note of it.
#[derive(Clone, Debug)]
pub struct Case<E> {
    /// The connection.
    pub connection: Connection,
    /// What is noted beside it.
    pub notes: E,
    /// Segments captured after this may be taken as steady ones: not before the first one of the connection. [`NEVER`] as
    /// long as it is not known whether both are.
    steady_after: Time,
}

/// The end of time.
const NEVER: Time = Time(i64::MAX);

/// Where a connection that is packed or on tape is looked at: made once, and used for one after the other.
#[derive(Debug)]
pub struct Scratch<E>(pub(super) Case<E>, pub(super) Room);

impl<E: Notes> Default for Scratch<E> {
    fn default() -> Scratch<E> {
        Scratch(Case::new(Connection::blank(), E::blank()), Room::default())
    }
}

impl<E: Notes> Scratch<E> {
    /// What is noted there, of whichever connection.
    pub fn notes_mut(&mut self) -> &mut E {
        &mut self.0.notes
    }

    /// A connection of which `seg` is all there is.
    pub fn of_one(&mut self, seg: &Segment) -> &Case<E> {
        self.0.restart(seg);
        self.0.take(0, seg, 0);
        &self.0
    }
}

/// What is noted of a connection beside the tracker, as its segments pass.
pub trait Notes: Clone + Default + Pack {
    /// What is asked of every connection, and therefore read without the rest.
    type Glance: Pack;

    /// Notes of no more than that.
    type Glimpse: Notes<Glance = Self::Glance>;

    /// Begins anew as the notes of another connection; memory may be kept.
    fn restart(&mut self) {
        *self = Self::default();
    }

    /// A glance at connection `c`, of which these are the notes.
    fn glance(&self, c: &Connection) -> Self::Glance;

    /// A glance at a connection that is orderly, from the SYN on: each segment continues its stream, once and complete,
    /// `unique` bytes of payload in all; or repeats no payload. Whether it was answered, and whether its SYN was repeated
    /// before. If it was open when the capture began, the likely client.
    fn glance_at_orderly(unique: u32, answered: bool, syn_again: bool, open: Option<usize>) -> Self::Glance;

    /// Takes note of `seg` of connection `c`, which the tracker has just taken.
    fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection);

    /// Takes note of a handshake with which the connection begins: what [`Notes::take`] comes to for its segments.
    fn open(&mut self, opening: Opening<'_>);

    /// Takes note of the client's first payload behind such a handshake: what [`Notes::take`] comes to for it.
    fn ask(&mut self, _seg: &Segment) {}

    /// The same of the server's answer, which acknowledges it.
    fn answer(&mut self, _seg: &Segment) {}

    /// From when on segments that [go on](Notes::goes_on) may be taken by [`Notes::take_steady`], as long as no others
    /// come; `None` if not now.
    fn steady_after(&self, _c: &Connection) -> Option<Time> {
        None
    }

    /// Whether nothing rare is to be noted of `seg` of end `sender` if the tracker finds nothing rare in it.
    fn goes_on(&self, _sender: usize, _seg: &Segment) -> bool {
        false
    }

    /// Takes note of `seg` of end `sender`: in order, on an open connection. What [`Notes::take`] comes to.
    fn take_steady(&mut self, _sender: usize, _advances: bool, _seg: &Segment) {}

    /// The same of a run of such segments behind one.
    fn take_run(&mut self, _sender: usize, _run: &Run<'_>) {}
}

impl Notes for () {
    type Glance = ();
    type Glimpse = ();

    fn glance(&self, _: &Connection) {}

    fn glance_at_orderly(_: u32, _: bool, _: bool, _: Option<usize>) {}

    fn take(&mut self, _: &Taken, _: &Segment, _: &Connection) {}

    fn open(&mut self, _: Opening<'_>) {}
}

impl<E> Case<E> {
    /// A connection with its notes.
    pub(super) fn new(connection: Connection, notes: E) -> Case<E> {
        Case { connection, notes, steady_after: NEVER }
    }

    /// It may be changed otherwise than by its segments.
    pub(super) fn unsettle(&mut self) {
        self.steady_after = NEVER;
    }
}

impl<E: Notes> Case<E> {
    /// Takes `seg` of end `sender`; it is connection `index`.
    pub(super) fn take(&mut self, sender: usize, seg: &Segment, index: usize) -> Taken {
        if let Some(advances) = self.take_steady(sender, seg) {
            let class = if seg.len > 0 { Class::New } else { Class::Ack };
            return Taken { connection: index, sender, class, advances };
        }
        let taken = self.track(sender, seg, index);
        self.note(&taken, seg);
        taken
    }

    /// Takes note of `seg`, which the connection has just taken.
    #[inline]
    pub(super) fn note(&mut self, taken: &Taken, seg: &Segment) {
        self.notes.take(taken, seg, &self.connection);
        let usual = matches!(taken.class, Class::Ack | Class::New) && seg.flags.control() == Flags::ACK.0;
        if usual { self.settle() } else { self.unsettle() }
    }

    /// Its latest segment was a usual one: the next ones may be steady.
    #[inline]
    pub(super) fn settle(&mut self) {
        let after = if self.connection.is_steady() { self.notes.steady_after(&self.connection) } else { None };
        self.steady_after = after.map_or(NEVER, |after| after.max(self.connection.first));
    }

    /// Takes `seg` of end `x` if all is steady, and it too; `None` leaves all as it was. Whether it acknowledges more.
    #[inline(always)]
    pub(super) fn take_steady(&mut self, x: usize, seg: &Segment) -> Option<bool> {
        if seg.time <= self.steady_after || !self.notes.goes_on(x, seg) {
            return None;
        }
        let advances = self.connection.take_steady(x, seg)?;
        self.notes.take_steady(x, advances, seg);
        Some(advances)
    }

    /// Takes the run of those `behind` the segment `first`, if that is its latest one, and it was steady.
    #[inline]
    pub(super) fn take_run<'a>(&mut self, first: &'a Segment, behind: impl Iterator<Item = &'a Segment>) -> Behind {
        let x = self.connection.sender(first);
        self.take_run_of(x, first, behind, |seg| is_like(first, seg))
    }

    /// The same of end `x`, of which those may be that `are_like` the first.
    #[inline(always)]
    pub(super) fn take_run_of<'a>(
        &mut self,
        x: usize,
        first: &'a Segment,
        behind: impl Iterator<Item = &'a Segment>,
        are_like: impl Fn(&Segment) -> bool,
    ) -> Behind {
        let mut run = Run::new(first);
        if self.connection.last_packet == first.packet && self.steady_after < first.time {
            self.connection.take_run(x, &mut run, behind, are_like);
            if !run.all().is_empty() {
                self.notes.take_run(x, &run);
            }
        }
        run.behind()
    }

    /// Takes `seg` of end `sender`, of which note is yet to be taken.
    #[inline]
    pub(super) fn track(&mut self, sender: usize, seg: &Segment, index: usize) -> Taken {
        let (class, advances) = self.connection.take_from(sender, seg);
        Taken { connection: index, sender, class, advances }
    }

    /// Begins anew as the first incarnation that begins with `seg`.
    pub(super) fn restart(&mut self, seg: &Segment) {
        self.connection.restart(seg, 1);
        self.notes.restart();
        self.unsettle();
    }
}
