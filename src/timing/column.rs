//! The samples of one thing, of all connections, each stored once with the groups that it belongs to; or of several things
//! that are always sampled together, side by side.

use super::deal::Counts;
use super::quantile::Quantiles;
use super::rough::{BATCH, Rough};
use super::seats::{ALL, BITS, KIND, Seats};

/// First samples from here on are stored apart.
pub const LONG: i64 = 1 << (64 - BITS);
/// A piece of the store has room for so many samples: for as many as there are already, within bounds, so that nothing
/// is copied as they become more, and little room is left empty. Where a group has too many a new one has room for as many as
/// are taken together.
const PIECE: (usize, usize) = (16, 4_096);

/// So many samples of no listed group are taken together: those of all things stay in the second nearest cache.
const ALONE: usize = 1_024;

/// With more samples than this, of all connections, no more than so many of a group are kept as they are: there are up to
/// three hundred groups and some fifty columns.
const PLENTY: (u64, usize) = (1 << 17, 1 << 11);

/// Samples as they come, `L` at once. Of groups with too many to keep there are histograms.
#[derive(Clone, Debug)]
pub struct Column<const L: usize = 1> {
    /// How many samples of a group are kept as they are, as long as there are not plenty.
    limit: usize,
    /// Samples with their [seats](Seats::with): pieces with little room left.
    full: Vec<Vec<[u64; L]>>,
    /// The piece that is being filled.
    open: Vec<[u64; L]>,
    /// So many of its samples are in no group that has too many.
    settled: usize,
    /// Samples that are in no group but that of all, as soon as that has too many: these need no seats.
    alone: Vec<[i64; L]>,
    /// How many are in `full`.
    kept: usize,
    /// How many of these are in each group.
    counts: Option<Box<Counts>>,
    long: Vec<([i64; L], Seats)>,
    /// With so many it is time to see which groups have too many.
    due: usize,
    /// Those that have; their samples are here only for a while.
    rough: Rough<L>,
    /// Whether there may be samples of such groups among those that are settled.
    stale: bool,
}

/// What a column holds.
pub struct Parts<const L: usize> {
    /// How many samples of a group are kept as they are.
    pub limit: usize,
    /// Samples with their [seats](Seats::with).
    pub short: Vec<Vec<[u64; L]>>,
    /// How many of these are in each group.
    pub counts: Counts,
    /// Those that are too long for that.
    pub long: Vec<([i64; L], Seats)>,
    /// What is in none of the others.
    pub rough: Rough<L>,
}

impl<const L: usize> Column<L> {
    /// An empty one that is exact for groups of up to `limit` samples.
    pub fn new(limit: usize) -> Column<L> {
        let (full, open, long, rough) = (Vec::new(), Vec::new(), Vec::new(), Rough::default());
        let (settled, alone, kept, counts, due) = (0, Vec::new(), 0, None, limit + 1);
        Column { limit, full, open, settled, alone, kept, counts, long, due, rough, stale: false }
    }

    /// The same, with nothing in it: of the large groups that have too many samples no others are kept either.
    pub fn empty(&self) -> Column<L> {
        Column { rough: self.rough.empty(), ..Column::new(self.limit) }
    }

    /// Takes samples of a connection in these groups; negative ones count as 0.
    #[inline]
    pub fn push(&mut self, seats: Seats, samples: [i64; L]) {
        // To a number without a sign a negative one is long.
        if samples[0] as u64 >= LONG as u64 || samples[1..].iter().any(|sample| *sample < 0) {
            return self.push_odd(seats, samples);
        }
        if seats.are_all() && self.alone.capacity() > 0 {
            if self.alone.len() == self.alone.capacity() {
                self.settle_alone();
            }
            return self.alone.push(samples);
        }
        if self.open.len() == self.open.capacity() {
            self.make_room();
        }
        self.open.push(seats.with(samples));
    }

    /// Takes samples of which the first is long, or any is negative.
    #[cold]
    fn push_odd(&mut self, seats: Seats, samples: [i64; L]) {
        let samples = samples.map(|sample| sample.max(0));
        if samples[0] < LONG {
            return self.push(seats, samples);
        }
        let rest = self.rough.settle_one(seats, samples);
        if !rest.is_empty() {
            self.long.push((samples, rest));
            self.review_if_due();
        }
    }

