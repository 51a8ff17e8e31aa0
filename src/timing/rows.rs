//! The samples of one thing, group by group.

use super::column::{Column, LONG};
use super::deal::{Counts, Deck, Hands};
use super::distribution;
use super::histogram::Histogram;
use super::rough::Rough;
use super::seats::{self, ALL, SEATS, Seats};
use crate::report::timing::Distribution;

/// Of each group the samples, or a histogram, in each of `L` lanes.
pub struct Rows<const L: usize = 1> {
    limit: usize,
    short: Vec<Vec<[u64; L]>>,
    long: Vec<([i64; L], Seats)>,
    /// How many of these are in each group.
    counts: Counts,
    rough: Rough<L>,
}

impl<const L: usize> Rows<L> {
    /// Of a column, unless there is nothing in it.
    pub fn of(column: Column<L>) -> Option<Rows<L>> {
        let held = column.into_parts();
        if held.short.is_empty() && held.long.is_empty() && held.rough.is_empty() {
            return None;
        }
        let mut counts = held.counts;
        held.long.iter().for_each(|(_, seats)| counts.add(*seats));
        // Either all are in the group of all, or none.
        let first = held.short.iter().flatten().next().map(Seats::of);
        let in_all = first.or(held.long.first().map(|(_, seats)| *seats)).is_some_and(Seats::in_all);
        let total = held.short.iter().map(Vec::len).sum::<usize>() + held.long.len();
        counts.0.iter_mut().for_each(|[nobody, ..]| *nobody = 0);
        counts.0[0][ALL] = if in_all { total as u32 } else { 0 };
        Some(Rows { limit: held.limit, short: held.short, long: held.long, counts, rough: held.rough })
    }

    /// How many samples a group has in each lane.
    pub fn count(&self, seat: usize) -> u64 {
        self.counts.of(seat) as u64 + self.rough.count(seat)
    }

    /// Gives the figures of each group that has samples in the first lane, those of all drawn.
    pub fn each(&self, deck: &mut Deck, mut give: impl FnMut(usize, Option<Distribution>)) {
        let mut lane = self.lane(0, None, deck);
        for seat in (0..SEATS).filter(|seat| self.count(*seat) > 0) {
            give(seat, lane.figures(seat, seat == ALL));
        }
    }

    /// One lane, together with the `other` rows.
    pub fn lane<'a>(&'a self, lane: usize, other: Option<&'a Rows>, deck: &mut Deck) -> Lane<'a, L> {
        deck.short.clear();
        deck.long.clear();
        self.gather(lane, deck);
        let mut counts = self.counts.clone();
        if let Some(other) = other {
            other.gather(0, deck);
            counts = counts.and(&other.counts);
        }
        Lane { rows: self, lane, other, hands: Hands::of(deck, &counts) }
    }

    /// Adds the samples of a lane, with their seats, to those in the deck.
    fn gather(&self, lane: usize, Deck { short, long, .. }: &mut Deck) {
        short.reserve(self.short.iter().map(Vec::len).sum());
        for piece in &self.short {
            if lane == 0 {
                short.extend(piece.iter().map(|stored| stored[0]));
                continue;
            }
            for stored in piece {
                let sample = seats::sample(stored, lane);
                if sample < LONG {
                    short.push(seats::replaced(stored, sample));
                } else {
                    long.push((sample, Seats::of(stored)));
                }
            }
        }
        long.extend(self.long.iter().map(|(samples, seats)| (samples[lane], *seats)));
    }

    /// Whether the samples of a group are all kept, and few enough together with so many more.
    fn fits(&self, seat: usize, more: usize) -> bool {
        self.rough.get(seat).is_none() && self.counts.of(seat) + more <= self.limit
    }
}

/// The samples of one lane, group by group, those of other rows among them.
pub struct Lane<'a, const L: usize> {
    rows: &'a Rows<L>,
    lane: usize,
    other: Option<&'a Rows>,
    hands: Hands,
}

