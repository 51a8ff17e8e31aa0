//! Which connections are shown, found out as they come by one at a time: what is kept of each is a few words, and only of
//! those that may be shown.

use std::cmp::{Ordering, Reverse};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::order::{Attention, SortKey};
use crate::report::directory::bits;
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

/// The same in few bits, to be found by; findings go by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    low: u64,
    high: u64,
    rest: u64,
}

impl Key {
    fn of(row: &Row, attention: Attention, finding: u16) -> Key {
        let addr = bits(row.server.addr);
        let of_end = |n: Option<u64>| n.map_or(0, |n| n + 1);
        let [client, server] = row.states.map(|state| state as u64);
        let fields = [
            (finding.into(), 16),
            (u64::from(row.server.addr.is_ipv6()), 1),
            (attention as u64, 4),
            (row.outcome as u64, 4),
            (of_end(row.closed_first.map(|who| who as u64)), 3),
            (of_end(row.reset_by.map(|who| who as u64)), 3),
            (client, 4),
            (server, 4),
        ];
        let rest = fields.into_iter().fold(row.server.port.into(), |rest, (field, bits)| rest << bits | field);
        Key { low: addr as u64, high: (addr >> 64) as u64, rest }
    }
}

/// The most urgent connection of a kind, and how many others there are.
#[derive(Clone, Copy, Debug)]
struct Group {
    attention: Attention,
    bytes: u64,
    duration: Span,
    id: u64,
    chosen: Pick,
}

/// Connections by kind. Takes them in order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    groups: HashMap<Key, Group, RandomState>,
    /// Names of findings by number, less one: 0 stands for none.
    findings: Vec<&'static str>,
}

impl Kinds {
    /// Takes a connection that the caller finds at `index`, and those that it stands for.
    pub fn add(&mut self, index: usize, row: &Row) {
        let attention = Attention::of(row);
        let key = Key::of(row, attention, row.worst.map_or(0, |(name, _)| self.finding(name)));
        let (bytes, duration) = (row.bytes, row.duration());
        let new = Group { attention, bytes, duration, id: row.id, chosen: Pick { index, alike: row.alike } };
        let group = self.groups.entry(key).and_modify(|group| {
            let alike = group.chosen.alike + 1 + row.alike;
            if (bytes, duration) > (group.bytes, group.duration) {
                *group = new;
            }
            group.chosen.alike = alike;
        });
        group.or_insert(new);
    }

    /// The number of the finding with this name.
    fn finding(&mut self, name: &'static str) -> u16 {
        // Mostly it is the very same name.
        let known = self.findings.iter().position(|known| std::ptr::eq(*known, name));
        let place = known.or_else(|| self.findings.iter().position(|known| *known == name)).unwrap_or_else(|| {
            self.findings.push(name);
            self.findings.len() - 1
        });
        place as u16 + 1
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
        self.first(most).into_iter().map(|group| group.chosen).collect()
    }

    /// Where the caller finds those of the first `most` that may still be among the first `shown` when all have been taken: kinds
    /// that are less urgent than so many others remain behind these.
    pub fn held(&self, most: usize, shown: usize) -> impl Iterator<Item = usize> {
        let groups = self.first(most);
        let last = shown.checked_sub(1).and_then(|last| groups.get(last)).map(|group| group.attention);
        groups
            .into_iter()
            .take_while(move |group| last.is_none_or(|last| group.attention <= last))
            .map(|group| group.chosen.index)
    }

    fn first(&self, most: usize) -> Vec<&Group> {
        let place = |group: &Group| (group.attention, Reverse(group.chosen.alike), group.id);
        let mut groups: Vec<&Group> = self.groups.values().collect();
        // Numbers differ, so that the order of the map does not matter.
        if groups.len() > most {
            groups.select_nth_unstable_by_key(most, |group| place(group));
            groups.truncate(most);
        }
        groups.sort_unstable_by_key(|group| place(group));
        groups
    }
}

/// A connection's place in an order. Those in one order are of one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Number,
    Urgent(Urgency),
    Long(Reverse<Span>),
    Large(Reverse<u64>),
    Slow(Reverse<Option<Span>>),
    Early(Time),
    At(Socket),
}

impl Rank {
    fn of(row: &Row, by: SortKey) -> Rank {
        match by {
            SortKey::Attention => Rank::Urgent(urgency(row, Attention::of(row))),
            SortKey::Id => Rank::Number,
            SortKey::Duration => Rank::Long(Reverse(row.duration())),
            SortKey::Bytes => Rank::Large(Reverse(row.bytes)),
            SortKey::Packets => Rank::Large(Reverse(row.packets)),
            SortKey::Handshake => Rank::Slow(Reverse(row.handshake)),
            SortKey::Last => Rank::Early(row.last),
            SortKey::Client => Rank::At(row.client),
            SortKey::Server => Rank::At(row.server),
        }
    }
}

/// By key, equals by number, and by the order in which they came.
type Place = (Rank, u64, usize);

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
        let place = (Rank::of(row, self.by), row.id, index);
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
