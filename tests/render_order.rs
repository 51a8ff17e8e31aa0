//! Connections chosen one by one are those that sorting all of them would choose.

#[path = "common/report.rs"]
mod report;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tcpstate::render::order::Attention;
use tcpstate::render::rank::{Kinds, Pick, Ranked};
use tcpstate::render::{Limit, RenderOptions, SortKey, order};
use tcpstate::report::{Connection, Row};
use tcpstate::time::Span;

/// Many with equal keys: numbers follow a pattern of a hundred.
fn connections() -> Vec<Connection> {
    let mut all: Vec<Connection> = (1..=700).map(report::nth).collect();
    for c in &mut all {
        c.bytes.client = c.id * 7_919 % 5;
        c.last = c.last + Span((c.id * 104_729 % 3) as i64);
    }
    all
}

fn attention(c: &Connection) -> Attention {
    Attention::of(&Row::of(c))
}

/// Where `c` is found again.
fn index(c: &Connection) -> usize {
    c.id as usize - 1
}

fn sorted(all: &[Connection], key: SortKey, reverse: bool) -> Vec<usize> {
    let mut all: Vec<&Connection> = all.iter().collect();
    match key {
        SortKey::Id => all.sort_by_key(|c| c.id),
        SortKey::Attention => all.sort_by_key(|c| (attention(c), Reverse(c.bytes.total()), Reverse(c.last - c.first))),
        SortKey::Duration => all.sort_by_key(|c| Reverse(c.last - c.first)),
        SortKey::Bytes => all.sort_by_key(|c| Reverse(c.bytes.total())),
        SortKey::Packets => all.sort_by_key(|c| Reverse(c.packets.total())),
        SortKey::Handshake => all.sort_by_key(|c| Reverse(c.timing.handshake)),
        SortKey::Last => all.sort_by_key(|c| c.last),
        SortKey::Client => all.sort_by_key(|c| c.client),
        SortKey::Server => all.sort_by_key(|c| c.server),
    }
    if reverse {
        all.reverse();
    }
    all.iter().map(|c| index(c)).collect()
}

#[test]
fn the_first_of_every_order_are_found() {
    let all = connections();
    for key in SortKey::ALL {
        for reverse in [false, true] {
            let expected = sorted(&all, key, reverse);
            for limit in [0, 1, 2, 8, 349, 350, 699, 700, 701, usize::MAX] {
                let mut ranked = Ranked::new(key, reverse, limit);
                all.iter().for_each(|c| ranked.add(index(c), &Row::of(c)));
                let found: Vec<usize> = ranked.chosen().into_iter().map(|chosen| chosen.index).collect();
                let most = limit.min(all.len());
                assert_eq!(found, expected[..most], "{key:?}, reverse {reverse}, limit {limit}");
            }
        }
    }
}

#[test]
fn kinds_are_those_of_all_connections() {
    let all = connections();
    let mut kinds: BTreeMap<_, (u64, &Connection)> = BTreeMap::new();
    for c in &all {
        let ends = (c.endpoints.client.state, c.endpoints.server.state);
        let kind = (attention(c), c.worst().map(|a| a.name), c.server, c.outcome, ends);
        let urgency = |c: &Connection| (Reverse(c.bytes.total()), Reverse(c.last - c.first));
        let group = kinds.entry(kind).or_insert((0, c));
        group.0 += 1;
        if urgency(c) < urgency(group.1) {
            group.1 = c;
        }
    }
    let mut expected: Vec<(u64, &Connection)> = kinds.into_values().collect();
    expected.sort_by_key(|(n, c)| (attention(c), Reverse(*n), c.id));
    let expected: Vec<Pick> = expected.into_iter().map(|(n, c)| Pick { index: index(c), alike: n - 1 }).collect();
    let mut found = Kinds::default();
    all.iter().for_each(|c| found.add(index(c), &Row::of(c)));
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.chosen(usize::MAX), expected);
    assert_eq!(found.chosen(3), expected[..3]);
}

#[test]
fn programs_get_all_by_number_unless_told_otherwise() {
    let report = report::report_of(connections());
    let ids = |options: &RenderOptions| order::for_programs(&report, options).map(|c| c.id).collect::<Vec<_>>();
    assert_eq!(ids(&RenderOptions::default()), (1..=700).collect::<Vec<_>>());
    let last = RenderOptions { limit: Limit::At(3), reverse: true, ..RenderOptions::default() };
    assert_eq!(ids(&last), [700, 699, 698]);
    let some = RenderOptions { limit: Limit::At(2), ..RenderOptions::default() };
    assert_eq!(ids(&some), [1, 2]);
}
