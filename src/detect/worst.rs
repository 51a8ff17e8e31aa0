//! The worst cases of a group, and where the worst of all is found again.

use std::cmp::{Ordering, Reverse};

use smallvec::SmallVec;

use super::LISTED;
use super::sink::{Brief, Found};
use crate::report::Severity;

/// So many groups of a kind and severity may come to be among the largest: as many services as are used side by side, and not
/// as many as a scan meets. Of so many in all the words are kept that a worst case is found with.
pub(super) const LIKELY: usize = 1 << 12;

/// Where a connection is found again.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Among all, by this index.
    Tracked(usize),
    /// Among those that are kept when the others are let go, by this one.
    Kept(usize),
}

impl Place {
    /// The index, wherever that is.
    pub fn index(self) -> usize {
        match self {
            Place::Tracked(index) | Place::Kept(index) => index,
        }
    }
}

/// The worst case of a group.
#[derive(Clone, Debug)]
pub(super) enum Worst {
    /// Where it is found again, and what it was.
    At(Place, Brief),
    /// In words, where it is not found again, or need not be.
    Told(Option<String>),
}

impl Worst {
    /// That of the group at `place`: in connection `index`, in words if it is put into words already.
    pub fn of(place: usize, index: usize, (brief, words): Found<'_>) -> Worst {
        match words.filter(|_| place < LIKELY) {
            Some(words) => Worst::Told(Some(words.to_owned())),
            None => Worst::At(Place::Tracked(index), *brief),
        }
    }
}

/// At most [`LISTED`] cases, worst first; of equals the longest, then the first.
pub(super) type Cases = SmallVec<[Case; 1]>;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Number of the connection.
    pub id: u64,
    /// Number of the packet; 0 for none.
    pub packet: u64,
    /// As in its [`Brief`].
    pub length: i64,
    /// As in its [`Brief`].
    pub severity: Severity,
}

impl Case {
    /// The worse one comes first.
    #[inline]
    pub(super) fn order(&self, other: &Case) -> Ordering {
        let key = |c: &Case| (Reverse(c.severity), Reverse(c.length), c.id);
        key(self).cmp(&key(other))
    }

    /// Whether it has no place among `cases`, of which there are as many as are listed.
    #[inline]
    pub(super) fn is_behind(&self, cases: &Cases) -> bool {
        cases.get(LISTED - 1).is_some_and(|last| last.order(self) != Ordering::Greater)
    }

    /// Puts it among `cases`, if it has a place there.
    pub(super) fn put(self, cases: &mut Cases) {
        let full = cases.len() >= LISTED;
        let after = |c: &Case| c.order(&self) != Ordering::Greater;
        if cases.last().is_some_and(after) {
            if !full {
                cases.push(self);
            }
            return;
        }
        if full {
            cases.pop();
        }
        let at = cases.partition_point(after);
        cases.insert(at, self);
    }
}
