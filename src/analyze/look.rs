//! A stretch of connections looked at: some at a time, one stage for all of these before the next, since the code of all
//! stages together is several times what the nearest cache holds.

use std::ops::Range;

use smallvec::SmallVec;

use super::abridged::{As, Pages, in_order};
use super::desk::{Desk, Form, Look, TOGETHER};
use super::ended::Ended;
use super::finish::Finish;
use super::flood::Asked;
use super::lone::Alike;
use super::stretch::{Stretch, Wanted};
use super::tally::Tally;
use crate::detect::{self, ALL, Attempt, Brief, Digests, View};
use crate::report::rollup::{Added, Shown};
use crate::report::{Anomaly, Connection, Ending};
use crate::timing::Extent;
use crate::tracker::verdict::Weighing;
use crate::tracker::{Outline, Verdict};

impl Finish<'_> {
    /// Looks at the connections at these places, and adds them up in `tally`.
    pub(super) fn look_at(
        &self,
        range: Range<usize>,
        wanted: Wanted<'_>,
        tally: &mut Tally,
        desk: &mut Desk,
    ) -> Stretch {
        let mut stretch = Stretch::default();
        desk.kinds = Alike::default();
        desk.stands.begin();
        if !wanted.connections {
            stretch.rows.reserve_exact(range.len());
        } else {
            // Where most are lone SYNs fewer are built.
            let some = range.len().min(wanted.stretch(false, false));
            match self.are_written(wanted) {
                true => stretch.passages.reserve_exact(some),
                false => stretch.connections.reserve_exact(some),
            }
            if range.len() > some {
                stretch.lone.syns.reserve_exact(range.len());
            }
        }
        let digests = Digests::with_capacity(range.len(), tally.digests.last());
        tally.digests.push(digests);
        let some = |n: usize| {
            let at = |n: usize| range.end.min(range.start + n * TOGETHER);
            at(n)..at(n + 1)
        };
        self.prefetch(some(0), tally);
        self.prefetch(some(1), tally);
        self.prefetch_more(some(0), tally);
        let proven = wanted.builds() || self.analysis.options.timing == Extent::Full;
        desk.scratch.iter_mut().for_each(|scratch| scratch.notes_mut().measured.ask_for_proofs(proven));
        let asked = Asked { wanted, lines: self.unremarkable.lines(&self.scene) };
        let floods = self.has_floods(wanted);
        for n in 0..range.len().div_ceil(TOGETHER) {
            self.prefetch(some(n + 2), tally);
            if floods && self.look_at_flood(some(n), asked, tally, desk, &mut stretch) {
                continue;
            }
            self.prefetch_more(some(n + 1), tally);
            self.look_at_some(some(n), wanted, tally, desk, &mut stretch);
        }
        self.settle(wanted, &mut desk.flood, tally, &mut stretch);
        tally.digests.last_mut().into_iter().for_each(Digests::trim);
        self.loosen(tally);
        stretch
    }

    /// Prefetches what the connections at these places are found by.
    fn prefetch(&self, range: Range<usize>, tally: &Tally) {
        let indices = range.map(|position| self.at(position));
        indices.clone().for_each(|index| self.analysis.tracker.prefetch_head(index));
        indices.for_each(|index| tally.rollups.prefetch(self.parties[index], &self.scene.directory));
    }

    /// The same, once that is there, of what they are added up from, and to, and of what tells where to.
    fn prefetch_more(&self, range: Range<usize>, tally: &Tally) {
        let indices = range.map(|position| self.at(position));
        indices.clone().for_each(|index| self.analysis.tracker.prefetch_tape(index));
        indices.clone().for_each(|index| tally.rollups.prefetch_sums(self.parties[index], &self.scene.directory));
        indices.for_each(|index| tally.tables.prefetch(self.parties[index]));
    }

    /// Looks at the connections at these few places.
    fn look_at_some(
        &self,
        range: Range<usize>,
        wanted: Wanted<'_>,
        tally: &mut Tally,
        desk: &mut Desk,
        stretch: &mut Stretch,
    ) {
        let (built, timing) = (wanted.builds(), self.analysis.options.timing);
        let (mut indices, mut left) = ([0; TOGETHER], [None; TOGETHER]);
        let (indices, left) = (&mut indices[..range.len()], &mut left[..range.len()]);
        indices.iter_mut().zip(range.clone()).for_each(|(index, position)| *index = self.at(position));
        self.read(indices, (built, wanted.in_short()), left, tally, desk);
        let Desk { scratch, weighing, measured, books, abridged, entered, lones, ended, .. } = desk;
        let Desk { late, proofs, briefs, anomalies, kinds, stands, nothing, .. } = desk;
        let (tracker, entered) = (&self.analysis.tracker, &entered[..range.len()]);
        let (begin, indices, chosen) = (range.start, &*indices, [true; TOGETHER]);
        let mut pages = Pages { begin, indices, books, abridged, entered, late, chosen };

        let mut looks: SmallVec<[Look<'_>; TOGETHER]> = SmallVec::new();
        let desk = scratch.iter().zip(weighing).zip(measured.iter().zip(proofs)).zip(&*books).zip(&*lones).zip(&*ended);
        let places = indices.iter().zip(range.clone()).zip(left).zip(desk).zip(entered);
        for ((((index, position), left), (((((scratch, weighing), (measured, proofs)), book), lone), ended)), _) in
            places.filter(|(_, entered)| entered.is_none())
        {
            let (index, id, sockets) = (*index, self.id(position), *tracker.sockets(*index));
            let (form, measured) = match (left, lone, ended) {
                (None, Some(lone), _) => (Form::Lone(lone), &*nothing),
                (None, _, Some(ended)) => (Form::Ended(book, ended, position - begin), &*nothing),
                (None, None, None) => (Form::Textbook(book), measured),
                (Some(_), ..) => {
                    let case = tracker.looked(index, scratch);
                    (Form::Case(case), &case.notes.measured)
                }
            };
            let (verdicts, outline, ending) = self.weigh(form, weighing);
            if built || timing == Extent::Full {
                *proofs = form.proofs(measured);
            }
            let (stays, chosen) = (false, true);
            looks.push(Look { index, id, sockets, outline, verdicts, ending, measured, proofs, form, stays, chosen });
        }
        for (i, which) in in_order(entered, looks.iter_mut().zip(&mut *briefs).zip(&mut *anomalies)) {
            match which {
                Ok(entered) => self.digest_abridged(self.who(&pages, i), &pages.books[i], entered, tally),
                Err(((look, briefs), anomalies)) => {
                    self.ask(look, built, briefs, anomalies);
                    let service = self.parties[look.index].service;
                    briefs.iter().for_each(|brief| tally.groups.prefetch(service, brief));
                    self.digest(look, briefs, tally);
                }
            }
        }
        if built {
            self.bound(&mut pages);
        }
        if wanted.only.is_some() {
            self.choose((&mut looks, &mut pages), anomalies, wanted, tally, &mut stretch.connections);
        }
        for (look, briefs) in looks.iter().zip(&*briefs) {
            let service = self.parties[look.index].service;
            briefs.iter().for_each(|brief| tally.groups.soon(service, brief));
        }
        // Those that were to be chosen from are built, and the chosen ones are timed at the end.
        if built {
            self.add_pages(&pages, wanted.only.is_none(), tally);
        }
        let found = looks.iter().zip(briefs.iter().zip(anomalies.iter()));
        for (look, found) in found.filter(|(look, _)| !look.stays) {
            self.add_up(look, found, tally);
        }
        if wanted.only.is_none() {
            self.time_all(&looks, &pages, tally);
            self.build_all((&looks, &mut pages), (briefs, anomalies), wanted, kinds, stretch);
        }
        if !wanted.connections {
            stretch.connections.clear();
            self.add_rows((&looks, &pages), briefs, (wanted.alike, stands), &mut stretch.rows);
        }
    }

    /// Reads these connections. What of them can be read without the tracker's beliefs is: lone SYNs and textbook connections,
    /// which are added up at once where none is `built`. Of the others, which are `left`, it plays the tapes, side by side.
    #[inline(always)]
    fn read(
        &self,
        indices: &[usize],
        (built, lone_in_short): (bool, bool),
        left: &mut [Option<usize>],
        tally: &mut Tally,
        desk: &mut Desk,
    ) {
        let Desk { scratch, weighing, measured, books, abridged, entered, lones, ended, flights, .. } = desk;
        let places = indices.iter().zip(books).zip(lones).zip(measured).zip(entered).zip(&mut *left);
        for (i, (((((index, book), lone), measured), entered), left)) in places.enumerate() {
            *lone = if !built || lone_in_short { self.analysis.tracker.lone(*index) } else { None };
            // What is added up at once lies in one place, and so near.
            let abridged = &mut abridged[if built { i } else { 0 }];
            (*entered, ended[i]) = (None, None);
            let read_as = match lone {
                Some(_) => As::Told,
                None => self.as_textbook(*index, (book, measured, entered), (abridged, flights)),
            };
            if read_as != As::Told {
                ended[i] = self.as_ended((*index, read_as, built), (book, abridged, &mut weighing[i]), tally);
            }
            if let Some(entered) = entered.as_ref().filter(|_| !built) {
                self.add_abridged(*index, book, entered, tally);
                self.time_abridged(*index, (book, abridged), (entered, || self.latest(book, entered)), tally);
            }
            *left = (read_as != As::Told && ended[i].is_none()).then_some(*index);
        }
        self.analysis.tracker.look_all(left, scratch);
    }

    /// What a connection in this form comes to.
    #[inline(always)]
    fn weigh<'b>(&self, form: Form<'b>, weighing: &'b mut Weighing) -> (&'b [Verdict; 2], Outline, Ending) {
        let profile = &self.analysis.profile;
        match form {
            Form::Textbook(book) => {
                let (verdicts, outline) = (weighing.weigh_textbook(book, self.end, profile), book.outline());
                let ending = Ending::of_textbook(book.closer());
                debug_assert_eq!(ending, Ending::of(&outline, verdicts));
                (verdicts, outline, ending)
            }
            Form::Ended(book, ended, _) => {
                let (verdicts, outline) = (weighing.verdicts(), book.outline_to(&ended.how));
                (verdicts, outline, Ending::of(&outline, verdicts))
            }
            Form::Lone(lone) => {
                let verdicts = weighing.weigh_lone(lone, self.end, profile);
                (verdicts, lone.outline(), Ending::of_lone(verdicts))
            }
            Form::Case(case) => {
                let verdicts = case.connection.weigh(self.end, profile, weighing);
                let outline = case.connection.outline();
                (verdicts, outline, Ending::of(&outline, verdicts))
            }
        }
    }

    /// Builds those that do not stay, of which detectors say `briefs` and `anomalies`, or tells them in short, as is wanted.
    #[inline(always)]
    fn build_all(
        &self,
        (looks, pages): (&[Look<'_>], &mut Pages<'_>),
        (briefs, anomalies): (&[Vec<Brief>], &mut [Vec<Anomaly>]),
        wanted: Wanted<'_>,
        kinds: &mut Alike,
        stretch: &mut Stretch,
    ) {
        if !wanted.connections {
            return;
        }
        let (written, Stretch { connections, passages, lone, .. }) = (self.are_written(wanted), stretch);
        for (i, which) in in_order(pages.entered, looks.iter().zip(briefs).zip(anomalies)) {
            match which {
                Ok(entered) if written => passages.push(self.listed(pages, i, entered)),
                Ok(entered) => connections.push(self.listed(pages, i, entered)),
                Err(((look, _), _)) if look.stays => {}
                Err(((look, briefs), _)) if wanted.in_short() && self.told_in_short(look, briefs, kinds, lone) => {}
                Err(((look, _), anomalies)) if written => self.build(look, &mut pages.abridged[i], anomalies, passages),
                Err(((look, _), anomalies)) => self.build(look, &mut pages.abridged[i], anomalies, connections),
            }
        }
    }

    /// Adds up the time of those that do not stay, if that is wanted.
    #[inline(always)]
    fn time_all(&self, looks: &[Look<'_>], pages: &Pages<'_>, tally: &mut Tally) {
        if !self.is_timed() {
            return;
        }
        let seats: SmallVec<[_; TOGETHER]> =
            looks.iter().map(|look| tally.tables.seats(self.parties[look.index])).collect();
        for (look, seats) in looks.iter().zip(seats).filter(|(look, _)| !look.stays) {
            let (who, given) = ((seats, &look.outline), self.analysis.options.vantage);
            match look.form {
                Form::Lone(_) => tally.tables.add_lone(seats, look.verdicts, given, self.end),
                Form::Ended(_, Ended { timed: true, .. }, _) => {}
                Form::Ended(book, ended, place) => {
                    self.time_ended(seats, (book, ended, &pages.abridged[place]), look.verdicts, tally);
                }
                _ => tally.tables.add(look.measured, who, (look.verdicts, look.proofs), given, self.end),
            }
        }
    }

    /// Builds those that do not stay, of which detectors say `anomalies`, and keeps the ones that are wanted.
    fn choose(
        &self,
        (looks, pages): (&mut [Look<'_>], &mut Pages<'_>),
        anomalies: &mut [Vec<Anomaly>],
        wanted: Wanted<'_>,
        tally: &mut Tally,
        built: &mut Vec<Connection>,
    ) {
        for (i, which) in in_order(pages.entered, looks.iter_mut().zip(anomalies)) {
            let ((index, id), chosen) = match which {
                Ok(entered) => {
                    built.push(self.listed(pages, i, entered));
                    (self.who(pages, i), &mut pages.chosen[i])
                }
                Err((look, _)) if look.stays => continue,
                Err((look, anomalies)) => {
                    self.build(look, &mut pages.abridged[i], anomalies, built);
                    ((look.index, look.id), &mut look.chosen)
                }
            };
            *chosen = built.last().is_some_and(|connection| wanted.only.is_none_or(|only| only(connection)));
            if *chosen {
                tally.chosen.get_or_insert_default().push((id, self.is_timed().then_some(index)));
            } else {
                built.pop();
            }
        }
    }

    /// What detectors say of a connection: in short, and in full if it is to be built.
    fn ask(&self, look: &Look<'_>, built: bool, briefs: &mut Vec<Brief>, anomalies: &mut Vec<Anomaly>) {
        briefs.clear();
        anomalies.clear();
        let case = match look.form {
            Form::Case(case) => case,
            Form::Textbook(_) => return,
            Form::Ended(book, ended, _) => {
                briefs.extend(ended.briefs.iter().flatten());
                if built {
                    anomalies.extend(self.ended_in_full(look, book, ended));
                }
                return;
            }
            Form::Lone(_) => {
                briefs.extend(self.unremarkable.lone(&look.verdicts[0], look.sockets[1].addr, &self.scene));
                return;
            }
        };
        let previous = self.analysis.previous(look.index);
        let who = (&case.connection, look.outline.client, look.id);
        let view = View::new(who, look.verdicts, case.notes.both(), previous.as_deref(), &self.scene);
        if built {
            *anomalies = detect::both(&view, briefs);
            anomalies.retain(|a| self.wants_code(a.code));
        } else {
            detect::briefs(&view, briefs);
        }
    }

    /// Keeps what detectors of many connections need of this one, unless it stays for now.
    #[inline]
    fn digest(&self, look: &mut Look<'_>, briefs: &[Brief], tally: &mut Tally) {
        look.stays = self.goes_on && detect::rest_on_absence(briefs);
        if look.stays {
            tally.stay.push(look.index as u32);
            return;
        }
        let Some(digests) = tally.digests.last_mut() else { return };
        let (who, outcome) = ((look.id, self.parties[look.index]), look.ending.outcome);
        let (told, last_data, attempt) = match look.form {
            Form::Textbook(book) => {
                let entered = book.entered(self.end, &self.analysis.profile);
                let (begin, end) = (book.beginning(), (book.last(), book.segments()));
                (digests.push_textbook(who, begin, end, &entered, &self.scene), None, None)
            }
            Form::Lone(_) => (digests.push_lone(who, &look.outline, look.verdicts, outcome), None, None),
            Form::Ended(_, ended, _) => (false, None, ended.attempt(look.sockets[0].port)),
            Form::Case(case) => {
                let signals = &case.notes.signals;
                (false, signals.last_data(), Attempt::of(&case.connection, signals))
            }
        };
        if !told {
            digests.push(who, &look.outline, look.verdicts, (outcome, last_data, attempt), briefs, &self.scene);
        }
    }

    /// Adds a connection to the sums, of which detectors say `briefs`, and in words, if it is yet to be built, `anomalies`.
    fn add_up(&self, look: &Look<'_>, (briefs, anomalies): (&Vec<Brief>, &Vec<Anomaly>), tally: &mut Tally) {
        let (server, parties) = (look.sockets[1 - (look.outline.client & 1)], self.parties[look.index]);
        let retracted = u64::from(look.outline.retractions);
        if !look.chosen {
            tally.totals.retract(retracted);
            for brief in briefs {
                tally.groups.add((look.id, look.index, false), parties, server, (brief, None));
            }
            return;
        }
        tally.totals.connection(look.ending, look.ends(), retracted);
        // Where all findings are told, what they say of their worst cases need not be put into words again.
        let told = self.told == usize::MAX && anomalies.len() == briefs.len();
        let mut words = anomalies.iter().map(|anomaly| anomaly.message.as_str()).filter(|_| told);
        let mut shown = SmallVec::<[Shown; 4]>::new();
        for brief in briefs {
            tally.groups.add((look.id, look.index, true), parties, server, (brief, words.next()));
            let d = ALL[usize::from(brief.declaration)];
            if self.analysis.options.selection.wants(d) {
                shown.push(Shown { code: d.code, name: d.name, severity: brief.severity, endpoint: brief.endpoint });
            }
        }
        let added = Added::new(look.id, parties, look.ending.outcome, &self.scene.directory);
        tally.rollups.add(&added, &shown);
    }
}
