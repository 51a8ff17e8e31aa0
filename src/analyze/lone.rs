//! Lone SYNs told in short: what one comes to in full is found out once for all of its kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::build::Subject;
use super::desk::{Form, Look};
use super::finish::Finish;
use super::notes::Noted;
use super::past::ROUND;
use super::stretch::Wanted;
use crate::detect::{AtLeast, Brief, View};
use crate::pack::Pack;
use crate::report::lone::{Kind, LoneSyn, LoneSyns};
use crate::report::{Connection, Ending, Severity};
use crate::segment::{Flags, Options, ScopeId, Segment, Socket};
use crate::time::{Span, Time};
use crate::tracker::{Scratch, States, Verdict};

/// So many of a kind in a stretch are built in full before one is made up: that takes as much time.
const FEW: u32 = 2;

/// So many kinds are looked through, the latest first: there are few at a time.
const RECENT: usize = 16;

/// So many connections are looked at to see what most of them are.
const SOME: usize = 64;

/// Number of a connection and of a packet that are made up. No other number in a report is as long.
const ID: u64 = 7_301_956_482_013_577_129;
const PACKET: u64 = 6_482_013_577_129_730_195;

/// The last digits of a time that is made up, and what they stand in for, in nanoseconds.
const DIGITS: i64 = 123_457;
const MILLISECOND: i64 = 1_000_000;

/// How many steps an end took, from which follows which ones, and in which states it may be.
pub(super) type Come = (usize, States);

/// What both ends came to.
pub(super) fn come(verdicts: &[Verdict; 2]) -> [Come; 2] {
    verdicts.each_ref().map(|verdict| (verdict.steps.len(), verdict.possible))
}

/// What is the same in all lone SYNs of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    scope: Option<ScopeId>,
    /// Whether addresses are of version 4.
    v4: [bool; 2],
    ends: [Come; 2],
    found: Option<Found>,
}

/// What detectors say, but for addresses and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    severity: Severity,
    /// In which words the wait is told.
    wait: u64,
    /// Nothing of the server's host was captured.
    silent: bool,
}

impl Key {
    /// That of a lone SYN whose ends came to this, of which detectors say `briefs`; `None` if it is best told in full.
    fn of(scope: Option<ScopeId>, syn: &LoneSyn, ends: [Come; 2], briefs: &[Brief], silent: bool) -> Option<Key> {
        let wait = || AtLeast(Span(syn.waited.saturating_mul(1_000))).alike();
        let found = match briefs {
            [] => None,
            [brief] => Some(Found { severity: brief.severity, wait: wait()?, silent }),
            _ => return None,
        };
        (syn.rest > Span(0)).then(|| Key {
            scope,
            v4: [syn.client, syn.server].map(|socket| socket.addr.is_ipv4()),
            ends,
            found,
        })
    }
}

/// What was met of a kind in a stretch.
#[derive(Debug)]
struct Met {
    key: Key,
    times: u32,
    /// Its place, once one is made up.
    place: Option<usize>,
}

/// The kinds met in a stretch.
#[derive(Debug, Default)]
pub(super) struct Alike {
    met: Vec<Met>,
}

/// A lone SYN that was looked at.
pub(super) struct Looked<'a> {
    pub id: u64,
    pub sockets: &'a [Socket; 2],
    /// Its time and the number of its packet.
    pub segment: (Time, u64),
    pub scope: Option<ScopeId>,
    pub ends: [Come; 2],
    pub briefs: &'a [Brief],
    /// The number of its service.
    pub service: u32,
}

