//! The samples of one thing, group by group, in order.

use super::column::{Column, parts};
use super::distribution;
use super::histogram::Histogram;
use super::radix;
use super::seats::{ALL, BITS, SEATS, Seats};
use crate::report::timing::Distribution;

/// Of each group the samples in ascending order, or a histogram.
pub struct Rows {
    limit: usize,
    samples: Vec<i64>,
    /// Where the samples of each seat begin and end.
    bounds: Vec<(u32, u32)>,
    rough: Vec<Option<Box<Histogram>>>,
}

impl Rows {
    /// Of a column, unless there is nothing in it.
    pub fn of(column: Column) -> Option<Rows> {
        let mut held = column.into_parts();
        if held.short.is_empty() && held.long.is_empty() && held.rough.is_empty() {
            return None;
        }
        // The samples are in order in each row as they are in order before they are dealt out.
        radix::sort(&mut held.short, BITS);
        held.long.sort_unstable();
        let mut counts = [0_u32; SEATS];
        let mut count = |seats: Seats| seats.each(|seat| counts[seat] += 1);
        held.short.iter().for_each(|stored| count(parts(*stored).1));
        held.long.iter().for_each(|(_, seats)| count(*seats));
        // A group that all samples belong to has the row of all.
        let whole: [bool; SEATS] = std::array::from_fn(|seat| seat != ALL && counts[seat] == counts[ALL]);
        let (mut bounds, mut next) = (vec![(0, 0); SEATS], 0);
        for (seat, bounds) in bounds.iter_mut().enumerate().filter(|(seat, _)| !whole[*seat]) {
            *bounds = (next, next);
            next += counts[seat];
        }
        let mut samples = vec![0; next as usize];
        let mut deal = |sample: i64, seats: Seats| {
            seats.each(|seat| {
                if !whole[seat] {
                    let end = &mut bounds[seat].1;
                    samples[*end as usize] = sample;
                    *end += 1;
                }
            });
        };
        held.short.iter().map(|stored| parts(*stored)).for_each(|(sample, seats)| deal(sample, seats));
        held.long.into_iter().for_each(|(sample, seats)| deal(sample, seats));
        for seat in (0..SEATS).filter(|seat| whole[*seat]) {
            bounds[seat] = bounds[ALL];
        }
        Some(Rows { limit: held.limit, samples, bounds, rough: held.rough })
    }

    fn row(&self, seat: usize) -> &[i64] {
        let (from, to) = self.bounds[seat];
        &self.samples[from as usize..to as usize]
    }

    fn rough(&self, seat: usize) -> Option<&Histogram> {
        self.rough.get(seat).and_then(Option::as_deref)
    }

    /// How many samples a group has.
    pub fn count(&self, seat: usize) -> u64 {
        self.row(seat).len() as u64 + self.rough(seat).map_or(0, |h| h.figures.count)
    }

    /// The figures of a group, with those of the `other` rows, if it has samples.
    pub fn figures(&self, other: Option<&Rows>, seat: usize, drawn: bool) -> Option<Distribution> {
        let (row, rough) = (self.row(seat), self.rough(seat));
        let (more, rougher) = other.map_or((&[][..], None), |o| (o.row(seat), o.rough(seat)));
        if rough.is_some() || rougher.is_some() || row.len() + more.len() > self.limit {
            let mut all = Histogram::of(row);
            more.iter().for_each(|v| all.take(*v));
            [rough, rougher].into_iter().flatten().for_each(|h| all.merge(h));
            return distribution::rough(&all, drawn);
        }
        match (row, more) {
            (row, []) | ([], row) => distribution::ordered(row, drawn),
            _ => distribution::ordered(&merged(row, more), drawn),
        }
    }
}

/// Two rows in one.
fn merged(mut a: &[i64], mut b: &[i64]) -> Vec<i64> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b) {
        if first <= other {
            merged.push(*first);
            a = rest;
        } else {
            merged.push(*other);
            b = others;
        }
    }
    merged.extend_from_slice(a);
    merged.extend_from_slice(b);
    merged
}

#[cfg(test)]
mod tests {
    use super::super::quantile::Quantiles;
    use super::super::seats::seat;
    use super::*;
    use crate::time::Span;

    /// A column of two threads' halves, with long samples, small and large groups, comes to what lists of each group do.
    #[test]
    fn a_column_comes_to_what_a_list_of_each_group_does() {
        const LIMIT: usize = 50;
        for count in [0, 3, 40, 51, 400] {
            let mut halves = [Column::new(LIMIT), Column::new(LIMIT)];
            let mut lists = vec![Quantiles::new(LIMIT); SEATS];
            for n in 0..count {
                let sample = ((n as i64 * 7_919) % 1_009) << (n % 5 * 11);
                let seats = Seats::new([Some(n % 3), (n % 10 == 0).then_some(98), None]);
                halves[n % 2].push(seats, sample);
                seats.each(|seat| lists[seat].add(Span(sample)));
            }
            let [mut all, other] = halves;
            all.merge(other);
            let rows = Rows::of(all);
            for (at, list) in lists.iter_mut().enumerate() {
                let found = rows.as_ref().and_then(|rows| rows.figures(None, at, false));
                let expected = distribution::rest(list);
                assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{count} samples, seat {at}");
            }
            assert_eq!(rows.map_or(0, |rows| rows.count(seat(1, 98))), count.div_ceil(10) as u64);
        }
    }
}