    #[cold]
    fn make_room(&mut self) {
        self.settle();
        if self.open.len() >= self.open.capacity() / 8 * 7 {
            self.close();
            self.review_if_due();
        }
        // A piece that was begun for the few that are kept would be full, and settled, again at once.
        let room = if self.rough.is_empty() { self.kept.clamp(PIECE.0, PIECE.1) } else { BATCH };
        if self.open.capacity() == 0 || !self.rough.is_empty() && self.open.capacity() < room {
            self.open.reserve_exact(room - self.open.len());
        }
    }

    /// Of the samples in the open piece, leaves those of groups that do not have too many.
    fn settle(&mut self) {
        if !self.rough.is_empty() {
            let left = self.rough.settle(&mut self.open[self.settled..]);
            self.open.truncate(self.settled + left);
            self.settled = self.open.len();
            self.settle_alone();
        }
    }

    #[cold]
    fn settle_alone(&mut self) {
        self.rough.take(&self.alone);
        self.alone.clear();
        if self.alone.capacity() == 0 {
            self.alone.reserve_exact(ALONE);
        }
    }

    fn close(&mut self) {
        self.settled = 0;
        if !self.open.is_empty() {
            self.kept += self.open.len();
            let counts = self.counts.get_or_insert_with(|| Box::new(Counts::NONE));
            counts.add_all(&self.open);
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// Takes those of other connections.
    pub fn merge(&mut self, mut other: Column<L>) {
        self.settle();
        other.settle();
        other.close();
        self.stale |= !other.rough.is_within(&self.rough);
        let known = self.rough.is_within(&other.rough) && !other.stale;
        self.rough.merge(other.rough);
        // They are copied: what another thread allocates lies apart, where nothing else finds room when it is let go.
        if known {
            other.full.iter().for_each(|piece| self.keep(piece));
            self.long.extend_from_slice(&other.long);
        } else {
            self.keep_rest(other.full, other.long);
        }
        self.review_if_due();
    }

    fn review_if_due(&mut self) {
        if self.kept + self.open.len() + self.long.len() >= self.due {
            self.review();
        }
    }

    /// How many samples of a group are kept as they are: it depends on how many there are of all connections, of which
    /// what was taken so far tells the least.
    fn limit(&self) -> usize {
        let all = if self.rough.is_empty() {
            self.kept + self.open.len() + self.long.len()
        } else {
            let short = self.counts.as_ref().map_or(0, |counts| counts.0[0][1..].iter().sum::<u32>() as usize);
            let long = self.long.iter().filter(|(_, seats)| seats.of_kind(0) != 0).count();
            self.rough.counted() as usize + short + long
        };
        if all as u64 > PLENTY.0 { self.limit.min(PLENTY.1) } else { self.limit }
    }

    /// Puts the samples of groups that have too many into histograms.
    fn review(&mut self) {
        self.settle();
        self.close();
        let limit = self.limit();
        let most = self.begin_rough(limit);
        self.settle_stale();
        // Until then no other group can have too many, or there are so few of its samples that it does not matter.
        let left = self.kept + self.open.len() + self.long.len();
        self.due = left + (limit - most).max(left / 2).max(limit / 4) + 1;
    }

    /// Begins histograms for groups that have more samples than this; how many the largest of the others has.
    fn begin_rough(&mut self, limit: usize) -> usize {
        // All are in the group of all until that has too many.
        let total = self.kept + self.long.len();
        if self.rough.is_empty() && total > limit {
            self.rough.begin(ALL);
            self.stale = true;
        }
        let mut counts = self.counts.as_deref().cloned().unwrap_or(Counts::NONE);
        self.long.iter().for_each(|(_, seats)| counts.add(*seats));
        let mut most = 0;
        for (kind, counts) in counts.0.iter().enumerate() {
            for (place, count) in counts.iter().enumerate().skip(1) {
                if *count as usize > limit {
                    let seat = kind * KIND + place;
                    self.stale |= self.rough.get(seat).is_none();
                    self.rough.begin(seat);
                } else {
                    most = most.max(*count as usize);
                }
            }
        }
        most
    }

    /// Leaves only samples of groups that do not have too many.
    fn settle_stale(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let (full, long) = (std::mem::take(&mut self.full), std::mem::take(&mut self.long));
        (self.kept, self.counts) = (0, None);
        self.keep_rest(full, long);
    }

    /// Of these samples keeps those of groups that do not have too many.
    fn keep_rest(&mut self, full: Vec<Vec<[u64; L]>>, long: Vec<([i64; L], Seats)>) {
        for mut piece in full {
            let left = if self.rough.is_empty() { piece.len() } else { self.rough.settle(&mut piece) };
            piece.truncate(left);
            self.keep(&piece);
        }
        for (samples, seats) in long {
            let rest = self.rough.settle_one(seats, samples);
            if !rest.is_empty() {
                self.long.push((samples, rest));
            }
        }
    }

    /// Keeps samples of which none is in a group that has too many.
    fn keep(&mut self, mut samples: &[[u64; L]]) {
        while !samples.is_empty() {
            if self.open.len() == self.open.capacity() {
                self.close();
                self.open.reserve_exact(self.kept.clamp(PIECE.0, PIECE.1));
            }
            let room = self.open.capacity() - self.open.len();
            let (now, later) = samples.split_at(room.min(samples.len()));
            self.open.extend_from_slice(now);
            samples = later;
        }
        self.settled = self.open.len();
    }

    /// All that it holds.
    pub fn into_parts(mut self) -> Parts<L> {
        self.settle();
        self.close();
        self.settle_stale();
        self.close();
        let limit = self.limit();
        self.begin_rough(limit);
        self.settle_stale();
        self.close();
        self.rough.complete(&mut self.full, &mut self.long);
        let counts = self.counts.as_deref().cloned().unwrap_or(Counts::NONE);
        Parts { limit, short: self.full, counts, long: self.long, rough: self.rough }
    }
}

impl Column {
    /// Takes all samples of one connection; if they are not kept as they are, neither are those of its groups.
    pub fn take(&mut self, seats: Seats, samples: &Quantiles) {
        match samples.histogram() {
            Some(histogram) => {
                let placed = seats.of_kind(0) != 0;
                seats.each(|seat| {
                    self.stale |= self.rough.get(seat).is_none();
                    let [all] = self.rough.begin(seat);
                    if seat != ALL || !placed {
                        all.merge(histogram);
                    }
                });
            }
            None => samples.each(|v, _| self.push(seats, [v])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::deal::Deck;
    use super::super::rows::Rows;
    use super::super::seats::seat;
    use super::*;
    use crate::time::Span;

    /// Samples of a group that has too many are not held, however many there are, nor those of a connection that are too
    /// many by themselves; those of another group are.
    #[test]
    fn a_column_holds_what_groups_with_few_samples_need() {
        let few = Seats::new([Some(0), Some(1), None]);
        for many in [Seats::new([Some(0), None, None]), Seats::new([None; 3])] {
            let mut column = Column::new(200);
            for n in 0..100_000 {
                column.push(if n % 1_000 == 0 { few } else { many }, [n << (n % 2 * 40)]);
                assert!(column.kept + column.open.len() + column.long.len() <= 200 + BATCH);
            }
            let mut one = Quantiles::new(2);
            (0..9).for_each(|n| one.add(Span(n)));
            column.take(few, &one);
            let held = column.into_parts();
            // The group of the connection with too many is not kept either from then on.
            assert_eq!((held.rough.count(ALL), held.rough.count(seat(1, 1))), (100_009, 109));
            assert!(held.short.is_empty() && held.long.is_empty());
        }
    }

    /// Where some samples stay, however few room there was for them, those that come later are settled many at a time.
    #[test]
    fn what_stays_does_not_make_settling_dear() {
        let [many, few] = [0, 1].map(|place| Seats::new([Some(place), None, None]));
        for every in [2, 30, 3_000, 90_000] {
            let (mut column, mut settled) = (Column::new(200), 0);
            for n in 0..100_000 {
                let before = column.open.len();
                column.push(if n % every == 0 { few } else { many }, [n]);
                settled += usize::from(column.open.len() != before + 1);
            }
            assert!(settled <= 40 + 100_000 / (BATCH / 8), "one of {every} stays: {settled} times");
        }
    }

    /// Which groups are exact depends on all samples together, not on how they are dealt to threads.
    #[test]
    fn where_there_are_plenty_fewer_are_kept_however_they_are_dealt() {
        let [large, small] = [0, 1].map(|place| Seats::new([Some(place), None, None]));
        for (count, exact) in [(100_000, true), (400_000, false)] {
            let mut columns = [Column::new(100_000), Column::new(100_000), Column::new(100_000)];
            for n in 0..count {
                let seats = if n % 20 == 0 { small } else { large };
                columns[0].push(seats, [n]);
                columns[if n < 140_000 { 1 } else { 2 }].push(seats, [n]);
            }
            let [one, mut first, second] = columns;
            first.merge(second);
            for column in [one, first] {
                let rows = Rows::of(column).expect("samples");
                let figures = rows.lane(0, None, &mut Deck::default()).figures(seat(0, 1), false).expect("figures");
                assert_eq!((figures.n, figures.error.is_none()), (count as u64 / 20, exact), "{count}");
            }
        }
    }
}
