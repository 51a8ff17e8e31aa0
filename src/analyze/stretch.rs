//! Some connections that were looked at, one after the other.

use super::past::ROUND;
use crate::report::lone::LoneSyns;
use crate::report::{Connection, Row, Written};

/// Connections in a stretch.
const STRETCH: usize = 2_048;

/// The same in a whole [`ROUND`] of them in order: one row of more of them stands for those that are alike.
const STRETCH_OF_MANY: usize = 1 << 13;

/// The same where they are built in full, so that they are still near when they are written.
const STRETCH_IN_FULL: usize = 1 << 6;

/// Stretches of those in a turn.
const TURN_IN_FULL: usize = 4;

/// The same where most are told in short.
const STRETCH_OF_LONE: usize = 1_024;

/// `least` connections and some more, so that stretches of any kind fit into them in pairs.
pub(super) fn fitting(least: usize) -> usize {
    least.next_multiple_of(2 * if least < ROUND { STRETCH } else { STRETCH_OF_MANY })
}

/// Connections in a turn of one of two threads, with stretches of this length: what is made of a turn wakes the other thread,
/// which costs more than it saves that what was made last is still near.
pub(super) fn turn(length: usize) -> usize {
    if length == STRETCH_IN_FULL { TURN_IN_FULL * length } else { length }
}

/// Some connections, in order of their numbers.
#[derive(Debug, Default)]
pub struct Stretch {
    /// Each in short, unless they are wanted in full.
    pub rows: Vec<Row>,
    /// Each in full, if that was asked for.
    pub connections: Vec<Connection>,
    /// The same as they are to be written, if that was asked for.
    pub passages: Vec<Connection<Written>>,
    /// Those that are told in short and not in full, if that was asked for.
    pub lone: LoneSyns,
}

/// Whether a connection is one of those that a report is to be about.
pub type Keep<'a> = &'a (dyn Fn(&Connection) -> bool + Sync);

/// What is done with connections besides adding them up.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// They are built in full.
    pub connections: bool,
    /// They are only to be written: how their ends are told may be [`Written`].
    pub written: bool,
    /// The same but for lone SYNs, of which what differs is enough.
    pub lone_in_short: bool,
    /// One row may stand for others that are [alike](Row::alike): lone SYNs, or textbook connections.
    pub alike: bool,
    /// Only these are given, and added up: findings are those of all.
    pub only: Option<Keep<'a>>,
}

impl Wanted<'_> {
    /// Whether connections are built.
    pub(super) fn builds(self) -> bool {
        self.connections || self.only.is_some()
    }

    /// Whether lone SYNs are told in short, now.
    pub(super) fn in_short(self) -> bool {
        self.connections && self.lone_in_short && self.only.is_none()
    }

    /// Connections in a stretch; whether most of them are lone SYNs that are told in short, and whether there are many.
    pub(super) fn stretch(self, lone: bool, many: bool) -> usize {
        match (self.builds(), lone, many) {
            (true, false, _) => STRETCH_IN_FULL,
            (true, true, _) => STRETCH_OF_LONE,
            (false, _, false) => STRETCH,
            (false, _, true) => STRETCH_OF_MANY,
        }
    }
}
