//! One line for three thousand connections: anomalies grouped by kind, culprit and service, one after the other.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use smallvec::SmallVec;

use super::clients::Clients;
use super::declaration::Declaration;
use super::select::Selection;
use super::sink::{Brief, Found};
use super::view::Facts;
use super::worst::{Case, Cases, LIKELY, Place, Worst};
use super::{ALL, LISTED};
use crate::address::host;
use crate::prefetch::prefetch;
use crate::report::directory::{Directory, Parties};
use crate::report::number::plural;
use crate::report::{Anomaly, Connection, Finding, Severity, Side, Untold};
use crate::segment::Socket;
use crate::time::Time;
use crate::tracker::index::Index;

/// What connections of a group have in common: code, service and side.
pub type Common = (&'static str, Socket, Option<Side>);

/// Anomalies of the same kind at the same service, on the same side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    declaration: u8,
    service: Socket,
    side: Option<Side>,
}

/// The same in a number, by that of the service.
fn number(service: u32, brief: &Brief) -> u128 {
    let side = brief.endpoint.map_or(2, |side| side as u128);
    u128::from(service) << 16 | u128::from(brief.declaration) << 8 | side
}

/// All anomalies of many connections, grouped. Of each group only what its finding shows is kept.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    index: Index,
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    key: Key,
    /// What it is found by.
    number: u128,
    severity: Severity,
    count: u64,
    /// So many of them the report is about.
    chosen: u64,
    first: Time,
    clients: Clients,
    worst: Worst,
    /// The worst cases that have a packet, worst first.
    shown: Cases,
    /// The worst of those that have none.
    unshown: Cases,
    /// Why RSTs were sent, and how often.
    causes: SmallVec<[(&'static str, u64); 1]>,
}

impl Groups {
    /// None yet.
    pub fn new() -> Groups {
        Groups::default()
    }

    /// Prefetches where the group of an anomaly at the service with this number is found.
    #[inline]
    pub fn prefetch(&self, service: u32, brief: &Brief) {
        self.index.prefetch(self.index.hash_of(number(service, brief)));
    }

    /// The same, once that is there, of the group.
    #[inline]
    pub fn soon(&self, service: u32, brief: &Brief) {
        let place = self.index.guess(self.index.hash_of(number(service, brief)));
        if let Some(group) = self.groups.get(place as usize) {
            prefetch(&group.key);
            prefetch(&group.count);
            prefetch(&group.clients);
            prefetch(&group.shown);
            prefetch(&group.unshown);
        }
    }

    /// Takes one anomaly, which may be put into words already, of the connection between `parties`, whose service is at `server`,
    /// number `id` in the report; `index` is what [`Groups::finish`] finds the connection again by. It may be `chosen` or not.
    /// The place of its group.
    pub fn add(
        &mut self,
        (id, index, chosen): (u64, usize, bool),
        parties: Parties,
        server: Socket,
        found @ (brief, _): Found<'_>,
    ) -> usize {
        let (length, severity) = (brief.length, brief.severity);
        let case = Case { id, packet: brief.packet, length, severity };
        let number = number(parties.service, brief);
        if let Some(place) = self.find(number) {
            self.add_at(place, (id, index, chosen), parties.client, found);
            return place;
        }
        let key = Key { declaration: brief.declaration, service: server, side: brief.endpoint };
        let mut cases = [Cases::new(), Cases::new()];
        cases[usize::from(brief.packet == 0)].push(case);
        let [shown, unshown] = cases;
        let causes = brief.cause.into_iter().map(|cause| (cause, 1)).collect();
        let (mut clients, first, worst) = (Clients::default(), brief.time, Worst::of(self.groups.len(), index, found));
        clients.add(parties.client);
        let (count, chosen) = (1, u64::from(chosen));
        self.groups.push(Group { key, number, severity, count, chosen, first, clients, worst, shown, unshown, causes });
        self.groups.len() - 1
    }

    /// The same of another one, whose group is at this place.
    #[inline]
    pub fn add_at(&mut self, place: usize, (id, index, chosen): (u64, usize, bool), client: u32, found: Found<'_>) {
        let (Some(group), (brief, _)) = (self.groups.get_mut(place), found) else { return };
        let (length, severity) = (brief.length, brief.severity);
        let case = Case { id, packet: brief.packet, length, severity };
        group.count += 1;
        group.chosen += u64::from(chosen);
        group.first = group.first.min(brief.time);
        group.severity = group.severity.max(severity);
        group.clients.add(client);
        if let Some(cause) = brief.cause {
            group.count_cause(cause, 1);
        }
        let cases = if brief.packet == 0 { &group.unshown } else { &group.shown };
        // Of many the worst ones come early.
        if case.is_behind(cases) {
            return;
        }
        if case.order(&group.worst_case()) == Ordering::Less {
            group.worst = Worst::of(place, index, found);
        }
        case.put(if brief.packet == 0 { &mut group.unshown } else { &mut group.shown });
    }

    /// The same of another one, which is chosen and has no cause, if it is behind those shown; false, and nothing is added, if it
    /// is not. The place of its group, its time and its client.
    #[inline]
    pub fn add_behind(&mut self, at: (usize, Time, u32), case: Case) -> bool {
        let is_behind = self.groups.get(at.0).is_some_and(|group| case.is_behind(&group.shown));
        if is_behind {
            self.count(at);
        }
        is_behind
    }

    /// The same where it is known that it is behind them.
    #[inline]
    pub fn count(&mut self, (place, time, client): (usize, Time, u32)) {
        let Some(group) = self.groups.get_mut(place) else { return };
        group.count += 1;
        group.chosen += 1;
        group.first = group.first.min(time);
        group.clients.add(client);
    }

    /// The place of the group with this number; if there is none, it is the next one pushed.
    fn find(&mut self, number: u128) -> Option<usize> {
        let hash = self.index.hash_of(number);
        let known = self.index.find(hash, |place| self.groups[place].number == number);
        if known.is_none() {
            self.index.insert(hash, self.groups.len() as u32);
        }
        known
    }

    /// Adds what `other` has taken, in which services have the same numbers.
    pub fn merge(&mut self, other: Groups) {
        for theirs in other.groups {
            let Some(place) = self.find(theirs.number) else {
                self.groups.push(theirs);
                continue;
            };
            let group = &mut self.groups[place];
            group.count += theirs.count;
            group.chosen += theirs.chosen;
            group.first = group.first.min(theirs.first);
            group.severity = group.severity.max(theirs.severity);
            if theirs.worst_case().order(&group.worst_case()) == Ordering::Less {
                group.worst = theirs.worst;
            }
            theirs.shown.into_iter().for_each(|case| case.put(&mut group.shown));
            theirs.unshown.into_iter().for_each(|case| case.put(&mut group.unshown));
            theirs.causes.into_iter().for_each(|(cause, n)| group.count_cause(cause, n));
            group.clients.merge(theirs.clients);
        }
    }

    /// The finding, the service and the worst case of each group of several, the most severe and largest first.
    pub fn worst_cases(&self) -> impl Iterator<Item = (&'static str, Socket, u64)> {
        let mut several: Vec<&Group> = self.groups.iter().filter(|group| group.count > 1).collect();
        several.sort_unstable_by_key(|group| (Reverse(group.severity), Reverse(group.count), group.key));
        let told =
            |group: &Group| (ALL[usize::from(group.key.declaration)].name, group.key.service, group.worst_case().id);
        several.into_iter().map(told)
    }

    /// How many connections of each group were chosen, by kind, service and side; groups of which all are listed are left
    /// out.
    pub fn chosen(&self) -> BTreeMap<Common, u64> {
        let large = self.groups.iter().filter(|group| group.count > LISTED as u64);
        let shown = |group: &Group| (ALL[usize::from(group.key.declaration)].code, group.key.service, group.key.side);
        large.map(|group| (shown(group), group.chosen)).collect()
    }

    /// Puts the worst cases into words, as [`Groups::finish`] would, unless `keep` keeps them: their connections are let go. Of a
    /// kind and severity these are of the largest groups so far, somewhat more than the `told` ones; the others are hardly among
    /// those in the end.
    pub fn tell(
        &mut self,
        told: usize,
        mut keep: impl FnMut(usize) -> Option<usize>,
        mut full: impl FnMut(Place, &Brief) -> Option<Anomaly>,
    ) {
        let most = if told == 0 { 0 } else { told.max(LIKELY) };
        let mut kinds: BTreeMap<(u8, Severity), Vec<usize>> = BTreeMap::new();
        for (i, group) in self.groups.iter().enumerate() {
            kinds.entry((group.key.declaration, group.severity)).or_default().push(i);
        }
        for mut kind in kinds.into_values() {
            if kind.len() > most {
                let rank = |i: &usize| (Reverse(self.groups[*i].count), self.groups[*i].key);
                kind.select_nth_unstable_by_key(most, rank);
            }
            for (n, i) in kind.into_iter().enumerate() {
                let group = &mut self.groups[i];
                let Worst::At(place @ Place::Tracked(index), brief) = group.worst else { continue };
                group.worst = match (n < most).then(|| keep(index)).flatten() {
                    Some(kept) => Worst::At(Place::Kept(kept), brief),
                    None if n < most => Worst::Told(full(place, &brief).map(|anomaly| anomaly.message)),
                    None => Worst::Told(None),
                };
            }
        }
    }

    /// The findings that `selection` wants, or of those only what is chosen, by kind, service and side: of a kind and severity
    /// at most so many `told` ones, those with the most connections; of the others how many there are. `full` tells in words
    /// what the worst case of each is: the anomaly of that brief in the connection at that place. The numbers of clients
    /// stand in `directory`.
    pub fn finish(
        mut self,
        directory: &Directory,
        selection: &Selection,
        (told, chosen): (usize, bool),
        mut full: impl FnMut(Place, &Brief) -> Option<Anomaly>,
    ) -> (Vec<Finding>, Vec<Untold>) {
        let size = |g: &Group| if chosen { g.chosen } else { g.count };
        self.groups.retain(|g| size(g) > 0 && selection.wants(ALL[usize::from(g.key.declaration)]));
        let place = |g: &Group| (g.key.declaration, g.severity, Reverse(size(g)), Reverse(g.count), g.key);
        // They are large.
        let mut groups: Vec<&mut Group> = self.groups.iter_mut().collect();
        groups.sort_unstable_by_key(|group| place(group));
        let (mut findings, mut untold) = (Vec::new(), Vec::new());
        for kind in groups.chunk_by_mut(|a, b| a.key.declaration == b.key.declaration && a.severity == b.severity) {
            let (first, others) = kind.split_at_mut(told.min(kind.len()));
            for group in first {
                let clients = std::mem::take(&mut group.clients).listed(directory);
                let words = match &mut group.worst {
                    Worst::Told(words) => words.take(),
                    Worst::At(place, brief) => full(*place, brief).map(|a| a.message),
                };
                findings.push((group.key, group.finding(words, clients)));
            }
            if let Some(Group { key, severity, .. }) = others.first() {
                let Declaration { code, name, .. } = *ALL[usize::from(key.declaration)];
                let (findings, connections) = (others.len() as u64, others.iter().map(|group| size(group)).sum());
                untold.push(Untold { code, name, severity: *severity, findings, connections });
            }
        }
        findings.sort_by_key(|(key, _)| *key);
        (findings.into_iter().map(|(_, finding)| finding).collect(), untold)
    }
}

impl Group {
    /// The first of all cases.
    fn worst_case(&self) -> Case {
        let cases = [self.shown.first(), self.unshown.first()];
        let worst = cases.into_iter().flatten().min_by(|a, b| a.order(b)).copied();
        worst.unwrap_or(Case { id: u64::MAX, packet: 0, length: 0, severity: Severity::Info })
    }

    fn count_cause(&mut self, cause: &'static str, n: u64) {
        match self.causes.iter_mut().find(|c| c.0 == cause) {
            Some(counted) => counted.1 += n,
            None => self.causes.push((cause, n)),
        }
    }

    /// Its finding; `words` tell of the worst case, `hosts` of how many clients, and the first of them.
    fn finding(&self, words: Option<String>, (clients, hosts): (usize, Vec<IpAddr>)) -> Finding {
        let declaration: &'static Declaration = ALL[usize::from(self.key.declaration)];
        let (count, service, worst) = (self.count, self.key.service, self.worst_case().id);
        let message = if count == 1 {
            words.unwrap_or_else(|| declaration.summary.to_owned())
        } else {
            let from = match hosts.as_slice() {
                [addr] => host(*addr),
                _ => plural(clients as u64, "host"),
            };
            let (before, words) = words.map_or(("", String::new()), |words| (": ", words));
            let who = words![plural(count, "connection"), " from ", from, " to ", service, ": "];
            words![who, declaration.summary, "; the worst is #", worst, before, words]
        };
        let packets: Vec<u64> = self.shown.iter().map(|c| c.packet).collect();
        let mut facts = Facts::new();
        facts.insert("service", Value::from(service.with(str::to_owned)));
        facts.insert("hosts", Value::from(hosts.into_iter().map(host).collect::<Vec<_>>()));
        facts.insert("host_count", Value::from(clients));
        facts.insert("worst", Value::from(worst));
        if let Some(side) = self.key.side {
            facts.insert("at", Value::from(side.name()));
        }
        facts.insert("first", Value::from(self.first.to_string()));
        if !packets.is_empty() {
            facts.insert("display_filter", Value::from(display_filter(&packets)));
        }
        if !self.causes.is_empty() {
            facts.insert("reset.causes", Value::from_iter(self.causes.iter().copied()));
        }
        let mut cases = self.shown.clone();
        self.unshown.iter().for_each(|case| case.put(&mut cases));
        Finding {
            code: declaration.code,
            name: declaration.name,
            severity: self.severity,
            count,
            message,
            advice: declaration.advice,
            connections: cases.iter().map(|c| c.id).collect(),
            packets,
            facts,
        }
    }
}

/// The packets, to be pasted into Wireshark.
fn display_filter(packets: &[u64]) -> String {
    let mut filter = String::with_capacity(packets.len() * 30);
    for packet in packets {
        filter.push_str(if filter.is_empty() { "frame.number == " } else { " || frame.number == " });
        filter.push_str(&packet.to_string());
    }
    filter
}

/// What `connections` have in common, by kind, service and side; unordered. Their anomalies are known in full.
pub fn grouped(connections: &[Connection], selection: &Selection) -> Vec<Finding> {
    let (mut groups, mut directory) = (Groups::new(), Directory::default());
    for (i, c) in connections.iter().enumerate() {
        let parties = directory.parties(c.client.addr, c.server);
        for brief in c.anomalies.iter().filter_map(Brief::of) {
            groups.add((c.id, i, true), parties, c.server, (&brief, None));
        }
    }
    let full = |place: Place, brief: &Brief| {
        let mut anomalies = connections[place.index()].anomalies.iter();
        anomalies.find(|a| Brief::of(a).as_ref() == Some(brief)).cloned()
    };
    groups.finish(&directory, selection, (usize::MAX, false), full).0
}
