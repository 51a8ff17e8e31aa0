//! Samples dealt out to the groups that they belong to.

use super::ranks;
use super::seats::{self, ALL, KIND, KINDS, SEATS, Seats};

/// Samples that are to be dealt: those of one lane, of all groups.
#[derive(Default)]
pub struct Deck {
    /// With their seats.
    pub short: Vec<u64>,
    /// Those that are too long for that.
    pub long: Vec<(i64, Seats)>,
    /// Room to put them in order.
    spare: Vec<u64>,
}

/// The samples of each group, in order of their [grades](ranks): nearly in order.
pub struct Hands {
    samples: Vec<i64>,
    /// Where those of each seat begin and end.
    bounds: Vec<(u32, u32)>,
}

impl Hands {
    /// Of all samples in the deck, of which so many are in each group.
    pub fn of(Deck { short, long, spare, .. }: &mut Deck, counts: &Counts) -> Hands {
        ranks::put_in_grades(short, spare, |stored| seats::sample(&[stored], 0));
        long.sort_unstable();
        let (total, all) = (short.len() + long.len(), counts.of(ALL));
        let dealt = counts.0.iter().filter(|counts| counts[1..].iter().any(|count| *count > 0)).count();
        // Nothing is copied as hands become more: for room that nothing is put into there is no memory.
        let mut hands = Hands { samples: Vec::with_capacity((1 + dealt) * total), bounds: vec![(0, 0); SEATS] };
        if all == total {
            hands.samples.extend(short.iter().map(|stored| seats::sample(&[*stored], 0)));
            hands.samples.extend(long.iter().map(|(sample, _)| *sample));
        } else if all > 0 {
            let short = short.iter().filter(|stored| Seats::of(&[**stored]).in_all());
            hands.samples.extend(short.map(|stored| seats::sample(&[*stored], 0)));
            hands.samples.extend(long.iter().filter(|(_, seats)| seats.in_all()).map(|(sample, _)| *sample));
        }
        hands.bounds[ALL] = (0, all as u32);
        let mut few = Vec::new();
        for (kind, [_, placed @ ..]) in counts.0.iter().enumerate() {
            match placed.iter().position(|count| *count as usize == total) {
                // A group that all samples belong to has the hand of all.
                Some(whole) if all == total => hands.bounds[kind * KIND + 1 + whole] = hands.bounds[ALL],
                _ => {
                    let left = placed.iter().sum::<u32>() as usize;
                    // Samples of none of them are dealt too, to nobody, unless they are so many that it is better to look
                    // for others.
                    if left > total / 8 {
                        hands.room(kind, placed, total - left).all(short, long);
                    } else if left > 0 {
                        few.push((kind, placed));
                    }
                }
            }
        }
        if !few.is_empty() {
            let mask = few.iter().fold(0, |mask, (kind, _)| mask | seats::mask(*kind));
            short.retain(|stored| stored & mask != 0);
        }
        for (kind, placed) in few {
            hands.room(kind, placed, 0).some(short, long);
        }
        hands
    }

    /// Makes room for the samples of one kind of groups, of which each has so many, and for those of `nobody`.
    fn room(&mut self, kind: usize, placed: &[u32], nobody: usize) -> Deal<'_> {
        let begin = self.samples.len() as u32;
        let (mut ends, mut end) = ([begin; KIND], begin + nobody as u32);
        for (place, count) in (1..).zip(placed) {
            ends[place] = end;
            self.bounds[kind * KIND + place] = (end, end + count);
            end += count;
        }
        self.samples.resize(end as usize, 0);
        Deal { kind, ends, samples: &mut self.samples }
    }

    /// The samples of a group.
    pub fn of_seat(&self, seat: usize) -> &[i64] {
        let (from, to) = self.bounds[seat];
        &self.samples[from as usize..to as usize]
    }

    /// The same, of which those of a grade may be put in another order.
    pub fn of_seat_mut(&mut self, seat: usize) -> &mut [i64] {
        let (from, to) = self.bounds[seat];
        &mut self.samples[from as usize..to as usize]
    }
}

/// The groups of a kind, to which samples are being dealt.
struct Deal<'a> {
    kind: usize,
    /// Up to where each has them.
    ends: [u32; KIND],
    samples: &'a mut [i64],
}

impl Deal<'_> {
    #[inline(always)]
    fn give(&mut self, sample: i64, seats: Seats) {
        let end = &mut self.ends[seats.of_kind(self.kind)];
        self.samples[*end as usize] = sample;
        *end += 1;
    }

    /// All, where there is room for those of nobody.
    fn all(mut self, short: &[u64], long: &[(i64, Seats)]) {
        for stored in short {
            self.give(seats::sample(&[*stored], 0), Seats::of(&[*stored]));
        }
        long.iter().for_each(|(sample, seats)| self.give(*sample, *seats));
    }

    /// Those of its groups.
    fn some(mut self, short: &[u64], long: &[(i64, Seats)]) {
        let (kind, mask) = (self.kind, seats::mask(self.kind));
        for stored in short {
            if stored & mask != 0 {
                self.give(seats::sample(&[*stored], 0), Seats::of(&[*stored]));
            }
        }
        let long = long.iter().filter(|(_, seats)| seats.of_kind(kind) != 0);
        long.for_each(|(sample, seats)| self.give(*sample, *seats));
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

    /// Counts those that are stored so.
    pub fn add_all<const L: usize>(&mut self, stored: &[[u64; L]]) {
        if seats::none_placed(stored) {
            self.0.iter_mut().for_each(|counts| counts[0] += stored.len() as u32);
        } else {
            stored.iter().for_each(|stored| self.add(Seats::of(stored)));
        }
    }

    /// How many there are in one group.
    #[inline]
    pub fn of(&self, seat: usize) -> usize {
        self.0[seat / KIND][seat % KIND] as usize
    }

    /// With those of other samples.
    #[must_use]
    pub fn and(mut self, other: &Counts) -> Counts {
        self.0.iter_mut().flatten().zip(other.0.iter().flatten()).for_each(|(mine, theirs)| *mine += theirs);
        self
    }
}
