//! Lone SYNs looked at where none has to be built: in a flood nothing differs but addresses, ports and times. What they come
//! to is what [`look`](super::look) makes of any connection; what is the same in those of one service is added once for all of
//! a stretch.

use std::mem::discriminant;
use std::ops::Range;
use std::slice::from_ref;

use super::desk::{Desk, TOGETHER};
use super::finish::Finish;
use super::lone::Looked;
use super::stretch::{Stretch, Wanted};
use super::tally::Tally;
use crate::detect::{self, ALL, Brief, Case, Lines};
use crate::report::directory::Parties;
use crate::report::rollup::{Added, Shown};
use crate::report::{Outcome, Row, Severity};
use crate::time::{Span, Time};
use crate::timing::{Extent, Seats};
use crate::tracker::{Fate, State};

/// Of services with higher numbers it is not known which bunch is theirs: there may be as many as connections.
const KNOWN: usize = 1 << 16;

/// Those of a stretch, put together.
#[derive(Debug, Default)]
pub(super) struct Flood {
    bunches: Vec<Bunch>,
    /// By number of the service the place of its latest bunch, plus one; 0 for none.
    places: Vec<u32>,
}

/// Those of one service that come to the same.
#[derive(Debug)]
struct Bunch {
    service: u32,
    fate: Fate,
    /// How severe what is found of each is, if anything is, and as roll-ups show it.
    severity: Option<Severity>,
    shown: Option<Shown>,
    /// The group of what is found.
    group: usize,
    /// How long one waits that is behind those shown of the group. Numbers ascend: who waits no longer is behind them, too.
    behind: Option<Span>,
    /// The host of the service.
    server: u32,
    /// The groups of which the time is added up.
    seats: Seats,
    /// So many there are.
    all: u32,
    /// So many of them are in no other groups.
    count: u32,
    /// So many of them have a client on another host.
    apart: u32,
    /// How long the first of them still waits.
    longest: Span,
    /// The first one's place among the rows.
    row: usize,
}

/// One of them.
#[derive(Clone, Copy)]
struct Syn {
    index: usize,
    id: u64,
    time: Time,
    packet: u64,
    fate: Fate,
}

/// What is wanted of all in a stretch, and where lines are drawn.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub wanted: Wanted<'a>,
    pub lines: Lines,
}

impl Flood {
    /// The place of the bunch of such a one, if there is one.
    #[inline]
    fn place(&self, service: u32, fate: Fate, severity: Option<Severity>) -> Option<usize> {
        let place = (*self.places.get(service as usize)? as usize).checked_sub(1)?;
        let bunch = self.bunches.get(place)?;
        (bunch.severity == severity && discriminant(&bunch.fate) == discriminant(&fate)).then_some(place)
    }

    fn push(&mut self, bunch: Bunch) -> usize {
        let service = bunch.service as usize;
        self.bunches.push(bunch);
        if service < KNOWN {
            if service >= self.places.len() {
                self.places.resize(service + 1, 0);
            }
            self.places[service] = self.bunches.len() as u32;
        }
        self.bunches.len() - 1
    }
}