impl<const L: usize> Lane<'_, L> {
    /// The figures of a group, if it has samples.
    pub fn figures(&mut self, seat: usize, drawn: bool) -> Option<Distribution> {
        let other = self.other.filter(|other| other.count(seat) > 0);
        let more = other.map_or(0, |other| other.counts.of(seat));
        if self.rows.fits(seat, more) && other.is_none_or(|other| other.fits(seat, 0)) {
            return distribution::graded(self.hands.of_seat_mut(seat), drawn);
        }
        let rough = self.rows.rough.get(seat).map(|histograms| &histograms[self.lane]);
        let others = other.and_then(|other| other.rough.get(seat)).map(|histograms| &histograms[0]);
        let mut rough = rough.into_iter().chain(others);
        match (self.hands.of_seat(seat), rough.clone().count()) {
            ([], 1) => distribution::rough(rough.next()?, drawn),
            (row, _) => {
                let mut all = Histogram::of(row);
                rough.for_each(|histogram| all.merge(histogram));
                distribution::rough(&all, drawn)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantile::Quantiles;
    use super::super::seats::seat;
    use super::*;
    use crate::time::Span;

    const LIMIT: usize = 50;

    /// A column of two threads' halves, with long samples, small and large groups, comes to what lists of each group do.
    #[test]
    fn a_column_comes_to_what_a_list_of_each_group_does() {
        for count in [0, 3, 40, 51, 400, 9_000] {
            let mut halves = [Column::new(LIMIT), Column::new(LIMIT)];
            let mut lists = vec![Quantiles::new(LIMIT); SEATS];
            for n in 0..count {
                let sample = ((n as i64 * 7_919) % 1_009) << (n % 5 * 11);
                let seats = Seats::new([(n % 7 < 5).then_some(n % 3), (n % 10 == 0).then_some(98), None]);
                halves[n % 2].push(seats, [sample]);
                seats.each(|seat| lists[seat].add(Span(sample)));
            }
            let [mut all, other] = halves;
            all.merge(other);
            let rows = compared(all, &mut lists);
            assert_eq!(rows.map_or(0, |rows| rows.count(seat(1, 98))), count.div_ceil(10) as u64);
        }
    }

    /// So does one that others are added to which begin with what is known of its large groups.
    #[test]
    fn a_column_comes_to_the_same_part_by_part() {
        let (mut all, mut lists) = (Column::new(LIMIT), vec![Quantiles::new(LIMIT); SEATS]);
        for round in 0..30 {
            let mut columns = [all.empty(), all.empty()];
            for n in 0..20 + 200 * usize::from(round > 3) {
                let sample = ((n as i64 * 7_919) % 1_009) << (n % 5 * 11);
                let few = (n % 10 == 0).then_some(round % 7);
                let first = (n % 7 < 5).then_some(n % 3 + n % 2 * (round % 4));
                let seats = Seats::new([first, few, (round > 10 && n % 5 > 0).then_some(n % 2 * (1 + round % 60))]);
                columns[n % 2].push(seats, [sample]);
                seats.each(|seat| lists[seat].add(Span(sample)));
            }
            columns.into_iter().for_each(|column| all.merge(column));
        }
        compared(all, &mut lists);
    }

    /// Samples that are taken together come to the same as each by itself, also where they are long.
    #[test]
    fn lanes_come_to_what_a_column_of_each_does() {
        for count in [3, 40, 400, 9_000] {
            let (mut together, mut others) = (Column::new(LIMIT), Column::new(LIMIT));
            let mut apart: [Column; 3] = std::array::from_fn(|_| Column::new(LIMIT));
            for n in 0..count {
                let samples = [n * 31 % 97, (n % 7) << (n % 5 * 12), i64::MAX - n].map(|sample| sample - n % 11);
                let samples = if n % 13 == 0 { samples.map(|sample| sample.saturating_mul(1 << 40)) } else { samples };
                let seats = Seats::new([
                    (n % 7 < 5).then_some(n as usize % 3),
                    (n % 10 == 0).then_some(98),
                    (n % 9 > 0).then_some(0),
                ]);
                together.push(seats, samples);
                apart.iter_mut().zip(samples).for_each(|(column, sample)| column.push(seats, [sample]));
                if n % 4 == 0 {
                    others.push(seats, [n]);
                }
            }
            let (together, others) = (Rows::of(together).expect("samples"), Rows::of(others));
            for (lane, column) in apart.into_iter().enumerate() {
                let column = Rows::of(column).expect("samples");
                let mut deck = Deck::default();
                let mut one = together.lane(lane, others.as_ref(), &mut deck);
                let mut other = column.lane(0, others.as_ref(), &mut deck);
                for seat in 0..SEATS {
                    assert_eq!(together.count(seat), column.count(seat));
                    let [found, expected] = [one.figures(seat, seat == 0), other.figures(seat, seat == 0)];
                    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count}, lane {lane}, seat {seat}");
                }
            }
        }
    }

    fn compared(column: Column, lists: &mut [Quantiles]) -> Option<Rows> {
        let rows = Rows::of(column);
        let mut lane = rows.as_ref().map(|rows| rows.lane(0, None, &mut Deck::default()));
        for (at, list) in lists.iter_mut().enumerate() {
            let found = lane.as_mut().and_then(|lane| lane.figures(at, false));
            let (expected, count) = (distribution::rest(list), list.count());
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count} samples, seat {at}");
        }
        rows
    }
}
