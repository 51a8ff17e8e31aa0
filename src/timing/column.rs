//! The samples of one thing, of all connections, each stored once with the groups that it belongs to.

use super::histogram::Histogram;
use super::quantile::Quantiles;
use super::seats::{BITS, SEATS, Seats};

/// Samples from here on are stored apart.
const LONG: i64 = 1 << (64 - BITS);
/// A piece of the store has room for so many samples: for as many as there are already, within bounds, so that nothing
/// is copied as they become more, and little room is left empty.
const PIECE: (usize, usize) = (16, 1_024);

/// Samples that are in order only once they are all there. Of groups with too many to keep there are histograms.
#[derive(Clone, Debug)]
pub struct Column {
    /// How many samples of a group are kept as they are.
    limit: usize,
    /// Samples above their seats: full pieces.
    full: Vec<Vec<u64>>,
    /// The piece that is being filled.
    open: Vec<u64>,
    /// How many are in `full`.
    kept: usize,
    long: Vec<(i64, Seats)>,
    /// With so many it is time to see which groups have too many.
    due: usize,
    /// By seat; empty as long as no group has too many.
    rough: Vec<Option<Box<Histogram>>>,
}

/// What a column holds.
pub struct Parts {
    /// See [`Column`].
    pub limit: usize,
    /// Samples above their seats.
    pub short: Vec<u64>,
    /// Longer ones than all these.
    pub long: Vec<(i64, Seats)>,
    /// By seat, or empty: what is in none of the others.
    pub rough: Vec<Option<Box<Histogram>>>,
}

/// The sample and its seats.
#[inline]
pub fn parts(stored: u64) -> (i64, Seats) {
    ((stored >> BITS) as i64, Seats::of_bits(stored))
}

impl Column {
    /// An empty one that is exact for groups of up to `limit` samples.
    pub fn new(limit: usize) -> Column {
        let (full, open, long, rough) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Column { limit, full, open, kept: 0, long, due: limit + 1, rough }
    }

    /// Takes one sample of a connection in these groups; a negative one counts as 0.
    #[inline]
    pub fn push(&mut self, seats: Seats, sample: i64) {
        let sample = sample.max(0);
        if sample >= LONG {
            return self.push_long(seats, sample);
        }
        if self.open.len() == self.open.capacity() {
            self.open_next();
        }
        self.open.push(((sample as u64) << BITS) | seats.bits());
    }

    #[cold]
    fn push_long(&mut self, seats: Seats, sample: i64) {
        self.long.push((sample, seats));
        self.digest_if_due();
    }

    #[cold]
    fn open_next(&mut self) {
        self.close();
        self.digest_if_due();
        self.open.reserve_exact(self.kept.clamp(PIECE.0, PIECE.1));
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.kept += self.open.len();
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// Takes all samples of one connection; if they are not kept as they are, neither are those of its groups.
    pub fn take(&mut self, seats: Seats, samples: &Quantiles) {
        match samples.histogram() {
            Some(histogram) => seats.each(|seat| self.rough(seat).merge(histogram)),
            None => samples.each(|v, _| self.push(seats, v)),
        }
    }

    /// Takes those of other connections.
    pub fn merge(&mut self, mut other: Column) {
        self.close();
        other.close();
        self.kept += other.kept;
        self.full.append(&mut other.full);
        self.long.append(&mut other.long);
        for (seat, theirs) in other.rough.into_iter().enumerate() {
            if let Some(theirs) = theirs {
                self.rough(seat).merge(&theirs);
            }
        }
        self.digest_if_due();
    }

    fn rough(&mut self, seat: usize) -> &mut Histogram {
        if self.rough.is_empty() {
            self.rough = vec![None; SEATS];
        }
        self.rough[seat].get_or_insert_with(|| Box::new(Histogram::of(&[])))
    }

    fn digest_if_due(&mut self) {
        if self.kept + self.open.len() + self.long.len() >= self.due {
            self.digest();
        }
    }

    /// Puts the samples of groups that have too many into histograms.
    fn digest(&mut self) {
        self.close();
        let (full, long) = (std::mem::take(&mut self.full), std::mem::take(&mut self.long));
        let (limit, mut counts) = (self.limit, [0_usize; SEATS]);
        let mut count = |seats: Seats| seats.each(|seat| counts[seat] += 1);
        full.iter().flatten().for_each(|stored| count(parts(*stored).1));
        long.iter().for_each(|(_, seats)| count(*seats));
        for seat in (0..SEATS).filter(|seat| counts[*seat] > limit) {
            self.rough(seat);
        }
        (self.due, self.kept) = (usize::MAX, 0);
        for (sample, seats) in full.into_iter().flatten().map(parts).chain(long) {
            let mut rest = seats;
            seats.each(|seat| {
                if let Some(Some(histogram)) = self.rough.get_mut(seat) {
                    histogram.take(sample);
                    rest = rest.without(seat);
                }
            });
            if !rest.is_empty() {
                self.push(rest, sample);
            }
        }
        let left = self.kept + self.open.len() + self.long.len();
        self.due = (2 * left).max(self.limit / 4) + 1;
    }

    /// All that it holds.
    pub fn into_parts(self) -> Parts {
        let mut short = Vec::with_capacity(self.kept + self.open.len());
        self.full.into_iter().for_each(|piece| short.extend_from_slice(&piece));
        short.extend_from_slice(&self.open);
        Parts { limit: self.limit, short, long: self.long, rough: self.rough }
    }
}
