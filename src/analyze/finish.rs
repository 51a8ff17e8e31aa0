//! The end of an analysis: connections are looked at, a stretch at a time, and added up; the report is what the sums come
//! to.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Past;
use super::chosen::Chosen;
use super::desk::Desk;
use super::held::Held;
use super::notes::Noted;
use super::numbers::{Numbers, in_order};
use super::past::Stay;
use super::stretch::{Stretch, Wanted, fitting};
use super::tally::{Tally, found_together};
use crate::detect::{self, Digests, Scene, Unremarkable};
use crate::report::Rollups;
use crate::report::directory::Parties;
use crate::report::findings;
use crate::report::totals::Totals;
use crate::report::{Capture, Connection, Report, SCHEMA, TOOL};
use crate::segment::Socket;
use crate::source::{self, FileInfo};
use crate::time::Time;
use crate::timing::table::Builder;
use crate::tracker::Tracker;

/// An analysis that has seen its last packet.
pub struct Finish<'a> {
    pub(super) analysis: Held<'a>,
    pub(super) scene: Scene,
    /// Which textbook connections detectors need not be asked about.
    pub(super) unremarkable: Unremarkable,
    /// Who each connection in the tracker is between.
    pub(super) parties: Vec<Parties>,
    pub(super) capture: Capture,
    pub(super) end: Time,
    /// Indices in order of first packets, where they are not in that order anyway.
    order: Option<Vec<u32>>,
    /// Numbers of the connections in order of first packets.
    numbers: Numbers,
    /// Findings of a kind and severity that are put into words.
    pub(super) told: usize,
    /// What connections came to that were let go before.
    pub(super) past: Past,
    /// The worst cases among those let go round by round.
    pub(super) kept: Tracker<Noted>,
    /// Whether the capture goes on after `end`.
    pub(super) goes_on: bool,
    /// Where the next stretch begins, and up to where stretches are looked at.
    pub(super) next: usize,
    pub(super) until: usize,
    /// Connections in a round, and where this one begins: what comes before it is gone.
    round: usize,
    begin: usize,
    /// What they add up to so far; taken out while connections are added to it.
    pub(super) sums: Option<Box<Tally>>,
    /// Digests that were in it before it was taken out.
    pub(super) earlier: Vec<Digests>,
    /// Totals of what another thread looked at, in all rounds: they go into the sums once.
    pub(super) apart: Option<Totals>,
    /// Where they are looked at, from the first time on.
    desk: Option<Box<Desk>>,
}

impl<'a> Finish<'a> {
    /// All connections at the end of the capture, after those let go before that came to `past`.
    pub(super) fn new(analysis: Held<'a>, mut past: Past, files: Vec<FileInfo>) -> Finish<'a> {
        let end = analysis.capture.last.max(source::until(&files)).unwrap_or(Time(0));
        let tracker = &analysis.tracker;
        if past.sums.is_some() {
            let order = past.number(tracker, |_| true);
            return Finish::after(analysis, past, order, end, files);
        }
        let order = (!tracker.is_in_order())
            .then(|| in_order(0..tracker.len() as u32, |index| tracker.first_packet(index as usize)));
        Finish::of(analysis, past, order, (end, false), files)
    }

    /// The connections in this order, that of their numbers, where some are let go.
    pub(super) fn after(
        analysis: Held<'a>,
        past: Past,
        order: Vec<u32>,
        end: Time,
        files: Vec<FileInfo>,
    ) -> Finish<'a> {
        let numbers = order.iter().map(|index| past.numbers[*index as usize]).collect();
        Finish::of(analysis, past, Some(order), (end, true), files).numbered(numbers)
    }