impl Finish<'_> {
    /// How many of the connections at these places make a stretch.
    pub(super) fn length(&self, wanted: Wanted<'_>, range: Range<usize>) -> usize {
        wanted.stretch(wanted.in_short() && self.are_mostly_lone(range), self.are_many())
    }

    /// Whether there are many in this round, and most numbers between theirs are theirs: what is kept of a stretch goes by distances.
    fn are_many(&self) -> bool {
        let Range { start, end } = self.this_round();
        end - start >= ROUND && self.id(end - 1).wrapping_sub(self.id(start)) < 4 * (end - start) as u64
    }

    /// Whether most of them, seven of eight, seem to be lone SYNs: if not, few are asked.
    fn are_mostly_lone(&self, range: Range<usize>) -> bool {
        let some = range.clone().step_by((range.len() / SOME).max(1));
        let too_many = some.len().div_ceil(8);
        let mut others = some.filter(|position| self.analysis.tracker.lone(self.at(*position)).is_none());
        too_many > 0 && others.nth(too_many - 1).is_none()
    }

    /// Tells a lone SYN in short; false if it is none, or is to be told in full.
    pub(super) fn told_in_short(
        &self,
        look: &Look<'_>,
        briefs: &[Brief],
        kinds: &mut Alike,
        told: &mut LoneSyns,
    ) -> bool {
        let Look { id, sockets, outline, verdicts, form, .. } = look;
        let looked = Looked {
            id: *id,
            sockets,
            segment: (outline.first, outline.first_packet),
            scope: outline.scopes[0],
            ends: come(verdicts),
            briefs,
            service: self.parties[look.index].service,
        };
        matches!(form, Form::Lone(_)) && self.tell_in_short(&looked, kinds, told)
    }

    /// Tells a lone SYN in short; false if it is to be told in full.
    pub(super) fn tell_in_short(&self, looked: &Looked<'_>, kinds: &mut Alike, told: &mut LoneSyns) -> bool {
        let Looked { id, sockets, segment: (time, packet), scope, ends, briefs, service } = *looked;
        let [client, server] = *sockets;
        let waited = briefs.first().map_or(0, |brief| brief.length);
        let syn = LoneSyn { id, client, server, time, packet, rest: self.end - time, waited };
        let silent = !briefs.is_empty() && self.scene.host_of(service).is_silent();
        let Some(key) = Key::of(scope, &syn, ends, briefs, silent) else { return false };
        // Mostly it is of the same kind as the one before.
        let met = match kinds.met.iter_mut().rev().take(RECENT).find(|met| met.key == key) {
            Some(met) => met,
            None => {
                kinds.met.push(Met { key, times: 0, place: None });
                return false;
            }
        };
        met.times = met.times.saturating_add(1);
        if met.times == FEW
            && let Some(kind) = self.make_up(&syn, &key)
        {
            met.place = Some(told.kinds.len());
            told.kinds.push(kind);
        }
        let Some(place) = met.place else { return false };
        told.syns.push((place, syn));
        true
    }

    /// One of the kind of `syn`, which has this key, with values of its own; `None` if there is none at hand.
    fn make_up(&self, syn: &LoneSyn, key: &Key) -> Option<Kind> {
        let [src, dst] = made_up(key.v4);
        let rest = Span((syn.rest.0 - syn.rest.0 % MILLISECOND).saturating_add(DIGITS));
        let (time, scope) = (self.end - rest, key.scope.unwrap_or_default());
        let segment = Segment {
            time,
            packet: PACKET,
            src,
            dst,
            scope,
            flags: Flags::SYN,
            options: Options::default(),
            ..Segment::blank()
        };
        let mut scratch = Scratch::<Noted>::default();
        let case = scratch.of_one(&segment);
        let (c, measured) = (&case.connection, &case.notes.measured);
        let (outline, proofs) = (&c.outline(), &measured.proofs());
        let verdicts = &c.verdicts(self.end, &self.analysis.profile);
        let subject = Subject {
            sockets: &c.sockets,
            outline,
            measured,
            verdicts,
            ending: Ending::of(outline, verdicts),
            proofs,
            tracked: Some(c),
        };
        let mut connection: Connection = self.analysis.built(&subject, ID, self.end);
        let silent = key.found.is_some_and(|found| found.silent);
        let brief = self.unremarkable.lone(&verdicts[0], dst.addr, &self.scene);
        if brief.is_some() {
            let view = View::new((c, 0, ID), verdicts, case.notes.both(), None, &self.scene);
            connection.anomalies = self.unremarkable.lone_in_full(&view, silent);
            connection.anomalies.retain(|a| self.wants_code(a.code));
        }
        let waited = brief.map_or(0, |brief| brief.length);
        let made_up = LoneSyn { id: ID, client: src, server: dst, time, packet: PACKET, rest, waited };
        let same = Key::of(outline.scopes[0], &made_up, come(verdicts), brief.as_slice(), silent) == Some(*key);
        // Tunnels have numbers as large as ports.
        let names = self.analysis.decoder.scope(scope);
        let named = [src, dst].iter().any(|end| names.iter().any(|name| name.contains(&end.port.to_string())));
        // Where a capture begins at time 0 the two may be told by the same digits.
        let entries = connection.endpoints.client.history.iter().chain(&connection.endpoints.server.history);
        let alike = time <= Time(0) || entries.map(|entry| entry.time.0).any(|time| time == rest.0);
        (same && !alike && !named).then_some(Kind { made_up, connection })
    }
}

/// Both sockets of a SYN that is made up, of these versions. Nothing else in a report looks like their addresses: no scope has
/// a name with a point or a colon in it.
fn made_up(v4: [bool; 2]) -> [Socket; 2] {
    let addresses: [(IpAddr, IpAddr); 2] = [
        (
            Ipv4Addr::new(198, 51, 100, 213).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0x7d3a, 0x91c5, 0x2f6b, 0xe804, 0x5c19, 0xaf37).into(),
        ),
        (
            Ipv4Addr::new(203, 0, 113, 178).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0x48e2, 0xb7f1, 0x9d56, 0x1a3c, 0xc820, 0x6e9b).into(),
        ),
    ];
    [0, 1].map(|e| {
        let (short, long) = addresses[e];
        Socket { addr: if v4[e] { short } else { long }, port: [48_271, 59_638][e] }
    })
}