impl Finish<'_> {
    /// Whether lone SYNs can be looked at apart from other connections.
    pub(super) fn has_floods(&self, wanted: Wanted<'_>) -> bool {
        wanted.only.is_none() && (!wanted.connections || wanted.in_short())
    }

    /// Looks at the connections at these few places, if all of them are lone SYNs; where not, nothing is done.
    #[inline]
    pub(super) fn look_at_flood(
        &self,
        range: Range<usize>,
        asked: Asked<'_>,
        tally: &mut Tally,
        desk: &mut Desk,
        stretch: &mut Stretch,
    ) -> bool {
        let (tracker, profile) = (&self.analysis.tracker, &self.analysis.profile);
        let mut syns = [(Time(0), 0, Fate::Unanswered); TOGETHER];
        for (position, seen) in range.clone().zip(&mut syns) {
            let Some((time, packet, _)) = tracker.lone_syn(self.at(position)).filter(|syn| syn.1 != 0) else {
                return false;
            };
            let Some(fate) = Fate::of(time, self.end, profile) else { return false };
            *seen = (time, packet, fate);
        }
        for (position, (time, packet, fate)) in range.zip(syns) {
            let syn = Syn { index: self.at(position), id: self.id(position), time, packet, fate };
            self.add_syn(&syn, asked, tally, desk, stretch);
        }
        true
    }

    #[inline(always)]
    fn add_syn(&self, syn: &Syn, asked: Asked<'_>, tally: &mut Tally, desk: &mut Desk, stretch: &mut Stretch) {
        let (Syn { index, id, time, packet, fate, .. }, flood) = (*syn, &mut desk.flood);
        let (parties, outcome) = (self.parties[index], Outcome::of_fate(fate));
        let waited = if let Fate::GivenUp(at) = fate { at } else { self.end } - time;
        let unseen = self.scene.serves_unseen(parties.service);
        let severity = if unseen { None } else { asked.lines.severity(waited) };
        let found = || severity.and_then(|_| asked.lines.lone((time, packet), waited));
        if self.goes_on && detect::rest_on_absence(found().as_slice()) {
            tally.stay.push(index as u32);
            return;
        }
        tally.digests.last_mut().into_iter().for_each(|digests| digests.push_fate((id, parties), (time, packet), fate));
        tally.totals.lone(fate, time);
        let known = flood.place(parties.service, fate, severity);
        let place = known.unwrap_or_else(|| flood.push(self.bunch(syn, parties, found(), tally)));
        let bunch = &mut flood.bunches[place];
        bunch.all += 1;
        if let (Some(_), Some(severity)) = (known, severity) {
            let group = (bunch.group, time, parties.client);
            if bunch.behind.is_some_and(|behind| waited <= behind) {
                tally.groups.count(group);
            } else if tally.groups.add_behind(group, Case { id, packet, length: Lines::length(waited), severity }) {
                bunch.behind = Some(waited);
            } else if let Some(brief) = found() {
                tally.groups.add_at(bunch.group, (id, index, true), parties.client, (&brief, None));
            }
        }
        if parties.client == bunch.server {
            let added = Added::new(id, parties, outcome, &self.scene.directory);
            tally.rollups.add(&added, bunch.shown.as_slice());
        } else {
            tally.rollups.add_client(parties.client, outcome);
            bunch.apart += 1;
        }
        self.time(bunch, (fate, waited), parties, tally);
        if asked.wanted.connections {
            self.tell_or_build(syn, (found().as_ref(), parties.service), asked, desk, stretch);
        } else if known.is_none() || !asked.wanted.alike {
            bunch.row = stretch.rows.len();
            stretch.rows.push(self.row_of(syn, bunch.shown.as_ref()));
        }
    }

    /// Adds up the time of one of a bunch that came to this, and whose client waits, or waited, for so long.
    #[inline(always)]
    fn time(&self, bunch: &mut Bunch, (fate, waited): (Fate, Span), parties: Parties, tally: &mut Tally) {
        if !self.is_timed() {
            return;
        }
        // Only where all is measured are there groups by client.
        let full = self.analysis.options.timing == Extent::Full;
        let seats = if full { tally.tables.seats(parties) } else { bunch.seats };
        if full || matches!(fate, Fate::GivenUp(_)) {
            tally.tables.add_fate(seats, fate, waited);
        }
        if seats != bunch.seats {
            tally.tables.add_alike(seats, (fate, 1, waited), self.analysis.options.vantage);
            return;
        }
        bunch.count += 1;
        bunch.longest = bunch.longest.max(waited);
    }

    /// Tells a lone SYN in short, or builds it.
    fn tell_or_build(
        &self,
        syn: &Syn,
        (found, service): (Option<&Brief>, u32),
        asked: Asked<'_>,
        desk: &mut Desk,
        stretch: &mut Stretch,
    ) {
        let Syn { index, id, time, packet, fate } = *syn;
        let (tracker, profile) = (&self.analysis.tracker, &self.analysis.profile);
        let looked = Looked {
            id,
            sockets: &tracker.sockets(index),
            segment: (time, packet),
            scope: tracker.lone_syn(index).map(|(.., scope)| scope),
            ends: fate.come(time, self.end, profile),
            briefs: found.map_or(&[], from_ref),
            service,
        };
        if self.tell_in_short(&looked, &mut desk.kinds, &mut stretch.lone) {
            return;
        }
        let Some(lone) = tracker.lone(index) else { return };
        let verdicts = desk.weighing[0].weigh_lone(&lone, self.end, profile);
        match self.are_written(asked.wanted) {
            true => stretch.passages.push(self.in_full((index, id), verdicts)),
            false => stretch.connections.push(self.in_full((index, id), verdicts)),
        }
    }

    /// The bunch that begins with `syn`, which is yet to be counted, but for its finding.
    fn bunch(&self, syn: &Syn, parties: Parties, found: Option<Brief>, tally: &mut Tally) -> Bunch {
        let server = self.analysis.tracker.sockets(syn.index)[1];
        let group = found.map(|brief| tally.groups.add((syn.id, syn.index, true), parties, server, (&brief, None)));
        let shown = found.and_then(|brief| {
            let d = ALL[usize::from(brief.declaration)];
            let Brief { severity, endpoint, .. } = brief;
            let wanted = self.analysis.options.selection.wants(d);
            wanted.then_some(Shown { code: d.code, name: d.name, severity, endpoint })
        });
        Bunch {
            service: parties.service,
            fate: syn.fate,
            severity: found.map(|brief| brief.severity),
            shown,
            group: group.unwrap_or_default(),
            behind: None,
            server: self.scene.directory.server(parties.service),
            seats: tally.tables.seats_of(parties.service),
            all: 0,
            count: 0,
            apart: 0,
            longest: Span(0),
            row: 0,
        }
    }

    /// The `stretch` is over, of which this is wanted: adds what is the same in all of a bunch.
    pub(super) fn settle(&self, wanted: Wanted<'_>, flood: &mut Flood, tally: &mut Tally, stretch: &mut Stretch) {
        let given = self.analysis.options.vantage;
        for bunch in flood.bunches.drain(..) {
            let Bunch { service, server, fate, all, count, .. } = bunch;
            tally.totals.lones(fate, all.into());
            tally.rollups.add_at_server([server, service], Outcome::of_fate(fate), bunch.shown.as_ref(), bunch.apart);
            if self.is_timed() {
                tally.tables.add_alike(bunch.seats, (fate, count.into(), bunch.longest), given);
            }
            if wanted.alike && !wanted.connections {
                stretch.rows[bunch.row].alike = u64::from(all) - 1;
            }
            if let Some(place) = flood.places.get_mut(service as usize) {
                *place = 0;
            }
        }
    }

    fn row_of(&self, syn: &Syn, shown: Option<&Shown>) -> Row {
        let [client, server] = *self.analysis.tracker.sockets(syn.index);
        let states = match syn.fate {
            Fate::Received => [State::SynSent, State::SynRcvd],
            Fate::Unanswered => [State::SynSent, State::Closed],
            Fate::GivenUp(_) => [State::Closed; 2],
        };
        Row {
            id: syn.id,
            worst: shown.map(|shown| (shown.name, shown.severity)),
            client,
            server,
            outcome: Outcome::of_fate(syn.fate),
            closed_first: None,
            reset_by: None,
            states,
            bytes: 0,
            packets: 1,
            first: syn.time,
            last: syn.time,
            handshake: None,
            one_way: false,
            midstream: false,
            alike: 0,
        }
    }
}
