//! From the tracker to the report: signals taken as segments pass, detectors run when the capture has ended.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::digest::Digest;
use super::find;
use super::group::findings;
use super::select::Selection;
use super::threshold::Limits;
use super::view::{Quality, Scene, is_one_sided};
use crate::report::{Connection, Finding};
use crate::segment::Segment;
use crate::signals::Signals;
use crate::time::{Span, Time};
use crate::tracker::{self, Profile};

/// What is noted of the capture as a whole, as its segments pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    segments: u64,
    back_steps: u64,
    begin: Option<Time>,
    latest: Option<Time>,
}

impl Watch {
    /// Takes note of a segment.
    pub fn segment(&mut self, seg: &Segment) {
        self.segments += 1;
        self.begin.get_or_insert(seg.time);
        if self.latest.is_some_and(|t| t - seg.time > Span::secs(1)) {
            self.back_steps += 1;
        }
        self.latest = self.latest.max(Some(seg.time));
    }

    /// What is known of the capture at `end`, all its connections surveyed.
    pub fn scene<'a>(
        &self,
        survey: Survey,
        end: Time,
        undecoded: u64,
        profile: &'a Profile,
        limits: &'a Limits,
    ) -> Scene<'a> {
        let Survey { quality, mut silent, mut unseen, spoke } = survey;
        silent.retain(|host| !spoke.contains(host));
        unseen.retain(|host| silent.contains(host));
        let quality = Quality { undecoded, segments: self.segments, back_steps: self.back_steps, ..quality };
        Scene { begin: self.begin.unwrap_or(end), end, profile, limits, quality, silent, unseen }
    }
}

/// What of the capture's quality shows in its connections, added up one by one.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    quality: Quality,
    silent: BTreeSet<IpAddr>,
    unseen: BTreeSet<IpAddr>,
    spoke: BTreeSet<IpAddr>,
}

impl Survey {
    /// Adds connection `c` with its signals.
    pub fn add(&mut self, c: &tracker::Connection, s: &Signals) {
        let quality = &mut self.quality;
        quality.connections += 1;
        quality.unique += s.unique;
        if let Some(cold) = s.cold() {
            quality.copies += u64::from(cold.copies);
            quality.cut += u64::from(cold.cut);
        }
        let one_sided = is_one_sided(c, s);
        quality.one_sided += u64::from(one_sided);
        quality.begun_before += u64::from(!c.opening_seen() && !c.is_reset_only());
        for e in 0..2 {
            let addr = c.sockets[e].addr;
            if c.ends[e].packets == 0 {
                self.silent.insert(addr);
                if one_sided {
                    self.unseen.insert(addr);
                }
            } else {
                self.spoke.insert(addr);
            }
            if !one_sided {
                quality.missing += u64::from(s.ends[e].missing);
            }
            let mss = s.ends[1 - e].mss();
            quality.oversized += u64::from(mss.is_some_and(|m| s.ends[e].largest > u32::from(m)));
        }
    }
}

impl Watch {
    /// What the connections have in common, and what only the capture as a whole shows.
    ///
    /// What the user does not want to see is taken out of `connections` afterwards: until then some findings rest on others.
    pub fn findings(
        scene: &mut Scene<'_>,
        connections: &mut [Connection],
        digests: &[Digest],
        selection: &Selection,
    ) -> Vec<Finding> {
        scene.quality.open_at_end = digests.iter().filter(|d| d.open_at_end).count() as u64;
        let findings = findings(scene, connections, digests, selection);
        if *selection != Selection::default() {
            for c in connections {
                c.anomalies.retain(|a| find(a.code).is_some_and(|d| selection.wants(d)));
            }
        }
        findings
    }
}
