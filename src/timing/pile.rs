//! The samples of one thing, of all connections together. Where there are too many to keep there is a histogram.

use super::counter::Counter;
use super::distribution;
use super::quantile::{GROUP, Quantiles};
use super::ranks::UNGRADED;
use super::sieve::Sieve;
use crate::report::timing::Distribution;
use crate::time::Span;

/// A piece has room for so many samples: for as many as there are already, within bounds, so that nothing is copied as they
/// become more, and little room is left empty.
const PIECE: (usize, usize) = (16, 4_096);

/// Samples as they come.
#[derive(Clone, Debug, Default)]
pub struct Pile {
    /// Pieces that are full.
    full: Vec<Vec<i64>>,
    /// The piece that is being filled.
    open: Vec<i64>,
    /// How many are in `full`.
    kept: usize,
    /// Once there are too many: no piece has any then.
    rough: Option<Box<Counter>>,
}

impl Pile {
    /// The same, with nothing in it: where there are too many samples none are kept either.
    pub fn empty(&self) -> Pile {
        Pile { rough: self.rough.as_ref().map(|rough| Box::new(rough.empty())), ..Pile::default() }
    }

    /// Takes a sample; a negative one counts as 0.
    #[inline(always)]
    pub fn push(&mut self, sample: Span) {
        if let Some(rough) = &mut self.rough {
            return rough.take(sample.0);
        }
        if self.open.len() == self.open.capacity() {
            return self.push_on(sample);
        }
        self.open.push(sample.0.max(0));
    }

    /// The same where the open piece has no more room.
    #[cold]
    fn push_on(&mut self, sample: Span) {
        self.make_room();
        self.push(sample);
    }

    /// Takes all samples of one connection; if they are not kept as they are, neither are the others.
    pub fn take(&mut self, samples: &Quantiles) {
        match samples.histogram() {
            Some(histogram) => self.loosened().merge(histogram),
            None => samples.each(|sample, _| self.push(Span(sample))),
        }
    }

    /// Begins another piece, unless there are too many samples.
    fn make_room(&mut self) {
        self.close();
        if self.rough.is_none() {
            self.open.reserve_exact(self.kept.clamp(PIECE.0, PIECE.1));
        }
    }

    /// Puts what is in the open piece where it stays.
    fn close(&mut self) {
        if self.kept + self.open.len() > GROUP {
            self.loosened();
        } else if !self.open.is_empty() {
            self.kept += self.open.len();
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// What counts all samples from now on.
    fn loosened(&mut self) -> &mut Counter {
        let rough = self.rough.get_or_insert_default();
        let (full, open) = (std::mem::take(&mut self.full), std::mem::take(&mut self.open));
        full.iter().chain([&open]).flatten().for_each(|sample| rough.take(*sample));
        self.kept = 0;
        rough
    }

    /// Takes those of other connections.
    pub fn merge(&mut self, other: Pile) {
        if let Some(rough) = other.rough {
            self.loosened().merge(&rough.into_all());
        }
        // They are copied: what another thread allocates lies apart, where nothing else finds room when it is let go.
        for piece in other.full.iter().chain([&other.open]) {
            let mut samples = &piece[..];
            while self.rough.is_none() && !samples.is_empty() {
                if self.open.len() == self.open.capacity() {
                    self.make_room();
                    continue;
                }
                let (now, later) = samples.split_at(samples.len().min(self.open.capacity() - self.open.len()));
                self.open.extend_from_slice(now);
                samples = later;
            }
            if let Some(rough) = &mut self.rough {
                samples.iter().for_each(|sample| rough.take(*sample));
            }
        }
    }

    /// The figures of all, if there are any; a sieve is where that is found out.
    pub fn figures(mut self, sieve: &mut Sieve) -> Option<Distribution> {
        self.close();
        if let Some(rough) = self.rough {
            return distribution::rough(&rough.into_all(), true);
        }
        if self.kept < UNGRADED {
            let mut samples = self.full.concat();
            samples.sort_unstable();
            return distribution::graded(&mut samples, true);
        }
        let samples = sieve.fill();
        self.full.iter().for_each(|piece| samples.extend_from_slice(piece));
        sieve.sort_out();
        distribution::sifted(sieve)
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Column;
    use super::super::deal::Deck;
    use super::super::rows::Rows;
    use super::super::seats::{ALL, Seats};
    use super::*;

    /// It comes to what a column does, in parts too.
    #[test]
    fn a_pile_comes_to_what_a_column_does() {
        for count in [0, 1, 3, 511, 512, 9_000, GROUP as i64, GROUP as i64 + 1, 150_000] {
            for (spread, shift, rough) in [(1, 0, false), (1_009, 0, false), (1 << 40, 20, false), (90, 7, true)] {
                let (seats, mut column) = (Seats::new([None; 3]), Column::new(GROUP));
                let mut piles = [0, 1].map(|_| Pile::default());
                let mut one = Quantiles::new(2);
                (0..5).for_each(|n| one.add(Span(n * 77)));
                if rough {
                    column.take(seats, &one);
                    piles[1].take(&one);
                    piles[0].merge(piles[1].clone());
                    piles[1] = piles[0].empty();
                }
                for n in 0..count {
                    let sample = ((n * 7_919) % spread - 1) << (n % 2 * shift);
                    column.push(seats, [sample]);
                    piles[usize::from(n % 7 > 3)].push(Span(sample));
                }
                let [mut pile, other] = piles;
                pile.merge(other);
                let expected =
                    Rows::of(column).and_then(|rows| rows.lane(0, None, &mut Deck::default()).figures(ALL, true));
                let found = pile.figures(&mut Sieve::default());
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count} of {spread}");
            }
        }
    }
}
