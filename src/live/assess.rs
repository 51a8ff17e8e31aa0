//! A look at all connections, a stretch at a time: which have ended, and what is wrong.

use super::book::Book;
use super::bygone::Bygones;
use super::event::Event;
use super::watcher::Watcher;
use crate::analyze::Analysis;
use crate::detect::{Brief, Bygone, Digests, Groups, Place, Scene, Survey, wide};
use crate::report::directory::Directory;
use crate::report::{Anomaly, Connection, Ending, Finding, PerSide, findings};
use crate::segment::Socket;
use crate::time::{Span, Time};
use crate::tracker::Verdict;
use smallvec::SmallVec;

/// What happened to a connection that is over holds for this long.
pub(super) const RECENT: Span = Span::secs(60);
/// Findings that speak of the end of a capture.
pub(super) const OF_THE_END: [&str; 2] = ["capture-cuts-connections", "half-closed-at-end"];

/// How far a look at all connections has come.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The number of the last one to be looked at: a look ends although new ones keep coming.
    until: u64,
    /// The number of the last one looked at.
    after: u64,
    /// What all of them said about the capture when it began.
    pub(super) survey: Option<(Survey, u64)>,
    /// What is small of all of them, and what was found about some.
    digests: Digests,
    directory: Directory,
    found: Vec<Found>,
}

/// What was found about a connection.
#[derive(Debug)]
struct Found {
    id: u64,
    client: Socket,
    server: Socket,
    anomalies: Vec<Anomaly>,
}

/// Connections looked at, and told, in one go.
const STRETCH: usize = 4_000;

impl Watcher {
    /// Tells connections that have ended, and looks for findings, a stretch at a time. True if there is more to do.
    pub fn assess(&mut self, dropped: u64) -> bool {
        let survey = self.pass.survey.get_or_insert_with(|| self.analysis.survey()).clone();
        let mut scene = self.analysis.scene_of(survey, self.now);
        scene.quality.dropped = dropped;
        let mut events = Vec::new();
        let many = self.over.len().min(STRETCH);
        for id in self.over.drain(..many) {
            let Some(index) = self.book.find(id) else { continue };
            let entry = &mut self.book.entries[index];
            entry.waiting = false;
            // It may have gone on in the meantime.
            entry.told = entry.over;
            if entry.over && entry.matches {
                let c = self.analysis.tracker().connection(index);
                let verdicts = c.verdicts(self.now, self.analysis.profile());
                let client = c.client().0;
                let ends = PerSide { client: &verdicts[client], server: &verdicts[1 - client] };
                let outline = c.outline();
                self.metrics.ended(Ending::of(&outline, &verdicts).outcome, ends, self.now);
                let bygone = Bygone::of(&outline, &c.sockets, &verdicts, &scene.limits);
                bygone.into_iter().for_each(|bygone| self.bygones.add(bygone));
                if !self.quiet {
                    let connection = found(&self.analysis, &scene, (index, id), &verdicts, self.now);
                    events.push(Event::Connection(Box::new(connection)));
                }
            }
        }
        let (pass, bygones) = (&mut self.pass, &self.bygones);
        let findings = Watcher::find_out(&self.analysis, &mut self.book, (pass, bygones), &mut scene, self.now);
        if let Some(findings) = findings {
            self.firing.update(findings, self.now, &mut events);
        }
        self.events.append(&mut events);
        // After a look at all of them it begins again.
        self.pass.after > 0 || !self.over.is_empty()
    }

