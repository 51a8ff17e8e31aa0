//! Samples dealt out to the groups that they belong to.

use super::seats::{ALL, KIND, KINDS, SEATS, Seats};

/// The samples of each group, in the order that they had.
pub struct Hands {
    samples: Vec<i64>,
    /// Where those of each seat begin and end.
    bounds: Vec<(u32, u32)>,
}

impl Hands {
    /// Of samples above their seats, and longer ones that come after them. Either each is in the group of all, or none.
    pub fn of(short: &[u64], long: &[(i64, Seats)]) -> Hands {
        let counts = count(short, long);
        let total = short.len() + long.len();
        let first = short.first().map(|stored| Seats::with_sample(*stored).1);
        let all = first.or(long.first().map(|(_, seats)| *seats)).is_some_and(Seats::in_all);
        let common = counts.map(|counts| counts.iter().position(|count| *count as usize == total));
        // Nothing is copied as hands become more: for room that nothing is put into there is no memory.
        let hands = usize::from(all) + common.iter().filter(|common| common.is_none()).count();
        let mut hands = Hands { samples: Vec::with_capacity(hands * total), bounds: vec![(0, 0); SEATS] };
        if all {
            hands.samples.extend(short.iter().map(|stored| Seats::with_sample(*stored).0));
            hands.samples.extend(long.iter().map(|(sample, _)| *sample));
            hands.bounds[ALL] = (0, total as u32);
        }
        for kind in 0..KINDS {
            match common[kind] {
                Some(0) => {}
                // A group that all samples belong to has the hand of all.
                Some(whole) if all => hands.bounds[kind * KIND + whole] = hands.bounds[ALL],
                _ => hands.deal(kind, &counts[kind], short, long),
            }
        }
        hands
    }

    /// Those of one kind of groups, of which each has so many.
    fn deal(&mut self, kind: usize, counts: &[u32; KIND], short: &[u64], long: &[(i64, Seats)]) {
        // Samples of none of them are dealt too, to nobody, unless they are so many that it is better to look for others.
        let total = short.len() + long.len();
        let pass = counts[0] as usize > total / 8 * 7;
        let (mut ends, mut end) = ([0_u32; KIND], self.samples.len() as u32);
        for (place, count) in counts.iter().enumerate().skip(pass.into()) {
            ends[place] = end;
            if place > 0 {
                self.bounds[kind * KIND + place] = (end, end + count);
            }
            end += count;
        }
        self.samples.resize(end as usize, 0);
        let samples = &mut self.samples[..];
        let mut give = |sample: i64, seats: Seats| {
            let place = seats.of_kind(kind);
            if place != 0 || !pass {
                let end = &mut ends[place];
                samples[*end as usize] = sample;
                *end += 1;
            }
        };
        for stored in short {
            let (sample, seats) = Seats::with_sample(*stored);
            give(sample, seats);
        }
        for (sample, seats) in long {
            give(*sample, *seats);
        }
    }

    /// How many samples a group has.
    #[inline]
    pub fn count(&self, seat: usize) -> usize {
        let (from, to) = self.bounds[seat];
        (to - from) as usize
    }

    /// The samples of a group.
    pub fn of_seat(&self, seat: usize) -> &[i64] {
        let (from, to) = self.bounds[seat];
        &self.samples[from as usize..to as usize]
    }

    /// The same, to be put in another order.
    pub fn of_seat_mut(&mut self, seat: usize) -> &mut [i64] {
        let (from, to) = self.bounds[seat];
        &mut self.samples[from as usize..to as usize]
    }
}

/// How many samples there are in each group, by kind.
fn count(short: &[u64], long: &[(i64, Seats)]) -> [[u32; KIND]; KINDS] {
    let mut counts = [[0; KIND]; KINDS];
    for stored in short {
        let (_, seats) = Seats::with_sample(*stored);
        for (kind, counts) in counts.iter_mut().enumerate() {
            counts[seats.of_kind(kind)] += 1;
        }
    }
    for (_, seats) in long {
        for (kind, counts) in counts.iter_mut().enumerate() {
            counts[seats.of_kind(kind)] += 1;
        }
    }
    counts
}