    /// The connections in this order, or all in that of the tracker, at `end`; whether some are let go.
    fn of(
        mut analysis: Held<'a>,
        mut past: Past,
        order: Option<Vec<u32>>,
        (end, let_go): (Time, bool),
        files: Vec<FileInfo>,
    ) -> Finish<'a> {
        let all = analysis.tracker.len();
        let count = order.as_ref().map_or(all, Vec::len);
        let indices = (0..count).map(|i| order.as_ref().map_or(i, |order| order[i] as usize));
        // Those that were looked at before have been counted then.
        let known = if past.stay.is_empty() { 0 } else { all };
        let (mut parties, mut counted) = (vec![Parties::default(); all], vec![false; known]);
        for (index, stay) in &past.stay {
            if let Stay::ToTheEnd(who) = stay {
                (parties[*index as usize], counted[*index as usize]) = (*who, true);
            }
        }
        let new = indices.filter(|index| !counted.get(*index).is_some_and(|counted| *counted));
        let (before, extent) = (std::mem::take(&mut past.survey), analysis.options.timing);
        let census = &mut past.census;
        let survey = analysis.survey_after(before, new, |index, who| {
            parties[index] = who;
            census.count(who, extent);
        });
        let mut scene = analysis.scene_of(survey, end);
        scene.let_go = let_go;
        if analysis.whole {
            scene.quality.misses_nothing();
        }
        let begin = analysis.capture.first.map_or(scene.begin, |first| first.min(scene.begin));
        scene.length = Some(end - begin);
        let capture = analysis.captured(files, (begin, end), &scene);
        scene.quality.dropped = capture.dropped();
        // How many there will be is not known where some are let go.
        let expected = if let_go { usize::MAX } else { count };
        let sums = match &mut past.sums {
            Some(before) => before.goes_on(&past.census, &scene.directory),
            None => Tally::new(expected, Builder::new(extent, &past.census, &scene.directory), scene.begin, end),
        };
        let unremarkable = Unremarkable::within(&analysis.options.limits);
        let (numbers, told, goes_on, next, until, sums) =
            (Numbers::FromOne, usize::MAX, false, 0, count, Some(Box::new(sums)));
        Finish {
            analysis,
            scene,
            unremarkable,
            parties,
            capture,
            end,
            order,
            numbers,
            told,
            past,
            kept: Tracker::default(),
            goes_on,
            next,
            until,
            round: 0,
            begin: 0,
            sums,
            earlier: Vec::new(),
            apart: None,
            desk: None,
        }
    }

    /// The same with other numbers than those counted from 1: one for each connection, in order of first packets.
    #[must_use]
    pub fn numbered(self, numbers: Vec<u64>) -> Finish<'a> {
        Finish { numbers: Numbers::of(numbers), ..self }
    }

    /// The same where connections that were closed before are forgotten.
    #[must_use]
    pub fn forgetful(mut self) -> Finish<'a> {
        self.scene.known_from = self.end;
        self
    }

    /// The capture, about which all is known.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Only so many findings of a kind and severity are told, those with the most connections; the others are counted. What
    /// only many connections together show is told always.
    pub fn tell(&mut self, most: usize) {
        self.told = most;
    }

    /// Looks at the next connections; `None` when all have been looked at.
    pub fn next(&mut self, wanted: Wanted<'_>) -> Option<Stretch> {
        self.begin_chosen(wanted);
        let range = self.stretch(self.next, self.length(wanted, self.next..self.until))?;
        self.next = range.end;
        let (mut sums, mut desk) = (self.sums.take()?, self.desk.take().unwrap_or_default());
        let stretch = self.look_at(range, wanted, &mut sums, &mut desk);
        (self.sums, self.desk) = (Some(sums), Some(desk));
        Some(stretch)
    }

    /// The report is to be about some of the connections; there may be none of them.
    pub(super) fn begin_chosen(&mut self, wanted: Wanted<'_>) {
        if let Some(sums) = self.sums.as_mut().filter(|sums| wanted.only.is_some() && sums.chosen.is_none()) {
            sums.chosen = Some(Chosen::default());
            // Of few, among however many, all moments count.
            sums.totals = Totals::new(0, self.scene.begin, self.end);
        }
    }

    /// Of connections chosen it shows as they are added up how many there are, in however many parts.
    pub(super) fn loosen(&self, sums: &mut Tally) {
        if sums.chosen.is_some() {
            sums.totals.loosen_if_many(self.scene.begin, self.end);
        }
    }

    /// The same in rounds of `least` connections or more where there are many and nobody else needs them: these are looked
    /// at, and let go before the [next](Finish::next_round) ones are.
    #[must_use]
    pub fn in_rounds(mut self, least: usize) -> Finish<'a> {
        if matches!(self.analysis, Held::Own(_)) && self.until > least.saturating_mul(2) {
            // What is added up of hosts is gone through in each round: there must not be too many.
            self.round = fitting((self.until / 16).max(least));
            self.until = self.until.min(self.round);
        }
        self
    }

    /// Whether there is another round.
    pub fn has_more_rounds(&self) -> bool {
        self.until < self.count()
    }

    /// Lets go of the connections of this round, and begins the next one.
    pub fn next_round(&mut self) {
        self.keep_worst();
        self.time_chosen();
        let gone = std::mem::replace(&mut self.begin, self.until)..self.until;
        if let Held::Own(analysis) = &mut self.analysis {
            match &self.order {
                Some(order) => order[gone].iter().for_each(|index| analysis.tracker.release(*index as usize)),
                None => {
                    analysis.tracker.release_all(gone);
                    analysis.tracker.let_go(self.begin);
                }
            }
        }
        self.until = (self.until + self.round).min(self.count());
    }

    /// The stretch that begins at this place, if it is to be looked at now.
    pub(super) fn stretch(&self, from: usize, length: usize) -> Option<Range<usize>> {
        (from < self.until).then(|| from..(from + length).min(self.until))
    }

    /// How many connections there were so far, those let go among them.
    pub fn all(&self) -> u64 {
        self.past.last().max(self.count() as u64)
    }

    /// The places of this round.
    pub(super) fn this_round(&self) -> Range<usize> {
        self.begin..self.until
    }

    /// How many connections there are to be looked at.
    fn count(&self) -> usize {
        self.order.as_ref().map_or(self.analysis.tracker.len(), Vec::len)
    }

    /// The place of the connection with this number in the order of first packets, unless it was let go.
    pub(super) fn position(&self, id: u64) -> Option<usize> {
        let position = self.numbers.position(id);
        ((self.begin..self.count()).contains(&position) && self.id(position) == id).then_some(position)
    }

    /// The number of the connection at this place in the order of first packets.
    pub(super) fn id(&self, position: usize) -> u64 {
        self.numbers.at(position)
    }

    /// The index in the tracker of the connection at this place in the order of first packets.
    pub(super) fn at(&self, position: usize) -> usize {
        self.order.as_ref().map_or(position, |order| order[position] as usize)
    }

    /// Of each connection, in the order in which they are looked at, its sockets and the number of its first packet.
    pub fn beginnings(&self) -> impl Iterator<Item = ([Socket; 2], u64)> {
        let tracker = &self.analysis.tracker;
        let indices = (0..self.count()).map(|position| self.at(position));
        indices.map(|index| (*tracker.sockets(index), tracker.first_packet(index)))
    }

    /// Whether connections are only written, now, and none of it is what was disproved.
    pub(super) fn are_written(&self, wanted: Wanted<'_>) -> bool {
        wanted.written && wanted.only.is_none() && !self.analysis.options.retracted
    }

    pub(super) fn wants_code(&self, code: &str) -> bool {
        let selection = &self.analysis.options.selection;
        *selection == detect::Selection::default() || detect::find(code).is_some_and(|d| selection.wants(d))
    }

    /// The sums over all connections, those let go before first.
    pub(super) fn all_sums(&mut self) -> Option<Box<Tally>> {
        let mut sums = self.sums.take()?;
        self.apart.take().into_iter().for_each(|totals| sums.totals.merge(&totals));
        match self.past.sums.take() {
            Some(mut before) => {
                before.append(*sums);
                self.loosen(&mut before);
                Some(before)
            }
            None => Some(sums),
        }
    }

    /// The report, about `connections`.
    pub fn report(mut self, connections: Vec<Connection>) -> Report {
        self.time_chosen();
        let sums = self.all_sums();
        let nothing = || Tally::nothing(&self.scene.directory, self.scene.begin, self.end);
        let sums = sums.unwrap_or_else(|| Box::new(nothing()));
        let Tally { totals, mut rollups, groups, mut digests, tables, mut chosen, .. } = *sums;
        self.scene.quality.open_at_end = digests.iter().map(Digests::open_at_end).sum();
        let (selection, directory) = (&self.analysis.options.selection.clone(), &self.scene.directory);
        if self.scene.let_go {
            digests.iter_mut().for_each(|digests| digests.mark_quarters(&self.scene.quarters));
        }
        let groups_chosen = if chosen.is_some() { groups.chosen() } else { BTreeMap::new() };
        let told = (self.told, chosen.is_some());
        let (mut list, untold) = groups.finish(directory, selection, told, |place, brief| self.anomaly(place, brief));
        // Nothing is looked at any more.
        if let Held::Own(analysis) = &mut self.analysis {
            analysis.forget_all();
        }
        let (wide, mut carried) = detect::wide(&self.scene, &digests, directory, selection);
        list.extend(wide);
        findings::sort(&mut list);
        let narrow = |chosen: &mut Chosen| chosen.narrow(&mut list, &mut carried, &groups_chosen);
        let left_out = chosen.as_mut().map(narrow).unwrap_or_default();
        found_together(&mut rollups, &carried, &digests, directory);
        drop(digests);
        Report {
            schema: SCHEMA,
            tool: TOOL,
            capture: self.capture,
            rollups: Rollups { carried, ..rollups.finish(directory) },
            summary: totals.finish(),
            connections,
            findings: list,
            untold,
            left_out,
            timing: chosen.and_then(Chosen::tables).unwrap_or(tables).finish(),
        }
    }
}
