//! The samples of one thing, group by group.

use std::borrow::Cow;

use super::column::Column;
use super::deal::Hands;
use super::distribution;
use super::histogram::Histogram;
use super::rough::Rough;
use crate::report::timing::Distribution;

/// Of each group the samples, or a histogram, in each of `L` lanes.
pub struct Rows<const L: usize = 1> {
    limit: usize,
    exact: Hands<L>,
    rough: Rough<L>,
}

impl<const L: usize> Rows<L> {
    /// Of a column, unless there is nothing in it.
    pub fn of(column: Column<L>) -> Option<Rows<L>> {
        let held = column.into_parts();
        if held.short.is_empty() && held.long.is_empty() && held.rough.is_empty() {
            return None;
        }
        Some(Rows { limit: held.limit, exact: Hands::of(held.short, held.counts, &held.long), rough: held.rough })
    }

    /// How many samples a group has in each lane.
    pub fn count(&self, seat: usize) -> u64 {
        self.exact.count(seat) as u64 + self.rough.count(seat)
    }

    /// The figures of a group in one lane, with those of the `other` rows, if it has samples. Reorders them.
    pub fn figures(&mut self, lane: usize, other: Option<&mut Rows>, seat: usize, drawn: bool) -> Option<Distribution> {
        let Some(other) = other.filter(|other| other.count(seat) > 0) else {
            return if self.fits(seat, 0) {
                distribution::of_parts([self.exact.of_seat_mut(lane, seat), &mut []], drawn)
            } else {
                distribution::rough(&self.histogram(lane, seat), drawn)
            };
        };
        if self.fits(seat, other.exact.count(seat)) && other.fits(seat, 0) {
            let parts = [self.exact.of_seat_mut(lane, seat), other.exact.of_seat_mut(0, seat)];
            return distribution::of_parts(parts, drawn);
        }
        let mut both = self.histogram(lane, seat).into_owned();
        both.merge(&other.histogram(0, seat));
        distribution::rough(&both, drawn)
    }

    /// Whether the samples of a group are all kept, and few enough together with so many more.
    fn fits(&self, seat: usize, more: usize) -> bool {
        self.rough.get(seat).is_none() && self.exact.count(seat) + more <= self.limit
    }

    /// The histogram of a group in one lane, which is made if there is none.
    fn histogram(&self, lane: usize, seat: usize) -> Cow<'_, Histogram> {
        let row = self.exact.of_seat(lane, seat);
        match self.rough.get(seat).map(|histograms| &histograms[lane]) {
            Some(histogram) if row.is_empty() => Cow::Borrowed(histogram),
            rough => {
                let mut all = Histogram::of(row);
                rough.into_iter().for_each(|histogram| all.merge(histogram));
                Cow::Owned(all)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantile::Quantiles;
    use super::super::seats::{SEATS, Seats, seat};
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
                let seats = Seats::new([Some(n % 3), (n % 10 == 0).then_some(98), None]);
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
                let seats = Seats::new([Some(n % 3), few, (round > 10).then_some(n % 2 * (1 + round % 60))]);
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
                let seats = Seats::new([Some(n as usize % 3), (n % 10 == 0).then_some(98), Some(0)]);
                together.push(seats, samples);
                apart.iter_mut().zip(samples).for_each(|(column, sample)| column.push(seats, [sample]));
                if n % 4 == 0 {
                    others.push(seats, [n]);
                }
            }
            let (mut together, mut others) = (Rows::of(together).expect("samples"), Rows::of(others));
            for (lane, column) in apart.into_iter().enumerate() {
                let mut column = Rows::of(column).expect("samples");
                for seat in 0..SEATS {
                    assert_eq!(together.count(seat), column.count(seat));
                    let found = together.figures(lane, others.as_mut(), seat, seat == 0);
                    let expected = column.figures(0, others.as_mut(), seat, seat == 0);
                    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count}, lane {lane}, seat {seat}");
                }
            }
        }
    }

    fn compared(column: Column, lists: &mut [Quantiles]) -> Option<Rows> {
        let mut rows = Rows::of(column);
        for (at, list) in lists.iter_mut().enumerate() {
            let found = rows.as_mut().and_then(|rows| rows.figures(0, None, at, false));
            let (expected, count) = (distribution::rest(list), list.count());
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count} samples, seat {at}");
        }
        rows
    }
}
