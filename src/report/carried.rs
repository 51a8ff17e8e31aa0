//! What only many connections together show: of each connection, what it is one of.

use super::rollup::Shown;

/// Findings by connection.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    findings: Vec<Shown>,
    /// Connections, each with a finding that it has a part in; in order once sorted.
    parts: Vec<Part>,
}

/// The number of a connection above the place of a finding: there are millions of them where there is a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part(u64);

impl Part {
    /// Bits of the place.
    const PLACE: u32 = 24;
    /// More connections, or findings, are not told their part: nor would there be room for them anywhere.
    const MOST: (u64, u64) = (1 << (u64::BITS - Part::PLACE), 1 << Part::PLACE);

    fn new(id: u64, place: u32) -> Option<Part> {
        let there = id < Part::MOST.0 && u64::from(place) < Part::MOST.1;
        there.then_some(Part(id << Part::PLACE | u64::from(place)))
    }

    fn id(self) -> u64 {
        self.0 >> Part::PLACE
    }

    fn place(self) -> u32 {
        (self.0 & (Part::MOST.1 - 1)) as u32
    }
}

impl Carried {
    /// Adds a finding that these connections have a part in.
    pub fn add(&mut self, finding: Shown, connections: impl IntoIterator<Item = u64>) {
        let place = self.findings.len() as u32;
        self.parts.extend(connections.into_iter().filter_map(|id| Part::new(id, place)));
        self.findings.push(finding);
    }

    /// No more are added.
    #[must_use]
    pub fn sorted(mut self) -> Carried {
        // Those of each finding are in order already, which the stable sort makes use of.
        self.parts.sort();
        self.parts.dedup();
        self
    }

    /// Whether no connection has a part in any.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Leaves the connections that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.parts.retain(|part| keep(part.id()));
    }

    /// The place of the finding with this code that connection `id` has a part in.
    pub fn place(&self, code: &str, id: u64) -> Option<u32> {
        let from = self.parts.partition_point(|part| part.id() < id);
        let of_it = self.parts[from..].iter().take_while(|part| part.id() == id);
        of_it.map(|part| part.place()).find(|place| self.findings[*place as usize].code == code)
    }

    /// How many connections have a part in the finding at each place.
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.findings.len()];
        self.parts.iter().for_each(|part| counts[part.place() as usize] += 1);
        counts
    }

    /// The connections that have a part in the finding at this place, in order.
    pub fn with(&self, place: u32) -> impl Iterator<Item = u64> {
        self.parts.iter().filter(move |part| part.place() == place).map(|part| part.id())
    }

    /// The connections from number `first` to `last` that have a part in one, in order, and in which.
    pub fn between(&self, first: u64, last: u64) -> impl Iterator<Item = (u64, &Shown)> {
        let from = self.parts.partition_point(|part| part.id() < first);
        let some = self.parts[from..].iter().take_while(move |part| part.id() <= last);
        some.map(|part| (part.id(), &self.findings[part.place() as usize]))
    }

    /// To read of one connection after the other.
    pub fn reading(&self) -> Reading<'_> {
        Reading { of: self, next: 0 }
    }
}

/// Where a reader is: mostly, connections are asked for in order.
pub struct Reading<'a> {
    of: &'a Carried,
    /// The first part of connections after the one asked for last.
    next: usize,
}

impl<'a> Reading<'a> {
    /// What the connection with this number has a part in.
    pub fn of(&mut self, id: u64) -> impl Iterator<Item = &'a Shown> + use<'a> {
        let Carried { findings, parts } = self.of;
        let before = |at: usize| at.checked_sub(1).is_none_or(|last| parts[last].id() < id);
        if !before(self.next) {
            self.next = parts.partition_point(|part| part.id() < id);
        }
        let steps =
            |from: usize, over: &dyn Fn(u64) -> bool| parts[from..].iter().take_while(|part| over(part.id())).count();
        let first = self.next + steps(self.next, &|other| other < id);
        self.next = first + steps(first, &|other| other == id);
        parts[first..self.next].iter().map(|part| &findings[part.place() as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    fn finding(code: &'static str) -> Shown {
        Shown { code, name: code, severity: Severity::Note, endpoint: None }
    }

    #[test]
    fn each_connection_is_told_its_part_in_any_order() {
        let mut carried = Carried::default();
        carried.add(finding("A"), [5, 2, 9]);
        carried.add(finding("B"), [2, 7, 2]);
        let mut carried = carried.sorted();
        let mut reading = carried.reading();
        let mut told = |id| reading.of(id).map(|f| f.code).collect::<String>();
        assert_eq!([1, 2, 3, 7, 9, 10].map(&mut told), ["", "AB", "", "B", "A", ""]);
        assert_eq!([9, 5, 2, 2, 8, 7].map(&mut told), ["A", "A", "AB", "AB", "", "B"]);
        assert_eq!((carried.place("B", 2), carried.place("B", 9)), (Some(1), None));
        carried.retain(|id| id > 4);
        assert_eq!((carried.counts(), carried.with(0).collect::<Vec<_>>()), (vec![2, 1], vec![5, 9]));
    }

    #[test]
    fn numbers_are_kept_up_to_where_there_is_room() {
        let most = (1 << 40) - 1;
        let part = Part::new(most, (1 << 24) - 1).expect("there is room");
        assert_eq!((part.id(), part.place()), (most, (1 << 24) - 1));
        assert_eq!((Part::new(most + 1, 0), Part::new(0, 1 << 24)), (None, None));
    }
}
