//! The groups of a column that have too many samples to keep.

use super::histogram::Histogram;
use super::seats::{self, ALL, KIND, KINDS, SEATS, Seats};

/// Histograms, by seat: one for each of `L` samples that are taken at once.
///
/// A sample of a group of the first kind is counted there alone, and until that group has too many not at all: what is in these
/// is [added](Rough::complete) to the group of all at the end.
#[derive(Clone, Debug)]
pub struct Rough<const L: usize> {
    /// None at all as long as no group has too many samples. If any has, the group of all has.
    seats: Vec<Option<Box<[Histogram; L]>>>,
    /// Whether a group of this kind has.
    kinds: [bool; KINDS],
}

impl<const L: usize> Default for Rough<L> {
    fn default() -> Rough<L> {
        Rough { seats: Vec::new(), kinds: [false; KINDS] }
    }
}

impl<const L: usize> Rough<L> {
    /// Whether no group has too many samples.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The histograms of a group that has too many.
    #[inline]
    pub fn get(&self, seat: usize) -> Option<&[Histogram; L]> {
        self.seats.get(seat).and_then(Option::as_deref)
    }

    /// How many samples of a group are in its histograms.
    pub fn count(&self, seat: usize) -> u64 {
        self.get(seat).map_or(0, |histograms| histograms[0].figures.count)
    }

    /// How many samples of the group of all have been counted.
    pub fn counted(&self) -> u64 {
        (0..KIND).map(|seat| self.count(seat)).sum()
    }

    /// The same of a group that has too many from now on.
    pub fn begin(&mut self, seat: usize) -> &mut [Histogram; L] {
        let blank = || Box::new(std::array::from_fn(|_| Histogram::of(&[])));
        if self.seats.is_empty() {
            self.seats = vec![None; SEATS];
            self.seats[ALL] = Some(blank());
        }
        if seat != ALL {
            self.kinds[seat / KIND] = true;
        }
        self.seats[seat].get_or_insert_with(blank)
    }

    /// Without samples, for the groups to which the most go: of every four, one or more.
    pub fn empty(&self) -> Rough<L> {
        let (mut rough, most) = (Rough::default(), self.counted());
        for (seat, histograms) in self.seats.iter().enumerate() {
            if let Some(histograms) = histograms.as_ref().filter(|h| seat == ALL || h[0].figures.count >= most / 4) {
                *rough.begin(seat) = histograms.each_ref().map(Histogram::empty);
            }
        }
        rough
    }

    /// Whether each of these groups has too many in `other` too.
    pub fn is_within(&self, other: &Rough<L>) -> bool {
        self.seats.iter().enumerate().all(|(seat, histograms)| histograms.is_none() || other.get(seat).is_some())
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: Rough<L>) {
        for (seat, theirs) in other.seats.into_iter().enumerate() {
            if let Some(theirs) = theirs {
                self.begin(seat).iter_mut().zip(&*theirs).for_each(|(mine, theirs)| mine.merge(theirs));
            }
        }
    }

    /// Takes samples that are in no group but that of all, which has too many.
    pub fn take(&mut self, samples: &[[i64; L]]) {
        if let Some(Some(all)) = self.seats.get_mut(ALL) {
            (0..).zip(&mut **all).for_each(|(lane, one)| one.take_all(samples.iter().map(|sample| sample[lane])));
        }
    }

    /// Takes from samples, stored with their seats, those of its groups. Returns how many are in other groups too; these
    /// come first then.
    pub fn settle(&mut self, samples: &mut [[u64; L]]) -> usize {
        for kind in 1..KINDS {
            if self.kinds[kind] {
                samples.chunks_mut(BATCH).for_each(|batch| self.settle_kind(kind, batch));
            }
        }
        let (mut begin, mut left) = (0, 0);
        while begin < samples.len() {
            let end = samples.len().min(begin + BATCH);
            let still = self.count_once(&mut samples[begin..end]);
            samples.copy_within(begin..begin + still, left);
            (begin, left) = (end, left + still);
        }
        left
    }

    /// Takes those of its groups of one kind.
    fn settle_kind(&mut self, kind: usize, batch: &mut [[u64; L]]) {
        let groups = &mut self.seats[kind * KIND..][..KIND];
        // Which of them are in such a group is not foreseen: these are found first.
        let (mut found, mut count) = ([0_u16; BATCH], 0);
        for (at, stored) in (0..).zip(&*batch) {
            found[count % BATCH] = at;
            count += usize::from(groups[Seats::of(stored).of_kind(kind)].is_some());
        }
        for at in &found[..count] {
            let stored = &mut batch[usize::from(*at)];
            let seats = Seats::of(stored);
            let place = seats.of_kind(kind);
            if let Some(histograms) = &mut groups[place] {
                (0..).zip(&mut **histograms).for_each(|(lane, one)| one.take(seats::sample(stored, lane)));
                seats.without(kind * KIND + place).put(stored);
            }
        }
    }

