//! Findings that only many connections show, dealt out to groups of connections: each has a part in few of them.

use crate::report::Finding;
use crate::report::carried::Carried;

/// Findings in an order, and who has a part in them.
pub struct Wide<'r> {
    findings: Vec<&'r Finding>,
    /// Where it is said who has a part in each, unless it is only those that it names.
    places: Vec<Option<u32>>,
    carried: &'r Carried,
}

impl<'r> Wide<'r> {
    /// These; `place` tells as [`Carried::place`] does.
    pub fn new(findings: Vec<&'r Finding>, carried: &'r Carried, place: impl Fn(&str, u64) -> Option<u32>) -> Wide<'r> {
        let places = findings.iter().map(|f| place(f.code, *f.connections.first()?)).collect();
        Wide { findings, places, carried }
    }

    /// The connections that have a part in the one at `place`.
    fn members(&self, place: usize) -> impl Iterator<Item = u64> + use<'r> {
        let (f, known, carried) = (self.findings[place], self.places[place], self.carried);
        let named = if known.is_none() { &f.connections[..] } else { &[] };
        named.iter().copied().chain(known.into_iter().flat_map(|place| carried.with(place)))
    }

    /// Each, with all who have a part in it.
    pub fn all(&self) -> impl Iterator<Item = (&'r Finding, Vec<u64>)> {
        self.findings.iter().enumerate().map(|(place, f)| (*f, self.members(place).collect()))
    }

    /// For each of these groups, given by the numbers of their connections, those that any of it has a part in.
    pub fn deal<'g>(&self, groups: impl Iterator<Item = &'g [u64]>) -> Dealt<'_, 'r> {
        let mut group_of: Vec<(u64, u32)> =
            (0..).zip(groups).flat_map(|(group, ids)| ids.iter().map(move |id| (*id, group))).collect();
        group_of.sort_unstable();
        let mut parts = Vec::new();
        for place in 0..self.findings.len() {
            parts.extend(self.members(place).filter_map(|id| {
                let found = group_of.binary_search_by_key(&id, |(id, _)| *id).ok()?;
                Some(Part { group: group_of[found].1, place: place as u32, id })
            }));
        }
        parts.sort_by_key(|part| (part.group, part.place));
        Dealt { wide: self, parts }
    }
}

/// That a connection of a group has a part in the finding at this place.
struct Part {
    group: u32,
    place: u32,
    id: u64,
}

/// Findings by group.
pub struct Dealt<'w, 'r> {
    wide: &'w Wide<'r>,
    parts: Vec<Part>,
}

impl<'r> Dealt<'_, 'r> {
    /// Those of a group, with those of it that have a part in each.
    pub fn of(&self, group: u32) -> impl Iterator<Item = (&'r Finding, Vec<u64>)> {
        let from = self.parts.partition_point(|part| part.group < group);
        let to = from + self.parts[from..].partition_point(|part| part.group == group);
        let by_finding = self.parts[from..to].chunk_by(|one, other| one.place == other.place);
        by_finding
            .map(|parts| (self.wide.findings[parts[0].place as usize], parts.iter().map(|part| part.id).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;
    use crate::report::rollup::Shown;

    fn finding(code: &'static str, connections: &[u64]) -> Finding {
        Finding {
            code,
            name: code,
            severity: Severity::Note,
            count: connections.len() as u64,
            message: String::new(),
            advice: "",
            connections: connections.to_vec(),
            packets: Vec::new(),
            facts: Default::default(),
        }
    }

    #[test]
    fn each_group_is_dealt_what_its_connections_have_a_part_in() {
        // Of the first more connections have a part in it than it names, of the last none.
        let all = [finding("A", &[7]), finding("B", &[8, 2]), finding("A", &[4]), finding("C", &[])];
        let mut carried = Carried::default();
        for connections in [&[1, 5, 7][..], &[4]] {
            let shown = Shown { code: "A", name: "A", severity: Severity::Note, endpoint: None };
            carried.add(shown, None, connections.iter().copied());
        }
        let wide = Wide::new(all.iter().collect(), &carried, |code, id| carried.place(code, id));
        let told = |(f, members): (&Finding, Vec<u64>)| (f.code, members);
        let whole = [("A", vec![1, 5, 7]), ("B", vec![8, 2]), ("A", vec![4]), ("C", vec![])];
        assert_eq!(wide.all().map(told).collect::<Vec<_>>(), whole);
        let groups: [&[u64]; 4] = [&[8, 1, 2, 4], &[3, 6], &[7, 5], &[]];
        let dealt = wide.deal(groups.into_iter());
        let of = |group| dealt.of(group).map(told).collect::<Vec<_>>();
        assert_eq!(of(0), [("A", vec![1]), ("B", vec![8, 2]), ("A", vec![4])]);
        assert_eq!((of(1), of(2), of(3)), (vec![], vec![("A", vec![5, 7])], vec![]));
    }
}