    /// What is wrong now: over all connections that are not over for long.
    ///
    /// Goes through them a stretch at a time, so that packets do not wait for long; `None` until it has been through.
    fn find_out(
        analysis: &Analysis,
        book: &mut Book,
        (pass, bygones): (&mut Pass, &Bygones),
        scene: &mut Scene,
        now: Time,
    ) -> Option<Vec<Finding>> {
        let tracker = analysis.tracker();
        if pass.after == 0 {
            pass.until = book.entries.last().map_or(0, |last| last.id);
        }
        let from = book.entries.partition_point(|entry| entry.id <= pass.after);
        for (index, entry) in book.entries.iter_mut().enumerate().skip(from).take(STRETCH) {
            pass.after = entry.id;
            if !entry.matches || (entry.over && now - entry.last > RECENT) {
                continue;
            }
            let c = tracker.connection(index);
            let verdicts = c.verdicts(now, analysis.profile());
            let (mut anomalies, last_data, attempt) = analysis.looked((index, entry.id), &verdicts, scene);
            // Nothing has ended.
            anomalies.retain(|a| !OF_THE_END.contains(&a.name));
            entry.severity = anomalies.iter().map(|a| a.severity).max();
            let briefs: SmallVec<[Brief; 2]> = anomalies.iter().filter_map(Brief::of).collect();
            let client = c.client().0;
            let outline = c.outline();
            let outcome = Ending::of(&outline, &verdicts).outcome;
            let parties = pass.directory.parties(c.sockets[client].addr, c.sockets[1 - client]);
            pass.digests.push((entry.id, parties), &outline, &verdicts, (outcome, last_data, attempt), &briefs, scene);
            if !anomalies.is_empty() {
                let (client, server) = (c.sockets[client], c.sockets[1 - client]);
                pass.found.push(Found { id: entry.id, client, server, anomalies });
            }
        }
        let next = book.entries.get(from + STRETCH).map_or(u64::MAX, |entry| entry.id);
        if next <= pass.until {
            return None;
        }
        let Pass { found, digests, directory, .. } = std::mem::take(pass);
        scene.quality.open_at_end = digests.open_at_end();
        bygones.put_into(scene, now - RECENT);
        let mut list = grouped(&found, analysis);
        list.extend(wide(scene, &[digests], &directory, analysis.selection()).0);
        findings::sort(&mut list);
        list.retain(|f| !OF_THE_END.contains(&f.name));
        Some(list)
    }
}

/// What connections have in common, by kind, service and side.
fn grouped(found: &[Found], analysis: &Analysis) -> Vec<Finding> {
    let (mut groups, mut directory) = (Groups::new(), Directory::default());
    for (i, f) in found.iter().enumerate() {
        let parties = directory.parties(f.client.addr, f.server);
        for brief in f.anomalies.iter().filter_map(Brief::of) {
            groups.add((f.id, i, true), parties, f.server, (&brief, None));
        }
    }
    let full = |place: Place, brief: &Brief| {
        found[place.index()].anomalies.iter().find(|a| Brief::of(a).as_ref() == Some(brief)).cloned()
    };
    groups.finish(&directory, analysis.selection(), (usize::MAX, false), full).0
}

/// Connection `index`, number `id`, as it stands with these verdicts, and what is found about it.
pub(super) fn found(
    analysis: &Analysis,
    scene: &Scene,
    at: (usize, u64),
    verdicts: &[Verdict; 2],
    now: Time,
) -> Connection {
    let anomalies = analysis.anomalies(at, verdicts, scene);
    Connection { anomalies, ..analysis.connection(at, verdicts, now) }
}

#[cfg(test)]
mod tests {
    use crate::analyze::Options;
    use crate::live::{Event, Limits, Watcher};
    use crate::source::{LinkType, Packet};
    use crate::time::Time;

    /// A SYN from one of very many ports and addresses, in raw IPv4.
    fn syn(n: u32) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
        p.extend([10, (n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8, 192, 0, 2, 1]);
        p.extend([0x80, n as u8, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
        p
    }

    #[test]
    fn a_flood_of_syns_is_bounded_and_a_look_ends_although_new_ones_keep_coming() {
        let mut watcher = Watcher::new(Options::default(), None, Limits { connections: 3_000 });
        let (mut findings, mut told) = (0, 0);
        for n in 0..60_000_u32 {
            let data = syn(n);
            let time = Time(i64::from(n) * 100_000);
            watcher.packet(&Packet { number: u64::from(n) + 1, time, link: LinkType::RAW, wire_len: 40, data: &data });
            if n % 1_000 == 999 {
                watcher.advance(time);
                watcher.assess(0);
                assert!(watcher.pass.digests.len() <= 6_000, "{}", watcher.pass.digests.len());
            }
            for event in watcher.events() {
                findings += u32::from(matches!(event, Event::Finding(_)));
                told += u32::from(matches!(event, Event::Connection(_)));
            }
        }
        let (seen, remembered) = watcher.tally();
        assert_eq!(seen, 60_000);
        assert!(remembered <= 4_000, "{remembered}");
        assert!(findings > 0, "a look has come to its end");
        assert_eq!(u64::from(told) + remembered, seen, "each is told once");
        assert_eq!(watcher.report(crate::source::FileInfo::default()).summary.connections, seen);
    }
}
