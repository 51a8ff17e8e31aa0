//! The groups of a column that have too many samples to keep.

use super::histogram::Histogram;
use super::quantile::Figures;
use super::seats::{self, ALL, KIND, KINDS, SEATS, Seats};

/// Histograms, by seat.
#[derive(Clone, Debug, Default)]
pub struct Rough {
    /// None at all as long as no group has too many samples.
    seats: Vec<Option<Box<Histogram>>>,
    /// Whether a group of this kind has.
    kinds: [bool; KINDS],
}

impl Rough {
    /// Whether no group has too many samples.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The histogram of a group that has too many.
    #[inline]
    pub fn get(&self, seat: usize) -> Option<&Histogram> {
        self.seats.get(seat).and_then(Option::as_deref)
    }

    /// The same of a group that has too many from now on.
    pub fn begin(&mut self, seat: usize) -> &mut Histogram {
        if self.seats.is_empty() {
            self.seats = vec![None; SEATS];
        }
        if seat != ALL {
            self.kinds[seat / KIND] = true;
        }
        self.seats[seat].get_or_insert_with(|| Box::new(Histogram::of(&[])))
    }

    /// Without samples, for the groups to which the most go: of every four, one or more.
    pub fn empty(&self) -> Rough {
        let mut rough = Rough::default();
        let most = self.get(ALL).map_or(u64::MAX, |all| all.figures.count);
        for (seat, histogram) in self.seats.iter().enumerate() {
            if let Some(histogram) = histogram.as_ref().filter(|h| h.figures.count >= most / 4) {
                *rough.begin(seat) = histogram.empty();
            }
        }
        rough
    }

    /// Whether each of these groups has too many in `other` too.
    pub fn is_within(&self, other: &Rough) -> bool {
        self.seats.iter().enumerate().all(|(seat, histogram)| histogram.is_none() || other.get(seat).is_some())
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: Rough) {
        for (seat, theirs) in other.seats.into_iter().enumerate() {
            if let Some(theirs) = theirs {
                self.begin(seat).merge(&theirs);
            }
        }
    }

    /// Takes from samples, stored above their seats, those of its groups. Returns how many are in other groups too; these
    /// come first then.
    pub fn settle(&mut self, samples: &mut [u64]) -> usize {
        // The seat of all is the one that those without a group of the first kind have.
        let all = self.seats.get_mut(ALL).and_then(Option::take);
        for kind in (0..KINDS).filter(|kind| self.kinds[*kind]) {
            let groups = &mut self.seats[kind * KIND..][..KIND];
            for batch in samples.chunks_mut(BATCH) {
                // Which of them are in such a group is not foreseen: these are found first.
                let (mut found, mut count) = ([0_u16; BATCH], 0);
                for (at, stored) in (0..).zip(&*batch) {
                    found[count] = at;
                    count += usize::from(groups[Seats::with_sample(*stored).1.of_kind(kind)].is_some());
                }
                for (n, at) in found[..count].iter().enumerate() {
                    if let Some(ahead) = found[..count].get(n + SOON) {
                        let (sample, seats) = Seats::with_sample(batch[usize::from(*ahead)]);
                        groups[seats.of_kind(kind)].iter().for_each(|histogram| histogram.prefetch(sample));
                    }
                    let stored = &mut batch[usize::from(*at)];
                    let (sample, seats) = Seats::with_sample(*stored);
                    let place = seats.of_kind(kind);
                    if let Some(histogram) = &mut groups[place] {
                        histogram.take(sample);
                        *stored = seats.without(kind * KIND + place).with(sample);
                    }
                }
            }
        }
        let Some(mut all) = all else { return samples.len() };
        for batch in samples.chunks(BATCH) {
            let of_all = || batch.iter().map(|stored| Seats::with_sample(*stored)).filter(|(_, seats)| seats.in_all());
            // So few short samples do not come near the bounds of the sums.
            let figures = of_all().fold(Figures::NONE, |figures, (sample, _)| figures.with_short(sample));
            all.take_all(figures, of_all().map(|(sample, _)| sample));
        }
        self.seats[ALL] = Some(all);
        seats::leave_placed(samples)
    }

    /// Takes one sample for its groups among these; returns the others.
    pub fn settle_one(&mut self, seats: Seats, sample: i64) -> Seats {
        let mut rest = seats;
        seats.each(|seat| {
            if let Some(Some(histogram)) = self.seats.get_mut(seat) {
                histogram.take(sample);
                rest = rest.without(seat);
            }
        });
        rest
    }
}

/// So many short samples are taken together.
const BATCH: usize = 1_024;
/// So many samples ahead their buckets are prefetched.
const SOON: usize = 16;
