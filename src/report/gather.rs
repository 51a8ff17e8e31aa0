//! Sums by number, for very many numbers of which most come once: those take a few bytes each.

use super::ending::Outcome;
use super::severity::Severity;
use crate::prefetch::prefetch;

/// One connection of a number: its outcome, and at most one kind of finding, in few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single {
    /// What became of it.
    pub outcome: Outcome,
    /// Number of the kind, and how severe it is.
    pub kind: Option<(u16, Severity)>,
}

/// Numbers of which it is asked at once whether anything was gathered.
const SOME: usize = 32;

/// What a number came to: nothing yet, a [`Single`], or with the highest bit the place of its sum.
#[derive(Clone, Copy, Debug)]
struct What(u32);

/// The same unfolded.
enum Unfolded {
    Nothing,
    Single(Single),
    Sum(usize),
}

impl What {
    const NOTHING: What = What(0);
    const SINGLE: u32 = 1 << 3;
    const SUM: u32 = 1 << 31;

    fn single(single: Single) -> What {
        let kind = single.kind.map_or(0, |(kind, severity)| (u32::from(kind) + 1) << 8 | (severity as u32) << 4);
        What(kind | What::SINGLE | single.outcome as u32)
    }

    fn sum(place: usize) -> What {
        What(What::SUM | place as u32)
    }

    /// The place of its sum, if it has one.
    #[inline(always)]
    fn place(self) -> Option<usize> {
        (self.0 & What::SUM != 0).then_some((self.0 & !What::SUM) as usize)
    }

    fn unfold(self) -> Unfolded {
        if let Some(place) = self.place() {
            return Unfolded::Sum(place);
        }
        if self.0 == 0 {
            return Unfolded::Nothing;
        }
        let outcome = Outcome::ALL[(self.0 & 7) as usize];
        let severity = Severity::ALL[(self.0 >> 4 & 3) as usize];
        let kind = (self.0 >> 8 & 0xffff).checked_sub(1).map(|kind| (kind as u16, severity));
        Unfolded::Single(Single { outcome, kind })
    }
}

/// Something that is added up from connections.
pub trait Sum: Default {
    /// Adds so many connections that came alone.
    fn add_singles(&mut self, single: Single, count: u32);

    /// Adds another sum.
    fn merge(&mut self, other: Self);

    /// Prefetches the memory that adding to it needs.
    fn prefetch(&self);
}

/// Sums by number.
#[derive(Clone, Debug)]
pub struct Gather<S> {
    whats: Vec<What>,
    sums: Vec<S>,
}

impl<S> Default for Gather<S> {
    fn default() -> Gather<S> {
        Gather { whats: Vec::new(), sums: Vec::new() }
    }
}

impl<S: Sum> Gather<S> {
    #[inline]
    fn what(&mut self, number: u32) -> &mut What {
        let place = number as usize;
        // Mostly they come as they are numbered.
        if place == self.whats.len() {
            self.whats.push(What::NOTHING);
        } else if place > self.whats.len() {
            self.whats.resize(place + 1, What::NOTHING);
        }
        &mut self.whats[place]
    }

    /// Prefetches what is known of `number`.
    #[inline]
    pub fn prefetch(&self, number: u32) {
        self.whats.get(number as usize).into_iter().for_each(prefetch);
    }

    /// The same, once that is there, of its sum.
    #[inline]
    pub fn prefetch_sum(&self, number: u32) {
        let what = self.whats.get(number as usize).copied();
        what.and_then(|what| self.sums.get(what.place()?)).into_iter().for_each(Sum::prefetch);
    }

    /// Adds a connection that can stand alone: to the sum of `number`, if it has one or now gets one.
    #[inline(always)]
    pub fn add(&mut self, number: u32, single: Single) {
        let what = self.whats.get(number as usize).copied();
        match what.and_then(|what| self.sums.get_mut(what.place()?)) {
            Some(sum) => sum.add_singles(single, 1),
            None => self.add_to_none(number, single),
        }
    }

    /// The same where there is no sum yet.
    #[inline(never)]
    fn add_to_none(&mut self, number: u32, single: Single) {
        let what = self.what(number);
        match what.unfold() {
            Unfolded::Nothing => *what = What::single(single),
            Unfolded::Single(_) => self.sum(number).add_singles(single, 1),
            Unfolded::Sum(place) => self.sums[place].add_singles(single, 1),
        }
    }

    /// Adds so many, all alike.
    pub fn add_all(&mut self, number: u32, single: Single, count: u32) {
        match count {
            0 => {}
            1 => self.add(number, single),
            _ => self.sum(number).add_singles(single, count),
        }
    }

    /// The sum of `number`, made if there is none.
    pub fn sum(&mut self, number: u32) -> &mut S {
        let next = self.sums.len();
        let what = self.what(number);
        let before = what.unfold();
        if let Unfolded::Sum(place) = before {
            return &mut self.sums[place];
        }
        *what = What::sum(next);
        let mut sum = S::default();
        if let Unfolded::Single(first) = before {
            sum.add_singles(first, 1);
        }
        self.sums.push(sum);
        &mut self.sums[next]
    }

    /// Adds what was gathered apart, by the same numbers.
    pub fn merge(&mut self, mut other: Gather<S>) {
        let whats = std::mem::take(&mut other.whats);
        for (some, numbers) in whats.chunks(SOME).zip((0..).step_by(SOME)) {
            // What is gathered apart in rounds leaves most numbers out.
            if some.iter().fold(0, |all, what| all | what.0) == 0 {
                continue;
            }
            for (number, what) in (numbers..).zip(some) {
                match what.unfold() {
                    Unfolded::Nothing => {}
                    Unfolded::Single(single) => self.add(number, single),
                    Unfolded::Sum(place) => self.sum(number).merge(std::mem::take(&mut other.sums[place])),
                }
            }
        }
    }

    /// Everything gathered, by number.
    pub fn each(&self) -> impl Iterator<Item = (u32, Result<&S, Single>)> {
        (0..).zip(&self.whats).filter_map(|(number, what)| match what.unfold() {
            Unfolded::Nothing => None,
            Unfolded::Single(single) => Some((number, Err(single))),
            Unfolded::Sum(place) => Some((number, Ok(&self.sums[place]))),
        })
    }
}
