//! What only many connections together show: of each connection, what it is one of.

use smallvec::SmallVec;

use super::rollup::Shown;

/// Findings by connection.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    findings: Vec<Of>,
}

/// A finding and the connections that have a part in it, in order.
#[derive(Clone, Debug)]
struct Of {
    finding: Shown,
    /// The service that all of them are of, if it is said to be of one: none of them has a part in another finding of its kind.
    service: Option<u32>,
    connections: Vec<u64>,
}

/// What many connections show at a service.
#[derive(Clone, Copy, Debug)]
pub struct AtService<'a> {
    /// The finding.
    pub finding: &'a Shown,
    /// The number of the service.
    pub service: u32,
    /// So many connections show it.
    pub count: u64,
    /// The last of them.
    pub last: u64,
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
    /// Adds a finding that these connections have a part in; the number of their service, if all are of one and none has a part in
    /// another finding of its kind.
    pub fn add(&mut self, finding: Shown, service: Option<u32>, connections: impl IntoIterator<Item = u64>) {
        let mut connections: Vec<u64> = connections.into_iter().collect();
        // As a rule they are in order.
        if !connections.is_sorted() {
            connections.sort_unstable();
        }
        connections.dedup();
        self.findings.push(Of { finding, service, connections });
    }

    /// The parts in findings that `wanted` wants, in order.
    fn put_in_order(&self, wanted: impl Fn(&Of) -> bool) -> Vec<Part> {
        let findings = (0..).zip(&self.findings).filter(|(_, of)| wanted(of));
        let parts = findings.flat_map(|(place, of)| of.connections.iter().filter_map(move |id| Part::new(*id, place)));
        let mut parts: Vec<Part> = parts.collect();
        // Those of each finding are in order already, which the stable sort makes use of.
        parts.sort();
        parts
    }

    /// Whether no connection has a part in any.
    pub fn is_empty(&self) -> bool {
        self.findings.iter().all(|of| of.connections.is_empty())
    }

    /// Leaves the connections that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.findings.iter_mut().for_each(|of| of.connections.retain(|id| keep(*id)));
    }

    /// The place of the finding with this code that connection `id` has a part in. Where many are asked for [`Reading::place`] takes
    /// less.
    pub fn place(&self, code: &str, id: u64) -> Option<u32> {
        let has = |of: &Of| of.finding.code == code && of.connections.binary_search(&id).is_ok();
        self.findings.iter().position(has).map(|place| place as u32)
    }

    /// How many connections have a part in the finding at each place.
    pub fn counts(&self) -> Vec<u64> {
        self.findings.iter().map(|of| of.connections.len() as u64).collect()
    }

    /// The connections that have a part in the finding at this place, in order.
    pub fn with(&self, place: u32) -> impl Iterator<Item = u64> {
        self.findings.get(place as usize).into_iter().flat_map(|of| of.connections.iter().copied())
    }

    /// The findings that are said to be of one service.
    pub fn at_services(&self) -> impl Iterator<Item = AtService<'_>> {
        self.findings.iter().filter_map(|of| {
            let (service, last) = (of.service?, *of.connections.last()?);
            Some(AtService { finding: &of.finding, service, count: of.connections.len() as u64, last })
        })
    }

    /// The connections that have a part in any of the others, in order, and in which.
    pub fn of_others(&self) -> Vec<(u64, &Shown)> {
        let parts = self.put_in_order(|of| of.service.is_none());
        parts.into_iter().map(|part| (part.id(), &self.findings[part.place() as usize].finding)).collect()
    }

    /// To read of one connection after the other.
    pub fn reading(&self) -> Reading<'_> {
        Reading { findings: &self.findings, parts: self.put_in_order(|_| true), next: 0 }
    }
}

/// Where a reader is: mostly, connections are asked for in order.
pub struct Reading<'a> {
    findings: &'a [Of],
    parts: Vec<Part>,
    /// The first part of connections after the one asked for last.
    next: usize,
}

impl<'a> Reading<'a> {
    /// The same as [`Carried::place`].
    pub fn place(&self, code: &str, id: u64) -> Option<u32> {
        let from = self.parts.partition_point(|part| part.id() < id);
        let of_it = self.parts[from..].iter().take_while(|part| part.id() == id);
        of_it.map(|part| part.place()).find(|place| self.findings[*place as usize].finding.code == code)
    }

    /// What the connection with this number has a part in.
    pub fn of(&mut self, id: u64) -> impl Iterator<Item = &'a Shown> + use<'a> {
        let (findings, parts) = (self.findings, &self.parts);
        let before = |at: usize| at.checked_sub(1).is_none_or(|last| parts[last].id() < id);
        if !before(self.next) {
            self.next = parts.partition_point(|part| part.id() < id);
        }
        let steps =
            |from: usize, over: &dyn Fn(u64) -> bool| parts[from..].iter().take_while(|part| over(part.id())).count();
        let first = self.next + steps(self.next, &|other| other < id);
        self.next = first + steps(first, &|other| other == id);
        let parts = parts[first..self.next].iter();
        let of_it: SmallVec<[&'a Shown; 4]> = parts.map(|part| &findings[part.place() as usize].finding).collect();
        of_it.into_iter()
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
        carried.add(finding("A"), None, [5, 2, 9]);
        carried.add(finding("B"), None, [2, 7, 2]);
        let mut reading = carried.reading();
        let mut told = |id| reading.of(id).map(|f| f.code).collect::<String>();
        assert_eq!([1, 2, 3, 7, 9, 10].map(&mut told), ["", "AB", "", "B", "A", ""]);
        assert_eq!([9, 5, 2, 2, 8, 7].map(&mut told), ["A", "A", "AB", "AB", "", "B"]);
        for (code, id, place) in [("B", 2, Some(1)), ("A", 2, Some(0)), ("B", 9, None), ("C", 2, None), ("A", 1, None)]
        {
            assert_eq!((carried.place(code, id), carried.reading().place(code, id)), (place, place));
        }
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