    /// Takes those that are in no group of the first kind, or in one that has too many. They are put in order of these first, so
    /// that those of each are counted in one go.
    fn count_once(&mut self, batch: &mut [[u64; L]]) -> usize {
        let mut sorts = [STAYS; KIND];
        for (seat, sort) in sorts.iter_mut().enumerate().filter(|(seat, _)| self.seats[*seat].is_some()) {
            *sort = seat as u8;
        }
        let (mut sorted, mut ends) = ([0_u8; BATCH], [0_u16; 1 << u8::BITS]);
        for (sort, stored) in sorted.iter_mut().zip(&*batch) {
            let seats = Seats::of(stored);
            *sort = if seats.is_only_of_first() { sorts[seats.of_kind(0)] } else { STAYS };
            ends[usize::from(*sort)] += 1;
        }
        let mut end = 0;
        for begin in &mut ends[..=usize::from(STAYS)] {
            end += std::mem::replace(begin, end);
        }
        let mut order = [0_u16; BATCH];
        for (at, sort) in (0..).zip(&sorted[..batch.len()]) {
            let end = &mut ends[usize::from(*sort)];
            order[usize::from(*end) % BATCH] = at;
            *end += 1;
        }
        let mut begin = 0;
        for (histograms, end) in self.seats.iter_mut().zip(&ends[..KIND]) {
            let end = usize::from(*end);
            if let Some(histograms) = histograms.as_mut().filter(|_| begin < end) {
                take_all(histograms, order[begin..end].iter().map(|at| &batch[usize::from(*at)]));
            }
            begin = end;
        }
        let mut left = 0;
        for at in &order[begin..batch.len()] {
            let mut stored = batch[usize::from(*at)];
            let seats = Seats::of(&stored);
            if let Some(histograms) = self.seats[seats.of_kind(0)].as_mut().filter(|_| seats.in_all()) {
                (0..).zip(&mut **histograms).for_each(|(lane, one)| one.take(seats::sample(&stored, lane)));
                seats.counted().put(&mut stored);
            }
            batch[left] = stored;
            left += usize::from(!Seats::of(&stored).is_empty());
        }
        left
    }

    /// Takes what was sampled at once for its groups among these; returns the others.
    pub fn settle_one(&mut self, seats: Seats, samples: [i64; L]) -> Seats {
        let mut rest = seats;
        let mut take = |seat: usize| match self.seats.get_mut(seat) {
            Some(Some(histograms)) => {
                histograms.iter_mut().zip(samples).for_each(|(histogram, sample)| histogram.take(sample));
                true
            }
            _ => false,
        };
        if seats.in_all() && take(seats.of_kind(0)) {
            rest = rest.counted();
        }
        for kind in 1..KINDS {
            let place = seats.of_kind(kind);
            if place != 0 && take(kind * KIND + place) {
                rest = rest.without(kind * KIND + place);
            }
        }
        rest
    }

    /// Adds to the group of all what is not counted yet of samples that are kept, and what was counted of groups of the first
    /// kind.
    pub fn complete(&mut self, short: &mut [Vec<[u64; L]>], long: &mut [([i64; L], Seats)]) {
        let Some(mut all) = self.seats.get_mut(ALL).and_then(Option::take) else { return };
        for piece in short {
            take_all(&mut all, piece.iter().filter(|stored| Seats::of(stored).in_all()));
            piece.iter_mut().for_each(|stored| Seats::of(stored).without(ALL).put(stored));
        }
        for (samples, seats) in long.iter_mut().filter(|(_, seats)| seats.in_all()) {
            all.iter_mut().zip(samples).for_each(|(histogram, sample)| histogram.take(*sample));
            *seats = seats.without(ALL);
        }
        for group in self.seats[..KIND].iter().flatten() {
            all.iter_mut().zip(&**group).for_each(|(all, group)| all.merge(group));
        }
        self.seats[ALL] = Some(all);
    }
}

/// Takes samples, of each lane for its histogram.
#[inline(always)]
fn take_all<'a, const L: usize>(histograms: &mut [Histogram; L], stored: impl Iterator<Item = &'a [u64; L]> + Clone) {
    let Some((first, others)) = histograms.split_first_mut() else { return };
    first.take_all(stored.clone().map(|stored| seats::sample(stored, 0)));
    for (lane, histogram) in (1..).zip(others) {
        histogram.take_all(stored.clone().map(|stored| seats::sample(stored, lane)));
    }
}

/// So many samples are taken together: the counts of a hundred groups come from far, each line for several of them.
pub const BATCH: usize = 1 << 14;
/// The sort of those that may be in groups which have not too many.
const STAYS: u8 = KIND as u8;
