//! Which connections are shown, found out as they come by one at a time: what is kept of each is a few words, and only of
//! those that may be shown.

use std::cmp::{Ordering, Reverse};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::order::{Attention, SortKey};
use crate::report::{ClosedFirst, Outcome, ResetBy, Row};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::State;

/// Most urgent, then largest, then longest.
type Urgency = (Attention, Reverse<u64>, Reverse<Span>);

fn urgency(row: &Row, attention: Attention) -> Urgency {
    (attention, Reverse(row.bytes), Reverse(row.duration()))
}

/// A connection to show, and how many others it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Where the caller finds it.
    pub index: usize,
    /// Others of its kind.
    pub alike: u64,
}

/// What became of a connection, and who closed first or reset it.
type End = (Outcome, Option<ClosedFirst>, Option<ResetBy>);

/// What makes connections alike: urgency, finding, server, outcome and both final states.
type Kind = (Attention, Option<&'static str>, Socket, End, [State; 2]);

fn kind(row: &Row, attention: Attention) -> Kind {
    (attention, row.worst.map(|(name, _)| name), row.server, (row.outcome, row.closed_first, row.reset_by), row.states)
}

/// Whether one of both can stand for the other.
pub fn are_alike(one: &Row, other: &Row) -> bool {
    kind(one, Attention::of(one)) == kind(other, Attention::of(other))
}

/// The most urgent connection of a kind, and how many others there are.
#[derive(Clone, Copy, Debug)]
struct Group {
    urgency: Urgency,
    id: u64,
    chosen: Pick,
}

/// Connections by kind. Takes them in order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    groups: HashMap<Kind, Group, RandomState>,
}

impl Kinds {
    /// Takes a connection that the caller finds at `index`.
    pub fn add(&mut self, index: usize, row: &Row) {
        let attention = Attention::of(row);
        let new = Group { urgency: urgency(row, attention), id: row.id, chosen: Pick { index, alike: 0 } };
        let group = self.groups.entry(kind(row, attention)).and_modify(|group| {
            let alike = group.chosen.alike + 1;
            if new.urgency < group.urgency {
                *group = new;
            }
            group.chosen.alike = alike;
        });
        group.or_insert(new);
    }

    /// How many kinds there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// One connection of each kind, the most urgent of it: most urgent kinds first, then the largest; at most `most`.
    pub fn chosen(&self, most: usize) -> Vec<Pick> {
        let place = |group: &Group| (group.urgency.0, Reverse(group.chosen.alike), group.id);
        let mut groups: Vec<&Group> = self.groups.values().collect();
        // Numbers differ, so that the order of the map does not matter.
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most, |group| place(group));
            groups.truncate(most);
        }
        groups.sort_unstable_by_key(|group| place(group));
        groups.into_iter().map(|group| group.chosen).collect()
    }
}

/// A connection's place in an order. Those in one order are of one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number,
    Urgent(Urgency),
    Long(Reverse<Span>),
    Large(Reverse<u64>),
    Slow(Reverse<Option<Span>>),
    Early(Time),
    At(Socket),
}

impl Key {
    fn of(row: &Row, by: SortKey) -> Key {
        match by {
            SortKey::Attention => Key::Urgent(urgency(row, Attention::of(row))),
            SortKey::Id => Key::Number,
            SortKey::Duration => Key::Long(Reverse(row.duration())),
            SortKey::Bytes => Key::Large(Reverse(row.bytes)),
            SortKey::Packets => Key::Large(Reverse(row.packets)),
            SortKey::Handshake => Key::Slow(Reverse(row.handshake)),
            SortKey::Last => Key::Early(row.last),
            SortKey::Client => Key::At(row.client),
            SortKey::Server => Key::At(row.server),
        }
    }
}

/// By key, equals by number, and by the order in which they came.
type Place = (Key, u64, usize);

/// The first connections of an order. Takes them in any order; keeps no more than twice as many as are wanted.
#[derive(Clone, Debug)]
pub struct Ranked {
    by: SortKey,
    reverse: bool,
    limit: usize,
    places: Vec<Place>,
    /// No place from here on can be among the first.
    bar: Option<Place>,
}

impl Ranked {
    /// The first `limit` when sorted by `by`, or by the reverse of that.
    pub fn new(by: SortKey, reverse: bool, limit: usize) -> Ranked {
        Ranked { by, reverse, limit, places: Vec::new(), bar: None }
    }

    /// Takes a connection that the caller finds at `index`.
    pub fn add(&mut self, index: usize, row: &Row) {
        let place = (Key::of(row, self.by), row.id, index);
        if self.limit == 0 || self.bar.is_some_and(|bar| self.compare(&place, &bar) != Ordering::Less) {
            return;
        }
        self.places.push(place);
        if self.places.len() / 2 >= self.limit {
            self.cut();
        }
    }

    /// Forgets those that are not among the first so far.
    fn cut(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        let (_, last, _) = places.select_nth_unstable_by(self.limit - 1, |a, b| self.compare(a, b));
        self.bar = Some(*last);
        places.truncate(self.limit);
        self.places = places;
    }

    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        if self.reverse { b.cmp(a) } else { a.cmp(b) }
    }

    /// Where the caller finds those that may be among the first.
    pub fn held(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| place.2)
    }

    /// Where the caller finds them, in order.
    pub fn chosen(mut self) -> Vec<Pick> {
        let mut places = std::mem::take(&mut self.places);
        places.sort_unstable_by(|a, b| self.compare(a, b));
        places.into_iter().take(self.limit).map(|(_, _, index)| Pick { index, alike: 0 }).collect()
    }
}
