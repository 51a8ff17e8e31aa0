//! Samples dealt out to the groups that they belong to.

use super::seats::{self, ALL, KIND, KINDS, SEATS, Seats};

/// The samples of each group, in each of `L` lanes.
pub struct Hands<const L: usize> {
    samples: [Vec<i64>; L],
    /// Where those of each seat begin and end.
    bounds: Vec<(u32, u32)>,
}

impl<const L: usize> Hands<L> {
    /// Of samples with their seats, in pieces, of which so many are in each group, and of longer ones. Either all are in the
    /// group of all, or none.
    pub fn of(mut short: Vec<Vec<[u64; L]>>, mut counts: Counts, long: &[([i64; L], Seats)]) -> Hands<L> {
        let total = length(&short, long);
        let first = short.iter().flatten().next().map(Seats::of);
        let all = first.or(long.first().map(|(_, seats)| *seats)).is_some_and(Seats::in_all);
        long.iter().for_each(|(_, seats)| counts.add(*seats));
        let mut counts = counts.0;
        // Nothing is copied as hands become more: for room that nothing is put into there is no memory.
        let dealt = counts.iter().filter(|counts| (counts[0] as usize) < total).count();
        let samples = std::array::from_fn(|_| Vec::with_capacity((usize::from(all) + dealt) * total));
        let mut hands = Hands { samples, bounds: vec![(0, 0); SEATS] };
        if all {
            for piece in &mut short {
                for (lane, samples) in hands.samples.iter_mut().enumerate() {
                    samples.extend(piece.iter().map(|stored| seats::sample(stored, lane)));
                }
                let left = seats::leave_placed(piece);
                piece.truncate(left);
            }
            for (lane, samples) in hands.samples.iter_mut().enumerate() {
                samples.extend(long.iter().map(|(long, _)| long[lane]));
            }
            hands.bounds[ALL] = (0, total as u32);
        }
        let left = length(&short, long);
        for [none, placed @ ..] in &mut counts {
            *none = left as u32 - placed.iter().sum::<u32>();
        }
        let common = counts.map(|counts| counts.iter().position(|count| *count as usize == left));
        for kind in 0..KINDS {
            match common[kind] {
                Some(0) => {}
                // A group that all samples belong to has the hand of all.
                Some(whole) if all && left == total => hands.bounds[kind * KIND + whole] = hands.bounds[ALL],
                _ => hands.deal(kind, &counts[kind], &short, long),
            }
        }
        hands
    }

    /// Those of one kind of groups, of which each has so many.
    fn deal(&mut self, kind: usize, counts: &[u32; KIND], short: &[Vec<[u64; L]>], long: &[([i64; L], Seats)]) {
        // Samples of none of them are dealt too, to nobody, unless they are so many that it is better to look for others.
        let total = length(short, long);
        let pass = counts[0] as usize > total / 8 * 7;
        let (mut ends, mut end) = ([0_u32; KIND], self.samples[0].len() as u32);
        for (place, count) in counts.iter().enumerate().skip(pass.into()) {
            ends[place] = end;
            if place > 0 {
                self.bounds[kind * KIND + place] = (end, end + count);
            }
            end += count;
        }
        self.samples.iter_mut().for_each(|samples| samples.resize(end as usize, 0));
        let lanes = self.samples.each_mut().map(Vec::as_mut_slice);
        let mut give = |samples: [i64; L], seats: Seats| {
            let place = seats.of_kind(kind);
            if place != 0 || !pass {
                let end = &mut ends[place];
                (0..L).for_each(|lane| lanes[lane][*end as usize] = samples[lane]);
                *end += 1;
            }
        };
        for piece in short {
            for stored in piece {
                give(std::array::from_fn(|lane| seats::sample(stored, lane)), Seats::of(stored));
            }
        }
        for (samples, seats) in long {
            give(*samples, *seats);
        }
    }

    /// How many samples a group has.
    #[inline]
    pub fn count(&self, seat: usize) -> usize {
        let (from, to) = self.bounds[seat];
        (to - from) as usize
    }

    /// The samples of a group in one lane.
    pub fn of_seat(&self, lane: usize, seat: usize) -> &[i64] {
        let (from, to) = self.bounds[seat];
        &self.samples[lane][from as usize..to as usize]
    }

    /// The same, to be put in another order.
    pub fn of_seat_mut(&mut self, lane: usize, seat: usize) -> &mut [i64] {
        let (from, to) = self.bounds[seat];
        &mut self.samples[lane][from as usize..to as usize]
    }
}

/// How many samples there are in each group, by kind; those in none of a kind come first.
#[derive(Clone, Debug)]
pub struct Counts(pub [[u32; KIND]; KINDS]);

impl Counts {
    /// None yet.
    pub const NONE: Counts = Counts([[0; KIND]; KINDS]);

    /// Counts one.
    #[inline]
    pub fn add(&mut self, seats: Seats) {
        for (kind, counts) in self.0.iter_mut().enumerate() {
            counts[seats.of_kind(kind)] += 1;
        }
    }
}

fn length<const L: usize>(short: &[Vec<[u64; L]>], long: &[([i64; L], Seats)]) -> usize {
    short.iter().map(Vec::len).sum::<usize>() + long.len()
}
