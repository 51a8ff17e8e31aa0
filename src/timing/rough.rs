//! The groups of a column that have too many samples to keep.

use super::histogram::Histogram;
use super::seats::{self, ALL, KIND, KINDS, SEATS, Seats};

/// Histograms, by seat: one for each of `L` samples that are taken at once.
#[derive(Clone, Debug)]
pub struct Rough<const L: usize> {
    /// None at all as long as no group has too many samples.
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

    /// The same of a group that has too many from now on.
    pub fn begin(&mut self, seat: usize) -> &mut [Histogram; L] {
        if self.seats.is_empty() {
            self.seats = vec![None; SEATS];
        }
        if seat != ALL {
            self.kinds[seat / KIND] = true;
        }
        self.seats[seat].get_or_insert_with(|| Box::new(std::array::from_fn(|_| Histogram::of(&[]))))
    }

    /// Without samples, for the groups to which the most go: of every four, one or more.
    pub fn empty(&self) -> Rough<L> {
        let mut rough = Rough::default();
        let most = self.get(ALL).map_or(u64::MAX, |all| all[0].figures.count);
        for (seat, histograms) in self.seats.iter().enumerate() {
            if let Some(histograms) = histograms.as_ref().filter(|h| h[0].figures.count >= most / 4) {
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

    /// Takes from samples, stored with their seats, those of its groups. Returns how many are in other groups too; these
    /// come first then.
    pub fn settle(&mut self, samples: &mut [[u64; L]]) -> usize {
        // The seat of all is the one that those without a group of the first kind have.
        let all = self.seats.get_mut(ALL).and_then(Option::take);
        for kind in (0..KINDS).filter(|kind| self.kinds[*kind]) {
            let groups = &mut self.seats[kind * KIND..][..KIND];
            for batch in samples.chunks_mut(BATCH) {
                // Which of them are in such a group is not foreseen: these are found first.
                let (mut found, mut count) = ([0_u16; BATCH], 0);
                for (at, stored) in (0..).zip(&*batch) {
                    found[count] = at;
                    count += usize::from(groups[Seats::of(stored).of_kind(kind)].is_some());
                }
                for (n, at) in found[..count].iter().enumerate() {
                    if let Some(ahead) = found[..count].get(n + SOON) {
                        let stored = &batch[usize::from(*ahead)];
                        let histograms = groups[Seats::of(stored).of_kind(kind)].iter().flat_map(|all| all.iter());
                        (0..).zip(histograms).for_each(|(lane, one)| one.prefetch(seats::sample(stored, lane)));
                    }
                    let stored = &mut batch[usize::from(*at)];
                    let seats = Seats::of(stored);
                    let place = seats.of_kind(kind);
                    if let Some(histograms) = &mut groups[place] {
                        (0..).zip(&mut **histograms).for_each(|(lane, one)| one.take(seats::sample(stored, lane)));
                        seats.without(kind * KIND + place).put(stored);
                    }
                }
            }
        }
        let Some(mut all) = all else { return samples.len() };
        for batch in samples.chunks(BATCH) {
            // Mostly all of them are, or none.
            if Seats::all_in_all(batch) {
                take_all(&mut all, batch.iter());
            } else {
                take_all(&mut all, batch.iter().filter(|stored| Seats::of(stored).in_all()));
            }
        }
        self.seats[ALL] = Some(all);
        seats::leave_placed(samples)
    }

    /// Takes what was sampled at once for its groups among these; returns the others.
    pub fn settle_one(&mut self, seats: Seats, samples: [i64; L]) -> Seats {
        let mut rest = seats;
        seats.each(|seat| {
            if let Some(Some(histograms)) = self.seats.get_mut(seat) {
                histograms.iter_mut().zip(samples).for_each(|(histogram, sample)| histogram.take(sample));
                rest = rest.without(seat);
            }
        });
        rest
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

/// So many samples are taken together.
const BATCH: usize = 1_024;
/// So many samples ahead their buckets are prefetched.
const SOON: usize = 16;
