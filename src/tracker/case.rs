//! A connection with what others note of it.

use super::connection::{Connection, Taken};
use crate::pack::Pack;
use crate::segment::Segment;

/// A connection, and what others note of it.
#[derive(Clone, Debug)]
pub struct Case<E> {
    /// The connection.
    pub connection: Connection,
    /// What is noted beside it.
    pub notes: E,
}

/// Where a connection that is packed or on tape is looked at: made once, and used for one after the other.
#[derive(Debug)]
pub struct Scratch<E>(pub(super) Case<E>);

impl<E: Notes> Default for Scratch<E> {
    fn default() -> Scratch<E> {
        Scratch(Case { connection: Connection::blank(), notes: E::blank() })
    }
}

/// What is noted of a connection beside the tracker, as its segments pass.
pub trait Notes: Clone + Default + Pack {
    /// What is asked of every connection, and therefore read without the rest.
    type Glance: Pack;

    /// Begins anew as the notes of another connection; memory may be kept.
    fn restart(&mut self) {
        *self = Self::default();
    }

    /// A glance at connection `c`, of which these are the notes.
    fn glance(&self, c: &Connection) -> Self::Glance;

    /// A glance at a connection that is orderly, from the SYN on: each segment continues its stream, once and complete,
    /// `unique` bytes of payload in all. Whether it was answered.
    fn glance_at_orderly(unique: u32, answered: bool) -> Self::Glance;

    /// Takes note of `seg` of connection `c`, which the tracker has just taken.
    fn take(&mut self, taken: &Taken, seg: &Segment, c: &Connection);

    /// Takes note of no more than a glance tells.
    fn take_for_glance(&mut self, taken: &Taken, seg: &Segment, c: &Connection) {
        self.take(taken, seg, c);
    }
}

impl Notes for () {
    type Glance = ();

    fn glance(&self, _: &Connection) {}

    fn glance_at_orderly(_: u32, _: bool) {}

    fn take(&mut self, _: &Taken, _: &Segment, _: &Connection) {}
}

impl<E: Notes> Case<E> {
    /// Takes `seg` of end `sender`; it is connection `index`.
    pub(super) fn take(&mut self, sender: usize, seg: &Segment, index: usize) -> Taken {
        let taken = self.track(sender, seg, index);
        self.notes.take(&taken, seg, &self.connection);
        taken
    }

    /// The same, of which note is yet to be taken.
    #[inline]
    pub(super) fn track(&mut self, sender: usize, seg: &Segment, index: usize) -> Taken {
        let (class, advances) = self.connection.take_from(sender, seg);
        Taken { connection: index, sender, class, advances }
    }

    /// Begins anew as the first incarnation that begins with `seg`.
    pub(super) fn restart(&mut self, seg: &Segment) {
        self.connection.restart(seg, 1);
        self.notes.restart();
    }
}
